"""EfficientNet and EfficientNet-Lite0: what the common tests of the zoo do not see."""

import re
from typing import Any

import numpy as np
import pytest

from mobilecnn.errors import ModelNameError
from mobilecnn.train import zoo
from mobilecnn.train.complexity import layers, total


def test_efficientnet_takes_0_to_255(keras: Any) -> None:
    model = zoo.build("efficientnet_b0", classes=2, size=32)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
    seen = keras.Model(model.input, model.get_layer("stem_conv_pad").input)(pixels)
    np.testing.assert_allclose(np.asarray(seen), pixels / 255, atol=1e-6)
    assert zoo.contract("efficientnet_b0").std == (1.0, 1.0, 1.0)


def test_lite0_is_b0_with_relu6_and_without_squeeze_and_excitation(keras: Any) -> None:
    from keras.src.applications.efficientnet import DEFAULT_BLOCKS_ARGS, EfficientNet

    twin = EfficientNet(
        1.0,
        1.0,
        224,
        activation="relu6",
        blocks_args=[{**row, "se_ratio": 0} for row in DEFAULT_BLOCKS_ARGS],
        input_shape=(70, 70, 3),
        weights=None,
        classes=5,
    )
    lite = zoo.build("efficientnet_lite0", classes=5, size=70)
    weighted = [[layer for layer in model.layers if layer.weights] for model in (lite, twin)]
    # The twin begins with a normalization, which is the identity until it is adapted.
    assert type(weighted[1].pop(0)).__name__ == "Normalization"
    generator = np.random.default_rng(1)
    for ours, theirs in zip(*weighted, strict=True):
        values = [np.asarray(weight) for weight in theirs.get_weights()]
        if type(theirs).__name__ == "BatchNormalization":
            values = [generator.uniform(0.5, 1.5, value.shape) for value in values]
            theirs.set_weights(values)
        ours.set_weights(values)
    unit = generator.uniform(0, 1, (2, 70, 70, 3)).astype(np.float32)
    expected = np.asarray(twin(unit * 255))
    # The weights that were copied make the answers differ between images and classes.
    assert expected.std() > 1e-3
    np.testing.assert_allclose(np.asarray(lite(unit)), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("number", "blocks", "channels"),
    [
        (1, (1, 3, 3, 4, 4, 5, 1), (16, 24, 40, 80, 112, 192, 320)),
        (2, (1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352)),
        (4, (1, 4, 4, 6, 6, 8, 1), (24, 32, 56, 112, 160, 272, 448)),
    ],
)
def test_lite_networks_scale_the_middle_alone(
    keras: Any, number: int, blocks: tuple[int, ...], channels: tuple[int, ...]
) -> None:
    model = zoo.graph(f"efficientnet_lite{number}", 5, (64, 64))
    projected = [
        layer.filters
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.name.endswith("project")
    ]
    assert projected == [out for out, times in zip(channels, blocks, strict=True) for _ in range(times)]
    assert (model.get_layer("stem_conv").filters, model.get_layer("head_conv").filters) == (32, 1280)


def test_compound_scaling_is_the_papers_rule(keras: Any) -> None:
    # arXiv 1905.11946, equation 3, with the coefficients of section 4.
    assert pytest.approx(2, rel=0.05) == 1.2 * 1.1**2 * 1.15**2
    assert [zoo.parse(f"efficientnet_phi{phi}").size for phi in (0, 1, 2, 0.5)] == [224, 258, 296, 240]
    scaled, published = (
        [weight.shape for weight in zoo.graph(name, 5, (64, 64)).weights]
        for name in ("efficientnet_phi0.0", "efficientnet_b0")
    )
    assert scaled == published
    one = zoo.graph("efficientnet_phi1.0", 5, (64, 64))
    blocks = {layer.name.split("_")[0] for layer in one.layers if layer.name.startswith("block")}
    # 1, 2, 2, 3, 3, 4 and 1 blocks times 1.2, each rounded up.
    assert len(blocks) == 2 + 3 + 3 + 4 + 4 + 5 + 2
    # 1280 times 1.1, to a multiple of 8.
    assert one.get_layer("top_conv").filters == 1408


def test_any_coefficient_whose_pictures_can_be_taken_has_a_network(keras: Any) -> None:
    assert [zoo.parse(f"efficientnet_phi{phi}").size for phi in (-1, -14.03, 9, 15.83)] == [
        195,
        32,
        788,
        2047,
    ]
    assert str(zoo.parse("efficientnet_phi-1")) == "efficientnet_phi-1.0"
    assert str(zoo.parse("efficientnet_phi-0")) == "efficientnet_phi0.0"
    less, zero, large = (
        zoo.graph(f"efficientnet_phi{phi}", 5, (64, 64)).count_params() for phi in ("-2.0", "0.0", "2.0")
    )
    assert less < zero < large


def test_the_ends_of_the_coefficients_are_built_and_counted(keras: Any) -> None:
    """The deeper one has 4,268 layers in a row, which Keras walks by recursion."""
    smallest, largest = (layers(zoo.graph(f"efficientnet_phi{phi}", 5)) for phi in ("-14.03", "15.83"))
    assert len(smallest) < 200 and len(largest) == 4268
    assert total(largest).params_trainable > 1000 * total(smallest).params_trainable
    assert not total(largest).uncounted


@pytest.mark.parametrize(
    ("phi", "pixels"), [("15.84", 2050), ("-14.04", 31), ("-20", 14), ("99.9999", 263_000_000)]
)
def test_a_coefficient_whose_pictures_no_network_takes_is_refused(phi: str, pixels: int) -> None:
    with pytest.raises(
        ModelNameError, match=r"is out of range, as the input side would be (\d+) pixels"
    ) as error:
        zoo.parse(f"efficientnet_phi{phi}")
    assert str(error.value).endswith("choose one from -14.03 to 15.83")
    (said,) = re.findall(r"be (\d+) pixels", str(error.value))
    assert int(said) == pytest.approx(pixels, rel=0.01)
