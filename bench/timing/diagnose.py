"""From the cable to the figure: each thing that a measurement on a device needs, tried in turn.

``probe`` says what a device is. This goes the way of a measurement, with a file whose answers are
known here, and says how far it comes, what stopped it, and what to do.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.examine import examine
from mobilecnn.bench.devices.seam import CanTime, Device, require
from mobilecnn.bench.judge.summary import summarize
from mobilecnn.bench.records.measurement import DIFFERS, NOT_CHECKED
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.answers import Questions, check
from mobilecnn.bench.timing.rounds import SPARE_SECONDS, measure
from mobilecnn.convert.graph import build
from mobilecnn.errors import MobileCnnError
from mobilecnn.files import write_bytes
from mobilecnn.quantize.parity import FLOAT32_TOLERANCE
from mobilecnn.remarks import plural
from mobilecnn.steps import Progress, Steps

Verdict = Literal["ok", "warning", "failed", "not tried"]

REACH, RUNTIME, FILE, ANSWERS, TIMES = (
    "connection",
    "runtime",
    "sending a file",
    "right answers",
    "steady times",
)
STEPS = (REACH, RUNTIME, FILE, ANSWERS, TIMES)
"""Steps in their order; what comes after one that failed is not tried."""
STATE = "state"
"""Name of what the device tells of itself, together with its runtimes."""

PROTOCOL = Protocol(rounds=3, seconds=0.5, warmup_seconds=0.25)
"""Protocol that shows whether times are steady at all. A measurement takes longer, and judges itself."""


@dataclass(frozen=True)
class StepResult:
    """Result of one step of a trial measurement.

    Attributes:
        step: one of :data:`STEPS`, or :data:`STATE`.
        verdict: a warning spoils figures, or may; what failed prevents them.
        what: finding of the step.
        fix: remedy; empty where none is needed, or ``what`` names it.
    """

    step: str
    verdict: Verdict
    what: str
    fix: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """Results of all steps of a trial measurement.

    Attributes:
        findings: results in the order of the steps; a step may have several.
    """

    findings: tuple[StepResult, ...]

    @property
    def failed(self) -> StepResult | None:
        """What prevents measurements; None where nothing does."""
        return next((finding for finding in self.findings if finding.verdict == "failed"), None)

    def to_json(self) -> dict[str, Any]:
        """The diagnosis as a JSON object."""
        return {"works": self.failed is None, "findings": [asdict(finding) for finding in self.findings]}


def diagnose(device: Device, name: str, profile: str, progress: Progress | None = None) -> Diagnosis:
    """Try everything that a measurement on ``device`` needs.

    Args:
        device: device that is not entered yet; nothing of the trial is left on it.
        name: name that the user gave it.
        profile: profile that the user gave it, a key of :data:`mobilecnn.bench.devices.backends.PROFILES`.
        progress: told of the steps.
    """
    findings: list[StepResult] = []
    steps = Steps(progress, len(STEPS))
    begun: list[str] = []

    def begin(step: str) -> None:
        begun.append(step)
        steps(step)

    try:
        with device, tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
            findings.extend(_way(device, name, profile, Path(folder) / "known.tflite", begin))
    except MobileCnnError as error:
        findings.append(StepResult(begun[-1], "failed", str(error)))
    steps.show("")
    not_tried = STEPS[len(begun) :]
    return Diagnosis((*findings, *(StepResult(step, "not tried", "") for step in not_tried)))


def _way(
    device: Device, name: str, profile: str, file: Path, begin: Callable[[str], None]
) -> Iterator[StepResult]:
    """Results of the steps, ending with one that failed, if any."""
    begin(REACH)
    clock = time.monotonic()
    facts = device.probe()
    what = f"{facts.board or facts.cpu or 'unknown'}, {facts.machine}, {plural(facts.cores, 'core')}"
    yield StepResult(
        REACH, "ok", f"{what}; {time.monotonic() - clock:.1f} s for the connection and the answer"
    )

    begin(RUNTIME)
    board = examine(device, name, profile)
    there = {runtime: version for runtime, version in board.runtimes.items() if version is not None}
    for missing in board.missing:
        if missing.severity == "invalid":
            yield StepResult(RUNTIME, "failed", missing.text, missing.fix)
        else:
            yield StepResult(STATE, "warning", missing.text, missing.fix)
    if board.runtimes and not there:
        return
    said = ", ".join(f"{runtime} {version}" for runtime, version in there.items())
    yield StepResult(RUNTIME, "ok", said or "unknown: the device does not say which it has")
    timer = require(device, CanTime)
    protocol = timer.adapt(replace(PROTOCOL, runtime=next(iter((*there, *device.runtimes)))))

    if protocol.runtime in timer.passport_runtimes:
        yield StepResult(
            RUNTIME,
            "warning",
            f"the {protocol.runtime} runs files with passports, and the one that is tried here has none",
            "mobilecnn bench with a file of yours goes the rest of the way",
        )
        return

    begin(FILE)
    content, _ = build.matrix_product("float32")
    write_bytes(file, content)
    clock = time.monotonic()
    named = device.put(file)
    yield StepResult(
        FILE, "ok", f"{len(content) / 1e6:.1f} MB in {time.monotonic() - clock:.1f} s, compared there"
    )

    begin(ANSWERS)
    with claimed(device):
        yield _answers(device, named, file, protocol)

        begin(TIMES)
        (result,) = summarize(measure([file], device, protocol))
    if result.valid:
        low, value, high = (ns / 1e6 for ns in (result.median.low, result.median.value, result.median.high))
        yield StepResult(
            TIMES,
            "ok",
            f"{value:.3f} ms ({low:.3f} to {high:.3f}) for that product, {plural(result.rounds, 'process', 'processes')}",
        )
    for spoiling in (*result.reasons, *result.warnings):
        if spoiling.severity != "note":
            yield StepResult(TIMES, "warning", spoiling.text, spoiling.fix)


def _answers(device: Device, there: str, file: Path, protocol: Protocol) -> StepResult:
    """Whether the device multiplies matrices as numpy does."""
    image = np.random.default_rng(0).normal(size=build.PRODUCT_SHAPE).astype(np.float32)
    scores = build.product(file.read_bytes(), image).reshape(1, -1)
    allowed = FLOAT32_TOLERANCE * float(np.abs(scores).max())
    given = check(device, there, file, Questions((image,), scores, 0.0, 0, allowed), protocol, SPARE_SECONDS)
    if given.verdict == NOT_CHECKED:
        return StepResult(ANSWERS, "warning", f"not checked: {given.reason}")
    if given.verdict == DIFFERS:
        fix = "try another runtime or version"
        return StepResult(ANSWERS, "failed", f"a matrix product differs from numpy's: {given.reason}", fix)
    return StepResult(
        ANSWERS,
        "ok",
        f"a matrix product of {scores.size} numbers, apart from numpy's by {given.difference:.1e} "
        f"(allowed {allowed:.1e})",
    )
