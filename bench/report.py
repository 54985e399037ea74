"""One self-contained HTML page: tables and charts, no network, no scripts."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #57606a; --line: #d0d7de; --page: #fff; --band: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --page: #0d1117; --band: #151b23; }
}
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
p { margin: .5rem 0; }
.note { color: var(--soft); font-size: .92rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { text-align: right; background: var(--band); font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 6px; margin-top: .8rem; }
code { font-size: .92em; background: var(--band); padding: .1em .3em; border-radius: 4px; }
"""


@dataclass(frozen=True)
class Table:
    """A table: the first column to the left, the others to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Chart:
    """A PNG with the sentence that says what it shows, for those who cannot see it."""

    png: bytes
    alt: str


@dataclass(frozen=True)
class Note:
    """A smaller paragraph below a table: where the figures come from."""

    text: str


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; a plain string is a paragraph."""

    heading: str
    parts: Sequence[str | Table | Chart | Note]


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole page as HTML. All text is escaped."""
    body = "\n".join(_section(section) for section in sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n<p>{escape(lead)}</p>\n{body}\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    return f"<h2>{escape(section.heading)}</h2>\n" + "\n".join(_part(part) for part in section.parts)


def _part(part: str | Table | Chart | Note) -> str:
    match part:
        case Table():
            head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in part.header)
            rows = "\n".join(
                "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in part.rows
            )
            return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>'
        case Chart():
            data = base64.b64encode(part.png).decode()
            return f'<img src="data:image/png;base64,{data}" alt="{escape(part.alt, quote=True)}">'
        case Note():
            return f'<p class="note">{escape(part.text)}</p>'
        case _:
            return f"<p>{escape(part)}</p>"
