"""The cause in the words of another tool: the one place that reads exceptions, error texts and last words.

Tools bury the cause. Keras wraps it in the text of another error, above or below pages of configuration;
compilers print it first, and then what it made impossible; Python prints it last; HDF5 puts it in brackets.
:func:`cause` finds the line that tells, and :func:`explain` knows what it means, where a table says so.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

LONGEST = 300
"""Largest number of characters of another tool's words in a message of ours."""


@dataclass(frozen=True)
class Signature:
    """Words of another tool whose meaning is known.

    Attributes:
        pattern: regular expression, searched for in all of the words.
        meaning: what is said instead: a format string of the pattern's named groups and the caller's names.
    """

    pattern: re.Pattern[str]
    meaning: str = field(repr=False)


def explain(told: BaseException | str, signatures: Iterable[Signature], **names: str) -> str | None:
    """What the words mean, by the first signature that fits any of them; None if none does.

    Args:
        told: an exception, with those that it was raised from; or a text.
        signatures: in order of preference.
        names: values for the meanings, besides the patterns' named groups.
    """
    texts = [told] if isinstance(told, str) else [f"{type(link).__name__}: {link}" for link in chain(told)]
    for signature in signatures:
        for text in texts:
            if match := signature.pattern.search(text):
                groups = {key: " ".join((value or "").split()) for key, value in match.groupdict().items()}
                return signature.meaning.format(**{**names, **groups})
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that it came from, the first of all last."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def cause(told: BaseException | str) -> str:
    """The line that tells what happened, without the tool's own places in its source; never empty.

    Args:
        told: an exception; or what a process wrote, several lines.
    """
    if isinstance(told, KeyError) and told.args:
        return _shortened(f"KeyError: {told}")  # It names the key alone.
    if isinstance(told, BaseException):
        return _shortened(_line(str(told)) or type(told).__name__)
    return _shortened(_line(told) or "it says nothing")


def last_words(lines: Sequence[str]) -> str:
    """The line that tells why a process ended: what a compiler or a runtime calls its error, else the last.

    Args:
        lines: what the process wrote to standard error, without empty lines; at least one.
    """
    text = "\n".join(lines)
    for wrapped in _WRAPPED:
        if match := wrapped.search(text):
            return _shortened(_line(match.group()))
    # A traceback ends with the error; what a compiler said before it is not the cause.
    if not any(line.startswith(_TRACEBACK) for line in lines):
        for telling in _TELLING:
            if match := telling.search(text):
                return _shortened(_placeless(match["line"]))
    left = useful(lines)
    named = [line for line in left if _ERROR.match(line)]  # What follows it is more of its words.
    return _shortened((named or left or lines)[-1])


def useful(lines: Sequence[str]) -> list[str]:
    """The lines that may tell a cause: those that are no logs, stacks or arguments."""
    return [line for line in lines if not _NOISE.match(line)]


_WRAPPED = (
    # Keras: what failed in a layer stands between its name and its arguments.
    re.compile(
        r"Exception encountered when calling [^\n]*\(\)\.\s+(?:\x1b\[1m)?(?P<inner>.*?)(?:\x1b\[0m)?\s+Arguments received by\b",
        re.DOTALL,
    ),
    re.compile(r"Could not automatically infer the output shape .*? Error encountered:\s+(?P<inner>.*)", re.DOTALL),
    # TensorFlow: the error stands below the places in the user's code, or below those in the graph.
    re.compile(
        r"in user code:\s.*?^\s*(?P<inner>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): .*)", re.DOTALL | re.MULTILINE
    ),
    re.compile(r"Graph execution error:\s.*?(?P<inner>[^\n]+)\n\s*\[\[\{\{node\b", re.DOTALL),
    # Keras: the error of one object stands between two other sentences.
    re.compile(r"Example error message for object [^\n]*:\n\n(?P<inner>.*?)\n\nList of objects", re.DOTALL),
    re.compile(r"Exception encountered: (?P<inner>.*)", re.DOTALL),
    re.compile(r"Error when deserializing class .*?Exception encountered: (?P<inner>.*)", re.DOTALL),
    # C++: the exception's own words.
    re.compile(r"terminate called after throwing an instance of '(?P<kind>[^']+)'\s+what\(\):\s*(?P<inner>[^\n]*)"),
    # HDF5.
    re.compile(r"^(?:OSError: )?Unable to (?:synchronously )?open [a-z]+ \((?P<inner>[^\n]*)\)$"),
)  # fmt: skip
"""Errors around another one, which is the cause."""

_TELLING = (
    # The compiler's first error is the cause, what follows is what it made impossible.
    re.compile(r"^(?:.*?: )?(?:fatal )?error: (?P<line>.+)$", re.MULTILINE),
    re.compile(r"^LLVM ERROR: (?P<line>.+)$", re.MULTILINE),
    re.compile(r"^F\d{4} [^\]\n]*\] (?P<line>.+)$", re.MULTILINE),
    re.compile(r"^.*?: (?P<line>[^:\n]*Assertion `.+' failed)", re.MULTILINE),
    re.compile(r"^Fatal Python error: (?P<line>.+)$", re.MULTILINE),
)
"""Lines that tell the cause wherever they stand."""

_ERROR = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt)\b")
"""Beginning of the line that names the error of a traceback."""

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""What makes a terminal write in bold or in colour."""

_TRACEBACK = "Traceback (most recent call last):"

_NOISE = re.compile(
    r"^(?:WARNING|INFO|I\d{4}|W\d{4}|\d{4}-\d\d-\d\d \d\d:\d\d|Arguments received by|<unknown>:\d+: note:|"
    r"\s*(?:File \"|@ |\*\*\* |Stack dump|#\d+ 0x|Current thread|Extension modules|Thread 0x))"
)
"""Beginnings of lines that tell no cause: logs, stacks, arguments."""

_PLACES = (
    re.compile(r"^(?:<unknown>|loc\([^)]*\)|[\w./+-]+\.(?:cc|h|cpp|py|td|mlir)):?(?:\d+:?)*:?\s*"),
    re.compile(r"^(?:callsite|fused|loc)\(.*?\)\)*:?\s*(?=error|'|[a-z])"),
    re.compile(r"\(?/?(?:[\w.+-]+/)+[\w.+-]+\.(?:cc|h|cpp|td|py):\d+\)?:?\s*"),
    re.compile(r"^\{\{function_node [^}]*\}\}\s*"),
    re.compile(r"\s*\[Op:\w+\](?: name:.*)?$"),
)  # fmt: skip
"""Places in the tool's own source, which tell the user nothing."""


def _line(text: str) -> str:
    text = text.strip()
    for wrapped in _WRAPPED:
        if match := wrapped.search(text):
            inner = match["inner"].strip()
            if not inner:
                return match.groupdict().get("kind") or ""
            return _line(inner)
    if _TRACEBACK in text:
        # The first of several tracebacks is the cause of the others; its error stands below it.
        after = text[text.index(_TRACEBACK) + len(_TRACEBACK) :]
        told = [line for line in after.splitlines() if line and not line[0].isspace()]
        if told:
            return told[0]
    for telling in _TELLING:
        if match := telling.search(text):
            return _placeless(match["line"])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _placeless((useful(lines) or lines or [""])[0])


def _placeless(line: str) -> str:
    shorter = line
    for place in _PLACES:
        shorter = place.sub("", shorter)
    return shorter.strip() or line.strip()


def _shortened(line: str) -> str:
    line = " ".join(_ESCAPES.sub("", line).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."
