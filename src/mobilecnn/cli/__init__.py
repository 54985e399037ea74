"""The command line: one module a command, imported only when the command is run.

Nothing here imports numpy, Keras or TensorFlow, so ``mobilecnn --help`` is immediate.
Standard output is data, standard error is talk, and ``--json`` prints exactly one
document. Exit codes: 0 done, 1 the check failed, 2 wrong usage or input, 3 device or
environment; 128 and the signal's number when it was ended: 130 by Ctrl-C, 143 by SIGTERM, 129 by
SIGHUP, 141 because the reader of a pipe has gone.
"""

import contextlib
import errno
import json
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from mobilecnn import interruption
from mobilecnn.cli import terminal
from mobilecnn.errors import EnvironmentProblem, InputError, MobileCnnError
from mobilecnn.shortage import shortage
from mobilecnn.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
JSON_FLAG = "mobilecnn.json"
"""Key in ``ctx.meta`` that is set when the command is given ``--json``."""
JSON_DONE = "mobilecnn.json.done"
"""Key in ``ctx.meta`` that is set when the one document is printed."""

COMMANDS = {
    "models": "List the zoo, or show one network layer by layer.",
    "tables": "The papers' published tables, each figure beside that of the zoo's network.",
    "data": "Labelled images: what is in a data set, its division into parts, what augmentation makes of it.",
    "train": "Train a network on folders of images, or on the embedded digits.",
    "experiment": "Train the networks of a recipe, and show the figures that were published beside ours.",
    "pretrained": "Write a network with published weights as a .keras file.",
    "compress": "Make a trained Keras model small: factorize, prune, share weights, and code what is left.",
    "export": "Turn a Keras model into float32, float16, int8 and dynamic-range TFLite files.",
    "check-calibration": "Whether images are the right ones to calibrate a Keras model on.",
    "evaluate": "Accuracy of one or several model files on labelled images.",
    "quantize-report": "What each operator of a quantized .tflite file adds to its error.",
    "compare-accuracy": "What two model files answer differently on the same labelled images.",
    "predict": "The five best classes of one image, or of each image of a data set.",
    "isic": "The ISIC challenge of 2018: a submission, and the challenge's own score of it.",
    "inspect": "What is in a .tflite file: operators, inputs, outputs, runtime needed.",
    "verify": "Whether a .tflite file gives its golden answers by all kernels, here and on devices.",
    "devices": "The boards and phones to time on: list, add, remove, probe, set up, diagnose.",
    "bench": "Time .tflite files on a device.",
    "sustained": "Run .tflite files without a pause: do they become slower as the device gets hot?",
    "single-stream": "Time queries one after another, MLPerf-style, to the 90th percentile.",
    "compare": "What became faster or slower between two measurements, or two .tflite files.",
    "report": "One HTML page from measurements and accuracies.",
    "profile": "Where the time of a .tflite file goes, operator by operator.",
    "tune": "What the forms of an operator cost on a device, for export to choose by.",
    "search": "The networks of a family that meet a latency budget on a device.",
    "speedup": "The ShuffleNet papers' measurements, made anew on a device.",
    "android": "Put .tflite files into the Android sample app.",
    "demo": "Train, export, check, time and report, on embedded data.",
    "doctor": "What is here and what is missing for each thing that mobilecnn can do, with the command that mends it.",
    "completion": "A script with which a shell completes commands, options, networks, tables, formats, targets and devices.",
}
"""Name of a command -> its short help, which ``--help`` shows without importing the command."""

STAGES = {
    "Choose and train": ("models", "tables", "data", "train", "experiment", "pretrained"),
    "Make .tflite files": ("compress", "check-calibration", "export", "inspect"),
    "Check the answers": (
        "evaluate", "compare-accuracy", "quantize-report", "verify", "predict", "isic",
    ),
    "Measure the speed": (
        "devices", "bench", "sustained", "single-stream", "compare", "profile", "tune", "search",
        "speedup",
    ),
    "Show and ship": ("report", "android", "demo"),
    "This machine": ("doctor", "completion"),
}  # fmt: skip
"""Stage of the work -> its commands, as ``--help`` groups them; each command is in one."""


def load(name: str) -> click.Command:
    """The command of that name, a key of :data:`COMMANDS`, from the module that has it."""
    command = import_module(f"mobilecnn.cli.{name.replace('-', '_')}").command
    assert isinstance(command, click.Command)
    return command


class Failure(click.ClickException):
    """An error of mobilecnn as click shows it: one line on stderr, and one document under ``--json``."""

    def __init__(self, error: MobileCnnError, as_json: bool) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]
        self.kind = type(error).__name__
        self.as_json = as_json

    def show(self, file: Any = None) -> None:
        """Print the message, and under ``--json`` the document."""
        # Where one cannot be printed, the exit code still says it.
        with contextlib.suppress(Exit, EnvironmentProblem):
            from mobilecnn.cli import looks

            terminal.write(looks.prose(f"Error: {self.message}", err=True, whole=True), err=True)
        if self.as_json:
            problem = {"kind": self.kind, "message": self.message, "exit_code": self.exit_code}
            with contextlib.suppress(Exit, EnvironmentProblem):
                terminal.write(json.dumps({"error": problem}))


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the help."""
        return [name for names in STAGES.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        return load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by stage, from :data:`COMMANDS` alone."""
        for stage, names in STAGES.items():
            with formatter.section(stage):
                formatter.write_dl([(name, COMMANDS[name]) for name in names])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """The commands that begin so, from :data:`COMMANDS` alone, or the options."""
        from click.shell_completion import CompletionItem

        named = [
            CompletionItem(name, help=COMMANDS[name])
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the options before the command."""
        with _ending({}):
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _ending(ctx.meta):
            return super().invoke(ctx)


@contextlib.contextmanager
def _ending(meta: dict[str, Any]) -> Iterator[None]:
    """The one place where what ends a command becomes what click shows, and an exit code.

    Args:
        meta: what the command has noted in its context.
    """
    try:
        try:
            yield
        except (KeyboardInterrupt, Exit):
            raise
        except Exception as error:
            # What fails because it was interrupted, such as an import, does not fail for its own reasons.
            if (kind := interruption.came()) is not None:
                raise kind(*([str(error)] if isinstance(error, MobileCnnError) else [])) from error
            raise
    except MobileCnnError as error:
        raise _failure(error, meta) from error
    except KeyboardInterrupt as interrupt:
        raise Exit(_interrupted(interrupt)) from interrupt
    except click.ClickException as error:
        error.message = terminal.clean(error.message)  # type: ignore[misc]  # What was typed may be a file's name.
        raise
    except BrokenPipeError as error:
        terminal.unwritten(error)
        raise Exit(terminal.CLOSED_PIPE) from error
    except Exception as error:
        if (problem := _problem(error)) is None:
            raise
        raise _failure(problem, meta) from error


def _problem(error: Exception) -> MobileCnnError | None:
    """What is said of an exception that is none of mobilecnn's; None where it is a fault of the program."""
    if isinstance(error, OSError):
        if (unwritten := terminal.unwritten(error)) is not None:
            return unwritten
        if (short := shortage(error)) is not None:
            return short
        where = f" ({error.filename})" if error.filename is not None else ""
        # A name that cannot be one is what the user gave.
        given = error.errno in (errno.ENAMETOOLONG, errno.ELOOP)
        words = f"the system does not allow it: {error.strerror or error}{where}"
        return InputError(words) if given else EnvironmentProblem(words)
    if isinstance(error, UnicodeEncodeError):
        end = error.object[max(0, error.start - 40) : error.end]
        return InputError(f"what ends in {end} is not UTF-8, and cannot be written; give it another name")
    return shortage(error)


def _failure(error: MobileCnnError, meta: dict[str, Any]) -> Failure:
    # A check that fails has printed its findings, which are the one document.
    return Failure(error, as_json=bool(meta.get(JSON_FLAG) and not meta.get(JSON_DONE)))


def _interrupted(interrupt: KeyboardInterrupt) -> int:
    """Say that the command was interrupted; the exit code."""
    kind = type(interrupt)
    signal = interruption.name(kind)
    said = f"Interrupted by {signal}" if signal else "Interrupted"
    with contextlib.suppress(Exit, EnvironmentProblem):
        terminal.write(f"{said}: {interrupt}" if str(interrupt) else f"{said}.", err=True)
    return interruption.exit_code(kind)


@click.group(cls=LazyGroup, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="mobilecnn")
def cli() -> None:
    """Take a Keras image classifier to an ARM phone or board and prove what arrived.

    \b
    mobilecnn train shufflenet_v1_x0.25_g3 --data digits -o digits.keras
    mobilecnn export digits.keras --all --calibration digits -o out
    mobilecnn evaluate out/*.tflite --data digits
    mobilecnn bench out/*.tflite
    """
