"""``.tflite`` files operator by operator, to be read; only those that end in :meth:`Made.scores` can be run."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import flatbuffer, metadata


class Made:
    """A graph that grows operator by operator from its input."""

    def __init__(
        self,
        shape: tuple[int, ...] = (1, 8, 8, 3),
        dtype: str = "float32",
        scale: float | tuple[float, ...] = (),
        zero_point: int = 0,
    ) -> None:
        """Begin with the input; ``scale`` is empty for one that is not quantized."""
        self._model, self._graph = schema.ModelT(), schema.SubGraphT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]  # The first is empty, as the schema demands.
        self._model.operatorCodes, self._model.subgraphs = [], [self._graph]
        self._graph.tensors, self._graph.operators = [], []
        self.input = self.last = self._tensor(shape, dtype, scale, zero_point, 0)

    def constant(
        self, values: npt.ArrayLike, dtype: str = "float32", scale: Any = (), zero_point: int = 0
    ) -> int:
        """Index of a tensor that holds ``values``, as they are stored."""
        stored = np.asarray(values, np.dtype(dtype))
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(stored.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._tensor(stored.shape, dtype, scale, zero_point, len(self._model.buffers) - 1)

    def add(
        self,
        kind: str,
        *inputs: int,
        shape: tuple[int, ...] | None = None,
        dtype: str | None = None,
        scale: Any = (),
        zero_point: int = 0,
        outputs: int = 1,
        **options: Any,
    ) -> int:
        """Add an operator of the tensors ``inputs``; its output has the first one's shape and type if nothing is said.

        Returns:
            The index of its first output; others follow it.
        """
        first = self._graph.tensors[inputs[0]]
        names = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
        made = [
            self._tensor(
                tuple(map(int, first.shape)) if shape is None else shape,
                names[first.type].lower() if dtype is None else dtype,
                scale,
                zero_point,
                0,
            )
            for _ in range(outputs)
        ]
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(kind)
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array(made, np.int32)
        if options:
            name = options.pop("table")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            operator.builtinOptions = getattr(schema, f"{name}T")()
            for key, value in options.items():
                assert hasattr(operator.builtinOptions, key), key
                setattr(operator.builtinOptions, key, value)
        self._graph.operators.append(operator)
        self.last = made[0]
        return made[0]

    def put(self, kind: str, *inputs: int, **options: Any) -> "Made":
        """:meth:`add`, and the graph itself."""
        self.add(kind, *inputs, **options)
        return self

    def then(self, kind: str, *constants: npt.ArrayLike, integers: bool = False, **options: Any) -> "Made":
        """Add an operator of what was added last and of constants."""
        dtype = "int32" if integers else "float32"
        self.add(kind, self.last, *(self.constant(values, dtype) for values in constants), **options)
        return self

    def scores(self, classes: int = 2, seed: int = 5) -> "Made":
        """Add the mean of all places and a dense layer with softmax: what makes a classifier that can be run."""
        shape = self._graph.tensors[self.last].shape
        channels = int(shape[3])
        axes = self.constant([1, 2], "int32")
        self.add("MEAN", self.last, axes, shape=(1, channels), table="ReducerOptions")
        weights = np.random.default_rng(seed).normal(0, 1, (classes, channels))
        dense = self.constant(weights), self.constant(np.zeros(classes))
        self.add("FULLY_CONNECTED", self.last, *dense, shape=(1, classes), table="FullyConnectedOptions")
        self.add("SOFTMAX", self.last, table="SoftmaxOptions", beta=1.0)
        return self

    def pack(self, *outputs: int, said: bytes | None = None) -> bytes:
        """The file; ``said`` is its TFLite Metadata. Its outputs are those given, or what was added last."""
        self._graph.inputs = np.array([self.input], np.int32)
        self._graph.outputs = np.array(outputs or [self.last], np.int32)
        if said is not None:
            flatbuffer.set_metadata(self._model, metadata.ENTRY, said)
        return flatbuffer.pack(self._model)

    def graph(self, *outputs: int, said: bytes | None = None) -> flatbuffer.Graph:
        """What is read of the file."""
        return flatbuffer.graph(self.pack(*outputs, said=said), "made")

    def _tensor(self, shape: tuple[int, ...], dtype: str, scale: Any, zero_point: int, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.buffer = f"t{len(self._graph.tensors)}", buffer
        tensor.type = getattr(schema.TensorType, dtype.upper())
        tensor.shape = np.array(shape, np.int32)
        scales = np.atleast_1d(np.asarray(scale, np.float32))
        if scales.size:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = np.full(scales.size, zero_point, np.int64)
            tensor.quantization.quantizedDimension = len(shape) - 1 if scales.size > 1 else 0
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _code(self, kind: str) -> int:
        number = getattr(schema.BuiltinOperator, kind)
        for index, code in enumerate(self._model.operatorCodes):
            if code.builtinCode == number:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1


def saying(content: bytes, said: bytes | None) -> bytes:
    """The file with another TFLite Metadata; with None it says nothing of itself but by its operators."""
    model = flatbuffer.parse(content, "it")
    if said is None:
        model.metadata = []
    else:
        flatbuffer.set_metadata(model, metadata.ENTRY, said)
    return flatbuffer.pack(model)


def replaced(path: Path, content: bytes, change: Callable[[dict[str, Any]], object]) -> None:
    """Replace a file and change its passport, whose hash is the new file's."""
    path.write_bytes(content)
    document = json.loads(path.with_suffix(".json").read_text())
    document["file"].update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    change(document)
    path.with_suffix(".json").write_text(json.dumps(document))
