"""Accuracy of model files on labelled images, side by side, with intervals."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.errors import DataError
from mobilecnn.quantize import decisions
from mobilecnn.quantize.asking import DEFAULT, Asking
from mobilecnn.quantize.chance import CHANCE, chance_of, nothing_known
from mobilecnn.quantize.classifiers import Classifier
from mobilecnn.quantize.drops import ALPHA
from mobilecnn.quantize.evaluation import NO_BETTER, Accuracy
from mobilecnn.quantize.figures import figures
from mobilecnn.quantize.inference import ClassifierAnswers, ask
from mobilecnn.quantize.proportions import mcnemar, wilson
from mobilecnn.remarks import Remark, Remarked, listed, no_remark, of_names, plural
from mobilecnn.train.datasets.dataset import GIVE_LABELS, Dataset, labels_for


def evaluate(
    paths: Sequence[Path],
    dataset: Dataset,
    how: Asking = DEFAULT,
    *,
    progress: Callable[[int, int, str], None] | None = None,
    remarked: Remarked = no_remark,
    answered: Callable[[ClassifierAnswers], None] | None = None,
) -> tuple[Accuracy, ...]:
    """Accuracy of each file on all of ``dataset``, each compared with the first.

    A single output tells two classes apart: a high score stands for the second label of the model or, where it
    has none, for the second class of the data set.

    ``remarked`` is told of files of which only the first frame was used, and of models that know no more of the
    images than chance. ``answered`` is called with the answers of each file.

    Raises:
        ModelFileError, DataError, EnvironmentProblem: a file, an image or a runtime does not work.
    """

    def fits(model: Classifier) -> None:
        classes_of(model, dataset)

    results: list[Accuracy] = []
    models: list[Classifier] = []
    unknowing: dict[str, int] = {}
    first_right: npt.NDArray[np.bool_] | None = None
    first_named: npt.NDArray[np.str_] | None = None
    asked = ask(
        paths,
        lambda contract: dataset.pixels(contract, remarked),
        len(dataset),
        how,
        progress=progress,
        accept=fits,
    )
    with closing(asked):
        for answers in asked:
            if answered is not None:
                answered(answers)
            models.append(answers.classifier)
            for note in answers.classifier.notes:
                remarked(
                    Remark("model", 1, f"{answers.classifier.path}: {note}", (str(answers.classifier.path),))
                )
            labels, names = classes_of(answers.classifier, dataset)
            best = decisions.best(answers.classifier.kind, answers.scores)
            right = best == labels
            if nothing_known(int(right.sum()), len(right), chance_of(best, labels)):
                unknowing[str(answers.classifier.path)] = int(right.sum())
            # By name: the same class may be another output of another file.
            named = np.asarray([*names, ""])[best]
            if first_right is None or first_named is None:
                first_right, first_named = right, named
            agreement = float(((named == first_named) & (best >= 0)).mean())
            results.append(
                _accuracy(
                    answers, dataset, labels, right, names, first_right, agreement, is_first=not results
                )
            )
    _say_two_ways(models, remarked)
    if unknowing:
        remarked(_no_better(unknowing, len(dataset)))
    return tuple(results)


def _no_better(correct: Mapping[str, int], images: int) -> Remark:
    """The remark about models that know no more of the images than chance; file name -> how many it has right."""
    counts = listed([f"{name} ({right} of {images})" for name, right in correct.items()], "; ")
    text = (
        f"no more right answers than chance gives (permutation test, {CHANCE:.0%}): {counts}; the input range, the colours "
        "or the order of the classes may be other ones than those of the training, or nothing was learnt that helps with these images"
    )
    return Remark(NO_BETTER, len(correct), text, tuple(correct))


def _say_two_ways(models: Sequence[Classifier], remarked: Remarked) -> None:
    """Say so where the classes of some models are matched by name, and those of others by their order."""
    unnamed = [str(model.path) for model in models if not model.labels]
    if unnamed and len(unnamed) < len(models):
        text = (
            "these models carry no labels, so that their outputs are taken to be the class folders in sorted order, while "
            "those of the others are matched by name"
        )
        remarked(of_names("by-order", unnamed, text))


def classes_of(model: Classifier, dataset: Dataset) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """The data set's labels as classes of the model, int64 (images,), and the names of all its classes.

    Raises:
        DataError: they do not fit, or the model has no classes that exclude one another.
    """
    remedy = "give --output-kind {kind} to export, or here where the model has no passport"
    labels = right_classes(dataset, model.kind, model.classes, model.labels, str(model.path), remedy)
    return labels, model.labels or dataset.classes


def right_classes(
    dataset: Dataset,
    kind: OutputKind,
    outputs: int,
    labels: tuple[str, ...],
    what: str,
    remedy: str,
    give_labels: str = GIVE_LABELS,
) -> npt.NDArray[np.int64]:
    """The data set's labels as classes of a model, int64 (images,).

    A single output tells two classes apart: a high score stands for the second of ``labels`` or, without any, for
    the second class of the data set.

    Args:
        dataset: labelled images.
        kind: what the model's outputs are.
        outputs: number of them.
        labels: class names of the model; empty when unknown.
        what: the model, for messages.
        remedy: what to do where the classes do not exclude one another but should, for messages; ``{kind}`` in it
            stands for the name of the right kind.
        give_labels: how the model gets labels, for messages: a clause that ends with the option's name.

    Raises:
        DataError: the labels do not fit, or the model has no classes that exclude one another.
    """
    if kind.decision == "each":
        raise DataError(
            f"{what} says yes or no to each of {outputs} labels by itself ({kind.name}), and class folders say one class of "
            f"each image, so that there is no accuracy; for classes that exclude one another "
            f"{remedy.format(kind=_EXCLUSIVE[kind.name])}"
        )
    classes = kind.answers(outputs)
    if kind.decision == "binary" and dataset.labelled and not labels and len(dataset.classes) != classes:
        raise DataError(
            f"{dataset.name} has {plural(len(dataset.classes), 'class', 'classes')} ({listed(dataset.classes)}), and the one output of "
            f"{what} tells two apart; give a folder of two class folders, or {give_labels} and the names of the two, that of a "
            "low score first"
        )
    return labels_for(dataset, labels, classes, give_labels)


_EXCLUSIVE = {"sigmoid-multi-label": "sigmoid-exclusive", "logits-multi-label": "logits"}
"""Kind of independent labels -> the kind of the same scores of classes that exclude one another."""


def _accuracy(
    answers: ClassifierAnswers,
    dataset: Dataset,
    labels: npt.NDArray[np.int64],
    right: npt.NDArray[np.bool_],
    names: tuple[str, ...],
    first_right: npt.NDArray[np.bool_],
    agreement: float,
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
        agreement_with_first=agreement,
        lost_against_first=lost,
        gained_against_first=gained,
        verdict_against_first=verdict,
        input_contract_stated=model.contract.stated,
        output_kind=model.kind.name,
        positive=names[1] if model.kind.decision == "binary" else "",
        not_finite=int((~decisions.finite(answers.scores)).sum()),
        figures=figures(model.kind, answers.scores, labels, names),
        speed=answers.speed,
        parameters=model.parameters,
    )
