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

AT_ONCE = 2 << 20
"""Largest number of elements that :func:`slices` reads at a time, where a row has not more: as float32 8 MiB."""

_format: Any = np.lib.format  # Its functions have no types.

_TYPES = (np.dtype("<f4"), np.dtype("|u1"))


def write(
    path: Path, rows: Iterable[Any], shape: Sequence[int], dtype: type[np.float32 | np.uint8] = np.float32
) -> None:
    """Write ``rows`` as one array; the space for it is reserved before the first row is made.

    Args:
        path: the ``.npy`` file.
        rows: parts of the array along its first axis, each of one or more rows.
        shape: shape of the array; the rows must fill it.
        dtype: float32, or uint8 for pixels.

    Raises:
        EnvironmentProblem: the file's folder has no room for it.
    """
    stored = np.dtype(dtype).newbyteorder("<")
    size = int(np.prod(shape, dtype=np.int64)) * stored.itemsize
    try:
        with path.open("wb") as file:
            header = {
                "descr": stored.str,
                "fortran_order": False,
                "shape": tuple(int(side) for side in shape),
            }
            _format.write_array_header_1_0(file, header)
            file.flush()
            begin = file.tell()
            reserve(file.fileno(), begin + size)
            for row in rows:
                file.write(np.ascontiguousarray(row, stored).data)
            assert file.tell() == begin + size, "the rows do not fill the array"
    except OSError as error:
        raise no_room(error, path.parent, size) from error


def reserve(descriptor: int, size: int) -> None:
    """Take the space for a file of ``size`` bytes, where the file system knows how.

    Raises:
        OSError: there is none.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        # The file system may not know how; then the writing itself will tell.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def slices(path: Path, rows: int | None = None) -> Iterator[Any]:
    """The array in a file that :func:`write` made, float32 or uint8, ``rows`` of its rows at a time.

    Args:
        path: the ``.npy`` file.
        rows: number of rows of a slice; the last may be smaller.  [default: as many as have :data:`AT_ONCE` elements]
    """
    with path.open("rb") as file:
        shape, stored = _header(file)
        elements = int(np.prod(shape[1:], dtype=np.int64))
        step = rows or max(1, AT_ONCE // max(1, elements))
        for start in range(0, shape[0], step):
            count = min(step, shape[0] - start)
            content = file.read(count * elements * stored.itemsize)
            yield np.frombuffer(content, stored).reshape(count, *shape[1:])


def shape(path: Path) -> tuple[int, ...]:
    """The shape of the array in a ``.npy`` file that :func:`write` made."""
    with path.open("rb") as file:
        return _header(file)[0]


def _header(file: Any) -> tuple[tuple[int, ...], Any]:
    _format.read_magic(file)
    sides, _, dtype = _format.read_array_header_1_0(file)
    assert dtype in _TYPES
    return tuple(sides), dtype
