"""PyTorch files that are refused: those that would run something, and those that are no state dict."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch_files import (
    LAYOUTS,
    MACHINE,
    call,
    dictionary,
    good,
    name,
    number,
    plain,
    read,
    tensor,
    text,
    tuple_of,
    zipped,
)

from mobilecnn.errors import ModelFileError
from mobilecnn.train import torch_file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("torch")


HOSTILE = {
    "a call of the shell": (call("os", "system", text("echo")), "os system"),
    "eval": (call("builtins", "eval", text("1")), "builtins eval"),
    "a part of a known name": (call("torch._utils", "_rebuild_tensor_v2.__globals__"), "__globals__"),
    "a name with a backslash": (call("os", "system\\q", text("echo")), "its pickle is damaged"),
    "a name from the stack": (b"\x8c\x02os\x8c\x06system\x93(tR", "SHORT_BINUNICODE"),
    "an old kind of object": (b"(ios\nsystem\n", "INST"),
    "a known name called otherwise": (call("collections", "OrderedDict", number(1)), "makes an object"),
    "a storage called": (name("torch", "FloatStorage") + number(1) + b"\x85R", "makes an object"),
    "text called": (text("eval") + tuple_of() + b"R", "makes an object"),
    "the state of a function": (name("torch._utils", "_rebuild_tensor_v2") + b"}b", "state of an object"),
    "a storage of another kind": (tuple_of(text("module"), text("0")) + b"Q", "describes a storage"),
    "a storage in the text of old pickles": (b"P0\n", "PERSID"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("what", HOSTILE)
def test_what_would_run_is_refused(
    folder: Path, what: str, layout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, words = HOSTILE[what]
    monkeypatch.setattr("os.system", lambda command: pytest.fail("it ran"))
    monkeypatch.setattr("pickle.loads", lambda *_: pytest.fail("it was unpickled"))
    with pytest.raises(ModelFileError, match=words):
        read(folder, layout(dictionary({"weight": program}), {}))


def test_shared_tuples_take_no_time(folder: Path) -> None:
    # Each tuple holds the one before twice: 2 ** 3000 leaves for whoever compares, hashes or prints it.
    nested = number(1) + b"q\x00" + b"h\x00h\x00\x86q\x00" * 3000
    for program in (nested, nested + b"R", nested + b"Q", b"}" + nested + b"Ns", nested + b"}b"):
        with pytest.raises(ModelFileError):
            read(folder, zipped(b"\x80\x02" + program + b".", {}))


KERNEL = {"w": tensor("0", "<f4", 24, 0, (24,), (1,))}
STORED = {"0": bytes(96)}

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "compressed": (lambda: _rezipped(zipfile.ZIP_DEFLATED), "is compressed"),
    "a member twice": (lambda: _rezipped(zipfile.ZIP_STORED, "net/data.pkl"), "not one folder of members"),
    "two folders": (lambda: _rezipped(zipfile.ZIP_STORED, "other/data"), "not one folder of members"),
    "no description": (lambda: _only({"net/data/0": bytes(96)}), "net/data.pkl"),
    "a storage missing": (lambda: zipped(dictionary(KERNEL), {}), "net/data/0"),
    "a storage too small": (lambda: zipped(dictionary(KERNEL), {"0": bytes(92)}), "size that its tensors state"),
    "big-endian": (lambda: zipped(dictionary(KERNEL), STORED, byteorder=b"big"), "little-endian"),
    "members over each other": (lambda: _overlapping(), "larger than the archive"),
    "plain and big-endian": (
        lambda: plain(dictionary(KERNEL), STORED, MACHINE.replace(b"\x88", b"\x89")), "little-endian",
    ),
    "plain and cut off": (lambda: plain(dictionary(KERNEL), STORED)[:-1], "cut off"),
    "plain and longer": (lambda: plain(dictionary(KERNEL), STORED) + b"\0", "cut off, or goes on"),
    "plain with another size": (lambda: plain(dictionary(KERNEL), {"0": bytes(92)}), "size that its tensors state"),
    "plain with another storage": (lambda: plain(dictionary(KERNEL), {"1": bytes(96)}), "storages are not those"),
    "plain with a storage twice": (
        lambda: plain(dictionary(KERNEL), STORED).replace(b"](" + text("0"), b"](" + 2 * text("0")),
        "storages are not those",
    ),
    "a checkpoint": (lambda: zipped(dictionary({"state_dict": b"}"}), {}), "entry 'state_dict' is not a tensor"),
    "a list": (lambda: zipped(b"\x80\x02].", {}), "does not hold a dictionary"),
    "numbers as keys": (lambda: zipped(b"\x80\x02}" + number(1) + number(1) + b"s.", {}), "keys are not text"),
    "one storage of two kinds": (
        lambda: zipped(dictionary({**KERNEL, "x": tensor("0", "<f2", 24, 0, (24,), (1,))}), STORED),
        "size that its tensors state",
    ),
    "no file of torch.save": (lambda: b"\x93NUMPY\x01\x00", "does not begin"),
    "nothing": (lambda: b"", "does not begin"),
}  # fmt: skip


def _only(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return stream.getvalue()


def _rezipped(compression: int, extra: str | None = None) -> bytes:
    stream = io.BytesIO(zipped(dictionary(KERNEL), STORED))
    with zipfile.ZipFile(stream, "a", compression) as archive:
        if extra is None:
            archive.writestr("net/version", b"3" * 1000)
        elif extra in archive.namelist():
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr(extra, b"")
        else:
            archive.writestr(extra, b"")
    return stream.getvalue()


def _overlapping() -> bytes:
    """Many names in the directory for the bytes of one member."""
    stream = io.BytesIO(zipped(dictionary(KERNEL), {"0": bytes(5000)}))
    with zipfile.ZipFile(stream, "a") as archive:
        first = archive.getinfo("net/data/0")
        for index in range(1, 5):
            again = zipfile.ZipInfo(f"net/data/{index}")
            again.header_offset, again.CRC = first.header_offset, first.CRC
            again.file_size = again.compress_size = first.file_size
            archive.filelist.append(again)
        archive._didModify = True  # type: ignore[attr-defined]
    return stream.getvalue()


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_state_dict_is_named(folder: Path, what: str) -> None:
    content, words = REFUSED[what]
    with pytest.raises(ModelFileError, match=words):
        read(folder, content())


def test_a_file_too_large_is_not_parsed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_file, "LARGEST", 100)
    with pytest.raises(ModelFileError, match="may have at most 100"):
        read(folder, good(zipped))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such weights file"):
        torch_file.read(tmp_path / "weights.pth")
