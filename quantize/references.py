"""A quantized file and the float32 file that it is held against: which one that is, and that the two are fed alike."""

from dataclasses import dataclass
from pathlib import Path

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.files import read_bytes
from mobilecnn.quantize.classifiers import Classifier, open_tflite


@dataclass(frozen=True)
class Pair:
    """A quantized file, and the float32 file of the same export.

    Attributes:
        quantized: the quantized file.
        float32: the float32 file.
        unsaid: range of the input that one of them has from the other alone; empty where each says its own, or the user says it.
        unsaid_kind: the same of the kind of a single output.
    """

    quantized: Classifier
    float32: Classifier
    unsaid: str = ""
    unsaid_kind: str = ""


def paired(
    quantized: Path,
    reference: Path | None = None,
    input_range: str | None = None,
    override: bool = False,
    output_kind: str | None = None,
) -> Pair:
    """Open a quantized file and the float32 file to hold it against; where only one says what it is fed and gives, that holds for both.

    Args:
        quantized: the quantized file.
        reference: the float32 file; None for the one beside it.
        input_range: range of their input (a key of :data:`mobilecnn.contract.RANGES`) where neither says it.
        override: whether ``input_range`` goes before what they say.
        output_kind: name of what their outputs are, where neither says so.

    Raises:
        ModelFileError: a file cannot be read, or the two are not fed alike.
        UsageError: the first is not quantized, the second is none in float32 or is not there, or nothing says what they are fed.
    """
    _refuse_float32(quantized)
    paths = (quantized, reference_of(quantized) if reference is None else reference)
    said = (input_range, override, output_kind)
    refusals: dict[Path, UsageError] = {}
    opened: dict[Path, Classifier] = {}
    for path in paths:
        try:
            opened[path] = open_tflite(path, *said)
        except UsageError as refusal:
            refusals[path] = refusal
    unsaid = kind = ""
    for path, silent in refusals.items():
        known = next(iter(opened.values()), None)
        if known is None or any(said) or not known.contract.range_name:
            raise silent
        unsaid = known.contract.range_name
        kind = known.kind.name if known.classes == 1 else ""  # Of several outputs the report needs none.
        opened[path] = open_tflite(path, unsaid, output_kind=kind or None, shared=True)
    pair = Pair(opened[paths[0]], opened[paths[1]], unsaid, kind)
    _refuse_others(pair.quantized, pair.float32)
    return pair


def reference_of(quantized: Path) -> Path:
    """The float32 file that lies beside a quantized one: ``it.int8.tflite`` -> ``it.float32.tflite``.

    Raises:
        UsageError: there is none.
    """
    name = quantized.name.split(".")
    there = quantized.with_name(".".join([*name[:-2], "float32", name[-1]]))
    if len(name) < 3 or there == quantized or not there.is_file():
        raise UsageError(
            f"beside {quantized} is no float32 file of the same export to hold it against; export it with --float32, too, or "
            "name the file with --reference"
        )
    return there


def _refuse_float32(path: Path) -> None:
    """Refuse a file that nothing in is quantized.

    Raises:
        ModelFileError: it cannot be read.
        UsageError: none of its tensors is an integer with a scale, or float16.
    """
    graph = flatbuffer.graph(read_bytes(path, "model", ModelFileError), str(path))
    tensors = [tensor for operation in graph.operations for tensor in (*operation.inputs, *operation.outputs)]
    if not any(tensor is not None and (tensor.scales or tensor.dtype == "float16") for tensor in tensors):
        raise UsageError(
            f"{path} is not quantized, so that no operator of it has an error of quantization; give a quantized file, such as `mobilecnn export "
            "--int8` makes"
        )


def _refuse_others(ours: Classifier, theirs: Classifier) -> None:
    if not ours.contract.feeds_as(theirs.contract) or ours.classes != theirs.classes:
        raise ModelFileError(
            f"{ours.path} takes {ours.contract.meaning}, {list(ours.contract.shape)}, and has {ours.classes} outputs, and "
            f"{theirs.path} takes {theirs.contract.meaning}, {list(theirs.contract.shape)}, and has {theirs.classes}; give "
            "--reference the float32 file of the same export"
        )
    if theirs.format not in ("float32", "tflite"):
        raise UsageError(f"{theirs.path} is {theirs.format}; give --reference the float32 file")
