"""What ``sustained`` and ``single-stream`` share: one process a file, which runs without a pause."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecnn.cli import proposals
from mobilecnn.cli.output import data, progress, prose, talk, then

if TYPE_CHECKING:
    from mobilecnn.bench.devices.seam import Device
    from mobilecnn.bench.records.stream import Stream, StreamPlan


def run(
    models: Sequence[Path],
    device: "Device",
    plan: "StreamPlan",
    record: Path,
    label: str,
    allow_wrong_answers: bool,
    seen: "Callable[[Stream], None]" = lambda stream: None,
) -> "Stream":
    """Run each file as long as the plan says, and keep the record.

    Args:
        models: paths of .tflite files.
        device: device to run on; entered and left here.
        plan: duration and limits of the run.
        record: path of the record.
        label: label of the progress bar.
        allow_wrong_answers: whether to run files whose answers differ from those of their passports.
        seen: function called with the record after each save.

    Raises:
        MobileCnnError, KeyboardInterrupt: as :func:`mobilecnn.bench.timing.long_run.run` does, saying what is kept.
    """
    from mobilecnn.bench.timing import long_run
    from mobilecnn.records import recording

    with recording(record) as keep, device, progress(f"{label}, s") as update:

        def kept(stream: "Stream") -> None:
            keep(stream)
            seen(stream)

        return long_run.run(
            models,
            device,
            plan,
            update,
            sys.argv[1:],
            allow_wrong_answers=allow_wrong_answers,
            keep=kept,
            say=talk,
        )


def show_origin(stream: "Stream", files: str, record: Path) -> None:
    """Print the last lines: wrong answers, the device, the runtime, the files, and what to do with the record."""
    from mobilecnn.bench.pages import remarks, terminal

    for line in remarks.answers((model.file, model) for model in stream.models):
        prose(line)
    data("")
    data(terminal.stream_device(stream))
    data(files)
    then(*proposals.page([record]))
