"""All that can go wrong with a phone: before anything runs, and meanwhile."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import adbd
import pytest
from adbd import Phone
from phone_contents import LOG
from phones import JOB, bench, failed, running
from sshd import command_of, soon

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb import client, tool
from mobilecnn.bench.devices.adb.device import AdbDevice
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, ModelFileError
from mobilecnn.files import sha256


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "a model's.tflite"
    path.write_bytes(os.urandom(300_000))
    return path


def test_no_adb(pixel: Phone, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        failed(small, "there is no adb on this machine; install it")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SETTLE_SECONDS", 0.6)


def test_no_phone(pixel: Phone, small: Path, impatient: None) -> None:
    adbd.adb("disconnect", pixel.serial, variables={})
    failed(small, f"adb sees no device {pixel.serial}, which pixel is said to be; it sees: none.*adb connect")
    entries.write({"pixel": AdbEntry()})
    failed(small, "adb sees no device. Connect pixel by USB .*switch on USB debugging")


def test_two_phones(pixel: Phone, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries.write({"pixel": AdbEntry()})
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
    entries.write({"pixel": AdbEntry()})
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
    monkeypatch.setattr(client, "ADB_SECONDS", 5.0)
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
    with AdbDevice("pixel", pixel.serial) as phone:
        phone.probe()
        monkeypatch.setattr(tool, "sha256", lambda content: sha256(b"another"))
        with pytest.raises(EnvironmentProblem, match="it did not arrive whole"):
            phone.put(model)
    assert not list(pixel.tmp.rglob("*.tflite"))


def test_the_connection_breaks_while_a_file_is_on_its_way(either: Phone, small: Path, tmp_path: Path) -> None:
    (tmp_path / "large.tflite").write_bytes(small.read_bytes() + bytes(3_000_000))
    either.break_push_after = 1_000_000
    with (
        AdbDevice("pixel", either.serial) as phone,
        pytest.raises(
            EnvironmentProblem, match=r"the connection to pixel broke.*that brings .*check the cable"
        ),
    ):
        phone.put(tmp_path / "large.tflite")
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

    with AdbDevice("pixel", either.serial) as phone:
        there = phone.put(model)
        with (
            soon(cut),
            pytest.raises(EnvironmentProblem, match=r"the connection to pixel broke.*that times it"),
        ):
            phone.time({**JOB, "model": there}, "that times it", 60)
        either.expect_nothing_left()
        with pytest.raises(EnvironmentProblem):
            phone.state()


def test_patience_ends(either: Phone, model: Path) -> None:
    either.program("tool", "echo INFO: STARTING!; exec sleep 600")
    with AdbDevice("pixel", either.serial) as phone:
        there = phone.put(model)
        with pytest.raises(ChildCrashed, match=r"on pixel: the process that dawdles took longer than 3 s"):
            phone.time({**JOB, "model": there}, "that dawdles", 3)
        # And it is of use afterwards; what was started has ended.
        end = time.monotonic() + 60
        while any("sleep 600" in command_of(process) for process in either.sessions()):
            assert time.monotonic() < end
            time.sleep(0.05)
        either.prints(LOG)
        assert phone.time({**JOB, "model": there}, "that times", 60)["summary"]["count"] == 122


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
    monkeypatch.setattr(client, "MOST_BYTES", 200_000)
    pixel.program("tool", script)
    with AdbDevice("pixel", pixel.serial) as phone, pytest.raises(kind, match=words) as caught:
        phone.time({**JOB, "model": phone.put(model)}, "that times it", 60)
    assert type(caught.value) is kind


def test_a_shell_that_talks_first_is_survived(either: Phone, model: Path) -> None:
    either.greeting = "echo WARNING: linker: something; echo; "
    with AdbDevice("pixel", either.serial) as phone:
        assert phone.time({**JOB, "model": phone.put(model)}, "that times", 60)["summary"]["count"] == 122


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
    assert code == (-how if how == signal.SIGKILL else 128 + how)
    phone.expect_nothing_left()
    # Only what can be told nothing leaves its lock, which blocks nobody.
    left = [".it.json.lock"] if how == signal.SIGKILL else []
    assert [path.name for path in Path.cwd().iterdir()] == left


@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_ctrl_c_leaves_nothing_on_the_phone(
    either: Phone, small: Path, send: Callable[[int, int], None]
) -> None:
    interrupt(either, small, signal.SIGINT, send)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_command_that_is_killed_leaves_nothing_on_the_phone(
    pixel: Phone, small: Path, how: signal.Signals
) -> None:
    """On one with an old system it would: adb does not hand on the end of its input to that."""
    interrupt(pixel, small, how, os.kill)
