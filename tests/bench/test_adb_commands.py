"""``mobilecnn devices`` with phones."""

import json
import re
from pathlib import Path

import pytest
from adbd import Phone
from phones import TOOL, devices

from mobilecnn.bench.devices import entries
from mobilecnn.files import sha256


def test_devices_probe(pixel: Phone) -> None:
    (pixel.root / "dumpsys.thermalservice").write_text("Thermal Status: 1\n")
    done = devices("probe", "pixel")
    assert done.exit_code == 0, done.output
    for words in (
        "board +Stand-in Phone 1", "build +standin/phone/phone:14", "chip +Maker SM1", "battery +83 %",
        "programs +arm64-v8a, armeabi-v7a", f"benchmark_model +sha256:{sha256(TOOL)}", 
        "throttled +thermal status light", "temperature +42 °C, 31 °C", "system +Android 14 .API 34., Linux 5.10",
        r"it slows itself down .thermal status light.: let it cool",
        r"the clock may change .governor sched.: .*set-fixed-performance-mode-enabled true",
    ):  # fmt: skip
        assert re.search(words, done.stdout), words
    assert "Python" not in done.stdout
    document = json.loads(devices("probe", "pixel", "--json").stdout)
    assert document["runtimes"] == {"benchmark_model": f"sha256:{sha256(TOOL)}", "app": None}
    assert document["thermal_status"] == 1 and document["facts"]["android"]["battery_percent"] == 83


def test_devices_probe_tells_what_is_missing(pixel: Phone) -> None:
    (pixel.tmp / "benchmark_model").unlink()
    done = devices("probe", "pixel")
    assert done.exit_code == 0
    assert "no runtime: pixel has nothing that times models" in done.stdout
    assert "mobilecnn devices setup pixel" in done.stdout


def test_a_phone_in_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert devices("add", "one", "--adb").exit_code == 0
    assert devices("add", "two", "--adb", "--serial", "10.0.0.5:5555").stdout.startswith(
        "two is 10.0.0.5:5555."
    )
    listed = devices("list").stdout
    assert re.search("one +adb +the phone that adb sees", listed) and re.search(
        "two +adb +10.0.0.5:5555", listed
    )
    assert (
        entries.path()
        .read_text()
        .endswith('[one]\nkind = "adb"\n\n[two]\nkind = "adb"\nserial = "10.0.0.5:5555"\n')
    )
    needs = devices("setup", "one")
    assert needs.exit_code == 0 and "android_aarch64_benchmark_model" in needs.stdout
    assert len(json.loads(devices("setup", "one", "--json").stdout)["needs"]) == 3
    assert devices("remove", "one").exit_code == 0
    assert list(entries.read()) == ["two"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x"], "give either --host HOST, for a board over SSH, or --adb, for an Android phone"),
        (["x", "--adb", "--host", "h"], "give either --host HOST"),
        (["x", "--host", "h", "--serial", "S"], "a board has no serial; it has: host, python, profile"),
        (["x", "--adb", "--python", "python3"], "a phone has no python; it has: serial, profile"),
        (["x", "--adb", "--serial", "-s"], "'-s' is no serial; take it from: adb devices"),
        (["x", "--adb", "--serial", "a;b"], "is no serial"),
    ],
)
def test_what_is_no_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    done = devices("add", *arguments)
    assert done.exit_code == 2 and words in done.stderr
    assert list(tmp_path.iterdir()) == []
