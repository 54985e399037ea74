"""What is found out about a network's input range: by its arithmetic, casts, quantization; and what all of that says.

:mod:`mobilecnn.convert.preprocessing` and :mod:`mobilecnn.convert.file_preprocessing` follow a network from its input, and
make a finding wherever something tells of the range. A finding proves a range, or excludes some, which the user
may then not say:

1. A network whose input is of an integer type takes 0..255: every other range would lose its fractions. The same holds
   where values are cast to integers: there they must be 0..255, and a range of which that cuts values off or leaves a few
   is excluded (:func:`cast`).
2. A tensor whose quantization holds exactly the values of one range proves it, and excludes those that it does not hold
   (:func:`quantized`).
3. The arithmetic in front of the network proper proves and excludes as :mod:`mobilecnn.convert.input_range` says
   (:func:`judged`).

Where findings exclude each other, or one of them all ranges, the network contradicts itself (:func:`together`).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from mobilecnn.contract import RANGES, InputContract, contract_for, named, settle
from mobilecnn.convert.input_range import (
    LARGEST,
    TOLERANCE,
    Channel,
    conclude,
    formula,
    input_order,
    sensible,
    spans,
)
from mobilecnn.convert.probes import ALIKE
from mobilecnn.errors import UsageError

ALL = frozenset(RANGES)
"""The ranges that may be meant where nothing is known."""

LEVELS = 100
"""Smallest number of different whole numbers that a cast must leave of a range; pixels have 256."""

WHOLE = "whole numbers"
"""What values are cast to that are rounded and keep their type."""

_INTEGERS = frozenset(["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])

HELD = 0.75
"""Smallest share of a range that a quantized tensor must hold, if it holds no range better."""

STEPS = 0.05
"""Smallest share of a quantized tensor's span that a range must fill, if no range fills it better: 12 of 256 levels."""

SAME = 0.01
"""Largest difference between two contracts, as a share of the span, that the rounding of a quantized input explains:
``lite`` is 0.004 from ``tf``."""


@dataclass(frozen=True)
class Finding:
    """What is known of a network's input range.

    Attributes:
        proven: key of :data:`mobilecnn.contract.RANGES`; None where nothing proves one.
        evidence: what was seen, as a clause about the model: ``it computes 0.0039 * input``.
        order_open: whether what was seen leaves open if the input is RGB.
        possible: keys of :data:`mobilecnn.contract.RANGES` that what was seen does not exclude; none where the
            model contradicts itself.
    """

    proven: str | None
    evidence: str
    order_open: bool = False
    possible: frozenset[str] = ALL

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return {**asdict(self), "possible": sorted(self.possible)}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> Self:
        """The finding of :meth:`to_json`."""
        return cls(**{**members, "possible": frozenset(members["possible"])})


def judged(channels: Sequence[Channel], follows: str) -> Finding:
    """What the arithmetic in front of the network proper proves, ``follows`` being what comes after."""
    possible, order = sensible(channels), input_order(channels)
    does = (
        "does not change the range of its input" if _as_it_is(channels) else f"computes {formula(channels)}"
    )
    if order == "open":
        evidence = f"it {does} and takes its channels in another order, which leaves open whether it is RGB ({follows})"
        return Finding(None, evidence, True, possible)
    if order == "bgr":
        evidence = (
            f"it {does} with ImageNet's means in the order blue, green, red, so that its input is BGR ({follows}); save it "
            "with an operation before it that reverses the channels: image[..., ::-1]"
        )
        return Finding(None, evidence, possible=frozenset())
    if not possible:
        evidence = f"it {does}, which leaves nothing usable of any input range ({follows})"
        return Finding(None, evidence, possible=possible)
    return Finding(conclude(channels), f"it {does} ({follows})", possible=possible)


def _as_it_is(channels: Sequence[Channel]) -> bool:
    return all((channel.scale, channel.offset) == (1.0, 0.0) for channel in channels)


def _object(channels: Sequence[Channel]) -> str:
    return "its input" if _as_it_is(channels) else formula(channels)


def cast(channels: Sequence[Channel], dtype: str) -> Finding:
    """What a cast of the values to ``dtype``, of whole numbers or narrower than float16, proves and excludes."""
    least, most = _limits(dtype)
    possible = frozenset(
        name
        for name in RANGES
        if all(
            least - 0.5 <= low and high <= most + 0.5 and high - low >= LEVELS
            for low, high in spans(channels, name)
        )
    )
    proven = conclude(channels, integers=True)
    if proven not in possible:
        proven = None
    evidence = f"it casts {_object(channels)} to {dtype}"
    if not possible:
        evidence += ", which destroys the pixels of every input range"
    return Finding(proven, evidence, possible=possible if proven is None else frozenset([proven]))


def bounded(channels: Sequence[Channel], name: str, run: Callable[[Any], Any]) -> list[Finding]:
    """What an operation tells that bounds values: a range of which it cuts off a part is excluded.

    Args:
        channels: how each channel in front of it depends on the input.
        name: what it is called.
        run: gives for values, (n,), what it makes of them, (n, ...).
    """
    kept = set()
    for meant in RANGES:
        ends = spans(channels, meant)
        given = np.linspace(
            min(low for low, _ in ends), max(high for _, high in ends), LEVELS, dtype=np.float32
        )
        moved = np.abs(run(given) - given[:, None]) > SAME * np.ptp(given)
        if moved.any(axis=1).mean() <= 1 - HELD:
            kept.add(meant)
    if not kept or kept == ALL:
        return []
    return [Finding(None, f"{name} cuts off a part of {_object(channels)}", possible=frozenset(kept))]


def quantized(
    channels: Sequence[Channel], dtype: str, scale: float, zero_point: int, measured: bool = False
) -> Finding:
    """What the quantization of a tensor proves and excludes that holds the values.

    Args:
        channels: how each channel of the tensor depends on the input.
        dtype: its numpy-style type, an integer.
        scale: its scale; positive.
        zero_point: its zero point.
        measured: whether its extremes were measured on pictures, which may fill less than their range, so that only
            a range within which these do not lie is excluded.
    """
    least, most = _limits(dtype)
    low, high = (least - zero_point) * scale, (most - zero_point) * scale
    span, signed = high - low, zero_point == 0 and least < 0
    # What is quantized holds zero, so that this belongs to the values of each range.
    hulls = {
        name: (min(0.0, *(end[0] for end in ends)), max(0.0, *(end[1] for end in ends)))
        for name in RANGES
        for ends in [spans(channels, name)]
    }
    evidence = f"it quantizes {_object(channels)} to {dtype} for values from {low:.4g} to {high:.4g}"
    if measured:
        slack = 0.02 * span + scale
        within = {
            name
            for name, (start, end) in hulls.items()
            if high <= max(end, -start if signed else 0.0) + slack and (signed or low >= start - slack)
        }
        return Finding(None, evidence, possible=frozenset(within))
    exact, fitting, rest = set(), set(), set()
    for name, (start, end) in hulls.items():
        width, largest = end - start, max(-start, end)
        half = 0.51 * scale  # The zero point is rounded.
        if (abs(width - span) <= TOLERANCE * span and abs(start - low) <= half + TOLERANCE * span) or (
            signed and abs(largest - high) <= TOLERANCE * high
        ):
            exact.add(name)
        if (start - 0.02 * width <= low and high <= end + 0.02 * width and span >= 0.6 * width) or (
            signed and 0.6 * largest <= high <= 1.02 * largest
        ):
            fitting.add(name)
        if min(end, high) - max(start, low) >= HELD * width and width >= STEPS * span:
            rest.add(name)
    possible = frozenset(exact or fitting or rest)
    if not possible:
        evidence += ", which fits no input range"
    # The extremes of three channels together do not tell in which order these are.
    even = [name for name in exact if len(set(RANGES[name][1])) == 1]
    proven = even[0] if len(exact) == 1 and even else None
    return Finding(proven, evidence, possible=possible)


def together(findings: Sequence[Finding]) -> Finding:
    """One finding of several about the same input; at least one.

    A branch that makes the same of all pictures excludes every range by itself, and none beside others.
    """
    findings = [finding for finding in findings if ALIKE not in finding.evidence] or findings
    possible = ALL.intersection(*(finding.possible for finding in findings))
    proofs = {finding.proven: finding for finding in findings if finding.proven is not None}
    for finding in findings:
        if not finding.possible:
            return finding
    if len(proofs) > 1 or not possible.issuperset(proofs) or not possible:
        against = [*proofs.values(), *(finding for finding in findings if finding.possible != ALL)]
        seen = dict.fromkeys(finding.evidence for finding in against)
        return Finding(None, f"it contradicts itself: {', and '.join(seen)}", possible=frozenset())
    for finding in findings:
        if finding.order_open:
            return Finding(None, finding.evidence, True, possible)
    if proofs:
        ((name, proof),) = proofs.items()
        return Finding(name, proof.evidence, possible=frozenset([name]))
    telling = [finding for finding in findings if finding.possible != ALL]
    return Finding(None, (*telling, *findings)[0].evidence, possible=possible)


def contract_of(
    finding: Finding,
    stated: InputContract | None,
    by: str,
    shape: Sequence[int],
    given: str | None,
    override: bool,
    *,
    what: str,
    shared: bool,
) -> InputContract:
    """The input contract of a model, by what it proves, what is stated of it, and what the user says.

    Args:
        finding: what the model proves.
        stated: contract that the model, or what comes with it, states; None without one.
        by: what states it, for messages: ``the file``.
        shape: (height, width, channels).
        given: key of :data:`mobilecnn.contract.RANGES` that the user gave; None without one.
        override: whether the user's range goes before the model's own.
        what: the model, for messages.
        shared: whether the user's range is for several models, and so for those that say nothing.

    Raises:
        UsageError: nothing is known and nothing given, or two of the three contradict each other.
    """
    if stated is None:
        known = None if finding.proven is None else contract_for(finding.proven, shape)
        return settle(
            known, shape, given, override,
            what=what, because=finding.evidence, shared=shared, possible=finding.possible,
        )  # fmt: skip
    stated = stated.sized(shape[0], shape[1])
    found = None if finding.proven is None else contract_for(finding.proven, shape)
    against = contradicts(finding, stated)
    if against and not (override and given is not None):
        takes = f"takes {found.meaning}" if found else "excludes that"
        raise UsageError(
            f"{what} contradicts itself: {by} says that it takes {stated.meaning}, and {finding.evidence}, which {takes}; "
            "say which with --input-range and --override-input-range"
        )
    contract = settle(stated, shape, given, override, what=what, because=f"{by} says so", shared=shared)
    if against and not contract.overrides:
        return replace(contract, overrides=named(finding.possible))
    return contract


def contradicts(finding: Finding, stated: InputContract) -> bool:
    """Whether a model proves that another contract than the stated one is right, or excludes that one."""
    if finding.proven is not None:
        return differ(stated, contract_for(finding.proven, stated.shape))
    return not finding.possible or stated.range_name not in {"", *finding.possible}


def differ(one: InputContract, other: InputContract, share: float = SAME) -> bool:
    """Whether two contracts make other numbers of pixels, by more than ``share`` of the span of the second."""
    if one.color != other.color:
        return True
    for mean, std, its_mean, its_std in zip(one.mean, one.std, other.mean, other.std, strict=True):
        ends = [(pixel - mean) / std - (pixel - its_mean) / its_std for pixel in (0.0, 255.0)]
        if max(map(abs, ends)) > share * 255 / abs(its_std):
            return True
    return False


def _limits(dtype: str) -> tuple[float, float]:
    """Smallest and largest whole number of a type; 0 and 0 of one that keeps no picture."""
    if dtype == WHOLE:
        return -LARGEST, LARGEST
    if dtype not in _INTEGERS:
        return 0.0, 0.0
    limits = np.iinfo(dtype)
    return float(limits.min), float(limits.max)
