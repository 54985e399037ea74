"""Pictures of one colour that go through the beginning of a network, and what they tell when they come out.

What has become of them is the composition of all that was done to them, however it was written.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.input_range import Channel

Values = npt.NDArray[np.float32]

ACCURACY = 1e-3
"""Largest deviation from ``scale * x + offset``, as a share of the span: float16 rounds so far."""

LARGEST_AXIS = 64
"""Largest number of channels in the last axis of less than two axes of places."""


ALIKE = "makes the same numbers of all pictures"
"""Clause about what has lost the picture: a branch that ends so says nothing of the range of the input."""


class MixedError(Exception):
    """The probes have become something else than ``scale * x + offset`` of one channel of the input each.

    Attributes:
        nothing: whether nothing of a picture is left.
    """

    def __init__(self, does: str, nothing: bool = False) -> None:
        """``does`` is what is done to the input, as the rest of a clause: ``does more than scale it``."""
        super().__init__(does)
        self.nothing = nothing


def colors(channels: int) -> npt.NDArray[np.float32]:
    """The probes as colours, (probes, channels).

    First 0, then 255 in each channel alone, then two that show whether what is done is linear.
    """
    rows = [np.zeros(channels), *(255.0 * np.eye(channels)), np.full(channels, 100.0)]
    rows.append(np.linspace(200.0, 40.0, channels))
    return np.asarray(rows, np.float32)


def pictures(shape: Sequence[int]) -> Values:
    """The probes as pictures of ``shape`` = (height, width, channels): (probes, height, width, channels)."""
    height, width, channels = shape
    rows = colors(channels)
    return np.ascontiguousarray(np.broadcast_to(rows[:, None, None, :], (len(rows), height, width, channels)))


def channels_of(values: Values) -> tuple[Channel, ...]:
    """How each channel of ``values`` depends on the input.

    The channels are an axis of ``values``, the last where it may be, or lie flat, pixel by pixel or one behind the other.
    What averages the input's channels, as grey pictures do, is given once for each of them, with the sum of the factors.

    Args:
        values: what the probes have become, (probes, ...).

    Raises:
        MixedError: they are not of one colour, or not ``scale * x + offset`` of one channel of the input, or their average.
    """
    count = len(values) - 3  # Channels of the input: see colors.
    if not np.isfinite(values).all():
        raise MixedError("makes numbers of it that are not finite", nothing=True)
    flat = _by_channel(values.astype(np.float64), count)
    means = flat.mean(axis=1)
    span = np.ptp(means, axis=0)
    if not span.any():
        raise MixedError(ALIKE, nothing=True)
    if not span.all():
        raise MixedError("does more than scale it")
    scales = (means[1 : count + 1] - means[0]) / 255.0  # (channels of the input, channels here)
    inputs = np.stack([np.full(count, 100.0), np.linspace(200.0, 40.0, count)])
    if (np.abs(inputs @ scales + means[0] - means[-2:]) > ACCURACY * span).any():
        raise MixedError("does more than scale it")
    mixed = [_sources(column) for column in scales.T]
    if len({tuple(sources) for sources in mixed}) > 1 and any(len(sources) > 1 for sources in mixed):
        raise MixedError("mixes its channels")
    return tuple(
        Channel(source, _plain(column[sources].sum()), _plain(offset))
        for sources, column, offset in zip(mixed, scales.T, means[0], strict=True)
        for source in sources
    )


def _sources(column: npt.NDArray[np.float64]) -> list[int]:
    """The channels of the input that one channel depends on, by its factors.

    Raises:
        MixedError: it is no average of them: some are added and others subtracted.
    """
    sources = np.flatnonzero(np.abs(column) > ACCURACY * np.abs(column).max())
    if len(set(np.sign(column[sources]))) > 1:
        raise MixedError("mixes its channels")
    return [int(source) for source in sources]


def _by_channel(values: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """``values`` as (probes, places, channels), the same in all places.

    Raises:
        MixedError: they are not.
    """
    flat = values.reshape(len(values), -1)
    deeps = [*([values.shape[-1]] if values.ndim > 3 else []), 1, count]
    ways = [flat.reshape(len(flat), -1, deep) for deep in deeps if flat.shape[1] % deep == 0]
    ways += [
        np.moveaxis(values, axis, -1).reshape(len(flat), -1, count)
        for axis in range(1, values.ndim - 1)
        if values.shape[axis] == count
    ]
    if flat.shape[1] % count == 0:
        ways.append(flat.reshape(len(flat), count, -1).swapaxes(1, 2))
    if values.ndim < 4 and values.shape[-1] <= LARGEST_AXIS:
        ways.append(flat.reshape(len(flat), -1, values.shape[-1]))
    for way in ways:
        if (np.ptp(way, axis=1) <= ACCURACY * np.ptp(way.mean(axis=1), axis=0)).all():
            return way
    raise MixedError("does more than scale it")


def _plain(value: float) -> float:
    """A factor or summand without the rounding of float32."""
    return float(f"{value:.6g}") + 0.0
