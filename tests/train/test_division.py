"""Dividing images: every class in the same proportion, no group in two parts, the same for the same seed."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.train.datasets.division import divide

SHARES = (0.15, 0.2)


@st.composite
def images(draw: st.DrawFn) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Labels and groups: groups of 1 to 4 images, most of one class, in any order."""
    sizes = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=60))
    rows = [(label, f"g{group}") for group, (label, size) in enumerate(sizes) for _ in range(size)]
    rows = draw(st.permutations(rows))
    return np.asarray([label for label, _ in rows], np.int64), tuple(group for _, group in rows)


@given(images(), st.integers(0, 99))
def test_no_group_is_in_two_parts(drawn: tuple[npt.NDArray[np.int64], tuple[str, ...]], seed: int) -> None:
    labels, groups = drawn
    parts = divide(labels, groups, SHARES, seed)
    assert sorted(index for part in parts for index in part) == list(range(len(labels)))
    homes: dict[str, int] = {}
    for number, part in enumerate(parts):
        for index in part:
            assert homes.setdefault(groups[index], number) == number
    assert parts == divide(labels, groups, SHARES, seed)
    for label, count in Counter(labels.tolist()).items():
        units = Counter(group for group, of in zip(groups, labels, strict=True) if of == label)
        held = [sum(int(labels[index] == label) for index in part) for part in parts]
        assert held[0] > 0
        if len(units) > len(SHARES):
            assert all(held), "a class with a group for every part is in every part"
        for share, images_there in zip(SHARES, held[1:], strict=True):
            # Whole groups, so about the share: never more than it, but for one group.
            assert images_there <= max(round(count * share), max(units.values()))


def test_a_group_of_several_classes_counts_as_one_of_the_rarest() -> None:
    labels = np.asarray([0] * 20 + [1] * 2)
    groups = tuple("both" if index in (0, 20) else str(index) for index in range(22))
    for seed in range(20):
        first, second = divide(labels, groups, (0.5,), seed)
        assert (0 in first) == (20 in first)
        assert len({21, 20} & set(second)) == 1


@pytest.mark.parametrize("count", range(1, 8))
def test_small_classes_are_in_as_many_parts_as_they_can(count: int) -> None:
    first, second, third = divide(np.zeros(count, np.int64), (), SHARES, 0)
    assert [len(first) > 0, len(second) > 0, len(third) > 0] == [True, count >= 3, count >= 2]
