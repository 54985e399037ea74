"""What a network is given, in a file: pixels in 8 bits, and the contract by which they become tensors when they are read.

The children that run models read it. As float32 tensors the file would be four times as large.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np

from mobilecnn import tensors
from mobilecnn.contract import InputContract
from mobilecnn.documents import parse_json
from mobilecnn.files import no_room
from mobilecnn.records import record
from mobilecnn.train.images import Floats, Pixels, to_tensor


def write(path: Path, pixels: Iterable[Pixels], contract: InputContract, count: int) -> None:
    """Write pictures to ``path``, a ``.npy`` file, without holding them all, and ``contract`` beside it.

    Args:
        path: the file.
        pixels: the pictures at the contract's size, uint8 (height, width, channels) each.
        contract: the network's input.
        count: number of pictures.

    Raises:
        EnvironmentProblem: there is no room for the file.
    """
    tensors.write(path, pixels, (count, *contract.shape), np.uint8)
    try:
        _contract(path).write_text(json.dumps(asdict(contract)), encoding="utf-8")
    except OSError as error:
        raise no_room(error, path.parent) from error


def slices(path: Path, rows: int | None = None) -> Iterator[Floats]:
    """The tensors of a file that :func:`write` made, float32 (images, height, width, channels), some at a time.

    Of a file of tensors (:func:`mobilecnn.tensors.write`) they are those in it.

    Args:
        path: the file.
        rows: number of images of a slice; the last may be smaller.  [default: that of :func:`mobilecnn.tensors.slices`]
    """
    parts = tensors.slices(path, rows)
    if not _contract(path).exists():
        return parts
    contract = record(InputContract, parse_json(_contract(path).read_bytes()))
    return (to_tensor(pixels, contract) for pixels in parts)


def _contract(path: Path) -> Path:
    return path.with_suffix(".contract.json")


def write_first(source: Path, count: int, output: Path) -> int:
    """Write the first ``count`` tensors of a file, as :func:`slices` gives them, to another; how many there are.

    Raises:
        EnvironmentProblem: there is no room for the file.
    """
    first = list(islice((image for part in slices(source) for image in part), count))
    tensors.write(output, first, (len(first), *first[0].shape))
    return len(first)
