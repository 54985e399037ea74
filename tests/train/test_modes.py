"""Every mode of picture that Pillow reads becomes the right eight bits, grey and RGB."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import png, twelve_bits
from PIL import Image

from mobilecnn.contract import contract_for
from mobilecnn.errors import DataError
from mobilecnn.train.images import decode, open_image, to_pixels
from mobilecnn.train.modes import flattened

RGB = tuple[int, int, int]


def of(mode: str, value: Any, **info: Any) -> Image.Image:
    """A picture of one pixel."""
    image = Image.new(mode, (1, 1), value)
    image.info.update(info)
    return image


def palette(colors: list[int], index: int, mode: str = "P", **info: Any) -> Image.Image:
    image = Image.new(mode, (1, 1), index if mode == "P" else (index, info.pop("alpha")))
    image.putpalette(colors, info.pop("rawmode", "RGB"))
    image.info.update(info)
    return image


def sixteen(values: list[int], dtype: str = "<u2") -> Image.Image:
    return Image.fromarray(np.asarray([values], dtype))


MODES: dict[str, tuple[Image.Image, RGB, int]] = {
    # picture of one pixel, its colour as RGB, its grey
    "1 white": (of("1", 1), (255, 255, 255), 255),
    "1 black": (of("1", 0), (0, 0, 0), 0),
    "1 transparent": (of("1", 1, transparency=255), (0, 0, 0), 0),
    "L": (of("L", 77), (77, 77, 77), 77),
    "L transparent": (of("L", 77, transparency=77), (0, 0, 0), 0),
    "L opaque beside a transparent grey": (of("L", 77, transparency=78), (77, 77, 77), 77),
    "LA half": (of("LA", (200, 128)), (100, 100, 100), 100),
    "LA hidden": (of("LA", (200, 0)), (0, 0, 0), 0),
    "La": (of("La", (100, 128)), (100, 100, 100), 100),
    "P": (palette([0, 0, 0, 10, 20, 30], 1), (10, 20, 30), 18),
    "P transparent": (palette([0, 0, 0, 10, 20, 30], 1, transparency=1), (0, 0, 0), 0),
    "P alphas": (palette([0, 0, 0, 200, 100, 50], 1, transparency=b"\xff\x80"), (100, 50, 25), 62),
    "P of RGBA": (palette([0, 0, 0, 255, 200, 100, 50, 0], 1, rawmode="RGBA"), (0, 0, 0), 0),
    "PA": (palette([0, 0, 0, 200, 100, 50], 1, "PA", alpha=128), (100, 50, 25), 62),
    "RGB": (of("RGB", (10, 20, 30)), (10, 20, 30), 18),
    "RGB transparent": (of("RGB", (10, 20, 30), transparency=(10, 20, 30)), (0, 0, 0), 0),
    "RGBA half": (of("RGBA", (200, 100, 50, 128)), (100, 50, 25), 62),
    "RGBA hidden": (of("RGBA", (200, 100, 50, 0)), (0, 0, 0), 0),
    "RGBa": (of("RGBa", (100, 50, 25, 128)), (100, 50, 25), 62),
    "RGBX": (of("RGBX", (10, 20, 30, 40)), (10, 20, 30), 18),
    "CMYK none": (of("CMYK", (0, 0, 0, 0)), (255, 255, 255), 255),
    "CMYK": (of("CMYK", (255, 0, 51, 51)), (0, 204, 163), 138),
    "YCbCr grey": (of("YCbCr", (90, 128, 128)), (90, 90, 90), 90),
    "YCbCr red": (of("YCbCr", (76, 85, 255)), (254, 0, 0), 76),
    "HSV": (of("HSV", (0, 255, 200)), (200, 0, 0), 60),
    "LAB white": (of("LAB", (255, 128, 128)), (255, 255, 255), 255),
    "LAB black": (of("LAB", (0, 128, 128)), (0, 0, 0), 0),
    "LAB grey": (of("LAB", (137, 128, 128)), (128, 128, 128), 128),
    "I;16": (sixteen([0x1234]), (0x12, 0x12, 0x12), 0x12),
    "I;16 white": (sixteen([65535]), (255, 255, 255), 255),
    "I;16 of one byte": (sixteen([0x00FF]), (0, 0, 0), 0),
    "I;16B": (sixteen([0x9234], ">u2"), (0x92, 0x92, 0x92), 0x92),
    "I;16L": (of("I;16L", 0x8034), (0x80, 0x80, 0x80), 0x80),
    "I;16N": (of("I;16N", 0x8034), (0x80, 0x80, 0x80), 0x80),
    "I;16 transparent": (of("I;16", 0x1234, transparency=0x1234), (0, 0, 0), 0),
}


@pytest.mark.parametrize("name", MODES)
def test_a_mode_has_its_eight_bits(name: str) -> None:
    image, colour, grey = MODES[name]
    assert flattened(image).mode in ("L", "RGB")
    for channels, expected in ((3, colour), (1, (grey,))):
        pixels = to_pixels(image, contract_for("unit", (1, 1, channels)))
        np.testing.assert_allclose(pixels[0, 0], expected, atol=1 if "LAB" in name else 0)


def test_every_mode_of_pillow_is_in_the_table() -> None:
    modes = ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "La", "LA", "RGBa", "RGBX", "PA"]
    modes += ["I;16", "I;16L", "I;16B", "I;16N"]
    assert {name.split()[0] for name in MODES} == set(modes)


@pytest.mark.parametrize("name", ["I", "F"])
def test_what_has_no_scale_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="which value is white"):
        to_pixels(of(name, 1), contract_for("unit", (1, 1, 3)))
    of(name, 1).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif has .* save it with 8 or 16 bits"):
        open_image(tmp_path / "a.tif")


@pytest.mark.parametrize(("mode", "bits"), [("L", 8), ("I;16", 16)])
def test_signed_values_are_refused(mode: str, bits: int, tmp_path: Path) -> None:
    of(mode, 1).save(tmp_path / "a.tif", tiffinfo={339: 2})
    with Image.open(tmp_path / "a.tif") as image:
        tags: Any = image
        assert tags.tag_v2[258] == (bits,)
    with pytest.raises(DataError, match=r"a\.tif has signed integers"):
        open_image(tmp_path / "a.tif")


def tiff(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "TIFF", **options)
    return stream.getvalue()


def jpeg(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=100, **options)
    return stream.getvalue()


FILES: dict[str, tuple[bytes, list[RGB]]] = {
    "PNG, 16 bits grey": (png(0, 16, b"\x12\x34\xff\xff", width=2), [(0x12,) * 3, (255,) * 3]),
    "PNG, 16 bits RGB": (png(2, 16, bytes([1, 99, 2, 99, 255, 99])), [(1, 2, 255)]),
    "PNG, 16 bits grey and alpha": (png(4, 16, bytes([200, 9, 128, 128])), [(100,) * 3]),
    "PNG, 16 bits RGBA": (png(6, 16, bytes([200, 9, 100, 9, 50, 9, 128, 128])), [(100, 50, 25)]),
    "PNG, 16 bits, a grey transparent": (
        png(0, 16, b"\x12\x34\x12\x35", (b"tRNS", b"\x12\x34"), width=2), [(0,) * 3, (0x12,) * 3],
    ),
    "PNG, 16 bits RGB, black transparent": (
        png(2, 16, b"\0\0\0\0\0\0\1\1\2\2\3\3", (b"tRNS", bytes(6)), width=2), [(0, 0, 0), (1, 2, 3)],
    ),
    "PNG, 4 bits, white transparent": (
        png(0, 4, b"\xf3", (b"tRNS", b"\0\x0f"), width=2), [(0,) * 3, (51,) * 3],
    ),
    "PNG, 2 bits, white transparent": (
        png(0, 2, b"\xd0", (b"tRNS", b"\0\3"), width=2), [(0,) * 3, (85,) * 3],
    ),
    "PNG, 1 bit, white transparent": (png(0, 1, b"\x80", (b"tRNS", b"\0\1"), width=2), [(0,) * 3] * 2),
    "PGM, 16 bits": (b"P5 2 1 65535\n\x12\x34\xff\xff", [(0x12,) * 3, (255,) * 3]),
    "PGM, 10 bits": (b"P5 2 1 1023\n\x03\xff\x02\x00", [(255,) * 3, (128,) * 3]),
    "TIFF, 16 bits": (tiff(sixteen([0x1234, 65535])), [(0x12,) * 3, (255,) * 3]),
    "TIFF, 16 bits, white is 0": (
        tiff(sixteen([0, 0x1234, 65535]), tiffinfo={262: 0}), [(255,) * 3, (237,) * 3, (0,) * 3],
    ),
    "TIFF, 16 bits, big-endian": (tiff(sixteen([0x1234], ">u2")), [(0x12,) * 3]),
    "TIFF, 12 bits": (twelve_bits(0xABC, 0xFFF), [(0xAB,) * 3, (255,) * 3]),
    "TIFF, 8 bits, white is 0": (tiff(of("L", 10), tiffinfo={262: 0}), [(10,) * 3]),
    "TIFF, CMYK": (tiff(of("CMYK", (255, 0, 51, 51))), [(0, 204, 163)]),
    "TIFF, CIELAB": (tiff(of("LAB", (255, 128, 128))), [(254, 255, 254)]),
    "JPEG, CMYK as Adobe writes it": (jpeg(of("CMYK", (255, 0, 51, 51))), [(0, 204, 163)]),
    "JPEG, grey": (jpeg(of("L", 99)), [(99,) * 3]),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_its_eight_bits(name: str, tmp_path: Path) -> None:
    content, colours = FILES[name]
    path = tmp_path / "a"
    path.write_bytes(content)
    pixels = to_pixels(path, contract_for("unit", (1, len(colours), 3)))
    np.testing.assert_allclose(pixels[0], colours, atol=2 if "JPEG" in name or "LAB" in name else 0)


def test_a_colour_of_16_bits_that_is_transparent_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(2, 16, b"\5\5\5\5\5\5", (b"tRNS", b"\0\5\0\5\0\5")))
    with pytest.raises(DataError, match=r"a\.png has 16 bits .* alpha channel instead"):
        open_image(tmp_path / "a.png")


def animation(path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (2, 2), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    frames[0].save(
        path, kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
    )


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_frame_is_the_picture(kind: str, tmp_path: Path) -> None:
    animation(tmp_path / "a", kind)
    opened = decode(tmp_path / "a")
    assert opened.several and opened.image.getpixel((0, 0)) == (255, 0, 0)
    Image.new("RGB", (2, 2)).save(tmp_path / "b", kind)
    assert not decode(tmp_path / "b").several


@pytest.mark.parametrize(
    "made", [lambda: sixteen([0x9000]), lambda: of("L", 3), lambda: of("RGBA", (1, 2, 3, 255))]
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_every_mode_is_turned_upright(made: Callable[[], Image.Image], kind: str, tmp_path: Path) -> None:
    image = Image.new(made().mode, (3, 2))
    image.paste(made(), (0, 1))
    exif = Image.Exif()
    exif[0x0112] = 6  # The lower left corner becomes the upper left one.
    image.save(tmp_path / "a", kind, exif=exif)
    upright = open_image(tmp_path / "a")
    assert upright.size == (2, 3)
    expected = np.zeros((3, 2), np.uint8)
    expected[0, 0] = to_pixels(made(), contract_for("unit", (1, 1, 1))).item()
    assert np.array_equal(np.asarray(upright.convert("L")), expected)


def test_an_array_of_another_type_is_scaled_or_refused() -> None:
    contract = contract_for("unit", (1, 1, 1))
    deep: Any = np.asarray([[0x8034]], np.uint16)
    assert to_pixels(deep, contract).item() == 0x80
    floats: Any = np.asarray([[0.5]], np.float32)
    with pytest.raises(DataError, match="which value is white"):
        to_pixels(floats, contract)
