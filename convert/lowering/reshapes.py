"""Rewrite: reshapes that change nothing."""

from collections.abc import Iterator

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.remarks import plural


def drop_reshapes(editor: Editor) -> Iterator[str]:
    """Leave out a RESHAPE to the shape that its input has, and one whose output is only reshaped again.

    reshape_b(reshape_a(x)) = reshape_b(x), and reshape to x's own shape is x: values and their order stay. Bit-exact.
    """
    dropped = 0
    for operator in editor.operators:
        if editor.kind(operator) != "RESHAPE":
            continue
        source, target = wellformed.indices(operator.inputs)[0], wellformed.indices(operator.outputs)[0]
        given, made = editor.tensor(source), editor.tensor(target)
        if given.dynamic or made.dynamic or not editor.between(target):
            continue
        readers = editor.readers(target)
        again = readers and all(editor.kind(reader) == "RESHAPE" for reader in readers)
        if given.shape == made.shape or again:
            editor.read_instead(target, source)
            dropped += 1
    if dropped:
        yield f"{plural(dropped, 'RESHAPE', 'RESHAPE')} that changed nothing"
