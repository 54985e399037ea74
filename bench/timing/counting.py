"""Counts the instructions of .tflite files on an emulated processor, and models their time."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.seam import CanCount, Device, require
from mobilecnn.bench.records.instructions import CountPlan, CountSeries, Instructions
from mobilecnn.bench.timing.rounds import check_answers, look_at
from mobilecnn.errors import EnvironmentProblem, InputError
from mobilecnn.records import record
from mobilecnn.steps import Progress, Steps
from mobilecnn.version import __version__

LONGEST_SECONDS = 3600.0
"""Seconds that one process may take; AlexNet takes a minute on a laptop."""


def count(
    models: Sequence[Path],
    device: Device,
    plan: CountPlan,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
    keep: Callable[[Instructions], None] | None = None,
) -> Instructions:
    """Check the answers of ``models`` on ``device``, then count what each executes.

    Args:
        models: .tflite files.
        device: device to count on.
        plan: plan of the count.
        progress: called with (processes done, all, what is next).
        command: the command line, for the record.
        allow_wrong_answers: whether files with wrong answers are accepted.
        keep: called after each model with what is complete, such as
            :func:`mobilecnn.records.recording` gives.

    Raises:
        UsageError: no models, or the device cannot count.
        ModelFileError: one is missing, damaged, or refused by the runtime.
        CheckFailed: one does not answer there as its passport says; none is counted.
        EnvironmentProblem: something that emulating needs is missing, or a process crashed.
    """
    counter = require(device, CanCount)
    looked_at = look_at(models)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    model = (
        None if plan.counts_only else counter.time_model()
    )  # Before the minutes of work: it may not be there.
    facts = device.probe()
    asked = sum(file.questions is not None for file in looked_at)
    steps = Steps(progress, asked + len(models))
    placed = check_answers(looked_at, device, plan.protocol(), steps, allow_wrong_answers=allow_wrong_answers)
    done: list[CountSeries] = []
    for file in placed:
        steps(f"counting {file.path.name}")
        doing = f"that counts {file.path} with {plan.runtime}"
        answer = counter.count(jobs.count(file.there, plan), doing, LONGEST_SECONDS)
        try:
            done.append(record(CountSeries, answer))
        except InputError as error:
            raise EnvironmentProblem(f"the process {doing} answered wrongly: {error}") from error
        counted = Instructions(
            created,
            __version__,
            tuple(command),
            facts,
            plan,
            tuple(file.model for file in placed),
            tuple(done),
            model,
        )
        if keep is not None:
            keep(counted)
    steps("")
    return counted
