"""The libraries that the build takes from Maven Central, each held to its SHA-256 in ``deps.lock``."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import BUILD, PROJECT, run, talk

from mobilecnn.errors import CheckFailed, EnvironmentProblem
from mobilecnn.files import sha256

LOCK = PROJECT / "ci/deps.lock"
"""Table of the libraries; a comment at its top names the columns."""

MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
"""Maven goal that copies libraries into a folder."""

ROBOLECTRIC = "robolectric-"
"""Prefix of the names of the libraries that only the tests of the screens need."""


@dataclass(frozen=True)
class Dependency:
    """A line of the lock file.

    Attributes:
        digest: SHA-256 of the file in hexadecimal.
        coordinates: group:artifact:version:type, optionally followed by :classifier.
        name: what the build calls it.
    """

    digest: str
    coordinates: str
    name: str

    @property
    def version(self) -> str:
        """``2.16.1``."""
        return self.coordinates.split(":")[2]

    @property
    def path(self) -> Path:
        """Where the verified file is kept."""
        return BUILD / "deps" / f"{self.name}-{self.digest[:12]}.{self.coordinates.split(':')[3]}"


def locked() -> dict[str, Dependency]:
    """The lines of the lock file by name."""
    by_name = {}
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            digest, coordinates, name = line.split()
            by_name[name] = Dependency(digest, coordinates, name)
    return by_name


def fetch(wanted: Sequence[str]) -> dict[str, Path]:
    """The verified files of these dependencies; they are downloaded once and then kept.

    Raises:
        EnvironmentProblem: Maven cannot fetch a file.
        CheckFailed: a file is not the one that the lock file names.
    """
    lock = locked()
    absent = [lock[name] for name in wanted if not lock[name].path.exists()]
    if absent:
        talk(f"fetching {', '.join(dependency.name for dependency in absent)} with Maven")
        with tempfile.TemporaryDirectory() as folder:
            _maven_copy(absent, Path(folder))
    return {name: lock[name].path for name in wanted}


def _maven_copy(absent: Sequence[Dependency], folder: Path) -> None:
    """Fetch all files with one start of Maven, and keep those whose hash is right."""
    items = []
    for dependency in absent:
        group, artifact, version, kind, *classifier = dependency.coordinates.split(":")
        parts = {"groupId": group, "artifactId": artifact, "version": version, "type": kind}
        if classifier:
            parts["classifier"] = classifier[0]
        parts["destFileName"] = dependency.path.name
        inside = "".join(f"<{key}>{value}</{key}>" for key, value in parts.items())
        items.append(f"<artifactItem>{inside}</artifactItem>")
    pom = folder / "pom.xml"
    pom.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>org.mobilecnn</groupId>"
        "<artifactId>fetch</artifactId><version>1</version><packaging>pom</packaging><build><plugins><plugin>"
        f"<groupId>{MAVEN_COPY.split(':')[0]}</groupId><artifactId>{MAVEN_COPY.split(':')[1]}</artifactId>"
        f"<configuration><outputDirectory>{folder}</outputDirectory>"
        f"<artifactItems>{''.join(items)}</artifactItems></configuration>"
        "</plugin></plugins></build></project>"
    )
    try:
        run("mvn", "-q", "-B", "-f", pom, MAVEN_COPY)
    except CheckFailed as failure:
        raise EnvironmentProblem(
            f"Maven cannot fetch {', '.join(dependency.coordinates for dependency in absent)}; "
            f"it needs Maven Central or a mirror of it (in its settings.xml): {failure}"
        ) from failure
    for dependency in absent:
        fetched = folder / dependency.path.name
        digest = sha256(fetched.read_bytes())
        if digest != dependency.digest:
            raise CheckFailed(
                f"{dependency.coordinates} has the SHA-256 {digest}, and {LOCK.name} says {dependency.digest}; "
                "do not use it before you know why"
            )
        dependency.path.parent.mkdir(parents=True, exist_ok=True)
        partial = dependency.path.with_suffix(".part")
        shutil.copyfile(fetched, partial)
        partial.replace(dependency.path)
