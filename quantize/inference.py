"""Scores of any model file for any images, computed in a child process."""

import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract, contract_for
from mobilecnn.convert import passport
from mobilecnn.convert.conversion import KERAS_SUFFIXES, KerasModel, Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import DataError, ModelFileError, UsageError
from mobilecnn.files import exists, read_bytes, sha256
from mobilecnn.process import Child, python
from mobilecnn.quantize.formats import Recipe
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.train.images import Pixels, to_tensor

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
        """Run ``inputs`` (.npy, float32, (n, h, w, c)) into ``outputs`` (.npy, float32, (n, classes)).

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
        labels: class names in output order; empty when unknown.
        classes: number of outputs.
        nbytes: size in bytes.
        sha256: SHA-256 in hexadecimal.
    """

    path: Path
    format: str
    contract: InputContract
    labels: tuple[str, ...]
    classes: int
    nbytes: int
    sha256: str


def open_tflite(path: Path, input_range: str | None = None) -> Classifier:
    """Read a .tflite file and its passport.

    Args:
        path: the file.
        input_range: overrides what the passport says (a key of ``RANGES``).

    Raises:
        ModelFileError: missing, damaged, not an image classifier, or with a passport of another file.
    """
    content = read_bytes(path, "model", ModelFileError)
    graph = flatbuffer.graph(content, str(path))
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelFileError(
            f"{path} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; an image classifier has one of each"
        )
    shape, scores = graph.inputs[0].shape, graph.outputs[0].shape
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3) or not scores:
        raise ModelFileError(
            f"{path} maps {shape} to {scores}; an image classifier maps (1, height, width, 3) to (1, classes)"
        )
    flatbuffer.check_runnable(graph, str(path))
    digest = sha256(content)
    card = passport.read(path, digest)
    if card is not None:
        passport.check_fits(card, graph, path)
    contract = contract_for("unit", shape[1:], stated=False) if card is None else card.contract
    if input_range is not None:
        contract = contract_for(input_range, shape[1:])
    return Classifier(
        path=path,
        format=card.file.format if card else "tflite",
        contract=contract,
        labels=card.labels if card else (),
        classes=graph.outputs[0].elements,
        nbytes=len(content),
        sha256=digest,
    )


@dataclass(frozen=True)
class ClassifierAnswers:
    """Scores of a model file: ``scores``, float32 (images, classes), for the images in order."""

    classifier: Classifier
    scores: Scores


def ask(
    paths: Sequence[Path],
    images: Callable[[InputContract], Iterable[Pixels]],
    count: int,
    *,
    input_range: str | None = None,
    runtime: str = "litert",
    unsafe: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> Generator[ClassifierAnswers, None, None]:
    """Scores of one or several .tflite, .keras or .h5 files, one after the other.

    Files that are fed alike share what was decoded for the first of them: in a temporary
    folder, until the generator is closed or at its end.

    Args:
        paths: the model files.
        images: gives the images at a contract's size, uint8 (height, width, channels) each.
        count: number of images.
        input_range: overrides the models' own input contracts.
        runtime: what runs .tflite files: one of :data:`mobilecnn.quantize.runtimes.RUNTIMES`.
        unsafe: allow code in Keras files.
        progress: called with (images decoded, number of images, file name).

    Raises:
        UsageError: an unknown runtime.
        ModelFileError, DataError, EnvironmentProblem: see the classes.
    """
    if runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {runtime!r}; choose one of {', '.join(RUNTIMES)}")
    with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
        outputs = Path(folder) / "outputs.npy"
        tensors: dict[InputContract, Path] = {}

        def prepare(contract: InputContract, label: str) -> Path:
            # Whether a contract was stated or assumed changes no number.
            key = replace(contract, stated=True)
            if key not in tensors:
                made = Path(folder) / f"inputs-{len(tensors)}.npy"
                write_tensors(made, images(contract), contract, count, label, progress)
                tensors[key] = made
            return tensors[key]

        for path in paths:
            if path.suffix.lower() in KERAS_SUFFIXES:
                with KerasModel(Source(str(path), input_range=input_range, unsafe=unsafe)) as model:
                    facts = model.load()
                    model.start_run(facts.contract, prepare(facts.contract, path.name), outputs)
                    model.finish()
                content = read_bytes(path, "model", ModelFileError)
                classifier = Classifier(
                    path, "keras", facts.contract, facts.labels, facts.classes, len(content), sha256(content)
                )
            elif path.suffix.lower() == ".tflite":
                classifier = open_tflite(path, input_range)
                inputs = prepare(classifier.contract, path.name)
                with TfliteProcess(f"that runs {path}") as process:
                    process.run(path, inputs, outputs, runtime)
            else:
                kinds = ", ".join((".tflite", *KERAS_SUFFIXES))
                missing = "" if exists(path) else f" (and there is no {path})"
                raise ModelFileError(f"{path} is not a model file; {kinds} are{missing}")
            yield ClassifierAnswers(classifier, np.load(outputs, allow_pickle=False))


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
    """
    if count == 0:
        raise DataError("there are no images to run")
    open_memmap: Callable[..., npt.NDArray[np.float32]] = np.lib.format.open_memmap
    tensors = open_memmap(path, mode="w+", dtype=np.float32, shape=(count, *contract.shape))
    for index, pixels in enumerate(images):
        tensors[index] = to_tensor(pixels, contract)
        if progress is not None:
            progress(index + 1, count, label)
    del tensors  # Closes the file; all of it is written.
