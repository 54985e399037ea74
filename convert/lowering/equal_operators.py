"""Rewrite: operators that compute the same of the same, once."""

import hashlib
from collections.abc import Hashable, Iterator
from typing import Any

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.remarks import plural

KINDS = frozenset(
    [
        "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "HARD_SWISH",
        "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "RELU", "RELU6", "RESHAPE", "SUB", "TANH",
        "TRANSPOSE",
    ]
)  # fmt: skip
"""Operators with one output that follows from their inputs and options alone."""


def merge_equal_operators(editor: Editor) -> Iterator[str]:
    """Compute f(x) once where several operators compute it.

    y = f(x) and z = f(x) with the same f, constants and options are one tensor, so who reads z reads y. Bit-exact. The
    converter does so where it sees it; this is for what it leaves.
    """
    seen: dict[Hashable, int] = {}
    merged: dict[str, int] = {}
    for operator in editor.operators:
        if editor.kind(operator) not in KINDS:
            continue
        (output,) = wellformed.indices(operator.outputs)
        if not _shares_its_input(editor, operator):
            continue
        key = _key(editor, operator)
        if key not in seen:
            seen[key] = output
        elif editor.between(output):
            editor.read_instead(output, seen[key])
            merged[editor.kind(operator)] = merged.get(editor.kind(operator), 0) + 1
    for kind, count in merged.items():
        yield f"{plural(count, kind, kind)} equal to an earlier one"


def _shares_its_input(editor: Editor, operator: Any) -> bool:
    """Whether another operator of its kind reads its first input: only then can there be an equal one."""
    inputs = wellformed.indices(operator.inputs)
    kind = editor.kind(operator)
    return bool(inputs) and sum(editor.kind(other) == kind for other in editor.readers(inputs[0])) > 1


def _key(editor: Editor, operator: Any) -> Hashable:
    options = operator.builtinOptions
    settings = (
        tuple(sorted((name, str(value)) for name, value in vars(options or object()).items()))
        if options
        else ()
    )
    (output,) = wellformed.indices(operator.outputs)
    made = editor.tensor(output)
    inputs = tuple(_read(editor, index) for index in wellformed.indices(operator.inputs))
    return operator.opcodeIndex, settings, inputs, made.dtype, made.shape, made.scales, made.zero_points


def _read(editor: Editor, index: int) -> Hashable:
    """An input: constants by what they hold, all others by their index."""
    if index < 0:
        return index
    tensor = editor.tensor(index)
    if tensor.data is None or editor.maker(index) is not None:
        return index
    digest = hashlib.sha256(tensor.data.tobytes()).digest()
    return tensor.dtype, tensor.shape, tensor.scales, tensor.zero_points, digest
