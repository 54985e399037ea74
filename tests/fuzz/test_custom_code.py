"""What code of the user's own does to its process, wherever it runs: one line that names the file, and the line in it."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import own_layers
import pytest
from fuzz_verdict import run
from PIL import Image

from mobilecnn.convert import conversion

pytestmark = pytest.mark.usefixtures("forked")

LAYER = """import os, signal, sys, time
import keras

def act():
    {action}
{module}
@keras.saving.register_keras_serializable("own")
class Double(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        {init}
    def call(self, image):
        {call}
        return 2 * image
"""

LINED: dict[str, tuple[str, str]] = {
    "an error": ("raise ValueError('no')", "ValueError: no"),
    "a package that is missing": (
        "import no_such_package",
        "ModuleNotFoundError: No module named 'no_such_package'",
    ),
    "an exit": ("sys.exit(3)", "SystemExit: 3"),
    "an exit that is fine": ("sys.exit(0)", "SystemExit: 0"),
    "an exit with words": ("sys.exit('that is all')", "SystemExit: that is all"),
    "an interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "an exception of no kind": ("raise type('Odd', (BaseException,), {})('odd')", "Odd: odd"),
    "endless calls": ("act()", "RecursionError: maximum recursion depth exceeded"),
    "an abort": ("os.abort()", "Aborted"),
    "a crash": ("os.kill(os.getpid(), signal.SIGSEGV)", "Segmentation fault"),
}
"""What the code does -> what is said behind its line."""

UNLINED: dict[str, tuple[str, str]] = {
    "a hard exit": ("os._exit(7)", "ended with code 7"),
    "a hard exit that is fine": ("os._exit(0)", "ended with code 0"),
    "SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM)", "was ended by SIGTERM"),
    "SIGKILL": ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL"),
}
"""What the code does that leaves no stack -> what is said."""

ENDLESS: dict[str, tuple[str, str]] = {
    "a loop": ("while True: pass", "own.py, line 5, in act: it had not ended after"),
    "a wait": ("time.sleep(1000)", "own.py, line 5, in act: it had not ended after"),
    "a loop that catches": (
        "\n    while True:\n        try: time.sleep(1000)\n        except BaseException: pass",
        "said nothing for 6",
    ),
}


def written(folder: Path, action: str, place: str) -> Path:
    return own_layers.write(folder, LAYER, place, action)


@pytest.fixture(scope="module")
def model(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier with a layer of the user's own, and a picture beside it."""
    folder = tmp_path_factory.mktemp("own")
    scope: dict[str, Any] = {"__name__": "own"}
    exec(own_layers.filled(LAYER), scope)
    image = keras.Input((8, 8, 3))
    x = keras.layers.GlobalMaxPooling2D()(scope["Double"]()(image))
    keras.Model(image, keras.layers.Dense(2, activation="softmax")(x)).save(folder / "own.keras")
    del keras.saving.get_custom_objects()["own>Double"]
    Image.new("RGB", (8, 8)).save(folder / "it.png")
    return folder / "own.keras"


def refused(folder: Path, *command: Any) -> str:
    """The one line of an export, or another command, that fails; nothing was written."""
    (folder / "out").mkdir()
    done = run([*command, "--custom-objects", folder / "own.py"])
    assert not done.fault and done.code in (2, 3), done.output
    assert list((folder / "out").iterdir()) == []
    (line,) = [line for line in done.output.splitlines() if line.startswith("Error: ")]
    assert f"{folder / 'own.py'}" in line and "mend it there" in line.replace("mend that", "mend it"), line
    return line


def export(folder: Path, model: Path) -> str:
    return refused(folder, "export", model, "--float32", "--input-range", "raw", "-o", folder / "out")


@pytest.mark.parametrize(
    ("what", "place"),
    [
        *((what, "module") for what in LINED),
        *((what, place) for what in ("an error", "an exit", "a crash") for place in ("init", "call")),
    ],
)
def test_what_fails_is_told_with_its_line(what: str, place: str, model: Path, tmp_path: Path) -> None:
    action, words = LINED[what]
    code = written(tmp_path, action, place)
    assert re.search(rf"{code}, line 5, in act: {re.escape(words)}", export(tmp_path, model))


@pytest.mark.parametrize(
    ("what", "place"),
    [*((what, "call") for what in UNLINED), ("a hard exit", "module"), ("a hard exit", "init")],
)
def test_what_ends_the_process_is_told_with_its_file(
    what: str, place: str, model: Path, tmp_path: Path
) -> None:
    action, words = UNLINED[what]
    code = written(tmp_path, action, place)
    line = export(tmp_path, model)
    assert f"that converts {model} {words}" in line and f"the code of {code} ran in it" in line


@pytest.mark.parametrize("what", ENDLESS)
def test_what_does_not_end_is_ended(
    what: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "LOADING_SECONDS", 6.0)
    action, words = ENDLESS[what]
    written(tmp_path, action, "call")
    assert words in export(tmp_path, model)


@pytest.mark.parametrize("what", ["an exit", "a hard exit"])
@pytest.mark.parametrize("command", ["models", "predict", "evaluate"])
def test_every_command_tells_the_file(command: str, what: str, model: Path, tmp_path: Path) -> None:
    action, _ = (LINED | UNLINED)[what]
    written(tmp_path, action, "call")
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "it.png").write_bytes(model.with_name("it.png").read_bytes())
    more = {"predict": (model.with_name("it.png"),), "evaluate": ("--data", tmp_path / "set")}.get(
        command, ()
    )
    refused(tmp_path, command, model, *more)


def test_what_fails_only_when_the_model_is_traced(model: Path, tmp_path: Path) -> None:
    written(tmp_path, "raise OSError('no such table')", "call")
    code = (tmp_path / "own.py").read_text().replace("        act()", "        image.shape[0] == 1 and act()")
    (tmp_path / "own.py").write_text(code)
    assert f"{tmp_path / 'own.py'}, line 5, in act: OSError: no such table" in export(tmp_path, model)


def exporting(code: str | Path, output: Path) -> list[str | Path]:
    """Options of an export that answers all that is asked."""
    return ["--float32", "--input-range", "raw", "--custom-objects", code, "-o", output]


def test_code_that_is_mended_runs(model: Path, tmp_path: Path) -> None:
    code = written(tmp_path, "pass", "call")
    done = run(["export", model, *exporting(code, tmp_path / "out")])
    assert done.code == 0, done.output


@pytest.mark.parametrize("place", own_layers.PLACES)
def test_code_that_leaves_the_folder_changes_no_name(place: str, model: Path, tmp_path: Path) -> None:
    shutil.copy(model, tmp_path / "own.keras")
    written(tmp_path, "os.chdir(os.path.abspath(os.sep))", place)
    # Not with another current folder: the child is a fork of one that has this.
    named, code = (os.path.relpath(tmp_path / name) for name in ("own.keras", "own.py"))
    options = exporting(code, tmp_path / "out")
    done = run(["export", named, *options])
    assert done.code == 0, done.output
    # What is wrong is told with the names that were typed.
    (tmp_path / "own.keras").write_bytes(b"PK" + model.read_bytes()[2:1000])
    done = run(["export", named, *options])
    assert done.code == 2 and f"Error: {named} " in done.output, done.output
