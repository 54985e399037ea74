"""Timing on a phone through the real adb client, with a stand-in for the phone, and all that can go wrong."""

import dataclasses
import os
import re
from pathlib import Path

import pytest
from adbd import Phone
from click.testing import CliRunner
from phone_contents import CLOCKS, LOG, PROPERTIES
from phones import JOB, TOOL, bench, failed
from test_benchmark_model import elf

from mobilecnn.bench.devices.adb.device import AdbDevice
from mobilecnn.bench.devices.adb.phone import core_mask
from mobilecnn.bench.judge.summary import summarize
from mobilecnn.bench.records.measurement import Android, Facts, Measurement, Run
from mobilecnn.bench.records.protocol import OnPhone, Protocol
from mobilecnn.cli import cli
from mobilecnn.errors import EnvironmentProblem, InputError, UsageError
from mobilecnn.files import sha256
from mobilecnn.records import record


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "a model's.tflite"
    path.write_bytes(os.urandom(300_000))
    return path


def test_it_says_what_it_is(either: Phone) -> None:
    with AdbDevice("pixel", either.serial) as phone:
        facts = phone.probe()
    version = facts.android.adb if facts.android else ""
    assert re.match(r"[0-9]+\.", version)
    assert facts == Facts(
        kind="adb", machine="aarch64", board="Stand-in Phone 1", cpu="implementer 0x41 part 0xd05",
        cpu_features=("asimd", "asimddp", "i8mm"), cores=8, memory_bytes=7819876 * 1024, os="Android 14 (API 34)",
        kernel="Linux 5.10.107-android13", python=None, numpy=None, governors=("sched",),
        max_frequencies_khz={f"cpu{core}": khz for core, khz in enumerate(CLOCKS)}, virtualised=None,
        android=Android(
            abis=("arm64-v8a", "armeabi-v7a", "armeabi"), fingerprint="standin/phone/phone:14/ABC/1:user/release-keys",
            soc="Maker SM1", cores="ff", battery_percent=83, adb=version, adb_features=tuple(sorted(either.features)),
        ),
    )  # fmt: skip


def test_what_it_does_not_tell_is_none(pixel: Phone) -> None:
    pixel.describe({"ro.product.cpu.abi": "arm64-v8a"}, (0,) * 8)
    for name in ("dumpsys.battery", "dumpsys.thermalservice", "proc/cpuinfo", "proc/meminfo"):
        (pixel.root / name).write_text("")
    with AdbDevice("pixel", pixel.serial) as phone:
        facts, state = phone.probe(), phone.state()
    assert facts.android is not None
    told = (
        facts.board,
        facts.cpu,
        facts.memory_bytes,
        facts.os,
        facts.android.fingerprint,
        facts.android.soc,
    )
    assert told == (None,) * 6
    assert (facts.android.abis, facts.android.battery_percent) == (("arm64-v8a",), None)
    assert (facts.governors, facts.max_frequencies_khz) == ((), {})
    assert state["thermal_status"] is None and "battery" not in state["temperatures_c"]


def test_its_state(pixel: Phone) -> None:
    (pixel.root / "dumpsys.thermalservice").write_text("Thermal Status: 3\nCached temperatures:\n")
    with AdbDevice("pixel", pixel.serial) as phone:
        state = phone.state()
    assert state == {
        "frequencies_khz": {f"cpu{core}": khz // 2 for core, khz in enumerate(CLOCKS)},
        "temperatures_c": {"thermal_zone0 cpu-big": 41.5, "battery": 31.2},
        "throttled": None,
        "thermal_status": 3,
    }


def test_something_that_is_no_android(pixel: Phone) -> None:
    pixel.describe({}, CLOCKS)
    with (
        AdbDevice("pixel", pixel.serial) as phone,
        pytest.raises(EnvironmentProblem, match="is it an Android"),
    ):
        phone.probe()


def test_a_timing_is_a_summary(either: Phone, model: Path) -> None:
    with AdbDevice("pixel", either.serial) as phone:
        answer = phone.time({**JOB, "model": phone.put(model)}, "that times", 60)
    run = record(Run, {**answer, "round": 0, "position": 0, "model": 0, "cooled": None})
    assert run.runtime_version == f"sha256:{sha256(TOOL)}"
    assert (run.samples_ns, run.first_ns, run.init_ns) == ((8_200_000,), 9_000_000, 6_951_000)
    assert run.summary is not None
    assert dataclasses.astuple(run.summary) == (
        122, 8_001_000, 8_700_000, 8_213_500, 44_000, 8_200_000, 8_020_000, 8_500_000, 60, 492_000_000,
    )  # fmt: skip
    assert (run.cores, run.delegates) == ("c0", None)
    assert (run.count, run.warmup_ns, run.peak_rss_bytes, run.other_cpu_seconds) == (122, (), None, None)
    assert (run.before.probe_ns, run.before.frequencies_khz, run.before.thermal_status) == ((), {}, 0)
    assert run.timed_seconds == pytest.approx(122 * 8.2135e-3)
    (flags,) = either.lines("flags")
    assert flags.split()[1:] == [
        "--num_threads=1", "--warmup_runs=6", "--warmup_min_secs=0.5", "--num_runs=50", "--min_secs=1", "--max_secs=150",
    ]  # fmt: skip
    assert either.lines("masks") == ["c0"]


def test_a_whole_measurement_and_what_is_shown(either: Phone, small: Path) -> None:
    done = bench(small, small)
    assert done.exit_code == 0, done.output
    first = next(line for line in done.stdout.splitlines() if line.startswith(str(small)))
    assert re.search(r"VALID +8\.200 +8\.200 \.\. 8\.200 +- +- +8\.001 +3 x 122 +not checked", first), first
    assert "no passport beside it" in done.stdout
    assert "adb: Stand-in Phone 1" in done.stdout and "on its cores c0 (mask)" in done.stdout
    assert f"benchmark_model sha256:{sha256(TOOL)[:12]}, 1 thread" in done.stdout
    assert (
        "benchmark_model keeps no samples; each process's summary (median, minimum, maximum): it.json"
        in done.stdout
    )
    measured = Measurement.read(Path("it.json"))
    assert measured.protocol.runtime == "benchmark_model"
    assert measured.device.android is not None and measured.device.android.cores == "c0"
    (result, _) = summarize(measured)
    assert (result.count, result.p90, result.minimum, result.of_means) == (366, None, 8_001_000, False)
    assert result.mean == pytest.approx(8_213_500)
    assert either.pushed.count(either.pushed[0]) == 1  # Both are one file.


def test_without_a_median_the_mean_stands_for_a_process(pixel: Phone, small: Path) -> None:
    pixel.prints(re.sub(r" p5=.*", "", LOG))
    done = bench(small)
    assert done.exit_code == 0, done.output
    assert "8.213" in done.stdout or "8.214" in done.stdout
    assert "(mean, because its build prints no median, minimum, maximum)" in done.stdout
    (result,) = summarize(Measurement.read(Path("it.json")))
    assert result.of_means and result.to_json()["median_of_means"] is True


def test_a_hot_phone_is_invalid(pixel: Phone, small: Path) -> None:
    (pixel.root / "dumpsys.thermalservice").write_text("Thermal Status: 2\n")
    done = bench(small)
    assert done.exit_code == 0
    assert re.search("INVALID: .*slowing itself down .thermal status 2, moderate.: let it cool", done.stdout)


def test_a_model_is_pushed_once_and_never_trusted_blindly(either: Phone, model: Path) -> None:
    with AdbDevice("pixel", either.serial) as phone:
        there = either.root / phone.put(model)[1:]
        assert there == either.tmp / f"mobilecnn/models/{sha256(model.read_bytes())}.tflite"
        assert phone.put(model) and len(either.pushed) == 1
        for damaged in (model.read_bytes()[:5000], b"", os.urandom(300_000)):
            there.write_bytes(damaged)
            phone.put(model)
            assert there.read_bytes() == model.read_bytes()
        assert len(either.pushed) == 4
        (private,) = either.tmp.glob("mobilecnn-*")
        assert private.stat().st_mode & 0o777 == 0o700
    with AdbDevice("pixel", either.serial) as phone:
        phone.put(model)
    assert len(either.pushed) == 4


@pytest.mark.parametrize(
    "name", ["-p.tflite", "--help", '-a it\'s "b" $HOME;`id`.tflite', "a\nb.tflite", "é\x1b.tflite"]
)
def test_a_name_is_no_option_and_no_command(
    either: Phone, small: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is given by its name alone, from its folder, or as a program."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(small.read_bytes())
    with AdbDevice("pixel", either.serial) as phone:
        there = either.root / phone.put(Path(name))[1:]
        assert there.read_bytes() == small.read_bytes()
        assert phone.put(Path(name)) and len(either.pushed) == 1
    Path(name).write_bytes(elf())
    with AdbDevice("pixel", either.serial, OnPhone(Path(name))) as phone:
        assert phone.version("benchmark_model") == f"sha256:{sha256(elf())}"


def test_a_given_program_is_pushed_and_recorded(either: Phone, model: Path, tmp_path: Path) -> None:
    program = tmp_path / "benchmark_model"
    program.write_bytes(elf())
    with AdbDevice("pixel", either.serial, OnPhone(program), "litert") as phone:
        protocol = phone.adapt(Protocol(cores="little"))
        facts = phone.probe()
        answer = phone.time({**JOB, "model": phone.put(model), "cores": protocol.cores}, "that times", 60)
    assert answer["runtime_version"] == f"sha256:{sha256(elf())}"
    (there,) = (either.tmp / "mobilecnn/tools").iterdir()
    assert there.name == sha256(elf()) and there.stat().st_mode & 0o777 == 0o755
    assert facts.android is not None and facts.android.cores == "f"
    assert either.lines("masks") == ["f"]


@pytest.mark.parametrize(
    ("content", "words", "code"),
    [
        (
            elf(62),
            "is a program for x86_64, and pixel runs arm64-v8a.*take android_aarch64_benchmark_model",
            3,
        ),
        (b"#!/bin/sh\n", "is not a program for Android", 2),
    ],
    ids=["another machine", "a script"],
)
def test_a_program_that_will_not_do_is_not_pushed(
    pixel: Phone, small: Path, tmp_path: Path, content: bytes, words: str, code: int
) -> None:
    (tmp_path / "tool").write_bytes(content)
    failed(small, words, "--benchmark-model", tmp_path / "tool", code=code)
    assert pixel.pushed == []


def test_a_program_that_is_not_there(pixel: Phone, small: Path) -> None:
    failed(small, "no such benchmark_model program: nowhere", "--benchmark-model", "nowhere", code=2)


def test_nothing_that_times(pixel: Phone, small: Path) -> None:
    (pixel.tmp / "benchmark_model").unlink()
    failed(
        small,
        "pixel has nothing that times models: .*--benchmark-model PATH .*android_aarch64_benchmark_model",
    )


@pytest.mark.parametrize(
    ("clocks", "prime", "big", "little"),
    [
        (CLOCKS, "c0", "c0", "f"),
        ((1766,) * 4 + (2803,) * 4, "f0", "f0", "f"),  # Four and four.
        (
            (1785,) * 4 + (2419,) * 3 + (2841,),
            "80",
            "f0",
            "f",
        ),  # One prime core: only the slowest are little.
        ((2150, 2150, 1593, 1593), "3", "3", "c"),  # Big ones first.
        ((1500,) * 4, "f", "f", "f"),
    ],
)
def test_which_cores_are_big(
    pixel_facts: Facts, clocks: tuple[int, ...], prime: str, big: str, little: str
) -> None:
    facts = dataclasses.replace(
        pixel_facts,
        cores=len(clocks) or 4,
        max_frequencies_khz={f"cpu{n}": khz for n, khz in enumerate(clocks)},
    )
    assert core_mask(facts, "prime") == prime
    assert core_mask(facts, "big") == big
    assert core_mask(facts, "little") == little
    assert core_mask(facts, "all") == f"{2**facts.cores - 1:x}"


@pytest.fixture
def pixel_facts() -> Facts:
    return Facts(
        kind="adb", machine="aarch64", board=None, cpu=None, cpu_features=(), cores=8, memory_bytes=None, os=None,
        kernel="Linux", python=None, numpy=None, governors=(), max_frequencies_khz={}, virtualised=None,
    )  # fmt: skip


def test_more_threads_than_cores_are_refused(pixel: Phone, small: Path) -> None:
    failed(
        small,
        "--threads 4 is more than the 2 cores of pixel .*--cores big .*use --threads 2",
        "--threads",
        4,
        code=2,
    )
    assert bench(small, "--threads", 4, "--cores", "all").exit_code == 0
    assert pixel.lines("masks") == []  # Any core: as it is.


def test_cores_that_cannot_be_told_apart(pixel: Phone, small: Path) -> None:
    pixel.describe(PROPERTIES, (0,) * 8)
    failed(
        small, "--cores big cannot be had on pixel: it does not tell how fast its cores are.*use --cores all"
    )
    assert bench(small, "--cores", "all").exit_code == 0


def test_a_runtime_of_boards_is_refused(pixel: Phone, small: Path) -> None:
    failed(
        small,
        "--runtime tflite-runtime is for boards; pixel is a phone",
        "--runtime",
        "tflite-runtime",
        code=2,
    )


def test_what_is_for_phones_is_refused_elsewhere(small: Path) -> None:
    done = CliRunner().invoke(cli, ["bench", str(small), "--benchmark-model", "x"])
    assert done.exit_code == 2
    assert "--benchmark-model is for phones, and local is none" in done.stderr
    done = CliRunner().invoke(cli, ["bench", str(small), "--delegate", "gpu"])
    assert done.exit_code == 2
    assert "--delegate gpu is for phones" in done.stderr


def test_an_unknown_runtime(pixel: Phone) -> None:
    with (
        AdbDevice("pixel", pixel.serial) as phone,
        pytest.raises(UsageError, match="unknown runtime 'litert'; choose one of benchmark_model, app"),
    ):
        phone.time({**JOB, "model": "x", "runtime": "litert"}, "that times", 60)


def test_a_model_that_is_gone(pixel: Phone, tmp_path: Path) -> None:
    with AdbDevice("pixel", pixel.serial) as phone, pytest.raises(InputError, match="no such model"):
        phone.put(tmp_path / "gone.tflite")


def test_the_protocol_names_what_runs(pixel: Phone) -> None:
    with AdbDevice("pixel", pixel.serial, None, "litert") as phone:
        assert phone.adapt(Protocol(rounds=7)) == Protocol(rounds=7, runtime="benchmark_model", cores="big")
