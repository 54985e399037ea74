"""Limits that modelled ARM time misses: those that are known, with the section that explains each, and new ones."""

from collections.abc import Mapping
from dataclasses import dataclass

_FITTED = "docs/arm_model.md, 'Where the limits are missed'"
_LITERT = "docs/arm_model.md, 'Another runtime, nothing fitted'"

KNOWN = {
    ("pi3", "median_error"): _FITTED,
    ("rk3399", "median_error"): _FITTED,
    ("rk3399", "speedup_error"): _FITTED,
    ("sd810", "speedup_error"): _FITTED,
    ("pi5", "efficientdet_lite0.float32"): _LITERT,
    ("pi5", "efficientdet_lite0.int8"): _LITERT,
}
"""Chip, and figure of its fit or network of LiteRT's -> where it is explained that its limit is missed."""


@dataclass(frozen=True)
class Figure:
    """An error, and its limit.

    Attributes:
        chip: name of the chip.
        what: figure of a fit, or network and format that LiteRT ran.
        error: relative error.
        limit: largest size of it that passes.
    """

    chip: str
    what: str
    error: float
    limit: float

    @property
    def missed(self) -> bool:
        """Whether the limit is missed."""
        return abs(self.error) > self.limit


def told(figures: list[Figure], known: Mapping[tuple[str, str], str] = KNOWN) -> tuple[list[str], bool]:
    """A line for each figure that misses its limit, and for each that is known to and does not.

    Returns:
        The lines, and whether one is missed that is not known.
    """
    lines, new = [], False
    for figure in figures:
        where = known.get((figure.chip, figure.what))
        if figure.missed:
            new |= where is None
            lines.append(
                f"{'known miss' if where else 'NEW MISS'}: {figure.chip} {figure.what} {figure.error:+.1%}, limit "
                f"{figure.limit:.0%}" + (f" ({where})" if where else "")
            )
        elif where is not None:
            lines.append(
                f"no longer missed: {figure.chip} {figure.what}; take it from KNOWN of arm_misses.py and from {where}"
            )
    return lines, new
