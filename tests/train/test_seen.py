"""Which images a model has seen, as its file keeps them."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.train.datasets import seen
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.identity import digest
from mobilecnn.train.datasets.seen import Seen, pack, seen_by

DIGESTS = st.lists(st.integers(0, 200).map(lambda one: hashlib.sha256(bytes([one])).hexdigest()))


def unpacked(text: str) -> frozenset[str]:
    found = seen_by({seen.MEMBER: text})
    return frozenset() if found is None else found.beginnings


@given(DIGESTS, DIGESTS)
def test_what_is_packed_is_known_again(mine: list[str], before: list[str]) -> None:
    older = seen_by({seen.MEMBER: pack(before)})
    assert unpacked(pack(mine, older)) == {one[:12] for one in [*mine, *before]}


@given(DIGESTS, DIGESTS, st.integers(1, 50))
def test_of_more_than_are_kept_the_same_are_kept(mine: list[str], before: list[str], most: int) -> None:
    """Whether they come at once or one training after the other: those with the lowest SHA-256."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "MOST", most)
        together = pack([*mine, *before])
        assert pack(mine, seen_by({seen.MEMBER: pack(before)})) == together
        assert unpacked(together) == set(sorted({one[:12] for one in [*mine, *before]})[:most])


@pytest.mark.parametrize(
    "training",
    [
        None,
        {},
        {"data": "d"},
        {seen.MEMBER: None},
        {seen.MEMBER: ""},
        {seen.MEMBER: "?"},
        {seen.MEMBER: "\xe9"},
        {seen.MEMBER: 7},
    ],
)
def test_a_file_that_says_nothing(training: dict[str, object] | None) -> None:
    assert seen_by(training) is None


def test_images_are_known_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.arange(5 * 12, dtype=np.uint8).reshape(5, 2, 2, 3)
    dataset = Dataset("five", ("one",), list(images), np.zeros(5, np.int64))
    made = Seen(frozenset(digest(images[index])[:12] for index in (1, 4)))
    assert made.among(dataset) == [1, 4] and made.complete
    monkeypatch.setattr(seen, "MOST", 2)
    assert not made.complete
