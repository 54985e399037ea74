"""``mobilecnn export``."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from mobilecnn.cli import options, proposals, sections, suggestions
from mobilecnn.cli.output import document, json_option, note, progress, talk, then
from mobilecnn.quantize import formats as known


def _formats(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` an option for each format; it takes the chosen names as ``formats``."""
    for row in reversed(known.FORMATS):
        option = click.option(f"--{row.name}", "formats", flag_value=row.name, multiple=True, help=_made(row))
        command = option(command)
    return command


def _made(row: known.Format) -> str:
    """The help of a format's option, in a sentence."""
    article = "an" if row.name.startswith("int") else "a"
    return f"Make {article} {row.name} file: {row.summary[0].lower()}{row.summary[1:]}"


class Command(sections.SectionedCommand):
    """``export``, in which ``auto`` behind ``--int8`` is its value: the option has none else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line."""
        words = iter(args)
        joined = []
        for word in words:
            following = next(words, None) if word == "--int8" else None
            if word == "--int8=auto" or following == "auto":
                joined.append(LADDER)
            else:
                joined += [word] if following is None else [word, following]
        return super().parse_args(ctx, joined)


class LadderOption(click.Option):
    """The option that ``--int8 auto`` stands for, as help shows it."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """What help shows."""
        return "--int8 auto", self.help or ""


LADDER = "--int8-auto"
"""What ``--int8 auto`` is read as."""


@sections.command(cls=Command)
@click.argument("model", type=suggestions.MODEL)
@_formats
@click.option(
    LADDER,
    "formats",
    cls=LadderOption,
    flag_value="auto",
    multiple=True,
    help="Make the first of ever more careful files, from int8 to float16, that keeps the right answers for --data.",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Make the first four of these formats, and others that are named.",
)
@click.option(
    "--calibration",
    metavar="DATA",
    type=options.SOURCE,
    help="Calibrate on the images of a manifest (those to train on), a folder, ..., 'digits', or on 'random' "
    "ones (for latency only).",
)
@click.option(
    "--data",
    "source",
    metavar="DATA",
    help="Ask the Keras model and each file for the labelled images of a manifest (those to test on), a "
    "folder of class folders, ..., or 'digits' (its held-out part).",
)
@click.option(
    "--samples",
    default=100,
    show_default=True,
    help="Calibrate on this many images, the classes taking turns.",
)
@click.option(
    "--min-agreement",
    type=float,
    default=90.0,
    show_default=True,
    metavar="PERCENT",
    help="Exit with 1 where a file surely agrees with the model on fewer of the images held out from the calibration.",
)
@click.option(
    "--min-sqnr",
    type=float,
    default=10.0,
    show_default=True,
    metavar="DB",
    help="Exit with 1 where a file's signal-to-quantization-noise ratio on the images held out from the "
    "calibration is surely smaller.",
)
@options.seed("the choice of images, and for the random weights of a zoo name")
@click.option(
    "--io",
    type=click.Choice(known.io_types()),
    help="Let quantized files take and give this type where their format has a choice.  [default: "
    f"{known.io_types()[0]}, or what --recipe says]",
)
@click.option(
    "--classes",
    type=click.IntRange(min=1),
    help="Build a zoo name with this many classes.  [default: the network's, most often 1000]",
)
@click.option(
    "--size",
    type=options.SIZE,
    metavar="SIDE|WIDTHxHEIGHT",
    help="Give a zoo name, or a model of free size, inputs of this size, in pixels.",
)
@options.input_range
@options.override_input_range
@options.output_kind
@options.labels
@click.option(
    "--lowering",
    metavar="auto|none|LIST",
    default="auto",
    show_default=True,
    help="Rewrite the graph into the same computation in a faster form by all rewrites, none, or those named, "
    "with commas between.",
)
@click.option(
    "--target",
    type=suggestions.TARGET,
    metavar="NAME|FILE",
    default="any",
    show_default=True,
    help="Let rewrites that choose by cost choose for this place: any, x86, x86-amx, pi3, pi4, pi5, rk3399, sd810, "
    "sd820, tflite-runtime, or a .json file of `mobilecnn tune`.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Say what the rewrites made of each part of the graph, and what they left.",
)
@click.option(
    "--correct",
    metavar="auto|none|LIST",
    default="auto",
    show_default=True,
    help="Correct quantized files by the calibration images: by all corrections that do good, none, or those "
    "named among equalization, clipping, bias_correction.",
)
@click.option(
    "--keep-float",
    metavar="PATTERN",
    multiple=True,
    help="Leave operators of such names in float32 (* for any characters); may be repeated.",
)
@click.option(
    "--recipe",
    type=options.FILE,
    metavar="FILE",
    help="Make the format that this file of rules names, as --show-recipe writes them.",
)
@click.option(
    "--target-runtime",
    metavar="PACKAGE==RELEASE|DEVICE",
    help="Make files for this runtime, such as tflite-runtime==2.14, or for that of a device, which is asked: what it lacks is "
    "mended, or refused.",
)
@click.option(
    "--max-drop",
    type=float,
    metavar="POINTS",
    help="Let the file of --int8 auto lose at most so many percentage points of the right answers.  [default: 0.5]",
)
@click.option(
    "--device",
    type=suggestions.DEVICE,
    metavar="NAME",
    help="Time the files of --int8 auto there: local, a name of `mobilecnn devices`, or an emulated chip.  [default: local]",
)
@click.option(
    "--show-recipe", is_flag=True, help="Print the rules of the one format that is chosen, and make nothing."
)
@options.allow_code
@options.skip_bad
@options.custom_objects
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    default=Path(),
    help="Write the files into this folder.  [default: here]",
)
@json_option
def command(
    model: str,
    formats: tuple[str, ...],
    everything: bool,
    calibration: str | None,
    source: str | None,
    samples: int,
    min_agreement: float,
    min_sqnr: float,
    seed: int,
    io: str | None,
    classes: int | None,
    size: int | tuple[int, int] | None,
    input_range: str | None,
    override_input_range: bool,
    output_kind: str | None,
    labels: Path | None,
    lowering: str,
    target: str,
    explain: bool,
    correct: str,
    keep_float: tuple[str, ...],
    recipe: Path | None,
    target_runtime: str | None,
    max_drop: float | None,
    device: str | None,
    show_recipe: bool,
    allow_code: bool,
    skip_bad: bool,
    custom_objects: Path | None,
    output: Path,
    as_json: bool,
) -> None:
    """Turn a Keras model into float32, float16, int8 and dynamic-range TFLite files.

    MODEL is a .keras or .h5 file, a SavedModel folder, or a zoo name (random weights: for
    latency). Each file is judged by the Keras model on a third of the images of --calibration,
    which calibrate nothing, and gets a passport (JSON) beside it. Exits with 1 if a float32
    file does not give the model's answers, if a file surely falls below --min-agreement or
    --min-sqnr, or if the images of --data show that the model is fed wrongly or that a file
    has lost.

    \b
    Example:
      mobilecnn export digits.keras --all --calibration digits -o out
      mobilecnn export digits.keras --int8 auto --max-drop 1 --calibration digits --data digits -o out
      mobilecnn export mobilenet_v2_x1.0_224 --int8 --calibration random -o out
    """
    from mobilecnn.bench.pages.ladder import html
    from mobilecnn.cli import export_tables
    from mobilecnn.convert.conversion import Source
    from mobilecnn.convert.output_kinds import UNKNOWN
    from mobilecnn.errors import UsageError
    from mobilecnn.export import export
    from mobilecnn.exported import doubts, refuse_different
    from mobilecnn.files import write_text
    from mobilecnn.folders import withdrawn
    from mobilecnn.labels import read as labels_of
    from mobilecnn.ladder import AUTO, NonePassed
    from mobilecnn.ladder import asked as asked_climb
    from mobilecnn.quantize.calibration.images import Calibration
    from mobilecnn.quantize.recipes import Recipe, shown
    from mobilecnn.quantize.verdict import Floors
    from mobilecnn.remarks import Remarks
    from mobilecnn.replacing import check_page

    formats = known.expanded([*([known.ALL] if everything else []), *formats])
    rules = None if recipe is None else Recipe.read(recipe)
    if show_recipe:
        if AUTO in formats:
            raise UsageError(
                "--show-recipe shows the recipe of one format, and --int8 auto tries several; the passport of the file that it makes has "
                "the rules of that"
            )
        document(shown(formats, io, keep_float, rules).to_json())
        return
    ctx = click.get_current_context()
    if calibration is None:
        options.refuse(
            ctx, {"samples"}, "is for the images of --calibration; give that, too, or leave it out"
        )
        if source is None:
            options.refuse(
                ctx, {"skip_bad"}, "is for images; give --calibration or --data, too, or leave it out"
            )
    if set(formats) == {"float32"} and rules is None:
        options.refuse(
            ctx,
            {"min_agreement", "min_sqnr"},
            "has no effect on float32, which must give the model's own answers; leave it out, or give a quantized format",
        )
    asked = Source(
        text=model,
        classes=classes,
        size=size,
        input_range=input_range,
        override=override_input_range,
        output_kind=output_kind,
        labels=None if labels is None else labels_of(labels),
        unsafe=allow_code,
        custom_objects=custom_objects,
        seed=seed,
    )
    given = None if calibration is None else Calibration(calibration, samples, seed, skip_bad)
    page = output / f"{asked.stem}.ladder.html"
    remarks = Remarks(note)
    try:
        with withdrawn(output), progress("Exporting") as update:
            if AUTO in formats:
                check_page(page)
            exported = export(
                asked,
                formats,
                output,
                given,
                io,
                update,
                source,
                remarks,
                skip_bad,
                lowering,
                target,
                Floors(min_agreement, min_sqnr),
                correct,
                keep_float,
                rules,
                target_runtime,
                asked_climb(max_drop, device),
            )
    except NonePassed as none:
        # What each step costs is wanted most where none passes.
        write_text(page, html(none.ladder, model))
        if not as_json:
            export_tables.climbed(none.ladder)
        talk(f"Page: {page}")
        raise

    ladder = exported[0].passport.ladder
    if ladder is not None:
        write_text(page, html(ladder, model))
    if as_json:
        files = [
            {
                "path": str(file.path),
                "passport": file.passport.to_json(),
                **({"explanation": asdict(file.explanation)} if explain else {}),
            }
            for file in exported
        ]
        document({"files": files, "remarks": [asdict(remark) for remark in remarks.rows]})
    else:
        if ladder is not None:
            export_tables.climbed(ladder)
        export_tables.show(exported)
        if explain:
            export_tables.explain(exported)
    for warning in export_tables.warnings_of(exported):
        talk(f"Warning: {warning}")
    if ladder is not None:
        talk(f"Page: {page}")
    for change in exported[0].passport.lowering.get("loading", ()):
        talk(f"Note: {model}: {change}")
    first = exported[0]
    if first.parity.images > 1 and first.parity.distinct == 1 and not first.passport.latency_only:
        talk(
            f"Warning: {first.passport.parity.reference} gives one and the same answer for all these images, so agreement on them says "
            "little"
        )
    if own := first.passport.contract.overrides:
        talk(
            f"Warning: the model's own input range is {own}, and it is set aside for --input-range {input_range}"
        )
    if first.passport.kind == UNKNOWN and output_kind is None:
        talk(options.unknown_kind(model))
    for doubt in doubts(exported):
        talk(f"Warning: {doubt}")
    refuse_different(exported)
    if not as_json:
        then(*proposals.timing(file.path for file in exported))
