"""Waiting until a device is about as cool as it was at the start.

Which temperature is waited for: :data:`SLACK_C` above the one at the start, because a board in
use never comes back to its idle temperature; but never below :data:`COOL_C`, where no device
slows down.
"""

import time
from dataclasses import dataclass

from mobilecnn.bench.devices.seam import CanReadState, Device
from mobilecnn.bench.judge.hygiene import processor_temperature
from mobilecnn.bench.records.measurement import Cooled
from mobilecnn.steps import Say

SLACK_C = 3.0
"""Degrees Celsius above the temperature at the start that count as cool."""
COOL_C = 50.0
"""Degrees Celsius that count as cool on any device. The lowest limit that is published is 60, the soft one of
the Raspberry Pi 3B+."""

POLL_SECONDS = 5.0
"""Interval in seconds between readings. Each reading starts a process on the device; more often, that would itself
keep a small board warm."""


@dataclass(frozen=True)
class CoolDown:
    """Condition that ends a wait.

    Attributes:
        goal_c: degrees Celsius to cool down to.
        seconds: longest wait.
    """

    goal_c: float
    seconds: float


def plan(device: Device, seconds: float, say: Say) -> CoolDown | None:
    """Read how warm a device is before it works; None where nothing is to be waited for.

    Args:
        device: device to read.
        seconds: longest wait each time; 0 never to wait.
        say: told when the device shows no temperature.
    """
    if not seconds:
        return None
    celsius = _temperature(device)
    if celsius is None:
        say("This device shows no temperature of its processor: --cool-down waits for nothing")
        return None
    return CoolDown(max(celsius + SLACK_C, COOL_C), seconds)


def wait(device: Device, goal: CoolDown | None, say: Say, show: Say) -> Cooled | None:
    """Wait as planned, before a process.

    Args:
        device: device to wait for.
        goal: from :func:`plan`; None not to wait.
        say: told once that a wait begins, and when it ran out.
        show: told at each reading how warm it is.

    Returns:
        Record of the wait; None without a plan, or when the sensor no longer answers.
    """
    if goal is None:
        return None
    celsius, begin, waited = _temperature(device), time.monotonic(), 0.0
    while celsius is not None and celsius > goal.goal_c:
        if waited >= goal.seconds:
            say(f"Still {celsius:.1f} C after {waited:.0f} s; timing goes on")
            break
        text = f"cooling: {celsius:.1f} C, waiting for {goal.goal_c:.1f} C"
        if not waited:
            say(f"{text}, at most {goal.seconds:.0f} s")
        show(text)
        time.sleep(min(POLL_SECONDS, goal.seconds - waited))
        celsius, waited = _temperature(device), time.monotonic() - begin
    return None if celsius is None else Cooled(round(waited, 3), goal.goal_c, celsius)


def _temperature(device: Device) -> float | None:
    """Degrees Celsius of the processor; None where the device does not show them."""
    return (
        processor_temperature(device.state()["temperatures_c"]) if isinstance(device, CanReadState) else None
    )
