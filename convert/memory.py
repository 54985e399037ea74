"""How much memory a child may take: what the machine has, so that a model beyond it fails and nothing else does."""

import contextlib
import os
import resource
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/memory.max")


def bound_memory() -> None:
    """Bound the data of this process by the memory of the machine, or of its container."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # Not in a container, or in one without a bound ("max").
        most = min(most, int(_CGROUP.read_text()))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
