"""What the folder of an experiment has of a row: its figures, and whether its training is complete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mobilecnn.errors import DataError, InputError, ModelFileError, OutputError
from mobilecnn.experiments.images import Images
from mobilecnn.experiments.trainings import LOG, log_of, model_of
from mobilecnn.files import open_input
from mobilecnn.quantize.evaluation import Accuracy
from mobilecnn.records import ADDED, Stored, schema
from mobilecnn.remarks import Remark, Remarked, no_remark
from mobilecnn.train import checkpoint
from mobilecnn.train.datasets import seen
from mobilecnn.train.keras_archive import sha256_of
from mobilecnn.train.keras_file import read_info
from mobilecnn.train.options import members
from mobilecnn.train.plan import Epoch
from mobilecnn.train.preparing import check_output, history_path


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
        data_sha256: SHA-256 of all images that training had, with their parts; empty in files of an earlier version.
        judged_sha256: SHA-256 of the images that judged; empty in files of an earlier version.
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
    data_sha256: str = field(default="", metadata=ADDED)
    judged_sha256: str = field(default="", metadata=ADDED)


def record_of(folder: Path, name: str) -> Path:
    """The figures of a row."""
    return folder / f"{name}.json"


def refuse_foreign(folder: Path, name: str) -> None:
    """Refuse a folder in which something else has the name of a file of a row; nothing there is touched.

    Raises:
        OutputError: naming it.
    """
    model, record, log = model_of(folder, name), record_of(folder, name), log_of(folder, name)
    check_output(model)
    for path, what, is_ours in (
        (model, "model of a training", _is_model),
        (record, "row of an experiment", _is_record),
        (log, "log of an experiment", _is_log),
    ):
        if (path.exists() or path.is_symlink()) and not is_ours(path):
            raise OutputError(
                f"{path} is no {what}, which goes there; move it away, or choose another folder with -o"
            )


def _is_model(path: Path) -> bool:
    try:
        return seen.is_trained(read_info(path).training)
    except ModelFileError:
        return False


def _is_record(path: Path) -> bool:
    return path.is_file() and schema(path) == Measured.SCHEMA


def _is_log(path: Path) -> bool:
    """Whether a file is the log of a row. Those of earlier versions have no first line, and something of the row beside them."""
    model = model_of(path.parent, path.stem)
    beside = (model, record_of(path.parent, path.stem), history_path(model), checkpoint.folder(model))
    if not path.is_file():
        return False
    with open_input(path, "log") as stream:
        begins = stream.read(len(LOG))
    return begins in (b"", LOG.encode()) or any(there.exists() for there in beside)


def kept_of(
    folder: Path,
    name: str,
    options: Mapping[str, Any],
    images: Images | DataError,
    remarked: Remarked = no_remark,
) -> Measured | None:
    """What an earlier run found of a row; None where it did not come so far, or the model is another now.

    Args:
        folder: the folder of the experiment.
        name: name of the row.
        options: options of its training.
        images: its images, or why they cannot be read.
        remarked: told where nobody knows whether the figures are of these images, or what they had to do with the training.

    Raises:
        InputError: it is of other options or other images, or cannot be read.
    """
    path, model = record_of(folder, name), model_of(folder, name)
    if not path.exists():
        return None
    try:
        found = Measured.read(path)
    except InputError as error:
        raise InputError(f"{error}; remove this file, and the same command asks the model again") from error
    _refuse_other(path, found.options, options)
    if not model.exists() or sha256_of(model) != found.model_sha256:
        return None
    if isinstance(images, DataError):
        text = f"{options['data']} cannot be read, so that nobody knows whether it has the images that these figures are of"
        remarked(Remark("not-compared", 1, text, (str(options["data"]),)))
        return found
    refuse_other_images(path, found.data_sha256 or trained_on(model), options, images)
    if not found.judged_sha256:
        text = (
            f"{path} is of an earlier version, which kept neither by which images it judged nor whether training had them; remove "
            "this file, and the same command asks the model again"
        )
        remarked(Remark("judged-earlier", 1, text, (str(path),)))
    elif found.judged_sha256 != images.judged_sha256:
        raise InputError(
            f"{path} was judged by other images than the {images.part} part of {options['data']} has now; remove this file, and the "
            "same command asks the model again"
        )
    return found


def refuse_other_images(path: Path, then: object, options: Mapping[str, Any], images: Images) -> None:
    """Refuse what comes of a training on other images, or on other parts of them.

    Args:
        path: a file of a row.
        then: SHA-256 of the images that its training had; empty or None where nobody knows it.
        options: options of its training.
        images: those of now.

    Raises:
        InputError: the images of now are others.
    """
    if then and then != images.data_sha256:
        raise InputError(
            f"{path} is of a run on other images, or another division of them, than {options['data']} has now; choose another "
            "folder with -o, or remove the row's files"
        )


def trained_on(model: Path) -> object:
    """SHA-256 of the images that a model was trained on, as its file says it; None where it does not."""
    return (read_info(model).training or {}).get("data_sha256")


def _refuse_other(path: Path, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    unlike = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    if unlike:
        said = ", ".join(f"{name} was {then.get(name)!r} and is {now.get(name)!r}" for name in unlike)
        raise InputError(
            f"{path} is of a run with other options: {said}; choose another folder with -o, or remove the row's files"
        )


def is_trained(folder: Path, name: str, options: Mapping[str, Any], images: Images) -> bool:
    """Whether a row's training is complete.

    Raises:
        InputError: its model was trained with other options, or on other images.
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
    refuse_other_images(model, facts.get("data_sha256"), options, images)
    return True
