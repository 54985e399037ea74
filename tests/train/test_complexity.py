"""Parameters and multiply-adds of models from anywhere."""

from typing import Any

import pytest

from mobilecnn.errors import ModelFileError
from mobilecnn.train.complexity import ModelCounts, count, layers


@pytest.mark.parametrize(
    ("network", "trainable", "total", "macs"),
    [
        ("ResNet50", 25_583_592, 25_636_712, 3857.97),  # strided and biased convolutions
        ("Xception", 22_855_952, 22_910_480, 8357.4),  # separable convolutions
        ("EfficientNetB0", 5_288_548, 5_330_571, 385.81),  # squeeze-and-excitation, a Normalization layer
    ],
)
def test_published_networks(keras: Any, network: str, trainable: int, total: int, macs: float) -> None:
    model = getattr(keras.applications, network)(weights=None)
    counts = count(model)
    assert (counts.params_trainable, counts.params_total) == (trainable, total)
    assert counts.params_total == model.count_params()
    assert counts.macs is not None
    assert round(counts.macs / 1e6, 2) == macs


def _one(keras: Any, layer: Any, shape: tuple[int | None, ...]) -> ModelCounts:
    return count(keras.Sequential([keras.Input(shape), layer]))


def test_each_kind_by_hand(keras: Any) -> None:
    kinds = keras.layers
    image = (10, 12, 4)
    table = [
        # 8x10 positions, a 3x3 kernel over 4 channels, 6 outputs
        (kinds.Conv2D(6, 3), image, 80 * 9 * 4 * 6, 9 * 4 * 6 + 6),
        # each output sees 2 channels
        (kinds.Conv2D(6, 3, groups=2, use_bias=False), image, 80 * 9 * 2 * 6, 9 * 2 * 6),
        (kinds.Conv2D(6, 3, strides=2, padding="same", use_bias=False), image, 30 * 9 * 4 * 6, 9 * 4 * 6),
        (kinds.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), image, 80 * 9 * 8, 9 * 8),
        (kinds.SeparableConv2D(6, 3, use_bias=False), image, 80 * (9 * 4 + 4 * 6), 9 * 4 + 4 * 6),
        # each input position spreads the kernel
        (kinds.Conv2DTranspose(6, 3, strides=2, use_bias=False), image, 120 * 9 * 4 * 6, 9 * 4 * 6),
        (kinds.Conv1D(5, 3, use_bias=False), (9, 2), 7 * 3 * 2 * 5, 3 * 2 * 5),
        (kinds.Dense(7), (11,), 77, 84),
        # applied at every position
        (kinds.Dense(7, use_bias=False), image, 120 * 4 * 7, 28),
        (kinds.BatchNormalization(), image, 0, 16),
        (kinds.PReLU(shared_axes=[1, 2]), image, 0, 4),
        (kinds.AveragePooling2D(2), image, 0, 0),
        (kinds.Conv2D(6, 3, data_format="channels_first"), (4, 10, 12), 80 * 9 * 4 * 6, 9 * 4 * 6 + 6),
    ]
    for layer, shape, macs, parameters in table:
        counts = _one(keras, layer, shape)
        assert (counts.macs, counts.params_total) == (macs, parameters), layer


def test_nested_and_shared_layers_count_once_a_call(keras: Any) -> None:
    inner_input = keras.Input((None, None, 3))
    shared = keras.layers.Conv2D(3, 1, use_bias=False, name="shared")
    inner = keras.Model(inner_input, shared(shared(inner_input)), name="inner")
    head = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, name="dense")], name="head"
    )
    image = keras.Input((8, 8, 3))
    small = keras.layers.MaxPooling2D()(image)
    both = keras.layers.Add()([inner(image), keras.layers.UpSampling2D()(inner(small))])
    model = keras.Model(image, head(both))

    rows = {(row.name, row.output_shape): row for row in layers(model)}
    # The inner model has no size of its own: each call counts at the size it is called with.
    assert rows["inner/shared", (8, 8, 3)].macs == 64 * 9
    assert rows["inner/shared", (4, 4, 3)].macs == 16 * 9
    assert rows["head/dense", (2,)].macs == 192 * 2
    counts = count(model)
    assert counts.macs == 2 * 64 * 9 + 2 * 16 * 9 + 192 * 2
    assert counts.params_total == 9 + 192 * 2 + 2 == model.count_params()
    # The column adds up to the total although the layer is called four times.
    assert [row.params_total for row in layers(model) if row.name == "inner/shared"] == [9, 0, 0, 0]


def test_frozen_layers_are_not_trainable(keras: Any) -> None:
    dense = keras.layers.Dense(4)
    model = keras.Sequential([keras.Input((3,)), dense])
    dense.trainable = False
    assert count(model) == ModelCounts(0, 16, 12, ())


def test_unknown_layers_are_reported_not_ignored(keras: Any) -> None:
    class Scale(keras.layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],))

        def call(self, inputs: Any) -> Any:
            return inputs * self.scale

    class Halve(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return inputs / 2

    x = image = keras.Input((6, 6, 2))
    for layer in (keras.layers.Conv2D(2, 1, use_bias=False), Scale(name="scale"), Halve()):
        x = layer(x)
    counts = count(keras.Model(image, x))
    assert counts == ModelCounts(6, 6, None, ("scale",))

    product = keras.ops.matmul(image, keras.ops.ones((2, 5)))
    assert count(keras.Model(image, product)).macs is None
    # Without weights there is nothing to apply.
    assert _one(keras, Halve(), (6, 6, 2)) == ModelCounts(0, 0, 0, ())


def test_a_free_size_leaves_the_multiply_adds_open(keras: Any) -> None:
    counts = _one(keras, keras.layers.Conv2D(2, 3, use_bias=False, name="conv"), (None, None, 3))
    assert counts == ModelCounts(54, 54, None, ("conv",))


def test_models_without_a_graph_are_refused(keras: Any) -> None:
    class Subclassed(keras.Model):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return inputs

    for model in (Subclassed(), keras.Sequential([keras.layers.Dense(2)])):
        with pytest.raises(ModelFileError, match="no graph of layers"):
            count(model)
