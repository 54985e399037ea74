"""``mobilecnn bench`` on several devices at once: two through a real sshd, and this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from adbd import Phone
from click.testing import CliRunner, Result
from sshd import Board, command_of, elsewhere

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.devices.seam import Identity
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.timing import fleet
from mobilecnn.cli import cli
from mobilecnn.cli.output import FOLDER, new_name
from mobilecnn.errors import CheckFailed, EnvironmentProblem, InputError, UsageError

PYTHON = sys.executable
QUICK = ["--rounds", "2", "--warmup-seconds", "0", "--warmup-runs", "1", "--seconds", "0", "--runs", "3"]
ALL = ["--device", "pi4", "--device", "pi5", "--device", "local"]


@pytest.fixture
def here(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and two boards in the devices file."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    pi4, pi5 = (elsewhere(tmp_path, name) for name in ("pi4", "pi5"))
    entries.write({"pi4": SshEntry("board", pi4), "pi5": SshEntry("busy", pi5)})
    return folder


def breaking(folder: Path, worker_runs: int, python: str) -> str:
    """A Python that works ``worker_runs`` times as the worker and fails from then on."""
    path = folder / "python"
    path.write_text(
        f'#!/bin/sh\ncase "$*" in */worker.pyz)\n  echo >>{folder}/count\n'
        f'  [ $(wc -l <{folder}/count) -le {worker_runs} ] || {{ echo "out of luck" >&2; exit 7; }}\n'
        f'esac\nexec {python} "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", *map(str, arguments)])


def test_all_devices_are_in_one_table_and_have_a_file_each(exported: Path, here: Path) -> None:
    models = [exported / "theirs.float32.tflite", exported / "theirs.int8.tflite"]
    done = bench(*models, *QUICK, *ALL)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["device", "file", "median", "ms"]
    places = [(device, str(model)) for device in ("pi4", "pi5", "local") for model in models]
    assert [tuple(line.split()[:2]) for line in lines[2:8]] == places
    records = {}
    for path in (here / FOLDER).iterdir():
        match = re.fullmatch(r"bench-\d{8}-\d{6}-(pi4|pi5|local)\.json", path.name)
        assert match is not None, path.name
        records[match[1]] = path
    for name, kind in (("pi4", "ssh"), ("pi5", "ssh"), ("local", "local")):
        measured = Measurement.read(records[name])
        assert (measured.device.kind, measured.rounds) == (kind, 2)
        assert f"{name}: raw samples: {FOLDER / records[name].name}" in lines
        assert any(line.startswith(f"{name}: {kind}: ") and "1 thread; " in line for line in lines)
        # Each device has progress lines of its own.
        assert [line for line in done.stderr.splitlines() if line.startswith(f"Timing on {name}: 0/6 ")]
    (named,) = [line for line in done.stderr.splitlines() if "mobilecnn report" in line]
    assert named.startswith("Next: mobilecnn report ")
    shown = CliRunner().invoke(cli, named.removeprefix("Next: mobilecnn ").partition("  # ")[0].split())
    assert shown.exit_code == 0, shown.output
    assert len(re.findall("<h3>.*</h3>\n", (here / "report.html").read_text())) >= 2


def test_a_device_that_fails_costs_the_others_nothing(exported: Path, here: Path, tmp_path: Path) -> None:
    (here / "bare.tflite").write_bytes((exported / "theirs.int8.tflite").read_bytes())
    # It is asked who it is, probed, its runtime is looked for, it is asked who is to be locked, and times one round.
    broken = SshEntry("busy", breaking(tmp_path, 5, elsewhere(tmp_path, "broken")))
    entries.write({**entries.read(), "pi5": broken})
    done = bench("bare.tflite", *QUICK, *ALL, "-o", "runs/it.json")
    assert done.exit_code == 3, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["pi4", "pi5", "local"]
    assert lines[3].split() == ["pi5", "FAILED"]
    kept = "1 of 2 rounds are complete, in runs/it-pi5.partial.json"
    (said,) = [line for line in lines if line.startswith("FAILED: pi5: ")]
    assert "ended with code 7; its last words: out of luck" in said and said.endswith(kept)
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert error.startswith("Error: 1 of 3 devices failed: pi5: ") and error.endswith(kept)
    assert sorted(path.name for path in (here / "runs").iterdir()) == [
        "it-local.json", "it-pi4.json", "it-pi5.partial.json",
    ]  # fmt: skip
    assert Measurement.read(here / "runs/it-pi5.partial.json").rounds == 1
    assert "Next: mobilecnn report runs/it-pi4.json runs/it-local.json" in done.stderr


def test_json_has_what_became_of_each(exported: Path, here: Path) -> None:
    entries.write({**entries.read(), "pi5": SshEntry("closed", PYTHON)})
    done = bench(exported / "theirs.int8.tflite", *QUICK, *ALL, "--json", "-o", "it.json")
    assert done.exit_code == 3
    pi4, pi5, local = json.loads(done.stdout)["devices"]
    assert [device["name"] for device in (pi4, pi5, local)] == ["pi4", "pi5", "local"]
    assert pi4["measurement"] == "it-pi4.json"
    assert pi4["device"] == Measurement.read(here / "it-pi4.json").to_json()["device"] | {
        name: list(value) for name, value in pi4["device"].items() if isinstance(value, list)
    }
    assert local["results"][0]["time_relative_to_first"] is None
    assert set(pi5) == {"name", "error"}
    assert (pi5["error"]["kind"], pi5["error"]["exit_code"]) == ("EnvironmentProblem", 3)
    assert "no SSH server answers at pi5" in pi5["error"]["message"]
    assert "Error: 1 of 3 devices failed: pi5: no SSH server" in done.stderr


def test_a_phone_and_this_machine(
    phone_with_litert: Phone, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = exported / "theirs.int8.tflite"
    # The options for phones reach the phone alone.
    done = bench(model, *QUICK, "--device", "pixel", "--device", "local", "--cores", "all", "-o", "it.json")
    assert done.exit_code == 0, done.output
    pixel, local = Measurement.read(Path("it-pixel.json")), Measurement.read(Path("it-local.json"))
    assert (pixel.device.kind, pixel.protocol.runtime) == ("adb", "benchmark_model")
    assert (local.device.kind, local.protocol.runtime) == ("local", "litert")
    assert pixel.runs[0].summary is not None and local.runs[0].summary is None
    assert re.search(
        r"^pixel: benchmark_model keeps no samples; .*: it-pixel\.json$", done.stdout, re.MULTILINE
    )
    assert "local: raw samples: it-local.json" in done.stdout


def test_what_is_wrong_everywhere_is_said_once(here: Path) -> None:
    done = bench("gone.tflite", *QUICK, *ALL, "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["message"] == "no such model: gone.tflite"
    assert "Error: no such model: gone.tflite\n" in done.stderr


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        (["pi4", "local", "pi4"], "--device pi4 is given twice"),
        (["local", "local"], "--device local is given twice"),
        (["pi4", "board"], "--device pi4 and --device board are the same board, board"),
        (["pi4", "-x"], "'-x' is no SSH host"),
        (["pi4", "old", "same"], "--device old and --device same are the same phone, S1; name one of them"),
        (["any", "some"], "--device any and --device some are the same phone; name one of them"),
        (["old", "any"], "any is whatever phone is connected, which may be another that is named"),
    ],
)
def test_a_device_is_timed_once(
    here: Path, monkeypatch: pytest.MonkeyPatch, devices: list[str], words: str
) -> None:
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    phones = {"old": "S1", "same": "S1", "any": None, "some": None}
    named = {name: AdbEntry(serial=serial) for name, serial in phones.items()}
    entries.write({**entries.read(), **named})
    done = bench("a.tflite", *[word for name in devices for word in ("--device", name)])
    assert done.exit_code == 2
    assert words in done.stderr
    assert list(here.iterdir()) == []


def test_options_for_phones_are_refused_where_no_phone_is_named(here: Path) -> None:
    done = bench("a.tflite", *ALL, "--benchmark-model", "it")
    assert done.exit_code == 2
    assert "--benchmark-model is for phones, and pi4 is none" in done.stderr


@pytest.mark.parametrize(
    ("first", "second"), [("alias", "address"), ("alias", "user"), ("alias", "local"), ("local", "named")]
)
def test_one_machine_by_two_names_is_refused(
    exported: Path, here: Path, board: Board, first: str, second: str
) -> None:
    """What it is says the machine itself: entries and hosts differ."""
    port = re.search(r"Port ([0-9]+)", (board.path.parent / "ssh_config").read_text())
    assert port is not None
    entries.write(
        {
            "alias": SshEntry("board", PYTHON),
            "address": SshEntry(f"ssh://127.0.0.1:{port[1]}", PYTHON),
            "user": SshEntry("busy", PYTHON),
            "named": SshEntry("board", PYTHON),
        }
    )
    with (board.path.parent / "ssh_config").open("a") as more:
        more.write(
            f"Host 127.0.0.1\n IdentityFile {board.path.parent / 'my_key'}\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {board.path.parent / 'known'}\n"
        )
    done = bench(
        exported / "theirs.int8.tflite", *QUICK, "--device", first, "--device", second, "-o", "it.json"
    )
    assert done.exit_code == 2, done.output
    assert f"--device {first} and --device {second} are the same machine" in done.stderr
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        (Identity("b", None, "m"), Identity("b", None, "m"), True),
        (Identity("b1", None, "m"), Identity("b2", None, "m"), False),  # A copied SD card.
        (Identity("b", None, "m1"), Identity("b", None, "m2"), True),  # Two containers of one machine.
        (Identity(None, "S", None), Identity(None, "S", None), True),
        (Identity("b1", "S", None), Identity("b2", "S", None), False),  # Two emulators.
        (Identity("b", "S", None), Identity("b", None, "m"), True),  # A phone by adb, and by SSH.
        (Identity(None, None, "m"), Identity("b", None, "m"), True),
        (Identity(), Identity(), False),
    ],
)
def test_who_is_the_same(mine: Identity, theirs: Identity, same: bool) -> None:
    assert (mine.same(theirs), theirs.same(mine)) == (same, same)


@pytest.mark.parametrize("taken", ["it-local.json", "it-pi4.partial.json"])
def test_nothing_begins_where_a_name_is_taken(exported: Path, here: Path, taken: str) -> None:
    (here / taken).write_text("kept")
    done = bench(exported / "theirs.int8.tflite", *QUICK, *ALL, "-o", "it.json")
    assert done.exit_code == 2
    assert f"{taken} exists, and a measurement never replaces a file" in done.stderr
    assert "Timing" not in done.stderr
    assert [path.name for path in here.iterdir()] == [taken]


def test_default_names_are_free(here: Path) -> None:
    names = ("pi4", "local")
    FOLDER.mkdir()
    for _ in range(20):  # Several in one second, at least once.
        made = fleet.records(new_name(FOLDER, "bench", names), names)
        assert not any(path.exists() for path in made)
        made[1].write_text("taken")
    assert len(list(FOLDER.iterdir())) == 20


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["pi4", "local"], ["it-pi4.json", "it-local.json"]),
        (["pi@10.0.0.7", "ssh://pi@host:2222"], ["it-pi-10.0.0.7.json", "it-ssh-pi-host-2222.json"]),
        (["a@b", "a:b", "a/b"], ["it-a-b.json", "it-a-b-2.json", "it-a-b-3.json"]),
        ([], []),
    ],
)
def test_the_names_of_the_files(names: list[str], files: list[str]) -> None:
    assert fleet.records(Path("runs/it.json"), names) == tuple(Path("runs") / file for file in files)


def test_the_gravest_failure_decides() -> None:
    def outcomes(*failures: InputError | CheckFailed | EnvironmentProblem | None) -> list[fleet.Outcome]:
        return [
            fleet.Outcome(f"pi{index}", Path("x"), None, failure) for index, failure in enumerate(failures)
        ]

    fleet.refuse_failed(outcomes(None, None))
    with pytest.raises(CheckFailed, match="1 of 2 devices failed: pi1: wrong"):
        fleet.refuse_failed(outcomes(None, CheckFailed("wrong")))
    with pytest.raises(EnvironmentProblem, match="3 of 3 devices failed: pi0: wrong; pi1: off; pi2: bad"):
        fleet.refuse_failed(outcomes(CheckFailed("wrong"), EnvironmentProblem("off"), InputError("bad")))
    assert fleet.common_failure(outcomes(InputError("bad"), None)) is None
    assert fleet.common_failure(outcomes(InputError("bad"), UsageError("bad"))) is None  # type: ignore[arg-type]
    assert str(fleet.common_failure(outcomes(InputError("bad"), InputError("bad")))) == "bad"


def started(*arguments: object) -> "subprocess.Popen[bytes]":
    """The command with SIGINT as in a terminal: a test run in the background would hand down an ignored one."""
    command = ["env", "--default-signal=INT", PYTHON, "-m", "mobilecnn", "bench", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def until(condition: Callable[[], bool], process: "subprocess.Popen[bytes]", seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


def kill_a_thread(process: int, how: int) -> None:
    """Send the signal to a thread other than the first, as the kernel does where the first has one to take already."""
    os.kill(max(int(task.name) for task in Path(f"/proc/{process}/task").iterdir()), how)


@pytest.mark.parametrize(
    ("how", "send"),
    [
        (signal.SIGINT, os.kill),
        (signal.SIGINT, os.killpg),
        (signal.SIGINT, kill_a_thread),
        (signal.SIGTERM, os.kill),
    ],
)
def test_ctrl_c_stops_all_and_keeps_what_is_complete(
    board: Board,
    phone_with_litert: Phone,
    exported: Path,
    here: Path,
    how: signal.Signals,
    send: Callable[[int, int], None],
) -> None:
    model = exported / "theirs.int8.tflite"
    pixel = AdbEntry(serial=phone_with_litert.serial)
    entries.write({"pi5": entries.read()["pi5"], "pixel": pixel})
    names = ["pi5", "pixel", "local"]
    devices = [word for name in names for word in ("--device", name)]
    with started(model, *QUICK, "--rounds", "1000", *devices, "-o", "it.json") as process:
        try:
            kept = [here / f"it-{name}.partial.json" for name in names]
            until(lambda: all(path.exists() for path in kept), process)
            send(process.pid, how)
            _, said = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 128 + how, said.decode()
    (line,) = [line for line in said.decode().splitlines() if line.startswith("Interrupted")]
    assert (
        line.startswith("Interrupted: pi5: " if how == signal.SIGINT else "Interrupted by SIGTERM: pi5: ")
        and "; pixel: " in line
        and "; local: " in line
    )
    for path in kept:
        assert f"{Measurement.read(path).rounds} of 1000 rounds are complete, in {path.name}" in line
    assert sorted(path.name for path in here.iterdir()) == sorted(path.name for path in kept)
    assert b"Traceback" not in said
    board.expect_nothing_left()
    phone_with_litert.expect_nothing_left()


def test_ctrl_c_does_not_wait_for_what_runs(board: Board, exported: Path, here: Path) -> None:
    model = exported / "theirs.int8.tflite"

    with started(model, *QUICK, "--seconds", "140", *ALL[2:], "-o", "it.json") as process:
        try:
            assert process.stderr is not None
            seen = ""
            while not all(f"Timing on {name}: 1/3 {model.name}" in seen for name in ("pi5", "local")):
                line = process.stderr.readline().decode()
                assert line, seen
                seen += line
            until(lambda: any("worker.pyz" in command_of(number) for number in board.sessions()), process)
            os.kill(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=100)  # Less than --seconds: the running process was ended.
        finally:
            process.kill()
    assert process.returncode == 130, said.decode()
    assert "Interrupted: pi5: no round is complete; local: no round is complete" in said.decode()
    assert list(here.iterdir()) == []
    board.expect_nothing_left()
