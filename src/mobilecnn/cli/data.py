"""``mobilecnn data``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.output import data, document, hint, json_option, note, progress, prose, table, talk, then

if TYPE_CHECKING:
    from mobilecnn.train.datasets.inspection import Inspection, Pair
    from mobilecnn.train.datasets.manifest import Manifest

SHOWN = 10
"""Number of sizes, modes and pairs that are shown; all are in the JSON document, pairs up to a thousand."""


@sections.group()
@json_option
def command(as_json: bool) -> None:
    """Labelled images: what is in a data set, its division into parts, what augmentation makes of it.

    DATA is a folder of class folders or of parts, a CSV file of paths and labels, the folder of
    ISIC 2018 Task 3, a folder of IDX files, a manifest, or 'digits'.

    \b
    Example:
      mobilecnn data inspect flowers --sheet flowers.png
      mobilecnn data prepare flowers -o flowers.json
      mobilecnn train mobilenet_v2_x0.35_96 --data flowers.json -o flowers.keras
      mobilecnn evaluate flowers.keras --data flowers.json
    """


@command.command("inspect")
@click.argument("source", metavar="DATA", type=options.SOURCE)
@click.option(
    "--sheet", type=options.FILE, help="Draw a contact sheet with a row for each class into this PNG file."
)
@options.seed("the choice of images for the sheet")
@json_option
def inspect_(source: str, sheet: Path | None, seed: int, as_json: bool) -> None:
    """What is in a data set: classes, sizes, modes, what is there twice, what cannot be read.

    Images of the same content are found by SHA-256; near duplicates in two parts by their small
    grey pictures, which a changed size or another JPEG quality leaves alike.
    """
    from mobilecnn.remarks import Remarks
    from mobilecnn.replacing import check_picture
    from mobilecnn.train.datasets import inspection, sheets

    if sheet is not None:
        check_picture(sheet, "a sheet", "--sheet")
    remarks = Remarks(note)
    with progress("Reading images") as update:
        found = inspection.inspect(source, update, remarks)
    if sheet is not None:
        sheets.write(sheet, sheets.of_classes(source, seed))
    if as_json:
        document(
            {
                **asdict(found),
                "sheet": None if sheet is None else str(sheet),
                "remarks": [asdict(remark) for remark in remarks.rows],
            }
        )
        return
    _show(found)
    if sheet is not None:
        talk(f"Contact sheet: {sheet}")
    hint(*_proposal(source, found))


def _check_shares(source: str) -> None:
    """Refuse a share that is typed where the source has that part, and would be taken as it is."""
    from mobilecnn.errors import UsageError
    from mobilecnn.train import datasets

    ctx = click.get_current_context()
    typed = [
        name
        for name in ("validation", "test")
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    for name in typed:
        if name in datasets.parts(source):
            raise UsageError(
                f"--{name} has no effect, for {source} has a part {name!r} of its own, which stays as it is; leave it out"
            )


def _proposal(source: str, found: "Inspection") -> tuple[str, str]:
    """Divide the images; or train on them, where they are divided already."""
    from mobilecnn.train import datasets

    if {"validation", "test"} <= set(datasets.parts(source)) or source == datasets.DIGITS:
        return proposals.training(source)
    manifest = proposals.unused(Path(f"{Path(source).stem or 'data'}.json"))
    bad = ("--skip-bad",) if found.unreadable else ()
    return proposals.line(
        "data", "prepare", Path(source), "-o", manifest, *bad
    ), "parts that stay, to train and to test on"


def _show(found: "Inspection") -> None:
    from mobilecnn.remarks import plural

    data(_counts(found.counts))
    for part, count in found.groups.items():
        data(f"groups{f' in {part}' if part else ''}: {count:,}")
    for word, rows in (("sizes", found.sizes), ("formats", found.kinds)):
        shown = ", ".join(f"{name} ({count:,})" for name, count in list(rows.items())[:SHOWN])
        prose(f"{word}: {shown}{f', and {len(rows) - SHOWN:,} more' if len(rows) > SHOWN else ''}")
    data(f"bytes: {found.bytes:,}")
    for word, names in (
        ("cannot be read", found.unreadable),
        ("not as the manifest says", found.changed),
    ):
        if names:
            data(f"{word}: {plural(len(names), 'image')}")
            for name in names:
                data(f"  {name}")
    within = found.same_count
    data(f"same content: {plural(within, 'pair')}")
    _pairs("same content in two parts", found.across, len(found.across))
    _pairs("same content in two classes", found.two_classes, len(found.two_classes))
    if len(found.counts) > 1:
        data(f"near duplicates in two parts: {plural(found.near_count, 'pair')}")
        _pairs("", found.near, found.near_count)


def _pairs(word: str, pairs: "Sequence[Pair]", count: int) -> None:
    if not pairs:
        return
    if word:
        data(f"{word}: {count:,}")
    for pair in pairs[:SHOWN]:
        data(f"  {pair.first} ({pair.where[0]}), {pair.second} ({pair.where[1]})")
    if count > SHOWN:
        data(f"  and {count - SHOWN:,} more")


def _counts(counts: dict[str, dict[str, int]]) -> str:
    """The table of classes and parts."""
    parts = list(counts)
    classes = list(dict.fromkeys(name for rows in counts.values() for name in rows))
    several = len(parts) > 1
    header = ["class", *(part or "images" for part in parts), *(["together"] if several else [])]

    def row(word: str, cells: list[int]) -> list[str]:
        return [word, *(f"{cell:,}" for cell in (*cells, *([sum(cells)] if several else [])))]

    rows = [row(name or "(loose)", [counts[part].get(name, 0) for part in parts]) for name in classes]
    return table(header, [*rows, row("all", [sum(counts[part].values()) for part in parts])])


@command.command()
@click.argument("source", metavar="DATA", type=options.SOURCE)
@click.option(
    "-o",
    "--output",
    required=True,
    type=options.FILE,
    help="Write the manifest to this .json file; an existing one is never replaced.",
)
@click.option(
    "--validation",
    default=0.15,
    show_default=True,
    help="Validate on this share of each class where DATA has no such part.",
)
@click.option(
    "--test",
    default=0.15,
    show_default=True,
    help="Test on this share of each class where DATA has no such part.",
)
@options.seed("the division")
@options.skip_bad
@json_option
def prepare(
    source: str, output: Path, validation: float, test: float, seed: int, skip_bad: bool, as_json: bool
) -> None:
    """Divide a data set into parts, and write a manifest that says which images they have.

    Every class is divided in the same proportion. Images of one group, such as a lesion or a
    patient, and files of the same content come into one part. Every command takes the
    manifest as --data or --calibration, and refuses it when a file has changed.
    """
    from mobilecnn.remarks import Remarks
    from mobilecnn.train.datasets import preparation

    remarks = Remarks(note)
    _check_shares(source)
    request = preparation.Request(source, output, validation, test, seed, skip_bad)
    with progress("Preparing") as update:
        made = preparation.prepare(request, update, remarks)
    counts = _manifest_counts(made)
    if as_json:
        document(
            {
                "manifest": str(output),
                "counts": counts,
                "remarks": [asdict(remark) for remark in remarks.rows],
            }
        )
        return
    data(_counts(counts))
    talk(f"Manifest: {output}")
    then(*proposals.training(output))


@command.command()
@click.argument("source", metavar="DATA", type=options.SOURCE)
@click.option(
    "-o",
    "--output",
    required=True,
    type=options.FILE,
    help="Draw the sheet into this PNG file. An earlier sheet is replaced, and no other file.",
)
@options.augment("lesion")
@click.option(
    "--size",
    type=options.SIZE,
    metavar="SIDE|WIDTHxHEIGHT",
    default=128,
    show_default=True,
    help="Bring the images to this size, in pixels.",
)
@options.seed("the choice of images and for the changes")
@json_option
def preview(
    source: str, output: Path, augment: str, size: int | tuple[int, int], seed: int, as_json: bool
) -> None:
    """A sheet of what augmentation makes of the images to train on.

    A row for each of eight images: itself, and what it becomes in seven batches of these eight.
    """
    from mobilecnn.remarks import Remarks
    from mobilecnn.replacing import check_picture
    from mobilecnn.train.datasets import sheets
    from mobilecnn.train.previews import preview as made

    check_picture(output, "a sheet", "-o")
    remarks = Remarks(note)
    sheets.write(output, made(source, augment, size, seed, remarks))
    if as_json:
        document(
            {
                "sheet": str(output),
                "augment": augment,
                "remarks": [asdict(remark) for remark in remarks.rows],
            }
        )
        return
    talk(f"Sheet: {output}")
    then(*proposals.training(source, augment))


def _manifest_counts(made: "Manifest") -> dict[str, dict[str, int]]:
    from mobilecnn.train.datasets.dataset import PARTS

    counts: dict[str, dict[str, int]] = {}
    for part in PARTS:
        labels = [image.label for image in made.images if image.split == part]
        if labels:
            counts[part] = {name: labels.count(name) for name in made.classes}
    return counts
