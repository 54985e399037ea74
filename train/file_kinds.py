"""What a file is that cannot be read as a picture: from its first bytes, and a TIFF's tags or a JPEG's frame."""

import re
import struct
from collections.abc import Collection, Mapping
from typing import Any, BinaryIO

HEAD = 4096
"""Number of bytes at the beginning of a file that tell what it is."""

_SAVE = "save it as a PNG or JPEG"

_PICTURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\x0a", "a JPEG XL image"), (0, b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (0, b"II\xbc\x01", "a JPEG XR image"), (0, b"8BPS", "a Photoshop document"), (0, b"gimp xcf", "a GIMP document"),
    (0, b"\0\0\1\0", "a Windows icon"), (0, b"icns", "a macOS icon"), (0, b"\0\0\2\0\0\0\0\0", "a TGA image"),
    (0, b"\0\0\x0a\0\0\0\0\0", "a TGA image"), (0, b"\x0a\5\1\x08", "a PCX image"),
    (0, b"v/1\x01", "an OpenEXR image"), (0, b"#?RADIANCE", "a Radiance HDR image"), (0, b"#?RGBE", "a Radiance HDR image"),
    (0, b"SIMPLE  =", "a FITS image"), (128, b"DICM", "a DICOM image"), (0, b"qoif", "a QOI image"),
    (0, b"DDS ", "a DDS texture"), (0, b"\x01\xda", "an SGI image"), (0, b"P7\n", "a PAM image"), (0, b"FLIF", "a FLIF image"),
    (0, b"BPG\xfb", "a BPG image"), (0, b"FUJIFILMCCD-RAW", "a camera's raw photo"), (0, b"IIRO", "a camera's raw photo"),
    (0, b"IIRS", "a camera's raw photo"), (0, b"MMOR", "a camera's raw photo"), (0, b"IIU\0", "a camera's raw photo"),
    (0, b"FOVb", "a camera's raw photo"), (0, b"%PDF", "a PDF document"), (0, b"%!PS", "a PostScript document"),
)  # fmt: skip
"""Place, bytes -> a kind of picture that is not read."""

_OTHERS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x1aE\xdf\xa3", "a video (Matroska or WebM)", "give single frames as PNG or JPEG"),
    (0, b"\0\0\1\xba", "a video (MPEG)", "give single frames as PNG or JPEG"),
    (0, b"PK\3\4", "a ZIP archive", "unpack it"), (0, b"\x1f\x8b", "a gzip archive", "unpack it"),
    (0, b"BZh", "a bzip2 archive", "unpack it"), (0, b"\xfd7zXZ", "an xz archive", "unpack it"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"), (0, b"Rar!", "a RAR archive", "unpack it"),
    (257, b"ustar", "a tar archive", "unpack it"),
    (0, b"\x93NUMPY", "a numpy array", _SAVE), (0, b"\x89HDF", "an HDF5 file", _SAVE),
    (0, b"version https://git-lfs", "a pointer of Git LFS instead of the picture", "fetch it with git lfs pull"),
)  # fmt: skip
"""Place, bytes -> something else than a picture, and what to do about it."""

_READ: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\xff\xd8\xff", "JPEG", "a JPEG image"), (0, b"\x89PNG", "PNG", "a PNG image"), (0, b"GIF8", "GIF", "a GIF image"),
    (0, b"BM", "BMP", "a BMP image"), (8, b"WEBP", "WEBP", "a WebP image"),
    (0, b"\0\0\0\x0cjP  ", "JPEG2000", "a JPEG 2000 image"), (0, b"\xff\x4f\xff\x51", "JPEG2000", "a JPEG 2000 image"),
    *((0, first, "TIFF", "a TIFF image") for first in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    *((0, b"P%d" % number, "PPM", "a PNM image") for number in range(1, 7)),
    *((4, b"ftyp" + brand, "AVIF", "an AVIF image") for brand in (b"avif", b"avis")),
)  # fmt: skip
"""Place, bytes -> Pillow's name of a format that is read where Pillow reads it, and what a file of it is."""

_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "a HEIC photo"),
    b"crx ": "a camera's raw photo",
}
"""Brand of an ISO media file -> what it is; others are videos. ISO/IEC 14496-12 and 23008-12."""

_MARKUP = {b"<!doctype html": "a web page", b"<html": "a web page", b"<svg": "an SVG drawing"}

_COMPRESSIONS = {
    262: "a camera's own way", 22610: "JPEG XR", 32766: "NeXT's 2 bits", 32767: "a camera's own way",
    32769: "a camera's own way", 32770: "a camera's own way", 32867: "a camera's own way", 33003: "JPEG 2000",
    33004: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG", 34712: "JPEG 2000", 34713: "a camera's own way",
    34887: "LERC", 34892: "lossy JPEG", 34934: "JPEG XR", 50002: "JPEG XL", 52546: "JPEG XL", 65000: "a camera's own way",
    65535: "a camera's own way",
}  # fmt: skip
"""Value of a TIFF's tag Compression -> what it is compressed with, of what Pillow does not read."""

_PERHAPS = {6: "JPEG of the old style", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP"}
"""The same, of what Pillow reads where its libtiff was built with it."""

_COLOURS = {
    4: "a transparency mask", 9: "ICC L*a*b* colours", 10: "ITU L*a*b* colours", 32803: "the raw values of a camera's sensor",
    32844: "the logarithm of its luminance", 32845: "the logarithm of its luminance and colours",
    34892: "a camera's linear raw colours", 51177: "a depth map",
}  # fmt: skip
"""Value of a TIFF's tag PhotometricInterpretation -> what is not read as colours."""

_NUMBERS = {2: "signed integers", 3: "floating-point numbers", 4: "values of no said type", 5: "complex integers", 6: "complex numbers"}  # fmt: skip
"""Value of a TIFF's tag SampleFormat -> what its samples are."""

_LOSSLESS, _ARITHMETIC, _HIERARCHICAL = (3, 11), (9, 10), (5, 6, 7, 13, 14, 15)
"""Numbers of the frames of a JPEG that few decoders read. ITU-T T.81, table B.1."""

_JPEG_LS = 0x37
"""What is 0xF7 - 0xC0: the frame of JPEG-LS (ITU-T T.87)."""


def what_it_is(file: BinaryIO, readable: Collection[str]) -> str:
    """What a file is that is not opened as a picture, as the rest of a sentence with a remedy; empty where unknown.

    Args:
        file: it, open.
        readable: Pillow's names of the formats that it reads here.
    """
    head = _head(file)
    for place, first, name, noun in _READ:
        if head.startswith(first, place):
            if name not in readable:
                return f"is {noun}, which the Pillow that is installed here does not read; {_SAVE}"
            return unusual(file) or f"begins as {noun} and is damaged"
    for place, first, noun in _PICTURES:
        if head.startswith(first, place):
            return f"is {noun}, which is not read; {_SAVE}"
    for place, first, noun, remedy in _OTHERS:
        if head.startswith(first, place):
            return f"is {noun}; {remedy}"
    if head[4:8] == b"ftyp":
        noun = _BRANDS.get(head[8:12], "")
        return (
            f"is {noun}, which is not read; {_SAVE}"
            if noun
            else "is a video; give single frames as PNG or JPEG"
        )
    if head.startswith(b"RIFF"):
        return "is a recording (RIFF); give single frames as PNG or JPEG"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<?xml") and b"<svg" in text:
        text = b"<svg"
    for first, noun in _MARKUP.items():
        if text.startswith(first):
            return f"is {noun}; " + (_SAVE if first == b"<svg" else "download the picture itself")
    return ""


def unusual(file: BinaryIO) -> str:
    """What keeps a TIFF or JPEG file from being read, if that is its kind and not damage; else empty.

    Args:
        file: it, open.
    """
    head = _head(file)
    if _is_tiff(head):
        found = _unusual_tiff(_tags(file))
        return (
            f"is a TIFF image that is not read: it {found}; save it as a PNG of 8 or 16 bits" if found else ""
        )
    if head.startswith(b"\xff\xd8\xff"):
        found = _unusual_jpeg(file)
        return (
            f"is a JPEG image that is not read: it {found}; save it as a PNG, or as a JPEG of the usual kind"
            if found
            else ""
        )
    return ""


def _is_tiff(head: bytes) -> bool:
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(HEAD)


def _tags(file: BinaryIO) -> Mapping[int, Any]:
    """The tags of a TIFF file's first page; none where they are damaged."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    try:
        file.seek(0)
        header = file.read(8)
        if header[2:3] == b"+" or header[3:4] == b"+":
            header += file.read(8)
        directory = ImageFileDirectory_v2(header)
        file.seek(directory.next)
        directory.load(file)
        return {number: directory[number] for number in (258, 259, 262, 277, 338, 339) if number in directory}
    except Exception:  # noqa: BLE001 - decoders meet damage with exceptions of every kind
        return {}


def _first(value: Any, default: int) -> int:
    """The first number of a tag, or the only one."""
    number = value[0] if isinstance(value, tuple) and value else value
    return number if isinstance(number, int) else default


def _unusual_tiff(tags: Mapping[int, Any]) -> str:
    compression, colours = _first(tags.get(259), 1), _first(tags.get(262), -1)
    numbers, bits = _first(tags.get(339), 1), _first(tags.get(258), 1)
    channels = _first(tags.get(277), 1)
    if compression in _COMPRESSIONS:
        return f"is compressed with {_COMPRESSIONS[compression]} (Compression {compression})"
    if colours in _COLOURS:
        return f"holds {_COLOURS[colours]} (PhotometricInterpretation {colours})"
    if numbers in _NUMBERS:
        return f"has {_NUMBERS[numbers]} of {bits} bits (SampleFormat {numbers}), and nothing says which value is white"
    usual = (8, 16) if channels > 1 else (1, 2, 4, 8, 12, 16)
    if bits not in usual:
        return f"has {bits} bits a channel (BitsPerSample)"
    if channels > {0: 1, 1: 2, 3: 2, 5: 6}.get(colours, 6 if bits == 8 else 4) or (
        channels > 1 and bits == 16 and colours in (0, 1)
    ):
        return f"has {channels} channels of {bits} bits (SamplesPerPixel) for {_model(colours)}"
    if channels == 2:
        return f"has 2 channels for {_model(colours)}"
    if bits == 16 and colours in (3, 6, 8):
        return f"has 16 bits for {_model(colours)}"
    return (
        "" if colours >= 0 or not tags else "does not say what its values mean (no PhotometricInterpretation)"
    )


def _model(colours: int) -> str:
    names = {0: "grey", 1: "grey", 2: "RGB", 3: "a palette", 5: "CMYK", 6: "YCbCr", 8: "L*a*b*"}
    return names.get(colours, f"PhotometricInterpretation {colours}")


def _unusual_jpeg(file: BinaryIO) -> str:
    content = _frames(file)
    if content is None:
        return ""
    frame, precision, channels = content
    if frame == _JPEG_LS:
        return "is coded by JPEG-LS"
    for numbers, how in (
        (_LOSSLESS, "without loss"),
        (_ARITHMETIC, "arithmetically"),
        (_HIERARCHICAL, "in a hierarchy"),
    ):
        if frame in numbers:
            return f"is coded {how} (SOF{frame})"
    if precision != 8:
        return f"has {precision} bits a channel"
    if channels not in (1, 3, 4):
        return f"has {channels} channels"
    return ""


def _frames(file: BinaryIO) -> tuple[int, int, int] | None:
    """Number, precision in bits and channels of a JPEG file's first frame; None where none is found."""
    file.seek(2)
    for _ in range(1000):  # Segments before the frame: a photo has some dozens.
        marker = file.read(2)
        while marker == b"\xff\xff":
            marker = b"\xff" + file.read(1)
        size = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF or len(size) < 2:
            return None
        number, (length,) = marker[1] - 0xC0, struct.unpack(">H", size)
        if (0 <= number < 16 and number not in (4, 8, 12)) or number == _JPEG_LS:
            frame = file.read(6)
            return (number, frame[0], frame[5]) if len(frame) == 6 else None
        file.seek(max(0, length - 2), 1)
    return None


_LACKING = re.compile(
    r"(?i)unsupported|not supported|not yet supported|cannot handle|unknown|not (?:available|installed|configured)"
)
_CUT = re.compile(r"(?i)truncated|only got|unexpected end|premature end")


def failed(file: BinaryIO, reason: str) -> str:
    """What is said of a file of a known kind whose pixels cannot be decoded, as the rest of a sentence.

    Args:
        file: it, open.
        reason: what the decoder says.
    """
    if _CUT.search(reason):
        return f"is a damaged image: its end is missing ({reason})"
    if kind := unusual(file):
        return kind
    if _is_tiff(_head(file)) and (compression := _first(_tags(file).get(259), 1)) in _PERHAPS:
        return (
            f"is a TIFF image compressed with {_PERHAPS[compression]}, and it is damaged or the Pillow that is installed here "
            f"was built without that ({reason}); {_SAVE}"
        )
    if _LACKING.search(reason):
        return f"is an image of a kind that is not read ({reason}); {_SAVE}"
    return f"is a damaged image ({reason})"
