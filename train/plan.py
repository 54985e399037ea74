"""What a training is asked to do, and what it says of each epoch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that decides the course of a training.

    Attributes:
        architecture: canonical zoo name.
        data: source of the images, as :func:`mobilecnn.train.datasets.load` takes it; only the
            part of it that training may see is used.
        size: input side in pixels, or (height, width).
        epochs: number of passes over the images.
        batch_size: images in a step.
        learning_rate: highest learning rate; None for
            :func:`mobilecnn.train.fit.default_learning_rate` of the network.
        validation: share of each class that is validated on and not trained on.
        seed: seed of the initialization, the split, the order and the augmentation.
        class_weights: whether images are weighted so that every class counts alike.
        augment: a name of :data:`mobilecnn.train.augmentation.AUGMENTATIONS`.
        label_smoothing: probability that is spread over all classes.
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
