"""Following a Keras graph from its input: what is proven is what makes the network right."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mobilecnn.convert.keras_facts import describe
from mobilecnn.convert.preprocessing import CHANGE_NOTHING, CHANGE_VALUES, SCALE, follow
from mobilecnn.errors import ModelFileError
from mobilecnn.train import zoo

Build = Callable[[Any, Any], Any]
"""Function of Keras and a symbolic picture that gives the picture as the network takes it."""

PIXELS = np.random.default_rng(3).integers(0, 256, (16, 12, 10, 3)).astype(np.float32)


def model_of(
    keras: Any, build: Build, shape: tuple[int | None, ...] = (12, 10, 3), dtype: str | None = None
) -> Any:
    """A classifier that begins with what ``build`` makes."""
    image = keras.Input(shape, dtype=dtype)
    x = keras.layers.Conv2D(2, 3)(build(keras, image))
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))


def adapted(keras: Any, pixels: npt.NDArray[np.float32], **options: Any) -> Any:
    layer = keras.layers.Normalization(**options)
    layer.adapt(pixels)
    return layer


def normalization(keras: Any, mean: Any, deviation: Any, **options: Any) -> Any:
    return keras.layers.Normalization(mean=mean, variance=np.square(deviation).tolist(), **options)


def split(keras: Any, x: Any) -> Any:
    channels = [
        (x[..., index : index + 1] / 255.0 - mean) / 0.225 for index, mean in enumerate((0.485, 0.456, 0.406))
    ]
    return keras.layers.Concatenate()(channels)


def nested(keras: Any, x: Any, *layers: Any, dtype: str | None = None) -> Any:
    return keras.Sequential([keras.Input((12, 10, 3), dtype=dtype), *layers])(x)


def functional(keras: Any, x: Any) -> Any:
    image = keras.Input((12, 10, 3))
    return keras.Model(image, image / 127.5 - 1.0)(x)


CASES: dict[str, tuple[Build, str | None]] = {
    "Rescaling": (lambda k, x: k.layers.Rescaling(1 / 255)(x), "raw"),
    "Rescaling with an offset": (lambda k, x: k.layers.Rescaling(1 / 127.5, offset=-1)(x), "raw"),
    "Rescaling by channel": (
        lambda k, x: k.layers.Rescaling([0.017, 0.0175, 0.0174], [-2.1, -2.0, -1.8])(x), "raw"),
    "Rescaling twice": (
        lambda k, x: k.layers.Rescaling(1 / 255, offset=-0.5)(k.layers.Rescaling(255.0)(x)), "unit"),
    "Rescaling back and forth": (lambda k, x: k.layers.Rescaling(1 / 255)(k.layers.Rescaling(255.0)(x)), None),
    "Rescaling forth and back": (lambda k, x: k.layers.Rescaling(255.0)(k.layers.Rescaling(1 / 255)(x)), None),
    "Rescaling three times": (
        lambda k, x: k.layers.Rescaling(255.0)(k.layers.Rescaling(1 / 255)(k.layers.Rescaling(255.0)(x))), "unit"),
    "Rescaling by 1": (lambda k, x: k.layers.Rescaling(1.0)(x), None),
    "Rescaling to -1..1 and back": (
        lambda k, x: k.layers.Rescaling(127.5, offset=127.5)(k.layers.Rescaling(1 / 127.5, offset=-1)(x)), None),
    "Rescaling in float16": (lambda k, x: k.layers.Rescaling(1 / 127.5, -1, dtype="mixed_float16")(x), "raw"),
    "Normalization": (lambda k, x: normalization(k, [0.5] * 3, [0.25] * 3)(x), "unit"),
    "Normalization of ImageNet": (
        lambda k, x: normalization(k, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])(x), "unit"),
    "Normalization, adapted to pixels": (lambda k, x: adapted(k, PIXELS)(x), "raw"),
    "Normalization, adapted to pixels, one mean": (lambda k, x: adapted(k, PIXELS, axis=None)(x), "raw"),
    "Normalization, adapted to 0..1": (lambda k, x: adapted(k, (PIXELS / 255) ** 2)(x), None),
    "Normalization, not adapted": (lambda k, x: k.layers.Normalization()(x), None),
    "Normalization, inverted": (lambda k, x: normalization(k, 127.5, 127.5, axis=None, invert=True)(x), "tf"),
    "Normalization by pixel": (lambda k, x: adapted(k, PIXELS, axis=(1, 2, 3))(x), None),
    "arithmetic": (lambda k, x: x / 255.0, "raw"),
    "arithmetic, constant first": (lambda k, x: 255.0 - x, "raw"),
    "arithmetic on 0..1": (lambda k, x: (x - 0.5) / 0.5, "unit"),
    "arithmetic on -1..1": (lambda k, x: (x + 1.0) * 127.5, "tf"),
    "preprocess_input, tf": (lambda k, x: k.applications.mobilenet.preprocess_input(x), "raw"),
    "preprocess_input, torch": (lambda k, x: k.applications.densenet.preprocess_input(x), "raw"),
    "preprocess_input, caffe": (lambda k, x: k.applications.resnet.preprocess_input(x), "raw"),
    "preprocess_input after times 255": (
        lambda k, x: k.applications.resnet.preprocess_input(k.layers.Rescaling(255.0)(x)), "unit"),
    "channel by channel": (split, "raw"),
    "clipping": (lambda k, x: k.ops.clip(x / 255.0, 0, 1), "raw"),
    "augmentation": (lambda k, x: k.layers.Rescaling(1 / 255)(k.layers.RandomContrast(0.2)(k.layers.RandomFlip()(x))), "raw"),
    "augmentation behind": (lambda k, x: k.layers.RandomRotation(0.1)(k.layers.Rescaling(1 / 255)(x)), "raw"),
    "noise and dropout": (
        lambda k, x: k.layers.Rescaling(1 / 255)(k.layers.Dropout(0.1)(k.layers.GaussianNoise(0.5)(x))), "raw"),
    "resizing and padding": (
        lambda k, x: k.layers.Rescaling(1 / 255)(k.layers.ZeroPadding2D(1)(k.layers.Resizing(20, 20)(x))), "raw"),
    "a Pipeline": (lambda k, x: k.layers.Pipeline([k.layers.RandomFlip(), k.layers.Rescaling(1 / 255)])(x), "raw"),
    "a Sequential": (lambda k, x: nested(k, x, k.layers.RandomZoom(0.1), k.layers.Rescaling(1 / 255)), "raw"),
    "a functional model": (functional, "raw"),
    "a nested model of uint8": (lambda k, x: nested(k, x, k.layers.Rescaling(1 / 255), dtype="uint8"), "raw"),
    "a cast to floats": (lambda k, x: k.ops.cast(x, "float16") / 255.0, "raw"),
    "a cast to integers": (lambda k, x: k.layers.Rescaling(1 / 255)(k.ops.cast(x, "uint8")), "raw"),
    "a cast to integers after times 255": (
        lambda k, x: k.layers.Rescaling(1 / 255)(k.ops.cast(x * 255.0, "int32")), "unit"),
    "a cast to integers, and scaled from there": (
        lambda k, x: k.ops.cast(k.ops.cast(x * 127.5 + 127.5, "uint8"), "float32") / 255.0, "tf"),
    "a cast to integers that bounds them": (lambda k, x: k.ops.saturate_cast(x, "uint8") / 255.0, "raw"),
    "rounding": (lambda k, x: k.ops.round(x) / 255.0, "raw"),
    "a layer that computes in integers": (
        lambda k, x: k.layers.Rescaling(1 / 255)(k.layers.Resizing(20, 20, dtype="uint8")(x)), "raw"),
    "a cast to -127..127": (lambda k, x: k.ops.cast(k.ops.cast(x * 127.0, "int8"), "float32"), None),
    "a linear activation": (lambda k, x: k.layers.Rescaling(1 / 255)(k.layers.Activation("linear")(x)), "raw"),
    "two branches": (
        lambda k, x: k.layers.Concatenate()([k.layers.Rescaling(1 / 255)(x), k.layers.Conv2D(3, 1)(x)]), "raw"),
    "each picture by its own mean": (lambda k, x: (x - k.ops.mean(x)) / k.ops.std(x), None),
    "a mean picture": (lambda k, x: x - PIXELS[0], None),
    "a logarithm": (lambda k, x: k.ops.log(x / 255.0 + 1.0), None),
    "clipping to 0..1": (lambda k, x: k.ops.clip(x, 0, 1), None),
    "reversed channels": (lambda k, x: x[..., ::-1] / 255.0, None),
    "reversed channels behind": (lambda k, x: (x / 255.0)[..., ::-1], None),
    "a Lambda layer": (lambda k, x: k.layers.Lambda(lambda image: image / 255.0)(x), None),
    "a Lambda layer behind": (lambda k, x: k.layers.Lambda(lambda image: image * 255.0)(x / 255.0), None),
    "AutoContrast": (lambda k, x: k.layers.Rescaling(1 / 255)(k.layers.AutoContrast()(x)), None),
    "BatchNormalization": (lambda k, x: k.layers.BatchNormalization()(x), None),
    "nothing": (lambda k, x: x, None),
}  # fmt: skip


def scaled(k: Any, x: Any, *factors: float) -> Any:
    for factor in factors:
        x = k.layers.Rescaling(factor)(x)
    return x


def cast(k: Any, x: Any, dtype: str) -> Any:
    return k.ops.cast(k.ops.cast(x, dtype), "float32")


ANY = "float32"

CONTRADICTIONS: dict[str, tuple[Build, str, str]] = {
    # A graph that is right for no range: how it begins, the type of its input, what is said of it.
    "divided by 255 twice": (
        lambda k, x: scaled(k, x, 1 / 255, 1 / 255), ANY, r"computes 1\.538e-05 \* input, which leaves nothing usable"),
    "times 255 twice": (lambda k, x: scaled(k, x, 255, 255), ANY, r"computes 6\.50.e\+04 \* input, which leaves nothing usable"),
    "16-bit pixels": (lambda k, x: scaled(k, x, 1 / 65535), ANY, "leaves nothing usable of any input range"),
    "a factor of 0": (lambda k, x: scaled(k, x, 0.0), ANY, "Rescaling at its input makes the same numbers of all pictures"),
    "an offset of 100": (lambda k, x: k.layers.Rescaling(1 / 255, offset=100)(x), ANY, r"input \+ 100, which leaves nothing"),
    "an offset of -5000": (lambda k, x: k.layers.Rescaling(1.0, offset=-5000)(x), ANY, "input - 5000, which leaves nothing"),
    "a deviation of a billion": (lambda k, x: normalization(k, [0.5] * 3, [1e9] * 3)(x), ANY, "leaves nothing usable of any input range"),
    "a deviation of 0": (lambda k, x: normalization(k, [0.5] * 3, [0.0] * 3)(x), ANY, "leaves nothing usable of any input range"),
    "a channel without deviation": (
        lambda k, x: normalization(k, [127.0] * 3, [60.0, 60.0, 0.0])(x), ANY, "leaves nothing usable of any input range"),
    "a deviation that is no number": (
        lambda k, x: normalization(k, [1.0] * 3, [float("nan")] * 3)(x), ANY, "numbers of it that are not finite"),
    "a cast to int8": (lambda k, x: cast(k, x, "int8"), ANY, "casts its input to int8, which destroys the pixels"),
    "a cast to bool": (lambda k, x: cast(k, x, "bool"), ANY, "casts its input to bool, which destroys"),
    "a cast of 0..1": (lambda k, x: cast(k, x / 255.0, "uint8"), ANY, r"casts 0\.003922 \* input to uint8, which destroys"),
    "a cast of -1..1": (lambda k, x: cast(k, x / 127.5 - 1.0, "int32"), ANY, "to int32, which destroys"),
    "a cast of what is beyond the type": (lambda k, x: cast(k, x - 500.0, "uint8"), ANY, "input - 500 to uint8, which destroys"),
    "a cast that bounds": (lambda k, x: k.ops.saturate_cast(x, "int8"), ANY, "to int8, which destroys"),
    "rounding of 0..1": (lambda k, x: k.ops.round(x / 255.0), ANY, "to whole numbers, which destroys"),
    "three bits": (lambda k, x: cast(k, x, "float8_e4m3fn"), ANY, "casts its input to float8_e4m3fn, which destroys"),
    "a layer that computes in uint8": (
        lambda k, x: k.layers.Resizing(20, 20, dtype="uint8")(x / 127.5 - 1.0), ANY, "to uint8, which destroys"),
    "a nested model of int8": (
        lambda k, x: nested(k, x, k.layers.Rescaling(1 / 255), dtype="int8"), ANY, "casts its input to int8, which destroys"),
    "uint8 times 255": (
        lambda k, x: scaled(k, x, 255), "uint8", r"contradicts itself: its input is of type uint8, and it computes 255 \* input"),
    "uint8 divided by 255 twice": (lambda k, x: scaled(k, x, 1 / 255, 1 / 255), "uint8", "leaves nothing usable of any input range"),
    "int32 of 0..1": (lambda k, x: k.layers.Rescaling(2.0, offset=-1)(x), "int32", "its input is of type int32, and it computes 2"),
    "a cast and times 255": (
        lambda k, x: scaled(k, cast(k, x, "uint8"), 255), ANY, "casts its input to uint8, and it computes 255"),
    "two branches": (
        lambda k, x: k.layers.Concatenate()(
            [k.layers.Conv2D(3, 1)(x / 255.0), k.layers.Conv2D(3, 1)(k.layers.Rescaling(255.0)(x))]),
        ANY, r"contradicts itself: it computes .* and it computes"),
    "means in the order BGR": (
        lambda k, x: x / 255.0 - np.asarray([0.406, 0.456, 0.485], np.float32), ANY, "its input is BGR"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_is_right_for_no_range(keras: Any, name: str) -> None:
    build, dtype, words = CONTRADICTIONS[name]
    finding = follow(keras, model_of(keras, build, dtype=dtype))
    assert finding.proven is None and not finding.possible, finding
    assert re.search(words, finding.evidence), finding.evidence
    assert not finding.order_open


def test_the_remedy_for_bgr_works(keras: Any) -> None:
    model = model_of(
        keras, lambda k, x: k.layers.Rescaling(1.0)(x) - np.asarray([103.939, 116.779, 123.68], np.float32)
    )
    finding = follow(keras, model)
    assert "its input is BGR" in finding.evidence and "image[..., ::-1]" in finding.evidence
    image = keras.Input((12, 10, 3))
    assert follow(keras, keras.Model(image, model(image[..., ::-1]))).proven == "raw"


@pytest.mark.parametrize("name", CASES)
def test_what_a_graph_proves(keras: Any, tmp_path: Path, name: str) -> None:
    build, proven = CASES[name]
    model = model_of(keras, build)
    finding = follow(keras, model)
    assert finding.proven == proven, finding
    assert finding.possible == {proven} if proven else finding.possible
    # What arrives is a file, whose constants and references were written and read.
    model.save(tmp_path / "it.keras")
    loaded = keras.models.load_model(tmp_path / "it.keras", compile=False, safe_mode=False)
    assert follow(keras, loaded) == finding


@pytest.mark.parametrize("shape", [(20, 12, 1), (12, 20, 3), (None, None, 3), (600, 700, 3), (28, 28)])
def test_shapes(keras: Any, shape: tuple[int | None, ...]) -> None:
    def build(k: Any, x: Any) -> Any:
        x = x if len(shape) == 3 else k.layers.Reshape((*shape, 1))(x)
        return k.layers.Rescaling(1 / 127.5, -1)(x)

    assert follow(keras, model_of(keras, build, shape)).proven == "raw"
    if len(shape) == 3:
        assert follow(keras, model_of(keras, lambda k, x: x, shape)).proven is None


def test_grey_pictures_in_three_channels(keras: Any) -> None:
    def build(k: Any, x: Any) -> Any:
        return k.applications.densenet.preprocess_input(k.layers.Concatenate()([x, x, x]))

    assert follow(keras, model_of(keras, build, (12, 10, 1))).proven == "raw"


@pytest.mark.parametrize(
    ("dtype", "proven"),
    [
        ("uint8", "raw"),
        ("int32", "raw"),
        ("uint16", "raw"),
        ("float16", None),
        ("float64", None),
    ],
)
def test_types_of_the_input(keras: Any, dtype: str, proven: str | None) -> None:
    # What the network does with them proves nothing here.
    build: Build = lambda k, x: k.ops.cast(x, "float32")
    assert follow(keras, model_of(keras, build, dtype=dtype)).proven == proven


@pytest.mark.parametrize(
    ("name", "proven", "behind"),
    [
        # Behind 255 * x and (x + 1) * 127.5: what all of it together proves.
        ("EfficientNetB0", "raw", (None, "tf")), ("EfficientNetV2B0", "raw", ("unit", "tf")),
        ("EfficientNetV2S", "raw", (None, None)), ("ConvNeXtTiny", "raw", ("unit", "tf")),
        ("MobileNetV3Small", "raw", ("unit", None)), ("MobileNetV2", None, ("unit", "tf")), ("ResNet50", None, ("unit", "tf")),
    ],
)  # fmt: skip
def test_networks_of_keras(
    keras: Any, name: str, proven: str | None, behind: tuple[str | None, str | None]
) -> None:
    network = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=2)
    assert follow(keras, network).proven == proven
    image = keras.Input((64, 64, 3))
    augmented = keras.Model(image, network(keras.layers.RandomFlip()(image)))
    assert follow(keras, augmented).proven == proven
    for before, expected in zip(
        (keras.layers.Rescaling(255.0)(image), (image + 1.0) * 127.5), behind, strict=True
    ):
        finding = follow(keras, keras.Model(image, network(before)))
        assert finding.proven == expected, finding


def test_a_network_of_the_zoo_proves_what_the_zoo_states(keras: Any) -> None:
    """The one family with its preprocessing inside."""
    network = zoo.build("efficientnet_b0", 2, 64)
    assert follow(keras, network).proven == zoo.contract("efficientnet_b0").range_name == "raw"


def test_a_network_without_its_preprocessing_proves_nothing(keras: Any) -> None:
    for name in ("MobileNetV3Small", "EfficientNetV2B0"):
        network = getattr(keras.applications, name)(
            weights=None, input_shape=(64, 64, 3), classes=2, include_preprocessing=False
        )
        assert follow(keras, network).proven is None


def test_what_leaves_pictures_as_they_are_does(keras: Any) -> None:
    """At inference; those that move pixels are asked for a picture of one colour."""
    options: dict[str, Any] = {
        "Dropout": {"rate": 0.5}, "SpatialDropout2D": {"rate": 0.5}, "GaussianNoise": {"stddev": 0.9},
        "AveragePooling2D": {"pool_size": 2}, "RandomZoom": {"height_factor": 0.3},
        "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.3},
        "GaussianDropout": {"rate": 0.5}, "AlphaDropout": {"rate": 0.5}, "Resizing": {"height": 6, "width": 7},
        "CenterCrop": {"height": 6, "width": 7}, "RandomCrop": {"height": 6, "width": 7}, "ZeroPadding2D": {"padding": 0},
        "RandomPosterization": {"factor": 4},
    }  # fmt: skip
    factors = {
        "RandomBrightness", "RandomColorDegeneration", "RandomContrast", "RandomHue", "RandomRotation",
        "RandomSaturation", "RandomSharpness",
    }  # fmt: skip
    for name in sorted(CHANGE_NOTHING - {"InputLayer"}):
        given = options.get(name, {"factor": 0.3} if name in factors else {})
        layer = getattr(keras.layers, name)(**given)
        moved = (
            name in ("Resizing", "CenterCrop", "RandomCrop", "Cropping2D", "UpSampling2D")
            or "Pooling" in name
        )
        pixels = np.full_like(PIXELS, 77) if moved else PIXELS
        kwargs = {"training": False} if layer._call_has_training_arg else {}
        made = np.asarray(layer(pixels, **kwargs))
        if moved:
            assert np.ptp(made) < 1e-3 and abs(made.mean() - 77) < 1e-3, name
        else:
            np.testing.assert_array_equal(made, pixels, name)


def test_the_lists_of_layers_do_not_overlap(keras: Any) -> None:
    assert not CHANGE_NOTHING & SCALE and not CHANGE_VALUES & (CHANGE_NOTHING | SCALE)
    random = {name for name in dir(keras.layers) if name.startswith("Random")}
    assert random - CHANGE_NOTHING == {"RandomFourierFeatures"} & random


@pytest.mark.parametrize("dtype", ["int8", "bool", "complex64"])
def test_an_input_that_no_pixels_are_is_refused(keras: Any, dtype: str) -> None:
    image = keras.Input((8, 8, 3), dtype=dtype)
    model = keras.Model(
        image, keras.layers.Dense(2)(keras.layers.Flatten()(keras.ops.cast(image, "float32")))
    )
    with pytest.raises(
        ModelFileError, match=f"takes values of type {dtype}, which pixels from 0 to 255 are not"
    ):
        describe(keras, model)
