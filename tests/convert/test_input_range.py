"""What the arithmetic at an input proves: right, or nothing."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.contract import RANGES
from mobilecnn.convert.input_range import (
    CONCLUDED,
    Channel,
    conclude,
    formula,
    imagenet_order,
    input_order,
    sensible,
)

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def alike(scale: float, offset: float, channels: int = 3) -> tuple[Channel, ...]:
    """The same arithmetic on each channel."""
    return tuple(Channel(index, scale, offset) for index in range(channels))


def standardized(
    means: Sequence[float], deviations: Sequence[float], order: Sequence[int] = (0, 1, 2)
) -> tuple[Channel, ...]:
    """``(input - mean) / deviation``."""
    return tuple(
        Channel(source, 1 / deviation, -mean / deviation)
        for source, mean, deviation in zip(order, means, deviations, strict=True)
    )


def between(start: str, end: str) -> tuple[Channel, ...]:
    """What turns an input in one named range into another."""
    start_color, start_means, start_stds = RANGES[start]
    end_color, end_means, end_stds = RANGES[end]
    assert start_color == "rgb"
    order = (2, 1, 0) if end_color == "bgr" else (0, 1, 2)
    return tuple(
        Channel(
            source,
            start_stds[source] / end_stds[index],
            (start_means[source] - end_means[index]) / end_stds[index],
        )
        for index, source in enumerate(order)
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("scale", "offset", "proven"),
    [
        (1 / 255, 0, "raw"), (1 / 255, -0.5, "raw"), (1 / 127.5, -1, "raw"), (1 / 128, -127 / 128, "raw"),
        (1 / 256, 0, "raw"), (2 / 255, -1, "raw"), (1 / 58, -120 / 58, "raw"), (1, -120, "raw"), (1, -127.5, "raw"),
        (-1 / 255, 1, "raw"), (-1, 255, "raw"), (0.5, -64, "raw"),
        (255, 0, "unit"), (2, -1, "unit"), (1, -0.5, "unit"), (4, -2, "unit"), (8, -4, "unit"),
        (255 / 128, -127 / 128, "unit"),
        (127.5, 127.5, "tf"), (0.5, 0.5, "tf"),
        # Each of these can be meant for more than one range.
        (1, 0, None), (2, 0, None), (0.5, 0, None), (-1, 0, None), (127.5, 0, None), (3.5, -1.6, None),
        (10, 0, None), (0.1, 0, None), (1, 1, None), (100, -50.5, None),
        # No network sees anything in what this makes of any range.
        (1 / 65535, 0, None), (1 / 255, 100, None), (1e-6, 0, None),
    ],
)  # fmt: skip
def test_the_same_arithmetic_on_each_channel(
    scale: float, offset: float, proven: str | None, channels: int
) -> None:
    assert conclude(alike(scale, offset, channels)) == proven


@pytest.mark.parametrize(
    "scale", [1 / 41, 1 / 50, 1 / 58, 1 / 64, 1 / 100, 1 / 127.5, 1 / 128, 1 / 200, 1 / 300, 1 / 1000]
)
@pytest.mark.parametrize("zero", [0.0, 8.0, -8.0, -90.0])
def test_a_factor_alone_may_be_meant_for_a_mean_that_was_subtracted_before(scale: float, zero: float) -> None:
    """Of three channels 0..255 less ImageNet's mean is as wide as 0..255; of grey there is no such range."""
    offset = -zero * scale
    assert conclude(alike(scale, offset)) is None
    assert {"raw", "caffe"} <= sensible(alike(scale, offset))
    assert conclude(alike(scale, offset, 1)) == "raw"
    mixed = (*alike(scale, offset)[:2], Channel(2, scale, -120 * scale))
    assert conclude(mixed) is None
    assert conclude([Channel(index, scale, -120 * scale) for index in range(3)]) == "raw"


@pytest.mark.parametrize("end", RANGES)
@pytest.mark.parametrize("start", CONCLUDED)
def test_one_named_range_turned_into_another_proves_the_first(start: str, end: str) -> None:
    assert conclude(between(start, end)) == (None if start == end else start)


@pytest.mark.parametrize(
    ("channels", "proven"),
    [
        (standardized(*IMAGENET), "unit"),
        (standardized([255 * mean for mean in IMAGENET[0]], [255 * std for std in IMAGENET[1]]), "raw"),
        (standardized((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), "unit"),
        (standardized((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)), "raw"),
        (standardized((20, 25, 18), (10, 9, 4)), "raw"),
        (standardized((0.49, 0.48, 0.45), (0.25, 0.24, 0.26)), None),
        (standardized((-0.1, 0.1, 0.0), (0.5, 0.5, 0.5)), None),
        # One channel that fits nothing leaves all open.
        (standardized((120, 120, 0.5), (60, 60, 0.25)), None),
        (standardized((120, 120, 120), (60, 60, 1e9)), None),
    ],
)
def test_means_and_deviations_of_channels(channels: tuple[Channel, ...], proven: str | None) -> None:
    assert conclude(channels) == proven
    assert input_order(channels) == "rgb"


@pytest.mark.parametrize(
    ("channels", "order"),
    [
        (tuple(Channel(source, 1 / 255, 0) for source in (2, 1, 0)), "open"),
        (tuple(Channel(source, 1, 0) for source in (2, 1, 0)), "open"),
        (tuple(Channel(source, 1 / 255, -0.5) for source in (2, 1, 0, 2, 1, 0)), "open"),
        (tuple(Channel(source, 1 / 255, 0) for source in (1, 0, 2)), "open"),
        (tuple(Channel(source, 1 / 255, 0) for source in (2, 1)), "open"),
        # ImageNet's constants say which channel is which.
        (standardized(IMAGENET[0][::-1], IMAGENET[1][::-1]), "bgr"),
        (standardized((103.939, 116.779, 123.68), (1, 1, 1)), "bgr"),
        (standardized((103.939, 116.779, 123.68), (58, 58, 58)), "bgr"),
        (standardized((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), (2, 1, 0)), "bgr"),
    ],
)
def test_another_order_of_the_colours_proves_nothing(channels: tuple[Channel, ...], order: str) -> None:
    assert conclude(channels) is None
    assert input_order(channels) == order


@pytest.mark.parametrize(
    ("channels", "proven"),
    [
        (between("raw", "caffe"), "raw"),
        (between("unit", "caffe"), "unit"),
        (between("tf", "caffe"), "tf"),
        # Reversed, and ImageNet's constants in that order.
        (standardized(IMAGENET[0][::-1], IMAGENET[1][::-1], (2, 1, 0)), None),
        (standardized((103.939, 116.779, 123.68), (57.375, 57.12, 58.395), (2, 1, 0)), "raw"),
        (standardized((103.939, 116.779, 123.68), (255, 255, 255), (2, 1, 0)), "raw"),
        # Parts and copies of the channels are in no other order.
        (alike(1 / 255, 0)[:2], "raw"),
        (alike(1 / 255, 0)[1:], "raw"),
        (alike(1 / 255, -0.5) * 2, "raw"),
        (tuple(Channel(0, 1 / 255, 0) for _ in range(3)), "raw"),
        (between("unit", "torch") * 2, "unit"),
    ],
)
def test_channels_in_order(channels: tuple[Channel, ...], proven: str | None) -> None:
    assert input_order(channels) == "rgb"
    assert conclude(channels) == proven


@pytest.mark.parametrize(
    ("means", "order"),
    [
        ((123.68, 116.78, 103.94), "rgb"), ((0.406, 0.456, 0.485), "bgr"), ((103.53, 116.28, 123.675), "bgr"),
        ((127.5, 127.5, 127.5), None), ((0.49, 0.48, 0.45), None), ((0.0,), None),
    ],
)  # fmt: skip
def test_the_order_of_imagenets_means(means: tuple[float, ...], order: str | None) -> None:
    assert imagenet_order(means) == order


OTHERS = {"unit", "tf", "torch", "lite"}


@pytest.mark.parametrize(
    ("channels", "left"),
    [
        (alike(1, 0), {*OTHERS, "raw", "caffe"}),
        (alike(2, 0), {*OTHERS, "raw", "caffe"}),
        (alike(10, -5), {*OTHERS, "raw", "caffe"}),
        # Another scale than that of 0..255, or of about one.
        (alike(255, 0), OTHERS),
        (alike(127.5, 127.5), OTHERS),
        (alike(65025, 0), set()),
        (alike(1 / 65025, 0), set()),
        (alike(1 / 65535, 0), set()),
        (alike(1e9, 0), set()),
        # Pushed away from zero.
        (alike(1, 100), {"raw", "caffe"}),
        (alike(1, -5000), set()),
        (alike(1 / 255, 100), set()),
        (alike(1 / 255, -20), set()),
        # One channel that nothing comes through.
        (standardized((120, 120, 120), (60, 60, 1e9)), set()),
        (standardized((120, 120, 120), (60, 60, 1e-7)), set()),
    ],
)  # fmt: skip
def test_ranges_of_which_something_is_made(channels: tuple[Channel, ...], left: set[str]) -> None:
    assert sensible(channels) == left


@pytest.mark.parametrize(
    ("scale", "offset", "proven"),
    [
        (1, 0, "raw"),
        (255, 0, "unit"),
        (127.5, 127.5, "tf"),
        (1 / 255, 0, None),
        (2, -1, None),
        (128, 128, None),
    ],
)
def test_what_is_cast_to_integers_is_0_to_255_there(scale: float, offset: float, proven: str | None) -> None:
    assert conclude(alike(scale, offset), integers=True) == proven


@given(
    st.lists(
        st.tuples(st.floats(1e-6, 1e6), st.floats(-1e6, 1e6), st.sampled_from([-1, 1]), st.integers(0, 2)),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_any_arithmetic_gets_an_answer(rows: list[tuple[float, float, int, int]], integers: bool) -> None:
    channels = [Channel(source, sign * scale, offset) for scale, offset, sign, source in rows]
    assert conclude(channels, integers) in (None, *CONCLUDED)
    assert input_order(channels) in ("rgb", "bgr", "open")
    assert sensible(channels) <= set(RANGES)
    assert "input" in formula(channels)


@given(st.sampled_from(CONCLUDED), st.sampled_from(sorted(RANGES)), st.floats(-4e-4, 4e-4))
def test_roundings_of_float16_change_no_conclusion(start: str, end: str, off: float) -> None:
    exact = between(start, end)
    rounded = [
        Channel(channel.source, channel.scale * (1 + off), channel.offset * (1 + off)) for channel in exact
    ]
    assert conclude(rounded) == conclude(exact)


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        (alike(1 / 255, 0), "0.003922 * input"),
        (alike(2, -1), "2 * input - 1"),
        (alike(127.5, 127.5), "127.5 * input + 127.5"),
        (between("raw", "caffe"), "input - (103.9, 116.8, 123.7)"),
        (alike(1, 0), "input"),
        (alike(-1, 255), "-1 * input + 255"),
        (tuple(Channel(index, 1, -128.0 * (index > 0)) for index in range(3)), "input - (0, 128, 128)"),
        (tuple(Channel(index, 1, offset) for index, offset in enumerate((1, -1, 0))), "input + (1, -1, 0)"),
    ],
)
def test_arithmetic_in_words(channels: tuple[Channel, ...], words: str) -> None:
    assert formula(channels) == words
