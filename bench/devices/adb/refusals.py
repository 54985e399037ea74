"""Why adb, or a program on a phone, does not do what it is told, and what to do."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from mobilecnn.bench.devices.worker.causes import Cause, Sign, Tool, advised, find, first, of_adb
from mobilecnn.bench.devices.worker.elf import read
from mobilecnn.bench.devices.worker.signs import SYSTEM
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.files import read_bytes

_ROOM = "free some: {adb} shell df /data/local/tmp shows it, and {adb} shell rm -r /data/local/tmp/mobilecnn removes ours"

STORING = Tool(
    of_adb,
    (
        *advised(
            SYSTEM,
            {
                "read-only": "restart the phone; /data/local/tmp is the folder that adb's user may write to",
                "no-room": _ROOM,
                "quota": _ROOM,
                "disk-fault": "restart the phone; its storage may be worn out",
            },
        ),
        Sign(
            "not-yours", r"Permission denied|Operation not permitted", "adb's user may not write there",
            "remove what another user, such as root, has left: {adb} root; {adb} shell rm -r /data/local/tmp/mobilecnn",
        ),
        Sign(
            "no-program", r"(?P<program>sha256sum|base64|mkdir|mktemp): (?:inaccessible or )?not found",
            "{name} has no {program}", "Android 8 or newer is needed",
        ),
        Sign("not-whole", r"did not arrive whole", "the file changed on its way, or while it was read", "try again"),
        Sign(
            "connection", r"couldn't read from device|EOF|connection reset|closed|protocol fault",
            "the connection to {name} broke", "check the cable or the network, and try again; look with: adb devices",
        ),
    ),
)  # fmt: skip
"""adb and the phone's shell, when a file is sent."""

PAGES_FIX = (
    "take a build that is linked for them (-Wl,-z,max-page-size=16384; NDK r28 does so by itself), such as Google's "
    "present one: mobilecnn devices setup {name} --download"
)

RUNNING = Tool(
    first,
    (
        Sign(
            "no-taskset", r"taskset: (?:inaccessible or )?not found|taskset: (?:No such file|command not found)",
            "{name} has no taskset, which binds a program to cores", "use --cores all, which needs none",
        ),
        Sign(
            "pages", r"program alignment|page.size|not page-aligned|ELF load command (?:alignment|address)",
            "the program is built for memory pages of 4 KB, and those of {name} are larger", PAGES_FIX,
        ),
        Sign(
            "not-executable", r"Permission denied|can't execute|cannot execute",
            "the program may not be run: it lost its run bit, or lies where programs may not run",
            "{adb} shell chmod 755 {path}; programs run from /data/local/tmp only",
        ),
        Sign(
            "other-machine", r"Exec format error|not executable: |unexpected e_machine|is (?:32|64)-bit instead of|Syntax error",
            "the program is for another kind of machine, or damaged",
            "take the build for this phone: mobilecnn devices setup {name} --download",
        ),
        Sign(
            "library", r"CANNOT LINK EXECUTABLE[^\n]*library \"(?P<library>[^\"\n]+)\"[^\n]*",
            "the program needs the library {library}, which {name} does not have",
            "take a build that needs none, such as Google's: mobilecnn devices setup {name} --download",
        ),
        Sign(
            "linked", r"CANNOT LINK EXECUTABLE", "the program does not fit the Android of {name}",
            "take Google's build: mobilecnn devices setup {name} --download",
        ),
        Sign(
            "gone", r"No such file or directory|not found",
            "the program is not there, or is not for Android",
            "put it there again: mobilecnn devices setup {name} --download, or give it with --benchmark-model PATH",
        ),
    ),
)  # fmt: skip
"""The shell and the loader of a phone, when they are to start a program (their exit codes are 126 and 127)."""

_UNSTARTED = (126, 127)


def not_stored(name: str, serial: str, said: str | Sequence[str]) -> Cause:
    """Why a file could not be brought to a phone."""
    return find(STORING, said, name=name, adb=shlex.join(["adb", "-s", serial]))


def not_started(name: str, serial: str, path: str, code: int, said: Sequence[str]) -> Cause | None:
    """Why a program on a phone was not even started; None where it was."""
    cause = find(RUNNING, said, name=name, path=path, adb=shlex.join(["adb", "-s", serial]))
    loader = any(
        re.search(r"CANNOT LINK EXECUTABLE|program alignment|unexpected e_machine", line) for line in said
    )
    return cause if cause.code and (code in _UNSTARTED or loader) else None


def check_pages(name: str, program: Path, page_bytes: int | None) -> None:
    """Refuse a program that is built for smaller memory pages than a phone has.

    Args:
        name: name that the user gave the phone.
        program: program on this machine.
        page_bytes: size of the phone's memory pages in bytes; None where it does not tell.

    Raises:
        EnvironmentProblem: it is.
    """
    try:
        needs = read(read_bytes(program, "benchmark_model program"))
    except ValueError:
        return  # What it is instead, the check of its kind says.
    if page_bytes is not None and needs.page_bytes is not None and needs.page_bytes < page_bytes:
        raise EnvironmentProblem(
            f"{program} is built for memory pages of {needs.page_bytes // 1024} KB, and those of {name} have "
            f"{page_bytes // 1024} KB; {PAGES_FIX.format(name=name)}"
        )
