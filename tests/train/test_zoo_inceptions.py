"""The Inception family: against Keras' own network, published feature-map sizes, and formulas of the parts."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[np.float32]


@pytest.fixture(autouse=True)
def _loaded(keras: Any) -> None:
    """The networks' modules import Keras, which has to be loaded quietly first."""


def _shapes(model: Any, *names: str) -> list[tuple[int, ...]]:
    return [tuple(model.get_layer(name).output.shape[1:]) for name in names]


def _outputs(keras: Any, model: Any, side: int, *names: str) -> list[Array]:
    x = np.random.default_rng(0).uniform(-1, 1, (2, side, side, 3)).astype(np.float32)
    outputs = keras.Model(model.input, [model.get_layer(name).output for name in names])(x, training=False)
    return [np.asarray(output) for output in outputs]


def _randomize(model: Any) -> None:
    """Biases and statistics that matter, as after training."""
    generator = np.random.default_rng(5)
    for layer in model.layers:
        values = [np.asarray(weight) for weight in layer.weights]
        for index, weight in enumerate(layer.weights):
            if weight.name in ("gamma", "moving_variance"):
                values[index] = generator.uniform(0.5, 1.5, weight.shape)
            elif weight.name in ("bias", "beta", "moving_mean"):
                values[index] = generator.normal(scale=0.2, size=weight.shape)
        layer.set_weights(values)


@pytest.mark.sweep
def test_inception_resnet_v2_is_the_one_of_keras(keras: Any) -> None:
    from mobilecnn.train.zoo import inception_resnet

    side = 107  # The smallest maps are 2x2: a kernel of 1x3 is not one of 3x1.
    ours = inception_resnet.build(version="v2", size=side, classes=7, name="ours")
    theirs = keras.applications.InceptionResNetV2(weights=None, input_shape=(side, side, 3), classes=7)
    _randomize(theirs)
    # Both list their layers by depth in the graph, so equal graphs list equal layers.
    pairs = zip(
        [layer for layer in ours.layers if layer.weights],
        [layer for layer in theirs.layers if layer.weights],
        strict=True,
    )
    for our, their in pairs:
        assert type(our) is type(their)
        our.set_weights(their.get_weights())
    *_, last = (layer.name for layer in theirs.layers if type(layer).__name__ == "CustomScaleLayer")
    our_maps = _outputs(keras, ours, side, "inception_c_last1_add", "conv_last1_relu", "predictions")
    their_maps = _outputs(keras, theirs, side, last, "conv_7b_ac", "predictions")
    for our_map, their_map in zip(our_maps, their_maps, strict=True):
        assert their_map.std() > 0.01
        np.testing.assert_allclose(our_map, their_map, rtol=0, atol=1e-4 * np.abs(their_map).max())


def test_residuals_of_inception_resnet_v1(keras: Any) -> None:
    from mobilecnn.train.zoo import inception_resnet

    model = inception_resnet.build(version="v1", size=107, classes=3, name="v1")
    _randomize(model)
    chain = [
        ("stem1_7_relu", "inception_a1", 0.17, True),
        ("reduction_a1_concat", "inception_b1", 0.1, True),
        ("reduction_b1_concat", "inception_c1", 0.2, True),
        ("inception_c5_relu", "inception_c_last1", 1.0, False),
    ]
    for before, module, scale, relu in chain:
        after = f"{module}_relu" if relu else f"{module}_add"
        x, concat, y = _outputs(keras, model, 107, before, f"{module}_concat", after)
        up = model.get_layer(f"{module}_up")
        expected = x + scale * (concat @ np.asarray(up.kernel)[0, 0] + np.asarray(up.bias))
        assert (expected < 0).any()
        np.testing.assert_allclose(y, np.maximum(expected, 0) if relu else expected, rtol=1e-4, atol=1e-4)


def test_feature_maps_of_inception_resnet_v1() -> None:
    from mobilecnn.train.zoo import inception_resnet

    # Figure 15 of the paper.
    model = inception_resnet.build(version="v1", size=299, classes=3, name="v1")
    stages = ("stem1_7", "inception_a5_relu", "inception_b10_relu", "inception_c_last1_add")
    assert _shapes(model, *stages) == [(35, 35, 256), (35, 35, 256), (17, 17, 896), (8, 8, 1792)]


def test_feature_maps_of_inception_v4() -> None:
    from mobilecnn.train.zoo import inception_v4

    # Figures 3 and 9 of the paper.
    model = inception_v4.build(size=299, classes=3, name="v4")
    stem = ("stem1_1", "stem1_2", "stem1_3", "stem1_4_concat", "stem1_5_concat", "stem1_6_concat")
    assert _shapes(model, *stem) == [
        (149, 149, 32), (147, 147, 32), (147, 147, 64), (73, 73, 160), (71, 71, 192), (35, 35, 384)
    ]  # fmt: skip
    stages = ("inception_a4_concat", "reduction_a1_concat", "inception_b7_concat", "inception_c3_concat")
    assert _shapes(model, *stages) == [(35, 35, 384), (17, 17, 1024), (17, 17, 1024), (8, 8, 1536)]


def test_blocks_of_inception_v4_follow_each_other_or_stand_side_by_side(keras: Any) -> None:
    from mobilecnn.train.zoo.inception_v4 import Conv, V, apply

    x = keras.Input((9, 9, 4))
    sequence = apply((Conv(5, 3, 3), Conv(6, 1, 7), Conv(7, 3, 3, 2, V)), x, "sequence")
    assert sequence.shape[1:] == (4, 4, 7)
    parallel = apply(["max pool", Conv(6, 3, 3, 2, V), (Conv(2, 1, 1), Conv(3, 3, 3, 2, V))], x, "parallel")
    assert parallel.shape[1:] == (4, 4, 4 + 6 + 3)


def test_average_pools_do_not_count_their_padding(keras: Any) -> None:
    from mobilecnn.train.zoo.inception_v4 import apply

    x = keras.ops.ones((1, 4, 4, 2))
    np.testing.assert_allclose(np.asarray(apply("avg pool", x, "pool")), np.ones((1, 4, 4, 2)), rtol=1e-6)


@pytest.fixture(scope="module")
def inception_v2(keras: Any) -> Any:
    from mobilecnn.train.zoo import inception_v2

    return inception_v2.build(size=224, classes=3, name="v2")


def test_feature_maps_of_inception_v2(inception_v2: Any) -> None:
    # Figure 5 of the paper.
    assert _shapes(inception_v2, "conv1", "pool1", "conv2", "pool2") == [
        (112, 112, 64), (56, 56, 64), (56, 56, 192), (28, 28, 192)
    ]  # fmt: skip
    modules = {
        "3a": (28, 28, 256), "3b": (28, 28, 320), "3c": (14, 14, 576), "4a": (14, 14, 576), "4b": (14, 14, 576),
        "4c": (14, 14, 576), "4d": (14, 14, 576), "4e": (7, 7, 1024), "5a": (7, 7, 1024), "5b": (7, 7, 1024),
    }  # fmt: skip
    names = (f"inception_{module}_concat" for module in modules)
    assert _shapes(inception_v2, *names) == list(modules.values())


def test_pools_of_inception_v2(keras: Any, inception_v2: Any) -> None:
    pools = [layer.name for layer in inception_v2.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    assert pools == ["pool1", "pool2", "inception_3c_pool", "inception_4e_pool", "inception_5b_pool"]
    # A module of stride 2 passes its pooled input on as it is, as the last of its channels.
    names = ("inception_3b_concat", "inception_3c_concat")
    x, y = _outputs(keras, inception_v2, 224, *names)
    padded = np.pad(
        x, ((0, 0), (0, 1), (0, 1), (0, 0))
    )  # At the end alone, as TensorFlow does; all are >= 0.
    rows = np.maximum.reduce([padded[:, start : start + 27 : 2] for start in range(3)])
    pooled = np.maximum.reduce([rows[:, :, start : start + 27 : 2] for start in range(3)])
    np.testing.assert_array_equal(y[..., -pooled.shape[-1] :], pooled)


def test_stem_of_inception_v2(inception_v2: Any) -> None:
    # TF-slim's variables: 8 depthwise maps per channel, a bias and no batch normalization.
    stem = inception_v2.get_layer("conv1")
    shapes = {weight.name: tuple(weight.shape) for weight in stem.weights}
    assert shapes == {"depthwise_kernel": (7, 7, 3, 8), "pointwise_kernel": (1, 1, 24, 64), "bias": (64,)}
    assert inception_v2.get_layer("pool1").input is stem.output


@pytest.mark.parametrize("variant", ["_aux", "_bn_aux"])
def test_auxiliary_classifier_of_inception_v3(keras: Any, variant: str) -> None:
    from mobilecnn.train.zoo import inception_v3

    model = inception_v3.build(variant=variant, size=299, classes=7, name="v3")
    # Figure 8: on the last map of 17x17, before the first one of 8x8.
    assert model.get_layer("aux_pool").input.shape[1:] == (17, 17, 768)
    assert _shapes(model, "aux_pool", "aux_conv1", "aux_conv2", "aux_predictions") == [
        (5, 5, 768), (5, 5, 128), (1, 1, 768), (7,)
    ]  # fmt: skip
    assert [tuple(output.shape) for output in model.outputs] == [(None, 7)] * 2
    normalized = [
        layer.name for layer in model.layers if layer.name.startswith("aux_") and "bn" in layer.name
    ]
    assert normalized == (["aux_conv1_bn", "aux_conv2_bn"] if variant == "_bn_aux" else [])
    assert model.get_layer("aux_conv1").use_bias is (variant == "_aux")
    small = inception_v3.build(variant=variant, size=75, classes=2, name="small")
    assert small.get_layer("aux_conv2").output.shape[1:] == (1, 1, 768)
