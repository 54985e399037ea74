"""Pass: the operator versions that the tensors call for, and the runtime that they need."""

from typing import Any

from mobilecnn.convert import versions
from mobilecnn.convert.lowering.description import Description


def stamp_versions(model: Any, _: Description) -> list[str]:
    """Write true operator versions and ``min_runtime_version`` (:func:`mobilecnn.convert.versions.stamp`)."""
    changed = versions.stamp(model)
    return [f"{changed} operators have another version"] if changed else []
