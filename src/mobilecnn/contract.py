"""The input contract: what a network expects of the tensor that a picture becomes."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.records import ADDED, Open
from mobilecnn.remarks import plural

MOST_PIXELS = 1 << 26
"""Largest number of pixels of a network's input: 8192 x 8192."""

LARGEST_MEAN = 1e5
"""Largest absolute value of a mean, and of a std and its inverse, on 0..255 pixels."""


@dataclass(frozen=True)
class InputContract(Open):
    """What a network expects: ``tensor = (pixels - mean) / std``, shape (1, height, width, channels).

    Attributes:
        height: number of rows, in pixels.
        width: number of columns, in pixels.
        channels: 3, or 1 for grey.
        color: channel order: ``rgb``, ``bgr`` or ``grey``.
        mean: values subtracted from the 0..255 pixels, one for each channel.
        std: values that divide the difference, one for each channel.
        resize: rule that brings a picture to height x width. ``stretch``: the whole picture, bilinear
            with antialiasing, rows first; the aspect ratio is not kept.
        stated: False where nothing in the model states the contract and 0..1 was assumed, which older
            versions did.
        overrides: range that the model itself states or proves, where the user set it aside
            (:func:`settle`); empty otherwise.
    """

    height: int
    width: int
    channels: int
    color: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: str = "stretch"
    stated: bool = True
    overrides: str = field(default="", metadata=ADDED)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return (self.height, self.width, self.channels)

    def sized(self, height: int, width: int) -> Self:
        """The same contract at another size."""
        return replace(self, height=height, width=width)

    @property
    def range_name(self) -> str:
        """Key of :data:`RANGES`; empty where the numbers are those of none."""
        for name, (color, mean, std) in RANGES.items():
            count = self.channels
            if self.color in (color, "grey") and (self.mean, self.std) == (mean[:count], std[:count]):
                return name
        return ""

    @property
    def meaning(self) -> str:
        """The range of the input, for messages: ``raw (0..255)``."""
        if name := self.range_name:
            return f"{name} ({MEANINGS[name]})"
        return f"(pixels - {list(self.mean)}) / {list(self.std)}"

    def feeds_as(self, other: "InputContract") -> bool:
        """Whether both make the same numbers of a picture."""
        return (self.shape, self.color, self.mean, self.std) == (
            other.shape,
            other.color,
            other.mean,
            other.std,
        )

    def to_json(self) -> dict[str, Any]:
        """The contract as a JSON object."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    def check(self) -> None:
        """Refuse a contract that cannot be met.

        Raises:
            ValueError: its members contradict each other.
        """
        if min(self.shape) < 1 or self.height * self.width > MOST_PIXELS:
            raise ValueError(
                f"height x width must be from 1 to {MOST_PIXELS:,} pixels, and is {self.height} x {self.width}"
            )
        if self.channels != {"rgb": 3, "bgr": 3, "grey": 1}.get(self.color):
            raise ValueError(
                f"color must be rgb or bgr for 3 channels, or grey for 1, and is {self.color[:20]!r} for {self.channels}"
            )
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                raise ValueError(
                    f"{name} must have {plural(self.channels, 'value')}, one for each channel, and has {len(values)}"
                )
        # Beyond these, float32 keeps nothing of a picture's 256 levels.
        if not all(abs(value) <= LARGEST_MEAN for value in self.mean):
            raise ValueError(
                f"mean must be from {-LARGEST_MEAN:g} to {LARGEST_MEAN:g}, and is {list(self.mean)}"
            )
        if not all(1 / LARGEST_MEAN <= abs(value) <= LARGEST_MEAN for value in self.std):
            raise ValueError(f"std must not be 0, nor beyond {LARGEST_MEAN:g}, and is {list(self.std)}")
        if self.resize != "stretch":
            raise ValueError(f"resize must be stretch, and is {self.resize[:20]!r}")


RANGES: dict[str, tuple[str, tuple[float, float, float], tuple[float, float, float]]] = {
    "raw": ("rgb", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "unit": ("rgb", (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "tf": ("rgb", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "torch": ("rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "caffe": ("bgr", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
    "lite": ("rgb", (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)),
}
"""Input ranges: name -> (colour order, mean, std) on 0..255 pixels.

``raw`` is 0..255, for models that normalize inside; ``unit`` is 0..1; ``tf`` (-1..1),
``torch`` and ``caffe`` are the modes of that name in Keras' ``preprocess_input``; ``lite`` is
what the EfficientNet-Lite networks were trained on.
"""


_OF_COLOURS = ("torch", "caffe")
"""Ranges that tell the channels apart."""

MEANINGS: dict[str, str] = {
    "raw": "0..255",
    "unit": "0..1",
    "tf": "-1..1",
    "torch": "less ImageNet's mean, over its deviation",
    "caffe": "BGR, 0..255 less ImageNet's mean",
    "lite": "(0..255 less 127) / 128",
}
"""Input range -> what it is, for messages."""


def settle(
    known: InputContract | None,
    shape: Sequence[int],
    given: str | None,
    override: bool,
    *,
    what: str,
    because: str,
    shared: bool = False,
    possible: Collection[str] = RANGES,
) -> InputContract:
    """The contract of a model of which something may be known, and for which the user may have given a range.

    Args:
        known: contract that the model states or proves; None where it does neither.
        shape: (height, width, channels).
        given: key of :data:`RANGES` that the user gave; None without one.
        override: whether the user's range goes before the model's own.
        what: the model, for messages.
        because: what was seen of its input range, as a clause: ``it does not scale its input``.
        shared: whether the user's range is for several models, so that it is for those that say nothing.
        possible: where nothing is known, keys of :data:`RANGES` that what was seen does not exclude; none where the
            model contradicts itself.

    Raises:
        UsageError: nothing is known and nothing given, or the two contradict each other.
    """
    channels = shape[2] if len(shape) > 2 else 3
    choices = ", ".join(
        f"{name} ({meaning})"
        for name, meaning in MEANINGS.items()
        if name in possible and (channels == 3 or name not in _OF_COLOURS)
    )
    if given is None:
        if override:
            raise UsageError(
                "--override-input-range sets a model's own range aside for another: give --input-range"
            )
        if known is None:
            if not choices:
                raise UsageError(
                    f"{what} cannot be given any range: {because}. If it is right nevertheless, say with --input-range and "
                    "--override-input-range what it was trained on"
                )
            raise UsageError(
                f"{what} does not say what range its input has: {because}. Say with --input-range what it was trained "
                f"on: {choices}"
            )
        return known
    wanted = contract_for(given, shape)
    if known is None and given not in possible:
        if override:
            return replace(wanted, overrides=named(possible))
        others = f"give one that it may have ({choices})" if choices else "no range fits it"
        raise UsageError(
            f"{what} cannot be given {wanted.meaning}: {because}; {others}, or, if you know it better, add "
            "--override-input-range"
        )
    if known is None or not known.stated or known.feeds_as(wanted):
        return wanted
    if shared:
        return known
    if not override:
        raise UsageError(
            f"{what} takes {known.meaning}, because {because}, and --input-range says {wanted.meaning}: leave "
            "--input-range out, or, if the model is wrong about itself, add --override-input-range"
        )
    return replace(wanted, overrides=known.range_name or known.meaning)


def named(ranges: Collection[str]) -> str:
    """Names of ranges in one text: ``lite or tf``; of none, that there is none."""
    return " or ".join(sorted(ranges)) or "no known range"


def check_size(height: int, width: int) -> None:
    """Refuse pictures that no memory holds, before any is asked for.

    Raises:
        ModelFileError: the sides are impossible.
    """
    if min(height, width) < 1 or height * width > MOST_PIXELS:
        raise ModelFileError(
            f"the model takes {height} x {width} pixels; from 1 to {MOST_PIXELS:,} are possible: give it a smaller input"
        )


def contract_for(range_name: str, shape: Sequence[int], stated: bool = True) -> InputContract:
    """The contract of a named range at ``shape`` = (height, width, channels).

    Raises:
        UsageError: the name is not in :data:`RANGES`, or does not fit the channels.
        ModelFileError: the number of channels is neither 3 nor 1, or that of pixels impossible.
    """
    if range_name not in RANGES:
        raise UsageError(f"unknown input range {range_name!r}; choose one of {', '.join(RANGES)}")
    height, width, channels = shape
    check_size(height, width)
    color, mean, std = RANGES[range_name]
    if channels == 1:
        if range_name in _OF_COLOURS:
            raise UsageError(
                f"the input range {range_name!r} has three channels, and the model takes grey images"
            )
        return InputContract(height, width, 1, "grey", mean[:1], std[:1], stated=stated)
    if channels != 3:
        raise ModelFileError(f"the model takes {channels} channels; pictures have 3, or 1 for grey")
    return InputContract(height, width, 3, color, mean, std, stated=stated)
