"""Testing the app's screens under Robolectric (``build_apk.py --screens``); its tests are in ``ci/robolectric``."""

import tempfile
import zipfile
from pathlib import Path

from assemble import resources
from dependencies import ROBOLECTRIC, fetch, locked
from desktop_java import native_library
from gradle import Settings, read_settings
from java import classpath, compile_java, sources
from kotlin import compile_session
from tools import BLIND, CORE, MAIN, MODELS, PROJECT, only_match, report, require_tools, run, staged

TESTS = "org.mobilecnn.demo.AppTest"
"""Class of the tests."""

TEST_SECONDS = 1800
"""Seconds that the tests may take."""

OPENED = ("io", "lang", "nio", "util")
"""Packages of ``java`` that Robolectric reaches into."""


def test_screens(output: Path) -> None:
    """Test the app's activities with the staged models.

    Args:
        output: the folder that the tests write pictures of the screens into.

    Raises:
        CheckFailed: a test failed, or the sources do not compile.
        EnvironmentProblem: a tool or a download is missing.
    """
    require_tools()
    settings = read_settings()
    robolectric = [name for name in locked() if name.startswith(ROBOLECTRIC)]
    files = fetch([*robolectric, "android-14", "minimal-json", "desktop-tflite", "junit", "hamcrest"])
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screens-") as folder:
        work = Path(folder)
        apk, generated = _resources_with_models(work, settings)
        classes = work / "screens"
        core = compile_java([CORE], [files["minimal-json"]], work / "core")
        path = classpath([classes, *files.values(), *compile_session(work, core, generated)])
        java = sources([CORE, BLIND, MAIN / "java", generated, PROJECT / "ci/robolectric"])
        run("javac", "--release", "11", "-encoding", "UTF-8", "-nowarn", "-d", classes, "-cp", path, *java)
        config = _write_config(work, apk, settings)
        # Robolectric looks for its Android under the name that Maven Central has it by.
        _, artifact, version, _ = locked()["android-14"].coordinates.split(":")
        (work / f"{artifact}-{version}.jar").symlink_to(files["android-14"].resolve())
        properties = {
            "robolectric.offline": "true",
            "robolectric.usePreinstrumentedJars": "false",
            "robolectric.dependency.dir": work,
            "mobilecnn.library": native_library(work),
            "mobilecnn.output": output.resolve(),
        }
        words = run(
            "java",
            *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in OPENED),
            *(f"-D{name}={value}" for name, value in properties.items()),
            "-cp", f"{config}:{path}", "org.junit.runner.JUnitCore", TESTS,
            timeout=TEST_SECONDS,
        )  # fmt: skip
    report(f"screens: {only_match(r'OK [(]([0-9]+) tests[)]', words)} tests passed on Android 14's classes")


def _resources_with_models(work: Path, settings: Settings) -> tuple[Path, Path]:
    """The APK that Robolectric reads resources and models from, and the folder of the generated class R."""
    base, generated = resources(work, settings)
    apk = work / "app.apk"
    with zipfile.ZipFile(base, "a") as archive:
        for path in staged():
            archive.write(path, f"assets/models/{path.name}", zipfile.ZIP_STORED)
    # As on a phone: the interpreter reads a model where it lies, and crashes at odd addresses.
    run("zipalign", "-p", "4", base, apk)
    return apk, generated


def _write_config(work: Path, apk: Path, settings: Settings) -> Path:
    """Tell Robolectric where the app is; the folder to put on the class path."""
    config = work / "config"
    path = config / "com/android/tools/test_config.properties"
    path.parent.mkdir(parents=True)
    path.write_text(
        f"android_merged_manifest={work / 'AndroidManifest.xml'}\nandroid_merged_assets={MODELS.parent}\n"
        f"android_resource_apk={apk}\nandroid_custom_package={settings.namespace}\n"
    )
    return config
