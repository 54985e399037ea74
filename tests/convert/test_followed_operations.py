"""What leaves the range of the values as it is, is followed, and hides no scale behind it."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tflite_files import Made

from mobilecnn.convert.file_preprocessing import follow_file
from mobilecnn.convert.preprocessing import follow

Build = Callable[[Any, Any], Any]


def finding_of(keras: Any, build: Build, shape: tuple[int | None, ...] = (12, 12, 3)) -> Any:
    """Of a classifier that begins with what ``build`` makes, and has weights behind."""
    image = keras.Input(shape)
    built = build(keras, image)
    return follow(keras, keras.Model(image, keras.layers.Dense(2)(built)))


STEPS: dict[str, Build] = {
    "a resize": lambda k, x: k.ops.image.resize(x, (8, 8)),
    "a crop": lambda k, x: k.ops.image.crop_images(x, top_cropping=1, left_cropping=1, target_height=8, target_width=8),
    "padding": lambda k, x: k.ops.image.pad_images(x, 1, 1, target_height=16, target_width=16),
    "a blur": lambda k, x: k.ops.image.gaussian_blur(x),
    "an average": lambda k, x: k.ops.average_pool(x, 2, 2),
    "a maximum": lambda k, x: k.ops.max_pool(x, 2, 2),
    "an average by a layer": lambda k, x: k.layers.AveragePooling2D(2)(x),
    "an average of all": lambda k, x: k.layers.GlobalAveragePooling2D()(x),
    "a maximum of all": lambda k, x: k.layers.GlobalMaxPooling2D()(x),
    "a mean": lambda k, x: k.ops.mean(x, axis=(1, 2)),
    "a mean of the channels": lambda k, x: k.ops.mean(x, axis=-1, keepdims=True),
    "grey": lambda k, x: k.ops.image.rgb_to_grayscale(x),
    "channels first": lambda k, x: k.ops.transpose(x, (0, 3, 1, 2)),
    "columns first": lambda k, x: k.layers.Permute((2, 1, 3))(x),
    "channels first by a layer": lambda k, x: k.layers.Permute((3, 1, 2))(x),
    "swapped axes": lambda k, x: k.ops.swapaxes(x, 1, 3),
    "flat": lambda k, x: k.layers.Flatten()(x),
    "channels first and flat": lambda k, x: k.layers.Flatten()(k.ops.transpose(x, (0, 3, 1, 2))),
    "reshaped": lambda k, x: k.ops.reshape(x, (-1, 12 * 12 * 3)),
    "rows of pixels": lambda k, x: k.layers.Reshape((12, 12 * 3))(x),
    "a resize and flat": lambda k, x: k.layers.Flatten()(k.ops.image.resize(x, (8, 8))),
    "a roll": lambda k, x: k.ops.roll(x, 3, axis=2),
    "a rotation": lambda k, x: k.ops.rot90(x, axes=(1, 2)),
    "a flip": lambda k, x: k.ops.flip(x, axis=2),
    "a part": lambda k, x: k.ops.split(x, 3, axis=-1)[1],
    "one of several": lambda k, x: k.ops.unstack(x, axis=-1)[0],
    "all of several": lambda k, x: k.ops.stack(k.ops.unstack(x, axis=-1), axis=-1),
    "at least 0": lambda k, x: k.ops.maximum(x, 0.0),
    "at most 255": lambda k, x: k.ops.minimum(x, 255.0),
    "relu": lambda k, x: k.ops.relu(x),
    "a layer ReLU": lambda k, x: k.layers.ReLU()(x),
    "an activation": lambda k, x: k.layers.Activation("relu")(x),
    "an activation and an average": lambda k, x: k.layers.AveragePooling2D(2)(k.layers.Activation("relu")(x)),
    "the absolute": lambda k, x: k.ops.absolute(x),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_step_in_front_of_a_scale_hides_nothing(keras: Any, name: str) -> None:
    for scaled in (
        lambda k, x: k.layers.Rescaling(1 / 255)(STEPS[name](k, x)),
        lambda k, x: STEPS[name](k, x) / 127.5 - 1.0,
    ):
        finding = finding_of(keras, scaled)
        assert finding.proven == "raw" and finding.possible == {"raw"}, finding


def test_a_step_proves_nothing_by_itself(keras: Any) -> None:
    for name, build in STEPS.items():
        finding = finding_of(keras, build)
        assert finding.proven is None and {"raw", "unit"} <= finding.possible, (name, finding)
        bounds = name in ("at least 0", "the absolute") or "relu" in name.lower() or "activation" in name
        assert bounds == ("tf" not in finding.possible), (name, finding)


@pytest.mark.parametrize("shape", [(None, None, 3), (600, 700, 3), (12, 12, 1)])
def test_steps_at_other_shapes(keras: Any, shape: tuple[int | None, ...]) -> None:
    for name in ("a resize", "an average", "an average of all", "a resize and flat", "a rotation"):
        step = STEPS[name]
        finding = finding_of(keras, lambda k, x: k.layers.Rescaling(1 / 255)(step(k, x)), shape)  # noqa: B023
        assert finding.proven == "raw", (name, finding)


UNPROVEN: dict[str, tuple[Build, str]] = {
    # What a picture of one colour cannot tell, or a network learns.
    "less its mean": (lambda k, x: x - k.ops.mean(x, axis=(1, 2), keepdims=True), "does more than scale it"),
    "less its surroundings": (lambda k, x: x - k.layers.AveragePooling2D(3, 1, "same")(x), "does more than scale it"),
    "less its neighbour": (lambda k, x: k.ops.subtract(x, k.ops.roll(x, 1, axis=1)), "does more than scale it"),
    "a gradient": (lambda k, x: x[:, 1:] - x[:, :-1], "makes the same numbers of all pictures"),
    "by its maximum": (lambda k, x: x / k.ops.max(x, axis=(1, 2, 3), keepdims=True), "at its input"),
    "less its mean, in layers": (
        lambda k, x: k.layers.Subtract()([x, k.layers.UpSampling2D(2)(k.layers.AveragePooling2D(2)(x))]), "does more"),
    "less the mean of all pictures": (lambda k, x: x - k.ops.mean(x), "at its input computes with several pictures"),
    "cut at 6": (lambda k, x: k.ops.relu6(x) / 255.0, "does more than scale it"),
    "cut at 1": (lambda k, x: k.ops.minimum(x, 1.0) * 2 - 1, "does more than scale it"),
    "two colours": (lambda k, x: x[..., :1] - x[..., 1:2], "mixes its channels"),
    "BatchNormalization": (lambda k, x: k.layers.BatchNormalization()(x), "BatchNormalization comes next"),
    "BatchNormalization behind a resize": (
        lambda k, x: k.layers.BatchNormalization()(k.ops.image.resize(x, (8, 8))), "BatchNormalization comes next"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNPROVEN)
def test_what_proves_nothing(keras: Any, name: str) -> None:
    build, words = UNPROVEN[name]
    finding = finding_of(keras, build)
    assert finding.proven is None and len(finding.possible) > 1, finding
    assert re.search(words, finding.evidence), finding.evidence


def test_a_range_that_a_bound_cuts_in_half_is_not_proven(keras: Any) -> None:
    finding = finding_of(keras, lambda k, x: (k.ops.relu(x) + 1.0) * 127.5)
    assert finding.proven is None and "tf" not in finding.possible, finding
    kept = finding_of(keras, lambda k, x: k.ops.relu(x + 1.0) * 127.5)
    assert kept.proven == "tf", kept


AVERAGES: dict[str, tuple[Callable[[Made], Made], str | None]] = {
    "a mean of all places": (
        lambda m: m.then("MEAN", [1, 2], integers=True, shape=(1, 3), table="ReducerOptions").then("MUL", 1 / 255), "raw"),
    "a mean that keeps axes": (
        lambda m: m.then("MEAN", [1, 2], integers=True, shape=(1, 1, 1, 3), table="ReducerOptions", keepDims=True)
        .then("MUL", 1 / 127.5).then("SUB", 1.0), "raw"),
    "a maximum of all places": (
        lambda m: m.then("REDUCE_MAX", [1, 2], integers=True, shape=(1, 3), table="ReducerOptions").then("MUL", 1 / 255), "raw"),
    "a mean of the channels": (
        lambda m: m.then("MEAN", [-1], integers=True, shape=(1, 8, 8, 1), table="ReducerOptions", keepDims=True)
        .then("MUL", 2.0).then("SUB", 1.0), "unit"),
    "a mean alone": (lambda m: m.then("MEAN", [1, 2], integers=True, shape=(1, 3), table="ReducerOptions"), None),
    "less its mean": (
        lambda m: m.put("SUB", m.input, m.add("MEAN", m.input, m.constant([1, 2], "int32"), shape=(1, 1, 1, 3),
                                              table="ReducerOptions", keepDims=True)), None),
    "less its surroundings": (lambda m: m.put("SUB", m.input, m.add("AVERAGE_POOL_2D", m.input)), None),
}  # fmt: skip


@pytest.mark.parametrize("name", AVERAGES)
def test_averages_in_a_file(name: str) -> None:
    build, proven = AVERAGES[name]
    finding = follow_file(build(Made()).graph())
    assert finding.proven == proven, finding
    assert finding.possible == {proven} if proven else len(finding.possible) > 1, finding


def test_probes_are_told_apart_in_every_layout() -> None:
    from mobilecnn.convert.probes import channels_of, pictures

    values = pictures((5, 7, 3))
    for made in (
        values,
        values.transpose(0, 3, 1, 2),
        values.reshape(6, -1),
        values[:, 0, 0],
        values.reshape(6, 5, 21),
    ):
        assert sorted({channel.source for channel in channels_of(made)}) == [0, 1, 2]
    grey = values @ np.array([0.3, 0.6, 0.1], np.float32)
    assert [(c.source, round(c.scale, 4)) for c in channels_of(grey[..., None])] == [
        (0, 1.0),
        (1, 1.0),
        (2, 1.0),
    ]
