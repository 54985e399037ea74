"""Pass: the input contract and the labels inside the file, for tools that read TFLite Metadata."""

from typing import Any

from mobilecnn.convert import metadata
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.description import Description


def describe(model: Any, description: Description) -> list[str]:
    """Write the TFLite Metadata of an image classifier."""
    content = metadata.build(description.contract, description.labels, description.title)
    return ["TFLite Metadata"] if flatbuffer.set_metadata(model, metadata.ENTRY, content) else []
