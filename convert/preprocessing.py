"""What a Keras model does to its input before the network proper begins.

The graph is followed from the input: past what changes no value at inference (augmentation, dropout, casts between
floating-point types, resizing, padding), through what scales values channel by channel (``Rescaling``, ``Normalization``,
arithmetic with constants, a reversal of the channels), and into nested models, up to the first operation that is neither.
Probe pictures of one colour (:mod:`mobilecnn.convert.probes`) go along. What has become of them there, and what was cast
to integers on the way, are findings; :mod:`mobilecnn.convert.findings` says what they prove.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mobilecnn.convert.findings import ALL, WHOLE, Finding, cast, judged, together
from mobilecnn.convert.probes import MixedError, Values, channels_of, pictures
from mobilecnn.convert.user_code import calls_as_keras

CHANGE_NOTHING = frozenset(
    {
        "InputLayer", "Identity", "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
        "ActivityRegularization",
        # Random while a model is trained, and nothing at inference.
        "AugMix", "CutMix", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration",
        "RandomColorJitter", "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip",
        "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective",
        "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
        "RandomTranslation", "RandomZoom", "Solarization",
        # These move pixels, and leave the range of their values.
        "Resizing", "CenterCrop", "RandomCrop", "Cropping2D", "ZeroPadding2D", "UpSampling2D", "AveragePooling2D",
        "MaxPooling2D",
    }
)  # fmt: skip
"""Layers of Keras that leave the range of the values as it is at inference."""

SCALE = frozenset({"Rescaling", "Normalization", "Reshape", "Concatenate"})
"""Layers of Keras that are computed on the probes."""

CHANGE_VALUES = frozenset(
    {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "AutoContrast", "CLAHE", "Equalization"}
)  # fmt: skip
"""Layers of Keras that may do anything to the values."""

OPERATIONS_CHANGE_NOTHING = frozenset({"Cast", "SaturateCast", "StopGradient", "Copy", "Positive", "Pad"})
"""Operations of ``keras.ops`` that leave the range of the values as it is, where they keep floating-point numbers."""

ROUNDINGS = frozenset({"Round", "Floor", "Ceil", "Trunc"})
"""Operations of ``keras.ops`` that cast to whole numbers and keep the type."""

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
"""Types that keep all levels of a picture, whatever its range."""

OPERATIONS_SCALE = frozenset(
    {
        "Add", "Subtract", "Multiply", "Divide", "DivideNoNan", "TrueDivide", "Negative", "GetItem", "Flip", "Take",
        "Clip", "Reshape", "ExpandDims", "Squeeze", "Concatenate", "Stack", "Repeat", "Tile", "BroadcastTo",
    }
)  # fmt: skip
"""Operations of ``keras.ops`` that are computed on the probes."""

ELEMENTWISE = ("keras.src.ops.numpy", "keras.src.ops.core")
"""Modules of operations that may still prepare the picture."""

LARGEST = 320 * 320
"""Largest number of pixels of a probe."""

SMALL = 8
"""Side of the probes, in pixels, where the model's own is free or they would be too large."""


def follow(keras: Any, model: Any) -> Finding:
    """What the operations at the input of a classifier with one input prove about the range of that input."""
    entry = model.inputs[0]
    graph = _functional(keras, model)
    if graph is None:
        return Finding(None, "it has no graph of layers that could be followed")
    probes, findings = _probes(entry.shape), []
    if (dtype := str(entry.dtype)) not in FLOATS:
        findings.append(_of_type(dtype, probes))
    _walk(keras, graph, probes, findings)
    return together(findings or [Finding(None, "it does nothing but scale its input")])


def _of_type(dtype: str, probes: Values) -> Finding:
    """What the type of an input tells that is none of floating-point numbers."""
    found = cast(channels_of(probes), dtype)
    return Finding(found.proven, f"its input is of type {dtype}", possible=found.possible)


def _walk(keras: Any, graph: Any, entry: Values, findings: list[Finding]) -> Values | None:
    """Follow a graph from its one input, and add what is found on the way, and wherever following ends.

    Returns:
        What becomes of the probes at the graph's one output; None where following ends before.
    """
    known: dict[int, Values] = {id(graph.inputs[0]): entry}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            places = [known[id(tensor)] for tensor in node.input_tensors if id(tensor) in known]
            if not places:
                continue
            if len(places) < len(node.input_tensors):
                # What it joins them with is beyond the end of another branch.
                findings += [_judged(place, f"{_name(node.operation)} comes next") for place in places]
                continue
            after = _step(keras, node, known, places, findings)
            if after is not None:
                known[id(node.outputs[0])] = after
    if len(graph.outputs) != 1:
        return None
    return known.get(id(graph.outputs[0]))


def _step(
    keras: Any, node: Any, known: dict[int, Values], places: list[Values], findings: list[Finding]
) -> Values | None:
    """Follow one operation on known tensors, ``places``; None, and a finding, where following ends."""
    operation, name, place = node.operation, _name(node.operation), places[0]
    if isinstance(operation, keras.Model):
        inner = _functional(keras, operation)
        if inner is None or len(inner.inputs) != 1:
            findings.append(Finding(None, f"its nested model {operation.name} cannot be followed"))
            return None
        _add_cast(str(inner.inputs[0].dtype), node, place, findings)
        return _walk(keras, inner, place, findings)

    arguments, options = node.arguments.fill_in(known)
    try:
        if _is_of_keras(operation):
            for values in places:
                # A layer casts what it is given to the type that it computes in.
                _add_cast(str(getattr(operation, "compute_dtype", "float32")), node, values, findings)
        after = _after(keras, operation, place, lambda step: step(*arguments, **options))
        if after is not None:
            channels = channels_of(after)
            _add_cast(str(node.outputs[0].dtype), node, after, findings)
            if name in ROUNDINGS:
                findings.append(cast(channels, WHOLE))
            return after
    except MixedError as mixed:
        possible = frozenset[str]() if mixed.nothing else ALL
        findings.append(Finding(None, f"{name} at its input {mixed}", possible=possible))
        return None
    except Exception:  # noqa: BLE001 - a constant of another shape, a division by zero, something that does not scale.
        findings.append(Finding(None, f"{name} at its input does more than scale it"))
        return None
    findings += [_end(keras, operation, values) for values in places]
    return None


def _add_cast(dtype: str, node: Any, values: Values, findings: list[Finding]) -> None:
    """Add what a cast to ``dtype`` tells, where it is one from floating-point numbers to others."""
    if dtype not in FLOATS and all(str(tensor.dtype) in FLOATS for tensor in node.input_tensors):
        finding = cast(channels_of(values), dtype)
        if finding not in findings:
            findings.append(finding)


def _after(keras: Any, operation: Any, values: Values, run: Any) -> Values | None:
    """What ``operation`` makes of ``values``, computed by ``run``; None where it neither scales nor leaves them."""
    name = _name(operation)
    if not _is_of_keras(operation):
        return None
    if isinstance(operation, keras.layers.Layer):
        if name == "Pipeline":
            for layer in operation.layers:
                following = _after(keras, layer, values, lambda step, values=values: step(values))
                if following is None:
                    return None
                values = following
            return values
        linear = name == "Activation" and operation.activation is keras.activations.linear
        same, computed = linear or name in CHANGE_NOTHING, name in SCALE
    else:
        same = name in OPERATIONS_CHANGE_NOTHING or name in ROUNDINGS
        computed = name in OPERATIONS_SCALE
    if same:
        return values
    return np.asarray(keras.ops.convert_to_numpy(run(operation)), np.float32) if computed else None


def _end(keras: Any, operation: Any, place: Values) -> Finding:
    """The verdict in front of an operation that is not followed."""
    name = _name(operation)
    if isinstance(operation, keras.layers.Layer):
        opaque = name in CHANGE_VALUES or name == "Pipeline"
        opaque |= not _is_of_keras(operation) and not operation.weights
    else:
        opaque = type(operation).__module__ in ELEMENTWISE and name != "Transpose"
    if opaque:
        return Finding(None, f"{name} at its input may do anything to the values")
    return _judged(place, f"{name} comes next")


def _judged(place: Values, follows: str) -> Finding:
    return judged(channels_of(place), follows)


def _name(operation: Any) -> str:
    return type(operation).__name__


def _functional(keras: Any, model: Any) -> Any:
    """The graph of a functional or sequential model; None where it has none, or computes something else."""
    if not calls_as_keras(model):
        return None
    graph = getattr(model, "_functional", None) if isinstance(model, keras.Sequential) else model
    return graph if hasattr(graph, "_nodes_by_depth") and getattr(graph, "inputs", None) else None


def _is_of_keras(operation: Any) -> bool:
    return type(operation).__module__.startswith("keras.")


def _probes(shape: Sequence[int | None]) -> Values:
    """The probes as a model of that input shape takes them, with or without an axis of channels."""
    height, width = shape[1:3]
    if height is None or width is None or height * width > LARGEST:
        height = width = SMALL
    channels = shape[3] if len(shape) > 3 and shape[3] is not None else 1
    values = pictures((height, width, channels))
    return values if len(shape) > 3 else values[..., 0]
