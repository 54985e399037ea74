"""Importing Keras and TensorFlow without their start-up messages."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from mobilecnn.causes import cause
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.extras import EXTRAS, require

FRAMES = 5500
"""Python's recursion limit where Keras builds networks, in frames.

Keras walks a network by recursion, a frame for each layer of its longest path: the deepest one of the zoo,
``efficientnet_phi15.83``, has 4,268 of them, and Python allows 1,000 frames. Not more, because a function of the user's own
layers that calls itself for ever shall end in Python's error: from 7,000 frames on it can overrun a stack of 8 MiB, and ends
the process."""


def require_backend(doing: str) -> None:
    """Refuse work for which Keras, or TensorFlow as its backend, is not installed; ``doing`` begins the message.

    Raises:
        EnvironmentProblem: see :func:`mobilecnn.extras.require`.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    require(doing, "train", *(name for name in ("keras", backend) if name in EXTRAS["train"]))


def load_keras() -> ModuleType:
    """Import Keras and its backend, and return the ``keras`` module.

    Nothing reaches the terminal: TensorFlow writes its start-up messages straight to file
    descriptor 2, before its own log level applies. The backend is TensorFlow unless the
    user has set ``KERAS_BACKEND``. Images are channels-last whatever ``~/.keras/keras.json``
    says, because TFLite has no other layout. Python's recursion limit is raised to :data:`FRAMES`, if it is lower, and stays so:
    every model that is built, loaded or copied afterwards is walked by Keras.

    Raises:
        EnvironmentProblem: Keras, or the backend, is not installed or does not start.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    backend = os.environ["KERAS_BACKEND"]
    require_backend("a Keras model")
    try:
        with _quiet():
            import keras
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(
            f"the Python package {error.name} is missing; install it with: python -m pip install {error.name}"
        ) from error
    except (AttributeError, ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        if _by_settings(error):
            folder = os.environ.get("KERAS_HOME", "~/.keras")
            raise EnvironmentProblem(
                f"Keras cannot start with the settings of {folder}/keras.json ({cause(error)}); correct this file, or set "
                "KERAS_HOME to another folder without one"
            ) from error
        raise EnvironmentProblem(
            f"Keras cannot start on the backend {backend} ({cause(error)}); check KERAS_BACKEND, or install "
            "a working one with: python -m pip install --force-reinstall keras tensorflow"
        ) from error
    keras.config.set_image_data_format("channels_last")
    sys.setrecursionlimit(max(sys.getrecursionlimit(), FRAMES))
    module: ModuleType = keras
    return module


def _by_settings(error: Exception) -> bool:
    """Whether an import failed where Keras reads ``keras.json``, in ``keras/src/backend/config.py``."""
    last, trace = "", error.__traceback__
    while trace is not None:
        last, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return Path(last).parts[-3:] == ("src", "backend", "config.py")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Redirect file descriptor 2 to the null device during the block, if it is open."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # Standard error is closed: there is nothing to keep quiet.
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
