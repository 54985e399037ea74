"""The tools of LLVM on this machine: which are here, whether they work, and running one."""

import functools
import json
import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.bench.records.chips import LLVM
from mobilecnn.errors import EnvironmentProblem

OLDEST_LLVM = 19
"""Oldest release of LLVM whose ``llvm-mca`` passes over instructions that its models lack."""

_SECONDS = 300.0
"""Seconds that one run of a tool of LLVM may take."""


@dataclass(frozen=True)
class Tools:
    """The tools of LLVM on this machine.

    Attributes:
        mc: path of ``llvm-mc``.
        mca: path of ``llvm-mca``.
        version: LLVM's release, such as ``19.1.7``.
    """

    mc: str
    mca: str
    version: str


class BrokenTool(EnvironmentProblem):
    """A tool of LLVM that is here and does not work.

    Attributes:
        why: what is wrong with which.
        fix: command that installs it anew.
    """

    def __init__(self, program: str, why: object) -> None:
        release = re.sub("^llvm-mca?", "", Path(program).name)
        self.why = f"{program} does not work ({why})"
        self.fix = f"sudo apt-get install --reinstall llvm{release}"
        super().__init__(
            f"{self.why}; take it from the path, or, where it is Debian's or Ubuntu's: {self.fix}"
        )


@functools.cache
def tools() -> Tools:
    """The tools of LLVM here that work: of the release that constants and errors are fitted with, else the newest.

    Raises:
        BrokenTool: there are some, and none that works and is new enough.
        EnvironmentProblem: there are none, or none that is new enough.
    """
    oldest = "none is installed"
    broken: BrokenTool | None = None
    fitted = int(LLVM.split(".")[0])
    for suffix in (f"-{fitted}", *(f"-{release}" for release in range(40, OLDEST_LLVM - 1, -1)), ""):
        mc, mca = shutil.which(f"llvm-mc{suffix}"), shutil.which(f"llvm-mca{suffix}")
        if mc is None or mca is None:
            continue
        try:
            told = run([mca, "--version"], "")
            run(
                [mc, "--version"], "", range(256)
            )  # Whether it starts; what it reads is seen when it is used.
        except BrokenTool as error:
            broken = broken or error
            continue
        said = re.search(r"version (\d+)[.\w]*", told)
        if said is None:
            broken = broken or BrokenTool(mca, "it does not say its version")
        elif int(said[1]) >= OLDEST_LLVM:
            return Tools(mc, mca, said[0].removeprefix("version "))
        else:
            oldest = f"{mca} is of {said[0]}"
    if broken is not None:
        raise broken
    raise EnvironmentProblem(
        f"modelled times need llvm-mca of LLVM {OLDEST_LLVM} or newer, and {oldest}; "
        f"Debian, Ubuntu: sudo apt-get install llvm-{OLDEST_LLVM}"
    )


def parsed(text: str, program: str) -> Any:
    """What a tool printed, as JSON.

    Raises:
        BrokenTool: it is none.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise BrokenTool(program, f"it printed something other than JSON: {error}") from error


def run(command: Sequence[str], text: str, fine: Collection[int] = (0,)) -> str:
    """What a tool of LLVM prints when it is given a text.

    Raises:
        BrokenTool: it cannot be started, takes too long, or ends with a code that is not fine.
    """
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_SECONDS,
        )
    except OSError as error:
        raise BrokenTool(command[0], error.strerror or error) from error
    except subprocess.TimeoutExpired as error:
        raise BrokenTool(command[0], f"it took longer than {_SECONDS:g} s") from error
    if done.returncode not in fine:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
        words = " ".join(first.split()) or "it says nothing"
        raise BrokenTool(command[0], f"it ended with code {done.returncode}: {words}")
    return done.stdout
