"""From a trained model to a small one: ``compress``."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecnn.errors import UsageError
from mobilecnn.steps import Progress, no_progress

if TYPE_CHECKING:
    from mobilecnn.quantize.compress.plan import Step
    from mobilecnn.quantize.compress.run import Compressed

PerLayer = float | Mapping[str, float] | None
"""A value for every layer; or layer's name -> value, that of "" for the others; or None."""


def compress(
    model: str | Path,
    output: str | Path,
    *,
    svd: PerLayer = None,
    prune: PerLayer = None,
    prune_schedule: str = "once",
    cluster: PerLayer = None,
    data: str | Path | None = None,
    epochs: int = 1,
    learning_rate: float = 1e-4,
    batch_size: int = 32,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    input_range: str | None = None,
    override_input_range: bool = False,
    output_kind: str | None = None,
    labels: Sequence[str] | None = None,
    skip_bad: bool = False,
    allow_code: bool = False,
    custom_objects: str | Path | None = None,
    progress: Progress | None = None,
    on_step: "Callable[[Step], None] | None" = None,
) -> "Compressed":
    """Make a trained Keras model small: factorize, prune, share weights, and code what is left.

    Args:
        model: path of a ``.keras`` or ``.h5`` file.
        output: path of the ``.keras`` file to write, replaced if it exists; the coded file goes beside it.
        svd: share of the full rank that dense layers keep.
        prune: share of the weights that become 0.
        prune_schedule: when they do: ``once``, before training, or during it, ``iterative`` or ``gradual``.
        cluster: bits of the places of shared values, 1 to 8.
        data: labelled images to train on after each step.  [default: no training]
        epochs: number of passes over the images after each step.
        learning_rate: learning rate of these.
        batch_size: images of one training step.
        seed: seed of the order of the images.
        size: side in pixels of the images to train on, or (height, width), for a model of free size.
        input_range: range of the input, where the model does not say it; as in :func:`export`.
        override_input_range: whether ``input_range`` goes before what the model states or proves.
        output_kind: what the scores are where the last layer leaves a choice; as in :func:`export`.
        labels: class names in the order of the outputs.  [default: the model's]
        skip_bad: whether to leave out images that cannot be read.
        allow_code: whether code in the model file may run.
        custom_objects: path of a Python file with the layers of your own.
        progress: function called after each batch.
        on_step: function called after each step.

    Raises:
        UsageError, ModelFileError, DataError, OutputError: an argument is out of range, or a file cannot be read or written.
        CheckFailed: the loss or a weight is no longer a finite number.
        EnvironmentProblem: TensorFlow is not installed.
    """
    from mobilecnn.convert.conversion import Source
    from mobilecnn.quantize.compress.plan import EVERY, CompressionPlan
    from mobilecnn.quantize.compress.run import compress as run

    def values(given: PerLayer) -> Mapping[str, float]:
        if given is None:
            return {}
        return dict(given) if isinstance(given, Mapping) else {EVERY: float(given)}

    if isinstance(labels, str):
        raise UsageError(f"labels must be a list of class names, and is the text {labels!r}")
    plan = CompressionPlan(
        values(svd), values(prune), values(cluster), epochs, learning_rate, batch_size, seed, prune_schedule
    )
    return run(
        Source(
            str(model),
            size=size,
            input_range=input_range,
            override=override_input_range,
            output_kind=output_kind,
            labels=None if labels is None else tuple(labels),
            unsafe=allow_code,
            custom_objects=None if custom_objects is None else Path(custom_objects),
        ),
        Path(output),
        plan,
        None if data is None else str(data),
        progress or no_progress,
        on_step or (lambda step: None),
        skip_bad=skip_bad,
    )
