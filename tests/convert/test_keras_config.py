"""An architecture as this Keras takes it: what is changed, and what is not."""

import copy
from typing import Any

import pytest

from mobilecnn.convert.keras_config import OTHER_POLICIES, prepared, quantized, registered


def layer(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": config}


def model(*layers: dict[str, Any], **config: Any) -> dict[str, Any]:
    return layer("Functional", layers=list(layers), **config)


@pytest.mark.parametrize(
    ("kind", "key", "harmless", "harmful"),
    [
        ("DepthwiseConv2D", "groups", 1, 2),
        ("DepthwiseConv2D", "groups", 1, True),
        ("DepthwiseConv1D", "groups", 1, 4),
        ("Conv2DTranspose", "groups", 1, 2),
        ("SeparableConv2D", "groups", 1, 2),
        ("LSTM", "time_major", False, True),
        ("GRU", "time_major", False, 0),
        ("BatchNormalization", "axis", [3], [1, 2]),
    ],
)
def test_a_key_goes_only_where_it_does_nothing(kind: str, key: str, harmless: Any, harmful: Any) -> None:
    config, notes = prepared(model(layer(kind, **{key: harmless})), before_keras_3=False)
    assert config["config"]["layers"][0]["config"].get(key) in (None, 3)
    assert notes == (
        f"written by an older Keras, and adapted: {key} of {kind} "
        + ("written as a number" if key == "axis" else "left out"),
    )
    kept = model(layer(kind, **{key: harmful}))
    assert prepared(copy.deepcopy(kept), before_keras_3=False) == (kept, ())


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("Conv2D", "groups"),
        ("Dense", "time_major"),
        ("Conv2D", "kernel_initializer"),
        ("LayerNormalization", "axis"),
    ],
)
def test_other_layers_keep_theirs(kind: str, key: str) -> None:
    kept = model(layer(kind, **{key: [1]}), layer(kind, **{key: 1}), layer(kind, **{key: False}))
    assert prepared(copy.deepcopy(kept), before_keras_3=True) == (kept, ())


@pytest.mark.parametrize("name", OTHER_POLICIES)
@pytest.mark.parametrize("written", ["text", "Keras 3", "Keras 2"])
def test_every_layer_gets_float32(name: str, written: str) -> None:
    classes = {"Keras 3": "DTypePolicy", "Keras 2": "Policy"}
    policy: Any = name if written == "text" else layer(classes[written], name=name)
    inner = layer(
        "Activation", dtype=copy.deepcopy(policy), layer=layer("Dense", dtype=copy.deepcopy(policy))
    )
    config, notes = prepared(model(layer("InputLayer", dtype="uint8"), inner), before_keras_3=False)
    source, outer = config["config"]["layers"]
    assert source["config"]["dtype"] == "uint8"
    assert outer["config"]["dtype"] == outer["config"]["layer"]["config"]["dtype"] == "float32"
    assert notes == (f"the layers of dtype policy {name} compute in float32",)


def test_float32_is_left_as_it_is() -> None:
    kept = model(
        layer("Dense", dtype="float32"),
        layer("Dense", dtype=layer("DTypePolicy", name="float32")),
        layer("X", dtype="int32"),
    )
    assert prepared(copy.deepcopy(kept), before_keras_3=False) == (kept, ())


def test_lists_of_one_are_undone_in_old_files_only() -> None:
    old = model(input_layers=[["a", 0, 0]], output_layers=[["b", 0, 0]])
    assert prepared(copy.deepcopy(old), before_keras_3=False)[0] == old
    config, _ = prepared(copy.deepcopy(old), before_keras_3=True)
    assert config["config"]["output_layers"] == ["b", 0, 0]
    two = model(output_layers=[["b", 0, 0], ["c", 0, 0]])
    assert prepared(copy.deepcopy(two), before_keras_3=True)[0] == two


def test_names_with_slashes_are_replaced_everywhere() -> None:
    old = model(layer("Dense", name="a/b"), layer("Dense", name="a_b"), inbound=[[["a/b", 0, 0]]])
    config, _ = prepared(old, before_keras_3=True)
    assert [item["config"]["name"] for item in config["config"]["layers"]] == ["a_b_", "a_b"]
    assert config["config"]["inbound"] == [[["a_b_", 0, 0]]]


@pytest.mark.parametrize(
    ("dtype", "mode"),
    [
        (layer("QuantizedDTypePolicy", mode="int8", source_name="float32"), "int8"),
        (layer("QuantizedFloat8DTypePolicy", mode="float8"), "float8"),
        ("int4_from_float32", "int4"),
        ("float32", ""),
        (layer("DTypePolicy", name="mixed_float16"), ""),
    ],
)
def test_what_keras_quantized_is_seen(dtype: Any, mode: str) -> None:
    assert quantized(model(layer("Dense", dtype="float32"), layer("Dense", dtype=dtype))) == mode


def test_an_object_is_known_under_its_package_too() -> None:
    known = {"Scale": 1, "Other": 2}
    assert registered(
        model({**layer("Scale"), "registered_name": "mine>Scale"}, layer("a>Unknown")), known
    ) == {"mine>Scale": 1}
