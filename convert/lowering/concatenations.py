"""Rewrite: concatenations of many feature maps, as several of few."""

import copy
from collections.abc import Iterator
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import NOT_FUSED, Editor
from mobilecnn.convert.xnnpack import MOST_CONCATENATED


def nest_concatenations(editor: Editor) -> Iterator[str]:
    """Concatenate four at a time where XNNPACK takes no more.

    concat(a, b, c, d, e, f) = concat(concat(a, b, c), d, e, f): the same values in the same order. Bit-exact. XNNPACK takes up to
    five inputs, and up to four before LiteRT, so that a cell of NASNet with six branches would end a partition.
    """
    nested = 0
    for operator in editor.operators:
        inputs = wellformed.indices(operator.inputs)
        options = operator.builtinOptions
        if editor.kind(operator) != "CONCATENATION" or len(inputs) <= MOST_CONCATENATED or -1 in inputs:
            continue
        if (
            not isinstance(options, schema.ConcatenationOptionsT)
            or options.fusedActivationFunction != NOT_FUSED
        ):
            continue
        (output,) = wellformed.indices(operator.outputs)
        made = editor.tensor(output)
        steps: list[Any] = []
        while len(inputs) > MOST_CONCATENATED:
            first = inputs[: min(MOST_CONCATENATED, len(inputs) - MOST_CONCATENATED + 1)]
            shape = list(made.shape)
            shape[options.axis] = sum(editor.tensor(index).shape[options.axis] for index in first)
            part = editor.tensor_like(output, f"{made.name}/{len(steps)}", shape)
            steps.append(editor.operator("CONCATENATION", first, [part], options=copy.copy(options)))
            inputs = [part, *inputs[len(first) :]]
        steps.append(editor.operator("CONCATENATION", inputs, [output], options=options))
        editor.replace(operator, steps)
        nested += 1
    if nested:
        yield f"{nested} CONCATENATION of more than {MOST_CONCATENATED} as several"
