"""Answers to all images of a data set: ``predict``."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecnn.steps import Progress, no_progress

if TYPE_CHECKING:
    from mobilecnn.quantize.asking import Asking
    from mobilecnn.quantize.classifiers import Classifier
    from mobilecnn.quantize.predictions import Formed, Predicted
    from mobilecnn.remarks import Remarked


def predict(
    model: str | Path,
    data: str | Path,
    output: str | Path,
    *,
    split: str | None = None,
    scores: bool = False,
    runtime: str = "litert",
    input_range: str | None = None,
    override_input_range: bool = False,
    output_kind: str | None = None,
    allow_code: bool = False,
    skip_bad: bool = False,
    custom_objects: str | Path | None = None,
    progress: Progress | None = None,
) -> "Predicted":
    """Ask a model about each image of a data set, and write the answers to a CSV file.

    The images are decoded and asked some at a time. Warns (:class:`UserWarning`) of what in the data is not used, or not
    as one might expect.

    Args:
        model: path of a ``.tflite``, ``.keras`` or ``.h5`` file or of a SavedModel folder.
        data: folder of images, labelled or not, or another data set; of one with parts ``test`` is used.
        output: path of the CSV file; earlier answers there are replaced, and no other file.
        split: part of data that is divided: ``train``, ``validation`` or ``test``.  [default: ``test``]
        scores: whether each class has a column with its probability.
        runtime: runtime for .tflite files: ``litert`` or ``tflite-runtime``.
        input_range: range of the input of a model that does not say it itself; as in :func:`export`.
        override_input_range: whether ``input_range`` goes before what the model says.
        output_kind: what the outputs are, where the model does not show it; as in :func:`export`.
        allow_code: whether Python code in a Keras file may run.
        skip_bad: whether to leave out images that cannot be read.
        custom_objects: path of a Python file with your own layers and functions in the Keras file; it runs.
        progress: function called as images are asked.

    Raises:
        UsageError, ModelFileError, DataError, OutputError: an argument is out of range, or a file cannot be
            read or written.
        EnvironmentProblem: a package is not installed, or a child process crashed.
    """
    from mobilecnn.quantize.asking import Asking
    from mobilecnn.quantize.predictions import FIRST, ranking
    from mobilecnn.remarks import Remarks

    how = Asking(
        runtime=runtime,
        input_range=input_range,
        override_input_range=override_input_range,
        output_kind=output_kind,
        allow_code=allow_code,
        custom_objects=None if custom_objects is None else Path(custom_objects),
    )
    remarks = Remarks()
    made = predicted(
        Path(model),
        str(data),
        Path(output),
        ranking(scores),
        how,
        replaces=FIRST,
        split=split,
        skip_bad=skip_bad,
        progress=progress or no_progress,
        said=remarks,
    )
    for remark in remarks.rows:
        warnings.warn(remark.text, stacklevel=2)
    return made


def predicted(
    model: Path,
    data: str,
    output: Path,
    formed: "Formed",
    how: "Asking",
    *,
    replaces: Sequence[str],
    split: str | None,
    skip_bad: bool,
    progress: Progress,
    said: "Remarked",
    accepted: "Callable[[Classifier], None]" = lambda model: None,
) -> "Predicted":
    """:func:`mobilecnn.quantize.predictions.write` for the data that ``data`` names; ``said`` is told each remark.

    Raises:
        UsageError: ``data`` is one file that is no data set; or as in :func:`predict`.
        ModelFileError, DataError, OutputError, EnvironmentProblem: as in :func:`predict`.
    """
    from mobilecnn.errors import UsageError
    from mobilecnn.quantize.predictions import write
    from mobilecnn.train import datasets

    if datasets.reader_of(data) is None and Path(data).is_file():
        raise UsageError(
            f"a table has the answers to all images of a data set, and {data} is one file; leave -o out, or give its folder"
        )
    dataset = datasets.judged(data, split, said)
    for remark in dataset.remarks:
        said(remark)
    return write(
        model,
        dataset,
        output,
        formed,
        how,
        replaces=replaces,
        skip_bad=skip_bad,
        progress=progress,
        remarked=said,
        accepted=accepted,
    )
