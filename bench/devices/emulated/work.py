"""The work of an inference on a processor, and the time that it takes there."""

from dataclasses import dataclass

from mobilecnn.bench.devices.emulated import pipeline
from mobilecnn.bench.devices.emulated.blocks import Section
from mobilecnn.bench.records.chips import Chip


@dataclass(frozen=True)
class Work:
    """What was executed between two marks, in the terms of which a processor's time consists.

    Attributes:
        instructions: number of instructions executed.
        cycles: cycles of the pipeline, with all data in the first-level cache and all branches foreseen.
        lines: lines of 64 bytes fetched into the first-level data cache, from wherever they lay.
        turns: number of times that a block was followed by another than the one that mostly follows it: loops
            that end, and branches that go the rarer way.
    """

    instructions: int
    cycles: float
    lines: int
    turns: int


def work_of(section: Section, model: str, processor: int = 0) -> Work:
    """The work between two marks on one processor.

    Args:
        section: what was executed.
        model: LLVM's name of the processor's core.
        processor: which of the simulated caches are the processor's.

    Raises:
        EnvironmentProblem: LLVM's tools are missing, too old, or fail.
    """
    return Work(
        section.instructions,
        pipeline.cycles(section, model),
        section.traffic(processor).fills[0],
        turns(section),
    )


def milliseconds(work: Work, chip: Chip) -> float:
    """Time of one inference on a chip: one thread on its fastest core, in milliseconds."""
    constants = chip.constants
    cycles = constants.cycles * work.cycles + constants.line * work.lines + constants.turn * work.turns
    return cycles / (chip.gigahertz * 1e6)


def turns(section: Section) -> int:
    """Number of times that a block was followed by another than its most frequent successor."""
    times: dict[int, int] = {}
    most: dict[int, int] = {}
    for (first, _), count in section.then.items():
        times[first] = times.get(first, 0) + count
        most[first] = max(most.get(first, 0), count)
    return sum(times.values()) - sum(most.values())
