"""The state of an unfinished training on disk: saved after every epoch, read back to resume.

A checkpoint is a folder with ``state.json`` and a file of variables that it names.
``state.json`` is written last, so that a crash between the two leaves the epoch before.
"""

import math
import shutil
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.documents import parse_json
from mobilecnn.errors import InputError, UsageError
from mobilecnn.files import LARGEST_RECORD, atomic, open_input, read_bytes, write_json
from mobilecnn.records import record
from mobilecnn.train.plan import Epoch, TrainingPlan

_STATE = "state.json"

_LARGEST_HEADER = 1 << 12
"""Number of bytes before the values of an array, at most."""

_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError, NotImplementedError, SyntaxError,
    TypeError, KeyError, OverflowError, struct.error, MemoryError,
)  # fmt: skip
"""What zipfile and numpy raise of a file that is no archive of arrays."""


@dataclass(frozen=True)
class _State:
    """What ``state.json`` holds.

    Attributes:
        plan: fields of the :class:`TrainingPlan`.
        classes: class names in output order.
        images: number of images, trained and validated on.
        variables: name of the file of variables.
        history: completed epochs.
    """

    plan: dict[str, Any]
    classes: tuple[str, ...]
    images: int
    variables: str
    history: tuple[Epoch, ...]

    def __post_init__(self) -> None:
        if [epoch.epoch for epoch in self.history] != list(range(1, len(self.history) + 1)):
            raise ValueError("history does not number its epochs from 1")
        # Not any name: the file is read, and those of other epochs are deleted.
        if self.variables != _variables_of(len(self.history)):
            raise ValueError(f"variables must be {_variables_of(len(self.history))}")


def _variables_of(epochs: int) -> str:
    """Name of the file of variables after so many epochs."""
    return f"epoch-{epochs}.npz"


def folder(output: Path) -> Path:
    """The checkpoint of the training whose model goes to ``output``."""
    return output.with_suffix(".checkpoint")


def exists(output: Path) -> bool:
    """Whether an unfinished training of ``output`` has saved an epoch."""
    return (folder(output) / _STATE).exists()


def saved_epochs(output: Path) -> int:
    """The number of completed epochs of an unfinished training; 0 if there is none.

    Raises:
        InputError: the checkpoint is damaged.
    """
    return len(_read(output).history) if exists(output) else 0


def completed(output: Path, plan: TrainingPlan, images: int, classes: Sequence[str]) -> tuple[Epoch, ...]:
    """The epochs that an interrupted run of this same training has completed.

    Args:
        output: path of the model.
        plan: the training to resume.
        images: number of images that it has.
        classes: class names in output order.

    Raises:
        UsageError: there is no checkpoint, or it is of another plan or of other images.
        InputError: the checkpoint is damaged.
    """
    if not exists(output):
        raise UsageError(f"nothing to resume: there is no {folder(output) / _STATE}; leave --resume out")
    state = _read(output)
    before = {**state.plan, "images": state.images, "classes": list(state.classes)}
    now = {**asdict(plan), "images": images, "classes": list(classes)}
    for key, value in now.items():
        if before.get(key) != value:
            raise UsageError(
                f"cannot resume: {key.replace('_', ' ')} was {before.get(key)} when the training began and is {value} "
                f"now; give the same again, or leave --resume out to begin anew"
            )
    return state.history


def save(
    output: Path,
    plan: TrainingPlan,
    images: int,
    classes: Sequence[str],
    history: Sequence[Epoch],
    variables: Sequence[npt.NDArray[Any]],
) -> None:
    """Save the state after the last epoch of ``history``; it replaces that of the epoch before.

    Args:
        output: path of the model.
        plan: the training.
        images: number of images, trained and validated on.
        classes: class names in output order.
        history: completed epochs.
        variables: values of the learner's variables, in the order in which :func:`restore` gets them.

    Raises:
        OutputError: the checkpoint cannot be written.
    """
    path = folder(output) / _variables_of(len(history))
    with atomic(path) as temporary:
        np.savez(temporary, *variables)
    state = _State(asdict(plan), tuple(classes), images, path.name, tuple(history))
    write_json(folder(output) / _STATE, asdict(state))
    for old in folder(output).glob("epoch-*.npz"):
        if old != path:
            old.unlink(missing_ok=True)


def restore(output: Path, variables: Sequence[Any]) -> None:
    """Assign the saved values to ``variables``, in their order.

    Raises:
        InputError: the checkpoint is damaged, or has not a value of the right shape for each variable.
    """
    path = folder(output) / _read(output).variables
    shapes = [tuple(variable.shape) for variable in variables]
    try:
        with open_input(path, "checkpoint") as stream, zipfile.ZipFile(stream) as archive:
            names = [f"arr_{index}.npy" for index in range(len(shapes))]
            if archive.namelist() != names:
                raise ValueError(f"it has not the {len(names)} variables of the network")
            arrays = [_array(archive, name, shape) for name, shape in zip(names, shapes, strict=True)]
    except _UNREADABLE as error:
        raise _damaged(output, f"{path.name}: {error}") from error
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """One array of a file of variables; what it says of itself is believed only where it is as expected.

    Raises:
        ValueError: it is an array of another shape or of another kind of values.
    """
    npy: Any = np.lib.format
    with archive.open(name) as member:
        if npy.read_magic(member) != (1, 0):
            raise ValueError(f"{name} is an array of another version")
        said, _, dtype = npy.read_array_header_1_0(member, max_header_size=_LARGEST_HEADER)
        nbytes = dtype.itemsize * math.prod(shape)
        if (
            said != shape
            or dtype.kind not in "fiub"
            or archive.getinfo(name).file_size > nbytes + _LARGEST_HEADER
        ):
            raise ValueError(f"{name} has not the shape {list(shape)}")
        member.seek(0)
        array: npt.NDArray[Any] = npy.read_array(member, allow_pickle=False)
        return array


def remove(output: Path) -> None:
    """Delete the checkpoint, if there is one."""
    shutil.rmtree(folder(output), ignore_errors=True)


def _read(output: Path) -> _State:
    content = read_bytes(folder(output) / _STATE, "checkpoint", most=LARGEST_RECORD)
    try:
        return record(_State, parse_json(content))
    except (ValueError, InputError) as error:
        raise _damaged(output, f"{_STATE}: {error}") from error


def _damaged(output: Path, reason: str) -> InputError:
    return InputError(
        f"the checkpoint {folder(output)} is damaged ({reason}); delete it and train from the beginning"
    )
