"""A phone is given benchmark_model: from a real server, by the real adb client, to a stand-in for the phone."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from adbd import Phone
from click.testing import CliRunner, Result
from test_benchmark_model import elf

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb import setup as phone_setup
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.cli import cli
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.files import sha256

NIGHTLY = "android_aarch64_benchmark_model"
PROGRAM = elf()
OLD = b"what was there"


@pytest.fixture
def pixel(phone: Phone) -> Phone:
    (phone.tmp / "benchmark_model").write_bytes(OLD)
    entries.write({"pixel": AdbEntry(serial=phone.serial)})
    return phone


def devices(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["devices", *arguments])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """An address, and the folder whose files are there."""
    folder = tmp_path / "nightly"
    folder.mkdir()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}/", folder
        served.shutdown()
        thread.join()


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mobilecnn" / "benchmark_model"


@pytest.mark.parametrize("whole", [False, True])
def test_a_phone_is_given_the_program(
    pixel: Phone, server: tuple[str, Path], cached: Path, whole: bool
) -> None:
    address, folder = server
    (folder / NIGHTLY).write_bytes(PROGRAM)
    source = address + NIGHTLY if whole else address
    done = devices("setup", "pixel", "--download", "--from", source)
    assert done.exit_code == 0, done.output
    digest = sha256(PROGRAM)
    assert (
        f"pixel has benchmark_model sha256:{digest}" in done.stdout and f"{address}{NIGHTLY}" in done.stderr
    )
    assert (cached / digest / NIGHTLY).read_bytes() == PROGRAM
    there = pixel.tmp / "benchmark_model"
    assert there.read_bytes() == PROGRAM and there.stat().st_mode & 0o777 == 0o755
    again = devices("setup", "pixel", "--download", "--from", source, "--json")
    assert json.loads(again.stdout)["version"] == f"sha256:{digest}"


@pytest.mark.parametrize(
    ("content", "arguments", "code", "words"),
    [
        (None, ["--download"], 3, "cannot download .*404.*give it with --benchmark-model PATH"),
        (b"<html>", ["--download"], 3, "gives is no benchmark_model: .*is not a program for Android"),
        (elf(62), ["--download"], 3, "is a program for x86_64, and pixel runs arm64-v8a"),
        (PROGRAM, [], 2, "--from says where --download downloads from; add --download"),
        (PROGRAM, ["--download", "--offline"], 2, "--offline is for boards, and pixel is a phone"),
    ],
)
def test_a_program_that_is_not_taken(
    pixel: Phone,
    server: tuple[str, Path],
    cached: Path,
    content: bytes | None,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    address, folder = server
    if content is not None:
        (folder / NIGHTLY).write_bytes(content)
    done = devices("setup", "pixel", *arguments, "--from", address)
    assert done.exit_code == code and re.search(words, done.stderr), done.output
    assert (pixel.tmp / "benchmark_model").read_bytes() == OLD
    assert not any(path.read_bytes() == b"<html>" for path in cached.rglob(NIGHTLY))


@pytest.mark.parametrize("source", ["file:///etc/passwd", "nightly/", "ftp://x/"])
def test_an_address_that_is_none(pixel: Phone, cached: Path, source: str) -> None:
    done = devices("setup", "pixel", "--download", "--from", source)
    assert done.exit_code == 2 and "is no address to download from" in done.stderr


def test_a_board_is_given_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    done = devices("setup", "pi4", "--download")
    assert done.exit_code == 2 and "--download is for phones, and pi4 is a board; leave it out" in done.stderr


def test_a_download_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        with pytest.raises(EnvironmentProblem, match=r"cannot download .*4 bytes read, 996 more expected"):
            phone_setup.download(f"http://127.0.0.1:{listening.getsockname()[1]}/it")
        thread.join()
