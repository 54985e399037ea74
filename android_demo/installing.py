"""Installs a build of the Android sample app on a connected phone, and starts it.

Only a build that holds exactly the staged models is installed, so the phone then has the models that were given.
"""

import os
import re
import shlex
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from mobilecnn.android_demo.staging import MODELS
from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb.client import adb, choose
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.devices.adb.session import SLOWEST_PUSH
from mobilecnn.errors import EnvironmentProblem, InputError, UsageError
from mobilecnn.files import LARGEST_TEXT, open_input, read_bytes

BUILDS = (Path("app/build/outputs/apk/debug/app-debug.apk"), Path("build/mobilecnn-demo.apk"))
"""Builds that Gradle and ``ci/build_apk.py`` leave in the app's folder."""

SETTINGS = Path("app/build.gradle.kts")
"""Gradle script that names the app's package, in the app's folder."""

SOURCES = ("*.gradle.kts", "gradle/*.toml", "*/*.gradle.kts", "*/src/main/**/*.java", "*/src/*/**/*.xml")
"""Patterns of the files that a build is made from, in the app's folder."""

INSTALL_SECONDS = 300.0
"""Seconds that installing may take besides the transfer: an old phone compiles what it installs."""

PHONE = "phone"
"""Name of a phone in messages where the user gave none."""

REFUSALS = {
    "INSTALL_FAILED_UPDATE_INCOMPATIBLE": (
        "a build of the app that was signed with another key is installed there; remove it, with its data: "
        "adb -s {serial} uninstall {package}"
    ),
    "INSTALL_FAILED_VERSION_DOWNGRADE": (
        "a newer version of the app is installed there; remove it (adb -s {serial} uninstall {package}), or raise "
        "appCode in gradle/libs.versions.toml and build again"
    ),
    "INSTALL_FAILED_INSUFFICIENT_STORAGE": "there is no room for it; see: adb -s {serial} shell df /data",
    "INSTALL_FAILED_NO_MATCHING_ABIS": (
        "it has no TensorFlow Lite library for that processor (adb -s {serial} shell getprop ro.product.cpu.abilist); "
        "add it to abiFilters in app/build.gradle.kts and build again"
    ),
    "INSTALL_FAILED_OLDER_SDK": "its Android is older than the app's minSdk (gradle/libs.versions.toml)",
    "INSTALL_FAILED_USER_RESTRICTED": (
        "the phone forbids it: allow installing over USB in its Developer options, and confirm what it asks"
    ),
    "INSTALL_FAILED_ABORTED": "it was not confirmed on the phone",
    "INSTALL_PARSE_FAILED_NO_CERTIFICATES": "it is not signed; take a debug build, or sign it (docs/android.md)",
}
"""Reason and remedy for each refusal of the phone's package manager (constants of Android's PackageManager)."""


@dataclass(frozen=True)
class Build:
    """A build with exactly the staged models.

    Attributes:
        path: the APK.
        newer: a source file that is newer than the APK; None where there is none.
    """

    path: Path
    newer: Path | None


def find(app: Path, apk: Path | None = None) -> Build:
    """The build to install.

    Args:
        app: the sample app's folder, with the models staged.
        apk: the build to take; None for the newest of :data:`BUILDS` with these models.

    Raises:
        InputError: there is no such build, or it is not an Android app, or it holds other models.
    """
    usual = [app / build for build in BUILDS]
    builds = [apk] if apk is not None else [path for path in usual if path.exists()]
    if not builds:
        raise InputError(f"there is no build of the app ({' or '.join(map(str, usual))})")
    differences = {path: _difference(path, app) for path in builds}
    if current := [path for path in builds if not differences[path]]:
        newest = max(current, key=lambda path: path.stat().st_mtime)
        return Build(newest, _newer(app, newest))
    raise InputError("; ".join(f"{path} is an older build: {differences[path]}" for path in builds))


def _difference(apk: Path, app: Path) -> str:
    """How the models in a build differ from those that are staged; empty where they are the same."""
    folder = app / MODELS
    staged = {path.name: path for path in folder.iterdir() if not path.name.startswith(".")}
    inside = f"assets/{MODELS.name}/"
    try:
        with open_input(apk, "build") as stream, zipfile.ZipFile(stream) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if not {"AndroidManifest.xml", "classes.dex"} <= set(members):
                raise InputError(f"{apk} is not an Android app; build it again")
            packed = {
                name.removeprefix(inside): member
                for name, member in members.items()
                if name.startswith(inside) and not name.removeprefix(inside).startswith(".")
            }
            for name in sorted(staged.keys() | packed.keys()):
                if name not in packed:
                    return f"it has no {name}"
                if name not in staged:
                    return f"it has {name}, which is not staged"
                same = packed[name].file_size == staged[name].stat().st_size
                if not same or archive.read(packed[name]) != staged[name].read_bytes():
                    return f"its {name} is not the staged one"
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{apk} is not an Android app, or is damaged ({error}); build it again") from error
    return ""


def _newer(app: Path, apk: Path) -> Path | None:
    """A source file that changed after the build; None where there is none."""
    built = apk.stat().st_mtime
    sources = (path for pattern in SOURCES for path in app.glob(pattern))
    return next((path for path in sources if path.stat().st_mtime > built), None)


def component(app: Path) -> str:
    """The app's screen as ``am start -n`` takes it: ``org.mobilecnn.demo/org.mobilecnn.demo.MainActivity``.

    Raises:
        UsageError: the app's Gradle script does not name its package.
    """
    path = app / SETTINGS
    try:
        text = read_bytes(path, "Gradle script", most=LARGEST_TEXT).decode()
    except (InputError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{app} is not the Android sample app ({error}); "
            "give the folder android_demo of a checkout of mobilecnn, or a copy of it, with --app, or make a copy with --init"
        ) from error
    matches = [re.search(rf'\b{name} = "([\w.]+)"', text) for name in ("applicationId", "namespace")]
    package, namespace = (match[1] if match else None for match in matches)
    if package is None or namespace is None:
        raise UsageError(f"{path} does not say applicationId and namespace; compare it with the sample app's")
    return f"{package}/{namespace}.MainActivity"


def serial_of(device: str | None) -> tuple[str, str]:
    """The name of a phone for messages, and its serial number for adb.

    Args:
        device: the phone's name in the devices file; None for ``$ANDROID_SERIAL``, else the only phone connected.

    Raises:
        UsageError: the name is not a phone's.
        EnvironmentProblem: the phone is not connected, or cannot be used.
    """
    serial = None
    if device is not None:
        entry = entries.read().get(device)
        if not isinstance(entry, AdbEntry):
            raise UsageError(f"{device} is not a phone; name one with: mobilecnn devices add {device} --adb")
        serial = entry.serial
    name = device or PHONE
    return name, choose(name, serial or os.environ.get("ANDROID_SERIAL") or None)


def install(build: Build, app: Path, name: str, serial: str) -> None:
    """Install a build on a phone, over an older one if need be, and start it.

    Args:
        build: the build, from :func:`find`.
        app: the app's folder.
        name: the phone's name, for messages.
        serial: the phone's serial number.

    Raises:
        UsageError: the app's Gradle script does not name its package.
        EnvironmentProblem: the phone refuses the build, or is gone.
    """
    activity = component(app)
    package = activity.partition("/")[0]
    seconds = INSTALL_SECONDS + build.path.stat().st_size / SLOWEST_PUSH
    _, said = adb("-s", serial, "install", "-r", str(build.path.absolute()), seconds=seconds)
    if not re.search(r"^Success\s*$", said, re.MULTILINE):
        refusal = re.search(r"INSTALL_[A-Z_]+", said)
        advice = REFUSALS.get(refusal[0] if refusal else "", "look with: adb devices, and try again")
        reason = refusal[0] if refusal else " ".join(said.split())[-300:] or "it says nothing"
        raise EnvironmentProblem(
            f"{name} ({serial}) did not install {build.path} ({reason}): "
            + advice.format(serial=shlex.quote(serial), package=package)
        )
    # The exit code of adb itself says little.
    _, said = adb("-s", serial, "shell", f"am start -n {shlex.quote(activity)}; echo mobilecnn $?")
    if not re.search(r"^mobilecnn 0\s*$", said, re.MULTILINE) or "Error" in said:
        raise EnvironmentProblem(
            f"{build.path} is installed on {name} ({serial}), and did not start ({' '.join(said.split())[:300]}); "
            "unlock the phone and start it there"
        )
