"""Whether right answers are more than chance gives: a permutation test, which sees a model that is fed wrongly."""

import math

import numpy as np
import numpy.typing as npt

CHANCE = 0.05
"""Largest p-value of the permutation test with which a model counts as better than chance."""

PERMUTATIONS = 999
"""Number of random orders of the answers in that test."""

USEFUL = 0.75
"""Share of the images that a model which is fed rightly is taken to have right at least."""

UNLIKELY = 0.05
"""Largest one-sided p-value of the binomial test with which so few right answers are not those of such a model."""

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


def shown_to_know_nothing(correct: int, images: int, chance: float | None) -> bool:
    """Whether the images prove that a model knows no more than chance, as far as images can.

    That it was not found to be better is no proof: always naming a class that nearly all images are of is right nearly
    always, and of few images a good model may have only half right. So its right answers must also be too few for a model
    with :data:`USEFUL` of such images right (one-sided binomial test, :data:`UNLIKELY`).

    Args:
        correct: number of right answers.
        images: number of images.
        chance: what :func:`chance_of` says of them.
    """
    if not nothing_known(correct, images, chance):
        return False
    return _as_few(correct, images, USEFUL) <= UNLIKELY


def _as_few(correct: int, images: int, share: float) -> float:
    """Probability of at most ``correct`` right answers where each is right with probability ``share``, by itself."""
    whole, right, wrong = math.lgamma(images + 1), math.log(share), math.log1p(-share)
    return math.fsum(
        math.exp(
            whole
            - math.lgamma(count + 1)
            - math.lgamma(images - count + 1)
            + count * right
            + (images - count) * wrong
        )
        for count in range(correct + 1)
    )


def _share_as_right(answers: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    generator = np.random.default_rng(0)
    correct = int((answers == labels).sum())
    as_right = sum(
        int((generator.permutation(answers) == labels).sum()) >= correct for _ in range(PERMUTATIONS)
    )
    return (1 + as_right) / (1 + PERMUTATIONS)
