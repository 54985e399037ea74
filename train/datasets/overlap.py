"""Whether images that a model is judged by are images that it has seen: in training, or in calibration."""

from collections.abc import Sequence
from pathlib import Path

from mobilecnn.remarks import Remarked, of_names, plural
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
        f"{dataset.name}: {'' if complete else 'at least '}{len(indices):,} of {plural(len(dataset), 'image')} {'is one' if len(indices) == 1 else 'are some'} "
        f"{words}, so that their answers say nothing of new images"
    )
    remarked(of_names(code, names, text))
