"""What reaches the terminal: clean, whole or refused, and never a traceback, whatever the streams and variables are."""

import contextlib
import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hostile import SHOWN, TEXT, expect_clean

from mobilecnn.cli.terminal import Lines, clean, joined, typed
from mobilecnn.convert.graph import build, flatbuffer

COMMAND = [sys.executable, "-m", "mobilecnn"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TEXT, SHOWN),
        ("plain: ümlaut, 漢字, 👩‍💻, [b]°C", "plain: ümlaut, 漢字, 👩‍💻, [b]°C"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        (os.fsdecode(b"\xff\x1b"), r"\xff\x1b"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\ue0041"),
        ("a\\nb", "a\\nb"),
    ],
)
def test_what_a_terminal_would_obey_is_visible(text: str, shown: str) -> None:
    assert clean(text) == shown
    assert joined(text, text) == f"{shown}\n{shown}"
    assert joined(Lines("a\nb"), "c\nd") == "a\nb\nc\\nd"


def run(*arguments: object, **settings: object) -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, **settings)  # type: ignore[call-overload,no-any-return]


def hostile_model(folder: Path) -> Path:
    """A .tflite file whose name and tensors' names are hostile."""
    content, _ = build.matrix_product("float32")
    model = flatbuffer.parse(content, "it")
    for tensor in model.subgraphs[0].tensors:
        tensor.name = TEXT
    path = folder / f"{TEXT}.tflite"
    path.write_bytes(flatbuffer.pack(model))
    return path


def test_names_of_tensors_and_files_are_shown(tmp_path: Path) -> None:
    model = hostile_model(tmp_path)
    told = run("inspect", model)
    assert told.returncode == 0, told.stderr
    expect_clean(told.stdout)
    assert told.stdout.count(f"{SHOWN}: float32") >= 2
    as_json = run("inspect", model, "--json")
    expect_clean(as_json.stdout, shown=False)
    assert json.loads(as_json.stdout)["inputs"][0]["name"] == TEXT


FAKE = """#!/bin/sh
printf '{said}\\n'
printf '{said}\\n' >&2
exit 1
"""


def fake(folder: Path, name: str) -> dict[str, str]:
    """Variables with which a program says the hostile text, and fails."""
    said = "".join(f"\\{byte:03o}" for byte in TEXT.encode())
    (folder / name).write_text(FAKE.format(said=said))
    (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(folder)}


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (["inspect", TEXT], 2),
        (["inspect", "a", TEXT], 2),
        ([TEXT], 2),
        (["inspect", f"--{TEXT}"], 2),
        (["models", TEXT], 2),
        (["models", "--family", TEXT], 2),
        (["bench", f"{TEXT}.tflite"], 2),
        (["bench", "x.tflite", "--device", TEXT], 2),
        (["compare", f"{TEXT}.json", f"{TEXT}.json"], 2),
        (["compare", "a.json", "a.json", "--model", TEXT], 2),
        (["report", TEXT], 2),
        (["report", "a.json", "-o", TEXT], 2),
        (["predict", "a.tflite", TEXT], 2),
        (["evaluate", f"{TEXT}.tflite"], 2),
        (["evaluate", "a.tflite", "--data", TEXT], 2),
        (["sustained", "a.tflite", "-o", f"{TEXT}.png"], 2),
        (["profile", TEXT], 2),
        (["android", "--model", "a.tflite", "--app", TEXT], 2),
        (["devices", "remove", TEXT], 2),
        (["devices", "add", TEXT, "--host", "h"], 2),
        (["devices", "add", "pi", "--host", TEXT], 2),
        (["devices", "probe", "fake"], 3),
        (["devices", "diagnose", "fake"], 3),
        (["devices", "add", "phone", "--adb", "--serial", TEXT], 2),
    ],
    ids=lambda value: (
        "-".join(value)[:40].encode("ascii", "replace").decode() if isinstance(value, list) else str(value)
    ),
)
def test_what_is_typed_or_said_is_shown_clean(tmp_path: Path, typed: Sequence[str], code: int) -> None:
    variables = fake(tmp_path, "ssh")
    done = run(*typed, cwd=tmp_path, env=variables)
    assert "Traceback" not in done.stderr
    expect_clean(done.stdout + done.stderr, shown=False)
    assert done.returncode == code, done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("Error: ")]) == (
        1 if code else 0
    )


def test_what_adb_says_is_shown_clean(tmp_path: Path) -> None:
    variables = fake(tmp_path, "adb")
    run("devices", "add", "phone", "--adb", env=variables)
    done = run("devices", "probe", "phone", env=variables)
    assert done.returncode == 3
    expect_clean(done.stdout + done.stderr, shown=False)


WARNS = """
import logging, sys, warnings
import mobilecnn.cli.inspect
def inspect(path):
    warnings.warn(sys.argv[2])
    logging.getLogger("of.a.library").warning(sys.argv[2])
    raise SystemExit
import mobilecnn.convert.inspection
mobilecnn.convert.inspection.inspect = inspect
from mobilecnn.__main__ import main
main()
"""


def test_what_libraries_print_is_clean(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WARNS, "inspect", TEXT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expect_clean(done.stderr)
    assert done.stderr.count(SHOWN) == 2, done.stderr


BARS = """
import sys
from mobilecnn.cli.output import several_progresses, talk
with several_progresses([sys.argv[1], "other"]) as (update, other):
    update(1, 2, sys.argv[1])
    talk(sys.argv[1])
"""


def test_a_progress_bar_shows_names_as_they_are(tmp_path: Path) -> None:
    """On a terminal, where the bar itself has escape sequences."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "COLUMNS": "400", "TERM": "xterm"}
    process = subprocess.Popen([sys.executable, "-c", BARS, TEXT], stderr=theirs, env=variables)
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 1 << 16):
            said += part
    except OSError:  # The other end is closed.
        pass
    os.close(ours)
    assert process.wait(100) == 0
    text = said.decode()
    assert text.count(SHOWN) >= 3
    for piece in ("\x1b]0;owned", "\x1b[31m[red]", "\x9b", "\u202e", "\x08", "\r\nError: forged"):
        assert piece not in text, ascii(text)


def test_what_is_to_be_typed_can_be_typed() -> None:
    paths = [Path("-o.json"), Path("it's.json"), Path("--"), Path("a/-b"), Path("c d")]
    words = shlex.split(typed(paths))
    assert [Path(word) for word in words] == paths and not [word for word in words if word.startswith("-")]


SHELL: list[tuple[str, int, str]] = [
    # what the shell runs, the exit code, what standard error must say
    ("$M models >/dev/full", 3, "cannot write to standard output: No space left on device"),
    ("$M models --json >/dev/full", 3, "cannot write to standard output: No space left on device"),
    ("$M inspect nothing.tflite --json >/dev/full", 2, "no such model"),
    *[
        (f"$M {asked} {there}", 3, words)
        for asked in ("--help", "--version", "bench --help", "devices --help", "devices add -h")
        for there, words in (
            (">/dev/full", "cannot write to standard output: No space left on device; give it a place with room"),
            (">&-", "standard output is closed; give it a file or a terminal"),
        )
    ],
    ("$M models >&-", 3, "standard output is closed"),
    ("$M models --json >&-", 3, "standard output is closed"),
    ("$M --help >&- 2>&-", 3, ""),
    ("$M models </dev/null 2>&- >/dev/full", 3, ""),
    ("$M inspect nothing.tflite 2>/dev/full", 2, ""),
    ("$M inspect 2>/dev/full", 3, ""),
    ("$M inspect nothing.tflite 2>&-", 2, ""),
    ("$M evaluate nothing.tflite --data nothing 2>&-", 2, ""),  # It would show its progress.
    ("$M inspect nothing.tflite <&-", 2, "no such model"),
    ("$M inspect nothing.tflite <&- >&-", 2, "no such model"),
    ("{ $M models; echo $? >code; } | true; exit $(cat code)", 141, ""),
    ("{ $M models --json; echo $? >code; } | true; exit $(cat code)", 141, ""),
    ("{ $M --help; echo $? >code; } | true; exit $(cat code)", 141, ""),
    ("HOME=/proc/nowhere $M models >/dev/null", 0, ""),
    ("env -u HOME $M models >/dev/null", 0, ""),
    ("TMPDIR=/proc/nowhere $M inspect nothing.tflite", 2, "no such model"),
    ("LC_ALL=C $M inspect \"$(printf 'a\\303\\251\\377')\"", 2, r"no such model: aé\xff"),
    ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 $M inspect \"$(printf 'a\\303\\251')\"", 2, r"no such model: a\xc3\xa9"),
    ("$M inspect -- -x.tflite", 2, "no such model: -x.tflite"),
    ("$M report -- -x.json", 2, "-x.json"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "code", "words"), SHELL, ids=[script for script, _, _ in SHELL])
def test_streams_and_variables(tmp_path: Path, script: str, code: int, words: str) -> None:
    script = script.replace("{ $M", "{ sleep 0.5; $M") if "| true" in script else script
    variables = {**os.environ, "M": f"{sys.executable} -m mobilecnn"}
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path, env=variables
    )
    assert done.returncode == code, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    if code in (2, 3) and words:
        assert len([line for line in done.stderr.splitlines() if line.startswith("Error: ")]) == 1
    if not words:
        assert done.stderr == ""


LONG = "n" * 300


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["inspect", LONG], "File name too long"),
        (["predict", "a.tflite", LONG], "File name too long"),
        (["compare", f"{LONG}.json", f"{LONG}.json"], "File name too long"),
        (["report", f"{LONG}.json"], "File name too long"),
        (["bench", f"{LONG}.tflite"], "File name too long"),
        (["inspect", os.fsdecode(b"\xff.tflite")], r"no such model: \xff.tflite"),
        (["bench", os.fsdecode(b"\xff.tflite")], r"\xff.tflite is not UTF-8"),
        (["report", os.fsdecode(b"\xff.json")], r"\xff.json is not UTF-8"),
        (["export", os.fsdecode(b"\xff.keras"), "--float32"], r"\xff.keras is not UTF-8"),
        (["devices", "add", "pi", "--host", "h", "--python", os.fsdecode(b"a\xff")], r"a\xff is not UTF-8"),
        (["inspect", ""], "the name is empty"),
        (["evaluate", ""], "the name is empty"),
    ],
    ids=range(12),
)
def test_odd_names_are_one_clear_line(tmp_path: Path, typed: Sequence[str], words: str) -> None:
    for more in ([], ["--json"]):
        done = run(*typed, *more, cwd=tmp_path, env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)})
        assert done.returncode == 2, done.stderr
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert words in line
        if done.stdout:
            json.loads(done.stdout)


def test_a_terminal_of_90_columns_has_no_line_that_wraps() -> None:
    code = """
import sys
from mobilecnn.bench.pages import paper_tables
from mobilecnn.bench.papers.stored import stored
from mobilecnn.cli.output import data, table
rows = [paper_tables.speedup(row) for row in stored("sd820").rows]
data(table(paper_tables.speedup_header(True), rows, left=2, spare=paper_tables.SPEEDUP_SPARE))
"""
    variables = {**os.environ, "COLUMNS": "90", "NO_COLOR": "1"}
    parent, child = pty.openpty()
    shown = b""
    with subprocess.Popen([sys.executable, "-c", code], stdout=child, env=variables) as process:
        os.close(child)
        with contextlib.suppress(OSError):  # How a terminal ends.
            while more := os.read(parent, 65536):
                shown += more
    os.close(parent)
    assert process.returncode == 0
    lines = shown.decode().splitlines()
    assert max(map(len, lines)) <= 90
    assert sum(line.startswith("ShuffleNet 1x") for line in lines) == 2  # float32 and int8.
    assert any(line.startswith("Not shown: ") for line in lines)
    whole = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert max(map(len, whole.splitlines())) > 90 and "" not in whole.splitlines()
