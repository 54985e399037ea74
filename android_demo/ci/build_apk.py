"""Builds and inspects the app without Android Studio: Maven Central, a JDK and Debian's packages.

    python android_demo/ci/build_apk.py [--output app.apk]
    python android_demo/ci/build_apk.py --ask out/digits.int8.tflite seven.png
    python android_demo/ci/build_apk.py --screens FOLDER

Gradle and its Android plugin come from Google's Maven, which not every build machine reaches.
This build takes the same sources, versions and libraries, compiles against the real Android and
TensorFlow Lite classes, tests ``core`` on the JVM, packages whatever models are staged, signs
with a key that is thrown away, and checks what came out. The sources of truth are those of the
Gradle project: ``gradle/libs.versions.toml``, ``app/build.gradle.kts``, the manifest. The APK is
for inspection; what users install comes from Gradle.

``--ask`` runs the app's own classifier on this computer instead: its Java, and the real TensorFlow
Lite interpreter for x86-64 Linux, release 2.6.2, the newest one with Java classes on Maven Central.
It prints one JSON document: the verdict on the passport's golden pictures, and for each PNG picture
the scores and the five best classes.

``--screens`` tests the screens and the benchmark with the staged models, which must be ones that this
release runs, under Robolectric: Android 14's own classes and picture decoder. Pictures of the screens
go into the folder.

What it does is printed on standard error, each check as a line on standard output. Exit codes:
0 all holds, 1 a check failed, 3 a tool or a download is missing.

The modules beside this file: ``tools`` (folders, running tools), ``dependencies`` (``deps.lock``,
Maven), ``gradle`` (settings), ``java`` (compiling, tests of ``core``), ``assemble`` (the APK),
``kotlin`` (the skin in Kotlin), ``inspection`` (what is in it), ``desktop_java`` (``--ask``), ``screens`` (``--screens``).
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from assemble import assemble
from dependencies import ROBOLECTRIC, fetch, locked
from desktop_java import ask
from gradle import lint, read_settings
from inspection import inspect
from screens import test_screens
from tools import BUILD, report, require_tools

from mobilecnn.errors import MobileCnnError


def build(output: Path) -> None:
    """Build the app, inspect it, and write it to ``output`` once every check holds."""
    require_tools()
    settings = read_settings()
    # Everything at once: each start of Maven takes seconds.
    files = fetch([name for name in locked() if not name.startswith(ROBOLECTRIC)])
    lint(files["ktlint"])
    report("gradle: versions equal to those used here, scripts linted")
    with tempfile.TemporaryDirectory(prefix="apk-") as folder:
        work = Path(folder)
        apk = work / "app.apk"
        assemble(work, settings, apk)
        inspect(apk, work, settings)
        output.parent.mkdir(parents=True, exist_ok=True)
        partial = output.with_suffix(".part")
        shutil.copyfile(apk, partial)
        partial.replace(output)
    report(f"built: {output} ({output.stat().st_size / 1e6:.1f} MB), not run on any device")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Build and inspect the app without Android Studio.")
    parser.add_argument("--output", type=Path, default=BUILD / "mobilecnn-demo.apk")
    parser.add_argument("--ask", type=Path, nargs="+", metavar="FILE", help="A .tflite file, then PNG files.")
    parser.add_argument(
        "--screens", type=Path, metavar="FOLDER", help="Test the screens, pictures into FOLDER."
    )
    options = parser.parse_args()
    try:
        if options.ask:
            sys.stdout.write(ask(options.ask[0], options.ask[1:]))
        elif options.screens:
            test_screens(options.screens)
        else:
            build(options.output)
    except MobileCnnError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
