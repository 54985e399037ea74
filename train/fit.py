"""Train a network of the zoo on labelled images; stop and continue at any epoch.

Adam; categorical cross-entropy; a learning rate that rises over the first twentieth of the
steps and then falls to zero along half a cosine. Everything random follows from the seed
and the epoch, so a training that was interrupted and resumed takes the same course as one
that was not.
"""

import csv
import io
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.contract import InputContract
from mobilecnn.errors import CheckFailed, DataError, OutputError, UsageError
from mobilecnn.files import check_file, read_bytes, together
from mobilecnn.locks import locked
from mobilecnn.remarks import Remarked, listed, no_remark, of_names, plural
from mobilecnn.seeds import check_seed
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train import checkpoint, datasets, zoo
from mobilecnn.train.augmentation import AUGMENTATIONS
from mobilecnn.train.backend import load_keras, require_backend
from mobilecnn.train.batches import Pictures, epoch_batches, epoch_order, in_batches
from mobilecnn.train.datasets import load, reader_of
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.reading import refuse_unreadable
from mobilecnn.train.images import to_tensor
from mobilecnn.train.keras_file import ModelInfo, check_name, write_info
from mobilecnn.train.learner import compiled, trainable_form
from mobilecnn.train.plan import Epoch, TrainingPlan

WARM_UP = 1 / 20
"""Share of the steps over which the learning rate rises."""


@dataclass(frozen=True)
class Job:
    """A training that is ready to run: everything that can be checked beforehand has been.

    Attributes:
        plan: the training.
        output: path of the model.
        name: the network.
        contract: the network's input.
        classes: class names in output order.
        training: pictures that are trained on.
        validation: pictures that are validated on.
        done: epochs that an interrupted run has completed; empty unless resumed.
    """

    plan: TrainingPlan
    output: Path
    name: zoo.ModelName
    contract: InputContract
    classes: tuple[str, ...]
    training: Pictures
    validation: Pictures
    done: tuple[Epoch, ...]


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        path: the model, a ``.keras`` file.
        history_path: the history as CSV; its columns are the fields of :class:`Epoch`.
        history: all epochs.
        learning_rate: highest learning rate.
        seconds: duration of all epochs together.
    """

    path: Path
    history_path: Path
    history: tuple[Epoch, ...]
    learning_rate: float
    seconds: float


def default_size(name: zoo.ModelName, data: str) -> int:
    """The input side in pixels where the user names none: the one in the name, the data set's, or the network's."""
    reader = reader_of(data)
    if name.sized or reader is None or reader.default_size is None:
        return name.size
    return max(reader.default_size, name.family.smallest)


def default_learning_rate(model: Any) -> float:
    """0.005; 0.0003 for networks without batch normalization, which diverge at the higher rate."""
    kinds = {type(layer).__name__ for layer in model.layers}
    return 0.005 if "BatchNormalization" in kinds else 0.0003


def learning_rate_at(step: int, steps: int, highest: float) -> float:
    """The learning rate of ``step`` (from 0) of ``steps``."""
    warm_up = max(1, round(steps * WARM_UP))
    if step < warm_up:
        return highest * (step + 1) / warm_up
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up)))


def prepare(
    plan: TrainingPlan,
    output: Path,
    resume: bool = False,
    progress: Progress = no_progress,
    skip_bad: bool = False,
    remarked: Remarked = no_remark,
) -> Job:
    """Check everything that can be checked before training, and read the images.

    Args:
        plan: the training.
        output: a ``.keras`` path; an existing file is replaced when the training is complete.
        resume: continue the training that was interrupted with the same plan and output.
        progress: called for each image that is read.
        skip_bad: leave out images that cannot be read.
        remarked: told what of the data is not used, or not as one might expect.

    Raises:
        UsageError: a value is out of range; or there is nothing to resume, or it had another plan.
        ModelNameError: the network is unknown, or cannot be built at this size.
        DataError: the images cannot be read, or are not enough to train and validate with.
        InputError: the checkpoint to resume is damaged.
        OutputError: ``output`` cannot be written, another training writes it, or something of another program's is
            where the history or the checkpoint goes.
    """
    require_backend("training")
    _check(plan)
    sides = plan.size if isinstance(plan.size, tuple) else None
    name = zoo.parse(plan.architecture, size=plan.size if isinstance(plan.size, int) else None)
    contract = zoo.contract(name, sides)
    check_name(output)
    check_file(output)
    history_path = _history_path(output)
    if history_path.exists() and not _is_history(history_path):
        raise OutputError(
            f"{history_path} is no history of a training, which goes there; move it away, or choose another name "
            "with -o"
        )
    if not resume:  # Else it is read, and what is wrong with it is said then.
        checkpoint.refuse_foreign(output)
    with locked(output):  # Two trainings at once are better refused before the images are read.
        pass
    training, validation = _split(plan, skip_bad, remarked, progress)
    total = len(training) + len(validation)
    done = checkpoint.completed(output, plan, total, training.classes) if resume else ()

    def counted_from(first: int) -> Progress:
        return lambda read, _, what: progress(first + read, total, what)

    try:
        trained_on = Pictures(training, contract, counted_from(0), remarked)
        validated_on = Pictures(validation, contract, counted_from(len(training)), remarked)
    except DataError:
        refuse_unreadable([*training.images, *validation.images])  # That error knows one of the two.
        raise
    return Job(
        plan=plan,
        output=output,
        name=name,
        contract=contract,
        classes=training.classes,
        training=trained_on,
        validation=validated_on,
        done=done,
    )


def _split(
    plan: TrainingPlan, skip_bad: bool, remarked: Remarked, progress: Progress
) -> tuple[Dataset, Dataset]:
    """The images to train on, and those to validate on: a part of the data's own, else a share of each class."""

    def checked(dataset: Dataset) -> Dataset:
        for remark in dataset.remarks:
            remarked(remark)
        if not dataset.labelled:
            raise DataError(
                f"{dataset.name} has loose images; put those of each class into a folder of its own"
            )
        return dataset.readable(remarked, progress) if skip_bad else dataset

    dataset = checked(load(plan.data, part="train"))
    if len(dataset.classes) < 2:
        (only,) = dataset.classes
        deeper = any(remark.code == "nested" for remark in dataset.remarks)
        inside = (
            f"; if those in {Path(dataset.name) / only} are the classes, give that folder" if deeper else ""
        )
        raise DataError(
            f"{dataset.name} has one class only ({only}); a classifier needs at least two class folders{inside}"
        )
    own = datasets.validation(plan.data)
    if own is not None:
        own = checked(own)
        unknown = [name for name in own.classes if name not in dataset.classes]
        if unknown:
            raise DataError(f"{own.name} has classes that {dataset.name} does not have: {listed(unknown)}")
        missing = [name for name in dataset.classes if name not in own.classes]
        if missing:
            text = f"{own.name} has no image of {plural(len(missing), 'class', 'classes')} that {dataset.name} has"
            remarked(of_names("not-validated", missing, text))
        index = np.asarray([dataset.classes.index(name) for name in own.classes], np.int64)
        return dataset, replace(own, classes=dataset.classes, labels=index[own.labels])
    training, validation = dataset.split(plan.validation, plan.seed)
    if not len(validation):
        raise DataError(
            f"{plan.data} has one image a class, and none is left to validate with; at least two a class are needed"
        )
    return training, validation


def _check(plan: TrainingPlan) -> None:
    def need(holds: bool, option: str, value: object, choices: str) -> None:
        if not holds:
            raise UsageError(f"{option} {value} is out of range; choose {choices}")

    need(plan.epochs >= 1, "--epochs", plan.epochs, "at least 1")
    need(plan.batch_size >= 1, "--batch-size", plan.batch_size, "at least 1")
    rate = plan.learning_rate
    need(rate is None or 0 < rate <= 1, "--learning-rate", rate, "a value above 0, up to 1")
    need(0 < plan.validation <= 0.9, "--validation", plan.validation, "a share above 0, up to 0.9")
    check_seed(plan.seed)
    need(
        0 <= plan.label_smoothing < 1, "--label-smoothing", plan.label_smoothing, "a value from 0 to below 1"
    )
    need(plan.augment in AUGMENTATIONS, "--augment", plan.augment, f"one of {', '.join(AUGMENTATIONS)}")


def run(
    job: Job, progress: Progress = no_progress, on_epoch: Callable[[Epoch], None] = lambda epoch: None
) -> Trained:
    """Train, and write the model and its history.

    After every epoch the state goes into ``<output stem>.checkpoint/``, which is removed at
    the end: a KeyboardInterrupt, a crash or a power cut costs one epoch at most.

    Args:
        job: a training from :func:`prepare`.
        progress: called after every step; counts the steps of all epochs.
        on_epoch: called with every completed epoch.

    Raises:
        CheckFailed: the loss or a weight is no longer a finite number.
        DataError: a picture that is not in memory was damaged meanwhile.
        InputError: the checkpoint to resume is damaged.
        OutputError: a file cannot be written, or another training writes it.
    """
    with locked(job.output):
        return _run(job, progress, on_epoch)


def _run(job: Job, progress: Progress, on_epoch: Callable[[Epoch], None]) -> Trained:
    if not job.done:
        # It belongs to an earlier training that was not resumed.
        checkpoint.remove(job.output)
    elif checkpoint.saved_epochs(job.output) != len(job.done):
        raise UsageError(
            f"cannot resume: another training has changed {checkpoint.folder(job.output)} meanwhile; give --resume again"
        )
    keras = load_keras()
    plan = job.plan
    keras.utils.set_random_seed(plan.seed)
    classes = len(job.classes)
    if isinstance(plan.size, tuple):
        model = zoo.rectangle(job.name, classes, *plan.size)
    else:
        model = zoo.build(job.name, classes)
    highest = default_learning_rate(model) if plan.learning_rate is None else plan.learning_rate
    learner = compiled(trainable_form(model), highest, plan.label_smoothing, classes)
    # Weights, the state of random layers, and the optimizer's.
    variables = [*learner.variables, *learner.optimizer.variables]
    if job.done:
        checkpoint.restore(job.output, variables)

    history = list(job.done)
    images = len(job.training) + len(job.validation)
    for epoch in range(len(job.done) + 1, plan.epochs + 1):
        began = time.monotonic()
        rate, loss, accuracy = _train_epoch(learner, job, epoch, highest, progress)
        val_loss, val_accuracy = _validate(learner, job)
        state = [keras.ops.convert_to_numpy(variable) for variable in variables]
        # The weights too: a ReLU turns a NaN into a harmless zero.
        if not (math.isfinite(loss + val_loss) and all(np.isfinite(array).all() for array in state)):
            raise CheckFailed(
                f"the loss or a weight is no longer a finite number in epoch {epoch}; train again with a lower "
                f"--learning-rate than {highest:g}"
            )
        history.append(
            Epoch(epoch, rate, loss, accuracy, val_loss, val_accuracy, round(time.monotonic() - began, 3))
        )
        checkpoint.save(job.output, plan, images, job.classes, history, state)
        on_epoch(history[-1])

    model.set_weights(learner.get_weights())
    seconds = round(sum(row.seconds for row in history), 3)
    _write_model(model, job, history, highest)
    checkpoint.remove(job.output)
    return Trained(job.output, _history_path(job.output), tuple(history), highest, seconds)


def _train_epoch(
    learner: Any, job: Job, epoch: int, highest: float, progress: Progress
) -> tuple[float, float, float]:
    """One pass over the images: the last learning rate, the mean loss and the mean accuracy."""
    losses, accuracies = [], []
    heads = len(learner.outputs)
    accuracy = "accuracy" if heads == 1 else f"{learner.output_names[0]}_accuracy"
    steps = len(epoch_order(len(job.training), job.plan, epoch))
    done, total = (epoch - 1) * steps, job.plan.epochs * steps
    rate = 0.0
    for images, labels, weights in epoch_batches(job.training, len(job.classes), job.plan, epoch):
        rate = learning_rate_at(done, total, highest)
        learner.optimizer.learning_rate = rate
        learner.reset_metrics()
        weighted = None if weights is None else [weights] * heads
        metrics = learner.train_on_batch(images, [labels] * heads, sample_weight=weighted, return_dict=True)
        losses.append(float(metrics["loss"]))
        accuracies.append(float(metrics[accuracy]))
        done += 1
        progress(done, total, f"epoch {epoch}/{job.plan.epochs}, loss {losses[-1]:.3f}")
    return rate, float(np.mean(losses)), float(np.mean(accuracies))


def _validate(learner: Any, job: Job) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy on the validation images."""
    count = len(job.validation)
    # The last batch is filled up as in training; what fills it is not counted.
    batches = in_batches(np.arange(count), min(job.plan.batch_size, len(job.training)))
    answers = [
        learner.predict_on_batch(to_tensor(job.validation.take(indices), job.contract)) for indices in batches
    ]
    if len(learner.outputs) > 1:
        answers = [main for main, *_ in answers]
    scores = np.concatenate(answers)[:count]
    right = scores[np.arange(count), job.validation.labels]
    losses = -np.log(np.maximum(right.astype(np.float64), 1e-7))
    return float(losses.mean()), float((scores.argmax(axis=1) == job.validation.labels).mean())


def _write_model(model: Any, job: Job, history: Sequence[Epoch], highest: float) -> None:
    """Write the model and its history, both or neither."""
    last = history[-1]
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
    with together([(_history_path(job.output), job.output)]) as [[history_file, model_file]]:
        zoo.main_output(model).save(model_file)
        write_info(model_file, ModelInfo(str(job.name), job.classes, job.contract, facts))
        history_file.write_text(_as_csv(history), encoding="utf-8")


def _history_path(output: Path) -> Path:
    return output.with_suffix(".history.csv")


def _is_history(path: Path) -> bool:
    columns = ",".join(field.name for field in fields(Epoch)).encode()
    return path.is_file() and read_bytes(path, "history").startswith(columns)


def _as_csv(history: Sequence[Epoch]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in history)
    return text.getvalue()
