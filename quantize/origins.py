"""What a model file says of the images that it was trained and calibrated on, held against those that judge it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobilecnn.convert import passport
from mobilecnn.convert.checks import ImageManifest
from mobilecnn.files import is_folder
from mobilecnn.quantize.calibration.images import RANDOM
from mobilecnn.remarks import Remark, Remarked, listed
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.identity import among
from mobilecnn.train.datasets.overlap import say_shared
from mobilecnn.train.datasets.seen import Seen, seen_by
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
    trained: dict[Seen | None, list[str]] = {}
    calibrated: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        training, calibration = _facts(path)
        if _is_trained(training):
            trained.setdefault(seen_by(training), []).append(str(path))
        if calibration is not None and calibration.data != RANDOM:
            calibrated.setdefault(calibration.each, []).append(str(path))
    for seen, models in trained.items():
        _say_trained(models, seen, dataset, remarked)
    for each, models in calibrated.items():
        if not each:
            _say_unknown("calibrated-elsewhere", models, "calibrated", "export", dataset, remarked)
            continue
        what = f"that {listed(models)} {'is' if len(models) == 1 else 'are'} calibrated on"
        say_shared(dataset, among(dataset, frozenset(each)), "calibrated-on", what, remarked)


def say_trained(model: str, training: dict[str, Any] | None, dataset: Dataset, remarked: Remarked) -> None:
    """Say which images of ``dataset`` a model was trained on, where ``training`` says that it was."""
    if _is_trained(training):
        _say_trained([model], seen_by(training), dataset, remarked)


def _say_trained(models: Sequence[str], seen: Seen | None, dataset: Dataset, remarked: Remarked) -> None:
    if seen is None:
        _say_unknown("trained-elsewhere", models, "trained", "train", dataset, remarked)
        return
    what = f"that {listed(models)} trained or validated on"
    say_shared(dataset, seen.among(dataset), "trained-on", what, remarked, seen.complete)


def _say_unknown(
    code: str, models: Sequence[str], done: str, verb: str, dataset: Dataset, remarked: Remarked
) -> None:
    """Say that files of an older version do not tell which images they have seen."""
    is_one = len(models) == 1
    text = (
        f"{dataset.name}: {listed(models)} {'does' if is_one else 'do'} not say which images {'it was' if is_one else 'they were'} "
        f"{done} on, so that nobody knows whether these are new; {verb} {'it' if is_one else 'them'} again to know"
    )
    remarked(Remark(code, 1, text, tuple(models)))


def _is_trained(training: dict[str, Any] | None) -> bool:
    """Whether a file says that it was trained here, which names the data; what was only compressed may know of images, too."""
    return bool((training or {}).get("data")) or seen_by(training) is not None


def _facts(path: Path) -> tuple[dict[str, Any] | None, ImageManifest | None]:
    """What a model says of its training, and of the images that calibrated it."""
    if path.suffix.lower() == TFLITE:
        card = passport.read(path, sha256_of(path))
        return (None, None) if card is None else (card.training, card.calibration)
    return (None, None) if is_folder(path) else (read_info(path).training, None)
