"""The table of an experiment: what was published of each row, and what came of it here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecnn.experiments.kept import Measured
from mobilecnn.experiments.running import Outcome, Request
from mobilecnn.train.experiments import Published


@dataclass(frozen=True)
class Figure:
    """A figure of a row.

    Attributes:
        name: what it is, for the header.
        published: gives the published one as text; empty where there is none.
        ours: gives ours as text.
        always: whether ours is shown where none was published.
    """

    name: str
    published: Callable[[Published], str]
    ours: Callable[[Measured], str]
    always: bool = False


def clock(seconds: float | None) -> str:
    """A duration as the source has it: ``2:46:23``, or ``3:57`` below an hour; empty for None."""
    if seconds is None:
        return ""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _millions(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:.2f}M"


def _nats(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _prediction(published: Published) -> str:
    if published.prediction is None or not published.prediction_images:
        return ""
    each = published.prediction / published.prediction_images
    return f"{clock(published.prediction)} for {published.prediction_images:,} ({each:.3f} s)"


def _predicted(measured: Measured) -> str:
    speed = measured.evaluation.speed
    if speed is None:
        return ""
    return f"{clock(speed.seconds)} for {speed.images:,} ({speed.seconds / speed.images:.3f} s)"


FIGURES = (
    Figure("parameters", lambda row: row.parameters or "", lambda row: _millions(row.evaluation.parameters), always=True),
    Figure("training time", lambda row: clock(row.time), lambda row: clock(row.seconds), always=True),
    Figure("loss", lambda row: _nats(row.loss), lambda row: _nats(row.epoch.loss)),
    Figure("accuracy", lambda row: _share(row.accuracy), lambda row: _share(row.epoch.accuracy)),
    Figure("validation loss", lambda row: _nats(row.val_loss), lambda row: _nats(row.epoch.val_loss)),
    Figure(
        "validation accuracy", lambda row: _share(row.val_accuracy), lambda row: _share(row.epoch.val_accuracy), always=True
    ),
    Figure("prediction", _prediction, _predicted, always=True),
)  # fmt: skip
"""The figures, in the order of the columns."""


def table(outcomes: Sequence[Outcome]) -> tuple[list[str], list[list[str]]]:
    """The header, and a row for each outcome: two columns of a figure that was published of any row, else ours alone.

    A figure of which nothing was published is shown where it is always, or where nothing at all was published.
    """
    known = {
        figure.name
        for figure in FIGURES
        if any(figure.published(outcome.row.published) for outcome in outcomes)
    }
    header, rows = ["row"], [[outcome.row.name] for outcome in outcomes]
    for figure in FIGURES:
        if known and figure.name not in known and not figure.always:
            continue
        header += [f"{figure.name}, published", "here"] if figure.name in known else [figure.name]
        for cells, outcome in zip(rows, outcomes, strict=True):
            ours = "failed" if outcome.measured is None else figure.ours(outcome.measured)
            published = figure.published(outcome.row.published) or "-"
            cells += [published, ours] if figure.name in known else [ours]
    header.append("balanced accuracy")
    for cells, outcome in zip(rows, outcomes, strict=True):
        cells.append(
            "" if outcome.measured is None else _share(outcome.measured.evaluation.balanced_accuracy)
        )
    return header, rows


_VERBS = {"test": "test on", "validation": "validate on", "": "train and validate on"}
"""Part of the data -> what it is for."""


def _stood_in(request: Request) -> dict[str, Any]:
    """The options of the stand-in, with the images that were named in place of its own."""
    return {**request.recipe.stand_in, **({} if request.data is None else {"data": request.data})}


def remarks(request: Request, outcomes: Sequence[Outcome]) -> list[str]:
    """What is to be known of the table, a sentence each."""
    said = []
    found = [outcome.measured for outcome in outcomes if outcome.measured is not None]
    if any(outcome.row.published != Published() for outcome in outcomes):
        said.append(f"Published: {request.recipe.source}.")
    if request.stand_in:
        small = ", ".join(f"{name} {value}" for name, value in _stood_in(request).items())
        said.append(
            f"Here a small stand-in ran ({small}): its figures say that the rows run, and nothing of the published ones."
        )
    if found:
        parts = sorted({f"the images to {_VERBS[row.part]}" for row in found})
        said.append(
            f"Prediction and balanced accuracy here: {' and '.join(parts)}, from image files to scores, on this machine."
        )
    if (most := max((row.workers for row in found), default=1)) > 1:
        said.append(f"Up to {most} trainings ran at a time, which makes each slower.")
    return said
