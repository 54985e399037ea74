"""The jobs that a device is given: their shape, in one place.

A job is a JSON object. :mod:`mobilecnn.bench.devices.worker` says what it makes of each; a phone, which has
no worker, reads the same members.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mobilecnn.bench.devices.seam import Job
from mobilecnn.bench.records.instructions import CountPlan
from mobilecnn.bench.records.protocol import LONGEST_SECONDS, MOST_RUNS, Protocol
from mobilecnn.bench.records.stream import MOST_QUERIES, SINGLE_STREAM, StreamPlan

MOST_SAMPLES = 1000
"""Samples that a window of a sustained load keeps. Its figures are those of all; an hour fits in 20 MB."""

PROBE: Job = {"task": "probe"}
"""Asks what machine it is."""

STATE: Job = {"task": "state"}
"""Asks for clocks, temperatures and throttling now."""


IDENTITY: Job = {"task": "identity"}
"""Asks who the machine is."""

SYSTEM: Job = {"task": "system"}
"""Asks for the C library and the size of memory pages."""


def installed(runtime: str) -> Job:
    """Asks for the version of a runtime that is installed, whether it runs or not."""
    return {"task": "installed", "runtime": runtime}


def wheels(folder: str) -> Job:
    """Asks what the wheels in a folder there need of their system."""
    return {"task": "wheels", "folder": folder}


def find_runtime(runtime: str) -> Job:
    """Asks for the version of a runtime."""
    return {"task": "runtime", "runtime": runtime}


def bandwidth(threads: int, seconds: float) -> Job:
    """Asks how fast the memory is, with so many threads and for so many seconds."""
    return {"task": "bandwidth", "threads": threads, "seconds": seconds}


def answer(model: str, protocol: Protocol, inputs: Sequence[dict[str, Any]], output_dtype: str) -> Job:
    """Asks for the outputs of a model.

    Args:
        model: what :meth:`mobilecnn.bench.devices.seam.Device.put` called it.
        protocol: the runtime and the threads.
        inputs: tensors as ``{"dtype", "shape", "data"}``, little-endian, base64.
        output_dtype: the type of the output, as numpy calls it.
    """
    return {**_on(model, protocol, "answer"), "inputs": list(inputs), "output_dtype": output_dtype}


def timing(model: str, protocol: Protocol) -> Job:
    """Asks for the times of one process.

    Args:
        model: what :meth:`mobilecnn.bench.devices.seam.Device.put` called it.
        protocol: how, as :meth:`mobilecnn.bench.devices.seam.CanTime.adapt` made it.
    """
    return {
        **_on(model, protocol, "time"),
        "seed": protocol.seed,
        "warmup_runs": protocol.warmup_runs,
        "warmup_seconds": protocol.warmup_seconds,
        "runs": protocol.runs,
        "seconds": protocol.seconds,
        "longest_seconds": LONGEST_SECONDS,
        "most_runs": MOST_RUNS,
    }


def stream(model: str, plan: StreamPlan) -> Job:
    """Asks for the times of one long process, window by window."""
    tails = plan.kind == SINGLE_STREAM
    return {
        **_on(model, plan.protocol(), "stream"),
        "seed": plan.seed,
        "runs": plan.queries,
        "seconds": plan.seconds,
        "window_seconds": plan.window_seconds,
        "most_runs": MOST_QUERIES if tails else 2**62,
        "most_samples": MOST_QUERIES if tails else MOST_SAMPLES,
    }


def count(model: str, plan: CountPlan) -> Job:
    """Asks for the instructions of one process."""
    return {"task": "count", "model": model, "threads": 1, **asdict(plan)}


def _on(model: str, protocol: Protocol, task: str) -> Job:
    return {
        "task": task,
        "model": model,
        "runtime": protocol.runtime,
        "threads": protocol.threads,
        "delegate": protocol.delegate,
        "cores": protocol.cores,
    }
