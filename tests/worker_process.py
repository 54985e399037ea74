"""The worker run as a board runs it: one file, a job on its input, answers on its output."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.packing import worker_file

JOB: dict[str, Any] = {
    "task": "time", "runtime": "litert", "threads": 1, "seed": 0, "warmup_runs": 2, "warmup_seconds": 0.0,
    "runs": 5, "seconds": 0.0, "longest_seconds": 150.0, "most_runs": 100_000,
}  # fmt: skip


def ask(
    job: dict[str, Any] | str, *python: str, script: Path | None = None, **environment: str
) -> dict[str, Any]:
    """One job to the script; its answer, which must be the only line on standard output."""
    text = job if isinstance(job, str) else json.dumps(job)
    done = subprocess.run(
        [sys.executable, *python, str(script or worker_file())], input=text + "\n", capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment}, check=True,
    )  # fmt: skip
    (line,) = done.stdout.splitlines()
    answer: dict[str, Any] = json.loads(line)
    return answer


def messages(job: dict[str, Any]) -> list[dict[str, Any]]:
    """All lines of the answer to a job."""
    done = subprocess.run(
        [sys.executable, str(worker_file())],
        input=json.dumps(job) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def model(exported: Path, kind: str = "float32") -> str:
    return str(exported / f"theirs.{kind}.tflite")
