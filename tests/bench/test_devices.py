"""The seam: one suite that every kind of device passes, with real workers behind it."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from installed import INSTALLED
from sshd import Board

from mobilecnn.bench import device_file
from mobilecnn.bench.devices import Device, LocalDevice, device
from mobilecnn.bench.measurement import Run, record
from mobilecnn.bench.protocol import Protocol
from mobilecnn.bench.run import measure
from mobilecnn.bench.ssh import SshDevice
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, ModelFileError, UsageError

JOB: dict[str, Any] = {
    "task": "time", "runtime": "litert", "threads": 1, "seed": 0, "warmup_runs": 1, "warmup_seconds": 0.0,
    "runs": 3, "seconds": 0.0, "longest_seconds": 150.0, "most_runs": 100_000,
}  # fmt: skip


@pytest.fixture(params=["local", "ssh"])
def one(request: pytest.FixtureRequest) -> Iterator[Device]:
    """A device of each kind, found by its name as a user would name it."""
    name = "local"
    if request.param == "ssh":
        request.getfixturevalue("board")
        device_file.write({"pi": device_file.Entry("board", sys.executable)})
        name = "pi"
    with device(name, "litert") as found:
        yield found


def test_it_says_what_it_is(one: Device) -> None:
    facts = one.probe()
    assert facts.kind == ("local" if isinstance(one, LocalDevice) else "ssh")
    assert facts.machine == os.uname().machine
    assert facts.cores == len(os.sched_getaffinity(0))
    assert facts.python == ".".join(map(str, sys.version_info[:3]))
    assert facts.numpy is not None


@pytest.mark.parametrize("runtime", INSTALLED)
def test_it_times_a_model(one: Device, exported: Path, runtime: str) -> None:
    there = one.put(exported / "theirs.int8.tflite")
    answer = one.run({**JOB, "model": there, "runtime": runtime}, "that times", 60)
    run = record(Run, {**answer, "round": 0, "position": 0, "model": 0, "cooled": None})
    assert len(run.samples_ns) == 3
    assert run.runtime_version[0].isdigit()


def test_what_runs_can_be_stopped_from_another_thread(one: Device, exported: Path) -> None:
    there = one.put(exported / "theirs.int8.tflite")
    one.stop()  # Nothing runs: harmless.
    ended = threading.Event()

    def keep_stopping() -> None:
        while not ended.wait(0.2):
            one.stop()

    thread = threading.Thread(target=keep_stopping)
    thread.start()
    try:
        with pytest.raises(ChildCrashed, match="that times was ended by SIGKILL"):
            one.run({**JOB, "model": there, "seconds": 120.0}, "that times", 200)
    finally:
        ended.set()
        thread.join()
    # Only what ran was ended, and not the connection.
    assert one.run({**JOB, "model": there}, "that times", 60)["samples_ns"]


def test_a_whole_measurement(one: Device, exported: Path) -> None:
    models = [exported / f"theirs.{name}.tflite" for name in ("float32", "int8")]
    protocol = Protocol(rounds=2, warmup_runs=1, warmup_seconds=0, runs=4, seconds=0)
    measured = measure(models, one, protocol)
    assert [model.file for model in measured.models] == [str(path) for path in models]
    assert len(measured.runs) == 4


def test_a_model_that_the_runtime_refuses_is_named_as_the_user_named_it(one: Device, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_text("not a model" * 100)
    with pytest.raises(ModelFileError, match="cannot load") as caught:
        one.run({**JOB, "model": one.put(bad)}, f"that times {bad}", 60)
    assert str(bad) in str(caught.value)


def test_an_unknown_runtime_is_refused_with_the_known(one: Device) -> None:
    with pytest.raises(UsageError, match="unknown runtime 'onnx'; choose one of litert, tflite-runtime"):
        one.run({**JOB, "model": "x", "runtime": "onnx"}, "that times", 60)


def test_a_file_that_is_gone_is_an_error_of_ours(one: Device, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.tflite"):
        one.run({**JOB, "model": one.put(tmp_path / "gone.tflite")}, "that times", 60)


def test_patience_ends(one: Device, exported: Path) -> None:
    there = one.put(exported / "theirs.float32.tflite")
    one.probe()
    begin = time.monotonic()
    with pytest.raises(ChildCrashed, match=r"that dawdles said nothing for 1\.5 s"):
        one.run({**JOB, "model": there, "seconds": 60.0}, "that dawdles", 1.5)
    assert time.monotonic() - begin < 10
    # And it is of use afterwards.
    assert one.run({"task": "state"}, "that reads", 60).keys() == {
        "frequencies_khz",
        "temperatures_c",
        "throttled",
    }


def test_the_runtimes_are_told_apart(one: Device) -> None:
    versions = {
        name: one.run({"task": "runtime", "runtime": name}, "that looks", 60)["version"] for name in INSTALLED
    }
    assert len(set(versions.values())) == len(INSTALLED)


def test_closing_twice_is_harmless(one: Device) -> None:
    one.probe()
    one.close()
    one.close()


def test_a_name_is_the_machine_at_hand_an_entry_or_a_host(board: Board) -> None:
    assert isinstance(device("local"), LocalDevice)
    device_file.write({"pi": device_file.Entry("pi@10.0.0.7")})
    named, bare = device("pi"), device("ssh://me@pi.example:2222")
    assert isinstance(named, SshDevice) and (named.name, named.host) == ("pi", "pi@10.0.0.7")
    assert isinstance(bare, SshDevice) and bare.host == "ssh://me@pi.example:2222"


@pytest.mark.parametrize(
    "name",
    ["-oProxyCommand=touch /tmp/x", "a b", "", "a;b", "$(id)", "`id`", "a\nb", "ü", "me@-x", "a" * 300],
)
def test_a_name_that_is_no_host_is_refused(board: Board, name: str) -> None:
    with pytest.raises(UsageError, match="is no SSH host"):
        device(name)


def test_a_device_that_is_not_there_is_told_with_those_that_are(board: Board) -> None:
    device_file.write({"pi4": device_file.Entry("10.0.0.7")})
    with (
        device("nobody.invalid") as it,
        pytest.raises(EnvironmentProblem, match="the devices are local, pi4"),
    ):
        it.probe()
