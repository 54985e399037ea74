"""What a model is by its content, and what an archive may hold."""

import io
import json
import os
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobilecnn.errors import ModelFileError
from mobilecnn.train import keras_archive
from mobilecnn.train.keras_archive import (
    ARCHIVE,
    CONFIG,
    FOLDER,
    HDF5,
    SAVED_MODEL,
    check_archive,
    kind_of,
    read_config,
)
from mobilecnn.train.keras_file import MEMBER, ModelInfo, read_info

HDF5_HEAD = b"\x89HDF\r\n\x1a\n"
MEMBERS = {"metadata.json": b"{}", CONFIG: b"{}", "model.weights.h5": bytes(100)}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.hdf5", "model", "a.bin"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [(zipped(MEMBERS), ARCHIVE), (HDF5_HEAD + bytes(100), HDF5), (bytes(512) + HDF5_HEAD, HDF5)],
    ids=["zip", "hdf5", "hdf5 after a user's block"],
)
def test_the_content_tells_and_not_the_name(name: str, content: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert kind_of(tmp_path / name) == kind


@pytest.mark.parametrize(
    ("files", "kind"),
    [(("saved_model.pb",), SAVED_MODEL), (("saved_model.pbtxt",), SAVED_MODEL), ((CONFIG, "model.weights.h5"), FOLDER)],
)  # fmt: skip
def test_folders_are_models_too(files: tuple[str, ...], kind: str, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"")
    assert kind_of(tmp_path) == kind


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.keras", b"", "is empty"),
        ("a.h5", bytes(5000), "nothing but zeros"),
        ("a.keras", b"\x1c\0\0\0TFL3" + bytes(50), "is a TFLite file.*inspect, evaluate"),
        ("a.h5", b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer.*git lfs pull"),
        ("a.keras", b"\n<!DOCTYPE html><html>", "is a web page"),
        ("a.keras", zipped(MEMBERS)[:150], "its end is missing"),
        ("a.keras", zipped(MEMBERS)[:-10], "its end is missing"),
        ("a.tar.gz", b"\x1f\x8b\x08\0", "compressed archive; unpack"),
        ("saved_model.pb", b"\x08\x01\x12\x20" + b"serve", "give the folder that it lies in"),
        ("a.pb", b"\n\x10\n\x05input\x12\x0bPlaceholder", "a TensorFlow graph alone"),
        ("a.onnx", b"\x08\x07\x12\x07pytorch", "is an ONNX model"),
        ("a.pt", zipped({"a/data.pkl": b""}), "is a PyTorch file"),
        ("a.pth", b"\x80\x02}q\0.", "PyTorch"),
        ("a.keras", zipped({"a.npy": b""}), "arrays alone"),
        ("a.safetensors", b"\x02\0\0\0\0\0\0\0{}", "tensors alone"),
        ("a.ckpt.data-00000-of-00001", b"\1\2\3", "part of a TensorFlow checkpoint"),
        ("a.json", b'{"class_name": "Functional"}', "without weights; in Python"),
        ("a.zip", zipped({"a.keras": b""}), "unzip it"),
        ("a.zip", zipped({"a/saved_model.pb": b""}), "a zipped SavedModel; unzip it"),
        ("a.keras", zipped({"model.weights.h5": b""}), "it has no config.json"),
        ("a.keras", b"hello", "not a model file that is known here"),
    ],
)  # fmt: skip
def test_what_is_no_keras_model_is_told_what_it_is(
    name: str, content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelFileError, match=words) as told:
        kind_of(tmp_path / name)
    assert str(told.value).startswith(str(tmp_path / name))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.keras")
    (tmp_path / "around" / "inner").mkdir(parents=True)
    (tmp_path / "around" / "inner" / "saved_model.pb").write_bytes(b"")
    for path, words in (
        ("none.keras", "no such model: .*none.keras"),
        ("pipe.keras", "is a pipe"),
        ("around", "folder without a model .*did you mean .*around/inner"),
    ):
        with pytest.raises(ModelFileError, match=words):
            kind_of(tmp_path / path)


@pytest.mark.parametrize(
    ("files", "meant"),
    [
        ({"inner/saved_model.pb": b""}, "inner"),
        ({"a.keras": zipped(MEMBERS)}, "a.keras"),
        ({"a.h5": HDF5_HEAD + b"model_config"}, "a.h5"),
        ({"a.weights.h5": HDF5_HEAD, "b.h5": HDF5_HEAD + b"model_config"}, "b.h5"),
        # Arrays, weights and what only has the name are no models.
        ({"archive.h5": HDF5_HEAD + bytes(100)}, None),
        ({"model.weights.h5": HDF5_HEAD + b"layers"}, None),
        ({"a.keras": b"text", "b.h5": b"text", "c.keras": zipped({"a": b""})}, None),
        ({"inner.keras/a": b""}, None),
    ],
)
def test_only_a_model_is_suggested_of_what_a_folder_holds(
    files: dict[str, bytes], meant: str | None, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "circle.keras").symlink_to(tmp_path)
    with pytest.raises(ModelFileError, match="is a folder without a model") as told:
        kind_of(tmp_path)
    assert str(told.value).endswith("or a zoo name" if meant is None else f"did you mean {tmp_path / meant}?")


def test_a_whole_hdf5_model_is_known_from_its_weights(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ModelFileError, match=r"or a zoo name$"):
        kind_of(tmp_path)
    model.save(tmp_path / "whole.h5")
    with pytest.raises(ModelFileError, match=r"did you mean .*whole\.h5"):
        kind_of(tmp_path)


def flagged(offset_central: int, offset_local: int, value: int) -> bytes:
    """The archive with a byte of its first member's two headers changed."""
    content = bytearray(zipped(MEMBERS))
    content[content.index(b"PK\x01\x02") + offset_central] = value
    content[content.index(b"PK\x03\x04") + offset_local] = value
    return bytes(content)


def twice() -> bytes:
    content = zipped({**MEMBERS, "config.jsom": b"{}"})
    return content.replace(b"config.jsom", b"config.json")


def overlapping() -> bytes:
    """An archive of twenty members that are the same bytes of the file."""
    one = zipped({**MEMBERS, "member-x": bytes(10_000)})
    end = one.index(b"PK\x05\x06")
    begin = one.index(b"PK\x01\x02")
    last = one.rindex(b"PK\x01\x02")
    entry = one[last:end]
    extra = b"".join(entry.replace(b"member-x", b"member-" + bytes([97 + index])) for index in range(20))
    directory = one[begin:end] + extra
    count = struct.pack("<H", len(MEMBERS) + 1 + 20)
    return (
        one[:begin]
        + directory
        + b"PK\x05\x06"
        + bytes(4)
        + count
        + count
        + struct.pack("<II", len(directory), begin)
        + b"\0\0"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: zipped({**MEMBERS, "x": bytes(300 << 20)}, zipfile.ZIP_DEFLATED), "0.3 MB unpack to 315 MB"),
        (
            lambda: zipped({**MEMBERS, CONFIG: bytes(40 << 20)}, zipfile.ZIP_DEFLATED),
            "its config.json has 40 MB",
        ),
        (lambda: zipped(MEMBERS | {f"assets/{i}": b"" for i in range(10_000)}), "it has 10003 members"),
        (lambda: zipped({**MEMBERS, "../evil": b""}), "outside of its folder"),
        (lambda: zipped({**MEMBERS, "/evil": b""}), "outside of its folder"),
        (lambda: flagged(8, 6, 1), "is encrypted"),
        (lambda: flagged(10, 8, 99), "a method that Python does not have"),
        (twice, "two members 'config.json'"),
        (overlapping, "its members overlap"),
    ],
    ids=["bomb", "config", "many", "above", "root", "encrypted", "method", "twice", "overlap"],
)
def test_an_archive_that_no_keras_writes(content: Callable[[], bytes], words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(content())
    begin = time.monotonic()
    with pytest.raises(ModelFileError, match=words):
        check_archive(path)
    assert time.monotonic() - begin < 60, "nothing is unpacked"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_recompressed_archives_are_fine(method: int, tmp_path: Path) -> None:
    (tmp_path / "a.keras").write_bytes(zipped(MEMBERS, method))
    check_archive(tmp_path / "a.keras")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "nested more than"),
        (b'{"a": ', "is not JSON"),
        (b"\xff\xfe{}", "is not JSON"),
        (b"[]", "is not the architecture"),
    ],
)
def test_an_architecture_is_bounded(content: bytes, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelFileError, match=words):
        read_config(content, "it")
    monkeypatch.setattr(keras_archive, "MOST_CONFIG", 3)
    with pytest.raises(ModelFileError, match="no model has such"):
        read_config(json.dumps({"a": 1}).encode(), "it")


@pytest.mark.parametrize(
    "content",
    [
        zipped({**MEMBERS, MEMBER: b'{"architecture": 1}'}),
        zipped({**MEMBERS, MEMBER: b"\xff"}),
        zipped({**MEMBERS, MEMBER: b"[" * 100_000}),
        zipped({**MEMBERS, MEMBER: b"{}"}).replace(b"{}PK", b"[]PK"),
    ],
    ids=["incomplete", "text", "deep", "crc"],
)
def test_what_the_file_says_of_itself_is_read_strictly(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.keras").write_bytes(content)
    with pytest.raises(
        ModelFileError, match=r"a\.keras is (not a readable \.keras file|damaged \(mobilecnn\.json)"
    ):
        read_info(tmp_path / "a.keras")


def test_a_renamed_file_keeps_what_it_says_of_itself(tmp_path: Path) -> None:
    said = json.dumps({"architecture": "alexnet", "labels": ["a"], "input": None, "training": None}).encode()
    (tmp_path / "a.h5").write_bytes(zipped({**MEMBERS, MEMBER: said}))
    assert read_info(tmp_path / "a.h5") == ModelInfo("alexnet", ("a",))


@pytest.mark.parametrize("name", ["variables/variables.index", "fingerprint.pb"])
def test_a_pipe_in_a_models_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"")
    os.mkfifo(tmp_path / name)
    with pytest.raises(ModelFileError, match=rf"{name} is no regular file"):
        keras_archive.size_of(tmp_path)
