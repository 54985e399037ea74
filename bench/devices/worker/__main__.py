"""Read the job, do it, answer: the entry of the worker."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from mobilecnn.bench.devices.worker.problem import Problem
from mobilecnn.bench.devices.worker.tasks import TASKS


def _end_with_input() -> None:
    # Not sys.stdin: a thread blocked inside it makes the interpreter abort on exit.
    while os.read(0, 4096):
        pass
    os._exit(1)


def main() -> None:
    """Read the job, do it, answer."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(answer: dict[str, Any]) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    try:
        job = json.loads(sys.stdin.readline())
        task = TASKS[job["task"]]
    except (ValueError, KeyError, TypeError) as error:
        say({"error": "EnvironmentProblem", "message": f"the bench worker cannot read its job ({error!r})"})
        return
    if job.get("until_input_closes"):
        threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        answers = task(job)
        for answer in [answers] if isinstance(answers, dict) else answers:
            say(answer)
    except Problem as problem:
        say({"error": problem.kind, "message": str(problem)})


if __name__ == "__main__":
    main()
