"""Scores of any model file for any images, computed in a child process."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn import tensors
from mobilecnn.contract import InputContract, settle
from mobilecnn.convert import output_kinds, outputs, passport
from mobilecnn.convert.conversion import KerasModel, Source
from mobilecnn.convert.file_input import contract_of_file
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.convert.passport import Passport
from mobilecnn.errors import DataError, ModelFileError, UsageError
from mobilecnn.files import read_bytes, sha256, temporary_folder
from mobilecnn.process import Child, python
from mobilecnn.quantize.formats import Recipe
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.train.images import Floats, Pixels, to_tensor
from mobilecnn.train.keras_archive import kind_of, sha256_of, size_of

Scores = npt.NDArray[np.float32]


class TfliteProcess(Child):
    """The child that quantizes and runs .tflite files; a context manager as :class:`Child` is."""

    def __init__(self, doing: str) -> None:
        """Start the child; ``doing`` finishes the sentence "The process ... crashed"."""
        super().__init__(python("mobilecnn.quantize.litert_child"), doing)

    def quantize(self, model: Path, recipe: Recipe, output: Path, calibration: Path | None) -> None:
        """Quantize the float32 file ``model``; ``calibration`` is an .npy of float32 inputs.

        Raises:
            ModelFileError: the quantizer refuses the model.
        """
        message = {"do": "quantize", "model": str(model), "recipe": list(recipe), "output": str(output)}
        self.send({**message, "calibration": None if calibration is None else str(calibration)})
        self.receive()

    def run(self, model: Path, inputs: Path, outputs: Path, runtime: str = "litert") -> dict[str, Any]:
        """Run ``inputs`` (.npy, float32, (n, h, w, c)) into ``outputs`` (.npy, float32, (n, outputs)).

        Returns the numpy names of the file's own ``input`` and ``output`` types.

        Raises:
            ModelFileError: the runtime refuses the file.
            EnvironmentProblem: the runtime is not installed.
        """
        message = {"do": "run", "model": str(model), "runtime": runtime}
        self.send({**message, "inputs": str(inputs), "outputs": str(outputs)})
        return self.receive()


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
        notes: what was changed in a Keras model's architecture to load it, a phrase each.
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
        ModelFileError: missing, damaged, not an image classifier, or with a passport of another file.
        UsageError: the input range is unknown, or not the one that was given; ``output_kind`` is not what
            passport or graph say, or is needed.
    """
    content = read_bytes(path, "model", ModelFileError)
    graph = flatbuffer.graph(content, str(path))
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelFileError(
            f"{path} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; an image classifier has one of each"
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
    contract = _contract(path, card, graph, input_range, override, shared)
    classes = graph.outputs[0].elements
    kind = _kind(path, card, graph, output_kind, shared)
    labels = card.labels if card else ()
    return Classifier(
        path=path,
        format=card.file.format if card else "tflite",
        contract=contract,
        # Passports of version 2 may have a single name for a single output, which says nothing.
        labels=labels if len(labels) == kind.answers(classes) else (),
        classes=classes,
        kind=kind,
        nbytes=len(content),
        sha256=digest,
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


@dataclass(frozen=True)
class ClassifierAnswers:
    """Scores of a model file: ``scores``, float32 (images, outputs), for the images in order."""

    classifier: Classifier
    scores: Scores


def ask(
    paths: Sequence[Path],
    images: Callable[[InputContract], Iterable[Pixels]],
    count: int,
    *,
    input_range: str | None = None,
    override: bool = False,
    output_kind: str | None = None,
    runtime: str = "litert",
    unsafe: bool = False,
    custom_objects: Path | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Generator[ClassifierAnswers, None, None]:
    """Scores of one or several .tflite or Keras files, or SavedModel folders, one after the other.

    Files that are fed alike share what was decoded for the first of them: in a temporary
    folder, until the generator is closed or at its end.

    Args:
        paths: the model files.
        images: gives the images at a contract's size, uint8 (height, width, channels) each.
        count: number of images.
        input_range: range of the input for the models that do not say it themselves.
        override: whether ``input_range`` goes before what the models say.
        output_kind: name of what the outputs are, where a model does not say so.
        runtime: what runs .tflite files: one of :data:`mobilecnn.quantize.runtimes.RUNTIMES`.
        unsafe: allow code in Keras files.
        custom_objects: a Python file with the user's own layers and functions in the Keras files; it runs.
        progress: called with (images decoded, number of images, file name).

    Raises:
        UsageError: an unknown runtime, or an input range that is unknown or contradicted.
        ModelFileError, DataError, EnvironmentProblem: see the classes.
    """
    if runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {runtime!r}; choose one of {', '.join(RUNTIMES)}")
    if override and len(paths) > 1:
        raise UsageError(
            "--override-input-range sets the range of one model aside, and several are given: name that model alone"
        )
    with temporary_folder() as folder:
        answered = folder / "outputs.npy"
        made: dict[InputContract, Path] = {}

        def prepare(contract: InputContract, label: str) -> Path:
            # Where a contract came from changes no number.
            key = replace(contract, stated=True, overrides="")
            if key not in made:
                inputs = folder / f"inputs-{len(made)}.npy"
                write_tensors(inputs, images(contract), contract, count, label, progress)
                made[key] = inputs
            return made[key]

        for path in paths:
            if path.suffix.lower() != ".tflite":
                kind_of(path)  # What is no model is told here, and not taken for a zoo name.
                source = Source(
                    str(path),
                    input_range=input_range,
                    override=override,
                    unsafe=unsafe,
                    custom_objects=custom_objects,
                    output_kind=output_kind,
                    shared=len(paths) > 1,
                )
                with KerasModel(source) as model:
                    facts = model.load()
                    model.start_run(facts.contract, prepare(facts.contract, path.name), answered)
                    model.finish()
                classifier = Classifier(
                    path,
                    "keras",
                    facts.contract,
                    facts.labels,
                    facts.classes,
                    facts.kind,
                    size_of(path),
                    sha256_of(path),
                    facts.notes,
                )
            else:
                classifier = open_tflite(path, input_range, override, output_kind, shared=len(paths) > 1)
                inputs = prepare(classifier.contract, path.name)
                with TfliteProcess(f"that runs {path}") as process:
                    process.run(path, inputs, answered, runtime)
            yield ClassifierAnswers(classifier, np.load(answered, allow_pickle=False))


def write_tensors(
    path: Path,
    images: Iterable[Pixels],
    contract: InputContract,
    count: int,
    label: str = "",
    progress: Callable[[int, int, str], None] | None = None,
) -> None:
    """Write ``count`` images as one .npy of float32 tensors (n, h, w, c), without holding them all.

    Raises:
        DataError: there is no image.
        EnvironmentProblem: there is no room for the file.
    """
    if count == 0:
        raise DataError("there are no images to run")

    def rows() -> Iterator[Floats]:
        for index, pixels in enumerate(images):
            yield to_tensor(pixels, contract)
            if progress is not None:
                progress(index + 1, count, label)

    tensors.write(path, rows(), (count, *contract.shape))
