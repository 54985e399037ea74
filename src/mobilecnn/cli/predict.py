"""``mobilecnn predict``."""

from pathlib import Path

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, table, talk

SHOWN = 5
"""Number of classes that are shown."""


@click.command()
@click.argument("model", type=options.READ_ONLY)
@click.argument("image", type=options.READ_ONLY)
@options.runtime
@options.input_range
@options.allow_code
@json_option
def command(
    model: Path, image: Path, runtime: str, input_range: str | None, allow_code: bool, as_json: bool
) -> None:
    """The five best classes of one image.

    MODEL is a .tflite, .keras or .h5 file; IMAGE a JPEG, PNG, BMP or WebP picture. It is
    resized and normalized as the model's passport says.
    """
    from mobilecnn.quantize.inference import ask
    from mobilecnn.train.images import open_image, to_pixels

    picture = open_image(image)
    (answers,) = ask(
        [model],
        lambda contract: [to_pixels(picture, contract)],
        1,
        input_range=input_range,
        runtime=runtime,
        unsafe=allow_code,
    )
    if not answers.classifier.contract.stated:
        talk(options.assumed_range(str(model)))
    scores, labels = answers.scores[0], answers.classifier.labels
    best = [int(index) for index in (-scores).argsort(kind="stable")[:SHOWN]]
    predictions = [
        {"class": index, "label": labels[index] if labels else str(index), "score": float(scores[index])}
        for index in best
    ]
    if as_json:
        document({"model": str(model), "image": str(image), "predictions": predictions})
    else:
        data(
            table(
                ["label", "class", "score"],
                [[str(row["label"]), str(row["class"]), f"{row['score']:.4f}"] for row in predictions],
            )
        )
