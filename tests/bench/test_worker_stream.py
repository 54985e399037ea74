"""The worker's streams: windows of one process that runs without a pause."""

from pathlib import Path
from typing import Any

import pytest
from worker_process import messages, model

STREAM: dict[str, Any] = {
    "task": "stream", "runtime": "litert", "threads": 1, "seed": 0, "runs": 1, "seconds": 1.0, "window_seconds": 0.3,
    "most_runs": 2**62, "most_samples": 50,
}  # fmt: skip


def test_a_stream_comes_in_windows_that_follow_each_other(exported: Path) -> None:
    start, *windows, end = messages({**STREAM, "model": model(exported)})
    assert start["first_ns"] > 0 and set(start["state"]) == {"frequencies_khz", "temperatures_c", "throttled"}
    assert end == {"end": True}
    # Of 0.3 s each; a rest that would be shorter than half a window is part of the last.
    assert 1 <= len(windows) <= 4
    times = [window[name] for window in windows for name in ("begin_seconds", "end_seconds")]
    assert times == sorted(times)
    assert times[-1] >= 1.0
    for window in windows:
        length = window["end_seconds"] - window["begin_seconds"]
        # Nearly all of it is inference.
        assert window["count"] * window["minimum_ns"] / 1e9 <= length
        assert length >= 0.15
        assert 1 <= len(window["samples_ns"]) <= 50
        assert window["minimum_ns"] <= window["median_ns"] <= window["p90_ns"] <= window["maximum_ns"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"runs": 40, "seconds": 0.0, "window_seconds": 0.0001}, range(40, 10_000)),
        ({"most_runs": 7}, range(7, 8)),
        ({"runs": 1, "seconds": 1e-9}, range(1, 10**6)),
    ],
)
def test_a_stream_ends_after_runs_and_seconds_or_at_the_bound(
    exported: Path, change: dict[str, Any], expected: range
) -> None:
    _, *windows, end = messages({**STREAM, "model": model(exported), "most_samples": 10**6, **change})
    assert end == {"end": True}
    assert sum(window["count"] for window in windows) in expected
    assert all(len(window["samples_ns"]) == window["count"] for window in windows)


def test_a_stream_of_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    (answer,) = messages({**STREAM, "model": str(tmp_path / "gone.tflite")})
    assert answer["error"] == "ModelFileError"
