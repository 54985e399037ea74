"""Constants of a chip from the work and the published times of some networks, and how well they foretell others."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BASELINE = "alexnet"
TERMS = ("cycles", "lines", "turns")
"""The terms of a chip's time, in the order of the members of ``Constants``."""

LEAST_CYCLES = 1.0
"""Smallest factor of the pipeline's cycles. No processor executes faster than its units accept instructions, and those limits are
in LLVM's models: a smaller factor would give a matrix product more operations a second than the chip has."""

ROUNDS = 60
NEAR = 0.02
"""Relative error below which a network weighs no more for being nearer."""


@dataclass(frozen=True)
class Fit:
    """Constants of a chip, and errors of networks that had no part in them.

    Attributes:
        constants: one a term, fitted to all networks.
        errors: network -> relative error of its modelled time, with constants fitted to the others.
        correlation: rank correlation of these modelled times and the published ones.
    """

    constants: tuple[float, ...]
    errors: Mapping[str, float]
    correlation: float

    @property
    def median_error(self) -> float:
        return float(np.median(self._sizes))

    @property
    def error(self) -> float:
        """90th percentile of the relative errors."""
        return float(np.quantile(self._sizes, 0.9))

    @property
    def worst(self) -> str:
        """The network with the largest error."""
        return max(self.errors, key=lambda network: abs(self.errors[network]))

    @property
    def speedup_error(self) -> float:
        """Median relative error of the speedups over :data:`BASELINE`."""
        return self.speedup_error_over(BASELINE)

    def speedup_error_over(self, baseline: str) -> float:
        """Median relative error of the speedups over any of the networks."""
        base = 1 + self.errors[baseline]
        others = [error for network, error in self.errors.items() if network != baseline]
        return float(np.median([abs(base / (1 + error) - 1) for error in others]))

    @property
    def ratio_error(self) -> float:
        """90th percentile of the relative error of the ratio of two networks' times, over all ordered pairs."""
        pairs = itertools.permutations(self.errors.values(), 2)
        return float(np.quantile([abs((1 + one) / (1 + other) - 1) for one, other in pairs], 0.9))

    @property
    def _sizes(self) -> list[float]:
        return [abs(error) for error in self.errors.values()]


def held_out(terms: Mapping[str, Sequence[float]], published: Mapping[str, float]) -> Fit:
    """Fit all networks together, and each of them by the others.

    Args:
        terms: network -> amounts of the terms.
        published: network -> cycles of the chip's clock that it takes.
    """
    names = list(terms)
    shares = np.array([terms[name] for name in names], float) / np.array(
        [[published[name]] for name in names]
    )
    errors = {}
    for number, name in enumerate(names):
        others = np.arange(len(names)) != number
        errors[name] = float(shares[number] @ fitted(shares[others]) - 1)
    modelled = [published[name] * (1 + errors[name]) for name in names]
    ranks = [np.argsort(np.argsort(values)) for values in (modelled, [published[name] for name in names])]
    constants = tuple(float(constant) for constant in fitted(shares))
    return Fit(constants, errors, float(np.corrcoef(ranks)[0, 1]))


def fitted(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Constants with the smallest sum of absolute relative errors: none negative, the first one at least :data:`LEAST_CYCLES`.

    Args:
        shares: (networks, terms), each row divided by the published cycles; the pipeline's cycles are the first column.
    """
    least = np.zeros(shares.shape[1])
    least[0] = LEAST_CYCLES
    rest = 1 - shares @ least
    weights = np.ones(len(shares))
    constants = least
    for _ in range(ROUNDS):  # Least squares, weighted again and again, come to least absolute errors.
        constants = least + _not_negative(shares * weights[:, None], rest * weights)
        weights = 1 / np.sqrt(np.maximum(np.abs(shares @ constants - 1), NEAR))
    return constants


def _not_negative(
    shares: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Least squares without negative factors: the best of all choices of those that may differ from 0."""
    best, smallest = np.zeros(shares.shape[1]), np.inf
    for chosen in itertools.product((False, True), repeat=shares.shape[1]):
        columns = np.flatnonzero(chosen)
        if not len(columns):
            continue
        solved = np.linalg.lstsq(shares[:, columns], wanted, rcond=None)[0]
        squares = float(((shares[:, columns] @ solved - wanted) ** 2).sum())
        if (solved >= 0).all() and squares < smallest:
            best, smallest = np.zeros(shares.shape[1]), squares
            best[columns] = solved
    return best
