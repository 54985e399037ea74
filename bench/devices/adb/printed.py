"""What ``benchmark_model`` prints, as records.

The form has changed over the years: with and without ``INFO: `` before each line, with and without
percentiles, and four kinds of last words. All of that is read here, and nothing is guessed: a figure that
is missing, contradicts another, or stands in a line of another form is an error that quotes the line.

=========  ===================================================================================
Since      Last words
=========  ===================================================================================
2018       ``Average inference timings in us: Warmup: 83235, Init: 38467, no stats: 79760.9``
2019       the same with ``Inference`` in place of ``no stats``
2020       ``Inference timings in us: Init: 69510, First inference: 383926, Warmup (avg): ...``
2025       LiteRT: a block ``BENCHMARK RESULTS`` of milliseconds with two decimals
=========  ===================================================================================

All of them print a line of statistics for the warm-up and one for the timed part, in whole microseconds,
and the figures are taken from there; the last words have to agree. Read in the sources:
``benchmark_model.cc``, ``stats_calculator.h``, ``benchmark_litert_model.h``.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mobilecnn.errors import EnvironmentProblem

NUMBER = r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?"
# LiteRT's own lines name their place in the source.
_HEAD = r"(?:(?:INFO|WARN|WARNING|VERBOSE): )?(?:\[[\w.]{1,60}:[0-9]{1,6}\] ?)?"
_STATISTICS = re.compile(
    rf"{_HEAD}count=(?P<count>[0-9]{{1,9}})"
    rf"(?: first=(?P<first>{NUMBER}) curr={NUMBER} min=(?P<min>{NUMBER}) max=(?P<max>{NUMBER})"
    rf" avg=(?P<avg>{NUMBER}) std=(?P<std>{NUMBER})| curr=(?P<same>{NUMBER})(?P<all>\(all same\))?)?"
    rf"(?: p5=(?P<p5>{NUMBER}) median=(?P<median>{NUMBER}) p95=(?P<p95>{NUMBER}))?\s*"
)
_ENDS = (
    re.compile(
        rf"{_HEAD}Inference timings in us: Init: (?P<init>{NUMBER}), First inference: (?P<first>{NUMBER}), "
        rf"Warmup \(avg\): (?P<warmup>{NUMBER}), Inference \(avg\): (?P<inference>{NUMBER})\s*"
    ),
    re.compile(
        rf"{_HEAD}Average inference timings in us: Warmup: (?P<warmup>{NUMBER}), Init: (?P<init>{NUMBER}), "
        rf"(?:Inference|no stats): (?P<inference>{NUMBER})\s*"
    ),
)
_BLOCK = re.compile(rf"{_HEAD}=+ BENCHMARK RESULTS =+\s*")
_IN_BLOCK = {
    "init": re.compile(rf"{_HEAD}Model initialization: +(?P<value>{NUMBER}) ms\s*"),
    "warmup": re.compile(rf"{_HEAD}Warmup \(avg\): +(?P<value>{NUMBER}) ms \([0-9]+ runs\)\s*"),
    "inference": re.compile(rf"{_HEAD}Inference \(avg\): +(?P<value>{NUMBER}) ms \([0-9]+ runs\)\s*"),
}
_SESSION = re.compile(rf"{_HEAD}Initialized session in (?P<init>{NUMBER})ms\.?\s*")
_PART = re.compile(rf"{_HEAD}Running benchmark for ")
_FOOTPRINT = re.compile(
    rf"{_HEAD}Memory footprint delta from the start of the tool \(MB\): init=(?P<init>{NUMBER}) "
    rf"overall=(?P<overall>{NUMBER})\s*"
)
_PEAK = re.compile(
    rf"{_HEAD}Overall peak memory footprint \(MB\) via periodic monitoring: (?P<peak>{NUMBER})\s*"
)
_FIGURES = re.compile(
    rf"{_HEAD}(?:count=|(?:Inference|Warmup) \((?!first|min|max|std)|.*inference timings)", re.IGNORECASE
)
"""Lines that hold figures, in whatever form."""

_EXPLICIT = re.compile(
    rf"{_HEAD}Explicitly applied (?P<name>[\w ]{{1,30}}?) delegate, and the model graph will be "
    r"(?P<how>completely|partially) executed by the delegate(?: w/ (?P<kernels>[0-9]{1,6}) delegate kernels)?\.\s*"
)
_IN_VAIN = re.compile(
    rf"{_HEAD}Though (?P<name>[\w ]{{1,30}}?) delegate is explicitly applied, the model graph will not be executed by "
    r"the delegate\.\s*"
)
_REPLACING = re.compile(
    rf"{_HEAD}Replacing (?P<some>[0-9]{{1,9}}) out of (?P<every>[0-9]{{1,9}}) node\(s\) with delegate "
    r"\((?P<name>[^)]{1,60})\) node, yielding [0-9]{1,9} partitions.*"
)
_CREATED = re.compile(rf"{_HEAD}Created TensorFlow Lite XNNPACK delegate for CPU\.\s*")
_SWITCHED_OFF = re.compile(rf"{_HEAD}Use xnnpack ?: \[(?:0|false)\]\s*", re.IGNORECASE)
_UNKNOWN_FLAGS = re.compile(rf"{_HEAD}Unconsumed cmdline flags: (?P<flags>.*)")
_DELEGATES = {
    "xnnpack": re.compile("xnnpack|ynnpack", re.IGNORECASE),
    "gpu": re.compile(r"gpu|litert_cl|ml ?_?drift|opencl|opengl|metal", re.IGNORECASE),
    "nnapi": re.compile("nnapi", re.IGNORECASE),
}
"""Names by which a delegate is known here -> what the program calls it."""

MEAN_DIGITS = 1e-5
"""Relative error of a printed mean, which has six digits."""
BLOCK_NS = 5_001
"""Nanoseconds by which a figure of the block ``BENCHMARK RESULTS`` may be off: half of its last decimal."""
LONGEST_US = 1e12
"""Largest plausible time in microseconds (eleven days)."""


@dataclass(frozen=True)
class Timings:
    """One line of statistics, in integer nanoseconds.

    Attributes:
        count: number of inferences.
        first_ns: time of the first.
        minimum_ns: time of the fastest.
        maximum_ns: time of the slowest.
        mean_ns: mean, which is printed with six digits.
        deviation_ns: standard deviation, which is printed in whole microseconds, rounded down.
        p5_ns: 5th percentile; this and the next two are None from builds that print none.
        median_ns: median, the upper one of an even number.
        p95_ns: 95th percentile.
    """

    count: int
    first_ns: int
    minimum_ns: int
    maximum_ns: int
    mean_ns: int
    deviation_ns: int
    p5_ns: int | None = None
    median_ns: int | None = None
    p95_ns: int | None = None


@dataclass(frozen=True)
class Memory:
    """Memory figures that the program prints, in MiB; None where it prints none.

    Attributes:
        init: growth since the tool's start, after loading; a high-water mark.
        overall: growth since the tool's start, at the end.
        peak: the highest value that its own watching saw, which disturbs the timing.
    """

    init: float | None
    overall: float | None
    peak: float | None


@dataclass(frozen=True)
class Applied:
    """A delegate, and how much of the graph it took over.

    Attributes:
        name: ``xnnpack``, ``gpu`` or ``nnapi``, else the program's own word in lower case.
        whole: whether it took the whole graph; None where only its creation is told.
        parts: number of its parts of the graph; 0 where it took nothing, None where that is not told.
    """

    name: str
    whole: bool | None
    parts: int | None


@dataclass(frozen=True)
class Output:
    """What one run of ``benchmark_model`` printed.

    Attributes:
        init_ns: time to load the file and allocate the tensors.
        warmup: statistics of the untimed inferences; None if there were none.
        inference: statistics of the timed ones.
        memory: memory figures.
        delegates: delegates that it tells of, each once, in the order of their first mention.
        switched_off: whether it says that XNNPACK was asked not to be used.
        unknown_flags: flags that it says it did not know, without their values.
    """

    init_ns: int
    warmup: Timings | None
    inference: Timings
    memory: Memory
    delegates: tuple[Applied, ...] = ()
    switched_off: bool = False
    unknown_flags: tuple[str, ...] = ()

    @property
    def xnnpack_partitions(self) -> int | None:
        """Number of XNNPACK's parts of the graph; None where that is not told."""
        return next((delegate.parts for delegate in self.delegates if delegate.name == "xnnpack"), None)


def parse(text: str) -> Output:
    """What a run printed, standard output and standard error in any order.

    Raises:
        EnvironmentProblem: it is not the whole output of a run, or contradicts itself.
    """
    lines = [line.strip() for line in text.splitlines()]
    parts: list[Timings | None] = []
    waiting = False
    for line in lines:
        if _PART.match(line):
            if waiting:
                raise unclear("a part without its statistics")
            waiting = True
        elif waiting and re.match(rf"{_HEAD}count=", line):
            match = _STATISTICS.fullmatch(line)
            if match is None:
                raise unclear(f"statistics of a form that is not known: {line[:200]!r}")
            parts.append(_timings(match.groupdict()))
            waiting = False
    end = _end(lines)
    if waiting or len(parts) not in (1, 2) or end is None:
        raise unclear("no whole run: it must have one or two parts and then its timings", lines)
    inference = parts[-1]
    if inference is None:
        raise unclear("no timed inference", lines)
    warmup = parts[0] if len(parts) == 2 else None
    _agree("Inference", end.inference_ns, inference.mean_ns, end.error_ns)
    if warmup is not None:
        _agree("Warmup", end.warmup_ns, warmup.mean_ns, end.error_ns)
    flags = [match["flags"] for line in lines if (match := _UNKNOWN_FLAGS.fullmatch(line))]
    return Output(
        init_ns=end.init_ns,
        warmup=warmup,
        inference=inference,
        memory=_memory(lines),
        delegates=_delegates(lines),
        switched_off=any(_SWITCHED_OFF.fullmatch(line) for line in lines),
        unknown_flags=tuple(word.split("=")[0] for text in flags for word in text.split()),
    )


def unclear(what: str, lines: Sequence[str] = ()) -> EnvironmentProblem:
    """The error about output that is not understood.

    Args:
        what: what was printed instead of what is needed.
        lines: all that was printed, of which the line that says most is quoted.
    """
    said = [line for line in lines if line]
    telling = [line for line in said if _FIGURES.match(line) and not _known(line)]
    if telling:
        quoted = f"; not understood: {telling[-1][:200]!r}"
    else:
        quoted = f"; its last line: {said[-1][:200]!r}" if said else ""
    return EnvironmentProblem(
        f"benchmark_model printed {what}{quoted}. Run it by hand to see why; if it works there, its output has changed, "
        "and an older build helps"
    )


def _known(line: str) -> bool:
    return any(pattern.fullmatch(line) for pattern in (_STATISTICS, *_ENDS, *_IN_BLOCK.values()))


@dataclass(frozen=True)
class _End:
    """The last words of a run, in nanoseconds; ``error_ns`` is what their decimals leave open."""

    init_ns: int
    warmup_ns: int
    inference_ns: int
    error_ns: int


def _end(lines: Sequence[str]) -> _End | None:
    """The last words; None where there are none, or more than one."""
    ends = [match for line in lines for pattern in _ENDS if (match := pattern.fullmatch(line))]
    blocks = [number for number, line in enumerate(lines) if _BLOCK.fullmatch(line)]
    if len(ends) + len(blocks) != 1:
        return None
    if ends:
        words = ends[0].groupdict()
        init, warmup, inference = (_nanoseconds(words[name]) for name in ("init", "warmup", "inference"))
        return _End(init, warmup, inference, 1)
    values: dict[str, int] = {}
    for name, pattern in _IN_BLOCK.items():
        texts = [match["value"] for line in lines[blocks[0] :] if (match := pattern.fullmatch(line))]
        if len(texts) != 1:
            return None
        values[name] = _nanoseconds(texts[0], 1_000_000)
    # The block has two decimals of a millisecond; six digits stand further up.
    sessions = [match["init"] for line in lines if (match := _SESSION.fullmatch(line))]
    if len(sessions) == 1:
        precise = _nanoseconds(sessions[0], 1_000_000)
        _agree("Model initialization", values["init"], precise, BLOCK_NS)
        values["init"] = precise
    return _End(values["init"], values["warmup"], values["inference"], BLOCK_NS)


def _timings(values: Mapping[str, str | None]) -> Timings | None:
    count = int(values["count"] or 0)
    if count == 0:
        return None
    same = values["same"]
    if (values["avg"] or same) is None or (same is not None and count > 1 and not values["all"]):
        raise unclear("statistics without a time")
    first, low, high, mean = (_nanoseconds(same or values[name]) for name in ("first", "min", "max", "avg"))
    percentiles = [
        None if text is None else _nanoseconds(text)
        for text in (values["p5"], values["median"], values["p95"])
    ]
    ordered = [low, *(value for value in percentiles if value is not None), high]
    slack = mean * MEAN_DIGITS + 1
    if low < 1 or not low - slack <= mean <= high + slack or ordered != sorted(ordered):
        raise unclear("statistics that contradict each other")
    if not low <= first <= high:
        raise unclear("a first inference that is faster than the fastest, or slower than the slowest")
    deviation = 0 if values["std"] is None else _nanoseconds(values["std"])
    return Timings(count, first, low, high, mean, deviation, *percentiles)


def _nanoseconds(text: str | None, unit: int = 1000) -> int:
    """Printed microseconds, or ``unit`` nanoseconds."""
    value = float(text or "nan") * unit / 1000
    if not 0 <= value <= LONGEST_US:
        raise unclear(f"{str(text)[:40]!r} for a time in microseconds")
    return round(value * 1000)


def _agree(what: str, printed_ns: int, mean_ns: int, error_ns: int) -> None:
    if not math.isclose(printed_ns, mean_ns, rel_tol=MEAN_DIGITS, abs_tol=error_ns):
        raise unclear(f"{what}: {printed_ns / 1000:g} us, and another average among its statistics")


def _delegates(lines: Iterable[str]) -> tuple[Applied, ...]:
    """Delegates, each by the strongest of its lines: an explicit one, the nodes it replaced, its creation."""
    explicit: dict[str, Applied] = {}
    replaced: dict[str, Applied] = {}
    created: dict[str, Applied] = {}
    for line in lines:
        if match := _EXPLICIT.fullmatch(line):
            name = _name(match["name"])
            whole = match["how"] == "completely"
            explicit[name] = Applied(name, whole, int(match["kernels"] or 1))
        elif match := _IN_VAIN.fullmatch(line):
            name = _name(match["name"])
            explicit[name] = Applied(name, False, 0)
        elif match := _REPLACING.fullmatch(line):
            name = _name(match["name"])
            whole = match["some"] == match["every"] and name not in replaced
            replaced[name] = Applied(name, whole, 1 if whole else None)
        elif _CREATED.fullmatch(line):
            created["xnnpack"] = Applied("xnnpack", None, None)
    return tuple({**created, **replaced, **explicit}.values())


def _name(words: str) -> str:
    return next(
        (name for name, pattern in _DELEGATES.items() if pattern.search(words)), words.strip().lower()
    )


def _memory(lines: Iterable[str]) -> Memory:
    megabytes: dict[str, float] = {}
    for line in lines:
        for pattern in (_FOOTPRINT, _PEAK):
            if match := pattern.fullmatch(line):
                megabytes |= {name: float(text) for name, text in match.groupdict().items()}
    return Memory(megabytes.get("init"), megabytes.get("overall"), megabytes.get("peak"))
