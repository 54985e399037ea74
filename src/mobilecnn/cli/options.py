"""Options that several commands take, defined once."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from mobilecnn.bench.records.protocol import CORES, OnPhone, Protocol
from mobilecnn.quantize.runtimes import RUNTIMES

# Spelled out here as well, so that --help needs no numpy; a test holds it equal to the table
# in train.images.
RANGES = ("raw", "unit", "tf", "torch", "caffe", "lite")

FILE = click.Path(path_type=Path)

input_range = click.option(
    "--input-range",
    type=click.Choice(RANGES),
    help="What the model expects: raw 0..255, unit 0..1, tf -1..1, torch (ImageNet mean and deviation), "
    "caffe (BGR minus mean), lite ((x - 127) / 128). Default: what the model or its passport says.",
)
allow_code = click.option(
    "--allow-code",
    is_flag=True,
    help="Let Python code inside Keras files run (Lambda layers). Only for files you trust.",
)
device = click.option(
    "--device",
    "device_name",
    default="local",
    show_default=True,
    help="Where to time: local, a name of `mobilecnn devices`, or an SSH host.",
)
devices = click.option(
    "--device",
    "device_names",
    multiple=True,
    default=("local",),
    show_default="local",
    help="Where to time: local, a name of `mobilecnn devices`, or an SSH host; or emulated, to count "
    "instructions. May be repeated: the devices are timed side by side.",
)
_PHONE = (
    click.option(
        "--benchmark-model",
        type=FILE,
        help="For a phone: TFLite's program for Android.  [default: the one there, else the sample app]",
    ),
    click.option("--cores", type=click.Choice(CORES), help="For a phone: which to use.  [default: big]"),
)
runtime = click.option("--runtime", type=click.Choice(RUNTIMES), default="litert", show_default=True)
allow_wrong_answers = click.option(
    "--allow-wrong-answers",
    is_flag=True,
    help="Time a file even if its answers there are not those of its passport; the table says so.",
)

_TIMING = (
    runtime,
    click.option("--threads", default=Protocol.threads, show_default=True, help="Of the runtime."),
    click.option(
        "--rounds", default=Protocol.rounds, show_default=True, help="Fresh processes for each file."
    ),
    click.option(
        "--warmup-runs",
        default=Protocol.warmup_runs,
        show_default=True,
        help="Untimed inferences of a process, at least.",
    ),
    click.option(
        "--warmup-seconds", default=Protocol.warmup_seconds, show_default=True, help="And for so long."
    ),
    click.option(
        "--runs", default=Protocol.runs, show_default=True, help="Timed inferences of a process, at least."
    ),
    click.option("--seconds", default=Protocol.seconds, show_default=True, help="And for so long."),
    click.option("--seed", default=Protocol.seed, show_default=True, help="Of the order and the inputs."),
    click.option(
        "--cool-down",
        default=Protocol.cool_down,
        show_default=True,
        metavar="SECONDS",
        help="Before each process wait at most so long until the device is as cool as at the start.",
    ),
)


def protocol(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` an option for each member of a :class:`Protocol`; it takes them as ``protocol``."""

    @wraps(command)
    def collected(**values: Any) -> None:
        members = {field.name: values.pop(field.name) for field in fields(Protocol)}
        command(protocol=Protocol(**members), **values)

    decorated: Callable[..., None] = collected
    for option in reversed(_TIMING):
        decorated = option(decorated)
    return decorated


def phone(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options of an :class:`OnPhone`; it takes them as ``phone``, None without any."""

    @wraps(command)
    def collected(benchmark_model: Path | None, cores: str | None, **values: Any) -> None:
        given = benchmark_model is not None or cores is not None
        command(phone=OnPhone(benchmark_model, cores) if given else None, **values)

    decorated: Callable[..., None] = collected
    for option in reversed(_PHONE):
        decorated = option(decorated)
    return decorated


def assumed_range(what: str) -> str:
    """The warning for a model that does not say what input it expects."""
    return (
        f"Warning: {what} does not say what input range it expects; 0..1 is assumed. "
        f"Say --input-range {'|'.join(RANGES)} to be sure."
    )


def read_labels(path: Path) -> tuple[str, ...]:
    """The class names of a text file, one a line.

    Raises:
        DataError: it cannot be read, or names a class twice.
    """
    from mobilecnn.errors import DataError
    from mobilecnn.files import read_bytes

    try:
        lines = read_bytes(path, "labels file", DataError).decode().splitlines()
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a UTF-8 text file; give one class name a line") from None
    labels = tuple(line.strip() for line in lines if line.strip())
    if len(set(labels)) != len(labels):
        raise DataError(f"{path} names a class twice; give each output its own name")
    return labels
