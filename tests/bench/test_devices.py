"""The seam: one suite that every kind of device passes, with real workers behind it."""

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adbd import Phone
from click.testing import CliRunner
from installed import INSTALLED
from sshd import Board

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb.device import AdbDevice
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.devices.seam import (
    Answer,
    CanAnswer,
    CanCount,
    CanFindRuntimes,
    CanMeasureBandwidth,
    CanProfileOperators,
    CanReadState,
    CanStream,
    CanTime,
    Device,
    require,
)
from mobilecnn.bench.devices.ssh.device import SshDevice
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.bench.records.measurement import VERIFIED, Run
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.stream import StreamPlan
from mobilecnn.bench.timing import long_run
from mobilecnn.bench.timing.profile import profile
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.cli.profile import command as own_profile
from mobilecnn.errors import CheckFailed, ChildCrashed, EnvironmentProblem, ModelFileError, UsageError
from mobilecnn.records import record

JOB: dict[str, Any] = {
    "task": "time", "runtime": "litert", "threads": 1, "seed": 0, "warmup_runs": 1, "warmup_seconds": 0.0,
    "runs": 3, "seconds": 0.0, "longest_seconds": 150.0, "most_runs": 100_000,
    "delegate": "default",
}  # fmt: skip


@pytest.fixture(params=["local", "ssh"])
def on_worker(request: pytest.FixtureRequest) -> Iterator[Device]:
    """A device of each kind that runs the worker, found by its name as a user would name it."""
    yield from connected(request, request.param)


def connected(request: pytest.FixtureRequest, kind: str) -> Iterator[Device]:
    name = {"local": "local", "ssh": "pi", "adb": "pixel", "emulated": "emulated-a76"}[kind]
    if kind == "ssh":
        request.getfixturevalue("board")
        entries.write({"pi": SshEntry("board", sys.executable)})
    if kind == "adb":
        request.getfixturevalue("phone_with_litert")
    with device(name, "litert") as connected_device:
        yield connected_device


@pytest.fixture(params=["local", "ssh", "adb"])
def timing_device(request: pytest.FixtureRequest) -> Iterator[Device]:
    """Those, and one that has no Python."""
    yield from connected(request, request.param)


@pytest.fixture(params=["local", "ssh", "adb", "emulated"])
def any_device(request: pytest.FixtureRequest) -> Iterator[Device]:
    """And one that has no clock."""
    yield from connected(request, request.param)


def test_it_says_what_it_is(on_worker: Device) -> None:
    facts = on_worker.probe()
    assert facts.kind == ("local" if isinstance(on_worker, LocalDevice) else "ssh")
    assert facts.machine == os.uname().machine
    assert facts.cores == len(os.sched_getaffinity(0))
    assert facts.python == ".".join(map(str, sys.version_info[:3]))
    assert facts.numpy is not None


@pytest.mark.parametrize("runtime", INSTALLED)
def test_it_times_a_model(on_worker: Device, exported: Path, runtime: str) -> None:
    there = on_worker.put(exported / "theirs.int8.tflite")
    answer = require(on_worker, CanTime).time({**JOB, "model": there, "runtime": runtime}, "that times", 60)
    run = record(Run, {**answer, "round": 0, "position": 0, "model": 0, "cooled": None})
    assert len(run.samples_ns) == 3
    assert run.runtime_version[0].isdigit()


def work(target: Device, more: dict[str, Any], doing: str, timeout: float) -> Answer:
    """Have it run a model a few times, whatever it finds out by that."""
    if isinstance(target, CanCount):
        return target.count({**JOB, "task": "count", "counts_only": True, **more}, doing, timeout)
    timer = require(target, CanTime)
    protocol = timer.adapt(Protocol())
    return timer.time({**JOB, "runtime": protocol.runtime, "cores": protocol.cores, **more}, doing, timeout)


def endless(target: Device) -> dict[str, Any]:
    return {"seconds": 120.0, **({"runs": 10**9} if isinstance(target, CanCount) else {})}


def samples(answer: dict[str, Any]) -> list[Any]:
    timed: list[Any] = answer["samples" if "samples" in answer else "samples_ns"]
    return timed


def test_a_phone_answers_and_times(phone_with_litert: Phone, exported: Path) -> None:
    models = [exported / f"theirs.{name}.tflite" for name in ("float32", "int8")]
    with device("pixel", "litert") as pixel:
        protocol = Protocol(rounds=2, warmup_runs=1, warmup_seconds=0, runs=4, seconds=0)
        measured = measure(models, pixel, protocol)
    assert [model.answers.verdict for model in measured.models] == [VERIFIED, VERIFIED]
    assert measured.protocol.runtime == "benchmark_model"
    assert [run.count for run in measured.runs] == [4] * 4
    assert isinstance(pixel, AdbDevice) and not list(phone_with_litert.tmp.glob("mobilecnn-*"))


def test_what_a_phone_cannot_do_is_refused_before_any_work(
    phone_with_litert: Phone, exported: Path, tmp_path: Path
) -> None:
    model = exported / "theirs.int8.tflite"
    with device("pixel", "litert") as pixel:
        for capability in (CanStream, CanMeasureBandwidth, CanCount):
            with pytest.raises(UsageError, match=r"pixel is a phone, .* need a board or this machine"):
                require(pixel, capability)
        for plan in (StreamPlan.sustained(0.01, Protocol()), StreamPlan.single_stream(0.1, 64, Protocol())):
            with pytest.raises(
                UsageError, match="mobilecnn sustained and single-stream need a board or this machine"
            ):
                long_run.run([model], pixel, plan)
    assert not list(phone_with_litert.tmp.glob("mobilecnn/models/*"))


def test_a_profile_of_a_phone_has_no_bandwidth_and_that_of_its_own_tool(
    phone_with_litert: Phone, exported: Path, tmp_path: Path
) -> None:
    model = exported / "theirs.int8.tflite"
    protocol = Protocol(rounds=1, warmup_runs=0, warmup_seconds=0, runs=1, seconds=0)
    with device("pixel", "litert") as pixel:
        profiled = profile(model, pixel, protocol, tmp_path)
    assert profiled.bandwidth is None and profiled.record.device.kind == "adb"
    assert all(row.median is not None and row.median.value > 0 for row in profiled.rows)
    assert profiled.own is not None
    assert len(profiled.own.operators) == sum(kind.count for kind in profiled.own.types) >= len(profiled.rows)
    options = ["--device", "pixel", "--rounds", "1", "--seconds", "0", "-o", str(tmp_path / "out")]
    shown = CliRunner().invoke(own_profile, [str(model), *options])
    assert shown.exit_code == 0, shown.output
    assert re.search(
        r"benchmark_model's own profile +operators +ms +share\n(.*\n)*CONV_2D +[1-9]", shown.stdout
    )
    kept = json.loads((tmp_path / "out" / "profile.json").read_text())
    assert [kind["type"] for kind in kept["benchmark_model"]["types"]] == [k.type for k in profiled.own.types]


def test_a_phone_without_a_sensor_is_not_waited_for(phone_with_litert: Phone, exported: Path) -> None:
    for name in (phone_with_litert.root / "sys/class/thermal").iterdir():
        (name / "temp").unlink()
    said: list[str] = []
    protocol = Protocol(rounds=2, warmup_runs=0, warmup_seconds=0, runs=1, seconds=0, cool_down=60)
    with device("pixel", "litert") as pixel:
        measured = measure([exported / "theirs.int8.tflite"], pixel, protocol, say=said.append)
    # It has a battery that tells its temperature, which is not the processor's.
    assert measured.runs[0].before.temperatures_c == {"battery": 31.2}
    assert said == ["This device shows no temperature of its processor: --cool-down waits for nothing"]
    assert [run.cooled for run in measured.runs] == [None] * 2


@pytest.mark.parametrize("complaint", ["", "Unconsumed cmdline flags: --output_filepath=x"])
def test_a_phone_whose_program_writes_no_outputs(
    phone_with_litert: Phone, exported: Path, complaint: str
) -> None:
    code = (phone_with_litert.root / "tool").read_text().removeprefix("#!/bin/sh\n")
    # The last flag is not handed on.
    phone_with_litert.program(
        "tool",
        f'case "$*" in *output_filepath*) set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7"; echo "{complaint}";; esac; {code}',
    )
    with device("pixel", "litert") as pixel:
        measured = measure([exported / "theirs.int8.tflite"], pixel, Protocol(rounds=1, runs=1, seconds=0))
    (model,) = measured.models
    assert model.answers.reason == "this build of benchmark_model does not write its outputs"


def test_a_phone_that_answers_wrongly(phone_with_litert: Phone, exported: Path) -> None:
    code = (phone_with_litert.root / "tool").read_text().removeprefix("#!/bin/sh\nexec ").strip()
    wrong = 'for f; do case $f in --output_filepath=*) printf "AA" >"${f#*=}";; esac; done'
    phone_with_litert.program("tool", f"{code} || exit; {wrong}")
    with (
        device("pixel", "litert") as pixel,
        pytest.raises(CheckFailed, match=r"golden picture 1: score [01] is"),
    ):
        measure([exported / "theirs.int8.tflite"], pixel, Protocol(rounds=1, runs=1, seconds=0))


def test_what_runs_can_be_stopped_from_another_thread(any_device: Device, exported: Path) -> None:
    there = any_device.put(exported / "theirs.int8.tflite")
    work(any_device, {"model": there}, "that times", 60)  # Whatever is looked for there is found.
    any_device.stop()  # Nothing runs: harmless.
    ended = threading.Event()

    def keep_stopping() -> None:
        while not ended.wait(2.0):
            any_device.stop()

    thread = threading.Thread(target=keep_stopping)
    thread.start()
    try:
        with pytest.raises(EnvironmentProblem, match="was ended by SIGKILL"):
            work(any_device, {**endless(any_device), "model": there}, "that times", 200)
    finally:
        ended.set()
        thread.join()
    # Only what ran was ended, and not the connection.
    assert samples(work(any_device, {"model": there}, "that times", 60))


def test_a_whole_measurement(timing_device: Device, exported: Path) -> None:
    models = [exported / f"theirs.{name}.tflite" for name in ("float32", "int8")]
    protocol = Protocol(rounds=2, warmup_runs=1, warmup_seconds=0, runs=4, seconds=0)
    measured = measure(models, timing_device, protocol)
    assert [model.file for model in measured.models] == [str(path) for path in models]
    assert len(measured.runs) == 4


def test_a_model_that_the_runtime_refuses_is_named_as_the_user_named_it(
    any_device: Device, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_text("not a model" * 100)
    with pytest.raises(ModelFileError, match="cannot load") as caught:
        work(any_device, {"model": any_device.put(bad)}, f"that times {bad}", 60)
    assert str(bad) in str(caught.value)


def test_an_unknown_runtime_is_refused_with_the_known(any_device: Device) -> None:
    with pytest.raises(
        UsageError,
        match=r"unknown runtime 'onnx'; choose one of (litert, tflite-runtime|benchmark_model)",
    ):
        work(any_device, {"model": "x", "runtime": "onnx"}, "that times", 60)


def test_a_file_that_is_gone_is_an_error_of_ours(any_device: Device, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.tflite"):
        work(any_device, {"model": any_device.put(tmp_path / "gone.tflite")}, "that times", 60)


def test_patience_ends(any_device: Device, exported: Path) -> None:
    there = any_device.put(exported / "theirs.float32.tflite")
    any_device.probe()
    with pytest.raises(ChildCrashed, match=r"that dawdles (said nothing for|took longer than) 1\.5 s"):
        work(any_device, {**endless(any_device), "model": there}, "that dawdles", 1.5)
    # And it is of use afterwards.
    assert require(any_device, CanReadState).state().keys() >= {
        "frequencies_khz",
        "temperatures_c",
        "throttled",
    }


def test_the_runtimes_are_told_apart(on_worker: Device) -> None:
    versions = {name: require(on_worker, CanFindRuntimes).version(name) for name in INSTALLED}
    assert len(set(versions.values())) == len(INSTALLED)


def test_closing_twice_is_harmless(any_device: Device) -> None:
    any_device.probe()
    any_device.close()
    any_device.close()


def test_a_name_is_the_machine_at_hand_an_entry_or_a_host(board: Board) -> None:
    assert isinstance(device("local"), LocalDevice)
    entries.write({"pi": SshEntry("pi@10.0.0.7")})
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
    entries.write({"pi4": SshEntry("10.0.0.7")})
    with (
        device("nobody.invalid") as absent,
        pytest.raises(EnvironmentProblem, match="the devices are local, pi4"),
    ):
        absent.probe()


CAPABILITIES = {
    "local": {CanFindRuntimes, CanReadState, CanAnswer, CanTime, CanStream, CanMeasureBandwidth},
    "pi": {CanFindRuntimes, CanReadState, CanAnswer, CanTime, CanStream, CanMeasureBandwidth},
    "pixel": {CanFindRuntimes, CanReadState, CanAnswer, CanTime, CanProfileOperators},
    "emulated": {CanFindRuntimes, CanReadState, CanAnswer, CanCount},
}


@pytest.mark.parametrize("name", CAPABILITIES)
def test_each_device_can_what_it_can_and_says_of_the_rest_what_to_use(board: Board, name: str) -> None:
    """Nothing is connected for that."""
    entries.write({"pi": SshEntry("10.0.0.7"), "pixel": AdbEntry()})
    named = device(name)
    assert isinstance(named, Device)
    for capability in set().union(*CAPABILITIES.values()):
        if capability in CAPABILITIES[name]:
            assert require(named, capability) is named
        else:
            with pytest.raises(UsageError, match=rf"^{name} .*(a board|a phone|emulated)"):
                require(named, capability)
