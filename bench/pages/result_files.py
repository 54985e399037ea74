"""The files that a report is made of: measurements, counts, evaluations, alone or in folders."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from mobilecnn import files
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.errors import InputError
from mobilecnn.quantize.evaluation import Evaluation

KINDS = (
    "a measurement or counts of `mobilecnn bench`, or a result of `mobilecnn evaluate` or `mobilecnn speedup`"
)


@dataclass(frozen=True)
class Timed:
    """A measurement and the name of its file."""

    file: str
    measurement: Measurement


@dataclass(frozen=True)
class Asked:
    """An evaluation and the name of its file."""

    file: str
    evaluation: Evaluation


@dataclass(frozen=True)
class Counted:
    """Emulated instructions and the name of their file."""

    file: str
    instructions: Instructions


_Given = TypeVar("_Given", Timed, Asked, Counted)


@dataclass(frozen=True)
class Results:
    """All that a report is made of: measurements, or counts, or both.

    Attributes:
        timed: the measurements, by the time they began.
        asked: the evaluations, by their files' names.
        counted: the records of emulated instructions, by the time they began.
    """

    timed: tuple[Timed, ...]
    asked: tuple[Asked, ...]
    counted: tuple[Counted, ...] = ()


def read(paths: Sequence[Path]) -> Results:
    """Read result files, and those in folders; the same content counts once.

    Of a folder, every ``.json`` directly in it must be a result, but the passports of models,
    which are passed over. A ``speedup.json`` stands for the measurement beside it, of which
    its rows are made.

    Raises:
        InputError: naming the file that is missing, damaged or something else; or there is
            no measurement among them.
    """
    # Here, so that reading records loads nothing of the conversion.
    from mobilecnn.convert import passport

    timed: dict[str, Timed] = {}
    asked: dict[str, Asked] = {}
    counted: dict[str, Counted] = {}
    for given in paths:
        listed = given.is_dir()
        for path in _listed(given) if listed else [given]:
            place, content, document = _document(path)
            schema = document.get("schema") if isinstance(document, dict) else None
            if schema == passport.SCHEMA and listed:
                continue
            digest = files.sha256(content)
            try:
                if schema == Measurement.SCHEMA:
                    _keep(timed, digest, Timed(place.name, Measurement.from_json(document)))
                elif schema == Evaluation.SCHEMA:
                    _keep(asked, digest, Asked(place.name, Evaluation.from_json(document)))
                elif schema == Instructions.SCHEMA:
                    _keep(counted, digest, Counted(place.name, Instructions.from_json(document)))
                else:
                    raise InputError(f"it is not {KINDS}")
            except InputError as error:
                raise InputError(f"{place}: {error}") from error
    if not timed and (asked or not counted):
        names = ", ".join(map(str, paths))
        raise InputError(f"there is no measurement in {names}; make one with `mobilecnn bench`")
    # The digest decides last: the order in which the files were given shall not.
    by_time = sorted((_began(given.measurement), given.file, digest) for digest, given in timed.items())
    by_name = sorted((given.file, digest) for digest, given in asked.items())
    by_count = sorted((_began(given.instructions), given.file, digest) for digest, given in counted.items())
    return Results(
        tuple(timed[digest] for *_, digest in by_time),
        tuple(asked[digest] for _, digest in by_name),
        tuple(counted[digest] for *_, digest in by_count),
    )


def _keep(kept: dict[str, _Given], digest: str, given: _Given) -> None:
    """Of files with the same content, keep the one whose name comes first."""
    kept[digest] = min(given, kept.get(digest, given), key=lambda file: file.file)


def _listed(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise InputError(f"the folder {folder} holds no .json file")
    return paths


def _document(path: Path) -> tuple[Path, bytes, Any]:
    """Path of a result file, its content, and that as JSON; of a ``speedup.json``, that of the measurement it is made of."""
    content = files.read_bytes(path, "result")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not {KINDS}: it is not JSON ({error})") from error
    if (
        isinstance(document, dict)
        and {"source", "rows", "measurement"} <= set(document)
        and "schema" not in document
    ):
        return _beside(path, document)
    return path, content, document


def _beside(path: Path, document: dict[str, Any]) -> tuple[Path, bytes, Any]:
    """Path, content and JSON of the measurement that a ``speedup.json`` names, in the same folder."""
    named = document["measurement"]
    if not isinstance(named, str) or not Path(named).name:
        raise InputError(f"{path}: measurement must be the name of a file")
    beside = path.with_name(Path(named).name)
    try:
        content = files.read_bytes(beside, "measurement")
        return beside, content, json.loads(content)
    except (InputError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is made of the measurement {beside}, which cannot be read: {error}"
        ) from error


def _began(record: Measurement | Instructions) -> datetime:
    return datetime.fromisoformat(record.created)
