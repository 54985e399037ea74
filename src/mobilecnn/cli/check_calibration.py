"""``mobilecnn check-calibration``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.output import data, document, json_option, note, progress, prose, table, talk, then

if TYPE_CHECKING:
    from mobilecnn.calibration_check import Examined


@sections.command()
@click.argument("model", type=options.SOURCE)
@click.option(
    "--calibration",
    metavar="DATA",
    type=options.SOURCE,
    required=True,
    help="Examine these images to calibrate on, named as for `mobilecnn export`.",
)
@click.option(
    "--samples",
    default=100,
    show_default=True,
    help="Calibrate on this many images, the classes taking turns.",
)
@options.seed("the choice of images")
@click.option(
    "--size",
    type=options.SIZE,
    metavar="SIDE|WIDTHxHEIGHT",
    help="Give a model of free size inputs of this size, in pixels.",
)
@options.input_range
@options.override_input_range
@options.output_kind
@options.allow_code
@options.skip_bad
@options.custom_objects
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    calibration: str,
    samples: int,
    seed: int,
    size: int | tuple[int, int] | None,
    input_range: str | None,
    override_input_range: bool,
    output_kind: str | None,
    allow_code: bool,
    skip_bad: bool,
    custom_objects: Path | None,
    as_json: bool,
) -> None:
    """Whether images are the right ones to calibrate a Keras model on.

    Looks at their pixels and classes, holds them against what the model's first batch normalization
    remembers of its training, in the range that they are fed in and in others, and tells how many of them
    suffice. Exits with 1 if nothing should be calibrated on them.

    \b
    Example:
      mobilecnn check-calibration digits.keras --calibration digits
    """
    from mobilecnn.calibration_check import examine, refuse_wrong
    from mobilecnn.convert.checks import DOUBTFUL
    from mobilecnn.convert.conversion import Source
    from mobilecnn.quantize.calibration.images import Calibration
    from mobilecnn.remarks import Remarks

    source = Source(
        text=model,
        size=size,
        input_range=input_range,
        override=override_input_range,
        output_kind=output_kind,
        unsafe=allow_code,
        custom_objects=custom_objects,
        seed=seed,
    )
    remarks = Remarks(note)
    with progress("Checking") as update:
        examined = examine(source, Calibration(calibration, samples, seed, skip_bad), update, remarks)
    if as_json:
        document({**examined.to_json(), "remarks": [asdict(remark) for remark in remarks.rows]})
    else:
        _show(examined)
    for finding in examined.findings:
        if finding.severity == DOUBTFUL:
            talk(f"Warning: {finding.text}; {finding.fix}")
    refuse_wrong(examined)
    if not as_json and not any(finding.severity == DOUBTFUL for finding in examined.findings):
        said = options.again(ctx, only=(*options.MODEL, "samples", "seed", "skip_bad"))
        then(*proposals.export_int8(Path(model), calibration, said))


def _show(examined: "Examined") -> None:
    from mobilecnn.convert.checks import NOTE
    from mobilecnn.remarks import plural

    pictures, settled = examined.pictures, examined.stability
    prose(f"{plural(pictures.images, 'image')} of {examined.data}, fed as {examined.input}")
    covered = sum(count > 0 for count in examined.classes.values())
    far = {name or "as fed": value for name, value in examined.distances.items() if value is not None}
    rows = [
        ("classes", f"{covered} of {len(examined.classes)}; the model tells {examined.answers} apart")
        if examined.classes
        else ("classes", f"unknown; the model tells {examined.answers} apart"),
        ("show nothing", f"{pictures.constant}"),
        ("saturated", f"{pictures.saturated}"),
        ("content of another one", f"{pictures.twice}"),
        (
            "distance from the training",
            "; ".join(f"{name} {value:.2g}" for name, value in far.items()) or "the model does not tell",
        ),
        ("images that suffice", f"{settled.suffice}"),
        (
            "ranges that two halves share",
            "-"
            if settled.common is None
            else f"{settled.common:.0%} (median of {plural(settled.tensors, 'tensor')}); {settled.least_common:.0%} or more of nine in ten",
        ),
    ]
    data(table(["what", "found"], rows, left=2))
    data("")
    data(
        table(
            ["images", "range reached, median", "nine in ten reached"],
            [[f"{stop.images:,}", f"{stop.reached:.1%}", f"{stop.narrowest:.1%}"] for stop in settled.stops],
            left=0,
        )
    )
    for finding in examined.findings:
        if finding.severity == NOTE:
            talk(f"Note: {finding.text}; {finding.fix}")
