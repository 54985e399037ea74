"""What the chain in ``ci/`` holds the app to before it is built: the store's rules, the build types, the other skin."""

import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sample_app import ROOT, copy_app

from mobilecnn.errors import CheckFailed

MANIFEST = "app/src/main/AndroidManifest.xml"
STYLES = "app/src/main/res/values/styles.xml"
STRINGS = "app-compose/src/main/res/values/strings.xml"
TABLET = "app-compose/src/main/res/values-sw600dp/strings.xml"
SKIN = "app-compose/src/main/kotlin/org/mobilecnn/compose"
CORE = "core/src/main/java/org/mobilecnn/core"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return copy_app(tmp_path)


@pytest.fixture
def chain(app: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The modules of ``ci/``, working on a copy of the app."""
    monkeypatch.syspath_prepend(ROOT / "android_demo/ci")
    modules = {
        name: import_module(name) for name in ("assemble", "calls", "gradle", "inspection", "java", "kotlin")
    }
    for name in ("assemble", "inspection"):
        monkeypatch.setattr(modules[name], "MAIN", app / "app/src/main")
    for name in ("gradle", "kotlin"):
        monkeypatch.setattr(modules[name], "PROJECT", app)
    monkeypatch.setattr(modules["kotlin"], "SKIN", app / "app-compose/src/main")
    return modules


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    changed = re.sub(old, new, text, count=1)
    assert changed != text
    path.write_text(changed)


def linked(chain: dict[str, Any], tmp_path: Path, debug: bool = True) -> Path:
    base, _ = chain["assemble"].resources(tmp_path, chain["gradle"].read_settings(), debug)
    assert isinstance(base, Path)
    return base


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        (MANIFEST, r'android:enableOnBackInvokedCallback="true"', "", "android:enableOnBackInvokedCallback"),
        (MANIFEST, r'android:supportsRtl="true"', r'android:supportsRtl="false"', "android:supportsRtl"),
        (MANIFEST, r'android:allowBackup="false"', "", "android:allowBackup"),
        (MANIFEST, r'android:dataExtractionRules="[^"]*"', "", "android:dataExtractionRules"),
        (MANIFEST, r'android:localeConfig="[^"]*"', "", "android:localeConfig"),
        (
            STYLES,
            "</resources>",
            '<style name="Old"><item name="android:windowOptOutEdgeToEdgeEnforcement">true</item></style></resources>',
            "opts out of edge-to-edge",
        ),
    ],
)
def test_what_android_16_asks_for(
    chain: dict[str, Any], app: Path, tmp_path: Path, path: str, old: str, new: str, words: str
) -> None:
    base = linked(chain, tmp_path)
    chain["inspection"]._inspect_for_store(base)
    edit(app / path, old, new)
    if path == MANIFEST:
        base = linked(chain, tmp_path)
    with pytest.raises(CheckFailed, match=words):
        chain["inspection"]._inspect_for_store(base)


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        ("AndroidManifest.xml", r'android:localeConfig="[^"]*"', "", "android:localeConfig"),
        ("AndroidManifest.xml", r'android:dataExtractionRules="[^"]*"', "", "android:dataExtractionRules"),
        ("AndroidManifest.xml", "@style/AppTheme", "@style/Missing", "Missing"),
        ("res/mipmap-anydpi-v33/ic_launcher.xml", "icon_foreground", "missing", "drawable/missing"),
    ],
)  # fmt: skip
def test_the_other_skin_links_and_has_it_too(
    chain: dict[str, Any], app: Path, tmp_path: Path, path: str, old: str, new: str, words: str
) -> None:
    settings = chain["gradle"].read_settings()
    chain["kotlin"].check_resources(tmp_path, settings)
    edit(app / "app-compose/src/main" / path, old, new)
    with pytest.raises(CheckFailed, match=words):
        chain["kotlin"].check_resources(tmp_path, settings)


def test_both_skins_have_one_icon_and_one_set_of_rules(app: Path) -> None:
    one, other = (app / skin / "src/main/res" for skin in ("app", "app-compose"))
    shared = [
        path.relative_to(one) for folder in ("xml", "mipmap*") for path in sorted(one.glob(f"{folder}/*.xml"))
    ]
    assert len(shared) == 4
    for path in [*shared, Path("drawable/icon_foreground.xml")]:
        assert (other / path).read_text() == (one / path).read_text()
    colour = '<color name="icon_background">#0B5A48</color>'
    assert all(colour in (res / "values/colors.xml").read_text() for res in (one, other))


def test_in_the_other_skin_the_verdict_does_not_scroll_away(app: Path) -> None:
    code = (app / SKIN / "MainActivity.kt").read_text()
    screen = code[code.index("private fun Screen(") : code.index("private fun Verdict(")]
    assert screen.count("verticalScroll(") == 1
    assert screen.index(" Verdict(") < screen.index("verticalScroll(")


@pytest.mark.parametrize("debug", [True, False])
def test_only_debug_builds_can_be_timed(chain: dict[str, Any], tmp_path: Path, debug: bool) -> None:
    base = linked(chain, tmp_path, debug)
    command = ["aapt", "dump", "xmltree", str(base), "AndroidManifest.xml"]
    tree = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert ("BenchmarkActivity" in tree) == debug
    assert ("android:debuggable" in tree) == debug
    assert "MainActivity" in tree


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        ("gradle/libs.versions.toml", 'kotlin = "2.2.20"', 'kotlin = "2.3.0"', "has Kotlin 2.3.0, and deps.lock 2.2.20"),
        ("gradle/libs.versions.toml", 'compose-bom = "2025.08.00"', 'compose-bom = "2025.09.01"', "compose-bom 2025.09.01, .*'compose-ui': '1.9.0'"),
        ("gradle/libs.versions.toml", 'lifecycle = "2.9.2"', 'lifecycle = "2.10.0"', "lifecycle 2.10.0, .*2.9.4"),
        ("gradle/libs.versions.toml", 'compileSdk = "36"', 'compileSdk = "35"', "compileSdk is 35"),
        ("app-compose/build.gradle.kts", r"libs\.versions\.targetSdk", "libs.versions.minSdk", "app-compose/.* has no libs"),
        ("app-compose/build.gradle.kts", r'noCompress \+= "tflite"', "", 'app-compose/.* has no noCompress'),
        ("core/build.gradle.kts", r"options\.release\.set.*", "", r"core/build.* has no options\.release"),
        ("app/build.gradle.kts", r"libs\.litert", "libs.tflite", r"app/build.* has no implementation\(libs.litert\)"),
    ],
)  # fmt: skip
def test_versions_of_both_skins_are_those_of_the_build(
    chain: dict[str, Any], app: Path, path: str, old: str, new: str, words: str
) -> None:
    chain["gradle"].read_settings()
    edit(app / path, old, new)
    with pytest.raises(CheckFailed, match=words):
        chain["gradle"].read_settings()


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        (STRINGS, r'<string name="photo">.*</string>', "", r"uses and has not.*'photo'"),
        (
            STRINGS,
            "</resources>",
            '<string name="spare">x</string></resources>',
            r"has and uses not.*'spare'",
        ),
        (STRINGS, r">Camera<", ">Kamera<", "camera is 'Kamera' in app-compose, and 'Camera' in app"),
        (TABLET, "Wrong answers", "Other answers", "trust_differs is 'Other.*sw600dp, and 'Wrong answers"),
        (TABLET, "trust_differs", "trust_unknown", "values-sw600dp has trust_unknown, and values has not"),
        (
            TABLET,
            r'<string name="trust_differs">.*</string>',
            "",
            "trust_differs is None in app-compose's values-sw600dp",
        ),
        (STRINGS, r"perhaps %1\$s", "so", "shows unsure with 1 values, and it is 'Not sure: so'"),
        (f"{SKIN}/Words.kt", r"R.string.unsure, labels", "R.string.unsure", "shows unsure with 0 values"),
        (
            f"{SKIN}/Words.kt",
            "else -> R.string.looking",
            "else -> R.string.label_yes",
            "label_yes with 0 values",
        ),
        (
            f"{SKIN}/Session.kt",
            r"unexpected, failure\.message \?: ",
            "unexpected, f(1, 2), ",
            "with 2 values",
        ),
        (f"{SKIN}/Session.kt", r"unexpected, failure", "unexpected, failure\n", "goes on in another line"),
    ],
)
def test_texts_of_the_other_skin(
    chain: dict[str, Any], app: Path, path: str, old: str, new: str, words: str
) -> None:
    chain["kotlin"].check_texts()
    edit(app / path, old, new)
    with pytest.raises(CheckFailed, match=words):
        chain["kotlin"].check_texts()


def core_classes(chain: dict[str, Any], app: Path, output: Path) -> Path:
    """The classes of ``core``, compiled for Java 8 against whatever classes this computer has."""
    jars = list(import_module("dependencies").fetch(["minimal-json"]).values())
    java = chain["java"]
    classes = java.compile_java([app / "core/src/main/java"], jars, output, java.AS_FOR_ANDROID)
    assert isinstance(classes, Path)
    return classes


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        ("TensorSpec.java", r"begin\(buffer\);", "buffer.rewind();", "TensorSpec uses java/nio/ByteBuffer.rewind"),
        ("YuvFrame.java", r"\(\(Buffer\) values\)", "values", "Plane uses java/nio/ByteBuffer.position"),
        ("TensorSpec.java", "return product", "return java.util.List.of(product).get(0)", "uses java/util/List.of"),
    ],
)  # fmt: skip
def test_what_newer_javas_have_is_not_called(
    chain: dict[str, Any], app: Path, tmp_path: Path, path: str, old: str, new: str, words: str
) -> None:
    chain["calls"].check_calls([core_classes(chain, app, tmp_path / "core")])
    edit(app / CORE / path, old, new)
    classes = core_classes(chain, app, tmp_path / "core")
    with pytest.raises(CheckFailed, match=f"Android 8 does not have .*{words}"):
        chain["calls"].check_calls([classes])


def test_what_newer_androids_have_is_called_after_a_look_at_the_release(
    chain: dict[str, Any], tmp_path: Path
) -> None:
    java, source = chain["java"], tmp_path / "A.java"
    for question, right in (("true", False), ("android.os.Build.VERSION.SDK_INT >= 29", True)):
        body = f"return {question} ? manager.getCurrentThermalStatus() : 0;"
        source.write_text(f"class A {{ int now(android.os.PowerManager manager) {{ {body} }} }}")
        classes = java.compile_java([source], [java.android_classes()], tmp_path / "a", java.AS_FOR_ANDROID)
        if right:
            chain["calls"].check_calls([classes])
        else:
            with pytest.raises(CheckFailed, match="A uses android/os/PowerManager"):
                chain["calls"].check_calls([classes])


EXECUTOR = "android/content/Context.getMainExecutor()Ljava/util/concurrent/Executor;"
"""A method that came with Android 9."""


@pytest.mark.parametrize(
    ("base", "body", "words"),
    [
        # What an activity has of its superclasses is written down as the activity's own.
        ("extends android.app.Activity", "Object now() { return getMainExecutor(); }", "A.getMainExecutor"),
        ("extends android.app.Activity", "Object now() { return super.getMainExecutor(); }", "android/app/Activity.getMainExecutor"),
        ("implements android.window.OnBackInvokedCallback", "public void onBackInvoked() {}", "android/window/OnBackInvokedCallback"),
        ("", "void now() { try { new A(); } catch (android.app.ForegroundServiceStartNotAllowedException late) { } }", "android/app/ForegroundService"),
        ("", "Object now() { return new android.graphics.BlendMode[3]; }", "android/graphics/BlendMode"),
    ],
)  # fmt: skip
def test_what_newer_androids_have_is_found_however_it_is_named(
    chain: dict[str, Any], tmp_path: Path, base: str, body: str, words: str
) -> None:
    source = tmp_path / "A.java"
    source.write_text(f"class A {base} {{ {body} }}")
    java = chain["java"]
    classes = java.compile_java([source], [java.android_classes()], tmp_path / "a", java.AS_FOR_ANDROID)
    with pytest.raises(CheckFailed, match=f"A uses {words}"):
        chain["calls"].check_calls([classes])


def test_what_is_inherited_is_known_by_the_class_that_declares_it(
    chain: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java, source = chain["java"], tmp_path / "A.java"
    monkeypatch.setitem(chain["calls"].NEWER, EXECUTOR, 28)
    for question in ("true", "android.os.Build.VERSION.SDK_INT >= 28"):
        body = f"return {question} ? getMainExecutor() : getSystemService(android.os.PowerManager.class);"
        source.write_text(f"class A extends android.app.Activity {{ Object now() {{ {body} }} }}")
        classes = java.compile_java([source], [java.android_classes()], tmp_path / "a", java.AS_FOR_ANDROID)
        if "SDK_INT" in question:
            chain["calls"].check_calls([classes])
        else:
            with pytest.raises(CheckFailed, match=r"A uses A\.getMainExecutor"):
                chain["calls"].check_calls([classes])


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        # A verdict without words, and names that core has no longer, in files with and without AndroidX.
        (f"{CORE}/ScreenState.java", "REFUSED\n", "REFUSED, STALE\n", "'when' expression must be exhaustive"),
        (f"{CORE}/AnswerCheck.java", r"AnswerCheck judge\(", "AnswerCheck decide(", "LoadedModel.kt.*judge"),
        (f"{CORE}/ScreenState.java", r"ScreenState said\(", "ScreenState spoken(", "Session.kt.*said"),
        (f"{SKIN}/MainActivity.kt", "state.busy", "state.waiting", "MainActivity.kt.*waiting"),
        (f"{SKIN}/MainActivity.kt", "R.string.photo", "R.string.picture", "app-compose uses and has not"),
        # Material 3 as it is, and Compose's rule of what may call what.
        (f"{SKIN}/MainActivity.kt", "label = { Text", "text = { Text", "no parameter with name 'text'"),
        (f"{SKIN}/MainActivity.kt", r"progress = \{ (.*?) \}", r"progress = \1", "Float.* is deprecated"),
        (f"{SKIN}/MainActivity.kt", r"@Composable\nprivate fun Answer", "private fun Answer", "must be marked with the @Composable"),
        # What Android 8 has not.
        (f"{SKIN}/CompiledModelRuntime.kt", r"TensorSpec.begin\(from\)", "from.rewind()", "RuntimeKt uses java/nio/ByteBuffer.rewind"),
    ],
)  # fmt: skip
def test_what_the_kotlin_calls_and_is_not_there(
    chain: dict[str, Any], app: Path, tmp_path: Path, path: str, old: str, new: str, words: str
) -> None:
    edit(app / path, old, new)
    java, dependencies = import_module("java"), import_module("dependencies")
    sources = app / "core/src/main/java"
    jars = list(dependencies.fetch(["minimal-json"]).values())
    core = java.compile_java([sources], jars, tmp_path / "core")
    with pytest.raises(CheckFailed, match=words):
        chain["calls"].check_calls([chain["kotlin"].compile_kotlin(tmp_path, core)])
    shutil.rmtree(core)
