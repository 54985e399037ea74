"""The architecture in a Keras file, made fit for this Keras and for float32 before Keras sees it.

Only what changes no number is changed: keys that an older Keras writes and this one refuses, where their value is
the one that does nothing. What the model computes in is changed too, and said: a ``.tflite`` file computes in
float32, so that layers with another dtype policy are rebuilt with that.
"""

from collections.abc import Iterator
from typing import Any

FLOAT32 = "float32"
"""Name of the dtype policy that every layer gets."""

OTHER_POLICIES = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64")
"""Names of dtype policies whose layers are rebuilt with :data:`FLOAT32`."""

ANY = object()
"""Stands for every value of a key: it says how weights began, or what happens in training only."""

_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
_RANDOM = (
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast", "RandomTranslation", "RandomCrop", "RandomBrightness",
)  # fmt: skip

_HARMLESS: tuple[tuple[tuple[str, ...], tuple[str, ...], Any], ...] = (
    # Keras 2 derives these from Conv2D: there was never more than one group, and a separable convolution has
    # initializers of its own.
    (("DepthwiseConv1D", "DepthwiseConv2D", *_SEPARABLE), ("groups",), 1),
    (("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), ("groups",), 1),
    (_SEPARABLE, ("kernel_initializer", "kernel_regularizer", "kernel_constraint"), ANY),
    # The usual layout of the input.
    (("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional"), ("time_major",), False),
    # Random layers do nothing outside of training.
    (_RANDOM, ("rng_type", "force_generator"), ANY),
)
"""Classes of layers, keys that Keras 3 refuses there, and the value with which leaving them out changes no answer."""

_SAME_CLASS = {
    "SyncBatchNormalization": "BatchNormalization",
    "Experimental>SyncBatchNormalization": "BatchNormalization",
}
"""Class that only an older Keras has -> the class that answers alike outside of training."""


def prepared(config: dict[str, Any], before_keras_3: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A model's architecture as this Keras takes it, computing in float32, and what was changed, a phrase each.

    Args:
        config: the architecture, changed in place.
        before_keras_3: whether an older Keras wrote it.
    """
    policies: dict[str, None] = {}
    changes: dict[str, None] = {}
    _in_float32(config, policies)
    for item in objects(config):
        changes.update(dict.fromkeys(_as_keras_3(item)))
        if before_keras_3:
            changes.update(dict.fromkeys(_out_of_lists(item)))
    _without_slashes(config, changes)
    notes = [f"the layers of dtype policy {name} compute in {FLOAT32}" for name in policies]
    if changes:
        notes.append(f"written by an older Keras, and adapted: {', '.join(changes)}")
    return config, tuple(notes)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of an architecture that has a class, from the outermost on."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def registered(config: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The objects that the architecture calls by a name with a package, ``mine>Scale``, and that are known as ``Scale``."""
    names = {str(item.get(key)) for item in objects(config) for key in ("class_name", "registered_name")}
    return {name: known[own] for name in names if ">" in name and (own := name.rpartition(">")[2]) in known}


def quantized(config: dict[str, Any]) -> str:
    """How Keras quantized the model (``int8``, ``float8``, ...); empty where it did not."""
    for item in objects(config):
        inner = item.get("config")
        if not isinstance(inner, dict):
            continue
        if item["class_name"] in (
            "QuantizedDTypePolicy",
            "QuantizedFloat8DTypePolicy",
            "GPTQDTypePolicy",
            "AWQDTypePolicy",
        ):
            return str(inner.get("mode") or "int8")[:20]
        if isinstance(policy := inner.get("dtype"), str) and "_from_" in policy:
            return policy.partition("_from_")[0][:20]
    return ""


def _as_keras_3(item: dict[str, Any]) -> Iterator[str]:
    """Adapt a layer in place; yields what was done, a phrase each."""
    inner = item.get("config")
    if not isinstance(inner, dict):
        return
    if same := _SAME_CLASS.get(item["class_name"]):
        yield f"{item['class_name']} taken as {same}"
        item["class_name"] = same
        item.pop("registered_name", None)
        item.pop("module", None)
    kind = item["class_name"]
    for kinds, keys, value in _HARMLESS:
        for key in keys if kind in kinds else ():
            # True equals 1 in Python, and not in a file.
            if key in inner and (value is ANY or (inner[key] == value and type(inner[key]) is type(value))):
                del inner[key]
                yield f"{key} of {kind} left out"
    axis = inner.get("axis")
    if kind == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1 and type(axis[0]) is int:
        inner["axis"] = axis[0]
        yield f"axis of {kind} written as a number"


def _out_of_lists(item: dict[str, Any]) -> Iterator[str]:
    """Take the one input and output of a model out of their lists, in place: Keras 3 would hand on a list of one."""
    inner = item.get("config")
    if item["class_name"] not in ("Functional", "Model") or not isinstance(inner, dict):
        return
    for key in ("input_layers", "output_layers"):
        tensors = inner.get(key)
        if isinstance(tensors, list) and len(tensors) == 1 and isinstance(tensors[0], list):
            inner[key] = tensors[0]
            yield f"lists of one in {key} undone"


def _without_slashes(config: dict[str, Any], changes: dict[str, None]) -> None:
    """Rename layers whose names Keras 3 refuses, in place, everywhere: weights are matched by order in such files."""
    inside = [inner for item in objects(config) if isinstance(inner := item.get("config"), dict)]
    names = {name for inner in inside if isinstance(name := inner.get("name"), str)}
    renamed: dict[str, str] = {}
    for name in sorted(name for name in names if "/" in name):
        new = name.replace("/", "_")
        while new in names:
            new += "_"
        names.add(new)
        renamed[name] = new
    if not renamed:
        return
    changes["slashes in names of layers replaced"] = None
    waiting: list[Any] = [config]
    while waiting:
        item = waiting.pop()
        for key, value in list(item.items()) if isinstance(item, dict) else list(enumerate(item)):
            if isinstance(value, str) and value in renamed:
                item[key] = renamed[value]
            elif isinstance(value, dict | list):
                waiting.append(value)


def _in_float32(config: Any, policies: dict[str, None]) -> None:
    """Give every dtype and dtype policy of reduced or double precision the name :data:`FLOAT32`, in place."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
            continue
        if not isinstance(item, dict):
            continue
        # What a tensor between two layers was follows from the layers.
        if item.get("class_name") == "__keras_tensor__":
            inner = item.get("config")
            if isinstance(inner, dict) and inner.get("dtype") in OTHER_POLICIES:
                inner["dtype"] = FLOAT32
            continue
        for key, value in item.items():
            name = _policy_name(value)
            if key in ("dtype", "default_policy") and name in OTHER_POLICIES:
                policies[name] = None
                item[key] = FLOAT32
            elif name in OTHER_POLICIES and isinstance(value, dict):
                policies[name] = None
                value["config"]["name"] = FLOAT32
            else:
                waiting.append(value)


def _policy_name(value: Any) -> str:
    """Name of a dtype policy, written as a text or as an object; empty for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and str(value.get("class_name", "")).endswith("Policy"):
        inner = value.get("config")
        return str(inner.get("name", "")) if isinstance(inner, dict) else ""
    return ""
