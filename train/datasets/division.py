"""Dividing labelled images into parts: each class in the same proportion, and no group in two parts."""

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def divide(
    labels: npt.NDArray[np.int64], groups: Sequence[str], shares: Sequence[float], seed: int = 0
) -> list[list[int]]:
    """Divide images into ``1 + len(shares)`` parts; the same arguments give the same parts.

    Each class gives about its share to each part, whole groups only, and at least one group where it has one for every
    part; the first part keeps the rest. A group with several classes counts as one of its rarest class.

    Args:
        labels: class of each image, (n,).
        groups: group of each image; an image of the group "" is one of its own. Empty where all are.
        shares: share of each part after the first; their sum is below 1.
        seed: seed of the choice.

    Returns:
        Indices of the images of each part, in ascending order.
    """
    generator = random.Random(seed)  # noqa: S311 - a split, not a secret
    parts: list[list[int]] = [[] for _ in range(1 + len(shares))]
    for images, units in _units(labels, groups):
        generator.shuffle(units)
        left = units
        for number, share in enumerate(shares, 1):
            needed = sum(later > 0 for later in shares[number:]) + 1
            taken, left = _taken(left, round(images * share), needed) if share > 0 else ([], left)
            parts[number] += [index for unit in taken for index in unit]
        parts[0] += [index for unit in left for index in unit]
    return [sorted(part) for part in parts]


def _units(labels: npt.NDArray[np.int64], groups: Sequence[str]) -> list[tuple[int, list[list[int]]]]:
    """For each class with images: the number of its images, and what may not be divided, lists of indices."""
    classes, counts = np.unique(labels, return_counts=True)
    frequency = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    by_group: dict[str, list[int]] = {}
    for index in range(len(labels)):
        group = groups[index] if groups else ""
        # A NUL is in no group's name.
        by_group.setdefault(group or f"\0{index}", []).append(index)
    units: dict[int, list[list[int]]] = {label: [] for label in frequency}
    for members in by_group.values():
        rarest = min((int(labels[index]) for index in members), key=lambda label: (frequency[label], label))
        units[rarest].append(members)
    return [(sum(map(len, units[label])), units[label]) for label in sorted(units)]


def _taken(units: list[list[int]], images: int, kept: int) -> tuple[list[list[int]], list[list[int]]]:
    """Units of about ``images`` images, from the front, and the others, which are ``kept`` at least."""
    taken: list[list[int]] = []
    left: list[list[int]] = []
    room = max(images, 1)
    for unit in units:
        if len(unit) <= room and len(units) - len(taken) > kept:
            taken.append(unit)
            room -= len(unit)
        else:
            left.append(unit)
    if not taken and len(left) > kept:
        smallest = min(range(len(left)), key=lambda place: len(left[place]))
        taken.append(left.pop(smallest))
    return taken, left
