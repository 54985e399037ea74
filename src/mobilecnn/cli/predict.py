"""``mobilecnn predict``."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.output import data, document, hint, json_option, note, progress, prose, table, talk, within

if TYPE_CHECKING:
    from mobilecnn.convert.output_kinds import OutputKind
    from mobilecnn.quantize.asking import Asking
    from mobilecnn.quantize.classifiers import Classifier
    from mobilecnn.quantize.decisions import Ranked
    from mobilecnn.quantize.predictions import Formed, Predicted
    from mobilecnn.remarks import Remark

INPUT_RANGE = "a network whose weights are finite may do so when its input is of another range than it was trained on (--input-range)"
"""What may be wrong where a score is not finite."""

SHOWN = 5
"""Number of classes that are shown; of labels by themselves, all that the answer has."""


@sections.command()
@click.argument("model", type=options.READ_ONLY)
@click.argument("source", metavar="IMAGE|DATA", type=options.ANY_SOURCE)
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    help="Write the answers to all images of DATA into this CSV file. Earlier answers are replaced, and no "
    "other file.",
)
@options.split
@click.option("--scores", is_flag=True, help="Also write a column for each class, with its probability.")
@options.skip_bad
@options.asking
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: Path,
    source: str,
    output: Path | None,
    split: str | None,
    scores: bool,
    skip_bad: bool,
    how: "Asking",
    as_json: bool,
) -> None:
    """The five best classes of one image, or of each image of a data set.

    MODEL is a .tflite, .keras or .h5 file, or a SavedModel folder; IMAGE a picture, such as a
    JPEG, PNG, WebP, GIF or TIFF file. It is resized and normalized as the model's passport says.
    Probabilities are shown where the passport or the model says what its scores are.
    With -o the answers to all images of DATA, a folder or another data set, are written to a CSV file.

    \b
    Example:
      mobilecnn predict flowers.int8.tflite rose.jpg
      mobilecnn predict flowers.int8.tflite photos -o answers.csv
    """
    if output is None:
        from mobilecnn.errors import UsageError
        from mobilecnn.files import is_folder

        image = Path(source)
        if is_folder(image):
            raise UsageError(
                f"{source} is a folder; give -o FILE.csv for the answers to all of its images, or name one image"
            )
        options.refuse(
            ctx, {"split", "scores", "skip_bad"}, "is for the answers to many images; give -o FILE.csv, too"
        )
        _one(model, image, how, as_json)
        if not as_json:
            _say_what_next(ctx, model)
        return
    from mobilecnn.quantize.predictions import FIRST, ranking

    write_answers(model, source, output, ranking(scores), how, FIRST, split, skip_bad, as_json)
    if not as_json:
        _say_what_next(ctx, model)


def _say_what_next(ctx: click.Context, model: Path) -> None:
    """Time a .tflite file, or make one of a Keras model."""
    if model.suffix == ".tflite":
        hint(*proposals.timing([model]))
    else:
        hint(*proposals.export_dynamic(model, options.again(ctx, only=options.MODEL)))


def write_answers(
    model: Path,
    source: str,
    output: Path,
    form: "Formed",
    how: "Asking",
    replaces: Sequence[str],
    split: str | None,
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Ask a model about each image of a data set, write the table, and print what it holds.

    Raises:
        CheckFailed: some images have no answer.
    """
    from mobilecnn.api.predicting import predicted
    from mobilecnn.remarks import Remarks

    remarks = Remarks(note)
    with progress("Asking") as update:
        made = predicted(
            model,
            source,
            output,
            form,
            how,
            replaces=replaces,
            split=split,
            skip_bad=skip_bad,
            progress=update,
            said=remarks,
            accepted=partial(announce, how=how),
        )
    finish(made, remarks.rows, as_json)


def announce(classifier: "Classifier", how: "Asking") -> None:
    """Say how a model is fed and read, where that is not a matter of course."""
    for change in classifier.notes:
        talk(f"Note: {classifier.path}: {change}")
    if not classifier.contract.stated:
        talk(options.assumed_range(str(classifier.path)))
    if classifier.kind.link is None and how.output_kind is None:
        talk(options.unknown_kind(str(classifier.path)))


def finish(made: "Predicted", remarks: "Sequence[Remark]", as_json: bool) -> None:
    """Print what a table of answers holds, and how long it took.

    Raises:
        CheckFailed: some images have no answer.
    """
    from mobilecnn.errors import CheckFailed
    from mobilecnn.remarks import plural

    speed = made.speed
    whole, inference = within(speed.factor), within(speed.inference_factor)
    if as_json:
        document(
            {
                **asdict(made),
                "images_per_second": speed.images_per_second,
                "remarks": [asdict(remark) for remark in remarks],
            }
        )
    else:
        data(table(["answer", "images"], [[name, f"{count:,}"] for name, count in made.answers.items()]))
        data("")
        prose(
            f"{made.output}: {plural(made.images, 'image')} in {speed.seconds:.2f} s{whole}, "
            f"{speed.images_per_second:,.1f} a second{whole}; decoding {speed.decode_seconds:.2f} s, inference alone "
            f"{speed.inference_seconds:.2f} s{inference} ({speed.milliseconds:.2f} ms an image)"
        )
    if made.not_finite:
        raise CheckFailed(
            f"{made.model} gives no answer for {made.not_finite:,} of {plural(made.images, 'image')}, whose rows are empty: a "
            f"score is NaN or infinite; {INPUT_RANGE}"
        )


def _one(model: Path, image: Path, how: "Asking", as_json: bool) -> None:
    from mobilecnn.errors import CheckFailed
    from mobilecnn.quantize.decisions import finite, ranked
    from mobilecnn.quantize.inference import ask
    from mobilecnn.train.datasets.reading import Noticed
    from mobilecnn.train.images import open_picture, to_pixels

    opened = open_picture(image)
    picture = opened.image
    noticed = Noticed()
    noticed(image, opened)
    remarks = noticed.remarks(str(image))
    for remark in remarks:
        note(remark)
    (answers,) = ask([model], lambda contract: [to_pixels(picture, contract)], 1, how)
    classifier = answers.classifier
    announce(classifier, how)
    if not finite(answers.scores).all():
        raise CheckFailed(f"{model} gives no answer for {image}: a score is NaN or infinite; {INPUT_RANGE}")
    best = ranked(classifier.kind, answers.scores[0], SHOWN)
    names = [classifier.labels[row.index] if classifier.labels else str(row.index) for row in best]
    if as_json:
        predictions = [
            {
                "class": row.index,
                "label": name,
                "score": row.score,
                "probability": row.probability,
                "chosen": row.chosen,
            }
            for row, name in zip(best, names, strict=True)
        ]
        document(
            {
                "model": str(model),
                "image": str(image),
                "output_kind": classifier.kind.name,
                "predictions": predictions,
                "remarks": [asdict(remark) for remark in remarks],
            }
        )
    else:
        data(_table(classifier.kind, best, names))


def _table(kind: "OutputKind", best: "tuple[Ranked, ...]", names: list[str]) -> str:
    """The answer as a table: scores where they are no probabilities, and probabilities where there are some."""
    header = ["label", "class"]
    header += [] if kind.link == "identity" else ["score"]
    header += [] if kind.link is None else ["probability"]
    header += ["answer"] if kind.decision == "each" else []
    cells = [
        {
            "label": name,
            "class": str(row.index),
            "score": f"{row.score:.4f}",
            "probability": "" if row.probability is None else f"{row.probability:.4f}",
            "answer": "yes" if row.chosen else "no",
        }
        for row, name in zip(best, names, strict=True)
    ]
    return table(header, [[row[name] for name in header] for row in cells])
