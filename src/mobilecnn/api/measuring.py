"""What files do, and what was kept of it: ``evaluate``, ``bench``, ``summarize``, ``compare``, ``report``, ``load``."""

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecnn.errors import InputError, ModelFileError, UsageError
from mobilecnn.steps import Progress, Say, no_progress, no_say

if TYPE_CHECKING:
    from mobilecnn.bench.judge.compare import Compared
    from mobilecnn.bench.judge.summary import Result
    from mobilecnn.bench.pages.result_files import Results
    from mobilecnn.bench.records.instructions import Instructions
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.records.stream import Stream
    from mobilecnn.convert.passport import Passport
    from mobilecnn.exported import Exported
    from mobilecnn.quantize.asking import Asking
    from mobilecnn.quantize.evaluation import Evaluation
    from mobilecnn.remarks import Remarked


def evaluate(
    models: "str | Path | Exported | Sequence[str | Path | Exported]",
    data: str | Path = "digits",
    *,
    split: str | None = None,
    max_drop: float | None = None,
    runtime: str = "litert",
    input_range: str | None = None,
    override_input_range: bool = False,
    output_kind: str | None = None,
    allow_code: bool = False,
    skip_bad: bool = False,
    custom_objects: str | Path | None = None,
    output: str | Path | None = None,
    progress: Progress | None = None,
) -> "Evaluation":
    """Accuracy of model files on the same labelled images, each file compared with the first.

    Warns (:class:`UserWarning`) of what in the data is not used, or not as one might expect, and of files that have
    no more of the images right than chance gives.

    Args:
        models: paths of ``.tflite``, ``.keras`` or ``.h5`` files or of SavedModel folders, or results of :func:`export`.
        data: folder of class folders, or of parts of which ``test`` is used; a manifest, or another data set; or
            ``digits`` (its held-out part).
        split: part of data that is divided: ``train``, ``validation`` or ``test``.  [default: ``test``]
        max_drop: largest loss of a file against the first, in percentage points of the images.  [default: any]
        runtime: runtime for .tflite files: ``litert`` or ``tflite-runtime``.
        input_range: range of the input of models that do not say it themselves; as in :func:`export`.
        override_input_range: whether ``input_range`` goes before what the models say.
        output_kind: what the outputs are, where a model does not show it; as in :func:`export`.
        allow_code: whether Python code in Keras files may run.
        skip_bad: whether to leave out images that cannot be read.
        custom_objects: path of a Python file with your own layers and functions in the Keras files; it runs.
        output: path of a JSON file for the result; an earlier result there is replaced, and no other file; :func:`report` reads
            it.
        progress: function called as each image is decoded.

    Raises:
        UsageError, ModelFileError, DataError, OutputError: an argument is out of range, or a file cannot be
            read or written.
        CheckFailed: a file surely loses more than ``max_drop``; the result is in ``output`` all the same.
        EnvironmentProblem: a package is not installed, or a child process crashed.
    """
    from mobilecnn.quantize import drops
    from mobilecnn.quantize.asking import Asking

    if max_drop is not None:
        drops.check(max_drop, len(_paths(models)))
    how = Asking(
        runtime=runtime,
        input_range=input_range,
        override_input_range=override_input_range,
        output_kind=output_kind,
        allow_code=allow_code,
        custom_objects=None if custom_objects is None else Path(custom_objects),
    )
    kept = None if output is None else Path(output)
    evaluation = evaluated(
        _paths(models), str(data), how, split=split, skip_bad=skip_bad, output=kept, progress=progress
    )
    for remark in evaluation.remarks:
        warnings.warn(remark.text, stacklevel=2)
    if max_drop is not None:
        for text in drops.undecided(evaluation, max_drop):
            warnings.warn(text, stacklevel=2)
        drops.refuse(evaluation, max_drop)
    return evaluation


def evaluated(
    models: Sequence[Path],
    data: str,
    how: "Asking",
    *,
    split: str | None,
    skip_bad: bool,
    output: Path | None,
    progress: Progress | None,
    said: "Remarked | None" = None,
) -> "Evaluation":
    """:func:`evaluate` without its warnings, for the command, whose ``said`` is told each remark as it is made."""
    from mobilecnn.files import write_json
    from mobilecnn.locks import locked
    from mobilecnn.quantize import accuracy
    from mobilecnn.quantize.evaluation import Evaluation
    from mobilecnn.quantize.origins import say_seen
    from mobilecnn.remarks import Remarks
    from mobilecnn.replacing import check_record
    from mobilecnn.train import datasets

    if output is not None:
        check_record(output, Evaluation.SCHEMA, "an evaluation")  # Before the work, not after.
    with nullcontext() if output is None else locked(output):
        remarks = Remarks() if said is None else Remarks(said)
        dataset = datasets.judged(data, split, remarks)
        for remark in dataset.remarks:
            remarks(remark)
        if skip_bad:
            dataset = dataset.readable(remarks, progress or no_progress)
        results = accuracy.evaluate(models, dataset, how, progress=progress, remarked=remarks)
        say_seen(models, dataset, remarks)
        evaluation = Evaluation(dataset.name, len(dataset), how.runtime, results, tuple(remarks.rows))
        if output is not None:
            write_json(output, evaluation.to_json())
    return evaluation


def bench(
    models: "str | Path | Exported | Sequence[str | Path | Exported]",
    *,
    device: str = "local",
    benchmark_model: str | Path | None = None,
    cores: str | None = None,
    runtime: str = "litert",
    threads: int = 1,
    rounds: int = 3,
    warmup_runs: int = 5,
    warmup_seconds: float = 0.5,
    runs: int = 50,
    seconds: float = 1.0,
    seed: int = 0,
    cool_down: float = 0.0,
    delegate: str = "default",
    allow_wrong_answers: bool = False,
    output: str | Path | None = None,
    progress: Progress | None = None,
    say: Say = no_say,
) -> "Measurement":
    """Time ``.tflite`` files on a device; :func:`summarize` says what the measurement means.

    Every file first answers the golden pictures of its passport on the device.

    Args:
        models: paths of ``.tflite`` files, or results of :func:`export`.
        device: device to time on: ``local``, a name of ``mobilecnn devices``, or an SSH host.
        benchmark_model: path of TFLite's benchmark program, for phones.
        cores: cores that the processes are bound to: ``prime``, ``big``, ``little``, ``all``, or a hexadecimal
            mask whose bit i is core i.  [default: ``big`` on a phone, else any]
        runtime: runtime for the files: ``litert`` or ``tflite-runtime``.
        threads: number of interpreter threads.
        rounds: number of fresh processes for each file.
        warmup_runs: fewest untimed inferences of a process, before the timed ones.
        warmup_seconds: shortest duration of the warm-up, in seconds.
        runs: fewest timed inferences of a process.
        seconds: shortest duration of the timed part, in seconds.
        seed: seed of the order of the files and of the input data.
        cool_down: longest wait before each process, in seconds, until the device is about as cool as at the
            start.
        delegate: what runs the operators: ``default``, ``xnnpack``, ``none`` (the built-in kernels), or ``gpu`` (on a
            phone).
        allow_wrong_answers: whether to time files whose answers differ from those of their passports.
        output: path of the measurement's JSON file, which must not exist; complete rounds are kept beside
            it, as ``*.partial.json``, when the work is cut short.
        progress: function called as each process begins.
        say: function called with a sentence about each wait.

    Raises:
        UsageError, ModelFileError, OutputError: an argument is out of range, or a file cannot be read or
            written.
        CheckFailed: a file does not answer on the device as its passport says; nothing was timed.
        EnvironmentProblem: the device cannot be reached or used, or a process crashed.
    """
    from mobilecnn.bench.devices.registry import timing_device
    from mobilecnn.bench.records.protocol import OnPhone, Protocol
    from mobilecnn.bench.timing.rounds import measure
    from mobilecnn.records import recording

    protocol = Protocol(
        runtime=runtime,
        threads=threads,
        rounds=rounds,
        warmup_runs=warmup_runs,
        warmup_seconds=warmup_seconds,
        runs=runs,
        seconds=seconds,
        seed=seed,
        cool_down=cool_down,
        delegate=delegate,
        cores=cores,
    )
    phone = None if benchmark_model is None else OnPhone(Path(benchmark_model))
    where = timing_device(device, runtime, phone)
    with nullcontext(None) if output is None else recording(Path(output)) as keep, where:
        return measure(
            _paths(models),
            where,
            protocol,
            progress,
            allow_wrong_answers=allow_wrong_answers,
            keep=keep,
            say=say,
        )


def summarize(measurement: "Measurement | str | Path") -> "tuple[Result, ...]":
    """What a measurement says of each file: median latency with its interval, VALID or why not.

    Args:
        measurement: measurement from :func:`bench`, or the path of its file.

    Raises:
        InputError: the file is missing, damaged, or not a measurement.
    """
    from mobilecnn.bench.judge.summary import summarize as summary

    return summary(_measurement(measurement))


def compare(
    a: "Measurement | str | Path",
    b: "Measurement | str | Path",
    *,
    models: Sequence[str] = (),
    across: bool = False,
    max_slowdown: float | None = None,
    even_invalid: bool = False,
) -> "Compared":
    """What became faster or slower from measurement ``a`` to measurement ``b``, model by model.

    Args:
        a: measurement from :func:`bench`, or the path of its file.
        b: measurement that is compared with ``a``, given in the same way.
        models: names of the models to compare, matched by file name; ``NAME=OTHER`` pairs a's NAME with b's
            OTHER.  [default: all that both have]
        across: whether runs on unlike devices, runtimes or thread counts may be compared, too.
        max_slowdown: largest share by which b may be slower: 0.05 is 5 %.
        even_invalid: whether verdicts are given on INVALID results, too; otherwise they are undecided.

    Raises:
        InputError: a file is missing or damaged, no model is in both, or the runs are unlike.
        CheckFailed: a model of b is certainly slower than ``max_slowdown`` allows.
        EnvironmentProblem: that cannot be told, because a result is INVALID.
    """
    from mobilecnn.bench.judge import compare as judge

    compared = judge.apart(
        _measurement(a),
        _measurement(b),
        models,
        across=across,
        max_slowdown=max_slowdown,
        even_invalid=even_invalid,
    )
    if max_slowdown is not None:
        judge.refuse_slowdown(compared, max_slowdown)
    return compared


def report(results: "str | Path | Sequence[str | Path]", output: str | Path = "report.html") -> Path:
    """Write measurements, long runs and accuracies as one HTML page; returns its path.

    Args:
        results: paths of files that :func:`bench` and :func:`evaluate` or the commands wrote, or of folders of
            them.
        output: path of the page, replaced if it exists; it must end in ``.html``.

    Raises:
        InputError: a file is missing, damaged or of another kind; or none is a measurement, a long run or counts.
        UsageError: ``output`` has another suffix.
        OutputError: the page cannot be written.
    """
    page = Path(output)
    write_report(_paths(results), page)
    return page


def write_report(results: Sequence[Path], page: Path) -> "Results":
    """:func:`report`, and what the page shows."""
    from mobilecnn.bench.pages.report import html
    from mobilecnn.bench.pages.result_files import read
    from mobilecnn.files import write_text
    from mobilecnn.locks import locked
    from mobilecnn.replacing import check_page

    # A measurement is never replaced, not even by a slip of the page's name.
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the page's name must end in .html, and it is {page}")
    check_page(page)
    with locked(page):
        shown = read(results)
        write_text(page, html(shown))
    return shown


def load(path: str | Path) -> "Measurement | Instructions | Stream | Evaluation | Passport":
    """Read a file that mobilecnn wrote: a measurement, counts, a stream, an evaluation, or a passport.

    Args:
        path: path of a ``.json`` file, or of a ``.tflite`` file, whose passport is read. A passport's own
            ``.json`` is read without a look at the model.

    Raises:
        InputError: the file is missing, damaged, of an unknown version or of another kind; or a ``.tflite``
            file has no passport, or that of another file.
    """
    from mobilecnn.bench.records.instructions import Instructions
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.records.stream import Stream
    from mobilecnn.convert import passport
    from mobilecnn.files import read_bytes, sha256
    from mobilecnn.quantize.evaluation import Evaluation
    from mobilecnn.records import schema as schema_of

    path = Path(path)
    if path.suffix.lower() == ".tflite":
        card = passport.read(path, sha256(read_bytes(path, "model", ModelFileError)))
        if card is None:
            raise InputError(f"there is no passport beside {path}; export the model with mobilecnn")
        return card
    schema = schema_of(path)
    for kind in (Measurement, Instructions, Stream, Evaluation, passport.Passport):
        if schema == kind.SCHEMA:
            return kind.read(path)
    raise InputError(
        f"{path} holds none of mobilecnn's records; give a measurement, counts, a stream, an evaluation, a passport, or "
        "a .tflite file"
    )


def _measurement(given: "Measurement | str | Path") -> "Measurement":
    from mobilecnn.bench.records.measurement import Measurement

    return Measurement.read(Path(given)) if isinstance(given, str | Path) else given


def _paths(given: Any) -> list[Path]:
    """Paths of one or several files, given as paths or as results that have one."""
    several = [given] if isinstance(given, str | Path) or hasattr(given, "path") else given
    return [Path(getattr(file, "path", file)) for file in several]
