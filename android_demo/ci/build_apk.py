"""Builds and inspects the app without Android Studio: Maven Central, a JDK and Debian's packages.

    python android_demo/ci/build_apk.py [--output app.apk]
    python android_demo/ci/build_apk.py --ask out/digits.int8.tflite seven.png
    python android_demo/ci/build_apk.py --screens FOLDER

Gradle and its Android plugin come from Google's Maven, which not every build machine reaches.
This chain takes the same sources, versions and libraries, compiles against the real Android and
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
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from mobilecnn.errors import CheckFailed, EnvironmentProblem, MobileCnnError
from mobilecnn.files import sha256

PROJECT = Path(__file__).resolve().parent.parent
LOCK = PROJECT / "ci" / "deps.lock"
BUILD = PROJECT / "build"
MAIN = PROJECT / "app" / "src" / "main"
MODELS = MAIN / "assets" / "models"
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
ANDROID = "{http://schemas.android.com/apk/res/android}"
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
LINT = "-Xlint:all,-options,-processing,-classfile,-serial"

ROBOLECTRIC = "robolectric-"
"""How the names of what only the tests of the screens need begin."""

TOOLS = {
    "java": "default-jdk-headless",
    "javac": "default-jdk-headless",
    "keytool": "default-jdk-headless",
    "mvn": "maven",
    "aapt": "aapt",
    "aapt2": "aapt",
    "apksigner": "apksigner",
    "zipalign": "zipalign",
    "dexdump": "dexdump",
    "readelf": "binutils",
}
"""Program -> the Debian package it is in."""


@dataclass(frozen=True)
class Dependency:
    """A line of the lock file.

    Attributes:
        digest: SHA-256 in hexadecimal.
        coordinates: group:artifact:version:type, or with :classifier.
        name: what it is called here.
    """

    digest: str
    coordinates: str
    name: str

    @property
    def version(self) -> str:
        """``2.16.1``."""
        return self.coordinates.split(":")[2]

    @property
    def path(self) -> Path:
        """Where the verified file lies."""
        return BUILD / "deps" / f"{self.name}-{self.digest[:12]}.{self.coordinates.split(':')[3]}"


@dataclass(frozen=True)
class Settings:
    """What the Gradle project says.

    Attributes:
        versions: the table of that name in the version catalog.
        namespace: the app's package.
        abis: the processor types whose native library is packaged.
    """

    versions: dict[str, str]
    namespace: str
    abis: tuple[str, ...]


def talk(text: str) -> None:
    """Say what is being done."""
    sys.stderr.write(f"android: {text}\n")


def run(*command: str | Path, timeout: float = 600) -> str:
    """Run a tool; its standard output. ``timeout`` is in seconds.

    Raises:
        CheckFailed: it ended with an error; the message has its last words.
        EnvironmentProblem: it did not end in time.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            # What the tools print is read below: in their own words, in every language of the machine.
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentProblem(f"{command[0]} did not end within {timeout:g} s; try again") from error
    if done.returncode != 0:
        words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise CheckFailed(f"{command[0]} ended with code {done.returncode}:\n{words}")
    return done.stdout


def require_tools() -> None:
    """Refuse to begin without all tools.

    Raises:
        EnvironmentProblem: naming the Debian packages to install.
    """
    missing = {package for program, package in TOOLS.items() if shutil.which(program) is None}
    if not FRAMEWORK.exists():
        missing.add("android-framework-res")
    if missing:
        raise EnvironmentProblem(
            f"the Android tools are missing; install them (Debian, Ubuntu: "
            f"sudo apt-get install {' '.join(sorted(missing))}) and try again"
        )


def dependencies() -> dict[str, Dependency]:
    """The lock file, by name."""
    found = {}
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            digest, coordinates, name = line.split()
            found[name] = Dependency(digest, coordinates, name)
    return found


def fetch(wanted: Sequence[str]) -> dict[str, Path]:
    """The files of these dependencies, verified; from Maven Central once, then from here.

    Raises:
        EnvironmentProblem: one cannot be had.
        CheckFailed: one is not the file that the lock names.
    """
    locked = dependencies()
    absent = [locked[name] for name in wanted if not locked[name].path.exists()]
    if absent:
        talk(f"fetching {', '.join(one.name for one in absent)} with Maven")
        with tempfile.TemporaryDirectory() as folder:
            _maven_copy(absent, Path(folder))
    return {name: locked[name].path for name in wanted}


def _maven_copy(absent: Sequence[Dependency], folder: Path) -> None:
    """All in one start of Maven; a file counts only with the right hash."""
    items = []
    for one in absent:
        group, artifact, version, kind, *classifier = one.coordinates.split(":")
        parts = {"groupId": group, "artifactId": artifact, "version": version, "type": kind}
        if classifier:
            parts["classifier"] = classifier[0]
        parts["destFileName"] = one.path.name
        inside = "".join(f"<{key}>{value}</{key}>" for key, value in parts.items())
        items.append(f"<artifactItem>{inside}</artifactItem>")
    pom = folder / "pom.xml"
    pom.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>org.mobilecnn</groupId>"
        "<artifactId>fetch</artifactId><version>1</version><packaging>pom</packaging><build><plugins><plugin>"
        f"<groupId>{MAVEN_COPY.split(':')[0]}</groupId><artifactId>{MAVEN_COPY.split(':')[1]}</artifactId>"
        f"<configuration><outputDirectory>{folder}</outputDirectory>"
        f"<artifactItems>{''.join(items)}</artifactItems></configuration>"
        "</plugin></plugins></build></project>"
    )
    try:
        run("mvn", "-q", "-B", "-f", pom, MAVEN_COPY)
    except CheckFailed as failure:
        raise EnvironmentProblem(
            f"Maven cannot fetch {', '.join(one.coordinates for one in absent)}; "
            f"it needs Maven Central or a mirror of it (in its settings.xml): {failure}"
        ) from failure
    for one in absent:
        fetched = folder / one.path.name
        found = sha256(fetched.read_bytes())
        if found != one.digest:
            raise CheckFailed(
                f"{one.coordinates} has the SHA-256 {found}, and {LOCK.name} says {one.digest}; "
                "do not use it before you know why"
            )
        one.path.parent.mkdir(parents=True, exist_ok=True)
        partial = one.path.with_suffix(".part")
        shutil.copyfile(fetched, partial)
        partial.replace(one.path)


def settings() -> Settings:
    """What the Gradle project says, and that the lock says the same.

    Raises:
        CheckFailed: the two do not agree, or a line that matters is gone.
    """
    catalog = tomllib.loads((PROJECT / "gradle/libs.versions.toml").read_text(encoding="utf-8"))
    versions: dict[str, str] = catalog["versions"]
    locked = dependencies()
    for name, entry in catalog["libraries"].items():
        group, artifact, version = locked[name].coordinates.split(":")[:3]
        wanted = (entry["module"], versions[entry["version"]["ref"]])
        if wanted != (f"{group}:{artifact}", version):
            raise CheckFailed(f"libs.versions.toml has {wanted}, and deps.lock {locked[name].coordinates}")
    script = (PROJECT / "app/build.gradle.kts").read_text(encoding="utf-8")
    for needed in (
        'noCompress += "tflite"',
        "libs.versions.minSdk.get()",
        "libs.versions.targetSdk.get()",
        "libs.versions.compileSdk.get()",
        "libs.versions.appCode.get()",
        "libs.versions.appName.get()",
        'project(":core")',
        "implementation(libs.tflite)",
    ):
        if needed not in script:
            raise CheckFailed(f"app/build.gradle.kts has no {needed}")
    namespace = _one(r'namespace = "([\w.]+)"', script)
    if _one(r'applicationId = "([\w.]+)"', script) != namespace:
        raise CheckFailed("app/build.gradle.kts: applicationId is not the namespace")
    abis = tuple(re.findall(r'"([\w-]+)"', _one(r"abiFilters \+= listOf\((.*?)\)", script)))
    release = locked["android"].version.split("-")[0]
    if {"14": "34", "15": "35"}.get(release) != versions["compileSdk"]:
        raise CheckFailed(f"compileSdk is {versions['compileSdk']}, and deps.lock has Android {release}")
    return Settings(versions, namespace, abis)


def _one(pattern: str, text: str) -> str:
    found = re.findall(pattern, text, re.DOTALL)
    if len(found) != 1:
        raise CheckFailed(f"there are {len(found)} places like {pattern!r} where one is expected")
    return str(found[0])


def staged() -> list[Path]:
    """The models and passports that are in the app."""
    return sorted(path for path in MODELS.iterdir() if not path.name.startswith("."))


def lint(ktlint: Path) -> None:
    """The Gradle scripts parse and are formatted."""
    scripts = sorted(
        [*PROJECT.glob("*.kts"), PROJECT / "app/build.gradle.kts", PROJECT / "core/build.gradle.kts"]
    )
    config = PROJECT / ".editorconfig"
    run("java", "-jar", ktlint, "--log-level=error", f"--editorconfig={config}", *scripts)


def compile_java(sources: Sequence[Path], classpath: Sequence[Path], output: Path) -> Path:
    """Compile for Java 8, every warning an error; the folder of classes, made anew."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    path = ":".join(str(entry) for entry in classpath)
    files = [source for folder in sources for source in _java(folder)]
    run("javac", "--release", "8", "-encoding", "UTF-8", LINT, "-Werror", "-d", output, "-cp", path, *files)
    return output


def _java(place: Path) -> list[Path]:
    return sorted(place.rglob("*.java")) if place.is_dir() else [place]


def core(work: Path) -> Path:
    """The classes of ``core``, once its tests have passed."""
    files = fetch(["minimal-json", "junit", "hamcrest"])
    classes = compile_java([PROJECT / "core/src/main/java"], [files["minimal-json"]], work / "core")
    tests = compile_java([PROJECT / "core/src/test/java"], [classes, *files.values()], work / "core-tests")
    names = sorted(
        str(path.relative_to(tests).with_suffix("")).replace("/", ".") for path in tests.rglob("*Test.class")
    )
    path = [classes, tests, PROJECT / "core/src/test/resources", *files.values()]
    said = run(
        "java", "-ea", "-cp", ":".join(str(entry) for entry in path), "org.junit.runner.JUnitCore", *names
    )
    count = _one(r"OK \((\d+) tests\)", said)
    report(f"core: {count} tests passed on the JVM")
    return classes


def tflite(work: Path) -> list[Path]:
    """The classes inside the two AARs of TensorFlow Lite."""
    files = fetch(["tflite", "tflite-api"])
    jars = []
    for name, aar in files.items():
        jar = work / f"{name}.jar"
        jar.write_bytes(zipfile.ZipFile(aar).read("classes.jar"))
        jars.append(jar)
    return jars


def desktop(work: Path) -> list[Path]:
    """A classpath on which the app's ``Classifier`` runs on this computer, and the native library.

    TensorFlow Lite 2.6.2 for x86-64 Linux, the newest on Maven Central. The first entry is the
    class folder of the asking program, the last the native library.
    """
    files = fetch(["minimal-json", "desktop-tflite", "desktop-tflite-native"])
    sources = [
        PROJECT / "core/src/main/java",
        MAIN / "java/org/mobilecnn/demo/Classifier.java",
        MAIN / "java/org/mobilecnn/demo/BenchmarkRun.java",
        PROJECT / "ci/desktop",
    ]
    jars = [files["minimal-json"], files["desktop-tflite"]]
    classes = compile_java(sources, jars, work / "desktop")
    library = work / "libtensorflowlite_jni.so"
    with zipfile.ZipFile(files["desktop-tflite-native"]) as archive:
        library.write_bytes(archive.read("native/lib/libtensorflowlite_jni.so"))
    return [classes, *jars, library]


def package(work: Path, said: Settings, output: Path) -> None:
    """Compile, convert, pack, align and sign the app."""
    classes = core(work)
    files = fetch(["android", "minimal-json", "dx", "tflite"])
    jars = tflite(work)
    base, generated = resources(work, said)
    talk("compiling the app")
    app = compile_java(
        [MAIN / "java", generated],
        [files["android"], classes, files["minimal-json"], *jars],
        work / "app",
    )
    talk("converting to dex")
    dex = work / "classes.dex"
    dx: list[str | Path] = ["java", "-cp", files["dx"], "com.android.dx.command.Main", "--dex"]
    minimum = f"--min-sdk-version={said.versions['minSdk']}"
    run(*dx, minimum, f"--output={dex}", app, classes, files["minimal-json"], *jars)
    unaligned = work / "unaligned.apk"
    shutil.copyfile(base, unaligned)
    with zipfile.ZipFile(files["tflite"]) as aar, zipfile.ZipFile(unaligned, "a") as apk:
        apk.write(dex, "classes.dex", zipfile.ZIP_DEFLATED)
        # Not by aapt2: Debian's compresses assets whatever its -0 says.
        for path in staged():
            stored = path.suffix == ".tflite"
            kind = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            apk.write(path, f"assets/models/{path.name}", kind)
        for abi in said.abis:
            library = aar.read(f"jni/{abi}/libtensorflowlite_jni.so")
            apk.writestr(f"lib/{abi}/libtensorflowlite_jni.so", library, zipfile.ZIP_STORED)
    talk("aligning and signing")
    aligned = work / "aligned.apk"
    run("zipalign", "-f", "-p", "4", unaligned, aligned)
    sign(aligned, work, said)
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(aligned, output)


def resources(work: Path, said: Settings) -> tuple[Path, Path]:
    """The APK without code, and the folder of the generated R class."""
    compiled, base, generated = work / "res.zip", work / "base.apk", work / "generated"
    # Gradle takes the package from `namespace`, aapt2 from the manifest.
    manifest = work / "AndroidManifest.xml"
    text = (MAIN / "AndroidManifest.xml").read_text(encoding="utf-8")
    manifest.write_text(
        text.replace("<manifest ", f'<manifest package="{said.namespace}" ', 1), encoding="utf-8"
    )
    run("aapt2", "compile", "--dir", MAIN / "res", "-o", compiled)
    run(
        "aapt2", "link", "-o", base, "-I", FRAMEWORK, "--manifest", manifest, "--java", generated,
        "--auto-add-overlay",
        "--min-sdk-version", said.versions["minSdk"], "--target-sdk-version", said.versions["targetSdk"],
        "--version-code", said.versions["appCode"], "--version-name", said.versions["appName"],
        compiled,
    )  # fmt: skip
    return base, generated


def sign(apk: Path, work: Path, said: Settings) -> None:
    """With a key that nobody keeps."""
    keys = work / "throwaway.keystore"
    run(
        "keytool", "-genkeypair", "-keystore", keys, "-storepass", "android", "-keypass", "android",
        "-alias", "throwaway", "-keyalg", "RSA", "-keysize", "2048", "-validity", "30", "-dname", "CN=Throwaway",
    )  # fmt: skip
    minimum = said.versions["minSdk"]
    run("apksigner", "sign", "--ks", keys, "--ks-pass", "pass:android", "--min-sdk-version", minimum, apk)


def verify(apk: Path, work: Path, said: Settings) -> None:
    """Hold the APK to the Gradle project and to the staged models, one line a check.

    Raises:
        CheckFailed: at the first that does not hold.
    """
    versions = said.versions
    signed = run("apksigner", "verify", "-v", "--min-sdk-version", versions["minSdk"], apk)
    for scheme in ("v2", "v3"):
        _expect(f"Verified using {scheme} scheme (APK Signature Scheme {scheme}): true", signed, "apksigner")
    report("signed: schemes v2 and v3")
    run("zipalign", "-c", "-p", "4", apk)
    report("aligned: to 4 bytes, native libraries to 4 KB pages")

    badging = run("aapt", "dump", "badging", apk)
    identity = (
        f"name='{said.namespace}' versionCode='{versions['appCode']}' versionName='{versions['appName']}'"
    )
    activity = f"launchable-activity: name='{said.namespace}.MainActivity'"
    for words in (
        f"package: {identity}",
        f"sdkVersion:'{versions['minSdk']}'",
        f"targetSdkVersion:'{versions['targetSdk']}'",
        activity,
    ):
        _expect(words, badging, "aapt dump badging")
    native = set(_one(r"native-code: (.*?)\n", badging).replace("'", "").split())
    _same("processor types", native, set(said.abis))
    permissions = set(re.findall(r"uses-permission: name='(.*?)'", badging))
    _same("permissions", permissions, {"android.permission.CAMERA"})
    report(
        f"manifest: {said.namespace} {versions['appName']}, SDK {versions['minSdk']} to "
        f"{versions['targetSdk']}, permission CAMERA only"
    )
    _verify_code(apk, said)
    _verify_content(apk, work, said)


def _verify_code(apk: Path, said: Settings) -> None:
    dump = run("dexdump", "-d", apk)
    classes = set(re.findall(r"Class descriptor  : 'L([\w/$]+);'", dump))
    folder = Path(said.namespace.replace(".", "/"))
    wanted = {str(folder / path.stem) for path in (MAIN / "java" / folder).glob("*.java")}
    wanted |= {f"org/mobilecnn/core/{path.stem}" for path in (PROJECT / "core/src/main/java").rglob("*.java")}
    wanted |= {"org/tensorflow/lite/Interpreter", "org/tensorflow/lite/InterpreterApi"}
    wanted |= {"com/eclipsesource/json/Json"}
    manifest = ElementTree.parse(MAIN / "AndroidManifest.xml")  # noqa: S314 - our own file
    declared = [each.get(f"{ANDROID}name", "") for each in manifest.iter("activity")]
    wanted |= {f"{folder}/{name.removeprefix('.')}" for name in declared}
    if missing := sorted(wanted - classes):
        raise CheckFailed(f"classes.dex has no {', '.join(missing)}")
    if "invoke-custom" in dump:
        raise CheckFailed(
            "classes.dex has lambdas, which dx does not translate for Android: write inner classes"
        )
    report(f"code: {len(classes)} classes, every one of the app's, of core and TensorFlow Lite's Interpreter")


def _verify_content(apk: Path, work: Path, said: Settings) -> None:
    with zipfile.ZipFile(apk) as archive:
        names = {entry.filename: entry for entry in archive.infolist()}
        packed = {name for name in names if name.startswith("assets/")}
        _same("assets", packed, {f"assets/models/{path.name}" for path in staged()})
        for path in staged():
            entry = names[f"assets/models/{path.name}"]
            if archive.read(entry) != path.read_bytes():
                raise CheckFailed(f"{entry.filename} is not the file that was staged")
            if path.suffix == ".tflite":
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise CheckFailed(f"{entry.filename} is compressed, and cannot be mapped into memory")
                report(_fits(path, said.versions["tflite"]))
        if not staged():
            report("models: none is staged (mobilecnn android --model FILE)")
        for abi in said.abis:
            name = f"lib/{abi}/libtensorflowlite_jni.so"
            library = work / f"{abi}.so"
            library.write_bytes(archive.read(name))
            pages = {
                int(size, 16) for size in re.findall(r"LOAD.*(0x\w+)$", _segments(library), re.MULTILINE)
            }
            note = (
                "" if min(pages) >= 0x4000 else ": too small for devices with 16 KB pages (docs/android.md)"
            )
            report(f"native: {abi}, pages of {min(pages) // 1024} KB{note}")


def _segments(library: Path) -> str:
    return run("readelf", "-lW", library)


def _fits(model: Path, runtime: str) -> str:
    """A line about a staged model.

    Raises:
        CheckFailed: its passport is another file's, or it needs a newer runtime than the app has.
    """
    passport = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    if passport["file"]["sha256"] != digest:
        raise CheckFailed(f"{model.name} is not the file that its passport describes; stage it again")
    need = passport["minimum_runtime"]
    if need is not None and _numbers(need) > _numbers(runtime):
        raise CheckFailed(f"{model.name} needs TensorFlow Lite {need}, and the app has {runtime}")
    return f"model: {model.name}, stored, byte-equal, needs TensorFlow Lite {need or 'unknown'} of {runtime}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _expect(words: str, text: str, source: str) -> None:
    if words not in text:
        raise CheckFailed(f"{source} does not say {words!r}:\n{text[:2000]}")


def _same(what: str, found: set[str], wanted: set[str]) -> None:
    if found != wanted:
        raise CheckFailed(f"the APK's {what} are {sorted(found)}, and should be {sorted(wanted)}")


def report(text: str) -> None:
    """A check that holds."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def build(output: Path) -> None:
    """Everything, into ``output``."""
    require_tools()
    said = settings()
    # All in one start of Maven.
    files = fetch([name for name in dependencies() if not name.startswith(ROBOLECTRIC)])
    lint(files["ktlint"])
    report("gradle: versions equal to those used here, scripts linted")
    with tempfile.TemporaryDirectory(prefix="apk-") as folder:
        work = Path(folder)
        made = work / "app.apk"
        package(work, said, made)
        verify(made, work, said)
        output.parent.mkdir(parents=True, exist_ok=True)
        partial = output.with_suffix(".part")
        shutil.copyfile(made, partial)
        partial.replace(output)
    report(f"built: {output} ({output.stat().st_size / 1e6:.1f} MB), not run on any device")


def ask(model: Path, pictures: Sequence[Path]) -> str:
    """What the app's classifier says on this computer, as JSON (see ``ci/desktop``)."""
    require_tools()
    with tempfile.TemporaryDirectory(prefix="ask-") as folder:
        *classpath, library = desktop(Path(folder))
        path = ":".join(str(entry) for entry in classpath)
        return run("java", "-cp", path, "org.mobilecnn.ci.Ask", library, model, *pictures)


def screens(output: Path) -> None:
    """Test the app's activities with the staged models; pictures of the screens go into ``output``."""
    require_tools()
    said = settings()
    robolectric = [name for name in dependencies() if name.startswith(ROBOLECTRIC)]
    files = fetch([*robolectric, "android", "minimal-json", "desktop-tflite", "junit", "hamcrest"])
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screens-") as folder:
        work = Path(folder)
        base, generated = resources(work, said)
        apk = work / "app.apk"
        with zipfile.ZipFile(base, "a") as archive:
            for path in staged():
                archive.write(path, f"assets/models/{path.name}", zipfile.ZIP_STORED)
        # As on a phone: the interpreter reads a model where it lies, and crashes at odd addresses.
        run("zipalign", "-p", "4", base, apk)
        *_, library = desktop(work)
        tests = PROJECT / "ci/robolectric"
        sources = [PROJECT / "core/src/main/java", MAIN / "java", generated, tests]
        classes = work / "screens"
        classpath = ":".join(str(entry) for entry in (classes, *files.values()))
        java = [str(file) for source in sources for file in _java(source)]
        run(
            "javac",
            "--release",
            "11",
            "-encoding",
            "UTF-8",
            "-nowarn",
            "-d",
            classes,
            "-cp",
            classpath,
            *java,
        )
        config = work / "config/com/android/tools/test_config.properties"
        config.parent.mkdir(parents=True)
        config.write_text(
            f"android_merged_manifest={work / 'AndroidManifest.xml'}\nandroid_merged_assets={MODELS.parent}\n"
            f"android_resource_apk={apk}\nandroid_custom_package={said.namespace}\n"
        )
        # Robolectric looks for its Android by the name that Maven Central has it under.
        _, artifact, version, _ = dependencies()["android"].coordinates.split(":")
        (work / f"{artifact}-{version}.jar").symlink_to(files["android"].resolve())
        given = {
            "robolectric.offline": "true",
            "robolectric.usePreinstrumentedJars": "false",
            "robolectric.dependency.dir": work,
            "mobilecnn.library": library,
            "mobilecnn.output": output.resolve(),
        }
        opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("io", "lang", "nio", "util")]
        told = run(
            "java", *opened, *(f"-D{name}={value}" for name, value in given.items()),
            "-cp", f"{work / 'config'}:{classpath}", "org.junit.runner.JUnitCore", "org.mobilecnn.demo.AppTest",
            timeout=1800,
        )  # fmt: skip
    report(f"screens: {_one(r'OK [(]([0-9]+) tests[)]', told)} tests passed on Android 14's classes")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build and inspect the app without Android Studio.")
    parser.add_argument("--output", type=Path, default=BUILD / "mobilecnn-demo.apk")
    parser.add_argument("--ask", type=Path, nargs="+", metavar="FILE", help="A .tflite file, then PNG files.")
    parser.add_argument(
        "--screens", type=Path, metavar="FOLDER", help="Test the screens, pictures into FOLDER."
    )
    given = parser.parse_args()
    try:
        if given.ask:
            sys.stdout.write(ask(given.ask[0], given.ask[1:]))
        elif given.screens:
            screens(given.screens)
        else:
            build(given.output)
    except MobileCnnError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
