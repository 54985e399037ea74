"""The sample app as a timer: how it is started, and how its answer is read from the phone's log.

``docs/android_protocol.md`` is the description for whoever writes the app's side;
``tests/android_run.json`` is a complete example.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mobilecnn.bench.measurement import record
from mobilecnn.errors import BY_NAME, EnvironmentProblem, InputError, MobileCnnError

PACKAGE = "org.mobilecnn.demo"
ACTIVITY = f"{PACKAGE}/.BenchmarkActivity"
TAG = "MOBILECNN"

SCHEMA = "mobilecnn.android_run"
VERSION = 1

MOST_PARTS = 100_000
"""Of an answer; that of 100,000 samples has some hundred."""


@dataclass(frozen=True)
class AppRun:
    """What the app answers: one fresh process that timed one model. Integer nanoseconds.

    Attributes:
        run_id: as it was given.
        sha256: of the model file, computed by the app.
        app: the app's version.
        runtime: name and version of what ran the model, such as ``litert 2.1.0``.
        threads: as they were given.
        xnnpack_partitions: parts of the graph that XNNPACK took over; None if unknown.
        init_ns: loading the file and allocating the tensors.
        first_ns: the first inference.
        warmup_ns: every warm-up inference after it.
        samples_ns: every timed inference.
        timed_ns: how long the timed part took.
    """

    run_id: str
    sha256: str
    app: str
    runtime: str
    threads: int
    xnnpack_partitions: int | None
    init_ns: int
    first_ns: int
    warmup_ns: tuple[int, ...]
    samples_ns: tuple[int, ...]
    timed_ns: int

    def __post_init__(self) -> None:
        if min(self.samples_ns, default=0) < 1 or self.timed_ns < 1:
            raise ValueError("there are no samples, or one is not positive")


def extras(run_id: str, model: str, sha256: str, threads: int, warmup: int, runs: int) -> list[str]:
    """What ``am start`` is given for the activity."""
    return [
        *("--es", "run_id", run_id),
        *("--es", "model", model),
        *("--es", "sha256", sha256),
        *("--ei", "threads", str(threads)),
        *("--ei", "warmup", str(warmup)),
        *("--ei", "runs", str(runs)),
    ]


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


def parse(text: str, run_id: str, sha256: str, threads: int) -> AppRun:
    """The answer, and that it is one to what was asked.

    Raises:
        MobileCnnError: the app reports this error (of the class it names).
        EnvironmentProblem: it is no answer, or one to something else.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EnvironmentProblem(f"the app's answer is not JSON ({str(error)[:200]})") from error
    if not isinstance(document, dict) or (document.get("schema"), document.get("version")) != (
        SCHEMA,
        VERSION,
    ):
        raise EnvironmentProblem(
            f"the app's answer is not {SCHEMA} of version {VERSION}; app and mobilecnn must be of one age"
        )
    if "error" in document:
        raise _reported(document["error"])
    members = {name: value for name, value in document.items() if name not in ("schema", "version")}
    try:
        run = record(AppRun, members)
    except InputError as error:
        raise EnvironmentProblem(f"the app answered wrongly: {error}") from error
    asked = {"run_id": run_id, "sha256": sha256, "threads": threads}
    for name, value in asked.items():
        if getattr(run, name) != value:
            raise EnvironmentProblem(
                f"the app answered for another {name}: {getattr(run, name)!r} and not {value!r}"
            )
    return run


def _reported(error: object) -> MobileCnnError:
    if not isinstance(error, dict):
        return EnvironmentProblem("the app reports an error without saying which")
    kind = BY_NAME.get(str(error.get("kind")), EnvironmentProblem)
    return kind(f"the app: {str(error.get('message', 'it says nothing'))[:500]}")
