"""Compiling the app's Java, and the tests of ``core`` on the JVM."""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from dependencies import fetch
from tools import CORE, PROJECT, only_match, report, run

LINT = "-Xlint:all,-options,-processing,-classfile,-serial"
"""Compiler warnings that count, each of them an error."""


def classpath(entries: Sequence[Path]) -> str:
    """Class folders and JAR files as ``java -cp`` takes them."""
    return ":".join(str(entry) for entry in entries)


def sources(places: Sequence[Path]) -> list[Path]:
    """The Java files at these places, which are files or folders."""
    return [
        path for place in places for path in (sorted(place.rglob("*.java")) if place.is_dir() else [place])
    ]


def compile_java(places: Sequence[Path], libraries: Sequence[Path], output: Path) -> Path:
    """Compile for Java 8, every warning an error.

    Args:
        places: files or folders of sources.
        libraries: the class path.
        output: the folder of the classes, which is emptied first.

    Returns:
        ``output``.

    Raises:
        CheckFailed: the compiler has something to say; the message has its words.
    """
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    path = classpath(libraries)
    files = sources(places)
    run("javac", "--release", "8", "-encoding", "UTF-8", LINT, "-Werror", "-d", output, "-cp", path, *files)
    return output


def core(work: Path) -> Path:
    """The classes of ``core``, once its tests have passed."""
    files = fetch(["minimal-json", "junit", "hamcrest"])
    classes = compile_java([CORE], [files["minimal-json"]], work / "core")
    tests = compile_java([PROJECT / "core/src/test/java"], [classes, *files.values()], work / "core-tests")
    names = sorted(
        str(path.relative_to(tests).with_suffix("")).replace("/", ".") for path in tests.rglob("*Test.class")
    )
    path = classpath([classes, tests, PROJECT / "core/src/test/resources", *files.values()])
    output = run("java", "-ea", "-cp", path, "org.junit.runner.JUnitCore", *names)
    report(f"core: {only_match(r'OK [(]([0-9]+) tests[)]', output)} tests passed on the JVM")
    return classes


def tflite(work: Path) -> list[Path]:
    """The classes in the two AARs of TensorFlow Lite, as JAR files."""
    files = fetch(["tflite", "tflite-api"])
    jars = []
    for name, aar in files.items():
        jar = work / f"{name}.jar"
        with zipfile.ZipFile(aar) as archive:
            jar.write_bytes(archive.read("classes.jar"))
        jars.append(jar)
    return jars
