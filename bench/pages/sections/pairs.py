"""Section "Two measurements side by side": what became faster or slower from one to the other."""

import itertools
from collections.abc import Mapping

from mobilecnn.bench.judge.compare import Compared, ComparedModel, apart
from mobilecnn.bench.pages import reasons
from mobilecnn.bench.pages.numbers import interval, short, span, time, times
from mobilecnn.bench.pages.page import Cell, Choice, Content, Note, Reasons, Table
from mobilecnn.bench.pages.result_files import Results, Timed
from mobilecnn.bench.pages.subjects import Place, identity, run_name
from mobilecnn.errors import InputError

MOST_PAIRS = 15
"""Largest number of pairs that are shown, those of the latest measurements: all of six."""


_ON_CARDS = (
    "machine: ",
    "board: ",
    "CPU: ",
    "CPU features: ",
    "cores: ",
    "highest clocks: ",
    "governors: ",
    "system: ",
)
"""How what differs between two devices begins; their cards tell it."""


def section(results: Results, places: Mapping[str, Place]) -> list[Content]:
    """The pairs of measurements with models of the same name; nothing where there is none."""
    shown: list[tuple[str, list[Content]]] = []
    more = False
    # The latest first, of either.
    order = sorted(
        itertools.combinations(range(len(results.timed)), 2), key=lambda pair: (-pair[1], -pair[0])
    )
    for first, second in order:
        if len(shown) == MOST_PAIRS:
            more = True
            break
        a, b = results.timed[first], results.timed[second]
        try:
            compared = apart(a.measurement, b.measurement, across=True)
        except InputError:  # No model of the same name, or one twice.
            continue
        name = f"A: {run_name(first)} {short(a.file)}, B: {run_name(second)} {short(b.file)}"
        shown.append((name, _pair(compared, a, b, places)))
    if not shown:
        return []
    note = (
        "B / A: time of B over that of A, with its 95 % interval; the sides were not timed in turn. `mobilecnn compare A B` "
        "says the same of any two files"
    )
    note += f"; here are the latest {MOST_PAIRS} pairs." if more else "."
    return [Choice("Side by side", shown), Note(note)]


def _pair(compared: Compared, a: Timed, b: Timed, places: Mapping[str, Place]) -> list[Content]:
    sides = [places[identity(side.measurement.device)].label for side in (a, b)]
    where = f"both on {sides[0]}" if sides[0] == sides[1] else f"A on {sides[0]}, B on {sides[1]}"
    differ = [said for said in compared.unlike if sides[0] == sides[1] or not said.startswith(_ON_CARDS)]
    unlike = [f"Besides the files, these differ: {'; '.join(differ)}."] if differ else []
    alone = [
        f"Only in {side}: {', '.join(map(short, names))}."
        for side, names in (("A", compared.only_a), ("B", compared.only_b))
        if names
    ]
    said = [(short(row.name), note) for row in compared.rows for note in row.time.notes]
    return [
        Table(
            ("model", "A median (ms)", "95 % interval of A", "B median (ms)", "95 % interval of B", "B / A",
             "95 % interval of B / A", "B is"),
            [_row(row) for row in compared.rows],
            f"{a.file} of {a.measurement.created[:10]} and {b.file} of {b.measurement.created[:10]}, {where}.",
            left=(0, 7),
            sortable=True,
        ),
        *map(Note, (*unlike, *alone)),
        Reasons(reasons.of_findings(said)),
    ]  # fmt: skip


def _row(row: ComparedModel) -> list[str | Cell]:
    return [
        short(row.name),
        time(row.a.median.value, bad=not row.a.valid),
        Cell(span(row.a.median), row.a.median.low),
        time(row.b.median.value, bad=not row.b.valid),
        Cell(span(row.b.median), row.b.median.low),
        times(row.time.ratio.value, bad=not row.time.valid),
        Cell(interval(row.time.ratio, to="to"), row.time.ratio.low),
        row.time.verdict if row.time.valid else f"{row.time.verdict} (INVALID)",
    ]
