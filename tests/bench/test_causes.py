"""What foreign tools say, as they say it, and the cause that is found in it."""

import errno
import os
import re
from pathlib import Path

import pytest
from elf_file import elf

from mobilecnn.bench.devices.adb.refusals import check_pages, not_started, not_stored
from mobilecnn.bench.devices.worker import causes, runtimes
from mobilecnn.bench.devices.worker.causes import cleaned, find, words_of
from mobilecnn.bench.devices.worker.signs import PIP, PYTHON, SHELL
from mobilecnn.errors import EnvironmentProblem

NUMPY = """
IMPORTANT: PLEASE READ THIS FOR ADVICE ON HOW TO SOLVE THIS ISSUE!

Importing the numpy C-extensions failed. This error can happen for
many reasons, often due to issues with your setup or how NumPy was
installed.

Please note and check the following:

  * The Python version is: Python3.11 from "/usr/bin/python3"
  * The NumPy version is: "1.26.4"

Please carefully study the documentation linked above for further help.

Original error was: {}
"""
LIBRARY = "{}: cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (NUMPY.format(LIBRARY.format("libopenblas.so.0")), "library", "sudo apt-get install libopenblas0"),
        (NUMPY.format(LIBRARY.format("libf77blas.so.3")), "library", "sudo apt-get install libatlas3-base"),
        (f"ImportError: {LIBRARY.format('libgfortran.so.5')}", "library", "libgfortran.so.5 is missing.*libgfortran5"),
        (f"ImportError: {LIBRARY.format('libodd-2.1.so.7')}", "library", "apt-file search libodd-2.1.so.7"),
        (NUMPY.format("No module named 'numpy.core._multiarray_umath'"), "other-python", "another version of Python"),
        ("ImportError: /lib/libc.so.6: version `GLIBC_2.34' not found (required by /x/a.so)", "glibc", "needs GLIBC_2.34"),
        ("ImportError: /lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found", "glibc", "needs GLIBCXX_3.4.30"),
        ("ImportError: /x/a.so: failed to map segment from shared object", "noexec", "mounted noexec"),
        ("ImportError: /x/a.so: ELF load command alignment not page-aligned", "pages", "kernel=kernel8.img"),
        ("ImportError: /x/a.so: wrong ELF class: ELFCLASS32", "other-machine", "install it anew"),
        ("A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.1.0", "numpy-2", "'numpy<2'"),
        ("module compiled against API version 0x10 but this version of numpy is 0xe\nnumpy.core.multiarray failed to import", "numpy-old", "newer numpy than .*pip install --upgrade 'numpy<2'"),
        ("RuntimeError: module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000", "numpy-2", "'numpy<2'"),
        ("AttributeError: _ARRAY_API not found\nImportError: numpy.core.multiarray failed to import", "numpy-2", "'numpy<2'"),
        ("ImportError: numpy.core.multiarray failed to import", "numpy-other", "--upgrade 'numpy<2'"),
        ("the process that times it was ended by SIGILL", "instructions", "devices setup pi"),
        ("ImportError: /usr/lib/aarch64-linux-gnu/libgomp.so.1: cannot allocate memory in static TLS block", "static-tls",
         "env LD_PRELOAD=/usr/lib/aarch64-linux-gnu/libgomp.so.1 python3"),
        ("ImportError: /x/a.libs/libgomp-d22c30c5.so.1.0.0: cannot allocate memory in static TLS block", "static-tls",
         "LD_PRELOAD=/x/a.libs/libgomp-d22c30c5.so.1.0.0 python3"),
        ("ImportError: Error loading shared library ld-linux-aarch64.so.1: No such file or directory (needed by /x/a.so)", "musl",
         "Alpine, postmarketOS.*use Raspberry Pi OS"),
        ("ImportError: Error relocating /x/a.so: __strtod_internal: symbol not found", "musl", "GNU C library"),
        ("ImportError: /x/a.so: ELF load command address/offset not properly aligned", "pages", "pages of 16 KB"),
        ("Traceback (most recent call last):\n  File x\nMemoryError", "no-memory", "add swap"),
    ],
)  # fmt: skip
def test_a_python_and_its_packages(said: str, code: str, words: str) -> None:
    cause = find(PYTHON, said, name="pi")
    assert cause.code == code
    assert re.search(words, str(cause)), str(cause)


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ("cat: write error: No space left on device", "no-room", "df -h"),
        (
            "mkdir: cannot create directory ‘/home/pi/.cache’: Read-only file system",
            "read-only",
            "tmpfs tmpfs /home/pi",
        ),
        (
            "mkdir: cannot create directory '/home/pi/.cache': Permission denied",
            "not-yours",
            'chown -R "$(id -un)" /home/pi',
        ),
        ("mkdir: cannot create directory '/home/pi/.cache': Not a directory", "not-a-folder", "move it away"),
        ("cat: write error: Disk quota exceeded", "quota", "quota"),
        ("sh: 1: sha256sum: not found", "no-program", "there is no sha256sum on pi"),
        ("cat: -: Input/output error\nmv: cannot stat 'x': No such file", "disk-fault", "dmesg"),
        ("sh: fork: retry: Resource temporarily unavailable", "processes", "ulimit -u"),
    ],
)
def test_a_shell(said: str, code: str, words: str) -> None:
    cause = find(SHELL, said, name="pi", folder="/home/pi")
    assert cause.code == code and words in str(cause), str(cause)


@pytest.mark.parametrize(
    ("tool", "said", "line"),
    [
        (
            PYTHON,
            "Traceback (most recent call last):\n  File 'x'\nKeyError: 'a'\n\nwarnings after it",
            "KeyError: 'a'",
        ),
        (PYTHON, NUMPY.format("something new"), "something new"),
        (PYTHON, "AssertionError\n", "AssertionError"),
        (PIP, "WARNING: a\nERROR: the cause\nERROR: a summary", "ERROR: the cause"),
        (PIP, "note: only this", "note: only this"),
        (SHELL, "mv: what went wrong\nrm: a consequence", "mv: what went wrong"),
        (SHELL, "", "it says nothing"),
    ],
)
def test_without_a_sign_the_line_that_tells_most(tool: causes.Tool, said: str, line: str) -> None:
    assert find(tool, said) == causes.Cause("", line)


def test_the_cause_of_an_error_comes_first() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise ImportError("numpy is broken\nsee the page") from error
    except ImportError as error:
        assert words_of(error) == [
            "OSError: [Errno 28] No space left on device",
            "ImportError: numpy is broken",
            "see the page",
        ]
        assert find(PYTHON, words_of(error)).code == "no-room"


@pytest.mark.parametrize(
    "said",
    ["\x1b[31mred\x1b[0m", "\x1b]0;title\x07red", "\x1b]8;;http://x\x1b\\red", "r\x00e\x08d", "red" * 500],
)
def test_what_is_quoted_obeys_no_terminal(said: str) -> None:
    quoted = cleaned(said)
    assert quoted.isprintable() and "r" in quoted and len(quoted) <= causes.LONGEST_LINE
    assert find(SHELL, said).line == quoted


def test_each_sign_fills_in_all_that_it_names() -> None:
    """Whatever tool says it, and whatever is not known then."""
    for tool in (PYTHON, PIP, SHELL):
        for sign in tool.signs:
            assert sign.code and sign.text and sign.fix
            words = {"name": "", "host": "", "folder": "", "python": "", "install": "", "installing": ""}
            groups = (re.sub(r"_\d$", "", group) for group in re.compile(sign.pattern).groupindex)
            words |= dict.fromkeys(groups, "") | {"package": ""}
            sign.text.format_map(words), sign.fix.format_map(words)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("adb: error: failed to copy 'x' to 'y': remote write failed: No space left on device\nx: 0 files pushed",
         "no room on pixel.*adb -s S1 shell df"),
        ("adb: error: failed to copy: remote couldn't create file: Permission denied", "another user, such as root"),
        ("adb: error: failed to copy: remote couldn't create file: Read-only file system", "read-only"),
        ("/system/bin/sh: sha256sum: inaccessible or not found", "pixel has no sha256sum.*Android 8"),
        ("failed to read copy response: EOF", "connection to pixel broke"),
    ],
)  # fmt: skip
def test_adb(said: str, words: str) -> None:
    assert re.search(words, str(not_stored("pixel", "S1", said)))


@pytest.mark.parametrize(
    ("code", "said", "words"),
    [
        (127, "/system/bin/sh: taskset: inaccessible or not found", "no taskset.*--cores all"),
        (127, "sh: 1: taskset: not found", "no taskset.*--cores all"),
        (126, "taskset: exec /data/local/tmp/b: Permission denied", "run bit.*adb -s 'a b' shell chmod 755 /data/local/tmp/b"),
        (126, "/system/bin/sh: /data/local/tmp/b: can't execute: Permission denied", "run bit.*chmod 755"),
        (134, 'error: "/data/local/tmp/b": program alignment (4096) cannot be smaller than system page size (16384)',
         "pages of 4 KB.*max-page-size=16384"),
        (126, "sh: /data/local/tmp/b: not executable: 64-bit ELF file", "another kind of machine"),
        (1, 'CANNOT LINK EXECUTABLE "b": library "libc++_shared.so" not found: needed by main', "needs the library libc"),
        (127, "sh: /data/local/tmp/b: No such file or directory", "not there, or is not for Android"),
    ],
)  # fmt: skip
def test_a_program_that_does_not_start(code: int, said: str, words: str) -> None:
    cause = not_started("pixel", "a b", "/data/local/tmp/b", code, [said])
    assert cause is not None and re.search(words, str(cause)), str(cause)


@pytest.mark.parametrize("said", ["ERROR: no such flag", "Permission denied", "failed: not found"])
def test_a_program_that_starts_and_fails_speaks_for_itself(said: str) -> None:
    assert not_started("pixel", "S", "/b", 1, [said]) is None


@pytest.mark.parametrize(
    ("managed", "virtual", "pip", "words"),
    [
        (False, False, True, "PYTHON -m pip install numpy"),
        (True, True, True, "PYTHON -m pip install numpy"),
        (
            True,
            False,
            True,
            "externally managed.*PYTHON -m venv FOLDER && FOLDER/bin/python -m pip install numpy",
        ),
        (False, False, False, "has no pip.*PYTHON -m venv FOLDER"),
    ],
)
def test_pip_is_advised_where_it_may_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, managed: bool, virtual: bool, pip: bool, words: str
) -> None:
    if managed:
        (tmp_path / "EXTERNALLY-MANAGED").write_text("[externally-managed]\n")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr("sys.prefix", "/venv" if virtual else "/usr")
    monkeypatch.setattr("sys.base_prefix", "/usr")
    monkeypatch.setattr("sys.executable", "PYTHON")
    monkeypatch.setattr(runtimes, "find_spec", lambda name: object() if pip else None)
    assert re.search(words, runtimes.install("numpy"))


def test_pages_of_a_program(tmp_path: Path) -> None:
    for aligned, page, fits in (
        (4096, 16384, False),
        (16384, 16384, True),
        (65536, 4096, True),
        (4096, None, True),
    ):
        (tmp_path / "program").write_bytes(elf(alignment=aligned))
        if fits:
            check_pages("pixel", tmp_path / "program", page)
        else:
            with pytest.raises(
                EnvironmentProblem, match=r"pages of 4 KB, and those of pixel have 16 KB.*max-page-size"
            ):
                check_pages("pixel", tmp_path / "program", page)
