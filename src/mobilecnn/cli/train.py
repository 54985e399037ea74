"""``mobilecnn train``."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mobilecnn.cli import options, proposals, sections, suggestions
from mobilecnn.cli.output import document, json_option, note, progress, prose, talk, then
from mobilecnn.train.initializers import INITIALIZERS
from mobilecnn.train.learner import PRECISIONS
from mobilecnn.train.optimizers import OPTIMIZERS
from mobilecnn.train.schedules import SCHEDULES

if TYPE_CHECKING:
    from mobilecnn.steps import Progress
    from mobilecnn.train import fit
    from mobilecnn.train.plan import Epoch


def _table(name: str, rows: Mapping[str, Any], default: str, what: str, section: str) -> Callable[..., Any]:
    """An option whose choices, and their summaries in the help, are the rows of a table."""
    summaries = "; ".join(f"{row}: {about.summary}" for row, about in rows.items())
    return click.option(
        name, type=click.Choice(list(rows)), default=default, show_default=True, help=f"{what} ({summaries}).",
        cls=sections.SectionOption, section=section,
    )  # fmt: skip


_course = partial(click.option, cls=sections.SectionOption, section="Course")
_network = partial(click.option, cls=sections.SectionOption, section="Network")
_tuning = partial(click.option, cls=sections.SectionOption, section="Fine-tuning")
_logs = partial(click.option, cls=sections.SectionOption, section="Logs")
_hosts = partial(click.option, cls=sections.SectionOption, section="Several machines")


def _take_file(ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    """Options that the command line does not say come from the file."""
    if path is not None:
        from mobilecnn.train.options import read

        found = read(path)
        if isinstance(size := found.get("size"), tuple):
            found["size"] = f"{size[1]}x{size[0]}"  # As it is typed.
        others = {"data": "source"}
        ctx.default_map = {others.get(name, name): value for name, value in found.items()}
    return path


@sections.command()
@click.argument("architecture", required=False, type=suggestions.NETWORK)
@click.option(
    "--data",
    "source",
    required=True,
    metavar="DATA",
    type=options.SOURCE,
    help="Take labelled images from a manifest, a folder of class folders or of parts, ..., or from 'digits' "
    "(see `mobilecnn data`).",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=options.FILE,
    help="Write the model to this .keras file; an existing one is replaced.",
)
@click.option(
    "--options",
    "options_file",
    type=options.FILE,
    metavar="FILE.toml",
    is_eager=True,
    callback=_take_file,
    help="Take options from the table [train] of a TOML file; those that are typed go before.",
)
@click.option("--epochs", default=12, show_default=True, help="Pass over the images at most this many times.")
@click.option("--batch-size", default=32, show_default=True, help="Train on this many images in a step.")
@click.option(
    "--size",
    type=options.SIZE,
    metavar="SIDE|WIDTHxHEIGHT",
    help="Train with inputs of this size, in pixels.  [default: the network's; 64 for digits]",
)
@options.seed("everything random")
@click.option(
    "--validation",
    default=0.1,
    show_default=True,
    help="Hold back this share of each class to judge by where the data has no part 'val' of its own.",
)
@click.option("--class-weights", is_flag=True, help="Weigh the images so that every class counts alike.")
@options.augment("shift")
@click.option(
    "--label-smoothing", default=0.0, show_default=True, help="Spread this probability over all classes."
)
@click.option("--resume", is_flag=True, help="Continue an interrupted training; give the same options.")
@options.skip_bad
@_table("--optimizer", OPTIMIZERS, "adam", "Train by this method", "Course")
@_course(
    "--learning-rate",
    type=float,
    help="Train with this learning rate, at its highest.  [default: the optimizer's, see the manual]",
)
@_course(
    "--momentum", type=float, help="Give sgd or rmsprop this momentum.  [default: 0.9 for sgd, 0 for rmsprop]"
)
@_course("--epsilon", type=float, help="Give an optimizer other than sgd this epsilon.  [default: 1e-7]")
@_course(
    "--weight-decay",
    type=float,
    help="Let the kernels decay at this rate.  [default: 0.01 for adamw, else 0]",
)
@_table("--schedule", SCHEDULES, "cosine", "Let the learning rate take this course", "Course")
@_course(
    "--warm-up",
    type=float,
    metavar="SHARE",
    help="Let the learning rate rise over this share of the steps.  [default: 0.05 for cosine, else 0]",
)
@_course(
    "--step-epochs",
    type=int,
    help="Let the schedule 'step' wait this many epochs between two steps.  [default: 30]",
)
@_course(
    "--step-factor",
    type=float,
    help="Multiply the learning rate by this at each step of the schedule 'step'.  [default: 0.1]",
)
@_course(
    "--time-decay", type=float, help="Let the schedule 'inverse-time' fall by this factor, such as 0.001."
)
@_course(
    "--ema", default=0.0, show_default=True, help="Keep a moving average of the weights, with this decay."
)
@_course(
    "--patience",
    default=0,
    show_default=True,
    help="End after this many epochs without a better one; 0 means never.",
)
@_course(
    "--keep",
    type=click.Choice(["best", "last"]),
    default="best",
    show_default=True,
    help="Keep the weights of the best epoch, as the validation images judge, or of the last.",
)
@_course(
    "--precision",
    type=click.Choice(list(PRECISIONS)),
    default="float32",
    show_default=True,
    help="Compute in this type; weights stay float32.",
)
@_table("--initializer", INITIALIZERS, "default", "Begin with kernels of these values", "Network")
@_network(
    "--dropout",
    type=float,
    help="Drop this share of the values before the classifier.  [default: the network's]",
)
@_tuning(
    "--from",
    "base",
    type=options.FILE,
    metavar="MODEL",
    help="Fine-tune this Keras model, with a new classifier.",
)
@_tuning(
    "--weights", type=click.Choice(["imagenet"]), help="Begin with the published weights of ARCHITECTURE."
)
@_tuning(
    "--freeze",
    multiple=True,
    metavar="PATTERN",
    help="Leave layers of this name as they are; '*' stands for any characters. May be repeated.",
)
@_tuning(
    "--thaw",
    multiple=True,
    metavar="PATTERN",
    help="Train layers of this name although --freeze covers them. May be repeated.",
)
@_tuning(
    "--input-range",
    type=click.Choice(options.RANGES),
    help="State the input range of --from where nothing in the model tells it.",
)
@_tuning(
    "--override-input-range",
    is_flag=True,
    help="Take --input-range even where the model says another.",
)
@_tuning(
    "--custom-objects",
    type=options.FILE,
    metavar="FILE.py",
    help="Run this Python file, which defines the layers, functions and losses of your own that --from has.",
)
@_logs(
    "--tensorboard",
    type=options.FILE,
    metavar="FOLDER",
    help="Write an event file of TensorBoard into this folder.",
)
@_logs("--curves", type=options.FILE, metavar="FILE.png", help="Draw the learning curves into this picture.")
@_hosts(
    "--hosts",
    type=int,
    metavar="NUMBER",
    help="Train by JAX on all GPUs of this many machines, 1 for this one alone; the batch is divided among them.",
)
@_hosts(
    "--host-index",
    type=int,
    metavar="NUMBER",
    help="Take this place among the machines, from 0, which alone writes and listens at --coordinator.",
)
@_hosts("--coordinator", metavar="ADDRESS:PORT", help="Find the other machines at this address of number 0.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    architecture: str | None,
    source: str,
    output: Path,
    options_file: Path | None,
    size: int | tuple[int, int] | None,
    resume: bool,
    skip_bad: bool,
    tensorboard: Path | None,
    curves: Path | None,
    hosts: int | None,
    host_index: int | None,
    coordinator: str | None,
    as_json: bool,
    **members: Any,
) -> None:
    """Train a network on folders of images, or on the embedded digits.

    ARCHITECTURE is a name of the zoo (see `mobilecnn models`); --from takes a Keras model instead. The
    model knows its labels and its input, and its history goes beside it as CSV. Ctrl-C stops; --resume
    continues after the last complete epoch. A held-out fifth of the digits is never trained on.

    \b
    Example:
      mobilecnn train shufflenet_v1_x0.25_g3 --data digits -o digits.keras
      mobilecnn train mobilenet_v2_x0.35_96 --data flowers/ -o flowers.keras --augment flip-shift
      mobilecnn train --from lite0.keras --data flowers/ -o flowers.keras --freeze '*'
    """
    from mobilecnn.api.training import check_logs, planned, run_logged
    from mobilecnn.remarks import Remarks, plural
    from mobilecnn.steps import no_progress
    from mobilecnn.train import fit
    from mobilecnn.train.datasets import load, reader_of, validation
    from mobilecnn.train.hosts import joined, place_of

    place = place_of(hosts, host_index, coordinator)
    if "validation" in _said(ctx) and (own := validation(source)) is not None:
        from mobilecnn.errors import UsageError

        whole = load(source, "train").name
        remedy = "leave it out" if whole == source else f"leave it out, or give --data {whole}"
        named = f"{own.name} is" if own.name != source else f"images of {source} are"
        raise UsageError(f"--validation has no effect, for {named} validated on; {remedy}")
    remarks = Remarks(note)
    try:
        with joined(place) as team:
            plan, base = planned(architecture, source, size, **members)
            if team.first:
                check_logs(tensorboard, curves)
            reader = reader_of(source)
            reading: AbstractContextManager[Progress] = (
                nullcontext(no_progress) if reader and reader.immediate else progress("Reading images")
            )
            with reading as update:
                job = fit.prepare(plan, output, resume, update, skip_bad, remarks, base, team)
            talk(
                f"{job.title} at {job.contract.width}x{job.contract.height}: {plural(len(job.training), 'image')} of "
                f"{plural(len(job.classes), 'class', 'classes')} to train on, "
                f"{len(job.validation)} to judge by"
            )
            _announce(job)
            with progress("Training") if team.first else nullcontext(no_progress) as update:
                trained = run_logged(job, tensorboard, curves, update, lambda epoch: _say(epoch, plan.epochs))
    except KeyboardInterrupt:
        elsewhere = ("Interrupted: what is saved is on machine 0.",)
        for line in ("", *(elsewhere if place.index else _interrupted(ctx, output))):
            talk(line)
        raise

    kept, epochs = trained.kept, len(trained.history)
    if as_json:
        document(
            {
                "model": str(trained.path),
                "history": str(trained.history_path),
                "architecture": "" if job.name is None else str(job.name),
                "from": plan.base or plan.weights,
                "input": list(job.contract.shape),
                "classes": list(job.classes),
                "images": len(job.training),
                "validation_images": len(job.validation),
                "epochs": epochs,
                "kept_epoch": kept.epoch,
                "learning_rate": trained.learning_rate,
                "loss": kept.loss,
                "accuracy": kept.accuracy,
                "val_loss": kept.val_loss,
                "val_accuracy": kept.val_accuracy,
                "seconds": trained.seconds,
                "hosts": team.hosts,
                "host_index": team.index,
                "devices": max(1, team.devices),
                "remarks": [asdict(remark) for remark in remarks.rows],
            }
        )
    elif not team.first:
        prose(f"machine {team.index}: the training is complete; the model is on machine 0")
    else:
        prose(
            f"{trained.path}: validation accuracy {kept.val_accuracy:.2%} after {plural(kept.epoch, 'epoch')}"
            f"{f' of {epochs}' if kept.epoch < epochs else ''}, "
            f"{trained.seconds:.0f} s; history in {trained.history_path}"
        )
        then(*proposals.export_int8(trained.path, source, options.again(ctx, only=("skip_bad",))))


def _announce(job: "fit.Job") -> None:
    from mobilecnn.remarks import plural
    from mobilecnn.train import checkpoint

    if job.team.devices:
        talk(f"Machine {job.team.index} of {job.team.hosts}; {plural(job.team.devices, 'device')} together")
    if job.done:
        talk(f"Continuing after epoch {len(job.done)} of {job.plan.epochs}")
    elif not job.team.first:
        return
    elif (folder := checkpoint.folder(job.output)).exists():
        talk(f"Beginning anew: the saved epochs in {folder} will be deleted")
    if job.team.first and job.output.exists():
        talk(f"{job.output} is there already and will be replaced when the training is complete")


def _said(ctx: click.Context) -> set[str]:
    """The parameters that the command line or a file of options sets."""
    said = (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)
    return {name for name in ctx.params if ctx.get_parameter_source(name) in said}


def _say(epoch: "Epoch", epochs: int) -> None:
    left = timedelta(seconds=round(epoch.seconds * (epochs - epoch.epoch)))
    talk(
        f"epoch {epoch.epoch}/{epochs}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.1%}, "
        f"validation loss {epoch.val_loss:.4f}, accuracy {epoch.val_accuracy:.1%}, {epoch.seconds:.1f} s"
        f"{f', about {left} left' if left else ''}"
    )


def _interrupted(ctx: click.Context, output: Path) -> tuple[str, ...]:
    from mobilecnn.train import checkpoint

    if not (saved := checkpoint.saved_epochs(output)):
        return ("Interrupted before the first epoch was complete: nothing is saved.",)
    return f"Interrupted: epoch {saved} is saved. Continue with", f"  {_command_line(ctx)}"


def _command_line(ctx: click.Context) -> str:
    """What the user typed, with ``--resume``."""
    return proposals.line("train", *options.again(ctx, without=("resume",)), "--resume")
