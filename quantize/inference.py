"""Scores of any model file for any images, computed in a child process."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.convert.conversion import KerasFacts, KerasModel, Source
from mobilecnn.errors import DataError, UsageError
from mobilecnn.files import temporary_folder
from mobilecnn.process import Child, python
from mobilecnn.quantize import activations, golden_answers
from mobilecnn.quantize.activations import Activations
from mobilecnn.quantize.asking import DEFAULT, Asking
from mobilecnn.quantize.classifiers import Classifier, open_tflite
from mobilecnn.quantize.rules import Rules, entries
from mobilecnn.quantize.runtimes import RUNTIMES
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

    def quantize(self, model: Path, rules: Rules, output: Path, calibration: Path | None) -> None:
        """Quantize the float32 file ``model``; ``calibration`` is a file of inputs.

        Raises:
            ModelFileError: the quantizer refuses the model.
        """
        message = {"do": "quantize", "model": str(model), "recipe": entries(rules), "output": str(output)}
        self.send({**message, "calibration": None if calibration is None else str(calibration)})
        self.receive()

    def observe(
        self, model: Path, inputs: Path, output: Path, ranged: Sequence[int] | None = None
    ) -> Activations:
        """The activations of the float32 file ``model`` over ``inputs``, a file of inputs, by way of the file ``output``.

        ``ranged`` are the tensors whose ranges are kept; None for all.
        """
        message = {"do": "observe", "model": str(model), "inputs": str(inputs), "output": str(output)}
        self.send({**message, "ranged": None if ranged is None else list(ranged)})
        self.receive()
        return activations.read(output)

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
class ClassifierAnswers:
    """Scores of a model file: ``scores``, float32 (images, outputs), for the images in order."""

    classifier: Classifier
    scores: Scores


def ask(
    paths: Sequence[Path],
    images: Callable[[InputContract], Iterable[Pixels]],
    count: int,
    how: Asking = DEFAULT,
    *,
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
        how: how they are asked.
        progress: called with (images decoded, number of images, file name).
        accept: called with each model before any image is decoded, to refuse it.

    Raises:
        UsageError: an unknown runtime, or an input range that is unknown or contradicted.
        ModelFileError, DataError, EnvironmentProblem: see the classes.
    """
    if how.runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {how.runtime!r}; choose one of {', '.join(RUNTIMES)}")
    override, shared = how.override_input_range, len(paths) > 1
    if override and shared:
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
                input_range=how.input_range,
                override=override,
                unsafe=how.allow_code,
                custom_objects=how.custom_objects,
                output_kind=how.output_kind,
                shared=shared,
            )

        def read(path: Path, model: KerasModel | None) -> Classifier:
            if model is not None:
                classifier = _loaded(path, model.load())
            else:
                classifier = open_tflite(path, how.input_range, override, how.output_kind, shared=shared)
            if accept is not None:
                accept(classifier)
            return classifier

        def refuse_other_answers(classifier: Classifier) -> None:
            path, card = classifier.path, classifier.card
            if card is None or not card.golden or override or not classifier.contract.feeds_as(card.contract):
                return  # The user, or the file itself, knows better than the passport.
            pictures, asked = card.pictures, folder / "golden.npy"
            with TfliteProcess(f"that runs {path}") as process:

                def scores(contract: InputContract) -> Scores:
                    write_inputs(asked, pictures, contract, len(pictures))
                    process.run(path, asked, answered, how.runtime)
                    return np.asarray(np.load(answered, allow_pickle=False), np.float32)

                golden_answers.refuse_others(path, card, scores, how.runtime)

        # What does not fit is refused before any image is decoded, whichever file it is. Keras models beyond the first
        # are loaded twice for that: a process that holds one takes half a gigabyte, so there is one at a time.
        for index, path in enumerate(paths):
            if index > 0 or _is_tflite(path):
                with _keras(path, source) as model:
                    refuse_other_answers(read(path, model))
        for path in paths:
            with _keras(path, source) as model:
                classifier = read(path, model)
                given = prepare(classifier.contract, path.name)
                if model is not None:
                    model.start_run(classifier.contract, given, answered)
                    model.finish()
                else:
                    with TfliteProcess(f"that runs {path}") as process:
                        process.run(path, given, answered, how.runtime)
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
