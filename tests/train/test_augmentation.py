"""Augmentation: what each one does to a batch, and the names that the command line offers."""

import click
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.cli.train import command
from mobilecnn.train.augmentation import AUGMENTATIONS
from mobilecnn.train.images import Pixels


@given(st.integers(1, 5), st.integers(4, 40), st.sampled_from(["shift", "flip-shift"]), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_pictures_are_moved_a_little(count: int, side: int, augment: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    pixels: Pixels = generator.integers(0, 256, (count, side, side + 3, 3), dtype=np.uint8)
    original = pixels.copy()
    moved = AUGMENTATIONS[augment](pixels, np.random.default_rng(seed))
    np.testing.assert_array_equal(pixels, original)
    assert moved.shape == pixels.shape
    assert moved.dtype == np.uint8
    reach_y, reach_x = round(side / 16), round((side + 3) / 16)
    for before, after in zip(pixels, moved, strict=True):
        contained = False
        for picture in (before, before[:, ::-1]) if augment == "flip-shift" else (before,):
            padded = np.pad(picture, ((reach_y, reach_y), (reach_x, reach_x), (0, 0)), mode="edge")
            for y in range(2 * reach_y + 1):
                for x in range(2 * reach_x + 1):
                    contained |= bool((padded[y : y + side, x : x + side + 3] == after).all())
        assert contained


def test_half_of_the_pictures_are_mirrored() -> None:
    # A side of 4 pixels is not moved: what changes is mirrored.
    pixels = np.zeros((1000, 4, 4, 3), np.uint8)
    pixels[:, :, 0] = 255
    flipped = AUGMENTATIONS["flip-shift"](pixels, np.random.default_rng(0))
    assert 400 < (flipped[:, 0, 3, 0] == 255).sum() < 600
    assert (AUGMENTATIONS["shift"](pixels, np.random.default_rng(0)) == pixels).all()


def test_none_leaves_a_batch_as_it_is() -> None:
    pixels = np.zeros((2, 4, 4, 3), np.uint8)
    assert AUGMENTATIONS["none"](pixels, np.random.default_rng(0)) is pixels


def test_the_command_line_offers_every_augmentation() -> None:
    (option,) = [parameter for parameter in command.params if parameter.name == "augment"]
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == tuple(AUGMENTATIONS)
