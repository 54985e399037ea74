"""How far images are from those of the training: by what the first batch normalizations of a network remember of these, or by
what its file keeps of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from mobilecnn.train.input_statistics import InputStatistics

Numbers = npt.NDArray[np.float64]

UNSETTLED = 0.95
"""Largest share of its initial values, mean 0 and variance 1, that a short training may have left in a batch normalization.
No variance can be smaller than this share, which bounds it."""

STEPS = 20
"""Number of such shares that are tried."""


def distance(layers: Sequence[Mapping[str, Sequence[float]]]) -> float | None:
    """How far the inputs of batch normalizations are from what these remember; None without any.

    For each channel it is Jeffreys' divergence of two normal distributions, the observed one and the remembered one (H.
    Jeffreys, "An invariant form for the prior probability in estimation problems", Proceedings of the Royal Society A 186,
    1946): 0 where they are the same, 0.25 where one variance is twice the other, 1.1 where it is four times the other, and
    about the square of the distance of the means in standard deviations. Of the channels of a layer the median counts, and of
    the layers the first, whose inputs nothing has clipped.

    A batch normalization is a moving average that begins at mean 0 and variance 1. What a short training may have left of
    these is allowed for: the share of them that suits the layer best.

    Args:
        layers: what :func:`mobilecnn.convert.batch_statistics.statistics` gives.
    """
    if not layers:
        return None
    mean, variance, observed_mean, observed_variance = (
        np.asarray(layers[0][name], np.float64)
        for name in ("mean", "variance", "observed_mean", "observed_variance")
    )
    most = min(UNSETTLED, float(variance.min()))
    return min(
        _divergence(mean, variance, (1 - share) * observed_mean, share + (1 - share) * observed_variance)
        for share in np.linspace(0, most, STEPS)
    )


LEAST_VARIANCE = 1e-6
"""Smallest share of the input's mean square that a variance is taken for: a channel that is the same everywhere has none."""


def input_distance(remembered: InputStatistics, observed: InputStatistics) -> float | None:
    """How far inputs are from those that a model's file keeps the statistics of; None for those of another shape.

    It is Jeffreys' divergence, as in :func:`distance`, of the values or of the steps between neighbours, whichever is
    larger: another range moves both, and noise, whose values may be spread as those of pictures, the steps.
    """
    shapes = {(each.height, each.width, len(each.mean)) for each in (remembered, observed)}
    if len(shapes) > 1:
        return None
    mean, other_mean = np.asarray(remembered.mean), np.asarray(observed.mean)
    rows = [np.asarray(each.variance) for each in (remembered, observed)]
    steps = [np.asarray(each.step_variance) for each in (remembered, observed)]
    least = LEAST_VARIANCE * float(np.max(mean**2 + rows[0])) or LEAST_VARIANCE
    still = np.zeros(len(mean))
    return max(
        _divergence(mean, rows[0] + least, other_mean, rows[1] + least),
        _divergence(still, steps[0] + least, still, steps[1] + least),
    )


def _divergence(mean: Numbers, variance: Numbers, other_mean: Numbers, other_variance: Numbers) -> float:
    ratio, apart = other_variance / variance, (other_mean - mean) ** 2
    return float(np.median((ratio + 1 / ratio - 2 + apart * (1 / variance + 1 / other_variance)) / 2))
