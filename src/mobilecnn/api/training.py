"""From labelled images to a trained ``.keras`` file: ``train``."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecnn.steps import Progress, no_progress

if TYPE_CHECKING:
    from mobilecnn.train.fit import Job, Trained
    from mobilecnn.train.plan import Epoch, TrainingPlan
    from mobilecnn.train.transfer import Base

_TEXTS = ("architecture", "base", "weights", "input_range")
"""Members of a plan that are empty where the user says nothing."""


def train(
    architecture: str | None,
    data: str | Path,
    output: str | Path,
    *,
    epochs: int = 12,
    batch_size: int = 32,
    learning_rate: float | None = None,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    validation: float = 0.1,
    class_weights: bool = False,
    augment: str = "shift",
    label_smoothing: float = 0.0,
    optimizer: str = "adam",
    momentum: float | None = None,
    epsilon: float | None = None,
    weight_decay: float | None = None,
    schedule: str = "cosine",
    warm_up: float | None = None,
    step_epochs: int | None = None,
    step_factor: float | None = None,
    time_decay: float | None = None,
    dropout: float | None = None,
    initializer: str = "default",
    ema: float = 0.0,
    precision: str = "float32",
    patience: int = 0,
    keep: str = "best",
    base: str | Path | None = None,
    weights: str | None = None,
    input_range: str | None = None,
    override_input_range: bool = False,
    custom_objects: str | Path | None = None,
    freeze: Sequence[str] = (),
    thaw: Sequence[str] = (),
    tensorboard: str | Path | None = None,
    curves: str | Path | None = None,
    resume: bool = False,
    skip_bad: bool = False,
    progress: Progress | None = None,
    on_epoch: "Callable[[Epoch], None] | None" = None,
) -> "Trained":
    """Train a network on labelled images; the model is ``path`` of the result.

    Warns (:class:`UserWarning`) of what in the data is not used, or not as one might expect.

    Args:
        architecture: name of a zoo network; None with ``base``.
        data: manifest, folder of class folders, or another data set; of one with parts ``train`` is used, and
            ``validation`` to validate on; or ``digits``, of which the held-out part is not used.
        output: path of the ``.keras`` file, replaced if it exists; the history goes beside it as CSV.
        epochs: number of passes over the images, at most.
        batch_size: images of one training step.
        learning_rate: highest learning rate.  [default: the optimizer's]
        size: input side in pixels, or (height, width).  [default: the network's; 64 for digits]
        seed: seed of everything random.
        validation: share of each class that is held back to validate on, where the data has no ``val`` of its own.
        class_weights: whether to weigh the images so that every class counts alike.
        augment: random changes of the training images: ``none``, ``shift``, ``flip-shift``, ``lesion``, ``contrast`` or
            ``modern``.
        label_smoothing: probability that is spread over all classes.
        optimizer: ``adam``, ``adamw``, ``sgd``, ``rmsprop`` or ``adadelta``.
        momentum: momentum of ``sgd`` and ``rmsprop``.  [default: 0.9 for sgd, 0 for rmsprop]
        epsilon: the optimizer's epsilon.  [default: 1e-7]
        weight_decay: weight decay of the kernels.  [default: 0.01 for adamw, else 0]
        schedule: course of the learning rate: ``cosine``, ``constant``, ``linear``, ``step`` or ``inverse-time``.
        warm_up: share of the steps over which the learning rate rises.  [default: 0.05 for cosine, else 0]
        step_epochs: epochs between two steps of the schedule ``step``.  [default: 30]
        step_factor: factor at each of them.  [default: 0.1]
        time_decay: factor of the number of steps with ``inverse-time``, 1 / (1 + factor x steps).
        dropout: rate of the dropout before the classifier.  [default: the network's]
        initializer: initial values of the kernels: ``default``, ``xavier``, ``xavier-normal`` or ``he``.
        ema: decay of the moving average of the weights that is kept instead of them; 0 for none.
        precision: type that is computed in: ``float32``, ``bfloat16`` or ``float16``.
        patience: epochs without a better one after which the training ends; 0 for none.
        keep: the epoch whose weights are kept: the ``best`` on the validation images, or the ``last``.
        base: path of a Keras model to fine-tune, with a new classifier.
        weights: ``imagenet`` to begin with the published weights of the network.
        input_range: range of the input of ``base``, where nothing in it tells: ``raw``, ``unit``, ``tf``, ...
        override_input_range: whether ``input_range`` goes before what ``base`` states or proves.
        custom_objects: path of a Python file with the layers and functions of your own that ``base`` has; it runs, in this
            process.
        freeze: patterns of names of layers that are not trained, such as ``*``.
        thaw: patterns of names of those of them that are.
        tensorboard: folder for an event file of TensorBoard.
        curves: path of a PNG file with the learning curves, replaced if it is one of mobilecnn.
        resume: whether to continue an interrupted training; the other options must be the same.
        skip_bad: whether to leave out images that cannot be read.
        progress: function called after each training step.
        on_epoch: function called with the figures of each completed epoch.

    Raises:
        UsageError, DataError, ModelFileError, OutputError: an argument is out of range, or a file cannot be read or written.
        CheckFailed: the loss or a weight is no longer a finite number.
        EnvironmentProblem: a package is not installed: Keras, its backend, that with the published weights, or matplotlib.
    """
    from mobilecnn.remarks import Remarks
    from mobilecnn.train import fit

    plan, model = planned(
        architecture,
        str(data),
        size,
        None if custom_objects is None else Path(custom_objects),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validation=validation,
        seed=seed,
        class_weights=class_weights,
        augment=augment,
        label_smoothing=label_smoothing,
        optimizer=optimizer,
        momentum=momentum,
        epsilon=epsilon,
        weight_decay=weight_decay,
        schedule=schedule,
        warm_up=warm_up,
        step_epochs=step_epochs,
        step_factor=step_factor,
        time_decay=time_decay,
        dropout=dropout,
        initializer=initializer,
        ema=ema,
        precision=precision,
        patience=patience,
        keep=keep,
        base=base,
        weights=weights,
        input_range=input_range,
        override_input_range=override_input_range,
        freeze=tuple(freeze),
        thaw=tuple(thaw),
    )
    folder, picture = (None if path is None else Path(path) for path in (tensorboard, curves))
    check_logs(folder, picture)
    remarks = Remarks()
    job = fit.prepare(plan, Path(output), resume, skip_bad=skip_bad, remarked=remarks, base=model)
    for remark in remarks.rows:
        warnings.warn(remark.text, stacklevel=2)
    return run_logged(job, folder, picture, progress or no_progress, on_epoch or (lambda epoch: None))


def planned(
    architecture: str | None,
    data: str,
    size: int | tuple[int, int] | None,
    custom_objects: Path | None = None,
    **options: Any,
) -> "tuple[TrainingPlan, Base | None]":
    """The plan of a training, at the size that suits the network and the images where ``size`` is None; its base, loaded.

    Args:
        architecture: name of a zoo network; None with ``base``.
        data: labelled images.
        size: input side in pixels, (height, width), or None.
        custom_objects: the user's Python file with layers of the base.
        options: values of the other members of a :class:`TrainingPlan`; None where a text is not given.

    Raises:
        UsageError: a value is out of range, or without effect.
        ModelNameError: the zoo has no such name, or the network no such size.
        ModelFileError: the base cannot be loaded.
    """
    from mobilecnn.errors import UsageError
    from mobilecnn.train import fit, zoo
    from mobilecnn.train.plan import TrainingPlan
    from mobilecnn.train.preparing import check

    texts = {"architecture": architecture, **options}
    named = {name: "" if texts.get(name) is None else str(texts[name]) for name in _TEXTS}
    plan = TrainingPlan(data=data, size=size or 1, **{**options, **named})
    check(plan)
    if custom_objects is not None and not plan.base:
        raise UsageError("--custom-objects has no effect without --from; leave it out")
    if plan.base:
        from mobilecnn import bases

        base = bases.load(
            Path(plan.base), size, plan.input_range or None, plan.override_input_range, custom_objects
        )
        height, width, _ = base.contract.shape
        return replace(plan, size=height if height == width else (height, width)), base
    if isinstance(size, tuple):
        name = zoo.parse(plan.architecture)
        zoo.contract(name, size)  # Refuses what cannot be.
        return replace(plan, architecture=str(name)), None
    name = zoo.parse(plan.architecture, size=size)
    if size is None:
        name = zoo.parse(plan.architecture, size=fit.default_size(name, data))
    return replace(plan, architecture=str(name), size=name.size), None


def check_logs(tensorboard: Path | None, curves: Path | None) -> None:
    """Refuse places for the logs of a training that cannot be written, before hours of work.

    Args:
        tensorboard: folder for an event file of TensorBoard; None for none.
        curves: path of a PNG file with learning curves; None for none.

    Raises:
        UsageError: ``curves`` is no name of a PNG file.
        OutputError: a place cannot be written, or has something else.
        EnvironmentProblem: matplotlib, which draws, is not installed.
    """
    from mobilecnn.extras import require
    from mobilecnn.files import check_writable
    from mobilecnn.replacing import check_picture

    if curves is not None:
        require("a chart", "report")
        check_picture(curves, "a picture of learning curves", "--curves")
    if tensorboard is not None:
        check_writable(tensorboard)


def run_logged(
    job: "Job",
    tensorboard: Path | None = None,
    curves: Path | None = None,
    progress: Progress = no_progress,
    on_epoch: "Callable[[Epoch], None]" = lambda epoch: None,
) -> "Trained":
    """:func:`mobilecnn.train.fit.run`, with an event file that grows meanwhile, and learning curves at the end.

    Args:
        job: a training from :func:`mobilecnn.train.fit.prepare`.
        tensorboard: folder for an event file of TensorBoard; None for none.
        curves: path of a PNG file with learning curves; None for none.
        progress: called after every step.
        on_epoch: called with every completed epoch.
    """
    from mobilecnn.convert.user_code import running
    from mobilecnn.train import fit
    from mobilecnn.train.event_file import EventFile

    if not job.team.first:  # Which writes all there is.
        return fit.run(job, progress, on_epoch)
    events = None if tensorboard is None else EventFile(tensorboard)

    def logged(epoch: "Epoch") -> None:
        if events is not None:
            events.write(epoch)
        on_epoch(epoch)

    with running(None if job.base is None else job.base.code, None):
        trained = fit.run(job, progress, logged)
    if curves is not None:
        from mobilecnn.bench.pages import png
        from mobilecnn.bench.pages.learning import learning_curves
        from mobilecnn.files import write_bytes

        kept = trained.kept
        title = (
            f"{job.title} on {job.plan.data}: validation accuracy {kept.val_accuracy:.2%} after epoch {kept.epoch} of "
            f"{len(trained.history)}"
        )
        write_bytes(curves, png.draw(learning_curves(trained.history, kept.epoch), title))
    return trained
