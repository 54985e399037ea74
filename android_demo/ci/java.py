"""Compiling the app's Java, and the tests of ``core`` on the JVM."""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from dependencies import fetch
from tools import CORE, PROJECT, only_match, report, run, talk

from mobilecnn.errors import EnvironmentProblem
from mobilecnn.files import atomic

LINT = "-Xlint:all,-options,-processing,-classfile,-serial"
"""Compiler warnings that count, each of them an error."""

ANDROID_PACKAGES = ("android/", "com/android/internal/annotations/", "dalvik/", "org/json/", "org/xmlpull/")
"""Folders of the classes that an app may name, in Android's JAR file."""

JAVA_17 = bytes((0, 0, 0, 61))
"""The version of a Java 17 class file: minor and major, as in its bytes 4 to 8."""


def classpath(entries: Sequence[Path]) -> str:
    """Class folders and JAR files as ``java -cp`` takes them."""
    return ":".join(str(entry) for entry in entries)


def android_classes() -> Path:
    """Android's classes to compile against, as a JAR file; it is made once and then kept.

    From release 15 on they are Java 21 class files, which the compiler of Java 17 refuses for the number in their
    header alone: of a library it reads the declarations, and those are in the form of Java 17. So the copy says 17.
    """
    (android,) = fetch(["android"]).values()
    lowered = android.with_name(f"{android.stem}-declarations.jar")
    if not lowered.exists():
        talk("preparing Android's classes for the compiler")
        # Several builds may prepare it at once.
        with (
            atomic(lowered) as partial,
            zipfile.ZipFile(android) as whole,
            zipfile.ZipFile(partial, "w") as copy,
        ):
            for name in whole.namelist():
                if name.startswith(ANDROID_PACKAGES) and name.endswith(".class"):
                    content = whole.read(name)
                    copy.writestr(name, content[:4] + min(content[4:8], JAVA_17) + content[8:])
    return lowered


def without_lambdas(entries: Sequence[Path], libraries: Sequence[Path], output: Path) -> Path:
    """Rewrite lambdas and method references as classes, which dx needs: it knows nothing of their linking at run time.

    Gradle's dex compiler does so by itself. ProGuard does nothing else here; version 1.7 of the class files is what
    makes it. Default and static methods of the app's own interfaces become classes on the way, too.

    Args:
        entries: the compiled classes, as folders.
        libraries: what they were compiled with, beside Android.
        output: the JAR file to write.

    Returns:
        ``output``.

    Raises:
        CheckFailed: ProGuard refuses the classes.
        EnvironmentProblem: the JDK comes without its modules.
    """
    # Java's own classes, which method references name; Android's are declared for the same methods.
    base = Path(shutil.which("javac") or "").resolve().parent.parent / "jmods/java.base.jmod"
    if not base.exists():
        raise EnvironmentProblem(f"{base} is missing; install a JDK of 17 or 21 with its modules")
    proguard = fetch(["proguard", "proguard-core", "proguard-log4j-api", "proguard-log4j-core"])
    output.unlink(missing_ok=True)
    run(
        "java", "-cp", classpath(list(proguard.values())), "proguard.ProGuard",
        "-injars", classpath(entries), "-outjars", output, "-libraryjars", f"{base}(!**.jar;!module-info.class)", "-libraryjars", classpath([android_classes(), *libraries]),
        "-dontshrink", "-dontoptimize", "-dontobfuscate", "-keepattributes", "*", "-target", "1.7",
        # Android's classes name others that no app may; the compiler has found those of the app.
        "-dontwarn", "-dontnote",
    )  # fmt: skip
    return output


def sources(places: Sequence[Path]) -> list[Path]:
    """The Java files at these places, which are files or folders."""
    return [
        path for place in places for path in (sorted(place.rglob("*.java")) if place.is_dir() else [place])
    ]


FOR_JAVA_8 = ("--release", "8")
"""Options of the compiler for Java 8 and its classes, as Gradle compiles ``core``."""

AS_FOR_ANDROID = ("-source", "8", "-target", "8")
"""Options of the compiler for Java 8 with whatever classes there are, as Gradle compiles what knows Android."""


def compile_java(
    places: Sequence[Path], libraries: Sequence[Path], output: Path, target: Sequence[str] = FOR_JAVA_8
) -> Path:
    """Compile for Java 8, every warning an error.

    Args:
        places: files or folders of sources.
        libraries: the class path.
        output: the folder of the classes, which is emptied first.
        target: :data:`FOR_JAVA_8` or :data:`AS_FOR_ANDROID`.

    Returns:
        ``output``.

    Raises:
        CheckFailed: the compiler has something to say; the message has its words.
    """
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    path = classpath(libraries)
    files = sources(places)
    run("javac", *target, "-encoding", "UTF-8", LINT, "-Werror", "-d", output, "-cp", path, *files)
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
