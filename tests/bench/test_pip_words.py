"""What pip says where it fails: whole outputs as it writes them, of several versions, and of the pip that is here."""

import http.server
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mobilecnn.bench.devices.worker.causes import find
from mobilecnn.bench.devices.worker.signs import PIP


def tried(why: str, until: int = 0) -> str:
    """pip's warnings that it tries again, from the first on."""
    begin = "WARNING: Retrying (Retry(total={}, connect=None, read=None, redirect=None, status=None)) after connection broken by"
    return "".join(f"{begin.format(left)} '{why}': /simple/foo/\n" for left in range(4, until - 1, -1))


OLD = "NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f9e8d3d3710>: Failed to establish a new connection: {}')"
NEW = "NewConnectionError(\"HTTPSConnection(host='pypi.org', port=443): Failed to establish a new connection: {}\")"
SSL = "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {} (_ssl.c:1006)'))"
SLOW = (
    "ReadTimeoutError(\"HTTPSConnectionPool(host='pypi.org', port=443): Read timed out. (read timeout=15)\")"
)
NO_SSL = 'SSLError("Can\'t connect to HTTPS URL because the SSL module is not available.")'
NOTHING = """ERROR: Could not find a version that satisfies the requirement foo (from versions: none)
ERROR: No matching distribution found for foo
"""
OTHERS = NOTHING.replace("none", "1.0, 1.1, 2.0")
TLS = "WARNING: pip is configured with locations that require TLS/SSL, however the ssl module in Python is not available.\n"

DENIED = """ERROR: Exception:
Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/pip/_internal/cli/base_command.py", line 160, in exc_logging_wrapper
    status = run_func(*args)
             ^^^^^^^^^^^^^^^
  File "/usr/lib/python3/dist-packages/pip/_internal/utils/misc.py", line 106, in ensure_dir
    os.makedirs(path)
  File "<frozen os>", line 225, in makedirs
PermissionError: [Errno 13] Permission denied: '/opt/it/x'
"""
FULL = """ERROR: Exception:
Traceback (most recent call last):
  File "/usr/lib/python3.11/shutil.py", line 144, in _fastcopy_sendfile
    sent = os.sendfile(outfd, infd, offset, blocksize)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
OSError: [Errno 28] No space left on device: '/tmp/pip-unpack-bb68ljt1/foo.whl' -> '/home/pi/foo.whl'
"""
TIMEOUT = """ERROR: Exception:
Traceback (most recent call last):
  File "/x/pip/_vendor/urllib3/response.py", line 438, in _error_catcher
    yield
  File "/x/pip/_vendor/urllib3/response.py", line 561, in read
    data = self._fp_read(amt) if not fp_closed else b""
           ^^^^^^^^^^^^^^^^^^
TimeoutError: timed out

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/x/pip/_internal/network/download.py", line 147, in __call__
    for chunk in chunks:
  File "/x/pip/_vendor/urllib3/response.py", line 443, in _error_catcher
    raise ReadTimeoutError(self._pool, None, "Read timed out.")
pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='files.pythonhosted.org', port=443): Read timed out.
"""
# The code in it speaks of memory and of time, and the error of neither.
UNKNOWN = """ERROR: Exception:
Traceback (most recent call last):
  File "/x/pip/_internal/cli/base_command.py", line 110, in _run_wrapper
    raise MemoryError("No space left on device") if timed_out else error
    ~~~~~~~~~~~~~~~~^
    result = finder.find(
        hashes=hashes,
    )
  File "/x/pip/_internal/commands/install.py", line 393, in run
    assert name, "Connection refused"
AssertionError: Internal issue: Candidate is not for this requirement
"""
CUT = """  WARNING: Connection interrupted while downloading.
  WARNING: Attempting to resume incomplete download (100 bytes/100 kB, attempt 5)
error: incomplete-download

× Download failed after 6 attempts because not enough bytes were received (100 bytes/100 kB)
╰─> URL: https://files.pythonhosted.org/f/foo-1.0-py3-none-any.whl

note: This is an issue with network connectivity, not pip.
hint: Use --resume-retries to configure resume attempt limit.
"""
MANAGED = """error: externally-managed-environment

× This environment is externally managed
╰─> To install Python packages system-wide, try apt install
    python3-xyz, where xyz is the package you are trying to
    install.

    create a virtual environment using python3 -m venv path/to/venv.
    sure you have python3-full installed.
hint: See PEP 668 for the detailed specification.
"""
HASHES = """ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, \
please update the hashes. Otherwise, examine the package contents carefully; someone may have tampered with them.
    foo from https://files.pythonhosted.org/f/foo-1.0-py3-none-any.whl#sha256=00:
        Expected sha256 00
             Got        445310e9f489a87907dca03ac8896c9b219848f9f3e5efc94cd384019f3c08ae
"""
NO_VENV = """The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.

    apt install python3.11-venv
"""
USER = """ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/usr/lib/python3/dist-packages/foo'
Consider using the `--user` option or check the permissions.
"""

SAID = [
    # It gave up after it had tried again: that is why it found nothing.
    (tried(OLD.format("[Errno 111] Connection refused")) + NOTHING, "no-network", "does not reach the server"),
    (tried(NEW.format("[Errno 111] Connection refused")) + NOTHING, "no-network", "check its network"),
    (tried(OLD.format("[Errno -3] Temporary failure in name resolution")) + NOTHING, "no-name-server", "getent hosts"),
    (tried(NEW.format("[Errno -2] Name or service not known")) + NOTHING, "no-name-server", "getent hosts"),
    (tried(NEW.format("[Errno -2] Name does not resolve")) + NOTHING, "no-name-server", "getent hosts"),
    (tried(OLD.format("[Errno 101] Network is unreachable")) + NOTHING, "no-network", "check its network"),
    (tried(SLOW) + NOTHING, "no-network", "check its network"),
    (tried("ProtocolError('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))") + NOTHING, "no-network", "server"),
    (tried(SSL.format("certificate is not yet valid")) + NOTHING, "clock", r'ssh -t pi@10.0.0.4 "sudo date -s @$(date +%s)"'),
    (tried(SSL.format("certificate has expired")) + NOTHING, "certificate-expired", "--only-upgrade ca-certificates"),
    (tried(SSL.format("self-signed certificate in certificate chain")) + NOTHING, "certificate", "pip config set global.cert"),
    (tried("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407 Proxy Authentication Required'))") + NOTHING,
     "proxy-login", "pip config set global.proxy http://USER:PASSWORD@HOST:PORT"),
    (tried("OSError('Tunnel connection failed: 407 Proxy Authentication Required')") + NOTHING, "proxy-login", "user and a password"),
    (tried(f"ProxyError('Cannot connect to proxy.', {OLD.format('[Errno 111] Connection refused')})") + NOTHING, "proxy", "https_proxy"),
    (tried("OSError('Tunnel connection failed: 403 Forbidden')") + NOTHING, "proxy", "https_proxy"),
    (TLS + tried(NO_SSL) + TLS + NOTHING, "no-ssl", "built without SSL"),
    # It tried again, and then something else failed.
    (tried(SLOW, 3) + NOTHING, "no-wheel", "choose another version"),
    (tried(SLOW, 4) + USER, "not-yours", "ls -ld /usr/lib/python3/dist-packages/foo"),
    (tried(SLOW, 4) + FULL, "no-room", "df -h"),
    (tried(OLD.format("[Errno 101] Network is unreachable"), 2) + HASHES, "hash", "pip cache purge"),
    (tried(SLOW, 1) + MANAGED, "externally-managed", "mobilecnn devices setup pi"),
    # One server did not answer, and another had other versions.
    (tried(SLOW) + OTHERS, "no-wheel", "choose another version"),
    (NOTHING, "no-wheel", "no such package for the Python of pi"),
    (OTHERS, "no-wheel", "choose another version"),
    # Errors that it did not expect.
    (DENIED, "not-yours", "ls -ld /opt/it/x"),
    (FULL, "no-room", "there is no room on pi"),
    (TIMEOUT, "no-network", "TimeoutError: timed out"),
    (CUT, "no-network", "(error: incomplete-download)"),
    (UNKNOWN, "", "AssertionError: Internal issue: Candidate is not for this requirement"),
    (USER, "not-yours", "where it is that of an environment of ours"),
    ("Error: [Errno 13] Permission denied: '/opt/it'", "not-yours", "its user may not write to /opt/it"),
    ("Error: [Errno 30] Read-only file system: '/opt/it'", "read-only", "findmnt -T"),
    ("ERROR: Could not install packages due to an OSError: [Errno 30] Read-only file system: '/opt/it'", "read-only", "findmnt -T"),
    ("ERROR: Wheel 'foo' located at /tmp/pip-unpack-d4y6p5jp/foo-1.0-py3-none-any.whl is invalid.", "hash", "try again"),
    ("ERROR: foo-1.0-cp27-cp27m-musllinux_1_1_aarch64.whl is not a supported wheel on this platform.", "no-wheel", "another version"),
    ("Error: Command '['/opt/it/bin/python3.11', '-m', 'ensurepip', '--upgrade', '--default-pip']' returned non-zero exit status 1.",
     "no-pip-in-it", "FOLDER/bin/python -m ensurepip"),
    ("Error: Command '['/x/bin/python3', '-m', 'ensurepip', '--upgrade']' died with <Signals.SIGKILL: 9>.", "killed", "dmesg"),
    ("WARNING: The repository located at 10.0.0.9 is not a trusted or secure host and is being ignored. If this repository is "
     "available via HTTPS we recommend you use HTTPS instead, otherwise you may silence this warning.\n" + NOTHING, "index-not-trusted",
     "pip config set global.index-url https://"),
    (NO_VENV, "no-venv", "sudo apt-get install python3-venv there"),
    ("/usr/bin/python3: No module named venv", "no-venv", "no venv module"),
    ("/usr/bin/python3: No module named pip", "no-pip", "python3-pip"),
    # The Python there does not run: no other version of a package would.
    ("/usr/bin/python3: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /usr/bin/python3)", "glibc", "name another Python"),
    ("the process that makes an environment on pi was ended by SIGILL", "instructions", "name another Python"),
]  # fmt: skip
"""What pip or the venv module says, the sign that is found, and what is said of it."""


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("color", [False, True], ids=["plain", "color"])
@pytest.mark.parametrize(("said", "code", "words"), SAID)
def test_whole_outputs(said: str, code: str, words: str, end: str, color: bool) -> None:
    lines = said.splitlines()
    if color:
        lines = [re.sub(r"^(\s*(?:WARNING|ERROR|error):.*)", "\x1b[33m\\1\x1b[0m", line) for line in lines]
    cause = find(PIP, end.join(lines), name="pi", host="pi@10.0.0.4")
    assert cause.code == code and words in str(cause), str(cause)
    if code in ("glibc", "instructions"):
        assert "devices setup" not in cause.fix and "install" not in cause.fix


class Index(http.server.BaseHTTPRequestHandler):
    """A package server whose one package is damaged, and a proxy that wants a password."""

    def log_message(self, *words: object) -> None:
        """Say nothing."""

    def do_CONNECT(self) -> None:
        """Refuse."""
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """Serve foo, with a hash that is not its own, and old, which is for Python 2."""
        name = self.path.strip("/").split("/")[-1]
        wheel = (
            f"{name}-1.0-cp27-cp27m-manylinux1_x86_64.whl"
            if name == "old"
            else f"{name}-1.0-py3-none-any.whl"
        )
        page = f'<html><body><a href="/files/{wheel}#sha256={"0" * 64}">{wheel}</a></body></html>'
        content = b"no zip" if name.endswith(".whl") else page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if name.endswith(".whl") else "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def index() -> Iterator[str]:
    """Serve on a free port; the address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def pip(folder: Path, *words: str) -> str:
    """What the pip of this Python says where it fails."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().startswith(("pip_", "http", "all_proxy", "no_proxy"))
    }
    variables |= {"PIP_CONFIG_FILE": os.devnull, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [
        sys.executable,
        "-m",
        "pip",
        *words[:1],
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--no-cache-dir",
        *words[1:],
    ]
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["-i", "http://127.0.0.1:1/simple", "foo"], "no-network"),
        (["-i", "{at}/simple", "foo"], "hash"),
        (["-i", "{at}/simple", "old"], "no-wheel"),
        (["-i", "https://localhost/simple", "--proxy", "{at}", "foo"], "proxy-login"),
        (["-i", "http://10.255.255.1/simple", "foo"], "index-not-trusted"),
        (["--no-index", "foo"], "no-wheel"),
    ],
)
def test_a_real_pip_that_downloads(words: list[str], code: str, tmp_path: Path) -> None:
    with index() as at:
        said = pip(tmp_path, "download", "--retries", "1", *(word.format(at=at) for word in words))
    assert find(PIP, said, name="pi").code == code, said


@pytest.mark.parametrize(
    ("name", "target", "code"),
    [
        ("it-1.0-py3-none-any.whl", "file/it", ""),
        ("it-1.0-py3-none-any.whl", "/proc/it", ""),
        ("it-1.0-cp27-cp27m-musllinux_1_1_aarch64.whl", "it", "no-wheel"),
        ("cut-1.0-py3-none-any.whl", "it", "hash"),
    ],
)
def test_a_real_pip_that_installs(name: str, target: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with zipfile.ZipFile(tmp_path / name, "w") as wheel:
        wheel.writestr("it-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: it\nVersion: 1.0\n")
        wheel.writestr(
            "it-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("it-1.0.dist-info/RECORD", "")
    if name.startswith("cut"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
    said = pip(tmp_path, "install", "--no-index", "--target", target, name)
    cause = find(PIP, said, name="pi")
    assert cause.code == code, said
    if not code:  # No sign is known; the line is the end of the traceback, and not its beginning.
        assert re.match(r"\w*Error: \[Errno \d+\]", cause.line), cause
