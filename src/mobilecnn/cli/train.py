"""``mobilecnn train``."""

import shlex
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, note, progress, talk

if TYPE_CHECKING:
    from mobilecnn.steps import Progress
    from mobilecnn.train import fit
    from mobilecnn.train.plan import Epoch


@click.command()
@click.argument("architecture")
@click.option(
    "--data",
    "source",
    required=True,
    metavar="DATA",
    type=options.SOURCE,
    help="Labelled images: a manifest, a folder of class folders or of parts, ..., or 'digits' (see `mobilecnn data`).",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=options.FILE,
    help="The .keras file to write; an existing one is replaced.",
)
@click.option("--epochs", default=12, show_default=True, help="Passes over the images.")
@click.option("--batch-size", default=32, show_default=True, help="Images of one training step.")
@click.option(
    "--learning-rate",
    type=float,
    help="Highest learning rate, reached after a warm-up.  [default: 0.005; 0.0003 without batch normalization]",
)
@click.option(
    "--size",
    type=options.SIZE,
    metavar="SIDE|WIDTHxHEIGHT",
    help="Input size in pixels.  [default: the network's; 64 for digits]",
)
@options.seed("everything random")
@click.option(
    "--validation",
    default=0.1,
    show_default=True,
    help="Share of each class that is held back to judge by, where the data has no val of its own.",
)
@click.option("--class-weights", is_flag=True, help="Weigh the images so that every class counts alike.")
@options.augment("shift")
@click.option(
    "--label-smoothing", default=0.0, show_default=True, help="Probability that is spread over all classes."
)
@click.option("--resume", is_flag=True, help="Continue an interrupted training; give the same options.")
@options.skip_bad
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    architecture: str,
    source: str,
    output: Path,
    size: int | tuple[int, int] | None,
    resume: bool,
    skip_bad: bool,
    as_json: bool,
    **members: Any,
) -> None:
    """Train a network on folders of images, or on the embedded digits.

    ARCHITECTURE is a name of the zoo (see `mobilecnn models`). The model knows its labels
    and its input, and its history goes beside it as CSV. Ctrl-C stops; --resume continues
    after the last complete epoch. A held-out fifth of the digits is never trained on.

    \b
    Example:
      mobilecnn train shufflenet_v1_x0.25_g3 --data digits -o digits.keras
      mobilecnn train mobilenet_v2_x0.35_96 --data flowers/ -o flowers.keras --augment flip-shift
    """
    from mobilecnn.api.making import training_plan
    from mobilecnn.remarks import Remarks, plural
    from mobilecnn.steps import no_progress
    from mobilecnn.train import fit
    from mobilecnn.train.datasets import load, reader_of, validation

    if "validation" in options.given(ctx) and (own := validation(source)) is not None:
        whole = load(source, "train").name
        remedy = "leave it out" if whole == source else f"leave it out, or give --data {whole}"
        named = f"{own.name} is" if own.name != source else f"images of {source} are"
        options.refuse(ctx, {"validation"}, f"has no effect, for {named} validated on; {remedy}")
    remarks = Remarks(note)
    plan = training_plan(architecture, source, size, **members)
    try:
        reader = reader_of(source)
        reading: AbstractContextManager[Progress] = (
            nullcontext(no_progress) if reader and reader.immediate else progress("Reading images")
        )
        with reading as update:
            job = fit.prepare(plan, output, resume, update, skip_bad, remarks)
        talk(
            f"{job.name} at {job.contract.width}x{job.contract.height}: {plural(len(job.training), 'image')} of "
            f"{plural(len(job.classes), 'class', 'classes')} to train on, "
            f"{len(job.validation)} to judge by"
        )
        _announce(job)
        with progress("Training") as update:
            trained = fit.run(job, update, lambda epoch: _say(epoch, plan.epochs))
    except KeyboardInterrupt:
        for line in ("", *_interrupted(ctx, output)):
            talk(line)
        raise

    last = trained.history[-1]
    if as_json:
        document(
            {
                "model": str(trained.path),
                "history": str(trained.history_path),
                "architecture": str(job.name),
                "input": list(job.contract.shape),
                "classes": list(job.classes),
                "images": len(job.training),
                "validation_images": len(job.validation),
                "epochs": last.epoch,
                "learning_rate": trained.learning_rate,
                "loss": last.loss,
                "accuracy": last.accuracy,
                "val_loss": last.val_loss,
                "val_accuracy": last.val_accuracy,
                "seconds": trained.seconds,
                "remarks": [asdict(remark) for remark in remarks.rows],
            }
        )
    else:
        data(
            f"{trained.path}: validation accuracy {last.val_accuracy:.2%} after {plural(last.epoch, 'epoch')}, "
            f"{trained.seconds:.0f} s; history in {trained.history_path}"
        )


def _announce(job: "fit.Job") -> None:
    from mobilecnn.train import checkpoint

    if job.done:
        talk(f"Continuing after epoch {len(job.done)} of {job.plan.epochs}")
    elif (folder := checkpoint.folder(job.output)).exists():
        talk(f"Beginning anew: the saved epochs in {folder} will be deleted")
    if job.output.exists():
        talk(f"{job.output} is there already and will be replaced when the training is complete")


def _say(epoch: "Epoch", epochs: int) -> None:
    talk(
        f"epoch {epoch.epoch}/{epochs}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.1%}, "
        f"validation loss {epoch.val_loss:.4f}, accuracy {epoch.val_accuracy:.1%}, {epoch.seconds:.1f} s"
    )


def _interrupted(ctx: click.Context, output: Path) -> tuple[str, ...]:
    from mobilecnn.train import checkpoint

    if not (saved := checkpoint.saved_epochs(output)):
        return ("Interrupted before the first epoch was complete: nothing is saved.",)
    return f"Interrupted: epoch {saved} is saved. Continue with", f"  {_command_line(ctx)}"


def _command_line(ctx: click.Context) -> str:
    """What the user typed, with ``--resume``."""
    words = []
    for name, option in options.given(ctx).items():
        if name == "resume":
            continue
        if option.startswith("-"):
            words.append(option)
        if not isinstance(ctx.params[name], bool):
            words.append(str(ctx.params[name]))
    return f"{ctx.command_path} {shlex.join(words)} --resume"
