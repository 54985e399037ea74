"""What other sources print of a network, beside the figure of a paper's table.

Accuracies and counts of the same network differ by training, crops, and what is counted. Of each network the figures of all
papers' tables are here, those of the zoo's table (``published.csv``), and those of ``sources.csv``, which are in neither.
"""

import csv
from decimal import Decimal
from functools import cache
from pathlib import Path

from mobilecnn.train import zoo
from mobilecnn.train.tables import extents
from mobilecnn.train.tables.rows import QUANTITIES, Figure, Sourced

ERRORS = {"top1_error": "top1", "top5_error": "top5"}
"""Column of errors -> the accuracy that it is 100 less."""


PROTOCOLS = {
    "torchvision": "one crop of 224 x 224 pixels",
    "ShuffleNet V1 paper": "one crop of 224 x 224 pixels",
    "ResNeXt paper": "one crop of 224 x 224 pixels",
    "SENet paper": "one crop of 224 x 224 pixels",
    "EfficientNet paper": "one crop",
    "Xception paper": "one crop",
    "Inception-v3 paper": f"one crop, {extents.NOT_BLACKLISTED}",
}
"""Beginning of a source's name -> how it tested accuracies on ImageNet: the papers say it of these tables, torchvision of its weights.
How a paper's table here was tested is in :data:`mobilecnn.train.tables.extents.EXTENTS`."""


def protocol(quantity: str, source: str) -> str:
    """How a source tested an accuracy; empty where it does not say it, and of counts."""
    if quantity not in ERRORS.values():
        return ""
    if source in extents.EXTENTS:
        return extents.EXTENTS[source].protocol
    if "CIFAR" in source:
        return ""
    return next((said for beginning, said in PROTOCOLS.items() if source.startswith(beginning)), "")


def accuracies(row: dict[str, str]) -> dict[str, str]:
    """Quantity -> figure of a row of ``rows.csv``, errors as accuracies."""
    found = {quantity: row[quantity] for quantity in QUANTITIES if row[quantity]}
    for error, accuracy in ERRORS.items():
        if row[error]:
            found[accuracy] = str(100 - Decimal(row[error]))
    return found


def same(one: str, other: str) -> bool:
    """Whether two figures are equal, either rounded like the other."""
    return bool(Figure(one, float(other)).agrees or Figure(other, float(one)).agrees)


def _read(path: Path) -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@cache
def rows_of_papers() -> tuple[dict[str, str], ...]:
    """The rows of ``rows.csv``."""
    return _read(Path(__file__).with_name("rows.csv"))


@cache
def _every() -> dict[str, tuple[Sourced, ...]]:
    """Network -> what is printed of it, the papers first."""
    found: dict[str, list[Sourced]] = {}
    for row in rows_of_papers():
        if row["network"] and not row["side"]:
            found.setdefault(row["network"], []).extend(
                Sourced(quantity, figure, row["table"], protocol(quantity, row["table"]))
                for quantity, figure in accuracies(row).items()
            )
    for row in _read(Path(zoo.__file__).with_name("published.csv")):
        first, _, second = row["source"].partition("; multiply-adds: ")
        for quantity, figure, source in (
            ("top1", row["top1"], first),
            ("macs", row["macs_published"], second or first),
        ):
            if figure:
                found.setdefault(row["name"], []).append(
                    Sourced(quantity, figure, source, protocol(quantity, source))
                )
    for row in _read(Path(__file__).with_name("sources.csv")):
        quantity, source = row["quantity"], row["source"]
        said = Sourced(quantity, row["figure"], source, protocol(quantity, source))
        found.setdefault(row["network"], []).append(said)
    return {network: tuple(rows) for network, rows in found.items()}


def others(table: str, network: str, printed: dict[str, str]) -> tuple[Sourced, ...]:
    """What other sources print otherwise of a network, each figure once, with the first source that has it.

    Args:
        table: name of the table that asks; what it prints itself is no other source.
        network: name in the zoo.
        printed: quantity -> figure that is in the row already; the others are not asked for.
    """
    kept: list[Sourced] = []
    for quantity, figure in printed.items():
        known = [figure]
        for each in _every().get(network, ()):
            if each.source == table or each.quantity != quantity:
                continue
            if not any(same(each.figure, one) for one in known):
                known.append(each.figure)
                kept.append(each)
    return tuple(kept)
