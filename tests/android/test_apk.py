"""``ci/build_apk.py`` builds the app with a ShuffleNet in it, and refuses a project that contradicts itself."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sample_app import MODELS, ROOT, copy_app

from mobilecnn.android_demo.staging import stage
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import Calibration


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return copy_app(tmp_path)


def build(app: Path, output: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(app / "ci/build_apk.py"), "--output", str(output)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)


@pytest.fixture(scope="module")
def shufflenet(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A network in float32 and int8. Its grouped convolutions need release 2.9 or newer."""
    folder = tmp_path_factory.mktemp("shufflenet")
    export(Source("shufflenet_v1_x0.25_g3"), ("float32", "int8"), folder, Calibration("random"))
    models = sorted(folder.glob("*.tflite"))
    assert len(models) == 2
    return models


def test_a_file_that_needs_a_newer_runtime_is_refused_by_name(shufflenet: list[Path]) -> None:
    """By the release on this computer, 2.6.2."""
    command = [sys.executable, str(ROOT / "android_demo/ci/build_apk.py"), "--ask", str(shufflenet[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    said = json.loads(done.stdout)
    assert said["error"] == "ModelFileError"
    assert said["message"].startswith(
        "TensorFlow Lite 2.6.2 cannot run shufflenet_v1_x0.25_g3.float32.tflite"
    )
    assert "a newer version of one, and needs release 2.9.0: export it in another format" in said["message"]


def test_the_app_with_a_shufflenet_is_built_and_passes_every_check(
    app: Path, tmp_path: Path, shufflenet: list[Path]
) -> None:
    models = shufflenet
    stage(models, app)
    # The chain's dex compiler knows no lambdas, so what has them is rewritten before.
    (app / "core/src/main/java/org/mobilecnn/core/Modern.java").write_text(
        """package org.mobilecnn.core;
import java.util.Comparator;
import java.util.List;
interface Modern {
    String name();
    default Runnable later(String words) { return () -> System.out.println(name() + words); }
    static void sort(List<Modern> all) { all.sort(Comparator.comparing(Modern::name)); }
}
"""
    )
    apk = tmp_path / "demo.apk"
    done = build(app, apk)
    assert done.returncode == 0, done.stderr
    checks = done.stdout.splitlines()
    begins = [
        "gradle",
        "core",
        "kotlin",
        "calls",
        "signed",
        "aligned",
        "manifest",
        "manifest",
        "code",
        "model",
        "model",
        "native",
        "native",
    ]
    assert [line.split(":")[0] for line in checks] == [*begins, "native", "built"]
    assert checks[1].endswith(" tests passed on the JVM")
    assert "SDK 26 to 36, permission CAMERA only" in done.stdout
    assert (
        "enableOnBackInvokedCallback, supportsRtl, allowBackup, dataExtractionRules, localeConfig"
        in done.stdout
    )
    # TensorFlow Lite 2.16.1 is for inspection; what Gradle takes has larger pages.
    for abi in ("arm64-v8a", "armeabi-v7a", "x86_64"):
        assert f"native: {abi}, pages of 4 KB: too small for devices with 16 KB pages" in done.stdout
    # The same, read independently of the script.
    with zipfile.ZipFile(apk) as archive:
        for model in models:
            entry = archive.getinfo(f"assets/models/{model.name}")
            assert entry.compress_type == zipfile.ZIP_STORED
            assert archive.read(entry) == model.read_bytes()
            assert archive.read(f"assets/models/{model.stem}.json") == model.with_suffix(".json").read_bytes()
        libraries = {name for name in archive.namelist() if name.endswith(".so")}
        assert libraries == {
            f"lib/{abi}/libtensorflowlite_jni.so" for abi in ("arm64-v8a", "armeabi-v7a", "x86_64")
        }


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_gradle_project_of_other_versions_is_refused(app: Path, tmp_path: Path) -> None:
    edit(app / "gradle/libs.versions.toml", 'tflite = "2.16.1"', 'tflite = "2.15.0"')
    done = build(app, tmp_path / "demo.apk")
    assert done.returncode == 1 and "2.15.0" in done.stderr and "deps.lock" in done.stderr
    assert not (tmp_path / "demo.apk").exists()


def test_a_gradle_project_that_would_compress_models_is_refused(app: Path, tmp_path: Path) -> None:
    edit(app / "app/build.gradle.kts", 'noCompress += "tflite"', "")
    done = build(app, tmp_path / "demo.apk")
    assert done.returncode == 1 and 'has no noCompress += "tflite"' in done.stderr


def test_a_gradle_script_that_does_not_parse_is_refused(app: Path, tmp_path: Path) -> None:
    edit(app / "settings.gradle.kts", 'include(":core", ":app")', 'include(":core", ":app"')
    done = build(app, tmp_path / "demo.apk")
    assert done.returncode == 1 and "settings.gradle.kts" in done.stderr


def test_a_download_that_is_not_the_locked_file_is_refused(app: Path, tmp_path: Path) -> None:
    lock = app / "ci/deps.lock"
    digest = next(line.split()[0] for line in lock.read_text().splitlines() if line.endswith("  junit"))
    edit(lock, digest, "0" * 64)
    done = build(app, tmp_path / "demo.apk")
    assert done.returncode == 1 and "junit:junit:4.13.2:jar has the SHA-256 " + digest in done.stderr


def test_a_core_that_computes_otherwise_is_refused(app: Path, tmp_path: Path) -> None:
    edit(app / "core/src/main/java/org/mobilecnn/core/Taps.java", "(int) (0.5 + share", "(int) (share")
    done = build(app, tmp_path / "demo.apk")
    assert done.returncode == 1 and "pixelsTensorsAndCodesAreThoseOfPython" in done.stderr
    assert not any((app / MODELS).glob("*.tflite"))
