"""Pass: TFLite Metadata, the input's normalization and the labels inside the file itself.

The passport is for this project; TFLite Metadata is the format that Android Studio, ML Kit and the Task
Library read. It is a flatbuffer of its own (identifier ``M001``) in the metadata entry
``TFLITE_METADATA``, and the labels are a text file in a zip archive appended to the model, which runtimes
ignore. No maintained package writes it on current Python, so its few tables are built here by slot
number, from ``metadata_schema.fbs`` of tensorflow/tflite-support (Apache-2.0), version 1.
"""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import flatbuffers

from mobilecnn.contract import InputContract
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.output_kinds import KINDS, UNKNOWN, OutputKind

ENTRY = "TFLITE_METADATA"
"""Name of the metadata entry."""

LABELS = "labels.txt"
"""Name of the labels file in the appended archive."""

# Slots: positions of the fields in the schema's tables. Enum values: positions likewise.
_MODEL_NAME, _MODEL_DESCRIPTION, _MODEL_SUBGRAPHS, _MODEL_PARSER = 0, 1, 3, 7
_SUBGRAPH_INPUTS, _SUBGRAPH_OUTPUTS = 2, 3
_TENSOR_NAME, _TENSOR_DESCRIPTION, _TENSOR_CONTENT, _TENSOR_PROCESS, _TENSOR_STATS, _TENSOR_FILES = (
    0,
    1,
    3,
    4,
    5,
    6,
)
_CONTENT_KIND, _CONTENT = 0, 1
_FEATURE, _IMAGE = 1, 2  # the union ContentProperties
_IMAGE_COLOR, _IMAGE_SIZE = 0, 1
_RGB, _GRAYSCALE = 1, 3
_SIZE_WIDTH, _SIZE_HEIGHT = 0, 1
_PROCESS_KIND, _PROCESS = 0, 1
_NORMALIZATION = 1  # the union ProcessUnitOptions
_NORMALIZATION_MEAN, _NORMALIZATION_STD = 0, 1
_STATS_MAX, _STATS_MIN = 0, 1
_FILE_NAME, _FILE_DESCRIPTION, _FILE_TYPE = 0, 1, 2
_TENSOR_AXIS_LABELS = 2  # the enum AssociatedFileType
_PARSER_VERSION = "1.0.0"


def describe(model: Any, description: Description) -> list[str]:
    """Write the TFLite Metadata of an image classifier."""
    content = build(description.contract, description.output_labels, description.title, description.kind)
    return ["TFLite Metadata"] if flatbuffer.set_metadata(model, ENTRY, content) else []


def build(contract: InputContract, labels: Sequence[str], name: str, kind: OutputKind = UNKNOWN) -> bytes:
    """The metadata flatbuffer of an image classifier that is called ``name``.

    ``labels`` has a name for each output, as readers of the format want it: where one output tells two classes
    apart, that of the class whose probability it is. Scores have bounds where they are probabilities.
    A ``bgr`` contract has no colour space of its own in the schema; it is described in words,
    and the colour space is left unknown.
    """
    b = flatbuffers.Builder(1024)
    image = _input(b, contract)
    scores = _output(b, labels, kind)
    inputs, outputs = _vector(b, [image]), _vector(b, [scores])
    b.StartObject(9)
    b.PrependUOffsetTRelativeSlot(_SUBGRAPH_INPUTS, inputs, 0)
    b.PrependUOffsetTRelativeSlot(_SUBGRAPH_OUTPUTS, outputs, 0)
    subgraphs = _vector(b, [b.EndObject()])
    title, parser = b.CreateString(name), b.CreateString(_PARSER_VERSION)
    text = b.CreateString(f"Image classifier, {contract.width}x{contract.height}, exported by mobilecnn")
    b.StartObject(8)
    b.PrependUOffsetTRelativeSlot(_MODEL_NAME, title, 0)
    b.PrependUOffsetTRelativeSlot(_MODEL_DESCRIPTION, text, 0)
    b.PrependUOffsetTRelativeSlot(_MODEL_SUBGRAPHS, subgraphs, 0)
    b.PrependUOffsetTRelativeSlot(_MODEL_PARSER, parser, 0)
    b.Finish(b.EndObject(), b"M001")
    return bytes(b.Output())


def append_labels(content: bytes, labels: Sequence[str]) -> bytes:
    """``content``, a ``.tflite`` file, with the labels file appended as a zip archive; unchanged without labels."""
    if not labels:
        return content
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        # ZipInfo's fixed date, not today's: the same export gives the same bytes.
        archive.writestr(zipfile.ZipInfo(LABELS), "".join(f"{label}\n" for label in labels))
    return stream.getvalue()


def _input(b: flatbuffers.Builder, contract: InputContract) -> int:
    b.StartObject(2)
    b.PrependUint32Slot(_SIZE_WIDTH, contract.width, 0)
    b.PrependUint32Slot(_SIZE_HEIGHT, contract.height, 0)
    size = b.EndObject()
    color = {"rgb": _RGB, "grey": _GRAYSCALE}.get(contract.color, 0)
    b.StartObject(2)
    b.PrependInt8Slot(_IMAGE_COLOR, color, 0)
    b.PrependUOffsetTRelativeSlot(_IMAGE_SIZE, size, 0)
    properties = b.EndObject()
    content = _content(b, _IMAGE, properties)

    mean, std = _floats(b, contract.mean), _floats(b, contract.std)
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(_NORMALIZATION_MEAN, mean, 0)
    b.PrependUOffsetTRelativeSlot(_NORMALIZATION_STD, std, 0)
    options = b.EndObject()
    b.StartObject(2)
    b.PrependUint8Slot(_PROCESS_KIND, _NORMALIZATION, 0)
    b.PrependUOffsetTRelativeSlot(_PROCESS, options, 0)
    process = _vector(b, [b.EndObject()])

    low = [(0 - m) / s for m, s in zip(contract.mean, contract.std, strict=True)]
    high = [(255 - m) / s for m, s in zip(contract.mean, contract.std, strict=True)]
    words = f"(pixels - mean) / std, channels in {contract.color.upper()} order; resize: {contract.resize}"
    return _tensor(b, "image", words, content, _stats(b, low, high), process=process)


def _output(b: flatbuffers.Builder, labels: Sequence[str], kind: OutputKind) -> int:
    b.StartObject(0)
    properties = b.EndObject()
    content = _content(b, _FEATURE, properties)
    files = 0
    if labels:
        name, words = b.CreateString(LABELS), b.CreateString("Class names in output order")
        b.StartObject(5)
        b.PrependUOffsetTRelativeSlot(_FILE_NAME, name, 0)
        b.PrependUOffsetTRelativeSlot(_FILE_DESCRIPTION, words, 0)
        b.PrependInt8Slot(_FILE_TYPE, _TENSOR_AXIS_LABELS, 0)
        files = _vector(b, [b.EndObject()])
    stats = _stats(b, [0.0], [1.0]) if kind.link == "identity" else 0
    return _tensor(b, "scores", _WORDS.get(kind.name, "A score for each class"), content, stats, files=files)


_WORDS = {
    kind.name: f"{kind.words[0].upper()}{kind.words[1:]}"
    for kind in KINDS
    if kind.name not in ("softmax", "unknown")
}
"""Description of scores by their kind, where they are more than scores of classes."""


def _tensor(
    b: flatbuffers.Builder, name: str, words: str, content: int, stats: int, process: int = 0, files: int = 0
) -> int:
    title, text = b.CreateString(name), b.CreateString(words)
    b.StartObject(7)
    b.PrependUOffsetTRelativeSlot(_TENSOR_NAME, title, 0)
    b.PrependUOffsetTRelativeSlot(_TENSOR_DESCRIPTION, text, 0)
    b.PrependUOffsetTRelativeSlot(_TENSOR_CONTENT, content, 0)
    b.PrependUOffsetTRelativeSlot(_TENSOR_PROCESS, process, 0)
    b.PrependUOffsetTRelativeSlot(_TENSOR_STATS, stats, 0)
    b.PrependUOffsetTRelativeSlot(_TENSOR_FILES, files, 0)
    return int(b.EndObject())


def _content(b: flatbuffers.Builder, kind: int, properties: int) -> int:
    b.StartObject(3)
    b.PrependUint8Slot(_CONTENT_KIND, kind, 0)
    b.PrependUOffsetTRelativeSlot(_CONTENT, properties, 0)
    return int(b.EndObject())


def _stats(b: flatbuffers.Builder, low: Sequence[float], high: Sequence[float]) -> int:
    largest, smallest = _floats(b, high), _floats(b, low)
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(_STATS_MAX, largest, 0)
    b.PrependUOffsetTRelativeSlot(_STATS_MIN, smallest, 0)
    return int(b.EndObject())


def _floats(b: flatbuffers.Builder, values: Sequence[float]) -> int:
    b.StartVector(4, len(values), 4)
    for value in reversed(values):
        b.PrependFloat32(value)
    return int(b.EndVector())


def _vector(b: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())
