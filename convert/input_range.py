"""What the arithmetic at the input of a network proves about the range of its input.

The first layers of a network often scale their input: ``y = scale * x + offset`` for each channel. That is
evidence of what ``x`` is, because the layers behind it are made for values of about one unit, or for 0..255, and
because the constants are those of well-known preprocessings. Three rules conclude; whatever they leave open is unknown,
and the user is asked:

1. A network whose input is of an integer type takes 0..255 (``raw``): every other range would lose its fractions.
   The same holds where the values are cast to integers: there they must be 0..255.
2. Where 0..1 (``unit``), or -1..1 (``tf``), and no other of ``raw``, ``unit`` and ``tf``, is turned into a known form,
   that is the range. Known forms are 0..255, 0..1, -1..1, ``torch``, ``caffe``, ``lite``; from 0..1 also -h..h. A
   network that scales nothing proves nothing, for each range is a known form itself.
3. Where values from -3 to 3, which hold all named ranges but 0..255 and its shift, would come out the same but for a
   tenth of a unit, or all on one side of zero and far from it, while 0..255 does not, the range is 0..255.

The channels must be in the order red, green, blue: a network that reverses them without the constants of ``caffe``
may have been made for pictures in either order, and constants of ImageNet in the order blue, green, red say that the
input is not RGB. Both are unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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

LEAST_SPAN = 0.1
"""Smallest span that 0..255 may be turned into for a network to see anything in it."""

SYMMETRIC = (0.25, 4.0)
"""Smallest and largest h of the known form -h..h."""

IMAGENET_BGR = (0.406, 0.456, 0.485)
"""Mean of ImageNet's pixels, 0..1, in the order blue, green, red."""


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


@dataclass(frozen=True)
class Finding:
    """What is known of a network's input range.

    Attributes:
        proven: key of :data:`mobilecnn.contract.RANGES`; None where nothing proves one.
        evidence: what was seen, as a clause about the model: ``it computes 0.0039 * input``.
        order_open: whether what was seen leaves open if the input is RGB.
    """

    proven: str | None
    evidence: str
    order_open: bool = False


def conclude(channels: Sequence[Channel], integers: bool = False) -> str | None:
    """The range that the arithmetic at the input proves; None where it proves none.

    Args:
        channels: how each channel behind the first layers depends on the input; at least one.
        integers: whether the values are cast to integers there.
    """
    order = _order(channels)
    fitting = [name for name in CONCLUDED if _becomes_known(channels, order, name, integers)]
    if integers:
        return fitting[0] if len(fitting) == 1 else None
    if len(fitting) == 1:
        return fitting[0]
    if fitting or order != "rgb" or _imagenet_in_bgr(channels):
        return None
    return "raw" if all(_only_raw(channel) for channel in channels) else None


def order_open(channels: Sequence[Channel]) -> bool:
    """Whether all the arithmetic at the input leaves open if the input is RGB."""
    if _order(channels) == "rgb":
        return _imagenet_in_bgr(channels)
    return conclude(channels) is None


def formula(channels: Sequence[Channel]) -> str:
    """The arithmetic in words: ``0.0078 * input - 1``; the channels' factors in turn where they differ."""
    scales = _numbers([channel.scale for channel in channels])
    offsets = [channel.offset for channel in channels]
    if not any(offsets):
        return f"{scales} * input"
    if all(offset <= 0 for offset in offsets):
        return f"{scales} * input - {_numbers([-offset for offset in offsets])}"
    return f"{scales} * input + {_numbers(offsets)}"


def _numbers(values: Sequence[float]) -> str:
    texts = [f"{value:.4g}" for value in values]
    return texts[0] if len(set(texts)) == 1 else f"({', '.join(texts)})"


def _order(channels: Sequence[Channel]) -> str:
    """Order of the channels behind the first layers where the input is RGB: ``rgb``, ``bgr`` or ``mixed``.

    Grey inputs, and single channels, are in order.
    """
    sources = [channel.source for channel in channels]
    if len(sources) == 1 or len(set(sources)) == 1 or sources == list(range(len(sources))):
        return "rgb"
    return "bgr" if sources == [2, 1, 0] else "mixed"


def _becomes_known(channels: Sequence[Channel], order: str, name: str, integers: bool) -> bool:
    """Whether an input in the range ``name`` is turned into a known form."""
    _, means, stds = RANGES[name]
    # From 0..255 pixels all the way: pixel * scale + offset.
    ways = [
        (channel.scale / std, channel.offset - channel.scale * mean / std)
        for channel, mean, std in zip(channels, means, stds, strict=False)
    ]
    known = ("raw",) if integers else tuple(RANGES)
    if any(_is_form(ways, channels, order, form) for form in known):
        return True
    # The shift by half a unit is the evidence: a scaled -1..1 is symmetric by itself.
    return name == "unit" and not integers and order == "rgb" and all(_is_symmetric(*way) for way in ways)


def _is_form(ways: list[tuple[float, float]], channels: Sequence[Channel], order: str, form: str) -> bool:
    color, means, stds = RANGES[form]
    differs = len(set(means)) > 1  # The form tells the channels apart.
    if differs and len(channels) != 3:
        return False
    if color != order and differs:
        return False
    if order != "rgb" and not differs:
        return False
    return all(
        abs(scale - 1 / std) * 255 <= TOLERANCE * 255 / std
        and abs(offset + mean / std) <= TOLERANCE * 255 / std
        for (scale, offset), mean, std in zip(ways, means, stds, strict=False)
    )


def _is_symmetric(scale: float, offset: float) -> bool:
    half = scale * 127.5
    return abs(offset + half) <= 2 * TOLERANCE * half and SYMMETRIC[0] <= half <= SYMMETRIC[1]


def _only_raw(channel: Channel) -> bool:
    """Whether values from -3 to 3 would mean nothing to the network, and 0..255 does."""
    scale, zero = abs(channel.scale), -channel.offset / channel.scale
    seen = 255 * scale >= LEAST_SPAN and -255 <= zero <= 2 * 255
    return seen and (2 * OTHERS * scale <= FLAT or zero > FAR)


def _imagenet_in_bgr(channels: Sequence[Channel]) -> bool:
    zeros = [-channel.offset / channel.scale for channel in channels]
    return len(zeros) == 3 and any(
        all(abs(zero / unit - mean) < 0.005 for zero, mean in zip(zeros, IMAGENET_BGR, strict=True))
        for unit in (1.0, 255.0)
    )
