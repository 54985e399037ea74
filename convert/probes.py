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
    """How each channel of ``values``, the last axis behind three others, depends on the input.

    Args:
        values: what the probes have become, (probes, ..., channels); grey without an axis of channels,
            (probes, height, width).

    Raises:
        MixedError: they are not of one colour, or not ``scale * x + offset`` of one channel of the input.
    """
    count = len(values) - 3  # Channels of the input: see colors.
    deep = values.shape[-1] if values.ndim > 3 else 1
    flat = values.astype(np.float64).reshape(len(values), -1, deep)
    means = flat.mean(axis=1)
    span = np.ptp(means, axis=0)
    if not np.isfinite(flat).all():
        raise MixedError("makes numbers of it that are not finite", nothing=True)
    if (np.ptp(flat, axis=1) > ACCURACY * span).any():
        raise MixedError("does more than scale it")
    if not span.any():
        raise MixedError("makes the same numbers of all pictures", nothing=True)
    if not span.all():
        raise MixedError("does more than scale it")
    scales = (means[1 : count + 1] - means[0]) / 255.0  # (channels of the input, channels here)
    inputs = np.stack([np.full(count, 100.0), np.linspace(200.0, 40.0, count)])
    if (np.abs(inputs @ scales + means[0] - means[-2:]) > ACCURACY * span).any():
        raise MixedError("does more than scale it")
    channels = []
    for index in range(deep):
        column = scales[:, index]
        source = int(np.abs(column).argmax())
        if (np.delete(np.abs(column), source) > ACCURACY * abs(column[source])).any():
            raise MixedError("mixes its channels")
        channels.append(Channel(source, _plain(column[source]), _plain(means[0, index])))
    return tuple(channels)


def _plain(value: float) -> float:
    """A factor or summand without the rounding of float32."""
    return float(f"{value:.6g}") + 0.0
