"""What mobilecnn keeps inside a .keras file: read strictly, whatever is in the archive."""

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobilecnn.contract import contract_for
from mobilecnn.errors import ModelFileError
from mobilecnn.train.keras_file import MEMBER, ModelInfo, read_info, write_info

INFO = ModelInfo("lenet5", ("a", "b"), contract_for("tf", (8, 8, 3)), {"epochs": 3})


def written(folder: Path) -> Path:
    path = folder / "it.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    write_info(path, INFO)
    return path


def with_member(folder: Path, content: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    path = folder / "it.keras"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(MEMBER, content)
        archive.writestr("config.json", "{}")  # By which it is a Keras model.
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_info(written(tmp_path)) == INFO


def document() -> dict[str, Any]:
    assert INFO.contract is not None
    return {
        "architecture": "lenet5", "labels": ["a", "b"], "input": INFO.contract.to_json(), "training": {"epochs": 3},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("labels"), "labels is missing"),
        (lambda d: d.update(labels="ab"), "labels must be a list"),
        (lambda d: d.update(labels=[1, 2]), r"labels\[0\] must be a text"),
        (lambda d: d.update(architecture=None), "architecture must be a text"),
        (lambda d: d.update(training=[]), "training must be an object"),
        (lambda d: d.update(training={"loss": float("nan")}), "training.loss must be a finite number"),
        (lambda d: d["input"].update(mean=[float("nan")] * 3), r"input.mean\[0\] must be a finite number"),
        (lambda d: d["input"].update(std=[0, 1, 1]), "std must not be 0"),
        (lambda d: d["input"].update(stated="false"), "input.stated must be true or false"),
        (lambda d: d["input"].update(height=10**6, width=10**6), "height x width must be from 1 to"),
    ],
)
def test_a_damaged_member_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    made = document()
    change(made)
    with pytest.raises(ModelFileError, match=rf"it\.keras is damaged \(mobilecnn\.json.*{words}"):
        read_info(with_member(tmp_path, json.dumps(made).encode()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff",
        b'{"a": 1, "a": 2}',
        b" " * (5 << 20),
        b"[" + b"[]," * (1 << 20) + b"1]",
    ],
    ids=range(7),
)
def test_what_is_no_document_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelFileError, match=r"is not a readable \.keras file"):
        read_info(with_member(tmp_path, content, zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize(
    ("offset", "form", "value"),
    [(8, "<H", 1), (10, "<H", 99), (16, "<I", 7), (24, "<I", 2**31), (42, "<I", 2**31), (6, "<H", 99)],
    ids=["encrypted", "method", "checksum", "size", "offset", "version"],
)
def test_an_archive_whose_directory_lies_is_refused(
    tmp_path: Path, offset: int, form: str, value: int
) -> None:
    path = with_member(tmp_path, json.dumps(document()).encode())
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, struct.unpack_from("<I", content, len(content) - 6)[0] + offset, value)
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"is (not a readable|a damaged) \.keras file"):
        read_info(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "it.keras")
    with pytest.raises(ModelFileError, match="is a pipe"):
        read_info(tmp_path / "it.keras")


def test_an_archive_without_the_member_says_nothing(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", "{}")
    (tmp_path / "it.keras").write_bytes(stream.getvalue())
    assert read_info(tmp_path / "it.keras") == ModelInfo()
