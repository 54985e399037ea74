"""What does not fit a model is refused before an image is decoded, whichever of several models it is."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mobilecnn
from mobilecnn.errors import DataError

pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture(scope="module")
def models(keras: Any, exported: Path, third_party: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``good.tflite`` of the classes cat and dog, and with ``several`` labels by themselves, in both forms."""
    folder = tmp_path_factory.mktemp("models")
    for suffix in ("tflite", "json"):
        shutil.copy(exported / f"theirs.float32.{suffix}", folder)
    shutil.copy(third_party / "theirs.keras", folder)
    image = keras.Input((48, 48, 3))
    scores = keras.layers.Dense(2, activation="sigmoid")(keras.layers.GlobalAveragePooling2D()(image))
    keras.Model(image, scores).save(folder / "several.keras")
    mobilecnn.export(folder / "several.keras", "float32", input_range="unit", output=folder)
    return folder


def third_class(data: Path) -> None:
    (data / "eel").mkdir()
    shutil.copy(data / "cat" / "0.jpg", data / "eel")


def loose(data: Path) -> None:
    for path in [*data.glob("*/*")]:
        path.rename(data / f"{path.parent.name}-{path.name}")


def nothing(data: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("names", "change", "words"),
    [
        (["several.float32.tflite"], nothing, "there is no accuracy"),
        (["several.keras"], nothing, r"several\.keras says yes or no to each of 2 labels"),
        (
            ["theirs.float32.tflite", "several.float32.tflite"],
            nothing,
            r"several\.float32\.tflite says yes or no",
        ),
        (["theirs.float32.tflite", "several.keras"], nothing, r"several\.keras says yes or no"),
        (["theirs.keras", "several.keras"], nothing, r"several\.keras says yes or no"),
        (["theirs.keras", "several.float32.tflite"], nothing, r"several\.float32\.tflite says yes or no"),
        (["theirs.float32.tflite"], third_class, "has no class 'eel'"),
        (["theirs.keras"], third_class, "3 classes and the model 2 outputs"),
        (["theirs.float32.tflite"], loose, "one folder a class"),
    ],
)
def test_labels_that_do_not_fit_are_refused_before_the_images(
    names: list[str], change: Callable[[Path], None], words: str, models: Path, photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    change(data)
    decoded: list[int] = []
    with pytest.raises(DataError, match=words):
        mobilecnn.evaluate(
            [models / name for name in names],
            data,
            input_range="unit" if "several.keras" in names else None,
            progress=lambda done, images, what: decoded.append(done),
        )
    assert not decoded


def test_the_images_are_decoded_where_all_fits(models: Path, photos: Path) -> None:
    decoded: list[int] = []
    names = ["theirs.keras", "theirs.float32.tflite", "theirs.keras"]
    with (
        pytest.warns(UserWarning, match="these models carry no labels"),
        pytest.warns(UserWarning, match="no more right answers than chance"),
    ):
        evaluation = mobilecnn.evaluate(
            [models / name for name in names],
            photos,
            progress=lambda done, images, what: decoded.append(done),
        )
    assert decoded == list(range(1, 13))
    first, _, third = evaluation.results
    assert first.sha256 == third.sha256 and first.correct == third.correct
