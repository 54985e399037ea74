"""Which images a model has seen, as its file keeps them."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.remarks import Remarks
from mobilecnn.train.datasets import seen
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.identity import digest
from mobilecnn.train.datasets.overlap import say_trained_on
from mobilecnn.train.datasets.seen import Seen, pack, seen_by

DIGESTS = st.lists(st.integers(0, 200).map(lambda one: hashlib.sha256(bytes([one])).hexdigest()))


def unpacked(text: str) -> frozenset[str]:
    found = seen_by({seen.MEMBER: text})
    return frozenset() if found is None else found.beginnings


@given(DIGESTS, DIGESTS)
def test_what_is_packed_is_known_again(mine: list[str], before: list[str]) -> None:
    assert unpacked(pack(mine, {seen.MEMBER: pack(before)})) == {one[:12] for one in [*mine, *before]}


@given(DIGESTS, DIGESTS, st.integers(1, 50))
def test_of_more_than_are_kept_the_same_are_kept(mine: list[str], before: list[str], most: int) -> None:
    """Whether they come at once or one training after the other: those with the lowest SHA-256."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "MOST", most)
        together = pack([*mine, *before])
        assert pack(mine, {seen.MEMBER: pack(before)}) == together
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
        {seen.MEMBER: "AAAA"},
        {seen.MEMBER: "AAAAAAAAAAA="},
        {seen.MEMBER: "\xe9"},
        {seen.MEMBER: 7},
    ],
)
def test_a_file_that_says_nothing(training: dict[str, object] | None) -> None:
    assert seen_by(training) is None


def test_images_are_known_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.arange(5 * 12, dtype=np.uint8).reshape(5, 2, 2, 3)
    digests = {index: digest(image) for index, image in enumerate(images)}
    made = Seen(frozenset(digest(images[index])[:12] for index in (1, 4)))
    assert made.among(digests) == [1, 4] and made.complete
    monkeypatch.setattr(seen, "MOST", 2)
    assert not made.complete


def test_what_began_with_unknown_images_stays_unknown() -> None:
    """A file of an older version names its data alone: with some of its images a later one would look complete."""
    assert pack(["00" * 32], {"data": "photos"}) == "" and pack(["00" * 32], {"compressed": {}}) == "AAAAAAAA"


def test_of_a_large_set_that_none_is_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset("one", ("one",), [np.zeros((2, 2), np.uint8)], np.zeros(1, np.int64))
    training = {seen.MEMBER: pack(["00" * 32, "11" * 32])}
    for most, codes in ((3, []), (2, ["trained-many"])):
        monkeypatch.setattr(seen, "MOST", most)
        remarks = Remarks()
        say_trained_on(dataset, ["m.keras"], training, {0: "ff" * 32}, remarks)
        assert [remark.code for remark in remarks.rows] == codes
    remarks = Remarks()
    say_trained_on(dataset, ["m.keras"], training, {0: "11" * 32}, remarks)
    assert remarks.rows[0].text.startswith(
        "one: at least 1 of 1 image is among those that m.keras trained or validated on"
    )
