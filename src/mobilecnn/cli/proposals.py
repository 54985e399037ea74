"""What several commands end by proposing to type next: each a command and what it is for, as :func:`output.then` takes them."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from mobilecnn.cli.terminal import typed

SMALL_NETWORK = "mobilenet_v2_x0.35_96"
"""Network that is proposed to begin a training of images with; its input side is small."""


def line(*words: str | Path) -> str:
    """A command line of mobilecnn; a path is written so that it is no option."""
    return " ".join(
        ["mobilecnn", *(typed([word]) if isinstance(word, Path) else shlex.quote(word) for word in words)]
    )


def page(records: Iterable[Path]) -> tuple[str, str]:
    """Make a page of records."""
    return line("report", *records), "these figures as a page"


def timing(files: Iterable[Path]) -> tuple[str, str]:
    """Time .tflite files."""
    return line("bench", *files), "how long each takes; --device names a board"


def export_int8(model: Path, data: str, given: Sequence[str | Path] = ()) -> tuple[str, str]:
    """Make an int8 file of a Keras model, calibrated on some data; ``given``: options with which the model is read."""
    words = ("export", model, "--int8", "--calibration", data, *given, "-o", "out")
    return line(*words), "an int8 file, held against this model"


def export_dynamic(model: Path, given: Sequence[str | Path] = ()) -> tuple[str, str]:
    """Make a small file of a Keras model for which no data is at hand."""
    words = ("export", model, "--dynamic", *given, "-o", "out")
    return line(*words), "a file of a quarter of the size; --int8 needs images to calibrate on"


def training(data: Path | str, augment: str = "shift") -> tuple[str, str]:
    """Train a small network on some data."""
    recipe = () if augment == "shift" else ("--augment", augment)
    model = unused(Path(f"{Path(data).stem or 'model'}.keras"))
    words = ("train", SMALL_NETWORK, "--data", data, *recipe, "-o", model)
    return line(*words), "a small network to begin with; `mobilecnn models` lists the others"


def unused(path: Path) -> Path:
    """The name of a file that does not exist yet: ``path``, or that with a number."""
    number = 2
    made = path
    while made.exists():
        made, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return made
