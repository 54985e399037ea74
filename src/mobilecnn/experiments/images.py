"""The images of a row, read before its training begins: those to train and validate on, and those that judge the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mobilecnn.api.training import planned
from mobilecnn.errors import DataError, MobileCnnError
from mobilecnn.quantize.origins import say_seen
from mobilecnn.remarks import Remark, Remarked, plural
from mobilecnn.train import datasets
from mobilecnn.train.datasets.dataset import Dataset, labels_for
from mobilecnn.train.datasets.identity import shared
from mobilecnn.train.datasets.overlap import say_shared
from mobilecnn.train.experiments import Row
from mobilecnn.train.material import digest, split
from mobilecnn.train.options import members
from mobilecnn.train.plan import TrainingPlan


@dataclass(frozen=True)
class Images:
    """The images of a row.

    Attributes:
        part: the part that judges; ``validation`` is a share of each class, held back, where the data have no such part.
        judged: its images.
        data_sha256: SHA-256 of what training has, the content, the class and the part of each image, as its model's file has it.
        judged_sha256: SHA-256 of the content and the class of each image that judges.
        twice: indices of those of ``validation`` that are among the images to train on, too, by their content.
    """

    part: Literal["test", "validation"]
    judged: Dataset
    data_sha256: str
    judged_sha256: str
    twice: tuple[int, ...] = ()


def plans(rows: Sequence[Row], wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, TrainingPlan]:
    """The plan of each row's training, checked as ``mobilecnn train`` does.

    Args:
        rows: rows of an experiment.
        wanted: name of each -> its options.

    Raises:
        MobileCnnError: the plan of a row is refused, which the message names.
    """
    made = {}
    for row in rows:
        try:
            asked = {"architecture": "", "size": None, **members(wanted[row.name], row.name)}
            made[row.name], _ = planned(
                asked.pop("architecture"), asked.pop("data"), asked.pop("size"), **asked
            )
        except MobileCnnError as error:
            raise type(error)(f"{row.name}: {error}") from error
    return made


def images_of(plan: TrainingPlan) -> Images:
    """The images of a training: those to test on judge or, where the data have none, those to validate on.

    Raises:
        DataError: they cannot be read, are not enough, or the model could not know all of their classes.
    """
    training, validation = split(plan)
    trained, _ = digest((training, validation))
    if "test" not in datasets.parts(plan.data):
        judged, _ = digest((validation,))
        return Images("validation", validation, trained, judged, tuple(shared(validation, training)))
    held = datasets.load(plan.data, "test")
    labels_for(held, training.classes, len(training.classes))
    judged, _ = digest((held,))
    return Images("test", held, trained, judged)


def images_of_all(
    plans: Mapping[str, TrainingPlan], is_measured: Callable[[str], bool]
) -> dict[str, Images | DataError]:
    """The images of each row, those that several rows have read once; of a row that has its figures maybe why not.

    Args:
        plans: name of each row -> its plan.
        is_measured: tells whether a row has its figures, and can be shown without its images.

    Raises:
        DataError: as :func:`images_of`, of a row that has no figures.
    """
    read: dict[tuple[str, float, int], Images | DataError] = {}
    found = {}
    for name, plan in plans.items():
        key = plan.data, plan.validation, plan.seed
        if key not in read:
            try:
                read[key] = images_of(plan)
            except DataError as error:
                read[key] = error
        found[name] = read[key] if is_measured(name) else there(read[key])
    return found


def there(images: Images | DataError) -> Images:
    """The images, where they could be read.

    Raises:
        DataError: they could not.
    """
    if isinstance(images, DataError):
        raise images
    return images


def say_judged(model: Path, images: Images, options: Mapping[str, Any], remarked: Remarked) -> None:
    """Say which of the images that judge a model had a share in its training.

    Args:
        model: the model of a row.
        images: those of its training.
        options: options of its training, by their names without dashes.
        remarked: told of them.
    """
    if images.part == "test":
        say_seen([model], images.judged, remarked)
        return
    say_shared(images.judged, images.twice, "trained-on", f"that {model} trained on", remarked)
    if options.get("keep") != "last" or options.get("patience"):
        text = (
            f"{images.judged.name}: the {plural(len(images.judged), 'image')} that judge here are those that training validated "
            "on, and chose the epoch to keep by, so that new ones may be answered worse"
        )
        remarked(Remark("validated-on", len(images.judged), text))
