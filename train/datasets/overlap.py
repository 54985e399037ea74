"""Whether images that a model is judged by are images that it has seen: in training, or in calibration."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mobilecnn.remarks import Remark, Remarked, listed, of_names, plural
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.identity import shared
from mobilecnn.train.datasets.seen import MOST, is_trained, seen_by


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


def say_shared(
    dataset: Dataset,
    indices: Sequence[int],
    code: str,
    words: str,
    remarked: Remarked,
    complete: bool = True,
) -> None:
    """Say of the images of ``dataset`` at ``indices`` that they were seen before; nothing where there are none.

    ``code``, ``words`` and ``remarked`` are those of :func:`say_overlap`; ``complete`` is False where there may be more of them.
    """
    if not indices:
        return
    names = [
        str(image) if isinstance(image, Path) else f"image {index}"
        for index in indices
        for image in [dataset.images[index]]
    ]
    text = (
        f"{dataset.name}: {'' if complete else 'at least '}{len(indices):,} of {plural(len(dataset), 'image')} {'is' if len(indices) == 1 else 'are'} "
        f"among those {words}, so that their answers say nothing of new images"
    )
    remarked(of_names(code, names, text))


def say_trained_on(
    dataset: Dataset,
    models: Sequence[str],
    training: dict[str, Any] | None,
    digests: Mapping[int, str],
    remarked: Remarked,
) -> None:
    """Say which images of ``dataset`` models were trained or validated on, or that nobody knows it; nothing of models that
    were not trained here.

    Args:
        dataset: what they are judged by.
        models: the models, for messages.
        training: what their files say of their training.
        digests: index -> SHA-256 in hexadecimal of the images of ``dataset`` that can be read.
        remarked: told of them.
    """
    if not is_trained(training):
        return
    seen = seen_by(training)
    if seen is None:
        say_unknown("trained-elsewhere", dataset, models, "trained", "train", remarked)
        return
    indices = seen.among(digests)
    say_shared(
        dataset,
        indices,
        "trained-on",
        f"that {listed(models)} trained or validated on",
        remarked,
        seen.complete,
    )
    if not indices and not seen.complete:
        text = (
            f"{dataset.name}: none of these images is one of the {MOST:,} that {listed(models)} kept of all that were trained on; "
            "of the others nobody knows"
        )
        remarked(Remark("trained-many", 1, text, tuple(models)))


def say_unknown(
    code: str, dataset: Dataset, models: Sequence[str], done: str, verb: str, remarked: Remarked
) -> None:
    """Say that files of an older version do not tell which images they were ``done`` ("trained") with, for which ``verb`` helps."""
    is_one = len(models) == 1
    text = (
        f"{dataset.name}: whether these images are new to {listed(models)} nobody knows, for {'it does' if is_one else 'they do'} "
        f"not keep which ones {'it was' if is_one else 'they were'} {done} on, as files of this version do; {verb} "
        f"{'it' if is_one else 'them'} again"
    )
    remarked(Remark(code, 1, text, tuple(models)))
