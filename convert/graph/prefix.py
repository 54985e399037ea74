"""The beginning of a .tflite file as a file of its own, up to one of its operators, whose output it gives."""

from typing import Any

import numpy as np

from mobilecnn.convert.graph import flatbuffer, wellformed
from mobilecnn.convert.graph.flatbuffer import Tensor

GIVEN = ("float32", "int8", "uint8", "int16")
"""Types of an output that a device can be asked for."""


def stops(model: Any) -> list[tuple[int, str, Tensor]]:
    """The operators of the first subgraph after which a file can end: place, kind, and what is known of their first output.

    Args:
        model: the schema's ``ModelT`` (:func:`mobilecnn.convert.graph.flatbuffer.parse`).
    """
    found = []
    given = {index for index in wellformed.indices(model.subgraphs[0].inputs) if index >= 0}
    reached = set(given)
    for place, operator in enumerate(model.subgraphs[0].operators or []):
        written = [index for index in wellformed.indices(operator.outputs) if index >= 0]
        # What is made of constants alone is the same everywhere, and may not be an output.
        if written and any(index in reached for index in wellformed.indices(operator.inputs)):
            reached.update(written)
            tensor = flatbuffer.tensor_of(model, written[0])
            if tensor.dtype in GIVEN:
                kind = flatbuffer.kind_of(model.operatorCodes[operator.opcodeIndex])
                found.append((place, kind, tensor))
    return found


def prefix(content: bytes, name: str, place: int) -> bytes:
    """The file that ends with the operator at ``place``, and gives its first output.

    Raises:
        ModelFileError: ``content`` is damaged.
    """
    model = flatbuffer.parse(content, name)
    graph = model.subgraphs[0]
    last = graph.operators[place]
    graph.operators = graph.operators[: place + 1]
    graph.outputs = np.array([wellformed.indices(last.outputs)[0]], np.int32)
    model.signatureDefs, model.metadata = None, None
    return flatbuffer.pack(model)
