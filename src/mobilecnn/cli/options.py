"""Options that several commands take, defined once."""

from pathlib import Path

import click

from mobilecnn.quantize.runtimes import RUNTIMES

# Spelled out here as well, so that --help needs no numpy; a test holds it equal to the table
# in train.images.
RANGES = ("raw", "unit", "tf", "torch", "caffe", "lite")

FILE = click.Path(path_type=Path)

input_range = click.option(
    "--input-range",
    type=click.Choice(RANGES),
    help="What the model expects: raw 0..255, unit 0..1, tf -1..1, torch (ImageNet mean and deviation), "
    "caffe (BGR minus mean), lite ((x - 127) / 128). Default: what the model or its passport says.",
)
allow_code = click.option(
    "--allow-code",
    is_flag=True,
    help="Let Python code inside Keras files run (Lambda layers). Only for files you trust.",
)
device = click.option(
    "--device",
    "device_name",
    default="local",
    show_default=True,
    help="Where to time: local, a name of `mobilecnn devices`, or an SSH host.",
)
runtime = click.option("--runtime", type=click.Choice(RUNTIMES), default="litert", show_default=True)


def assumed_range(what: str) -> str:
    """The warning for a model that does not say what input it expects."""
    return (
        f"Warning: {what} does not say what input range it expects; 0..1 is assumed. "
        f"Say --input-range {'|'.join(RANGES)} to be sure."
    )


def read_labels(path: Path) -> tuple[str, ...]:
    """The class names of a text file, one a line.

    Raises:
        DataError: it cannot be read, or names a class twice.
    """
    from mobilecnn.errors import DataError
    from mobilecnn.files import read_bytes

    try:
        lines = read_bytes(path, "labels file", DataError).decode().splitlines()
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a UTF-8 text file; give one class name a line") from None
    labels = tuple(line.strip() for line in lines if line.strip())
    if len(set(labels)) != len(labels):
        raise DataError(f"{path} names a class twice; give each output its own name")
    return labels
