"""Networks of the zoo with random weights, exported for timing: latency does not depend on the weights."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration


def exporter(
    formats: Sequence[str], work: Path, size: tuple[int, int] | None = None
) -> Callable[[str], dict[str, Path]]:
    """A function that exports a network by its zoo name, and gives the file of each format.

    Args:
        formats: names of rows of :data:`mobilecnn.quantize.formats.FORMATS`.
        work: a folder for the files; the caller removes it.
        size: height and width of the input in pixels; None for each network's own.
    """

    def exported(name: str) -> dict[str, Path]:
        made = export(Source(name, size=size), formats, work, Calibration(RANDOM))
        return {file.format: file.path for file in made}

    return exported
