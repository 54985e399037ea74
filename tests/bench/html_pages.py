"""What the tests read out of a page."""

import re
from html.parser import HTMLParser

HOSTILE = (
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\N{RIGHT-TO-LEFT OVERRIDE}\x07&amp;"
)


class Page(HTMLParser):
    """What a browser would make of a page, as far as the tests ask."""

    VOID = ("meta", "img", "br", "wbr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.inside: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            self.inside[self.open[-1]] = self.inside.get(self.open[-1], "") + data
        else:
            self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def cells(text: str, caption: str) -> list[list[str]]:
    """The texts of a table: its header and its rows, without the headings of groups."""
    (table,) = re.findall(
        rf"<table[^>]*>\n<caption><span>{re.escape(caption)}</span></caption>(.*?)</table>", text, re.DOTALL
    )
    rows = re.findall(r'<tr role="row">(.*?)</tr>', table.replace("<wbr>", ""))
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def headings_of_groups(text: str) -> list[str]:
    """What stands once above rows that have it in common."""
    return re.findall(r'<tr class="group" role="row"><th[^>]*>(.*?)</th>', text)
