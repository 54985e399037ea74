"""Pass: sums of int16 tensors of any scale."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.lowering.description import Description


def free_int16_sums(model: Any, _: Description | None = None) -> list[str]:
    """Clear the flag that says the scales of an int16 ADD or SUB are powers of two.

    The flag is set where nothing else is said, and the quantizer leaves it so: the runtimes then refuse the
    scales, or take a kernel that knows shifts only.
    """
    freed = 0
    for subgraph in model.subgraphs:
        for operator in subgraph.operators or []:
            integers = all(
                subgraph.tensors[int(index)].type == schema.TensorType.INT16 for index in operator.outputs
            )
            if integers and getattr(operator.builtinOptions, "potScaleInt16", False):
                operator.builtinOptions.potScaleInt16 = False
                freed += 1
    return [f"{freed} int16 sums take any scale"] if freed else []
