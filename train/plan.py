"""What a training is asked to do, and what it says of each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that decides the course of a training.

    Of what is None the default depends on the network, the optimizer or the schedule.

    Attributes:
        architecture: canonical zoo name; empty where ``base`` names a model.
        data: source of the images, as :func:`mobilecnn.train.datasets.load` takes it; only the
            part of it that training may see is used.
        size: input side in pixels, or (height, width).
        epochs: number of passes over the images, at most.
        batch_size: images in a step.
        learning_rate: highest learning rate; None for that of :data:`mobilecnn.train.optimizers.OPTIMIZERS`.
        validation: share of each class that is validated on and not trained on.
        seed: seed of the initialization, the split, the order and the augmentation.
        class_weights: whether images are weighted so that every class counts alike.
        augment: a name of :data:`mobilecnn.train.augmentation.AUGMENTATIONS`.
        label_smoothing: probability that is spread over all classes.
        optimizer: a name of :data:`mobilecnn.train.optimizers.OPTIMIZERS`.
        momentum: momentum of ``sgd`` and ``rmsprop``.
        epsilon: the optimizer's epsilon.
        weight_decay: factor of the kernels that is added to their gradients; with ``adamw`` the factor, times the
            learning rate, that is taken off them.
        schedule: a name of :data:`mobilecnn.train.schedules.SCHEDULES`.
        warm_up: share of all steps over which the learning rate rises.
        step_epochs: number of epochs after which the schedule ``step`` lowers the learning rate.
        step_factor: factor by which it does.
        time_decay: with the schedule ``inverse-time``, the factor of the number of steps in 1 / (1 + factor x steps).
        dropout: rate of the dropout before the classifier; None for the network's own.
        initializer: a name of :data:`mobilecnn.train.initializers.INITIALIZERS`.
        ema: decay of the moving average of the weights that is validated and kept; 0 for the weights themselves.
        precision: type that is computed in, a name of :data:`mobilecnn.train.learner.PRECISIONS`; weights are float32.
        patience: number of epochs without a better one after which the training ends; 0 for none.
        keep: ``best`` or ``last``: the epoch whose weights the model gets.
        base: path of the model whose layers are taken over, all but the classifier; empty without one.
        weights: ``imagenet`` for the published weights of the network; empty for random ones.
        input_range: range of the input of ``base``, a name of :data:`mobilecnn.contract.RANGES`, where nothing tells it.
        override_input_range: whether ``input_range`` goes before what ``base`` says or proves.
        freeze: patterns of names of layers that are not trained.
        thaw: patterns of names of layers that are trained, of those that are frozen.
    """

    architecture: str
    data: str
    size: int | tuple[int, int]
    epochs: int = 12
    batch_size: int = 32
    learning_rate: float | None = None
    validation: float = 0.1
    seed: int = 0
    class_weights: bool = False
    augment: str = "shift"
    label_smoothing: float = 0.0
    optimizer: str = "adam"
    momentum: float | None = None
    epsilon: float | None = None
    weight_decay: float | None = None
    schedule: str = "cosine"
    warm_up: float | None = None
    step_epochs: int | None = None
    step_factor: float | None = None
    time_decay: float | None = None
    dropout: float | None = None
    initializer: str = "default"
    ema: float = 0.0
    precision: str = "float32"
    patience: int = 0
    keep: str = "best"
    base: str = ""
    weights: str = ""
    input_range: str = ""
    override_input_range: bool = False
    freeze: tuple[str, ...] = ()
    thaw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Epoch:
    """A completed epoch: a row of the history.

    Attributes:
        epoch: number of the epoch, from 1.
        learning_rate: learning rate of the last step.
        loss: mean loss over the steps, in nats, with augmentation, class weights and label smoothing.
        accuracy: share of right answers while training.
        val_loss: plain cross-entropy on the validation images after the epoch, in nats.
        val_accuracy: share of right answers on the validation images.
        seconds: duration of training and validation.
    """

    epoch: int
    learning_rate: float
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


def best(history: Sequence[Epoch]) -> Epoch:
    """The epoch with the most right answers on the validation images; of several the one with the lowest loss there.

    Args:
        history: at least one epoch.
    """
    return max(history, key=lambda row: (row.val_accuracy, -row.val_loss))


def exhausted(history: Sequence[Epoch], patience: int) -> bool:
    """Whether the last ``patience`` epochs were none better than the best before; never with a patience of 0."""
    return patience > 0 and len(history) > 0 and len(history) - best(history).epoch >= patience
