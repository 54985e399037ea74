"""What a Keras model does to its input before the network proper begins.

The graph is followed from the input: past what changes no value at inference (augmentation, dropout, casts, resizing,
padding), through what scales values channel by channel (``Rescaling``, ``Normalization``, arithmetic with constants, a
reversal of the channels), and into nested models, up to the first operation that is neither. Probe pictures of one colour
go along; what has become of them is the composition of all these steps, however they were written.
:mod:`mobilecnn.convert.input_range` says what it proves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.input_range import Channel, Finding, conclude, formula, order_open

Values = npt.NDArray[np.float32]

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

OPERATIONS_CHANGE_NOTHING = frozenset({"Cast", "StopGradient", "Copy", "Positive", "Pad"})
"""Operations of ``keras.ops`` that leave the range of the values as it is; for ``Cast`` see :func:`_cast`."""

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

ACCURACY = 1e-3
"""Largest deviation from ``scale * x + offset``, as a share of the span: float16 rounds so far."""


@dataclass(frozen=True)
class Traced:
    """What the steps up to a tensor make of the probes.

    Attributes:
        values: what has become of them, (probes, ..., channels).
        proven: ranges of the input that these steps prove, one after the other.
    """

    values: Values
    proven: frozenset[str] = frozenset()


def follow(keras: Any, model: Any) -> Finding:
    """What the operations at the input of a classifier with one input prove about the range of that input."""
    entry = model.inputs[0]
    graph = _functional(keras, model)
    if graph is None:
        return Finding(None, "it has no graph of layers that could be followed")
    ends: list[Finding] = []
    _walk(keras, graph, Traced(_probes(entry.shape)), ends)
    for end in ends:
        if end.order_open:
            return end
    if (wide := _integers(str(entry.dtype))) is not None:
        return Finding("raw" if wide else None, f"its input is of type {entry.dtype}")
    proven = {end.proven: end for end in ends if end.proven is not None}
    if len(proven) > 1:
        return Finding(
            None, f"it contradicts itself: {', and '.join(end.evidence for end in proven.values())}"
        )
    return next(iter((*proven.values(), *ends)), Finding(None, "it does nothing but scale its input"))


def _walk(keras: Any, graph: Any, entry: Traced, ends: list[Finding]) -> Traced | None:
    """Follow a graph from its one input, and add the verdict wherever following ends.

    Returns:
        What becomes of the probes at the graph's one output; None where following ends before.
    """
    known: dict[int, Traced] = {id(graph.inputs[0]): entry}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            places = [known[id(tensor)] for tensor in node.input_tensors if id(tensor) in known]
            if not places:
                continue
            if len(places) < len(node.input_tensors):
                # What it joins them with is beyond the end of another branch.
                ends += [_judged(place, f"{_name(node.operation)} comes next") for place in places]
                continue
            after = _step(keras, node, known, places, ends)
            if after is not None:
                known[id(node.outputs[0])] = after
    return known.get(id(graph.outputs[0])) if len(graph.outputs) == 1 else None


def _step(
    keras: Any, node: Any, known: dict[int, Traced], places: list[Traced], ends: list[Finding]
) -> Traced | None:
    """Follow one operation on known tensors, ``places``; None, and a verdict, where following ends."""
    operation, name, place = node.operation, _name(node.operation), places[0]
    wide = None
    if isinstance(operation, keras.Model):
        inner = _functional(keras, operation)
        if inner is None or len(inner.inputs) != 1:
            ends.append(Finding(None, f"its nested model {operation.name} cannot be followed"))
            return None
        if (wide := _integers(str(inner.inputs[0].dtype))) is None:
            return _walk(keras, inner, place, ends)
    elif name == "Cast":
        wide = _integers(str(operation.dtype))
    if wide is not None:
        ends.append(_cast(place, wide))
        return None

    arguments, options = node.arguments.fill_in({key: traced.values for key, traced in known.items()})
    proven = frozenset[str]().union(*(traced.proven for traced in places))
    try:
        values = _after(keras, operation, place.values, lambda step: step(*arguments, **options))
        if values is not None:
            now = conclude(channels_of(values))
            return Traced(values, proven if now is None else proven | {now})
    except Exception:  # noqa: BLE001 - a constant of another shape, a division by zero, something that does not scale.
        ends.append(Finding(None, f"{name} at its input does more than scale it"))
        return None
    ends += [_end(keras, operation, traced) for traced in places]
    return None


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
        same, computed = name in OPERATIONS_CHANGE_NOTHING, name in OPERATIONS_SCALE
    if same:
        return values
    return np.asarray(keras.ops.convert_to_numpy(run(operation)), np.float32) if computed else None


def _end(keras: Any, operation: Any, place: Traced) -> Finding:
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


def _cast(place: Traced, wide: bool) -> Finding:
    """The verdict in front of a cast to integers, which are ``wide`` where they can hold 0..255."""
    channels = channels_of(place.values)
    now = conclude(channels, integers=True) if wide else None
    agreed = now if place.proven <= {now} else None
    return Finding(agreed, f"it casts {formula(channels)} to integers")


def _judged(place: Traced, follows: str) -> Finding:
    """The verdict at ``place``, ``follows`` being what comes after."""
    channels = channels_of(place.values)
    proven = next(iter(place.proven)) if len(place.proven) == 1 else None
    if len(place.proven) > 1:
        does = "contradicts itself about the range of its input"
    elif all((channel.scale, channel.offset) == (1.0, 0.0) for channel in channels):
        does = "does not change the range of its input"
    else:
        does = f"computes {formula(channels)}"
    if order_open(channels):
        return Finding(
            None, f"it {does}, which leaves the order of its input's colours open ({follows})", True
        )
    return Finding(proven, f"it {does} ({follows})")


def _name(operation: Any) -> str:
    return type(operation).__name__


def _functional(keras: Any, model: Any) -> Any:
    """The graph of a functional or sequential model; None where it has none."""
    graph = getattr(model, "_functional", None) if isinstance(model, keras.Sequential) else model
    return graph if hasattr(graph, "_nodes_by_depth") and getattr(graph, "inputs", None) else None


def _is_of_keras(operation: Any) -> bool:
    return type(operation).__module__.startswith("keras.")


def _integers(dtype: str) -> bool | None:
    """None for floating point; True for integers that can hold 0..255, False for other types."""
    if "float" in dtype:
        return None
    return dtype not in ("bool", "int8", "string")


def _probes(shape: Sequence[int | None]) -> Values:
    """Pictures of one colour of a model's input shape: (probes, height, width, channels).

    First 0, then 255 in each channel alone, then two that show whether what is done is linear.
    """
    height, width = shape[1:3]
    if height is None or width is None or height * width > LARGEST:
        height = width = SMALL
    channels = shape[3] if len(shape) > 3 and shape[3] is not None else 1
    colors = [np.zeros(channels), *(255.0 * np.eye(channels)), np.full(channels, 100.0)]
    colors.append(np.linspace(200.0, 40.0, channels))
    pictures = np.asarray(colors, np.float32).reshape(len(colors), 1, 1, channels)
    values = np.broadcast_to(pictures, (len(colors), height, width, channels))
    return np.ascontiguousarray(values if len(shape) > 3 else values[..., 0])


def channels_of(values: Values) -> tuple[Channel, ...]:
    """How each channel of ``values`` depends on the input, where they are what the probes have become.

    Raises:
        ValueError: they are not of one colour, or not ``scale * x + offset`` of one channel of the input.
    """
    count = len(values) - 3  # Channels of the input: see _probes.
    deep = values.shape[-1] if values.ndim > 3 else 1
    flat = values.astype(np.float64).reshape(len(values), -1, deep)
    colors = flat.mean(axis=1)
    span = np.ptp(colors, axis=0)
    if not np.isfinite(flat).all() or not (span > 0).all() or (np.ptp(flat, axis=1) > ACCURACY * span).any():
        raise ValueError("not of one colour")
    scales = (colors[1 : count + 1] - colors[0]) / 255.0  # (channels of the input, channels here)
    inputs = np.stack([np.full(count, 100.0), np.linspace(200.0, 40.0, count)])
    if (np.abs(inputs @ scales + colors[0] - colors[-2:]) > ACCURACY * span).any():
        raise ValueError("not linear")
    channels = []
    for index in range(deep):
        column = scales[:, index]
        source = int(np.abs(column).argmax())
        if (np.delete(np.abs(column), source) > ACCURACY * abs(column[source])).any():
            raise ValueError("channels are mixed")
        channels.append(Channel(source, _plain(column[source]), _plain(colors[0, index])))
    return tuple(channels)


def _plain(value: float) -> float:
    """A factor or summand without the rounding of float32."""
    return float(f"{value:.6g}")
