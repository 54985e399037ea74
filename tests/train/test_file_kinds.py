"""Files that are no picture that is read: each is called what it is, with what to do about it."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import jpeg_frame, tagged_tiff
from PIL import Image

from mobilecnn.contract import contract_for
from mobilecnn.errors import DataError
from mobilecnn.train import datasets, images
from mobilecnn.train.images import decode, open_image

RAMP = bytes(range(16))
RGB, YCBCR = {262: 2}, {262: 6}


def saved(kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(noise).save(stream, kind, **options)
    return stream.getvalue()


def bmp(place: int, kind: str, value: int) -> bytes:
    """A BMP file with another number in its header."""
    content = bytearray(saved("BMP"))
    struct.pack_into(kind, content, place, value)
    return bytes(content)


def media(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(50)


TIFFS: dict[str, tuple[bytes, str]] = {
    "64-bit floats": (tagged_tiff(RAMP * 8, [64], {339: 3}), "floating-point numbers of 64 bits (SampleFormat 3)"),
    "16-bit floats": (tagged_tiff(RAMP * 2, [16], {339: 3}), "floating-point numbers of 16 bits (SampleFormat 3)"),
    "32-bit floats, RGB": (tagged_tiff(RAMP * 12, [32] * 3, {**RGB, 339: [3] * 3}), "floating-point numbers of 32 bits"),
    "complex": (tagged_tiff(RAMP * 8, [64], {339: 6}), "complex numbers of 64 bits"),
    "complex integers": (tagged_tiff(RAMP * 4, [32], {339: 5}), "complex integers of 32 bits"),
    "no said type": (tagged_tiff(RAMP, [8], {339: 4}), "values of no said type"),
    "10 bits": (tagged_tiff(RAMP * 2, [10]), "has 10 bits a channel"),
    "14 bits": (tagged_tiff(RAMP * 2, [14]), "has 14 bits a channel"),
    "64 bits": (tagged_tiff(RAMP * 8, [64]), "has 64 bits a channel"),
    "12 bits, RGB": (tagged_tiff(RAMP * 5, [12] * 3, RGB), "has 12 bits a channel"),
    "32 bits, RGB": (tagged_tiff(RAMP * 12, [32] * 3, RGB), "has 32 bits a channel"),
    "two channels": (tagged_tiff(RAMP * 2, [8] * 2, RGB), "has 2 channels for RGB"),
    "grey and alpha of 16 bits": (tagged_tiff(RAMP * 4, [16] * 2, {338: 2}), "has 2 channels of 16 bits"),
    "five channels": (tagged_tiff(RAMP * 5, [8] * 5), "has 5 channels of 8 bits"),
    "eight channels": (tagged_tiff(RAMP * 8, [8] * 8), "has 8 channels of 8 bits"),
    "a palette of 16 bits": (tagged_tiff(RAMP * 2, [16], {262: 3}), "has 16 bits for a palette"),
    "L*a*b* of 16 bits": (tagged_tiff(RAMP * 6, [16] * 3, {262: 8}), "has 16 bits for L*a*b*"),
    "a mask": (tagged_tiff(RAMP, [1], {262: 4}), "a transparency mask (PhotometricInterpretation 4)"),
    "ICC L*a*b*": (tagged_tiff(RAMP * 3, [8] * 3, {262: 9}), "ICC L*a*b* colours"),
    "a sensor's values": (tagged_tiff(RAMP * 2, [16], {262: 32803}), "the raw values of a camera's sensor"),
    "linear raw": (tagged_tiff(RAMP * 6, [16] * 3, {262: 34892}), "a camera's linear raw colours"),
    "LogLuv": (tagged_tiff(RAMP * 6, [16] * 3, {262: 32845, 259: 34676}), "the logarithm of its luminance"),
    "JPEG 2000 inside": (tagged_tiff(RAMP, [8], {259: 34712}), "compressed with JPEG 2000 (Compression 34712)"),
    "JPEG XR inside": (tagged_tiff(RAMP, [8], {259: 34934}), "compressed with JPEG XR"),
    "JPEG XL inside": (tagged_tiff(RAMP, [8], {259: 50002}), "compressed with JPEG XL"),
    "JBIG": (tagged_tiff(RAMP, [1], {259: 34661}), "compressed with JBIG"),
    "LERC": (tagged_tiff(RAMP, [8], {259: 34887}), "compressed with LERC"),
    "old JPEG": (tagged_tiff(RAMP, [8], {259: 6}), "compressed with JPEG of the old style, and it is damaged or"),
    "Zstandard": (tagged_tiff(RAMP, [8], {259: 50000}), "compressed with Zstandard, and it is damaged or"),
    "WebP inside": (tagged_tiff(RAMP * 3, [8] * 3, {**RGB, 259: 50001}), "compressed with WebP, and it is damaged or"),
    "LZMA": (tagged_tiff(RAMP, [8], {259: 34925}), "compressed with LZMA, and it is damaged or"),
    "BigTIFF, 64-bit floats": (tagged_tiff(RAMP * 8, [64], {339: 3}, big=True), "floating-point numbers of 64 bits"),
    "black unknown": (tagged_tiff(RAMP, [8], {262: []}), "does not say whether 0 is black or white"),
    "black unknown, RGB": (tagged_tiff(RAMP * 3, [8] * 3, {262: []}), "PhotometricInterpretation"),
    "DNG": (tagged_tiff(RAMP * 3, [8] * 3, {**RGB, 50706: [1, 4]}), "a camera's raw photo, of which only a small preview"),
    "a preview": (tagged_tiff(RAMP * 3, [8] * 3, {**RGB, 254: 1, 330: 8}), "a camera's raw photo, of which only a small preview"),
}  # fmt: skip

OTHERS: dict[str, tuple[bytes, str]] = {
    "JPEG, 12 bits": (jpeg_frame({3: 12}), "is a JPEG image that is not read: it has 12 bits a channel"),
    "JPEG, lossless": (jpeg_frame({0: 0xC3}), "is coded without loss (SOF3)"),
    "JPEG, arithmetic": (jpeg_frame({0: 0xCA}), "is coded arithmetically (SOF10)"),
    "JPEG, hierarchical": (jpeg_frame({0: 0xC5}), "is coded in a hierarchy (SOF5)"),
    "JPEG-LS": (jpeg_frame({0: 0xF7}), "is coded by JPEG-LS"),
    "JPEG, two channels": (jpeg_frame({8: 2}), "has 2 channels"),
    "BMP with a JPEG inside": (bmp(30, "<I", 4), "of a kind that is not read (Unsupported BMP compression (4))"),
    "BMP, 2 bits": (bmp(28, "<H", 2), "of a kind that is not read (Unsupported BMP pixel depth (2))"),
    "BMP, another header": (bmp(14, "<I", 20), "of a kind that is not read (Unsupported BMP header type (20))"),
    "HEIC": (media(b"heic"), "is a HEIC photo, which is not read; save it as a PNG or JPEG"),
    "HEIF": (media(b"mif1"), "is a HEIC photo"),
    "Canon raw": (media(b"crx "), "is a camera's raw photo"),
    "MP4": (media(b"isom"), "is a video; give single frames"),
    "WebM": (b"\x1aE\xdf\xa3" + bytes(20), "is a video (Matroska or WebM)"),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", "is a recording (RIFF)"),
    "JPEG XL": (b"\xff\x0a" + bytes(20), "is a JPEG XL image, which is not read"),
    "Olympus raw": (b"IIRO\x08\0\0\0" + bytes(50), "is a camera's raw photo"),
    "PSD": (b"8BPS" + bytes(30), "is a Photoshop document"),
    "TGA": (saved("TGA"), "is a TGA image"),
    "ICO": (saved("ICO"), "is a Windows icon"),
    "PCX": (saved("PCX"), "is a PCX image"),
    "SGI": (saved("SGI"), "is an SGI image"),
    "DDS": (saved("DDS"), "is a DDS texture"),
    "PDF": (saved("PDF"), "is a PDF document"),
    "EPS": (saved("EPS"), "is a PostScript document"),
    "DICOM": (bytes(128) + b"DICM", "is a DICOM image"),
    "SVG": (b"<?xml version='1.0'?>\n<svg xmlns='...'/>", "is an SVG drawing"),
    "a web page": (b"\xef\xbb\xbf\n<!DOCTYPE HTML>", "is a web page; download the picture itself"),
    "ZIP": (b"PK\3\4" + bytes(30), "is a ZIP archive; unpack it"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid", "is a pointer of Git LFS instead of the picture"),
    "text": (b"no picture", "is not a JPEG, PNG, "),
}  # fmt: skip

DAMAGED: dict[str, tuple[bytes, str]] = {
    "TIFF, cut in its tags": (tagged_tiff(RAMP)[:40], "is a damaged image: its end is missing"),
    "TIFF, cut": (tagged_tiff(RAMP)[:-6], "is a damaged image: its end is missing"),
    "JPEG, cut": (saved("JPEG")[:300], "is a damaged image: its end is missing"),
    "JPEG, no frame": (b"\xff\xd8\xff\xe0" + bytes(50), "begins as a JPEG image and is damaged"),
    "PNG, cut": (saved("PNG")[:200], "is a damaged image: its end is missing"),
    "PNG, no header": (b"\x89PNG\r\n\x1a\n" + bytes(50), "is"),
    "GIF, cut": (saved("GIF")[:12], "begins as a GIF image and is damaged"),
    "WebP, cut": (saved("WEBP")[:60], "is a damaged image"),
    "AVIF, broken": (media(b"avif"), "begins as an AVIF image and is damaged"),
    "JPEG 2000, cut": (saved("JPEG2000")[:200], "is a damaged image"),
    "BMP, no width": (bmp(18, "<i", 0), "begins as a BMP image and is damaged"),
    "BMP, cut": (saved("BMP")[:70], "is a damaged image: its end is missing"),
}


@pytest.mark.parametrize("name", [*TIFFS, *OTHERS, *DAMAGED])
def test_a_file_is_called_what_it_is(name: str, tmp_path: Path) -> None:
    content, words = (TIFFS | OTHERS | DAMAGED)[name]
    path = tmp_path / "it.png"
    path.write_bytes(content)
    if name == "AVIF, broken" and "AVIF" not in images._readable():
        words = "is an AVIF image, which the Pillow that is installed here does not read"
    with pytest.raises(DataError) as refused:
        decode(path)
    message = str(refused.value)
    assert message.startswith(f"{path} ") and words in message, message
    if name in TIFFS:
        assert "TIFF" in message or "raw photo" in message or "black" in message
        assert "save it as a PNG" in message and "is not a JPEG" not in message
    if name in DAMAGED:
        assert "damaged" in message and "not read" not in message
    assert "\n" not in message and message == message.strip()


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_the_usual_tiff_is_read_and_so_is_what_is_saved_as_told(bits: int, big: bool, tmp_path: Path) -> None:
    values = np.arange(16).reshape(4, 4) * 16
    content = (values << (bits - 8)).astype(f"<u{bits // 8}")
    (tmp_path / "it.tif").write_bytes(tagged_tiff(content.tobytes(), [bits], big=big))
    np.testing.assert_array_equal(np.asarray(open_image(tmp_path / "it.tif")), values)
    Image.fromarray(content.astype(f"u{bits // 8}")).save(tmp_path / "it.png")
    np.testing.assert_array_equal(np.asarray(open_image(tmp_path / "it.png")), values)


@pytest.mark.parametrize(
    ("kind", "noun"), [("AVIF", "an AVIF"), ("WEBP", "a WebP"), ("JPEG2000", "a JPEG 2000")]
)
def test_a_format_that_this_pillow_lacks(
    kind: str, noun: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind not in Image.SAVE:
        pytest.skip(f"NOT TRIED: this Pillow writes no {kind}, so there is no file to be refused")
    (tmp_path / "it").write_bytes(saved(kind))
    there = tuple(name for name in images._FORMATS if name != kind)
    monkeypatch.setattr(images, "_readable", lambda: there)
    with pytest.raises(
        DataError, match=rf"is {noun} image, which the Pillow that is installed here does not read; save"
    ):
        decode(tmp_path / "it")


def test_a_folder_lists_each_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    told = {"a.tif": TIFFS["64-bit floats"], "b.jpg": OTHERS["HEIC"], "c.jpg": OTHERS["JPEG, 12 bits"]}
    for name, (content, _) in told.items():
        (tmp_path / "cat" / name).write_bytes(content)
    with pytest.raises(DataError, match="3 of 3 images cannot be read") as refused:
        list(datasets.load(str(tmp_path)).pixels(contract_for("unit", (4, 4, 3))))
    assert all(words in str(refused.value) for _, words in told.values())
