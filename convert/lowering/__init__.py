"""From a flatbuffer as the converter or the quantizer made it to the file that leaves us.

A pass is a function in a module of its own: it changes the model (a schema ``ModelT``) in place and
returns what it changed, a phrase for each change, nothing where there was nothing to do. :data:`PASSES`
has them in order; to add one, write its module and add a line there. Passes run on the float32 file and
again on each file that the quantizer makes of it, so a pass leaves alone what it cannot treat.

The labels are the last step and no pass: they are a zip archive behind the packed flatbuffer.
"""

from dataclasses import dataclass

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.description import Description, Pass
from mobilecnn.convert.lowering.ends import name_ends
from mobilecnn.convert.lowering.int16_sums import free_int16_sums
from mobilecnn.convert.lowering.operator_versions import stamp_versions
from mobilecnn.convert.lowering.tflite_metadata import append_labels, describe

PASSES: tuple[Pass, ...] = (
    free_int16_sums,
    name_ends,
    stamp_versions,
    describe,
)
"""The passes, in the order in which they run."""

NAMING: frozenset[Pass] = frozenset([name_ends, describe])
"""Passes that name and describe, on every file alike, and leave what it computes and needs as it is."""


@dataclass(frozen=True)
class Lowered:
    """A finished file.

    Attributes:
        content: the ``.tflite`` file.
        changes: pass -> what it changed, in the order in which the passes ran.
    """

    content: bytes
    changes: dict[str, tuple[str, ...]]

    @property
    def beyond_names(self) -> dict[str, tuple[str, ...]]:
        """The changes for the passport: those of passes that changed something, :data:`NAMING` apart."""
        naming = {run.__name__ for run in NAMING}
        return {name: changes for name, changes in self.changes.items() if changes and name not in naming}


def lower(content: bytes, description: Description) -> Lowered:
    """Run all passes on a ``.tflite`` file, then append the labels.

    Args:
        content: the file, as the converter or the quantizer made it.
        description: what it is.

    Raises:
        ModelFileError: ``content`` is not a TFLite file.
    """
    model = flatbuffer.parse(content, description.title)
    changes = {run.__name__: tuple(run(model, description)) for run in PASSES}
    return Lowered(append_labels(flatbuffer.pack(model), description.output_labels), changes)
