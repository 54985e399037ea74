"""Children of the product as forks (see zygote.py): of a process that has imported what they need.

A child that holds a Keras model imports TensorFlow, which takes seconds of processor; a test that is not about
how the child starts need not wait for it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import zygote

from mobilecnn.convert import conversion
from mobilecnn.quantize import inference


@dataclass(frozen=True)
class Zygotes:
    """Sockets of the processes that fork.

    Attributes:
        keras: of the one that has imported TensorFlow and Keras.
        litert: of the one that has imported the runtime.
    """

    keras: str
    litert: str


@contextmanager
def zygotes(keras: Path, litert: Path) -> Iterator[Zygotes]:
    """Start both, in these empty folders."""
    with ExitStack() as stack:
        yield Zygotes(
            stack.enter_context(zygote.zygote(keras, "tensorflow", "keras", "h5py")),
            stack.enter_context(zygote.zygote(litert, "ai_edge_litert.interpreter")),
        )


@contextmanager
def forked(started: Zygotes) -> Iterator[None]:
    """Children that hold Keras models, and those that run .tflite files, are forks of theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "python", lambda module: zygote.command(started.keras, module))
        patch.setattr(inference, "python", lambda module: zygote.command(started.litert, module))
        yield
