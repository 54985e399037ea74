"""What the tests of phones share: a job, the command that times, and looks at the stand-in."""

import re
import time
from pathlib import Path

from adbd import Phone
from click.testing import CliRunner, Result
from sshd import command_of

from mobilecnn.cli import cli

JOB = {
    "task": "time", "runtime": "benchmark_model", "threads": 1, "seed": 0, "warmup_runs": 5, "warmup_seconds": 0.5,
    "runs": 50, "seconds": 1.0, "longest_seconds": 150.0, "most_runs": 100_000,
    "delegate": "default", "cores": "big",
}  # fmt: skip


TOOL = b'#!/bin/sh\necho "$*" >>"$PHONE/flags"; exec "$PHONE/tool" "$@"\n'
"""What is benchmark_model there, where no taskset starts it."""


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", *map(str, arguments), "--device", "pixel", "-o", "it.json"])


def failed(model: Path, words: str, *arguments: object, code: int = 3) -> None:
    """Expect one line that says what is wrong, and nothing written."""
    done = bench(model, *arguments)
    assert done.exit_code == code, done.output
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert re.search(words, line), line
    assert "Traceback" not in done.output
    assert list(Path.cwd().iterdir()) == []


def running(phone: Phone, words: str, seconds: float = 60) -> int:
    """The process on the phone whose command line has ``words``, as soon as there is one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for process in phone.sessions():
            if command_of(process).strip() == words:
                return process
        time.sleep(0.02)
    raise AssertionError(f"{words} was not started on the phone")


def devices(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["devices", *arguments])
