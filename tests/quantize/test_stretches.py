"""How sure a total time is, from the times of consecutive stretches."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from mobilecnn.quantize.evaluation import Speed
from mobilecnn.quantize.proportions import LARGEST_EXPONENT, total
from mobilecnn.stretches import MOST, Stretches, joined, merged


@pytest.mark.parametrize("batches", [1, 2, 19, 20, 21, 39, 1512])
def test_batches_are_joined_to_stretches_of_about_as_many(batches: int) -> None:
    images = [25] * (batches - 1) + [3]
    made = joined(images, [0.5] * batches)
    assert len(made.images) == min(MOST, batches)
    assert sum(made.images) == sum(images) and sum(made.seconds) == pytest.approx(0.5 * batches)
    numbers = [round(seconds / 0.5) for seconds in made.seconds]
    assert max(numbers) - min(numbers) <= 1


def test_runs_one_after_the_other_are_one_run() -> None:
    first, second = Stretches((5,) * 15, (1.0,) * 15), Stretches((5,) * 15, (2.0,) * 15)
    whole = merged([first, second])
    assert whole == joined([5] * 30, [1.0] * 15 + [2.0] * 15)
    assert len(whole.images) == MOST and sum(whole.images) == 150 and sum(whole.seconds) == pytest.approx(45)
    assert merged([first]) == first


def test_a_short_last_run_counts_for_less() -> None:
    first, last = Stretches((10,) * 20, (1.0,) * 20), Stretches((1,) * 20, (0.1,) * 20)
    whole = merged([first, first, last])
    assert sum(whole.images) == 420 and sum(whole.seconds) == pytest.approx(42)
    assert min(whole.images) >= 20 and len(whole.images) == MOST


def test_a_speed_of_several_runs_adds_them_up() -> None:
    def took(seconds: float) -> dict[str, object]:
        part = {"images": [2, 3], "seconds": [seconds, 1.5 * seconds]}
        return {
            "seconds": 2.5 * seconds,
            "inference": 2.5 * seconds,
            "stretches": {"running": part, "inference": part},
        }

    speed = Speed.of(2, 1.0, Stretches((5, 5), (0.5, 0.5)), [took(1.0), took(2.0)])
    assert (speed.images, speed.seconds, speed.inference_seconds) == (10, 8.5, 7.5)
    assert speed.running == Stretches((2, 3, 2, 3), (1.0, 1.5, 2.0, 3.0))


def test_the_interval_of_equal_stretches_is_student_s() -> None:
    seconds = np.array([1.0, 1.1, 0.9, 1.2, 1.05])
    half = scipy.stats.t.ppf(0.975, 4) * seconds.std(ddof=1) * math.sqrt(5)
    ends = total(seconds.sum(), [Stretches((10,) * 5, tuple(seconds))])
    factor = math.exp(half / seconds.sum())
    assert ends == pytest.approx((seconds.sum() / factor, seconds.sum() * factor), rel=1e-3)


def test_stretches_of_other_lengths_are_compared_by_the_image() -> None:
    even = total(15.0, [Stretches((1, 2, 3, 4, 5), (1.0, 2.0, 3.0, 4.0, 5.0))])
    assert even == (15.0, 15.0)
    assert total(15.0, [Stretches((1,) * 5, (1.0, 2.0, 3.0, 4.0, 5.0))]) != even


def test_what_two_parts_add_to_each_other() -> None:
    one = Stretches((10,) * 8, (1.0, 1.1) * 4)
    alone, both = total(8.4, [one]), total(16.8, [one, one])
    assert alone is not None and both is not None
    assert math.log(both[1] / 16.8) == pytest.approx(math.log(alone[1] / 8.4) / math.sqrt(2))


def test_four_images_tell_nothing_and_five_may_tell_little() -> None:
    assert total(4.0, [Stretches((1,) * 4, (1.0, 1.1, 0.9, 1.0))]) is None
    assert total(9.0, [Stretches((1,) * 5, (1.0,) * 5), Stretches((2, 2), (2.0, 2.0))]) is None
    assert total(0.0, [Stretches((1,) * 5, (0.0,) * 5)]) is None
    ends = total(1e-9, [Stretches((1,) * 5, (0.0,) * 4 + (1.0,))])
    assert ends is not None and ends[1] == pytest.approx(1e-9 * math.exp(LARGEST_EXPONENT))


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    """Times of images that follow each other are alike (correlation 0.9), and their scatter is a fifth of the mean."""
    generator = np.random.default_rng(0)
    held, images, runs = 0, 1000, 1000
    for _ in range(runs):
        noise, last = generator.normal(0, math.sqrt(1 - 0.9**2), images), 0.0
        for place in range(images):
            last = noise[place] = 0.9 * last + noise[place]
        seconds = np.exp(0.2 * noise)
        ends = total(float(seconds.sum()), [joined([1] * images, [*seconds])])
        assert ends is not None
        held += ends[0] <= images * math.exp(0.2**2 / 2) <= ends[1]
    assert 0.91 <= held / runs <= 0.98


@pytest.mark.parametrize(
    ("images", "seconds"),
    [((), ()), ((1,), ()), ((0,), (1.0,)), ((1,), (-1.0,)), ((1,), (math.nan,)), ((1,) * 21, (1.0,) * 21)],
)
def test_stretches_that_cannot_be_are_refused(images: tuple[int, ...], seconds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError):
        Stretches(images, seconds)


def test_a_speed_lies_in_its_interval() -> None:
    decoding, times = Stretches((2,) * 5, (0.2,) * 5), (0.4, 0.5, 0.4, 0.4, 0.5)
    running = {"images": [2] * 5, "seconds": times}
    took = {"seconds": 2.2, "inference": 2.0, "stretches": {"running": running, "inference": running}}
    speed = Speed.of(2, 1.0, decoding, [took])
    assert (speed.images, speed.seconds) == (10, 3.2)
    ends = total(3.2, [decoding, Stretches((2,) * 5, times)])
    assert ends is not None and speed.interval == ends
    assert speed.factor == pytest.approx(3.2 / ends[0])
    for wrong in ((3.3, 3.4), (3.0,), (-1.0, 4.0)):
        with pytest.raises(ValueError, match="interval"):
            replace(speed, interval=wrong)
