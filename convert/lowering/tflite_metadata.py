"""Pass: TFLite Metadata, the input's normalization and the labels inside the file itself.

The passport is for this project; TFLite Metadata is the format that Android Studio, ML Kit and the Task
Library read (:mod:`mobilecnn.convert.graph.metadata` has its fields, and reads it). The labels are a text file in a zip
archive appended to the model, which runtimes ignore.
"""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import flatbuffers

from mobilecnn.contract import InputContract
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph import metadata as fields
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.output_kinds import KINDS, UNKNOWN, OutputKind
from mobilecnn.labels import one_line

LABELS = "labels.txt"
"""Name of the labels file in the appended archive."""

_PARSER_VERSION = "1.0.0"


def describe(model: Any, description: Description) -> list[str]:
    """Write the TFLite Metadata of an image classifier."""
    content = build(description.contract, description.output_labels, description.title, description.kind)
    return ["TFLite Metadata"] if flatbuffer.set_metadata(model, fields.ENTRY, content) else []


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
    b.PrependUOffsetTRelativeSlot(fields.SUBGRAPH_INPUTS, inputs, 0)
    b.PrependUOffsetTRelativeSlot(fields.SUBGRAPH_OUTPUTS, outputs, 0)
    subgraphs = _vector(b, [b.EndObject()])
    title, parser = b.CreateString(name), b.CreateString(_PARSER_VERSION)
    text = b.CreateString(f"Image classifier, {contract.width}x{contract.height}, exported by mobilecnn")
    b.StartObject(8)
    b.PrependUOffsetTRelativeSlot(fields.MODEL_NAME, title, 0)
    b.PrependUOffsetTRelativeSlot(fields.MODEL_DESCRIPTION, text, 0)
    b.PrependUOffsetTRelativeSlot(fields.MODEL_SUBGRAPHS, subgraphs, 0)
    b.PrependUOffsetTRelativeSlot(fields.MODEL_PARSER, parser, 0)
    b.Finish(b.EndObject(), fields.IDENTIFIER)
    return bytes(b.Output())


def append_labels(content: bytes, labels: Sequence[str]) -> bytes:
    """``content``, a ``.tflite`` file, with the labels file appended as a zip archive; unchanged without labels."""
    if not labels:
        return content
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        # ZipInfo's fixed date, not today's: the same export gives the same bytes.
        archive.writestr(zipfile.ZipInfo(LABELS), "".join(f"{one_line(label)}\n" for label in labels))
    return stream.getvalue()


def _input(b: flatbuffers.Builder, contract: InputContract) -> int:
    b.StartObject(2)
    b.PrependUint32Slot(fields.SIZE_WIDTH, contract.width, 0)
    b.PrependUint32Slot(fields.SIZE_HEIGHT, contract.height, 0)
    size = b.EndObject()
    color = {"rgb": fields.RGB, "grey": fields.GRAYSCALE}.get(contract.color, 0)
    b.StartObject(2)
    b.PrependInt8Slot(fields.IMAGE_COLOR, color, 0)
    b.PrependUOffsetTRelativeSlot(fields.IMAGE_SIZE, size, 0)
    properties = b.EndObject()
    content = _content(b, fields.IMAGE, properties)

    mean, std = _floats(b, contract.mean), _floats(b, contract.std)
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(fields.NORMALIZATION_MEAN, mean, 0)
    b.PrependUOffsetTRelativeSlot(fields.NORMALIZATION_STD, std, 0)
    options = b.EndObject()
    b.StartObject(2)
    b.PrependUint8Slot(fields.PROCESS_KIND, fields.NORMALIZATION, 0)
    b.PrependUOffsetTRelativeSlot(fields.PROCESS, options, 0)
    process = _vector(b, [b.EndObject()])

    low = [(0 - m) / s for m, s in zip(contract.mean, contract.std, strict=True)]
    high = [(255 - m) / s for m, s in zip(contract.mean, contract.std, strict=True)]
    words = f"(pixels - mean) / std, channels in {contract.color.upper()} order; resize: {contract.resize}"
    return _tensor(b, "image", words, content, _stats(b, low, high), process=process)


def _output(b: flatbuffers.Builder, labels: Sequence[str], kind: OutputKind) -> int:
    b.StartObject(0)
    properties = b.EndObject()
    content = _content(b, fields.FEATURE, properties)
    files = 0
    if labels:
        name, words = b.CreateString(LABELS), b.CreateString("Class names in output order")
        b.StartObject(5)
        b.PrependUOffsetTRelativeSlot(fields.FILE_NAME, name, 0)
        b.PrependUOffsetTRelativeSlot(fields.FILE_DESCRIPTION, words, 0)
        b.PrependInt8Slot(fields.FILE_TYPE, fields.TENSOR_AXIS_LABELS, 0)
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
    b.PrependUOffsetTRelativeSlot(fields.TENSOR_NAME, title, 0)
    b.PrependUOffsetTRelativeSlot(fields.TENSOR_DESCRIPTION, text, 0)
    b.PrependUOffsetTRelativeSlot(fields.TENSOR_CONTENT, content, 0)
    b.PrependUOffsetTRelativeSlot(fields.TENSOR_PROCESS, process, 0)
    b.PrependUOffsetTRelativeSlot(fields.TENSOR_STATS, stats, 0)
    b.PrependUOffsetTRelativeSlot(fields.TENSOR_FILES, files, 0)
    return int(b.EndObject())


def _content(b: flatbuffers.Builder, kind: int, properties: int) -> int:
    b.StartObject(3)
    b.PrependUint8Slot(fields.CONTENT_KIND, kind, 0)
    b.PrependUOffsetTRelativeSlot(fields.CONTENT, properties, 0)
    return int(b.EndObject())


def _stats(b: flatbuffers.Builder, low: Sequence[float], high: Sequence[float]) -> int:
    largest, smallest = _floats(b, high), _floats(b, low)
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(fields.STATS_MAX, largest, 0)
    b.PrependUOffsetTRelativeSlot(fields.STATS_MIN, smallest, 0)
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
