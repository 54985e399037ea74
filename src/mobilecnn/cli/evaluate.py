"""``mobilecnn evaluate``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.output import (
    data,
    document,
    json_option,
    kilobytes,
    note,
    progress,
    say_short_names,
    short_names,
    table,
    talk,
    then,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobilecnn.quantize.asking import Asking
    from mobilecnn.quantize.evaluation import Evaluation, Figures, Interval, Speed

SPARE = (
    "seconds", "inference (ms)", "images/s", "format", "size", "agrees with first", "correct", "95 % interval",
)  # fmt: skip
"""Columns that a narrow terminal does without, the one that says least first."""

FIGURES_SPARE = ("top-5", "AUC, mean", "calibration error")
"""Columns of the table of figures of all classes that a narrow terminal does without."""


@sections.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=options.FILE)
@click.option(
    "--data",
    "source",
    type=options.SOURCE,
    default="digits",
    show_default=True,
    help="Take labelled images from a manifest, a folder of class folders or of parts, ..., or from 'digits' "
    "(see `mobilecnn data`).",
)
@options.split
@click.option(
    "--max-drop",
    type=float,
    metavar="POINTS",
    help="Exit with 1 where a file surely loses more of the right answers of the first, in percentage points.",
)
@options.asking
@options.skip_bad
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    help="Write the results to this JSON file, for `mobilecnn report`. Earlier results are replaced, and no "
    "other file.",
)
@click.option(
    "--by-class",
    is_flag=True,
    help="Also print sensitivity, specificity and AUC of each class, with intervals.",
)
@click.option(
    "--confusion", type=options.FILE, help="Draw the confusion matrix of each model into this PNG file."
)
@json_option
def command(
    models: tuple[Path, ...],
    source: str,
    split: str | None,
    max_drop: float | None,
    how: "Asking",
    skip_bad: bool,
    output: Path | None,
    by_class: bool,
    confusion: Path | None,
    as_json: bool,
) -> None:
    """Accuracy of one or several model files on labelled images.

    MODEL is a .tflite, .keras or .h5 file, or a SavedModel folder. The interval is the 95 % Wilson score interval.
    Each file is compared with the first on the same images: the verdict is an exact
    McNemar test at 5 %, and says undecided when the images cannot tell.

    \b
    Example:
      mobilecnn evaluate digits.keras out/*.tflite --data digits
      mobilecnn evaluate digits.keras out/digits.int8.tflite --max-drop 0.5
    """
    from mobilecnn.api.measuring import evaluated
    from mobilecnn.errors import UsageError
    from mobilecnn.quantize import drops
    from mobilecnn.remarks import plural

    if max_drop is not None:
        drops.check(max_drop, len(models))
    if confusion is not None:
        from mobilecnn.extras import require
        from mobilecnn.replacing import check_picture

        check_picture(confusion, "a confusion matrix", "--confusion")
        if output is not None and os.path.realpath(output) == os.path.realpath(confusion):
            raise UsageError(
                f"--output and --confusion both name {output}, and one would replace the other; give two names"
            )
        require("a confusion matrix", "report")
    with progress("Evaluating") as update:
        evaluation = evaluated(
            models,
            source,
            how,
            split=split,
            skip_bad=skip_bad,
            output=output,
            progress=update,
            said=note,
        )
    for result in evaluation.results:
        if not result.input_contract_stated:
            talk(options.assumed_range(result.file))
        if result.positive:
            talk(f"{result.file}: a high score stands for {result.positive}")
        if result.not_finite:
            talk(
                f"Warning: {result.file} answers with NaN or infinity on {result.not_finite} of {plural(result.images, 'image')}; "
                "they "
                "count as wrong"
            )
    if confusion is not None:
        from mobilecnn.bench.pages.confusion import draw
        from mobilecnn.files import write_bytes

        write_bytes(confusion, draw(evaluation.results))
    if as_json:
        held = {} if max_drop is None else {"max_drop": max_drop, "drops": _drops(evaluation, max_drop)}
        document({**evaluation.to_json(), **held})
    else:
        _table(evaluation, by_class=by_class)
        if max_drop is not None:
            _show_drops(evaluation, max_drop)
        if confusion is not None:
            talk(f"Confusion matrix: {confusion}")
        _say_what_next(evaluation, source, output)
    if max_drop is not None:
        for text in drops.undecided(evaluation, max_drop):
            talk(f"Warning: {text}")
        drops.refuse(evaluation, max_drop)


def _drops(evaluation: "Evaluation", most: float) -> list[dict[str, object]]:
    """The drop of each file but the first, and what ``most`` says of it, as JSON."""
    from dataclasses import asdict

    from mobilecnn.quantize import drops

    return [
        {"file": result.file, **asdict(found), "verdict": found.against(most)}
        for result in evaluation.results[1:]
        for found in [drops.of(result)]
    ]


def _show_drops(evaluation: "Evaluation", most: float) -> None:
    from mobilecnn.quantize import drops

    names = short_names(result.file for result in evaluation.results)
    rows = [
        [
            names[result.file],
            f"{found.points:+.2f}",
            f"{found.low:+.2f} .. {found.high:+.2f}",
            f"{found.p:.2g}",
            found.against(most),
        ]
        for result in evaluation.results[1:]
        for found in [drops.of(result)]
    ]
    data("")
    verdict = f"{most:g} points"
    header = ["file", "points lost", "95 % interval", "McNemar p", verdict]
    data(table(header, rows, spare=["McNemar p"], keep=[verdict]))


def _table(evaluation: "Evaluation", *, by_class: bool) -> None:
    """Print a row for each file, and its figures by class."""
    files = [result.file for result in evaluation.results]
    names = short_names(files)
    rows = [
        [
            names[result.file],
            result.format,
            kilobytes(result.bytes),
            f"{result.correct}/{result.images}",
            f"{result.accuracy:.2%}",
            " .. ".join(f"{end:.2%}" for end in result.interval),
            f"{result.agreement_with_first:.1%}",
            result.verdict_against_first,
            *_times(result.speed),
        ]
        for result in evaluation.results
    ]
    header = [
        "file",
        "format",
        "size",
        "correct",
        evaluation.accuracy,
        "95 % interval",
        "agrees with first",
        "verdict",
        "seconds",
        "images/s",
        "inference (ms)",
    ]
    data(table(header, rows, left=2, spare=SPARE, keep=(evaluation.accuracy, "verdict")))
    say_short_names(files)
    judged = [
        (names[result.file], result.figures) for result in evaluation.results if result.figures is not None
    ]
    _of_all_classes(judged)
    if by_class:
        for name, figures in judged:
            _of_each_class(name, figures)


def _say_what_next(evaluation: "Evaluation", source: str, output: Path | None) -> None:
    """Name the command that shows what a worse file answers differently, or the one that makes a page."""
    ctx = click.get_current_context()
    first, *others = evaluation.results
    worse = [result for result in others if result.verdict_against_first == "worse"]
    if worse and "split" not in options.given(ctx):  # compare-accuracy asks the images to test on.
        said = options.again(ctx, only=(*options.MODEL, "runtime", "skip_bad"))
        words = ("compare-accuracy", Path(first.file), Path(worse[0].file), "--data", source, *said)
        then(proposals.line(*words), "which images and classes it gets wrong")
        return
    timed = [Path(result.file) for result in evaluation.results if result.file.endswith(".tflite")]
    if output is not None:
        then(*proposals.page([output]))
    elif timed:
        then(*proposals.timing(timed))
    else:
        said = options.again(ctx, only=(*options.MODEL, "skip_bad"))
        then(*proposals.export_int8(Path(first.file), source, said))


def _times(speed: "Speed | None") -> list[str]:
    """Cells of the time for the whole set, of the images in a second, and of the network's time for one, each with how far it may
    be off."""
    if speed is None:
        return ["-"] * 3
    whole, inference = within(speed.factor), within(speed.inference_factor)
    return [
        f"{speed.seconds:.2f}{whole}",
        f"{speed.images_per_second:,.1f}{whole}",
        f"{speed.milliseconds:.2f}{inference}",
    ]


def _of_all_classes(judged: "Sequence[tuple[str, Figures]]") -> None:
    """Print a row for each file: what more is said of all classes together, with 95 % intervals."""
    columns = {
        "balanced": [_cell(figures.balanced) for _, figures in judged],
        "top-5": [_cell(figures.top5) for _, figures in judged],
        "AUC, mean": [_cell(figures.auc) for _, figures in judged],
        "calibration error": [_cell(figures.calibration_error) for _, figures in judged],
    }
    shown = {name: cells for name, cells in columns.items() if set(cells) - {"-"}}
    if not shown:
        return
    rows = [[name, *cells] for (name, _), *cells in zip(judged, *shown.values(), strict=True)]
    data("")
    data(table(["file", *shown], rows, spare=FIGURES_SPARE))


def _of_each_class(file: str, figures: "Figures") -> None:
    """Print the figures of one file by class."""
    data("")
    data(file)
    rows = [
        [row.name, f"{row.images:,}", _cell(row.sensitivity), _cell(row.specificity), _cell(row.auc)]
        for row in figures.classes
    ]
    data(table(["class", "images", "sensitivity", "specificity", "AUC"], rows))


def _cell(figure: "Interval | None") -> str:
    """A figure with its 95 % interval."""
    return "-" if figure is None else f"{figure.value:.1%} ({figure.low:.1%} .. {figure.high:.1%})"
