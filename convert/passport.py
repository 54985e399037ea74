"""The passport: one JSON beside every exported file that says what the file is and what to feed it.

Every consumer (evaluate, predict, bench on any device, the Android app) takes the input contract, the
labels and the golden inputs from here. This module is the only writer and, in Python, the only reader;
the app's reader is ``android_demo/core/.../Passport.java``. The members of the dataclasses below are
those of the JSON, by name; a member that is unknown here is passed over, a version that is unknown refused.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mobilecnn.contract import InputContract
from mobilecnn.convert import golden, output_kinds
from mobilecnn.convert.checks import (
    Correction,
    DataFinding,
    Gain,
    Golden,
    ImageManifest,
    LabelledCheck,
    ParityRecord,
    Verdict,
)
from mobilecnn.convert.graph.flatbuffer import Graph
from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.convert.rungs import Ladder
from mobilecnn.documents import Members, parse_json
from mobilecnn.errors import InputError, ModelFileError
from mobilecnn.files import LARGEST_RECORD, exists, read_bytes
from mobilecnn.records import ADDED, Open, Signed, Stored, Upgrade
from mobilecnn.remarks import plural
from mobilecnn.train.images import Pixels


@dataclass(frozen=True)
class SourceModel(Open):
    """The Keras model that the file was exported from.

    Attributes:
        model: file name, zoo name, or name of a model in memory.
        sha256: SHA-256 of the Keras file; None for a zoo name and a model in memory.
        architecture: zoo name; empty when the network is not of the zoo.
        trained: False where the weights are a random initialization.
        seed: seed of a zoo name's initialization; None otherwise.
        classes: number of outputs.
        parameters: number of weights and biases of the Keras model.
    """

    model: str
    sha256: str | None
    architecture: str
    trained: bool
    seed: int | None
    classes: int
    parameters: int


@dataclass(frozen=True)
class ModelFile(Open):
    """The exported file.

    Attributes:
        name: file name.
        format: name of a row of :data:`mobilecnn.quantize.formats.FORMATS`.
        bytes: size in bytes.
        sha256: SHA-256 in hexadecimal.
    """

    name: str
    format: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Quantization(Open):
    """Scale and zero point of a quantized tensor: real = (code - zero_point) * scale."""

    scale: float
    zero_point: Signed


@dataclass(frozen=True)
class TensorType(Open):
    """What a tensor holds.

    Attributes:
        name: name in the file.
        dtype: numpy-style name: ``float32``, ``int8``, ...
        shape: static shape, as stored.
        dynamic: whether some dimension is free.
        quantization: scale and zero point; None where the values are not quantized.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    dynamic: bool
    quantization: Quantization | None


@dataclass(frozen=True)
class OperatorUse(Open):
    """All uses of one operator in one version.

    Attributes:
        operator: kind: ``CONV_2D``, ...
        version: version that the file asks for.
        count: number of uses.
        macs: multiply-adds, summed.
        parameters: constant elements read, summed (a constant of two operators counts once).
        bytes: bytes of those constants.
        minimum_runtime: first TFLite release that knows this version, and answers rightly; None when
            unknown.
    """

    operator: str
    version: int
    count: int
    macs: int
    parameters: int
    bytes: int
    minimum_runtime: str | None


@dataclass(frozen=True)
class ModelInput(Open):
    """The one input: the tensor that the file takes, and how a picture becomes its values."""

    tensor: TensorType
    contract: InputContract

    def __post_init__(self) -> None:
        self.contract.check()


@dataclass(frozen=True)
class ModelOutput(Open):
    """The one output.

    Attributes:
        tensor: the tensor with the scores.
        kind: what the scores are, a name of :data:`mobilecnn.convert.output_kinds.KINDS`; ``unknown`` in a
            passport of version 1 or 2.
    """

    tensor: TensorType
    kind: str

    def __post_init__(self) -> None:
        if not output_kinds.named(self.kind).fits(self.scores):
            raise ValueError(f"an output of kind {self.kind} has no {self.scores} scores")

    @property
    def scores(self) -> int:
        """Number of scores of one answer."""
        return math.prod(self.tensor.shape)


@dataclass(frozen=True)
class QuantizationRecipe(Open):
    """How the file was quantized.

    Attributes:
        io: type of the values that the file takes and gives: ``int8``, ``float32``.
        entries: what the quantizer was given, in order; empty for a file as converted.
    """

    io: str
    entries: tuple[dict[str, Any], ...]


def _with_kind(members: Members) -> Members:
    """The members of version 3, of those of version 2: nothing there says what the scores are."""
    output, parity = members.get("output"), members.get("parity")
    if isinstance(output, dict):
        members = {**members, "output": {**output, "kind": output_kinds.UNKNOWN.name}}
    if isinstance(parity, dict):
        renamed = {"agreement" if name == "top1_agreement" else name: value for name, value in parity.items()}
        members = {**members, "parity": {**renamed, "label_agreement": None, "constant": None}}
    return members


@dataclass(frozen=True)
class Passport(Stored, Open):
    """What an exported file is, what to feed it, what it needs, and how it was checked.

    Attributes:
        created: date and time of the export, ISO 8601.
        tool: package -> version of what made the file.
        source: the Keras model.
        labels: class names in output order, of one output the two that it tells apart, that of a low score
            first; empty when unknown.
        latency_only: reasons not to trust the answers; empty for a file to ship.
        file: the exported file.
        input: its input.
        output: its output.
        recipe: how it was quantized.
        lowering: pass over the graph -> its changes, a phrase each (:mod:`mobilecnn.convert.lowering`); empty
            in a passport of version 1.
        calibration: images that the activations' ranges were measured on; None without calibration.
        parity: its answers against the Keras model's, on images that did not calibrate it where there are such.
        macs: multiply-adds of one inference.
        parameters: number of constant elements in the file.
        minimum_runtime: first TFLite release that runs the file; None when unknown.
        operators: its operators, a row for each kind and version.
        warnings: what will hurt on a device.
        golden: pictures and the file's scores, to check a device or an app by.
        labelled: how many labelled images were right at export; None where none were given.
        taken_back: rewrite of the graph -> why it was taken back, because the answers did not hold.
        training: what the Keras file says of its training: the data, the plan, the figures; None where it says nothing.
        verdict: whether the file keeps the Keras model's answers on images that did not calibrate it; None in a passport of
            a version that did not ask.
        findings: what is the matter with the images of the calibration; empty in a passport of a version that did not look.
        corrections: what was done to the weights and biases of a quantized file, in order, and what it is worth.
        ladder: what was tried before a file that :mod:`mobilecnn.ladder` chose; None of a file whose format was named.
        gains: what the rewrites brought, of each graph that they changed; empty in a passport of a version that did not count.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.passport"
    VERSION: ClassVar[int] = 3
    NOUN: ClassVar[str] = "passport"
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {
        1: lambda members: {**members, "lowering": {}},
        2: _with_kind,
    }

    created: str
    tool: dict[str, str]
    source: SourceModel
    labels: tuple[str, ...]
    latency_only: tuple[str, ...]
    file: ModelFile
    input: ModelInput
    output: ModelOutput
    recipe: QuantizationRecipe
    lowering: dict[str, tuple[str, ...]]
    calibration: ImageManifest | None
    parity: ParityRecord
    macs: int
    parameters: int
    minimum_runtime: str | None
    operators: tuple[OperatorUse, ...]
    warnings: tuple[str, ...]
    golden: tuple[Golden, ...]
    labelled: LabelledCheck | None = field(default=None, metadata=ADDED)
    taken_back: dict[str, str] = field(default_factory=dict, metadata=ADDED)
    training: dict[str, Any] | None = field(default=None, metadata=ADDED)
    verdict: Verdict | None = field(default=None, metadata=ADDED)
    findings: tuple[DataFinding, ...] = field(default=(), metadata=ADDED)
    corrections: tuple[Correction, ...] = field(default=(), metadata=ADDED)
    ladder: Ladder | None = field(default=None, metadata=ADDED)
    gains: tuple[Gain, ...] = field(default=(), metadata=ADDED)

    @property
    def kind(self) -> OutputKind:
        """What the scores are."""
        return output_kinds.named(self.output.kind)

    @property
    def contract(self) -> InputContract:
        """The input contract."""
        return self.input.contract

    @property
    def pictures(self) -> tuple[Pixels, ...]:
        """The golden pictures, uint8 (height, width, channels) each.

        Raises:
            ModelFileError: one is damaged, or not of the contract's size.
        """
        return tuple(golden.decode_picture(entry.picture, self.contract) for entry in self.golden)

    def __post_init__(self) -> None:
        outputs, values = self.output.scores, math.prod(self.input.tensor.shape)
        if values != math.prod(self.contract.shape):
            raise ValueError(
                f"input.tensor.shape has {values:,} values, and pictures of input.contract have "
                f"{math.prod(self.contract.shape):,}"
            )
        if self.ladder is not None and not self.ladder.passed:
            raise ValueError("the last of ladder.rungs must be the one that was chosen")
        if self.labels and len(self.labels) not in (outputs, self.kind.answers(outputs)):
            raise ValueError(f"labels has {plural(len(self.labels), 'name')} for {plural(outputs, 'output')}")
        for index, entry in enumerate(self.golden):
            if len(entry.scores) != outputs:
                raise ValueError(
                    f"golden[{index}].scores has {plural(len(entry.scores), 'value')} for {plural(outputs, 'output')}"
                )

    def to_bytes(self) -> bytes:
        """The content of the passport's file: indented JSON in UTF-8."""
        return (json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n").encode()


def beside(model: Path) -> Path:
    """Where the passport of ``model`` is: ``x.int8.tflite`` -> ``x.int8.json``."""
    return model.with_suffix(".json")


def read(model: Path, digest: str) -> Passport | None:
    """The passport of ``model`` if one lies beside it; ``digest`` is the model's SHA-256.

    Another JSON file of that name is not taken for a passport.

    Raises:
        ModelFileError: it is damaged, of an unknown version, or of another file.
    """
    if not exists(beside(model)):
        return None
    card = unchecked(model)
    if card is not None and card.file.sha256 != digest:
        raise ModelFileError(
            f"{model} is not the file that its passport {beside(model).name} describes (SHA-256 differs); "
            "export it again, or remove the passport"
        )
    return card


def unchecked(model: Path) -> Passport | None:
    """The passport beside ``model``, whichever file it describes; None where that is another JSON file.

    Raises:
        ModelFileError: it is missing, damaged, or of an unknown version.
    """
    path = beside(model)
    content = read_bytes(path, Passport.NOUN, ModelFileError, LARGEST_RECORD)
    try:
        document = parse_json(content)
        named = document.get("schema") if isinstance(document, dict) else None
        if isinstance(named, str) and named != Passport.SCHEMA:
            return None
        card = Passport.from_json(document)
    except (InputError, ValueError) as error:
        reason = error if isinstance(error, InputError) else f"it is not JSON ({error})"
        raise ModelFileError(
            f"{path}: {reason}; export the model again, or use the mobilecnn that wrote the passport"
        ) from error
    return card


def check_fits(card: Passport, graph: Graph, model: Path) -> None:
    """Refuse a passport that says something else of the file's input and output than the file does.

    Raises:
        ModelFileError: naming the member.
    """
    for which, said, tensors in (
        ("input", card.input.tensor, graph.inputs),
        ("output", card.output.tensor, graph.outputs),
    ):
        codes = None if said.quantization is None else (said.quantization.scale, said.quantization.zero_point)
        for tensor in tensors:
            stored = (tensor.scales[0], tensor.zero_points[0]) if tensor.scales else None
            for name, theirs, ours in (
                ("dtype", tensor.dtype, said.dtype),
                ("shape", tensor.shape, said.shape),
                ("quantization", stored, codes),
            ):
                if theirs != ours:
                    raise ModelFileError(
                        f"{beside(model)}: {which}.tensor.{name} is {str(ours)[:80]!r}, and the file has {str(theirs)[:80]!r}; export the "
                        "model again"
                    )
