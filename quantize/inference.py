"""Scores of any model file for any images, computed in a child process."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract, settle
from mobilecnn.convert import output_kinds, outputs, passport
from mobilecnn.convert.conversion import KerasFacts, KerasModel, Source
from mobilecnn.convert.file_input import contract_of_file, labels_of_file
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.convert.passport import Passport
from mobilecnn.errors import DataError, ModelFileError, UsageError
from mobilecnn.files import read_bytes, sha256, temporary_folder
from mobilecnn.labels import normal, one_line
from mobilecnn.process import Child, python
from mobilecnn.quantize.formats import Recipe
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.remarks import plural
from mobilecnn.train import inputs
from mobilecnn.train.images import Pixels
from mobilecnn.train.keras_archive import kind_of, sha256_of, size_of

Scores = npt.NDArray[np.float32]

LOADING_SECONDS = 120.0
"""Seconds that a runtime may take to load a file that is not run; a large one takes one."""


class TfliteProcess(Child):
    """The child that quantizes and runs .tflite files; a context manager as :class:`Child` is."""

    def __init__(self, doing: str) -> None:
        """Start the child; ``doing`` finishes the sentence "The process ... crashed"."""
        super().__init__(python("mobilecnn.quantize.litert_child"), doing)

    def quantize(self, model: Path, recipe: Recipe, output: Path, calibration: Path | None) -> None:
        """Quantize the float32 file ``model``; ``calibration`` is a file of inputs.

        Raises:
            ModelFileError: the quantizer refuses the model.
        """
        message = {"do": "quantize", "model": str(model), "recipe": list(recipe), "output": str(output)}
        self.send({**message, "calibration": None if calibration is None else str(calibration)})
        self.receive()

    def run(self, model: Path, inputs: Path, outputs: Path, runtime: str = "litert") -> dict[str, Any]:
        """Run ``inputs``, a file of inputs (:mod:`mobilecnn.train.inputs`), into ``outputs`` (.npy, float32, (n, outputs)).

        Returns the numpy names of the file's own ``input`` and ``output`` types.

        Raises:
            ModelFileError: the runtime refuses the file.
            EnvironmentProblem: the runtime is not installed.
        """
        message = {"do": "run", "model": str(model), "runtime": runtime}
        self.send({**message, "inputs": str(inputs), "outputs": str(outputs)})
        return self.receive()

    def split(self, model: Path) -> tuple[int, tuple[int, ...]]:
        """How LiteRT splits a file: number of XNNPACK's partitions, and the indices of the operators outside of them.

        Raises:
            ModelFileError: the runtime refuses the file.
            ChildCrashed: it crashed, or took longer than :data:`LOADING_SECONDS`.
        """
        self.send({"do": "split", "model": str(model)})
        answer = self.receive(LOADING_SECONDS)
        return int(answer["partitions"]), tuple(answer["outside"])


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
    contract = _contract(path, card, graph, input_range, override, shared)
    classes = graph.outputs[0].elements
    kind = _kind(path, card, graph, output_kind, shared)
    inside = labels_of_file(content, graph)
    labels = card.labels if card else inside
    # Of a single output the file has one name, and the passport that of either answer.
    if card and len(labels) == len(inside) and [normal(one_line(label)) for label in labels] != list(inside):
        raise ModelFileError(
            f"the passport {passport.beside(path)} names other classes, or in another order, than the labels inside {path}; "
            "export the model again"
        )
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
    accept: Callable[[Classifier], None] | None = None,
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
        accept: called with each model before any image is decoded, to refuse it.

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
                made[key] = folder / f"inputs-{len(made)}.npy"
                write_inputs(made[key], images(contract), contract, count, label, progress)
            return made[key]

        def source(path: Path) -> Source:
            return Source(
                str(path),
                input_range=input_range,
                override=override,
                unsafe=unsafe,
                custom_objects=custom_objects,
                output_kind=output_kind,
                shared=len(paths) > 1,
            )

        def read(path: Path, model: KerasModel | None) -> Classifier:
            if model is not None:
                classifier = _loaded(path, model.load())
            else:
                classifier = open_tflite(path, input_range, override, output_kind, shared=len(paths) > 1)
            if accept is not None:
                accept(classifier)
            return classifier

        # What does not fit is refused before any image is decoded, whichever file it is. Keras models beyond the first
        # are loaded twice for that: a process that holds one takes half a gigabyte, so there is one at a time.
        for index, path in enumerate(paths):
            if index > 0 or _is_tflite(path):
                with _keras(path, source) as model:
                    read(path, model)
        for path in paths:
            with _keras(path, source) as model:
                classifier = read(path, model)
                given = prepare(classifier.contract, path.name)
                if model is not None:
                    model.start_run(classifier.contract, given, answered)
                    model.finish()
                else:
                    with TfliteProcess(f"that runs {path}") as process:
                        process.run(path, given, answered, runtime)
            yield ClassifierAnswers(classifier, np.load(answered, allow_pickle=False))


def _is_tflite(path: Path) -> bool:
    return path.suffix.lower() == ".tflite"


@contextmanager
def _keras(path: Path, source: Callable[[Path], Source]) -> Iterator[KerasModel | None]:
    """The process that loads ``path``; None for a .tflite file, which needs none to be read."""
    if _is_tflite(path):
        yield None
        return
    kind_of(path)  # What is no model is told here, and not taken for a zoo name.
    with KerasModel(source(path)) as model:
        yield model


def _loaded(path: Path, facts: KerasFacts) -> Classifier:
    return Classifier(
        path=path,
        format="keras",
        contract=facts.contract,
        labels=facts.labels,
        classes=facts.classes,
        kind=facts.kind,
        nbytes=size_of(path),
        sha256=sha256_of(path),
        notes=facts.notes,
    )


def write_inputs(
    path: Path,
    images: Iterable[Pixels],
    contract: InputContract,
    count: int,
    label: str = "",
    progress: Callable[[int, int, str], None] | None = None,
) -> None:
    """Write ``count`` images as a file of inputs (:mod:`mobilecnn.train.inputs`), without holding them all.

    Raises:
        DataError: there is no image.
        EnvironmentProblem: there is no room for the file.
    """
    if count == 0:
        raise DataError("there are no images to run")

    def told() -> Iterator[Pixels]:
        for index, pixels in enumerate(images):
            yield pixels
            if progress is not None:
                progress(index + 1, count, label)

    inputs.write(path, told(), contract, count)
