"""``mobilecnn android --install`` with the real adb client, a stand-in for the phone, and ZIP files for builds."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import adbd
import pytest
from adb_transport import FEATURES
from adbd import Phone
from click.testing import CliRunner, Result
from sample_app import MODELS, copy_app

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb import client
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.cli import cli

MODEL = "theirs.int8.tflite"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the app that has never been built."""
    app = copy_app(tmp_path)
    (app / "build").unlink()
    return app


@pytest.fixture
def apk(app: Path, exported: Path) -> Path:
    """A file with what the command reads of a build that Gradle made with the staged model."""
    path = app / "app/build/outputs/apk/debug/app-debug.apk"
    path.parent.mkdir(parents=True)
    return pack(path, [exported / MODEL])


def pack(path: Path, models: list[Path]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("AndroidManifest.xml", "classes.dex"):
            archive.writestr(name, os.urandom(50_000))
        for model in models:
            archive.write(model, f"assets/models/{model.name}")
            archive.write(
                model.with_suffix(".json"), f"assets/models/{model.stem}.json", zipfile.ZIP_DEFLATED
            )
    return path


def android(app: Path, model: Path, *arguments: object) -> Result:
    words = ["android", "--model", str(model), "--app", str(app), *map(str, arguments)]
    return CliRunner().invoke(cli, words)


def refused(done: Result, code: int, *words: str) -> None:
    """The command ends with this code, and one line that says why."""
    assert done.exit_code == code, done.output
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    for word in words:
        assert word in line, line


@pytest.mark.parametrize("name", ["-r.apk", "-a it's `id`.apk", "--help.apk"])
def test_a_builds_name_is_no_option(
    phone: Phone, app: Path, apk: Path, exported: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(app)
    shutil.copy(apk, app / name)
    done = android(app, exported / MODEL, "--install", f"--apk={name}")
    assert done.exit_code == 0, done.output
    assert (phone.root / "installed.apk").read_bytes() == apk.read_bytes()


@pytest.mark.parametrize("features", [FEATURES, ()], ids=["new", "old"])
def test_it_installs_and_starts(
    phone: Phone, app: Path, apk: Path, exported: Path, features: tuple[str, ...]
) -> None:
    if phone.features != features:
        phone.features = features
        phone.drop()
        adbd.connect(phone, {})
    entries.write({"pixel": AdbEntry(serial=phone.serial)})
    done = android(app, exported / MODEL, "--install", "--device", "pixel", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["build"] == str(apk) and json.loads(done.stdout)["installed"] is True
    assert "Installed on pixel, and started." not in done.stdout
    assert (phone.root / "installed.apk").read_bytes() == apk.read_bytes()
    assert phone.lines("started") == ["start -n org.mobilecnn.demo/org.mobilecnn.demo.MainActivity"]


def test_without_the_option_it_says_what_to_run(phone: Phone, app: Path, apk: Path, exported: Path) -> None:
    done = android(app, exported / MODEL)
    assert done.exit_code == 0, done.output
    assert f"{apk} has exactly these models" in done.stderr and f"adb install -r {apk}" in done.stderr
    assert "adb shell am start -n org.mobilecnn.demo/org.mobilecnn.demo.MainActivity" in done.stderr
    assert not (phone.root / "installed.apk").exists()
    # Once other models are staged, the build is out of date, and the command says how to build.
    done = android(app, exported / "theirs.float32.tflite")
    assert done.exit_code == 0 and "gradlew :app:installDebug" in done.stderr and str(apk) not in done.stderr


def test_the_only_phone_needs_no_name_and_another_build_can_be_given(
    phone: Phone, app: Path, apk: Path, exported: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "my app.apk"
    shutil.copyfile(apk, mine)
    apk.unlink()
    done = android(app, exported / MODEL, "--install", "--apk", mine)
    assert done.exit_code == 0, done.output
    assert (phone.root / "installed.apk").read_bytes() == mine.read_bytes()
    assert "Installed on phone, and started." in done.stderr


def test_a_copy_with_a_name_of_its_own_is_started_by_it(
    phone: Phone, app: Path, apk: Path, exported: Path
) -> None:
    script = app / "app/build.gradle.kts"
    text = script.read_text().replace(
        'applicationId = "org.mobilecnn.demo"', 'applicationId = "com.example.mine"'
    )
    script.write_text(text)
    done = android(app, exported / MODEL, "--install")
    assert done.exit_code == 0, done.output
    assert phone.lines("started") == ["start -n com.example.mine/org.mobilecnn.demo.MainActivity"]
    assert f"{script} is newer than {apk}" in done.stderr


def test_a_build_of_other_models_is_not_installed(phone: Phone, app: Path, apk: Path, exported: Path) -> None:
    int8, float32 = exported / MODEL, exported / "theirs.float32.tflite"
    for models, words in (
        ([], "it has no theirs.int8.json"),
        ([int8, float32], "it has theirs.float32.json, which is not staged"),
    ):
        pack(apk, models)
        refused(
            android(app, int8, "--install"),
            2,
            f"{apk} is an older build: {words}",
            "give the same command again",
        )
    changed = shutil.copytree(exported, app.parent / "changed") / MODEL
    changed.write_bytes(changed.read_bytes()[:-1] + b"!")
    pack(apk, [changed])
    refused(android(app, int8, "--install"), 2, "its theirs.int8.tflite is not the staged one")
    refused(android(app, int8, "--apk", apk), 2, "its theirs.int8.tflite is not the staged one")
    assert (app / MODELS / MODEL).read_bytes() == int8.read_bytes()
    # One of two builds is current.
    current = app / "build/mobilecnn-demo.apk"
    current.parent.mkdir()
    pack(current, [int8])
    assert android(app, int8, "--install").exit_code == 0
    assert (phone.root / "installed.apk").read_bytes() == current.read_bytes()


def test_what_is_not_a_build(phone: Phone, app: Path, exported: Path, tmp_path: Path) -> None:
    model = exported / MODEL
    done = android(app, model, "--install")
    refused(done, 2, "not on a phone: there is no build of the app", "app-debug.apk or ")
    assert f"cd {app}" in done.stderr
    refused(android(app, model, "--install", "--apk", tmp_path / "no.apk"), 2, "no such build")
    other = tmp_path / "other.apk"
    other.write_bytes(b"PK nothing")
    refused(
        android(app, model, "--install", "--apk", other), 2, "other.apk is not an Android app, or is damaged"
    )
    with zipfile.ZipFile(other, "w") as archive:
        archive.write(model, f"assets/models/{MODEL}")
    refused(
        android(app, model, "--install", "--apk", other), 2, "other.apk is not an Android app; build it again"
    )
    refused(android(app, model, "--device", "pixel"), 2, "give --install too")
    assert not (phone.root / "installed.apk").exists()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "Failure [INSTALL_FAILED_UPDATE_INCOMPATIBLE: Package org.mobilecnn.demo signatures do not match]",
            ["(INSTALL_FAILED_UPDATE_INCOMPATIBLE)", "uninstall org.mobilecnn.demo"],
        ),
        ("Failure [INSTALL_FAILED_INSUFFICIENT_STORAGE]", ["there is no room for it", "shell df /data"]),
        ("Failure [INSTALL_FAILED_NO_MATCHING_ABIS: -113]", ["abiFilters in app/build.gradle.kts"]),
        ("Failure [INSTALL_FAILED_VERSION_DOWNGRADE]", ["raise appCode"]),
        ("Failure [INSTALL_FAILED_SOMETHING_NEW]", ["(INSTALL_FAILED_SOMETHING_NEW)", "adb devices"]),
        ("cmd: Can't find service: package", ["Can't find service: package"]),
    ],
)
def test_what_the_phone_refuses(
    phone: Phone, app: Path, apk: Path, exported: Path, said: str, words: list[str]
) -> None:
    (phone.root / "install").write_text(f"{said}\n")
    refused(
        android(app, exported / MODEL, "--install"),
        3,
        f"phone ({phone.serial}) did not install {apk}",
        *words,
    )
    assert phone.lines("started") == []


def test_a_phone_that_disconnects_meanwhile(phone: Phone, app: Path, apk: Path, exported: Path) -> None:
    phone.break_install = True
    refused(android(app, exported / MODEL, "--install"), 3, "did not install", "look with: adb devices")


def test_an_app_that_does_not_start(phone: Phone, app: Path, apk: Path, exported: Path) -> None:
    phone.program("app", 'echo "Error type 3"; echo "Error: Activity class does not exist."; exit 0')
    refused(
        android(app, exported / MODEL, "--install"), 3, "and did not start (", "Activity class does not exist"
    )


def test_which_phone_is_taken(
    phone: Phone, app: Path, apk: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SETTLE_SECONDS", 0.6)
    model = exported / MODEL
    entries.write({"pi4": SshEntry("pi4"), "gone": AdbEntry(serial="S1")})
    refused(
        android(app, model, "--install", "--device", "pi4"), 2, "pi4 is not a phone", "devices add pi4 --adb"
    )
    refused(
        android(app, model, "--install", "--device", "gone"),
        3,
        "adb sees no device S1, which gone is said to be",
    )
    phone.authorised = False
    phone.drop()
    adbd.connect(phone, {}, "unauthorized")
    refused(android(app, model, "--install"), 3, f"phone ({phone.serial}) does not trust this machine yet")
    adbd.adb("disconnect", phone.serial, variables={})
    refused(android(app, model, "--install"), 3, "adb sees no device. Connect phone by USB")
