"""``mobilecnn isic``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, sections
from mobilecnn.cli.output import data, document, json_option, prose, table
from mobilecnn.cli.predict import write_answers

if TYPE_CHECKING:
    from mobilecnn.quantize.asking import Asking


@sections.group()
@json_option
def command(as_json: bool) -> None:
    """The ISIC challenge of 2018: a submission, and the challenge's own score of it.

    \b
    Example:
      mobilecnn isic submission lesion.keras ISIC2018_Task3_Test_Input -o answers.csv
      mobilecnn isic score ISIC2018_Task3_Test_GroundTruth.csv answers.csv
    """


@command.command()
@click.argument("model", type=options.READ_ONLY)
@click.argument("source", metavar="DATA", type=options.SOURCE)
@click.option(
    "-o",
    "--output",
    required=True,
    type=options.FILE,
    help="Write the answers into this CSV file; an existing one is never replaced, for the challenge's labels "
    "look alike.",
)
@options.split
@options.asking
@options.skip_bad
@json_option
def submission(
    model: Path,
    source: str,
    output: Path,
    split: str | None,
    how: "Asking",
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Write the probabilities of the seven categories for each image, as the challenge takes them.

    MODEL is a model file of these categories: MEL, NV, BCC, AKIEC, BKL, DF, VASC, in any order.
    DATA is the folder of the challenge, a folder of its images, or any other data set.
    """
    from mobilecnn.quantize.isic import submission as formed

    write_answers(model, source, output, formed, how, (), split, skip_bad, as_json)


@command.command()
@click.argument("truth", type=options.READ_ONLY)
@click.argument("answers", type=options.READ_ONLY)
@json_option
def score(truth: Path, answers: Path, as_json: bool) -> None:
    """Score a submission with the challenge's own scorer, isic-challenge-scoring.

    TRUTH is the challenge's table of labels (..._GroundTruth.csv), ANSWERS the submission. The score is
    the balanced multi-class accuracy. Needs pip install 'mobilecnn[isic]'.
    """
    from mobilecnn.quantize.isic import score as scored
    from mobilecnn.remarks import plural

    found = scored(truth, answers)
    if as_json:
        document({"truth": str(truth), "answers": str(answers), **asdict(found)})
        return
    header = [
        "category",
        "images",
        "sensitivity",
        "specificity",
        "AUC",
        "AUC above 80 %",
        "average precision",
    ]
    rows = [
        [
            row.name,
            f"{row.images:,}",
            *(f"{share:.4f}" for share in (row.sensitivity, row.specificity, row.auc)),
            f"{row.auc_above_80:.4f}",
            f"{row.average_precision:.4f}",
        ]
        for row in found.categories
    ]
    data(table(header, rows, spare=("average precision", "AUC above 80 %", "images")))
    data("")
    prose(
        f"score (balanced accuracy): {found.overall:.4f} on {plural(found.images, 'image')}, {found.scorer}"
    )
