"""The ladder of repairs: of ever more careful int8 files the first that keeps the Keras model's right answers.

Each step is made on the calibration images (:mod:`mobilecnn.quantize.repairs`) and judged on labelled images, by the right
answers that it loses, and on images held out from the calibration. Labelled images should be others than those that
calibrate; how many are not is counted, and said. What is tried is kept in the passport of the file that is chosen, and timed
side by side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mobilecnn.convert.checks import FAIL, LabelledCheck, Verdict
from mobilecnn.convert.conversion import KerasFacts, Source
from mobilecnn.convert.lowering.rewrites import Rewritten
from mobilecnn.convert.rungs import Ladder, Latency, Loss, Rung
from mobilecnn.errors import CheckFailed, MobileCnnError, UsageError
from mobilecnn.quantize import drops, labelled, recipes, repairs
from mobilecnn.quantize.calibration.images import RANDOM, Calibration, CalibrationImages
from mobilecnn.quantize.corrections import NAMES, Quantized
from mobilecnn.quantize.drops import BEYOND, UNDECIDED, Drop, drop
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.labelled import Questions
from mobilecnn.quantize.making import Making
from mobilecnn.quantize.parity import Scores, compare
from mobilecnn.quantize.recipes import Recipe
from mobilecnn.quantize.repairs import Step
from mobilecnn.quantize.verdict import Floors, Judged, judge
from mobilecnn.remarks import Remark, Remarked, plural
from mobilecnn.steps import Steps

AUTO = "auto"
"""What stands for the formats where the ladder is to choose."""

STEPS = 3 + 5 + len(NAMES)
"""Number of steps of a ladder that is climbed to its end, and of those around it: asking the Keras model, making the first
file, and timing."""


@dataclass(frozen=True)
class Climb:
    """What is asked of a ladder.

    Attributes:
        max_drop: largest loss of right answers that is allowed, in percentage points.
        device: device that the files are timed on, or an emulated chip that their time is modelled on.
    """

    max_drop: float = 0.5
    device: str = "local"


def asked(max_drop: float | None, device: str | None) -> Climb | None:
    """What is asked of a ladder; None where nothing is."""
    if max_drop is None and device is None:
        return None
    usual = Climb()
    return Climb(usual.max_drop if max_drop is None else max_drop, usual.device if device is None else device)


class NonePassed(CheckFailed):
    """No step of a ladder keeps the right answers.

    Attributes:
        ladder: what each of them costs, and what it loses.
    """

    def __init__(self, message: str, ladder: Ladder) -> None:
        super().__init__(message)
        self.ladder = ladder


@dataclass(frozen=True)
class Ground:
    """What the files are judged by.

    Attributes:
        source: the model.
        facts: what it is.
        images: the calibration images, with those held out from them.
        reference: the Keras model's scores for those that files are judged by, (images, outputs).
        questions: the labelled images.
        shared: number of the labelled images that calibrate, too.
        floors: what a file must keep.
        work: folder for temporary files.
    """

    source: Source
    facts: KerasFacts
    images: CalibrationImages
    reference: Scores
    questions: Questions
    shared: int
    floors: Floors
    work: Path


@dataclass(frozen=True)
class Chosen:
    """The first file that passes.

    Attributes:
        row: its format, with the rules that it was made by.
        made: the file, and what was changed in it.
        labelled: how many of the labelled images it has right.
        ladder: all that was tried.
    """

    row: Format
    made: tuple[Quantized, Rewritten]
    labelled: LabelledCheck
    ladder: Ladder


def check(
    formats: Sequence[str],
    climb: Climb,
    calibration: Calibration | None,
    data: str | None,
    keep_float: Sequence[str],
    recipe: Recipe | None,
) -> tuple[Format, ...]:
    """The formats of the ladder's steps, in order; what cannot work is refused before anything is loaded.

    Raises:
        UsageError: other formats are asked for, or the images are missing that steps are chosen and judged by.
    """
    others = [f"--{name}" for name in formats if name != AUTO]
    if others:
        raise UsageError(
            f"--int8 auto chooses the one file that it makes; leave {' and '.join(others)} out, or export it by another command"
        )
    drops.check(climb.max_drop, 2)
    if calibration is None or calibration.source == RANDOM:
        raise UsageError(
            "--int8 auto chooses what it does by the answers for the images that calibrate; give --calibration with a folder of "
            "training images, or 'digits'"
        )
    if data is None:
        raise UsageError(
            "--int8 auto judges each file by the right answers that it loses; give --data with labelled images that calibrate "
            "nothing"
        )
    rows = {row.name: row for row in recipes.rows(repairs.FORMATS, keep_float, recipe)}
    if other := [name for name in rows if name not in repairs.FORMATS]:
        raise UsageError(
            f"the recipe is for {other[0]}, which is no step of --int8 auto; give one for {', '.join(repairs.FORMATS)}"
        )
    calibration.check()
    from mobilecnn.bench.devices.registry import device

    device(climb.device)  # It is refused now and not after minutes.
    return tuple(rows[name] for name in repairs.FORMATS)


def refuse_unused(climb: Climb | None, formats: Sequence[str]) -> None:
    """Refuse what only a ladder uses, where there is none.

    Raises:
        UsageError: there is none.
    """
    if climb is not None and AUTO not in formats:
        raise UsageError(
            "--max-drop and --device are for --int8 auto, which chooses among files; give that in the place of formats, or leave "
            "them out"
        )


def up(
    climb: Climb, how: Making, rows: Sequence[Format], wanted: Sequence[str], ground: Ground, steps: Steps
) -> Chosen:
    """Climb until a file passes.

    Args:
        climb: what is asked.
        how: what files are made with; its base has all corrections prepared.
        rows: the formats, as :func:`check` gives them.
        wanted: the corrections that may be used.
        ground: what the files are judged by.
        steps: is told what is done.

    Raises:
        NonePassed: none passes.
        UsageError, ModelFileError, EnvironmentProblem: as :func:`mobilecnn.quantize.making.make` does.
    """
    rungs: list[Rung] = []
    files: list[Path] = []
    last: Step | None = None
    steps(f"making {rows[0].name}")
    for step in repairs.Steps(how, rows, wanted, ground.work):
        rungs.append(_judged(step, climb, how, ground))
        if not step.left_out:
            files.append(step.path)
        steps(f"{step.name}: {_outcome(rungs[-1])}")
        if not step.left_out and not rungs[-1].refused:
            last = step
            break
    if not files:
        raise CheckFailed(_none(rungs, climb, ground))
    steps(f"timing {plural(len(files), 'file')} on {climb.device}")
    latencies, times = _timed(files, climb, how.remarked)
    judged = iter(_with_front(rungs, latencies))
    done = tuple(rung if rung.left_out else next(judged) for rung in rungs)
    record = Ladder(climb.max_drop, climb.device, times, ground.shared, done)
    if last is None or last.made is None:
        raise NonePassed(_none(rungs, climb, ground), record)
    check = record.rungs[-1].labelled
    assert check is not None
    return Chosen(last.row, last.made, check, record)


def undecided(ladder: Ladder) -> str | None:
    """What the labelled images cannot tell of the file that was chosen; None where they can."""
    loss = ladder.rungs[-1].loss
    if loss is None or loss.verdict != UNDECIDED:
        return None
    return drops.unsettled("it", Drop(loss.points, loss.low, loss.high, loss.p), ladder.max_drop)


def _judged(step: Step, climb: Climb, how: Making, ground: Ground) -> Rung:
    """How a step fares on the labelled images, and on those held out from the calibration."""
    if step.left_out:
        return Rung(step.name, step.row.name, left_out=step.left_out)
    images, facts = ground.images, ground.facts
    answers = step.path.with_suffix(".judged.npy")
    how.tflite.run(step.path, images.judging.tensors, answers)
    scores = np.load(answers, allow_pickle=False)
    parity = compare(ground.reference, scores, facts.kind)
    verdict = judge(
        Judged(step.row, facts.kind, ground.reference, scores, parity, parity.finite),
        ground.floors,
        held_out=images.held_out is not None
        or not (step.row.needs_calibration or (step.made and step.made[0].corrections)),
        unfit=(),
        called=facts.called,
    )
    check = ground.questions.check(how.tflite, step.path)
    found = drop(check.images, check.correct - check.gained, check.lost, check.gained)
    loss = Loss(found.points, found.low, found.high, found.p, found.against(climb.max_drop))
    return Rung(
        name=step.name,
        format=step.row.name,
        kept_float=step.kept,
        bytes=step.path.stat().st_size,
        calibration_sqnr_db=step.sqnr_db if math.isfinite(step.sqnr_db) else None,
        verdict=verdict,
        labelled=check,
        loss=loss,
        refused=_refused(verdict, check, loss, climb, facts.called),
    )


def _refused(verdict: Verdict, check: LabelledCheck, loss: Loss, climb: Climb, called: str) -> str:
    """Why a file does not pass; empty where it does. How much may be lost is the user's to say, and no other limit counts."""
    if check.not_finite:
        return f"it answers with NaN or infinity on {check.not_finite} images"
    if loss.points > climb.max_drop:
        sure = "surely" if loss.verdict == BEYOND else "as it seems"
        return f"it loses {loss.points:.2f} points, {sure} more than {climb.max_drop:g}"
    if verdict.verdict == FAIL:
        return verdict.reason
    return labelled.no_more_than_chance(check, called) or ""


def _outcome(rung: Rung) -> str:
    return rung.left_out or rung.refused or "passes"


def _none(rungs: Sequence[Rung], climb: Climb, ground: Ground) -> str:
    tried = "; ".join(f"{rung.name}: {_outcome(rung)}" for rung in rungs)
    return (
        f"{ground.source.name}: no step of the ladder keeps the answers to within {climb.max_drop:g} points, and no model was "
        f"written ({tried}); allow more with --max-drop, give --calibration more images of the kind that the file is for, or "
        "export --float32"
    )


def _timed(files: Sequence[Path], climb: Climb, remarked: Remarked) -> tuple[list[Latency | None], str]:
    """Times of files on the device, and what kind of times these are; none, which is said, where timing fails in any way.

    The files are made and judged by then, which took minutes: they are not given up for their times.
    """
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.bench.timing.times import kind, take

    protocol = Protocol(rounds=3, warmup_runs=2, warmup_seconds=0.1, runs=10, seconds=0.3)
    try:
        with device(climb.device) as where:
            taken = take(files, where, protocol)
    except MobileCnnError as error:
        text = f"the files were not timed on {climb.device}: {error}"
        remarked(Remark("not-timed", len(files), text))
        return [None] * len(files), ""
    found = [taken.time(index) for index in range(len(files))]
    return [Latency(time.value, time.low, time.high) for time in found], kind(taken.record)


def _with_front(rungs: Sequence[Rung], latencies: Sequence[Latency | None]) -> list[Rung]:
    """The steps of which there is a file, with their times, and whether another one is both smaller and better."""
    from mobilecnn.bench.pages.sections.accuracies import pareto

    judged = [rung for rung in rungs if not rung.left_out]
    points = [
        (float(rung.bytes or 0), float(rung.labelled.correct)) for rung in judged if rung.labelled is not None
    ]
    front = set(pareto(points))
    return [
        replace(rung, latency=latency, front=index in front)
        for index, (rung, latency) in enumerate(zip(judged, latencies, strict=True))
    ]
