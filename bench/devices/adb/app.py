"""The Android sample app as a timer: how it is started, and what it answers. See docs/android.md.

An app cannot be waited for from outside: ``am start`` ends when the activity is there. So it is
given an id, and answers under it in the phone's log: JSON, in parts, then an end with an exit
code. Its own side is ``android_demo``: ``BenchmarkRequest``, ``BenchmarkRun`` and ``Benchmark``.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mobilecnn.bench.judge.hygiene import THERMAL_STATUS
from mobilecnn.bench.records.measurement import Answers
from mobilecnn.errors import BY_NAME, EnvironmentProblem, InputError, MobileCnnError
from mobilecnn.records import members_of, record

PACKAGE = "org.mobilecnn.demo"
"""The package of the app's classes, and the name that Android knows it by unless a copy is renamed."""

ACTIVITY = f"{PACKAGE}.BenchmarkActivity"
"""The class that times models; only debug builds declare it."""

TAG = "MOBILECNN"

SCHEMA = "mobilecnn.android"
VERSION = 1

MOST_PARTS = 100_000
"""Largest number of parts that an answer may have; that of 100,000 samples has some hundred."""


@dataclass(frozen=True)
class AppRequest:
    """What the app is asked for: one fresh process that times one model.

    Attributes:
        run_id: id that tells this run's lines from all others: 1 to 64 letters, digits, ``_`` or ``-``.
        model: path of a file below ``/data/local/tmp`` that all may read, with its passport beside it.
        sha256: SHA-256 of the model file.
        threads: threads of the interpreter.
        warmup: number of untimed inferences after the first.
        runs: number of timed inferences.
    """

    run_id: str
    model: str
    sha256: str
    threads: int
    warmup: int
    runs: int

    def extras(self) -> list[str]:
        """What ``am start`` is given for the activity."""
        return [
            *("--es", "run_id", self.run_id),
            *("--es", "model", self.model),
            *("--es", "sha256", self.sha256),
            *("--ei", "threads", str(self.threads)),
            *("--ei", "warmup", str(self.warmup)),
            *("--ei", "runs", str(self.runs)),
        ]


@dataclass(frozen=True)
class AppModel:
    """The file, as it was asked for; the app has compared its SHA-256."""

    name: str
    sha256: str


@dataclass(frozen=True)
class ThermalStatus:
    """Android's name of the thermal status before and after the timed part; None before Android 10."""

    before: str | None
    after: str | None

    def __post_init__(self) -> None:
        for status in (self.before, self.after):
            if status not in (None, *THERMAL_STATUS):
                raise ValueError(f"{status!r} is none of {', '.join(THERMAL_STATUS)}")


@dataclass(frozen=True)
class AppReading:
    """What an app may read of the phone; the members are those of ``measurement.Reading``."""

    frequencies_khz: dict[str, int]
    probe_ns: tuple[int, ...]
    temperatures_c: dict[str, float]


@dataclass(frozen=True)
class AppTimes:
    """Times of one process; the members are those of ``measurement.Run``."""

    runtime_version: str
    xnnpack_partitions: int | None
    init_ns: int
    first_ns: int
    warmup_ns: tuple[int, ...]
    samples_ns: tuple[int, ...]
    timed_seconds: float
    other_cpu_seconds: float | None
    baseline_rss_bytes: int | None
    peak_rss_bytes: int | None
    before: AppReading
    after: AppReading


@dataclass(frozen=True)
class AppRun:
    """What the app answers.

    Attributes:
        run_id: the id that it was given.
        model: the file that it was given.
        threads: the number of threads that it was given.
        xnnpack: whether XNNPACK may be used; true unless the app is asked for the built-in kernels.
        native_ns: for each sample the part inside the interpreter, without Java; None where the
            runtime does not tell.
        thermal_status: thermal status of the phone, before and after.
        run: times of the process.
        answers: whether the file gave its golden pictures the right scores there, asked after the
            timed part. The rule is that of :mod:`mobilecnn.bench.timing.answers`, in Java.
    """

    run_id: str
    model: AppModel
    threads: int
    xnnpack: bool
    native_ns: tuple[int, ...] | None
    thermal_status: ThermalStatus
    run: AppTimes
    answers: Answers


def collect(lines: Sequence[str], run_id: str) -> str | None:
    """The text of an answer, put together from the lines of a log; None while its end is not there.

    Raises:
        EnvironmentProblem: a part is missing, or contradicts another.
    """
    part = re.compile(rf"{TAG} {re.escape(run_id)} ([0-9]{{1,6}})/([0-9]{{1,6}}) (.*)")
    done = re.compile(rf"{TAG}_DONE {re.escape(run_id)} [0-9]{{1,3}}\s*$")
    parts: dict[int, str] = {}
    totals = set()
    ended = False
    for line in lines:
        if match := part.search(line):
            number, total, text = int(match[1]), int(match[2]), match[3]
            totals.add(total)
            if parts.setdefault(number, text) != text:
                raise EnvironmentProblem(f"the app logged part {number} of its answer twice, and differently")
        ended = ended or done.search(line) is not None
    if not ended:
        return None
    if len(totals) != 1 or not 1 <= (total := totals.pop()) <= MOST_PARTS:
        raise EnvironmentProblem("the app logged its end, and no answer, or several")
    missing = [number for number in range(1, total + 1) if number not in parts]
    if missing or len(parts) != total:
        raise EnvironmentProblem(
            f"part {missing[0] if missing else max(parts)} of {total} of the app's answer is not in the log as it "
            "should be; the log may be too small: adb logcat -G 4M, and try again"
        )
    return "".join(parts[number] for number in range(1, total + 1))


def parse(text: str, asked: AppRequest) -> AppRun:
    """The answer, and that it is one to what was asked.

    Raises:
        MobileCnnError: the app reports this error (of the class it names).
        EnvironmentProblem: it is no answer, or one to something else.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EnvironmentProblem(f"the app's answer is not JSON ({str(error)[:200]})") from error
    try:
        _, members = members_of(document, "an answer of the app", SCHEMA, VERSION, VERSION)
    except InputError as error:
        raise EnvironmentProblem(f"{error}; app and mobilecnn must be of one age") from error
    if "error" in members:
        raise _reported(members)
    try:
        run = record(AppRun, members)
    except InputError as error:
        raise EnvironmentProblem(f"the app answered wrongly: {error}") from error
    native = run.native_ns
    answered = {
        "run_id": (run.run_id, asked.run_id),
        "model": (run.model.name, asked.model),
        "sha256": (run.model.sha256, asked.sha256),
        "threads": (run.threads, asked.threads),
        "number of warm-ups": (len(run.run.warmup_ns), asked.warmup),
        "number of runs": (len(run.run.samples_ns), asked.runs),
        "number of native times": (asked.runs if native is None else len(native), asked.runs),
    }
    for name, (given, wanted) in answered.items():
        if given != wanted:
            raise EnvironmentProblem(f"the app answered for another {name}: {given!r} and not {wanted!r}")
    return run


def _reported(document: dict[str, object]) -> MobileCnnError:
    kind = BY_NAME.get(str(document["error"]), EnvironmentProblem)
    return kind(f"the app: {str(document.get('message', 'it says nothing'))[:500]}")
