"""Whether right answers are more than chance gives: a permutation test, which sees a model that is fed wrongly."""

import numpy as np
import numpy.typing as npt

CHANCE = 0.05
"""Largest p-value of the permutation test with which a model counts as better than chance."""

PERMUTATIONS = 999
"""Number of random orders of the answers in that test."""

NONE_RIGHT = 5
"""Number of images of which a model must have one right, where they say nothing of chance."""


def chance_of(answers: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float | None:
    """How often answers in random order have at least as many right, 0 to 1; None where that can say nothing.

    The permutation test takes the answers as they are, so that a model that names one class for all images is not better
    than chance however frequent the class is. It can say nothing of few images, where even right answers alone could be
    chance.

    Args:
        answers: class that each image is put in, (images,).
        labels: right class of each image, (images,).
    """
    if _share_as_right(labels, labels) > CHANCE:
        return None
    return _share_as_right(answers, labels)


def nothing_known(correct: int, images: int, chance: float | None) -> bool:
    """Whether a model shows to know nothing of the images: no more than chance gives, or none, is right.

    Args:
        correct: number of right answers.
        images: number of images.
        chance: what :func:`chance_of` says of them.
    """
    if chance is None:
        return correct == 0 and images >= NONE_RIGHT
    return chance > CHANCE


def _share_as_right(answers: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    generator = np.random.default_rng(0)
    correct = int((answers == labels).sum())
    as_right = sum(
        int((generator.permutation(answers) == labels).sum()) >= correct for _ in range(PERMUTATIONS)
    )
    return (1 + as_right) / (1 + PERMUTATIONS)
