"""Options that several commands take, defined once."""

from collections.abc import Callable, Collection, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mobilecnn.bench.records.protocol import CORES, DEFAULT, DELEGATES, OnPhone, Protocol
from mobilecnn.cli import parameters, suggestions
from mobilecnn.cli.output import FOLDER
from mobilecnn.cli.sections import SectionOption
from mobilecnn.convert.output_kinds import CHOICES
from mobilecnn.quantize.asking import Asking
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.seeds import check_seed

# Here as well, so that --help needs no numpy; a test holds it equal to the table in mobilecnn.contract.
RANGES = ("raw", "unit", "tf", "torch", "caffe", "lite")

FILE, READ_ONLY = parameters.FILE, parameters.READ_ONLY
SOURCE, ANY_SOURCE = parameters.SOURCE, parameters.ANY_SOURCE
SIZE = parameters.SIZE

Command = Callable[..., None]


input_range = click.option(
    "--input-range",
    type=click.Choice(RANGES),
    help="State the range of the model's input: raw 0..255, unit 0..1, tf -1..1, torch (ImageNet mean and "
    "deviation), caffe (BGR minus mean), lite ((x - 127) / 128).  [default: what the model or its "
    "passport says]",
)
override_input_range = click.option(
    "--override-input-range",
    is_flag=True,
    help="Take --input-range even where the model or its passport says another; a passport then says so.",
)
output_kind = click.option(
    "--output-kind",
    type=click.Choice(CHOICES),
    help="State what the scores are where the model's last layer leaves a choice: logit-binary for one linear "
    "output, sigmoid-exclusive for sigmoids of classes that exclude one another, and so on.  [default: "
    "what the model or its passport shows]",
)
labels = click.option(
    "--labels",
    type=FILE,
    help="Take class names from this text file, one a line, in output order; a single output has two, that of "
    "a low score first.",
)
allow_code = click.option(
    "--allow-code",
    is_flag=True,
    help="Let Python code inside Keras files run (Lambda layers). Give this only for files that you trust.",
)

custom_objects = click.option(
    "--custom-objects",
    type=FILE,
    metavar="FILE.py",
    help="Run this Python file, which defines the layers, functions and losses of your own that the model has.",
)


def _only_device(ctx: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> str:
    """The one name; click itself would silently take the last."""
    if len(names) > 1:
        from mobilecnn.errors import UsageError

        raise UsageError(f"{ctx.info_name} takes one --device, and {len(names)} are named")
    return names[0]


_TIME_ON = "Time on this device: local, a name of `mobilecnn devices`, or an SSH host"
_EMULATED = "; or an emulated chip, such as emulated-pi4, on which time is modelled"


def _device(text: str) -> Callable[[Command], Command]:
    return click.option(
        "--device", "device_name", type=suggestions.DEVICE, multiple=True, default=("local",), show_default=True,
        callback=_only_device, help=text,
    )  # fmt: skip


device = _device(f"{_TIME_ON}{_EMULATED}.")
timing_device = _device(f"{_TIME_ON}.")
devices = click.option(
    "--device",
    "device_names",
    type=suggestions.DEVICE,
    multiple=True,
    default=("local",),
    show_default=True,
    help=f"{_TIME_ON}{_EMULATED}. May be repeated: the devices are timed side by side.",
)
counts_only = click.option(
    "--counts-only",
    is_flag=True,
    help="Count instructions on an emulated chip and model no time, which is faster and needs no LLVM.",
)
# Spelled out here as well, so that --help needs no numpy; a test holds it equal to the table in
# mobilecnn.train.augmentation.
AUGMENTATIONS = {
    "none": "the pictures as they are",
    "shift": "moved by up to a sixteenth of the side",
    "flip-shift": "half of them mirrored too",
    "lesion": "turned by up to 30 degrees, moved and zoomed by up to 0.3, half of them mirrored",
    "contrast": "as flip-shift, the contrast of a third stretched, and of a third equalized",
    "modern": "mirrored, RandAugment, random erasing; batches by mixup or CutMix",
}


def seed(what: str, default: int = 0) -> Callable[[Command], Command]:
    """``--seed`` of ``what``: an integer that is refused before the work if it is no seed."""
    return click.option(
        "--seed",
        callback=lambda _ctx, _parameter, value: check_seed(value),
        default=default,
        show_default=True,
        help=f"Use this seed for {what}.",
    )


def augment(default: str) -> Callable[[Command], Command]:
    """The option for the random changes of training images."""
    return click.option(
        "--augment",
        type=click.Choice(list(AUGMENTATIONS)),
        default=default,
        show_default=True,
        help="Change the images to train on at random by this recipe ("
        + "; ".join(f"{name}: {summary}" for name, summary in AUGMENTATIONS.items())
        + ").",
    )


skip_bad = click.option(
    "--skip-bad",
    is_flag=True,
    help="Leave out images that cannot be read, and list them, instead of refusing them all.",
)
split = click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    help="Take this part of data that is divided.  [default: test]",
)
runtime = click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default="litert",
    show_default=True,
    help="Run the .tflite files on this runtime.",
)
allow_wrong_answers = click.option(
    "--allow-wrong-answers",
    is_flag=True,
    help="Time a file even if its answers on the device differ from those of its passport; the table says so.",
)


def part_rounds(part: str) -> Callable[[Command], Command]:
    """The options for timing parts of a network by themselves; ``part`` is what one process times."""
    threads = click.option(
        "--threads", default=1, show_default=True, help="Give the runtime this many threads."
    )
    rounds = click.option(
        "--rounds", default=3, show_default=True, help=f"Time each {part} in this many processes."
    )
    seconds = click.option(
        "--seconds",
        default=0.2,
        show_default=True,
        help="Time each process for this many seconds, and at least 50 inferences.",
    )
    return lambda command: threads(rounds(seconds(seed("the order and the inputs")(command))))


def record_output(stem: str, what: str) -> Callable[[Command], Command]:
    """The option for the file of a record.

    Args:
        stem: first part of the file's name where the user chooses none.
        what: the option's help, in whole sentences.
    """
    return click.option(
        "-o", "--output", type=FILE, help=f"{what}  [default: {FOLDER}/{stem}-DATE-TIME.json]"
    )


_rounds = partial(click.option, cls=SectionOption, section="How long")
_phone = partial(click.option, cls=SectionOption, section="Phones")

delegate = click.option(
    "--delegate",
    type=click.Choice(DELEGATES),
    default=DEFAULT,
    show_default=True,
    help="Run the operators by the runtime's choice, by XNNPACK or with an error, by none (its built-in "
    "kernels), or on a phone's GPU. What was used is recorded.",
)
cores = click.option(
    "--cores",
    metavar=f"{'|'.join(CORES)}|MASK",
    help="Bind the processes to these cores; a mask is hexadecimal, bit i is core i.  [default: big on a "
    "phone, else any]",
)

_PROTOCOL: dict[str, Callable[[Command], Command]] = {
    "runtime": runtime,
    "threads": click.option(
        "--threads",
        default=Protocol.threads,
        show_default=True,
        help="Give the interpreter this many threads.",
    ),
    "rounds": _rounds(
        "--rounds",
        default=Protocol.rounds,
        show_default=True,
        help="Time each file in this many fresh processes.",
    ),
    "warmup_runs": _rounds(
        "--warmup-runs",
        default=Protocol.warmup_runs,
        show_default=True,
        help="Run at least this many untimed inferences in a process, before the timed ones.",
    ),
    "warmup_seconds": _rounds(
        "--warmup-seconds",
        default=Protocol.warmup_seconds,
        show_default=True,
        metavar="SECONDS",
        help="Run untimed inferences for at least this long.",
    ),
    "runs": _rounds(
        "--runs",
        default=Protocol.runs,
        show_default=True,
        help="Time at least this many inferences in a process.",
    ),
    "seconds": _rounds(
        "--seconds",
        default=Protocol.seconds,
        show_default=True,
        metavar="SECONDS",
        help="Time inferences for at least this long.",
    ),
    "seed": seed("the order of the files and for the input data", Protocol.seed),
    "cool_down": click.option(
        "--cool-down",
        default=Protocol.cool_down,
        show_default=True,
        metavar="SECONDS",
        help="Wait at most this long before each process, until the device is about as cool as at the start.",
    ),
    "delegate": delegate,
    "cores": cores,
}
"""Member of a :class:`Protocol` -> its option."""

PROTOCOL = tuple(_PROTOCOL)
"""Parameters that :func:`protocol` gives a command."""

PHONE = ("benchmark_model",)
"""Parameters that :func:`phone` gives a command."""


def _collected(
    options: Mapping[str, Callable[[Command], Command]],
    name: str = "protocol",
    kind: Callable[..., Any] = Protocol,
) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        @wraps(command)
        def collect(**values: Any) -> None:
            members = {option: values.pop(option) for option in options}
            command(**{name: kind(**members)}, **values)

        decorated: Command = collect
        for option in reversed(tuple(options.values())):
            decorated = option(decorated)
        return decorated

    return decorate


protocol = _collected(_PROTOCOL)
"""Decorator: gives a command an option for each member of a :class:`Protocol`, taken as ``protocol``."""

long_process = _collected(
    {name: _PROTOCOL[name] for name in ("runtime", "threads", "seed", "cool_down", "delegate", "cores")}
)
"""Decorator: like :data:`protocol`, with only the options that mean something to one long process."""


asking = _collected(
    {
        "runtime": runtime, "input_range": input_range, "override_input_range": override_input_range,
        "output_kind": output_kind, "allow_code": allow_code, "custom_objects": custom_objects,
    }, "how", Asking
)  # fmt: skip
"""Decorator: gives a command an option for each member of an :class:`Asking`, taken as ``how``."""


def phone(command: Command) -> Command:
    """Give ``command`` the options of an :class:`OnPhone`; it takes them as ``phone``, None without any."""

    @wraps(command)
    def collect(benchmark_model: Path | None, **values: Any) -> None:
        command(phone=None if benchmark_model is None else OnPhone(benchmark_model), **values)

    return _phone(
        "--benchmark-model",
        type=FILE,
        help="Time with this benchmark program of TFLite for Android.  [default: the one on the phone, else "
        "the sample app]",
    )(collect)


def given(ctx: click.Context) -> dict[str, str]:
    """The parameters that the command line sets, by name, as the user may write them (``--max-macs``)."""
    return {
        str(parameter.name): parameter.opts[-1]
        for parameter in ctx.command.params
        if ctx.get_parameter_source(str(parameter.name)) == ParameterSource.COMMANDLINE
    }


MODEL = ("size", "input_range", "override_input_range", "output_kind", "allow_code", "custom_objects")
"""Parameters that say how a Keras model is read, by the names that all commands take them by."""


def again(
    ctx: click.Context, *, only: Collection[str] | None = None, without: Collection[str] = ()
) -> list[str | Path]:
    """What the command line sets, as the words of another one.

    Args:
        ctx: context of the command that is run.
        only: names of the parameters that are wanted; None for all.
        without: names of parameters that are not.
    """
    words: list[str | Path] = []
    for name, option in given(ctx).items():
        # What only changes how a result is shown, such as -v, is no parameter of the command.
        if name not in ctx.params or name in without or (only is not None and name not in only):
            continue
        value = ctx.params[name]
        if isinstance(value, bool):
            words.append(option)
            continue
        if name == "size" and isinstance(value, tuple):
            value = f"{value[1]}x{value[0]}"
        for each in value if isinstance(value, tuple) else (value,):  # It may be repeated.
            words += [option] if option.startswith("-") else []
            words.append(each if isinstance(each, Path) else str(each))
    return words


def refuse(ctx: click.Context, names: Collection[str], because: str) -> None:
    """Refuse options that would change nothing: whoever gives one has misunderstood something.

    Args:
        ctx: context of the command that is run.
        names: names of the parameters that would change nothing.
        because: rest of the message after the option, with a remedy.

    Raises:
        UsageError: one of them is given.
    """
    from mobilecnn.errors import UsageError

    for name, option in given(ctx).items():
        if name in names:
            raise UsageError(f"{option} {because}")


def assumed_range(what: str) -> str:
    """The warning about a file whose passport is of a version that assumed 0..1 where a model said nothing."""
    return (
        f"Warning: nobody said what input range {what} expects, and its passport assumes 0..1. "
        f"Say --input-range {'|'.join(RANGES)} to be sure."
    )


def unknown_kind(what: str) -> str:
    """The warning about a model whose last layer does not show what its scores are."""
    return (
        f"Warning: nothing in {what} shows what its scores are; the largest counts as the best class, and no probabilities "
        "are shown. Say --output-kind softmax|logits|... if you know."
    )
