"""Charts of a training: loss, accuracy and learning rate over the epochs."""

from collections.abc import Sequence

from mobilecnn.bench.pages.plot import Axis, Plot, Point, Series
from mobilecnn.train.plan import Epoch

_ACROSS = Axis("epoch")


def learning_curves(history: Sequence[Epoch], kept: int) -> tuple[Plot, ...]:
    """Accuracy, loss and learning rate of each epoch, one below the other.

    Args:
        history: at least one epoch.
        kept: number of the epoch whose weights the model has, which is marked.
    """
    (row,) = [row for row in history if row.epoch == kept]
    mark = Series("kept", [Point(kept, 100 * row.val_accuracy)], colour=2)
    return (
        Plot(
            [
                Series("training", [Point(row.epoch, 100 * row.accuracy) for row in history], "straight", False),
                Series(
                    "validation",
                    [Point(row.epoch, 100 * row.val_accuracy) for row in history],
                    "straight", False, 1,
                ),
                mark,
            ],
            _ACROSS,
            Axis("accuracy", suffix=" %", most=100),
            "Accuracy of each epoch, on the images that are trained and on those that are validated on.",
        ),
        Plot(
            [
                Series("", [Point(row.epoch, row.loss) for row in history], "straight", False),
                Series("", [Point(row.epoch, row.val_loss) for row in history], "straight", False, 1),
            ],
            _ACROSS,
            Axis("loss, nats", zero=True),
            "Loss of each epoch, on the images that are trained and on those that are validated on.",
        ),
        Plot(
            [Series("", [Point(row.epoch, row.learning_rate) for row in history], "straight", False, 3)],
            _ACROSS,
            Axis("learning rate", zero=True),
            "Learning rate at the end of each epoch.",
        ),
    )  # fmt: skip
