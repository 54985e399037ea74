"""The tensors of a PyTorch state dict (``.pth``, ``.pt``), read without PyTorch and without pickle.

``torch.save`` writes a pickle that describes the tensors, and their numbers as plain bytes: since
PyTorch 1.6 as members of a zip archive, before that one after the other in the same file.

Unpickling calls whatever a file names. Here the opcodes drive a small machine that can make nothing
but dictionaries, lists, tuples, whole numbers, text and descriptions of tensors, and that refuses
every other opcode and every other name: nothing that a file names is called or imported.
"""

import math
import pickletools
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.errors import ModelFileError
from mobilecnn.files import read_bytes

Array = npt.NDArray[Any]

LARGEST = 1 << 28
"""Largest size in bytes of a file that is read: ten times that of a network for phones."""

_LARGEST_PICKLE = 1 << 22
"""Largest size in bytes of a pickle that is read: it describes more than twenty thousand tensors."""

_PLAIN = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e 80024de9032e")
"""First bytes of a file older than PyTorch 1.6: a magic number and the version of the layout, pickled."""

_ZIP_ERRORS = (
    zipfile.BadZipFile, EOFError, OSError, OverflowError, RuntimeError, ValueError, struct.error,
)  # fmt: skip
"""Exceptions that ``zipfile`` was seen to raise for damaged or encrypted archives."""

_STORAGES: dict[str, np.dtype[Any]] = {
    "torch HalfStorage": np.dtype("<f2"),
    "torch FloatStorage": np.dtype("<f4"),
    "torch DoubleStorage": np.dtype("<f8"),
    "torch IntStorage": np.dtype("<i4"),
    "torch LongStorage": np.dtype("<i8"),
}
"""Name of a storage's class -> type of its numbers."""


class _Function(Enum):
    """The functions that a state dict names; they are not called, their results are made here."""

    ORDERED_DICT = "collections OrderedDict"
    TENSOR = "torch._utils _rebuild_tensor_v2"


_FUNCTIONS: dict[str, _Function] = {str(function.value): function for function in _Function}


@dataclass(frozen=True)
class _Storage:
    """A storage: ``count`` numbers, which the file holds under ``key``."""

    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _RefusedError(Exception):
    """Why a file is refused; :func:`read` adds which file it is."""


def read(path: Path) -> dict[str, Array]:
    """Read a state dict: name -> array, in the order of the file. The arrays are read-only.

    Raises:
        ModelFileError: the file is missing or damaged, or holds anything but a state dict.
    """
    try:
        content = read_bytes(path, "weights file", ModelFileError, LARGEST)
        if content.startswith(b"PK"):
            tensors, numbers = _read_zip(content)
        elif content.startswith(_PLAIN):
            tensors, numbers = _read_plain(content)
        else:
            raise _RefusedError("it does not begin as torch.save begins a file")
        return {name: _view(name, tensor, numbers[tensor.storage.key]) for name, tensor in tensors.items()}
    except _RefusedError as error:
        raise ModelFileError(
            f"{path} cannot be read as a PyTorch state dict: {error}; save one with "
            "torch.save(model.state_dict(), path)"
        ) from error


def _read_zip(content: bytes) -> tuple[dict[str, _Tensor], dict[str, bytes]]:
    """The tensors, and storage key -> bytes.

    ``FOLDER/data.pkl`` describes the tensors, and each ``FOLDER/data/KEY`` is a storage.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            folder = _folder(archive.infolist(), len(content))
            order = f"{folder}/byteorder"
            if order in archive.namelist() and archive.read(order) != b"little":
                raise _RefusedError("its numbers are not little-endian")
            tensors = _state_dict(_unpickle(archive.read(f"{folder}/data.pkl"))[0])
            keys = {tensor.storage.key for tensor in tensors.values()}
            return tensors, {key: archive.read(f"{folder}/data/{key}") for key in keys}
    except KeyError as error:
        raise _RefusedError(_short(error.args[0])) from error
    except _ZIP_ERRORS as error:
        raise _RefusedError(f"the zip archive is damaged, {_short(str(error))}") from error


def _folder(members: list[zipfile.ZipInfo], size: int) -> str:
    """The folder that all members are in.

    Raises:
        _RefusedError: the archive is not as torch.save writes it.
    """
    names = {member.filename for member in members}
    folders = {name.split("/")[0] for name in names}
    if len(names) != len(members) or len(folders) != 1:
        raise _RefusedError("the zip archive is not one folder of members with different names")
    # torch.save compresses nothing; and members that overlap could add up to any size.
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise _RefusedError("the zip archive is compressed, which torch.save never does")
    if sum(member.file_size for member in members) > size:
        raise _RefusedError("the members of the zip archive are larger than the archive")
    return folders.pop()


def _read_plain(content: bytes) -> tuple[dict[str, _Tensor], dict[str, bytes]]:
    """The same from a file older than PyTorch 1.6.

    After the first bytes come three pickles: a description of the machine that wrote the file, the
    state dict and the storage keys. Then each storage follows, in the order of the keys: the number of
    its elements in 8 bytes, and the elements.
    """
    machine, end = _unpickle(content, len(_PLAIN))
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise _RefusedError("its numbers are not little-endian")
    state, end = _unpickle(content, end)
    tensors = _state_dict(state)
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    keys, end = _unpickle(content, end)
    if (
        not isinstance(keys, list)
        or not all(isinstance(key, str) for key in keys)
        or sorted(keys) != sorted(storages)
    ):
        raise _RefusedError("its storages are not those of its tensors")
    numbers = {}
    for key in keys:
        storage = storages[key]
        begin, end = end + 8, end + 8 + storage.count * storage.dtype.itemsize
        if int.from_bytes(content[begin - 8 : begin], "little") != storage.count:
            raise _RefusedError("a storage does not have the size that its tensors state")
        numbers[key] = content[begin:end]
    if end != len(content):
        raise _RefusedError("it is cut off, or goes on after its last storage")
    return tensors, numbers


def _state_dict(value: Any) -> dict[str, _Tensor]:
    if not isinstance(value, dict):
        raise _RefusedError("it does not hold a dictionary")
    for name, entry in value.items():
        if not isinstance(entry, _Tensor):
            raise _RefusedError(f"its entry {_short(name)} is not a tensor")
    return value


def _view(name: str, tensor: _Tensor, numbers: bytes) -> Array:
    """The tensor as an array on its storage.

    Raises:
        _RefusedError: an element of the tensor lies outside the storage.
    """
    storage, shape, strides = tensor.storage, tensor.shape, tensor.strides
    itemsize = storage.dtype.itemsize
    if len(numbers) != storage.count * itemsize:
        raise _RefusedError("a storage does not have the size that its tensors state")
    inside = (
        len(shape) == len(strides) <= 8
        and all(side >= 1 for side in shape)
        and all(0 <= stride <= storage.count for stride in strides)
        # A stride of 0 could make any size out of one number.
        and math.prod(shape) <= storage.count
        and tensor.offset >= 0
        and tensor.offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
        < storage.count
    )
    if not inside:
        raise _RefusedError(f"the tensor {_short(name)} is empty or reaches outside its storage")
    elements = np.frombuffer(numbers, storage.dtype)[tensor.offset :]
    steps = [stride * itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(elements, shape, steps, writeable=False)


def _unpickle(content: bytes, begin: int = 0) -> tuple[Any, int]:
    """The value of the pickle that begins at ``begin``, and the place where it ends.

    Values are never compared or printed: with tuples of shared tuples both would take forever.
    """
    stream = BytesIO(content[begin : begin + _LARGEST_PICKLE])
    memo: dict[int, Any] = {}
    stack: list[Any] = []
    aside: list[list[Any]] = []  # Stacks that were put aside at a mark.
    operations: Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]] = pickletools.genops(stream)
    try:
        for opcode, argument, _ in operations:
            match opcode.name:
                case "PROTO":
                    pass
                case "STOP":
                    return stack.pop(), begin + stream.tell()
                case "MARK":
                    aside.append(stack)
                    stack = []
                case "NONE":
                    stack.append(None)
                case "NEWTRUE" | "NEWFALSE":
                    stack.append(opcode.name == "NEWTRUE")
                case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE":
                    stack.append(argument)
                case "EMPTY_DICT":
                    stack.append({})
                case "EMPTY_LIST":
                    stack.append([])
                case "EMPTY_TUPLE":
                    stack.append(())
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    items = [stack.pop() for _ in range(int(opcode.name[-1]))]
                    stack.append(tuple(reversed(items)))
                case "TUPLE":
                    items, stack = stack, aside.pop()
                    stack.append(tuple(items))
                case "APPENDS":
                    items, stack = stack, aside.pop()
                    _extend(stack[-1], items)
                case "SETITEM":
                    items = [stack.pop(), stack.pop()]
                    _update(stack[-1], items[::-1])
                case "SETITEMS":
                    items, stack = stack, aside.pop()
                    _update(stack[-1], items)
                case "BINPUT" | "LONG_BINPUT":
                    memo[argument] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "GLOBAL":
                    stack.append(_named(argument))
                case "BINPERSID":
                    stack.append(_storage(stack.pop()))
                case "REDUCE":
                    arguments = stack.pop()
                    stack.append(_made(stack.pop(), arguments))
                case "BUILD":
                    # The versions of the modules, which PyTorch attaches to the state dict.
                    if not isinstance(stack.pop(), dict) or not isinstance(stack[-1], dict):
                        raise _RefusedError("it sets the state of an object")
                case _:
                    raise _RefusedError(
                        f"it holds the pickle opcode {opcode.name}, which no state dict needs"
                    )
    # A text argument with a stray backslash warns, which may be an error too.
    except (ValueError, DeprecationWarning, IndexError, KeyError) as error:
        raise _RefusedError("its pickle is damaged") from error
    raise AssertionError("genops ends with STOP or an error")


def _extend(target: Any, items: list[Any]) -> None:
    if not isinstance(target, list):
        raise _RefusedError("it appends to something that is not a list")
    target.extend(items)


def _update(target: Any, items: list[Any]) -> None:
    keys, values = items[::2], items[1::2]
    if not isinstance(target, dict) or not all(isinstance(key, str) for key in keys):
        raise _RefusedError("it has a dictionary whose keys are not text")
    target.update(zip(keys, values, strict=True))


def _named(name: str) -> _Function | np.dtype[Any]:
    if name in _STORAGES:
        return _STORAGES[name]
    if name in _FUNCTIONS:
        return _FUNCTIONS[name]
    raise _RefusedError(f"it names {_short(name)}, which is not part of a state dict and was not run")


def _storage(identity: Any) -> _Storage:
    match identity:
        # In files older than PyTorch 1.6 a view of another storage may come last; state dicts have none.
        case ("storage", np.dtype() as dtype, str(key), str(), int(count)) | (
            "storage",
            np.dtype() as dtype,
            str(key),
            str(),
            int(count),
            None,
        ) if 0 <= count <= LARGEST:
            return _Storage(key, dtype, count)
    raise _RefusedError("it describes a storage in a way that PyTorch does not")


def _made(function: Any, arguments: Any) -> Any:
    match function, arguments:
        case _Function.ORDERED_DICT, ():
            return {}
        # The last two tell whether the tensor is trained, and its hooks.
        case _Function.TENSOR, (
            _Storage() as storage,
            int(offset),
            tuple(shape),
            tuple(strides),
            bool(),
            dict(),
        ):
            if all(isinstance(number, int) for number in shape + strides):
                return _Tensor(storage, offset, shape, strides)
    raise _RefusedError("it makes an object in a way that PyTorch does not")


def _short(text: str) -> str:
    """Text from a file, shortened and safe to print."""
    return repr(text if len(text) <= 80 else text[:80] + "...")
