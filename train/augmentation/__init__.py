"""What training does to each picture: recipes by name, made of steps with their figures.

A new step is a frozen dataclass in a module beside this one, a new recipe a row of :data:`AUGMENTATIONS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mobilecnn.train.augmentation.contrast import Equalize, Stretch
from mobilecnn.train.augmentation.erasing import Erase
from mobilecnn.train.augmentation.geometry import Affine, Mirror, Shift
from mobilecnn.train.augmentation.mixing import Cutmix, Mixup
from mobilecnn.train.augmentation.randaugment import RandAugment
from mobilecnn.train.images import Floats, Pixels

Step = Callable[[Pixels, np.random.Generator], Pixels]
"""Function of a batch, uint8, (n, height, width, channels), that returns a batch of the same shape.

Everything random in it comes from the generator. The input is not changed.
"""

Mixing = Callable[[Floats, Floats, np.random.Generator], tuple[Floats, Floats]]
"""Function of images, float32, (n, height, width, channels), and labels, float32, (n, classes), that mixes both."""


@dataclass(frozen=True)
class Recipe:
    """What is done to a batch.

    Attributes:
        summary: what it is, a phrase for the help.
        steps: what is done to the pictures, in order.
        mixings: mixtures of pictures, of which one is drawn for each batch; empty for none.
    """

    summary: str
    steps: tuple[Step, ...] = ()
    mixings: tuple[Mixing, ...] = ()

    def __call__(self, pixels: Pixels, generator: np.random.Generator) -> Pixels:
        """The pictures after all steps, uint8, (n, height, width, channels)."""
        for step in self.steps:
            pixels = step(pixels, generator)
        return pixels

    def mixed(self, images: Floats, labels: Floats, generator: np.random.Generator) -> tuple[Floats, Floats]:
        """Images and labels after a mixture; as they are where the recipe has none.

        Args:
            images: float32, (n, height, width, channels), on any scale.
            labels: share of each class, float32, (n, classes).
            generator: source of everything random.
        """
        if not self.mixings:
            return images, labels
        return self.mixings[generator.integers(len(self.mixings))](images, labels, generator)


AUGMENTATIONS: dict[str, Recipe] = {
    "none": Recipe("the pictures as they are"),
    "shift": Recipe("moved by up to a sixteenth of the side", (Shift(1 / 16),)),
    "flip-shift": Recipe("half of them mirrored too", (Shift(1 / 16), Mirror())),
    # The lesion classifier's: its rescaling is the input contract's.
    "lesion": Recipe(
        "turned by up to 30 degrees, moved and zoomed by up to 0.3, half of them mirrored",
        (Affine(rotation=30, shift=0.3, zoom=0.3), Mirror()),
    ),
    "contrast": Recipe(
        "as flip-shift, the contrast of a third stretched, and of a third equalized",
        (Shift(1 / 16), Mirror(), Stretch(1 / 3), Equalize(1 / 3)),
    ),
    # The figures of mixing and erasing are those of torchvision's recipe of 2021 for ImageNet.
    "modern": Recipe(
        "mirrored, RandAugment, random erasing; batches by mixup or CutMix",
        (Mirror(), RandAugment(), Erase(0.1)),
        (Mixup(0.2), Cutmix(1.0)),
    ),
}
"""Name, as ``--augment`` takes it -> recipe."""
