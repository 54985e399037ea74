"""Numpy, the runtimes, and a model loaded by one of them."""

from __future__ import annotations

import platform
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any, Iterator

from mobilecnn.bench.devices.worker.problem import Problem, first_line

PACKAGES = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}
MODULES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
INSTALL = {
    "litert": "pip install ai-edge-litert",
    "tflite-runtime": "pip install tflite-runtime 'numpy<2' (it has wheels up to Python 3.11)",
}

MOST_VALUES = 1 << 28
"""Largest number of values of an input; a test holds it to that of mobilecnn.convert.graph.flatbuffer."""


def load_numpy() -> Any:
    """The module numpy."""
    try:
        import numpy
    except Exception as error:
        raise Problem(
            "EnvironmentProblem",
            f"numpy cannot be imported by {sys.executable} ({first_line(error)}); pip install numpy",
        ) from error
    return numpy


def load_runtime(name: str, numpy_version: str) -> tuple[Any, str]:
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
            f"{platform.python_version()} ({first_line(error)}); {INSTALL[name]}",
        ) from error
    try:
        return module.Interpreter, version_of(PACKAGES[name])
    except PackageNotFoundError:
        return module.Interpreter, "unknown"


def load(interpreter_class: Any, job: dict[str, Any], version: str) -> tuple[Any, int]:
    """The interpreter, its tensors allocated, and the nanoseconds both took."""
    start = time.perf_counter_ns()
    try:
        interpreter = interpreter_class(model_path=job["model"], num_threads=job["threads"])
        _refuse_huge(interpreter.get_input_details())
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        raise Problem(
            "ModelFileError",
            f"{job['runtime']} {version} cannot load {job['model']} ({first_line(error)}); "
            "the file is damaged, or uses an operator that this runtime does not have",
        ) from error
    return interpreter, time.perf_counter_ns() - start


def _refuse_huge(inputs: list[dict[str, Any]]) -> None:
    """Refuse inputs that would fill the device's memory, before any is asked for."""
    for details in inputs:
        values = 1
        for size in details["shape"]:
            values *= int(size)
        if values > MOST_VALUES:
            raise Problem(
                "ModelFileError",
                f"the input {details['name'][:80]!r} has {values:,} values, and at most {MOST_VALUES:,} are filled; "
                "export the model with a smaller input",
            )


def random_input(np: Any, rng: Any, details: dict[str, Any]) -> Any:
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


def partitions(interpreter: Any) -> int | None:
    """The parts of the graph that XNNPACK took over, None where the runtime does not say.

    No delegate is asked for, and the only one that the runtimes add themselves is XNNPACK.
    """
    try:
        return int(sum(operator["op_name"] == "DELEGATE" for operator in interpreter._get_ops_details()))
    except Exception:  # noqa: BLE001 - not part of the public interface: it may go, or change.
        return None


@contextmanager
def running(job: dict[str, Any], version: str) -> Iterator[None]:
    """A refusal of the runtime within the block as an error of ours."""
    try:
        yield
    except RuntimeError as error:
        raise Problem(
            "ModelFileError", f"{job['runtime']} {version} cannot run {job['model']} ({first_line(error)})"
        ) from error
