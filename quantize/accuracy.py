"""Accuracy of model files on labelled images, side by side, with intervals."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn.quantize.evaluation import Accuracy
from mobilecnn.quantize.inference import ClassifierAnswers, ask
from mobilecnn.quantize.proportions import mcnemar, wilson
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.train.datasets.dataset import Dataset, labels_for

ALPHA = 0.05
"""Largest p-value of the exact McNemar test with which a difference between two files counts."""


def evaluate(
    paths: Sequence[Path],
    dataset: Dataset,
    *,
    input_range: str | None = None,
    override: bool = False,
    runtime: str = "litert",
    unsafe: bool = False,
    custom_objects: Path | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    remarked: Remarked = no_remark,
) -> tuple[Accuracy, ...]:
    """Accuracy of each file on all of ``dataset``, each compared with the first.

    ``remarked`` is told of files of which only the first frame was used.

    Raises:
        ModelFileError, DataError, EnvironmentProblem: a file, an image or a runtime does not work.
    """
    results: list[Accuracy] = []
    first_right: npt.NDArray[np.bool_] | None = None
    first_best: npt.NDArray[np.int64] | None = None
    asked = ask(
        paths, lambda contract: dataset.pixels(contract, remarked), len(dataset),
        input_range=input_range, override=override, runtime=runtime, unsafe=unsafe,
        custom_objects=custom_objects, progress=progress,
    )  # fmt: skip
    with closing(asked):
        for answers in asked:
            labels = labels_for(dataset, answers.classifier.labels, answers.classifier.classes)
            best = answers.scores.argmax(axis=1)
            right = best == labels
            if first_right is None or first_best is None:
                first_right, first_best = right, best
            results.append(
                _accuracy(answers, dataset, right, best, first_right, first_best, is_first=not results)
            )
    return tuple(results)


def _accuracy(
    answers: ClassifierAnswers,
    dataset: Dataset,
    right: npt.NDArray[np.bool_],
    best: npt.NDArray[np.int64],
    first_right: npt.NDArray[np.bool_],
    first_best: npt.NDArray[np.int64],
    *,
    is_first: bool,
) -> Accuracy:
    correct = int(right.sum())
    lost, gained = int((first_right & ~right).sum()), int((~first_right & right).sum())
    decided = mcnemar(lost, gained) < ALPHA
    verdict = "-" if is_first else ("undecided" if not decided else "worse" if lost > gained else "better")
    recall = {
        name: float(right[dataset.labels == index].mean())
        for index, name in enumerate(dataset.classes)
        if (dataset.labels == index).any()
    }
    model = answers.classifier
    return Accuracy(
        file=str(model.path),
        format=model.format,
        bytes=model.nbytes,
        sha256=model.sha256,
        images=len(right),
        correct=correct,
        accuracy=correct / len(right),
        interval=wilson(correct, len(right)),
        balanced_accuracy=float(np.mean(list(recall.values()))),
        recall=recall,
        agreement_with_first=float((best == first_best).mean()),
        lost_against_first=lost,
        gained_against_first=gained,
        verdict_against_first=verdict,
        input_contract_stated=model.contract.stated,
    )
