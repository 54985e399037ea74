"""The skin in Kotlin: what needs no library of Google's Maven is compiled, and all of it is held to what it uses."""

import re
from pathlib import Path
from xml.etree import ElementTree

from dependencies import fetch, locked
from java import android_classes, classpath
from tools import PROJECT, report, run

from mobilecnn.errors import CheckFailed

SKIN = PROJECT / "app-compose/src/main"
"""Folder of the skin's sources, manifest and resources."""

STANDINS = PROJECT / "ci/kotlin"
"""Folder of declarations of LiteRT's Kotlin API."""


def compile_kotlin(work: Path, core: Path) -> None:
    """Compile the files that import nothing of AndroidX, every warning an error, and check strings of the others.

    Args:
        work: a folder for the classes.
        core: the classes of ``core``.

    Raises:
        CheckFailed: the compiler has something to say, or a string is missing, unused, or another than the app's.
    """
    _check_strings()
    sources = sorted((SKIN / "kotlin").rglob("*.kt"))
    foreign = [path for path in sources if "import androidx." in path.read_text(encoding="utf-8")]
    own = [path for path in sources if path not in foreign]
    compiler = fetch([name for name in locked() if name.startswith("kotlin-")])
    libraries = [android_classes(), core, *fetch(["minimal-json"]).values(), compiler["kotlin-stdlib"]]
    run(
        # It ends before a second compilation of its own code would pay.
        "java", "-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
        "-cp", classpath(list(compiler.values())), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
        "-no-stdlib", "-no-reflect", "-Werror", "-jvm-target", "11", "-d", work / "kotlin",
        "-cp", classpath(libraries), *own, *sorted(STANDINS.rglob("*.kt")),
    )  # fmt: skip
    report(
        f"kotlin: {len(own)} files compiled; {len(foreign)} need AndroidX: {', '.join(p.name for p in foreign)}"
    )


def _check_strings() -> None:
    """Every text that the skin shows is there with as many values as it is given, is used, and is the app's."""
    own, shared = (_strings(folder / "res/values/strings.xml") for folder in (SKIN, PROJECT / "app/src/main"))
    code = "".join(path.read_text(encoding="utf-8") for path in (SKIN / "kotlin").rglob("*.kt"))
    used = set(re.findall(r"\bR\.string\.(\w+)", code))
    used |= set(re.findall(r"@string/(\w+)", (SKIN / "AndroidManifest.xml").read_text(encoding="utf-8")))
    if used != own.keys():
        raise CheckFailed(f"app-compose uses and has not, or has and uses not: {sorted(used ^ own.keys())}")
    for name, values in re.findall(r"stringResource\(R\.string\.(\w+)((?:, [^(),]+)*)\)", code):
        if len(set(re.findall(r"%(\d)\$", own[name]))) != values.count(","):
            raise CheckFailed(
                f"app-compose shows {name} with {values.count(',')} values, and it is {own[name]!r}"
            )
    for name in own.keys() & shared.keys():
        if own[name] != shared[name]:
            raise CheckFailed(f"{name} is {own[name]!r} in app-compose, and {shared[name]!r} in app")


def _strings(path: Path) -> dict[str, str]:
    return {one.get("name", ""): one.text or "" for one in ElementTree.parse(path).iterfind("string")}  # noqa: S314 - ours
