"""Are these the right images to calibrate on? What their pixels, their classes and the model's own memory of the training say.

Agreement cannot tell: images in the wrong range give a file that agrees with the Keras model on the wrong numbers.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice

from mobilecnn import tensors
from mobilecnn.contract import MEANINGS, RANGES, InputContract, contract_for
from mobilecnn.convert.checks import DOUBTFUL, NOTE, WRONG, DataFinding
from mobilecnn.convert.conversion import KerasFacts, KerasModel
from mobilecnn.errors import UsageError
from mobilecnn.quantize.calibration.images import CalibrationImages, ChosenImages
from mobilecnn.quantize.calibration.statistics import distance, input_distance
from mobilecnn.remarks import listed, plural
from mobilecnn.train import input_statistics
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.images import to_tensor

FAR = 0.4
"""Distance from the images of the training (:func:`mobilecnn.quantize.calibration.statistics.distance`) from which on images
are doubtful: a variance 2.4 times as large, or means two thirds of a standard deviation away."""

NEAR = 0.2
"""Largest distance with which another range fits, where that of the contract does not."""

ASKED = 50
"""Largest number of images that the first layers are asked for."""

LEAST_SPREAD = 1.0
"""Standard deviation of the pixels, in steps of 0..255, below which in each of its channels a picture shows nothing."""

ENDS = 0.95
"""Share of pixels at 0 or 255 from which on a picture counts as saturated."""


@dataclass(frozen=True)
class Pictures:
    """What the pixels of images are.

    Attributes:
        images: number of images.
        constant: number of them that show nothing.
        saturated: number of the others nearly all of whose pixels are at 0 or 255.
        twice: number of images whose content another one before it has.
        leaked: number of the images held out, to judge the files by, whose content one of these has.
        darkest: mean of the pixels of the darkest image, 0 to 255.
        brightest: mean of the pixels of the brightest image, 0 to 255.
    """

    images: int
    constant: int
    saturated: int
    twice: int
    leaked: int
    darkest: float
    brightest: float

    @property
    def empty(self) -> bool:
        """Whether all images show nothing: each is one colour, such as black."""
        return self.constant == self.images


def examine(
    keras: KerasModel, chosen: ChosenImages, images: CalibrationImages, facts: KerasFacts
) -> tuple[DataFinding, ...]:
    """What is the matter with images to calibrate on; nothing of random pictures, which are for latency.

    Args:
        keras: the loaded model, which is not at work.
        chosen: the images.
        images: the same, at the size of the model.
        facts: what the model is.
    """
    if images.random or chosen.dataset is None:
        return ()
    return findings(chosen, look(images), facts, distances(keras, images, facts))


def findings(
    chosen: ChosenImages, looked: Pictures, facts: KerasFacts, far: dict[str, float | None]
) -> tuple[DataFinding, ...]:
    """What is the matter with images, by what their pixels are and how far they are from those of the training."""
    counts = {} if chosen.dataset is None else counted(chosen.dataset)
    found = [*of_pictures(looked), *of_classes(counts, facts.kind.answers(facts.classes))]
    # Of pictures that show nothing the distance says nothing more.
    return (*found, *([] if looked.empty else of_distances(facts.contract, far)))


def look(images: CalibrationImages) -> Pictures:
    """What the pixels of prepared images are."""
    constant = saturated = 0
    darkest, brightest = 255.0, 0.0
    for pixels in tensors.slices(images.tensors):
        flat = pixels.reshape(len(pixels), -1)
        still = (pixels.reshape(len(pixels), -1, pixels.shape[-1]).std(axis=1) < LEAST_SPREAD).all(axis=1)
        ends = ((flat == 0) | (flat == 255)).mean(axis=1) >= ENDS
        constant += int(still.sum())
        saturated += int((ends & ~still).sum())
        darkest, brightest = (
            min(darkest, float(flat.mean(axis=1).min())),
            max(brightest, float(flat.mean(axis=1).max())),
        )
    counts = Counter(images.manifest.each)
    twice = sum(counts.values()) - len(counts)
    return Pictures(images.manifest.images, constant, saturated, twice, images.leaked, darkest, brightest)


def of_pictures(looked: Pictures) -> list[DataFinding]:
    """What is the matter with the pixels."""
    found = []
    images = plural(looked.images, "image")
    if looked.constant:
        found.append(
            DataFinding(
                "constant",
                WRONG if looked.empty else DOUBTFUL,
                f"{looked.constant:,} of {images} {'shows' if looked.constant == 1 else 'show'} nothing: all pixels are the same, "
                f"as in a black picture{', whatever its colour' if looked.empty and looked.darkest < looked.brightest else ''}",
                "give images that the model is for; `mobilecnn data inspect` shows what is there",
            )
        )
    if 2 * looked.saturated > looked.images:
        found.append(
            DataFinding(
                "saturated",
                DOUBTFUL,
                f"{looked.saturated} of {images} have nearly all pixels at 0 or 255, as pictures that were scaled twice",
                "give the pictures as the model saw them in training",
            )
        )
    if looked.twice:
        found.append(
            DataFinding(
                "duplicates",
                NOTE,
                f"{looked.twice} of {images} have the content of another one",
                "keep one of each, so that others count",
            )
        )
    if looked.leaked and not looked.empty:
        found.append(
            DataFinding(
                "leaked",
                DOUBTFUL,
                f"{plural(looked.leaked, 'image')} held out to judge the files by {'has' if looked.leaked == 1 else 'have'} the content of one "
                "that calibrates, so that the files seem to agree better than they do",
                "keep one of each; `mobilecnn data inspect` names equal ones",
            )
        )
    return found


def counted(dataset: Dataset) -> dict[str, int]:
    """Class -> number of its images; empty of a data set without classes."""
    there = Counter(dataset.labels.tolist())
    return {name: there[index] for index, name in enumerate(dataset.classes)}


def of_classes(counts: Mapping[str, int], answers: int) -> list[DataFinding]:
    """What is the matter with the classes of the images.

    Args:
        counts: number of images of each class; empty where the data set has none.
        answers: number of classes that the model tells apart.
    """
    if not counts or answers < 2:
        return []
    missing = [name for name, count in counts.items() if not count]
    if len(counts) - len(missing) == 1:
        text = f"all images are of one class, and the model tells {answers} apart"
        return [DataFinding("one-class", DOUBTFUL, text, "give images of all classes that the file is for")]
    if missing:
        text = f"{plural(len(missing), 'class', 'classes')} of {len(counts)} have no image among them: {listed(missing)}"
        return [DataFinding("coverage", NOTE, text, f"take {len(counts)} images or more (--samples)")]
    if len(counts) < answers:
        text = f"the images are of {plural(len(counts), 'class', 'classes')}, and the model tells {answers} apart"
        return [DataFinding("coverage", NOTE, text, "give images of all classes that the file is for")]
    return []


def distances(keras: KerasModel, images: CalibrationImages, facts: KerasFacts) -> dict[str, float | None]:
    """How far the images are from those of the training if they are fed as the contract says (""), and, where that is far,
    in each known range.

    The first batch normalization that a training has moved tells and, of a model without one, what its file keeps of the
    inputs of its training. None where it has neither.

    Args:
        keras: the loaded model, which is not at work.
        images: the images, at the size of the model.
        facts: what the model is, with the contract that they are fed by.

    Raises:
        ModelFileError: what the file keeps of the inputs is damaged.
    """
    kept = input_statistics.remembered(facts.training, facts.called)
    found: dict[str, float | None] = {}
    for contracts in ({"": facts.contract}, _others(facts.contract)):
        keras.send(
            {
                "do": "statistics",
                "inputs": str(images.tensors.absolute()),
                "images": ASKED,
                "contracts": [asdict(each) for each in contracts.values()],
            }
        )
        answer = keras.receive()["found"] or [[]] * len(contracts)
        for (name, contract), layers in zip(contracts.items(), answer, strict=True):
            found[name] = distance(layers)
            if found[name] is None and kept is not None:
                found[name] = input_distance(kept, _inputs(images, contract))
        if (own := found[""]) is None or own < FAR:
            break  # They fit: no other range is asked for.
    return found


def _inputs(images: CalibrationImages, contract: InputContract) -> input_statistics.InputStatistics:
    """The statistics of images that are fed by ``contract``."""
    pixels = islice(tensors.slices(images.tensors, 1), ASKED)
    return input_statistics.measured(to_tensor(image, contract) for image in pixels)


def _others(contract: InputContract) -> dict[str, InputContract]:
    """The known ranges that make other numbers of pixels."""
    found = {}
    for name in RANGES:
        try:
            other = contract_for(name, contract.shape)
        except UsageError:
            continue  # It has three channels.
        if not other.feeds_as(contract):
            found[name] = other
    return found


def of_distances(contract: InputContract, far: dict[str, float | None]) -> list[DataFinding]:
    """What the distances from the images of the training say: that they are fed otherwise, or others.

    Args:
        contract: how the images are fed.
        far: what :func:`distances` gives.
    """
    own = far[""]
    if own is None or own < FAR:
        return []
    others = {name: value for name, value in far.items() if name and value is not None and value <= NEAR}
    if others:
        best = min(others, key=lambda name: others[name])
        return [
            DataFinding(
                "other-range",
                WRONG,
                f"fed as {contract.meaning}, these images are far from those of the training (distance {own:.3g}), and fed as "
                f"{best} ({MEANINGS[best]}) they are not ({others[best]:.2g}), as the model remembers these",
                f"say --input-range {best}",
            )
        ]
    return [
        DataFinding(
            "other-images",
            DOUBTFUL,
            f"these images are not like those of the training (distance {own:.3g}, and {FAR:g} is usual at most), as the "
            "model remembers these",
            "give images of the kind that the model was trained on, prepared in the same way",
        )
    ]
