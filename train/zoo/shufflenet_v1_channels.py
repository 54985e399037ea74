"""ShuffleNet V1's tables and channel counts, without Keras: a width is checked before anything is built."""

from dataclasses import dataclass
from fractions import Fraction

from mobilecnn.errors import ModelNameError

STAGE2 = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
"""Groups -> output channels of Stage 2 at 1x, doubled by each later stage (arXiv 1707.01083v2, Table 1)."""

UNITS = (
    4,  # Stage 2: 56 -> 28 at 224x224, after the stem and its max pool
    8,  # Stage 3: 28 -> 14
    4,  # Stage 4: 14 -> 7
)
"""Number of units in the stages; the first of each has stride 2 (Table 1)."""


@dataclass(frozen=True)
class Reshaped:
    """A network of a different depth, whose channels no source states.

    Attributes:
        width: width multiplier of the published network with the same stem; no other is taken.
        groups: number of groups; no other is taken.
        stage2: output channels of Stage 2, doubled by each later stage.
        units: number of units in the stages, as in :data:`UNITS`.
    """

    width: float
    groups: int
    stage2: int
    units: tuple[int, int, int]


RESHAPED = {
    "_shallow": Reshaped(0.5, 3, 174, (2, 4, 2)),
    "_arch2": Reshaped(0.5, 8, 200, (4, 6, 4)),
}
"""Suffix of the name -> network.

"shallow" has half of the units, 26 layers (section 4.3), and 40 million multiply-adds (Table
5). Of all numbers of channels that 3 groups can share, 174 comes closest to that (39.6); 120,
as at 0.5x, would give 21.6.

"arch2" is in the first version of the paper only (arXiv 1707.01083v1): it lacks two units of
Stage 3, and every feature map is wider, so that the complexity is the same. 0.5x with 8 groups
has 192 channels and 40.5 million multiply-adds; 200, the next number that 8 groups can share,
gives 40.7, and 208 gives 42.3. (The public example of tensorpack has 224, 416 and 832 channels
in the three stages, and 43.0 million.)
"""

STEM = (
    # width, channels, channels at 8 groups
    (Fraction("0.25"), 12, 8),
    (Fraction("0.5"), 12, 16),
    (Fraction(1), 24, 24),
    (Fraction("1.5"), 24, 24),
    (Fraction(2), 48, 48),
)
"""Channels of the first convolution.

1x is the paper's Table 1; 0.5x, 1.5x and 2x are the authors' public networks
(megvii-model/ShuffleNet-Series), which have the multiply-adds of the paper's Tables 2 and
5. No source states the stem of 0.25x: 12 (8 at 8 groups) is the choice that
gives the paper's 13 million multiply-adds.
"""

STEP = Fraction(1, 10_000)
"""Step between width multipliers, which have at most four decimals."""


@dataclass(frozen=True)
class Channels:
    """Output channels.

    Attributes:
        stem: output channels of the first convolution.
        stages: output channels of Stages 2, 3 and 4.
        bottlenecks: channels of the 1x1 and 3x3 convolutions inside the units of each stage.
    """

    stem: int
    stages: tuple[int, int, int]
    bottlenecks: tuple[int, int, int]


def units(variant: str) -> tuple[int, int, int]:
    """The number of units in Stages 2, 3 and 4."""
    return RESHAPED[variant].units if variant in RESHAPED else UNITS


def channels(width: float, groups: int, variant: str = "") -> Channels:
    """The channels at ``width`` times the paper's 1x, or of a network of :data:`RESHAPED`.

    A bottleneck has a quarter of its unit's output channels, rounded up to a multiple of
    the groups (the paper does not say what happens if the division has a remainder). Between
    the widths of :data:`STEM` the stem is that of the next smaller one, below them the smallest.

    Raises:
        ModelNameError: the number of groups is unknown, the groups cannot share the channels (the
            message gives the nearest widths that work), or a reshaped network does not exist at
            this width and number of groups.
    """
    reshaped = RESHAPED.get(variant)
    if reshaped and (width, groups) != (reshaped.width, reshaped.groups):
        raise ModelNameError(
            f"ShuffleNet V1 with {variant} is published only at x{reshaped.width} with {reshaped.groups} groups"
        )
    if groups not in STAGE2:
        known = ", ".join(str(count) for count in STAGE2)
        raise ModelNameError(f"ShuffleNet V1 has no network with {groups} groups; choose from {known}")
    exact = Fraction(str(width))
    if reason := _refusal(exact, groups):
        near = " or ".join(f"x{float(value)}" for value in _nearest(exact, groups))
        raise ModelNameError(
            f"ShuffleNet V1 cannot be built at x{width} with {groups} groups: {reason}; use {near}"
        )
    first = reshaped.stage2 if reshaped else int(STAGE2[groups] * exact)
    stages = (first, 2 * first, 4 * first)
    quarters = [-(-(out // 4) // groups) * groups for out in stages]
    return Channels(_stem(exact, groups), stages, (quarters[0], quarters[1], quarters[2]))


def _stem(width: Fraction, groups: int) -> int:
    _, plain, at_eight = max((row for row in STEM if row[0] <= width), default=STEM[0])
    return at_eight if groups == 8 else plain


def _refusal(width: Fraction, groups: int) -> str:
    """Why ``width`` cannot be built, or an empty string."""
    out = STAGE2[groups] * width
    if out.denominator != 1:
        return f"Stage 2 would have {STAGE2[groups]} x {float(width)} = {float(out):g} channels, not a whole number"
    if out % groups:
        return f"Stage 2 would have {out} channels, which {groups} groups cannot share equally"
    # The residual branch of a stride-2 unit has the output channels that the shortcut does not have.
    if out <= (stem := _stem(width, groups)):
        return f"Stage 2 would have {out} channels, not more than the {stem} that its shortcut brings"
    return ""


def _nearest(width: Fraction, groups: int) -> list[Fraction]:
    """The nearest widths below and above that can be built."""
    start = int(width / STEP)
    # Every whole number is a valid width, so that the search upwards ends.
    above = start + 1
    while _refusal(above * STEP, groups):
        above += 1
    below = next((n for n in range(start - 1, 0, -1) if not _refusal(n * STEP, groups)), None)
    return [n * STEP for n in (below, above) if n is not None]
