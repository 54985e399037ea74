"""Whether images that a model is judged by are images that it has seen: in training, or in calibration."""

import os
from collections.abc import Sequence
from pathlib import Path

from mobilecnn.errors import DataError, MobileCnnError
from mobilecnn.files import is_folder
from mobilecnn.remarks import Remark, Remarked, of_names, plural
from mobilecnn.train import datasets
from mobilecnn.train.datasets import manifest
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.identity import shared


def say_overlap(
    dataset: Dataset, others: Sequence[Dataset], code: str, words: str, remarked: Remarked
) -> int:
    """Say which images of ``dataset`` are in one of ``others``, too; nothing where none is.

    Args:
        dataset: what is judged by.
        others: what was seen.
        code: kind of the remark.
        words: what was done with these images, as in "that m.keras trained on".
        remarked: told of them.

    Returns:
        Their number.
    """
    indices = sorted({index for other in others for index in shared(dataset, other)})
    say_shared(dataset, indices, code, words, remarked)
    return len(indices)


def say_shared(dataset: Dataset, indices: Sequence[int], code: str, words: str, remarked: Remarked) -> None:
    """Say of the images of ``dataset`` at ``indices`` that they were seen before; nothing where there are none.

    ``code``, ``words`` and ``remarked`` are those of :func:`say_overlap`.
    """
    if not indices:
        return
    names = [
        str(image) if isinstance(image, Path) else f"image {index}"
        for index in indices
        for image in [dataset.images[index]]
    ]
    text = (
        f"{dataset.name}: {len(indices):,} of {plural(len(dataset), 'image')} {'is one' if len(indices) == 1 else 'are some'} "
        f"{words}, so that their answers say nothing of new images"
    )
    remarked(of_names(code, names, text))


def trained_on(model: str, source: str, dataset: Dataset, remarked: Remarked) -> None:
    """Say which images of ``dataset`` models have been trained or validated on, or that it cannot be told.

    Args:
        model: the models, for messages.
        source: data set that it was trained on, as it was given then.
        dataset: what it is judged by.
        remarked: told of them.
    """
    try:
        seen = _trained(source)
    except MobileCnnError as error:
        text = (
            f"{dataset.name}: {model} trained on {source}, which cannot be read now, so that nobody knows whether these "
            f"images are new ({error})"
        )
        remarked(Remark("trained-elsewhere", 1, text, (model,)))
        return
    say_overlap(dataset, seen, "trained-on", f"that {model} trained or validated on", remarked)


MOST_ENTRIES = 300_000
"""Largest number of files and folders of a source that a model names. What it names is anything, the root of the system too."""


def refuse_endless(source: str) -> None:
    """Refuse a folder with more than :data:`MOST_ENTRIES` files and folders on all levels, before it is read.

    Raises:
        DataError: it has.
    """
    waiting, count = [source], 0
    while waiting and is_folder(Path(source)):
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count > MOST_ENTRIES:
                        raise DataError(f"{source} has more than {MOST_ENTRIES:,} files and folders")
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # It is closed, or gone.


def _trained(source: str) -> list[Dataset]:
    """What training takes of a source: the parts to train and to validate on; of another all."""
    refuse_endless(source)
    if manifest.accepts(source):
        # Without its files: what has changed since is another image.
        parts = [part for part in datasets.parts(source) if part != "test"]
        return [manifest.listed_in(source, part) for part in parts]
    own = datasets.validation(source)
    return [datasets.load(source, "train"), *([] if own is None else [own])]
