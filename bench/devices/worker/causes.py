"""The cause that a foreign tool's words name, and what mends it.

A tool that fails says much, and what matters stands at another place with each: pip's last line is a
summary of what its first ones warn of, a traceback is told by its end, numpy hides the loader's message
in a page of advice, a shell names the cause first. A :class:`Tool` knows the place, and the
:class:`Sign` of each failure that is known; :mod:`mobilecnn.bench.devices.worker.signs` has them. Both modules
are also on the board: they need Python 3.9.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, Callable, Mapping, NamedTuple, Sequence

LONGEST_LINE = 300
"""Characters that are quoted of a tool's line."""
LONGEST_READ = 4000
"""Characters that are read of a tool's line: pip puts several errors into one."""

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")


class Sign(NamedTuple):
    """A failure that is known.

    Attributes:
        code: stable name of it.
        pattern: regular expression that finds it in what the tool said.
        text: what it means; ``{name}`` of the device, and groups of the pattern by name, are filled in.
        fix: what mends it, filled in likewise. What a shell would not take as one word is quoted in both.
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


def whole(lines: Sequence[str]) -> list[Sequence[str]]:
    """All that a tool said, as one part."""
    return [lines]


class Tool(NamedTuple):
    """How a tool tells of failures.

    Attributes:
        tells: finds the line that tells most, where no sign is known.
        signs: those that are looked for; the first that is found in a part counts.
        parts: what it said in parts, the one that tells most first: a later one counts where no sign is in those before.
    """

    tells: Callable[[Sequence[str]], str]
    signs: tuple[Sign, ...]
    parts: Callable[[Sequence[str]], Sequence[Sequence[str]]] = whole


def advised(signs: Sequence[Sign], fixes: Mapping[str, str]) -> tuple[Sign, ...]:
    """Those of some signs that ``fixes`` has another remedy for, by their codes, with that remedy."""
    return tuple(sign._replace(fix=fixes[sign.code]) for sign in signs if sign.code in fixes)


def cleaned(text: str, longest: int = LONGEST_LINE) -> str:
    """A line of a tool without what a terminal would obey, at most ``longest`` characters."""
    plain = _ESCAPES.sub("", text)
    return "".join(letter if letter.isprintable() else " " for letter in plain).strip()[:longest]


def find(tool: Tool, said: str | Sequence[str], **place: str) -> Cause:
    """The cause that a tool names.

    Args:
        tool: tool that failed.
        said: all that it said.
        place: what the signs fill in: ``name`` of the device, ``host`` as ssh takes it, ``folder``, ``python``.
    """
    lines = said.splitlines() if isinstance(said, str) else list(said)
    lines = [line for line in (cleaned(line, LONGEST_READ) for line in lines) if line]
    for part in tool.parts(lines):
        text = "\n".join(part)
        for sign in tool.signs:
            match = re.search(sign.pattern, text, re.MULTILINE)
            if match:
                begin = text.rfind("\n", 0, match.start()) + 1
                line = text[begin:].partition("\n")[0]
                words = _words(match, place)
                return Cause(
                    sign.code,
                    _quoted(line, match.end() - begin),
                    sign.text.format_map(words),
                    sign.fix.format_map(words),
                )
    return Cause("", _quoted(tool.tells(lines), LONGEST_LINE) if lines else "it says nothing")


def _quoted(line: str, until: int) -> str:
    """The characters of a long line that end with what tells the cause, at position ``until`` of it."""
    cut = max(0, min(until, len(line)) - LONGEST_LINE)
    return line[cut : cut + LONGEST_LINE]


def _words(match: re.Match[str], place: Mapping[str, str]) -> dict[str, Any]:
    """What the text and the fix of a sign are filled in with."""
    words: dict[str, Any] = {
        "name": "the device",
        "host": "HOST",
        "folder": "FOLDER",
        "python": "python3",
        "install": "python3 -m pip install --force-reinstall PACKAGE",
        **place,
    }
    for group, value in match.groupdict().items():
        # Several groups of a pattern stand for one word: program, program_2.
        name = re.sub(r"_\d$", "", group)
        if value:
            words[name] = shlex.quote(value) if name in _TYPED else value
        else:
            words.setdefault(name, "")
    if "library" in words:
        words["package"] = package_of(words["library"])
    if "program" in words:
        words["installing"] = installing(words["program"])
    return words


_TYPED = ("program", "file", "library")
"""Names of groups that stand in commands."""


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


_ERROR = re.compile(r"(?:[A-Za-z_]\w*\.)*(?:[A-Z]\w*|timeout|error|gaierror|herror)(?::(?: .*)?)?$")
"""The line of a traceback that names the error: ``ValueError: too small``, ``socket.timeout: timed out``."""

_BEGUN = "Traceback (most recent call last):"


def without_frames(lines: Sequence[str]) -> list[str]:
    """The lines without the places and the code in tracebacks, whose words are no words about a failure."""
    kept: list[str] = []
    inside = False
    for line in lines:
        inside = line.startswith(_BEGUN) or (inside and not _ERROR.match(line))
        if not inside:
            kept.append(line)
    return kept


def parts_of_python(lines: Sequence[str]) -> list[Sequence[str]]:
    """The errors that Python told, and then all that it said."""
    return [without_frames(lines), lines]


def of_traceback(lines: Sequence[str]) -> str:
    """The line of a traceback, or of an import error that quotes another, which names the error."""
    for index, line in enumerate(lines):
        # numpy's page ends with the error that it is about.
        if re.match(r"(?:Original error was|The following exception.*):", line):
            return line.partition(":")[2].strip() or next(iter(lines[index + 1 :]), line)
    errors = _errors(lines)
    if errors:
        return errors[-1]
    begun = any(line.startswith(_BEGUN) for line in lines)
    return lines[-1] if begun else lines[0]


def _errors(lines: Sequence[str]) -> list[str]:
    """The lines that name an error: those that end a traceback, else those that look like it."""
    begun = any(line.startswith(_BEGUN) for line in lines)
    named = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit)\b")
    ends, inside = [], False
    for line in lines:
        if inside and _ERROR.match(line):
            ends.append(line)
        inside = line.startswith(_BEGUN) or (inside and not _ERROR.match(line))
    return ends if begun else [line for line in lines if named.match(line)]


_RETRY = re.compile(
    r"WARNING: (?:Retrying \(Retry\(total=(?P<left>\d+)|Connection timed out|Connection interrupted)"
)
"""pip's warning that it tries again, and how often it still will."""

_NONE_FOUND = re.compile(r"ERROR: (?:Could not find a version|No matching distribution)")
"""pip's summary where it found nothing, whatever the reason."""


def parts_of_pip(lines: Sequence[str]) -> list[Sequence[str]]:
    """The errors of pip; what it gave up on after it had tried again; that it found nothing; what went well at last."""
    lines = without_frames(lines)
    tries = [line for line in lines if _RETRY.match(line)]
    none_found = [line for line in lines if _NONE_FOUND.match(line)]
    rest = [line for line in lines if line not in tries and line not in none_found]
    given_up = [line for line in tries if "Retry(total=0" in line]
    # Where versions are listed, a server answered: the one that did not was another.
    answered = any("(from versions: " in line and "(from versions: none" not in line for line in none_found)
    return [rest, *((none_found, given_up) if answered else (given_up, none_found)), tries]


def of_pip(lines: Sequence[str]) -> str:
    """The first error of pip, for the later ones sum up; of one that it did not expect, the last of its traceback."""
    errors = [line for line in lines if re.match(r"(?:ERROR|error|Error)\b", line)]
    if errors and re.fullmatch(r"ERROR: Exception:", errors[0]):
        return next(reversed(_errors(lines)), errors[0])
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


ANOTHER_PYTHON = "name another Python: mobilecnn devices add NAME --host HOST --python PYTHON"
"""Remedy where the Python of a board will not do."""

PROGRAMS = {
    "python3": "python3", "python": "python3", "pip": "python3-pip", "taskset": "util-linux", "getconf": "libc-bin",
}  # fmt: skip
"""Programs -> Debian's package of each, where that is not coreutils."""


def installing(program: str) -> str:
    """How a program gets onto a board."""
    base = program.strip("'\"").rpartition("/")[2]
    package = PROGRAMS.get(re.sub(r"[.][0-9]+$", "", base), "coreutils")
    command = f"install it there (Debian: sudo apt-get install {package})"
    if not base.startswith("python"):
        return command
    # One at a path of the user's own comes with no package.
    return f"{command}, or {ANOTHER_PYTHON}" if program in (base, f"/usr/bin/{base}") else ANOTHER_PYTHON
