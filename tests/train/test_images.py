"""From a picture to the tensor: the input contract."""

import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mobilecnn.contract import RANGES, InputContract, contract_for
from mobilecnn.errors import DataError, InputError, ModelFileError, UsageError
from mobilecnn.records import record
from mobilecnn.train.images import open_image, random_pixels, stack_pixels, to_pixels, to_tensor

BLACK_AND_WHITE = {"raw": (0, 255), "unit": (0, 1), "tf": (-1, 1), "lite": (-127 / 128, 1)}


@pytest.mark.parametrize(("name", "ends"), BLACK_AND_WHITE.items())
def test_black_and_white_are_the_ends_of_the_range(name: str, ends: tuple[float, float]) -> None:
    contract = contract_for(name, (1, 2, 3))
    tensor = to_tensor(np.asarray([[[0, 0, 0], [255, 255, 255]]], np.uint8), contract)
    assert tensor.dtype == np.float32
    assert tensor[0, 0].tolist() == [ends[0]] * 3 and tensor[0, 1].tolist() == [ends[1]] * 3


def test_ranges_are_those_of_keras(keras: object) -> None:
    """``tf``, ``torch`` and ``caffe`` are the modes of Keras' preprocess_input."""
    from keras.src.applications.imagenet_utils import preprocess_input

    pixels = random_pixels(1, contract_for("raw", (4, 4, 3)))
    for name in ("tf", "torch", "caffe"):
        ours = to_tensor(pixels, contract_for(name, (4, 4, 3)))
        np.testing.assert_allclose(ours, preprocess_input(pixels.astype(np.float32), mode=name), atol=1e-4)


@pytest.mark.parametrize("name", RANGES)
def test_a_contract_survives_json(name: str) -> None:
    contract = contract_for(name, (7, 9, 3), stated=False)
    assert record(InputContract, json.loads(json.dumps(contract.to_json()))) == contract


@given(
    st.dictionaries(
        st.sampled_from(["height", "width", "channels", "color", "mean", "std", "resize", "stated"]),
        st.one_of(
            st.none(),
            st.integers(-3, 3),
            st.text(max_size=4),
            st.lists(st.floats(allow_nan=False), max_size=4),
        ),
    )
)
def test_a_damaged_contract_is_refused_and_never_crashes(changes: dict[str, object]) -> None:
    document = {**contract_for("tf", (8, 8, 3)).to_json(), **changes}
    try:
        contract = record(InputContract, document)
        contract.check()
    except (InputError, ValueError):
        return
    assert len(contract.mean) == len(contract.std) == contract.channels and 0 not in contract.std


def test_what_has_no_contract_is_refused() -> None:
    with pytest.raises(UsageError, match="choose one of raw, unit"):
        contract_for("0..1", (8, 8, 3))
    with pytest.raises(UsageError, match="three channels"):
        contract_for("torch", (8, 8, 1))
    with pytest.raises(ModelFileError, match="takes 4 channels"):
        contract_for("tf", (8, 8, 4))


def test_the_whole_picture_is_stretched(tmp_path: Path) -> None:
    wide = np.zeros((10, 40, 3), np.uint8)
    wide[:, 20:] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    small = to_pixels(tmp_path / "wide.png", contract_for("raw", (8, 8, 3)))
    assert small.shape == (8, 8, 3)
    assert small[:, :3].max() == 0 and small[:, 5:].min() == 255


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    picture = Image.fromarray(np.full((4, 8, 3), 90, np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert open_image(tmp_path / "turned.jpg").size == (4, 8)


def test_transparency_is_put_on_black() -> None:
    hidden = np.full((2, 2, 4), 255, np.uint8)
    hidden[..., 3] = 0
    contract = contract_for("raw", (2, 2, 3))
    assert to_pixels(Image.fromarray(hidden), contract).max() == 0
    palette = Image.fromarray(np.full((2, 2, 3), 200, np.uint8)).convert("P")
    assert to_pixels(palette, contract).min() >= 190


def test_grey_and_colour_meet(tmp_path: Path) -> None:
    grey = np.arange(0, 160, 10, dtype=np.uint8).reshape(4, 4)
    assert np.array_equal(to_pixels(grey, contract_for("unit", (4, 4, 1)))[..., 0], grey)
    colour = to_pixels(grey, contract_for("unit", (4, 4, 3)))
    assert np.array_equal(colour[..., 0], grey) and np.array_equal(colour[..., 2], grey)


def test_bgr_swaps_the_channels() -> None:
    pixels = np.asarray([[[10, 20, 30]]], np.uint8)
    tensor = to_tensor(pixels, contract_for("caffe", (1, 1, 3)))
    np.testing.assert_allclose(tensor[0, 0], [30 - 103.939, 20 - 116.779, 10 - 123.68], rtol=1e-5)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\xff\xd8\xff\xe0" + b"0" * 50, b"\x89PNG\r\n\x1a\n" + b"0" * 50]
)
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.jpg"):
        open_image(tmp_path / "a.jpg")


def test_damage_of_any_kind_is_one_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A short run over files of every format, each with a few bytes changed, removed or added."""
    rng = random.Random(0)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8))
    originals = []
    for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "JPEG2000"):
        stream = io.BytesIO()
        noise.save(stream, kind)
        originals.append(stream.getvalue())
    refused = 0
    for number in range(400):
        content = bytearray(rng.choice(originals))
        for _ in range(rng.choice([1, 2, 5, 20])):
            place = rng.randrange(min(120, len(content)))
            change = rng.choice(("other", "other", "removed", "added", "cut"))
            if change == "other":
                content[place] = rng.choice([0, 1, 127, 128, 255])
            elif change == "removed":
                del content[place : place + rng.randrange(1, 4)]
            elif change == "added":
                content[place:place] = rng.randbytes(3)
            else:
                del content[rng.randrange(60, len(content)) :]
            content.extend(bytes(max(0, 120 - len(content))))
        path = tmp_path / f"{number}.png"
        path.write_bytes(content)
        try:
            to_pixels(path, contract_for("unit", (4, 4, 3)))
        except DataError as error:
            assert str(path) in str(error)
            refused += 1
    assert 100 < refused < 400
    assert "Traceback" not in capfd.readouterr().err


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match=r"bomb\.png"):
        open_image(tmp_path / "bomb.png")


def test_random_pictures_are_the_same_for_the_same_seed() -> None:
    contract = contract_for("unit", (16, 16, 3))
    assert np.array_equal(random_pixels(2, contract, 3), random_pixels(2, contract, 3))
    assert not np.array_equal(random_pixels(2, contract, 3), random_pixels(2, contract, 4))
    assert stack_pixels([np.zeros((4, 4), np.uint8)] * 3, contract).shape == (3, 16, 16, 3)
