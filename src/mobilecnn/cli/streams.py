"""What ``sustained`` and ``single-stream`` share: one process a file, which runs without a pause."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecnn.cli.output import data, progress, talk

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
    """Run each file as long as planned, and keep the record.

    Args:
        models: .tflite files.
        device: where; entered and left here.
        plan: how long.
        record: the file of the record.
        label: of the progress bar.
        allow_wrong_answers: run files that differ from their passports nevertheless.
        seen: called with what there is, each time that it is kept.

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


def about(stream: "Stream", record: Path) -> dict[str, Any]:
    """What stands above the results in JSON."""
    whole = stream.to_json()
    return {"record": str(record), "device": whole["device"], "plan": whole["plan"]}


def show_origin(stream: "Stream", files: str) -> None:
    """Print the last lines: answers that were not right, the device, the runtime, and the files."""
    from mobilecnn.bench.pages import terminal

    versions = "/".join(sorted({series.start.runtime_version for series in stream.series}))
    for line in terminal.answers(stream.models):
        data(line)
    data(f"\n{terminal.facts(stream.device, stream.plan.runtime, versions, stream.plan.threads)}")
    data(files)
