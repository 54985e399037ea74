"""Children of the product as forks (see fuzz_zygote.py): of a process that has imported what they need."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import fuzz_zygote
import pytest

from mobilecnn.convert import conversion
from mobilecnn.quantize import inference


@contextmanager
def _forks(folder: Path, where: ModuleType, *modules: str) -> Iterator[None]:
    with fuzz_zygote.zygote(folder, *modules) as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, "python", lambda module: fuzz_zygote.command(name, module))
        yield


@contextmanager
def litert(folder: Path) -> Iterator[None]:
    """Children that run .tflite files are forks of one that has imported the runtime; ``folder`` is empty."""
    with _forks(folder, inference, "ai_edge_litert.interpreter"):
        yield


@contextmanager
def keras(folder: Path) -> Iterator[None]:
    """Children that hold Keras models are forks of one that has imported TensorFlow; ``folder`` is empty."""
    with _forks(folder, conversion, "tensorflow", "keras", "h5py"):
        yield
