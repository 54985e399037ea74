"""LiteRT's published times on chips whose constants were fitted to another runtime's, with nothing fitted here.

XNNPACK's README states the times of one thread of the first Pixel for four networks in float32 (github.com/google/XNNPACK,
27 March 2020). The Pixel's Snapdragon 821 runs at 2.15 GHz, as the Snapdragon 820 does:
``cpuinfo_max_freq`` of one is 2150400 (github.com/pytorch/cpuinfo, test/mock/pixel.h). XNNPACK of that month chose for Kryo
the matrix kernels of four rows that it chooses for a Cortex-A72 today, without their prefetches (its src/init.c: f32 gemm
``4x8__aarch64_neonfma_cortex_a57``, made of the same template as ``cortex_a75``); today it chooses others. So what
runs here is what a Cortex-A72 is given. NobuoTsukamoto/benchmarks has EfficientDet-Lite0 of ``benchmark_model`` 2.18 with
one thread on a Raspberry Pi 4 of revision 1.2, whose clock is 1.5 GHz, and on a Raspberry Pi 5; here it is without the
operator that chooses the boxes. MLPerf's times of the Raspberry Pi 4 do not serve (:data:`MLPERF`).
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arm_floor import floor
from arm_traces import executed

from mobilecnn.bench.devices.emulated.work import work_of
from mobilecnn.bench.records.chips import CHIPS, Chip
from mobilecnn.bench.records.data_sheets import DATA_SHEETS
from mobilecnn.bench.records.work import Work, milliseconds
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration

LIMIT = 0.15
"""Largest relative error of a time that passes."""

PUBLISHED = (
    ("mobilenet_v1_x1.0_224.float32", "sd820", "cortex-a72", 82.0),
    ("mobilenet_v2_x1.0_224.float32", "sd820", "cortex-a72", 49.0),
    ("mobilenet_v3_large_x1.0.float32", "sd820", "cortex-a72", 39.0),
    ("mobilenet_v3_small_x1.0.float32", "sd820", "cortex-a72", 12.0),
    ("efficientdet_lite0.float32", "pi4-1500mhz", "cortex-a72", 328.7),
    ("efficientdet_lite0.int8", "pi4-1500mhz", "cortex-a72", 197.8),
    ("efficientdet_lite0.float32", "pi5", "cortex-a76", 104.0),
    ("efficientdet_lite0.int8", "pi5", "cortex-a76", 44.2),
)
"""Network and format, chip, core whose kernels were chosen, and published milliseconds of one thread."""

MLPERF = (
    ("mobilenet_v1_x1.0_224", "float32", 568.7, 68.4),
    ("mobilenet_v1_x1.0_224", "int8", 568.7, 28.5),
)
"""Network and type, millions of multiply-adds, and median milliseconds on a Raspberry Pi 4 at 1.5 GHz with TFLite 2.5 and ruy
(MLPerf Inference 1.1, open division, Krai; the quantized network is uint8).

They do not say how many threads they had, and it was more than one: either is beyond what one Cortex-A72 can multiply at
that clock (:data:`mobilecnn.bench.records.data_sheets.DATA_SHEETS`). So they are no check of a model of one thread.
"""

MLPERF_NEAR = (
    ("mobilenet_v2_x1.0_224", "float32", 300.8, 55.6),
    ("mobilenet_v1_x0.5_192", "float32", 110.0, 19.2),
)
"""The other two rows of the same runs: within what one core can multiply, by a tenth and by a twentieth, and as little a check."""

OTHER_ENGINE = {
    "mobilenet_v2_x1.0_224.float32": 73.8,
    "mobilenet_v3_large_x1.0.float32": 51.2,
    "mobilenet_v3_small_x1.0.float32": 15.8,
    "mobilenet_v3_large_x1.0.int8": 44.0,
    "mobilenet_v3_small_x1.0.int8": 15.5,
}
"""Network and format -> milliseconds of one large core of the same phone with a TFLite that is not named, slower than XNNPACK
(tensorflow/models, research/slim/nets/mobilenet/README.md; "8-bit" there). No check: what runs here is another engine."""

BY_THREADS = {
    ("efficientdet_lite0.float32", "pi4-1500mhz"): (328.7, 210.2, 182.0, 175.8),
    ("efficientdet_lite0.int8", "pi4-1500mhz"): (197.8, 117.0, 90.8, 78.0),
    ("efficientdet_lite0.float32", "pi5"): (104.0, 72.9, 64.3, 62.2),
    ("efficientdet_lite0.int8", "pi5"): (44.2, 29.3, 24.8, 22.9),
}
"""Network and chip -> published milliseconds of one to four threads."""

PROGRAM = """
import os, sys
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
(wanted,) = interpreter.get_input_details()
picture = numpy.random.default_rng(0).uniform(0, 2, wanted["shape"]).astype(wanted["dtype"])
interpreter.set_tensor(wanted["index"], picture)
os.isatty(0x6d634e4e)
for _ in range(2):
    interpreter.invoke()
    os.isatty(0x6d634e4e)
"""


@dataclass(frozen=True)
class Check:
    """A published time.

    Attributes:
        network: network and format.
        chip: chip that was timed.
        published: time in milliseconds.
        work: what one inference is to the chip.
        floor: cycles that its multiplications need there.
        memory: lines of 64 bytes that it reads from the memory and writes to it.
    """

    network: str
    chip: Chip
    published: float
    work: Work
    floor: float
    memory: int

    @property
    def modelled(self) -> float:
        """Time in milliseconds."""
        return milliseconds(self.work, self.chip)

    @property
    def pipeline(self) -> float:
        """Milliseconds of the pipeline alone, as LLVM has it."""
        return self.work.cycles / self.chip.gigahertz / 1e6

    @property
    def error(self) -> float:
        """Relative error of the modelled time."""
        return self.modelled / self.published - 1


def exported(network: str, folder: Path) -> Path:
    """The ``.tflite`` file of a network and format."""
    name, _, kind = network.rpartition(".")
    if name == "efficientdet_lite0":
        import efficientdet

        path = folder / f"{network}.tflite"
        efficientdet.write(path, int8=kind == "int8")
        return path
    (file,) = export(Source(name), (kind,), folder, Calibration(RANDOM))
    return file.path


def checked() -> list[Check]:
    """All published figures, a printed line each."""
    checks = []
    print("\nLiteRT                          chip        published  modelled   error")
    for network, name, core, published in PUBLISHED:
        chip = CHIPS[name]
        with tempfile.TemporaryDirectory() as work:
            path = exported(network, Path(work))
            label = f"{network}-litert-{core}"
            section = executed(label, PROGRAM, [str(path)], path, core, (chip.simulated,))
        moved = section.traffic()
        check = Check(
            network,
            chip,
            published,
            work_of(section, chip.model),
            floor(section, chip),
            moved.fills[-1] + moved.written,
        )
        checks.append(check)
        print(line(network, chip, published, check.modelled), flush=True)
    print("\nms: published, of it shared by threads and not; pipeline; memory, as fast as published")
    for check in checks:
        times, copied = BY_THREADS.get((check.network, check.chip.name)), DATA_SHEETS[check.chip.name].copy
        if times is not None and copied is not None:
            parts = shared(times), times[0] - shared(times), check.pipeline, check.memory * 64 / copied / 1e6
            print(
                f"{check.network:31} {check.chip.name:10} {times[0]:6.1f} {' '.join(f'{ms:6.1f}' for ms in parts)}"
            )
    return checks


def line(network: str, chip: Chip, published: float, modelled: float) -> str:
    """A row of the printed table: times in milliseconds, and the relative error."""
    return f"{network:31} {chip.name:11} {published:9.1f} {modelled:9.1f} {modelled / published - 1:+7.1%}"


def shared(times: Sequence[float]) -> float:
    """What two threads do in half the time, of times of one and of two threads."""
    return 2 * (times[0] - times[1])
