"""``mobilecnn inspect``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.output import data, document, hint, json_option, kilobytes, millions, prose, table

if TYPE_CHECKING:
    from mobilecnn.quantize.partitions import Partitions


@sections.command()
@click.argument("model", type=options.READ_ONLY)
@json_option
def command(model: Path, as_json: bool) -> None:
    """What is in a .tflite file: operators, inputs, outputs, runtime needed.

    The file is read, and loaded by LiteRT to see in how many pieces it runs; it is not run.
    """
    from mobilecnn.convert.graph import flatbuffer
    from mobilecnn.convert.inspection import inspect
    from mobilecnn.errors import ModelFileError
    from mobilecnn.files import read_bytes
    from mobilecnn.quantize.partitions import forecast

    seen = inspect(model)
    expected = forecast(flatbuffer.graph(read_bytes(model, "model", ModelFileError), str(model)))
    split, unknown = _split(model)
    if as_json:
        document(
            {
                **seen.to_json(),
                "xnnpack": None if split is None else asdict(split),
                "xnnpack_unknown": unknown,
                "forecast": asdict(expected),
            }
        )
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
            ends = f", {seen.ends_in}" if what == "output" and seen.ends_in != "unknown" else ""
            data(f"{what} {tensor.name}: {tensor.dtype} {list(tensor.shape)}{scale}{ends}")
    data("")
    data(
        table(
            ["operator", "version", "count", "multiply-adds (M)", "parameters", "constants", "runtime >="],
            rows,
            spare=("constants", "parameters", "version"),
        )
    )
    prose(f"XNNPACK partitions: {f'unknown ({unknown})' if split is None else split}")
    if split is not None and split.surprises:
        wrong = ", ".join(f"{row.operator} ({row.count}: {row.why})" for row in split.surprises)
        prose(f"Not as forecast: {wrong}")
    prose(f"Forecast: {expected}")
    for warning in seen.warnings:
        prose(f"Warning: {warning}")
    if split is not None:
        hint(proposals.line("profile", model), "what each of these operators takes")


def _split(model: Path) -> "tuple[Partitions | None, str]":
    """How LiteRT splits the file; None, and why, where that cannot be known here."""
    from mobilecnn.errors import EnvironmentProblem, ModelFileError
    from mobilecnn.quantize.partitions import partitions

    try:
        return partitions(model), ""
    except (EnvironmentProblem, ModelFileError) as error:
        return None, str(error)
