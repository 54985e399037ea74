"""Assembling the APK: resources, dex, the staged models, native libraries, alignment, signature."""

import shutil
import zipfile
from pathlib import Path

from calls import check_calls
from dependencies import fetch
from gradle import Settings
from java import AS_FOR_ANDROID, android_classes, compile_java, core, tflite, without_lambdas
from kotlin import check_resources, compile_kotlin
from tools import MAIN, only_match, run, staged, talk

END = "</application>"
"""End of the manifest's last element, before which the components stand."""


def resources(work: Path, settings: Settings, debug: bool = True) -> tuple[Path, Path]:
    """The APK without code, and the folder of the generated class R; ``debug`` as Gradle's build type of that name."""
    compiled, base, generated = work / "res.zip", work / "base.apk", work / "generated"
    # Gradle takes the package from `namespace`, aapt2 from the manifest.
    manifest = work / "AndroidManifest.xml"
    text = (MAIN / "AndroidManifest.xml").read_text(encoding="utf-8")
    text = text.replace("<manifest ", f'<manifest package="{settings.namespace}" ', 1)
    # Gradle's plugin puts it in.
    text = text.replace("${applicationId}", settings.application)
    if debug:
        more = (MAIN.parent / "debug/AndroidManifest.xml").read_text(encoding="utf-8")
        text = text.replace(END, only_match(rf"<application>(.*){END}", more) + END, 1)
    manifest.write_text(text, encoding="utf-8")
    run("aapt2", "compile", "--dir", MAIN / "res", "-o", compiled)
    versions = settings.versions
    run(
        "aapt2", "link", "-o", base, "-I", fetch(["android-14"])["android-14"], "--manifest", manifest, "--java", generated,
        "--auto-add-overlay", "--rename-manifest-package", settings.application, *(["--debug-mode"] if debug else []),
        "--min-sdk-version", versions["minSdk"], "--target-sdk-version", versions["targetSdk"],
        "--version-code", versions["appCode"], "--version-name", versions["appName"],
        compiled,
    )  # fmt: skip
    return base, generated


def assemble(work: Path, settings: Settings, output: Path) -> None:
    """Compile the app and write the signed APK to ``output``."""
    classes = core(work)
    files = fetch(["minimal-json", "dx", "tflite"])
    jars = tflite(work)
    base, generated = resources(work, settings)
    talk("compiling the app")
    app = compile_java(
        [MAIN / "java", generated],
        [android_classes(), classes, files["minimal-json"], *jars],
        work / "app",
        AS_FOR_ANDROID,
    )
    talk("converting to dex")
    dex = work / "classes.dex"
    dx: list[str | Path] = ["java", "-cp", files["dx"], "com.android.dx.command.Main", "--dex"]
    minimum = f"--min-sdk-version={settings.versions['minSdk']}"
    check_resources(work, settings)
    check_calls([classes, app, compile_kotlin(work, classes)])
    libraries = [files["minimal-json"], *jars]
    own = without_lambdas([app, classes], libraries, work / "own.jar")
    run(*dx, minimum, f"--output={dex}", own, *libraries)
    unaligned = work / "unaligned.apk"
    shutil.copyfile(base, unaligned)
    _add_content(unaligned, dex, files["tflite"], settings)
    talk("aligning and signing")
    aligned = work / "aligned.apk"
    run("zipalign", "-f", "-p", "4", unaligned, aligned)
    _sign(aligned, work, settings)
    shutil.move(aligned, output)


def _add_content(apk: Path, dex: Path, tflite_aar: Path, settings: Settings) -> None:
    """Add the code, the staged models and the native libraries."""
    with zipfile.ZipFile(tflite_aar) as aar, zipfile.ZipFile(apk, "a") as archive:
        archive.write(dex, "classes.dex", zipfile.ZIP_DEFLATED)
        # Not by aapt2: Debian's version compresses assets whatever its option -0 says.
        for path in staged():
            stored = path.suffix == ".tflite"
            compression = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.write(path, f"assets/models/{path.name}", compression)
        for abi in settings.abis:
            library = aar.read(f"jni/{abi}/libtensorflowlite_jni.so")
            archive.writestr(f"lib/{abi}/libtensorflowlite_jni.so", library, zipfile.ZIP_STORED)


def _sign(apk: Path, work: Path, settings: Settings) -> None:
    """Sign with a key that nobody keeps."""
    keys = work / "throwaway.keystore"
    run(
        "keytool", "-genkeypair", "-keystore", keys, "-storepass", "android", "-keypass", "android",
        "-alias", "throwaway", "-keyalg", "RSA", "-keysize", "2048", "-validity", "30", "-dname", "CN=Throwaway",
    )  # fmt: skip
    minimum = settings.versions["minSdk"]
    run("apksigner", "sign", "--ks", keys, "--ks-pass", "pass:android", "--min-sdk-version", minimum, apk)
