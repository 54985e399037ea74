"""A file becomes the same tensor wherever it is read: one definition of what goes before the network.

That the app computes the same is held by tests/android/test_vectors.py, which shares this definition.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecnn.contract import InputContract, contract_for
from mobilecnn.convert.golden import decode_picture, encode_picture
from mobilecnn.quantize import predictions
from mobilecnn.quantize.calibration.images import Calibration, choose, prepare
from mobilecnn.steps import no_progress
from mobilecnn.train import datasets, inputs
from mobilecnn.train.batches import Pictures, epoch_batches
from mobilecnn.train.images import Floats, open_image, to_pixels, to_tensor
from mobilecnn.train.plan import TrainingPlan

CONTRACTS = [
    contract_for("caffe", (18, 30, 3)),
    contract_for("torch", (25, 14, 3)),
    contract_for("lite", (16, 16, 3)),
    contract_for("unit", (11, 20, 1)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two class folders of pictures in modes and forms that need some care; no two are alike."""
    root = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(5)
    for label in ("a", "b"):
        (root / label).mkdir()
        pixels = generator.integers(0, 256, (37, 23, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize((46, 74), Image.Resampling.BICUBIC)
        turned = image.getexif()
        turned[274] = 6
        image.save(root / label / "turned.jpg", exif=turned)
        image.transpose(Image.Transpose.ROTATE_90).convert("CMYK").save(root / label / "cmyk.jpg")
        image.convert("P").save(root / label / "palette.png")
        clear = image.copy()
        clear.putalpha(Image.fromarray(pixels[..., 0]).resize(image.size))
        clear.save(root / label / "clear.png")
        Image.fromarray(pixels[..., 1].astype(np.uint16) * 257).save(root / label / "deep.png")
        image.convert("L").save(root / label / "grey.webp", lossless=True)
    return root


def trained_on(folder: Path, contract: InputContract, work: Path) -> Iterator[Floats]:
    pictures = Pictures(datasets.load(str(folder)), contract, work, no_progress)
    plan = TrainingPlan("lenet5", str(folder), 32, batch_size=4, augment="none")
    for batch in epoch_batches(pictures, 2, plan, 1):
        yield from batch.images


def validated_on(folder: Path, contract: InputContract, work: Path) -> Iterator[Floats]:
    pictures = Pictures(datasets.load(str(folder)), contract, work, no_progress)
    yield from to_tensor(pictures.take(np.arange(len(pictures))), contract)


def calibrated_on(folder: Path, contract: InputContract, work: Path) -> Iterator[Floats]:
    images = prepare(choose(Calibration(str(folder))), contract, work / "it.npy")
    assert images.held_out is not None
    for file in (images.tensors, images.held_out.tensors):
        for part in inputs.slices(file):
            yield from part


def evaluated_on(folder: Path, contract: InputContract, work: Path) -> Iterator[Floats]:
    dataset = datasets.load(str(folder))
    inputs.write(work / "it.npy", dataset.pixels(contract), contract, len(dataset))
    for part in inputs.slices(work / "it.npy"):
        yield from part


def predicted_for(folder: Path, contract: InputContract, work: Path) -> Iterator[Floats]:
    for _, pixels in predictions._Decoding(datasets.load(str(folder)), contract, False).parts():
        yield from to_tensor(np.stack(pixels), contract)


def in_a_passport(folder: Path, contract: InputContract, work: Path) -> Iterator[Floats]:
    for pixels in datasets.load(str(folder)).pixels(contract):
        yield to_tensor(decode_picture(encode_picture(pixels), contract), contract)


PATHS = (trained_on, validated_on, calibrated_on, evaluated_on, predicted_for, in_a_passport)


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
def test_a_file_is_the_same_tensor_on_all_paths(
    contract: InputContract, folder: Path, tmp_path: Path
) -> None:
    files = sorted(folder.glob("*/*"))
    expected = {to_tensor(to_pixels(open_image(file), contract), contract).tobytes() for file in files}
    assert len(expected) == len(files) == 12
    for path in PATHS:
        found = [np.asarray(tensor) for tensor in path(folder, contract, tmp_path)]
        assert {tensor.shape for tensor in found} == {contract.shape}, path.__name__
        assert {tensor.tobytes() for tensor in found} == expected, path.__name__
