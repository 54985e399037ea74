"""What a pass is, and what it is told of the file besides the graph."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mobilecnn.contract import InputContract
from mobilecnn.convert.output_kinds import UNKNOWN, OutputKind


@dataclass(frozen=True)
class Description:
    """What a file is, beyond its graph.

    Attributes:
        title: the model's name.
        contract: how a picture becomes the input.
        labels: class names in output order, of one output the two that it tells apart; empty when unknown.
        kind: what the outputs are.
    """

    title: str
    contract: InputContract
    labels: tuple[str, ...]
    kind: OutputKind = UNKNOWN

    @property
    def output_labels(self) -> tuple[str, ...]:
        """A name for each output: of one output that of the class whose probability it tells."""
        return self.labels[-1:] if self.kind.decision == "binary" else self.labels


Pass = Callable[[Any, Description], Iterable[str]]
"""Function that changes a schema ``ModelT`` in place and returns its changes, a phrase for each."""
