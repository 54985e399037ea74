"""PyTorch files: written here byte by byte, read without PyTorch, and never run."""

import io
import itertools
import math
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mobilecnn.errors import ModelFileError
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("torch")


shapes = arrays.array_shapes(min_dims=0, max_dims=4, max_side=4)
some_arrays: st.SearchStrategy[list[Array]] = st.lists(
    st.one_of(
        arrays.arrays(np.dtype("<f4"), shapes, elements={"allow_nan": False}),
        arrays.arrays(np.dtype("<i8"), shapes),
    ),
    max_size=4,
)


@given(some_arrays, st.sampled_from(LAYOUTS), st.data())
@settings(max_examples=60, deadline=None)
def test_arrays_come_back(folder: Path, written: list[Array], layout: Any, data: st.DataObject) -> None:
    # Stored in another order of axes than their own: the strides bring them back.
    orders = [data.draw(st.permutations(range(array.ndim))) for array in written]
    stored = [array.transpose(order).copy() for array, order in zip(written, orders, strict=True)]
    shown = [array.transpose(np.argsort(order)) for array, order in zip(stored, orders, strict=True)]
    keys = [f"{index}-{'long' if array.itemsize == 8 else 'float'}" for index, array in enumerate(written)]
    entries = {f"layer.{key}": described(array, key) for key, array in zip(keys, shown, strict=True)}
    content = layout(dictionary(entries), {key: a.tobytes() for key, a in zip(keys, stored, strict=True)})
    found = read(folder, content)
    assert list(found) == list(entries)
    for array, again in zip(written, found.values(), strict=True):
        assert again.dtype == array.dtype and not again.flags.writeable
        np.testing.assert_array_equal(again, array)


def test_two_tensors_share_a_storage(folder: Path) -> None:
    numbers = np.arange(12, dtype="<f4")
    entries = {
        "rows": tensor("0", "<f4", 12, 0, (2, 3), (3, 1)),
        "columns": tensor("0", "<f4", 12, 6, (3, 2), (1, 3)),
        "last": tensor("0", "<f4", 12, 11, (), ()),
    }
    for layout in LAYOUTS:
        found = read(folder, layout(dictionary(entries), {"0": numbers.tobytes()}))
        np.testing.assert_array_equal(found["rows"], numbers[:6].reshape(2, 3))
        np.testing.assert_array_equal(found["columns"], numbers[6:].reshape(2, 3).T)
        assert found["last"] == 11


def good(layout: Any) -> bytes:
    """A file of two small tensors."""
    kernel, steps = np.arange(24, dtype="<f4").reshape(2, 3, 4), np.asarray(7, "<i8")
    entries = {"kernel": described(kernel, "0"), "steps": described(steps, "1-long")}
    return bytes(layout(dictionary(entries), {"0": kernel.tobytes(), "1-long": steps.tobytes()}))


def survives(folder: Path, content: bytes) -> None:
    """Anything may be in the file: it is read, or refused by the one error."""
    try:
        found = read(folder, content)
    except ModelFileError as error:
        assert str(error).isprintable()
    else:
        assert all(isinstance(array, np.ndarray) for array in found.values())


@given(st.sampled_from([b"", b"PK\x03\x04", plain(b"", {})[:21]]), st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_random_bytes_are_refused(folder: Path, begin: bytes, rest: bytes) -> None:
    with pytest.raises(ModelFileError, match="cannot be read as a PyTorch state dict"):
        read(folder, begin + rest)


mutations = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 8), st.binary(max_size=8)), min_size=1, max_size=4
)


def mutated(content: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, instead in changes:
        place %= len(content) + 1
        content = content[:place] + instead + content[place + length :]
    return content


@given(st.sampled_from(LAYOUTS), mutations)
@settings(max_examples=300, deadline=None)
def test_damaged_files_are_refused_or_read(folder: Path, layout: Any, changes: Any) -> None:
    survives(folder, mutated(good(layout), changes))


@given(mutations)
@settings(max_examples=300, deadline=None)
def test_damaged_descriptions_are_refused_or_read(folder: Path, changes: Any) -> None:
    # Inside an intact archive, whose checksums would catch them first.
    entries = {"kernel": tensor("0", "<f4", 24, 0, (2, 3, 4), (12, 4, 1))}
    survives(folder, zipped(mutated(dictionary(entries), changes), {"0": bytes(96)}))


def operation(opcode: pickletools.OpcodeInfo) -> st.SearchStrategy[bytes]:
    """An opcode with some argument of the length that it takes."""
    code = opcode.code.encode("latin-1")
    if opcode.arg is None:
        return st.just(code)
    if opcode.arg.n >= 0:
        return st.binary(min_size=opcode.arg.n, max_size=opcode.arg.n).map(lambda argument: code + argument)
    lengths = {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT4: 4}
    if (width := lengths.get(opcode.arg.n)) is not None:
        return st.binary(max_size=6).map(lambda a: code + len(a).to_bytes(width, "little") + a)
    return st.sampled_from(
        [b"torch\nFloatStorage\n", b"collections\nOrderedDict\n", b"12\n12\n", b"\\q\n\\q\n"]
    ).map(lambda argument: code + argument)


pieces = st.one_of(
    st.sampled_from(pickletools.opcodes).flatmap(operation),
    st.sampled_from(
        [
            EMPTY, text("storage"), text("0"), text("cpu"), number(24), number(-1), tuple_of(), b"(", b"t", b"}", b"]",
            name("torch", "FloatStorage"), name("torch._utils", "_rebuild_tensor_v2"), b"Q", b"R", b"s", b"u", b"b",
            tensor("0", "<f4", 24, 0, (2, 3, 4), (12, 4, 1)),
        ]
    ),
)  # fmt: skip


@given(st.lists(pieces, max_size=30))
@settings(max_examples=400, deadline=None)
def test_any_program_is_refused_or_read(folder: Path, program: list[bytes]) -> None:
    survives(folder, zipped(b"\x80\x02" + b"".join(program) + b".", {"0": bytes(96)}))


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


VIEWS = {
    "behind its storage": (0, (5, 5), (5, 1)),
    "offset behind its storage": (24, (1,), (1,)),
    "far behind by its strides": (0, (2, 2), (23, 2)),
    "before its storage": (-1, (1,), (1,)),
    "backwards": (23, (24,), (-1,)),
    "one number as many": (0, (1 << 30,), (0,)),
    "empty": (0, (0,), (1,)),
    "of a negative side": (0, (-2, -2), (1, 1)),
    "without strides": (0, (24,), ()),
    "of nine axes": (0, (1,) * 9, (1,) * 9),
}


@pytest.mark.parametrize("what", VIEWS)
def test_a_tensor_outside_its_storage_is_refused(folder: Path, what: str) -> None:
    offset, shape, strides = VIEWS[what]
    pickled = dictionary({"w": tensor("0", "<f4", 24, offset, shape, strides)})
    with pytest.raises(ModelFileError, match="'w' is empty or reaches outside its storage"):
        read(folder, zipped(pickled, {"0": bytes(96)}))


@given(
    st.integers(-2, 30),
    st.lists(st.tuples(st.integers(-1, 6), st.integers(-1, 12)), max_size=3),
)
@settings(deadline=None)
def test_every_element_is_one_of_the_storage(folder: Path, offset: int, axes: list[tuple[int, int]]) -> None:
    shape, strides = [side for side, _ in axes], [stride for _, stride in axes]
    numbers = np.arange(24, dtype="<f4")
    pickled = dictionary({"w": tensor("0", "<f4", 24, offset, shape, strides)})
    # Worked out element by element: the index that each position of the tensor stands for.
    indices = [
        offset + sum(place * stride for place, stride in zip(places, strides, strict=True))
        for places in itertools.product(*(range(side) for side in shape))
    ]
    content = zipped(pickled, {"0": numbers.tobytes()})
    if min(shape, default=1) < 1 or min(strides, default=0) < 0 or not 0 <= min(indices) <= max(indices) < 24:
        with pytest.raises(ModelFileError):
            read(folder, content)
    elif math.prod(shape) <= 24:
        assert read(folder, content)["w"].ravel().tolist() == indices


KERNEL = {"w": tensor("0", "<f4", 24, 0, (24,), (1,))}
STORED = {"0": bytes(96)}

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "compressed": (lambda: _rezipped(zipfile.ZIP_DEFLATED), "is compressed"),
    "a member twice": (lambda: _rezipped(zipfile.ZIP_STORED, "net/data.pkl"), "not one folder of members"),
    "two folders": (lambda: _rezipped(zipfile.ZIP_STORED, "other/data"), "not one folder of members"),
    "no description": (lambda: _only({"net/data/0": bytes(96)}), "net/data.pkl"),
    "a storage missing": (lambda: zipped(dictionary(KERNEL), {}), "net/data/0"),
    "a storage too small": (lambda: zipped(dictionary(KERNEL), {"0": bytes(92)}), "size that its tensors say"),
    "big-endian": (lambda: zipped(dictionary(KERNEL), STORED, byteorder=b"big"), "little-endian"),
    "members over each other": (lambda: _overlapping(), "larger than the archive"),
    "plain and big-endian": (
        lambda: plain(dictionary(KERNEL), STORED, MACHINE.replace(b"\x88", b"\x89")), "little-endian",
    ),
    "plain and cut off": (lambda: plain(dictionary(KERNEL), STORED)[:-1], "cut off"),
    "plain and longer": (lambda: plain(dictionary(KERNEL), STORED) + b"\0", "cut off, or goes on"),
    "plain with another size": (lambda: plain(dictionary(KERNEL), {"0": bytes(92)}), "size that its tensors say"),
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
        "size that its tensors say",
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
    with pytest.raises(ModelFileError, match="more than 100 bytes"):
        read(folder, good(zipped))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such weights file"):
        torch_file.read(tmp_path / "weights.pth")
