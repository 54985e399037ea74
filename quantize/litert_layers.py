"""In the child that runs ``.tflite`` files: what each operator of a quantized file adds to its error.

Both files run by LiteRT's own kernels without XNNPACK, which keep every tensor. Tensors are the same where their names are.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.graph.cut import Part, cut
from mobilecnn.convert.lowering.layouts import REORDERED
from mobilecnn.errors import ModelFileError
from mobilecnn.quantize.codes import decode, encode
from mobilecnn.train.inputs import slices

BINS = 24
"""Number of bins of a histogram."""

Numbers = npt.NDArray[np.float64]


class _Sums:
    """Signal, noise and product of a tensor and its reference, added up over the images."""

    def __init__(self) -> None:
        self.signal = self.noise = self.product = self.power = 0.0

    def add(self, exact: Numbers, given: Numbers) -> None:
        self.signal += float((exact**2).sum())
        self.noise += float(((exact - given) ** 2).sum())
        self.product += float((exact * given).sum())
        self.power += float((given**2).sum())

    def to_json(self) -> list[float]:
        return [self.signal, self.noise, self.product, self.power]


class _Spread:
    """The range of each channel of a tensor, and where its values are."""

    def __init__(self) -> None:
        self.low: Numbers | None = None
        self.high: Numbers | None = None

    def add(self, exact: Numbers) -> None:
        rows = exact.reshape(-1, exact.shape[-1] if exact.ndim else 1)
        low, high = rows.min(axis=0), rows.max(axis=0)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)


def layers(
    reference: Path,
    quantized: Path,
    inputs: Path,
    images: int,
    threads: int,
    halved: Mapping[str, Mapping[str, int]],
) -> list[dict[str, Any]]:
    """Figures of each operator of ``quantized``, in the order in which they run.

    Args:
        reference: the float32 file.
        quantized: the file that is made of it.
        inputs: images (:mod:`mobilecnn.train.inputs`).
        images: number of them.
        threads: number of threads.
        halved: name of a tensor -> channel -> how often the quantized file halves it.

    Returns:
        A dictionary for each operator with ``name``, ``kind``, ``shape`` and ``dtype`` of its first output, ``accumulated``
        and ``isolated`` sums (signal, noise, product, power of the answer), each None where the tensor has no counterpart,
        ``ranges`` of the channels of the reference, ``limits`` that the quantization can hold, ``outside``, the share of the
        values beyond them, and a ``histogram`` of the reference's values in :data:`BINS` bins over its whole range.
    """
    exact, given = _interpreter(reference, threads), _interpreter(quantized, threads)
    parts = cut(quantized.read_bytes(), str(quantized))
    alone = [_interpreter_of(part) for part in parts]
    known, ours = _tensors(exact), _tensors(given)
    # Which of its channels are halved nobody knows of a tensor that has had them in another order since.
    known = {
        name: row for name, row in known.items() if name in halved or name.split(REORDERED)[0] not in halved
    }
    rows = [
        part
        for part in parts
        if part.name in known
        and part.name in ours
        and tuple(known[part.name]["shape"]) == tuple(ours[part.name]["shape"])
    ]
    accumulated = {part.name: _Sums() for part in rows}
    isolated = {part.name: _Sums() for part in rows}
    spreads = {part.name: _Spread() for part in rows}
    for image in slices(inputs, 1):
        _run(exact, image)
        _run(given, image)
        for part, interpreter in zip(parts, alone, strict=True):
            if part.name not in spreads:
                continue
            wanted = _values(exact, known[part.name], halved)
            accumulated[part.name].add(wanted, _values(given, ours[part.name]))
            spreads[part.name].add(wanted)
            if (made := _alone(interpreter, exact, known, halved)) is not None:
                isolated[part.name].add(wanted, made)
    counts = {part.name: np.zeros(BINS, np.int64) for part in rows}
    outside = dict.fromkeys(counts, 0)
    for image in slices(inputs, 1):  # Once more, because the bins need the whole range.
        _run(exact, image)
        for part in rows:
            values, spread = _values(exact, known[part.name], halved), spreads[part.name]
            assert spread.low is not None and spread.high is not None
            edges = (float(spread.low.min()), float(spread.high.max()))
            if edges[0] < edges[1]:
                counts[part.name] += np.histogram(values, BINS, edges)[0]
            low, high = _limits(ours[part.name])
            # A step of room: the codes of a softmax end at 255/256, and 1 is no value that is cut off.
            room = ours[part.name]["quantization"][0]
            outside[part.name] += int(((values < low - room) | (values > high + room)).sum())
    return [_row(part, accumulated, isolated, spreads, counts, outside, ours, images) for part in parts]


def _row(
    part: Part,
    accumulated: dict[str, _Sums],
    isolated: dict[str, _Sums],
    spreads: dict[str, _Spread],
    counts: dict[str, npt.NDArray[np.int64]],
    outside: dict[str, int],
    ours: dict[str, dict[str, Any]],
    images: int,
) -> dict[str, Any]:
    name = part.name
    about = {"name": name, "kind": part.kind, "shape": list(part.shape), "dtype": part.dtype}
    if name not in spreads:
        return {**about, "accumulated": None}
    spread, limits = spreads[name], _limits(ours[name])
    assert spread.low is not None and spread.high is not None
    alone = isolated[name].to_json()
    return {
        **about,
        "accumulated": accumulated[name].to_json(),
        "isolated": alone if any(alone) else None,
        "ranges": (spread.high - spread.low).tolist(),
        "values": [float(spread.low.min()), float(spread.high.max())],
        "limits": None if np.isinf(limits[0]) else list(limits),
        "outside": outside[name] / (images * int(np.prod(part.shape))),
        "histogram": counts[name].tolist(),
    }


def _interpreter(path: Path, threads: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        made = Interpreter(
            model_path=str(path),
            num_threads=threads,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        made.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelFileError(f"LiteRT's own kernels cannot run {path.name} ({error})") from error
    return made


def _interpreter_of(part: Part) -> Any:
    """What runs one operator; None where it cannot run apart."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    if part.content is None:
        return None
    try:
        made = Interpreter(
            model_content=part.content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        made.allocate_tensors()
    except (ValueError, RuntimeError):
        return None
    return made


def _tensors(interpreter: Any) -> dict[str, dict[str, Any]]:
    """Name -> details of each tensor that an operator writes, or that the file takes."""
    details = {row["index"]: row for row in interpreter.get_tensor_details()}
    written = [int(index) for row in interpreter._get_ops_details() for index in row["outputs"]]
    taken = [row["index"] for row in interpreter.get_input_details()]
    return {details[index]["name"]: details[index] for index in (*taken, *written) if index in details}


def _run(interpreter: Any, image: npt.NDArray[np.float32]) -> None:
    source = interpreter.get_input_details()[0]
    interpreter.set_tensor(source["index"], encode(image, source["dtype"], *source["quantization"]))
    interpreter.invoke()


def _values(
    interpreter: Any, details: dict[str, Any], halved: Mapping[str, Mapping[str, int]] = MappingProxyType({})
) -> Numbers:
    """The values of a tensor, the channels halved as often as is said."""
    values = np.asarray(
        decode(interpreter.get_tensor(details["index"]), *details["quantization"]), np.float64
    )
    if details["name"] in halved:
        values = values.copy()
        for channel, times in halved[details["name"]].items():
            values[..., int(channel)] *= 2.0**-times
    return values


def _alone(
    interpreter: Any, exact: Any, known: dict[str, dict[str, Any]], halved: Mapping[str, Mapping[str, int]]
) -> Numbers | None:
    """What one operator makes of the reference's own values; None where these are not known."""
    if interpreter is None:
        return None
    sources: Sequence[dict[str, Any]] = interpreter.get_input_details()
    if any(source["name"] not in known for source in sources):
        return None
    for source in sources:
        values = _values(exact, known[source["name"]], halved).astype(np.float32)
        if tuple(values.shape) != tuple(source["shape"]):
            return None
        interpreter.set_tensor(source["index"], encode(values, source["dtype"], *source["quantization"]))
    interpreter.invoke()
    result = interpreter.get_output_details()[0]
    return np.asarray(decode(interpreter.get_tensor(result["index"]), *result["quantization"]), np.float64)


def _limits(details: dict[str, Any]) -> tuple[float, float]:
    """The smallest and largest value that a tensor can hold."""
    scale, point = details["quantization"]
    if not scale or not np.issubdtype(details["dtype"], np.integer):
        return -np.inf, np.inf
    ends = np.iinfo(details["dtype"])
    return (ends.min - point) * scale, (ends.max - point) * scale
