"""Augmentation: what each one does to a batch, and the names that the command line offers."""

import click
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from mobilecnn.cli import data
from mobilecnn.cli.train import command as train
from mobilecnn.train.augmentation import AUGMENTATIONS, Mixing, Step, geometry
from mobilecnn.train.augmentation.contrast import Equalize, Stretch
from mobilecnn.train.augmentation.erasing import Erase
from mobilecnn.train.augmentation.geometry import Affine, Matrix, Mirror, matrix_of, transformed
from mobilecnn.train.augmentation.mixing import Cutmix, Mixup
from mobilecnn.train.augmentation.randaugment import OPERATIONS, RandAugment
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
    for command in (train, data.preview):
        (option,) = [parameter for parameter in command.params if parameter.name == "augment"]
        assert isinstance(option.type, click.Choice)
        assert tuple(option.type.choices) == tuple(AUGMENTATIONS)
        for name, recipe in AUGMENTATIONS.items():
            assert f"{name}: {recipe.summary}" in str(option.help)


def photos(count: int, height: int, width: int, channels: int = 3, seed: int = 0) -> Pixels:
    """Smooth pictures."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 5, 6, 3), dtype=np.uint8)
    large = [Image.fromarray(one).resize((width, height), Image.Resampling.BICUBIC) for one in small]
    return np.stack([np.asarray(one, np.uint8)[..., :channels] for one in large])


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(3, 24, 30, 3), (1, 32, 32, 1), (2, 7, 90, 3), (1, 2, 2, 3)])
def test_every_recipe_keeps_the_form_and_follows_the_seed(
    name: str, shape: tuple[int, int, int, int]
) -> None:
    recipe, pixels = AUGMENTATIONS[name], photos(*shape)
    original = pixels.copy()
    runs = [recipe(pixels, np.random.default_rng(seed)) for seed in (1, 1, *range(2, 12))]
    np.testing.assert_array_equal(pixels, original)
    np.testing.assert_array_equal(runs[0], runs[1])
    for made in runs:
        assert made.shape == shape and made.dtype == np.uint8
    assert (name == "none") == all((made == pixels).all() for made in runs) or min(shape[1:3]) < 8
    labels = np.eye(shape[0], dtype=np.float32)
    images, shares = recipe.mixed(pixels.astype(np.float32), labels, np.random.default_rng(1))
    assert images.shape == shape and images.dtype == shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)


def by_scipy(picture: Pixels, matrix: Matrix) -> npt.NDArray[np.float64]:
    """What Keras' ``ImageDataGenerator`` computes: scipy's affine transformation, about the centre, edges repeated."""
    height, width, channels = picture.shape
    there, back = np.eye(3), np.eye(3)
    there[:2, 2] = (height / 2 - 0.5, width / 2 - 0.5)
    back[:2, 2] = -there[:2, 2]
    whole = there @ matrix @ back
    layers = [
        ndimage.affine_transform(
            picture[..., channel].astype(float), whole[:2, :2], whole[:2, 2], order=1, mode="nearest"
        )
        for channel in range(channels)
    ]
    return np.stack(layers, axis=-1)


@pytest.mark.parametrize(
    ("angle", "shift", "zoom"),
    [
        (0, (0, 0), (1, 1)),
        (30, (0, 0), (1, 1)),
        (0, (10, 0), (1, 1)),
        (0, (0, -7), (1, 1)),
        (0, (0, 0), (0.7, 1.3)),
        (-17, (3, -8.5), (0.7, 1.3)),
        (25, (9, -15), (1.3, 1.3)),
    ],
)
@pytest.mark.parametrize("shape", [(40, 50, 3), (30, 30, 1), (7, 90, 3)])
def test_pictures_are_transformed_as_keras_does(
    shape: tuple[int, int, int], angle: float, shift: tuple[float, float], zoom: tuple[float, float]
) -> None:
    picture = photos(1, *shape)[0]
    matrix = matrix_of(angle, shift, zoom)
    # Pillow rounds down.
    assert np.abs(transformed(picture, matrix).astype(float) - by_scipy(picture, matrix)).max() <= 1.01


def test_the_lesion_recipe_reaches_its_bounds_and_no_further() -> None:
    (affine, mirror) = AUGMENTATIONS["lesion"].steps
    assert affine == Affine(rotation=30, shift=0.3, zoom=0.3) and mirror == Mirror(0.5)
    seen: list[tuple[float, npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []

    def record(angle: float, shift: npt.NDArray[np.float64], zoom: npt.NDArray[np.float64]) -> Matrix:
        seen.append((angle, shift, zoom))
        return np.eye(3)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry, "matrix_of", record)
        affine(np.zeros((2000, 10, 20, 1), np.uint8), np.random.default_rng(0))
    angles, shifts, zooms = (np.asarray(values) for values in zip(*seen, strict=True))
    assert 29 < np.abs(angles).max() <= 30 and abs(angles.mean()) < 1
    assert (np.abs(shifts) <= (3, 6)).all() and (np.abs(shifts).max(axis=0) > (2.9, 5.8)).all()
    assert 0.7 <= zooms.min() < 0.71 and 1.29 < zooms.max() <= 1.3
    assert abs(np.corrcoef(zooms.T)[0, 1]) < 0.1, "height and width are zoomed by themselves"


def test_stretching_is_linear_between_the_percentiles() -> None:
    picture = np.arange(100, 200, dtype=np.uint8).reshape(1, 10, 10, 1)
    made = Stretch(1.0, 10, 90)(picture, np.random.default_rng(0)).ravel()
    first, last = np.percentile(picture, (10, 90))
    expected = np.clip((picture.ravel() - first) * 255 / (last - first), 0, 255).round()
    np.testing.assert_array_equal(made, expected)
    assert made[0] == 0 and made[-1] == 255
    flat = np.full((1, 4, 4, 3), 9, np.uint8)
    np.testing.assert_array_equal(Stretch(1.0)(flat, np.random.default_rng(0)), flat)


def test_equalizing_makes_the_values_equally_frequent() -> None:
    dark = (photos(1, 64, 64) // 8).astype(np.uint8)
    made = Equalize(1.0)(dark, np.random.default_rng(0))
    assert dark.max() < 32 and made.max() == 255
    quarters = np.histogram(made, 4, (0, 256))[0] / made.size
    assert quarters.min() > 0.15


@pytest.mark.parametrize("step", [Stretch(0.25), Equalize(0.25), Erase(0.25), Mirror(0.25)])
def test_a_probability_is_the_share_of_pictures(step: Step) -> None:
    pixels = np.tile(photos(1, 24, 24) // 2, (2000, 1, 1, 1))
    changed = (step(pixels, np.random.default_rng(0)) != pixels).reshape(2000, -1).any(axis=1)
    assert 0.2 < changed.mean() < 0.3


def test_erased_rectangles_have_areas_and_sides_within_their_bounds() -> None:
    made = Erase(1.0)(np.zeros((500, 60, 40, 1), np.uint8), np.random.default_rng(0))
    for picture in made[..., 0]:
        rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        # One pixel of noise in 256 is 0 itself, so that an edge may seem one pixel farther in.
        assert 0.015 <= height * width / 2400 <= 0.34
        assert max(height / width, width / height) < 4.5
    assert (made > 0).any(axis=(0, 3))[5:-5, 5:-5].all(), "every place is erased at some time"


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_grow_with_their_strength(name: str) -> None:
    picture = photos(1, 40, 40)[0]
    moved = [
        np.abs(OPERATIONS[name](picture, share, 1.0).astype(float) - picture).mean()
        for share in (0.0, 0.3, 1.0)
    ]
    if name == "identity":
        assert moved == [0, 0, 0]
    elif name in ("autocontrast", "equalize"):
        assert moved[0] == moved[1] == moved[2]
    else:
        assert moved[0] <= 0.01 and moved[2] > moved[1] >= moved[0] and moved[2] > 0.5


def test_stronger_randaugment_changes_more() -> None:
    pixels = photos(64, 32, 32)
    changes = [
        np.abs(RandAugment(2, strength)(pixels, np.random.default_rng(0)).astype(float) - pixels).mean()
        for strength in (0, 9, 30)
    ]
    assert changes[0] < changes[1] < changes[2]
    assert len(OPERATIONS) == 14


@pytest.mark.parametrize("mixing", [Mixup(0.2), Mixup(1.0), Cutmix(1.0)])
@given(seed=st.integers(0, 500))
@settings(max_examples=30, deadline=None)
def test_labels_are_mixed_as_the_pictures_are(mixing: Mixing, seed: int) -> None:
    # A picture of class k has the value k everywhere: what is in it says what its label must be.
    count = 6
    images = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None, None], (count, 9, 12, 3))
    labels = np.eye(count, dtype=np.float32)
    mixed, shares = mixing(images, labels, np.random.default_rng(seed))
    np.testing.assert_allclose(mixed.mean(axis=(1, 2, 3)), shares @ np.arange(count), atol=1e-4)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    if isinstance(mixing, Cutmix):
        assert set(np.unique(mixed)) <= set(range(count)), "pixels are taken, not blended"


def test_a_mixing_is_drawn_for_each_batch() -> None:
    images = photos(8, 16, 16).astype(np.float32)
    labels = np.eye(8, dtype=np.float32)
    blended = [
        not np.isin(
            AUGMENTATIONS["modern"].mixed(images, labels, np.random.default_rng(seed))[0], images
        ).all()
        for seed in range(40)
    ]
    assert 8 < sum(blended) < 32
