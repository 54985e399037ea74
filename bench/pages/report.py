"""Measurements and accuracies of several files as one HTML page: a pure function of the files.

A figure never stands without where it comes from: the device's column says when that is
the computer that mobilecnn ran on, a virtual machine, an emulator or no ARM device. Accuracy
and latency are joined by the SHA-256 of the model file, not by its name.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from mobilecnn.bench.judge import summary
from mobilecnn.bench.judge.compare import name_of
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.judge.summary import Result, summarize
from mobilecnn.bench.pages import svg
from mobilecnn.bench.pages.page import (
    Card,
    Cards,
    Cell,
    Figure,
    Heading,
    Note,
    Notes,
    Part,
    Section,
    Table,
    page,
)
from mobilecnn.bench.pages.result_files import Asked, Counted, Results, Timed
from mobilecnn.bench.pages.svg import OTHER, Axis, Point, Row, Series
from mobilecnn.bench.papers.speedup import PUBLISHED_FORMAT, TABLE_8, Published
from mobilecnn.bench.records.measurement import DIFFERS, VERIFIED, Facts, Measurement, Run
from mobilecnn.quantize.accuracy import Accuracy

MOST_DRAWN = 300
"""Processes in a chart of temperature or clock; of more, every second or n-th is drawn."""


# What is known of a device and a figure, in words.


def origin(facts: Facts) -> tuple[str, ...]:
    """What makes a figure of this device another thing than one of a phone or board; empty for one of those."""
    phone = facts.android
    chip = (phone.soc, phone.fingerprint) if phone else ()
    described = " ".join(filter(None, (facts.board, facts.cpu, facts.os, *chip)))
    arm = facts.machine.startswith(("aarch64", "arm"))
    # qemu-user shows the host's processor to the programs it runs.
    foreign = arm and any(name.startswith(("avx", "fma", "f16c", "amx")) for name in facts.cpu_features)
    emulator = re.search(r"qemu|dummy-virt|goldfish|ranchu|emulat|sdk_g?phone", described, re.IGNORECASE)
    said = [
        "host" if facts.kind == "local" else "",
        "emulated" if foreign else "emulator or virtual machine" if emulator else "",
        "virtual machine" if facts.virtualised and not emulator else "",
        "" if arm else "not ARM",
    ]
    return tuple(filter(None, said))


_REMARKS = {
    "host": "The computer that mobilecnn itself ran on.",
    "emulated": "ARM code on another processor: its times say nothing of a real device.",
    "emulator or virtual machine": "Its times are not those of a real device.",
    "virtual machine": "A virtual machine: others may use its processor unseen.",
    "not ARM": "Not an ARM processor: a phone or board is another thing.",
}


@dataclass(frozen=True)
class _Place:
    """A device with the name that the page calls it by, and its number on the page."""

    index: int
    name: str
    every: tuple[Facts, ...]

    @property
    def facts(self) -> Facts:
        return self.every[0]

    @property
    def label(self) -> str:
        said = origin(self.facts)
        return f"{self.name} ({'; '.join(said)})" if said else self.name


@dataclass(frozen=True)
class _Figure:
    """One model in one measurement: a row of the page's first table."""

    number: int
    run: int
    place: _Place
    timed: Timed
    index: int
    result: Result

    @property
    def name(self) -> str:
        return name_of(self.result.model)

    @property
    def format(self) -> str:
        known = self.result.model.passport
        return (known.format if known else None) or "-"

    @property
    def where(self) -> str:
        """The device, and what else must be the same for latencies to be held side by side."""
        one = self.timed.measurement
        cores = f", cores {one.device.android.cores}" if one.device.android else ""
        return f"{self.place.label}: {_runtime(one)}, {_count(one.protocol.threads, 'thread')}{cores}"

    @property
    def summarized(self) -> bool:
        """Whether its tool printed a summary and no samples."""
        return _summarized(self.timed.measurement)


def _places(results: Results) -> dict[str, _Place]:
    """The devices by :func:`_identity`, in the order they were first used."""
    found: dict[str, dict[str, Facts]] = {}
    for one in results.timed:
        facts = one.measurement.device
        found.setdefault(_identity(facts), {}).setdefault(json.dumps(asdict(facts), sort_keys=True), facts)
    places: dict[str, _Place] = {}
    names: list[str] = [_name(next(iter(every.values()))) for every in found.values()]
    for index, (name, (identity, every)) in enumerate(zip(names, found.items(), strict=True)):
        number = f" #{names[: index + 1].count(name)}" if names.count(name) > 1 else ""
        places[identity] = _Place(index, f"{name}{number}", tuple(every.values()))
    return places


def _name(facts: Facts) -> str:
    return facts.board or facts.cpu or facts.machine


def _identity(facts: Facts) -> str:
    """By what a device is told from others: what it is made of, and not the software on it."""
    # In quarters of a GiB: every kernel takes a little for itself, and not the same.
    memory = facts.memory_bytes and round(facts.memory_bytes / 2**28)
    return repr(
        (facts.kind, facts.machine, facts.board, facts.cpu, facts.cpu_features, facts.cores, memory,
         sorted(facts.max_frequencies_khz.items()), facts.virtualised)
    )  # fmt: skip


def _figures(results: Results, places: Mapping[str, _Place]) -> list[_Figure]:
    found: list[_Figure] = []
    for run, timed in enumerate(results.timed):
        place = places[_identity(timed.measurement.device)]
        for index, result in enumerate(summarize(timed.measurement)):
            found.append(_Figure(len(found) + 1, run, place, timed, index, result))
    return found


# The page.


def html(results: Results) -> str:
    """The whole page: the same results give the same page, byte for byte."""
    if not results.timed:
        title = f"mobilecnn report: emulated instructions of {_count(len(results.counted), 'record')}"
        return page(title, "Nothing was timed.", [_instructions(results.counted)])
    places = _places(results)
    figures = _figures(results, places)
    models = len({one.result.model.sha256 for one in figures})
    title = f"mobilecnn report: {_count(models, 'model')} on {_count(len(places), 'device')}"
    lead = (
        f"{_count(len(results.timed), 'measurement')} of {_day(results.timed[0])}"
        + (f" to {_day(results.timed[-1])}" if _day(results.timed[0]) != _day(results.timed[-1]) else "")
        + ". Latency is that of one inference, batch 1, on a warm interpreter; the numbers in the charts are those "
        "of the rows of the first table."
    )
    sections = [
        Section("Devices", _devices(places, results)),
        Section("Latency", _latency(figures)),
        Section("Theoretical against actual speedup", _speedups(figures)),
        Section("Accuracy against latency", _accuracies(figures, results.asked)),
        Section("Temperature and clock", _states(results, places)),
        Section("How it was measured", _protocols(results, places)),
    ]
    if results.counted:
        sections.insert(2, _instructions(results.counted))
    return page(title, lead, sections)


def _instructions(counted: Sequence[Counted]) -> Section:
    header = (
        "model", "format", "processor", "instructions (M)", "multiply-add (M)", "dot product (M)", "load/store (M)",
        "other (M)", "for a multiply-add of the network", "answers", "runtime", "emulator", "file",
    )  # fmt: skip
    rows: list[list[str | Cell]] = []
    for one in counted:
        record = one.instructions
        for model, series in zip(record.models, record.series, strict=False):
            known, counts = model.passport, series.typical
            macs = known.macs if known else None
            kinds = (counts.total, counts.multiply_add, counts.dot_product, counts.load_store, counts.other)
            rows.append(
                [
                    name_of(model),
                    (known.format if known else None) or "-",
                    record.device.cpu or "unknown",
                    *(_number(each, 1e6, 2) for each in kinds),
                    _number(counts.total / macs if macs else None, 1, 3),
                    model.answers.verdict,
                    f"{record.plan.runtime} {series.runtime_version}",
                    record.device.kernel,
                    one.file,
                ]
            )
    caption = (
        "Instructions that one inference executes on an emulated processor: counted and exact, and no times."
    )
    left = (0, 1, 2, 9, 10, 11, 12)
    return Section("Instructions, emulated", [Table(header, rows, caption, left=left, sortable=True)])


def _devices(places: Mapping[str, _Place], results: Results) -> list[Part]:
    cards = []
    for identity, place in places.items():
        facts = place.facts
        mine = [one.file for one in results.timed if _identity(one.measurement.device) == identity]
        remark = " ".join(_REMARKS[each] for each in origin(facts))
        clocks = sorted({khz for khz in facts.max_frequencies_khz.values() if khz})
        entries = [
            ("board", facts.board),
            ("processor", facts.cpu),
            ("machine", facts.machine),
            ("features", " ".join(facts.cpu_features)),
            ("cores", str(facts.cores)),
            ("highest clocks", ", ".join(f"{khz / 1e6:g} GHz" for khz in clocks)),
            ("memory", facts.memory_bytes and f"{facts.memory_bytes / 2**30:.1f} GiB"),
            ("governor", _each("/".join(one.governors) for one in place.every)),
            ("system", _each(one.os for one in place.every)),
            ("kernel", _each(one.kernel for one in place.every)),
            *_software(place),
            (
                "reached",
                {"local": "directly", "ssh": "over SSH", "adb": "over adb"}.get(facts.kind, facts.kind),
            ),
            ("measurements", ", ".join(mine)),
        ]
        cards.append(Card(place.name, [(name, value or "unknown") for name, value in entries], remark))
    return [Cards(cards)]


def _software(place: _Place) -> list[tuple[str, str | None]]:
    """What times there runs on Python, or on a phone."""
    phones = [one.android for one in place.every if one.android is not None]
    if not phones:
        return [
            ("Python", _each(one.python for one in place.every)),
            ("numpy", _each(one.numpy for one in place.every)),
        ]
    return [
        ("Android build", _each(one.fingerprint for one in phones)),
        ("chip", _each(one.soc for one in phones)),
        ("cores in use", _each(f"{one.cores} (mask)" for one in phones)),
    ]


def _each(values: Iterable[str | None]) -> str:
    """What was found in the measurements, each once, in their order."""
    return "; ".join(dict.fromkeys(value or "unknown" for value in values))


_LATENCY_HEADER = (
    "#", "model", "format", "device", "median (ms)", "95 % interval", "judgement", "answers", "p90 (ms)", "p99 (ms)",
    "minimum (ms)", "first (ms)", "initialization (ms)", "peak memory (MB)", "multiply-adds (M)", "parameters (M)",
    "size (kB)", "run",
)  # fmt: skip


def _latency(figures: Sequence[_Figure]) -> list[Part]:
    groups: dict[str, list[Row]] = {}
    for one in figures:
        median = one.result.median
        shown = f"{_ms(median.value)} ms ({_ms(median.low)} to {_ms(median.high)})"
        groups.setdefault(one.where, []).append(
            Row(
                f"{one.number} {_short(one.name)}",
                Interval(*(value / 1e6 for value in (median.value, median.low, median.high))),
                shown if one.result.valid else f"{shown} INVALID",
                hollow=not one.result.valid,
            )
        )
    chart = Figure(
        svg.rows(list(groups.items()), "ms"),
        "Median latency with its 95 % interval, by device, runtime and threads. A hollow mark: INVALID, the reasons are below.",
        wide=True,
    )
    table = Table(
        _LATENCY_HEADER,
        [_latency_row(one) for one in figures],
        "Every model of every measurement. The headers sort.",
        left=(0, 1, 2, 3, 6, 7),
        wrap=(3,),
        sortable=True,
        heading=1,
    )
    note = _LATENCY_NOTE + (_SUMMARY_NOTE if any(one.summarized for one in figures) else "")
    return [chart, table, Notes([*_reasons(figures), *_answers(figures), *_warnings(figures)]), Note(note)]


_LATENCY_NOTE = (
    "Median: over the processes of each one's median, with a bootstrap interval. p90, p99 and minimum: of all samples "
    "together; p99 of few samples is nearly the slowest. First: the first inference of a process. Initialization: "
    "loading the file and allocating the tensors. Peak memory: of the whole process, with Python. Answers: whether the "
    "file gave its passport's scores on the device. INVALID: the device was too restless for the median to be relied on."
)

_SUMMARY_NOTE = (
    ' "-": benchmark_model, which times on phones, keeps no samples. Of each process it tells the minimum and the median '
    "(the mean, where it prints no median), which stands for it."
)


def _latency_row(one: _Figure) -> list[str | Cell]:
    result, model = one.result, one.result.model
    known = model.passport
    answers = model.answers.verdict
    return [
        Cell(str(one.number), one.number),
        _short(one.name, 80),
        one.format,
        one.place.label,
        _time(result.median.value),
        Cell(f"{_ms(result.median.low)} to {_ms(result.median.high)}", result.median.low),
        Cell("VALID" if result.valid else "INVALID", bad=not result.valid),
        Cell(answers, bad=answers == DIFFERS),
        _time(result.p90),
        _time(result.p99),
        _time(result.minimum),
        _time(result.first),
        _time(result.init),
        _number(result.peak_rss, 1e6, 1),
        _number(known.macs if known else None, 1e6, 2),
        _number(known.parameters if known else None, 1e6, 3),
        _number(model.bytes, 1e3, 1),
        _run(one.run),
    ]


def _reasons(figures: Sequence[_Figure]) -> list[str]:
    """Why figures are INVALID: each reason once, after the rows that it is about."""
    return _gathered((one, f"INVALID: {reason}") for one in figures for reason in one.result.reasons)


def _warnings(figures: Sequence[_Figure]) -> list[str]:
    """What could be better about the devices, and what to do."""
    return _gathered((one, f"warning: {text}") for one in figures for text in one.result.warnings)


def _answers(figures: Sequence[_Figure]) -> list[str]:
    """Why answers are not verified."""
    said = ((one, one.result.model.answers) for one in figures)
    return _gathered(
        (one, f"answers {each.verdict}: {each.reason}".replace("differs:", "differ:", 1))
        for one, each in said
        if each.verdict != VERIFIED
    )


def _gathered(said: Iterable[tuple[_Figure, str]]) -> list[str]:
    """Each text once, after the names of the rows that it was said of."""
    rows: dict[str, list[str]] = {}
    for one, words in said:
        rows.setdefault(words, []).append(f"{one.number} {_short(one.name)}")
    return [f"{', '.join(names)}: {words}" for words, names in rows.items()]


# Speedup.


@dataclass(frozen=True)
class _Pair:
    """One model against the base: of its format, in its measurement."""

    base: _Figure
    one: _Figure
    theoretical: float
    actual: Interval


_SPEEDUP_HEADER = (
    "#", "model", "format", "base", "theoretical", "actual", "95 % interval", "efficiency", "paper: theoretical",
    "paper: actual", "paper: efficiency",
)  # fmt: skip


def _speedups(figures: Sequence[_Figure]) -> list[Part]:
    runs = [[one for one in figures if one.run == run] for run in sorted({one.run for one in figures})]
    parts = [part for mine in runs for part in _speedup(_pairs(mine))]
    if not parts:
        return [
            (
                "No measurement has two networks of one format with different multiply-adds, so there is no speedup to show. "
                "`mobilecnn speedup` times those of the ShuffleNet paper."
            )
        ]
    letters = ", ".join(f"{letter} {row.label}" for letter, row in _LETTERS.items())
    return [
        *parts,
        Note(
            "Theoretical: the multiply-adds of the base over the model's, as their passports count them. Actual: the "
            "base's time over the model's, in the same format and the same rounds. Efficiency: actual over theoretical. "
            "The base is AlexNet, as in the paper, else the file with the most multiply-adds. Paper: X. Zhang et al., "
            "ShuffleNet, arXiv 1707.01083v2, Table 8: float32, over its AlexNet, one thread of a Snapdragon 820; in the "
            f"charts {letters}."
        ),
    ]


def _pairs(figures: Sequence[_Figure]) -> list[_Pair]:
    """The speedups of one measurement. The base of a format is AlexNet, else what has the most multiply-adds."""
    found = []
    for name in dict.fromkeys(one.format for one in figures):
        mine = [one for one in figures if one.format == name != "-" and _macs(one)]
        if len({_macs(one) for one in mine}) < 2:
            continue
        paper = [one for one in mine if _architecture(one) == TABLE_8[0].model]
        base = paper[0] if paper else max(mine, key=lambda one: (_macs(one), -one.number))
        found += [
            _Pair(
                base,
                one,
                _macs(base) / _macs(one),
                summary.compare(one.timed.measurement, base.index, one.index).ratio,
            )
            for one in mine
            if one is not base
        ]
    return found


def _speedup(pairs: Sequence[_Pair]) -> list[Part]:
    """The chart and the table of one measurement; nothing where there are no pairs."""
    if not pairs:
        return []
    bases = list(dict.fromkeys(pair.base.number for pair in pairs))
    series = [
        Series(
            f"{mine[0].base.format}, over {mine[0].base.number} {_short(mine[0].base.name)}",
            [
                Point(pair.theoretical, pair.actual.value, str(pair.one.number), None, pair.actual, not valid)
                for pair in mine
                for valid in [pair.one.result.valid and pair.base.result.valid]
            ],
            colour=index,
        )
        for index, mine in enumerate([pair for pair in pairs if pair.base.number == base] for base in bases)
    ]
    paper = [Point(*_paper(row), letter) for letter, row in _LETTERS.items()]
    series.append(Series("paper: float32, over AlexNet, Snapdragon 820", paper, colour=OTHER))
    one = pairs[0].one
    where = f"{one.place.label}, {one.timed.file}"
    chart = svg.plot(
        series,
        Axis("theoretical speedup (multiply-adds)", log=True, suffix="x"),
        Axis("actual speedup (time)", log=True, suffix="x"),
        f"Theoretical against actual speedup on {where}; the figures are in the table below.",
        equal="actual = theoretical",
    )
    return [
        Heading(where),
        Figure(
            chart,
            "Theoretical against actual speedup, beside the ShuffleNet paper's. A hollow mark: INVALID.",
        ),
        Table(
            _SPEEDUP_HEADER,
            [_speedup_row(pair) for pair in pairs],
            f"Speedup on {where}.",
            left=(0, 1, 2, 3),
            sortable=True,
            heading=1,
        ),
    ]


def _speedup_row(pair: _Pair) -> list[str | Cell]:
    one, base = pair.one, pair.base
    published = next((row for row in _LETTERS.values() if row.model == _architecture(one)), None)
    # The paper's are float32, over its AlexNet, of pictures of this size: beside others they would be
    # another quantity.
    alexnet = TABLE_8[0]
    alike = one.format == PUBLISHED_FORMAT and _architecture(base) == alexnet.model
    alike = alike and math.isclose(_macs(base), 1e6 * alexnet.mflops, rel_tol=0.1)
    theory, actual = _paper(published) if published and alike else (None, None)
    return [
        Cell(str(one.number), one.number),
        _short(one.name, 80),
        one.format,
        f"{base.number} {_short(base.name)}",
        _times(pair.theoretical),
        _times(pair.actual.value, bad=not (one.result.valid and base.result.valid)),
        Cell(f"{pair.actual.low:.2f} to {pair.actual.high:.2f}", pair.actual.low),
        _share(pair.actual.value / pair.theoretical),
        _times(theory),
        _times(actual),
        _share(actual / theory if actual and theory else None),
    ]


_LETTERS = dict(zip("abcd", TABLE_8[1:], strict=True))
"""How the charts call the paper's networks."""


def _macs(one: _Figure) -> int:
    known = one.result.model.passport
    return (known.macs if known else None) or 0


def _architecture(one: _Figure) -> str | None:
    known = one.result.model.passport
    return known.architecture if known else None


def _paper(row: Published) -> tuple[float, float]:
    """The paper's theoretical and actual speedup of ``row`` over its AlexNet, at 224 x 224."""
    base = TABLE_8[0]
    return base.mflops / row.mflops, base.at("224") / row.at("224")


# Accuracy.


def _accuracies(figures: Sequence[_Figure], asked: Sequence[Asked]) -> list[Part]:
    if not asked:
        return [
            (
                "No result of `mobilecnn evaluate` was given. `mobilecnn evaluate MODEL... -o accuracy.json` makes one, for "
                "the same files."
            )
        ]
    return [part for one in asked for part in _accuracy(figures, one)]


_ACCURACY_HEADER = (
    "#", "model", "device", "run", "format", "median (ms)", "95 % interval", "top-1", "95 % interval of top-1",
    "correct", "on the front",
)  # fmt: skip


def _accuracy(figures: Sequence[_Figure], asked: Asked) -> list[Part]:
    evaluation = asked.evaluation
    known = {one.sha256: one for one in evaluation.results}
    joined = [(one, known[one.result.model.sha256]) for one in figures if one.result.model.sha256 in known]
    timed = {one.result.model.sha256 for one in figures}
    untimed = [one for one in evaluation.results if one.sha256 not in timed]
    data = f"{evaluation.data}, {_count(evaluation.results[0].images, 'image')}"
    parts: list[Part] = [Heading(f"{data}: {asked.file}")]
    if joined:
        parts += _front_chart(joined, data)
    if untimed:
        each = ", ".join(f"{_short(one.path.name)} {one.accuracy:.2%}" for one in untimed)
        parts.append(Note(f"Asked, but not in these measurements: {each}."))
    parts.append(
        Note(
            f"Top-1 accuracy on {data}, with Wilson score intervals; .tflite files ran on {evaluation.runtime} where "
            "`mobilecnn evaluate` ran. Files are matched by their SHA-256. On the front: no other file is both at least as "
            "accurate and at least as fast on that device, with that runtime and as many threads. That is by the "
            "estimates alone; where intervals overlap, it may be otherwise."
        )
    )
    return parts


def _front_chart(joined: Sequence[tuple[_Figure, Accuracy]], data: str) -> list[Part]:
    series: list[Series] = []
    front: set[int] = set()
    for colour, where in enumerate(dict.fromkeys(one.where for one, _ in joined)):
        mine = sorted(
            ((one, top) for one, top in joined if one.where == where),
            key=lambda pair: (pair[0].result.median.value, -pair[1].accuracy, pair[0].number),
        )
        best = pareto([(one.result.median.value, top.accuracy) for one, top in mine])
        points = [_accuracy_point(one, top) for one, top in mine]
        front |= {mine[index][0].number for index in best}
        series.append(Series("", [points[index] for index in best], "steps", marks=False, colour=colour))
        series.append(Series(where, points, colour=colour))
    spread = [one.result.median.value for one, _ in joined]
    chart = svg.plot(
        series,
        Axis("median latency (ms)", log=max(spread) > 10 * min(spread)),
        Axis("top-1 accuracy (%)", most=100.0),
        "Accuracy against latency; the figures are in the table below.",
    )
    rows: list[list[str | Cell]] = [
        [
            Cell(str(one.number), one.number),
            _short(one.name, 80),
            one.place.label,
            _run(one.run),
            one.format,
            _time(one.result.median.value, bad=not one.result.valid),
            Cell(f"{_ms(one.result.median.low)} to {_ms(one.result.median.high)}", one.result.median.low),
            Cell(f"{top.accuracy:.2%}", top.accuracy),
            Cell(f"{top.low:.2%} to {top.high:.2%}", top.low),
            Cell(f"{top.correct}/{top.images}", top.correct),
            "yes" if one.number in front else "no",
        ]
        for one, top in joined
    ]
    caption = f"Accuracy on {data} against latency."
    return [
        Figure(chart, f"{caption} Up and to the left is better; the steps join what is on a front."),
        Table(_ACCURACY_HEADER, rows, caption, left=(0, 1, 2, 3, 4), wrap=(2,), sortable=True, heading=1),
    ]


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """The indices of (cost, gain) points that no other one beats, by cost.

    A point is beaten by one that costs no more and gains no less, and is better in one of the
    two. Of equal points all stay.
    """
    kept = [
        index
        for index, (cost, gain) in enumerate(points)
        if not any(
            other_cost <= cost and other_gain >= gain and (other_cost, other_gain) != (cost, gain)
            for other_cost, other_gain in points
        )
    ]
    return sorted(kept, key=lambda index: points[index][0])


def _accuracy_point(one: _Figure, top: Accuracy) -> Point:
    median = one.result.median
    return Point(
        median.value / 1e6,
        100 * top.accuracy,
        str(one.number),
        Interval(median.value / 1e6, median.low / 1e6, median.high / 1e6),
        Interval(100 * top.accuracy, 100 * top.low, 100 * top.high),
        hollow=not one.result.valid,
    )


# Temperature and clock.


def _states(results: Results, places: Mapping[str, _Place]) -> list[Part]:
    parts: list[Part] = []
    silent: list[str] = []
    for timed in results.timed:
        place = places[_identity(timed.measurement.device)]
        drawn = [
            *_state(timed, place, "hottest sensor (\N{DEGREE SIGN}C)", "Temperature", _hottest),
            *_state(timed, place, "fastest core (GHz)", "Clock", _fastest),
        ]
        if drawn:
            parts += [Heading(f"{place.label}: {timed.file}"), *drawn]
        else:
            silent.append(f"{place.label}, {timed.file}")
    if silent:
        parts.append(Note(f"Neither temperature nor clock is told by: {'; '.join(silent)}."))
    return parts


def _state(
    timed: Timed, place: _Place, label: str, what: str, value: Callable[[Run], tuple[float, float] | None]
) -> list[Part]:
    runs = timed.measurement.runs
    step = -(-len(runs) // MOST_DRAWN)
    # A quarter to either side of its process's number.
    read = [(number, value(run)) for number, run in enumerate(runs, start=1)][::step]
    points = [
        Point(number + side, each)
        for number, pair in read
        if pair is not None
        for side, each in zip((-0.25, 0.25), pair, strict=True)
    ]
    if not points:
        return []
    some = f" Of {len(runs)} processes, one in {step} is drawn." if step > 1 else ""
    chart = svg.plot(
        [Series("", points, "straight", marks=len(points) <= 60, colour=place.index)],
        Axis("processes, in the order they ran"),
        Axis(label),
        f"{what} before and after each process.",
    )
    low, high = min(point.y for point in points), max(point.y for point in points)
    caption = (
        f"{what} just before and just after the timed part of each process: {low:.4g} to {high:.4g}.{some}"
    )
    return [Figure(chart, caption)]


def _hottest(run: Run) -> tuple[float, float] | None:
    before, after = run.before.temperatures_c, run.after.temperatures_c
    return (max(before.values()), max(after.values())) if before and after else None


def _fastest(run: Run) -> tuple[float, float] | None:
    # An unreadable clock has no entry, or 0.
    before, after = (max(reading.frequencies_khz.values(), default=0) for reading in (run.before, run.after))
    return (before / 1e6, after / 1e6) if before and after else None


# How.


def _protocols(results: Results, places: Mapping[str, _Place]) -> list[Part]:
    header = (
        "run", "file", "began", "device", "runtime", "threads", "rounds", "warm-up", "timed, at least", "seed",
        "mobilecnn", "command",
    )  # fmt: skip
    rows: list[list[str | Cell]] = []
    for index, timed in enumerate(results.timed):
        one, how = timed.measurement, timed.measurement.protocol
        short = one.rounds < how.rounds
        rows.append(
            [
                _run(index),
                timed.file,
                one.created,
                places[_identity(one.device)].label,
                _runtime(one),
                Cell(str(how.threads), how.threads),
                Cell(
                    f"{one.rounds} of {how.rounds}, cut short" if short else str(one.rounds),
                    one.rounds,
                    short,
                ),
                f"{how.warmup_runs} runs, {how.warmup_seconds:g} s",
                f"{how.runs} runs, {how.seconds:g} s",
                Cell(str(how.seed), how.seed),
                one.tool,
                " ".join(("mobilecnn", *one.command)) if one.command else "-",
            ]
        )
    models = {one.model.sha256: one.model for timed in results.timed for one in summarize(timed.measurement)}
    return [
        Table(
            header, rows, "The measurements.", left=(0, 1, 2, 3, 4, 11), wrap=(3, 11), sortable=True
        ),
        Table(
            ("model", "bytes", "SHA-256"),
            [
                [name_of(model), Cell(str(model.bytes), model.bytes), digest]
                for digest, model in sorted(models.items(), key=lambda pair: (name_of(pair[1]), pair[0]))
            ],
            "The files that were timed.",
            left=(0, 2),
            wrap=(0,),
        ),
        Note(
            "Every model was timed in fresh processes, the models in turn, in an order that the seed shuffles. All raw "
            + (
                "samples are in the measurement files; of benchmark_model, which keeps none, its summary of each process."
                if any(_summarized(one.measurement) for one in results.timed)
                else "samples are in the measurement files."
            )
        ),
    ]  # fmt: skip


# Numbers as text.


def _ms(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.3f}"


def _time(nanoseconds: float | None, *, bad: bool = False) -> Cell:
    return (
        Cell("-") if nanoseconds is None else Cell(_ms(nanoseconds) + (" !" if bad else ""), nanoseconds, bad)
    )


def _number(count: float | None, unit: float, digits: int) -> Cell:
    return Cell("-") if count is None else Cell(f"{count / unit:,.{digits}f}", count)


def _times(value: float | None, *, bad: bool = False) -> Cell:
    return Cell("-") if value is None else Cell(f"{value:.2f}x" + (" !" if bad else ""), value, bad)


def _share(value: float | None) -> Cell:
    return Cell("-") if value is None else Cell(f"{value:.0%}", value)


def _runtime(one: Measurement) -> str:
    return f"{one.protocol.runtime} {one.runtime_versions}"


def _summarized(one: Measurement) -> bool:
    return any(run.summary is not None for run in one.runs)


def _run(index: int) -> str:
    return f"R{index + 1}"


def _short(name: str, most: int = 48) -> str:
    """A name that fits; the table of the files has all of it."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2 - 1) :]}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _day(timed: Timed) -> str:
    return timed.measurement.created[:10]
