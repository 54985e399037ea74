"""A phone is given benchmark_model: from a real server, by the real adb client, to a stand-in for the phone."""

import contextlib
import json
import re
import socket
import ssl
import subprocess
import threading
import time
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


class Handler(SimpleHTTPRequestHandler):
    """The files of a folder; and addresses that lead elsewhere, that send without end, or slowly."""

    elsewhere = ""

    def do_GET(self) -> None:
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", self.elsewhere)
            self.end_headers()
        elif self.path in ("/endless", "/slow"):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(bytes(1 << 20) if self.path == "/endless" else b"x")
                    time.sleep(0 if self.path == "/endless" else 0.01)
        else:
            super().do_GET()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, and its key, in one file."""
    path = tmp_path_factory.mktemp("certificate") / "it.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Path) -> Iterator[tuple[str, Path]]:
    """An encrypted address, and the folder whose files are there."""
    folder = tmp_path / "nightly"
    folder.mkdir()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    handler = partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        served.socket = context.wrap_socket(served.socket, server_side=True)
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{served.server_port}/", folder
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
    source = ["setup", "pixel", "--download", "--from", address + NIGHTLY if whole else address]
    told = devices(*source)
    digest = sha256(PROGRAM)
    assert told.exit_code == 2 and f"give the same command with --sha256 {digest}" in told.stderr, told.output
    assert (pixel.tmp / "benchmark_model").read_bytes() == OLD
    (folder / NIGHTLY).write_bytes(b"of another night")  # What was kept is what was told.
    done = devices(*source, "--sha256", digest)
    assert done.exit_code == 0, done.output
    assert f"pixel has benchmark_model sha256:{digest}" in done.stdout
    assert (cached / digest / NIGHTLY).read_bytes() == PROGRAM
    there = pixel.tmp / "benchmark_model"
    assert there.read_bytes() == PROGRAM and there.stat().st_mode & 0o777 == 0o755
    (cached / digest / NIGHTLY).write_bytes(b"damaged")
    (folder / NIGHTLY).write_bytes(PROGRAM)
    again = devices(*source, "--sha256", digest.upper(), "--json")
    assert json.loads(again.stdout)["version"] == f"sha256:{digest}" and f"{address}{NIGHTLY}" in again.stderr


@pytest.mark.parametrize(
    ("content", "arguments", "code", "words"),
    [
        (None, ["--download"], 3, "cannot download .*404.*give it with --benchmark-model PATH"),
        (b"<html>", ["--download"], 3, "gives is no benchmark_model: .*is not a program for Android"),
        (elf(62), ["--download"], 3, "is a program for x86_64, and pixel runs arm64-v8a"),
        (
            elf() + b"x",
            ["--download", "--sha256", sha256(PROGRAM)],
            3,
            "and not .*: it is another program, and was neith",
        ),
        (
            PROGRAM,
            ["--download", "--sha256", "abc"],
            2,
            "--sha256 abc is no SHA-256; give its 64 hexadecimal digits",
        ),
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


@pytest.mark.parametrize(
    "source", ["file:///etc/passwd", "nightly/", "ftp://x/", "http://x/", "https:///x", "https://[x/", ""]
)
def test_an_address_that_is_none(pixel: Phone, cached: Path, source: str) -> None:
    done = devices("setup", "pixel", "--download", "--from", source)
    assert done.exit_code == 2 and "is no address to download from" in done.stderr


def test_a_board_is_given_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    done = devices("setup", "pi4", "--download")
    assert done.exit_code == 2 and "--download is for phones, and pi4 is a board; leave it out" in done.stderr


@pytest.mark.parametrize(
    ("path", "elsewhere", "words"),
    [
        ("moved", "http://127.0.0.1:1/", "leads to http://127.0.0.1:1/, which is not encrypted"),
        ("moved", "file:///etc/passwd", "cannot download .*'file:///etc/passwd' is not allowed"),
        ("moved", "ftp://127.0.0.1/", "leads to ftp://127.0.0.1/, which is not encrypted"),
        ("moved", "/moved", "cannot download .*would lead to an infinite loop"),
        ("endless", "", "is larger than 64 MiB"),
        ("slow", "", "cannot download .*took longer than 0.5 s"),
        ("missing", "", "cannot download .*404"),
    ],
)
def test_an_address_that_does_not_keep_what_it_promises(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, path: str, elsewhere: str, words: str
) -> None:
    monkeypatch.setattr(Handler, "elsewhere", elsewhere)
    monkeypatch.setattr(phone_setup, "LONGEST_SECONDS", 0.5 if path == "slow" else 100.0)
    with pytest.raises(EnvironmentProblem, match=words):
        phone_setup.download(server[0] + path)


def test_an_encrypted_address_may_lead_to_another(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (server[1] / "it").write_bytes(b"it")
    monkeypatch.setattr(Handler, "elsewhere", server[0] + "it")
    assert phone_setup.download(server[0] + "moved") == b"it"


def test_a_server_that_nobody_vouches_for(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(EnvironmentProblem, match=r"cannot download .*CERTIFICATE_VERIFY_FAILED"):
        phone_setup.download(server[0] + "it")


def test_a_download_that_breaks_off(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(10_000)
            encrypted.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        with pytest.raises(EnvironmentProblem, match=r"cannot download .*4 bytes read, 996 more expected"):
            phone_setup.download(f"https://127.0.0.1:{listening.getsockname()[1]}/it")
        thread.join()
