"""ShuffleNet V1's channel counts, without Keras: a width is judged before anything is built."""

from dataclasses import dataclass
from fractions import Fraction

from mobilecnn.errors import ModelNameError

STAGE2 = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
"""Groups -> output channels of Stage 2 at 1x, doubled by each later stage (arXiv 1707.01083v2, Table 1)."""

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
(megvii-model/ShuffleNet-Series), and with them the multiply-adds of the paper's Tables 2
and 5 come out. No source states the stem of 0.25x: 12 (8 at 8 groups) is the choice that
gives the paper's 13 million multiply-adds.
"""

STEP = Fraction(1, 10_000)
"""Widths are written with at most four decimals."""


@dataclass(frozen=True)
class Channels:
    """Output channels.

    Attributes:
        stem: of the first convolution.
        stages: of Stages 2, 3 and 4.
        bottlenecks: of the 1x1 and 3x3 convolutions inside the units of each stage.
    """

    stem: int
    stages: tuple[int, int, int]
    bottlenecks: tuple[int, int, int]


def channels(width: float, groups: int) -> Channels:
    """The channels at ``width`` times the paper's 1x.

    A bottleneck has a quarter of its unit's output channels, rounded up to a multiple of
    the groups (the paper is silent where it does not come out even). Between the widths
    of :data:`STEM` the stem is that of the next smaller one, below them the smallest.

    Raises:
        ModelNameError: unknown groups, or channels that the groups cannot share; names
            the nearest widths that work.
    """
    if groups not in STAGE2:
        known = ", ".join(str(count) for count in STAGE2)
        raise ModelNameError(f"ShuffleNet V1 has no network with {groups} groups; choose from {known}")
    exact = Fraction(str(width))
    if reason := _refusal(exact, groups):
        near = " or ".join(f"x{float(value)}" for value in _nearest(exact, groups))
        raise ModelNameError(
            f"ShuffleNet V1 cannot be built at x{width} with {groups} groups: {reason}; use {near}"
        )
    first = int(STAGE2[groups] * exact)
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
    # The stride-2 unit's residual branch yields what the concatenated shortcut does not.
    if out <= (stem := _stem(width, groups)):
        return f"Stage 2 would have {out} channels, not more than the {stem} that its shortcut brings"
    return ""


def _nearest(width: Fraction, groups: int) -> list[Fraction]:
    """The nearest widths below and above that can be built."""
    start = int(width / STEP)
    # Every whole number is a valid width, so the search upwards ends.
    above = start + 1
    while _refusal(above * STEP, groups):
        above += 1
    below = next((n for n in range(start - 1, 0, -1) if not _refusal(n * STEP, groups)), None)
    return [n * STEP for n in (below, above) if n is not None]
