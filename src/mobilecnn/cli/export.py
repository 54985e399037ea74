"""``mobilecnn export``."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, kilobytes, progress, table, talk
from mobilecnn.quantize import formats as known

if TYPE_CHECKING:
    from mobilecnn.exported import Exported


def _formats(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` an option for each format; it takes the chosen names as ``formats``."""
    for row in reversed(known.FORMATS):
        option = click.option(
            f"--{row.name}", "formats", flag_value=row.name, multiple=True, help=row.summary
        )
        command = option(command)
    return command


@click.command()
@click.argument("model", type=options.SOURCE)
@_formats
@click.option("--all", "everything", is_flag=True, help="All of these formats.")
@click.option(
    "--calibration",
    metavar="DATA",
    type=options.SOURCE,
    help="Representative images: a folder, 'digits', or 'random' (latency only).",
)
@click.option(
    "--samples", default=100, show_default=True, help="Images to take from it, the classes taking turns."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Seed of that choice, and of the random weights of a zoo name.",
)
@click.option(
    "--io",
    type=click.Choice(known.io_types()),
    default=known.io_types()[0],
    show_default=True,
    help="Type that quantized files take and give, where their format has a choice.",
)
@click.option(
    "--classes",
    type=click.IntRange(min=1),
    help="Number of classes of a zoo name.  [default: the network's, most often 1000]",
)
@click.option("--size", type=int, help="Input side in pixels, of a zoo name or a model of free size.")
@options.input_range
@click.option("--labels", type=options.FILE, help="A text file, one class name a line, in output order.")
@options.allow_code
@click.option(
    "-o", "--output", type=options.FILE, default=Path(), help="Folder for the files.  [default: here]"
)
@json_option
def command(
    model: str,
    formats: tuple[str, ...],
    everything: bool,
    calibration: str | None,
    samples: int,
    seed: int,
    io: str,
    classes: int | None,
    size: int | None,
    input_range: str | None,
    labels: Path | None,
    allow_code: bool,
    output: Path,
    as_json: bool,
) -> None:
    """Turn a Keras model into float32, float16, int8 and dynamic-range TFLite files.

    MODEL is a .keras or .h5 file, or a zoo name (random weights: for latency). Each file
    is checked against the Keras model on the calibration images, and gets a passport
    (JSON) beside it. Exits with 1 if a float32 file does not give the model's answers.

    \b
    Example:
      mobilecnn export digits.keras --all --calibration digits -o out
      mobilecnn export mobilenet_v2_x1.0_224 --int8 --calibration random -o out
    """
    from mobilecnn.convert.conversion import Source
    from mobilecnn.export import export
    from mobilecnn.exported import refuse_different
    from mobilecnn.quantize.calibration.images import Calibration

    source = Source(
        text=model,
        classes=classes,
        size=size,
        input_range=input_range,
        labels=None if labels is None else options.read_labels(labels),
        unsafe=allow_code,
        seed=seed,
    )
    given = None if calibration is None else Calibration(calibration, samples, seed)
    with progress("Exporting") as update:
        exported = export(source, known.names() if everything else formats, output, given, io, update)

    if as_json:
        document(
            {"files": [{"path": str(file.path), "passport": file.passport.to_json()} for file in exported]}
        )
    else:
        _show(exported)
    for file in exported:
        for warning in _warnings(file):
            talk(f"Warning: {file.path.name}: {warning}")
    first = exported[0]
    if first.parity.images > 1 and first.parity.distinct == 1 and not first.passport.latency_only:
        talk("Warning: the Keras model puts all these images in one class, so agreement on them says little")
    if not first.passport.contract.stated:
        talk(options.assumed_range(model))
    for file in exported:
        refuse_different(file)


def _show(exported: "tuple[Exported, ...]") -> None:
    """Print the parity of each file as a table."""
    rows = [
        [
            str(file.path),
            kilobytes(file.nbytes),
            f"{file.parity.top1_agreement:.1%}",
            f"{file.parity.max_difference:.2e}",
            f"{file.parity.mean_difference:.2e}",
            f"{file.parity.sqnr_db:.1f}",
            file.passport.minimum_runtime or "unknown",
        ]
        for file in exported
    ]
    header = ["file", "size", "top-1 agreement", "max diff", "mean diff", "SQNR dB", "runtime >="]
    data(table(header, rows))
    images = exported[0].passport.parity.data
    data(f"Against the Keras model on {images.images} images ({images.data}).")


def _warnings(file: "Exported") -> Iterator[str]:
    from mobilecnn.quantize.gate import doubt

    card = file.passport
    if card.latency_only:
        yield f"latency only: {' and '.join(card.latency_only)}"
    yield from card.warnings
    # Answers that mean nothing need not agree.
    if not card.latency_only and (words := doubt(file.parity)) is not None:
        yield words
