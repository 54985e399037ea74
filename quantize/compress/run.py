"""The whole way from a Keras model to its compressed form, and to the coded file, both or neither."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mobilecnn.convert.conversion import KerasChild, KerasFacts, KerasModel, Source
from mobilecnn.errors import DataError, ModelFileError, OutputError, UsageError
from mobilecnn.files import check_file, exists, read_bytes, sha256, temporary_folder, together
from mobilecnn.locks import locked
from mobilecnn.quantize.compress import coded_file
from mobilecnn.quantize.compress.coded_file import Part
from mobilecnn.quantize.compress.plan import CompressionPlan, Step
from mobilecnn.quantize.compress.schedules import ONCE
from mobilecnn.quantize.labelled import labels_of
from mobilecnn.quantize.origins import say_trained
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.replacing import refuse_itself
from mobilecnn.seeds import check_seed
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train import datasets, inputs
from mobilecnn.train.datasets import seen
from mobilecnn.train.datasets.identity import known
from mobilecnn.train.keras_file import ModelInfo, check_name, read_info, write_info

HELD_BACK = 0.1
"""Share of each class that is judged by and not trained on."""


@dataclass(frozen=True)
class Compressed:
    """A compressed model.

    Attributes:
        path: the model, a ``.keras`` file with the compressed weights.
        coded_path: the coded file.
        steps: the model as it came, and each step that was taken.
        layers: what each tensor takes in the coded file.
        bytes: size of the coded file.
    """

    path: Path
    coded_path: Path
    steps: tuple[Step, ...]
    layers: tuple[Part, ...]
    bytes: int

    @property
    def given_bytes(self) -> int:
        """Size of the weights of the model as it came, in float32."""
        rest = sum(part.weights for part in self.layers) - self.steps[-1].weights
        return 4 * (self.steps[0].weights + rest)


def compress(
    source: Source,
    output: Path,
    plan: CompressionPlan,
    data: str | None = None,
    progress: Progress = no_progress,
    on_step: Callable[[Step], None] = lambda step: None,
    remarked: Remarked = no_remark,
    skip_bad: bool = False,
) -> Compressed:
    """Compress a model and write it as ``output``, with the coded file beside it.

    Args:
        source: a ``.keras`` or ``.h5`` file, and how it is read: the size, range and labels are for ``data``.
        output: a ``.keras`` path; an existing file is replaced.
        plan: the steps.
        data: labelled images to train on after each step; None for no training.
        progress: called after each batch.
        on_step: called after each step.
        remarked: told what of the images is not used.
        skip_bad: whether to leave out images that cannot be read.

    Raises:
        UsageError: the plan asks for nothing, for what cannot be, or for what changes no weight, or the model and the images do not
            fit.
        ModelFileError: the model cannot be read, or not all its weights are finite numbers.
        DataError, OutputError: a file cannot be read or written.
        CheckFailed: the loss or a weight is no longer a finite number, or the coded file does not give the weights back.
        EnvironmentProblem: TensorFlow is not installed, or the child crashed.
    """
    plan.check()
    model = Path(source.text)
    if data is None:
        _refuse_without_data(source, skip_bad)
    if plan.prune_schedule != ONCE and data is None:
        raise UsageError(f"--prune-schedule {plan.prune_schedule} prunes during training; give --data")
    check_seed(plan.seed)
    check_name(output)
    refuse_itself(output, model)
    coded = output.with_suffix(coded_file.SUFFIX)
    for path in (output, coded):
        check_file(path)
    if exists(coded) and not read_bytes(coded, "coded file", ModelFileError, coded_file.LARGEST).startswith(
        coded_file.MAGIC
    ):
        raise OutputError(
            f"{coded} is no coded file, which goes there; move it away, or choose another name with -o"
        )
    if not source.is_file:
        raise UsageError(f"{model} is no file; compress a trained model, a .keras or .h5 file")
    with locked(output, coded), temporary_folder() as work:
        info = read_info(model)
        training, held_back, facts, digests = _prepared(source, data, work, info.training, remarked, skip_bad)
        if facts is not None:
            info = replace(info, contract=facts.contract, labels=facts.labels)
        message = {
            "path": str(model),
            "unsafe": source.unsafe,
            "custom_objects": None if source.custom_objects is None else str(source.custom_objects),
            "plan": asdict(plan),
            "training": training,
            "held_back": held_back,
            "output": str(work / "compressed.keras"),
            "coded": str(work / "coded"),
        }
        steps, answer = _in_child(message, str(model), source.custom_objects, progress, on_step)
        _write(work, output, coded, info, steps, model, digests)
    layers = tuple(Part(**row) for row in answer["layers"])
    return Compressed(output, coded, steps, layers, int(answer["bytes"]))


def _refuse_without_data(source: Source, skip_bad: bool) -> None:
    """Refuse what says which images are read and how they become the model's input, where there are none.

    Raises:
        UsageError: something of that is given.
    """
    for given, option in (
        (source.size is not None, "--size"),
        (source.input_range is not None, "--input-range"),
        (source.override, "--override-input-range"),
        (source.output_kind is not None, "--output-kind"),
        (source.labels is not None, "--labels"),
        (skip_bad, "--skip-bad"),
    ):
        if given:
            raise UsageError(f"{option} is for training after each step; give --data, or leave it out")


def _prepared(
    source: Source,
    data: str | None,
    work: Path,
    origin: dict[str, Any] | None,
    remarked: Remarked,
    skip_bad: bool,
) -> tuple[dict[str, Any] | None, dict[str, Any] | None, KerasFacts | None, list[str]]:
    """The images to train on and to judge by, what the model is, and the SHA-256 of each image."""
    if data is None:
        return None, None, None, []
    with KerasModel(source) as keras:
        dataset = datasets.load(data, "train")
        for remark in dataset.remarks:
            remarked(remark)
        if skip_bad:
            dataset = dataset.readable(remarked, no_progress)
        facts = keras.load()
    if facts.kind.name not in ("softmax", "logits"):
        raise UsageError(
            f"{source.name} gives {facts.kind.name} scores; training after a step is for classifiers of one class of "
            "several: leave --data out"
        )
    labels = labels_of(dataset, facts, source.name)
    dataset = replace(dataset, labels=labels, classes=tuple(str(index) for index in range(facts.classes)))
    training, held_back = dataset.split(HELD_BACK, 0)
    if not len(held_back):
        raise DataError(
            f"{data} has one image a class, and none is left to judge by; at least two a class are needed"
        )
    say_trained(source.name, origin, held_back, remarked)
    parts = []
    for name, part in (("training", training), ("held_back", held_back)):
        path = work / f"{name}.npy"
        inputs.write(path, part.pixels(facts.contract, remarked), facts.contract, len(part))
        parts.append({"images": str(path), "labels": part.labels.tolist()})
    digests = list(known(dataset, range(len(dataset))).values())
    return parts[0], parts[1], facts, digests


def _in_child(
    message: dict[str, Any],
    model: str,
    code: Path | None,
    progress: Progress,
    on_step: Callable[[Step], None],
) -> tuple[tuple[Step, ...], dict[str, Any]]:
    steps = []
    with KerasChild(f"that compresses {model}", code, "mobilecnn.quantize.compress_child") as child:
        child.send(message)
        while "layers" not in (answer := child.receive()):
            if "step" in answer:
                steps.append(Step(**answer["step"]))
                on_step(steps[-1])
            else:
                progress(answer["done"], answer["total"], answer["what"])
    return tuple(steps), answer


def _write(
    work: Path,
    output: Path,
    coded: Path,
    info: ModelInfo,
    steps: tuple[Step, ...],
    model: Path,
    digests: Sequence[str],
) -> None:
    packed = seen.pack(digests, info.training)
    origin = {
        **(info.training or {}),
        **({seen.MEMBER: packed} if packed else {}),
        "compressed": {
            "model": model.name,
            "sha256": sha256(read_bytes(model, "model", ModelFileError, 1 << 34)),
            "steps": [asdict(step) for step in steps],
        },
    }
    with together([(coded, output)]) as [[coded_part, model_part]]:
        coded_part.write_bytes((work / "coded").read_bytes())
        model_part.write_bytes((work / "compressed.keras").read_bytes())
        write_info(model_part, replace(info, training=origin))
