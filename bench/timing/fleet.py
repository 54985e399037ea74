"""Several devices at once: a thread, a connection and a measurement file each.

A thread does little but wait for its device, which is where the timing happens. What fails on
one device is its own outcome, and the others go on.
"""

import contextlib
import re
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from mobilecnn.bench.devices import registry
from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.errors import MobileCnnError, UsageError
from mobilecnn.records import check_free, recording
from mobilecnn.steps import Progress, Say, no_say


@dataclass(frozen=True)
class Member:
    """A device of the fleet.

    Attributes:
        name: name that the user gave it.
        device: device to time on; its thread enters and leaves it.
        record: path of its measurement file, which does not exist yet.
        progress: told of the steps, from the device's thread.
        say: told of waits, from the device's thread.
    """

    name: str
    device: Device
    record: Path
    progress: Progress | None = None
    say: Say = no_say


@dataclass(frozen=True)
class Outcome:
    """What became of a device: either a measurement, which is on disk, or a failure.

    Attributes:
        name: name that the user gave the device.
        record: path of the measurement file; where the device failed, the message says what was kept of it.
        measurement: the measurement; None where the device failed.
        failure: error of the device; None where it did not fail.
    """

    name: str
    record: Path
    measurement: Measurement | None
    failure: MobileCnnError | None


def refuse_twice(names: Sequence[str]) -> None:
    """Refuse names that are the same device, which would be disturbed by itself.

    Raises:
        UsageError: two names are the same, or the same device; or one means whichever device is connected,
            and another of its kind is named too.
        InputError: the devices file is damaged.
    """
    seen: dict[tuple[str, str | None], str] = {}
    for index, name in enumerate(names):
        if name in names[:index]:
            raise UsageError(f"--device {name} is given twice; name it once")
        there = registry.find(name)
        if there.entry is None:
            continue
        identity = there.entry.identity
        key = (there.backend.kind, identity)
        if key in seen:
            raise UsageError(
                f"--device {seen[key]} and --device {name} are the same {there.backend.noun}"
                f"{'' if identity is None else f', {identity}'}; name one of them"
            )
        seen[key] = name
    for (kind, identity), name in seen.items():
        if identity is None and sum(other == kind for other, _ in seen) > 1:
            raise UsageError(registry.find(name).backend.any_device.format(name=name))


def records(path: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """The measurement file of each device: ``runs/it.json`` -> ``runs/it-pi4.json``, ``runs/it-local.json``.

    Letters that a file name should not have become ``-``; where two names are then the same, the
    second gets a number.
    """
    paths: list[Path] = []
    for name in names:
        stem = f"{path.name.removesuffix('.json')}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}"
        own, number = path.with_name(f"{stem}.json"), 2
        while own in paths:
            own, number = path.with_name(f"{stem}-{number}.json"), number + 1
        paths.append(own)
    return tuple(paths)


def measure_all(
    models: Sequence[Path],
    members: Sequence[Member],
    protocol: Protocol,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
) -> tuple[Outcome, ...]:
    """:func:`mobilecnn.bench.timing.rounds.measure` on all devices side by side; their outcomes in order.

    Ctrl-C ends what runs on each, leaves its complete rounds on disk, and says where.

    Raises:
        OutputError: the name of a measurement file is taken; nothing was begun.
        KeyboardInterrupt: naming what each device has left.
    """
    for member in members:
        check_free(member.record)
    stopping = threading.Event()

    def time_on(member: Member) -> Outcome:
        def step(done: int, total: int, what: str) -> None:
            if stopping.is_set():
                raise KeyboardInterrupt
            if member.progress is not None:
                member.progress(done, total, what)

        try:
            with recording(member.record) as keep:
                try:
                    with member.device:
                        measured = measure(
                            models, member.device, protocol, step, command,
                            allow_wrong_answers=allow_wrong_answers, keep=keep, say=member.say,
                        )  # fmt: skip
                except MobileCnnError:
                    if stopping.is_set():
                        raise KeyboardInterrupt from None  # It failed because we ended it.
                    raise
        except MobileCnnError as error:
            return Outcome(member.name, member.record, None, error)
        return Outcome(member.name, member.record, measured, None)

    with ThreadPoolExecutor(max(len(members), 1)) as pool:
        futures: list[Future[Outcome]] = []
        try:
            futures += [pool.submit(time_on, member) for member in members]
            wait(futures)
        except KeyboardInterrupt as interrupt:
            stopping.set()
            while not all(future.done() for future in futures):
                # Once is enough: cleaning up takes some seconds, and is not to be cut short.
                with contextlib.suppress(KeyboardInterrupt):
                    for member in members:
                        member.device.stop()
                    wait(futures, timeout=0.2)
            left = [
                f"{member.name}: {_left(future)}" for member, future in zip(members, futures, strict=False)
            ]
            raise type(interrupt)("; ".join(left)) from None
    return tuple(future.result() for future in futures)


def refuse_failed(outcomes: Sequence[Outcome]) -> None:
    """Fail if a device failed, with the kind of the gravest failure.

    Raises:
        MobileCnnError: naming each device that failed, and how.
    """
    failed = [(outcome.name, outcome.failure) for outcome in outcomes if outcome.failure is not None]
    if not failed:
        return
    kind = type(max((failure for _, failure in failed), key=lambda failure: failure.exit_code))
    reasons = "; ".join(f"{name}: {failure}" for name, failure in failed)
    raise kind(f"{len(failed)} of {len(outcomes)} devices failed: {reasons}")


def common_failure(outcomes: Sequence[Outcome]) -> MobileCnnError | None:
    """The one thing that was wrong on every device, such as a file that is no model; else None."""
    failures = [outcome.failure for outcome in outcomes]
    same = {(type(failure), str(failure)) for failure in failures}
    return failures[0] if len(same) == 1 else None


def _left(future: "Future[Outcome]") -> str:
    """Outcome of a device that was stopped early or had finished."""
    error = future.exception()
    if error is not None:
        return str(error) or "no round is complete"
    outcome = future.result()
    return str(outcome.failure) if outcome.failure else f"complete, in {outcome.record}"
