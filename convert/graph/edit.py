"""Changing a graph in place: who makes and who reads a tensor, new tensors and operators, and what is left over.

The changes are made to the schema's ``ModelT`` of :func:`mobilecnn.convert.graph.flatbuffer.parse`, to its first
subgraph.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import flatbuffer, wellformed
from mobilecnn.convert.graph.flatbuffer import Tensor

NOT_FUSED = schema.ActivationFunctionType.NONE
"""Activation of an operator that has none in itself."""


class Editor:
    """The first subgraph of a model while it is changed.

    Operators are the schema's ``OperatorT``, tensors are known by their index.
    """

    def __init__(self, model: Any, leave: frozenset[str] = frozenset()) -> None:
        """Edit a schema ``ModelT``; operators that write a tensor of a name in ``leave`` are not among :attr:`operators`."""
        self.model = model
        self._graph = model.subgraphs[0]
        self._leave = leave
        self._index()

    @property
    def operators(self) -> list[Any]:
        """The operators in the order in which they run, but for those to leave; a copy, so that it can be changed on the way."""
        return [operator for operator in self._graph.operators or [] if not self._left(operator)]

    def kind(self, operator: Any) -> str:
        """Name of the operator: ``CONV_2D``."""
        return flatbuffer.kind_of(self.model.operatorCodes[operator.opcodeIndex])

    def tensor(self, index: int) -> Tensor:
        """What is known of a tensor."""
        return flatbuffer.tensor_of(self.model, index)

    def dtype(self, index: int) -> str:
        """Type of a tensor: ``int8``."""
        return self.tensor(index).dtype

    def quantized_axis(self, index: int) -> int:
        """Axis along which the scales of a tensor lie that has several."""
        return int(self._graph.tensors[index].quantization.quantizedDimension)

    def readers(self, index: int) -> tuple[Any, ...]:
        """The operators that read a tensor, each once, in order."""
        return tuple(self._readers.get(index, ()))

    def maker(self, index: int) -> Any:
        """The operator that writes a tensor; None for inputs and constants."""
        return self._makers.get(index)

    def between(self, index: int) -> bool:
        """Whether a tensor is only between operators: not an input or output of the graph, and no constant."""
        return index not in self._ends and index in self._makers

    def only_reader(self, index: int) -> Any:
        """The one operator that reads a tensor that is only between operators; else None."""
        readers = self.readers(index)
        return readers[0] if self.between(index) and len(readers) == 1 else None

    def integers(self, index: int) -> list[int] | None:
        """The values of a constant of int32 or int64, flat; None where it is something else."""
        tensor = self.tensor(index)
        if tensor.data is None or tensor.dtype not in ("int32", "int64"):
            return None
        return [int(value) for value in np.frombuffer(tensor.data.tobytes(), np.dtype(tensor.dtype))]

    def add_tensor(self, name: str, shape: Sequence[int], dtype: str) -> int:
        """Index of a new tensor without quantization."""
        tensor = schema.TensorT()
        tensor.name, tensor.buffer = name, 0
        tensor.shape = np.array(shape, np.int32)
        tensor.type = getattr(schema.TensorType, dtype.upper())
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def tensor_like(self, index: int, name: str, shape: Sequence[int]) -> int:
        """Index of a new tensor of the type and quantization of another one, whose values it holds in another shape."""
        new = self.add_tensor(name, shape, self.dtype(index))
        self._graph.tensors[new].quantization = copy.copy(self._graph.tensors[index].quantization)
        return new

    def rename(self, index: int, name: str) -> None:
        """Give a tensor another name."""
        self._graph.tensors[index].name = name

    def fill(
        self,
        index: int,
        values: npt.NDArray[Any],
        scales: npt.NDArray[np.float32] | None = None,
        axis: int = 0,
    ) -> None:
        """Make a tensor a constant that holds ``values``; codes of ``scales`` along ``axis`` and zero points 0, if given."""
        tensor = self._graph.tensors[index]
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        tensor.buffer = len(self.model.buffers)
        self.model.buffers.append(buffer)
        if scales is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scales.astype(np.float32)
            tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
            tensor.quantization.quantizedDimension = axis

    def changed_constant(
        self,
        index: int,
        change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
        order: Sequence[int] | None = None,
        axis: int = 0,
    ) -> int:
        """Index of a new constant with what ``change`` makes of the values of another one.

        Args:
            index: the other one.
            change: function of its stored values, in its shape.
            order: order of its entries along ``axis`` afterwards, for the scales of channels; None if it stays.
            axis: dimension that ``order`` is of.
        """
        tensor = self.tensor(index)
        assert tensor.data is not None
        values = np.frombuffer(tensor.data.tobytes(), np.dtype(tensor.dtype)).reshape(tensor.shape)
        made = np.ascontiguousarray(change(values))
        new = self.add_tensor(tensor.name, made.shape, tensor.dtype)
        self.fill(new, made)
        parameters = copy.copy(self._graph.tensors[index].quantization)
        if parameters is not None and parameters.scale is not None:
            along = len(parameters.scale) > 1 and parameters.quantizedDimension == axis % max(made.ndim, 1)
            if order is not None and along:
                parameters.scale = parameters.scale[list(order)]
                parameters.zeroPoint = parameters.zeroPoint[list(order)]
        self._graph.tensors[new].quantization = parameters
        return new

    def widened(self, index: int, origin: int) -> int:
        """Index of a new tensor that is made of the constant ``origin`` as the tensor ``index`` is made of its own."""
        maker = self.maker(index)
        new = self.add_tensor(self.tensor(index).name, self.tensor(origin).shape, self.dtype(index))
        code = self.model.operatorCodes[maker.opcodeIndex]
        self.replace(maker, [maker, self.operator(self.kind(maker), [origin], [new], code.version)])
        return new

    def add_constant(self, name: str, values: npt.ArrayLike) -> int:
        """Index of a new constant of int32."""
        stored = np.asarray(values, np.int32)
        index = self.add_tensor(name, stored.shape, "int32")
        self.fill(index, stored)
        return index

    def operator(
        self, kind: str, inputs: Sequence[int], outputs: Sequence[int], version: int = 1, options: Any = None
    ) -> Any:
        """A new operator, not in the graph yet; ``options`` is an options object of the schema."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(kind, version)
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        if options is not None:
            name = type(options).__name__.removesuffix("T")
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        return operator

    def reshape(self, source: int, target: int) -> Any:
        """A new RESHAPE of the tensor ``source`` to the shape of ``target``, not in the graph yet."""
        made, options = self.tensor(target), schema.ReshapeOptionsT()
        options.newShape = list(made.shape)
        shape = self.add_constant(f"{made.name}/shape", made.shape)
        return self.operator("RESHAPE", [source, shape], [target], options=options)

    def replace(self, old: Any, new: Sequence[Any]) -> None:
        """Put operators in the place of one."""
        place = next(place for place, other in enumerate(self._graph.operators) if other is old)
        self._graph.operators[place : place + 1] = new
        self._index()

    def read_instead(self, old: int, new: int, reader: Any = None) -> None:
        """Let all that read the tensor ``old`` read ``new``, or one of them; an output of the graph stays what it is."""
        for operator in self.readers(old) if reader is None else (reader,):
            operator.inputs = _with(operator.inputs, old, new)
        self._index()

    def read_at(self, operator: Any, position: int, new: int) -> None:
        """Let one operator read the tensor ``new`` as one of its inputs."""
        inputs = wellformed.indices(operator.inputs)
        inputs[position] = new
        operator.inputs = np.array(inputs, np.int32)
        self._index()

    def set_input(self, operator: Any, place: int, index: int) -> None:
        """Let an operator read a tensor in one place of its inputs, which may have been absent."""
        inputs = wellformed.indices(operator.inputs)
        inputs += [-1] * (place + 1 - len(inputs))
        inputs[place] = index
        operator.inputs = np.array(inputs, np.int32)
        self._index()

    def write_instead(self, operator: Any, old: int, new: int) -> None:
        """Let an operator write ``new`` where it wrote ``old``."""
        operator.outputs = _with(operator.outputs, old, new)
        self._index()

    def sweep(self) -> None:
        """Take out the operators that nobody reads, and then the tensors and buffers that nothing uses."""
        while unread := [operator for operator in self._graph.operators if self._unread(operator)]:
            self._graph.operators = [
                operator for operator in self._graph.operators if all(operator is not one for one in unread)
            ]
            self._index()
        used = {*self._ends, *self._makers, *self._readers}
        places = {old: new for new, old in enumerate(sorted(used))}
        graph = self._graph
        graph.tensors = [tensor for index, tensor in enumerate(graph.tensors) if index in used]
        for holder in (graph, *graph.operators):
            holder.inputs, holder.outputs = (
                _moved(wellformed.indices(row), places) for row in (holder.inputs, holder.outputs)
            )
        for operator in graph.operators:
            if operator.intermediates is not None:
                operator.intermediates = None
        for signature in self.model.signatureDefs or []:
            for entry in (*(signature.inputs or []), *(signature.outputs or [])):
                entry.tensorIndex = places[entry.tensorIndex]
        self._sweep_buffers()
        self._name_apart()
        self._index()

    def _left(self, operator: Any) -> bool:
        return bool(self._leave) and any(
            self.tensor(index).name in self._leave for index in _present(operator.outputs)
        )

    def _name_apart(self) -> None:
        """Give a tensor that has the name of an earlier one a number: the quantizer tells tensors by their names."""
        taken: set[Any] = set()
        for tensor in self._graph.tensors:
            given = (
                tensor.name.decode(errors="replace") if isinstance(tensor.name, bytes) else tensor.name or ""
            )
            name, number = given, 1
            while name in taken:
                number += 1
                name = f"{given}_{number}"
            taken.add(name)
            if name != given:
                tensor.name = name

    def _sweep_buffers(self) -> None:
        holders = [tensor for subgraph in self.model.subgraphs for tensor in subgraph.tensors]
        holders += self.model.metadata or []
        used = sorted({0, *(holder.buffer for holder in holders)})
        places = {old: new for new, old in enumerate(used)}
        self.model.buffers = [self.model.buffers[index] for index in used]
        for holder in holders:
            holder.buffer = places[holder.buffer]

    def _unread(self, operator: Any) -> bool:
        return not any(index in self._ends or index in self._readers for index in _present(operator.outputs))

    def _code(self, kind: str, version: int) -> int:
        number = getattr(schema.BuiltinOperator, kind)
        for index, code in enumerate(self.model.operatorCodes):
            if flatbuffer.kind_of(code) == kind and code.version == version:
                return index
        code = schema.OperatorCodeT()
        # The older field has a byte, and says 127 where that is too short.
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
        code.version = version
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def _index(self) -> None:
        self._ends = {*_present(self._graph.inputs), *_present(self._graph.outputs)}
        self._makers: dict[int, Any] = {}
        self._readers: dict[int, list[Any]] = {}
        for operator in self._graph.operators or []:
            for index in dict.fromkeys(_present(operator.inputs)):
                self._readers.setdefault(index, []).append(operator)
            for index in _present(operator.outputs):
                self._makers[index] = operator


def _present(indices: Any) -> list[int]:
    return [index for index in wellformed.indices(indices) if index >= 0]


def _with(indices: Any, old: int, new: int) -> npt.NDArray[np.int32]:
    return np.array([new if index == old else index for index in wellformed.indices(indices)], np.int32)


def _moved(indices: Iterable[int], places: dict[int, int]) -> npt.NDArray[np.int32]:
    return np.array([places.get(index, -1) for index in indices], np.int32)
