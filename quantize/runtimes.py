"""The packages that can run a ``.tflite`` file. Light to import: the command line lists them in its help."""

from importlib import import_module
from typing import Any

from mobilecnn.errors import EnvironmentProblem

RUNTIMES = ("litert", "tflite-runtime")
"""Names of the runtimes: ai-edge-litert, and tflite-runtime, its predecessor."""

# bench/devices/worker/runtimes.py has a table of its own: it must run on a board that has no mobilecnn.
_PACKAGES = {
    # name: package, module, what to say when it is missing
    "litert": ("ai-edge-litert", "ai_edge_litert.interpreter", ""),
    "tflite-runtime": (
        "tflite-runtime",
        "tflite_runtime.interpreter",
        " (it has wheels up to Python 3.11, and needs numpy < 2)",
    ),
}


def interpreter_class(runtime: str) -> Any:
    """The interpreter class of one of :data:`RUNTIMES`.

    Raises:
        EnvironmentProblem: the package is not installed.
    """
    package, module, more = _PACKAGES[runtime]
    try:
        return import_module(module).Interpreter
    except ImportError as error:
        raise EnvironmentProblem(
            f"{package} cannot be imported: {error}; pip install {package}{more}"
        ) from error
