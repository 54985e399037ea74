"""What a device has, what it lacks, and what spoils its figures."""

from dataclasses import asdict, dataclass
from typing import Any

from mobilecnn.bench.devices.backends import GENERIC, PROFILES
from mobilecnn.bench.devices.seam import CanFindRuntimes, CanReadState, Device
from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.judge.hygiene import (
    GOVERNOR_FIX,
    THERMAL_STATUS,
    THROTTLED,
    throttling,
    unknown_throttling,
)
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.errors import EnvironmentProblem


@dataclass(frozen=True)
class Examined:
    """State of a device, as :func:`examine` read it.

    Attributes:
        facts: facts that the probe found.
        runtimes: version of each runtime that may be there (``Device.runtimes``), None where it is missing;
            empty where the device does not say.
        frequencies_khz: clocks by core.
        temperatures_c: degrees Celsius by sensor.
        throttled: the Raspberry Pi firmware's throttling word; None elsewhere.
        thermal_status: Android's (:data:`mobilecnn.bench.judge.hygiene.THERMAL_STATUS`); None elsewhere.
        missing: things to mend; ``invalid`` where nothing can be timed before that is done.
    """

    facts: Facts
    runtimes: dict[str, str | None]
    frequencies_khz: dict[str, int]
    temperatures_c: dict[str, float]
    throttled: int | None
    thermal_status: int | None
    missing: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """The device as a JSON object."""
        return asdict(self)


def examine(device: Device, name: str, profile: str = GENERIC) -> Examined:
    """Look at a device, without timing anything.

    Args:
        device: device to look at; this connects it.
        name: name that the user gave it.
        profile: profile that the user gave it, a key of :data:`mobilecnn.bench.devices.backends.PROFILES`.

    Raises:
        EnvironmentProblem: it cannot be reached, or has no Python that the worker can use.
    """
    facts = device.probe()
    runtimes: dict[str, str | None] = {}
    reasons = []
    if isinstance(device, CanFindRuntimes):
        for runtime in device.runtimes:
            try:
                runtimes[runtime] = device.version(runtime)
            except EnvironmentProblem as error:
                runtimes[runtime] = None
                reasons.append(str(error))
    state = device.state() if isinstance(device, CanReadState) else {}
    throttled = state.get("throttled")
    missing: list[Finding] = []

    def warn(code: str, text: str, fix: str) -> None:
        missing.append(Finding(code, text, fix, "warning"))

    if reasons and not any(runtimes.values()):
        missing.append(Finding("no-runtime", f"no runtime: {reasons[0]}", f"mobilecnn devices setup {name}"))
    if not facts.board and profile != GENERIC:
        warn("other-profile", f"it is said to be a {profile}, and does not call itself one", _PROFILE_FIX)
    elif facts.board and not facts.board.startswith(PROFILES[profile]):
        warn("other-profile", f"it is said to be a {profile}, and is a {facts.board}", _PROFILE_FIX)
    slow = sorted(set(facts.governors) - {"performance"})
    if slow:
        fix = f"there: {GOVERNOR_FIX}" if facts.android is None else _PHONE_CLOCK_FIX
        warn("governor", f"the clock may change (governor {', '.join(slow)})", fix)
    status = state.get("thermal_status")
    if status is not None and status >= THROTTLED:
        warn("thermal-status", f"it slows itself down (thermal status {THERMAL_STATUS[status]})", _HEAT_FIX)
    if state:
        missing += unknown_throttling(facts, [throttled])
    for text in throttling(throttled):
        warn("firmware", f"{text} now", _POWER_FIX)
    return Examined(
        facts,
        runtimes,
        state.get("frequencies_khz", {}),
        state.get("temperatures_c", {}),
        throttled,
        status,
        tuple(missing),
    )


_PROFILE_FIX = "add it anew with another --profile"

_PHONE_CLOCK_FIX = (
    "where it can: adb shell cmd power set-fixed-performance-mode-enabled true (see docs/phones.md)"
)

_HEAT_FIX = "let it cool, take off its case, and look again"

_POWER_FIX = "give it its own power supply, cool it, and look again"
