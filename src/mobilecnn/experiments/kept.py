"""What the folder of an experiment has of a row: its figures, and whether its training is complete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mobilecnn.errors import InputError
from mobilecnn.experiments.trainings import model_of
from mobilecnn.quantize.evaluation import Accuracy
from mobilecnn.records import ADDED, Stored
from mobilecnn.remarks import Remark
from mobilecnn.train.keras_archive import sha256_of
from mobilecnn.train.keras_file import read_info
from mobilecnn.train.options import members
from mobilecnn.train.plan import Epoch


@dataclass(frozen=True)
class Measured(Stored):
    """What became of a row: of its training, and of the model.

    Attributes:
        name: name of the row.
        options: options of its training.
        model_sha256: SHA-256 of the model.
        epoch: epoch whose weights the model has.
        seconds: duration of the training.
        workers: number of trainings that ran at a time, at most.
        part: part of the data that the model was asked about, ``test`` or ``validation``; empty for all, which earlier versions
            took of data without parts.
        evaluation: its accuracy there, and how long that took.
        remarks: what is to be said of these images.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.experiment"
    VERSION: ClassVar[int] = 1
    NOUN: ClassVar[str] = "row of an experiment"

    name: str
    options: dict[str, Any]
    model_sha256: str
    epoch: Epoch
    seconds: float
    workers: int
    part: str
    evaluation: Accuracy
    remarks: tuple[Remark, ...] = field(default=(), metadata=ADDED)


def record_of(folder: Path, name: str) -> Path:
    """The figures of a row."""
    return folder / f"{name}.json"


def kept_of(folder: Path, name: str, options: Mapping[str, Any]) -> Measured | None:
    """What an earlier run found of a row; None where it did not come so far, or the model is another now.

    Raises:
        InputError: it is of other options, or cannot be read.
    """
    path, model = record_of(folder, name), model_of(folder, name)
    if not path.exists():
        return None
    found = Measured.read(path)
    _refuse_other(path, found.options, options)
    return found if model.exists() and sha256_of(model) == found.model_sha256 else None


def _refuse_other(path: Path, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    unlike = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    if unlike:
        said = ", ".join(f"{name} was {then.get(name)!r} and is {now.get(name)!r}" for name in unlike)
        raise InputError(
            f"{path} is of a run with other options: {said}; choose another folder with -o, or remove the row's files"
        )


def is_trained(folder: Path, name: str, options: Mapping[str, Any]) -> bool:
    """Whether a row's training is complete.

    Raises:
        InputError: its model was trained with other options.
    """
    model = model_of(folder, name)
    if not model.exists():
        return False
    facts = read_info(model).training or {}
    asked = {**members(options, str(model))}
    # The name of a network has its size in it, which may be another by an option.
    asked.pop("architecture")
    plain = {member: list(value) if isinstance(value, tuple) else value for member, value in asked.items()}
    _refuse_other(model, {member: facts.get(member) for member in plain}, plain)
    return True
