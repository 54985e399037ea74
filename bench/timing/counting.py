"""Counts the instructions of .tflite files on an emulated processor, and models their time."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.seam import CanCount, Device, require
from mobilecnn.bench.records.instructions import CountPlan, CountSeries, Instructions
from mobilecnn.bench.timing.rounds import check_answers, look_at
from mobilecnn.bench.timing.taking import head, understood
from mobilecnn.steps import Progress, Steps

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
        progress, command, allow_wrong_answers, keep: as :func:`mobilecnn.bench.timing.rounds.measure` takes them;
            ``keep`` is called after each model.

    Raises:
        UsageError, ModelFileError, CheckFailed, EnvironmentProblem: as :func:`mobilecnn.bench.timing.rounds.measure`
            does, and where the device cannot count, or lacks what emulating needs.
    """
    counter = require(device, CanCount)
    looked_at = look_at(models)
    # Before the minutes of work: it may not be there.
    model = None if plan.counts_only else counter.time_model()
    begun = head(device, command)
    asked = sum(file.questions is not None for file in looked_at)
    steps = Steps(progress, asked + len(models))
    placed = check_answers(looked_at, device, plan.protocol(), steps, allow_wrong_answers=allow_wrong_answers)
    done: list[CountSeries] = []
    for file in placed:
        steps(f"counting {file.path.name}")
        doing = f"that counts {file.path} with {plan.runtime}"
        answer = counter.count(jobs.count(file.there, plan), doing, LONGEST_SECONDS)
        done.append(understood(CountSeries, answer, doing))
        counted = Instructions(
            **begun,
            plan=plan,
            models=tuple(file.model for file in placed),
            series=tuple(done),
            model=model,
        )
        if keep is not None:
            keep(counted)
    steps("")
    return counted
