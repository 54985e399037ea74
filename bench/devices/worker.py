"""The process in which a model is timed: one file, also for a board that has no mobilecnn.

It needs Python 3.9 or newer, numpy and one runtime (``ai-edge-litert`` or
``tflite-runtime``), and imports nothing else outside the standard library. It reads one
job, a line of JSON, from standard input and answers with one line of JSON on standard
output (``stream``: with several); everything that libraries print goes to standard error.

``{"task": "probe"}``
    What machine this is.
``{"task": "runtime", "runtime"}``
    The version of a runtime.
``{"task": "state"}``
    Its clocks, temperatures and throttling now.
``{"task": "bandwidth", "threads", "seconds"}``
    Copy an array that no cache holds, again and again: ``{"bytes", "samples_ns"}``, the bytes that
    one pass reads and writes, and how long each took.
``{"task": "time", "model", "runtime", "threads", "seed", "warmup_runs", "warmup_seconds",
"runs", "seconds", "longest_seconds", "most_runs"}``
    Load the model, fill its inputs with seeded random data, run it once, warm up, time it.
``{"task": "stream", "model", "runtime", "threads", "seed", "runs", "seconds", "most_runs",
"window_seconds", "most_samples"}``
    The same without a warm-up, and for as long as is asked. Answers with several lines: one
    about the start, one for each window of time as it ends, and ``{"end": true}``.
``{"task": "count", "model", "runtime", "threads", "seed", "warmup_runs", "runs"}``
    The same without clocks: after the first inference so many more, with a mark before each and
    after the last, by which :mod:`mobilecnn.bench.devices.emulated.device` counts. ``{"runtime_version",
    "xnnpack_partitions"}``.
``{"task": "answer", "model", "runtime", "threads", "inputs"}``
    Load the model, run it once for each of the inputs, and send what it gave: ``{"outputs"}``.
    A tensor is ``{"dtype", "shape", "data"}``: numpy's name of the type, the sizes, and the
    little-endian bytes in C order as base64.

With ``"until_input_closes": true`` the process ends as soon as its standard input does, so
that a parent that dies, or a connection that breaks, leaves nothing behind.

A failure is answered as ``{"error": KIND, "message": TEXT}``; KIND is a class of
``mobilecnn.errors``. Times are integer nanoseconds.
"""

from __future__ import annotations

import os
import sys

if sys.path and os.path.abspath(sys.path[0]) == os.path.dirname(os.path.abspath(__file__)):  # noqa: PTH100, PTH120
    # Python puts a script's folder first. What lies there, such as this package's own
    # statistics.py, must not stand in for a module of the standard library.
    del sys.path[0]

import base64
import gc
import json
import platform
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Callable, Iterator

PROC = Path("/proc")
CPUS = Path("/sys/devices/system/cpu")
THERMAL = Path("/sys/class/thermal")

PACKAGES = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}
MODULES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
INSTALL = {
    "litert": "pip install ai-edge-litert",
    "tflite-runtime": "pip install tflite-runtime 'numpy<2' (it has wheels up to Python 3.11)",
}

# fmt: off
FEATURES = {
    "neon", "asimd", "asimdhp", "asimddp", "i8mm", "sve",
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8",
}
# fmt: on
"""The processor features by which XNNPACK chooses its kernels; what int8 gains hangs on them."""

LARGEST_COPY = 256 * 2**20
"""Bytes of the array that the bandwidth is measured with: beyond the caches of any board or laptop."""
SMALLEST_COPY = 16 * 2**20

PROBE_SPINS = 5
"""Spins of the speed probe. Their median ignores one that the scheduler interrupted."""

MARK = 0x6D634E4E
"""A file descriptor that is never open; ``counter.c`` knows it too."""

HEAVIEST = 3
"""Other programs that are named: those that would be closed first."""


class Problem(Exception):
    """A failure to report: the name of a class of ``mobilecnn.errors``, and the message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def time_model(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``time`` job; the answer is what ``mobilecnn.bench.records.measurement.Run`` documents."""
    np = _numpy()
    interpreter, start = _started(np, job)
    invoke = interpreter.invoke
    limits = (job["longest_seconds"], job["most_runs"])
    with _running(job, start["runtime_version"]):
        warmup_ns = _repeat(invoke, job["warmup_runs"], job["warmup_seconds"], *limits)
        # What takes long, or waits, stays away from the timed part: a clock falls meanwhile.
        around, processes = _surroundings(), _cpu_by_process()
        before = {**around, **_reading(np)}
        busy, own, begin = _busy_seconds(), time.process_time(), time.perf_counter()
        samples_ns = _repeat(invoke, job["runs"], job["seconds"], *limits)
        timed = time.perf_counter() - begin
        other = _other_seconds(busy, own)
        after = _reading(np)
        heaviest = _heaviest(processes, _cpu_by_process())
        after.update(_surroundings())
    return {
        **start,
        "warmup_ns": warmup_ns,
        "samples_ns": samples_ns,
        "timed_seconds": timed,
        "other_cpu_seconds": other,
        "heaviest_cpu_seconds": heaviest,
        "peak_rss_bytes": _status("VmHWM"),
        "before": before,
        "after": after,
        "summary": None,
    }


def stream_model(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Do a ``stream`` job; the messages are what ``mobilecnn.bench.records.stream`` documents.

    It ends after at least ``runs`` inferences and ``seconds``, or after ``most_runs``. A window
    lasts ``window_seconds``; of its samples every k-th is sent where there are more than
    ``most_samples``.
    """
    np = _numpy()
    interpreter, start = _started(np, job)
    del start["baseline_rss_bytes"]
    yield {**start, "state": _state()}
    count, begin = 0, time.perf_counter()
    while True:
        since = time.perf_counter() - begin
        left = job["seconds"] - since
        if count >= job["most_runs"] or (left <= 0 and count >= job["runs"]):
            break
        # The last window takes what would not make one of its own.
        window = left if 0 < left < 1.5 * job["window_seconds"] else job["window_seconds"]
        busy, own = _busy_seconds(), time.process_time()
        with _running(job, start["runtime_version"]):
            samples = _repeat(interpreter.invoke, 1, window, window + 1.0, job["most_runs"] - count)
        until, other = time.perf_counter() - begin, _other_seconds(busy, own)
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
            "state": _state(),
        }
    yield {"end": True}


def count_runs(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``count`` job: what counts instructions sees the marks, and nothing else does."""
    interpreter, start = _started(_numpy(), job)
    invoke, mark = interpreter.invoke, os.isatty
    with _running(job, start["runtime_version"]):
        # Between any two marks lies the same: an inference, and one turn of this loop.
        for _ in range(job["warmup_runs"] + job["runs"]):
            mark(MARK)
            invoke()
        mark(MARK)
    return {name: start[name] for name in ("runtime_version", "xnnpack_partitions")}


def answer_inputs(job: dict[str, Any]) -> dict[str, Any]:
    """Do an ``answer`` job: one output tensor for each input, in their order."""
    np = _numpy()
    interpreter_class, version = _runtime(job["runtime"], np.__version__)
    interpreter, _ = _load(interpreter_class, job, version)
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for packed in job["inputs"]:
        try:
            interpreter.set_tensor(source["index"], _unpacked(np, packed))
            interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise Problem(
                "ModelFileError",
                f"{job['runtime']} {version} cannot run {job['model']} on a given input ({_line(error)})",
            ) from error
        outputs.append(_packed(np, interpreter.get_tensor(result["index"])))
    return {"outputs": outputs}


def _started(np: Any, job: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """An interpreter with random inputs that has run once, and what that took."""
    interpreter_class, version = _runtime(job["runtime"], np.__version__)
    baseline = _status("VmRSS")
    interpreter, init_ns = _load(interpreter_class, job, version)
    rng = np.random.default_rng(job["seed"])
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], _random(np, rng, details))
    # A collection would land in a sample.
    gc.collect()
    gc.freeze()
    gc.disable()
    with _running(job, version):
        (first_ns,) = _repeat(interpreter.invoke, 1, 0.0, 1.0, 1)
    return interpreter, {
        "runtime_version": version,
        "xnnpack_partitions": _partitions(interpreter),
        "init_ns": init_ns,
        "first_ns": first_ns,
        "baseline_rss_bytes": baseline,
    }


@contextmanager
def _running(job: dict[str, Any], version: str) -> Iterator[None]:
    """A refusal of the runtime within the block as an error of ours."""
    try:
        yield
    except RuntimeError as error:
        raise Problem(
            "ModelFileError", f"{job['runtime']} {version} cannot run {job['model']} ({_line(error)})"
        ) from error


def measure_bandwidth(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``bandwidth`` job: what the memory reads and writes, with as many threads as a model has."""
    np = _numpy()
    # There are two such arrays: an eighth of a small board's memory in all.
    size = LARGEST_COPY
    available = values(_text(Path("/proc/meminfo")), "MemAvailable")
    if available:
        size = min(size, int(available[0].split()[0]) * 1024 // 16)
    source = np.ones(max(size, SMALLEST_COPY) // 8, np.float64)
    target = np.zeros_like(source)
    slices = list(zip(np.array_split(target, job["threads"]), np.array_split(source, job["threads"])))  # noqa: B905 - Python 3.9

    with ThreadPoolExecutor(job["threads"]) as pool:

        def one_pass() -> None:
            if len(slices) == 1:
                np.copyto(target, source)
            else:  # numpy lets go of its lock while it copies.
                list(pool.map(lambda pair: np.copyto(*pair), slices))

        _repeat(one_pass, 2, 0.0, job["seconds"], 2)
        samples = _repeat(one_pass, 5, job["seconds"], 10 * job["seconds"], 10_000)
    return {"bytes": 2 * source.nbytes, "samples_ns": samples}


def _unpacked(np: Any, packed: dict[str, Any]) -> Any:
    """The array of a tensor in a job (see the module)."""
    dtype = np.dtype(packed["dtype"])
    content = base64.b64decode(packed["data"], validate=True)
    return np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype).reshape(packed["shape"])


def _packed(np: Any, values: Any) -> dict[str, Any]:
    """The opposite of :func:`_unpacked`."""
    content = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {
        "dtype": values.dtype.name,
        "shape": list(values.shape),
        "data": base64.b64encode(content).decode(),
    }


def _repeat(
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


def _numpy() -> Any:
    try:
        import numpy
    except Exception as error:
        raise Problem(
            "EnvironmentProblem",
            f"numpy cannot be imported by {sys.executable} ({_line(error)}); pip install numpy",
        ) from error
    return numpy


def _runtime(name: str, numpy_version: str) -> tuple[Any, str]:
    """The interpreter class and the version of a runtime."""
    if name not in PACKAGES:
        raise Problem("UsageError", f"unknown runtime {name!r}; choose one of {', '.join(PACKAGES)}")
    if name == "tflite-runtime" and not numpy_version.startswith(("0.", "1.")):
        # With numpy 2 it may be imported, and then fails inside its first call.
        raise Problem(
            "EnvironmentProblem",
            f"tflite-runtime is built for numpy 1, and {sys.executable} has numpy {numpy_version}; {INSTALL[name]}",
        )
    try:
        module = import_module(MODULES[name])
    except Exception as error:
        raise Problem(
            "EnvironmentProblem",
            f"{PACKAGES[name]} cannot be imported by {sys.executable}, Python "
            f"{platform.python_version()} ({_line(error)}); {INSTALL[name]}",
        ) from error
    try:
        return module.Interpreter, version(PACKAGES[name])
    except PackageNotFoundError:
        return module.Interpreter, "unknown"


def _load(interpreter_class: Any, job: dict[str, Any], version: str) -> tuple[Any, int]:
    """The interpreter, its tensors allocated, and the nanoseconds both took."""
    start = time.perf_counter_ns()
    try:
        interpreter = interpreter_class(model_path=job["model"], num_threads=job["threads"])
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        raise Problem(
            "ModelFileError",
            f"{job['runtime']} {version} cannot load {job['model']} ({_line(error)}); "
            "the file is damaged, or uses an operator that this runtime does not have",
        ) from error
    return interpreter, time.perf_counter_ns() - start


def _random(np: Any, rng: Any, details: dict[str, Any]) -> Any:
    """Data for one input: floats in [-1, 1], integers over their whole range."""
    shape, dtype = tuple(int(size) for size in details["shape"]), np.dtype(details["dtype"])
    if dtype.kind == "f":
        return rng.uniform(-1.0, 1.0, shape).astype(dtype)
    if dtype.name in ("int8", "uint8", "int16"):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    raise Problem(
        "ModelFileError",
        f"the input {details['name']!r} is {dtype.name}; an image model takes float32, int8, uint8 or int16",
    )


def _partitions(interpreter: Any) -> int | None:
    """The parts of the graph that XNNPACK took over, None where the runtime does not say.

    No delegate is asked for, and the only one that the runtimes add themselves is XNNPACK.
    """
    try:
        return int(sum(operator["op_name"] == "DELEGATE" for operator in interpreter._get_ops_details()))
    except Exception:  # noqa: BLE001 - not part of the public interface: it may go, or change.
        return None


def _reading(np: Any) -> dict[str, Any]:
    """Clocks, temperatures, and how fast a fixed piece of work goes: they shall not move."""
    return {
        "frequencies_khz": _frequencies("scaling_cur_freq"),
        "probe_ns": _probe(np),
        "temperatures_c": _temperatures(),
        "thermal_status": None,
    }


def _surroundings() -> dict[str, Any]:
    """What else tells whether the machine is at rest; each None or empty where it is unreadable."""
    load = _text(PROC / "loadavg").split()
    available = values(_text(PROC / "meminfo"), "MemAvailable")
    words = (line.split() for line in _text(PROC / "vmstat").splitlines())
    swapped = [int(line[1]) for line in words if len(line) == 2 and line[0] in ("pswpin", "pswpout")]
    return {
        "throttled": _throttled(),
        "governors": _governors(),
        "load_average": float(load[0]) if load else None,
        "available_bytes": int(available[0].split()[0]) * 1024 if available else None,
        "swapped_bytes": sum(swapped) * os.sysconf("SC_PAGE_SIZE") if swapped else None,
    }


def _cpu_by_process() -> dict[tuple[int, str], tuple[str, float]]:
    """Name and CPU seconds of each other process since it began, by its number and start; empty where unreadable.

    Names only: arguments may hold what is nobody's business. A process may change its name, and keeps its seconds.
    """
    found = {}
    for path in PROC.glob("[0-9]*/stat"):
        number = int(path.parent.name)
        # proc(5): pid (name) state ppid ...; the name may hold spaces and brackets itself.
        head, _, tail = _text(path).rpartition(")")
        fields = tail.split()
        if number != os.getpid() and len(fields) > 19:
            name = "".join(c if c.isprintable() else "?" for c in head.partition("(")[2])
            seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            found[number, fields[19]] = (name, seconds)
    return found


def _heaviest(
    before: dict[tuple[int, str], tuple[str, float]], after: dict[tuple[int, str], tuple[str, float]]
) -> dict[str, float]:
    """CPU seconds between two readings of the programs that took most, processes of one name together."""
    spent: dict[str, float] = {}
    for process, (name, seconds) in after.items():
        spent[name] = spent.get(name, 0.0) + seconds - before.get(process, ("", 0.0))[1]
    heaviest = sorted(spent, key=lambda name: (-spent[name], name))[:HEAVIEST]
    return {name: round(spent[name], 6) for name in heaviest if spent[name] > 0}


def _governors() -> list[str]:
    """Of the clocks of all cores, each once."""
    return sorted({_text(path) for path in CPUS.glob("cpu[0-9]*/cpufreq/scaling_governor")} - {""})


def _probe(np: Any) -> list[int]:
    """Nanoseconds of a fixed spin of about 2 ms, some times over.

    It shows on a machine without readable clocks (a virtual one) that its speed moved:
    half interpreter, half vector unit on 256 KiB, no allocation, no threads.
    """
    data = np.arange(1, 1 + (1 << 16), dtype=np.float32)
    result = np.empty_like(data)
    spins = []
    for _ in range(PROBE_SPINS):
        start = time.perf_counter_ns()
        total = 0
        for number in range(20_000):
            total += number * number
        for _ in range(50):
            np.sqrt(data, out=result)
        spins.append(time.perf_counter_ns() - start)
    return spins


def _frequencies(name: str) -> dict[str, int]:
    """``{"cpu0": kHz}`` of the cores whose ``name`` can be read; empty where none can."""
    values = {path.parent.parent.name: _text(path) for path in sorted(CPUS.glob(f"cpu[0-9]*/cpufreq/{name}"))}
    return {core: int(text) for core, text in values.items() if text.isdigit()}


def _temperatures() -> dict[str, float]:
    """``{"thermal_zone0 cpu-thermal": degrees Celsius}`` of the sensors that can be read."""
    found = {}
    for zone in sorted(THERMAL.glob("thermal_zone*")):
        text = _text(zone / "temp")
        if text.lstrip("-").isdigit():
            found[f"{zone.name} {_text(zone / 'type')}".strip()] = int(text) / 1000
    return found


def _busy_seconds() -> float | None:
    """CPU time that all cores together spent on work, or had stolen by the host, since boot."""
    fields = _text(PROC / "stat").split("\n", 1)[0].split()
    if len(fields) < 9 or fields[0] != "cpu":
        return None
    # proc(5): user nice system idle iowait irq softirq steal; guest time is within user.
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in fields[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _other_seconds(busy: float | None, own: float) -> float | None:
    """CPU time of everything but this process since the two readings; None where unreadable."""
    own = time.process_time() - own
    now = _busy_seconds()
    return None if busy is None or now is None else round(max(0.0, now - busy - own), 6)


def _status(name: str) -> int | None:
    """Bytes of ``VmRSS`` or ``VmHWM`` of this process.

    Not ``getrusage``: its high-water mark survives exec, so it may be the parent's.
    """
    for line in _text(PROC / "self/status").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return None


def probe_machine(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``probe`` job; the answer is what ``mobilecnn.bench.records.measurement.Facts`` documents."""
    cpuinfo = _text(PROC / "cpuinfo")
    flags = set(values(cpuinfo, "flags") + values(cpuinfo, "Features"))
    words = {word for line in flags for word in line.split()}
    memory = values(_text(PROC / "meminfo"), "MemTotal")
    system = values(_text(Path("/etc/os-release")).replace("=", ":"), "PRETTY_NAME")
    try:
        numpy_version = str(_numpy().__version__)
    except Problem:
        numpy_version = None
    return {
        "machine": platform.machine(),
        "board": _text(PROC / "device-tree/model").rstrip("\0") or None,
        "cpu": cpu_name(cpuinfo),
        "cpu_features": sorted(words & FEATURES),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(memory[0].split()[0]) * 1024 if memory else None,
        "os": system[0].strip('"') if system else None,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": numpy_version,
        "governors": _governors(),
        "max_frequencies_khz": _frequencies("cpuinfo_max_freq"),
        "virtualised": _virtualised(words),
        "android": None,
    }


def find_runtime(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``runtime`` job: ``{"version"}``."""
    _, version = _runtime(job["runtime"], _numpy().__version__)
    return {"version": version}


def read_state(job: dict[str, Any]) -> dict[str, Any]:
    """Do a ``state`` job: frequencies in kHz, temperatures in degrees Celsius, the throttling word."""
    return _state()


def _state() -> dict[str, Any]:
    return {
        "frequencies_khz": _frequencies("scaling_cur_freq"),
        "temperatures_c": _temperatures(),
        "throttled": _throttled(),
    }


def _throttled() -> int | None:
    """The Raspberry Pi firmware's throttling word, None elsewhere."""
    command = shutil.which("vcgencmd")
    if command is None:
        return None
    try:
        # Without close_fds, Python need not fork: that would mark the pages of the model to be copied.
        done = subprocess.run(
            [command, "get_throttled"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=10, check=True, close_fds=False,
        )  # fmt: skip
        return int(done.stdout.strip().partition("throttled=")[2], 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def cpu_name(cpuinfo: str) -> str | None:
    """The name that /proc/cpuinfo gives, or on ARM the implementer and part numbers."""
    names = sorted(set(values(cpuinfo, "model name")))
    if not names:
        makers, parts = values(cpuinfo, "CPU implementer"), values(cpuinfo, "CPU part")
        names = sorted({f"implementer {maker} part {part}" for maker, part in zip(makers, parts)})  # noqa: B905 - Python 3.9
    return ", ".join(names) or None


def _virtualised(features: set[str]) -> bool | None:
    """Whether a hypervisor shows itself; None where it could be there unseen."""
    signs = (Path("/sys/hypervisor/type"), PROC / "device-tree/hypervisor")
    if "hypervisor" in features or any(sign.exists() for sign in signs):
        return True
    return False if platform.machine() in ("x86_64", "AMD64", "i686") else None


def values(text: str, key: str) -> list[str]:
    """The values of the lines ``key : value``."""
    lines = (line.partition(":") for line in text.splitlines())
    return [value.strip() for name, _, value in lines if name.strip() == key]


def _text(path: Path) -> str:
    """The file's text, or nothing: every file read here may be absent or forbidden."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _line(error: BaseException) -> str:
    """The first line of an error, at most 300 characters."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _end_with_input() -> None:
    # Not sys.stdin: a thread blocked inside it makes the interpreter abort on exit.
    while os.read(0, 4096):
        pass
    os._exit(1)


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any] | Iterator[dict[str, Any]]]] = {
    "probe": probe_machine,
    "runtime": find_runtime,
    "state": read_state,
    "time": time_model,
    "stream": stream_model,
    "count": count_runs,
    "answer": answer_inputs,
    "bandwidth": measure_bandwidth,
}


def main() -> None:
    """Read the job, do it, answer."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(answer: dict[str, Any]) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    try:
        job = json.loads(sys.stdin.readline())
        task = TASKS[job["task"]]
    except (ValueError, KeyError, TypeError) as error:
        say({"error": "EnvironmentProblem", "message": f"the bench worker cannot read its job ({error!r})"})
        return
    if job.get("until_input_closes"):
        threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        answers = task(job)
        for answer in [answers] if isinstance(answers, dict) else answers:
            say(answer)
    except Problem as problem:
        say({"error": problem.kind, "message": str(problem)})


if __name__ == "__main__":
    main()
