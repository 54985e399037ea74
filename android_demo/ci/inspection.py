"""Inspecting the APK: what it holds is what the Gradle project and the staged models say."""

import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from gradle import Settings
from tools import CORE, MAIN, only_match, report, run, staged

from mobilecnn.errors import CheckFailed
from mobilecnn.files import sha256

ANDROID = "{http://schemas.android.com/apk/res/android}"
"""Prefix of the manifest's attributes."""

YES, NO, REFERENCE = r"\(type 0x12\)0xffffffff", r"\(type 0x12\)0x0\b", "@0x7f"
"""Values of attributes as ``aapt dump xmltree`` prints them."""

APPLICATION = {
    "enableOnBackInvokedCallback": YES,
    "supportsRtl": YES,
    "allowBackup": NO,
    "dataExtractionRules": REFERENCE,
    "localeConfig": REFERENCE,
}
"""Attribute of the manifest's ``application`` -> its value."""

LARGE_PAGE = 0x4000
"""Bytes that native libraries must be aligned to for devices with 16 KB pages."""


def inspect(apk: Path, work: Path, settings: Settings) -> None:
    """Hold the APK to the Gradle project and to the staged models, with a line for each check.

    Raises:
        CheckFailed: at the first check that does not hold.
    """
    _inspect_signature(apk, settings)
    _inspect_alignment(apk)
    _inspect_manifest(apk, settings)
    _inspect_for_store(apk)
    _inspect_code(apk, settings)
    with zipfile.ZipFile(apk) as archive:
        _inspect_models(archive, settings)
        for abi in settings.abis:
            _inspect_library(archive, abi, work)


def _inspect_signature(apk: Path, settings: Settings) -> None:
    signed = run("apksigner", "verify", "-v", "--min-sdk-version", settings.versions["minSdk"], apk)
    for scheme in ("v2", "v3"):
        _expect(f"Verified using {scheme} scheme (APK Signature Scheme {scheme}): true", signed, "apksigner")
    report("signed: schemes v2 and v3")


def _inspect_alignment(apk: Path) -> None:
    """What is stored begins where it can be mapped into memory."""
    run("zipalign", "-c", "-p", "4", apk)
    report("aligned: to 4 bytes, native libraries to 4 KB pages")


def _inspect_manifest(apk: Path, settings: Settings) -> None:
    versions, namespace = settings.versions, settings.namespace
    badging = run("aapt", "dump", "badging", apk)
    identity = f"name='{settings.application}' versionCode='{versions['appCode']}' versionName='{versions['appName']}'"
    for words in (
        f"package: {identity}",
        f"sdkVersion:'{versions['minSdk']}'",
        f"targetSdkVersion:'{versions['targetSdk']}'",
        f"launchable-activity: name='{namespace}.MainActivity'",
        "application-debuggable",
    ):
        _expect(words, badging, "aapt dump badging")
    native = set(only_match(r"native-code: (.*?)\n", badging).replace("'", "").split())
    _expect_same("processor types", native, set(settings.abis))
    permissions = set(re.findall(r"uses-permission: name='(.*?)'", badging))
    _expect_same("permissions", permissions, {"android.permission.CAMERA"})
    report(
        f"manifest: {settings.application} {versions['appName']}, SDK {versions['minSdk']} to "
        f"{versions['targetSdk']}, permission CAMERA only"
    )


def _inspect_for_store(apk: Path) -> None:
    """What Android 16 asks of an app beside its target."""
    check_application(apk, MAIN)
    report(f"manifest: {', '.join(APPLICATION)}; edge to edge")


def check_application(apk: Path, sources: Path) -> None:
    """Hold an app to :data:`APPLICATION`, and its styles to what Android 16 does not heed any longer.

    Args:
        apk: the linked manifest and resources.
        sources: the folder that they come from.

    Raises:
        CheckFailed: an attribute is missing or has another value, or a style asks to be spared the edges.
    """
    tree = run("aapt", "dump", "xmltree", apk, "AndroidManifest.xml")
    for name, value in APPLICATION.items():
        if not re.search(rf"A: android:{name}\([0-9a-fx]+\)={value}", tree):
            raise CheckFailed(f"AndroidManifest.xml does not set android:{name} as it should:\n{tree[:2000]}")
    for path in sorted((sources / "res").rglob("*.xml")):
        if "windowOptOutEdgeToEdgeEnforcement" in path.read_text(encoding="utf-8"):
            raise CheckFailed(
                f"{path} opts out of edge-to-edge, which Android 16 does not heed: pad by the insets"
            )


def _inspect_code(apk: Path, settings: Settings) -> None:
    dump = run("dexdump", "-d", apk)
    classes = set(re.findall(r"Class descriptor  : 'L([\w/$]+);'", dump))
    folder = Path(settings.namespace.replace(".", "/"))
    wanted = {str(folder / path.stem) for path in (MAIN / "java" / folder).glob("*.java")}
    wanted |= {f"org/mobilecnn/core/{path.stem}" for path in CORE.rglob("*.java")}
    wanted |= {"org/tensorflow/lite/Interpreter", "org/tensorflow/lite/InterpreterApi"}
    wanted |= {"com/eclipsesource/json/Json"}
    declared = [
        activity.get(f"{ANDROID}name", "")
        for kind in ("main", "debug")
        for activity in ElementTree.parse(MAIN.parent / kind / "AndroidManifest.xml").iter("activity")  # noqa: S314 - our own
    ]
    wanted |= {f"{folder}/{name.removeprefix('.')}" for name in declared}
    if missing := sorted(wanted - classes):
        raise CheckFailed(f"classes.dex has no {', '.join(missing)}")
    if "invoke-custom" in dump:
        raise CheckFailed(
            "classes.dex links lambdas at run time, which Android cannot; without_lambdas in ci/java.py rewrites those "
            "of the app, so look into its libraries"
        )
    report(f"code: {len(classes)} classes, every one of the app's, of core and TensorFlow Lite's Interpreter")


def _inspect_models(archive: zipfile.ZipFile, settings: Settings) -> None:
    packed = {name for name in archive.namelist() if name.startswith("assets/")}
    _expect_same("assets", packed, {f"assets/models/{path.name}" for path in staged()})
    for path in staged():
        entry = archive.getinfo(f"assets/models/{path.name}")
        if archive.read(entry) != path.read_bytes():
            raise CheckFailed(f"{entry.filename} is not the file that was staged")
        if path.suffix == ".tflite":
            if entry.compress_type != zipfile.ZIP_STORED:
                raise CheckFailed(f"{entry.filename} is compressed, and cannot be mapped into memory")
            report(_inspect_passport(path, settings.versions["tflite"]))
    if not staged():
        report("models: none is staged (mobilecnn android --model FILE)")


def _inspect_passport(model: Path, runtime: str) -> str:
    """The line about a staged model.

    Raises:
        CheckFailed: its passport is another file's, or it needs a newer runtime than the app has.
    """
    passport = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    if passport["file"]["sha256"] != sha256(model.read_bytes()):
        raise CheckFailed(f"{model.name} is not the file that its passport describes; stage it again")
    minimum = passport["minimum_runtime"]
    if minimum is not None and _numbers(minimum) > _numbers(runtime):
        raise CheckFailed(f"{model.name} needs TensorFlow Lite {minimum}, and the app has {runtime}")
    return (
        f"model: {model.name}, stored, byte-equal, needs TensorFlow Lite {minimum or 'unknown'} of {runtime}"
    )


def _inspect_library(archive: zipfile.ZipFile, abi: str, work: Path) -> None:
    library = work / f"{abi}.so"
    library.write_bytes(archive.read(f"lib/{abi}/libtensorflowlite_jni.so"))
    segments = run("readelf", "-lW", library)
    page = min(int(size, 16) for size in re.findall(r"LOAD.*(0x\w+)$", segments, re.MULTILINE))
    note = "" if page >= LARGE_PAGE else ": too small for devices with 16 KB pages (docs/android.md)"
    report(f"native: {abi}, pages of {page // 1024} KB{note}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _expect(words: str, text: str, source: str) -> None:
    if words not in text:
        raise CheckFailed(f"{source} does not say {words!r}:\n{text[:2000]}")


def _expect_same(what: str, actual: set[str], wanted: set[str]) -> None:
    if actual != wanted:
        raise CheckFailed(f"the APK's {what} are {sorted(actual)}, and should be {sorted(wanted)}")
