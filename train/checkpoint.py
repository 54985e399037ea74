"""The state of an unfinished training on disk: saved after every epoch, read back to resume.

A checkpoint is a folder with ``state.json`` and a file of variables that it names.
``state.json`` is written last, so that a crash between the two leaves the epoch before. The folder comes into being
with both inside, so that one without them is somebody else's: it is neither written to nor deleted.
"""

import contextlib
import json
import math
import os
import re
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn import temporaries
from mobilecnn.documents import parse_json
from mobilecnn.errors import EnvironmentProblem, InputError, OutputError, UsageError
from mobilecnn.files import LARGEST_RECORD, atomic, open_input, read_bytes, unwritable, write_json
from mobilecnn.records import ADDED, record
from mobilecnn.train.plan import Epoch, TrainingPlan

_STATE = "state.json"

_LARGEST_HEADER = 1 << 12
"""Number of bytes before the values of an array, at most."""

_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError, NotImplementedError, SyntaxError,
    TypeError, KeyError, OverflowError, struct.error, MemoryError, TokenError,
)  # fmt: skip
"""What zipfile and numpy raise of a file that is no archive of arrays."""

_VARIABLES = re.compile(r"epoch-[0-9]+\.npz")

_UNFINISHED = re.compile(r"\.(state|epoch-[0-9]+)\.[0-9a-f]{8}\.(json|npz)")
"""Temporary names of the two files, which a process that was killed leaves."""


@dataclass(frozen=True)
class _State:
    """What ``state.json`` holds.

    Attributes:
        plan: fields of the :class:`TrainingPlan`.
        classes: class names in output order.
        images: number of images, trained and validated on.
        variables: name of the file of variables.
        history: completed epochs.
        origin: SHA-256 of what the training began with, the images and the weights; empty where an earlier version wrote
            none.
    """

    plan: dict[str, Any]
    classes: tuple[str, ...]
    images: int
    variables: str
    history: tuple[Epoch, ...]
    origin: str = field(default="", metadata=ADDED)

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


def refuse_foreign(output: Path) -> None:
    """Refuse an output beside which the checkpoint's name is taken by something else than a checkpoint.

    Raises:
        OutputError: it is; nothing there was touched.
    """
    path = folder(output)
    if path.is_symlink() or path.exists():
        reason = _foreign(path)
        if reason:
            raise OutputError(
                f"{path} is not a checkpoint of mobilecnn ({reason}), and training keeps its own there; move it away, or "
                "choose another name with -o"
            )


def _foreign(path: Path) -> str:
    """Why ``path`` is not a folder that :func:`save` made; empty where it is."""
    if path.is_symlink() or not path.is_dir():
        return "it is no folder of its own"
    try:
        names = sorted(entry.name for entry in path.iterdir())
        if _STATE not in names:
            return f"it has no {_STATE}"
        for name in names:
            if name != _STATE and not _VARIABLES.fullmatch(name) and not _UNFINISHED.fullmatch(name):
                return f"it has {name}"
        state = parse_json(read_bytes(path / _STATE, "checkpoint", most=LARGEST_RECORD))
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    except (ValueError, InputError):
        return f"its {_STATE} is damaged, or another program's"
    members = {member.name for member in fields(_State) if not member.metadata.get("added")}
    if not isinstance(state, dict) or not members <= set(state):
        return f"its {_STATE} is another program's"
    return ""


def exists(output: Path) -> bool:
    """Whether an unfinished training of ``output`` has saved an epoch."""
    return (folder(output) / _STATE).exists()


def saved_epochs(output: Path) -> int:
    """The number of completed epochs of an unfinished training; 0 if there is none.

    Raises:
        InputError: the checkpoint is damaged.
    """
    return len(_read(output).history) if exists(output) else 0


_UNSAID: dict[str, Any] = {
    **{member.name: member.default for member in fields(TrainingPlan) if member.default is not MISSING},
    "keep": "last",
}
"""What a plan was that says less: what earlier versions did."""


def completed(
    output: Path, plan: TrainingPlan, images: int, classes: Sequence[str], origin: str = ""
) -> tuple[Epoch, ...]:
    """The epochs that an interrupted run of this same training has completed.

    Args:
        output: path of the model.
        plan: the training to resume.
        images: number of images that it has.
        classes: class names in output order.
        origin: SHA-256 of what it begins with, the images and the weights.

    Raises:
        UsageError: there is no checkpoint, or it is of another plan, of other images or of other weights.
        InputError: the checkpoint is damaged.
    """
    if not exists(output):
        raise UsageError(f"nothing to resume: there is no {folder(output) / _STATE}; leave --resume out")
    state = _read(output)
    before = {**_UNSAID, **state.plan, "images": state.images, "classes": list(state.classes)}
    # As JSON has it, which knows no tuples.
    now = json.loads(json.dumps({**asdict(plan), "images": images, "classes": list(classes)}))
    for key, value in now.items():
        if _plain(before.get(key)) != value:
            raise UsageError(
                f"cannot resume: {key.replace('_', ' ')} was {before.get(key)} when the training began and is {value} "
                f"now; give the same again, or leave --resume out to begin anew"
            )
    if state.origin and state.origin != origin:
        raise UsageError(
            "cannot resume: the content of the images, or the weights that it began with, have changed since the training "
            "began; bring them back, or leave --resume out to begin anew"
        )
    return state.history


def _plain(value: Any) -> Any:
    """``value`` as JSON has it, which knows no tuples."""
    return list(value) if isinstance(value, tuple) else value


def save(
    output: Path,
    plan: TrainingPlan,
    images: int,
    classes: Sequence[str],
    history: Sequence[Epoch],
    variables: Sequence[npt.NDArray[Any]],
    origin: str = "",
) -> None:
    """Save the state after the last epoch of ``history``; it replaces that of the epoch before.

    Args:
        output: path of the model.
        plan: the training.
        images: number of images, trained and validated on.
        classes: class names in output order.
        history: completed epochs.
        variables: values of the learner's variables, in the order in which :func:`restore` gets them.
        origin: SHA-256 of what the training began with, the images and the weights.

    Raises:
        OutputError: the checkpoint cannot be written, or its name is taken by something else.
        EnvironmentProblem: the disk is full.
    """
    where = folder(output)
    name = _variables_of(len(history))
    state = asdict(_State(asdict(plan), tuple(classes), images, name, tuple(history), origin))
    if where.exists():
        refuse_foreign(output)
        _save(where, variables, name, state)
        for old in where.iterdir():
            if _VARIABLES.fullmatch(old.name) and old.name != name:
                old.unlink(missing_ok=True)
        return
    stem = f".{where.name[:100]}."
    # A training that was killed in its first epoch's saving has left one.
    temporaries.sweep_names(where.parent, re.compile(rf"{re.escape(stem)}[0-9a-f]{{8}}"), _delete)
    new = where.with_name(f"{stem}{secrets.token_hex(4)}")
    try:
        with _held(new):
            _save(new, variables, name, state)
            new.rename(where)
    except OSError as error:
        raise unwritable(f"write {where}", error) from error
    except (OutputError, EnvironmentProblem) as error:
        raise type(error)(str(error).replace(str(new), str(where))) from error
    finally:
        _delete(new)


@contextlib.contextmanager
def _held(new: Path) -> Iterator[None]:
    """Make a folder, and keep it from being swept while the block runs."""
    new.mkdir(parents=True)
    descriptor = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        temporaries.hold(descriptor)
        yield
    finally:
        os.close(descriptor)


def _save(where: Path, variables: Sequence[npt.NDArray[Any]], name: str, state: dict[str, Any]) -> None:
    npy: Any = np.lib.format
    # Not np.savez: on a full disk it leaves an archive open, which then fails again, and aloud, when it is forgotten.
    with atomic(where / name) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for index, variable in enumerate(variables):
            with archive.open(f"arr_{index}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, np.asanyarray(variable), allow_pickle=False)
    write_json(where / _STATE, state)


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
    """Delete the checkpoint, if there is one.

    Raises:
        OutputError: what is there is no checkpoint; it was not touched.
    """
    refuse_foreign(output)
    _delete(folder(output))


def _delete(where: Path) -> None:
    """Delete the files that :func:`save` makes, and the folder if nothing else is in it."""
    with contextlib.suppress(OSError):
        for path in where.iterdir():
            if path.name == _STATE or _VARIABLES.fullmatch(path.name) or _UNFINISHED.fullmatch(path.name):
                path.unlink()
        where.rmdir()


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
