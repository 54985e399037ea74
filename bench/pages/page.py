"""One self-contained HTML page from headings, tables, cards and charts.

It needs no network and no script: ``page.css`` and ``page.js`` are inside, and the page's
Content-Security-Policy allows these two, by their SHA-256, and nothing else. The script
makes tables sortable; it is left out where none is.

Texts come from files and devices, so all are escaped here (:func:`text`), in one place.
Only :class:`Figure` takes HTML, that of :mod:`mobilecnn.bench.pages.svg`.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what it shows; empty or "-" for what is unknown.
        value: number by which the column sorts; None to sort by the text.
        bad: whether it is a warning.
    """

    text: str
    value: float | None = None
    bad: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        header: the names of the columns.
        rows: as many cells each; a text is a cell that sorts by itself.
        caption: what the table shows.
        left: the columns, by index, that stand to the left; the others are figures.
        wrap: the columns, by index, that may break into lines.
        sortable: whether its headers sort it.
        heading: the column, by index, whose cell is the heading of its row.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    caption: str = ""
    left: Sequence[int] = (0,)
    wrap: Sequence[int] = ()
    sortable: bool = False
    heading: int = 0


@dataclass(frozen=True)
class Figure:
    """A chart of :mod:`mobilecnn.bench.pages.svg` with its caption.

    Attributes:
        html: the chart.
        caption: what it shows.
        wide: whether it is as wide as a table.
    """

    html: str
    caption: str
    wide: bool = False


@dataclass(frozen=True)
class Card:
    """A heading with names and what they are; ``remark`` is a sentence above them."""

    heading: str
    entries: Sequence[tuple[str, str]]
    remark: str = ""


@dataclass(frozen=True)
class Cards:
    """Cards side by side where there is room."""

    cards: Sequence[Card]


@dataclass(frozen=True)
class Heading:
    """A heading below that of the section."""

    text: str


@dataclass(frozen=True)
class Note:
    """A smaller paragraph below a table: where the figures come from."""

    text: str


@dataclass(frozen=True)
class Notes:
    """Remarks, one below the other."""

    items: Sequence[str]


Content = str | Table | Figure | Cards | Heading | Note | Notes


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; a plain string is a paragraph."""

    heading: str
    parts: Sequence[Content]


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole page as HTML; the same arguments give the same page. All text is escaped."""
    style = _beside("page.css")
    sortable = any(
        isinstance(part, Table) and part.sortable for section in sections for part in section.parts
    )
    script = _beside("page.js") if sortable else ""
    policy = f"default-src 'none'; style-src {_digest(style)}; " + (
        f"script-src {_digest(script)}; " if script else ""
    )
    body = "\n".join(_section(section) for section in sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{text(title)}</h1>\n<p>{text(lead)}</p>\n{body}\n</main>\n"
        + (f"<script>{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )


def text(words: str) -> str:
    """``words`` as HTML, for an element or an attribute in double quotes.

    What cannot be printed, also what turns the direction of writing, shows as a replacement
    character: a file's name shall not look like another's.
    """
    return escape("".join(letter if letter.isprintable() else UNPRINTABLE for letter in words), quote=True)


def _beside(name: str) -> str:
    return "\n" + Path(__file__).with_name(name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    """The source expression of an inline element with that content (CSP level 2, section 4.2.5)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _section(section: Section) -> str:
    return (
        f"<section>\n<h2>{text(section.heading)}</h2>\n"
        + "\n".join(_part(part, section.heading) for part in section.parts)
        + "\n</section>"
    )


def _part(part: Content, heading: str) -> str:
    match part:
        case Table():
            return _table(part, heading)
        case Figure():
            kind = _class("wide" if part.wide else "")
            return f"<figure{kind}>\n<figcaption>{text(part.caption)}</figcaption>\n{part.html}\n</figure>"
        case Cards():
            return '<div class="cards">\n' + "\n".join(_card(card) for card in part.cards) + "\n</div>"
        case Heading():
            return f"<h3>{text(part.text)}</h3>"
        case Note():
            return f'<p class="note">{text(part.text)}</p>'
        case Notes():
            items = "\n".join(f"<li>{text(item)}</li>" for item in part.items)
            return f'<ul class="notes">\n{items}\n</ul>' if items else ""
        case _:
            return f"<p>{text(part)}</p>"


def _card(card: Card) -> str:
    entries = "\n".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in card.entries)
    remark = f"<p>{text(card.remark)}</p>\n" if card.remark else ""
    return f'<div class="card">\n<h3>{text(card.heading)}</h3>\n{remark}<dl>\n{entries}\n</dl>\n</div>'


def _table(table: Table, heading: str) -> str:
    classes = [
        " ".join((["left"] if index in table.left else []) + (["wrap"] if index in table.wrap else []))
        for index in range(len(table.header))
    ]
    head = "".join(
        f'<th scope="col"{_class(kind)}>{text(name)}</th>'
        for name, kind in zip(table.header, classes, strict=True)
    )
    rows = "\n".join(
        "<tr>"
        + "".join(
            _cell(cell, kind, heading=index == table.heading)
            for index, (cell, kind) in enumerate(zip(row, classes, strict=True))
        )
        + "</tr>"
        for row in table.rows
    )
    caption = f"<caption><span>{text(table.caption)}</span></caption>\n" if table.caption else ""
    kind = ' class="sortable"' if table.sortable else ""
    # What scrolls must be reachable without a mouse.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(table.caption or heading)}"><table{kind}>\n'
        f"{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _cell(cell: str | Cell, kind: str, *, heading: bool) -> str:
    shown = Cell(cell) if isinstance(cell, str) else cell
    sort = (
        f' data-value="{shown.value:.12g}"'
        if shown.value is not None
        else " data-unknown"
        if shown.text in ("", "-")
        else ""
    )
    name, scope = ("th", ' scope="row"') if heading else ("td", "")
    classes = _class(" ".join(filter(None, [kind, "bad" if shown.bad else ""])))
    return f"<{name}{scope}{classes}{sort}>{text(shown.text)}</{name}>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
