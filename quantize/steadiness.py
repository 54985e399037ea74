"""How far the roundings of float32 move a Keras model's own answers: those of its input, and those of its sums.

A file is the same arithmetic in another order. A constant cannot say how far that may be from Keras: a sum of n terms is
rounded n times, which moves it by some sqrt(n) units in the last place (:mod:`mobilecnn.convert.roundings` has the
derivation), and a deep network may enlarge each movement a thousandfold or let it vanish. So the model itself is asked: its
input is moved by one rounding, its weights are moved as roundings move the sums that they are in, both at random, and the
answers are compared with those before. A model of one dense layer of 9,216 inputs moves by 3e-6 of its largest score, a
small convolutional one by 3e-7, a deep one with random weights by 1e-3. Nothing of it depends on the file.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.convert.conversion import KerasModel
from mobilecnn.quantize.parity import compare
from mobilecnn.tensors import write
from mobilecnn.train.inputs import slices

MOVEMENTS = 2
"""Number of times that the Keras model is asked again; the largest change counts."""

MOVED_IMAGES = 25
"""Largest number of images on which that is asked."""


def movement(
    keras: KerasModel,
    contract: InputContract,
    tensors: Path,
    reference: npt.NDArray[np.float32],
    work: Path,
) -> float:
    """Relative difference that the Keras model itself shows when its input and its sums are rounded otherwise.

    Where it is large, no two ways to compute the model agree, and Keras' answers are no truth either.

    Args:
        keras: the loaded model.
        contract: its input contract.
        tensors: file of inputs (:mod:`mobilecnn.train.inputs`).
        reference: the model's scores for them, (images, classes).
        work: a folder for temporary files.
    """
    images = next(slices(tensors, MOVED_IMAGES))
    rounding = np.spacing(np.abs(images).max())
    moved, answered = work / "moved.npy", work / "moved-scores.npy"
    changes = []
    for seed in range(MOVEMENTS):
        signs = np.random.default_rng(seed).choice(np.asarray([-1, 1], np.float32), images.shape)
        write(moved, [images + rounding * signs], images.shape)
        keras.start_run(contract, moved, answered, walk=seed)
        keras.finish()
        scores = np.load(answered, allow_pickle=False)
        changes.append(compare(reference[:MOVED_IMAGES], scores).relative)
    return max(changes)
