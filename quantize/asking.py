"""How models are asked for their scores: the options that ``evaluate`` and ``predict`` share. Light to import."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asking:
    """How models are loaded, fed and run.

    Attributes:
        runtime: what runs .tflite files: one of :data:`mobilecnn.quantize.runtimes.RUNTIMES`.
        input_range: range of the input (a key of :data:`mobilecnn.contract.RANGES`) for the models that do not say it
            themselves.
        override_input_range: whether ``input_range`` goes before what the models say.
        output_kind: name of what the outputs are, where a model does not say so.
        allow_code: whether Python code in Keras files may run.
        custom_objects: a Python file with the user's own layers and functions in the Keras files; it runs.
    """

    runtime: str = "litert"
    input_range: str | None = None
    override_input_range: bool = False
    output_kind: str | None = None
    allow_code: bool = False
    custom_objects: Path | None = None


DEFAULT = Asking()
"""As the models and their passports say."""
