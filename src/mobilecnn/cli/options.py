"""Options that several commands take, defined once."""

from pathlib import Path

import click

from mobilecnn.quantize.runtimes import RUNTIMES

# Spelled out here as well, so that --help needs no numpy; a test holds it equal to the table
# in train.images.
RANGES = ("raw", "unit", "tf", "torch", "caffe")

FILE = click.Path(path_type=Path)

input_range = click.option(
    "--input-range",
    type=click.Choice(RANGES),
    help="What the model expects: raw 0..255, unit 0..1, tf -1..1, torch (ImageNet mean and deviation), "
    "caffe (BGR minus mean). Default: what the model or its passport says.",
)
allow_code = click.option(
    "--allow-code",
    is_flag=True,
    help="Let Python code inside Keras files run (Lambda layers). Only for files you trust.",
)
runtime = click.option("--runtime", type=click.Choice(RUNTIMES), default="litert", show_default=True)


def assumed_range(what: str) -> str:
    """The warning for a model that does not say what input it expects."""
    return (
        f"Warning: {what} does not say what input range it expects; 0..1 is assumed. "
        f"Say --input-range {'|'.join(RANGES)} to be sure."
    )
