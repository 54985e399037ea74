"""TFLite Metadata: what a file says of its input for Android Studio, ML Kit and the Task Library.

It is a flatbuffer of its own (identifier ``M001``) in the metadata entry ``TFLITE_METADATA``. No maintained package has its
schema on current Python, so its few tables are addressed by slot number, from ``metadata_schema.fbs`` of
tensorflow/tflite-support (Apache-2.0), version 1. :mod:`mobilecnn.convert.lowering.tflite_metadata` writes it.
"""

import math
import struct
from dataclasses import dataclass

from mobilecnn.convert.graph import bounds

ENTRY = "TFLITE_METADATA"
"""Name of the metadata entry."""

IDENTIFIER = b"M001"
"""Bytes 4 to 8 of the flatbuffer."""

# Slots: positions of the fields in the schema's tables. Values of enums and unions.
MODEL_NAME, MODEL_DESCRIPTION, MODEL_SUBGRAPHS, MODEL_PARSER = 0, 1, 3, 7
SUBGRAPH_INPUTS, SUBGRAPH_OUTPUTS = 2, 3
TENSOR_NAME, TENSOR_DESCRIPTION, TENSOR_CONTENT, TENSOR_PROCESS, TENSOR_STATS, TENSOR_FILES = 0, 1, 3, 4, 5, 6
CONTENT_KIND, CONTENT = 0, 1
FEATURE, IMAGE = 1, 2  # the union ContentProperties
IMAGE_COLOR, IMAGE_SIZE = 0, 1
RGB, GRAYSCALE = 1, 2
SIZE_WIDTH, SIZE_HEIGHT = 0, 1
PROCESS_KIND, PROCESS = 0, 1
NORMALIZATION = 1  # the union ProcessUnitOptions
NORMALIZATION_MEAN, NORMALIZATION_STD = 0, 1
STATS_MAX, STATS_MIN = 0, 1
FILE_NAME, FILE_DESCRIPTION, FILE_TYPE = 0, 1, 2
TENSOR_AXIS_LABELS = 2  # the enum AssociatedFileType

MOST_UNITS = 16
"""Largest number of process units of an input; one is usual."""


LONGEST_NAME = 255
"""Largest number of bytes of a file's name."""


@dataclass(frozen=True)
class Stated:
    """What the metadata says of the first input.

    Attributes:
        mean: values subtracted from the 0..255 pixels, one for all channels or one for each; empty where nothing is said.
        std: values that divide the difference, as many; empty where nothing is said.
        color: ``rgb``, ``grey``, or empty where nothing is said.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    color: str = ""


def read(content: bytes) -> Stated:
    """What TFLite Metadata says of the first input of the first graph; nothing where it says nothing.

    Raises:
        ValueError: it is damaged, or says two things at once.
    """
    if content[4:8] != IDENTIFIER:
        raise ValueError("its identifier is not M001")
    model = _Table(content, bounds.number("<I", content, 0))
    subgraphs = model.tables(MODEL_SUBGRAPHS)
    inputs = subgraphs[0].tables(SUBGRAPH_INPUTS) if subgraphs else ()
    if not inputs:
        return Stated()
    units = inputs[0].tables(TENSOR_PROCESS)
    normalizations = [unit.table(PROCESS) for unit in units if unit.byte(PROCESS_KIND) == NORMALIZATION]
    if len(normalizations) > 1:
        raise ValueError("it normalizes the input twice")
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    for options in normalizations:
        if options is None:
            raise ValueError("its normalization is missing")
        mean, std = options.floats(NORMALIZATION_MEAN), options.floats(NORMALIZATION_STD)
        if bool(mean) != bool(std):
            raise ValueError("its normalization has a mean or a std alone")
    return Stated(mean, std, _color(inputs[0].table(TENSOR_CONTENT)))


def label_file(content: bytes) -> str:
    """Name of the associated file that lists the classes of the first output; empty where none is stated.

    Raises:
        ValueError: it is damaged.
    """
    if content[4:8] != IDENTIFIER:
        raise ValueError("its identifier is not M001")
    subgraphs = _Table(content, bounds.number("<I", content, 0)).tables(MODEL_SUBGRAPHS)
    outputs = subgraphs[0].tables(SUBGRAPH_OUTPUTS) if subgraphs else ()
    files = outputs[0].tables(TENSOR_FILES) if outputs else ()
    names = [file.text(FILE_NAME) for file in files if file.byte(FILE_TYPE) == TENSOR_AXIS_LABELS]
    return names[0] if names else ""


def _color(properties: "_Table | None") -> str:
    image = properties.table(CONTENT) if properties and properties.byte(CONTENT_KIND) == IMAGE else None
    return {RGB: "rgb", GRAYSCALE: "grey"}.get(image.byte(IMAGE_COLOR), "") if image else ""


class _Table:
    """A table of the flatbuffer; whatever lies outside of it is refused with ValueError."""

    def __init__(self, content: bytes, position: int) -> None:
        self._content, self._position = content, position
        self._places, _ = bounds.table(content, position)

    def _place(self, slot: int) -> int | None:
        place = self._places[slot] if slot < len(self._places) else 0
        return self._position + place if place else None

    def _target(self, slot: int) -> int | None:
        place = self._place(slot)
        return None if place is None else place + bounds.number("<I", self._content, place)

    def byte(self, slot: int) -> int:
        place = self._place(slot)
        return 0 if place is None else bounds.number("<B", self._content, place)

    def table(self, slot: int) -> "_Table | None":
        target = self._target(slot)
        return None if target is None else _Table(self._content, target)

    def tables(self, slot: int) -> "tuple[_Table, ...]":
        """The first tables of a vector, :data:`MOST_UNITS` at most."""
        target = self._target(slot)
        if target is None:
            return ()
        count = bounds.number("<I", self._content, target)
        if count > MOST_UNITS:
            raise ValueError(f"a vector has {count:,} tables")
        places = [target + 4 * index for index in range(1, count + 1)]
        return tuple(
            _Table(self._content, place + bounds.number("<I", self._content, place)) for place in places
        )

    def text(self, slot: int) -> str:
        """A text; what is not UTF-8 in it is replaced."""
        target = self._target(slot)
        if target is None:
            return ""
        count = bounds.number("<I", self._content, target)
        if count > LONGEST_NAME or target + 4 + count > len(self._content):
            raise ValueError(f"a name has {count:,} bytes")
        return self._content[target + 4 : target + 4 + count].decode("utf-8", "replace")

    def floats(self, slot: int) -> tuple[float, ...]:
        """A vector of one or three finite numbers, or none."""
        target = self._target(slot)
        if target is None:
            return ()
        count = bounds.number("<I", self._content, target)
        if count > 3 or target + 4 + 4 * count > len(self._content):
            raise ValueError(f"a vector has {count:,} numbers")
        values: tuple[float, ...] = struct.unpack_from(f"<{count}f", self._content, target + 4)
        if not all(math.isfinite(value) for value in values):
            raise ValueError("a number is not finite")
        return values
