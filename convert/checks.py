"""What a passport keeps of how its file was checked and what it gained: the images, parity, labelled images, golden pictures."""

from dataclasses import dataclass, field

from mobilecnn.records import ADDED, Open


@dataclass(frozen=True)
class ImageManifest(Open):
    """Images that calibrated or checked a file.

    Attributes:
        data: a folder, ``digits``, or ``random``.
        seed: seed of the choice.
        images: number of images.
        classes: number of classes among them; 0 for random pictures.
        sha256: SHA-256 of the images' pixels, uint8 (images, height, width, channels).
        each: SHA-256 of each image that calibrated the file, by its content, in hexadecimal
            (:mod:`mobilecnn.train.datasets.identity`); empty of images that checked it, of random pictures, and in a
            passport of a version that did not keep them.
    """

    data: str
    seed: int
    images: int
    classes: int
    sha256: str
    each: tuple[str, ...] = field(default=(), metadata=ADDED)


LARGEST_TOLERANCE = 1e-2
"""Largest relative difference that an exact file may ever show: beyond it a right file looks like a wrong one."""


@dataclass(frozen=True)
class ParityRecord(Open):
    """The file's answers against the Keras model's (:class:`mobilecnn.quantize.parity.Parity`).

    A difference that is not finite is None, and ``finite`` is False then.

    Attributes:
        reference: what the answers were compared with, in words.
        data: the images.
        holds: False where the file must not be shipped.
        tolerance: largest relative difference allowed; None where the format has no such limit.
        images: number of images.
        agreement: share of images with the same answer, 0 to 1: the same best class; of one output the same
            side of the threshold; of labels the same set.
        label_agreement: share of the single yes and no that are the same, over all labels; None where
            labels exclude one another.
        distinct_answers: number of different answers that the reference gives.
        constant: whether the file gives every image the same scores, and the reference does not; None in a
            passport of version 1 or 2.
        max_difference: largest absolute difference of a score.
        mean_difference: mean absolute difference of a score.
        relative: largest absolute difference over the largest absolute reference score.
        sqnr_db: signal-to-quantization-noise ratio in dB; None where it is infinite.
        finite: whether every answer of the file is finite.
        identical: whether all answers are the reference's.
    """

    reference: str
    data: ImageManifest
    holds: bool
    tolerance: float | None
    images: int
    agreement: float
    label_agreement: float | None
    distinct_answers: int
    constant: bool | None
    max_difference: float | None
    mean_difference: float | None
    relative: float | None
    sqnr_db: float | None
    finite: bool
    identical: bool

    def __post_init__(self) -> None:
        if not 0 <= self.agreement <= 1:
            raise ValueError("agreement must be from 0 to 1")
        if self.tolerance is not None and not 0 < self.tolerance <= LARGEST_TOLERANCE:
            raise ValueError(f"tolerance must be above 0, up to {LARGEST_TOLERANCE:g}: no export allows more")


WRONG, DOUBTFUL, NOTE = "wrong", "doubtful", "note"
SEVERITIES = (WRONG, DOUBTFUL, NOTE)
"""How bad a finding is: no file that was calibrated so is to be shipped, it may be so, or it is good to know."""


@dataclass(frozen=True)
class DataFinding(Open):
    """One thing that is the matter with images to calibrate on.

    Attributes:
        code: kind, for programs: ``constant``, ``other-range``, ...
        severity: one of :data:`SEVERITIES`.
        text: what is the matter, a sentence without a full stop.
        fix: what to do, a phrase.
    """

    code: str
    severity: str
    text: str
    fix: str

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {', '.join(SEVERITIES)}")


PASS, FAIL, UNDECIDED, NOT_JUDGED = "pass", "fail", "undecided", "not judged"
VERDICTS = (PASS, FAIL, UNDECIDED, NOT_JUDGED)
"""What a file's answers on held-out images say of it: above the floors, below one, that too few images tell, or that there
were none to tell by."""


@dataclass(frozen=True)
class Verdict(Open):
    """Whether a file keeps the Keras model's answers on images that did not calibrate it.

    Attributes:
        verdict: one of :data:`VERDICTS`.
        held_out: whether the images were held out from the calibration.
        images: number of images.
        agreeing: number of them with the Keras model's answer.
        interval: 95 % interval of the share of such images, 0 to 1: its lower and its upper limit.
        sqnr_db: signal-to-quantization-noise ratio in dB; None where it is infinite.
        sqnr_interval: 95 % interval of it, in dB; empty where it is infinite.
        least_agreement: floor of the agreement in per cent.
        least_sqnr_db: floor of the ratio in dB.
        reason: why, as part of a sentence; empty of a file that passes.
        next: what to do, as part of a sentence; empty where nothing is to be done.
    """

    verdict: str
    held_out: bool
    images: int
    agreeing: int
    interval: tuple[float, ...]
    sqnr_db: float | None
    sqnr_interval: tuple[float, ...]
    least_agreement: float
    least_sqnr_db: float
    reason: str
    next: str

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}")
        if self.images == 0 or self.agreeing > self.images:
            raise ValueError("agreeing is not a number of the images")
        if len(self.interval) != 2 or len(self.sqnr_interval) not in (0, 2):
            raise ValueError("an interval has two limits")


@dataclass(frozen=True)
class LabelledCheck(Open):
    """How many labelled images the Keras model and the file had right at export.

    Attributes:
        data: a folder, or ``digits``: its held-out part.
        images: number of images.
        classes: number of classes among them.
        keras_correct: number that the Keras model had right.
        keras_chance: how often its answers in random order have as many right, 0 to 1; None where that can say
            nothing of so few images.
        correct: number that the file had right.
        lost: number that the Keras model had right and the file wrong.
        gained: the opposite.
        not_finite: number that the file answered with a number that is not finite, which count as wrong.
        chance: how often the file's answers in random order have as many right, 0 to 1; None where that can say
            nothing of so few images, and in a passport of a version that did not ask.
    """

    data: str
    images: int
    classes: int
    keras_correct: int
    keras_chance: float | None
    correct: int
    lost: int
    gained: int
    not_finite: int = field(default=0, metadata=ADDED)
    chance: float | None = field(default=None, metadata=ADDED)

    def __post_init__(self) -> None:
        if (
            self.correct - self.gained != self.keras_correct - self.lost
            or self.images == 0
            or self.not_finite > self.images - self.correct
            or (max(self.correct + self.lost, self.keras_correct + self.gained) > self.images)
        ):
            raise ValueError("the counts of the labelled images contradict each other")


@dataclass(frozen=True)
class Correction(Open):
    """What was done to the weights, ranges or biases of a quantized file, and what it is worth on the calibration images.

    The figures are those of the file's answers against the float32 file's, without it and with it, each on top of the
    corrections before it. It is in the file only where it does not lower the signal-to-noise ratio.

    Attributes:
        name: ``equalization`` (:mod:`mobilecnn.quantize.equalization`), ``clipping`` (:mod:`mobilecnn.quantize.corrections`) or
            ``bias_correction`` (:mod:`mobilecnn.quantize.bias_correction`).
        applied: whether the file has it.
        changed: number of tensors that were equalized or clipped, or of layers whose bias was corrected.
        ratio: of an equalization, largest channel range of a tensor over its median; of a clipping, largest range of a tensor
            over what it was clipped to; None of others.
        images: number of calibration images.
        agreement_without, agreement_with: share of them with the float32 file's answer, 0 to 1.
        sqnr_db_without, sqnr_db_with: signal-to-quantization-noise ratio in dB; None where it is not finite.
        halved: of an equalization, name of a tensor -> channel -> how often it was halved, where it was; empty of others, and in
            a passport of a version that did not keep it.
        share: of a clipping, share of the images whose ends were taken, at either end; None of others.
    """

    name: str
    applied: bool
    changed: int
    ratio: float | None
    images: int
    agreement_without: float
    agreement_with: float
    sqnr_db_without: float | None
    sqnr_db_with: float | None
    halved: dict[str, dict[str, int]] = field(default_factory=dict, metadata=ADDED)
    share: float | None = field(default=None, metadata=ADDED)

    def __post_init__(self) -> None:
        if not all(0 <= agreement <= 1 for agreement in (self.agreement_without, self.agreement_with)):
            raise ValueError("agreement must be from 0 to 1")
        if self.share is not None and not 0 < self.share <= 1:
            raise ValueError("share must be above 0, and 1 at most")


@dataclass(frozen=True)
class Golden(Open):
    """A picture and the scores that the file gave for it at export.

    Attributes:
        picture: base64 of a PNG of the contract's size (:func:`mobilecnn.convert.golden.encode_picture`).
        scores: one for each output, in order.
    """

    picture: str
    scores: tuple[float, ...]


CONVERTED, FINISHED = "converted", "finished"
"""Names of the graphs that rewrites are run on: the float32 one that all files are made of, and a file's own."""


@dataclass(frozen=True)
class Gain(Open):
    """What the rewrites of one graph brought, which changed something in it.

    Attributes:
        graph: ``converted``, the converter's float32 graph, of which all files are made; or ``finished``, the file's own, from
            what the quantizer made to what leaves.
        operators: number of operators before and after.
        partitions: number of XNNPACK's partitions before and after, as LiteRT splits the graph.
        saved: chip -> microseconds that the convolutions and channel shuffles take less, by the costs of the target, summed over
            the parts that these tell of; negative where they take longer. Operators one by one, and no time of a whole network.
    """

    graph: str
    operators: tuple[int, ...]
    partitions: tuple[int, ...]
    saved: dict[str, float]

    def __post_init__(self) -> None:
        if self.graph not in (CONVERTED, FINISHED):
            raise ValueError(f"graph must be {CONVERTED} or {FINISHED}")
        if {len(self.operators), len(self.partitions)} != {2}:
            raise ValueError("operators and partitions have a number before and one after")
