"""Fine-tuning a model with layers of the user's own: the code runs where it is trained, and what fails in it has its line."""

import re
import sys
from pathlib import Path
from typing import Any

import own_layers
import pytest
from trainings import interrupt_after, write_colors

from mobilecnn import bases
from mobilecnn.api.training import train
from mobilecnn.errors import InputError, ModelFileError, UsageError
from mobilecnn.train.keras_file import read_info

CODE = """import sys, keras

def act():
    {action}
{module}
class Double(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        {init}
    def call(self, image):
        {call}
        return 2 * image
"""


def code(folder: Path, place: str = "", action: str = "pass") -> Path:
    return own_layers.write(folder, CODE, place, action)


@pytest.fixture(scope="module")
def made(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``own.keras``, a classifier with such a layer, and ``colors``."""
    folder = tmp_path_factory.mktemp("own")
    scope: dict[str, Any] = {"__name__": "own"}
    exec(own_layers.filled(CODE), scope)
    image = keras.Input((16, 16, 3))
    x = scope["Double"]()(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(x))
    keras.Model(image, keras.layers.Dense(2, activation="softmax")(x)).save(folder / "own.keras")
    write_colors(folder / "colors")
    return folder


@pytest.fixture
def tuned(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A fine-tuning of it, whose code leaves no trace in the process."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def begin(custom_objects: Path | None, **options: Any) -> Any:
        return train(
            None, made / "colors", tmp_path / "tuned.keras", base=made / "own.keras", custom_objects=custom_objects, epochs=2,
            input_range="raw", **options,
        )  # fmt: skip

    return begin


def test_it_is_trained_and_needs_its_code_again(tuned: Any, made: Path, tmp_path: Path) -> None:
    outcome = tuned(code(tmp_path))
    info = read_info(outcome.path)
    assert info.training is not None and len(info.training["code_sha256"]) == 64
    with pytest.raises(ModelFileError, match=r"--custom-objects FILE\.py"):
        bases.load(outcome.path)
    again = bases.load(outcome.path, custom_objects=code(tmp_path))
    assert again.contract.range_name == "raw" and again.model.output_shape == (None, 3)


@pytest.mark.parametrize("place", own_layers.PLACES)
@pytest.mark.parametrize(
    ("action", "words"),
    [("raise ValueError('no')", "ValueError: no"), ("sys.exit(3)", "SystemExit: 3")],
    ids=["an error", "an exit"],
)
def test_what_fails_is_told_with_its_line(
    place: str, action: str, words: str, tuned: Any, tmp_path: Path
) -> None:
    file = code(tmp_path, place, action)
    with pytest.raises(ModelFileError) as failed:
        tuned(file)
    assert re.search(rf"{file}, line 4, in act: {re.escape(words)}; mend that there", str(failed.value))
    assert list(tmp_path.iterdir()) == [file]


def test_what_fails_later_leaves_what_is_saved(tuned: Any, tmp_path: Path) -> None:
    def fail(epoch: Any) -> None:
        raise RuntimeError("a fault of the caller")

    with pytest.raises(RuntimeError, match="a fault of the caller"):
        tuned(code(tmp_path), on_epoch=fail)
    with pytest.raises(KeyboardInterrupt):
        tuned(code(tmp_path), on_epoch=interrupt_after(1))
    assert (tmp_path / "tuned.checkpoint").is_dir()
    changed = code(tmp_path, "call", "x = 1")
    with pytest.raises(UsageError, match="the weights that it began with, have changed"):
        tuned(changed, resume=True)
    assert len(tuned(code(tmp_path), resume=True).history) == 2


def test_code_that_is_missing_or_for_nothing_is_refused(tuned: Any, made: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ModelFileError, match=r"give the Python file that defines it: --custom-objects FILE\.py"
    ):
        tuned(None)
    with pytest.raises(InputError, match="no such Python file"):
        tuned(tmp_path / "none.py")
    with pytest.raises(UsageError, match="--custom-objects has no effect without --from; leave it out"):
        train("lenet5", made / "colors", tmp_path / "it.keras", custom_objects=code(tmp_path))
