"""What a phone is, and how it is now, asked over a session."""

import re
from typing import Any

from mobilecnn.bench.devices.adb import phone
from mobilecnn.bench.devices.adb.client import adb
from mobilecnn.bench.devices.adb.session import Session
from mobilecnn.bench.devices.seam import Answer, Identity
from mobilecnn.bench.records.measurement import Android, Facts


class Observer:
    """Looks at a phone."""

    def __init__(self, session: Session) -> None:
        """Nothing happens yet."""
        self._session = session
        self._facts: Facts | None = None

    def facts(self) -> Facts:
        """What the phone is; asked once.

        Raises:
            EnvironmentProblem: it cannot be reached, or is no Android.
        """
        if self._facts is None:
            name = self._session.name
            lines = self._session.tell(phone.FACTS, [], f"that probes {name}")
            _, version = adb("version")
            _, features = adb("-s", self._session.serial, "features")
            self._facts = phone.facts(
                lines,
                self._session.tell(phone.STATE, [], f"that reads the state of {name}"),
                next(iter(re.findall(r"^Version (\S+)", version, re.MULTILINE)), version.strip()[:40]),
                sorted(word for word in features.split() if re.fullmatch(r"[a-z0-9_]+", word)),
            )
        return self._facts

    def page_bytes(self) -> int | None:
        """Size of the phone's memory pages in bytes; None where it does not tell."""
        doing = f"that asks {self._session.name} for the size of its memory pages"
        return phone.page_bytes(self._session.tell(phone.PAGES, [], doing))

    def identity(self) -> Identity:
        """What tells the phone from all others."""
        doing = f"that asks {self._session.name} who it is"
        return phone.identity(self._session.tell(phone.IDENTITY, [], doing))

    def android(self) -> Android:
        """Android's facts about the phone."""
        android = self.facts().android
        assert android is not None
        return android

    def state(self) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanReadState.state`."""
        doing = f"that reads the state of {self._session.name}"
        return phone.state(self._session.tell(phone.STATE, [], doing))

    def reading(self) -> dict[str, Any]:
        """The members of a :class:`mobilecnn.bench.records.measurement.Reading`, from outside of what times."""
        doing = f"that reads the state of {self._session.name}"
        lines = self._session.tell(phone.STATE, [], doing)
        state = phone.state(lines)
        # No clocks: before and after the process the phone is at rest, and its clocks are low.
        return {
            "frequencies_khz": {},
            "probe_ns": [],
            "temperatures_c": state["temperatures_c"],
            "throttled": None,
            "governors": [],
            "load_average": None,
            "available_bytes": None,
            "swapped_bytes": None,
            "thermal_status": state["thermal_status"],
            **phone.surroundings(lines),
        }
