"""Scores of any model file for any images, computed in a child process."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mobilecnn.convert import flatbuffer, passport
from mobilecnn.convert.conversion import KERAS_SUFFIXES, KerasModel, Source
from mobilecnn.errors import DataError, ModelFileError, UsageError
from mobilecnn.files import read_bytes, sha256
from mobilecnn.process import Child, python
from mobilecnn.quantize.recipes import Recipe
from mobilecnn.train.images import InputContract, Pixels, contract_for, to_tensor

RUNTIMES = ("litert", "tflite-runtime")
"""The packages that can run a .tflite file: ai-edge-litert and its predecessor."""

Scores = npt.NDArray[np.float32]


class TfliteProcess:
    """The child that quantizes and runs .tflite files, as a context manager."""

    def __init__(self, doing: str) -> None:
        """Start it; ``doing`` finishes the sentence "The process ... crashed"."""
        self._child = Child(python("mobilecnn.quantize.litert_child"), doing)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.close()

    def quantize(self, model: Path, recipe: Recipe, output: Path, calibration: Path | None) -> None:
        """Quantize the float32 file ``model``; ``calibration`` is an .npy of float32 inputs.

        Raises:
            ModelFileError: the quantizer refuses the model.
        """
        message = {"do": "quantize", "model": str(model), "recipe": recipe, "output": str(output)}
        self._child.send({**message, "calibration": None if calibration is None else str(calibration)})
        self._child.receive()

    def run(self, model: Path, inputs: Path, outputs: Path, runtime: str = "litert") -> dict[str, Any]:
        """Run ``inputs`` (.npy, float32, (n, h, w, c)) into ``outputs`` (.npy, float32, (n, classes)).

        Returns the numpy names of the file's own ``input`` and ``output`` types.

        Raises:
            ModelFileError: the runtime refuses the file.
            EnvironmentProblem: the runtime is not installed.
        """
        message = {"do": "run", "model": str(model), "runtime": runtime}
        self._child.send({**message, "inputs": str(inputs), "outputs": str(outputs)})
        return self._child.receive()


@dataclass(frozen=True)
class Classifier:
    """A model file that is ready to be asked.

    Attributes:
        path: the file.
        kind: ``keras`` or ``tflite``.
        format: of a .tflite with a passport: float32, float16, int8, dynamic; else its kind.
        contract: how to feed it.
        labels: class names in output order; empty when unknown.
        classes: number of outputs; None for a Keras file, which is not loaded yet.
        nbytes: file size.
    """

    path: Path
    kind: str
    format: str
    contract: InputContract
    labels: tuple[str, ...]
    classes: int
    nbytes: int


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
    card = passport.read(path, sha256(content))
    contract = contract_for("unit", shape[1:], stated=False) if card is None else card.contract
    if input_range is not None:
        contract = contract_for(input_range, shape[1:])
    return Classifier(
        path=path,
        kind="tflite",
        format=str(card.document["file"]["format"]) if card else "tflite",
        contract=contract,
        labels=card.labels if card else (),
        classes=int(np.prod(scores)),
        nbytes=len(content),
    )


@dataclass(frozen=True)
class Answers:
    """What a model file said: ``scores`` (n, classes) float32, for images in order."""

    classifier: Classifier
    scores: Scores


def ask(
    path: Path,
    images: Callable[[InputContract], Iterable[Pixels]],
    count: int,
    *,
    input_range: str | None = None,
    runtime: str = "litert",
    unsafe: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> Answers:
    """Scores of one .tflite, .keras or .h5 file.

    Args:
        path: the model file.
        images: gives the images at the contract's size, uint8 (height, width, channels).
        count: how many they are (for the progress).
        input_range: overrides the model's own input contract.
        runtime: of .tflite files: one of :data:`RUNTIMES`.
        unsafe: allow code in Keras files.
        progress: called with (images decoded, all, file name).

    Raises:
        ModelFileError, DataError, EnvironmentProblem: see the classes.
    """
    if runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {runtime!r}; choose one of {', '.join(RUNTIMES)}")
    with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
        inputs, outputs = Path(folder) / "inputs.npy", Path(folder) / "outputs.npy"

        def prepare(contract: InputContract) -> None:
            write_tensors(inputs, images(contract), contract, count, path.name, progress)

        if path.suffix.lower() in KERAS_SUFFIXES:
            with KerasModel(Source(str(path), input_range=input_range, unsafe=unsafe)) as model:
                facts = model.load()
                prepare(facts.contract)
                model.start_run(facts.contract, inputs, outputs)
                model.finish()
            size = path.stat().st_size
            classifier = Classifier(path, "keras", "keras", facts.contract, facts.labels, facts.classes, size)
        elif path.suffix.lower() == ".tflite":
            classifier = open_tflite(path, input_range)
            prepare(classifier.contract)
            with TfliteProcess(f"that runs {path}") as process:
                process.run(path, inputs, outputs, runtime)
        else:
            kinds = ", ".join((".tflite", *KERAS_SUFFIXES))
            raise ModelFileError(
                f"{path} is not a model file; {kinds} are"
                + ("" if path.exists() else f" (and there is no {path})")
            )
        scores = np.load(outputs, allow_pickle=False)
    return Answers(classifier, scores)


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
    tensors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, *contract.shape))
    for index, pixels in enumerate(images):
        tensors[index] = to_tensor(pixels, contract)
        if progress is not None:
            progress(index + 1, count, label)
    tensors.flush()
