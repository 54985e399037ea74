"""ShuffleNet V1's Table 8 in the form of the other papers' tables: theoretical against actual speedup."""

from pathlib import Path

from mobilecnn.bench.pages.modelled import notes
from mobilecnn.bench.pages.result_files import read
from mobilecnn.bench.pages.table_names import TIMED
from mobilecnn.bench.papers.speedup import SpeedupRow, table
from mobilecnn.bench.papers.stored import stored
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.published import (
    NETWORKS,
    PUBLISHED_FORMAT,
    RATIOS,
    RESOLUTIONS,
    TABLE_8,
    UNKNOWN,
)
from mobilecnn.bench.timing.times import kind, times
from mobilecnn.errors import InputError
from mobilecnn.train.tables import Column, Figure, PaperTable, Row, extents
from mobilecnn.train.tables.rows import DERIVED

LARGER = 2.0
"""Ratio of a network's multiply-adds to those of the paper from which on it was timed on larger images than the table's, of
224 x 224: the paper's next size has six times as many."""


LARGER_IMAGES = tuple(name for name, size in RESOLUTIONS.items() if size is not None)
"""Sizes of the paper's larger images, whose times are in the table as published alone."""


def table_8(record: Path | None = None) -> PaperTable:
    """The table with the times of ``record``, or without one with the stored times modelled on the paper's chip.

    Raises:
        InputError: the file is not a record of ``mobilecnn speedup`` at 224 x 224, with all its networks in float32.
    """
    if record is None:
        kept = stored("sd820")
        return _filled(kept.rows, "modelled on the Snapdragon 820", _limits(kept.record))
    results = read([record])
    taken: list[Measurement | Instructions] = [timed.measurement for timed in results.timed]
    taken += [counted.instructions for counted in results.counted if counted.instructions.model is not None]
    for given in taken:
        found = {
            passport.architecture: passport.macs
            for passport in (model.passport for model in given.models)
            if passport is not None and passport.format == PUBLISHED_FORMAT and passport.macs is not None
        }
        if all(row.model in found and found[row.model] < LARGER * 1e6 * row.mflops for row in NETWORKS):
            return _filled(table(times(given)), f"{kind(given)} on {_device(given)}", _limits(given))
    raise InputError(
        f"{record} has no times of all networks of the table in {PUBLISHED_FORMAT} at 224 x 224; give a record of "
        "`mobilecnn speedup`"
    )


def _device(record: Measurement | Instructions) -> str:
    if isinstance(record, Instructions) and record.model is not None:
        return f"the {record.model.chip.title}"
    return record.device.board or record.device.cpu or record.device.kind


def _limits(record: Measurement | Instructions) -> tuple[str, ...]:
    """What modelled times are of, and how far they may be off; nothing of measured ones."""
    if isinstance(record, Measurement):
        return ()
    shown = [model for model in record.models if model.passport and model.passport.format == PUBLISHED_FORMAT]
    return tuple(f"Ours: {said}." for said in notes(record, shown)[:-1])


def _row(row: SpeedupRow) -> Row:
    """A row; the paper's figures are not repeated for an AlexNet that is not in its table."""
    paper = row.published
    printed = (
        (
            f"{row.paper_theoretical:.1f}",
            f"{row.paper_actual:.1f}",
            f"{paper.at('224'):.1f}",
            str(paper.mflops),
            f"{paper.top1_error:.1f}",
            *(f"{paper.at(size):.1f}" for size in LARGER_IMAGES),
        )
        if paper in TABLE_8
        else ("",) * (5 + len(LARGER_IMAGES))
    )
    ours = (row.over[0].theoretical, row.over[0].actual.value, row.time.value / 1e6, row.macs / 1e6)
    uncounted = (None,) * (len(printed) - len(ours))
    return Row(paper.label, paper.model, tuple(map(Figure, printed, (*ours, *uncounted))))


def _filled(rows: tuple[SpeedupRow, ...], how: str, limits: tuple[str, ...]) -> PaperTable:
    chosen = [row for row in rows if row.format == PUBLISHED_FORMAT]
    return PaperTable(
        TIMED,
        "Theoretical against actual speedup over AlexNet",
        "arXiv 1707.01083v2, Table 8",
        (
            Column("theoretical speedup", origin=DERIVED),
            Column("actual speedup", origin=DERIVED),
            Column(f"time (ms), ours {how}", 1),
            Column("multiply-adds (M)"),
            Column("top-1 error (%)", counted=False),
            *(Column(f"time at {resolution} (ms)", counted=False) for resolution in LARGER_IMAGES),
        ),
        tuple(map(_row, chosen)),
        (
            "Where nothing else is said, figures are those at 224 x 224 pixels.",
            *limits,
            RATIOS,
            UNKNOWN,
            (
                "An actual speedup above the theoretical one is no contradiction: a multiply-add of one network may take longer than "
                "one of another. AlexNet's large dense layers wait for memory, and each takes more time a multiply-add."
            ),
        ),
        left_out=extents.EXTENTS[TIMED].left_out,
        protocol=extents.EXTENTS[TIMED].protocol,
    )
