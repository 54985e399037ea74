"""PyTorch files, built byte by byte as ``torch.save`` writes them, without PyTorch."""

import io
import pickle
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.train import torch_file

Array = torch_file.Array

# The opcodes of pickle protocol 2 that torch.save writes.


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + len(encoded).to_bytes(4, "little") + encoded


def number(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    return name(module, attribute) + tuple_of(*arguments) + b"R"


EMPTY = call("collections", "OrderedDict")
KINDS = {"<f4": "FloatStorage", "<i8": "LongStorage", "<f2": "HalfStorage"}


def tensor(
    key: str, dtype: str, count: int, offset: int, shape: Iterable[int], strides: Iterable[int]
) -> bytes:
    storage = (
        tuple_of(text("storage"), name("torch", KINDS[dtype]), text(key), text("cpu"), number(count)) + b"Q"
    )
    numbers = (tuple_of(*map(number, sides)) for sides in (shape, strides))
    return call("torch._utils", "_rebuild_tensor_v2", storage, number(offset), *numbers, b"\x89", EMPTY)


def described(array: Array, key: str) -> bytes:
    """A whole array as a tensor on a storage of its own."""
    strides = [stride // array.itemsize for stride in array.strides]
    return tensor(key, array.dtype.str, array.size, 0, array.shape, strides)


def dictionary(entries: dict[str, bytes]) -> bytes:
    """A state dict, with the versions of modules that PyTorch hangs on it."""
    versions = b"}" + text("_metadata") + EMPTY + text("") + b"}" + text("version") + b"K\x01ss" + b"s"
    items = b"".join(text(key) + value for key, value in entries.items())
    return b"\x80\x02" + EMPTY + b"(" + items + b"u" + versions + b"b."


def zipped(pickled: bytes, storages: dict[str, bytes], **members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        for key, content in storages.items():
            archive.writestr(f"net/data/{key}", content)
        for member, content in members.items():
            archive.writestr(f"net/{member}", content)
    return stream.getvalue()


MACHINE = b"\x80\x02}" + text("little_endian") + b"\x88s."


def plain(pickled: bytes, storages: dict[str, bytes], machine: bytes = MACHINE) -> bytes:
    """The layout of before PyTorch 1.6; the storages' elements are four bytes, or eight if the key says so."""
    keys = b"\x80\x02](" + b"".join(map(text, storages)) + b"e."
    counts = (len(content) // (8 if key.endswith("long") else 4) for key, content in storages.items())
    numbers = zip(counts, storages.values(), strict=True)
    return (
        pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + machine + pickled + keys
        + b"".join(count.to_bytes(8, "little") + content for count, content in numbers)
    )  # fmt: skip


LAYOUTS: list[Callable[[bytes, dict[str, bytes]], bytes]] = [zipped, plain]


def read(folder: Path, content: bytes) -> dict[str, Array]:
    path = folder / "weights.pth"
    path.write_bytes(content)
    return torch_file.read(path)


def good(layout: Any) -> bytes:
    """A file of two small tensors."""
    kernel, steps = np.arange(24, dtype="<f4").reshape(2, 3, 4), np.asarray(7, "<i8")
    entries = {"kernel": described(kernel, "0"), "steps": described(steps, "1-long")}
    return bytes(layout(dictionary(entries), {"0": kernel.tobytes(), "1-long": steps.tobytes()}))
