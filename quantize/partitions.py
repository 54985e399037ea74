"""In how many pieces XNNPACK runs a ``.tflite`` file: as LiteRT itself splits it, in a child process.

The runtime gives XNNPACK every run of operators that it takes, a partition each, and keeps the others. Between them
feature maps are handed over and the faster kernels have less to look at, so that a graph in one piece is the fastest.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mobilecnn.convert import xnnpack
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import ModelFileError
from mobilecnn.files import read_bytes
from mobilecnn.quantize.inference import TfliteProcess


@dataclass(frozen=True)
class Left:
    """Operators of one kind that XNNPACK leaves to the built-in kernels.

    Attributes:
        operator: kind: ``HARD_SWISH``.
        count: number of them.
        why: why it leaves them, a phrase; empty where that is not known.
    """

    operator: str
    count: int
    why: str


@dataclass(frozen=True)
class Partitions:
    """How LiteRT splits a graph.

    Attributes:
        count: number of XNNPACK's partitions.
        left: what is outside of them, the most frequent first.
    """

    count: int
    left: tuple[Left, ...]

    def __str__(self) -> str:
        """One line for people."""
        outside = ", ".join(
            f"{row.operator} ({row.count}{f': {row.why}' if row.why else ''})" for row in self.left
        )
        return f"{self.count}; outside of {'it' if self.count == 1 else 'them'}: {outside or 'nothing'}"


def partitions(path: Path) -> Partitions:
    """How LiteRT splits a ``.tflite`` file, which is loaded and not run.

    Raises:
        ModelFileError: it is no TFLite file, or the runtime refuses it.
        EnvironmentProblem: the runtime crashed over it.
    """
    graph = flatbuffer.graph(read_bytes(path, "model", ModelFileError), str(path))
    flatbuffer.check_runnable(graph, str(path))
    with TfliteProcess(f"that loads {path}") as tflite:
        count, outside = tflite.split(path)
    rows = Counter(
        (operation.kind, xnnpack.why_left(operation))
        for operation in (graph.operations[index] for index in outside)
    )
    return Partitions(count, tuple(Left(kind, number, why) for (kind, why), number in rows.most_common()))
