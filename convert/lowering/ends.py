"""Pass: the names of the input and the output, and the signature that has them."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.lowering.description import Description

SIGNATURE = "serving_default"
"""Name of the one signature of an exported file."""

INPUT_NAME = "image"
"""Name of the input of an exported file."""

OUTPUT_NAME = "scores"
"""Name of the output of an exported file."""


def name_ends(model: Any, _: Description) -> list[str]:
    """Name the input ``image`` and the output ``scores``, and add the signature that says so.

    Without a signature the runtimes' signature runners and the quantizer's profiler-based calibration
    cannot address the graph.
    """
    subgraph = model.subgraphs[0]
    ends = ((int(subgraph.inputs[0]), INPUT_NAME), (int(subgraph.outputs[0]), OUTPUT_NAME))
    signature = schema.SignatureDefT()
    signature.signatureKey = SIGNATURE
    signature.subgraphIndex = 0
    signature.inputs, signature.outputs = ([_mapping(name, index)] for index, name in ends)
    model.signatureDefs = [signature]
    changes = []
    for index, name in ends:
        tensor = subgraph.tensors[index]
        if tensor.name not in (name, name.encode()):
            changes.append(f"tensor {index} is named {name}")
        tensor.name = name
    return changes


def _mapping(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name = name
    entry.tensorIndex = index
    return entry
