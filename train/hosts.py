"""Training on several machines, and on all GPUs of each: Keras' data parallelism, on the JAX backend.

Each machine runs the same command and reads the same images. Of each batch it computes its own rows, and JAX adds the
gradients of all. Only the first machine, with the number 0, writes anything.
"""

import ctypes
import importlib
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn import interruption
from mobilecnn.causes import cause
from mobilecnn.errors import EnvironmentProblem, MobileCnnError, UsageError
from mobilecnn.extras import require
from mobilecnn.train.backend import load_keras

JOINING_SECONDS = 300
"""Seconds in which all machines have to begin."""

WATCHING_SECONDS = 0.1
"""Seconds between two looks at whether the child process that trains has ended."""

MOST_HOSTS = 1024
"""Largest number of machines."""

_BLOCK = 1024
"""Number of bytes of which a message between machines is a multiple: each length is compiled for by itself."""

_WITH_PARENT = 1
"""What Linux calls PR_SET_PDEATHSIG: the signal that a process gets when its parent ends."""

_LOST = re.compile(
    r"gloo|nccl|coordination|heartbeat|connection|UNAVAILABLE|DEADLINE_EXCEEDED", re.IGNORECASE
)
"""Words of JAX about another machine."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Place:
    """Which of how many machines this one is.

    Attributes:
        hosts: number of machines; 1 for all GPUs of this one; 0 for one device and any backend of Keras.
        index: number of this machine, from 0.
        coordinator: ``ADDRESS:PORT`` of the first machine, which listens there; empty with fewer than two.
    """

    hosts: int = 0
    index: int = 0
    coordinator: str = ""


def place_of(hosts: int | None, index: int | None, coordinator: str | None) -> Place:
    """The place that the user's options describe.

    Args:
        hosts: number of machines; None for one device.
        index: number of this one.
        coordinator: ``ADDRESS:PORT`` of the first.

    Raises:
        UsageError: they do not go together, or one is out of range.
    """
    beside = {"--host-index": index, "--coordinator": coordinator}
    if hosts is not None and not 1 <= hosts <= MOST_HOSTS:
        raise UsageError(f"--hosts {hosts} is out of range; choose 1 to {MOST_HOSTS}")
    for option, value in beside.items():
        if value is not None and (hosts is None or hosts == 1):
            why = "without --hosts" if hosts is None else "with --hosts 1, which is this machine"
            raise UsageError(f"{option} has no effect {why}; leave it out")
    if hosts is None or hosts == 1:
        return Place(hosts or 0)
    for option, value in beside.items():
        if value is None:
            raise UsageError(
                f"--hosts {hosts} needs {option}; give each machine its own --host-index, 0 to {hosts - 1}, and all of "
                "them the --coordinator ADDRESS:PORT of number 0, such as 10.0.0.1:1234"
            )
    assert index is not None and coordinator is not None
    if not 0 <= index < hosts:
        raise UsageError(f"--host-index {index} is out of range; choose 0 to {hosts - 1}")
    address, _, port = coordinator.rpartition(":")
    if not address or not port.isascii() or not port.isdecimal() or not 0 < int(port[:6]) < 1 << 16:
        raise UsageError(
            f"--coordinator {coordinator} is no ADDRESS:PORT; give the address of machine 0 and a port that is free there, "
            "such as 10.0.0.1:1234"
        )
    return Place(hosts, index, coordinator)


class Team:
    """The machines that train together.

    What is shared or gathered waits for all machines: each has to ask for the same, in the same order.

    Attributes:
        hosts: number of machines.
        index: number of this one, from 0.
        devices: number of devices of all machines together; 0 where Keras trains on one device by itself.
    """

    def __init__(self, hosts: int = 1, index: int = 0, devices: int = 0) -> None:
        self.hosts = hosts
        self.index = index
        self.devices = devices

    @property
    def first(self) -> bool:
        """Whether this machine is the one that writes."""
        return self.index == 0

    @contextmanager
    def spread(self) -> Iterator[None]:
        """What Keras builds while the block runs is spread over the devices of all machines."""
        if not self.devices:
            yield
            return
        distribution = load_keras().distribution
        with distribution.DataParallel().scope():
            yield

    def check_batch(self, size: int) -> None:
        """Refuse batches of ``size`` images that cannot be divided among the devices.

        Raises:
            UsageError: naming sizes that can.
        """
        if self.devices and size % self.devices:
            above = size + self.devices - size % self.devices
            below = above - self.devices
            choices = f"{below} or {above}" if below else str(above)
            raise UsageError(
                f"batches of {size} images cannot be divided among {self.devices} devices; choose a --batch-size of "
                f"{choices}, of no more images than there are"
            )

    def part(self, *arrays: Array) -> list[Array]:
        """This machine's rows of a batch: of each array, whose first axis is the batch, its share."""
        share = len(arrays[0]) // self.hosts
        return [array[self.index * share : (self.index + 1) * share] for array in arrays]

    def share(self, value: Any) -> Any:
        """What the first machine has: a value that JSON can write."""
        if self.hosts == 1:
            return value
        return json.loads(self._broadcast(json.dumps(value).encode() if self.first else b""))

    def share_arrays(self, arrays: Sequence[Array]) -> list[Array]:
        """The arrays that the first machine has; those of the others, of the same shapes and types, are not looked at."""
        if self.hosts == 1:
            return list(arrays)
        content = self._broadcast(
            b"".join(np.ascontiguousarray(array).tobytes() for array in arrays) if self.first else b""
        )
        shared, start = [], 0
        for array in arrays:
            values = np.frombuffer(content, array.dtype, array.size, start)
            shared.append(values.reshape(array.shape).copy())
            start += array.nbytes
        return shared

    def gather(self, value: Any) -> list[Any]:
        """What each machine has, from the first to the last: values that JSON can write."""
        if self.hosts == 1:
            return [value]
        utilities = importlib.import_module("jax.experimental.multihost_utils")
        content = json.dumps(value).encode()
        longest = int(np.max(utilities.process_allgather(np.asarray([len(content)], np.int32))))
        rows = utilities.process_allgather(_padded(content, longest))
        return [json.loads(bytes(np.asarray(row)).rstrip(b"\0")) for row in rows]

    def _broadcast(self, content: bytes) -> bytes:
        utilities = importlib.import_module("jax.experimental.multihost_utils")
        (length,) = utilities.broadcast_one_to_all(np.asarray([len(content)], np.int32))
        everywhere = utilities.broadcast_one_to_all(_padded(content, int(length)))
        return bytes(np.asarray(everywhere))[: int(length)]


ALONE = Team()
"""One machine, one device."""


def _padded(content: bytes, length: int) -> npt.NDArray[np.uint8]:
    padded = np.zeros(-(-max(1, length) // _BLOCK) * _BLOCK, np.uint8)
    padded[: len(content)] = np.frombuffer(content, np.uint8)
    return padded


@contextmanager
def joined(place: Place) -> Iterator[Team]:
    """The team of all machines, while the block runs.

    Raises:
        UsageError: Keras is to run, or runs already, on another backend than JAX.
        EnvironmentProblem: JAX is not installed, the machines do not find one another, or one is lost meanwhile.
    """
    if not place.hosts:
        yield ALONE
        return
    require("training on several devices", "jax")
    told = _watched(place) if place.hosts > 1 else 0
    _keras_on_jax()
    jax: Any = importlib.import_module("jax")
    if place.hosts > 1:
        _connect(jax, place)
        os.write(told, b"together")
    try:
        with _together(place):
            yield Team(place.hosts, place.index, jax.device_count())
            if place.hosts > 1:
                jax.distributed.shutdown()
    except BaseException:
        if place.hosts > 1:
            # JAX would wait, for minutes, until the others end too; they see it at once when the connection ends.
            interruption.leave_at_once()
        raise


def _watched(place: Place) -> int:
    """Go on in a child process, which this one waits for and ends with; a pipe to tell it that the machines are together.

    Where machine 0 is lost, or does not come, JAX ends its process at once, from a thread of its own and with pages of words;
    here a line is said of it.
    """
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(_WITH_PARENT, signal.SIGKILL)
        with suppress(OSError):  # It is closed.
            encoding, errors = sys.stderr.encoding, sys.stderr.errors
            sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=encoding, errors=errors)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.close(heard)
        return told
    os.close(told)
    for number in interruption.SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda came, frame: os.kill(child, came))
    # Not one wait: a signal that another thread takes does not end it.
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        time.sleep(WATCHING_SECONDS)
    _, status = ended
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h")  # The cursor, which a bar of progress has hidden.
    how = signal.Signals(os.WTERMSIG(status)).name
    if not os.read(heard, 1):
        raise _apart(place, how)
    raise EnvironmentProblem(
        f"machine {place.index} has lost the others ({how}: machine 0, or the connection to it, has ended); see what they say, "
        "and start all again with --resume"
    )


def _keras_on_jax() -> None:
    chosen = os.environ.get("KERAS_BACKEND", "jax")
    loaded = sys.modules.get("keras")
    if chosen != "jax" or (loaded is not None and loaded.backend.backend() != "jax"):
        found = chosen if chosen != "jax" else loaded.backend.backend()  # type: ignore[union-attr]
        raise UsageError(
            f"--hosts needs JAX as the backend of Keras, and it is {found} here; set KERAS_BACKEND=jax before the program "
            "begins"
        )
    os.environ["KERAS_BACKEND"] = "jax"
    load_keras()
    # Keras would import TensorFlow to look whether batches come from it: seconds, messages, and memory of each GPU.
    modules: Any = importlib.import_module("keras.src.utils.module_utils")
    if "tensorflow" not in sys.modules:
        modules.tensorflow._available = False


def _connect(jax: Any, place: Place) -> None:
    """Find the other machines."""
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            place.coordinator,
            place.hosts,
            place.index,
            initialization_timeout=JOINING_SECONDS,
            coordinator_bind_address=place.coordinator,  # And no other network of the machine.
        )
    except (RuntimeError, ValueError) as error:
        interruption.leave_at_once()
        raise _apart(place, cause(error)) from error
    if threading.current_thread() is threading.main_thread():
        # JAX has taken SIGTERM for itself.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))


def _apart(place: Place, why: str) -> EnvironmentProblem:
    """The error about machines that have not found one another."""
    return EnvironmentProblem(
        f"the {place.hosts} machines have not found one another at {place.coordinator} within {JOINING_SECONDS} s ({why}); start "
        "the same command on each of them, with its own --host-index, and take a port that is free on machine 0"
    )


@contextmanager
def _together(place: Place) -> Iterator[None]:
    """An error of JAX within the block, where there are several machines, as one of ours."""
    try:
        yield
    except MobileCnnError:
        raise
    except (RuntimeError, ValueError) as error:  # Gloo's are either.
        if place.hosts == 1 or not _LOST.search(str(error)):
            raise
        raise EnvironmentProblem(
            f"machine {place.index} has lost the others ({cause(error)}); see what they say, and start all again with "
            "--resume"
        ) from error
