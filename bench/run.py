"""Times .tflite files on a device: rounds of fresh processes, the files interleaved."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mobilecnn import __version__
from mobilecnn.bench.answers import Questions, check, prepare
from mobilecnn.bench.devices import Device
from mobilecnn.bench.measurement import (
    DIFFERS,
    NOT_CHECKED,
    Answers,
    Measurement,
    Model,
    PassportFacts,
    Run,
    record,
)
from mobilecnn.bench.protocol import LONGEST_SECONDS, MOST_RUNS, Protocol
from mobilecnn.convert import flatbuffer, passport
from mobilecnn.convert.passport import Passport
from mobilecnn.errors import CheckFailed, EnvironmentProblem, InputError, ModelFileError, UsageError
from mobilecnn.files import read_bytes, sha256
from mobilecnn.steps import Progress, Steps

SPARE_SECONDS = 300.0
"""What a process may take beyond its two bounded parts: copying, imports, loading, one
inference that began just before the bound."""


def measure(
    models: Sequence[Path],
    device: Device,
    protocol: Protocol,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
    keep: Callable[[Measurement], None] | None = None,
) -> Measurement:
    """Check the answers of ``models`` on ``device``, then time them.

    Every round times every model once, each in a fresh process, in an order that the seed
    shuffles anew: what drifts (temperature, neighbours) reaches all models alike.

    Args:
        models: .tflite files. One given twice is timed twice, which shows the noise.
        device: where.
        protocol: how.
        progress: called with (processes done, all, what is next).
        command: the command line, for the record.
        allow_wrong_answers: time files that differ from their passports nevertheless.
        keep: called after each round with what is complete, such as
            :func:`mobilecnn.bench.measurement.recording` gives.

    Raises:
        UsageError: no models.
        ModelFileError: one is missing, damaged, or refused by the runtime; all are looked
            at before the first is timed.
        CheckFailed: one does not answer on the device as its passport says; nothing is timed.
        EnvironmentProblem: the device is not as it must be, or a process crashed
            (ChildCrashed); the message names the model.
    """
    if not models:
        raise UsageError("no models to time; give one .tflite file or several")
    looked_at = [_model(path) for path in models]
    created = datetime.now(UTC).isoformat(timespec="seconds")
    facts = device.probe()
    protocol = device.adapt(protocol)
    there = [device.put(path) for path in models]
    asked = sum(isinstance(questions, Questions) for _, questions in looked_at)
    steps = Steps(progress, asked + protocol.rounds * len(models))
    records: list[Model] = []
    for path, place, (model, questions) in zip(models, there, looked_at, strict=True):
        if isinstance(questions, Questions):
            steps(f"checking {path.name}")
            answers = check(device, place, path, questions, protocol, SPARE_SECONDS)
            model = replace(model, answers=answers)
        records.append(model)
    if not allow_wrong_answers:
        _refuse_wrong(records, protocol)
    rng = np.random.default_rng(protocol.seed)
    runs: list[Run] = []
    for number in range(protocol.rounds):
        for position, index in enumerate(rng.permutation(len(models)).tolist()):
            steps(models[index].name)
            job = _job(there[index], protocol)
            doing = f"that times {models[index]} with {protocol.runtime}"
            answer = device.run(job, doing, 2 * LONGEST_SECONDS + SPARE_SECONDS)
            where = {"round": number, "position": position, "model": index}
            try:
                runs.append(record(Run, {**answer, **where}))
            except InputError as error:
                raise EnvironmentProblem(f"the process {doing} answered wrongly: {error}") from error
        measurement = Measurement(
            created=created,
            tool=__version__,
            command=tuple(command),
            device=facts,
            protocol=protocol,
            models=tuple(records),
            runs=tuple(runs),
        )
        if keep is not None:
            keep(measurement)
    steps("")
    return measurement


def _refuse_wrong(models: Sequence[Model], protocol: Protocol) -> None:
    wrong = [f"{model.file}: {model.answers.reason}" for model in models if model.answers.verdict == DIFFERS]
    if wrong:
        raise CheckFailed(
            f"{'; '.join(wrong)}. Nothing was timed, because {protocol.runtime} there does not give the answers that "
            "the passport has from the export: try another runtime or version, or export the model again; "
            "--allow-wrong-answers times it nevertheless"
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


def _model(path: Path) -> tuple[Model, Questions | Answers]:
    """The record of a file that is whole (runtimes crash on one that is not), and what to ask it.

    The record's own answers are those of a file that is not checked, until it has been.
    """
    content = read_bytes(path, "model", ModelFileError)
    flatbuffer.parse(content, str(path))
    digest = sha256(content)
    card = passport.read(path, digest)
    questions = prepare(path, content, card)
    unasked = questions if isinstance(questions, Answers) else Answers(NOT_CHECKED, "it was not asked")
    return Model(str(path), digest, len(content), _facts(card), unasked), questions


def _facts(card: Passport | None) -> PassportFacts | None:
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
