"""From an architecture or a model to checked ``.tflite`` files: ``build`` and ``export``."""

import hashlib
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.files import FULL, temporary_folder
from mobilecnn.steps import Progress

if TYPE_CHECKING:
    import keras

    from mobilecnn.convert.conversion import InMemory
    from mobilecnn.exported import Exported
    from mobilecnn.train.keras_file import ModelInfo

_built: "WeakKeyDictionary[Any, tuple[ModelInfo, str]]" = WeakKeyDictionary()
"""Models that :func:`build` made, as long as they live -> what is known of them, and the digest of their initial
weights."""


def build(
    name: str, *, classes: int | None = None, size: int | tuple[int, int] | None = None
) -> "keras.Model":
    """A network of the zoo as a Keras model: softmax output, random weights, one output.

    :func:`export` knows the input contract of such a model.

    Args:
        name: name of a zoo network, such as ``mobilenet_v2_x1.0_224`` (``mobilecnn models`` lists them).
        classes: number of outputs, at least 1.  [default: the network's, most often 1000]
        size: input side in pixels, or (height, width).  [default: the name's]

    Returns:
        The model: input (batch, height, width, channels), float32; output (batch, classes), float32.

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
    info = ModelInfo(architecture=str(parsed), contract=zoo.contract(parsed, sides))
    _built[model] = info, _digest(model)
    return model


def export(
    model: "str | os.PathLike[str] | keras.Model",
    formats: str | Sequence[str],
    calibration: str | Path | None = None,
    *,
    data: str | Path | None = None,
    output: str | Path = ".",
    name: str | None = None,
    samples: int = 100,
    min_agreement: float = 90.0,
    min_sqnr: float = 10.0,
    seed: int = 0,
    io: str | None = None,
    classes: int | None = None,
    size: int | tuple[int, int] | None = None,
    input_range: str | None = None,
    override_input_range: bool = False,
    output_kind: str | None = None,
    labels: Sequence[str] | None = None,
    lowering: str | Sequence[str] = "auto",
    target: str = "any",
    correct: str | Sequence[str] = "auto",
    keep_float: Sequence[str] = (),
    recipe: str | Path | None = None,
    target_runtime: str | None = None,
    max_drop: float | None = None,
    device: str | None = None,
    allow_code: bool = False,
    skip_bad: bool = False,
    custom_objects: str | Path | None = None,
    progress: Progress | None = None,
) -> "tuple[Exported, ...]":
    """Export a Keras model as ``.tflite`` files, each checked against it; a result for each file.

    The files are ``output``/NAME.FORMAT.tflite, each with its passport beside it. Warns
    (:class:`UserWarning`) when nothing in the model shows what its scores are; of what in the calibration
    data is not used, or not as one might expect; and of what the images leave undecided.

    Args:
        model: Keras model, path of a ``.keras`` or ``.h5`` file or of a SavedModel folder, or name of a zoo
            network (random weights: for latency). A model is saved to a temporary file and loaded by another
            process, which knows the layers of Keras, and those in ``custom_objects``.
        formats: one or several of the names ``float32``, ``float16``, ``int8``, ``dynamic``, ``int16x8`` and
            ``int8-weights``, or ``all`` for the first four; or ``auto``, the first file of a ladder of repairs from int8 to
            float16 that keeps the right answers for ``data``.
        calibration: source of representative images, which int8 needs: a folder, ``digits``, or ``random``
            (latency only). A third of them calibrate nothing, and the answers are compared on these.
        data: labelled images to ask the Keras model and each file for: a folder of class folders, or ``digits``
            (its held-out part).
        output: folder for the files, created if it does not exist.
        name: first part of the files' names; for Keras models only.  [default: the model's]
        samples: number of images to calibrate on, the classes taking turns.
        min_agreement: smallest share of images on which a file must have the model's answer, in per cent.
        min_sqnr: smallest signal-to-quantization-noise ratio that it must have, in dB.
        seed: seed of that choice and of a zoo network's random weights.
        io: type of the input and the output of int8 files: ``int8``, ``uint8`` or ``float32``.
            [default: ``int8``, or what ``recipe`` says]
        classes: number of outputs; for zoo names only.  [default: the network's]
        size: input side in pixels, or (height, width); for a zoo name or a model of free size.
        input_range: range of the input: ``raw`` 0..255, ``unit`` 0..1, ``tf`` -1..1, ``torch``, ``caffe`` or ``lite``.
            [default: what the model states, or its first layers prove]
        override_input_range: whether ``input_range`` goes before what the model states or proves; the passports
            then say so.
        output_kind: what the outputs are, where the model does not show it, such as ``sigmoid-exclusive``; a row
            of :data:`mobilecnn.convert.output_kinds.KINDS`.  [default: what the last layer shows]
        labels: class names in output order; for a single output two, that of a low score first.
            [default: what the model says]
        lowering: rewrites of the graph into the same, faster: ``auto`` for all, ``none``, or names of some.
        target: where the files are to run, for rewrites that choose by cost: ``any``, ``x86``, ``x86-amx``, ``pi3``, ``pi4``,
            ``pi5``, ``rk3399``, ``sd810``, ``sd820``, ``tflite-runtime``, or the path of a ``.json`` file of ``mobilecnn tune``.
        correct: corrections of quantized files by the calibration images: ``auto`` for all that do good, ``none``, or
            among ``equalization``, ``clipping`` and ``bias_correction``.
        keep_float: shell patterns of the names of operators that stay in float32 in every format.
        recipe: path of a file with rules for the format that it names, which is made too.
        target_runtime: runtime that the files are for, such as ``tflite-runtime==2.14``, or the name of a device, which is asked:
            what it lacks is mended, or refused.
        max_drop: with ``auto``, largest loss of right answers that is allowed, in percentage points.  [default: 0.5]
        device: with ``auto``, device to time the files on, or an emulated chip to model their time on.  [default: ``local``]
        allow_code: whether Python code in a file may run (Lambda layers).
        skip_bad: whether to leave out images that cannot be read.
        custom_objects: path of a Python file with the layers and functions of your own that the model has; it runs.
        progress: function called as each step begins.

    Raises:
        UsageError, ModelFileError, DataError, OutputError: an argument is out of range, or a file cannot be
            read or written.
        CheckFailed: a float32 file differs from the Keras model by more than float32 may, an answer of a file is
            not finite, a file is surely below ``min_agreement`` or ``min_sqnr`` (in neither the 95 % interval reaches it),
            or of ``data`` the Keras model or a file has no more right than chance gives, or a file much
            fewer than the Keras model; the files are written all the same. Or the Keras model's own answers are not
            finite, or with ``auto`` no file passes; then nothing is written.
        EnvironmentProblem: a package is not installed, or a child process crashed.
    """
    from mobilecnn.convert.conversion import Source
    from mobilecnn.export import export as exported
    from mobilecnn.exported import doubts, refuse_different
    from mobilecnn.ladder import asked as asked_climb
    from mobilecnn.quantize.calibration.images import Calibration
    from mobilecnn.quantize.formats import expanded
    from mobilecnn.quantize.recipes import Recipe
    from mobilecnn.quantize.verdict import Floors
    from mobilecnn.remarks import Remarks

    if isinstance(labels, str):
        raise UsageError(f"labels must be a list of class names, and is the text {labels!r}")
    if isinstance(keep_float, str):
        raise UsageError(f"keep_float must be a list of patterns, and is the text {keep_float!r}")
    chosen = expanded((formats,) if isinstance(formats, str) else formats)
    given = None if calibration is None else Calibration(str(calibration), samples, seed, skip_bad)
    remarks = Remarks()
    with _as_file(model, name) as (text, in_memory):
        source = Source(
            text=text,
            in_memory=in_memory,
            classes=classes,
            size=size,
            input_range=input_range,
            override=override_input_range,
            output_kind=output_kind,
            labels=None if labels is None else tuple(labels),
            unsafe=allow_code,
            custom_objects=None if custom_objects is None else Path(custom_objects),
            seed=seed,
        )
        files = exported(
            source,
            chosen,
            Path(output),
            given,
            io,
            progress,
            None if data is None else str(data),
            remarks,
            skip_bad,
            lowering,
            target,
            Floors(min_agreement, min_sqnr),
            correct,
            keep_float,
            None if recipe is None else Recipe.read(Path(recipe)),
            target_runtime,
            asked_climb(max_drop, device),
        )
    for remark in remarks.rows:
        warnings.warn(remark.text, stacklevel=2)
    if files[0].passport.kind.name == "unknown" and output_kind is None:
        warnings.warn(
            f"{files[0].path.name}: nothing in the model shows what its scores are, and no probabilities are made of them; "
            "say output_kind= if you know",
            stacklevel=2,
        )
    for doubt in doubts(files):
        warnings.warn(doubt, stacklevel=2)
    refuse_different(files)
    return files


@contextmanager
def _as_file(model: Any, name: str | None) -> "Iterator[tuple[str, InMemory | None]]":
    """What a :class:`Source` takes: a path or zoo name as it is, a Keras model as a file while the block runs."""
    from mobilecnn.convert.conversion import InMemory
    from mobilecnn.convert.keras_causes import not_saved

    if isinstance(model, str | os.PathLike):
        if name is not None:
            raise UsageError(
                "name= is for Keras models; the files of a path or a zoo name are called after it"
            )
        yield os.fspath(model), None
        return
    if not callable(getattr(model, "save", None)) or not hasattr(model, "layers"):
        raise UsageError(
            f"a path, a zoo name or a Keras model can be exported, and this is a {type(model).__name__}"
        )
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name or model.name)
    with temporary_folder() as folder:
        path = folder / f"{stem}.keras"
        try:
            model.save(path)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            raise ModelFileError(not_saved(model.name, error)) from error
        trained = True
        if model in _built:
            from mobilecnn.train.keras_file import write_info

            info, initial = _built[model]
            write_info(path, info)
            trained = _digest(model) != initial
        yield str(path), InMemory(model.name, trained)


def _digest(model: Any) -> str:
    """SHA-256 of a Keras model's weights, in their order."""
    import keras

    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(keras.ops.convert_to_numpy(weight).tobytes())
    return digest.hexdigest()
