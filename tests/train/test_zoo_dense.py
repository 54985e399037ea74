"""Parts of DenseNet, the CIFAR ResNets, ShiftNet and RandWire."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.train import zoo
from mobilecnn.train.complexity import count
from mobilecnn.train.zoo.randwire_graph import wirings

Array = npt.NDArray[np.float32]


def _randomize(model: Any) -> None:
    """Give batch normalization statistics that matter, as after training."""
    generator = np.random.default_rng(5)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            shape = layer.gamma.shape
            scale, variance = generator.uniform(0.5, 1.5, (2, *shape))
            offset, mean = generator.normal(size=(2, *shape))
            layer.set_weights([scale, offset, mean, variance])


def _images(side: int, count: int = 2) -> Array:
    return np.random.default_rng(0).uniform(-1, 1, (count, side, side, 3)).astype(np.float32)


def _maps(keras: Any, model: Any, names: list[str]) -> dict[str, Array]:
    """Feature maps by the names of the layers that give them, for random images."""
    outputs = [model.get_layer(name).output for name in names]
    values = keras.Model(model.input, outputs)(_images(model.input_shape[1]), training=False)
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def test_densenet_computes_what_keras_applications_does(keras: Any) -> None:
    from mobilecnn.train.zoo import densenet

    theirs = keras.applications.DenseNet121(input_shape=(32, 32, 3), weights=None, classes=7)
    _randomize(theirs)
    ours = densenet.build(depth=121, size=32, classes=7, name="ours")
    pairs = zip(
        *([layer for layer in model.layers if layer.weights] for model in (ours, theirs)), strict=True
    )
    for our_layer, their_layer in pairs:
        assert type(our_layer) is type(their_layer)
        our_layer.set_weights(their_layer.get_weights())
    # Softmax hides differences: the pooled features beneath it are compared too.
    (pooled, scores), (expected, their_scores) = (
        keras.Model(model.input, [model.layers[-2].output, model.output])(_images(32), training=False)
        for model in (ours, theirs)
    )
    expected = np.asarray(expected)
    np.testing.assert_allclose(np.asarray(pooled), expected, rtol=1e-4, atol=1e-4 * expected.std())
    np.testing.assert_allclose(np.asarray(scores), np.asarray(their_scores), atol=1e-4)


def _weight_layers(keras: Any, model: Any) -> int:
    """Convolutions and dense layers on the longest way from the image to the scores."""
    return sum(
        isinstance(layer, keras.layers.Conv2D | keras.layers.Dense) and "shortcut" not in layer.name
        for layer in model.layers
    )


@pytest.mark.parametrize(("depth", "growth"), [(22, 4), (40, 12)])
def test_the_depth_of_a_cifar_densenet(keras: Any, depth: int, growth: int) -> None:
    from mobilecnn.train.zoo import densenet_cifar

    model = densenet_cifar.build(depth=depth, growth=growth, size=32, classes=10, name="densenet")
    assert _weight_layers(keras, model) == depth
    per_block = (depth - 4) // 6
    # Two growth rates from the stem, one from every dense layer, half of all after a transition.
    channels, side = 2 * growth, 32
    for block in (1, 2, 3):
        if block > 1:
            channels, side = channels // 2, side // 2
        channels += per_block * growth
        last = model.get_layer(f"block{block}_layer{per_block}_concat")
        assert last.output.shape == (None, side, side, channels)


def test_the_units_of_the_cifar_resnets() -> None:
    from mobilecnn.train.zoo.resnet_cifar import NETWORKS

    assert NETWORKS["resnet110"].units == 18
    assert NETWORKS["resnet110"].depth == 6 * 18 + 2
    assert NETWORKS["resnet1001_v2"].units == 111
    assert NETWORKS["resnet1001_v2"].depth == 9 * 111 + 2


@pytest.mark.parametrize("depth", [20, 56])
def test_a_plain_net_is_the_residual_one_without_its_shortcuts(keras: Any, depth: int) -> None:
    plain, residual = (zoo.graph(f"{kind}{depth}_cifar10") for kind in ("plain", "resnet"))
    assert _weight_layers(keras, plain) == _weight_layers(keras, residual) == depth
    kinds = {type(layer).__name__ for layer in plain.layers}
    assert "Add" not in kinds and not any("shortcut" in layer.name for layer in plain.layers)
    # The two projections: 16 to 32 and 32 to 64 channels, each with a scale and an offset, a mean and a variance.
    assert residual.count_params() - plain.count_params() == 16 * 32 + 4 * 32 + 32 * 64 + 4 * 64
    after = plain.get_layer("stage1_unit1_conv2_relu")
    assert after.output.shape == (None, 32, 32, 16)


# Shallower ones of the same two kinds.
@pytest.mark.parametrize(
    ("depth", "per_unit", "preactivated", "widest"), [(20, 2, False, 64), (29, 3, True, 256)]
)
def test_the_depth_of_a_cifar_resnet(
    keras: Any, monkeypatch: pytest.MonkeyPatch, depth: int, per_unit: int, preactivated: bool, widest: int
) -> None:
    from mobilecnn.train.zoo import resnet_cifar

    shallow = resnet_cifar.CifarResNet(depth, per_unit, preactivated)
    monkeypatch.setitem(resnet_cifar.NETWORKS, "shallow", shallow)
    model = resnet_cifar.build(variant="shallow", size=32, classes=10, name="resnet")
    assert _weight_layers(keras, model) == depth
    for stage, share, side in ((1, 4, 32), (2, 2, 16), (3, 1, 8)):
        for unit in range(1, shallow.units + 1):
            shape = model.get_layer(f"stage{stage}_unit{unit}_add").output.shape
            assert shape == (None, side, side, widest // share)

    _randomize(model)
    last = "conv2_bn" if per_unit == 2 else "conv3"
    end = "add" if preactivated else "relu"
    names = [f"stage2_unit1_{end}", f"stage2_unit2_{last}", f"stage2_unit2_{end}"]
    before, branch, after = _maps(keras, model, names).values()
    expected = before + branch if preactivated else np.maximum(before + branch, 0)
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-5)
    assert (after < 0).any() == preactivated


@given(st.sampled_from([3, 5]), st.integers(1, 6), st.integers(0, 30), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_shift(keras: Any, kernel: int, side: int, extra: int, seed: int) -> None:
    from mobilecnn.train.zoo.shiftnet import shift

    groups = kernel**2
    depth = groups + extra
    x = np.random.default_rng(seed).normal(size=(2, side, side + 1, depth)).astype(np.float32)
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, shift(inputs, kernel, "unit"))

    expected = np.zeros_like(x)
    reach = kernel // 2
    offsets = [(down, right) for down in range(-reach, reach + 1) for right in range(-reach, reach + 1)]
    channel = 0
    for down, right in offsets:
        size = depth // groups + (depth % groups if (down, right) == (0, 0) else 0)
        for row in range(side):
            for column in range(side + 1):
                if 0 <= row + down < side and 0 <= column + right < side + 1:
                    source = x[:, row + down, column + right, channel : channel + size]
                    expected[:, row, column, channel : channel + size] = source
        channel += size
    assert channel == depth
    np.testing.assert_array_equal(np.asarray(model(x)), expected)
    counts = count(model)
    assert (counts.params_total, counts.macs) == (0, 0)


@pytest.mark.parametrize("variant", ["b", "c"])
def test_the_groups_of_shiftnet(keras: Any, variant: str) -> None:
    from mobilecnn.train.zoo import shiftnet

    model = shiftnet.build(variant=variant, size=224, classes=5, name="shiftnet")
    channels = {"b": (32, 64, 128, 256), "c": (32, 64, 128, 256)}[variant]
    modules = {"b": (5, 6, 7, 3), "c": (1, 4, 4, 3)}[variant]
    for group, (width, depth, side) in enumerate(zip(channels, modules, (56, 28, 14, 7), strict=True), 2):
        names = [layer.name for layer in model.layers if layer.name.startswith(f"group{group}_")]
        assert len({name.split("_")[1] for name in names}) == depth
        ending = "add" if depth > 1 else "conv2"
        assert model.get_layer(f"group{group}_module{depth}_{ending}").output.shape == (
            None,
            side,
            side,
            width,
        )


def test_a_strided_shiftnet_module_keeps_its_pooled_input(keras: Any) -> None:
    from mobilecnn.train.zoo import shiftnet

    model = shiftnet.build(variant="b", size=32, classes=5, name="shiftnet")
    _randomize(model)
    names = ["group3_module6_add", "group4_module1_conv2", "group4_module1_concat"]
    before, branch, after = _maps(keras, model, names).values()
    padded = np.pad(before, ((0, 0), (1, 1), (1, 1), (0, 0)))
    side = after.shape[1]
    windows = [
        padded[:, row : row + 2 * side : 2, column : column + 2 * side : 2]
        for row in range(3)
        for column in range(3)
    ]
    expected = np.concatenate([branch, sum(windows) / 9], axis=-1)
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-5)


_SIZES = st.lists(st.integers(5, 40), min_size=1, max_size=3).map(tuple)


@given(_SIZES, st.sampled_from([2, 4]), st.floats(0, 1), st.integers(0, 2**32))
@settings(deadline=None)
def test_random_wirings(nodes: tuple[int, ...], neighbours: int, probability: float, seed: int) -> None:
    drawn = wirings(nodes, neighbours, probability, seed)
    assert drawn == wirings(nodes, neighbours, probability, seed)
    # A later graph does not change the earlier ones.
    assert drawn[:1] == wirings(nodes[:1], neighbours, probability, seed)
    assert tuple(len(wiring.sources) for wiring in drawn) == nodes
    for wiring in drawn:
        edges = [(a, b) for b, sources in enumerate(wiring.sources) for a in sources]
        assert all(a < b for a, b in edges)
        # Rewiring neither adds nor removes edges, and makes no double ones.
        assert len(set(edges)) == len(edges) == len(wiring.sources) * neighbours // 2
        # Every node keeps its end of the edges that were clockwise of it.
        degrees = np.bincount(np.asarray(edges).ravel(), minlength=len(wiring.sources))
        assert degrees.min() >= neighbours // 2
        assert wiring.outputs == tuple(
            node for node in range(len(wiring.sources)) if node not in {a for a, _ in edges}
        )
        group = list(range(len(wiring.sources)))
        for a, b in edges:
            group = [group[a] if label == group[b] else label for label in group]
        assert len(set(group)) == 1


def test_without_rewiring_a_graph_is_a_ring() -> None:
    (ring,) = wirings((6,), 4, 0.0, 3)
    assert ring.sources == ((), (0,), (0, 1), (1, 2), (0, 2, 3), (0, 1, 3, 4))


def test_seeds_give_the_same_graphs_everywhere() -> None:
    first, *_ = wirings((32, 32, 32), 4, 0.75, 0)
    assert first.sources[:12] == (
        (), (0,), (1,), (), (2,), (0, 4), (), (5,), (), (6, 8), (5,), (2, 7, 10),
    )  # fmt: skip
    assert first.outputs == (30, 31)
    assert first != wirings((32,), 4, 0.75, 1)[0]


def test_weighted_sum(keras: Any, tmp_path: Any) -> None:
    from mobilecnn.train.zoo.weighted_sum import WeightedSum

    inputs = [keras.Input((2, 3, 4)) for _ in range(3)]
    layer = WeightedSum()
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, 2, 3, 4)
    counts = count(model)
    assert (counts.params_trainable, counts.params_total, counts.macs) == (3, 3, 0)

    generator = np.random.default_rng(2)
    values = list(generator.normal(size=(3, 5, 2, 3, 4)).astype(np.float32))
    np.testing.assert_allclose(np.asarray(model(values)), sum(values) / 2, rtol=1e-5, atol=1e-6)
    weights = generator.normal(size=3).astype(np.float32)
    layer.set_weights([weights])
    factors = 1 / (1 + np.exp(-weights))
    expected = sum(factor * value for factor, value in zip(factors, values, strict=True))
    np.testing.assert_allclose(np.asarray(model(values)), expected, rtol=1e-5, atol=1e-6)

    model.save(tmp_path / "sum.keras")
    again = keras.models.load_model(tmp_path / "sum.keras", safe_mode=True)
    np.testing.assert_array_equal(np.asarray(again(values)), np.asarray(model(values)))


def test_a_random_stage_follows_its_wiring(keras: Any) -> None:
    from mobilecnn.train.zoo import randwire

    model = randwire.build(channels=78, seed=0, size=64, classes=5, name="randwire")
    _randomize(model)
    wiring = wirings((32, 32, 32), 4, 0.75, 0)[1]  # conv3, conv4 and conv5 are random graphs
    sums = {
        node: model.get_layer(f"conv4_node{node}_sum") for node, s in enumerate(wiring.sources) if len(s) > 1
    }
    generator = np.random.default_rng(4)
    for node, layer in sums.items():
        layer.set_weights([generator.normal(size=len(wiring.sources[node]))])
    nodes = [f"conv4_node{node}_bn" for node in range(32)]
    maps = _maps(
        keras, model, ["conv3_average", "conv4_average", *nodes, *(layer.name for layer in sums.values())]
    )

    outputs = np.mean([maps[nodes[node]] for node in wiring.outputs], axis=0)
    np.testing.assert_allclose(maps["conv4_average"], outputs, rtol=1e-4, atol=1e-5)
    for node, sources in enumerate(wiring.sources):
        summed = maps["conv3_average"]
        if sources:
            summed = maps[nodes[sources[0]]]
        if len(sources) > 1:
            factors = 1 / (1 + np.exp(-np.asarray(sums[node].weight)))
            summed = sum(f * maps[nodes[source]] for f, source in zip(factors, sources, strict=True))
            np.testing.assert_allclose(maps[sums[node].name], summed, rtol=1e-4, atol=1e-5)
        convolution = model.get_layer(f"conv4_node{node}_conv")
        # Nodes without sources halve the side: here 8 -> 4.
        assert convolution.strides == ((1, 1) if sources else (2, 2))
        activated = np.maximum(summed, 0)
        if not sources:
            activated = np.pad(activated, ((0, 0), (1, 1), (1, 1), (0, 0)))
        norm = model.get_layer(nodes[node])
        expected = np.asarray(norm(convolution(activated), training=False))
        assert expected.shape == (2, 4, 4, 156)
        np.testing.assert_allclose(maps[nodes[node]], expected, rtol=1e-3, atol=1e-4)
