"""What the commands share about measurements and modelled times."""

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import progress, record_path, talk

if TYPE_CHECKING:
    from mobilecnn.bench.devices.seam import Device
    from mobilecnn.bench.records.instructions import Instructions
    from mobilecnn.bench.records.measurement import Measurement, Model
    from mobilecnn.bench.records.protocol import OnPhone, Protocol


def time_models(
    models: Sequence[Path],
    device_name: str,
    phone: "OnPhone | None",
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
    stem: str,
) -> "tuple[Measurement, Path]":
    """Time files on one device; the measurement and its file, which is named ``output`` or after ``stem``."""
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.timing.rounds import measure
    from mobilecnn.records import recording

    where = device(device_name, protocol.runtime, phone)
    record = record_path(output, stem)
    with recording(record) as keep, where, progress("Timing") as update:
        measurement = measure(
            models,
            where,
            protocol,
            update,
            sys.argv[1:],
            allow_wrong_answers=allow_wrong_answers,
            keep=keep,
            say=talk,
        )
    return measurement, record


def refuse_clockless(ctx: click.Context, device: "Device", threads: int) -> None:
    """Refuse what means nothing on a device without a clock, whose times are modelled; and devices without either.

    Raises:
        UsageError: such an option is given.
        EnvironmentProblem: what models time is not here.
    """
    from mobilecnn.bench.devices.names import ONE_CORE
    from mobilecnn.bench.devices.seam import CanCount, CanTime, require
    from mobilecnn.errors import UsageError

    if not isinstance(device, CanCount):
        require(device, CanTime)
        return
    names = ("rounds", "seconds", "delegate", "cores", *options.PHONE)
    options.refuse(ctx, names, f"is for timing, and the times of {device.name} are modelled; leave it out")
    if threads != 1:
        raise UsageError(ONE_CORE.format(name=device.name))
    device.time_model()  # Before the minutes of work: what models time may not be here.


def about(record: "Measurement | Instructions", of: "Collection[Model] | None" = None) -> list[str]:
    """How far modelled times may be from real ones; nothing of measured ones.

    Args:
        record: measured or modelled times.
        of: those of its models whose times are shown as a network's; all without it.
    """
    from mobilecnn.bench.pages import modelled
    from mobilecnn.bench.records.instructions import Instructions

    return modelled.notes(record, of)[:-1] if isinstance(record, Instructions) else []
