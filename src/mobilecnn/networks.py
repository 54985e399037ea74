"""Networks of the zoo with random weights, exported for timing: latency does not depend on the weights."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mobilecnn.convert.conversion import Source
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration


def exporter(
    formats: Sequence[str], work: Path, size: int | tuple[int, int] | None = None, target: str = ANY
) -> Callable[[str], dict[str, Path]]:
    """A function that exports a network by its zoo name, and gives the file of each format.

    Args:
        formats: names of rows of :data:`mobilecnn.quantize.formats.FORMATS`.
        work: a folder for the files; the caller removes it.
        size: side of the input, or its height and width, in pixels; None for each network's own.
        target: where the files are to run, as :func:`mobilecnn.export.export` takes it.
    """

    def exported(name: str) -> dict[str, Path]:
        made = export(Source(name, size=size), formats, work, Calibration(RANDOM), target=target)
        return {file.format: file.path for file in made}

    return exported
