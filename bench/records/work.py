"""What an inference makes a processor do, and the time that a model of a chip gives it."""

from dataclasses import astuple, dataclass

from mobilecnn.bench.records.chips import Chip


@dataclass(frozen=True)
class Work:
    """What was executed between two marks, in the terms of which a processor's time consists.

    Attributes:
        instructions: number of instructions executed.
        cycles: cycles of the pipeline, with all data in the first-level cache and all branches foreseen.
        lines: lines of 64 bytes fetched into the first-level data cache, from wherever they lay.
        turns: number of times that a block was followed by another than a two-bit predictor foresaw: loops
            that end, and branches that go another way than before. Records of before
            November 2026 count those that did not go the way that was the most frequent of the inference, and have constants for these.
        memory: number of lines that came from the memory, of the lines; None in records of before it was kept.
    """

    instructions: int
    cycles: float
    lines: int
    turns: int
    memory: int | None = None

    def __post_init__(self) -> None:
        if self.instructions < 1 or self.cycles <= 0:
            raise ValueError("work without instructions or cycles")


@dataclass(frozen=True)
class TimeModel:
    """What turns work into time.

    Attributes:
        chip: chip that is modelled, with its constants and their errors.
        llvm: release of LLVM whose scheduling model gave the cycles.
    """

    chip: Chip
    llvm: str

    def __str__(self) -> str:
        """All that decides a modelled time beside the work: what is kept of one model is of no use to another."""
        chip = self.chip
        constants = "/".join(f"{value:g}" for value in astuple(chip.constants))
        return (
            f"{chip.title} at {chip.gigahertz:g} GHz, {chip.model} of LLVM {self.llvm}, constants {constants}"
        )


def parts(work: Work, chip: Chip) -> dict[str, float]:
    """What the time of one inference consists of, in milliseconds: one thread on the chip's fastest core, warm."""
    constants, per_millisecond = chip.constants, chip.gigahertz * 1e6
    return {
        "pipeline": constants.cycles * work.cycles / per_millisecond,
        "data": constants.line * work.lines / per_millisecond,
        "branches": constants.turn * work.turns / per_millisecond,
    }


def milliseconds(work: Work, chip: Chip) -> float:
    """Time of one inference on a chip: one thread on its fastest core, in milliseconds."""
    return sum(parts(work, chip).values())
