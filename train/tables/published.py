"""The list of tables: those whose figures are in ``rows.csv``, and those worked out layer by layer."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mobilecnn.errors import UsageError
from mobilecnn.train import zoo
from mobilecnn.train.tables import (
    architectures,
    compressed,
    extents,
    guidelines,
    layered,
    lesions,
    mobilenet_v3,
    shufflenets,
    sources,
)
from mobilecnn.train.tables.listed import LISTED
from mobilecnn.train.tables.mobilenet_v3 import Counted
from mobilecnn.train.tables.rows import Column, Figure, PaperTable, Row, Sourced
from mobilecnn.train.zoo import StoredCounts

COUNTED: Mapping[str, tuple[Column, Callable[[StoredCounts | Counted], float]]] = {
    "macs": (Column("multiply-adds (M)"), lambda counts: counts.macs / 1e6),
    "params": (Column("parameters (M)", 3), lambda counts: counts.params_trainable / 1e6),
    "megabytes": (Column("size in float32 (MiB)"), lambda counts: counts.params_trainable * 4 / 2**20),
}
"""Column of ``rows.csv`` -> its heading, and the figure of a network of the zoo."""

CITED: Mapping[str, Column] = {
    "top1": Column("top-1 accuracy (%)", counted=False),
    "top5": Column("top-5 accuracy (%)", counted=False),
    "top1_error": Column("top-1 error (%)", counted=False),
    "top5_error": Column("top-5 error (%)", counted=False),
    "top1_error_without": Column("top-1 error without shuffle (%)", counted=False),
    "cifar10_error": Column("error on CIFAR-10 with augmentation (%)", counted=False),
    "gpu": Column("batches a second on a GTX 1080Ti", counted=False),
    "arm": Column("images a second on a Snapdragon 810", counted=False),
    "batch16": Column("time of a batch of 16, no unit printed", counted=False),
    "pixel1": Column("time on a Pixel 1 (ms)", counted=False),
    "pixel2": Column("time on a Pixel 2 (ms)", counted=False),
    "pixel3": Column("time on a Pixel 3 (ms)", counted=False),
    "pixel4": Column("time on a Pixel 4 (ms)", counted=False),
    "pixel4_gpu": Column("its GPU (ms)", counted=False),
    "pixel4_gpu16": Column("its GPU in float16 (ms)", counted=False),
    "top1_int8": Column("int8: top-1 accuracy (%)", counted=False),
    "pixel4_int8": Column("int8: time on a Pixel 4 (ms)", counted=False),
    "pixel4_tpu": Column("int8: its TPU (ms)", counted=False),
}
"""Column of ``rows.csv`` -> its heading; these figures are the papers' alone."""


TABLES: dict[str, Callable[[], PaperTable]] = {
    **{name: (lambda name=name: _listed(name)) for name in LISTED},  # type: ignore[misc]
    **layered.TABLES,
    **shufflenets.TABLES,
    **guidelines.TABLES,
    **architectures.TABLES,
    **mobilenet_v3.TABLES,
    **compressed.TABLES,
    **lesions.TABLES,
}
"""Name -> function that fills the table in."""


def names() -> tuple[str, ...]:
    """Names of all tables, those of a paper together and by number."""
    return tuple(
        sorted(TABLES, key=lambda name: (name.rpartition("-")[0], name.rpartition("-")[2].zfill(20)))
    )


def unknown(name: str, known: Sequence[str]) -> str:
    """What is said of a name that no table has.

    Args:
        name: the name.
        known: names of the tables; what they begin with, before the number, is a name, too.
    """
    papers = [each.rpartition("-")[0] for each in known]
    close = difflib.get_close_matches(name[:60].lower(), dict.fromkeys([*known, *papers]), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "names are such as mobilenet-2;"
    return f"there is no table {name[:60]!r}; {hint} `mobilecnn tables` lists them"


def table(name: str) -> PaperTable:
    """The table of that name, filled in.

    Raises:
        UsageError: there is none.
    """
    if name not in TABLES:
        raise UsageError(unknown(name, names()))
    extent = extents.EXTENTS[name]
    return replace(TABLES[name](), left_out=extent.left_out, protocol=extent.protocol, tested=extent.tested)


def _counts(network: str, side: str) -> StoredCounts | Counted | None:
    """What a network counts, on its own side where none is given; None without one."""
    stored = zoo.stored_counts().get(network)
    if not network or (stored is not None and not side):
        return stored
    return mobilenet_v3.counts(network, int(side) if side else None)


def _listed(name: str) -> PaperTable:
    rows = [row for row in sources.rows_of_papers() if row["table"] == name]
    given = [key for key in (*COUNTED, *CITED) if any(row[key] for row in rows)]
    # A table of errors alone says what the networks cost.
    keys = [key for key in COUNTED if key in given or (key == "macs" and not set(given) & set(COUNTED))]
    keys += [key for key in CITED if key in given]

    def figure(row: dict[str, str], key: str) -> Figure:
        counts = _counts(row["network"] or row["counts_as"], row["side"])
        if key in CITED or counts is None:
            return Figure(row[key])
        return Figure(row[key], COUNTED[key][1](counts))

    def others(row: dict[str, str]) -> tuple[Sourced, ...]:
        # What others print is of the network on its own side.
        return () if row["side"] else sources.others(name, row["network"], sources.accuracies(row))

    listed = LISTED[name]
    return PaperTable(
        name,
        listed.title,
        listed.source,
        tuple(COUNTED[key][0] if key in COUNTED else CITED[key] for key in keys),
        tuple(
            Row(row["label"], row["network"], tuple(figure(row, key) for key in keys), others(row))
            for row in rows
        ),
        listed.notes,
    )
