"""Scores of any model file for any images, computed in a child process."""

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
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
from mobilecnn.quantize.evaluation import Speed
from mobilecnn.quantize.rules import Rules, entries
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.stretches import Stretches, joined
from mobilecnn.train import inputs
from mobilecnn.train.images import Pixels
from mobilecnn.train.keras_archive import kind_of, sha256_of, size_of

Scores = npt.NDArray[np.float32]

LOADING_SECONDS = 120.0
"""Seconds that a runtime may take to load a file that is not run; a large one takes one."""

BYTES_A_SECOND = 1e6
"""Bytes of a model file that a runtime gets through in a second, at least, with one image."""


def image_seconds(size: int) -> float:
    """Seconds in which a runtime must have an answer for one more image, by a file of ``size`` bytes."""
    return round(LOADING_SECONDS + size / BYTES_A_SECOND, 1)


class TfliteProcess(Child):
    """The child that quantizes and runs .tflite files; a context manager as :class:`Child` is."""

    def __init__(self, doing: str) -> None:
        """Start the child; ``doing`` finishes the sentence "The process ... crashed"."""
        super().__init__(python("mobilecnn.quantize.litert_child"), doing)

    def quantize(
        self, model: Path, rules: Rules, output: Path, calibration: Path | None, share: float | None = None
    ) -> list[float]:
        """Quantize the float32 file ``model`` by ``calibration``, a file of inputs: :func:`mobilecnn.quantize.litert_ranges.clipped`.

        Raises:
            ModelFileError: the quantizer refuses the model.
        """
        message = {"do": "quantize", "model": str(model), "recipe": entries(rules), "output": str(output)}
        data = None if calibration is None else str(calibration)
        self.send({**message, "calibration": data, "share": share})
        return [float(times) for times in self.receive()["clipped"]]

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

    def run(
        self,
        model: Path,
        inputs: Path,
        outputs: Path,
        runtime: str = "litert",
        *,
        keep: bool = False,
        warm_up: bool = False,
        kernels: str = "xnnpack",
        raw: bool = False,
    ) -> dict[str, Any]:
        """Run ``inputs``, a file of inputs (:mod:`mobilecnn.train.inputs`), into ``outputs`` (.npy, float32, (n, outputs)).

        Returns the numpy names of the file's own ``input`` and ``output`` types; ``seconds``, from reading the
        inputs to the last score; and ``inference``, those that the runtime took.

        Args:
            model: the file, which must not change while it is kept.
            inputs, outputs: the files.
            runtime: what runs it.
            keep: whether the model stays loaded for the next run.
            warm_up: whether one inference goes before, which is not timed.
            kernels: what LiteRT runs it by: ``xnnpack``, or its ``reference`` or ``builtin`` kernels.
            raw: whether the codes of a quantized output stay as they are.

        Raises:
            ModelFileError: the runtime refuses the file, or an operator in it fails.
            EnvironmentProblem: the runtime is not installed.
            ChildCrashed: it crashed, or took longer than :func:`image_seconds` for an image.
        """
        message = {"do": "run", "model": str(model), "runtime": runtime, "keep": keep, "warm_up": warm_up}
        self.send({**message, "kernels": kernels, "raw": raw, "inputs": str(inputs), "outputs": str(outputs)})
        limit = image_seconds(model.stat().st_size)
        late = f": it ran one image of {model.name}, and a loop (WHILE) in this file may never end; inspect shows its operators"
        while "ran" in (answer := self.receive(limit, late)):
            pass
        return answer

    def ranges(self, model: Path, inputs: Path) -> dict[str, Any]:
        """The ranges of the activations of a float32 file as they grow: :func:`mobilecnn.quantize.litert_ranges.ranges`.

        Raises:
            ModelFileError: the runtime refuses the file.
        """
        self.send({"do": "ranges", "model": str(model), "inputs": str(inputs)})
        return self.receive()

    def layers(
        self,
        reference: Path,
        quantized: Path,
        inputs: Path,
        images: int,
        halved: Mapping[str, Mapping[str, int]] | None = None,
    ) -> list[dict[str, Any]]:
        """Figures of each operator of a quantized file: :func:`mobilecnn.quantize.litert_layers.layers`.

        Raises:
            ModelFileError: the runtime refuses a file.
        """
        message = {"do": "layers", "reference": str(reference), "quantized": str(quantized)}
        self.send({**message, "inputs": str(inputs), "images": images, "halved": halved or {}})
        return list(self.receive()["rows"])

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
    """Scores of a model file for the images in order.

    Attributes:
        classifier: the file.
        scores: float32 (images, outputs).
        speed: how long it took.
    """

    classifier: Classifier
    scores: Scores
    speed: Speed


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
    shared = len(paths) > 1
    _check(how, shared)
    with temporary_folder() as folder:
        answered = folder / "outputs.npy"
        made: dict[InputContract, tuple[Path, float, Stretches]] = {}

        def prepare(contract: InputContract, label: str) -> tuple[Path, float, Stretches]:
            # Where a contract came from changes no number.
            key = replace(contract, stated=True, overrides="")
            if key not in made:
                given = folder / f"inputs-{len(made)}.npy"
                moments = [time.perf_counter()]
                write_inputs(given, _clocked(images(contract), moments), contract, count, label, progress)
                moments[count:] = [time.perf_counter()]
                each = [after - before for before, after in pairwise(moments)]
                made[key] = given, moments[-1] - moments[0], joined([1] * count, each)
            return made[key]

        def read(path: Path, model: KerasModel | None) -> Classifier:
            classifier = _read(path, model, how, shared)
            if accept is not None:
                accept(classifier)
            return classifier

        # What does not fit is refused before any image is decoded, whichever file it is. Keras models beyond the first
        # are loaded twice for that: a process that holds one takes half a gigabyte, so there is one at a time.
        for index, path in enumerate(paths):
            if index > 0 or _is_tflite(path):
                with _keras(path, how, shared) as model:
                    _refuse_other_answers(read(path, model), how, folder)
        for path in paths:
            with _keras(path, how, shared) as model:
                classifier = read(path, model)
                given, decode_seconds, decoding = prepare(classifier.contract, path.name)
                if model is not None:
                    model.start_run(classifier.contract, given, answered, warm_up=True)
                    took = model.finish()
                else:
                    with TfliteProcess(f"that runs {path}") as process:
                        took = process.run(path, given, answered, how.runtime, warm_up=True)
            scores = np.load(answered, allow_pickle=False)
            yield ClassifierAnswers(classifier, scores, Speed.of(cores(), decode_seconds, decoding, [took]))


@dataclass(frozen=True)
class Opened:
    """A model file that can be asked as often as one likes.

    Attributes:
        classifier: the file.
        ask: scores, float32 (images, outputs), of pixels at the size of its contract, uint8 (height, width, channels) each; and
            what :meth:`Speed.of` takes of the run.
    """

    classifier: Classifier
    ask: Callable[[Sequence[Pixels]], tuple[Scores, Mapping[str, Any]]]


@contextmanager
def opened(path: Path, how: Asking = DEFAULT) -> Iterator[Opened]:
    """Load a model file while the block runs; arguments and errors are those of :func:`ask`."""
    _check(how, shared=False)
    with ExitStack() as held:
        folder = held.enter_context(temporary_folder())
        model = held.enter_context(_keras(path, how, shared=False))
        classifier = _read(path, model, how, shared=False)
        given, answered = folder / "inputs.npy", folder / "outputs.npy"
        process: TfliteProcess | None = None
        if model is None:
            _refuse_other_answers(classifier, how, folder)
            process = held.enter_context(TfliteProcess(f"that runs {path}"))
        warmed: set[int] = set()  # Another number of images is traced anew.

        def asked(pixels: Sequence[Pixels]) -> tuple[Scores, Mapping[str, Any]]:
            write_inputs(given, pixels, classifier.contract, len(pixels))
            if process is not None:
                took = process.run(path, given, answered, how.runtime, keep=True, warm_up=not warmed)
            else:
                assert model is not None
                model.start_run(classifier.contract, given, answered, warm_up=len(pixels) not in warmed)
                took = model.finish()
            warmed.add(len(pixels))
            scores = np.asarray(np.load(answered, allow_pickle=False), np.float32)
            return scores, took

        yield Opened(classifier, asked)


def _check(how: Asking, shared: bool) -> None:
    """Refuse options that no model can be asked with.

    Raises:
        UsageError: naming them.
    """
    if how.runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {how.runtime!r}; choose one of {', '.join(RUNTIMES)}")
    if how.override_input_range and shared:
        raise UsageError(
            "--override-input-range sets the range of one model aside, and several are given: name that model alone"
        )


def _read(path: Path, model: KerasModel | None, how: Asking, shared: bool) -> Classifier:
    if model is not None:
        return _loaded(path, model.load())
    return open_tflite(path, how.input_range, how.override_input_range, how.output_kind, shared=shared)


def _refuse_other_answers(classifier: Classifier, how: Asking, folder: Path) -> None:
    """Refuse a file that answers the golden pictures of its passport otherwise than it says there."""
    path, card = classifier.path, classifier.card
    if (
        card is None
        or not card.golden
        or how.override_input_range
        or not classifier.contract.feeds_as(card.contract)
    ):
        return  # The user, or the file itself, knows better than the passport.
    pictures, asked, answered = card.pictures, folder / "golden.npy", folder / "golden-outputs.npy"
    with TfliteProcess(f"that runs {path}") as process:

        def scores(contract: InputContract) -> Scores:
            write_inputs(asked, pictures, contract, len(pictures))
            process.run(path, asked, answered, how.runtime)
            return np.asarray(np.load(answered, allow_pickle=False), np.float32)

        golden_answers.refuse_others(path, card, scores, how.runtime)


def _clocked(images: Iterable[Pixels], moments: list[float]) -> Iterator[Pixels]:
    """The images; when each was done with is added to ``moments``."""
    for image in images:
        yield image
        moments.append(time.perf_counter())


def cores() -> int:
    """Number of processor cores that the models may use."""
    return len(os.sched_getaffinity(0))


def _is_tflite(path: Path) -> bool:
    return path.suffix.lower() == ".tflite"


@contextmanager
def _keras(path: Path, how: Asking, shared: bool) -> Iterator[KerasModel | None]:
    """The process that loads ``path``; None for a .tflite file, which needs none to be read."""
    if _is_tflite(path):
        yield None
        return
    kind_of(path)  # What is no model is told here, and not taken for a zoo name.
    source = Source(
        str(path),
        input_range=how.input_range,
        override=how.override_input_range,
        unsafe=how.allow_code,
        custom_objects=how.custom_objects,
        output_kind=how.output_kind,
        shared=shared,
    )
    with KerasModel(source) as model:
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
        parameters=facts.parameters,
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
        for number, pixels in enumerate(images, 1):
            yield pixels
            if progress is not None:
                progress(number, count, label)

    inputs.write(path, told(), contract, count)
