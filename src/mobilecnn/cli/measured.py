"""What the commands share about measurements: making one."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecnn.cli.output import progress, record_path, talk

if TYPE_CHECKING:
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.records.protocol import OnPhone, Protocol


def time_models(
    models: Sequence[Path],
    device_name: str,
    phone: "OnPhone | None",
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
    stem: str,
) -> "tuple[Measurement, Path]":
    """Time files on one device; the measurement and its file, which is named ``output`` or after ``stem``."""
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.timing.rounds import measure
    from mobilecnn.records import recording

    where = device(device_name, protocol.runtime, phone)
    record = record_path(output, stem)
    with recording(record) as keep, where, progress("Timing") as update:
        measurement = measure(
            models,
            where,
            protocol,
            update,
            sys.argv[1:],
            allow_wrong_answers=allow_wrong_answers,
            keep=keep,
            say=talk,
        )
    return measurement, record
