"""The per-operator profile that ``benchmark_model`` prints, as a record."""

import re
from dataclasses import dataclass

from mobilecnn.bench.devices.adb.printed import NUMBER, unclear


@dataclass(frozen=True)
class Operator:
    """Figures of one operator of a profile; times in ms of one inference.

    Attributes:
        type: ``CONV_2D``, ``Delegate/Convolution (NHWC, F32) IGEMM``, ...
        first_ms: time in the first inference.
        mean_ms: mean over all inferences.
        percent: share of the whole.
        cumulative_percent: share of the whole, with all operators before it.
        memory_kb: memory that it allocated.
        calls: number of calls in one inference.
        name: name of its output, with its number in the graph; empty where none is printed.
        start_ms: when it began; None from builds that do not print it.
    """

    type: str
    first_ms: float
    mean_ms: float
    percent: float
    cumulative_percent: float
    memory_kb: float
    calls: int
    name: str
    start_ms: float | None


@dataclass(frozen=True)
class OperatorType:
    """All operators of one type; see :class:`Operator`."""

    type: str
    count: int
    mean_ms: float
    percent: float
    cumulative_percent: float
    memory_kb: float
    calls: int


@dataclass(frozen=True)
class OperatorProfile:
    """Where the time of an inference goes (``--enable_op_profiling=true``).

    Attributes:
        operators: operators in the order in which they run.
        types: types of operators, the slowest first.
    """

    operators: tuple[Operator, ...]
    types: tuple[OperatorType, ...]


_REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs:"
_TITLE = re.compile(r"=+ (?P<title>Run Order|Top by Computation Time|Summary by node type) =+")
# The last column of an operator is free text, and so is the first; what lies between are numbers.
_N = rf"({NUMBER})%?"
_S = r"(?:\s*,\s*|\s+)"
_OPERATOR = re.compile(rf"(\S.*?){_S}{_N}{_S}{_N}{_S}{_N}{_S}{_N}{_S}{_N}{_S}([0-9]{{1,9}})(?:{_S}(.*))?")
_OLD_OPERATOR = re.compile(
    rf"(\S.*?){_S}{_N}{_S}{_N}{_S}{_N}{_S}{_N}{_S}{_N}{_S}{_N}{_S}([0-9]{{1,9}})(?:{_S}(.*))?"
)
_TYPE = re.compile(rf"(\S.*?){_S}([0-9]{{1,9}}){_S}{_N}{_S}{_N}{_S}{_N}{_S}{_N}{_S}([0-9]{{1,9}})")


def parse(text: str) -> OperatorProfile:
    """The per-operator profile of the timed inferences, as a table or as CSV.

    Raises:
        EnvironmentProblem: there is none, or a row of it cannot be read.
    """
    _, found, after = text.partition(_REGULAR)
    if not found:
        # A CSV file has no other heading than those of its tables.
        after = text
    operators: list[Operator] = []
    types: list[OperatorType] = []
    title, columns = "", ""
    for line in (line.strip() for line in after.splitlines()):
        line = line.removeprefix("INFO: ").strip()
        if match := _TITLE.fullmatch(line):
            title, columns = match["title"], ""
            if (title == "Run Order" and operators) or (title == "Summary by node type" and types):
                break  # Another profile.
        elif not line or line.startswith("Number of nodes executed:"):
            title = title if title and not columns else ""
        elif title and not columns:
            columns = line.lower()
            if not columns.startswith(("[node type]", "node type")):
                raise unclear(f"a profile whose columns are {line[:80]!r}")
        elif title == "Run Order":
            operators.append(_operator(line, "start" in columns))
        elif title == "Summary by node type":
            types.append(_type(line))
    if not operators or not types:
        raise unclear("no per-operator profile")
    return OperatorProfile(tuple(operators), tuple(types))


def _operator(line: str, old: bool) -> Operator:
    match = (_OLD_OPERATOR if old else _OPERATOR).fullmatch(line)
    if match is None:
        raise unclear(f"a profile row that cannot be read: {line[:120]!r}")
    kind, *numbers, calls, name = match.groups()
    *start, first, mean, percent, cumulative, memory = (float(number) for number in numbers)
    return Operator(
        type=kind.strip(),
        first_ms=first,
        mean_ms=mean,
        percent=percent,
        cumulative_percent=cumulative,
        memory_kb=memory,
        calls=int(calls),
        name=(name or "").strip(),
        start_ms=start[0] if start else None,
    )


def _type(line: str) -> OperatorType:
    match = _TYPE.fullmatch(line)
    if match is None:
        raise unclear(f"a profile row that cannot be read: {line[:120]!r}")
    kind, count, *numbers, calls = match.groups()
    mean, percent, cumulative, memory = (float(number) for number in numbers)
    return OperatorType(kind.strip(), int(count), mean, percent, cumulative, memory, int(calls))
