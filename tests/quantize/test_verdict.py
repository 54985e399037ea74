"""The verdict on a file: what its answers on held-out images decide, and what they leave open."""

import math
from typing import Any

import numpy as np
import pytest

from mobilecnn.convert.checks import FAIL, NOT_JUDGED, PASS, UNDECIDED, Verdict
from mobilecnn.convert.output_kinds import named
from mobilecnn.errors import UsageError
from mobilecnn.quantize import formats
from mobilecnn.quantize.parity import compare
from mobilecnn.quantize.verdict import DEFAULT, Floors, Judged, judge, sqnr_interval

SOFTMAX = named("softmax")


def answers(classes: Any) -> Any:
    """Scores of the given classes, of ten, as sure as a trained network is."""
    return np.where(np.eye(10)[np.asarray(classes)] > 0, 0.91, 0.01).astype(np.float32)


def verdict(
    images: int,
    wrong: int,
    *,
    floors: Floors = DEFAULT,
    noise: float = 0.0,
    name: str = "int8",
    classes: int = 10,
    held_out: bool = True,
    unfit: tuple[str, ...] = (),
) -> Verdict:
    """The verdict on a file that gives the next class on the first ``wrong`` of ``images`` images."""
    right = np.arange(images) % classes
    reference = answers(right)
    scores = answers(np.where(np.arange(images) < wrong, (right + 1) % 10, right))
    scores = scores + noise * np.random.default_rng(0).standard_normal(scores.shape).astype(np.float32)
    parity = compare(reference, scores, SOFTMAX)
    judged = Judged(formats.named(name), SOFTMAX, reference, scores, parity, parity.finite)
    return judge(judged, floors, held_out=held_out, unfit=unfit)


@pytest.mark.parametrize(
    ("case", "expected", "words"),
    [
        ({"images": 200, "wrong": 0}, PASS, ""),
        ({"images": 200, "wrong": 2, "noise": 0.01}, PASS, ""),
        # 95 % of 200 images are surely above 90 %, and of 100 they are not.
        ({"images": 200, "wrong": 10, "floors": Floors(sqnr_db=0)}, PASS, ""),
        ({"images": 100, "wrong": 5, "floors": Floors(sqnr_db=0)}, UNDECIDED, "95 of 100 images, and so few cannot tell"),
        # A collapse fails however few the images are.
        ({"images": 200, "wrong": 180}, FAIL, "agrees with the Keras model on 20 of 200 images (95 % interval 6.6% .. 14.9%)"),
        ({"images": 6, "wrong": 4}, FAIL, "which is below 90 %"),
        ({"images": 200, "wrong": 30}, FAIL, "on 170 of 200 images"),
        # Nothing wrong in too few images is no proof.
        ({"images": 30, "wrong": 0}, UNDECIDED, "30 of 30 images, and so few cannot tell whether that is 90 %"),
        ({"images": 35, "wrong": 0}, PASS, ""),
        ({"images": 1, "wrong": 0}, UNDECIDED, "1 of 1 image"),
        # The same answers from scores that are mostly noise.
        ({"images": 200, "wrong": 0, "noise": 0.1}, FAIL, "its SQNR is "),
        ({"images": 200, "wrong": 0, "noise": 0.1, "floors": Floors(sqnr_db=5)}, PASS, ""),
        ({"images": 60, "wrong": 0, "noise": 0.0908, "floors": Floors()}, UNDECIDED, "these images cannot tell whether that is 10 dB"),
        # The floors are the user's.
        ({"images": 200, "wrong": 180, "floors": Floors(5, -100)}, PASS, ""),
        ({"images": 200, "wrong": 6, "floors": Floors(99.5, 0)}, FAIL, "which is below 99.5 %"),
        # What the images cannot show at all.
        ({"images": 200, "wrong": 0, "classes": 1}, UNDECIDED, "gives one and the same answer for all these images"),
        ({"images": 200, "wrong": 0, "held_out": False}, UNDECIDED, "all images calibrated it"),
        ({"images": 200, "wrong": 180, "held_out": False}, FAIL, "on 20 of 200 images"),
        ({"images": 200, "wrong": 180, "unfit": ("the weights are a random initialization",)}, NOT_JUDGED, "random init"),
        ({"images": 3, "wrong": 0, "name": "float32"}, PASS, ""),
        ({"images": 200, "wrong": 180, "name": "float16"}, FAIL, "on 20 of 200 images"),
        ({"images": 200, "wrong": 0, "noise": math.nan}, FAIL, "not finite"),
    ],
)  # fmt: skip
def test_what_is_decided(case: dict[str, Any], expected: str, words: str) -> None:
    with np.errstate(invalid="ignore"):
        made = verdict(**case)
    assert (made.verdict, words in made.reason) == (expected, True), made
    assert bool(made.reason) == (expected != PASS)
    assert (
        made.images == case["images"] and made.interval[0] <= made.agreeing / made.images <= made.interval[1]
    )


@pytest.mark.parametrize("name", ["float16", "dynamic", "int8"])
def test_a_failing_file_comes_with_the_next_step(name: str) -> None:
    then = verdict(200, 180, name=name).next
    assert ("--float16" in then and "--calibration" in then) if name == "int8" else "--float32" in then
    assert "--calibration" in verdict(30, 0, name=name).next


@pytest.mark.parametrize(
    ("floors", "words"),
    [
        (Floors(agreement=101), "--min-agreement is a percentage from 0 to 100, such as 90, and is 101"),
        (Floors(agreement=-1), "--min-agreement"),
        (Floors(agreement=math.nan), "--min-agreement"),
        (Floors(sqnr_db=math.inf), "--min-sqnr is a number of dB, such as 10, and is inf"),
    ],
)
def test_floors_that_mean_nothing_are_refused(floors: Floors, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        floors.check()


def test_the_interval_of_the_ratio_is_around_it_and_narrows_with_the_images() -> None:
    generator = np.random.default_rng(4)
    reference = generator.random((400, 10), np.float32)
    scores = reference + generator.normal(0, 0.05, reference.shape).astype(np.float32)
    ratio = compare(reference, scores, SOFTMAX).sqnr_db
    few, many = sqnr_interval(reference[:20], scores[:20]), sqnr_interval(reference, scores)
    assert many[0] < ratio < many[1] and many[1] - many[0] < few[1] - few[0]
    assert sqnr_interval(reference, reference) == ()
    assert sqnr_interval(reference, np.full_like(scores, np.nan)) == ()
    # One image with noise of twenty: a sample may have none, and that is no infinity.
    assert all(
        math.isfinite(end) for end in sqnr_interval(reference[:20], np.r_[scores[:1], reference[1:20]])
    )
