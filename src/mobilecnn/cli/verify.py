"""``mobilecnn verify``."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections, suggestions
from mobilecnn.cli.output import data, document, json_option, progress, prose, table, talk, then

if TYPE_CHECKING:
    from mobilecnn.bench.timing.kernels import Verification


@sections.command()
@click.argument("model", metavar="MODEL.tflite", type=options.FILE)
@click.option(
    "--device",
    "devices",
    type=suggestions.DEVICE,
    multiple=True,
    metavar="NAME",
    help="Ask this device, too: emulated (the real aarch64 runtime under QEMU), or a board of `mobilecnn "
    "devices`. May be repeated.",
)
@json_option
def command(model: Path, devices: tuple[str, ...], as_json: bool) -> None:
    """Whether a .tflite file gives its golden answers by all kernels, here and on devices.

    The golden pictures of the file's passport are asked by LiteRT's reference kernels, its
    built-in ones and XNNPACK. Differences are in least significant bits of the output, and the operator
    is named after which the answers differ from those of the reference kernels. Exits with 1 if
    the file is not the one that its passport describes, or if answers are farther apart than its passport allows.

    \b
    Example:
      mobilecnn verify out/digits.int8.tflite
      mobilecnn verify out/digits.int8.tflite --device emulated
    """
    from mobilecnn.bench.devices import registry
    from mobilecnn.bench.timing.kernels import refuse_different, verify

    with ExitStack() as entered, progress("Verifying") as update:
        asked = [entered.enter_context(registry.device(name, "litert", say=talk)) for name in devices]
        found = verify(model, asked, update)
    if as_json:
        document(found.to_json())
    else:
        _show(found)
    if not devices:
        talk("Note: not tried on another processor; --device emulated asks the aarch64 runtime under QEMU")
    refuse_different(found)
    if not as_json:
        where = ("--device", devices[0]) if devices else ()
        then(proposals.line("bench", model, *where), "how long it takes" + (" there" if devices else ""))


def _show(found: "Verification") -> None:
    rows = [
        [
            row.where,
            row.kernels,
            "-" if row.difference is None else f"{row.difference:.3g}",
            "-" if row.steps is None else f"{row.steps:g}",
            f"{row.differing:.1%}",
            f"{row.allowed:.3g}",
            row.verdict,
            "-"
            if row.operator is None
            else f"{row.operator.place} {row.operator.kind} ({_steps(row.operator.steps)})",
        ]
        for row in found.asked
    ]
    header = [
        "where",
        "kernels",
        "max diff",
        "LSB",
        "differing",
        "allowed",
        "verdict",
        "first operator that differs (LSB)",
    ]
    prose(
        f"{found.file}: SHA-256 {found.sha256[:16]}..., as its passport says; {found.pictures} golden pictures"
    )
    data(table(header, rows, left=2, spare=("allowed", "differing", "max diff", "LSB"), keep=("verdict",)))


def _steps(steps: float | None) -> str:
    return "not finite" if steps is None else f"{steps:g}"
