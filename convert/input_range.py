"""What the arithmetic at the input of a network proves about the range of its input.

The first layers of a network often scale their input: ``y = scale * x + offset`` for each channel, all of them composed.
That is evidence of what ``x`` is, because the layers behind it are made for values of about one unit, or for 0..255, and
because the constants are those of well-known preprocessings:

1. Where 0..1 (``unit``), or -1..1 (``tf``), and no other of ``raw``, ``unit`` and ``tf``, is turned into a known form,
   that is the range. Known forms are 0..255, 0..1, -1..1, ``torch``, ``caffe``, ``lite``; from 0..255 also 0..1 as its
   256th part, from 0..1 also -h..h. A network that scales nothing proves nothing, for each range is a known form itself.
2. Where values from -3 to 3, which hold all named ranges but 0..255 and ``caffe``, would come out the same but for a
   tenth of a unit, or all on one side of zero and far from it, while 0..255 does not, the range is 0..255. ``caffe``,
   0..255 less a mean in three channels, is as wide: that it is not meant either is shown by a mean that is still to be
   subtracted from each channel, and by nothing of a factor alone, such as 1/128.
3. A range of which numbers are made that no network is made for is excluded (:func:`sensible`).

Whatever is neither proven nor excluded is unknown. The channels must be in the order red, green, blue: a network that
reverses them without the constants of ImageNet may have been made for pictures in either order; one with these
constants in the order blue, green, red takes BGR. :mod:`mobilecnn.convert.findings` has what else is seen, and what follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

from mobilecnn.contract import RANGES

CONCLUDED = ("raw", "unit", "tf")
"""Ranges that can be proven."""

TOLERANCE = 1e-3
"""Largest difference from a known form, as a share of its span: what float16 rounds, and a quarter of what ``lite``
differs from ``tf``."""

OTHERS = 3.0
"""Largest absolute value of the input in every named range but ``raw`` and ``caffe``."""

FLAT = 0.15
"""Largest span of the values that -3..3 is turned into where nothing can be told from them."""

FAR = 10.0
"""Distance from zero of the input that is turned into 0, beyond which -3..3 lies on one side of it."""

LEVELS = 256
"""Number of values of a pixel."""

LEAST_SPAN = 0.1
"""Smallest span that 0..255 may be turned into for a network to see anything in it."""

SYMMETRIC = (0.25, 4.0)
"""Smallest and largest h of the known form -h..h."""

IMAGENET = (0.485, 0.456, 0.406)
"""Mean of ImageNet's pixels, 0..1, in the order red, green, blue."""

FLATTEST = 0.02
"""Span of a channel below which a network sees nothing in a picture: five times that of 0..255 divided by 255 twice."""

LARGEST = 1e4
"""Absolute value beyond which numbers are no preprocessed pixels any more: 40 times the largest pixel."""

FARTHEST = 10.0
"""Distance of all values of a channel from zero, in their own spans, from which on they are nothing but that distance."""


@dataclass(frozen=True)
class Channel:
    """How one channel behind the first layers depends on the input: ``scale * input[source] + offset``.

    Attributes:
        source: index of the input's channel.
        scale: factor; not 0.
        offset: summand.
    """

    source: int
    scale: float
    offset: float


def conclude(channels: Sequence[Channel], integers: bool = False) -> str | None:
    """The range that the arithmetic at the input proves; None where it proves none.

    Args:
        channels: how each channel behind the first layers depends on the input; at least one.
        integers: whether the values are cast to integers there.
    """
    order = _order(channels)
    fitting = [name for name in CONCLUDED if _becomes_known(channels, order, name, integers)]
    if len(fitting) == 1:
        return fitting[0] if fitting[0] in sensible(channels) else None
    if integers or fitting or input_order(channels) != "rgb":
        return None
    colours = len({channel.source for channel in channels}) > 1
    proven = all(_only_raw(channel, colours) for channel in channels) and "raw" in sensible(channels)
    return "raw" if proven else None


def input_order(channels: Sequence[Channel]) -> Literal["rgb", "bgr", "open"]:
    """The order of the input's channels that the arithmetic shows: as it is expected, reversed, or open.

    A network that neither reverses the channels nor tells them apart is expected to take RGB, as all are.
    """
    order, constants = _order(channels), _imagenet(channels)
    if order == "mixed":
        return "open"
    if constants is not None:
        return "rgb" if constants == order else "bgr"
    if order == "rgb" or any(_becomes_known(channels, order, name, False) for name in CONCLUDED):
        return "rgb"
    return "open"


def spans(channels: Sequence[Channel], name: str) -> list[tuple[float, float]]:
    """Smallest and largest value of each channel behind the first layers, where the input is in the range ``name``."""
    _, means, stds = RANGES[name]
    ends = []
    for channel in channels:
        index = channel.source % len(means)
        values = [
            channel.scale * (pixel - means[index]) / stds[index] + channel.offset for pixel in (0.0, 255.0)
        ]
        ends.append((min(values), max(values)))
    return ends


def sensible(channels: Sequence[Channel]) -> frozenset[str]:
    """The ranges of which the arithmetic makes numbers that a network may be made for."""
    return frozenset(
        name
        for name in RANGES
        if all(
            high - low >= FLATTEST
            and max(-low, high) <= LARGEST
            and max(low, -high) <= FARTHEST * (high - low)
            for low, high in spans(channels, name)
        )
    )


def formula(channels: Sequence[Channel]) -> str:
    """The arithmetic in words: ``0.0078 * input - 1``; the channels' factors in turn where they differ."""
    scales = _numbers([channel.scale for channel in channels])
    offsets = [channel.offset for channel in channels]
    scaled = "input" if scales == "1" else f"{scales} * input"
    if not any(offsets):
        return scaled
    if all(offset <= 0 for offset in offsets):
        return f"{scaled} - {_numbers([-offset for offset in offsets])}"
    return f"{scaled} + {_numbers(offsets)}"


def _numbers(values: Sequence[float]) -> str:
    texts = [f"{value + 0.0:.4g}" for value in values]  # -0.0 + 0.0 is 0.0.
    return texts[0] if len(set(texts)) == 1 else f"({', '.join(texts)})"


def _order(channels: Sequence[Channel]) -> str:
    """Order of the channels behind the first layers where the input is RGB: ``rgb``, ``bgr`` or ``mixed``.

    Grey inputs, and parts of the channels, are in order.
    """
    sources = [channel.source for channel in channels]
    copies = len(sources) // 3
    if sources == [2, 1, 0] * copies:
        return "bgr"
    ascending = sources == sorted(set(sources)) or len(set(sources)) == 1
    return "rgb" if ascending or sources == [0, 1, 2] * copies else "mixed"


def _becomes_known(channels: Sequence[Channel], order: str, name: str, integers: bool) -> bool:
    """Whether an input in the range ``name`` is turned into a known form."""
    _, (mean, *_), (std, *_) = RANGES[name]  # The same for each channel, of those that are concluded.
    # From 0..255 pixels all the way: pixel * scale + offset.
    ways = [(channel.scale / std, channel.offset - channel.scale * mean / std) for channel in channels]
    known = ("raw",) if integers else tuple(RANGES)
    if any(_is_form(ways, order, form) for form in known):
        return True
    if name == "raw" and not integers and order == "rgb":  # 0..1 of those who divide by the number of levels.
        return all(
            abs(scale * LEVELS - 1) <= TOLERANCE and abs(offset) <= TOLERANCE for scale, offset in ways
        )
    # The shift by half a unit is the evidence: a scaled -1..1 is symmetric by itself.
    return name == "unit" and not integers and order == "rgb" and all(_is_symmetric(*way) for way in ways)


def _is_form(ways: list[tuple[float, float]], order: str, form: str) -> bool:
    color, means, stds = RANGES[form]
    differs = len(set(means)) > 1  # The form tells the channels apart.
    if differs and (len(ways) % 3 or color != order):
        return False
    if order != "rgb" and not differs:
        return False
    return all(
        abs(scale - 1 / std) * 255 <= TOLERANCE * 255 / std
        and abs(offset + mean / std) <= TOLERANCE * 255 / std
        for (scale, offset), mean, std in zip(ways, cycle(means), cycle(stds), strict=False)
    )


def _is_symmetric(scale: float, offset: float) -> bool:
    half = scale * 127.5
    return abs(offset + half) <= 2 * TOLERANCE * half and SYMMETRIC[0] <= half <= SYMMETRIC[1]


def _only_raw(channel: Channel, colours: bool) -> bool:
    """Whether values from -3 to 3 would mean nothing to the network, nor, in ``colours``, ``caffe``, and 0..255 does."""
    scale, zero = abs(channel.scale), -channel.offset / channel.scale
    seen = 255 * scale >= LEAST_SPAN and -255 <= zero <= 2 * 255
    return seen and (zero > FAR or (2 * OTHERS * scale <= FLAT and not colours))


def _imagenet(channels: Sequence[Channel]) -> str | None:
    """``rgb`` or ``bgr`` where zeros are the means of ImageNet's channels in that order, else None."""
    zeros = [-channel.offset / channel.scale for channel in channels]
    return imagenet_order(zeros) if len({channel.source for channel in channels}) == 3 else None


def imagenet_order(means: Sequence[float]) -> str | None:
    """``rgb`` or ``bgr`` where these are the means of ImageNet's channels in that order, of 0..1 or 0..255; else None."""
    for name, imagenet in (("rgb", IMAGENET), ("bgr", IMAGENET[::-1])):
        for unit in (1.0, 255.0):
            near = [abs(mean / unit - its) < 0.005 for mean, its in zip(means, cycle(imagenet), strict=False)]
            if len(means) % 3 == 0 and all(near):
                return name
    return None
