"""The settings of the Gradle project, which this build must share, and the formatting of its scripts."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from dependencies import locked
from tools import PROJECT, only_match, run

from mobilecnn.errors import CheckFailed

SDKS = {"14": "34", "15": "35", "16": "36"}
"""API level of each Android release that the lock file may name."""

NEEDED = (
    'noCompress += "tflite"',
    "libs.versions.minSdk.get()",
    "libs.versions.targetSdk.get()",
    "libs.versions.compileSdk.get()",
    "libs.versions.appCode.get()",
    "libs.versions.appName.get()",
    'project(":core")',
    "implementation(libs.litert)",
)
"""Lines of ``app/build.gradle.kts`` whose effect this build imitates."""

CORE_NEEDED = "options.release.set(JavaVersion.toVersion(libs.versions.java.get()).majorVersion.toInt())"
"""Line of ``core/build.gradle.kts`` without which Gradle compiles it for the Java that it runs on."""

GOOGLE = ("androidx.", "com.google.ai.edge.")
"""Beginnings of the libraries that only Google's Maven has: this build takes ``tflite`` for ``litert``."""

DESKTOP = {
    "compose-bom": ("2025.08.00", {"compose-ui": "1.9.0", "compose-foundation": "1.9.0", "compose-material3": "1.8.2"}),
    "lifecycle": ("2.9.2", {"compose-lifecycle": "2.9.4", "compose-viewmodel": "2.9.4"}),
}  # fmt: skip
"""Name in the catalog -> its version, and the desktop releases built from the same sources, as Compose Multiplatform's change
log says."""


@dataclass(frozen=True)
class Settings:
    """What the Gradle project says.

    Attributes:
        versions: the table of that name in the version catalog.
        namespace: the package of the app's classes.
        application: the package that Android knows the app by; a renamed copy has its own.
        abis: the processor types whose native library is packaged.
    """

    versions: dict[str, str]
    namespace: str
    application: str
    abis: tuple[str, ...]


def read_settings() -> Settings:
    """Read the settings, and hold the lock file to them.

    Raises:
        CheckFailed: the two do not agree, or a line that matters is gone.
    """
    catalog = tomllib.loads((PROJECT / "gradle/libs.versions.toml").read_text(encoding="utf-8"))
    versions: dict[str, str] = catalog["versions"]
    lock = locked()
    for name, entry in catalog["libraries"].items():
        if entry["module"].startswith(GOOGLE):
            continue
        group, artifact, version = lock[name].coordinates.split(":")[:3]
        wanted = (entry["module"], versions[entry["version"]["ref"]])
        if wanted != (f"{group}:{artifact}", version):
            raise CheckFailed(f"libs.versions.toml has {wanted}, and deps.lock {lock[name].coordinates}")
    script = (PROJECT / "app/build.gradle.kts").read_text(encoding="utf-8")
    for text in NEEDED:
        if text not in script:
            raise CheckFailed(f"app/build.gradle.kts has no {text}")
    if CORE_NEEDED not in (PROJECT / "core/build.gradle.kts").read_text(encoding="utf-8"):
        raise CheckFailed(f"core/build.gradle.kts has no {CORE_NEEDED}")
    namespace = only_match(r'namespace = "([\w.]+)"', script)
    application = only_match(r'applicationId = "([\w.]+)"', script)
    abis = tuple(re.findall(r'"([\w-]+)"', only_match(r"abiFilters \+= listOf\((.*?)\)", script)))
    release = lock["android"].version.split("-")[0]
    if SDKS.get(release) != versions["compileSdk"]:
        raise CheckFailed(f"compileSdk is {versions['compileSdk']}, and deps.lock has Android {release}")
    for part in ("kotlin-compiler", "compose-plugin"):
        if lock[part].version != versions["kotlin"]:
            raise CheckFailed(
                f"libs.versions.toml has Kotlin {versions['kotlin']}, and deps.lock {lock[part].version}"
            )
    for name, (version, parts) in DESKTOP.items():
        taken = {part: lock[part].version for part in parts}
        if (versions[name], taken) != (version, parts):
            raise CheckFailed(
                f"libs.versions.toml has {name} {versions[name]}, and deps.lock {taken}; ci/gradle.py knows which releases "
                f"for desktops belong to {version}"
            )
    _expect_same_app()
    return Settings(versions, namespace, application, abis)


_COMPILED = {"implementation(libs.litert.compiled)", "implementation(libs.litert.compiled.gpu)"}
"""What stands for LiteRT in the skin in Kotlin: of its releases since 2.3.0 the GPU is an artifact of its own."""


def _expect_same_app() -> None:
    """Hold the skin in Kotlin to the other: the same versions, and the same way to pack models."""
    other = (PROJECT / "app-compose/build.gradle.kts").read_text(encoding="utf-8")
    for text in set(NEEDED) - {"implementation(libs.litert)"} | _COMPILED:
        if text not in other:
            raise CheckFailed(f"app-compose/build.gradle.kts has no {text}")


def lint(ktlint: Path) -> None:
    """Check that the Gradle scripts parse and are formatted.

    Raises:
        CheckFailed: a script does not parse, or is not formatted.
    """
    scripts = sorted(
        path
        for pattern in ("*.kts", "*/build.gradle.kts", "app-compose/src/**/*.kt", "ci/kotlin/**/*.kt")
        for path in PROJECT.glob(pattern)
    )
    config = PROJECT / ".editorconfig"
    run("java", "-jar", ktlint, "--log-level=error", f"--editorconfig={config}", *scripts)
