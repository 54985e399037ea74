"""Timing on a phone through the real adb client, with a stand-in for the phone, and all that can go wrong."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import adbd
import pytest
from adbd import CLOCKS, FEATURES, LOG, PROPERTIES, Phone
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner, Result
from sshd import command_of
from test_benchmark_model import elf

from mobilecnn.bench.devices import entries as device_file
from mobilecnn.bench.devices.adb import app as android_app
from mobilecnn.bench.devices.adb import device as adb
from mobilecnn.bench.devices.adb.device import AdbDevice
from mobilecnn.bench.devices.adb.phone import core_mask
from mobilecnn.bench.judge.summary import summarize
from mobilecnn.bench.records.measurement import Android, Facts, Run, read
from mobilecnn.bench.records.protocol import OnPhone, Protocol
from mobilecnn.cli import cli
from mobilecnn.convert import passport
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, InputError, ModelFileError, UsageError
from mobilecnn.files import sha256
from mobilecnn.records import record

JOB = {
    "task": "time", "runtime": "benchmark_model", "threads": 1, "seed": 0, "warmup_runs": 5, "warmup_seconds": 0.5,
    "runs": 50, "seconds": 1.0, "longest_seconds": 150.0, "most_runs": 100_000,
}  # fmt: skip
TOOL = b"the program"
PASSPORT = Path(__file__).parent.parent / "samples/passports/tiny.float32.json"


@pytest.fixture
def pixel(phone: Phone) -> Phone:
    """A phone with benchmark_model, that is called so."""
    (phone.tmp / "benchmark_model").write_bytes(TOOL)
    (phone.tmp / "benchmark_model").chmod(0o755)
    device_file.write({"pixel": device_file.Entry(kind="adb", serial=phone.serial)})
    return phone


@pytest.fixture(params=[FEATURES, ()], ids=["new", "old"])
def either(request: pytest.FixtureRequest, pixel: Phone) -> Phone:
    """A phone of today, and one with an old system, whose adbd tells no exit codes."""
    if pixel.features != request.param:
        pixel.features = request.param
        pixel.drop()
        adbd.connect(pixel, {})
    return pixel


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "a model's.tflite"
    path.write_bytes(os.urandom(300_000))
    return path


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .tflite file that nothing here runs; the current folder is empty."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    model.operatorCodes, model.subgraphs = [schema.OperatorCodeT()], [schema.SubGraphT()]
    (tmp_path / "small.tflite").write_bytes(flatbuffer.pack(model) + bytes(5000))
    return tmp_path / "small.tflite"


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", *map(str, arguments), "--device", "pixel", "-o", "it.json"])


def failed(model: Path, words: str, *arguments: object, code: int = 3) -> None:
    """Expect one line that says what is wrong, and nothing written."""
    done = bench(model, *arguments)
    assert done.exit_code == code, done.output
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert re.search(words, line), line
    assert "Traceback" not in done.output
    assert list(Path.cwd().iterdir()) == []


@contextlib.contextmanager
def soon(action: Callable[[], None]) -> Iterator[None]:
    """Do something beside the block."""
    thread = threading.Thread(target=action)
    thread.start()
    yield
    thread.join()


def running(phone: Phone, words: str, seconds: float = 60) -> int:
    """The process on the phone whose command line has ``words``, as soon as there is one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for process in phone.sessions():
            if command_of(process).strip() == words:
                return process
        time.sleep(0.02)
    raise AssertionError(f"{words} was not started on the phone")


def test_it_says_what_it_is(either: Phone) -> None:
    with AdbDevice("pixel", either.serial) as it:
        facts = it.probe()
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
    with AdbDevice("pixel", pixel.serial) as it:
        facts, state = it.probe(), it.run({"task": "state"}, "that reads", 60)
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
    with AdbDevice("pixel", pixel.serial) as it:
        state = it.run({"task": "state"}, "that reads", 60)
    assert state == {
        "frequencies_khz": {f"cpu{core}": khz // 2 for core, khz in enumerate(CLOCKS)},
        "temperatures_c": {"thermal_zone0 cpu-big": 41.5, "battery": 31.2},
        "throttled": None,
        "thermal_status": 3,
    }


def test_something_that_is_no_android(pixel: Phone) -> None:
    pixel.describe({}, CLOCKS)
    with AdbDevice("pixel", pixel.serial) as it, pytest.raises(EnvironmentProblem, match="is it an Android"):
        it.probe()


def test_a_timing_is_a_summary(either: Phone, model: Path) -> None:
    with AdbDevice("pixel", either.serial) as it:
        answer = it.run({**JOB, "model": it.put(model)}, "that times", 60)
    run = record(Run, {**answer, "round": 0, "position": 0, "model": 0, "cooled": None})
    assert run.runtime_version == f"sha256:{sha256(TOOL)}"
    assert (run.samples_ns, run.first_ns, run.init_ns) == ((8_200_000,), 9_000_000, 6_951_000)
    assert run.summary is not None
    assert dataclasses.astuple(run.summary) == (122, 8_001_000, 8_700_000, 8_213_500, 44_000, 8_200_000)
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
    measured = read(Path("it.json"))
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
    (result,) = summarize(read(Path("it.json")))
    assert result.of_means and result.to_json()["median_of_means"] is True


def test_a_hot_phone_is_invalid(pixel: Phone, small: Path) -> None:
    (pixel.root / "dumpsys.thermalservice").write_text("Thermal Status: 2\n")
    done = bench(small)
    assert done.exit_code == 0
    assert re.search("INVALID: .*slowing itself down .thermal status 2, moderate.: let it cool", done.stdout)


def test_a_model_is_pushed_once_and_never_trusted_blindly(either: Phone, model: Path) -> None:
    with AdbDevice("pixel", either.serial) as it:
        there = either.root / it.put(model)[1:]
        assert there == either.tmp / f"mobilecnn/models/{sha256(model.read_bytes())}.tflite"
        assert it.put(model) and len(either.pushed) == 1
        for damaged in (model.read_bytes()[:5000], b"", os.urandom(300_000)):
            there.write_bytes(damaged)
            it.put(model)
            assert there.read_bytes() == model.read_bytes()
        assert len(either.pushed) == 4
        (private,) = either.tmp.glob("mobilecnn-*")
        assert private.stat().st_mode & 0o777 == 0o700
    with AdbDevice("pixel", either.serial) as it:
        it.put(model)
    assert len(either.pushed) == 4


def test_a_given_program_is_pushed_and_recorded(either: Phone, model: Path, tmp_path: Path) -> None:
    program = tmp_path / "benchmark_model"
    program.write_bytes(elf())
    with AdbDevice("pixel", either.serial, OnPhone(program, "little"), "litert") as it:
        facts = it.probe()
        answer = it.run({**JOB, "model": it.put(model)}, "that times", 60)
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
    ("clocks", "big", "little"),
    [
        (CLOCKS, "c0", "f"),
        ((1766,) * 4 + (2803,) * 4, "f0", "f"),  # Four and four.
        ((1785,) * 4 + (2419,) * 3 + (2841,), "f0", "f"),  # One prime core: only the slowest are little.
        ((2150, 2150, 1593, 1593), "3", "c"),  # Big ones first.
        ((1500,) * 4, "f", "f"),
        ((), "f", "f"),
    ],
)
def test_which_cores_are_big(pixel_facts: Facts, clocks: tuple[int, ...], big: str, little: str) -> None:
    facts = dataclasses.replace(
        pixel_facts,
        cores=len(clocks) or 4,
        max_frequencies_khz={f"cpu{n}": khz for n, khz in enumerate(clocks)},
    )
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
    assert set(pixel.lines("masks")) == {"ff"}


def test_cores_that_cannot_be_told_apart(pixel: Phone, small: Path) -> None:
    pixel.describe(PROPERTIES, (0,) * 8)
    failed(small, "does not tell the clocks of its cores.*use --cores all")
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
    done = CliRunner().invoke(cli, ["bench", str(small), "--cores", "big"])
    assert done.exit_code == 2
    assert "--benchmark-model and --cores are for phones, and local is none" in done.stderr


# What can be wrong before anything runs.


def test_no_adb(pixel: Phone, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        failed(small, "there is no adb on this machine; install it")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adb, "SETTLE_SECONDS", 0.6)


def test_no_phone(pixel: Phone, small: Path, impatient: None) -> None:
    adbd.adb("disconnect", pixel.serial, variables={})
    failed(small, f"adb sees no device {pixel.serial}, which pixel is said to be; it sees: none.*adb connect")
    device_file.write({"pixel": device_file.Entry(kind="adb")})
    failed(small, "adb sees no device. Connect pixel by USB .*switch on USB debugging")


def test_two_phones(pixel: Phone, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device_file.write({"pixel": device_file.Entry(kind="adb")})
    with Phone(tmp_path / "other") as other:
        adbd.connect(other, {})
        try:
            both = f"({pixel.serial}|{other.serial}) .device., ({pixel.serial}|{other.serial}) .device."
            failed(small, f"adb sees several devices: {both}.*devices add pixel --adb --serial")
            monkeypatch.setenv("ANDROID_SERIAL", pixel.serial)
            assert bench(small).exit_code == 0
            other.expect_nothing_left()
            assert other.pushed == []
        finally:
            adbd.adb("disconnect", other.serial, variables={})


def test_the_only_one_needs_no_serial(pixel: Phone, small: Path) -> None:
    device_file.write({"pixel": device_file.Entry(kind="adb")})
    assert bench(small).exit_code == 0


def test_not_allowed(pixel: Phone, small: Path, impatient: None) -> None:
    pixel.authorised = False
    pixel.drop()
    adbd.connect(pixel, {}, "unauthorized")
    failed(
        small,
        rf"pixel \({pixel.serial}\) does not trust this machine yet: unlock it, and allow USB debugging",
    )


def test_offline(pixel: Phone, small: Path, impatient: None) -> None:
    pixel.silent = True
    pixel.drop()
    adbd.connect(pixel, {}, "offline")
    failed(small, rf"pixel \({pixel.serial}\) is offline to adb: unplug it")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_port_that_is_anothers(
    pixel: Phone, small: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """Another protocol answers there, or nobody does."""
    monkeypatch.setattr(adb, "ADB_SECONDS", 5.0)
    with socket.create_server(("127.0.0.1", 0)) as taken, monkeypatch.context() as patch:
        patch.setenv("ANDROID_ADB_SERVER_PORT", str(taken.getsockname()[1]))

        def reply() -> None:
            with contextlib.suppress(OSError):
                while True:
                    other, _ = taken.accept()
                    with other:
                        other.recv(100)
                        other.sendall(answer)

        if answer:
            threading.Thread(target=reply, daemon=True).start()
        failed(small, "adb does not work here .*kill-server|adb devices did not end in 5 s.*kill-server")
        taken.shutdown(socket.SHUT_RDWR)


# What can go wrong meanwhile.


def test_no_room(either: Phone, small: Path) -> None:
    either.room = 1000
    failed(
        small,
        r"cannot bring .*small\.tflite to pixel .*No space left on device.*adb shell df /data/local/tmp",
    )
    assert not list(either.tmp.rglob("*.tflite"))


def test_a_file_that_does_not_arrive_whole(
    pixel: Phone, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AdbDevice("pixel", pixel.serial) as it:
        it.probe()
        monkeypatch.setattr(adb, "sha256", lambda content: sha256(b"another"))
        with pytest.raises(EnvironmentProblem, match="it did not arrive whole"):
            it.put(model)
    assert not list(pixel.tmp.rglob("*.tflite"))


def test_the_connection_breaks_while_a_file_is_on_its_way(either: Phone, small: Path, tmp_path: Path) -> None:
    (tmp_path / "large.tflite").write_bytes(small.read_bytes() + bytes(3_000_000))
    either.break_push_after = 1_000_000
    with (
        AdbDevice("pixel", either.serial) as it,
        pytest.raises(
            EnvironmentProblem, match=r"the connection to pixel broke.*that brings .*check the cable"
        ),
    ):
        it.put(tmp_path / "large.tflite")
    either.expect_nothing_left()
    assert not list(either.tmp.rglob("*.tflite"))


@pytest.mark.parametrize("how", [Phone.drop, Phone.vanish])
def test_the_connection_breaks_while_it_times(
    either: Phone, model: Path, how: Callable[[Phone], None]
) -> None:
    either.program("tool", "echo INFO: STARTING!; exec sleep 600")

    def cut() -> None:
        running(either, "sleep 600")
        how(either)

    with AdbDevice("pixel", either.serial) as it:
        there = it.put(model)
        with (
            soon(cut),
            pytest.raises(EnvironmentProblem, match=r"the connection to pixel broke.*that times it"),
        ):
            it.run({**JOB, "model": there}, "that times it", 60)
        either.expect_nothing_left()
        with pytest.raises(EnvironmentProblem):
            it.run({"task": "state"}, "that reads", 60)


def test_patience_ends(either: Phone, model: Path) -> None:
    either.program("tool", "echo INFO: STARTING!; exec sleep 600")
    with AdbDevice("pixel", either.serial) as it:
        there = it.put(model)
        with pytest.raises(ChildCrashed, match=r"on pixel: the process that dawdles took longer than 3 s"):
            it.run({**JOB, "model": there}, "that dawdles", 3)
        # And it is of use afterwards; what was started has ended.
        end = time.monotonic() + 60
        while any("sleep 600" in command_of(process) for process in either.sessions()):
            assert time.monotonic() < end
            time.sleep(0.05)
        either.prints(LOG)
        assert it.run({**JOB, "model": there}, "that times", 60)["summary"]["count"] == 122


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ("cat /dev/urandom | head -c 3000", EnvironmentProblem, "benchmark_model printed no whole run"),
        ("true", EnvironmentProblem, "benchmark_model printed no whole run"),
        ('head -n 10 "$PHONE/printed"', EnvironmentProblem, "benchmark_model printed"),
        ("while echo nonsense; do :; done", ChildCrashed, "that times it talks without end"),
        ("kill -9 $$", ChildCrashed, "that times it was ended by SIGKILL"),
        ("echo oh >&2; kill -11 $$", ChildCrashed, "that times it was ended by SIGSEGV; its last words: (oh|Segmentation fault)"),
        ("echo ERROR: no such flag >&2; exit 1", EnvironmentProblem, "ended with code 1: ERROR: no such flag"),
        ("echo ERROR: Failed to load model; exit 1", ModelFileError, r"cannot load .*model's\.tflite"),
        ("chmod 644 $PHONE/data/local/tmp/benchmark_model; exit 126", EnvironmentProblem, "ended with code 126"),
    ],
)  # fmt: skip
def test_a_program_that_misbehaves(
    pixel: Phone,
    model: Path,
    script: str,
    kind: type[Exception],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adb, "MOST_BYTES", 200_000)
    pixel.program("tool", script)
    with AdbDevice("pixel", pixel.serial) as it, pytest.raises(kind, match=words) as caught:
        it.run({**JOB, "model": it.put(model)}, "that times it", 60)
    assert type(caught.value) is kind


def test_a_shell_that_talks_first_is_survived(either: Phone, model: Path) -> None:
    either.greeting = "echo WARNING: linker: something; echo; "
    with AdbDevice("pixel", either.serial) as it:
        assert it.run({**JOB, "model": it.put(model)}, "that times", 60)["summary"]["count"] == 122


def interrupt(phone: Phone, model: Path, how: signal.Signals, send: Callable[[int, int], None]) -> None:
    """Have the command end by a signal while a model is timed, and expect nothing to be left of it."""
    phone.program("tool", "echo INFO: STARTING!; exec sleep 600")
    # As a terminal starts it: a parent in the background would hand down an ignored SIGINT.
    arguments = ["bench", str(model), "--device", "pixel", "-o", "it.json"]
    command = ["env", "--default-signal=INT", sys.executable, "-m", "mobilecnn", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            running(phone, "sleep 600", 60)
            send(process.pid, how)
            code = process.wait(timeout=60)
        finally:
            process.kill()
    assert code == (130 if how == signal.SIGINT else -how)
    phone.expect_nothing_left()
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_ctrl_c_leaves_nothing_on_the_phone(
    either: Phone, small: Path, send: Callable[[int, int], None]
) -> None:
    interrupt(either, small, signal.SIGINT, send)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_killed_leaves_nothing_on_the_phone(
    pixel: Phone, small: Path, how: signal.Signals
) -> None:
    """On one with an old system it would: adb does not hand on the end of its input to that."""
    interrupt(pixel, small, how, os.kill)


def test_an_unknown_runtime(pixel: Phone) -> None:
    with (
        AdbDevice("pixel", pixel.serial) as it,
        pytest.raises(UsageError, match="unknown runtime 'litert'; choose one of benchmark_model, app"),
    ):
        it.run({**JOB, "model": "x", "runtime": "litert"}, "that times", 60)


def test_a_model_that_is_gone(pixel: Phone, tmp_path: Path) -> None:
    with AdbDevice("pixel", pixel.serial) as it, pytest.raises(InputError, match="no such model"):
        it.put(tmp_path / "gone.tflite")


def test_the_protocol_names_what_runs(pixel: Phone) -> None:
    with AdbDevice("pixel", pixel.serial, None, "litert") as it:
        assert it.adapt(Protocol(rounds=7)) == Protocol(rounds=7, runtime="benchmark_model")


def devices(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["devices", *arguments])


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
        device_file.path()
        .read_text()
        .endswith('[one]\nkind = "adb"\n\n[two]\nkind = "adb"\nserial = "10.0.0.5:5555"\n')
    )
    needs = devices("setup", "one")
    assert needs.exit_code == 0 and "android_aarch64_benchmark_model" in needs.stdout
    assert len(json.loads(devices("setup", "one", "--json").stdout)["needs"]) == 3
    assert devices("remove", "one").exit_code == 0
    assert list(device_file.read()) == ["two"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x"], "give either --host HOST, for a board over SSH, or --adb, for an Android phone"),
        (["x", "--adb", "--host", "h"], "give either --host HOST"),
        (["x", "--host", "h", "--serial", "S"], "a serial is a phone's"),
        (["x", "--adb", "--python", "python3"], "a phone has a serial and a profile"),
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


# The sample app. In tests/android its own code times there; here a script answers.

RUNS = """[ "$1" = start ] || { rm -f "$PHONE/alive"; exit 0; }
echo "Starting: Intent { cmp=org.mobilecnn.demo/.BenchmarkActivity }"; : >"$PHONE/alive"
for word; do
  case $last in run_id) id=$word;; sha256) digest=$word;; model) model=$word;; esac; last=$word
done
"""
ANSWERS = """sed "s|RUN_ID|$id|g; s|DIGEST|$digest|; s|MODEL|$model|" "$PHONE/answer" >"$PHONE/log"
"""
APP_JOB = {**JOB, "runtime": "app", "warmup_runs": 1, "runs": 4}
ANSWERED = (
    Path(__file__).parent.parent.parent / "android_demo/core/src/test/resources/benchmark_lines.txt"
).read_text()


def says(phone: Phone, **change: Any) -> None:
    """Have the app answer as the app's own tests do, but for one warm-up, four runs and ``change``."""
    document = json.loads(android_app.collect(ANSWERED.splitlines(), "run-7") or "")
    run = {**document["run"], "warmup_ns": [8300001], "samples_ns": [8200011, 8150012, 8300013, 8190014]}
    asked = {"run_id": "RUN_ID", "model": {"name": "MODEL", "sha256": "DIGEST"}, "threads": 1}
    answer = json.dumps({**document, **asked, "run": run, "native_ns": None, **change})
    (phone.root / "answer").write_text(
        f"--------- beginning of main\nMOBILECNN RUN_ID 1/1 {answer}\nMOBILECNN_DONE RUN_ID 0\n"
    )


@pytest.fixture
def with_app(pixel: Phone) -> Phone:
    """A phone with the sample app and no benchmark_model."""
    (pixel.tmp / "benchmark_model").unlink()
    says(pixel)
    pixel.program("app", RUNS + ANSWERS)
    (pixel.root / "dumpsys.package").write_text("    versionCode=1\n    versionName=0.1.0\n")
    return pixel


def give_passport(model: Path, **change: Any) -> Path:
    """The model, and beside it a passport without golden pictures, with members changed."""
    document = json.loads(PASSPORT.read_text())
    document.update(golden=[], labels=[])
    document["file"].update(name=model.name, sha256=sha256(model.read_bytes()))
    document.update(change)
    passport.beside(model).write_text(json.dumps(document))
    return model


def test_the_app_times_where_there_is_no_program(with_app: Phone, small: Path) -> None:
    done = bench(give_passport(small), "--rounds", 2, "--runs", 4, "--warmup-runs", 1)
    assert done.exit_code == 0, done.output
    measured = read(Path("it.json"))
    assert measured.protocol == Protocol(
        rounds=2, warmup_runs=1, runs=4, runtime="app", seconds=0, warmup_seconds=0
    )
    assert [run.samples_ns for run in measured.runs] == [(8200011, 8150012, 8300013, 8190014)] * 2
    assert {run.runtime_version for run in measured.runs} == {"0.1.0, TensorFlow Lite 2.16.1"}
    assert measured.device.android is not None and measured.device.android.cores == "ff"
    assert "raw samples: it.json" in done.stdout
    assert "app 0.1.0, TensorFlow Lite 2.16.1, 1 thread" in done.stdout
    start, stop, *_ = with_app.lines("started")
    assert re.fullmatch(
        r"start -W -S -n org.mobilecnn.demo/.BenchmarkActivity --es run_id [0-9a-f]{32} --es model "
        r"/\S+/mobilecnn/models/[0-9a-f]{64}/[0-9a-f]{64}.tflite --es sha256 [0-9a-f]{64} --ei threads 1 "
        r"--ei warmup 1 --ei runs 4",
        start,
    )
    assert stop == "force-stop org.mobilecnn.demo"


def test_what_the_app_reads_of_the_phone_is_kept(with_app: Phone, small: Path) -> None:
    """It is nearer to the timed part than what adb reads, and less."""
    says(with_app, thermal_status={"before": "none", "after": "moderate"})
    with AdbDevice("pixel", with_app.serial) as it:
        answer = it.run({**APP_JOB, "model": it.put(give_passport(small))}, "that times", 60)
    run = record(Run, {**answer, "round": 0, "position": 0, "model": 0, "cooled": None})
    assert (run.before.thermal_status, run.after.thermal_status) == (0, 2)
    assert run.before.temperatures_c == {"thermal_zone0 cpu-big": 41.5, "battery": 31.5}
    assert run.before.frequencies_khz == {"cpu0": 1_800_000} and run.after.probe_ns == (7,) * 5
    assert (run.baseline_rss_bytes, run.peak_rss_bytes, run.warmup_ns) == (
        100_000_000,
        123_456_789,
        (8300001,),
    )


def test_without_a_thermal_status_adb_is_asked(with_app: Phone, small: Path) -> None:
    (with_app.root / "dumpsys.thermalservice").write_text("Thermal Status: 3\n")
    says(with_app, thermal_status={"before": None, "after": None})
    with AdbDevice("pixel", with_app.serial) as it:
        answer = it.run({**APP_JOB, "model": it.put(give_passport(small))}, "that times", 60)
    assert answer["before"]["thermal_status"] == answer["after"]["thermal_status"] == 3


def test_the_app_judges_its_answers(with_app: Phone, small: Path) -> None:
    verdict = {"verdict": "differs", "reason": "other", "pictures": 3, "difference": None, "tolerance": 0.1}
    document = json.loads((with_app.root / "answer").read_text().splitlines()[1].split(" ", 3)[3])
    says(with_app, answers=verdict, run={**document["run"], "warmup_ns": [], "samples_ns": [1]})
    with AdbDevice("pixel", with_app.serial) as it:
        job = {"task": "answer", "runtime": "app", "threads": 1, "model": it.put(give_passport(small))}
        assert it.run(job, "that asks", 60) == {"judged": verdict}


def test_the_passport_travels_with_the_model(with_app: Phone, model: Path) -> None:
    with AdbDevice("pixel", with_app.serial) as it:
        first = with_app.root / it.put(give_passport(model))[1:]
        assert first.read_bytes() == model.read_bytes()
        for file, wanted in ((first, model), (first.with_suffix(".json"), passport.beside(model))):
            assert file.read_bytes() == wanted.read_bytes()
            # The app is another user there.
            assert file.stat().st_mode & 0o777 == 0o644
        for folder in (first.parent, first.parent.parent):
            assert folder.stat().st_mode & 0o777 == 0o755
        it.put(model)
        assert len(with_app.pushed) == 2
        # The same model exported with other labels is another file to the app.
        second = with_app.root / it.put(give_passport(model, labels=["a"]))[1:]
        assert json.loads(second.with_suffix(".json").read_text())["labels"] == ["a"]
        assert json.loads(first.with_suffix(".json").read_text())["labels"] == []


def test_the_app_needs_the_passport(with_app: Phone, small: Path) -> None:
    failed(small, r"small.tflite has no passport small.json beside it, and the sample app on pixel", code=2)
    assert with_app.pushed == [] and with_app.lines("started") == []


def test_the_app_times_no_single_operators(with_app: Phone, small: Path) -> None:
    done = CliRunner().invoke(cli, ["profile", str(small), "--device", "pixel"])
    assert done.exit_code == 2 and "give --benchmark-model PATH" in done.stderr, done.output
    assert with_app.pushed == []


def test_what_the_app_refuses_is_told_by_the_names_here(with_app: Phone, small: Path) -> None:
    head = {"schema": android_app.SCHEMA, "version": android_app.VERSION, "run_id": "RUN_ID"}
    refusal = json.dumps({**head, "error": "ModelFileError", "message": "cannot run MODEL: too new"})
    (with_app.root / "answer").write_text(f"MOBILECNN RUN_ID 1/1 {refusal}\nMOBILECNN_DONE RUN_ID 2\n")
    failed(give_passport(small), r"on pixel: the app: cannot run \S+/small.tflite: too new", code=2)


@pytest.mark.parametrize(
    ("script", "kind", "words", "seconds"),
    [
        (
            RUNS + 'rm "$PHONE/alive"',
            ChildCrashed,
            "the app ended without an answer.*that times it.*logcat -b crash",
            60,
        ),
        (RUNS, ChildCrashed, "that times it took longer than 2 s", 2),
        (
            RUNS + ANSWERS + 'sed -i "/ 1.1 /d" "$PHONE/log"',
            EnvironmentProblem,
            "logged its end, and no answer",
            60,
        ),
        ("echo Error: no activity; exit 1", EnvironmentProblem, "ended with code 1: Error: no activity", 60),
    ],
)
def test_an_app_that_misbehaves(
    with_app: Phone, model: Path, script: str, kind: type[Exception], words: str, seconds: float
) -> None:
    with_app.program("app", script)
    with AdbDevice("pixel", with_app.serial) as it, pytest.raises(kind, match=words) as caught:
        it.run({**APP_JOB, "model": it.put(give_passport(model))}, "that times it", seconds)
    assert type(caught.value) is kind
    assert with_app.lines("started")[-1] == "force-stop org.mobilecnn.demo"


def test_the_app_can_be_stopped_from_another_thread(with_app: Phone, model: Path) -> None:
    with_app.program("app", RUNS)  # It never answers.
    alive = with_app.root / "alive"
    with AdbDevice("pixel", with_app.serial) as it:
        there = it.put(give_passport(model))

        def stop() -> None:
            end = time.monotonic() + 60
            while not alive.exists() and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(2)  # Until it is waited for.
            it.stop()

        with soon(stop), pytest.raises(EnvironmentProblem, match=r"was stopped|was ended by SIGKILL"):
            it.run({**APP_JOB, "model": there}, "that times it", 300)
    assert not alive.exists()


def test_a_killed_command_stops_the_app(with_app: Phone, small: Path) -> None:
    with_app.program("app", RUNS)
    arguments = ["bench", str(give_passport(small)), "--device", "pixel", "-o", "it.json"]
    command = ["env", "--default-signal=INT", sys.executable, "-m", "mobilecnn", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            end = time.monotonic() + 60
            while not (with_app.root / "alive").exists():
                assert time.monotonic() < end
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)
        finally:
            process.kill()
    end = time.monotonic() + 60
    while (with_app.root / "alive").exists():
        assert time.monotonic() < end, "the guard does not stop the app"
        time.sleep(0.05)


def test_the_app_takes_no_cores(with_app: Phone, small: Path) -> None:
    failed(small, "--cores is for benchmark_model, and pixel has the sample app", "--cores", "big", code=2)


def test_devices_probe_finds_the_app(with_app: Phone) -> None:
    document = json.loads(devices("probe", "pixel", "--json").stdout)
    assert document["runtimes"] == {"benchmark_model": None, "app": "0.1.0"}


def test_devices_diagnose_goes_as_far_as_the_app_can(with_app: Phone) -> None:
    done = devices("diagnose", "pixel", "--json")
    assert done.exit_code == 0, done.output
    findings = json.loads(done.stdout)["findings"]
    assert {each["verdict"] for each in findings} == {"ok", "warning", "not tried"}
    assert any("the sample app runs files with passports" in each["what"] for each in findings)
    assert with_app.pushed == []
