"""``mobilecnn predict``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, note, table, talk

if TYPE_CHECKING:
    from mobilecnn.convert.output_kinds import OutputKind
    from mobilecnn.quantize.asking import Asking
    from mobilecnn.quantize.decisions import Ranked

SHOWN = 5
"""Number of classes that are shown; of labels by themselves, all that the answer has."""


@click.command()
@click.argument("model", type=options.READ_ONLY)
@click.argument("image", type=options.READ_ONLY)
@options.asking
@json_option
def command(
    model: Path,
    image: Path,
    how: "Asking",
    as_json: bool,
) -> None:
    """The five best classes of one image.

    MODEL is a .tflite, .keras or .h5 file, or a SavedModel folder; IMAGE a picture, such as a
    JPEG, PNG, WebP, GIF or TIFF file. It is resized and normalized as the model's passport says.
    Probabilities are shown where the passport or the model says what its scores are.
    """
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
    for change in classifier.notes:
        talk(f"Note: {model}: {change}")
    if not classifier.contract.stated:
        talk(options.assumed_range(str(model)))
    if classifier.kind.link is None and how.output_kind is None:
        talk(options.unknown_kind(str(model)))
    if not finite(answers.scores).all():
        raise CheckFailed(
            f"{model} gives no answer for {image}: a score is NaN or infinite; a network whose weights are finite may do so "
            "when its input is of another range than it was trained on (--input-range)"
        )
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
