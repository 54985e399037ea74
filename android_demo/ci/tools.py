"""The Debian tools that the build needs, how they are run, and the folders of the app."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from mobilecnn.errors import CheckFailed, EnvironmentProblem

PROJECT = Path(__file__).resolve().parent.parent
"""Folder of the Gradle project, which is the app's."""

BUILD = PROJECT / "build"
"""Folder of everything that is fetched or built."""

MAIN = PROJECT / "app/src/main"
"""Folder of the app's sources, manifest and resources."""

CORE = PROJECT / "core/src/main/java"
"""Folder of the Java that needs no Android."""

BLIND = PROJECT / "core/src/test/java/org/mobilecnn/core/BlindMachine.java"
"""File of the class that stands in for a phone that tells nothing of itself."""

MODELS = MAIN / "assets/models"
"""Folder of the staged models and passports."""

TOOLS = {
    "java": "default-jdk-headless",
    "javac": "default-jdk-headless",
    "keytool": "default-jdk-headless",
    "mvn": "maven",
    "aapt": "aapt",
    "aapt2": "aapt",
    "apksigner": "apksigner",
    "zipalign": "zipalign",
    "dexdump": "dexdump",
    "readelf": "binutils",
}
"""Debian package of each program."""


def talk(text: str) -> None:
    """Say on standard error what is being done."""
    sys.stderr.write(f"android: {text}\n")


def report(text: str) -> None:
    """Print a check that holds, as a line on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run(*command: str | Path, timeout: float = 600) -> str:
    """Run a tool and return its standard output. ``timeout`` is in seconds.

    Raises:
        CheckFailed: it ended with an error; the message has its last words.
        EnvironmentProblem: it did not end in time.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            # The build reads what the tools print, so they print English whatever the machine's language.
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentProblem(f"{command[0]} did not end within {timeout:g} s; try again") from error
    if done.returncode != 0:
        words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise CheckFailed(f"{command[0]} ended with code {done.returncode}:\n{words}")
    return done.stdout


def require_tools() -> None:
    """Refuse to begin while a tool is missing.

    Raises:
        EnvironmentProblem: naming the Debian packages to install.
    """
    missing = {package for program, package in TOOLS.items() if shutil.which(program) is None}
    if missing:
        raise EnvironmentProblem(
            f"the Android tools are missing; install them (Debian, Ubuntu: "
            f"sudo apt-get install {' '.join(sorted(missing))}) and try again"
        )


def staged() -> list[Path]:
    """The models and passports that are staged in the app, sorted by name."""
    return sorted(path for path in MODELS.iterdir() if not path.name.startswith("."))


def only_match(pattern: str, text: str) -> str:
    """The group of a regular expression that must match exactly once.

    Raises:
        CheckFailed: it matches elsewhere too, or nowhere.
    """
    matches = re.findall(pattern, text, re.DOTALL)
    if len(matches) != 1:
        raise CheckFailed(f"there are {len(matches)} places like {pattern!r} where one is expected")
    return str(matches[0])
