"""The files that a report is made of: measurements, long runs, counts, evaluations, alone or in folders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mobilecnn import files
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.stream import Stream
from mobilecnn.documents import parse_json
from mobilecnn.errors import InputError
from mobilecnn.quantize.evaluation import Evaluation
from mobilecnn.records import Stored

KINDS = (
    "a measurement, a long run or counts of `mobilecnn bench`, or a result of `mobilecnn evaluate` or "
    "`mobilecnn speedup`"
)


@dataclass(frozen=True)
class Timed:
    """A measurement and the name of its file."""

    file: str
    measurement: Measurement


@dataclass(frozen=True)
class Evaluated:
    """An evaluation and the name of its file."""

    file: str
    evaluation: Evaluation


@dataclass(frozen=True)
class Counted:
    """Emulated instructions and the name of their file."""

    file: str
    instructions: Instructions


@dataclass(frozen=True)
class Streamed:
    """A long run and the name of its file."""

    file: str
    stream: Stream


_Given = Timed | Evaluated | Counted | Streamed

_RECORDS: tuple[tuple[type[Stored], Callable[[str, Any], _Given]], ...] = (
    (Measurement, Timed),
    (Evaluation, Evaluated),
    (Instructions, Counted),
    (Stream, Streamed),
)
"""Records that a report shows -> what holds one with the name of its file."""


@dataclass(frozen=True)
class Results:
    """All that a report is made of: at least a measurement, a long run, or counts.

    Attributes:
        timed: the measurements, by the time they began.
        evaluated: the evaluations, by their files' names.
        counted: the records of emulated instructions, by the time they began.
        streamed: the long runs, sustained loads and single streams, by the time they began.
    """

    timed: tuple[Timed, ...]
    evaluated: tuple[Evaluated, ...]
    counted: tuple[Counted, ...] = ()
    streamed: tuple[Streamed, ...] = ()


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
    from mobilecnn.convert.passport import Passport

    kept: dict[str, _Given] = {}
    for path, listed in [(path, files.is_folder(given)) for given in paths for path in _listed(given)]:
        place, content, document = _document(path)
        schema = document.get("schema") if isinstance(document, dict) else None
        if schema == Passport.SCHEMA and listed:
            continue
        try:
            given = _given(place.name, schema, document)
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
        digest = files.sha256(content)
        # Of files with the same content, the one whose name comes first.
        kept[digest] = min(given, kept.get(digest, given), key=lambda file: file.file)
    # The digest decides last: the order in which the files were given shall not.
    ordered = sorted(kept.items(), key=lambda item: (item[1].file, item[0]))
    kinds = [given for _, given in ordered]
    timed = [given for given in kinds if isinstance(given, Timed)]
    evaluated = [given for given in kinds if isinstance(given, Evaluated)]
    counted = [given for given in kinds if isinstance(given, Counted)]
    streamed = [given for given in kinds if isinstance(given, Streamed)]
    if not timed and not streamed and (evaluated or not counted):
        names = ", ".join(map(str, paths))
        raise InputError(f"there is no measurement in {names}; make one with `mobilecnn bench`")
    return Results(
        tuple(sorted(timed, key=lambda given: _began(given.measurement))),
        tuple(evaluated),
        tuple(sorted(counted, key=lambda given: _began(given.instructions))),
        tuple(sorted(streamed, key=lambda given: _began(given.stream))),
    )


def _given(file: str, schema: Any, document: Any) -> _Given:
    """The record in a document, with the name of its file."""
    for record, held in _RECORDS:
        if schema == record.SCHEMA:
            return held(file, record.from_json(document))
    raise InputError(f"it is not {KINDS}")


def _listed(given: Path) -> list[Path]:
    """The file itself, or the result files in a folder."""
    if not files.is_folder(given):
        return [given]
    # A hidden one is being written, or was when its process was killed.
    paths = sorted(path for path in given.glob("*.json") if not path.name.startswith("."))
    if not paths:
        raise InputError(f"the folder {given} holds no .json file")
    return paths


def _document(path: Path) -> tuple[Path, bytes, Any]:
    """Path of a result file, its content, and that as JSON; of a ``speedup.json``, that of the measurement it is made of."""
    content = files.read_bytes(path, "result", most=files.LARGEST_RECORD)
    try:
        document = parse_json(content)
    except ValueError as error:
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
        content = files.read_bytes(beside, "measurement", most=files.LARGEST_RECORD)
        return beside, content, parse_json(content)
    except (InputError, ValueError) as error:
        raise InputError(
            f"{path} is made of the measurement {beside}, which cannot be read: {error}"
        ) from error


def _began(record: Measurement | Instructions | Stream) -> datetime:
    return datetime.fromisoformat(record.created)
