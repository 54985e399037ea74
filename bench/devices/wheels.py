"""The runtimes' wheels: which versions a system can load, and those for another machine downloaded here.

The tag in a wheel's name says for which C library it is built, and may be wrong; so what is downloaded is
looked into (:mod:`mobilecnn.bench.devices.worker.elf`), and a version that needs a newer system is left out.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mobilecnn.bench.devices.worker.elf import Needs
from mobilecnn.documents import parse_json
from mobilecnn.errors import EnvironmentProblem, InputError, OutputError, UsageError
from mobilecnn.files import cache, read_bytes, write_json

REQUIREMENTS = {"litert": ("ai-edge-litert",), "tflite-runtime": ("tflite-runtime", "numpy<2")}
"""Requirements that pip is given, by runtime. tflite-runtime is built for numpy 1, and does not say so."""


PACKAGES = {runtime: requirements[0] for runtime, requirements in REQUIREMENTS.items()}
"""Package of each runtime."""

_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!]{0,63}", re.ASCII)
_WHEEL = re.compile(
    r"(?P<package>[A-Za-z0-9_.]{1,100})-(?P<version>[A-Za-z0-9_.+!]{1,64})(?:-[0-9][A-Za-z0-9_.]{0,60})?"
    r"-(?P<python>[A-Za-z0-9_.]{1,60})-[A-Za-z0-9_.]{1,60}-(?P<platform>[A-Za-z0-9_.]{1,200})\.whl",
    re.ASCII,
)

MOST_KEPT = 1000
"""Largest number of wheels whose needs are kept."""


@dataclass(frozen=True)
class System:
    """What decides which wheels a board can load.

    Attributes:
        name: name that the user gave the board.
        machine: machine as uname calls it.
        glibc: minor version of its glibc 2.
        page_bytes: size of its memory pages, in bytes.
        python: version of its Python, major and minor.
    """

    name: str
    machine: str
    glibc: int
    page_bytes: int
    python: tuple[int, int]

    def why_not(self, needs: Needs) -> str:
        """Why it cannot load what has such needs; empty where it can."""
        if needs.glibc > self.glibc:
            return f"needs glibc 2.{needs.glibc}, and {self.name} has 2.{self.glibc}"
        if needs.page_bytes is not None and needs.page_bytes < self.page_bytes:
            return (
                f"is built for memory pages of {needs.page_bytes // 1024} KB, and those of {self.name} have "
                f"{self.page_bytes // 1024} KB"
            )
        return ""


@dataclass
class Choice:
    """What pip is asked for: the newest versions but those that the system cannot load.

    Attributes:
        runtime: one of :data:`REQUIREMENTS`.
        version: version of the runtime that the user wants; None for the newest that fits.
        refused: package -> its versions that are left out, with the reason for each.
    """

    runtime: str
    version: str | None = None
    refused: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.version is not None and not _VERSION.fullmatch(self.version):
            raise UsageError(f"{self.version!r} is no version; give one such as 2.1.0")

    @property
    def requirements(self) -> list[str]:
        """Requirements for pip."""
        asked = {_normal(re.split("[<>=!]", text)[0]): text for text in REQUIREMENTS[self.runtime]}
        wanted = []
        for package in [*asked, *(name for name in self.refused if name not in asked)]:
            text = asked.get(package, package)
            if self.version is not None and package == PACKAGES[self.runtime]:
                wanted.append(f"{text}=={self.version}")
                continue
            limits = [*([text[len(package) :]] if text != package else [])]
            limits += [f"!={version}" for version in self.refused.get(package, {})]
            wanted.append(package + ",".join(limits))
        return wanted

    def refuse(self, package: str, version: str, why: str) -> None:
        """Leave a version out.

        Raises:
            EnvironmentProblem: it is the one that the user wants.
        """
        package = _normal(package)
        if package == PACKAGES[self.runtime] and version == self.version:
            raise EnvironmentProblem(
                f"{package} {version} {why}; leave --version out for the newest that fits"
            )
        self.refused.setdefault(package, {})[version] = why

    @property
    def reasons(self) -> str:
        """What was left out and why, for messages; empty where nothing was."""
        return "; ".join(
            f"{package} {version} {why}"
            for package, versions in self.refused.items()
            for version, why in versions.items()
        )


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def judged(choice: Choice, needs: Mapping[str, Needs], system: System) -> list[str]:
    """Leave out of a choice what a system cannot load.

    Args:
        choice: choice that is changed.
        needs: file name of each wheel -> what it needs.
        system: system that is to load them.

    Returns:
        File names of the wheels that were left out.

    Raises:
        EnvironmentProblem: one is of the version that the user wants.
    """
    unfit = []
    for file, need in needs.items():
        match, why = _WHEEL.fullmatch(file), system.why_not(need)
        if match and why:
            choice.refuse(match["package"], match["version"], why)
            unfit.append(file)
    return unfit


def remembered(system: System) -> dict[str, Needs]:
    """Needs of the wheels that were seen before and are for such a system, by file name."""
    python = f"cp{system.python[0]}{system.python[1]}"
    fitting = {}
    for file, need in _kept().items():
        match = _WHEEL.fullmatch(file)
        if match and match["platform"].endswith(system.machine) and python in match["python"].split("."):
            fitting[file] = need
    return fitting


def remember(needs: Mapping[str, Needs]) -> None:
    """Keep what wheels need, by file name: a package index never replaces a file."""
    kept = {**_kept(), **{file: need for file, need in needs.items() if need.page_bytes is not None}}
    with suppress(OutputError, EnvironmentProblem):  # A home that is read-only, or none.
        write_json(_kept_file(), {file: list(kept[file]) for file in list(kept)[-MOST_KEPT:]})


def _kept_file() -> Path:
    return cache() / "wheels.json"


def _kept() -> dict[str, Needs]:
    try:
        document = parse_json(read_bytes(_kept_file(), "cache file", most=1 << 20))
    except (InputError, ValueError, EnvironmentProblem):
        return {}
    return read_needs(document.items()) if isinstance(document, dict) else {}


def read_needs(pairs: Iterable[tuple[object, object]]) -> dict[str, Needs]:
    """Needs by file name, of their JSON form; what is not of that form is left out."""
    read = {}
    for file, value in pairs:
        if isinstance(file, str) and _WHEEL.fullmatch(file) and isinstance(value, list) and len(value) == 2:
            glibc, page = value
            if (
                type(glibc) is int
                and 0 <= glibc < 1000
                and (page is None or (type(page) is int and page > 0))
            ):
                read[file] = Needs(glibc, page)
    return read


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
