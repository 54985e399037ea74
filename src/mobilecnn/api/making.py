"""From an architecture to checked ``.tflite`` files: ``build``, ``train`` and ``export``."""

import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.steps import Progress, no_progress

if TYPE_CHECKING:
    import keras

    from mobilecnn.export import Exported
    from mobilecnn.train.fit import Trained
    from mobilecnn.train.keras_file import ModelInfo
    from mobilecnn.train.plan import Epoch

ALL = "all"
"""Value of ``formats`` that means every format."""

_built: "WeakKeyDictionary[Any, ModelInfo]" = WeakKeyDictionary()
"""What is known of the models that :func:`build` made, as long as they live."""


def build(
    name: str, *, classes: int | None = None, size: int | tuple[int, int] | None = None
) -> "keras.Model":
    """A network of the zoo as a Keras model: softmax output, random weights, one output.

    :func:`export` knows the input contract of such a model.

    Args:
        name: of the zoo (``mobilecnn models`` lists them): ``mobilenet_v2_x1.0_224``.
        classes: outputs, at least 1.  [default: the network's, most often 1000]
        size: input side in pixels, or (height, width).  [default: the name's]

    Raises:
        ModelNameError: the zoo has no such name, or the network no such size.
        UsageError: ``classes`` is less than 1, or the network takes squares only.
        EnvironmentProblem: Keras or its backend is not installed.
    """
    from mobilecnn.train import zoo
    from mobilecnn.train.keras_file import ModelInfo

    sides = size if isinstance(size, tuple) else None
    parsed = zoo.parse(name, size=None if isinstance(size, tuple) else size)
    model = zoo.build(parsed, classes) if sides is None else zoo.rectangle(parsed, classes, *sides)
    model = zoo.main_output(model)
    _built[model] = ModelInfo(architecture=str(parsed), contract=zoo.contract(parsed, sides))
    return model


def train(
    architecture: str,
    data: str | Path,
    output: str | Path,
    *,
    epochs: int = 12,
    batch_size: int = 32,
    learning_rate: float | None = None,
    size: int | None = None,
    seed: int = 0,
    validation: float = 0.1,
    class_weights: bool = False,
    augment: str = "shift",
    label_smoothing: float = 0.0,
    resume: bool = False,
    progress: Progress | None = None,
    on_epoch: "Callable[[Epoch], None] | None" = None,
) -> "Trained":
    """Train a network of the zoo on labelled images; the model is ``path`` of the result.

    Args:
        architecture: name of the zoo.
        data: a folder of class folders, or ``digits``, of which the held-out part is not used.
        output: the ``.keras`` file to write, replaced if it exists; the history goes beside it as CSV.
        epochs: passes over the images.
        batch_size: images a step.
        learning_rate: the highest, after a warm-up.  [default: 0.005; 0.0003 without batch normalization]
        size: input side in pixels.  [default: the network's; 64 for digits]
        seed: of everything random.
        validation: share of each class that is not trained on.
        class_weights: weigh the images so that every class counts alike.
        augment: ``none``, ``shift`` or ``flip-shift``.
        label_smoothing: probability that is spread over all classes.
        resume: continue an interrupted training; give the same options.
        progress: called as each batch is done.
        on_epoch: called with the figures of each complete epoch.

    Raises:
        UsageError, DataError, OutputError: what was given does not work.
        CheckFailed: the loss became infinite or no number.
        EnvironmentProblem: Keras or its backend is not installed.
    """
    from mobilecnn.train import fit, zoo
    from mobilecnn.train.plan import TrainingPlan

    data = str(data)
    name = zoo.parse(architecture, size=size)
    if size is None:
        name = zoo.parse(architecture, size=fit.default_size(name, data))
    plan = TrainingPlan(
        architecture=str(name),
        data=data,
        size=name.size,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validation=validation,
        seed=seed,
        class_weights=class_weights,
        augment=augment,
        label_smoothing=label_smoothing,
    )
    job = fit.prepare(plan, Path(output), resume)
    return fit.run(job, progress or no_progress, on_epoch or (lambda epoch: None))


def export(
    model: "str | os.PathLike[str] | keras.Model",
    formats: str | Sequence[str],
    calibration: str | Path | None = None,
    *,
    output: str | Path = ".",
    name: str | None = None,
    samples: int = 100,
    seed: int = 0,
    io: str = "int8",
    classes: int | None = None,
    size: int | tuple[int, int] | None = None,
    input_range: str | None = None,
    labels: Sequence[str] | None = None,
    allow_code: bool = False,
    progress: Progress | None = None,
) -> "tuple[Exported, ...]":
    """Export a Keras model as ``.tflite`` files, each checked against it; a result for each file.

    The files are ``output``/NAME.FORMAT.tflite, each with its passport beside it. Warns
    (:class:`UserWarning`) when neither the model nor ``input_range`` says what the pixels are
    scaled to, and 0..1 is assumed.

    Args:
        model: a Keras model, a ``.keras`` or ``.h5`` file, or a name of the zoo (random weights: for
            latency). A model is saved to a temporary file and loaded by another process, so its layers
            must be those of Keras.
        formats: one or several of ``float32``, ``float16``, ``int8`` and ``dynamic``; or ``all``.
        calibration: representative images, which int8 needs: a folder, ``digits``, or ``random``
            (latency only). The answers are compared on them.
        output: folder of the files; created if need be.
        name: what the files' names begin with; only of a Keras model.  [default: the model's]
        samples: images to take from ``calibration``, the classes taking turns.
        seed: of that choice, and of a zoo name's random weights.
        io: what int8 files take and give: ``int8`` or ``float32``.
        classes: outputs; only of a zoo name.  [default: the network's]
        size: input side in pixels, or (height, width); of a zoo name, or a model of free size.
        input_range: ``raw`` 0..255, ``unit`` 0..1, ``tf`` -1..1, ``torch``, ``caffe`` or ``lite``.
            [default: what the model says]
        labels: class names in output order.  [default: what the model says]
        allow_code: let Python code in a file run (Lambda layers).
        progress: called as each step begins.

    Raises:
        UsageError, ModelFileError, DataError, OutputError: what was given does not work.
        CheckFailed: a float32 file differs from the Keras model by more than float32 may, or an answer
            is not finite. The files are written all the same.
        EnvironmentProblem: a package is not installed, or a child process crashed.
    """
    from mobilecnn.convert.conversion import Source
    from mobilecnn.export import Calibration, refuse_different
    from mobilecnn.export import export as exported
    from mobilecnn.quantize.formats import names

    if isinstance(labels, str):
        raise UsageError(f"labels must be a list of class names, and is the text {labels!r}")
    chosen = names() if formats == ALL else (formats,) if isinstance(formats, str) else tuple(formats)
    given = None if calibration is None else Calibration(str(calibration), samples, seed)
    with _as_text(model, name) as text:
        source = Source(
            text=text,
            classes=classes,
            size=size,
            input_range=input_range,
            labels=None if labels is None else tuple(labels),
            unsafe=allow_code,
            seed=seed,
        )
        files = exported(source, chosen, Path(output), given, io, progress)
    if not files[0].passport.contract.stated:
        warnings.warn(
            f"{files[0].path.name}: the model does not say what input range it expects, and 0..1 is assumed; "
            "say input_range= to be sure",
            stacklevel=2,
        )
    for file in files:
        refuse_different(file)
    return files


@contextmanager
def _as_text(model: Any, name: str | None) -> Iterator[str]:
    """What a :class:`Source` takes: a path or zoo name as it is, a Keras model as a file while the block runs."""
    if isinstance(model, str | os.PathLike):
        if name is not None:
            raise UsageError(
                "name= is for Keras models; the files of a path or a zoo name are called after it"
            )
        yield os.fspath(model)
        return
    if not callable(getattr(model, "save", None)) or not hasattr(model, "layers"):
        raise UsageError(
            f"a path, a zoo name or a Keras model can be exported, and this is a {type(model).__name__}"
        )
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name or model.name)
    with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
        path = Path(folder) / f"{stem}.keras"
        try:
            model.save(path)
        except Exception as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelFileError(
                f"Keras cannot save the model {model.name!r} ({first[:200]}); build it of Keras' own layers"
            ) from error
        if model in _built:
            from mobilecnn.train.keras_file import write_info

            write_info(path, _built[model])
        yield str(path)
