"""The cause that a foreign tool's words name, and what mends it.

A tool that fails says much, and what matters stands at another place with each: pip's last line is a
summary of what its first ones warn of, a traceback is told by its end, numpy hides the loader's message
in a page of advice, a shell names the cause first. A :class:`Tool` knows the place, and the
:class:`Sign` of each failure that is known. This module is also on the board: it needs Python 3.9.
"""

from __future__ import annotations

import re
from typing import Any, Callable, NamedTuple, Sequence

LONGEST_LINE = 300
"""Characters that are quoted of a tool's line."""

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")


class Sign(NamedTuple):
    """A failure that is known.

    Attributes:
        code: stable name of it.
        pattern: regular expression that finds it in what the tool said.
        text: what it means; ``{name}`` of the device, and groups of the pattern by name, are filled in.
        fix: what mends it, filled in likewise.
    """

    code: str
    pattern: str
    text: str
    fix: str


class Cause(NamedTuple):
    """The cause of a failure.

    Attributes:
        code: that of the sign; empty where none is known.
        line: line of the tool that tells most.
        text: what it means; empty where no sign is known.
        fix: what mends it; empty where no sign is known.
    """

    code: str
    line: str
    text: str = ""
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.line}); {self.fix}" if self.code else self.line


class Tool(NamedTuple):
    """How a tool tells of failures.

    Attributes:
        tells: finds the line that tells most, where no sign is known.
        signs: those that are looked for, the first that is found counts.
    """

    tells: Callable[[Sequence[str]], str]
    signs: tuple[Sign, ...]


def cleaned(text: str) -> str:
    """A line of a tool without what a terminal would obey, at most :data:`LONGEST_LINE` characters."""
    plain = _ESCAPES.sub("", text)
    return "".join(letter if letter.isprintable() else " " for letter in plain).strip()[:LONGEST_LINE]


def find(tool: Tool, said: str | Sequence[str], **place: str) -> Cause:
    """The cause that a tool names.

    Args:
        tool: tool that failed.
        said: all that it said.
        place: what the signs fill in: ``name`` of the device, ``host`` as ssh takes it, ``folder``, ``python``.
    """
    lines = said.splitlines() if isinstance(said, str) else list(said)
    lines = [line for line in map(cleaned, lines) if line]
    text = "\n".join(lines)
    for sign in tool.signs:
        match = re.search(sign.pattern, text, re.MULTILINE)
        if match:
            begin = text.rfind("\n", 0, match.start()) + 1
            line = text[begin:].partition("\n")[0]
            words: dict[str, Any] = {
                "name": "the device",
                "host": "HOST",
                "folder": "FOLDER",
                "python": "python3",
            }
            words["install"] = "python3 -m pip install --force-reinstall PACKAGE"
            words.update(place)
            words.update((group, value or words.get(group, "")) for group, value in match.groupdict().items())
            if "library" in words:
                words["package"] = package_of(words["library"])
            return Cause(sign.code, line, sign.text.format_map(words), sign.fix.format_map(words))
    return Cause("", tool.tells(lines) if lines else "it says nothing")


def words_of(error: BaseException) -> list[str]:
    """The lines of an error and of those that it came from, as a traceback ends, the cause first."""
    lines: list[str] = []
    seen: set[int] = set()
    step: BaseException | None = error
    while step is not None and id(step) not in seen and len(seen) < 20:
        seen.add(id(step))
        said = str(step).strip().splitlines()[:200] or [""]
        lines[:0] = [f"{type(step).__name__}: {said[0]}".rstrip(": "), *said[1:]]
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
    return lines


def first(lines: Sequence[str]) -> str:
    """The first line: a loader, a shell's programs."""
    return lines[0]


def last(lines: Sequence[str]) -> str:
    """The last line: ssh."""
    return lines[-1]


def of_traceback(lines: Sequence[str]) -> str:
    """The line of a traceback, or of an import error that quotes another, which names the error."""
    for index, line in enumerate(lines):
        # numpy's page ends with the error that it is about.
        if re.match(r"(?:Original error was|The following exception.*):", line):
            return line.partition(":")[2].strip() or next(iter(lines[index + 1 :]), line)
    errors = [
        line for line in lines if re.match(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit)\b", line)
    ]
    if errors:
        return errors[-1]
    begun = any(line.startswith("Traceback (most recent call last)") for line in lines)
    return lines[-1] if begun else lines[0]


def of_pip(lines: Sequence[str]) -> str:
    """The first error of pip: the later ones sum up."""
    errors = [line for line in lines if re.match(r"(?:ERROR|error|Error)\b", line)]
    return next(iter(errors), lines[-1])


def of_adb(lines: Sequence[str]) -> str:
    """The line with an error: adb prints a summary after it."""
    errors = [line for line in lines if "error:" in line or "failed to" in line]
    return next(iter(errors), lines[-1])


PACKAGES = {
    "libopenblas.so": "libopenblas0", "libgfortran.so.5": "libgfortran5", "libgomp.so.1": "libgomp1",
    "libatlas.so": "libatlas3-base", "libcblas.so": "libatlas3-base", "libf77blas.so": "libatlas3-base",
    "libblas.so.3": "libblas3", "liblapack.so.3": "liblapack3", "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1", "libatomic.so.1": "libatomic1", "libz.so.1": "zlib1g", "libquadmath.so.0": "libquadmath0",
    "libexpat.so.1": "libexpat1", "libusb-1.0.so.0": "libusb-1.0-0", "libOpenCL.so.1": "ocl-icd-libopencl1",
    "libGLESv2.so.2": "libgles2", "libEGL.so.1": "libegl1",
}  # fmt: skip
"""Beginnings of the names of shared libraries -> Debian's package of each."""


def package_of(library: str) -> str:
    """The command that installs the package of a shared library."""
    for begin, package in PACKAGES.items():
        if library.startswith(begin):
            return f"sudo apt-get install {package}"
    return f"sudo apt-get install apt-file && sudo apt-file update && apt-file search {library} names its package"


# A path in quotes of any kind, as programs print one.
_DISK = (
    Sign(
        "read-only", r"Read-only file system",
        "a file system of {name} is read-only",
        "where it is an SD card that failed, the kernel says so (dmesg); else make it writable (sudo mount -o "
        "remount,rw / on {name}), or lay a folder in memory over it (sudo mount -t tmpfs tmpfs {folder})",
    ),
    Sign(
        "no-room", r"No space left on device|ENOSPC|not enough space|INSUFFICIENT_STORAGE",
        "there is no room on {name}", "free some; look with: df -h; df -i",
    ),
    Sign("quota", r"[Qq]uota exceeded", "the quota of the user on {name} is used up", "free some room; look with: quota"),
    Sign(
        "file-limit", r"File too large|File size limit exceeded|SIGXFSZ",
        "a limit keeps files on {name} small", "raise it there; look with: ulimit -f",
    ),
    Sign(
        "not-a-folder", r"(?:mkdir|mktemp)[^\n]*(?:Not a directory|File exists)",
        "a file is where a folder is needed on {name}", "move it away",
    ),
    Sign("disk-fault", r"Input/output error|Structure needs cleaning|Stale file handle",
         "the disk of {name} fails", "look at the kernel's messages there (dmesg), and use another SD card"),
    Sign("processes", r"[Cc]annot fork|fork: retry|fork: Resource temporarily|can't start new thread",
         "{name} starts no more processes", "end some there, or raise the limit; look with: ulimit -u"),
    Sign("files-open", r"Too many open files", "a limit on open files is reached on {name}",
         "raise it there; look with: ulimit -n"),
    Sign("killed", r"ended by SIGKILL|^Killed$",
         "it was killed there, as Linux does where memory is short",
         "look at the kernel's messages there (sudo dmesg), and end other programs"),
    Sign("no-memory", r"Cannot allocate memory|MemoryError|Out of memory",
         "{name} has not enough memory", "end other programs there, or add swap (sudo fallocate -l 1G /swap && "
         "sudo chmod 600 /swap && sudo mkswap /swap && sudo swapon /swap)"),
)  # fmt: skip
"""Signs of a disk, or of a system, that is full or failing."""

_DENIED = (
    Sign(
        "not-yours", r"(?:mkdir|mktemp|mv|cat|sh|cannot create|can't create)[^\n]*(?:Permission denied|Operation not permitted)",
        "its user may not write there", "make it theirs: sudo chown -R $USER {folder} on {name}",
    ),
)  # fmt: skip

_GLIBC = Sign(
    "glibc", r"version [`'\"](?P<needed>(?:GLIBC(?:XX)?|CXXABI|GCC)_[0-9.]+)['\"] not found",
    "it is built for a newer system than that of {name}, and needs {needed}",
    "take a version that fits, or a newer system",
)  # fmt: skip

LOADING = (
    Sign(
        "instructions", r"ended by SIGILL|Illegal instruction",
        "it uses instructions that the processor of {name} does not have",
        "mobilecnn devices setup {name} looks for a version that runs there",
    ),
    _GLIBC,
    Sign(
        "pages", r"(?:ELF load command alignment|program alignment)[^\n]*(?:not page-aligned|smaller than system page size)",
        "it is built for memory pages of 4 KB, and those of {name} are larger",
        "take a build for pages of 16 KB; a Raspberry Pi 5 has pages of 4 KB with kernel=kernel8.img in "
        "/boot/firmware/config.txt, after a restart",
    ),
    Sign(
        "noexec", r"failed to map segment from shared object|[^\n]*\.so[^\n]*: Operation not permitted",
        "programs may not run in that folder: its file system is mounted noexec",
        "mount it without (sudo mount -o remount,exec and its folder, on {name}), or name a Python that lies elsewhere: "
        "mobilecnn devices add NAME --host HOST --python PYTHON",
    ),
    Sign(
        "other-machine", r"wrong ELF class|invalid ELF header|file too short|Exec format error|not executable: [^\n]*ELF",
        "a file of it is damaged, or for another kind of machine", "install it anew: {install}",
    ),
    Sign(
        "library", r"(?P<library>lib[\w.+-]+?\.so(?:\.[0-9.]*[0-9])?): cannot open shared object file",
        "the library {library} is missing", "install it there: {package}",
    ),
    Sign(
        "numpy-2", r"compiled using NumPy 1\.x cannot be run|_ARRAY_API not found|numpy\.core\.multiarray failed to import",
        "it is built for numpy 1, and there is numpy 2", "install numpy 1 beside it, or a newer version of it: {python} -m pip install 'numpy<2'",
    ),
    Sign(
        "other-python", r"No module named '?numpy\.(?:_?core)\._multiarray_umath|cpython-3\d+-[^\n]*incompatible",
        "numpy there is built for another version of Python", "install it anew for this one: {install}",
    ),
)  # fmt: skip
"""Signs of a program or library that the system's loader refuses."""

NETWORK = (
    Sign(
        "clock", r"certificate is not yet valid",
        "the clock of {name} is slow: to it the server's certificate is not yet valid",
        "set it: ssh -t {host} \"sudo date -s @$(date +%s)\"; for good: sudo timedatectl set-ntp true",
    ),
    Sign(
        "certificate-expired", r"certificate has expired",
        "to {name} the server's certificate has expired: its clock is fast, or its certificates are old",
        "compare the clock (date); sudo apt-get update && sudo apt-get install --only-upgrade ca-certificates",
    ),
    Sign(
        "certificate", r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|self.signed certificate",
        "{name} does not trust the server's certificate",
        "sudo apt-get install ca-certificates there; behind a proxy that opens connections, its certificate too "
        "(pip config set global.cert FILE)",
    ),
    Sign(
        "proxy", r"ProxyError|Tunnel connection failed|Cannot connect to proxy|proxy URL",
        "the proxy that {name} is to use does not let it through", "correct https_proxy there",
    ),
    Sign(
        "no-name-server", r"name resolution|Name or service not known|Could not resolve host|No address associated",
        "{name} resolves no names: it has no network, or no name server",
        "connect it; look with: getent hosts pypi.org",
    ),
    Sign(
        "no-network",
        r"Network is unreachable|No route to host|Connection refused|[Tt]imed out|[Tt]imeout|"
        r"NewConnectionError|RemoteDisconnected|Connection (?:reset|broken)|IncompleteRead|Failed to establish",
        "{name} does not reach the server", "check its network, and try again",
    ),
    Sign(
        "index", r"40[13] Client Error|5\d\d Server Error|HTTPError: |status code 40[13]",
        "the package server refuses {name}", "look at its pip's settings (pip config list)",
    ),
)  # fmt: skip
"""Signs of a network that does not lead to a server."""

PIP = Tool(
    of_pip,
    (
        Sign(
            "externally-managed", r"externally-managed-environment",
            "the system of {name} keeps pip out of its Python",
            "an environment may be changed: mobilecnn devices setup {name} makes one",
        ),
        Sign(
            "no-venv", r"ensurepip is not|No module named '?(?:ensurepip|venv)|python3-venv",
            "the Python of {name} has no venv module", "sudo apt-get install python3-venv there",
        ),
        Sign("no-pip", r"No module named '?pip\b", "{python} has no pip", "sudo apt-get install python3-pip there"),
        *_DISK,
        *_DENIED,
        *NETWORK,
        Sign("hash", r"DO NOT MATCH THE HASHES", "a download is damaged, or was changed on its way", "try again"),
        Sign(
            "no-wheel", r"No matching distribution found for (?P<package>[^\s(]+)|is not a supported wheel",
            "there is no such package for the Python of {name}", "choose another version or runtime",
        ),
        *LOADING,
    ),
)  # fmt: skip
"""pip, and the venv module."""

PYTHON = Tool(of_traceback, (*LOADING, *_DISK))
"""A Python, its packages and the loader that they use."""

SHELL = Tool(
    first,
    (
        *_DISK, *_DENIED,
        Sign(
            "no-program", r"(?P<program>[\w.+-]+): (?:command )?not found|(?P<other>[\w.+-]+): inaccessible or not found",
            "{name} has no {program}{other}", "install it there (Debian: coreutils)",
        ),
        Sign("not-whole", r"it did not arrive whole", "the file changed on its way, or while it was read", "try again"),
    ),
)  # fmt: skip
"""A shell, and the small programs that it starts."""
