"""How far a Keras model's own answers move when its input moves by one rounding of float32."""

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
    """Relative difference that the Keras model itself shows when its input moves by one rounding of float32.

    A deep network may enlarge the last bit of float32 a thousandfold, random weights more than trained
    ones: then no two ways to compute it agree, and Keras' answers are no truth either.

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
        keras.start_run(contract, moved, answered)
        keras.finish()
        scores = np.load(answered, allow_pickle=False)
        changes.append(compare(reference[:MOVED_IMAGES], scores).relative)
    return max(changes)
