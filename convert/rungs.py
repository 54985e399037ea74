"""What a passport keeps of a ladder of repairs: each file that was tried, how it did, and which was chosen."""

from dataclasses import dataclass

from mobilecnn.convert.checks import LabelledCheck, Verdict
from mobilecnn.records import Open


@dataclass(frozen=True)
class Loss(Open):
    """What a file has lost of the Keras model's right answers on the same images; negative where it has more right.

    Attributes:
        points: share of right answers that is gone, in percentage points.
        low, high: its 95 % interval, in percentage points.
        p: two-sided p-value of the exact McNemar test.
        verdict: what the limit says of it: ``within``, ``beyond`` or ``undecided``.
    """

    points: float
    low: float
    high: float
    p: float
    verdict: str


@dataclass(frozen=True)
class Latency(Open):
    """Time of one inference in ns, with its 95 % interval; of a modelled time, with that of the model's error."""

    ns: float
    low: float
    high: float


@dataclass(frozen=True)
class Rung(Open):
    """One step of the ladder.

    Attributes:
        name: what is done to the file, in words.
        format: name of a row of :data:`mobilecnn.quantize.formats.FORMATS`.
        left_out: why there is no such file; empty of one that was judged, and then the members below are there.
        kept_float: names of the operators that the step leaves in float32.
        bytes: size in bytes.
        calibration_sqnr_db: signal-to-quantization-noise ratio on the calibration images, against the float32 file, in dB,
            by which steps are made; None where it is infinite.
        verdict: its answers on the images that were held out from the calibration.
        labelled: how many of the labelled images it has right.
        loss: how much that is less than the Keras model.
        latency: time of an inference; None where it was not timed.
        front: whether no other rung is both smaller and better, or equal in one and better in the other.
        refused: why it does not pass; empty of the one that was chosen.
    """

    name: str
    format: str
    left_out: str = ""
    kept_float: tuple[str, ...] = ()
    bytes: int | None = None
    calibration_sqnr_db: float | None = None
    verdict: Verdict | None = None
    labelled: LabelledCheck | None = None
    loss: Loss | None = None
    latency: Latency | None = None
    front: bool = False
    refused: str = ""


@dataclass(frozen=True)
class Ladder(Open):
    """All steps until the first that passed, or all where none did.

    Attributes:
        max_drop: largest loss that was allowed, in percentage points.
        device: where the files were timed.
        times: ``measured``, ``modelled``, or empty where they were not timed.
        shared: number of the labelled images that calibrated the files, too.
        rungs: the steps, in order; in a passport the last is its file.
    """

    max_drop: float
    device: str
    times: str
    shared: int
    rungs: tuple[Rung, ...]

    def __post_init__(self) -> None:
        if not any(rung.loss is not None for rung in self.rungs):
            raise ValueError("one of the rungs at least must have been judged")

    @property
    def passed(self) -> bool:
        """Whether the last of the steps is the one that was chosen."""
        last = self.rungs[-1]
        return last.loss is not None and not last.refused and not last.left_out

    @property
    def judged(self) -> tuple[Rung, ...]:
        """The steps of which there was a file."""
        return tuple(rung for rung in self.rungs if not rung.left_out)
