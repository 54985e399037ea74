"""Confusion matrices as a picture: of each class, into which its images were put."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np

from mobilecnn.bench.pages.palette import palette
from mobilecnn.bench.pages.png import drawing, plain
from mobilecnn.errors import UsageError
from mobilecnn.extras import require
from mobilecnn.quantize.evaluation import Accuracy, Figures
from mobilecnn.replacing import SOFTWARE

MOST_NUMBERS = 20
"""Largest number of classes whose counts are written into the fields."""

_SIDE = 4.6
"""Inches of a matrix."""


def draw(results: Sequence[Accuracy]) -> bytes:
    """The matrix of each file, one below the other, as one PNG file: rows are right classes, columns answers.

    A field's shade is the share of its row's images.

    Raises:
        UsageError: a result has no matrix, because there are too many classes.
        EnvironmentProblem: matplotlib is not installed.
    """
    kept = [(result.file, result.figures) for result in results if result.figures is not None]
    if len(kept) < len(results) or any(not figures.confusion for _, figures in kept):
        raise UsageError("there are too many classes for a confusion matrix; leave --confusion out")
    require("a confusion matrix", "report")
    with drawing():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        # The figure classes directly: pyplot would look for a display and keep every figure alive.
        figure = Figure(figsize=(_SIDE + 1.6, _SIDE * len(kept) + 0.4), dpi=144, layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(kept), 1, squeeze=False)
        for row, (name, figures) in zip(grid, kept, strict=True):
            _matrix(row[0], name, figures)
        stream = BytesIO()
        figure.savefig(stream, format="png", metadata={"Software": SOFTWARE})
    return stream.getvalue()


def _matrix(axes: Any, name: str, figures: Figures) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    counts = np.asarray(figures.confusion)
    names = [plain(row.name) for row in figures.classes]
    columns = [*names, "no number"]
    if not counts[:, -1].any():
        counts, columns = counts[:, :-1], columns[:-1]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colours = palette()
    shades = LinearSegmentedColormap.from_list("shares", [colours["page"], colours["s0"]])
    axes.imshow(shares, cmap=shades, vmin=0, vmax=1, aspect="auto")
    small = 9 if len(names) <= MOST_NUMBERS else 5
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", fontsize=small)
    axes.set_yticks(range(len(names)), names, fontsize=small)
    axes.set_xlabel("answer")
    axes.set_ylabel("right class")
    axes.set_title(plain(name), fontsize=10.5, loc="left")
    if len(names) <= MOST_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            dark = shares[row, column] > 0.5
            axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=8, color=colours["page" if dark else "ink"])  # fmt: skip
