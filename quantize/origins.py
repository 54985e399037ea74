"""What a model file says of the images that it was trained and calibrated on, held against those that judge it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobilecnn.convert import passport
from mobilecnn.convert.checks import ImageManifest
from mobilecnn.files import is_folder
from mobilecnn.quantize.calibration.images import RANDOM
from mobilecnn.remarks import Remarked, listed
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.identity import known
from mobilecnn.train.datasets.overlap import say_shared, say_trained_on, say_unknown
from mobilecnn.train.datasets.seen import MEMBER, is_trained
from mobilecnn.train.keras_archive import sha256_of
from mobilecnn.train.keras_file import read_info

TFLITE = ".tflite"


def say_seen(paths: Sequence[Path], dataset: Dataset, remarked: Remarked) -> None:
    """Say which images of ``dataset`` models have seen before, as far as their files or passports tell.

    Args:
        paths: model files that were read before; those that have seen the same images are named together.
        dataset: what they are judged by.
        remarked: told of the images.
    """
    trained: dict[str, tuple[dict[str, Any] | None, list[str]]] = {}
    calibrated: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        training, calibration = _facts(path)
        if is_trained(training):
            key = str((training or {}).get(MEMBER))
            trained.setdefault(key, (training, []))[1].append(str(path))
        if calibration is not None and calibration.data != RANDOM:
            calibrated.setdefault(calibration.each, []).append(str(path))
    if not trained and not calibrated:
        return
    digests = known(dataset, range(len(dataset)))
    for training, models in trained.values():
        say_trained_on(dataset, models, training, digests, remarked)
    for each, models in calibrated.items():
        if not each:
            say_unknown("calibrated-elsewhere", dataset, models, "calibrated", "export", remarked)
            continue
        what = f"that {listed(models)} {'is' if len(models) == 1 else 'are'} calibrated on"
        calibrating = frozenset(each)
        indices = [index for index, made in sorted(digests.items()) if made in calibrating]
        say_shared(dataset, indices, "calibrated-on", what, remarked)


def say_trained(model: str, training: dict[str, Any] | None, dataset: Dataset, remarked: Remarked) -> None:
    """Say which images of ``dataset`` a model was trained on, where ``training`` says that it was."""
    if is_trained(training):
        say_trained_on(dataset, [model], training, known(dataset, range(len(dataset))), remarked)


def _facts(path: Path) -> tuple[dict[str, Any] | None, ImageManifest | None]:
    """What a model says of its training, and of the images that calibrated it."""
    if path.suffix.lower() == TFLITE:
        card = passport.read(path, sha256_of(path))
        return (None, None) if card is None else (card.training, card.calibration)
    return (None, None) if is_folder(path) else (read_info(path).training, None)
