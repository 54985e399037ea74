"""All tables of the papers by name, and their forms: cells, JSON, Markdown and HTML."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from mobilecnn.bench.pages.page import Answer, Cell, Note, Section, Table, page
from mobilecnn.bench.pages.table_names import TIMED, names
from mobilecnn.bench.pages.theory import table_8
from mobilecnn.errors import UsageError
from mobilecnn.remarks import plural
from mobilecnn.train import tables
from mobilecnn.train.tables import Figure, PaperTable

PAIR = ("paper", "ours")
"""What :func:`_parts` says of a column whose figures are compared."""


def filled(name: str, times: Path | None = None) -> PaperTable:
    """The table of that name, filled in.

    Args:
        name: one of :func:`mobilecnn.bench.pages.table_names.names`.
        times: record of the times of :data:`TIMED`; None for the stored ones.

    Raises:
        UsageError: there is no such table.
        InputError: ``times`` has not what the table needs.
    """
    if name == TIMED:
        return table_8(times)
    if name not in tables.TABLES:
        raise UsageError(tables.unknown(name, names()))
    return tables.table(name)


def cells(table: PaperTable) -> tuple[tuple[str, ...], list[list[str]]]:
    """Header and rows as text: a column with figures of ours has three, the paper's, ours and the difference."""
    header: list[str] = ["model", "network"]
    pairs = [_parts(table, index) for index in range(len(table.columns))]
    for column, parts in zip(table.columns, pairs, strict=True):
        if parts == PAIR:
            header += [f"{column.heading}: {column.origin}", "ours", "differs"]
        else:
            said = [column.origin if part == PAIR[0] else part for part in parts]
            header.append(": ".join((column.heading, *said)))
    rows = []
    for row in table.rows:
        line = [row.label, row.network or "-"]
        for column, figure, parts in zip(table.columns, row.figures, pairs, strict=True):
            ours = "-" if figure.ours is None else f"{figure.ours:,.{column.digits}f}"
            if parts == PAIR:
                line += [_printed(figure), ours, difference(figure)]
            else:
                line.append(ours if parts == ("ours",) else _printed(figure))
        rows.append(line)
    return tuple(header), rows


def spare(table: PaperTable) -> tuple[tuple[int, ...], ...]:
    """Columns of :func:`cells` that a narrow terminal does without, those that say least first, those of a pair together.

    What is compared stays longest: the network's name goes first, then what is ours or the paper's alone, the last columns
    before the others; those of :func:`kept` are not among them.
    """
    after = [place for place in reversed(_places(table)) if not set(kept(table)) & set(place[1])]
    kinds = (("ours",), ("paper",), PAIR, ())
    return ((1,), *(numbers for kind in kinds for parts, numbers in after if parts == kind))


def kept(table: PaperTable) -> tuple[int, ...]:
    """Columns of :func:`cells` that the narrowest terminal shows: of those that compare the ones with the most comparisons.

    Without any, those of the first figures. That of the differences is not among them where nothing differs.
    """
    places = _places(table)
    compared = [
        sum(row.figures[index].agrees is not None for row in table.rows) for index in range(len(places))
    ]
    numbers = places[compared.index(max(compared))][1]
    rows = cells(table)[1]
    return tuple(number for number in numbers if any(row[number] for row in rows))


def _places(table: PaperTable) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
    """Of each column which figures it has, and which columns of :func:`cells` they are."""
    places, start = [], 2
    for index in range(len(table.columns)):
        parts = _parts(table, index)
        end = start + (3 if parts == PAIR else 1)
        places.append((parts, tuple(range(start, end))))
        start = end
    return places


def others(table: PaperTable) -> list[str]:
    """What other sources print of the table's networks, a line for each row of which there is something."""
    return [f"{row.label}: {'; '.join(map(str, row.others))}" for row in table.rows if row.others]


def remarks(table: PaperTable) -> tuple[str, ...]:
    """What stands under a table: what it leaves out, how accuracies were tested, its notes."""
    return (
        *((f"Left out: {table.left_out}",) if table.left_out else ()),
        *(
            (f"Accuracies{f' of {table.tested}' if table.tested else ''}: {table.protocol}.",)
            if table.protocol
            else ()
        ),
        *table.notes,
    )


def _with_others(table: PaperTable) -> tuple[tuple[str, ...], list[list[str]]]:
    """The cells with a column for what other sources print, where there is any."""
    header, rows = cells(table)
    if not others(table):
        return header, rows
    said = ["; ".join(map(str, row.others)) for row in table.rows]
    return (*header, "other sources"), [[*row, more] for row, more in zip(rows, said, strict=True)]


def difference(figure: Figure) -> str:
    """How far ours is from the published figure; empty where they agree as far as that is printed."""
    if figure.difference is None or figure.agrees:
        return ""
    return f"{figure.difference:+.1%}"


def to_json(table: PaperTable) -> dict[str, Any]:
    """A table as a JSON object: of every figure the published one, as a number and as it is printed, ours, ours over it less 1, and whether they agree."""
    return {
        "name": table.name,
        "title": table.title,
        "source": table.source,
        "columns": [column.heading for column in table.columns],
        "derived": [column.heading for column in table.columns if column.derived],
        "rows": [
            {
                "label": row.label,
                "network": row.network or None,
                "figures": [
                    {
                        "published": float(figure.published) if figure.published else None,
                        "printed": figure.published or None,
                        "ours": figure.ours,
                        "difference": figure.difference,
                        "agrees": figure.agrees,
                    }
                    for figure in row.figures
                ],
                "other_sources": [
                    {
                        "quantity": each.quantity,
                        "published": float(each.figure),
                        "printed": each.figure,
                        "source": each.source,
                        "protocol": each.protocol or None,
                    }
                    for each in row.others
                ],
            }
            for row in table.rows
        ],
        "left_out": table.left_out or None,
        "protocol": table.protocol or None,
        "protocol_of": table.tested or None,
        "notes": list(table.notes),
    }


def document(chosen: Sequence[PaperTable]) -> dict[str, Any]:
    """Tables as one JSON document."""
    return {"tables": [to_json(table) for table in chosen]}


def markdown(chosen: Sequence[PaperTable]) -> str:
    """Tables as Markdown, each under a heading of the second level."""
    parts = []
    for table in chosen:
        header, rows = _with_others(table)
        numbers = len(cells(table)[0]) - 2
        lines = [f"## {table.name}", "", f"{table.title}. Source: {table.source}.", ""]
        lines += [_line(header), "|" + "---|" * 2 + "--:|" * numbers + "---|" * (len(header) - 2 - numbers)]
        lines += [_line([row[0], f"`{row[1]}`" if row[1] != "-" else "", *row[2:]]) for row in rows]
        lines += [line for note in remarks(table) for line in ("", note)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def html(chosen: Sequence[PaperTable]) -> str:
    """Tables as one self-contained page."""
    sections = []
    for table in chosen:
        header, rows = _with_others(table)
        said = range(len(cells(table)[0]), len(header))
        shown = [[Cell(cell, _value(cell)) for cell in row] for row in rows]
        sections.append(
            Section(
                f"{table.name}: {table.title}",
                (
                    f"Source: {table.source}.",
                    Table(header, shown, left=(0, 1, *said), wrap=(1, *said), sortable=True),
                    *(Note(note) for note in remarks(table)),
                ),
            )
        )
    lead = "Published figures beside those of the zoo's networks; a difference stands where ours, rounded alike, is another."
    return page("The papers' tables", lead, sections, [_answer(chosen)])


def _answer(chosen: Sequence[PaperTable]) -> Answer:
    """How many of the published figures are met, and which tables have others."""
    compared = {
        table.name: [
            figure.agrees
            for row in table.rows
            for column, figure in zip(table.columns, row.figures, strict=True)
            if figure.agrees is not None and not column.derived
        ]
        for table in chosen
    }
    total, met = sum(map(len, compared.values())), sum(map(sum, compared.values()))
    why = [
        f"{name}: {len(agrees) - sum(agrees)} of {len(agrees)} differ."
        for name, agrees in compared.items()
        if not all(agrees)
    ]
    kind: Literal["good", "open"] = "good" if met == total else "open"
    text = f"{met} of {plural(total, 'figure')} of ours agree with the papers' as far as those are printed"
    return Answer(
        f"{plural(len(chosen), 'table')}",
        text,
        f"{total - met} differ" if met < total else "all agree",
        kind,
        why,
    )


def _parts(table: PaperTable, index: int) -> tuple[str, ...]:
    """Which figures a column has."""
    figures = [row.figures[index] for row in table.rows]
    published = any(figure.published for figure in figures)
    ours = any(figure.ours is not None for figure in figures)
    return (*(("paper",) if published else ()), *(("ours",) if ours else ()))


def _printed(figure: Figure) -> str:
    if not figure.published:
        return "-"
    whole, point, decimals = figure.published.partition(".")
    return f"{int(whole):,}{point}{decimals}"


def _line(values: Sequence[str]) -> str:
    return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"


def _value(cell: str) -> float | None:
    try:
        return float(cell.replace(",", "").removesuffix("%"))
    except ValueError:
        return None
