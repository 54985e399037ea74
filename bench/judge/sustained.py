"""What a sustained load shows: did the latency change, when, and did it stay so?

Pure functions on the windows of :mod:`mobilecnn.bench.records.stream`. A chart shows it to an eye; here
the same is said in a sentence, and only where it can be told. Works on the logarithms of the
windows' medians, with absolute deviations, so that single disturbed windows move nothing:

* *steady*: from the 10th to the 90th percentile they span less than :data:`SMALLEST_CHANGE`.
* *slower*, *faster*: two levels fit better than a line, the second lasts to the end, and at
  least :data:`HELD` of the windows on either side are nearer to their own level.
* *drifting*: a line fits better than two levels, and much better than one.
* *undecided*: none of these, or fewer than :data:`FEWEST_WINDOWS`.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mobilecnn.bench.judge import hygiene
from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.records.measurement import Model
from mobilecnn.bench.records.stream import StreamSeries, Window
from mobilecnn.remarks import plural

SustainedVerdict = Literal["steady", "slower", "faster", "drifting", "undecided"]

SMALLEST_CHANGE = 0.05
"""Smallest change that counts, as a share of the median: what a clock that moves would do at least
(``hygiene.LARGEST_CLOCK_MOVE``)."""
HELD = 0.9
"""Smallest share of the windows on either side of a change that are nearer to their own level. Two
levels in mere noise hold about half of the windows; a true change holds nearly all."""
FEWEST_WINDOWS = 20
"""Smallest number of windows that are judged. With fewer, three slow windows in a row at one end are no rarity."""
SHORTEST_SIDE = 3
"""Smallest number of windows before a change; after it as many, or a tenth of all: less has not "stayed"."""
LINE_GAIN = 0.7
"""Largest share of the deviations from one level that a drift leaves. In mere noise a line leaves
nearly all of them."""

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sustained:
    """What became of the latency under a sustained load.

    Attributes:
        verdict: see the module.
        seconds: duration of the load.
        changed_seconds: time at which the level changed; None unless slower or faster.
        first_ns: the median latency of the windows before the change, at the beginning of a
            drift, or of all of them.
        last_ns: the same after the change, at the end, or of all of them.
        finding: all this as a sentence, with what to do where it cannot be told.
    """

    verdict: SustainedVerdict
    seconds: float
    changed_seconds: float | None
    first_ns: float
    last_ns: float
    finding: Finding

    def to_json(self) -> dict[str, Any]:
        """The outcome as a JSON object, with the units in the names."""
        return asdict(self)


@dataclass(frozen=True)
class SustainedResult:
    """What a sustained load says of one model.

    Attributes:
        model: the file.
        outcome: what became of its latency.
        remarks: what the device did meanwhile.
    """

    model: Model
    outcome: Sustained
    remarks: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object, with the units in the names."""
        return {
            "file": self.model.file,
            "sha256": self.model.sha256,
            **self.outcome.to_json(),
            "remarks": [finding.to_json() for finding in self.remarks],
        }


def judge(windows: Sequence[Window]) -> Sustained:
    """What became of the latency; there is at least one window."""
    medians = np.array([window.median_ns for window in windows])
    times = np.array([(window.begin_seconds + window.end_seconds) / 2 for window in windows])
    seconds = windows[-1].end_seconds
    overall = float(np.median(medians))

    def said(
        verdict: SustainedVerdict, text: str, first: float, last: float, at: float | None = None
    ) -> Sustained:
        return Sustained(verdict, seconds, at, first, last, Finding(verdict, text, "", "note"))

    if len(windows) < FEWEST_WINDOWS:
        few = f"undecided: {plural(len(windows), 'window')} {'is' if len(windows) == 1 else 'are'} too few to tell a change from chance"
        finding = Finding("few-windows", few, "run it for longer", "note")
        return Sustained("undecided", seconds, None, overall, overall, finding)
    low, high = (float(value) for value in np.percentile(medians, (10, 90)))
    if high / low < 1 + SMALLEST_CHANGE:
        text = f"steady: the median stayed at {_ms(overall)} ms for {_duration(seconds)}, within {high / low - 1:.1%}"
        return said("steady", text, overall, overall)
    logs = np.log(medians)
    flat_cost = _deviation(logs, float(np.median(logs)))
    split, step_cost = _best_split(logs)
    slope, base = _line(times, logs)
    line_cost = _deviation(logs, base + slope * times)
    if step_cost <= line_cost and _holds(logs, split):
        first, last = float(np.median(medians[:split])), float(np.median(medians[split:]))
        at = windows[split].begin_seconds
        moved = "rose" if last > first else "fell"
        text = (
            f"after {_duration(at)} the median {moved} from {_ms(first)} to {_ms(last)} ms and stayed there: "
            f"{first / last:.0%} of the first speed"
        )
        return said("slower" if last > first else "faster", text, first, last, at)
    first, last = (math.exp(base + slope * float(time)) for time in (times[0], times[-1]))
    if (
        line_cost < step_cost
        and line_cost <= LINE_GAIN * flat_cost
        and abs(math.log(last / first)) >= _SMALLEST_LOG
    ):
        text = (
            f"the median drifted from {_ms(first)} to {_ms(last)} ms in {_duration(seconds)}: "
            f"{first / last:.0%} of the first speed"
        )
        return said("drifting", text, first, last)
    text = f"the median moved between {_ms(low)} and {_ms(high)} ms, and no change stayed"
    onset, least = _onset(medians), _shortest_end(len(windows))
    if onset >= least:
        # A board at its limit goes to and fro; when that began is worth knowing.
        low, high = (float(value) for value in np.percentile(medians[onset:], (10, 90)))
        text = (
            f"for {_duration(windows[onset].begin_seconds)} the median was {_ms(float(np.median(medians[:onset])))} ms, "
            f"then it moved between {_ms(low)} and {_ms(high)} ms"
        )
        late = len(windows) - onset < least
        text += ", too near the end to tell whether that stays" if late else ", and no change stayed"
    text = f"undecided: {text}"
    return said("undecided", text, overall, overall)


def remarks(series: StreamSeries) -> list[Finding]:
    """What clock, temperature, firmware and other programs did meanwhile, as far as they can be read."""
    said: list[Finding] = []
    states = series.states
    clocks = [max(state.frequencies_khz.values(), default=0) for state in states]
    if min(clocks) > 0:
        text = f"clock {min(clocks) / 1e6:.2f} to {max(clocks) / 1e6:.2f} GHz"
        said.append(Finding("clock", text, "", "note"))
    temperatures = [hygiene.processor_temperature(state.temperatures_c) for state in states]
    known = [value for value in temperatures if value is not None]
    if known:
        text = f"{known[0]:.1f} C at the start, at most {max(known):.1f} C"
        said.append(Finding("temperature", text, "", "note"))
    firmware = hygiene.throttled_over([state.throttled for state in states])
    if firmware:
        said.append(Finding("firmware", f"the firmware said: {', '.join(firmware)}", "", "note"))
    if not said:
        said.append(Finding("unreadable", "no clock and no temperature can be read here", "", "note"))
    if (share := series.other_share) is not None and share > hygiene.NOTED_SHARE:
        said.append(hygiene.others(share, "", "warning"))
    return said


_SMALLEST_LOG = math.log1p(SMALLEST_CHANGE)


def _best_split(logs: _Array) -> tuple[int, float]:
    """Where two levels fit best, and the deviations that they leave."""
    after = _shortest_end(len(logs))
    costs = {
        split: _deviation(logs[:split], float(np.median(logs[:split])))
        + _deviation(logs[split:], float(np.median(logs[split:])))
        for split in range(SHORTEST_SIDE, len(logs) - after + 1)
    }
    best = min(costs, key=lambda split: costs[split])
    return best, costs[best]


def _holds(logs: _Array, split: int) -> bool:
    """Whether the levels on both sides differ, and nearly all windows are nearer to their own."""
    before, after = float(np.median(logs[:split])), float(np.median(logs[split:]))
    middle, up = (before + after) / 2, after > before
    right = [(logs[:split] > middle) != up, (logs[split:] > middle) == up]
    return abs(after - before) >= _SMALLEST_LOG and all(float(side.mean()) >= HELD for side in right)


def _shortest_end(windows: int) -> int:
    return max(SHORTEST_SIDE, windows // 10)


def _onset(medians: _Array) -> int:
    """The first window with which three of five leave the level so far; 0 where none does."""
    for place in range(SHORTEST_SIDE, len(medians) - 4):
        away = np.abs(medians[place : place + 5] / np.median(medians[:place]) - 1) > SMALLEST_CHANGE
        if away[0] and away.sum() >= 3:
            return place
    return 0


def _line(times: _Array, logs: _Array) -> tuple[float, float]:
    """Slope and value at 0 of the line through the points by P. K. Sen, "Estimates of the Regression
    Coefficient Based on Kendall's Tau", Journal of the American Statistical Association 63 (1968)."""
    rows, columns = np.triu_indices(len(times), 1)
    slope = float(np.median((logs[columns] - logs[rows]) / (times[columns] - times[rows])))
    return slope, float(np.median(logs - slope * times))


def _deviation(logs: _Array, level: float | _Array) -> float:
    return float(np.abs(logs - level).sum())


def _ms(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.1f}" if nanoseconds >= 1e7 else f"{nanoseconds / 1e6:#.3g}"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
