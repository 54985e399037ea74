"""``mobilecnn android --init``: an app of the user's own, whole or not at all, also from an installed wheel."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from sample_app import MODELS, ROOT

from mobilecnn.android_demo import copying
from mobilecnn.cli import cli
from mobilecnn.errors import UsageError

ID, NAME = "com.example.lesions", "Lesions"


def android(folder: Path, *words: object, application: str = ID, name: str = NAME) -> Result:
    arguments = ["android", "--init", folder, "--id", application, "--name", name, *words]
    return CliRunner().invoke(cli, [str(word) for word in arguments])


def app_name(app: Path) -> str | None:
    (found,) = ElementTree.parse(app / "app/src/main/res/values/strings.xml").iterfind(
        "string[@name='app_name']"
    )
    return found.text


def test_the_app_comes_with_the_package() -> None:
    """Each pattern finds something: in a wheel what ``pyproject.toml`` packs, which the tests of the wheel run."""
    found = [str(path) for path in copying.files()]
    for pattern in copying.FILES:
        assert any(fnmatch(path, pattern.replace("**/", "")) for path in found), pattern
    assert "app/src/main/java/org/mobilecnn/demo/MainActivity.java" in found and "ci/deps.lock" in found
    assert not [path for path in found if path.endswith((".tflite", ".pyc")) or "README" in path]


def test_the_wheel_takes_what_is_copied() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert tuple(tools["package-data"]["mobilecnn.android_demo"]) == copying.FILES


@pytest.mark.parametrize(
    "application",
    [
        "", "lesions", "com", ".com.example", "com..example", "com.example.", "com.1example.app", "com.exa mple.app",
        "com.example.lesions\n", "com.exämple.app", "com/example.app", "com.new.app", "com.example.Class.class",
        "com.example._x", "a" * 60 + "." + "b" * 60, "$(id).b", "-a.b", "org.mobilecnn.demo",
    ],
)  # fmt: skip
def test_what_is_no_application_id(application: str, tmp_path: Path) -> None:
    done = android(tmp_path / "mine", "--model", "any.tflite", application=application)
    assert done.exit_code == 2 and "Error: --id " in done.stderr and ID in done.stderr, done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("application", [ID, "de.klinik.haut2.App", "a.b", "com.example.new_app"])
def test_what_is_one(application: str) -> None:
    copying.check_application(application)
    assert bool(copying.remarks(application)) == application.startswith("com.example.")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Lesions", "Lesions"),
        ("  Haut & Haar ", "Haut &amp; Haar"),
        ('It\'s "mine"', 'It\\\'s \\"mine\\"'),
        ("@string/x", "\\@string/x"),
        ("?", "\\?"),
        ("a\\n", "a\\\\n"),
        ("皮肤 <3", "皮肤 &lt;3"),
        # Joiners are not seen, and part of how a Persian word and an emoji are written.
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\U0001f469\u200d\U0001f52c", "\U0001f469\u200d\U0001f52c"),
    ],
)
def test_a_name_as_a_string_of_android(name: str, written: str) -> None:
    assert copying.string(name) == written


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "two\nlines",
        "bell\a",
        "x" * 51,
        "\u202eym",
        "\u200d",
        "\u200cx",
        "x\u200c y",
        "x\u200c\u200dy",
    ],
)
def test_what_is_no_name(name: str, tmp_path: Path) -> None:
    done = android(tmp_path / "mine", "--model", "any.tflite", name=name)
    assert done.exit_code == 2 and "--name must be 1 to 50 printable characters" in done.stderr, done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--init", "it"], "--init needs the new app's --id, like com.example.lesions, and its --name"),
        (["--init", "it", "--id", ID], "--init needs"),
        (["--id", ID], "--id names a new copy of the app; give --init FOLDER too"),
        (["--name", NAME], "--name names a new copy of the app; give --init FOLDER too"),
        (["--init", "it", "--id", ID, "--name", NAME, "--install"], "--install is for an app that exists"),
        (
            ["--init", "it", "--id", ID, "--name", NAME, "--app", "android_demo"],
            "--app is for an app that exists",
        ),
        (["--init", "it", "--id", ID, "--name", NAME, "--apk", "a.apk"], "--apk is for an app that exists"),
    ],
)
def test_options_that_do_not_go_together(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["android", "--model", "any.tflite", *words])
    assert done.exit_code == 2 and said in done.stderr, done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "empty", "file", "link"])
def test_what_exists_is_left_alone(kind: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    if kind == "file":
        mine.write_text("mine")
    elif kind == "link":
        mine.symlink_to("nowhere")
    else:
        mine.mkdir()
        if kind == "folder":
            (mine / "thesis.txt").write_text("all of it")
    with pytest.raises(UsageError, match="exists; name a folder that does not"):
        copying.copy(mine, ID, NAME, [])
    assert list(tmp_path.iterdir()) == [mine]
    assert kind != "folder" or (mine / "thesis.txt").read_text() == "all of it"


def test_a_disk_that_fails_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_edit", lambda *_: os.open(tmp_path / "no" / "such", os.O_RDONLY))
    done = CliRunner().invoke(
        cli, ["android", "--init", str(tmp_path / "mine"), "--id", ID, "--name", NAME, "--model", "no.tflite"]
    )
    assert done.exit_code == 2 and "no such model" in done.stderr
    with pytest.raises(Exception, match=r"cannot write .*mine"):
        copying.copy(tmp_path / "mine", ID, NAME, [])
    assert list(tmp_path.iterdir()) == []


def test_an_app_of_ones_own(exported: Path, tmp_path: Path) -> None:
    mine, model = tmp_path / "my apps" / "lesions", exported / "theirs.int8.tflite"
    done = android(mine, "--model", model, name="Skin & Co")
    assert done.exit_code == 0, done.output
    assert "com.example" in done.stderr and "before you publish" in done.stderr
    assert f"Next, with Android Studio: open '{mine}' and press Run." in done.stderr
    assert f"am start -n {ID}/org.mobilecnn.demo.MainActivity" in done.stderr
    gradle = (mine / "app/build.gradle.kts").read_text()
    assert f'applicationId = "{ID}"' in gradle and 'namespace = "org.mobilecnn.demo"' in gradle
    assert 'rootProject.name = "lesions"' in (mine / "settings.gradle.kts").read_text()
    assert app_name(mine) == "Skin & Co"
    assert (mine / MODELS / model.name).read_bytes() == model.read_bytes()
    assert {path.name for path in (mine / MODELS).iterdir()} == {model.name, "theirs.int8.json"}
    # All else is the sample app's, and it is the only thing that was written.
    edited = {Path("settings.gradle.kts")}
    for skin in ("app", "app-compose"):
        edited |= {Path(skin, "build.gradle.kts"), Path(skin, "src/main/res/values/strings.xml")}
    for path in set(copying.files()) - edited:
        assert (mine / path).read_bytes() == (copying.SAMPLE / path).read_bytes()
    assert list(mine.parent.iterdir()) == [mine]
    # From now on it is an app like any other.
    float32 = exported / "theirs.float32.tflite"
    done = CliRunner().invoke(cli, ["android", "--app", str(mine), "--model", str(float32), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["models"][0]["file"] == float32.name
    done = android(mine, "--model", model)
    assert done.exit_code == 2 and f"{mine} exists" in done.stderr


def test_a_model_that_cannot_go_in_makes_no_app(exported: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.tflite"
    alone.write_bytes((exported / "theirs.int8.tflite").read_bytes())
    done = android(tmp_path / "mine", "--model", alone)
    assert done.exit_code == 2 and "has no passport alone.json beside it" in done.stderr
    assert list(tmp_path.iterdir()) == [alone]


@pytest.mark.sweep
def test_an_app_of_ones_own_is_built_by_the_chain(exported: Path, tmp_path: Path) -> None:
    mine, model = tmp_path / "lesions", exported / "theirs.int8.tflite"
    assert android(mine, "--model", model, name="It's @home").exit_code == 0
    (mine / "build").symlink_to(ROOT / "android_demo/build")
    apk = tmp_path / "lesions.apk"
    command = [sys.executable, str(mine / "ci/build_apk.py"), "--output", str(apk)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    assert f"manifest: {ID} " in done.stdout
    badging = subprocess.run(
        ["aapt", "dump", "badging", apk], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(rf"^package: name='{re.escape(ID)}' ", badging)
    assert (
        "application-label:'It\\'s @home'" in badging
        or 'application-label:"It\'s @home"' in badging
        or ("application-label:'It's @home'" in badging)
    ), badging
    with zipfile.ZipFile(apk) as archive:
        assert archive.read(f"assets/models/{model.name}") == model.read_bytes()
