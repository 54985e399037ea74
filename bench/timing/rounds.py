"""Times .tflite files on a device: rounds of fresh processes, the files interleaved."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.seam import CanTime, Device, require
from mobilecnn.bench.records.measurement import (
    DIFFERS,
    NOT_CHECKED,
    Answers,
    Measurement,
    Model,
    PassportFacts,
    Run,
)
from mobilecnn.bench.records.protocol import LONGEST_SECONDS, Protocol
from mobilecnn.bench.timing import cool_down
from mobilecnn.bench.timing.answers import Questions, check, prepare
from mobilecnn.bench.timing.taking import head, understood
from mobilecnn.convert import passport
from mobilecnn.convert.contradictions import of_range
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.passport import Passport
from mobilecnn.errors import CheckFailed, ModelFileError, UsageError
from mobilecnn.files import read_bytes, sha256
from mobilecnn.steps import Progress, Say, Steps, no_say

SPARE_SECONDS = 300.0
"""Seconds that a process may take beyond its two bounded parts: copying, imports, loading, one
inference that began just before the bound."""
TIMING_TIMEOUT = 2 * LONGEST_SECONDS + SPARE_SECONDS
"""Seconds that a process which times may take."""


def measure(
    models: Sequence[Path],
    device: Device,
    protocol: Protocol,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
    keep: Callable[[Measurement], None] | None = None,
    say: Say = no_say,
) -> Measurement:
    """Check the answers of ``models`` on ``device``, then time them.

    Every round times every model once, each in a fresh process, in an order that the seed
    shuffles anew: what drifts (temperature, neighbours) reaches all models alike.

    Args:
        models: .tflite files. One given twice is timed twice, which shows the noise.
        device: device to time on.
        protocol: protocol of the timing.
        progress: called with (processes done, all, what is next).
        command: the command line, for the record.
        allow_wrong_answers: whether files with wrong answers are accepted.
        keep: called after each round with what is complete, such as
            :func:`mobilecnn.records.recording` gives.
        say: told of waits (``protocol.cool_down``).

    Raises:
        UsageError: no models, or the device cannot time.
        ModelFileError: one is missing, damaged, or refused by the runtime; all are looked
            at before the first is timed.
        CheckFailed: one does not answer on the device as its passport says; nothing is timed.
        EnvironmentProblem: the device is not as it must be, another process times there, or a process
            crashed (ChildCrashed); the message names the model.
    """
    timer = require(device, CanTime)
    looked_at = look_at(models)
    protocol = timer.adapt(protocol)
    begun = head(device, command)
    with claimed(device, say):
        plan = cool_down.plan(device, protocol.cool_down, say)
        asked = sum(file.questions is not None for file in looked_at)
        steps = Steps(progress, asked + protocol.rounds * len(models))
        placed = check_answers(looked_at, device, protocol, steps, allow_wrong_answers=allow_wrong_answers)
        rng = np.random.default_rng(protocol.seed)
        runs: list[Run] = []
        for number in range(protocol.rounds):
            for position, index in enumerate(rng.permutation(len(models)).tolist()):
                cooled = cool_down.wait(device, plan, say, steps.show)
                steps(models[index].name)
                job = jobs.timing(placed[index].there, protocol)
                doing = f"that times {models[index]} with {protocol.runtime}"
                answer = timer.time(job, doing, TIMING_TIMEOUT)
                where = {"round": number, "position": position, "model": index, "cooled": None}
                runs.append(replace(understood(Run, {**answer, **where}, doing), cooled=cooled))
            _refuse_changed([file for file in placed if file.there == str(file.path.resolve())])
            measurement = Measurement(
                **begun,
                protocol=protocol,
                models=tuple(file.model for file in placed),
                runs=tuple(runs),
            )
            if keep is not None:
                keep(measurement)
        steps("")
        return measurement


@dataclass(frozen=True)
class LookedAt:
    """A file that is whole: runtimes crash on one that is not.

    Attributes:
        path: path of the file on this machine.
        model: its record. Its answers are those of a file that is not checked, until it has been.
        questions: questions for it; None where nothing can be asked.
        there: name of the file on the device; empty until it is there.
    """

    path: Path
    model: Model
    questions: Questions | None
    there: str = ""


def look_at(models: Sequence[Path]) -> list[LookedAt]:
    """Look at all files before the first is timed.

    Raises:
        UsageError: no models.
        ModelFileError: one is missing or damaged.
    """
    if not models:
        raise UsageError("no models to time; give one .tflite file or several")
    return [_model(path) for path in models]


def check_answers(
    models: Sequence[LookedAt],
    device: Device,
    protocol: Protocol,
    step: Callable[[str], None],
    *,
    allow_wrong_answers: bool,
) -> list[LookedAt]:
    """Bring the files to the device, and see whether they answer there as their passports say.

    Args:
        models: from :func:`look_at`.
        device: device to ask.
        protocol: protocol whose runtime and threads are used.
        step: told what begins.
        allow_wrong_answers: whether files with wrong answers are accepted.

    Raises:
        CheckFailed: one does not.
        ModelFileError: the runtime refuses one, or one was changed meanwhile.
        EnvironmentProblem: the device is not as it must be.
    """
    placed = [replace(file, there=device.put(file.path)) for file in models]
    _refuse_changed(placed)
    for index, file in enumerate(placed):
        if file.questions is not None:
            step(f"checking {file.path.name}")
            answers = check(device, file.there, file.path, file.questions, protocol, SPARE_SECONDS)
            placed[index] = replace(file, model=replace(file.model, answers=answers))
    if not allow_wrong_answers:
        _refuse_wrong(placed, protocol)
    return placed


def _refuse_changed(models: Sequence[LookedAt]) -> None:
    """Refuse files that are no longer those that were looked at: their figures would stand for other files.

    Raises:
        ModelFileError: one was changed, or is gone.
    """
    for file in models:
        if sha256(read_bytes(file.path, "model", ModelFileError)) != file.model.sha256:
            raise ModelFileError(
                f"{file.path} was changed while it was being timed; time it again when nothing writes it, or a copy of it"
            )


def _refuse_wrong(files: Sequence[LookedAt], protocol: Protocol) -> None:
    wrong = [file for file in files if file.model.answers.verdict == DIFFERS]
    if not wrong:
        return
    answers = "; ".join(f"{file.model.file}: {file.model.answers.reason}" for file in wrong)
    changed = [reason for file in wrong if (reason := _contradiction(file.path)) is not None]
    if len(changed) == len(wrong):
        raise CheckFailed(
            f"{answers}. Nothing was timed: {'; '.join(changed)}, so that the pictures were not fed as at the export. Export "
            "the model again; --allow-wrong-answers times it nevertheless"
        )
    raise CheckFailed(
        f"{answers}. Nothing was timed, because {protocol.runtime} there does not give the answers that the passport has from "
        "the export. `mobilecnn predict` here asks the same pictures first: if it refuses the passport, or you have changed "
        "that, export the model again; if not, try another runtime or version there; --allow-wrong-answers times it "
        "nevertheless"
    )


def _contradiction(path: Path) -> str | None:
    """Why the passport of a file cannot be right about its input, as a clause; None where the file does not tell."""
    content = read_bytes(path, "model", ModelFileError)
    card, graph = passport.read(path, sha256(content)), flatbuffer.graph(content, str(path))
    if card is None or len(graph.inputs) != 1 or (reason := of_range(card.contract, graph)) is None:
        return None
    return f"the passport {passport.beside(path)} contradicts the file: {reason}"


def _model(path: Path) -> LookedAt:
    content = read_bytes(path, "model", ModelFileError)
    graph = flatbuffer.graph(content, str(path))
    flatbuffer.check_runnable(graph, str(path))
    digest = sha256(content)
    card = passport.read(path, digest)
    if card is not None:
        passport.check_fits(card, graph, path)
    prepared = prepare(path, content, card)
    unasked = prepared if isinstance(prepared, Answers) else Answers(NOT_CHECKED, "it was not asked")
    model = Model(str(path), digest, len(content), _facts(card), unasked)
    return LookedAt(path, model, prepared if isinstance(prepared, Questions) else None)


def _facts(card: Passport | None) -> PassportFacts | None:
    """What a measurement keeps of a passport; what is empty or 0 there is unknown."""
    if card is None:
        return None
    return PassportFacts(
        card.source.architecture or None, card.file.format or None, card.macs or None, card.parameters or None
    )
