"""The work of an inference on a processor, from the blocks that were executed."""

from mobilecnn.bench.devices.emulated import pipeline
from mobilecnn.bench.devices.emulated.blocks import Section
from mobilecnn.bench.records.work import Work


def work_of(section: Section, model: str, processor: int = 0) -> Work:
    """The work between two marks on one processor.

    Args:
        section: what was executed.
        model: LLVM's name of the processor's core.
        processor: which of the simulated caches are the processor's.

    Raises:
        EnvironmentProblem: LLVM's tools are missing, too old, or fail.
    """
    fills = section.traffic(processor).fills
    return Work(
        section.instructions, pipeline.cycles(section, model), fills[0], section.turns, memory=fills[-1]
    )
