"""What a Keras model does to its input before the network proper begins.

The graph is followed from the input: past what changes no value at inference (augmentation, dropout, casts between
floating-point types, resizing, padding), through what scales values channel by channel (``Rescaling``, ``Normalization``,
arithmetic with constants), averages, orders or bounds them, and into nested models, up to the first operation that is
neither.
Probe pictures of one colour (:mod:`mobilecnn.convert.probes`) go along. What has become of them there, and what was cast
to integers on the way, are findings; :mod:`mobilecnn.convert.findings` says what they prove.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mobilecnn.convert.findings import ALL, WHOLE, Finding, bounded, cast, judged, together
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

SCALE = frozenset(
    {
        "Rescaling", "Normalization", "Reshape", "Concatenate", "Flatten", "Permute", "GlobalAveragePooling1D",
        "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "ReLU", "LeakyReLU", "Average", "Add",
        "Subtract", "Multiply", "Maximum", "Minimum", "Cropping1D", "UpSampling1D", "AveragePooling1D", "MaxPooling1D",
    }
)  # fmt: skip
"""Layers of Keras that are computed on the probes."""

ACTIVATIONS = frozenset({"relu", "relu6", "leaky_relu"})
"""Activation functions that are computed on the probes: they bound values."""

CHANGE_VALUES = frozenset(
    {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "AutoContrast", "CLAHE", "Equalization"}
)  # fmt: skip
"""Layers of Keras that may do anything to the values."""

OPERATIONS_CHANGE_NOTHING = frozenset(
    {
        "Cast", "SaturateCast", "StopGradient", "Copy", "Positive", "Pad",
        # These move pixels, or average them.
        "Resize", "CropImages", "PadImages", "AffineTransform", "PerspectiveTransform", "ElasticTransform",
        "ScaleAndTranslate", "GaussianBlur", "AveragePool", "MaxPool",
    }
)  # fmt: skip
"""Operations of ``keras.ops`` that leave the range of the values as it is, where they keep floating-point numbers."""

ROUNDINGS = frozenset({"Round", "Floor", "Ceil", "Trunc"})
"""Operations of ``keras.ops`` that cast to whole numbers and keep the type."""

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
"""Types that keep all levels of a picture, whatever its range."""

OPERATIONS_SCALE = frozenset(
    {
        "Add", "Subtract", "Multiply", "Divide", "DivideNoNan", "TrueDivide", "Negative", "GetItem", "Flip", "Take",
        "Clip", "Reshape", "ExpandDims", "Squeeze", "Concatenate", "Stack", "Repeat", "Tile", "BroadcastTo",
        "Transpose", "Swapaxes", "Moveaxis", "Rearrange", "Ravel", "Roll", "Rot90", "Split", "ArraySplit", "Unstack",
        "SpaceToDepth", "DepthToSpace", "ExtractPatches", "RGBToGrayscale", "Mean", "Average", "Max", "Min", "Amax",
        "Amin", "Maximum", "Minimum", "Relu", "Relu6", "LeakyRelu", "Absolute",
    }
)  # fmt: skip
"""Operations of ``keras.ops`` that are computed on the probes."""

BOUNDS = frozenset(
    {
        "Absolute", "Activation", "Clip", "LeakyRelu", "LeakyReLU", "Maximum", "Minimum", "Relu", "Relu6", "ReLU",
    }
)  # fmt: skip
"""Operations and layers that bound values: of some ranges they leave less than of the probes, which are 0..255."""

JOINS = frozenset({"Concatenate", "Stack"})
"""Operations and layers that put several tensors beside each other, and compute nothing with them."""

BLURS = frozenset(
    {
        "AveragePool", "AveragePooling1D", "AveragePooling2D", "ElasticTransform", "GaussianBlur",
        "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Max", "MaxPool",
        "MaxPooling1D", "MaxPooling2D", "Mean", "Average", "Amax", "Amin", "Min", "Resize", "Resizing", "Roll", "Rot90",
        "AffineTransform", "PerspectiveTransform", "ScaleAndTranslate", "UpSampling2D", "UpSampling1D",
    }
)  # fmt: skip
"""Operations and layers that leave a picture of one colour alone and others not: what is computed of their result and of
the picture itself, such as a picture less its mean, is not what it is on the probes."""

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
    blurred: set[int] = set()
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            places = [known[id(tensor)] for tensor in node.input_tensors if id(tensor) in known]
            if not places:
                continue
            if len(places) < len(node.input_tensors):
                # What it joins them with is beyond the end of another branch.
                findings += [_judged(place, f"{_name(node.operation)} comes next") for place in places]
                continue
            name, blurs = _name(node.operation), any(id(tensor) in blurred for tensor in node.input_tensors)
            if len(places) > 1 and blurs and name not in JOINS:
                findings.append(Finding(None, f"{name} at its input does more than scale it"))
                continue
            after = _step(keras, node, known, places, findings)
            if after is not None:
                made = {id(tensor): values for tensor, values in zip(node.outputs, after, strict=True)}
                known.update(made)
                if blurs or name in BLURS or isinstance(node.operation, keras.Model):
                    blurred.update(made)
    if len(graph.outputs) != 1:
        return None
    return known.get(id(graph.outputs[0]))


def _step(
    keras: Any, node: Any, known: dict[int, Values], places: list[Values], findings: list[Finding]
) -> list[Values] | None:
    """Follow one operation on known tensors, ``places``; None, and a finding, where following ends.

    Returns:
        What becomes of the probes at each of its outputs.
    """
    operation, name, place = node.operation, _name(node.operation), places[0]
    if isinstance(operation, keras.Model):
        inner = _functional(keras, operation)
        if inner is None or len(inner.inputs) != 1:
            findings.append(Finding(None, f"its nested model {operation.name} cannot be followed"))
            return None
        _add_cast(str(inner.inputs[0].dtype), node, place, findings)
        end = _walk(keras, inner, place, findings)
        return None if end is None else [end]

    arguments, options = node.arguments.fill_in(known)
    try:
        if _is_of_keras(operation):
            for values in places:
                # A layer casts what it is given to the type that it computes in.
                _add_cast(str(getattr(operation, "compute_dtype", "float32")), node, values, findings)
        after = _after(keras, operation, place, lambda step: step(*arguments, **options))
        if after is not None:
            made = after if isinstance(after, list) else [after]
            for values, output in zip(made, node.outputs, strict=True):
                channels = channels_of(values)
                _add_cast(str(output.dtype), node, values, findings)
                if name in ROUNDINGS:
                    findings.append(cast(channels, WHOLE))
            if name in BOUNDS and len(places) == 1:
                findings += _bounded(keras, node, place)
            return [_placed(values, output.shape) for values, output in zip(made, node.outputs, strict=True)]
    except MixedError as mixed:
        # Of parts of one picture, such as one less its neighbour, the probes leave nothing, and others do.
        possible = frozenset[str]() if mixed.nothing and len(places) == 1 else ALL
        findings.append(Finding(None, f"{name} at its input {mixed}", possible=possible))
        return None
    except Exception:  # noqa: BLE001 - a constant of another shape, a division by zero, something that does not scale.
        findings.append(Finding(None, f"{name} at its input does more than scale it"))
        return None
    findings += [_end(keras, operation, values) for values in places]
    return None


def _bounded(keras: Any, node: Any, place: Values) -> list[Finding]:
    """What it tells that an operation bounds the values of some ranges, and not the probes."""
    (tensor,) = {id(tensor) for tensor in node.input_tensors}

    def run(values: Values) -> Values:
        arguments, options = node.arguments.fill_in({tensor: values.reshape(-1, *(1,) * (place.ndim - 1))})
        made = keras.ops.convert_to_numpy(node.operation(*arguments, **options))
        return np.asarray(made, np.float32).reshape(len(values), -1)

    return bounded(channels_of(place), _name(node.operation), run)


def _placed(values: Values, shape: Sequence[int | None]) -> Values:
    """Probes of one colour in the height and width that the graph says, as far as it does, and they are few pixels."""
    if values.ndim != 4 or len(shape) != 4 or values.shape[1:3] == tuple(shape[1:3]):
        return values
    height, width = shape[1:3]
    if height is None or width is None or height * width > LARGEST or values.shape[3] != shape[3]:
        return values
    if (values != values[:, :1, :1]).any():  # The axes are others.
        return values
    return np.ascontiguousarray(
        np.broadcast_to(values[:, :1, :1], (len(values), height, width, values.shape[3]))
    )


def _add_cast(dtype: str, node: Any, values: Values, findings: list[Finding]) -> None:
    """Add what a cast to ``dtype`` tells, where it is one from floating-point numbers to others."""
    if dtype not in FLOATS and all(str(tensor.dtype) in FLOATS for tensor in node.input_tensors):
        finding = cast(channels_of(values), dtype)
        if finding not in findings:
            findings.append(finding)


def _after(keras: Any, operation: Any, values: Values, run: Any) -> Any:
    """What ``operation`` makes of ``values``, computed by ``run``; None where it neither scales nor leaves them.

    Returns:
        A list where it has several outputs.
    """
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
        bounds = name == "Activation" and _name_of(operation.activation) in ACTIVATIONS
        same, computed = linear or name in CHANGE_NOTHING, bounds or name in SCALE
    else:
        same = name in OPERATIONS_CHANGE_NOTHING or name in ROUNDINGS
        computed = name in OPERATIONS_SCALE
    if same:
        return values
    if not computed:
        return None
    made = run(operation)
    arrays = [
        np.asarray(keras.ops.convert_to_numpy(one), np.float32)
        for one in (made if isinstance(made, list | tuple) else [made])
    ]
    if any(array.ndim < 2 or len(array) != len(values) for array in arrays):
        raise MixedError("computes with several pictures together")
    return arrays if isinstance(made, list | tuple) else arrays[0]


def _end(keras: Any, operation: Any, place: Values) -> Finding:
    """The verdict in front of an operation that is not followed."""
    name = _name(operation)
    if isinstance(operation, keras.layers.Layer):
        opaque = name in CHANGE_VALUES or name == "Pipeline"
        opaque |= not _is_of_keras(operation) and not operation.weights
    else:
        opaque = type(operation).__module__ in ELEMENTWISE
    if opaque:
        return Finding(None, f"{name} at its input may do anything to the values")
    return _judged(place, f"{name} comes next")


def _judged(place: Values, follows: str) -> Finding:
    return judged(channels_of(place), follows)


def _name(operation: Any) -> str:
    return type(operation).__name__


def _name_of(function: Any) -> str:
    return str(getattr(function, "__name__", ""))


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
