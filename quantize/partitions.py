"""In how many pieces XNNPACK runs a ``.tflite`` file: as LiteRT itself splits it, in a child process; and what is forecast
of XNNPACK and of a GPU.

The runtime gives XNNPACK every run of operators that it takes, a partition each, and keeps the others. Between them
feature maps are handed over and the faster kernels have less to look at, so that a graph in one piece is the fastest.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mobilecnn.convert import gpu, xnnpack
from mobilecnn.convert.checks import Gain
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.flatbuffer import Graph, Operation
from mobilecnn.convert.lowering.rewrites import Rewritten
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
        surprises: operators that it was forecast to take, and leaves, or the other way round; ``why`` says which.
    """

    count: int
    left: tuple[Left, ...]
    surprises: tuple[Left, ...] = ()

    def __str__(self) -> str:
        """One line for people."""
        outside = ", ".join(
            f"{row.operator} ({row.count}{f': {row.why}' if row.why else ''})" for row in self.left
        )
        return f"{self.count}; outside of {'it' if self.count == 1 else 'them'}: {outside or 'nothing'}"


@dataclass(frozen=True)
class Forecast:
    """What delegates are forecast to leave to the built-in kernels.

    Attributes:
        operators: number of operators of the graph.
        xnnpack: what XNNPACK leaves (:mod:`mobilecnn.convert.xnnpack`), the most frequent first.
        gpu: what the GPU accelerator leaves (:mod:`mobilecnn.convert.gpu`).
    """

    operators: int
    xnnpack: tuple[Left, ...]
    gpu: tuple[Left, ...]

    def __str__(self) -> str:
        """One line for people."""
        parts = []
        for name, rows in (("XNNPACK", self.xnnpack), ("a GPU", self.gpu)):
            left = sum(row.count for row in rows)
            named = ", ".join(f"{row.operator} ({row.count}: {row.why})" for row in rows)
            parts.append(
                f"{name} takes {self.operators - left} of {self.operators}{f', not {named}' if rows else ''}"
            )
        return "; ".join(parts)


def forecast(graph: Graph) -> Forecast:
    """What delegates are forecast to leave of a graph, operator by operator; nothing is run."""

    def left(why_left: Callable[[Operation], str]) -> tuple[Left, ...]:
        rows = Counter((row.kind, why) for row in graph.operations if (why := why_left(row)))
        return tuple(Left(kind, number, why) for (kind, why), number in rows.most_common())

    return Forecast(len(graph.operations), left(xnnpack.why_left), left(gpu.why_left))


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
    surprises = Counter(
        (operation.kind, "left" if index in outside else "taken")
        for index, operation in enumerate(graph.operations)
        if bool(xnnpack.why_left(operation)) != (index in outside)
    )
    left, others = (
        tuple(Left(kind, number, why) for (kind, why), number in found.most_common())
        for found in (rows, surprises)
    )
    return Partitions(count, left, others)


def counted(
    graph: str, before: bytes, rewritten: Rewritten, tflite: TfliteProcess, scratch: Path
) -> Rewritten:
    """A rewritten file with what the rewrites brought; as it is where they changed nothing.

    Args:
        graph: which graph it is, as :class:`~mobilecnn.convert.checks.Gain` calls it.
        before: the file before the rewrites, which the runtime takes as it takes the one after.
        rewritten: the file after them.
        tflite: the child that loads both.
        scratch: where they are written for it.
    """
    if not rewritten.changes:
        return rewritten
    operators, pieces = [], []
    for content in (before, rewritten.content):
        scratch.write_bytes(content)
        operators.append(len(flatbuffer.graph(content, graph).operations))
        pieces.append(tflite.split(scratch)[0])
    saved: dict[str, float] = {}
    for part in rewritten.parts:
        for chip, took in part.before.microseconds.items():
            saved[chip] = round(saved.get(chip, 0.0) + took - part.after.microseconds[chip], 3)
    return replace(rewritten, gains=(Gain(graph, tuple(operators), tuple(pieces), saved),))
