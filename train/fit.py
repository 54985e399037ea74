"""Train a network on labelled images; stop and continue at any epoch.

Everything random follows from the seed and the epoch, so a training that was interrupted and resumed takes the same
course as one that was not.
"""

import csv
import io
import math
import platform
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.errors import CheckFailed, UsageError
from mobilecnn.files import together
from mobilecnn.locks import locked
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train import checkpoint, input_statistics, optimizers, schedules, transfer, zoo
from mobilecnn.train.backend import load_keras
from mobilecnn.train.batches import epoch_batches, epoch_order, in_batches
from mobilecnn.train.datasets import seen
from mobilecnn.train.images import to_tensor
from mobilecnn.train.initializers import initialize
from mobilecnn.train.keras_file import ModelInfo, write_info
from mobilecnn.train.learner import averaged, compiled, first_step, trainable_form
from mobilecnn.train.plan import Epoch, best, exhausted
from mobilecnn.train.preparing import Job, default_size, history_path, prepare
from mobilecnn.train.schedules import learning_rate_at
from mobilecnn.version import __version__

__all__ = ["Job", "Trained", "default_size", "history_csv", "prepare", "run"]


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        path: the model, a ``.keras`` file.
        history_path: the history as CSV; its columns are the fields of :class:`Epoch`.
        history: all epochs.
        kept: the epoch whose weights the model has.
        learning_rate: highest learning rate.
        seconds: duration of all epochs together.
    """

    path: Path
    history_path: Path
    history: tuple[Epoch, ...]
    kept: Epoch
    learning_rate: float
    seconds: float


class _Values:
    """One array that is saved and restored like a variable of Keras."""

    def __init__(self, value: npt.NDArray[Any]) -> None:
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def assign(self, value: npt.NDArray[Any]) -> None:
        self.value = value


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
        UsageError: a pattern of ``--freeze`` or ``--thaw`` means no layer, or another training has changed the checkpoint.
        CheckFailed: the loss or a weight is no longer a finite number.
        DataError: a picture that could not be kept was damaged meanwhile.
        InputError: the checkpoint to resume is damaged.
        ModelFileError: the model to begin with has no features that a classifier could take.
        OutputError: a file cannot be written, or another training writes it.
    """
    with job.team.spread():
        if not job.team.first:
            return _run(job, no_progress, lambda epoch: None)
        with locked(job.output):
            return _run(job, progress, on_epoch)


def _run(job: Job, progress: Progress, on_epoch: Callable[[Epoch], None]) -> Trained:
    team = job.team
    if not team.first:
        pass  # Nothing of it is here.
    elif not job.done:
        # It belongs to an earlier training that was not resumed.
        checkpoint.remove(job.output)
    elif checkpoint.saved_epochs(job.output) != len(job.done):
        raise UsageError(
            f"cannot resume: another training has changed {checkpoint.folder(job.output)} meanwhile; give --resume again"
        )
    keras = load_keras()
    plan = job.plan
    model, learner = _networks(job)
    highest = (
        optimizers.default_rate(plan.optimizer, model) if plan.learning_rate is None else plan.learning_rate
    )
    compiled(learner, plan, highest, len(job.classes))
    kept = [_Values(value) for value in learner.get_weights()] if plan.keep == "best" else []
    # Weights, the state of random layers, the optimizer's, and the weights of the best epoch.
    variables = [*learner.variables, *learner.optimizer.variables]
    if job.done:
        _restore(job, [*variables, *kept])

    history = list(job.done)
    images = len(job.training) + len(job.validation)
    while len(history) < plan.epochs and not exhausted(history, plan.patience):
        epoch = len(history) + 1
        began = time.monotonic()
        rate, loss, accuracy = _train_epoch(learner, job, epoch, highest, progress)
        with averaged(learner, plan):
            val_loss, val_accuracy = _validate(learner, job)
            weights = learner.get_weights() if kept else []
        state = [keras.ops.convert_to_numpy(variable) for variable in variables]
        # The weights too: a ReLU turns a NaN into a harmless zero.
        if not (math.isfinite(loss + val_loss) and all(np.isfinite(array).all() for array in state)):
            raise CheckFailed(
                f"the loss or a weight is no longer a finite number in epoch {epoch}; train again with a lower "
                f"--learning-rate than {highest:g}"
            )
        row = Epoch(epoch, rate, loss, accuracy, val_loss, val_accuracy, round(time.monotonic() - began, 3))
        # All machines go by the same figures: those of another processor differ in their last digits.
        history.append(Epoch(**team.share(asdict(row))))
        if best(history) is history[-1]:
            for values, weight in zip(kept, weights, strict=True):
                values.assign(weight)
        state += [values.value for values in kept]
        if team.first:
            checkpoint.save(job.output, plan, images, job.classes, history, state, job.origin)
        on_epoch(history[-1])

    with averaged(learner, plan):
        model.set_weights([values.value for values in kept] or learner.get_weights())
    row = best(history) if kept else history[-1]
    seconds = round(sum(row.seconds for row in history), 3)
    if team.first:
        _write_model(model, job, history, row, highest)
        checkpoint.remove(job.output)
    team.share("complete")
    return Trained(job.output, history_path(job.output), tuple(history), row, highest, seconds)


def _restore(job: Job, variables: Sequence[Any]) -> None:
    """Assign the values of the checkpoint, which the first machine has."""
    if job.team.hosts == 1:
        checkpoint.restore(job.output, variables)
        return
    numpy = load_keras().ops.convert_to_numpy
    own = [each.value if isinstance(each, _Values) else numpy(each) for each in variables]
    saved = [_Values(value) for value in own]
    if job.team.first:
        checkpoint.restore(job.output, saved)
    shared = job.team.share_arrays([now.value.astype(was.dtype) for now, was in zip(saved, own, strict=True)])
    for variable, value in zip(variables, shared, strict=True):
        variable.assign(value)


def _networks(job: Job) -> tuple[Any, Any]:
    """The network that will be saved, and its form that is trained, with the same initial weights."""
    keras = load_keras()
    plan, classes = job.plan, len(job.classes)
    keras.utils.set_random_seed(plan.seed)
    if job.base is not None:
        model = transfer.headed(job.base.model, classes, job.base.what)
    else:
        assert job.name is not None
        if isinstance(plan.size, tuple):
            model = zoo.rectangle(job.name, classes, *plan.size)
        else:
            model = zoo.build(job.name, classes)
        initialize(model, plan.initializer, plan.seed)
    learner = trainable_form(model, plan.dropout, plan.precision, plan.ema)
    if job.base is not None:
        transfer.freeze(learner, plan.freeze, plan.thaw)
    return model, learner


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
        rate = learning_rate_at(job.plan, done, steps, highest)
        learner.optimizer.learning_rate = rate
        learner.reset_metrics()
        if job.team.devices:  # Where Keras takes no batch without weights.
            ones = np.ones(len(images), np.float32)
            images, labels, weights = job.team.part(images, labels, ones if weights is None else weights)
        weighted = None if weights is None else [weights] * heads
        with first_step(learner) if job.plan.ema and not done else nullcontext():
            metrics = learner.train_on_batch(
                images, [labels] * heads, sample_weight=weighted, return_dict=True
            )
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


def _write_model(model: Any, job: Job, history: Sequence[Epoch], row: Epoch, highest: float) -> None:
    """Write the model and its history, both or neither."""
    plan, base = job.plan, job.base
    facts = {
        **asdict(plan),
        "learning_rate": highest,
        **schedules.used(plan),
        **optimizers.used(plan),
        "images": len(job.training),
        "validation_images": len(job.validation),
        "data_sha256": job.data_sha256,
        seen.MEMBER: job.seen,
        input_statistics.MEMBER: asdict(_inputs(job)),
        "base": "" if base is None else base.what,
        "base_is_trained": base is not None and seen.is_trained(base.training),
        "base_sha256": "" if base is None else base.sha256,
        "code_sha256": "" if base is None else base.code_sha256,
        "trained_epochs": len(history),
        "kept_epoch": row.epoch,
        "loss": row.loss,
        "accuracy": row.accuracy,
        "val_loss": row.val_loss,
        "val_accuracy": row.val_accuracy,
        "hosts": job.team.hosts,
        "devices": max(1, job.team.devices),
        "versions": _versions(),
    }
    architecture = base.architecture if base is not None else str(job.name)
    with together([(history_path(job.output), job.output)]) as [[history_file, model_file]]:
        zoo.main_output(model).save(model_file)
        write_info(model_file, ModelInfo(architecture, job.classes, job.contract, facts))
        history_file.write_text(history_csv(history), encoding="utf-8")


def _inputs(job: Job) -> input_statistics.InputStatistics:
    """What the network was given, without the changes of an augmentation."""
    chosen = np.asarray(input_statistics.spread(len(job.training)))
    batches = np.split(chosen, range(input_statistics.AT_ONCE, len(chosen), input_statistics.AT_ONCE))
    return input_statistics.measured(to_tensor(job.training.take(batch), job.contract) for batch in batches)


def _versions() -> dict[str, str]:
    """What decides a training beside the plan and the data: the versions of what computes it."""
    keras = load_keras()
    backend = str(keras.backend.backend())
    return {
        "mobilecnn": __version__,
        "python": platform.python_version(),
        "keras": str(keras.__version__),
        "backend": backend,
        **{name: str(sys.modules[name].__version__) for name in (backend, "numpy", "PIL")},
    }


def history_csv(history: Sequence[Epoch]) -> str:
    """Epochs as CSV, with a line of names first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in history)
    return text.getvalue()
