"""Arrays that are too large for memory: ``.npy`` files, written and read a few rows at a time.

They are neither mapped when written, because a full disk would then end the process with SIGBUS, nor when read,
because the mapped pages count as memory of the process.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.files import no_room

Floats = npt.NDArray[np.float32]

AT_ONCE = 8 << 20
"""Largest number of bytes that :func:`slices` reads at a time, where a row is not larger."""

_format: Any = np.lib.format  # Its functions have no types.

_FLOATS = np.dtype("<f4")


def write(path: Path, rows: Iterable[Floats], shape: Sequence[int]) -> None:
    """Write ``rows`` as one float32 array; the space for it is reserved before the first row is made.

    Args:
        path: the ``.npy`` file.
        rows: parts of the array along its first axis, each of one or more rows.
        shape: shape of the array; the rows must fill it.

    Raises:
        EnvironmentProblem: the file's folder has no room for it.
    """
    size = int(np.prod(shape, dtype=np.int64)) * _FLOATS.itemsize
    try:
        with path.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": tuple(int(side) for side in shape)}
            _format.write_array_header_1_0(file, header)
            file.flush()
            begin = file.tell()
            _reserve(file.fileno(), begin + size)
            for row in rows:
                file.write(np.ascontiguousarray(row, _FLOATS).data)
            assert file.tell() == begin + size, "the rows do not fill the array"
    except OSError as error:
        raise no_room(error, path.parent, size) from error


def _reserve(descriptor: int, size: int) -> None:
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        # The file system may not know how; then the writing itself will tell.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def slices(path: Path, rows: int | None = None) -> Iterator[Floats]:
    """The array in a file that :func:`write` made, float32, ``rows`` of its rows at a time.

    Args:
        path: the ``.npy`` file.
        rows: number of rows of a slice; the last may be smaller.  [default: as many as :data:`AT_ONCE` bytes hold]
    """
    with path.open("rb") as file:
        shape = _shape(file)
        bytes_of_row = int(np.prod(shape[1:], dtype=np.int64)) * _FLOATS.itemsize
        step = rows or max(1, AT_ONCE // max(1, bytes_of_row))
        for start in range(0, shape[0], step):
            count = min(step, shape[0] - start)
            content = file.read(count * bytes_of_row)
            yield np.frombuffer(content, _FLOATS).reshape(count, *shape[1:])


def shape(path: Path) -> tuple[int, ...]:
    """The shape of the array in a ``.npy`` file that :func:`write` made."""
    with path.open("rb") as file:
        return _shape(file)


def _shape(file: Any) -> tuple[int, ...]:
    _format.read_magic(file)
    sides, _, dtype = _format.read_array_header_1_0(file)
    assert dtype == _FLOATS
    return tuple(sides)
