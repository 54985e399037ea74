"""What the worker does: a function for each task of a job."""

from __future__ import annotations

import base64
import gc
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator

from mobilecnn.bench.devices.worker import cores, elf, machine
from mobilecnn.bench.devices.worker.problem import Problem, first_line
from mobilecnn.bench.devices.worker.runtimes import (
    delegates,
    installed,
    load,
    load_numpy,
    load_runtime,
    partitions,
    random_input,
    running,
)

LARGEST_COPY = 256 * 2**20
"""Bytes of the array that the bandwidth is measured with: beyond the caches of any board or laptop."""
SMALLEST_COPY = 16 * 2**20
"""Bytes of that array at least, on a machine with little memory."""

MARK = 0x6D634E4E
"""A file descriptor that is never open; ``counter.c`` knows it too."""


def time_model(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``time`` job; the answer is what ``mobilecnn.bench.records.measurement.Run`` documents."""
    np = load_numpy()
    interpreter, start = _started(np, job)
    applied = delegates(interpreter, job.get("delegate", "default"), start["runtime_version"])
    invoke = interpreter.invoke
    limits = (job["longest_seconds"], job["most_runs"])
    with running(job, start["runtime_version"]):
        warmup_ns = repeat(invoke, job["warmup_runs"], job["warmup_seconds"], *limits)
        # What takes long, or waits, stays away from the timed part: a clock falls meanwhile.
        around, processes = machine.surroundings(), machine.cpu_by_process()
        before = {**around, **machine.reading(np)}
        busy, own, begin = machine.busy_seconds(), time.process_time(), time.perf_counter()
        samples_ns = repeat(invoke, job["runs"], job["seconds"], *limits)
        timed = time.perf_counter() - begin
        other = machine.other_seconds(busy, own)
        after = machine.reading(np)
        heaviest = machine.heaviest(processes, machine.cpu_by_process())
        after.update(machine.surroundings())
    return {
        **start,
        "warmup_ns": warmup_ns,
        "samples_ns": samples_ns,
        "timed_seconds": timed,
        "other_cpu_seconds": other,
        "heaviest_cpu_seconds": heaviest,
        "peak_rss_bytes": machine.resident_bytes("VmHWM"),
        "before": before,
        "after": after,
        "summary": None,
        "cores": cores.used(),
        "delegates": applied,
    }


def stream_model(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Do a ``stream`` job; the messages are what ``mobilecnn.bench.records.stream`` documents.

    It ends after at least ``runs`` inferences and ``seconds``, or after ``most_runs``. A window
    lasts ``window_seconds``; of its samples every k-th is sent where there are more than
    ``most_samples``.
    """
    np = load_numpy()
    interpreter, start = _started(np, job)
    applied = delegates(interpreter, job.get("delegate", "default"), start["runtime_version"])
    del start["baseline_rss_bytes"]
    yield {**start, "state": machine.state(), "cores": cores.used(), "delegates": applied}
    count, begin = 0, time.perf_counter()
    while True:
        since = time.perf_counter() - begin
        left = job["seconds"] - since
        if count >= job["most_runs"] or (left <= 0 and count >= job["runs"]):
            break
        # The last window takes what would not make one of its own.
        window = left if 0 < left < 1.5 * job["window_seconds"] else job["window_seconds"]
        busy, own = machine.busy_seconds(), time.process_time()
        with running(job, start["runtime_version"]):
            samples = repeat(interpreter.invoke, 1, window, window + 1.0, job["most_runs"] - count)
        until, other = time.perf_counter() - begin, machine.other_seconds(busy, own)
        count += len(samples)
        median, p90 = (float(value) for value in np.percentile(samples, (50, 90)))
        yield {
            "begin_seconds": round(since, 6),
            "end_seconds": round(until, 6),
            "count": len(samples),
            "median_ns": median,
            "p90_ns": p90,
            "minimum_ns": min(samples),
            "maximum_ns": max(samples),
            "samples_ns": samples[:: -(-len(samples) // job["most_samples"])],
            "other_cpu_seconds": other,
            "state": machine.state(),
        }
    yield {"end": True}


def count_runs(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``count`` job: what counts instructions sees the marks, and nothing else does."""
    interpreter, start = _started(load_numpy(), job)
    invoke, mark = interpreter.invoke, os.isatty
    with running(job, start["runtime_version"]):
        # Between any two marks lies the same: an inference, and one turn of this loop.
        for _ in range(job["warmup_runs"] + job["runs"]):
            mark(MARK)
            invoke()
        mark(MARK)
    return {name: start[name] for name in ("runtime_version", "xnnpack_partitions")}


def answer_inputs(job: dict[str, Any]) -> dict[str, Any]:
    """Do an ``answer`` job: one output tensor for each input, in their order."""
    cores.bind(job)
    np = load_numpy()
    interpreter_class, version = load_runtime(job["runtime"], np.__version__, job.get("delegate", "default"))
    interpreter, _ = load(interpreter_class, job, version)
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for packed in job["inputs"]:
        try:
            interpreter.set_tensor(source["index"], _unpacked(np, packed))
            interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise Problem(
                "ModelFileError",
                f"{job['runtime']} {version} cannot run {job['model']} on a given input ({first_line(error)})",
            ) from error
        outputs.append(_packed(np, interpreter.get_tensor(result["index"])))
    return {"outputs": outputs}


def _started(np: Any, job: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """An interpreter with random inputs that has run once, and what that took."""
    cores.bind(job)
    interpreter_class, version = load_runtime(job["runtime"], np.__version__, job.get("delegate", "default"))
    baseline = machine.resident_bytes("VmRSS")
    interpreter, init_ns = load(interpreter_class, job, version)
    rng = np.random.default_rng(job["seed"])
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], random_input(np, rng, details))
    # A collection would land in a sample.
    gc.collect()
    gc.freeze()
    gc.disable()
    with running(job, version):
        (first_ns,) = repeat(interpreter.invoke, 1, 0.0, 1.0, 1)
    return interpreter, {
        "runtime_version": version,
        "xnnpack_partitions": partitions(interpreter),
        "init_ns": init_ns,
        "first_ns": first_ns,
        "baseline_rss_bytes": baseline,
    }


def measure_bandwidth(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``bandwidth`` job: what the memory reads and writes, with as many threads as a model has."""
    np = load_numpy()
    # There are two such arrays: an eighth of a small board's memory in all.
    size = LARGEST_COPY
    available = machine.available_bytes()
    if available is not None:
        size = min(size, available // 16)
    source = np.ones(max(size, SMALLEST_COPY) // 8, np.float64)
    target = np.zeros_like(source)
    slices = list(zip(np.array_split(target, job["threads"]), np.array_split(source, job["threads"])))  # noqa: B905 - Python 3.9

    with ThreadPoolExecutor(job["threads"]) as pool:

        def one_pass() -> None:
            if len(slices) == 1:
                np.copyto(target, source)
            else:  # numpy lets go of its lock while it copies.
                list(pool.map(lambda pair: np.copyto(*pair), slices))

        repeat(one_pass, 2, 0.0, job["seconds"], 2)
        samples = repeat(one_pass, 5, job["seconds"], 10 * job["seconds"], 10_000)
    return {"bytes": 2 * source.nbytes, "samples_ns": samples}


def _unpacked(np: Any, packed: dict[str, Any]) -> Any:
    """The array of a tensor in a job (see the module)."""
    dtype = np.dtype(packed["dtype"])
    content = base64.b64decode(packed["data"], validate=True)
    return np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype).reshape(packed["shape"])


def _packed(np: Any, values: Any) -> dict[str, Any]:
    """An array as a tensor of the protocol."""
    content = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {
        "dtype": values.dtype.name,
        "shape": list(values.shape),
        "data": base64.b64encode(content).decode(),
    }


def repeat(
    invoke: Callable[[], None], runs: int, seconds: float, longest_seconds: float, most_runs: int
) -> list[int]:
    """Invoke at least ``runs`` times and for ``seconds``, within the limits; each duration in ns."""
    clock = time.perf_counter_ns
    samples: list[int] = []
    now = start = clock()
    enough, latest = start + int(seconds * 1e9), start + int(longest_seconds * 1e9)
    while (len(samples) < runs or now < enough) and now < latest and len(samples) < most_runs:
        before = clock()
        invoke()
        now = clock()
        samples.append(now - before)
    return samples


def probe_machine(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``probe`` job; see :func:`machine.describe`."""
    try:
        numpy_version = str(load_numpy().__version__)
    except Problem:
        numpy_version = None
    return machine.describe(numpy_version)


def read_state(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``state`` job; see :func:`machine.state`."""
    return machine.state()


def find_runtime(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``runtime`` job: ``{"version"}``."""
    _, version = load_runtime(job["runtime"], load_numpy().__version__)
    return {"version": version}


def find_installed(job: dict[str, Any]) -> dict[str, Any]:
    """Do an ``installed`` job: ``{"version"}``, without importing anything of it."""
    return {"version": installed(job["runtime"])}


def identify(job: dict[str, Any]) -> dict[str, Any]:
    """Do an ``identity`` job; see :func:`machine.identity`."""
    return dict(machine.identity())


def describe_system(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``system`` job; see :func:`machine.system`."""
    return machine.system()


def look_at_wheels(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``wheels`` job: ``{"wheels"}``, the needs of each by its file name."""
    folder = job["folder"]
    wheels = sorted(Path(folder).glob("*.whl"))
    try:
        return {"wheels": elf.needs_of(wheels)}
    except ValueError as error:
        raise Problem("EnvironmentProblem", f"a wheel in {folder} is damaged ({error}); try again") from error


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any] | Iterator[dict[str, Any]]]] = {
    "probe": probe_machine,
    "runtime": find_runtime,
    "state": read_state,
    "installed": find_installed,
    "identity": identify,
    "system": describe_system,
    "wheels": look_at_wheels,
    "time": time_model,
    "stream": stream_model,
    "count": count_runs,
    "answer": answer_inputs,
    "bandwidth": measure_bandwidth,
}
"""The function for each value of a job's ``task``."""
