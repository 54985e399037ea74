"""Pictures of 12 bits that are stored in 16: nothing in the file says so, and they are nearly black."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from pictures import png, tiff, twelve_bits
from PIL import Image
from trees import CLASSES, put

from mobilecnn.contract import contract_for
from mobilecnn.remarks import Remark, Remarks
from mobilecnn.train import batches, datasets
from mobilecnn.train.images import decode
from mobilecnn.train.modes import NARROW

UNIT = contract_for("unit", (4, 4, 3))


def jpeg2000(value: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((16, 16), value, np.uint16)).save(stream, "JPEG2000")
    return stream.getvalue()


def big(value: int, count: int = 1) -> bytes:
    return struct.pack(">H", value) * count


FORMS = {
    "PNG grey": lambda value: png(0, 16, big(value)),
    "PNG colour": lambda value: png(2, 16, big(value, 3)),
    "PNG grey with alpha": lambda value: png(4, 16, big(value) + big(65535)),
    "PNG colour with alpha": lambda value: png(6, 16, big(value, 3) + big(65535)),
    "PGM": lambda value: b"P5 1 1 65535\n" + big(value),
    "PPM": lambda value: b"P6 1 1 65535\n" + big(value, 3),
    "PPM as text": lambda value: b"P3 1 1 65535\n" + b"%d " % value * 3,
    "TIFF grey": lambda value: tiff(16, [value], 1),
    "TIFF grey, white is 0": lambda value: tiff(16, [value], 0),
    "TIFF colour": lambda value: tiff(16, [value] * 3, 2),
    "TIFF colour, deflated": lambda value: tiff(16, [value] * 3, 2, deflated=True),
    "TIFF with a fourth channel": lambda value: tiff(16, [value] * 3 + [65535], 2),
    "JPEG 2000": jpeg2000,
}
"""Form of a file -> a picture of one shade in it, by its value of 16 bits."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("value", "narrow"),
    [(0, False), (1023, True), (NARROW, True), (NARROW + 300, False), (16383, False), (65535, False)],
)
def test_values_of_12_bits_in_16_are_noticed(form: str, value: int, narrow: bool, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(FORMS[form](value))
    assert decode(tmp_path / "a").narrow is narrow


@pytest.mark.parametrize(
    "content",
    [
        png(0, 8, b"\5"), png(2, 8, b"\5\5\5"), b"P5 1 1 4095\n" + big(4095), b"P6 1 1 4095\n" + big(4095, 3),
        b"P5 1 1 255\n\5", twelve_bits(4095, 4095),
    ],
)  # fmt: skip
def test_dark_pictures_of_8_bits_and_files_that_say_their_white_are_none(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(content)
    assert not decode(tmp_path / "a").narrow


@pytest.fixture
def xrays(tmp_path: Path) -> Path:
    put(tmp_path, *CLASSES)
    for name in ("0", "1"):
        (tmp_path / "cat" / f"{name}.png").write_bytes(FORMS["PNG grey"](4000))
    return tmp_path


@pytest.mark.parametrize("kept", [True, False])
def test_they_are_named_once_wherever_pictures_are_read(
    kept: bool, xrays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remarks = Remarks()
    dataset = datasets.load(str(xrays))
    pixels = [list(dataset.pixels(UNIT, remarks)) for _ in range(2)]
    assert pixels[0][0].max() == 15, "nothing is guessed"
    (remark,) = remarks.rows
    assert isinstance(remark, Remark) and (remark.code, remark.count) == ("narrow", 2)
    assert remark.text.startswith(f"{xrays}: nearly black") and remark.names == ("0.png", "1.png")
    trained = Remarks()
    if not kept:
        monkeypatch.setattr(batches, "_spool", lambda folder, size: None)
    batches.Pictures(dataset, UNIT, tmp_path, lambda *_: None, trained)
    assert trained.rows[:1] == [remark]
    assert [row.code for row in trained.rows[1:]] == ([] if kept else ["decoded-again"])
