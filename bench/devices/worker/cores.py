"""The cores that a process runs on: which are meant by a name, and binding to them.

The module knows nothing but cores, so that a phone, which has no worker, is asked by the same rule.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterable

from mobilecnn.bench.devices.worker.problem import Problem

CPUS = Path("/sys/devices/system/cpu")
NAMES = ("prime", "big", "little")
"""Names that stand for cores by their speed."""


def chosen(which: str, speeds: dict[int, int], usable: Iterable[int]) -> set[int]:
    """The cores that ``which`` stands for: ``prime``, ``big``, ``little``, ``all``, or a hexadecimal mask.

    By the rule of TensorFlow Lite (``big_little_affinity.cc``): if exactly two cores are the fastest, they are
    the big ones; otherwise the slowest are the little ones, and the others big. The prime ones are the
    fastest. Where all are equally fast, each name stands for all.

    Args:
        which: name or mask.
        speeds: a number for each core that tells its speed, in any unit.
        usable: cores that there are.

    Raises:
        ValueError: the speeds that a name needs are unknown, or the mask has a core that is not there.
    """
    every = set(usable)
    if which == "all":
        return every
    if which not in NAMES:
        mask = int(which, 16)
        cores = {core for core in range(mask.bit_length()) if mask >> core & 1}
        if not cores or not cores <= every:
            raise ValueError(
                f"the cores there are {numbers(every)}, and the mask {which} stands for {numbers(cores)}"
            )
        return cores
    known = {core: speed for core, speed in speeds.items() if core in every}
    if not known or set(known) != every:
        raise ValueError(
            f"it does not tell how fast its cores are, so that which are {which} is unknown; use --cores all, or a mask "
            "such as 0xf0 for the cores 4 to 7"
        )
    fastest = {core for core, speed in known.items() if speed == max(known.values())}
    slowest = {core for core, speed in known.items() if speed == min(known.values())}
    if fastest == slowest:
        return every
    big = fastest if len(fastest) == 2 else every - slowest
    return {"prime": fastest, "big": big, "little": slowest}[which]


def mask(cores: Iterable[int]) -> str:
    """The cores as a hexadecimal mask: bit i is core i."""
    return f"{sum(1 << core for core in cores):x}"


def numbers(cores: Iterable[int]) -> str:
    """The cores as people write them: ``4 to 7``."""
    ordered = sorted(cores)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]} to {ordered[-1]}"
    return ", ".join(map(str, ordered)) or "none"


def speeds() -> dict[int, int]:
    """How fast each core is: its capacity, which ARM's kernels tell, else its highest clock."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        told = {}
        for folder in CPUS.glob("cpu[0-9]*"):
            try:
                told[int(folder.name[3:])] = int((folder / name).read_text())
            except (OSError, ValueError):
                continue
        if told:
            return told
    return {}


def bind(job: dict[str, Any]) -> None:
    """Bind this process to the cores that a job names, before it starts any thread.

    Raises:
        Problem: they are not there or unknown, or fewer than the job's threads.
    """
    which = job.get("cores")
    if which is None:
        return
    usable = os.sched_getaffinity(0)
    try:
        cores = chosen(which, speeds(), usable)
    except ValueError as error:
        raise Problem("EnvironmentProblem", f"--cores {which} cannot be had: {error}") from error
    refuse_threads(job["threads"], cores, which)
    try:
        os.sched_setaffinity(0, cores)
    except OSError as error:
        raise Problem(
            "EnvironmentProblem",
            f"the process may not be bound to the cores {numbers(cores)} ({error}); leave out --cores",
        ) from error


def refuse_threads(threads: int, cores: set[int], which: str) -> None:
    """Refuse more threads than cores.

    Raises:
        Problem: there are more.
    """
    if threads > len(cores):
        raise Problem(
            "UsageError",
            f"--threads {threads} is more than the {len(cores)} core{'s' if len(cores) > 1 else ''} that --cores {which} "
            f"stands for; use --threads {len(cores)} or --cores all",
        )


def used() -> str | None:
    """The mask of the cores that this process may run on; None where the system does not tell."""
    try:
        return mask(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return None
