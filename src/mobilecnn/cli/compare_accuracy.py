"""``mobilecnn compare-accuracy``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.output import data, document, json_option, lock, note, progress, prose, table, talk, then

if TYPE_CHECKING:
    from mobilecnn.quantize.asking import Asking
    from mobilecnn.quantize.comparison import Comparison
    from mobilecnn.quantize.evaluation import Interval

SHOWN = 20
"""Number of flips in the table of the terminal."""


@sections.command()
@click.argument("a", type=options.FILE)
@click.argument("b", type=options.FILE)
@click.option(
    "--data",
    "source",
    type=options.SOURCE,
    default="digits",
    show_default=True,
    help="Take labelled images from a manifest (those to test on), a folder of class folders, ..., or from "
    "'digits' (its held-out part).",
)
@options.asking
@options.skip_bad
@click.option(
    "--flips", type=options.FILE, help="Draw the flips into this PNG file, a row for each change of class."
)
@json_option
def command(
    a: Path,
    b: Path,
    source: str,
    how: "Asking",
    skip_bad: bool,
    flips: Path | None,
    as_json: bool,
) -> None:
    """What two model files answer differently on the same labelled images.

    A and B are .tflite, .keras or .h5 files, or SavedModel folders. The points that B has lost have a 95 %
    interval for paired proportions and the p-value of an exact McNemar test, for each class, too. The flips, images that
    the two put in different classes, are listed, those that A alone has right first.

    \b
    Example:
      mobilecnn compare-accuracy out/digits.float32.tflite out/digits.int8.tflite --data digits --flips flips.png
    """
    from mobilecnn.quantize import comparison
    from mobilecnn.quantize.origins import say_seen
    from mobilecnn.remarks import Remarks
    from mobilecnn.replacing import check_picture
    from mobilecnn.train import datasets
    from mobilecnn.train.datasets import sheets

    if flips is not None:
        check_picture(flips, "a sheet of flips", "--flips")
        lock(flips)
    remarks = Remarks(note)
    dataset = datasets.load(source, "test")
    for remark in dataset.remarks:
        remarks(remark)
    with progress("Comparing") as update:
        if skip_bad:
            dataset = dataset.readable(remarks, update)
        compared = comparison.compare(a, b, dataset, how, progress=update, remarked=remarks)
    say_seen((a, b), dataset, remarks)
    if flips is not None:
        sheets.write(flips, comparison.sheet(compared, dataset))
    if as_json:
        document({**compared.to_json(), "remarks": [asdict(remark) for remark in remarks.rows]})
    else:
        _show(compared)
    if flips is not None:
        talk(f"Flips: {flips}")
    if not as_json:
        if compared.flips and flips is None:
            words = options.again(click.get_current_context())
            sheet = proposals.unused(Path("flips.png"))
            then(proposals.line("compare-accuracy", *words, "--flips", sheet), "the images of these flips")
        elif {a.suffix, b.suffix} == {".tflite"}:
            then(*proposals.timing([a, b]))


def _show(compared: "Comparison") -> None:
    from mobilecnn.quantize.drops import ALPHA
    from mobilecnn.remarks import plural

    def cell(figure: "Interval | None") -> str:
        return "-" if figure is None else f"{figure.value:.1%} ({figure.low:.1%} .. {figure.high:.1%})"

    rows = [
        [
            letter,
            each.file,
            f"{each.correct}/{each.images}",
            f"{each.accuracy:.2%}",
            " .. ".join(f"{end:.2%}" for end in each.interval),
            f"{each.balanced_accuracy:.2%}",
            cell(None if each.figures is None else each.figures.calibration_error),
        ]
        for letter, each in (("A", compared.a), ("B", compared.b))
    ]
    header = ["", "file", "correct", "accuracy", "95 % interval", "balanced", "calibration error"]
    data(table(header, rows, left=2, spare=("calibration error", "balanced", "correct")))
    lost, gained, found = compared.b.lost_against_first, compared.b.gained_against_first, compared.drop
    prose(
        f"B against A on {plural(compared.images, 'image')} of {compared.data}: {lost} lost, {gained} gained, {found.points:+.2f} "
        f"points lost (95 % interval {found.low:+.2f} .. {found.high:+.2f}), exact McNemar test p = {found.p:.2g}: "
        f"{'undecided' if found.p >= ALPHA else 'worse' if lost > gained else 'better'}."
    )
    data("")
    data(
        table(
            ["class", "images", "sensitivity of A", "of B", "lost", "gained", "McNemar p"],
            [
                [
                    row.name,
                    f"{row.images:,}",
                    cell(row.a),
                    cell(row.b),
                    f"{row.lost}",
                    f"{row.gained}",
                    f"{row.p:.2g}",
                ]
                for row in compared.classes
            ],
        )
    )
    if not compared.flips:
        return
    data("")
    data(
        table(
            ["flip", "class", "A", "B", "image"],
            [
                [
                    flip.kind,
                    flip.right,
                    _answer(flip.a, flip.a_probability),
                    _answer(flip.b, flip.b_probability),
                    flip.image,
                ]
                for flip in compared.flips[:SHOWN]
            ],
            left=5,
        )
    )
    if len(compared.flips) > SHOWN:
        data(f"{len(compared.flips) - SHOWN} more flips with --json.")


def _answer(name: str, probability: float | None) -> str:
    return name if probability is None else f"{name} {probability:.0%}"
