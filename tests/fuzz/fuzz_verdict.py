"""Fuzz cases: their seeds; each a command run in this process, and whether what it did is a fault.

A command may succeed, or end with one line of an error and the exit code of its class. A traceback, a hang, a
control character on the terminal, a lone half of a pair of files and memory beyond a bound are faults.
"""

import gc
import io
import json
import os
import resource
import signal
import traceback
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

import pytest

from mobilecnn.cli import cli

SEED = int(os.environ.get("FUZZ_SEED", "0"))
"""Seed of the first case."""

SHORT, LONG = pytest.param(1, id="short"), pytest.param(40, id="long", marks=pytest.mark.sweep)
"""Times as many cases: in ``make test``, and in ``make test-all``."""

SECONDS = 60
"""Seconds after which a case hangs, on a machine that is busy with other tests."""

MOST_GROWTH = 600 << 20
"""Bytes that a case may add to the largest memory that this process ever had."""


class HangError(BaseException):
    """The case took too long. No Exception, so that nothing in the product catches it."""


@dataclass(frozen=True)
class Outcome:
    """What a case did.

    Attributes:
        code: exit code.
        output: standard output and standard error, one after the other.
        fault: what is wrong with it; empty where it is right.
    """

    code: int
    output: str
    fault: str


Case = tuple[str, Callable[[], Outcome]]
"""Name of a case, and what runs it."""


def seeds(kind: str, count: int) -> Iterator[tuple[str, Random]]:
    """Names of cases, each with the generator that it seeds."""
    for number in range(SEED, SEED + count):
        name = f"{kind}-{number}"
        yield name, Random(name)


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _largest() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def run(arguments: Sequence[str | Path]) -> Outcome:
    """Run ``mobilecnn ARGUMENTS`` in this process."""
    text, before = io.StringIO(), _largest()
    code, fault = 0, ""
    try:
        with _limit(SECONDS), redirect_stdout(text), redirect_stderr(text):
            cli.main([str(argument) for argument in arguments], prog_name="mobilecnn")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except HangError:
        fault = f"a hang: no end after {SECONDS} s"
    except BaseException:  # noqa: BLE001 - whatever it is, it is the fault.
        fault = f"a traceback:\n{traceback.format_exc()[-1500:]}"
    output = text.getvalue()
    return Outcome(code, output, fault or _fault(code, output, _largest() - before))


def _fault(code: int, output: str, growth: int) -> str:
    raw = sorted(
        {letter for letter in output if unicodedata.category(letter) in ("Cc", "Cf") and letter not in "\n\t"}
    )
    if raw:
        return f"control characters on the terminal: {raw}"
    if "Traceback (most recent" in output:
        return "a traceback in the output"
    if code not in (0, 1, 2, 3):
        return f"the exit code {code}"
    lines = output.strip().splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    if code == 2 and not output.startswith("Usage:") and len(errors) != 1:
        return f"{len(errors)} lines of errors"
    if code and not lines:
        return f"the exit code {code} without a word"
    if growth > MOST_GROWTH:
        return f"{growth >> 20} MiB more memory"
    return ""


def sweep(cases: Iterator[Case], kept: Path) -> Counter[str]:
    """Run cases; how many there were by exit code.

    Args:
        cases: names, and what runs each.
        kept: folder that the words about faults are written to.

    Raises:
        AssertionError: one is a fault; all are listed.
    """
    counts: Counter[str] = Counter()
    faults = []
    for name, case in cases:
        outcome = case()
        counts["fault" if outcome.fault else f"exit {outcome.code}"] += 1
        if outcome.fault:
            faults.append(f"{name}: {outcome.fault}\n{outcome.output[-400:]}")
        gc.collect(0)
    if faults:
        kept.mkdir(parents=True, exist_ok=True)
        (kept / "faults.txt").write_text("\n\n".join(faults), encoding="utf-8", errors="backslashreplace")
    told = ", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items()))
    assert not faults, f"{len(faults)} faults ({told}), in {kept}; the first: {faults[0]}"
    return counts


def report(kind: str, counts: Counter[str], folder: Path) -> None:
    """Keep the figures, for whoever asks how the cases ended."""
    print(kind, dict(sorted(counts.items())))
    (folder / "counts.json").write_text(json.dumps(counts))
