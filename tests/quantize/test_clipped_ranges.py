"""Which ranges are clipped, and to what, from the smallest and the largest value in each image."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_files import Made

from mobilecnn.contract import contract_for
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.lowering.ends import INPUT_NAME, OUTPUT_NAME, name_ends
from mobilecnn.quantize import formats, litert_ranges
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.litert_ranges import STRETCHED, clipped, held, keep_each
from mobilecnn.tensors import write


def rows(name: str, ends: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """What the calibrator keeps of a tensor with so many images: of the first one what it sees itself."""
    seen = [
        {"min": np.full((1, 1), low, np.float32), "max": np.full((1, 1), high, np.float32)}
        for low, high in ends
    ]
    row: dict[str, Any] = seen[0]
    for image in seen[1:]:
        row = keep_each(row, image)
    return {name: row}


ORDINARY = [(-1.0, 2.0)] * 18


@pytest.mark.parametrize(
    ("name", "ends", "share", "range_", "times"),
    [
        ("it", [*ORDINARY, (-1.0, 60.0), (-40.0, 2.0)], None, (-40, 60), []),
        ("it", [*ORDINARY, (-1.0, 60.0), (-40.0, 2.0)], 0.9, (-1, 2), [pytest.approx(100 / 3)]),
        # One of twenty may be cut, and two reach that far.
        ("it", [*ORDINARY, (-1.0, 60.0), (-1.0, 60.0)], 0.95, (-1, 60), []),
        # The first image is one, too; and of eight, one is cut.
        ("it", [(-40.0, 60.0), *ORDINARY, (-1.0, 2.0)], 0.95, (-1, 2), [pytest.approx(100 / 3)]),
        ("it", [(-1.0, 60.0), *ORDINARY[:7]], 0.9, (-1, 2), [pytest.approx(61 / 3)]),
        ("it", [(-1.0, 60.0)], 0.5, (-1, 60), []),
        # Not twice as wide.
        ("it", [*ORDINARY, (-1.0, 4.9), (-1.0, 2.0)], 0.9, (-1, 4.9), []),
        # 0 has a code in any range.
        ("it", [*[(1.0, 2.0)] * 18, (1.0, 60.0), (1.0, 2.0)], 0.9, (0, 2), [pytest.approx(30)]),
        # Nothing but one image has a value.
        ("it", [*[(0.0, 0.0)] * 19, (0.0, 9.0)], 0.9, (0, 9), []),
        ("held", [*ORDINARY, (-1.0, 60.0), (-40.0, 2.0)], 0.9, (-40, 60), []),
    ],
)  # fmt: skip
def test_a_range_is_that_of_a_share_of_the_images(
    name: str,
    ends: list[tuple[float, float]],
    share: float | None,
    range_: tuple[float, float],
    times: list[Any],
) -> None:
    made, found = clipped(rows(name, ends), share, {"held"})
    assert set(made[name]) == {"min", "max"} and made[name]["min"].shape == (1, 1)
    assert (made[name]["min"].item(), made[name]["max"].item()) == pytest.approx(range_)
    assert made[name]["max"].dtype == np.float32
    assert found == times


VALUES = st.floats(-1e6, 1e6, width=32)


@settings(deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=40), st.floats(0.1, 1))
def test_a_clipped_range_lies_in_that_of_all_images_and_is_at_most_half_of_it(
    pairs: list[tuple[float, float]], share: float
) -> None:
    ends = [(min(pair), max(pair)) for pair in pairs]
    (whole,), none = [*clipped(rows("it", ends), None)[0].values()], clipped(rows("it", ends), None)[1]
    (part,), found = [*clipped(rows("it", ends), share)[0].values()], clipped(rows("it", ends), share)[1]
    assert none == []
    assert (whole["min"].item(), whole["max"].item()) == (
        min(low for low, _ in ends),
        max(high for _, high in ends),
    )
    if not found:
        assert part == whole
        return
    low, high = part["min"].item(), part["max"].item()
    lowest, highest = min(0.0, whole["min"].item()), max(0.0, whole["max"].item())
    assert lowest <= low <= 0 <= high <= highest
    assert found == [pytest.approx((highest - lowest) / (high - low))] and found[0] >= STRETCHED * (1 - 1e-6)
    # No end cuts more images than the share allows.
    for beyond in (sum(each < low for each, _ in ends), sum(each > high for _, each in ends)):
        assert beyond <= math.ceil(len(ends) * (1 - share) + 1e-9)


def test_more_images_need_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The range of all is known, what most reach is known of the first ones."""
    monkeypatch.setattr(litert_ranges, "MOST", 10)
    row = rows("it", [*ORDINARY, (-1.0, 60.0)])
    assert len(row["it"][litert_ranges.EACH]) == 20
    made, (times,) = clipped(row, 0.9)
    assert made["it"]["max"].item() == 2 and times == pytest.approx(61 / 3)


KINDS = ("PAD", "CONV_2D", "MAX_POOL_2D", "CONV_2D", "RESHAPE")


def ended() -> bytes:
    """A padding of the input, a convolution with a pool behind it, and another one whose values are the scores."""
    made, random = Made((1, 8, 8, 3)), np.random.default_rng(0)

    def convolution(size: int, channels: int, inputs: int) -> None:
        kernel = made.constant(random.normal(0, 0.3, (channels, 1, 1, inputs)))
        options: dict[str, Any] = {
            "strideW": 1,
            "strideH": 1,
            "dilationWFactor": 1,
            "dilationHFactor": 1,
            "padding": 0,
        }
        shape = (1, size, size, channels)
        bias = made.constant(np.zeros(channels))
        made.add("CONV_2D", made.last, kernel, bias, shape=shape, table="Conv2DOptions", **options)

    edges = made.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32), "int32")
    made.add("PAD", made.last, edges, shape=(1, 10, 10, 3))
    convolution(10, 4, 3)
    pool: dict[str, Any] = {"strideW": 10, "strideH": 10, "filterWidth": 10, "filterHeight": 10, "padding": 1}
    made.add("MAX_POOL_2D", made.last, shape=(1, 1, 1, 4), table="Pool2DOptions", **pool)
    convolution(1, 10, 4)
    made.add("RESHAPE", made.last, made.constant(np.array([1, 10], np.int32), "int32"), shape=(1, 10))
    model = flatbuffer.parse(made.pack(), "it")
    name_ends(model, Description("it", contract_for("unit", (8, 8, 3)), ()))
    return flatbuffer.pack(model)


def outputs(content: bytes) -> list[flatbuffer.Tensor]:
    """What each of the operators :data:`KINDS` writes, in order."""
    graph = flatbuffer.graph(content, "it")
    assert tuple(operation.kind for operation in graph.operations) == KINDS
    return [operation.outputs[0] for operation in graph.operations]


def test_the_ends_keep_their_ranges_and_so_does_what_has_one_scale_with_them() -> None:
    padded, _, _, maps, scores = (tensor.name for tensor in outputs(ended()))
    assert scores == OUTPUT_NAME
    assert held(flatbuffer.graph(ended(), "it")) == {INPUT_NAME, padded, maps, scores}


@pytest.mark.parametrize("stretched", [0, 7, 11])
def test_the_order_of_the_images_does_not_matter(stretched: int, tmp_path: Path) -> None:
    """By the library's own calibration; the file's ends have the scale that all images ask for."""
    values = np.random.default_rng(0).uniform(0.5, 1, (12, 8, 8, 3)).astype(np.float32)
    values[stretched] *= 1000
    write(tmp_path / "images.npy", values, values.shape)
    (tmp_path / "base.tflite").write_bytes(ended())
    with TfliteProcess("under test") as process:
        rules = formats.named("int8").rules
        quantized = partial(
            process.quantize, tmp_path / "base.tflite", rules, calibration=tmp_path / "images.npy"
        )
        assert quantized(tmp_path / "whole.tflite") == []
        times = quantized(tmp_path / "clipped.tflite", share=0.9)
        assert (
            quantized(tmp_path / "none.tflite", share=1.0) == [] and not (tmp_path / "none.tflite").exists()
        )
    assert len(times) == 2 and min(times) > 300  # The first convolution, and the pool, which has its scale.
    whole, clipped_ones = (
        [tensor.scales[0] for tensor in outputs((tmp_path / f"{name}.tflite").read_bytes())]
        for name in ("whole", "clipped")
    )
    for kind, before, after in zip(KINDS, whole, clipped_ones, strict=True):
        if (kind, before) in (("CONV_2D", whole[1]), ("MAX_POOL_2D", whole[2])):
            assert after < before / 300, kind
        else:
            assert after == before, kind
