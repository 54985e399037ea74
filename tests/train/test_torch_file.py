"""PyTorch files are read without PyTorch: what is written comes back, and damage is refused or read."""

import itertools
import math
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch_files import (
    EMPTY,
    LAYOUTS,
    Array,
    described,
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
    views = [array.transpose(np.argsort(order)) for array, order in zip(stored, orders, strict=True)]
    keys = [f"{index}-{'long' if array.itemsize == 8 else 'float'}" for index, array in enumerate(written)]
    entries = {f"layer.{key}": described(array, key) for key, array in zip(keys, views, strict=True)}
    content = layout(dictionary(entries), {key: a.tobytes() for key, a in zip(keys, stored, strict=True)})
    arrays = read(folder, content)
    assert list(arrays) == list(entries)
    for array, again in zip(written, arrays.values(), strict=True):
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
        arrays = read(folder, layout(dictionary(entries), {"0": numbers.tobytes()}))
        np.testing.assert_array_equal(arrays["rows"], numbers[:6].reshape(2, 3))
        np.testing.assert_array_equal(arrays["columns"], numbers[6:].reshape(2, 3).T)
        assert arrays["last"] == 11


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


def survives(folder: Path, content: bytes) -> None:
    """Anything may be in the file: it is read, or refused by the one error."""
    try:
        arrays = read(folder, content)
    except ModelFileError as error:
        assert str(error).isprintable()
    else:
        assert all(isinstance(array, np.ndarray) for array in arrays.values())


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
