"""The app's classifier on this computer (``build_apk.py --ask``); its Java side is in ``ci/desktop``."""

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from dependencies import fetch
from java import classpath, compile_java
from tools import BLIND, CORE, MAIN, PROJECT, require_tools, run


def desktop(work: Path) -> tuple[list[Path], Path]:
    """Compile what the app's ``Classifier`` and ``BenchmarkRun`` need to run on this computer.

    Returns:
        the class path, which includes TensorFlow Lite 2.6.2 for x86-64 Linux, and the native library of it.
    """
    files = fetch(["minimal-json", "desktop-tflite", "desktop-tflite-native"])
    sources = [
        CORE,
        MAIN / "java/org/mobilecnn/demo/Classifier.java",
        MAIN / "java/org/mobilecnn/demo/InterpreterRuntime.java",
        MAIN / "java/org/mobilecnn/demo/BenchmarkRun.java",
        BLIND,
        PROJECT / "ci/desktop",
    ]
    jars = [files["minimal-json"], files["desktop-tflite"]]
    return [compile_java(sources, jars, work / "desktop"), *jars], native_library(work)


def native_library(work: Path) -> Path:
    """TensorFlow Lite 2.6.2 for x86-64 Linux, the newest release with Java classes on Maven Central."""
    library = work / "libtensorflowlite_jni.so"
    with zipfile.ZipFile(fetch(["desktop-tflite-native"])["desktop-tflite-native"]) as archive:
        library.write_bytes(archive.read(f"native/lib/{library.name}"))
    return library


def ask(model: Path, pictures: Sequence[Path]) -> str:
    """What the app's classifier says of the golden pictures and of ``pictures``, as JSON."""
    require_tools()
    with tempfile.TemporaryDirectory(prefix="ask-") as folder:
        entries, library = desktop(Path(folder))
        return run("java", "-cp", classpath(entries), "org.mobilecnn.ci.Ask", library, model, *pictures)
