"""LiteRT's published times on chips whose constants were fitted to another runtime's, with nothing fitted here.

XNNPACK's README states the times of one thread of the first Pixel for four networks in float32 (github.com/google/XNNPACK,
27 March 2020). The Pixel's Snapdragon 821 runs at 2.15 GHz, as the Snapdragon 820 does. The other published figures
of LiteRT on chips that are modelled do not serve: MLPerf's of the Raspberry Pi 4 do not say how many threads they had,
and are beyond what one core can multiply; EfficientDet-Lite0's are of a network that is not in the zoo.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from arm_traces import executed

from mobilecnn.bench.devices.emulated.work import work_of
from mobilecnn.bench.records.chips import CHIPS, Chip
from mobilecnn.bench.records.work import Work, milliseconds
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration

LIMIT = 0.15
"""Largest relative error of a time that passes."""

PUBLISHED = (
    ("mobilenet_v1_x1.0_224", "sd820", 82.0),
    ("mobilenet_v2_x1.0_224", "sd820", 49.0),
    ("mobilenet_v3_large_x1.0", "sd820", 39.0),
    ("mobilenet_v3_small_x1.0", "sd820", 12.0),
)
"""Network of the zoo in float32, chip, and published milliseconds of one thread."""

PROGRAM = """
import os, sys
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
(wanted,) = interpreter.get_input_details()
picture = numpy.random.default_rng(0).uniform(-1, 1, wanted["shape"]).astype(numpy.float32)
interpreter.set_tensor(wanted["index"], picture)
for _ in range(2):
    interpreter.invoke()
    os.isatty(0x6d634e4e)
"""


@dataclass(frozen=True)
class Check:
    """A published time.

    Attributes:
        network: network of the zoo.
        chip: chip.
        published: time in milliseconds.
        work: what one inference is to the chip.
    """

    network: str
    chip: Chip
    published: float
    work: Work

    @property
    def modelled(self) -> float:
        """Time in milliseconds."""
        return milliseconds(self.work, self.chip)

    @property
    def error(self) -> float:
        """Relative error of the modelled time."""
        return self.modelled / self.published - 1


def checked() -> list[Check]:
    """All published figures, a printed line each."""
    checks = []
    print("\nLiteRT, float32          chip   published  modelled   error")
    for network, name, published in PUBLISHED:
        chip = CHIPS[name]
        with tempfile.TemporaryDirectory() as work:
            (exported,) = export(Source(network), ("float32",), Path(work), Calibration(RANDOM))
            label = f"{network}-litert-{chip.core}"
            section = executed(
                label, PROGRAM, [str(exported.path)], exported.path, chip.core, (chip.simulated,)
            )
        check = Check(network, chip, published, work_of(section, chip.model))
        checks.append(check)
        print(f"{network:24} {name:6} {published:9.1f} {check.modelled:9.1f} {check.error:+7.1%}", flush=True)
    return checks
