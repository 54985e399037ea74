"""``mobilecnn compress``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.output import (
    data,
    document,
    json_option,
    kilobytes,
    note,
    progress,
    prose,
    table,
    talk,
    then,
)

if TYPE_CHECKING:
    from mobilecnn.quantize.compress.plan import Step
    from mobilecnn.quantize.compress.run import Compressed


@sections.command()
@click.argument("model", type=options.FILE)
@click.option(
    "-o",
    "--output",
    required=True,
    type=options.FILE,
    help="Write the model to this .keras file, and the coded file beside it. Existing ones are replaced.",
)
@click.option(
    "--svd",
    multiple=True,
    metavar="[LAYER=]SHARE",
    help="Make two dense layers of one, of this share of its rank, where that saves weights. May be repeated.",
)
@click.option(
    "--prune",
    multiple=True,
    metavar="[LAYER=]SHARE",
    help="Set this share of the weights to 0, the smallest ones of each layer. May be repeated.",
)
@click.option(
    "--prune-schedule",
    type=click.Choice(("once", "iterative", "gradual")),
    default="once",
    show_default=True,
    help="Set weights to 0 before training, an equal part before each epoch, or more and more in its course.",
)
@click.option(
    "--cluster",
    multiple=True,
    metavar="[LAYER=]BITS",
    help="Let the weights of a layer share 2^BITS values, 1 to 8 bits. May be repeated.",
)
@click.option(
    "--data",
    "source",
    metavar="DATA",
    type=options.SOURCE,
    help="Train on these labelled images after each step; a tenth is held back to judge by.  [default: no "
    "training]",
)
@click.option(
    "--epochs", default=1, show_default=True, help="Pass over the images this many times after each step."
)
@click.option(
    "--learning-rate", default=1e-4, show_default=True, help="Train after each step with this learning rate."
)
@click.option("--batch-size", default=32, show_default=True, help="Train on this many images in a step.")
@options.seed("the order of the images")
@click.option(
    "--size",
    type=options.SIZE,
    metavar="SIDE|WIDTHxHEIGHT",
    help="Train a model of free size on images of this size, in pixels.",
)
@options.input_range
@options.override_input_range
@options.output_kind
@options.labels
@options.skip_bad
@options.allow_code
@options.custom_objects
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: Path,
    output: Path,
    svd: tuple[str, ...],
    prune: tuple[str, ...],
    prune_schedule: str,
    cluster: tuple[str, ...],
    source: str | None,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
    size: int | tuple[int, int] | None,
    input_range: str | None,
    override_input_range: bool,
    output_kind: str | None,
    labels: Path | None,
    skip_bad: bool,
    allow_code: bool,
    custom_objects: Path | None,
    as_json: bool,
) -> None:
    """Make a trained Keras model small: factorize, prune, share weights, and code what is left.

    MODEL is a .keras or .h5 file. The steps run in that order, each only where it is asked for, and with --data the model is
    trained after each: zeros stay 0, shared values stay shared. OUTPUT exports like any other model; the coded file beside it,
    .mcnnz, holds the same weights in the form of Deep Compression.

    \b
    Example:
      mobilecnn compress digits.keras -o small.keras --prune 0.5 --cluster 6 --data digits
      mobilecnn compress lesions.keras -o small.keras --svd fc6=0.2 --prune 0.9 --prune conv1=0.2
    """
    from mobilecnn.convert.conversion import Source
    from mobilecnn.labels import read as labels_of
    from mobilecnn.quantize.compress.plan import CompressionPlan, per_layer
    from mobilecnn.quantize.compress.run import compress
    from mobilecnn.remarks import Remarks

    plan = CompressionPlan(
        svd=per_layer(svd, "--svd"),
        prune=per_layer(prune, "--prune"),
        cluster=per_layer(cluster, "--cluster"),
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=seed,
        prune_schedule=prune_schedule,
    )
    asked = Source(
        str(model),
        size=size,
        input_range=input_range,
        override=override_input_range,
        output_kind=output_kind,
        labels=None if labels is None else labels_of(labels),
        unsafe=allow_code,
        custom_objects=custom_objects,
    )
    remarks = Remarks(note)
    with progress("Compressing") as update:
        made = compress(
            asked,
            output,
            plan,
            source,
            update,
            lambda step: None if as_json else talk(_said(step)),
            remarks,
            skip_bad,
        )
    if as_json:
        document(
            {
                "model": str(made.path),
                "coded": str(made.coded_path),
                "float32_bytes": made.given_bytes,
                "coded_bytes": made.bytes,
                "steps": [asdict(step) for step in made.steps],
                "tensors": [asdict(part) for part in made.layers],
                "remarks": [asdict(remark) for remark in remarks.rows],
            }
        )
        return
    rows = [
        (
            part.name,
            f"{part.weights:,}",
            f"{part.nonzero / max(part.weights, 1):.0%}",
            f"{part.values:,}" if part.values else "-",
            f"{part.bytes:,}",
            f"{8 * part.bytes / max(part.weights, 1):.2f}",
        )
        for part in made.layers
    ]
    header = ("tensor", "weights", "not 0", "values", "bytes", "bits a weight")
    data(table(header, rows, spare=("values", "not 0")))
    data("")
    prose(_sum(made))
    said = options.again(ctx, only=options.MODEL)
    if source is None:
        then(*proposals.export_dynamic(made.path, said))
    else:
        then(*proposals.export_int8(made.path, source, said))


_UNCHANGED = {
    "svd": "no dense layer has fewer weights as two of that share of its rank",
    "prune": "of no layer does the share take a weight that is not 0 already",
    "cluster": "so many shared values leave every layer as it is",
}
"""Step -> why it may have changed nothing."""


def _said(step: "Step") -> str:
    if step.changed == 0:
        return f"{step.name}: changed no weights: {_UNCHANGED[step.name]}"
    accuracy = "" if step.accuracy is None else f", accuracy {step.accuracy:.2%}"
    retrained = "" if step.retrained is None else f", {step.retrained:.2%} after training"
    return f"{step.name}: {step.nonzero:,} of {step.weights:,} weights are not 0{accuracy}{retrained}"


def _sum(made: "Compressed") -> str:
    ratio = made.given_bytes / made.bytes
    # As it is printed: 1.0 times is neither.
    if f"{ratio:.1f}" == "1.0":
        compared = "about as large as the"
    elif ratio > 1:
        compared = f"{ratio:.1f} times smaller than"
    else:
        compared = "larger than the"
    return f"{made.coded_path}: {_size(made.bytes)}, {compared} {_size(made.given_bytes)} in float32; the model is {made.path}"


def _size(count: int) -> str:
    return kilobytes(count) if count >= 1000 else f"{count} bytes"
