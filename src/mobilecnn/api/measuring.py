"""What files do, and what was kept of it: ``evaluate``, ``bench``, ``summarize``, ``compare``, ``report``, ``load``."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecnn.errors import InputError, ModelFileError, UsageError
from mobilecnn.steps import Progress, Say, no_say

if TYPE_CHECKING:
    from mobilecnn.bench.judge.compare import Compared
    from mobilecnn.bench.judge.summary import Result
    from mobilecnn.bench.records.instructions import Instructions
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.records.stream import Stream
    from mobilecnn.convert.passport import Passport
    from mobilecnn.export import Exported
    from mobilecnn.quantize.evaluation import Evaluation


def evaluate(
    models: "str | Path | Exported | Sequence[str | Path | Exported]",
    data: str | Path = "digits",
    *,
    runtime: str = "litert",
    input_range: str | None = None,
    allow_code: bool = False,
    output: str | Path | None = None,
    progress: Progress | None = None,
) -> "Evaluation":
    """Accuracy of model files on the same labelled images, each file compared with the first.

    Args:
        models: ``.tflite``, ``.keras`` or ``.h5`` files, or what :func:`export` gave.
        data: a folder of class folders, or ``digits`` (its held-out part).
        runtime: of .tflite files: ``litert`` or ``tflite-runtime``.
        input_range: overrides what the models say; as in :func:`export`.
        allow_code: let Python code in Keras files run.
        output: JSON file to write the result to, replaced if it exists; :func:`report` reads it.
        progress: called as each image is decoded.

    Raises:
        UsageError, ModelFileError, DataError, OutputError: what was given does not work.
        EnvironmentProblem: a package is not installed, or a child process crashed.
    """
    from mobilecnn.files import check_writable, write_json
    from mobilecnn.quantize import accuracy
    from mobilecnn.quantize.evaluation import Evaluation
    from mobilecnn.train.datasets import load as load_data

    if output is not None:
        check_writable(Path(output).parent)  # Before the work, not after.
    dataset = load_data(str(data), "test")
    results = accuracy.evaluate(
        _paths(models),
        dataset,
        input_range=input_range,
        runtime=runtime,
        unsafe=allow_code,
        progress=progress,
    )
    evaluation = Evaluation(str(data), len(dataset), runtime, results)
    if output is not None:
        write_json(Path(output), evaluation.to_json())
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
    allow_wrong_answers: bool = False,
    output: str | Path | None = None,
    progress: Progress | None = None,
    say: Say = no_say,
) -> "Measurement":
    """Time ``.tflite`` files on a device; :func:`summarize` says what the measurement means.

    Every file first answers the golden pictures of its passport on the device.

    Args:
        models: ``.tflite`` files, or what :func:`export` gave.
        device: ``local``, a name of ``mobilecnn devices``, or an SSH host.
        benchmark_model: of a phone: TFLite's program for Android.
        cores: of a phone: ``big``, ``little`` or ``all``.
        runtime: ``litert`` or ``tflite-runtime``.
        threads: of the runtime.
        rounds: fresh processes for each file.
        warmup_runs: untimed inferences of a process, at least.
        warmup_seconds: and for at least so long.
        runs: timed inferences of a process, at least.
        seconds: and for at least so long.
        seed: of the order and the inputs.
        cool_down: seconds to wait at most before each process until the device is as cool as at the start.
        allow_wrong_answers: time files that do not answer as their passports say.
        output: JSON file of the measurement, which must not exist; complete rounds are kept there,
            as ``*.partial.json``, when the work is cut short.
        progress: called as each process begins.
        say: told of waits, in sentences.

    Raises:
        UsageError, ModelFileError, OutputError: what was given does not work.
        CheckFailed: a file does not answer on the device as its passport says; nothing was timed.
        EnvironmentProblem: the device is not as it must be, or a process crashed.
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
    )
    program = None if benchmark_model is None else Path(benchmark_model)
    phone = None if program is None and cores is None else OnPhone(program, cores)
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
        measurement: from :func:`bench`, or its file.

    Raises:
        InputError: the file is missing, damaged, or no measurement.
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
) -> "Compared":
    """What became faster or slower from measurement ``a`` to measurement ``b``, model by model.

    Args:
        a: from :func:`bench`, or its file.
        b: the other.
        models: names to compare, matched by file name; ``NAME=OTHER`` pairs a's NAME with b's OTHER.
            [default: all that both have]
        across: compare runs on unlike devices, runtimes or threads, too.
        max_slowdown: share by which b may be slower: 0.05 is 5 %.

    Raises:
        InputError: nothing to compare, or the runs are unlike.
        CheckFailed: a model of b is slower than ``max_slowdown`` allows, for sure.
    """
    from mobilecnn.bench.judge import compare as judge

    compared = judge.apart(_measurement(a), _measurement(b), models, across=across, max_slowdown=max_slowdown)
    if max_slowdown is not None:
        judge.refuse_slowdown(compared, max_slowdown)
    return compared


def report(results: "str | Path | Sequence[str | Path]", output: str | Path = "report.html") -> Path:
    """Write measurements and accuracies as one HTML page; returns its path.

    Args:
        results: files that :func:`bench` and :func:`evaluate` or the commands wrote, or folders of them.
        output: the page, replaced if it exists; its name ends in ``.html``.

    Raises:
        InputError: a file is missing, damaged or something else; or none is a measurement.
        UsageError: ``output`` has another suffix.
        OutputError: it cannot be written.
    """
    from mobilecnn.bench.pages.report import html
    from mobilecnn.bench.pages.result_files import read
    from mobilecnn.files import write_text

    page = Path(output)
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the page's name must end in .html, and output is {page}")
    write_text(page, html(read(_paths(results))))
    return page


def load(path: str | Path) -> "Measurement | Instructions | Stream | Evaluation | Passport":
    """Read a file that mobilecnn wrote: a measurement, counts, a stream, an evaluation, or a passport.

    Args:
        path: a ``.json`` file, or a ``.tflite`` file, whose passport is read.

    Raises:
        InputError: missing, damaged, of an unknown version, or something else; a ``.tflite`` file
            without a passport, or with that of another file.
    """
    from mobilecnn.bench.records.instructions import Instructions
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.records.stream import Stream
    from mobilecnn.convert import passport
    from mobilecnn.files import read_bytes, sha256
    from mobilecnn.quantize.evaluation import Evaluation
    from mobilecnn.records import schema as schema_of

    path = Path(path)
    schema = passport.SCHEMA if path.suffix.lower() == ".tflite" else schema_of(path)
    if schema == passport.SCHEMA:
        model = path.with_suffix(".tflite")
        card = passport.read(model, sha256(read_bytes(model, "model", ModelFileError)))
        if card is None:
            raise InputError(f"there is no passport beside {model}; export the model with mobilecnn")
        return card
    for kind in (Measurement, Instructions, Stream, Evaluation):
        if schema == kind.SCHEMA:
            return kind.read(path)
    raise InputError(
        f"{path} holds none of mobilecnn's records; give a measurement, counts, a stream, an evaluation, a passport, or "
        "a .tflite file"
    )


def _measurement(given: "Measurement | str | Path") -> "Measurement":
    from mobilecnn.bench.records.measurement import read

    return read(Path(given)) if isinstance(given, str | Path) else given


def _paths(given: Any) -> list[Path]:
    """One or several files, each as a path or as a result that has one."""
    several = [given] if isinstance(given, str | Path) or hasattr(given, "path") else given
    return [Path(getattr(file, "path", file)) for file in several]
