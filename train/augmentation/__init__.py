"""What training does to each picture, by name.

A new augmentation is a function in a module beside this one and a row of :data:`AUGMENTATIONS`.
"""

from collections.abc import Callable

import numpy as np

from mobilecnn.train.augmentation.shift import flip_shift, shift
from mobilecnn.train.images import Pixels

Augmentation = Callable[[Pixels, np.random.Generator], Pixels]
"""Function of a batch, uint8, (n, height, width, channels), that returns a batch of the same shape.

Everything random in it comes from the generator. The input is not changed.
"""


def none(pixels: Pixels, generator: np.random.Generator) -> Pixels:
    """The batch as it is."""
    return pixels


AUGMENTATIONS: dict[str, Augmentation] = {"none": none, "shift": shift, "flip-shift": flip_shift}
"""Name, as ``--augment`` takes it -> function."""
