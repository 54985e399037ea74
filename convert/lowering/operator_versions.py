"""Pass: the operator versions that the tensors call for, and the runtime that they need."""

import copy
from typing import Any

from mobilecnn.convert import versions
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.description import Description
from mobilecnn.remarks import plural

METADATA = "min_runtime_version"
"""Name of the metadata entry that TensorFlow's converter writes the release to."""


def stamp_versions(model: Any, _: Description) -> list[str]:
    """Write the operator versions that the tensors call for, and ``min_runtime_version``.

    Each (operator, version) gets its own operator code, so one grouped convolution does not raise the
    version of the others. An operation of unknown version keeps the file's. A file with several subgraphs
    (control flow: no image classifier) is left as it is.
    """
    if len(model.subgraphs) != 1:
        return []
    subgraph = model.subgraphs[0]
    operations = flatbuffer.graph_of(model).operations
    stated = [versions.version_needed(operation) or operation.version for operation in operations]
    codes: list[Any] = []
    index: dict[tuple[int, int], int] = {}
    for operator, version in zip(subgraph.operators, stated, strict=True):
        key = (operator.opcodeIndex, version)
        if key not in index:
            code = copy.copy(model.operatorCodes[operator.opcodeIndex])
            code.version = version
            index[key] = len(codes)
            codes.append(code)
        operator.opcodeIndex = index[key]
    model.operatorCodes = codes
    minimum = versions.minimum_runtime(map(versions.release_for, operations, stated))
    # The runtime reads a fixed field of 16 bytes; an unknown minimum is left empty.
    flatbuffer.set_metadata(model, METADATA, (minimum or "").encode().ljust(16, b"\0"))
    changed = sum(version != operation.version for version, operation in zip(stated, operations, strict=True))
    have = "has" if changed == 1 else "have"
    return [f"{plural(changed, 'operator')} {have} another version"] if changed else []
