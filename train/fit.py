"""Train a network of the zoo on labelled images; stop and continue at any epoch.

Adam; categorical cross-entropy; a learning rate that rises over the first twentieth of the
steps and then falls to zero along half a cosine. Everything random follows from the seed
and the epoch, so a training that was interrupted and resumed takes the same course as one
that was not.
"""

import csv
import io
import json
import math
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.errors import CheckFailed, DataError, InputError, OutputError, UsageError
from mobilecnn.files import atomic, check_writable, read_bytes, write_json, write_text
from mobilecnn.train import zoo
from mobilecnn.train.backend import load_keras
from mobilecnn.train.data import DIGITS, Dataset, load
from mobilecnn.train.images import Floats, Pixels, to_pixels, to_tensor
from mobilecnn.train.keras_file import ModelInfo, write_info
from mobilecnn.train.learner import compiled, trainable_form

Labels = npt.NDArray[np.int64]
Step = Callable[[int, int, str], None]
"""Told of progress: (done, total, what)."""

AUGMENTATIONS = ("none", "shift", "flip-shift")
"""What training does to each picture. ``shift``: moved by up to :data:`SHIFT` of its side in
each direction, the edge repeated. ``flip-shift``: mirrored left to right half of the time,
too (never for pictures that mean something else in the mirror, as digits do)."""

SHIFT = 1 / 16

WARM_UP = 1 / 20
"""Share of the steps in which the learning rate rises."""

IN_MEMORY = 2_000_000_000
"""Pictures are decoded once and kept while they take fewer bytes than this together."""

DIGITS_SIZE = 64
"""Input side for the embedded digits where the user names none: they are 8x8 pictures."""


@dataclass(frozen=True)
class Plan:
    """Everything that decides the course of a training.

    Attributes:
        architecture: canonical zoo name.
        data: a folder of class folders, or ``digits`` (of which the held-out part is not used).
        size: input side, pixels.
        epochs: passes over the images.
        batch_size: images a step.
        learning_rate: the highest; None: :func:`default_learning_rate` of the network.
        validation: share of each class that is not trained on.
        seed: of the initialization, the split, the order and the augmentation.
        class_weights: weigh the images so that every class counts alike.
        augment: one of :data:`AUGMENTATIONS`.
        label_smoothing: probability that is spread over all classes.
    """

    architecture: str
    data: str
    size: int
    epochs: int = 12
    batch_size: int = 32
    learning_rate: float | None = None
    validation: float = 0.1
    seed: int = 0
    class_weights: bool = False
    augment: str = "shift"
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class Epoch:
    """A row of the history.

    Attributes:
        epoch: from 1.
        learning_rate: of its last step.
        loss: mean over its steps, in nats; with augmentation, class weights and label smoothing.
        accuracy: share of right answers while training.
        val_loss: plain cross-entropy on the validation images after the epoch, in nats.
        val_accuracy: share of right answers there.
        seconds: training and validation.
    """

    epoch: int
    learning_rate: float
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


class Pictures:
    """Labelled pictures at the network's size: in memory if they fit, else decoded when asked for."""

    def __init__(self, dataset: Dataset, contract: InputContract, on_image: Step) -> None:
        """Decode them, if they fit.

        Raises:
            DataError: a picture is damaged.
        """
        self.labels = dataset.labels
        self._dataset = dataset
        self._contract = contract
        self._memory: Pixels | None = None
        if len(dataset) * math.prod(contract.shape) <= IN_MEMORY:
            self._memory = np.empty((len(dataset), *contract.shape), np.uint8)
            for index, pixels in enumerate(dataset.pixels(contract)):
                self._memory[index] = pixels
                on_image(index + 1, len(dataset), "")
        else:
            self._pool = ThreadPoolExecutor(os.cpu_count())

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Labels) -> Pixels:
        """The pictures at ``indices``: uint8, (n, height, width, channels).

        Raises:
            DataError: a picture is damaged (found here only where they did not fit).
        """
        if self._memory is not None:
            return self._memory[indices]
        images = [self._dataset.images[int(index)] for index in indices]
        return np.stack(list(self._pool.map(lambda image: to_pixels(image, self._contract), images)))


@dataclass(frozen=True)
class Job:
    """A training ready to run: nothing that can be refused beforehand is left to refuse.

    Attributes:
        plan: as given.
        output: where the model goes.
        name: the network.
        contract: its input.
        classes: class names in output order.
        training: what it learns from.
        validation: what it is judged by.
        done: epochs that an interrupted run has completed; empty unless resumed.
    """

    plan: Plan
    output: Path
    name: zoo.ModelName
    contract: InputContract
    classes: tuple[str, ...]
    training: Pictures
    validation: Pictures
    done: tuple[Epoch, ...]


@dataclass(frozen=True)
class Outcome:
    """A finished training.

    Attributes:
        path: the model.
        history_path: the history as CSV: the fields of :class:`Epoch`.
        history: the same.
        learning_rate: the highest.
        seconds: of all epochs.
    """

    path: Path
    history_path: Path
    history: tuple[Epoch, ...]
    learning_rate: float
    seconds: float


def default_size(name: zoo.ModelName, data: str) -> int:
    """The input side where the user names none: the network's, but small for the tiny digits."""
    if data == DIGITS and not name.sized:
        return max(DIGITS_SIZE, name.family.smallest)
    return name.size


def default_learning_rate(model: Any) -> float:
    """0.005, or 0.0003 for networks without batch normalization, which the higher rate throws off."""
    kinds = {type(layer).__name__ for layer in model.layers}
    return 0.005 if "BatchNormalization" in kinds else 0.0003


def learning_rate_at(step: int, steps: int, highest: float) -> float:
    """The learning rate of ``step`` (from 0) of ``steps``."""
    warm_up = max(1, round(steps * WARM_UP))
    if step < warm_up:
        return highest * (step + 1) / warm_up
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up)))


def nothing(done: int, total: int, what: str) -> None:
    """Ignore progress."""


def prepare(plan: Plan, output: Path, resume: bool = False, on_image: Step = nothing) -> Job:
    """Check everything that can be checked before training, and read the images.

    Args:
        plan: the training.
        output: a ``.keras`` path; an existing file is replaced when the training is complete.
        resume: continue the training that was interrupted with the same plan and output.
        on_image: told of the images read.

    Raises:
        UsageError: a value out of range; nothing to resume, or another plan.
        ModelNameError: the network.
        DataError: the images.
        OutputError: ``output`` cannot be written.
    """
    _check(plan)
    name = zoo.parse(plan.architecture, size=plan.size)
    if output.suffix != ".keras":
        raise UsageError(f"the model is saved as a .keras file; write -o {output.with_suffix('.keras')}")
    if output.is_dir():
        raise OutputError(f"{output} is a folder; give the name of a file to write")
    check_writable(output.parent)
    dataset = load(plan.data, part="train")
    if not dataset.labelled:
        raise DataError(f"{plan.data} has loose images; put those of each class into a folder of its own")
    if len(dataset.classes) < 2:
        raise DataError(
            f"{plan.data} has one class only ({dataset.classes[0]}); a classifier needs at least two class folders"
        )
    done = _saved(plan, dataset, output) if resume else ()
    training, validation = dataset.split(plan.validation, plan.seed)
    if not len(validation):
        raise DataError(
            f"{plan.data} has one image a class, and none is left to validate with; at least two a class are needed"
        )
    contract = zoo.contract(name)
    total = len(dataset)
    return Job(
        plan=plan,
        output=output,
        name=name,
        contract=contract,
        classes=dataset.classes,
        training=Pictures(training, contract, lambda done, _, what: on_image(done, total, what)),
        validation=Pictures(
            validation, contract, lambda done, _, what: on_image(len(training) + done, total, what)
        ),
        done=done,
    )


def _check(plan: Plan) -> None:
    def need(holds: bool, option: str, value: object, range_: str) -> None:
        if not holds:
            raise UsageError(f"{option} {value} is out of range; choose {range_}")

    need(plan.epochs >= 1, "--epochs", plan.epochs, "at least 1")
    need(plan.batch_size >= 1, "--batch-size", plan.batch_size, "at least 1")
    rate = plan.learning_rate
    need(rate is None or 0 < rate <= 1, "--learning-rate", rate, "a value above 0, up to 1")
    need(0 < plan.validation <= 0.9, "--validation", plan.validation, "a share above 0, up to 0.9")
    need(0 <= plan.seed < 2**32, "--seed", plan.seed, "a value from 0 to 4294967295")
    need(
        0 <= plan.label_smoothing < 1, "--label-smoothing", plan.label_smoothing, "a value from 0 to below 1"
    )
    need(plan.augment in AUGMENTATIONS, "--augment", plan.augment, f"one of {', '.join(AUGMENTATIONS)}")


def run(job: Job, on_step: Step = nothing, on_epoch: Callable[[Epoch], None] = lambda epoch: None) -> Outcome:
    """Train, and write the model and its history.

    After every epoch the state goes into ``<output stem>.checkpoint/``, which is removed at
    the end: a KeyboardInterrupt, a crash or a power cut costs one epoch at most.

    Args:
        job: from :func:`prepare`.
        on_step: told of every step, over all epochs.
        on_epoch: given every completed epoch.

    Raises:
        CheckFailed: the loss or a weight is no longer a finite number.
        DataError: a picture is damaged (found here only where they did not fit in memory).
        OutputError: a file cannot be written.
    """
    if not job.done:
        # Of an earlier training that was not resumed.
        shutil.rmtree(checkpoint_folder(job.output), ignore_errors=True)
    keras = load_keras()
    plan = job.plan
    keras.utils.set_random_seed(plan.seed)
    model = zoo.build(job.name, classes=len(job.classes))
    highest = default_learning_rate(model) if plan.learning_rate is None else plan.learning_rate
    learner = compiled(trainable_form(model), highest, plan.label_smoothing, len(job.classes))
    if job.done:
        _restore(learner, job)

    history = list(job.done)
    for epoch in range(len(job.done) + 1, plan.epochs + 1):
        began = time.monotonic()
        rate, loss, accuracy = _train_epoch(keras, learner, job, epoch, highest, on_step)
        val_loss, val_accuracy = _validate(learner, job)
        state = [keras.ops.convert_to_numpy(variable) for variable in _variables(learner)]
        # The weights too: a ReLU turns a NaN into a harmless zero.
        if not (math.isfinite(loss) and all(np.isfinite(array).all() for array in state)):
            raise CheckFailed(
                f"the loss or a weight is no longer a finite number in epoch {epoch}; train again with a lower "
                f"--learning-rate than {highest:g}"
            )
        history.append(
            Epoch(epoch, rate, loss, accuracy, val_loss, val_accuracy, round(time.monotonic() - began, 3))
        )
        _save(state, job, history)
        on_epoch(history[-1])

    model.set_weights(learner.get_weights())
    seconds = round(sum(row.seconds for row in history), 3)
    _write_model(model, job, history[-1], highest)
    history_path = job.output.with_suffix(".history.csv")
    write_text(history_path, _as_csv(history))
    shutil.rmtree(checkpoint_folder(job.output), ignore_errors=True)
    return Outcome(job.output, history_path, tuple(history), highest, seconds)


def _train_epoch(
    keras: Any, learner: Any, job: Job, epoch: int, highest: float, on_step: Step
) -> tuple[float, float, float]:
    """One pass: the last learning rate, the mean loss and the mean accuracy."""
    losses, accuracies = [], []
    heads = len(learner.outputs)
    accuracy = "accuracy" if heads == 1 else f"{learner.output_names[0]}_accuracy"
    steps = len(_order(job, epoch))
    done, total = (epoch - 1) * steps, job.plan.epochs * steps
    rate = 0.0
    for x, y, weights in _batches(job, epoch):
        rate = learning_rate_at(done, total, highest)
        learner.optimizer.learning_rate = rate
        learner.reset_metrics()
        weighted = None if weights is None else [weights] * heads
        answer = learner.train_on_batch(x, [y] * heads, sample_weight=weighted, return_dict=True)
        losses.append(float(answer["loss"]))
        accuracies.append(float(answer[accuracy]))
        done += 1
        on_step(done, total, f"epoch {epoch}/{job.plan.epochs}, loss {losses[-1]:.3f}")
    return rate, float(np.mean(losses)), float(np.mean(accuracies))


def _order(job: Job, epoch: int) -> Labels:
    """Which images each step of the epoch takes: (steps, batch).

    Every image comes once; the first ones come again where the last batch needs filling,
    because another batch size would make the backend compile the step anew.
    """
    count = len(job.training)
    batch = min(job.plan.batch_size, count)
    order = np.random.default_rng([job.plan.seed, epoch]).permutation(count)
    return np.resize(order, (-(-count // batch), batch))


def _batches(job: Job, epoch: int) -> Iterator[tuple[Floats, Floats, Floats | None]]:
    """The steps of an epoch, (images, one-hot labels, sample weights), each prepared during the one before."""
    labels = job.training.labels
    one_hot = np.eye(len(job.classes), dtype=np.float32)
    class_weights = _class_weights(labels, len(job.classes)) if job.plan.class_weights else None

    def make(step: int, indices: Labels) -> tuple[Floats, Floats, Floats | None]:
        generator = np.random.default_rng([job.plan.seed, epoch, step])
        pixels = augmented(job.training.take(indices), job.plan.augment, generator)
        weights = None if class_weights is None else class_weights[labels[indices]]
        return to_tensor(pixels, job.contract), one_hot[labels[indices]], weights

    order = _order(job, epoch)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(make, 0, order[0])
        for step in range(len(order)):
            batch = coming.result()
            if step + 1 < len(order):
                coming = pool.submit(make, step + 1, order[step + 1])
            yield batch


def augmented(pixels: Pixels, augment: str, generator: np.random.Generator) -> Pixels:
    """A batch, uint8 (n, height, width, channels), as one of :data:`AUGMENTATIONS` changes it."""
    if augment == "none":
        return pixels
    count, height, width, _ = pixels.shape
    reach = np.asarray([round(height * SHIFT), round(width * SHIFT)])
    shifts = generator.integers(-reach, reach + 1, (count, 2))
    rows = np.clip(np.arange(height) + shifts[:, :1], 0, height - 1)
    columns = np.clip(np.arange(width) + shifts[:, 1:], 0, width - 1)
    if augment == "flip-shift":
        mirrored = generator.random(count) < 0.5
        columns[mirrored] = columns[mirrored, ::-1]
    moved: Pixels = pixels[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved


def _class_weights(labels: Labels, classes: int) -> Floats:
    """By class: inversely proportional to its images, one on average over the images."""
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))).astype(np.float32)


def _validate(learner: Any, job: Job) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy on the validation images."""
    count = len(job.validation)
    batch = min(job.plan.batch_size, len(job.training))
    # The last batch is filled up, for the reason given in _order; what fills it is not counted.
    order = np.resize(np.arange(count), (-(-count // batch), batch))
    answers = [
        learner.predict_on_batch(to_tensor(job.validation.take(indices), job.contract)) for indices in order
    ]
    if len(learner.outputs) > 1:
        answers = [main for main, *_ in answers]
    scores = np.concatenate(answers)[:count]
    right = scores[np.arange(count), job.validation.labels]
    losses = -np.log(np.maximum(right.astype(np.float64), 1e-7))
    return float(losses.mean()), float((scores.argmax(axis=1) == job.validation.labels).mean())


def _write_model(model: Any, job: Job, last: Epoch, highest: float) -> None:
    facts = {
        **asdict(job.plan),
        "learning_rate": highest,
        "images": len(job.training),
        "validation_images": len(job.validation),
        "loss": last.loss,
        "accuracy": last.accuracy,
        "val_loss": last.val_loss,
        "val_accuracy": last.val_accuracy,
    }
    with atomic(job.output) as temporary:
        zoo.main_output(model).save(temporary)
        write_info(temporary, ModelInfo(str(job.name), job.classes, job.contract, facts))


def _as_csv(history: list[Epoch]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in history)
    return text.getvalue()


# The checkpoint: state.json names the file of the variables, and is written after it, so a
# crash between the two leaves the epoch before.

_STATE = "state.json"


def checkpoint_folder(output: Path) -> Path:
    """Where the state of an unfinished training is kept."""
    return output.with_suffix(".checkpoint")


def saved_epochs(output: Path) -> int:
    """How many epochs of an unfinished training are saved; 0 if there is none.

    Raises:
        InputError: the checkpoint is damaged.
    """
    return len(_read_state(output)["history"]) if (checkpoint_folder(output) / _STATE).exists() else 0


def _save(arrays: list[npt.NDArray[Any]], job: Job, history: list[Epoch]) -> None:
    folder = checkpoint_folder(job.output)
    variables = folder / f"epoch-{len(history)}.npz"
    with atomic(variables) as temporary:
        np.savez(temporary, *arrays)
    state = {
        "plan": asdict(job.plan),
        "classes": list(job.classes),
        "images": len(job.training) + len(job.validation),
        "variables": variables.name,
        "history": [asdict(row) for row in history],
    }
    write_json(folder / _STATE, state)
    for old in folder.glob("epoch-*.npz"):
        if old != variables:
            old.unlink(missing_ok=True)


def _variables(learner: Any) -> list[Any]:
    """Weights, the state of random layers, and the optimizer's."""
    return [*learner.variables, *learner.optimizer.variables]


def _read_state(output: Path) -> Any:
    path = checkpoint_folder(output) / _STATE
    try:
        state = json.loads(read_bytes(path, "checkpoint"))
        state["plan"], state["classes"], state["images"], state["variables"]
        state["history"] = tuple(Epoch(**row) for row in state["history"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(output) from error
    return state


def _damaged(output: Path) -> InputError:
    return InputError(
        f"the checkpoint {checkpoint_folder(output)} is damaged; delete it and train from the beginning"
    )


def _saved(plan: Plan, dataset: Dataset, output: Path) -> tuple[Epoch, ...]:
    """The epochs that an interrupted run of this same plan has completed.

    Raises:
        UsageError: there is none, or it had other arguments or other images.
        InputError: it is damaged.
    """
    folder = checkpoint_folder(output)
    if not (folder / _STATE).exists():
        raise UsageError(f"nothing to resume: there is no {folder / _STATE}; leave --resume out")
    state = _read_state(output)
    before = {**state["plan"], "images": state["images"], "classes": state["classes"]}
    now = {**asdict(plan), "images": len(dataset), "classes": list(dataset.classes)}
    for key, value in now.items():
        if before.get(key) != value:
            raise UsageError(
                f"cannot resume: {key.replace('_', ' ')} was {before.get(key)} when the training began and is {value} "
                f"now; give the same again, or leave --resume out to begin anew"
            )
    return tuple(state["history"])


def _restore(learner: Any, job: Job) -> None:
    path = checkpoint_folder(job.output) / str(_read_state(job.output)["variables"])
    variables = _variables(learner)
    try:
        with np.load(io.BytesIO(read_bytes(path, "checkpoint")), allow_pickle=False) as stored:
            arrays = [stored[f"arr_{index}"] for index in range(len(variables))]
            if len(stored.files) != len(variables) or any(
                array.shape != tuple(variable.shape)
                for array, variable in zip(arrays, variables, strict=True)
            ):
                raise _damaged(job.output)
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        raise _damaged(job.output) from error
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
