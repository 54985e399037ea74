"""``mobilecnn export``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, kilobytes, progress, table, talk

if TYPE_CHECKING:
    from mobilecnn.export import Exported

AGREEMENT_TO_WARN = 0.9
"""A quantized file that agrees on fewer calibration images than this is warned about."""


@click.command()
@click.argument("model")
@click.option("--float32", "formats", flag_value="float32", multiple=True, help="As converted.")
@click.option("--float16", "formats", flag_value="float16", multiple=True, help="Weights in half precision.")
@click.option("--int8", "formats", flag_value="int8", multiple=True, help="Weights and activations in int8.")
@click.option(
    "--dynamic",
    "formats",
    flag_value="dynamic",
    multiple=True,
    help="Weights in int8, activations on the fly.",
)
@click.option("--all", "everything", is_flag=True, help="All four formats.")
@click.option(
    "--calibration",
    metavar="DATA",
    help="Representative images: a folder, 'digits', or 'random' (latency only).",
)
@click.option(
    "--samples", default=100, show_default=True, help="Images to take from it, the classes taking turns."
)
@click.option(
    "--seed", default=0, show_default=True, help="Of that choice, and of a zoo name's random weights."
)
@click.option(
    "--io",
    type=click.Choice(["int8", "float32"]),
    default="int8",
    show_default=True,
    help="What int8 files take and give.",
)
@click.option(
    "--classes", type=click.IntRange(min=1), help="Of a zoo name.  [default: the network's, most often 1000]"
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
    (JSON) beside it. Exits with 1 if a float32 file differs by more than 1e-4 relative.

    \b
    Example:
      mobilecnn export digits.keras --all --calibration digits -o out
      mobilecnn export mobilenet_v2_x1.0_224 --int8 --calibration random -o out
    """
    from mobilecnn.convert.conversion import Source
    from mobilecnn.errors import CheckFailed
    from mobilecnn.export import Calibration, export
    from mobilecnn.quantize.formats import FORMATS

    source = Source(
        text=model,
        classes=classes,
        size=size,
        input_range=input_range,
        labels=None if labels is None else options.read_labels(labels),
        unsafe=allow_code,
        seed=seed,
    )
    chosen = FORMATS if everything else tuple(name for name in FORMATS if name in formats)
    given = None if calibration is None else Calibration(calibration, samples, seed)
    with progress("Exporting") as update:
        exported = export(source, chosen, output, given, io, update)

    if as_json:
        document({"files": [{"path": str(one.path), "passport": one.document} for one in exported]})
    else:
        rows = [
            [
                str(one.path),
                kilobytes(one.nbytes),
                f"{one.parity.top1_agreement:.1%}",
                f"{one.parity.max_difference:.2e}",
                f"{one.parity.mean_difference:.2e}",
                f"{one.parity.sqnr_db:.1f}",
                one.document["minimum_runtime"] or "unknown",
            ]
            for one in exported
        ]
        header = ["file", "size", "top-1 agreement", "max diff", "mean diff", "SQNR dB", "runtime >="]
        data(table(header, rows))
        seen = exported[0].document["parity"]["data"]
        data(f"Against the Keras model on {seen['images']} images ({seen['data']}).")
    for one in exported:
        for warning in _warnings(one):
            talk(f"Warning: {one.path.name}: {warning}")
    first = exported[0]
    if first.parity.images > 1 and first.parity.distinct == 1 and not first.document["latency_only"]:
        talk("Warning: the Keras model puts all these images in one class, so agreement on them says little")
    if not first.document["input"]["contract"]["stated"]:
        talk(options.assumed_range(model))
    for one in exported:
        if not one.holds:
            allowed = one.document["parity"]["tolerance"]
            limit = "" if allowed is None else f"float32 may show {allowed:.0e}, and "
            raise CheckFailed(
                f"{one.path} does not give the Keras model's answers: relative difference {one.parity.relative:.1e} "
                f"({limit}every answer must be finite); do not ship it"
            )


def _warnings(one: "Exported") -> list[str]:
    if one.document["latency_only"]:
        return [f"latency only: {' and '.join(one.document['latency_only'])}"]
    found = list(one.document["warnings"])
    if one.parity.top1_agreement < AGREEMENT_TO_WARN:
        found.append(
            f"agrees with the Keras model on only {one.parity.top1_agreement:.0%} of the images; "
            "evaluate it before shipping"
        )
    return found
