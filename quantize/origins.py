"""What a model file says of the images that it was trained and calibrated on, held against those that judge it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobilecnn.convert import passport
from mobilecnn.convert.checks import ImageManifest
from mobilecnn.errors import MobileCnnError
from mobilecnn.files import is_folder
from mobilecnn.quantize.calibration.images import RANDOM, Calibration, chosen_from
from mobilecnn.remarks import Remarked, listed
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.identity import among, shared
from mobilecnn.train.datasets.overlap import refuse_endless, say_shared, trained_on
from mobilecnn.train.keras_archive import sha256_of
from mobilecnn.train.keras_file import read_info

TFLITE = ".tflite"


def say_seen(paths: Sequence[Path], dataset: Dataset, remarked: Remarked) -> None:
    """Say which images of ``dataset`` models have seen before, as far as their files or passports tell.

    Args:
        paths: model files that were read before; those with the same data are named together.
        dataset: what they are judged by.
        remarked: told of the images.
    """
    trained: dict[str, list[str]] = {}
    calibrated: dict[Calibration | tuple[str, ...], list[str]] = {}
    for path in paths:
        training, calibration = _facts(path)
        if source := _data_of(training):
            trained.setdefault(source, []).append(str(path))
        if calibration is not None and calibration.data != RANDOM:
            older = Calibration(calibration.data, calibration.images, calibration.seed)
            calibrated.setdefault(calibration.each or older, []).append(str(path))
    for source, models in trained.items():
        trained_on(listed(models), source, dataset, remarked)
    for seen, models in calibrated.items():
        what = f"that {listed(models)} {'is' if len(models) == 1 else 'are'} calibrated on"
        say_shared(dataset, _among(dataset, seen), "calibrated-on", what, remarked)


def _among(dataset: Dataset, seen: Calibration | tuple[str, ...]) -> list[int]:
    """Indices of the images of ``dataset`` that calibrated a file: those of the SHA-256 that its passport lists or, where an
    older version did not list them, those that are drawn again as it drew them."""
    if isinstance(seen, tuple):
        return among(dataset, frozenset(seen))
    try:
        refuse_endless(seen.source)
        return shared(dataset, chosen_from(seen))
    except MobileCnnError:
        return []  # They are images to train on, of which more is said above.


def say_trained(model: str, training: dict[str, Any] | None, dataset: Dataset, remarked: Remarked) -> None:
    """Say which images of ``dataset`` a model was trained on, where ``training`` names its data."""
    if source := _data_of(training):
        trained_on(model, source, dataset, remarked)


def _data_of(training: dict[str, Any] | None) -> str | None:
    source = (training or {}).get("data")
    return source if isinstance(source, str) and source else None


def _facts(path: Path) -> tuple[dict[str, Any] | None, ImageManifest | None]:
    """What a model says of its training, and of the images that calibrated it."""
    if path.suffix.lower() == TFLITE:
        card = passport.read(path, sha256_of(path))
        return (None, None) if card is None else (card.training, card.calibration)
    return (None, None) if is_folder(path) else (read_info(path).training, None)
