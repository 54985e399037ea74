"""Arrays in files: the numbers survive, memory does not grow, and a full disk is an error."""

import errno
import resource
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from mobilecnn import files, tensors
from mobilecnn.errors import EnvironmentProblem


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may become larger than ``size`` bytes, as on a disk with that much room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("shape", [(1, 1), (7, 4, 5, 3), (12345, 2)])
@pytest.mark.parametrize("step", [1, 3, 10**6, None])
def test_what_is_written_is_read(shape: tuple[int, ...], step: int | None, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    path = tmp_path / "a.npy"
    tensors.write(path, (values[i : i + 2] for i in range(0, len(values), 2)), shape)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), values)
    np.testing.assert_array_equal(np.concatenate(list(tensors.slices(path, step))), values)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    row = np.zeros((1, 250_000), np.float32)  # a megabyte
    peaks = []
    for rows in (40, 200):
        tracemalloc.start()
        tensors.write(tmp_path / "a.npy", (row for _ in range(rows)), (rows, 250_000))
        assert sum(len(part) for part in tensors.slices(tmp_path / "a.npy")) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_a_full_disk_is_told_before_the_first_row_is_made(tmp_path: Path) -> None:
    def never() -> Iterator[tensors.Floats]:
        raise AssertionError("a row was made")
        yield

    with largest_file(1_000_000), pytest.raises(EnvironmentProblem) as refused:
        tensors.write(tmp_path / "a.npy", never(), (1000, 500, 500, 3))
    message = str(refused.value)
    assert f"the temporary folder {tmp_path} is full: 3,000.0 MB are needed and" in message
    assert "set TMPDIR to a folder that has it" in message


def test_a_disk_that_cannot_reserve_is_full_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(descriptor: int, offset: int, size: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr("os.posix_fallocate", unable)
    row = np.zeros((1, 1000), np.float32)
    with largest_file(1_000_000), pytest.raises(EnvironmentProblem, match=r"is full: 4\.0 MB are needed"):
        tensors.write(tmp_path / "a.npy", (row for _ in range(1000)), (1000, 1000))


@pytest.mark.parametrize("number", files.FULL)
def test_a_temporary_folder_without_room_is_named_and_removed(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        pytest.raises(EnvironmentProblem, match=f"the temporary folder {tmp_path} is full"),
        files.temporary_folder(),
    ):
        raise OSError(number, "no room")
    assert list(tmp_path.iterdir()) == []


def test_another_error_in_the_block_is_no_fault_of_the_folder() -> None:
    with pytest.raises(FileNotFoundError), files.temporary_folder():
        Path("/nowhere").read_bytes()


def test_a_temporary_folder_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")
    with pytest.raises(EnvironmentProblem, match="no temporary folder to write to"), files.temporary_folder():
        pass
