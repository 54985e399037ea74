"""Experiments: the trainings of a recipe, side by side with what was published of them.

Each training is a process of its own, ``mobilecnn train``, so that it can be stopped and resumed as that can, and that one
which fails takes no other with it. They may run at the same time: threads of an executor of Python's own, or of Dask's,
which has the same interface, start them and wait. The time to predict is measured afterwards, one model after another.
"""

import csv
import io
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.causes import cause
from mobilecnn.errors import CheckFailed, InputError, MobileCnnError, UsageError
from mobilecnn.experiments.images import Images, images_of_all, plans, say_judged, there
from mobilecnn.experiments.kept import (
    Measured,
    is_trained,
    kept_of,
    record_of,
    refuse_foreign,
    refuse_other_images,
    trained_on,
)
from mobilecnn.experiments.trainings import cluster, model_of, running, train_there
from mobilecnn.files import LARGEST_TEXT, check_writable, read_bytes, write_json
from mobilecnn.locks import locked
from mobilecnn.records import record
from mobilecnn.remarks import Remarked, Remarks, listed, no_remark, plural
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train.experiments import Recipe, Row
from mobilecnn.train.keras_archive import sha256_of
from mobilecnn.train.plan import Epoch, best


@dataclass(frozen=True)
class Request:
    """What is to be run.

    Attributes:
        recipe: the experiment.
        rows: its rows that are to be run.
        output: folder for the models and all else; each row has files of its name in it.
        data: source of the images, before that of the recipe; None for the recipe's.
        stand_in: whether the recipe's options for a small stand-in replace its own.
        workers: number of trainings at a time.
        scheduler: address of a Dask scheduler whose workers train instead; empty for threads here.
    """

    recipe: Recipe
    rows: tuple[Row, ...]
    output: Path
    data: str | None = None
    stand_in: bool = False
    workers: int = 1
    scheduler: str = ""


@dataclass(frozen=True)
class Outcome:
    """A row with what became of it.

    Attributes:
        row: the row.
        measured: its figures; None where it failed.
        failure: why it failed; empty where it did not.
    """

    row: Row
    measured: Measured | None
    failure: str = ""


def options_of(request: Request, row: Row) -> dict[str, Any]:
    """The options of a row's training, those of the stand-in and of the command line included.

    Raises:
        UsageError: no data set is named.
    """
    options = {**row.options, **(request.recipe.stand_in if request.stand_in else {})}
    if request.data is not None:
        options["data"] = request.data
    if not options.get("data"):
        raise UsageError(
            f"{request.recipe.name} names no images; give --data, such as a manifest of mobilecnn data prepare"
            + (", or --stand-in to try it on a small set" if request.recipe.stand_in else "")
        )
    return options


def run(
    request: Request, progress: Progress = no_progress, remarked: Remarked = no_remark
) -> tuple[Outcome, ...]:
    """Run the rows that have not run yet, continue those that were interrupted, and say what became of all.

    Args:
        request: what to run.
        progress: called with (epochs done, epochs of all rows, the row and what it does).
        remarked: told at the end what is to be said of the images, also where an earlier run found it.

    Raises:
        UsageError: an option makes no sense.
        InputError: the images of a row cannot be read or used, or the folder has what an earlier run with other options
            or images left.
        OutputError: the folder cannot be written, another process writes it, or something else has the name of a row's file.
    """
    if request.workers < 1:
        raise UsageError(f"--workers {request.workers} is out of range; choose at least 1")
    if request.stand_in and not request.recipe.stand_in:
        raise UsageError(f"{request.recipe.name} has no table [stand-in]; leave --stand-in out")
    wanted = {row.name: options_of(request, row) for row in request.rows}
    # Before there is a folder: a name that is typed wrong is to leave nothing.
    images = images_of_all(plans(request.rows, wanted), lambda name: record_of(request.output, name).exists())
    check_writable(request.output)
    with locked(request.output):
        for row in request.rows:
            refuse_foreign(request.output, row.name)
        kept = {
            row.name: kept_of(request.output, row.name, wanted[row.name], images[row.name], remarked)
            for row in request.rows
        }
        left = {row.name: (row, there(images[row.name])) for row in request.rows if kept[row.name] is None}
        untrained = [
            row
            for name, (row, its) in left.items()
            if not is_trained(request.output, name, wanted[name], its)
        ]
        failures = _train(request, untrained, wanted, progress)
        for place, (row, its) in enumerate(left.values()):
            if row.name not in failures:
                progress(place, len(left), f"{row.name}: predicting")
                try:
                    kept[row.name] = _judge(request, row, wanted[row.name], its)
                except MobileCnnError as error:
                    failures[row.name] = str(error)
    for measured in kept.values():
        for remark in () if measured is None else measured.remarks:
            remarked(remark)
    return tuple(Outcome(row, kept[row.name], failures.get(row.name, "")) for row in request.rows)


def refuse_failed(outcomes: Sequence[Outcome]) -> None:
    """Say which rows failed.

    Raises:
        CheckFailed: naming them, with the reasons.
    """
    reasons: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.failure:
            reasons.setdefault(outcome.failure, []).append(outcome.row.name)
    if not reasons:
        return
    failed = sum(len(names) for names in reasons.values())
    said = "; ".join(f"{listed(names)}: {reason}" for reason, names in reasons.items())
    others = "the others are complete, and " if failed < len(outcomes) else ""
    again = "this one" if failed == 1 else "these"
    raise CheckFailed(
        f"{failed} of {plural(len(outcomes), 'row')} failed: {said}; {others}the same command tries {again} again"
    )


def _train(
    request: Request,
    rows: Sequence[Row],
    wanted: Mapping[str, Mapping[str, Any]],
    progress: Progress,
) -> dict[str, str]:
    """Train the rows, some at a time; name of each row that failed -> why."""
    if not rows:
        return {}
    epochs = {row.name: int(wanted[row.name].get("epochs", 12)) for row in rows}
    done = dict.fromkeys(epochs, 0)
    lock = threading.Lock()

    def told(name: str, epoch: int, line: str) -> None:
        with lock:
            done[name] = epoch
            progress(sum(done.values()), sum(epochs.values()), f"{name}: {line}")

    failures: dict[str, str] = {}
    with running(request.workers) as trainings, _pool(request) as pool:

        def begun(row: Row) -> "Future[str]":
            options = dict(wanted[row.name])
            if request.scheduler:
                there = str(Path.cwd()), str(request.output.resolve())
                return pool.submit(train_there, *there, row.name, options)
            return pool.submit(trainings.train, request.output, row.name, options, told)

        futures = {begun(row): row.name for row in rows}
        try:
            for future in as_completed(futures):
                name = futures[future]
                if failure := _failure(future):
                    failures[name] = failure
                told(name, epochs[name], failure or "trained")
        except BaseException:
            for future in futures:
                future.cancel()
            trainings.stop()
            raise
    return failures


def _failure(future: "Future[str]") -> str:
    """Why a training failed; empty where it did not."""
    try:
        return future.result()
    except MobileCnnError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - of a cluster, whatever it raises where a worker is lost.
        return f"it could not be run: {cause(error)}"


def _pool(request: Request) -> AbstractContextManager[Executor]:
    """What runs the trainings."""
    return cluster(request.scheduler) if request.scheduler else ThreadPoolExecutor(request.workers)


def _judge(request: Request, row: Row, options: Mapping[str, Any], images: Images) -> Measured:
    """Ask the model of a row about the images that judge it."""
    from mobilecnn.quantize import accuracy

    model = model_of(request.output, row.name)
    # They may have changed while it was trained.
    refuse_other_images(model, trained_on(model), options, images)
    remarks = Remarks()
    (judged,) = accuracy.evaluate([model], images.judged, remarked=remarks)
    say_judged(model, images, options, remarks)
    history = _history(model.with_suffix(".history.csv"))
    found = Measured(
        name=row.name,
        options=dict(options),
        model_sha256=sha256_of(model),
        epoch=history[-1] if options.get("keep") == "last" else best(history),
        seconds=round(sum(epoch.seconds for epoch in history), 3),
        workers=request.workers,
        part=images.part,
        evaluation=judged,
        remarks=tuple(remarks.rows),
        data_sha256=images.data_sha256,
        judged_sha256=images.judged_sha256,
    )
    write_json(record_of(request.output, row.name), found.to_json())
    return found


def _history(path: Path) -> tuple[Epoch, ...]:
    """The epochs of a training, as it wrote them.

    Raises:
        InputError: the file is missing, or no history.
    """
    text = read_bytes(path, "history", most=LARGEST_TEXT).decode("utf-8", "replace")
    try:
        rows = [
            {name: float(cell) if name != "epoch" else int(cell) for name, cell in row.items() if name}
            for row in csv.DictReader(io.StringIO(text))
        ]
        epochs = tuple(record(Epoch, row) for row in rows)
    except (ValueError, TypeError, InputError) as error:
        raise InputError(
            f"{path} is no history of a training ({error}); remove the row's files, and run it again"
        ) from error
    if not epochs:
        raise InputError(f"{path} has no epoch; remove the row's files, and run it again")
    return epochs
