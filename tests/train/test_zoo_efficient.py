"""EfficientNet and EfficientNet-Lite0: what the common tests of the zoo do not see."""

from typing import Any

import numpy as np

from mobilecnn.train import zoo


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
