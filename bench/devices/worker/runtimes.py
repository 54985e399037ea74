"""Numpy, the runtimes, and a model loaded by one of them."""

from __future__ import annotations

import platform
import shlex
import sys
import sysconfig
import time
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Iterator

from mobilecnn.bench.devices.worker import causes, signs
from mobilecnn.bench.devices.worker.problem import Problem, first_line

PACKAGES = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}
MODULES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
REQUIREMENTS = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime 'numpy<2'"}
NEWEST_PYTHON = (3, 11)
"""Newest Python that tflite-runtime has wheels for."""

MOST_VALUES = 1 << 28
"""Largest number of values of an input; a test holds it to that of mobilecnn.convert.graph.flatbuffer."""


def load_numpy() -> Any:
    """The module numpy."""
    try:
        import numpy
    except Exception as error:
        raise unimportable("numpy", error, install("numpy")) from error
    return numpy


def unimportable(package: str, error: BaseException, advice: str) -> Problem:
    """Why a package cannot be imported, and what to do."""
    cause = causes.find(
        signs.PYTHON,
        causes.words_of(error),
        name="this machine",
        python=shlex.quote(sys.executable),
        install=advice,
    )
    where = f"{package} cannot be imported by {sys.executable}, Python {platform.python_version()}"
    said = f": {cause}" if cause.code else f" ({cause.line}); {advice}"
    return Problem("EnvironmentProblem", where + said)


def install(requirements: str) -> str:
    """The command that installs packages for this Python, where it takes any."""
    python = shlex.quote(sys.executable)
    managed = (Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").exists()
    inside = sys.prefix != sys.base_prefix
    if (managed and not inside) or find_spec("pip") is None:
        why = "takes nothing from pip (it is externally managed)" if managed and not inside else "has no pip"
        return (
            f"this Python {why}, and an environment does: {python} -m venv FOLDER && FOLDER/bin/python -m pip "
            f"install {requirements}"
        )
    return f"{python} -m pip install {requirements}"


def advise(name: str) -> str:
    """How to install a runtime."""
    if name == "tflite-runtime" and sys.version_info[:2] > NEWEST_PYTHON:
        return "it has wheels up to Python 3.11 only; use --runtime litert"
    return install(REQUIREMENTS[name])


def installed(name: str) -> str:
    """The version of a runtime that is installed, whether it runs or not."""
    try:
        return version_of(PACKAGES[name])
    except (KeyError, PackageNotFoundError):
        return "unknown"


def load_runtime(name: str, numpy_version: str, delegate: str = "default") -> tuple[Any, str]:
    """What makes an interpreter, and the version of a runtime.

    Args:
        name: the runtime.
        numpy_version: version of numpy.
        delegate: ``default`` and ``xnnpack`` for the runtime's own choice, ``none`` for its built-in kernels.
    """
    if name not in PACKAGES:
        raise Problem("UsageError", f"unknown runtime {name!r}; choose one of {', '.join(PACKAGES)}")
    if name == "tflite-runtime" and not numpy_version.startswith(("0.", "1.")):
        # With numpy 2 it may be imported, and then fails inside its first call.
        raise Problem(
            "EnvironmentProblem",
            f"tflite-runtime is built for numpy 1, and {sys.executable} has numpy {numpy_version}; {advise(name)}",
        )
    try:
        module = import_module(MODULES[name])
    except Exception as error:
        raise unimportable(PACKAGES[name], error, advise(name)) from error
    version = installed(name)
    if delegate != "none":
        return module.Interpreter, version
    try:
        resolver = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    except AttributeError:
        raise Problem(
            "EnvironmentProblem",
            f"{PACKAGES[name]} {version} cannot leave XNNPACK out; leave out --delegate none, or install a newer one: "
            f"{advise(name)}",
        ) from None
    return partial(module.Interpreter, experimental_op_resolver_type=resolver), version


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


def delegates(interpreter: Any, asked: str, version: str) -> list[dict[str, Any]] | None:
    """The delegates of an interpreter as ``mobilecnn.bench.records.measurement.Delegated``; None where it does not say.

    Raises:
        Problem: what was asked for is not what there is.
    """
    parts = partitions(interpreter)
    if asked == "none" and parts:
        raise Problem(
            "EnvironmentProblem",
            f"--delegate none was asked for, and version {version} of the runtime uses XNNPACK nevertheless",
        )
    if asked == "xnnpack" and not parts:
        why = (
            "does not tell whether it uses XNNPACK"
            if parts is None
            else "finds no operator that XNNPACK can run"
        )
        raise Problem(
            "EnvironmentProblem",
            f"--delegate xnnpack was asked for, and version {version} of the runtime {why}; leave it out",
        )
    if parts is None:
        return None
    return [{"name": "xnnpack", "whole": None, "parts": parts}] if parts else []


@contextmanager
def running(job: dict[str, Any], version: str) -> Iterator[None]:
    """A refusal of the runtime within the block as an error of ours."""
    try:
        yield
    except RuntimeError as error:
        raise Problem(
            "ModelFileError", f"{job['runtime']} {version} cannot run {job['model']} ({first_line(error)})"
        ) from error
