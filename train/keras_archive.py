"""What a file or folder that is given as a Keras model is, by its content; and the bounds of a ``.keras`` archive.

Everything here is plain Python: nothing is unpacked, and no native code sees the file. Names say little, for files
are renamed: an HDF5 file called ``.keras`` is an HDF5 file.
"""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from mobilecnn.documents import parse_json
from mobilecnn.errors import ModelFileError
from mobilecnn.files import exists, is_folder, open_input

ARCHIVE, HDF5, SAVED_MODEL, FOLDER = "archive", "hdf5", "saved_model", "folder"
"""Kinds of model that are read: a ``.keras`` zip archive, an HDF5 file, a SavedModel folder, an unzipped ``.keras``."""

CONFIG = "config.json"
"""Name of the member with the architecture."""

METADATA = "metadata.json"
"""Name of the member with the version of Keras that wrote the archive."""

WEIGHTS = ("model.weights.h5", "model.weights.npz")
"""Names that the member with the weights may have."""

MOST_MEMBERS = 10_000
"""Largest number of members of an archive; Keras writes three, and a file for each vocabulary."""

MOST_CONFIG = 32 << 20
"""Largest size of a model's architecture in bytes. That of the largest network in the zoo has 2 MB."""

DEEPEST_CONFIG = 150
"""Largest depth of nesting in a model's architecture. A model nested in a model takes about eight."""

MOST_EXPANSION = 8
"""Largest ratio of what a file unpacks to and its own size, beyond :data:`UNSUSPECTED` bytes."""

UNSUSPECTED = 256 << 20
"""Number of bytes that any file may unpack to."""

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_HEAD = 4096

_MOST_CANDIDATES = 20
"""Number of files in a folder without a model that are looked at for one."""

_SEARCHED = 1 << 20
"""Number of bytes at the beginning of an HDF5 file that name its attributes; an architecture is one."""

_SAVE_WHOLE = "without an architecture; where it was made, put it into its model, and give what model.save('model.keras') writes"

TFLITE = b"TFL3"
"""Bytes 4 to 7 of a .tflite file."""

_TFLITE = "is a TFLite file, which is converted already; give it to inspect, evaluate, predict or bench"

_BY_CONTENT: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (lambda head: not head, "is empty; copy or download it again"),
    (lambda head: not head.strip(b"\0"), "begins with nothing but zeros; copy or download it again"),
    (
        lambda head: head[4:8] == TFLITE,
        _TFLITE,
    ),
    (
        lambda head: head.startswith(b"version https://git-lfs"),
        "is a Git LFS pointer and not the file itself; fetch that with: git lfs pull",
    ),
    (
        lambda head: head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")),
        "is a web page and not a model: the download led to a page; download the file itself",
    ),
    (
        lambda head: head[:4] == b"PK\x03\x04",
        "begins like a .keras file and its end is missing; copy or download it again",
    ),
    (
        lambda head: head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf")) or head[257:262] == b"ustar",
        "is a compressed archive; unpack it, and give the model inside",
    ),
    (
        lambda head: head.startswith(b"\x08\x01\x12") and b"serve" in head,
        "is the graph of a SavedModel; give the folder that it lies in",
    ),
    (
        lambda head: head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05",
        "is a Python pickle, such as an older PyTorch file, and export takes Keras models",
    ),
    (
        lambda head: head.lstrip()[:1] == b"{" and b"class_name" in head,
        (
            "is the JSON of an architecture, without weights; in Python: model = keras.models.model_from_json("
            "open(FILE).read()), then load_weights and model.save('model.keras'), and give that"
        ),
    ),
)  # fmt: skip
"""What the first bytes of a file tell -> what is said of it, after its name."""

_BY_SUFFIX: dict[str, str] = {
    ".onnx": "is an ONNX model; export takes Keras models and SavedModel folders: give one of these",
    ".pb": "is a TensorFlow graph alone; give the folder of a SavedModel, which tf.saved_model.save writes",
    ".pt": "is a PyTorch file, and export takes Keras models",
    ".pth": "is a PyTorch file, and export takes Keras models",
    ".safetensors": "holds tensors alone, " + _SAVE_WHOLE,
    ".npz": "holds arrays alone, " + _SAVE_WHOLE,
    ".index": "is part of a TensorFlow checkpoint, which holds weights alone, " + _SAVE_WHOLE,
    ".ckpt": "is part of a TensorFlow checkpoint, which holds weights alone, " + _SAVE_WHOLE,
    ".mlmodel": "is a Core ML model, and export takes Keras models",
}
"""Suffix of a file whose content tells nothing -> what is said of it, after its name."""

_UNKNOWN = "is not a model file that is known here, by its content; .keras and .h5 files are, and the folder of a SavedModel"


def kind_of(path: Path) -> str:
    """The kind of model that lies at ``path``: :data:`ARCHIVE`, :data:`HDF5`, :data:`SAVED_MODEL` or :data:`FOLDER`.

    Raises:
        ModelFileError: it is missing, or something else; the message says what.
    """
    try:
        if is_folder(path):
            return _kind_of_folder(path)
        with open_input(path, "model", ModelFileError) as file:
            head = file.read(_HEAD)
            if _is_hdf5(file):
                return HDF5
            # A .tflite file may have an archive of labels behind it.
            if head[4:8] != TFLITE and zipfile.is_zipfile(file):
                _check_is_keras(path, file)
                return ARCHIVE
    except OSError as error:
        raise ModelFileError(f"cannot read the model {path}: {error.strerror or error}") from error
    raise ModelFileError(f"{path} {_what_else(path, head)}")


def size_of(path: Path) -> int:
    """Size of a model in bytes: of its file, or of all files in its folder."""
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in _files(path))


def sha256_of(path: Path) -> str:
    """SHA-256 of a model in hexadecimal: of its file, or of the names and contents of all files in its folder."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else _files(path):
        with file.open("rb") as content:
            own = hashlib.file_digest(content, "sha256")
        if path.is_file():
            return own.hexdigest()
        digest.update(f"{own.hexdigest()}  {file.relative_to(path).as_posix()}\n".encode())
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.rglob("*") if not file.is_dir())
    for file in files:
        if not file.is_file():
            raise ModelFileError(f"{file} is no regular file; a model's folder holds files and folders only")
    return files


def _is_hdf5(file: BinaryIO) -> bool:
    """Whether the signature of HDF5 is where it may be: at 0, or at 512 times a power of 2."""
    offset = 0
    while True:
        file.seek(offset)
        begin = file.read(len(_HDF5_MAGIC))
        if begin == _HDF5_MAGIC:
            return True
        if len(begin) < len(_HDF5_MAGIC):
            return False
        offset = 2 * offset or 512


def _kind_of_folder(path: Path) -> str:
    graph = path / "saved_model.pb"
    if exists(graph):
        open_input(graph, "graph", ModelFileError).close()
        return SAVED_MODEL
    if (path / "saved_model.pbtxt").is_file():
        return SAVED_MODEL
    if (path / CONFIG).is_file() and any((path / name).is_file() for name in WEIGHTS):
        return FOLDER
    if (path / "model.json").is_file():
        raise ModelFileError(f"{path} is a TensorFlow.js model; give the Keras model that it was made of")
    within = sorted(
        (*(file.parent for file in path.glob("*/saved_model.pb")), *path.glob("*.keras"), *path.glob("*.h5"))
    )
    inside = next((model for model in within[:_MOST_CANDIDATES] if _holds_model(model)), None)
    hint = f"; did you mean {inside}?" if inside else ""
    raise ModelFileError(
        f"{path} is a folder without a model (no saved_model.pb); give a .keras or .h5 file, the folder of a "
        f"SavedModel, or a zoo name{hint}"
    )


def _holds_model(path: Path) -> bool:
    """Whether a file or folder is a whole model, and no HDF5 file of weights or of other arrays."""
    if is_folder(path):
        return (path / "saved_model.pb").is_file()
    try:
        if kind_of(path) != HDF5:
            return True
        with open_input(path, "model", ModelFileError) as file:
            return b"model_config" in file.read(_SEARCHED)
    except ModelFileError:
        return False


def _check_is_keras(path: Path, file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeError) as error:
        raise ModelFileError(
            f"{path} is a damaged .keras file ({error}); copy or download it again"
        ) from error
    if CONFIG in members:
        return
    if any(name.endswith("data.pkl") for name in members):
        raise ModelFileError(f"{path} {_BY_SUFFIX['.pt']}")
    if any(name.endswith("saved_model.pb") for name in members):
        raise ModelFileError(f"{path} is a zipped SavedModel; unzip it, and give the folder")
    if any(name.endswith((".keras", ".h5")) and name not in WEIGHTS for name in members):
        raise ModelFileError(f"{path} is a zip archive around a model; unzip it, and give the model inside")
    if members and all(name.endswith(".npy") for name in members):
        raise ModelFileError(f"{path} {_BY_SUFFIX['.npz']}")
    raise ModelFileError(
        f"{path} is a zip archive and no Keras model: it has no {CONFIG}; give a file that model.save wrote"
    )


def _what_else(path: Path, head: bytes) -> str:
    for fits, words in _BY_CONTENT:
        if fits(head):
            unnamed = words is _TFLITE and path.suffix.lower() != ".tflite"
            return (
                f"{words}, by a name that ends in .tflite: mv {path} {path.with_suffix('.tflite')}"
                if unnamed
                else words
            )
    if ".data-0" in path.name:
        return _BY_SUFFIX[".ckpt"]
    return _BY_SUFFIX.get(path.suffix.lower(), _UNKNOWN)


def check_archive(path: Path) -> None:
    """Refuse a ``.keras`` archive that no Keras writes: its members, their names and what they unpack to.

    Raises:
        ModelFileError: the message names the member.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeError) as error:
        raise ModelFileError(
            f"{path} is a damaged .keras file ({error}); copy or download it again"
        ) from error
    odd = _odd(members, path.stat().st_size)
    if odd:
        raise ModelFileError(
            f"{path} is no .keras file that Keras writes: {odd}; save the model again from Keras"
        )


def _odd(members: list[zipfile.ZipInfo], size: int) -> str:
    """What is odd about the members of an archive of ``size`` bytes, as a clause; empty where nothing is."""
    if len(members) > MOST_MEMBERS:
        return f"it has {len(members)} members"
    names = set()
    for member in members:
        name = member.filename
        shown = ascii(name[:60])
        if name in names:
            return f"it has two members {shown}"
        names.add(name)
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            return f"its member {shown} would be unpacked outside of its folder"
        if member.flag_bits & _ENCRYPTED:
            return f"its member {shown} is encrypted"
        if member.compress_type not in _METHODS:
            return f"its member {shown} is compressed by a method that Python does not have ({member.compress_type})"
        if member.filename in (CONFIG, METADATA) and member.file_size > MOST_CONFIG:
            return f"its {member.filename} has {member.file_size >> 20} MB"
    if sum(member.compress_size for member in members) > size:
        return "its members overlap"
    if too_large := expands(sum(member.file_size for member in members), size):
        return too_large
    return ""


def expands(unpacked: int, size: int) -> str:
    """Why a file of ``size`` bytes may not unpack to ``unpacked`` bytes, as a clause; empty where it may."""
    if unpacked <= max(UNSUSPECTED, MOST_EXPANSION * size):
        return ""
    return f"its {size / 1e6:.1f} MB unpack to {unpacked / 1e6:,.0f} MB"


def read_config(content: bytes, what: str) -> Any:
    """The JSON of a model's architecture, its size and depth bounded.

    Args:
        content: the JSON text.
        what: subject of the message.

    Raises:
        ModelFileError: it is not JSON, or too large or too deeply nested.
    """
    if len(content) > MOST_CONFIG:
        raise ModelFileError(f"{what} has {len(content) >> 20} MB; no model has such an architecture")
    try:
        config = parse_json(content)
    except ValueError as error:
        raise ModelFileError(
            f"{what} is not JSON that Keras writes ({error}); save the model again from Keras"
        ) from error
    if _depth(config) > DEEPEST_CONFIG:
        raise ModelFileError(
            f"{what} is nested more than {DEEPEST_CONFIG} deep; no model has such an architecture"
        )
    if not isinstance(config, dict):
        raise ModelFileError(f"{what} is not the architecture of a model; save the model again from Keras")
    return config


def _depth(value: Any) -> int:
    """Depth of nested lists and objects: level by level, so that no nesting overflows the stack."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, list | dict)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth
