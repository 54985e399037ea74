"""``-o`` of every command that has one: names that cannot be written, and outputs that another process writes."""

import errno
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mobilecnn.cli import cli
from mobilecnn.locks import lock_of, locked

FILES: dict[str, tuple[list[str], str]] = {
    "train": (["squeezenet_v1.1", "--data", "nothing"], ".keras"),
    "pretrained": (["efficientnet_lite0"], ".keras"),
    "compress": (["no.keras", "--prune", "0.5"], ".keras"),
    "tables": (["mobilenet-2"], ".txt"),
    "evaluate": (["no.tflite"], ".json"),
    "bench": (["no.tflite"], ".json"),
    "compare": (["no.tflite", "nor.tflite"], ".json"),
    "sustained": (["no.tflite"], ".json"),
    "single-stream": (["no.tflite"], ".json"),
    "report": (["no.json"], ".html"),
    "tune": (["--device", "nowhere"], ".json"),
    "search": (["mobilenet_v1", "--budget", "20ms", "--device", "nowhere"], ".json"),
    "quantize-report": (["no.tflite"], ".html"),
}
"""Command -> what else it is given, and the suffix of the file that it writes."""

FOLDERS: dict[str, tuple[list[str], str]] = {
    "export": (["no.keras", "--float32"], "no.float32.tflite"),
    "profile": (["no.tflite"], "profile.json"),
    "speedup": ([], "table8"),
    "demo": ([], "index.html"),
}
"""Command -> what else it is given, and the name of what it locks in the folder that it writes to."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is empty."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def expect_one_line(refused: Result, words: str, code: int = 2) -> None:
    assert refused.exit_code == code, (refused.output, refused.exception)
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert words in line and refused.stdout == "", refused.output


@pytest.mark.parametrize("command", FILES)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "the name is empty"),
        ("folder{}", "is a folder"),
        ("file/it{}", "a folder is expected"),
        ("n" * 300 + "{}", "File name too long"),
        (os.fsdecode(b"\xff") + "{}", "is not UTF-8"),
        ("/proc/nowhere/it{}", "cannot write"),
    ],
    ids=["empty", "folder", "below a file", "long", "bytes", "proc"],
)
def test_a_file_that_cannot_be_written(command: str, name: str, words: str, here: Path) -> None:
    given, suffix = FILES[command]
    (here / "file").write_text("precious")
    name = name.format(suffix)
    if name.startswith("folder"):
        (here / name).mkdir()
    expect_one_line(run(command, *given, "-o", name), words)
    assert (here / "file").read_text() == "precious"
    assert not [path for path in here.rglob("*") if path.is_file() and path.name != "file"]


@pytest.mark.parametrize("command", FOLDERS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "the name is empty"),
        ("file", "a folder is expected"),
        ("file/deep", "Not a directory"),
        ("n" * 300, "File name too long"),
        (os.fsdecode(b"\xff"), "is not UTF-8"),
        ("/proc/nowhere", "cannot write"),
    ],
    ids=["empty", "file", "below a file", "long", "bytes", "proc"],
)
def test_a_folder_that_cannot_be_written(command: str, name: str, words: str, here: Path) -> None:
    (here / "file").write_text("precious")
    expect_one_line(run(command, *FOLDERS[command][0], "-o", name), words)
    assert [path.name for path in here.iterdir()] == ["file"]


@pytest.mark.parametrize("command", [*FILES, *FOLDERS])
@pytest.mark.parametrize("name", ["out", "-out", "o\nut"])
def test_what_another_process_writes_is_refused(command: str, name: str, here: Path) -> None:
    if command in FILES:
        given, suffix = FILES[command]
        output = written = here / f"{name}{suffix}"
    else:
        given, inner = FOLDERS[command]
        output = here / name
        written = output / inner
    # A lock belongs to what has opened the file, so that this process is as good as another.
    with locked(written):
        expect_one_line(
            run(command, *given, "-o", output.name), f"another mobilecnn (process {os.getpid()} on "
        )
    assert not lock_of(written).exists()
    assert not [path for path in here.rglob("*") if path.is_file()]


def test_two_that_choose_a_name_choose_two(here: Path) -> None:
    from mobilecnn.cli.output import new_name

    first = new_name(here, "bench")
    with locked(first):
        second = new_name(here, "bench")
    assert first != second


def test_two_devices_added_at_once_are_both_there(here: Path) -> None:
    variables = {**os.environ, "XDG_CONFIG_HOME": str(here)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "mobilecnn", "devices", "add", f"pi{number}", "--host", "h"], env=variables,
            stdout=subprocess.DEVNULL,
        )
        for number in range(4)
    ]  # fmt: skip
    assert [process.wait(100) for process in processes] == [0] * 4
    text = (here / "mobilecnn" / "devices.toml").read_text()
    assert all(f"[pi{number}]" in text for number in range(4))


@pytest.mark.parametrize("failing", [1, 2])
def test_an_export_that_fails_while_it_is_written_changes_nothing(
    failing: int, here: Path, third_party: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mobilecnn.exported

    passport, made = mobilecnn.exported._passport, 0

    def fails(*arguments: Any) -> Any:
        nonlocal made
        made += 1
        if made == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return passport(*arguments)

    old = [f"theirs.{format}.{suffix}" for format in ("float32", "float16") for suffix in ("json", "tflite")]
    for name in old:
        (here / name).write_text('{"schema": "mobilecnn.passport"}')
    monkeypatch.setattr(mobilecnn.exported, "_passport", fails)
    expect_one_line(
        run("export", third_party / "theirs.keras", "--float32", "--float16"),
        "the disk is full (No space left on device)",
        3,
    )
    assert sorted(path.name for path in here.iterdir()) == sorted(old)
    assert all(path.read_text() == '{"schema": "mobilecnn.passport"}' for path in here.iterdir())


@pytest.mark.parametrize("command", ["devices", "devices probe pi", "devices add pi --host h"])
def test_without_a_home_folder(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user of a container whom the system does not know."""

    def unknown(number: int) -> Any:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    refused = run(*command.split())
    assert refused.exit_code == 3 and "there is no home folder; set HOME" in refused.stderr, refused.output


@pytest.mark.parametrize("what", ["passport", "history"])
def test_a_file_of_the_users_own_is_not_replaced(
    what: str, here: Path, photos: Path, third_party: Path
) -> None:
    own = here / {"passport": "theirs.float32.json", "history": "it.history.csv"}[what]
    own.write_text('{"mine": 1}')
    if what == "passport":
        refused = run("export", third_party / "theirs.keras", "--float32")
    else:
        refused = run("train", "squeezenet_v1.1", "--data", photos, "-o", "it.keras")
    expect_one_line(refused, f"{own.name} is no")
    assert own.read_text() == '{"mine": 1}' and list(here.iterdir()) == [own]
