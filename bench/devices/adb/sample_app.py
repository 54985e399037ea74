"""The sample app on a phone: putting models where it finds them, starting it, and waiting for its answer."""

import contextlib
import secrets
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.adb import app
from mobilecnn.bench.devices.adb.observer import Observer
from mobilecnn.bench.devices.adb.session import CACHE, Session
from mobilecnn.bench.devices.seam import Answer, Job
from mobilecnn.bench.judge.hygiene import THERMAL_STATUS
from mobilecnn.convert import passport
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, MobileCnnError, ModelFileError
from mobilecnn.files import read_bytes, sha256

POLL_SECONDS = 1.0
"""Interval in seconds between readings of the phone's log. Each costs the phone some work."""

START = """
echo "$2" >"$1/app"; a=$3; shift 3; am start -W -S -n "$a" "$@" 2>&1
"""
STOP = """
am force-stop "$2" >/dev/null; rm -f "$1/app"
"""
POLL = """
a=; pidof "$1" >/dev/null && a=running; logcat -d -s "$2:I"; echo "$a"
"""
INSTALLED = """
pm path "$1" 2>/dev/null | grep -q "^package:" || exit 0;
v=$(dumpsys package "$1" 2>/dev/null | sed -n "s/^ *versionName=//p"); echo "${v:-unknown}"
"""
AWAKE = """
dumpsys power 2>/dev/null | sed -n "s/^ *mWakefulness=//p"
"""

ASLEEP = ("Asleep", "Dozing", "Dreaming")
"""What ``dumpsys power`` says of a phone that freezes or slows apps (constants of Android's PowerManagerInternal)."""


class SampleApp:
    """The sample app as what answers and times on a phone."""

    def __init__(self, session: Session, observer: Observer, package: str | None = None) -> None:
        """Nothing happens yet.

        Args:
            session: session on the phone.
            observer: observer of the phone.
            package: the name that Android knows the app by; None for the sample app's own.
        """
        self._package = package or app.PACKAGE
        self._session = session
        self._observer = observer
        self._stopped = threading.Event()
        self._version: str | None = None

    def stop(self) -> None:
        """End the wait for an answer, from another thread."""
        self._stopped.set()

    def installed(self) -> str:
        """The version of the app; empty where it is not installed."""
        if self._version is None:
            doing = f"that looks for the app on {self._session.name}"
            lines = self._session.tell(INSTALLED, [self._package], doing)
            self._version = lines[0] if lines else ""
        return self._version

    def version(self) -> str:
        """The version of the app.

        Raises:
            EnvironmentProblem: it is not installed.
        """
        version = self.installed()
        if not version:
            raise EnvironmentProblem(
                f"the sample app ({self._package}) is not installed on {self._session.name}"
            )
        return version

    def put(self, model: Path) -> str:
        """See :meth:`mobilecnn.bench.devices.seam.Device.put`: into the cache there, with its passport.

        Raises:
            ModelFileError: the model has no passport, or another's.
        """
        digest = sha256(read_bytes(model, "model", ModelFileError))
        # The app reads what to feed the model from there, and one model may have had two passports.
        card = self._card(model, digest)
        folder = f"{CACHE}/models/{card}"
        self._session.store(passport.beside(model), f"{folder}/{digest}.json", card, "644")
        target = f"{folder}/{digest}.tflite"
        self._session.store(model, target, digest, "644")
        self._session.local_names[target] = str(model)
        return target

    def _card(self, model: Path, digest: str) -> str:
        """The SHA-256 of a model's passport."""
        if passport.read(model, digest) is None:
            raise ModelFileError(
                f"{model} has no passport {passport.beside(model).name} beside it, and the sample app on "
                f"{self._session.name} takes what to feed it from there; export it with mobilecnn, or "
                "time it with --benchmark-model PATH"
            )
        return sha256(read_bytes(passport.beside(model), "passport", ModelFileError))

    def answer(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanAnswer.answer`: it has the passport, and judges by itself."""
        return {"judged": asdict(self._ask(job, 0, 1, doing, timeout).answers)}

    def time(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanTime.time`."""
        before = self._observer.reading()
        answer = self._ask(job, job["warmup_runs"], job["runs"], doing, timeout)
        times, status = answer.run, answer.thermal_status
        return {
            "runtime_version": f"{self.version()}, TensorFlow Lite {times.runtime_version}",
            "xnnpack_partitions": times.xnnpack_partitions,
            "init_ns": times.init_ns,
            "first_ns": times.first_ns,
            "warmup_ns": times.warmup_ns,
            "samples_ns": times.samples_ns,
            "timed_seconds": times.timed_seconds,
            "other_cpu_seconds": times.other_cpu_seconds,
            "heaviest_cpu_seconds": {},
            "baseline_rss_bytes": times.baseline_rss_bytes,
            "peak_rss_bytes": times.peak_rss_bytes,
            "before": _with_app(before, times.before, status.before),
            "after": _with_app(self._observer.reading(), times.after, status.after),
            "summary": None,
            "cores": None,
            "delegates": _delegates(times.xnnpack_partitions),
        }

    def _ask(self, job: Job, warmup: int, runs: int, doing: str, timeout: float) -> app.AppRun:
        """Have the app time a model in a fresh process."""
        model = job["model"]
        request = app.AppRequest(secrets.token_hex(16), model, Path(model).stem, job["threads"], warmup, runs)
        package, component = self._package, f"{self._package}/{app.ACTIVITY}"
        self._stopped.clear()
        try:
            self._expect_awake(doing)
            self._start([self._session.folder, package, component, *request.extras()], doing)
            text = self._wait(request.run_id, doing, timeout)
            self._expect_awake(doing)
        finally:
            # After a broken connection the guard has done it.
            with contextlib.suppress(EnvironmentProblem):
                self._session.tell(
                    STOP, [self._session.folder, package], f"that stops the app on {self._session.name}"
                )
        try:
            return app.parse(text, request)
        except MobileCnnError as error:
            raise type(error)(
                f"on {self._session.name}: {self._session.in_local_names(str(error))} ({doing})"
            ) from error

    def _start(self, words: list[str], doing: str) -> None:
        """Start the activity that times.

        Raises:
            EnvironmentProblem: the build on the phone has none.
        """
        absent = "does not exist"
        try:
            said = "\n".join(self._session.tell(START, words, doing))
        except EnvironmentProblem as error:
            said = str(error)
            if absent not in said:
                raise
        if absent in said:
            raise EnvironmentProblem(
                f"on {self._session.name}: {self._package} is a release build, or another app, and only a debug build of "
                "the sample app can be timed: install one (./gradlew :app:installDebug)"
            )

    def _expect_awake(self, doing: str) -> None:
        """Refuse to time on a phone whose screen is off: Android slows and freezes apps then.

        Raises:
            EnvironmentProblem: it sleeps.
        """
        states = self._session.tell(AWAKE, [], doing)
        if states and states[0] in ASLEEP:
            raise EnvironmentProblem(
                f"the screen of {self._session.name} is off ({states[0]}), and Android slows apps then; unlock it, and keep it "
                "on: adb shell svc power stayon usb"
            )

    def _wait(self, run_id: str, doing: str, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            *lines, running = self._session.tell(POLL, [self._package, app.TAG], doing) or [""]
            text = app.collect(lines, run_id)
            if text is not None:
                return text
            if running != "running":
                raise ChildCrashed(
                    f"on {self._session.name}: the app ended without an answer, and with it the process {doing}; "
                    "look into: adb logcat -b crash -d"
                )
            if self._stopped.wait(POLL_SECONDS):
                raise ChildCrashed(f"on {self._session.name}: the process {doing} was stopped")
        raise ChildCrashed(
            f"on {self._session.name}: the process {doing} took longer than {timeout:g} s and was stopped"
        )


def _delegates(partitions: int | None) -> list[dict[str, Any]] | None:
    if partitions is None:
        return None
    return [{"name": "xnnpack", "whole": None, "parts": partitions}] if partitions else []


def _with_app(reading: dict[str, Any], by_app: app.AppReading, status: str | None) -> dict[str, Any]:
    """What adb reads around the app's process, and the app just before or after its timed part."""
    told = {} if status is None else {"thermal_status": THERMAL_STATUS.index(status)}
    return {
        **reading,
        **told,
        "frequencies_khz": by_app.frequencies_khz,
        "probe_ns": by_app.probe_ns,
        "temperatures_c": {**reading["temperatures_c"], **by_app.temperatures_c},
    }
