"""The runtimes' wheels, downloaded here for another machine."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from mobilecnn.errors import EnvironmentProblem

REQUIREMENTS = {"litert": ("ai-edge-litert",), "tflite-runtime": ("tflite-runtime", "numpy<2")}
"""Requirements that pip is given, by runtime. tflite-runtime is built for numpy 1, and does not say so."""


def platform_of(system: str, name: str) -> tuple[str, int]:
    """The machine and the minor version of glibc 2, from what the set-up's script says: ``aarch64 glibc 2.36``.

    Raises:
        EnvironmentProblem: it has another C library, for which there are no wheels.
    """
    match = re.fullmatch(r"(\S+) glibc 2\.(\d+)\S*", system.strip())
    if match is None:
        raise EnvironmentProblem(
            f"{name} has no GNU C library ({system.strip()}), and the runtimes need it; use Raspberry Pi OS, "
            "Debian or Ubuntu"
        )
    return match.group(1), int(match.group(2))


def download(
    runtime: str,
    machine: str,
    glibc: int,
    python: tuple[int, int],
    folder: Path,
    wanted: Sequence[str] | None = None,
) -> list[str]:
    """The command that downloads, into ``folder``, the wheels of a runtime for another machine.

    ``wanted`` is what pip is asked for; the newest of :data:`REQUIREMENTS` without.
    """
    # Newest first. 2.17 is the oldest that there are aarch64 wheels for (manylinux2014).
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc, 16, -1)]
    platforms.append(f"manylinux2014_{machine}")
    return [
        sys.executable, "-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--quiet",
        "--only-binary=:all:", "--implementation", "cp", "--python-version", f"{python[0]}.{python[1]}",
        *(word for platform in platforms for word in ("--platform", platform)),
        "--dest", str(folder), *(wanted or REQUIREMENTS[runtime]),
    ]  # fmt: skip


def advice(runtime: str) -> str:
    """Advice for when a runtime has no wheel for a Python."""
    if runtime == "tflite-runtime":
        return " (tflite-runtime has wheels for Python 3.11 and before; for newer ones use --runtime litert)"
    return " (ai-edge-litert has wheels for Python 3.9 and newer)"
