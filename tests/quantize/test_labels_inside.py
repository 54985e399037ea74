"""Class names that lie inside a ``.tflite`` file: used where there is no passport, and held against one."""

import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from mobilecnn.cli import cli
from mobilecnn.convert.file_input import labels_of_file
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.tflite_metadata import append_labels
from mobilecnn.errors import ModelFileError
from mobilecnn.quantize.classifiers import open_tflite


@pytest.mark.parametrize("name", ["float32", "float16", "int8", "dynamic"])
def test_without_a_passport_they_are_the_labels(exported: Path, tmp_path: Path, name: str) -> None:
    alone = tmp_path / "it.tflite"
    shutil.copy(exported / f"theirs.{name}.tflite", alone)
    assert open_tflite(alone).labels == ("cat", "dog")


def test_a_passport_that_names_others_is_refused(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "it.tflite"
    shutil.copy(exported / "theirs.float32.tflite", path)
    document = json.loads((exported / "theirs.float32.json").read_text())
    assert document["labels"] == ["cat", "dog"]
    document["labels"] = ["dog", "cat"]
    path.with_suffix(".json").write_text(json.dumps(document))
    with pytest.raises(
        ModelFileError, match="names other classes, or in another order, than the labels inside"
    ):
        open_tflite(path)


def with_archive(content: bytes, members: dict[str, bytes]) -> bytes:
    """The file with another archive at its end."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content + made.getvalue()


@pytest.mark.parametrize(
    ("members", "labels"),
    [
        ({"labels.txt": "\ufeffcafe\u0301\r\nzwei\n\n".encode()}, ("café", "zwei")),
        ({"other.txt": b"a\nb"}, ()),
        ({"labels.txt": b"\xff\xfe"}, ()),
        ({"labels.txt": b"a" * (17 << 20)}, ()),
    ],
    ids=["of Windows and macOS", "another name", "no UTF-8", "an archive that unpacks to much"],
)
def test_what_lies_there(exported: Path, members: dict[str, bytes], labels: tuple[str, ...]) -> None:
    content = (exported / "theirs.float32.tflite").read_bytes()
    graph = flatbuffer.graph(content, "it")
    assert labels_of_file(with_archive(content, members), graph) == labels
    assert labels_of_file(content, graph) == ("cat", "dog")
    assert labels_of_file(content[:-30], graph) == ()


def test_a_name_with_ends_of_lines_stays_one_name(exported: Path, tmp_path: Path) -> None:
    names = ["a\nb", "c\r\nd\x85e"]
    content = (exported / "theirs.float32.tflite").read_bytes() + append_labels(b"", names)
    assert labels_of_file(content, flatbuffer.graph(content, "it")) == ("a b", "c d\x85e")
    document = json.loads((exported / "theirs.float32.json").read_text())
    document["labels"] = names
    document["file"].update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    (tmp_path / "it.tflite").write_bytes(content)
    (tmp_path / "it.json").write_text(json.dumps(document))
    assert open_tflite(tmp_path / "it.tflite").labels == tuple(names)


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"]])
@pytest.mark.parametrize("passport", [False, True])
def test_a_list_of_another_length_is_not_used_and_that_is_said(
    exported: Path, tmp_path: Path, names: list[str], passport: bool
) -> None:
    content = (exported / "theirs.float32.tflite").read_bytes() + append_labels(b"", names)
    path = tmp_path / "it.tflite"
    path.write_bytes(content)
    if passport:
        without_names(exported, path)
    opened = open_tflite(path)
    said = f"the {len(names)} label{'s' if len(names) > 1 else ''} inside are not used, for it tells 2 classes apart"
    assert (opened.labels, opened.notes) == ((), (said,))


def test_a_passport_without_names_leaves_those_inside(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "it.tflite"
    shutil.copy(exported / "theirs.float32.tflite", path)
    without_names(exported, path)
    opened = open_tflite(path)
    assert opened.card is not None and opened.card.labels == ()
    assert (opened.labels, opened.notes) == (("cat", "dog"), ())


def without_names(exported: Path, path: Path) -> None:
    """A passport of the file that names no classes."""
    document, content = json.loads((exported / "theirs.float32.json").read_text()), path.read_bytes()
    document["labels"] = []
    document["file"].update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    path.with_suffix(".json").write_text(json.dumps(document))


def test_evaluate_and_predict_say_it(exported: Path, photos: Path, tmp_path: Path) -> None:
    content = (exported / "theirs.float32.tflite").read_bytes() + append_labels(b"", ["a", "b", "c"])
    path = tmp_path / "it.tflite"
    path.write_bytes(content)
    for command in (["predict", path, photos / "cat" / "0.jpg"], ["evaluate", path, "--data", photos]):
        done = CliRunner().invoke(cli, [str(part) for part in command])
        assert done.exit_code == 0, done.output
        assert f"Note: {path}: the 3 labels inside are not used, for it tells 2 classes apart" in done.stderr
