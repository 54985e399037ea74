"""``mobilecnn inspect``."""

from pathlib import Path

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, kilobytes, millions, table


@click.command()
@click.argument("model", type=options.READ_ONLY)
@json_option
def command(model: Path, as_json: bool) -> None:
    """What is in a .tflite file: operators, inputs, outputs, runtime needed.

    The file is read, not run.
    """
    from mobilecnn.convert.inspection import inspect

    seen = inspect(model)
    if as_json:
        document(seen.to_json())
        return
    rows = [
        [
            row.operator,
            str(row.version),
            str(row.count),
            millions(row.macs),
            f"{row.parameters:,}",
            kilobytes(row.bytes),
            row.minimum_runtime or "unknown",
        ]
        for row in seen.operators
    ]
    total = ["total", "", str(sum(row.count for row in seen.operators)), millions(seen.macs)]
    rows.append(
        [
            *total,
            f"{seen.parameters:,}",
            kilobytes(sum(row.bytes for row in seen.operators)),
            seen.minimum_runtime or "unknown",
        ]
    )
    data(f"{seen.file}: {kilobytes(seen.bytes)}, SHA-256 {seen.sha256}")
    for what, tensors in (("input", seen.inputs), ("output", seen.outputs)):
        for tensor in tensors:
            codes = tensor.quantization
            scale = f", scale {codes.scale:.7g}, zero point {codes.zero_point}" if codes else ""
            data(f"{what} {tensor.name}: {tensor.dtype} {list(tensor.shape)}{scale}")
    data("")
    data(
        table(
            ["operator", "version", "count", "multiply-adds (M)", "parameters", "constants", "runtime >="],
            rows,
        )
    )
    for warning in seen.warnings:
        data(f"Warning: {warning}")
