"""What a network is given, in a file: the same numbers as from the picture itself, in a byte each."""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mobilecnn import tensors
from mobilecnn.contract import RANGES, InputContract, contract_for
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.train import inputs
from mobilecnn.train.images import Pixels, random_pixels, to_tensor

CONTRACTS = [contract_for(name, (6, 5, 3)) for name in RANGES] + [contract_for("unit", (6, 5, 1))]


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
@pytest.mark.parametrize("rows", [1, 3, None])
def test_the_tensors_are_those_of_each_picture(
    contract: InputContract, rows: int | None, tmp_path: Path
) -> None:
    pixels = random_pixels(7, contract)
    path = tmp_path / "inputs.npy"
    inputs.write(path, iter(pixels), contract, len(pixels))
    read = list(inputs.slices(path, rows))
    assert all(part.dtype == np.float32 and part.flags.c_contiguous for part in read)
    np.testing.assert_array_equal(
        np.concatenate(read), np.stack([to_tensor(picture, contract) for picture in pixels])
    )
    assert path.stat().st_size < pixels.size + 200


def test_the_contract_is_that_of_the_last_writing(tmp_path: Path) -> None:
    path = tmp_path / "inputs.npy"
    for name in ("raw", "caffe"):
        contract = contract_for(name, (4, 4, 3))
        inputs.write(path, random_pixels(2, contract), contract, 2)
        (read,) = inputs.slices(path)
        np.testing.assert_array_equal(read, to_tensor(random_pixels(2, contract), contract))


def test_a_file_of_tensors_is_read_as_it_is(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(3, 2, 2, 1)).astype(np.float32)
    tensors.write(tmp_path / "moved.npy", [values], values.shape)
    (read,) = inputs.slices(tmp_path / "moved.npy")
    np.testing.assert_array_equal(read, values)


def test_a_full_disk_is_told_before_the_first_picture(tmp_path: Path) -> None:
    def never() -> Iterator[Pixels]:
        raise AssertionError("a picture was decoded")
        yield

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(EnvironmentProblem, match=r"is full: 752\.6 MB are needed"):
            inputs.write(tmp_path / "inputs.npy", never(), contract_for("unit", (224, 224, 3)), 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
