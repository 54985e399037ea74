"""What a paper's table consists of, and how far its figures are from ours."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Figure:
    """A cell: a published figure, ours, or both.

    Attributes:
        published: the figure as printed, in the column's unit; empty where there is none.
        ours: the same of the zoo's network; None where it is not counted here.
        exact: whether a published whole number is not rounded.
    """

    published: str = ""
    ours: float | None = None
    exact: bool = False

    @property
    def difference(self) -> float | None:
        """Our figure less the published one, as a share of that; None without either."""
        if not self.published or self.ours is None:
            return None
        return self.ours / float(self.published) - 1

    @property
    def agrees(self) -> bool | None:
        """Whether ours, rounded like the published figure, is that; None without either.

        A figure without decimals is rounded to its last digit that is not 0, but to two digits at least: 600 may be 596.
        """
        if not self.published or self.ours is None:
            return None
        whole, _, decimals = self.published.partition(".")
        digits = len(decimals)
        if not decimals and not self.exact:
            zeros = len(whole) - len(whole.rstrip("0"))
            digits = -min(zeros, max(0, len(whole) - 2))
        return Decimal(repr(round(self.ours, digits))) == Decimal(self.published)


PRINTED = "paper"
"""What heads figures that a paper prints."""

DERIVED = "from the paper's figures"
"""What heads figures that no paper prints, and that follow from those that it prints."""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        heading: what the figures are, with their unit.
        digits: digits behind the point of our figures.
        counted: whether there are figures of ours.
        origin: what heads the published figures: they are the paper's own, or worked out from them.
    """

    heading: str
    digits: int = 2
    counted: bool = True
    origin: str = PRINTED

    @property
    def derived(self) -> bool:
        """Whether the published figures are worked out here from printed ones."""
        return self.origin != PRINTED


QUANTITIES = {
    "macs": "multiply-adds (M)",
    "params": "parameters (M)",
    "top1": "top-1 accuracy (%)",
    "top5": "top-5 accuracy (%)",
}
"""Quantity -> what it is called, with its unit."""


@dataclass(frozen=True)
class Sourced:
    """A published figure and who printed it.

    Attributes:
        quantity: key of :data:`QUANTITIES`.
        figure: the figure as printed; of an error, 100 less it.
        source: the paper's table by its name here, or a model table.
        protocol: how an accuracy was tested, such as "10 crops"; empty where the source does not say it, and of counts.
    """

    quantity: str
    figure: str
    source: str
    protocol: str = ""

    def __str__(self) -> str:
        """The figure with its name, unit, source and protocol, for a cell of a table."""
        said = "; ".join(part for part in (self.source, self.protocol) if part)
        return f"{QUANTITIES[self.quantity]}: {self.figure} ({said})"


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        label: what the paper calls it.
        network: name in the zoo; empty where it has none.
        figures: a figure for each column.
        others: what other sources print otherwise of the network.
    """

    label: str
    network: str
    figures: tuple[Figure, ...]
    others: tuple[Sourced, ...] = ()


@dataclass(frozen=True)
class PaperTable:
    """A table of a paper, filled in.

    Attributes:
        name: name for the command line: ``shufflenet-5``.
        title: what it shows.
        source: paper and number of the table.
        columns: its columns, after those of the label and of the network.
        rows: its rows.
        notes: where sources disagree, and what explains a difference.
        left_out: what the paper's table has besides; empty where nothing is left out, None where nobody has said it.
        protocol: how the accuracies were tested, where the source says it.
        tested: rows of which the protocol is; empty where it is that of all.
    """

    name: str
    title: str
    source: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    left_out: str | None = None
    protocol: str = ""
    tested: str = ""
