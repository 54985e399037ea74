"""``mobilecnn predict``."""

from dataclasses import asdict
from pathlib import Path

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, note, table, talk

SHOWN = 5
"""Number of classes that are shown."""


@click.command()
@click.argument("model", type=options.READ_ONLY)
@click.argument("image", type=options.READ_ONLY)
@options.runtime
@options.input_range
@options.override_input_range
@options.allow_code
@options.custom_objects
@json_option
def command(
    model: Path,
    image: Path,
    runtime: str,
    input_range: str | None,
    override_input_range: bool,
    allow_code: bool,
    custom_objects: Path | None,
    as_json: bool,
) -> None:
    """The five best classes of one image.

    MODEL is a .tflite, .keras or .h5 file, or a SavedModel folder; IMAGE a picture, such as a
    JPEG, PNG, WebP, GIF or TIFF file. It is resized and normalized as the model's passport says.
    """
    from mobilecnn.quantize.inference import ask
    from mobilecnn.train.datasets.reading import first_frames
    from mobilecnn.train.images import open_picture, to_pixels

    opened = open_picture(image)
    picture = opened.image
    remarks = [first_frames(str(image), [image])] if opened.several else []
    for remark in remarks:
        note(remark)
    (answers,) = ask(
        [model],
        lambda contract: [to_pixels(picture, contract)],
        1,
        input_range=input_range,
        override=override_input_range,
        runtime=runtime,
        unsafe=allow_code,
        custom_objects=custom_objects,
    )
    for change in answers.classifier.notes:
        talk(f"Note: {model}: {change}")
    if not answers.classifier.contract.stated:
        talk(options.assumed_range(str(model)))
    scores, labels = answers.scores[0], answers.classifier.labels
    best = [int(index) for index in (-scores).argsort(kind="stable")[:SHOWN]]
    predictions = [
        {"class": index, "label": labels[index] if labels else str(index), "score": float(scores[index])}
        for index in best
    ]
    if as_json:
        document(
            {
                "model": str(model),
                "image": str(image),
                "predictions": predictions,
                "remarks": [asdict(remark) for remark in remarks],
            }
        )
    else:
        data(
            table(
                ["label", "class", "score"],
                [[str(row["label"]), str(row["class"]), f"{row['score']:.4f}"] for row in predictions],
            )
        )
