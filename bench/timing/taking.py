"""What every record of a device's work begins with, and how what a process answers becomes part of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from mobilecnn.bench.devices.seam import CanCount, CanTime, Device, require
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.errors import EnvironmentProblem, InputError, UsageError
from mobilecnn.records import record
from mobilecnn.version import __version__

Understood = TypeVar("Understood")


def head(device: Device, command: Sequence[str]) -> dict[str, Any]:
    """The members that a measurement, counts and a stream have in common: when, by what, how, and on what device.

    Args:
        device: device that is asked what it is.
        command: the command line; empty from Python.

    Raises:
        EnvironmentProblem: the device cannot be reached, or lacks what it needs.
    """
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {"created": created, "tool": __version__, "command": tuple(command), "device": device.probe()}


def adapted(device: Device, protocol: Protocol) -> Protocol:
    """The protocol that is kept on a device, where single operators are to be timed; on one that counts as it is.

    Raises:
        UsageError: the device cannot time, or not so; or what times there takes no file without a passport.
        EnvironmentProblem: nothing there can time models.
    """
    if isinstance(device, CanCount):
        return protocol
    timer = require(device, CanTime)
    kept = timer.adapt(protocol)
    if kept.runtime in timer.passport_runtimes:
        raise UsageError(
            f"what times on {device.name} is the {kept.runtime}, which takes what to feed a file from its passport, and "
            "single operators have none; give --benchmark-model PATH"
        )
    return kept


def understood(kind: type[Understood], answer: Mapping[str, Any], doing: str) -> Understood:
    """What a process on the device answered, as a part of a record.

    Args:
        kind: class of the part.
        answer: members of it.
        doing: relative clause for messages, as in "the process *that times x.tflite* answered wrongly".

    Raises:
        EnvironmentProblem: they are not those of such a part.
    """
    try:
        return record(kind, answer)
    except InputError as error:
        raise EnvironmentProblem(f"the process {doing} answered wrongly: {error}") from error
