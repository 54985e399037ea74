"""Runs a model in one process without a pause, and keeps what it does window by window."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.seam import CanStream, CanTime, Device, require
from mobilecnn.bench.records.stream import (
    LONGEST_WINDOW,
    Start,
    Stream,
    StreamPlan,
    StreamSeries,
    Window,
)
from mobilecnn.bench.timing import cool_down
from mobilecnn.bench.timing.rounds import SPARE_SECONDS, check_answers, look_at
from mobilecnn.bench.timing.taking import head, understood
from mobilecnn.steps import Progress, Say, no_say

PATIENCE_SECONDS = LONGEST_WINDOW + SPARE_SECONDS
"""Seconds that one message may take."""


def run(
    models: Sequence[Path],
    device: Device,
    plan: StreamPlan,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
    keep: Callable[[Stream], None] | None = None,
    say: Say = no_say,
) -> Stream:
    """Check the answers of ``models`` on ``device``, then run each as long as planned.

    Args:
        models: .tflite files, run one after another.
        device: device to run on.
        plan: plan of the run.
        progress: called with (seconds done, all, what happens).
        command, allow_wrong_answers, keep, say: as :func:`mobilecnn.bench.timing.rounds.measure` takes them; ``keep``
            is called after each model, and with what there is when the work fails or the user stops it.

    Raises:
        UsageError, ModelFileError, CheckFailed, EnvironmentProblem: as :func:`mobilecnn.bench.timing.rounds.measure`
            does, and where the device does not tell of each inference.
    """
    streamer = require(device, CanStream)
    require(device, CanTime).adapt(
        plan.protocol()
    )  # It refuses what it cannot have, such as a phone's delegate.
    looked_at = look_at(models)
    begun = head(device, command)
    with claimed(device, say):
        wait = cool_down.plan(device, plan.cool_down, say)
        total = max(1, round(plan.seconds)) * len(models)

        def show(done: float, what: str) -> None:
            if progress is not None:
                progress(min(int(done), total), total, what)

        placed = check_answers(
            looked_at,
            device,
            plan.protocol(),
            lambda what: show(0, what),
            allow_wrong_answers=allow_wrong_answers,
        )
        done: list[StreamSeries] = []

        def stream() -> Stream:
            return Stream(**begun, plan=plan, models=tuple(file.model for file in placed), series=tuple(done))

        for number, file in enumerate(placed):
            passed = number * plan.seconds

            def tell(what: str, passed: float = passed) -> None:
                show(passed, what)

            cooled = cool_down.wait(device, wait, say, tell)
            tell(file.path.name)
            doing = f"that runs {file.path} with {plan.runtime}"
            windows: list[Window] = []
            start: Start | None = None
            try:
                # Closed at once and not some time: with the messages ends the process.
                with closing(
                    streamer.stream(jobs.stream(file.there, plan), doing, PATIENCE_SECONDS)
                ) as messages:
                    start = understood(Start, next(messages), doing)
                    for message in messages:
                        windows.append(understood(Window, message, doing))
                        last = windows[-1]
                        show(
                            passed + min(last.end_seconds, plan.seconds),
                            f"{file.path.name}: {last.median_ns / 1e6:.3f} ms",
                        )
            finally:
                # Also when the user stops it: minutes of work are not thrown away.
                if start is not None and windows:
                    done.append(StreamSeries(start, cooled, tuple(windows)))
                    if keep is not None:
                        keep(stream())
        show(total, "")
        return stream()
