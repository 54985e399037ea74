"""What a pass is, and what it is told of the file besides the graph."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mobilecnn.contract import InputContract


@dataclass(frozen=True)
class Description:
    """What a file is, beyond its graph.

    Attributes:
        title: the model's name.
        contract: how a picture becomes the input.
        labels: class names in output order; empty when unknown.
    """

    title: str
    contract: InputContract
    labels: tuple[str, ...]


Pass = Callable[[Any, Description], Iterable[str]]
"""Function that changes a schema ``ModelT`` in place and returns its changes, a phrase for each."""
