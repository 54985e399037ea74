"""Whether images are the right ones to calibrate a model on: what export looks at, and how many of them suffice."""

from dataclasses import asdict, dataclass
from typing import Any

from mobilecnn.convert.checks import WRONG, DataFinding
from mobilecnn.convert.conversion import KerasModel, Source
from mobilecnn.convert.lowering import lower
from mobilecnn.convert.lowering.description import Description
from mobilecnn.errors import CheckFailed, UsageError
from mobilecnn.extras import require
from mobilecnn.files import temporary_folder
from mobilecnn.quantize.calibration import doctor
from mobilecnn.quantize.calibration.doctor import Pictures
from mobilecnn.quantize.calibration.images import RANDOM, Calibration, choose, prepare
from mobilecnn.quantize.calibration.stability import Stability, stability
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.steps import Progress, Steps


@dataclass(frozen=True)
class Examined:
    """What was found out about images to calibrate on.

    Attributes:
        data: the data set.
        input: range that the images are fed in, in words.
        pictures: what their pixels are.
        classes: number of images of each class; empty where the data set has none.
        answers: number of classes that the model tells apart.
        distances: how far they are from the images of the training, as they are fed ("") and, where that is far, in each known
            range; None where the model has nothing that tells.
        stability: how settled the ranges are.
        findings: what is the matter with them.
    """

    data: str
    input: str
    pictures: Pictures
    classes: dict[str, int]
    answers: int
    distances: dict[str, float | None]
    stability: Stability
    findings: tuple[DataFinding, ...]

    def to_json(self) -> dict[str, Any]:
        """What was found as a JSON object."""
        return asdict(self)


def examine(
    source: Source, calibration: Calibration, progress: Progress | None = None, remarked: Remarked = no_remark
) -> Examined:
    """Look at the images that ``calibration`` names, of which a third is held out as it is at export.

    Raises:
        UsageError, ModelFileError, DataError: what the user gave does not work.
        EnvironmentProblem: a child process crashed.
    """
    calibration.check()
    if calibration.source == RANDOM:
        raise UsageError(
            "random pictures are for latency, and there is nothing to check of them; name a data set"
        )
    if not source.trained:
        raise UsageError(
            f"the weights of {source.text} are random, so that no images are the right ones for it; give a trained model"
        )
    require("checking images", "export")
    steps = Steps(progress, 5)
    with (
        temporary_folder() as work,
        KerasModel(source) as keras,
        TfliteProcess(f"that runs {source.text}") as tflite,
    ):
        steps("loading the model")
        chosen = choose(calibration, remarked)
        facts = keras.load()
        steps("decoding the images")
        images = prepare(chosen, facts.contract, work / "calibration.npy")
        steps("converting")
        converted, base = work / "converted.tflite", work / "base.tflite"
        keras.start_convert(facts.contract, converted)
        keras.finish()
        description = Description(source.stem, facts.contract, facts.labels, facts.kind)
        base.write_bytes(lower(converted.read_bytes(), description).content)
        steps("looking at the images")
        looked = doctor.look(images)
        far = doctor.distances(keras, images, facts)
        found = doctor.findings(chosen, looked, facts, far)
        steps("measuring the ranges")
        measured = tflite.ranges(base, images.tensors)
        settled = stability(measured["stops"], measured["halves"])
        steps("done")
    assert chosen.dataset is not None
    return Examined(
        data=chosen.data,
        input=facts.contract.meaning,
        pictures=looked,
        classes=doctor.counted(chosen.dataset),
        answers=facts.kind.answers(facts.classes),
        distances=far,
        stability=settled,
        findings=(*found, *settled.findings),
    )


def refuse_wrong(examined: Examined) -> None:
    """Refuse images on which nothing should be calibrated.

    Raises:
        CheckFailed: naming what is wrong with them, and what to do.
    """
    wrong = [f"{finding.text}; {finding.fix}" for finding in examined.findings if finding.severity == WRONG]
    if wrong:
        raise CheckFailed(f"{examined.data}: {'; '.join(wrong)}")
