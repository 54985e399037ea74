"""Where the time of a model goes: each operator timed apart, on the device, by the same harness.

Each operator is a file of its own (:mod:`mobilecnn.convert.graph.cut`). Those that cost the same are
timed once. The whole file is timed in the same rounds, and so is a file that does nothing, because
every part's time contains one call of the interpreter.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.adb.operator_profile import OperatorProfile
from mobilecnn.bench.devices.seam import CanMeasureBandwidth, CanProfileOperators, CanTime, Device, require
from mobilecnn.bench.judge import statistics
from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.judge.summary import Result, summarize
from mobilecnn.bench.records.measurement import Measurement, Rounds
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.rounds import TIMING_TIMEOUT, measure
from mobilecnn.convert.graph import build, cut
from mobilecnn.convert.graph.cut import Part
from mobilecnn.errors import EnvironmentProblem, InputError, ModelFileError, UsageError
from mobilecnn.files import read_bytes, write_bytes
from mobilecnn.records import record
from mobilecnn.steps import Progress

PRODUCT, EMPTY = "matrix-product", "empty"
"""Names of the files that are timed beside the operators."""

BANDWIDTH_TIMEOUT = 120.0
"""Seconds that measuring the bandwidth may take; a board imports numpy in ten, and allocates what it copies."""

GROUPS = {
    "CONV_2D": "convolution",
    "DEPTHWISE_CONV_2D": "depthwise convolution",
    "TRANSPOSE_CONV": "convolution",
    "FULLY_CONNECTED": "fully connected",
    "BATCH_MATMUL": "fully connected",
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "SUM", "REDUCE_MAX"), "pooling"),
    **dict.fromkeys(
        (
            "ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU",
            "PRELU", "ELU", "GELU", "HARD_SWISH", "LOGISTIC", "TANH", "EXP", "SQRT", "RSQRT", "SOFTMAX",
            "LOCAL_RESPONSE_NORMALIZATION",
        ),
        "element-wise",
    ),
    **dict.fromkeys(
        (
            "RESHAPE", "TRANSPOSE", "CONCATENATION", "SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "PAD", "PADV2",
            "MIRROR_PAD", "SQUEEZE", "EXPAND_DIMS", "GATHER", "PACK", "UNPACK", "DEPTH_TO_SPACE",
            "SPACE_TO_DEPTH", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR",
        ),
        "data movement",
    ),
    **dict.fromkeys(("QUANTIZE", "DEQUANTIZE", "CAST"), "conversion of types"),
}  # fmt: skip
"""Kinds of work by operator; an operator that is not here is "other"."""


def group_of(part: Part) -> str:
    """What kind of work an operator is; convolutions are told apart by kernel and groups."""
    return part.detail or GROUPS.get(part.kind, "other")


@dataclass(frozen=True)
class Bandwidth:
    """Memory bandwidth as the worker measured it.

    Attributes:
        bytes: bytes that one pass reads and writes: a copy of an array that no cache holds.
        samples_ns: duration of each pass.
    """

    bytes: int
    samples_ns: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.bytes < 1 or min(self.samples_ns, default=0) < 1:
            raise ValueError("there are no passes, or one moved nothing, or took no time")

    @property
    def bytes_per_second(self) -> float:
        """Highest bandwidth measured, in bytes per second."""
        return self.bytes / min(self.samples_ns) * 1e9


@dataclass(frozen=True)
class OperatorTime:
    """Time of one operator, in ns.

    Attributes:
        part: operator that was timed.
        median: its time, with the 95 % interval; None where it could not be timed apart.
        share: its share of the sum of all operators.
        reasons: findings that make the time unreliable.
    """

    part: Part
    median: Interval | None
    share: float
    reasons: tuple[Finding, ...]

    @property
    def valid(self) -> bool:
        """Whether there is a time, and nothing speaks against it."""
        return self.median is not None and not self.reasons

    @property
    def flops(self) -> float | None:
        """Operations a second, two for a multiply-add; None for operators without any."""
        if self.median is None or not self.part.macs:
            return None
        return 2e9 * self.part.macs / self.median.value

    @property
    def intensity(self) -> float:
        """Operations for each byte that must be moved at least."""
        return 2 * self.part.macs / self.part.nbytes if self.part.nbytes else 0.0

    def to_json(self) -> dict[str, Any]:
        """The operator as a JSON object, with the units in the names."""
        part = self.part
        return {
            "name": part.name,
            "operator": part.kind,
            "group": group_of(part),
            "shape": list(part.shape),
            "dtype": part.dtype,
            "macs": part.macs,
            "bytes": part.nbytes,
            "median_ns": None if self.median is None else self.median.value,
            "interval_ns": None if self.median is None else [self.median.low, self.median.high],
            "flop_per_second": self.flops,
            "share": self.share,
            "valid": self.valid,
            "reasons": [finding.to_json() for finding in self.reasons],
        }


@dataclass(frozen=True)
class Group:
    """Figures of all operators of one kind of work.

    Attributes:
        name: kind of work, a value of :data:`GROUPS`.
        count: number of operators.
        macs: sum of their multiply-adds.
        time: sum of their times, ns.
        share: their part of the sum of all operators.
    """

    name: str
    count: int
    macs: int
    time: float
    share: float


@dataclass(frozen=True)
class Profile:
    """Times of a model and of its operators.

    Attributes:
        rows: times of the operators, in the order in which they run.
        total: sum of their times in ns, with its 95 % interval.
        whole: time of the whole file in ns.
        ratio: ratio of the sum to the whole, with its 95 % interval.
        call: time in ns of an operator that does nothing, which each row contains.
        peak: operations per second of a matrix product by this runtime, in the type in which the
            file computes.
        peak_dtype: type in which the file computes.
        bandwidth: bandwidth of the memory; None where the device cannot measure it.
        measurement: measurement with the raw samples.
        own: profile of the runtime itself, from one more run of the whole file; None where it gives none.
    """

    rows: tuple[OperatorTime, ...]
    total: Interval
    whole: Interval
    ratio: Interval
    call: float
    peak: float
    peak_dtype: str
    bandwidth: Bandwidth | None
    measurement: Measurement
    own: OperatorProfile | None = None

    def groups(self) -> tuple[Group, ...]:
        """The rows by kind of work, the longest first."""
        by_kind: dict[str, list[OperatorTime]] = {}
        for row in self.rows:
            by_kind.setdefault(group_of(row.part), []).append(row)
        made = [
            Group(
                name,
                len(rows),
                sum(row.part.macs for row in rows),
                sum(row.median.value for row in rows if row.median is not None),
                sum(row.share for row in rows),
            )
            for name, rows in by_kind.items()
        ]
        return tuple(sorted(made, key=lambda group: -group.time))

    def to_json(self) -> dict[str, Any]:
        """The profile as a JSON object, with the units in the names."""
        return {
            "model": asdict(self.measurement.models[0]),
            "operators": [row.to_json() for row in self.rows],
            "groups": [
                {
                    "group": group.name,
                    "count": group.count,
                    "macs": group.macs,
                    "ns": group.time,
                    "share": group.share,
                }
                for group in self.groups()
            ],
            "sum_ns": self.total.value,
            "sum_interval_ns": [self.total.low, self.total.high],
            "whole_ns": self.whole.value,
            "whole_interval_ns": [self.whole.low, self.whole.high],
            "sum_over_whole": self.ratio.value,
            "sum_over_whole_interval": [self.ratio.low, self.ratio.high],
            "empty_call_ns": self.call,
            "peak_flop_per_second": self.peak,
            "peak_dtype": self.peak_dtype,
            "bandwidth_bytes_per_second": self.bandwidth and self.bandwidth.bytes_per_second,
            "bandwidth_samples": self.bandwidth and asdict(self.bandwidth),
            "benchmark_model": self.own and asdict(self.own),
        }


def profile(
    path: Path,
    device: Device,
    protocol: Protocol,
    work: Path,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
    keep: Callable[[Measurement], None] | None = None,
) -> Profile:
    """Time ``path`` and each of its operators on ``device``.

    Args:
        path: a .tflite file.
        device: device to time on.
        protocol: protocol of the timing.
        work: a folder for the parts' files; the caller removes it.
        progress, command, allow_wrong_answers, keep: as :func:`mobilecnn.bench.timing.rounds.measure` takes them.

    Raises:
        UsageError: the device cannot time, or what times there wants passports.
        ModelFileError, CheckFailed, EnvironmentProblem: as :func:`mobilecnn.bench.timing.rounds.measure` does.
    """
    timer = require(device, CanTime)
    if (runtime := timer.adapt(protocol).runtime) in timer.passport_runtimes:
        raise UsageError(
            f"what times on {device.name} is the {runtime}, which takes what to feed a file from its passport, and "
            "single operators have none; give --benchmark-model PATH"
        )
    operators = cut.cut(read_bytes(path, "model", ModelFileError), str(path))
    dtype = _computed_in(operators)
    product, product_macs = build.matrix_product(dtype)
    contents = {EMPTY: build.empty(), PRODUCT: product}
    distinct = {part.key: part for part in operators if part.content is not None}
    for number, part in enumerate(distinct.values()):
        assert part.content is not None
        contents[f"{number:03d}-{part.kind.lower().replace(':', '-')}"] = part.content
    files = []
    for name, content in contents.items():
        files.append(work / f"{name}.tflite")
        write_bytes(files[-1], content)
    bandwidth = _bandwidth(device, protocol.threads)
    measurement = measure(
        [path, *files],
        device,
        protocol,
        progress,
        command,
        allow_wrong_answers=allow_wrong_answers,
        keep=keep,
    )
    places = {key: 1 + list(contents).index(EMPTY) + 2 + number for number, key in enumerate(distinct)}
    analysed = analyse(measurement, operators, places, product_macs, dtype, bandwidth)
    return replace(analysed, own=_own_profile(path, device, measurement.protocol))


def _computed_in(operators: Iterable[Part]) -> str:
    """The type in which most multiply-adds are computed, of those that there is a product for."""
    small = sum(part.macs for part in operators if part.dtype in ("int8", "uint8"))
    return "int8" if 2 * small > sum(part.macs for part in operators) else "float32"


def _bandwidth(device: Device, threads: int) -> Bandwidth | None:
    if not isinstance(device, CanMeasureBandwidth):
        return None
    answer = device.bandwidth(threads, BANDWIDTH_TIMEOUT)
    try:
        return record(Bandwidth, answer)
    except InputError as error:
        raise EnvironmentProblem(f"the bench worker describes the bandwidth wrongly: {error}") from error


def _own_profile(path: Path, device: Device, protocol: Protocol) -> OperatorProfile | None:
    if not isinstance(device, CanProfileOperators) or protocol.runtime != device.profiling_runtime:
        return None
    job = jobs.timing(device.put(path), protocol)
    answer = device.operators(job, f"that profiles {path} with {protocol.runtime}", TIMING_TIMEOUT)
    return record(OperatorProfile, answer)


def analyse(
    measurement: Measurement,
    operators: Sequence[Part],
    places: dict[str, int],
    product_macs: int,
    dtype: str,
    bandwidth: Bandwidth | None,
) -> Profile:
    """Profile that a measurement gives; a pure function of it.

    Args:
        measurement: measurement of the whole file, the empty one, the matrix product, and the distinct parts.
        operators: all parts.
        places: key of a part -> its index among the measurement's models.
        product_macs: multiply-adds of the matrix product.
        dtype: type in which it was computed.
        bandwidth: bandwidth of the memory; None where it was not measured.
    """
    results = summarize(measurement)
    timed = [(part, places.get(part.key)) for part in operators]
    sums: Rounds = {
        number: [
            sum(
                statistics.median(measurement.rounds_of(place)[number])
                for _, place in timed
                if place is not None
            )
        ]
        for number in range(measurement.rounds)
    }
    seed = measurement.protocol.seed
    total = statistics.median_interval(sums, seed)
    rows = []
    for part, place in timed:
        result = None if place is None else results[place]
        median = None if result is None else result.median
        share = 0.0 if median is None else median.value / total.value
        rows.append(OperatorTime(part, median, share, _reasons(part, result)))
    return Profile(
        rows=tuple(rows),
        total=total,
        whole=results[0].median,
        ratio=statistics.ratio_interval(sums, measurement.rounds_of(0), seed),
        call=results[1].median.value,
        peak=2e9 * product_macs / results[2].median.value,
        peak_dtype=dtype,
        bandwidth=bandwidth,
        measurement=measurement,
    )


def _reasons(part: Part, result: Result | None) -> tuple[Finding, ...]:
    if part.reason:
        return (Finding("not-timed-apart", part.reason, ""),)
    return () if result is None else result.reasons
