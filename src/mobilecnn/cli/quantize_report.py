"""``mobilecnn quantize-report``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.output import data, document, json_option, lock, note, progress, prose, table, talk, then

if TYPE_CHECKING:
    from mobilecnn.quantize.layers import LayerReport

SHOWN = 15
"""Number of operators in the table of the terminal."""


@sections.command()
@click.argument("model", metavar="QUANTIZED.tflite", type=options.FILE)
@click.option(
    "--data",
    "source",
    metavar="DATA",
    type=options.SOURCE,
    default="digits",
    show_default=True,
    help="Ask the file for images of the kind that it is for: those of a manifest, a folder, ..., or 'digits'.",
)
@click.option(
    "--samples", default=20, show_default=True, help="Take this many of the images, the classes taking turns."
)
@options.seed("the choice of images")
@click.option(
    "--reference",
    type=options.FILE,
    help="Hold the file against this float32 file of the same export.  [default: NAME.float32.tflite beside "
    "it]",
)
@options.input_range
@options.override_input_range
@options.output_kind
@click.option("--all", "everything", is_flag=True, help="Print all operators, and not the worst alone.")
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    help="Write the report as this HTML page, which is replaced if it exists.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: Path,
    source: str,
    samples: int,
    seed: int,
    reference: Path | None,
    input_range: str | None,
    override_input_range: bool,
    output_kind: str | None,
    everything: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """What each operator of a quantized .tflite file adds to its error.

    A file of others that does not say what it is fed is fed as the other of the two is, or as --input-range says.
    Every operator is given the float32 file's own inputs (its isolated error), and compared in the
    running file (the accumulated one), with the largest error first. Beside it stands how much wider the
    widest channel of a tensor is than the median one, which names what spoils an int8 file.

    \b
    Example:
      mobilecnn quantize-report out/digits.int8.tflite --data digits -o layers.html
    """
    from mobilecnn.errors import UsageError
    from mobilecnn.quantize import layers, references
    from mobilecnn.remarks import Remarks
    from mobilecnn.replacing import check_page
    from mobilecnn.train import datasets

    if samples < 1:
        raise UsageError(f"--samples must be at least 1, and is {samples}")
    if output is not None:
        check_page(output)
        lock(output)
    remarks = Remarks(note)
    pair = references.paired(model, reference, input_range, override_input_range, output_kind)
    dataset = datasets.load(source, "test")
    for remark in dataset.remarks:
        remarks(remark)
    with progress("Comparing") as update:
        update(0, 1, f"running {model.name}")
        report = layers.report(pair, dataset.sample(samples, seed), remarks)
        update(1, 1, "done")
    if output is not None:
        from mobilecnn.bench.pages.layers import html
        from mobilecnn.files import write_text

        write_text(output, html(report))
    if as_json:
        document({**report.to_json(), "remarks": [asdict(remark) for remark in remarks.rows]})
    else:
        _show(report, None if everything else SHOWN)
    if output is not None:
        talk(f"Page: {output}")
    if not as_json and dataset.classes:
        how = options.again(ctx, only=("input_range", "override_input_range", "output_kind"))
        how += ["--input-range", pair.unsaid] if pair.unsaid else []
        how += ["--output-kind", pair.unsaid_kind] if pair.unsaid_kind else []
        words = ("compare-accuracy", pair.float32.path, model, "--data", source, *how)
        then(proposals.line(*words), "how many right answers that costs, and on which images")


def _show(report: "LayerReport", most: int | None) -> None:
    from mobilecnn.quantize.layers import WIDE
    from mobilecnn.remarks import plural

    def cell(value: float | None, digits: int) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    rows = [
        [
            f"{layer.index}",
            layer.kind,
            "x".join(map(str, layer.shape)),
            cell(layer.isolated_db, 1) if layer.finite else "not finite",
            cell(layer.accumulated_db, 1),
            cell(layer.cosine, 5),
            cell(layer.weight_ratio, 1),
            cell(layer.channel_ratio, 1),
            f"{layer.outside:.3%}",
            layer.name,
        ]
        for layer in report.worst_first[:most]
    ]
    header = [
        "no.",
        "operator",
        "shape",
        "isolated dB",
        "accumulated dB",
        "cosine",
        "weights",
        "channels",
        "clipped",
    ]
    spare = ("shape", "weights", "channels", "clipped", "output", "cosine")
    data(table([*header, "output"], rows, left=2, spare=spare))
    shown = len(rows)
    more = "" if shown == len(report.layers) else f"; {len(report.layers) - shown} more with --all"
    prose(
        f"{report.file} against {report.reference} on {plural(report.images, 'image')} of {report.data}, the largest "
        f"isolated error first{more}."
    )
    broken = [layer for layer in report.layers if not layer.finite]
    if broken:
        talk(
            f"Warning: the output of {plural(len(broken), 'operator')} has NaN or infinity, the first that of operator {broken[0].index} "
            f"({broken[0].kind}); do not ship the file"
        )
    suspects = [layer for layer in report.layers if layer.suspect]
    if suspects:
        names = ", ".join(f"{layer.index} ({layer.kind})" for layer in suspects[:5])
        talk(
            f"Warning: the widest channel is {WIDE:g} times as wide as the median one, or more, in {names}"
            f"{' and others' if len(suspects) > 5 else ''}: one scale for all channels leaves little for the others"
        )
