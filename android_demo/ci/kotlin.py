"""The skin in Kotlin is compiled whole, with Compose's own compiler and libraries, and held to what it shows.

Compose, Material 3 and what ties them to the lifecycle are JetBrains' builds for desktops of AndroidX's own sources, which
Maven Central has. What exists for Android alone, and is in Google's Maven alone, is declarations.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from dependencies import fetch, locked
from gradle import Settings
from inspection import check_application
from java import android_classes, classpath
from tools import PROJECT, only_match, report, run

from mobilecnn.errors import CheckFailed

SKIN = PROJECT / "app-compose/src/main"
"""Folder of the skin's sources, manifest and resources."""

STANDINS = PROJECT / "ci/kotlin"
"""Folder of declarations of what the skin uses of LiteRT's Kotlin API and of those parts of AndroidX that only Android has."""

SESSION = ("Pictures", "Session", "ScreenModel", "LoadedModel", "CompiledModelRuntime")
"""Names of the skin's sources that use nothing of AndroidX."""

COMPOSE = "compose-"
"""Prefix of the names of Compose's libraries in the lock file, and of its plugin for the compiler."""


def compile_kotlin(work: Path, core: Path) -> Path:
    """Compile the skin and its test, every warning an error, and check its texts.

    Args:
        work: a folder for the classes.
        core: the classes of ``core``.

    Returns:
        The folder of the classes.

    Raises:
        CheckFailed: the compiler has something to say, or a text is missing, unused, or another than the app's.
    """
    check_texts()
    sources = sorted(path for name in ("main", "androidTest") for path in (SKIN.parent / name).rglob("*.kt"))
    compose = fetch([name for name in locked() if name.startswith(COMPOSE)])
    plugin = compose.pop("compose-plugin")
    libraries = [core, *compose.values(), *fetch(["minimal-json", "junit"]).values()]
    others = [_write_ids(work, {}), *sorted(STANDINS.rglob("*.kt"))]
    output = work / "kotlin"
    _compile([*sources, *others], libraries, output, f"-Xplugin={plugin}")
    report(
        f"kotlin: {len(sources)} files compiled with Compose {locked()['compose-ui'].version}; "
        "CameraX, Activity and LiteRT are declarations"
    )
    return output


def compile_session(work: Path, core: Path, generated: Path) -> list[Path]:
    """Compile what decodes pictures in the skin and what works behind its screen, which use nothing of AndroidX.

    Args:
        work: a folder for the classes.
        core: the classes of ``core``.
        generated: the folder of the app's class ``R``; what both skins say is looked up in the app's texts.

    Returns:
        The classes, and what they need beside Android and ``core``.

    Raises:
        CheckFailed: the compiler has something to say.
    """
    session = work / "session"
    sources = [SKIN / f"kotlin/org/mobilecnn/compose/{name}.kt" for name in SESSION]
    (ids,) = generated.rglob("R.java")
    strings = only_match(r"class string \{(.*?)\}", ids.read_text(encoding="utf-8"))
    others = [
        _write_ids(work, dict(re.findall(r"int (\w+)=(\w+);", strings))),
        *(STANDINS / "com").rglob("*.kt"),
    ]
    _compile([*sources, *others], [core, *fetch(["minimal-json"]).values()], session)
    return [session, *fetch(["kotlin-stdlib"]).values()]


def _compile(sources: Sequence[Path], libraries: Sequence[Path], output: Path, *options: str) -> None:
    """Compile Kotlin against Android's classes and Kotlin's own, every warning an error."""
    compiler = fetch([name for name in locked() if name.startswith("kotlin-")])
    path = [android_classes(), *libraries, compiler["kotlin-stdlib"], compiler["kotlin-coroutines"]]
    run(
        # It ends before a second compilation of its own code would pay.
        "java", "-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
        "-cp", classpath(list(compiler.values())), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
        "-no-stdlib", "-no-reflect", "-Werror", "-jvm-target", "11", *options, "-d", output,
        "-cp", classpath(path), *sources,
    )  # fmt: skip


def check_resources(work: Path, settings: Settings) -> None:
    """Link the skin's manifest and resources, and hold them to what Android 16 asks for.

    Args:
        work: a folder for what is linked.
        settings: those of the Gradle project.

    Raises:
        CheckFailed: they do not link, or lack something.
    """
    manifest, compiled, linked = (work / f"skin{end}" for end in (".xml", ".zip", ".apk"))
    script = (SKIN.parents[1] / "build.gradle.kts").read_text(encoding="utf-8")
    namespace = only_match(r'namespace = "([\w.]+)"', script)
    text = (SKIN / "AndroidManifest.xml").read_text(encoding="utf-8")
    manifest.write_text(text.replace("<manifest ", f'<manifest package="{namespace}" ', 1), encoding="utf-8")
    run("aapt2", "compile", "--dir", SKIN / "res", "-o", compiled)
    run(
        # Debian's release does not know uses-native-library, which Android 12 brought.
        "aapt2", "link", "--warn-manifest-validation", "-o", linked, "-I", fetch(["android-14"])["android-14"], "--manifest", manifest,
        "--min-sdk-version", settings.versions["minSdk"], "--target-sdk-version", settings.versions["targetSdk"], compiled,
    )  # fmt: skip
    check_application(linked, SKIN)


def _write_ids(work: Path, known: Mapping[str, str]) -> Path:
    """The class ``R`` of the skin's texts, which Android's tools would write; 0 stands for numbers that are not known."""
    path = work / "R.kt"
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = "".join(f"        const val {name} = {known.get(name, 0)}\n" for name in _texts(SKIN))
    path.write_text(
        f"package org.mobilecnn.compose\n\nobject R {{\n    object string {{\n{ids}    }}\n}}\n",
        encoding="utf-8",
    )
    return path


def check_texts() -> None:
    """Every text that the skin shows is there with as many values as it is given, is used, and is the app's.

    Raises:
        CheckFailed: one is not.
    """
    own, shared = _texts(SKIN), _texts(PROJECT / "app/src/main")
    code = "".join(path.read_text(encoding="utf-8") for path in (SKIN / "kotlin").rglob("*.kt"))
    used = set(re.findall(r"\bR\.string\.(\w+)", code))
    used |= set(re.findall(r"@string/(\w+)", (SKIN / "AndroidManifest.xml").read_text(encoding="utf-8")))
    if used != own.keys():
        raise CheckFailed(f"app-compose uses and has not, or has and uses not: {sorted(used ^ own.keys())}")
    for call, name, rest in re.findall(r"(getString\(|stringResource\(|)R\.string\.(\w+)(?=(.*))", code):
        given = _values(rest) if call else 0
        if len(set(re.findall(r"%(\d)\$", own[name]))) != given:
            raise CheckFailed(f"app-compose shows {name} with {given} values, and it is {own[name]!r}")
    for name in own.keys() & shared.keys():
        if own[name] != shared[name]:
            raise CheckFailed(f"{name} is {own[name]!r} in app-compose, and {shared[name]!r} in app")
    _check_variants(own, shared)


def _check_variants(own: dict[str, str], shared: dict[str, str]) -> None:
    """What either skin says otherwise on some devices, such as tablets, is the same in both."""
    app = PROJECT / "app/src/main"
    folders = {
        path.parent.name for skin in (SKIN, app) for path in (skin / "res").glob("values-*/strings.xml")
    }
    for folder in sorted(folders):
        ours, theirs = _texts(SKIN, folder), _texts(app, folder)
        if unknown := sorted((ours.keys() - own.keys()) | (theirs.keys() - shared.keys())):
            raise CheckFailed(f"{folder} has {', '.join(unknown)}, and values has not")
        for name in own.keys() & shared.keys():
            if ours.get(name) != theirs.get(name):
                raise CheckFailed(
                    f"{name} is {ours.get(name)!r} in app-compose's {folder}, and {theirs.get(name)!r} in app's"
                )


def _values(arguments: str) -> int:
    """Number of arguments before the bracket that closes the call; they are on one line."""
    depth = commas = 0
    for character in arguments:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return commas
        commas += depth == 0 and character == ","
    raise CheckFailed(f"app-compose: a call with the arguments {arguments} goes on in another line")


def _texts(folder: Path, values: str = "values") -> dict[str, str]:
    """The texts of a skin by name; ``values`` is the folder of those for some kind of device, which may be missing."""
    path = folder / "res" / values / "strings.xml"
    if not path.exists():
        return {}
    tree = ElementTree.parse(path)  # noqa: S314 - ours
    return {one.get("name", ""): one.text or "" for one in tree.iterfind("string")}
