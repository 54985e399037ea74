"""The embedded data set: scikit-learn's 1,797 handwritten digits, 8x8 pixels, grey, 10 classes."""

import numpy as np

from mobilecnn.errors import DataError
from mobilecnn.extras import require
from mobilecnn.train.datasets.dataset import Dataset, Part

DIGITS = "digits"
"""Name of the data set, where a folder could be given."""

DEFAULT_SIZE = 64
"""Input side in pixels where the user names none: the pictures are 8x8."""

HELD_OUT = 0.2
"""Share of each class that is held out: no training sees it."""


def accepts(source: str) -> bool:
    """Whether ``source`` is the name of this data set."""
    return source == DIGITS


def parts(source: str) -> tuple[Part, ...]:
    """``train`` and ``test``: a share of each class is held out."""
    return "train", "test"


def read(source: str, part: Part) -> Dataset:
    """The digits that training may see, those held out from it, or all of them.

    Raises:
        DataError: they have no such part.
        EnvironmentProblem: scikit-learn is not installed.
    """
    require(f"the data set {DIGITS!r}", "train", "sklearn")
    # Imported here because scikit-learn takes a second, and a user's own folder needs none of it.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pictures = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    digits = Dataset(DIGITS, tuple("0123456789"), list(pictures), bunch.target.astype(np.int64))
    if part == "all":
        return digits
    if part == "validation":
        raise DataError(
            f"{DIGITS} has no part to validate on, only train and test; a share of train is taken for it"
        )
    training, held_out = digits.split(HELD_OUT)
    return training if part == "train" else held_out
