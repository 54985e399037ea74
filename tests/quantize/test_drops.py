"""How many right answers a file has lost: the interval of a paired difference, and what a limit says of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.errors import CheckFailed, UsageError
from mobilecnn.quantize import drops
from mobilecnn.quantize.drops import BEYOND, UNDECIDED, WITHIN, drop
from mobilecnn.quantize.evaluation import Accuracy, Evaluation
from mobilecnn.quantize.proportions import wilson


@pytest.mark.parametrize(
    ("counts", "most", "expected"),
    [
        ((10_000, 9_000, 24, 24), 0.5, WITHIN),
        ((10_000, 9_000, 200, 20), 0.5, BEYOND),
        ((10_000, 9_000, 200, 20), 3, WITHIN),
        # Surely worse, and perhaps by no more than half a point.
        ((10_000, 9_000, 100, 30), 0.5, UNDECIDED),
        ((10_000, 9_000, 100, 30), 0, BEYOND),
        ((360, 350, 0, 0), 0.5, UNDECIDED),
        ((360, 350, 0, 0), 2, WITHIN),
        ((20, 10, 8, 0), 0.5, BEYOND),
        ((20, 15, 3, 0), 0.5, UNDECIDED),
        ((360, 300, 0, 40), 0, WITHIN),
        ((4, 0, 4, 0), 0.5, UNDECIDED),
    ],
)
def test_what_a_limit_says(counts: tuple[int, int, int, int], most: float, expected: str) -> None:
    found = drop(*counts)
    assert found.against(most) == expected, found


@pytest.mark.parametrize(
    ("images", "lost", "points"),
    [(200, 1, 0.5), (1000, 5, 0.5), (10_000, 50, 0.5), (1000, 3, 0.3), (2000, 60, 3)],
)
def test_what_is_lost_is_as_exact_as_a_limit_that_is_typed(images: int, lost: int, points: float) -> None:
    """So that a file which loses half a point passes where half a point may be lost."""
    assert all(
        drop(images, both, lost + more, more).points == points
        for both in range(0, images // 2, 7)
        for more in (0, 1)
    )


COUNTS = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda counts: sum(counts) > 0)


@given(COUNTS)
def test_the_interval_is_around_the_drop_and_turns_round_with_the_files(
    counts: tuple[int, int, int, int],
) -> None:
    both, lost, gained, neither = counts
    there, back = drop(sum(counts), both, lost, gained), drop(sum(counts), both, gained, lost)
    assert -100 <= there.low <= there.points <= there.high <= 100 and there.low < there.high
    assert (there.points, there.low, there.high) == pytest.approx((-back.points, -back.high, -back.low))
    assert neither >= 0


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    generator, kept = np.random.default_rng(3), 0
    for _ in range(2000):
        both, lost, gained, _neither = generator.multinomial(200, [0.85, 0.04, 0.01, 0.10])
        found = drop(200, int(both), int(lost), int(gained))
        kept += found.low <= 3 <= found.high
    assert kept / 2000 > 0.93


def evaluation(*rows: tuple[str, int, int]) -> Evaluation:
    """A first file with 180 of 200 right, and others with so many lost and gained."""
    made = []
    for name, lost, gained in (("first.keras", 0, 0), *rows):
        correct = 180 - lost + gained
        made.append(
            Accuracy(
                name, "int8", 1, "ab" * 32, 200, correct, correct / 200, wilson(correct, 200), correct / 200, {}, 1.0,
                lost, gained, "-", input_contract_stated=True, output_kind="softmax", positive="", not_finite=0,
            )
        )  # fmt: skip
    return Evaluation("photos", 200, "litert", tuple(made))


def test_every_file_beyond_the_limit_is_named_with_its_figures() -> None:
    given = evaluation(("a.tflite", 0, 0), ("b.tflite", 40, 0), ("c.tflite", 4, 0), ("d.tflite", 60, 1))
    with pytest.raises(CheckFailed) as refused:
        drops.refuse(given, 5)
    message = str(refused.value)
    assert (
        "b.tflite loses more than 5 points against first.keras on 200 images: +20.00 points, 95 %" in message
    )
    assert "d.tflite" in message and "a.tflite" not in message and "c.tflite" not in message
    assert message.endswith("; ship another format of it, such as float16")
    (open_,) = drops.undecided(given, 3)
    assert open_.startswith(
        "undecided whether c.tflite loses more than 3 points: +2.00 points, 95 % interval"
    )
    assert open_.endswith("exact McNemar test p = 0.12; give --data more images")
    drops.refuse(replace(given, results=given.results[:2]), 0)


@pytest.mark.parametrize(
    ("most", "files", "words"),
    [
        (-1, 2, "from 0 to 100, such as 0.5, and is -1"),
        (float("nan"), 2, "and is nan"),
        (0.5, 1, "name that first"),
    ],
)
def test_a_limit_that_can_decide_nothing_is_refused(most: float, files: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        drops.check(most, files)


def test_counts_that_are_more_than_the_images_are_no_drop() -> None:
    with pytest.raises(ValueError, match="more than the images"):
        drop(10, 8, 2, 1)
