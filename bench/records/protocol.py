"""The measurement protocol: how often, for how long, and with which runtime a model is timed.

The final result of a model is **the median latency of one inference in milliseconds,
batch 1, on an interpreter that is warm**: the median over the rounds of each round's
median, so that every process weighs the same. See :mod:`mobilecnn.bench.judge.statistics`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from mobilecnn.errors import UsageError
from mobilecnn.quantize.runtimes import RUNTIMES

LONGEST_SECONDS = 150.0
"""Seconds after which the warm-ups, and again the timed part, of one process end, whatever was asked:
the bound of TFLite's ``benchmark_model`` (its ``--max_secs``)."""

MOST_RUNS = 100_000
"""Largest number of samples that a process takes, so that a tiny model cannot fill the memory."""

PHONE_RUNTIMES = ("benchmark_model", "app")
"""Runtimes of an Android phone: TFLite's own program, else this project's sample app."""

CORES = ("prime", "big", "little", "all")
"""Names of cores that timed processes may be bound to; a hexadecimal mask does as well."""

MASK = re.compile(r"(?:0[xX])?(?P<digits>[0-9a-fA-F]{1,1024})")
"""Form of a mask of cores: bit i is core i."""

DEFAULT, XNNPACK, NO_DELEGATE, GPU = "default", "xnnpack", "none", "gpu"
DELEGATES = (DEFAULT, XNNPACK, NO_DELEGATE, GPU)
"""Delegates that may be asked for: the runtime's own choice, XNNPACK or an error, the built-in kernels, the GPU."""


@dataclass(frozen=True)
class OnPhone:
    """Program that times models on an Android phone.

    Attributes:
        benchmark_model: TFLite's program for Android, to be copied there; None for the one already there.
    """

    benchmark_model: Path | None = None


_RANGES: dict[str, tuple[float, float]] = {
    "rounds": (1, 1000),
    "warmup_runs": (0, MOST_RUNS),
    "seconds": (0, LONGEST_SECONDS),
    "warmup_seconds": (0, LONGEST_SECONDS),
    "runs": (1, MOST_RUNS),
    "threads": (1, 256),
    "seed": (0, 2**32 - 1),
    "cool_down": (0, 3600),
}


@dataclass(frozen=True)
class Protocol:
    """Settings by which a set of models is timed.

    Attributes:
        rounds: fresh processes for each model. Processes differ by more than their samples do
            (memory layout, neighbours, temperature), so one is never enough.
        warmup_runs: smallest number of untimed inferences after the first, which is recorded apart.
        warmup_seconds: smallest duration of these warm-ups.
        runs: smallest number of timed inferences in each process.
        seconds: smallest duration of the timed part.
        threads: threads of the interpreter.
        runtime: one of :data:`mobilecnn.quantize.runtimes.RUNTIMES`; on a phone, of
            :data:`PHONE_RUNTIMES`.
        seed: seed of the input data and of the order of the models within a round.
        cool_down: longest wait in seconds before each process, until the device is about as cool as it
            was at the start (:mod:`mobilecnn.bench.timing.cool_down`). 0, the default: no wait. Interleaved
            rounds share out a slow warming already, most machines do not slow down from warmth, and waiting
            multiplies the time.
        delegate: one of :data:`DELEGATES`. Whoever times refuses what it cannot have, and what it asked for
            and did not get.
        cores: cores that the process is bound to, one of :data:`CORES` or a hexadecimal mask; None for the big
            ones where TFLite's program times on a phone, and elsewhere for those that the system chooses.

    Five warm-ups, not ``benchmark_model``'s one, because the first inferences allocate and
    set clocks; its half second of warm-ups, 50 runs and one second are kept.

    Raises:
        UsageError: a value is out of its range.
    """

    rounds: int = 3
    warmup_runs: int = 5
    warmup_seconds: float = 0.5
    runs: int = 50
    seconds: float = 1.0
    threads: int = 1
    runtime: str = "litert"
    seed: int = 0
    cool_down: float = 0.0
    delegate: str = DEFAULT
    cores: str | None = None

    def __post_init__(self) -> None:
        if self.delegate not in DELEGATES:
            raise UsageError(f"unknown --delegate {self.delegate!r}; choose one of {', '.join(DELEGATES)}")
        if self.cores is not None and self.cores not in CORES:
            match = MASK.fullmatch(self.cores)
            if match is None or int(match["digits"], 16) == 0:
                raise UsageError(
                    f"unknown --cores {self.cores!r}; choose one of {', '.join(CORES)}, or give a hexadecimal mask in "
                    "which bit i is core i, such as 0xf0 for the cores 4 to 7"
                )
        if self.runtime not in (*RUNTIMES, *PHONE_RUNTIMES):
            raise UsageError(f"unknown runtime {self.runtime!r}; choose one of {', '.join(RUNTIMES)}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            whole = isinstance(getattr(Protocol, name), int)
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                kind = "a whole number" if whole else "a number"
                raise UsageError(f"{_option(name)} must be {kind}, and is {value!r}")
            check_range(_option(name), value, low, high)


def check_range(option: str, value: float, low: float, high: float) -> None:
    """Refuse a value of an option that is out of its range, ends included.

    Raises:
        UsageError: the value is outside, or NaN.
    """
    # Written so that NaN is refused too.
    if not low <= value <= high:
        raise UsageError(f"{option} must be from {low:.15g} to {high:.15g}, and is {value}")


def _option(name: str) -> str:
    """A member as it is written on the command line: ``--warmup-runs``."""
    return "--" + name.replace("_", "-")
