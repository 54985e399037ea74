"""Labelled images as a list says them, one a row: from such rows to a data set."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mobilecnn.errors import DataError
from mobilecnn.remarks import Remark, counted, of_names, plural
from mobilecnn.train.datasets.dataset import PARTS, Dataset, Part
from mobilecnn.train.images import Pixels


@dataclass(frozen=True)
class Row:
    """An image with its class.

    Attributes:
        image: path, or uint8 array.
        label: name of its class.
        group: what else shows the same, such as a lesion; "" where nothing is said.
        part: ``train``, ``validation`` or ``test``; "" where the source is not divided.
    """

    image: Path | Pixels
    label: str
    group: str = ""
    part: str = ""


def parts_of(rows: Iterable[Row]) -> tuple[Part, ...]:
    """The parts that the rows name, in the order of :data:`PARTS`."""
    there = {row.part for row in rows}
    return tuple(part for part in PARTS if part in there)


def dataset_of(
    source: str,
    rows: Sequence[Row],
    part: Part,
    classes: Sequence[str] = (),
    remarks: Iterable[Remark] = (),
    parts: Sequence[Part] | None = None,
) -> Dataset:
    """The images of a part; of rows without parts, or for ``all``, of all rows.

    Args:
        source: name of the data set.
        rows: all rows of the source.
        part: the part.
        classes: all class names in the order of the labels.  [default: those of all rows, sorted]
        remarks: what was passed over.
        parts: parts of the source, where ``rows`` are not all of it.  [default: those of the rows]

    Raises:
        DataError: there is no row, or none of this part.
    """
    names = tuple(classes) or tuple(sorted({row.label for row in rows}))
    there = parts_of(rows) if parts is None else parts
    chosen = [row for row in rows if row.part == part] if there and part != "all" else list(rows)
    if not chosen:
        held = ", ".join(counted(Counter(row.part for row in rows)))
        wanted = f"of the part {part}; it has {held}" if rows else "at all"
        raise DataError(f"{source} has no image {wanted}")
    index = {name: label for label, name in enumerate(names)}
    labels = np.asarray([index[row.label] for row in chosen], np.int64)
    groups = tuple(row.group for row in chosen) if any(row.group for row in chosen) else ()
    said = list(remarks)
    if there and part != "all":
        # As of a folder's part: which one is read.
        text = f"{source} is divided into {', '.join(there)}: of it {part} is read"
        said.insert(0, Remark("part", len(chosen), text))
    gone = [name for name in names if index[name] not in set(labels.tolist())]
    if gone:
        said.append(
            of_names(
                "empty-class", gone, f"{source}: no image here of {plural(len(gone), 'class', 'classes')}"
            )
        )
    return Dataset(source, names, [row.image for row in chosen], labels, tuple(said), groups)
