"""The ISIC challenge of 2018, Task 3: its table of answers, and its score."""

import csv
import io
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mobilecnn.errors import DataError, EnvironmentProblem
from mobilecnn.extras import require
from mobilecnn.quantize import decisions
from mobilecnn.quantize.classifiers import Classifier
from mobilecnn.quantize.decisions import Scores
from mobilecnn.quantize.predictions import Asked, Form, number
from mobilecnn.remarks import listed, plural
from mobilecnn.train.datasets import csv_file, tables
from mobilecnn.train.datasets.dataset import Dataset

CATEGORIES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
"""Names of the columns of a table of answers, in the order of the challenge (https://challenge.isic-archive.com, 2018, Task 3)."""

NO_PANDAS = 3
"""Version of pandas from which on the scorer fails: it calls ``DataFrame.applymap``."""

IMAGE = "image"
"""Name of the column of the images' names, which are without their ending."""


def submission(model: Classifier, dataset: Dataset) -> Form:
    """The form of a submission: the name of each image, and a probability from 0 to 1 of each category.

    Raises:
        DataError: the classes of the model are not the categories, its scores make no probabilities, or the images have
            no names, or two of them the same.
    """
    places = {name.casefold(): index for index, name in enumerate(model.labels)}
    wanted = [name.casefold() for name in CATEGORIES]
    if sorted(places) != sorted(wanted) or len(model.labels) != len(CATEGORIES):
        has = f"has {listed(model.labels)}" if model.labels else "has no labels"
        raise DataError(
            f"a submission has the classes {', '.join(CATEGORIES)}, and {model.path} {has}; train it on the challenge's "
            "images, or export it with --labels"
        )
    if model.kind.link is None or model.kind.decision != "best":
        raise DataError(
            f"a submission holds probabilities of classes that exclude one another, and the scores of {model.path} are "
            f"{model.kind.name}; give --output-kind softmax or logits to export, or here where the model has no passport"
        )
    names: dict[str, Path] = {}
    for image in dataset.images:
        if not isinstance(image, Path):
            raise DataError(
                f"the images of {dataset.name} have no names, which a submission has; give image files"
            )
        if (other := names.setdefault(image.stem, image)) is not image:
            raise DataError(
                f"{other} and {image} have the same name in a submission, {image.stem}; rename one"
            )
    order = [places[name] for name in wanted]

    def row(image: Asked, scores: Scores, answer: str) -> list[str]:
        if not answer:
            raise DataError(
                f"{model.path} gives no answer for {image.name}: a score is NaN or infinite, and a submission has one for "
                "each image"
            )
        chances = decisions.probabilities(model.kind, scores[None])
        assert chances is not None
        # What is dequantized may be above 1 by a step.
        return [Path(image.name).stem, *(number(min(1.0, max(0.0, chances[0, index]))) for index in order)]

    return Form((IMAGE, *CATEGORIES), row)


@dataclass(frozen=True)
class CategoryScore:
    """One category against the others, each share by a threshold of 0.5 on its own column.

    Attributes:
        name: its name.
        images: number of its images.
        sensitivity: share of its images above the threshold.
        specificity: share of the other images that are not.
        auc: area under the ROC curve.
        auc_above_80: area under that part of it where the sensitivity is at least 0.8.
        average_precision: mean precision over the recalls.
    """

    name: str
    images: int
    sensitivity: float
    specificity: float
    auc: float
    auc_above_80: float
    average_precision: float


@dataclass(frozen=True)
class ChallengeScore:
    """What the challenge's own scorer says of a submission.

    Attributes:
        scorer: its name and version.
        images: number of images.
        overall: balanced multi-class accuracy, the score by which the challenge ranks: the mean over the categories of the
            share of their images whose largest probability is theirs alone.
        categories: each category by itself.
    """

    scorer: str
    images: int
    overall: float
    categories: tuple[CategoryScore, ...]


def score(truth: Path, answers: Path) -> ChallengeScore:
    """Score a submission with the challenge's own scorer, the package ``isic-challenge-scoring``.

    Args:
        truth: the challenge's table of labels, 1 in one column of each row and 0 in the others.
        answers: the submission.

    Raises:
        DataError: a table cannot be read, is of another form, or the images of the two differ.
        EnvironmentProblem: the scorer is not installed.
    """
    labels = tables.read(truth)
    right = csv_file.labels_of(labels)
    given = tables.read(answers)
    _check_columns(labels)
    _check_columns(given)
    images = _images(labels)
    if unlike := sorted(set(images) ^ set(_images(given))):
        raise DataError(
            f"{plural(len(unlike), 'image')} {'is' if len(unlike) == 1 else 'are'} in one of {truth} and {answers} only: "
            f"{listed(unlike)}; score answers to the images that the table of labels has"
        )
    counts = {name: right.count(name) for name in _categories(labels)}
    if empty := [name for name, count in counts.items() if not count]:
        raise DataError(
            f"{truth} has no image of {listed(empty)}, and the challenge's score is a mean over all categories; take its "
            "whole table of labels"
        )
    _check_values(given)
    require("the challenge's score", "isic")
    _check_pandas()
    from importlib.metadata import version

    from isic_challenge_scoring import ClassificationMetric, ClassificationScore, ScoreError

    metric = ClassificationMetric.BALANCED_ACCURACY
    try:
        with warnings.catch_warnings(action="ignore"):  # It is of 2021, and its libraries have changed since.
            found = ClassificationScore.from_stream(_stream(labels), _stream(given), metric)
    except ScoreError as error:
        raise DataError(f"{answers}: the scorer refuses it: {error}") from error
    rows = found.per_category
    return ChallengeScore(
        f"isic-challenge-scoring {version('isic-challenge-scoring')}",
        len(images),
        float(found.overall),
        tuple(
            CategoryScore(
                name,
                count,
                *(
                    float(rows.at[name, column])
                    for column in ("sensitivity", "specificity", "auc", "auc_sens_80", "ap")
                ),
            )
            for name, count in counts.items()
        ),
    )


def _check_pandas() -> None:
    """Refuse a version of pandas that the scorer does not know.

    Raises:
        EnvironmentProblem: naming it.
    """
    from importlib.metadata import version

    if int(version("pandas").partition(".")[0]) >= NO_PANDAS:
        raise EnvironmentProblem(
            f"isic-challenge-scoring uses what pandas {NO_PANDAS} has no more, and pandas {version('pandas')} is installed: "
            "pip install 'mobilecnn[isic]' installs an older one"
        )


def _categories(table: tables.Table) -> tuple[str, ...]:
    return tuple(name for name in table.columns if name != IMAGE)


def _check_columns(table: tables.Table) -> None:
    if sorted(table.columns) != sorted((IMAGE, *CATEGORIES)):
        raise DataError(
            f"{table.path} has the columns {listed(table.columns)}, and the challenge's tables have {IMAGE}, "
            f"{', '.join(CATEGORIES)}; mobilecnn isic submission writes such a table"
        )


def _images(table: tables.Table) -> list[str]:
    place = table.columns.index(IMAGE)
    names = [cells[place] for _, cells in table.rows]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not all(names):
        raise DataError(
            f"{table.path}: {listed(twice) if twice else 'no name'} in several rows; an image has one row"
        )
    if not names:
        raise DataError(f"{table.path} has no row")
    return names


def _check_values(table: tables.Table) -> None:
    """Refuse what is no probability, with its line, which the scorer would not tell."""
    for line, cells in table.rows:
        for name, cell in zip(table.columns, cells, strict=True):
            if name == IMAGE:
                continue
            try:
                fits = 0 <= float(cell) <= 1
            except ValueError:
                fits = False
            if not fits:
                raise DataError(
                    f"{table.path}, line {line}: {name} is {cell[:40]!r}; it must be a number from 0 to 1"
                )


def _stream(table: tables.Table) -> io.StringIO:
    """The table as the scorer reads one: with commas, and every value a float."""
    stream = io.StringIO()
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(table.columns)
    for _, cells in table.rows:
        pairs = zip(table.columns, cells, strict=True)
        rows.writerow([cell if name == IMAGE else repr(float(cell)) for name, cell in pairs])
    stream.seek(0)
    return stream
