"""A model file as a classifier: what it takes and gives, by its passport, itself and the user; what is none is refused."""

from dataclasses import dataclass
from pathlib import Path

from mobilecnn.contract import InputContract, settle
from mobilecnn.convert import contradictions, output_kinds, outputs, passport
from mobilecnn.convert.file_input import contract_of_file, labels_of_file
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.convert.passport import Passport
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.files import read_bytes, sha256
from mobilecnn.remarks import plural


@dataclass(frozen=True)
class Classifier:
    """A model file that is ready to be asked.

    Attributes:
        path: the file.
        format: the format that its passport names; ``tflite`` without a passport; ``keras``.
        contract: how a picture becomes its input.
        labels: class names in output order, of one output the two that it tells apart; empty when unknown.
        classes: number of outputs.
        kind: what the outputs are.
        nbytes: size in bytes.
        sha256: SHA-256 in hexadecimal.
        notes: what was changed in a Keras model's architecture to load it, or is not used of a file, a phrase each.
        card: passport of a .tflite file; None without one.
        parameters: number of weights and biases of the Keras model; None where nothing says it.
    """

    path: Path
    format: str
    contract: InputContract
    labels: tuple[str, ...]
    classes: int
    kind: OutputKind
    nbytes: int
    sha256: str
    notes: tuple[str, ...] = ()
    card: Passport | None = None
    parameters: int | None = None


def open_tflite(
    path: Path,
    input_range: str | None = None,
    override: bool = False,
    output_kind: str | None = None,
    *,
    shared: bool = False,
) -> Classifier:
    """Read a .tflite file and its passport.

    Args:
        path: the file.
        input_range: range of the input (a key of ``RANGES``) where neither passport nor file says it.
        override: whether ``input_range`` goes before what the passport or the file says.
        output_kind: name of what the outputs are, where neither passport nor graph says so.
        shared: whether range and kind are given for several models, and so for those that say nothing.

    Raises:
        ModelFileError: missing, damaged, not an image classifier, or with a passport of another file or that
            contradicts it.
        UsageError: the input range is unknown, or not the one that was given; ``output_kind`` is not what
            passport or graph say, or is needed.
    """
    content = read_bytes(path, "model", ModelFileError)
    graph = flatbuffer.graph(content, str(path))
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelFileError(
            f"{path} has {plural(len(graph.inputs), 'input')} and {plural(len(graph.outputs), 'output')}; an image classifier has one of each"
        )
    shape, scores = graph.inputs[0].shape, graph.outputs[0].shape
    spread = sum(extent > 1 for extent in scores) > 1 or 0 in scores
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3) or not scores or spread:
        raise ModelFileError(
            f"{path} maps {shape} to {scores}; an image classifier maps (1, height, width, 3) to (1, classes)"
        )
    flatbuffer.check_runnable(graph, str(path))
    _check_types(path, graph)
    digest = sha256(content)
    card = passport.read(path, digest)
    if card is not None:
        passport.check_fits(card, graph, path)
        contradictions.refuse(card, graph, content, path, overridden=override)
    contract = _contract(path, card, graph, input_range, override, shared)
    classes = graph.outputs[0].elements
    kind = _kind(path, card, graph, output_kind, shared)
    inside = () if card and card.labels else labels_of_file(content, graph)
    labels, answers = card.labels if card and card.labels else inside, kind.answers(classes)
    unused = f"the {plural(len(inside), 'label')} inside are not used, for it tells {answers} classes apart"
    return Classifier(
        path=path,
        format=card.file.format if card else "tflite",
        contract=contract,
        # Passports of version 2 may have a single name for a single output, which says nothing.
        labels=labels if len(labels) == answers else (),
        classes=classes,
        kind=kind,
        nbytes=len(content),
        sha256=digest,
        notes=(unused,) if len(inside) not in (0, answers) else (),
        card=card,
        parameters=None if card is None else card.source.parameters,
    )


def _check_types(path: Path, graph: flatbuffer.Graph) -> None:
    """Refuse types that pictures cannot be written to, or scores be read from.

    Raises:
        ModelFileError: naming the type.
    """
    source, result = graph.inputs[0], graph.outputs[0]
    for tensor, which in ((source, "input"), (result, "output")):
        if len(tensor.scales) > 1:
            raise ModelFileError(
                f"{path} has a scale for each channel of its {which}; export it with one for all of them"
            )
    if source.dtype not in (_WITHOUT_SCALE, _WITH_SCALE)[bool(source.scales)]:
        raise ModelFileError(
            f"{path} takes values of type {source.dtype}, which pixels from 0 to 255 are not; export it with an input of "
            "float32, uint8, or int8 with a scale"
        )
    if result.dtype != "float32" and not (result.scales and result.dtype in _WITH_SCALE):
        raise ModelFileError(
            f"{path} answers with {result.dtype} values, such as the number of a class, and not with scores; export it with "
            "an output of float32, or of int8 or uint8 with a scale"
        )


_WITH_SCALE = ("float32", "int8", "uint8", "int16")
"""Types of scores, and of an input that has a scale."""

_WITHOUT_SCALE = ("float32", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
"""Types of an input without a scale, which hold 0..255 as they are."""


def _contract(
    path: Path,
    card: Passport | None,
    graph: flatbuffer.Graph,
    given: str | None,
    override: bool,
    shared: bool,
) -> InputContract:
    """How a picture becomes the input of a file, by its passport or, where that does not say it, the file and the user."""
    if card is not None and card.contract.stated:
        return settle(
            card.contract, card.contract.shape, given, override,
            what=str(path), because="its passport says so", shared=shared,
        )  # fmt: skip
    # An older version assumed 0..1 where nobody said another range.
    assumed = None if card is None else card.contract
    return contract_of_file(graph, given, override, what=str(path), shared=shared, assumed=assumed)


def _kind(
    path: Path, card: Passport | None, graph: flatbuffer.Graph, said: str | None, shared: bool
) -> OutputKind:
    """What the outputs of a file are, as its passport says or, where that says nothing, its graph and the user."""
    if card is None or card.kind == output_kinds.UNKNOWN:
        shown, (result,) = outputs.shown_by_file(graph), graph.outputs
        return output_kinds.settle(shown, result.elements, said, str(path), shared)
    if not shared and said not in (None, card.kind.name):
        raise UsageError(
            f"the passport of {path} says that its outputs are {card.kind.name}, and --output-kind {said} is another "
            "kind; leave it out, or export the model again with it"
        )
    return card.kind
