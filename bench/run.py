"""Times .tflite files on a device: rounds of fresh processes, the files interleaved."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mobilecnn import __version__
from mobilecnn.bench.devices import Device
from mobilecnn.bench.measurement import Measurement, Model, PassportFacts, Run, record
from mobilecnn.bench.protocol import LONGEST_SECONDS, MOST_RUNS, Protocol
from mobilecnn.convert import flatbuffer, passport
from mobilecnn.errors import EnvironmentProblem, InputError, ModelFileError, UsageError
from mobilecnn.files import read_bytes, sha256

SPARE_SECONDS = 300.0
"""What a process may take beyond its two bounded parts: copying, imports, loading, one
inference that began just before the bound."""

Progress = Callable[[int, int, str], None]


def measure(
    models: Sequence[Path],
    device: Device,
    protocol: Protocol,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> Measurement:
    """Time ``models`` on ``device``.

    Every round times every model once, each in a fresh process, in an order that the seed
    shuffles anew: what drifts (temperature, neighbours) reaches all models alike.

    Args:
        models: .tflite files. One given twice is timed twice, which shows the noise.
        device: where.
        protocol: how.
        progress: called with (processes done, all, what is next).
        command: the command line, for the record.

    Raises:
        UsageError: no models.
        ModelFileError: one is missing, damaged, or refused by the runtime; all are looked
            at before the first is timed.
        EnvironmentProblem: the device is not as it must be, or a process crashed
            (ChildCrashed); the message names the model.
    """
    if not models:
        raise UsageError("no models to time; give one .tflite file or several")
    records = [_model(path) for path in models]
    created = datetime.now(UTC).isoformat(timespec="seconds")
    facts = device.probe()
    there = [device.put(path) for path in models]
    rng = np.random.default_rng(protocol.seed)
    total = protocol.rounds * len(models)
    runs: list[Run] = []
    for number in range(protocol.rounds):
        for position, index in enumerate(rng.permutation(len(models)).tolist()):
            if progress is not None:
                progress(len(runs), total, models[index].name)
            job = _job(there[index], protocol)
            doing = f"that times {models[index]} with {protocol.runtime}"
            answer = device.run(job, doing, 2 * LONGEST_SECONDS + SPARE_SECONDS)
            place = {"round": number, "position": position, "model": index}
            try:
                runs.append(record(Run, {**answer, **place}))
            except InputError as error:
                raise EnvironmentProblem(f"the process {doing} answered wrongly: {error}") from error
    if progress is not None:
        progress(total, total, "")
    return Measurement(
        created=created,
        tool=__version__,
        command=tuple(command),
        device=facts,
        protocol=protocol,
        models=tuple(records),
        runs=tuple(runs),
    )


def _job(model: str, protocol: Protocol) -> dict[str, object]:
    return {
        "task": "time",
        "model": model,
        "runtime": protocol.runtime,
        "threads": protocol.threads,
        "seed": protocol.seed,
        "warmup_runs": protocol.warmup_runs,
        "warmup_seconds": protocol.warmup_seconds,
        "runs": protocol.runs,
        "seconds": protocol.seconds,
        "longest_seconds": LONGEST_SECONDS,
        "most_runs": MOST_RUNS,
    }


def _model(path: Path) -> Model:
    """The record of a file that is whole: runtimes crash on one that is not."""
    content = read_bytes(path, "model", ModelFileError)
    flatbuffer.parse(content, str(path))
    digest = sha256(content)
    return Model(str(path), digest, len(content), _passport(path, digest))


def _passport(path: Path, digest: str) -> PassportFacts | None:
    card = passport.read(path, digest)
    if card is None:
        return None
    document = card.document

    def text(part: str, name: str) -> str | None:
        value = document[part].get(name) if isinstance(document.get(part), dict) else None
        return value if isinstance(value, str) and value else None

    def count(name: str) -> int | None:
        value = document.get(name)
        return value if isinstance(value, int) and value > 0 else None

    return PassportFacts(
        text("source", "architecture"), text("file", "format"), count("macs"), count("parameters")
    )
