"""One self-contained HTML page from an answer, headings, tables, cards and charts: the template of every page.

It needs no network and no script: ``page.css`` and ``page.js`` are inside, and the page's
Content-Security-Policy allows these two, by their SHA-256, and nothing else. The script makes tables sort
and filter, charts tell their values, and one of several records show; without it all stands there.

Texts come from files and devices, so all are escaped here (:func:`text`), in one place.
Only :class:`Figure` takes HTML, that of :mod:`mobilecnn.bench.pages.svg`.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"

UNKNOWN = ("", "-")
"""Texts of a cell that stand for what is not known."""


@dataclass(frozen=True)
class Answer:
    """What a page says first.

    Attributes:
        about: device or file that it is about.
        text: the answer, a sentence.
        sure: a word or two on how sure it is; it stands beside the text.
        kind: ``good`` where it is decided, ``open`` where it cannot be told, ``bad`` where it is not to be relied on.
        why: what it rests on, a sentence each.
    """

    about: str
    text: str
    sure: str
    kind: Literal["good", "open", "bad"] = "good"
    why: Sequence[str] = ()


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
    """A table. A column of which nothing is known is left out; on a narrow screen each row is a card.

    Attributes:
        header: the names of the columns.
        rows: as many cells each; a text is a cell that sorts by itself.
        caption: what the table shows.
        left: the columns, by index, that stand to the left; the others are figures.
        wrap: the columns, by index, that may break into lines; that of ``heading`` always may.
        sortable: whether its headers sort it, and a filter chooses rows.
        heading: the column, by index, whose cell is the heading of its row.
        groups: of each row, what it has in common with others, such as the device, which then stands once above
            them; empty for none.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    caption: str = ""
    left: Sequence[int] = (0,)
    wrap: Sequence[int] = ()
    sortable: bool = False
    heading: int = 0
    groups: Sequence[str] = ()


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
    """A heading with names and what they are; ``remark`` is a sentence above them. What is unknown is left out."""

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
class Reason:
    """A rule that speaks against figures, what it said of which rows, and what helps.

    Attributes:
        label: how grave it is: ``INVALID``, ``Warning``.
        bad: whether the figures are not to be relied on.
        said: each text that it said, with the rows that it said it of; empty where it concerns all.
        remedy: what to do; empty where there is nothing.
    """

    label: str
    bad: bool
    said: Sequence[tuple[str, str]]
    remedy: str = ""


@dataclass(frozen=True)
class Reasons:
    """Reasons, each rule once."""

    items: Sequence[Reason]


@dataclass(frozen=True)
class Choice:
    """Several parts of which one is looked at, by its name; without a script, and on paper, all stand there.

    Attributes:
        label: what is chosen.
        parts: the names, and what each shows.
    """

    label: str
    parts: Sequence[tuple[str, "Sequence[Content]"]]


Content = str | Table | Figure | Cards | Heading | Note | Reasons | Choice


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; a plain string is a paragraph."""

    heading: str
    parts: Sequence[Content]


FEWEST_LINKED = 4
"""Smallest number of sections that are listed at the top."""


def page(title: str, lead: str, sections: Sequence[Section], answers: Sequence[Answer] = ()) -> str:
    """The whole page as HTML; the same arguments give the same page. All text is escaped."""
    style, script = _beside("page.css"), _beside("page.js")
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; base-uri 'none'; "
        "form-action 'none'"
    )
    body = "\n".join(_section(section, number) for number, section in enumerate(sections, start=1))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{text(title)}</h1>\n<p class="lead">{text(lead)}</p>\n{_answers(answers)}{_links(sections)}{body}\n</main>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def text(words: str) -> str:
    """``words`` as HTML, for an element or an attribute in double quotes.

    What cannot be printed, also what turns the direction of writing, shows as a replacement
    character: a file's name shall not look like another's.
    """
    return escape("".join(letter if letter.isprintable() else UNPRINTABLE for letter in words), quote=True)


def _sentence(words: str) -> str:
    """A sentence as HTML; what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", text(words))


def _beside(name: str) -> str:
    return "\n" + Path(__file__).with_name(name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    """The source expression of an inline element with that content (CSP level 2, section 4.2.5)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _answers(answers: Sequence[Answer]) -> str:
    if not answers:
        return ""
    shown = "\n".join(
        f'<div class="answer {answer.kind}">\n<p class="about">{text(answer.about)}</p>\n'
        f'<p class="what"><strong>{text(answer.text)}</strong> <span class="sure">{text(answer.sure)}</span></p>\n'
        + _list([_sentence(why) for why in answer.why], "why")
        + "</div>"
        for answer in answers
    )
    return f'<section aria-labelledby="answer">\n<h2 id="answer">The answer</h2>\n{shown}\n</section>\n'


def _links(sections: Sequence[Section]) -> str:
    """Links to the sections, where there are many."""
    if len(sections) < FEWEST_LINKED:
        return ""
    items = [
        f'<a href="#s{number}">{text(section.heading)}</a>'
        for number, section in enumerate(sections, start=1)
    ]
    return f'<nav aria-label="On this page">\n{_list(items)}</nav>\n'


def _list(items: Sequence[str], kind: str = "") -> str:
    """Items, which are HTML, one below the other."""
    inside = "\n".join(f"<li>{item}</li>" for item in items)
    return f"<ul{_class(kind)}>\n{inside}\n</ul>\n" if items else ""


def _section(section: Section, number: int) -> str:
    return (
        f'<section aria-labelledby="s{number}">\n<h2 id="s{number}">{text(section.heading)}</h2>\n'
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
            return f'<p class="note">{_sentence(part.text)}</p>'
        case Reasons():
            return _list([_reason(reason) for reason in part.items], "reasons")
        case Choice():
            chosen = "\n".join(
                f'<div class="part" data-name="{text(name)}">\n<h3>{text(name)}</h3>\n'
                + "\n".join(_part(inner, name) for inner in parts)
                + "\n</div>"
                for name, parts in part.parts
            )
            return f'<div class="choice" data-label="{text(part.label)}">\n{chosen}\n</div>'
        case _:
            return f"<p>{_sentence(part)}</p>"


def _card(card: Card) -> str:
    entries = "\n".join(
        f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in card.entries if value not in UNKNOWN
    )
    remark = f"<p>{text(card.remark)}</p>\n" if card.remark else ""
    return f'<div class="card">\n<h3>{text(card.heading)}</h3>\n{remark}<dl>\n{entries}\n</dl>\n</div>'


def _reason(reason: Reason) -> str:
    """The label, the texts with their rows, and the remedy."""
    said = [
        text(words) + (f' <span class="rows-named">({text(rows)})</span>' if rows else "")
        for words, rows in reason.said
    ]
    label = f"<strong{_class('bad' if reason.bad else '')}>{text(reason.label)}</strong>"
    remedy = (
        f' <span class="remedy">{text(reason.remedy[0].upper() + reason.remedy[1:])}.</span>'
        if reason.remedy
        else ""
    )
    if len(said) == 1:
        return f"{label}: {said[0]}.{remedy}"
    return f"{label}:{remedy}\n{_list(said)}"


def _table(table: Table, heading: str) -> str:
    known = [
        index
        for index in range(len(table.header))
        if not table.rows or any(_shown(row[index]).text not in UNKNOWN for row in table.rows)
    ]
    classes = {
        index: " ".join(
            (["left"] if index in table.left else [])
            + (["name"] if index == table.heading else ["wrap"] if index in table.wrap else [])
        )
        for index in known
    }
    head = "".join(
        f'<th scope="col" role="columnheader"{_class(kind)}>{text(table.header[index])}</th>'
        for index, kind in classes.items()
    )
    rows = [
        '<tr role="row">'
        + "".join(
            _cell(_shown(row[index]), kind, table.header[index], heading=index == table.heading)
            for index, kind in classes.items()
        )
        + "</tr>"
        for row in table.rows
    ]
    bodies = "\n".join(
        f'<tbody role="rowgroup">\n{_group(name, len(known))}' + "\n".join(alike) + "</tbody>"
        for name, alike in _grouped(table, rows).items()
    )
    caption = f"<caption><span>{text(table.caption)}</span></caption>\n" if table.caption else ""
    kind = ' class="sortable"' if table.sortable else ""
    # What scrolls must be reachable without a mouse.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(table.caption or f"{heading}: table")}">'
        f'<table{kind} role="table">\n{caption}<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        f"{bodies}</table></div>"
    )


def _grouped(table: Table, rows: Sequence[str]) -> dict[str, list[str]]:
    """The rows of each group, in the order of their first; all rows together where there are no groups."""
    grouped: dict[str, list[str]] = {} if rows else {"": []}
    for name, row in zip(table.groups or [""] * len(rows), rows, strict=True):
        grouped.setdefault(name, []).append(row)
    return grouped


def _group(name: str, columns: int) -> str:
    if not name:
        return ""
    return f'<tr class="group" role="row"><th colspan="{columns}" scope="rowgroup" role="rowheader">{text(name)}</th></tr>\n'


def _shown(cell: str | Cell) -> Cell:
    return Cell(cell) if isinstance(cell, str) else cell


def _cell(cell: Cell, kind: str, column: str, *, heading: bool) -> str:
    """One cell; ``data-label`` names its column where the row is a card."""
    sort = (
        f' data-value="{cell.value:.12g}"'
        if cell.value is not None
        else " data-unknown"
        if cell.text in UNKNOWN
        else ""
    )
    name, scope = ("th", ' scope="row" role="rowheader"') if heading else ("td", ' role="cell"')
    classes = _class(" ".join(filter(None, [kind, "bad" if cell.bad else ""])))
    label = f' data-label="{text(column)}"' if column else ""
    words = text(cell.text)
    if heading or ("wrap" in kind and " " not in words):  # What has words breaks between them.
        words = _BREAKS.sub(r"\g<0><wbr>", words)
    return f"<{name}{scope}{classes}{sort}{label}>{words}</{name}>"


_BREAKS = re.compile(r"(?:[_/]|(?<!\d)\.|\.(?!\d))(?=\w)")
"""Where the name of a file may break into lines; the point of a number is no such place."""


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
