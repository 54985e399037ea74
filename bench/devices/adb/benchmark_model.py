"""TFLite's ``benchmark_model``: the flags it is given, and what it prints, as records.

It is a program of the TensorFlow Lite sources (``tflite/tools/benchmark`` in LiteRT,
``tensorflow/lite/tools/benchmark`` before), prebuilt for Android by Google. What it prints has
changed over the years: with and without ``INFO: `` before each line, with and without
percentiles. All of that is read here, and nothing is guessed: a figure that is missing or
contradicts another is an error.
"""

import math
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecnn.errors import EnvironmentProblem, InputError
from mobilecnn.files import read_bytes

NUMBER = r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?"
_STATISTICS = re.compile(
    rf"(?:INFO: )?count=(?P<count>[0-9]{{1,9}})"
    rf"(?: first=(?P<first>{NUMBER}) curr={NUMBER} min=(?P<min>{NUMBER}) max=(?P<max>{NUMBER})"
    rf" avg=(?P<avg>{NUMBER}) std=(?P<std>{NUMBER})| curr=(?P<same>{NUMBER})(?P<all>\(all same\))?)?"
    rf"(?: p5=(?P<p5>{NUMBER}) median=(?P<median>{NUMBER}) p95=(?P<p95>{NUMBER}))?\s*"
)
_ENDS = (
    re.compile(
        rf"(?:INFO: )?Inference timings in us: Init: (?P<init>{NUMBER}), First inference: (?P<first>{NUMBER}), "
        rf"Warmup \(avg\): (?P<warmup>{NUMBER}), Inference \(avg\): (?P<inference>{NUMBER})\s*"
    ),
    # Before 2020.
    re.compile(
        rf"(?:INFO: )?Average inference timings in us: Warmup: (?P<warmup>{NUMBER}), Init: (?P<init>{NUMBER}), "
        rf"Inference: (?P<inference>{NUMBER})\s*"
    ),
)
_PART = re.compile(r"(?:INFO: )?Running benchmark for ")
_FOOTPRINT = re.compile(
    rf"(?:INFO: )?Memory footprint delta from the start of the tool \(MB\): init=(?P<init>{NUMBER}) "
    rf"overall=(?P<overall>{NUMBER})\s*"
)
_PEAK = re.compile(
    rf"(?:INFO: )?Overall peak memory footprint \(MB\) via periodic monitoring: (?P<peak>{NUMBER})\s*"
)
_DELEGATED = re.compile(
    r"(?:INFO: )?(?:Explicitly applied XNNPACK delegate, and the model graph will be "
    r"(?P<how>completely|partially) executed by the delegate(?: w/ (?P<kernels>[0-9]{1,6}) delegate kernels)?\."
    r"|Though XNNPACK delegate is explicitly applied, (?P<none>the model graph will not be) executed by the delegate\.)\s*"
)

MEAN_DIGITS = 1e-5
"""Relative error of a printed mean, which has six digits."""
LONGEST_US = 1e12
"""Largest plausible time in microseconds (eleven days)."""

TRUSTED_WORDS = (
    "Failed to load model", "Failed to initialize the interpreter", "Failed to allocate tensors",
    "Didn't find op for builtin opcode", "Failed to construct interpreter", "Failed to invoke",
    "not a valid Flatbuffer", "Encountered unresolved custom op",
)  # fmt: skip
"""Phrases in which the program blames the model."""

# e_machine and bits of an ELF file (System V ABI) -> what Android calls such programs.
_ABIS = {(183, 64): "arm64-v8a", (40, 32): "armeabi-v7a", (62, 64): "x86_64", (3, 32): "x86"}
PREBUILT = {"arm64-v8a": "android_aarch64_benchmark_model", "armeabi-v7a": "android_arm_benchmark_model"}
"""Names that Google gives the prebuilt files, by what Android calls such programs."""
BUILDS = {**PREBUILT, "x86_64": "a build of your own with --config=android_x86_64"}
"""Builds that a device needs, by what it runs."""


@dataclass(frozen=True)
class Timings:
    """One line of statistics, in integer nanoseconds.

    Attributes:
        count: number of inferences.
        first_ns: time of the first.
        minimum_ns: time of the fastest.
        maximum_ns: time of the slowest.
        mean_ns: mean, which is printed with six digits.
        deviation_ns: standard deviation, which is printed in whole microseconds, rounded down.
        p5_ns: 5th percentile; this and the next two are None from builds that print none.
        median_ns: median, the upper one of an even number.
        p95_ns: 95th percentile.
    """

    count: int
    first_ns: int
    minimum_ns: int
    maximum_ns: int
    mean_ns: int
    deviation_ns: int
    p5_ns: int | None = None
    median_ns: int | None = None
    p95_ns: int | None = None


@dataclass(frozen=True)
class Memory:
    """Memory figures that the program prints, in MiB; None where it prints none.

    Attributes:
        init: growth since the tool's start, after loading; a high-water mark.
        overall: growth since the tool's start, at the end.
        peak: the highest value that its own watching saw, which disturbs the timing.
    """

    init: float | None
    overall: float | None
    peak: float | None


@dataclass(frozen=True)
class Output:
    """What one run of ``benchmark_model`` printed.

    Attributes:
        init_ns: time to load the file and allocate the tensors.
        warmup: statistics of the untimed inferences; None if there were none.
        inference: statistics of the timed ones.
        memory: memory figures.
        xnnpack_partitions: number of delegate kernels of XNNPACK; None unless it was asked for by name.
    """

    init_ns: int
    warmup: Timings | None
    inference: Timings
    memory: Memory
    xnnpack_partitions: int | None


def flags(
    model: str,
    threads: int,
    warmup_runs: int,
    warmup_seconds: float,
    runs: int,
    seconds: float,
    longest: float,
) -> list[str]:
    """The flags for one timing.

    XNNPACK is left to the tool's own default, which is the runtime's.
    """
    return [
        f"--graph={model}",
        f"--num_threads={threads}",
        f"--warmup_runs={warmup_runs}",
        f"--warmup_min_secs={warmup_seconds:g}",
        f"--num_runs={runs}",
        f"--min_secs={seconds:g}",
        f"--max_secs={longest:g}",
    ]


PROFILE = "--enable_op_profiling=true"
"""Flag that adds a profile to a timing, and slows it down."""


def flags_for_answer(model: str, threads: int, shape: Sequence[int], tensor: str, answer: str) -> list[str]:
    """The flags for one inference on a given input.

    The file ``tensor`` holds the bytes of the model's only input, which is copied there before
    each inference; after the last one the bytes of all outputs are written to ``answer`` (read
    in ``benchmark_tflite_model.cc``: ``LoadInputTensorData``, ``OutputSaver``). The name of the
    input is ours: it need not be the model's, only the same in both flags.
    """
    return [
        *flags(model, threads, 1, 0, 1, 0, 150),
        "--input_layer=input",
        f"--input_layer_shape={','.join(map(str, shape))}",
        f"--input_layer_value_files=input:{tensor}",
        f"--output_filepath={answer}",
    ]


def parse(text: str) -> Output:
    """What a run printed, standard output and standard error in any order.

    Raises:
        EnvironmentProblem: it is not the whole output of a run, or contradicts itself.
    """
    lines = [line.strip() for line in text.splitlines()]
    parts: list[Timings | None] = []
    waiting = False
    for line in lines:
        if _PART.match(line):
            if waiting:
                raise unclear("a part without its statistics")
            waiting = True
        elif waiting and (match := _STATISTICS.fullmatch(line)):
            parts.append(_timings(match.groupdict()))
            waiting = False
    ends = [match for line in lines for pattern in _ENDS if (match := pattern.fullmatch(line))]
    if waiting or len(parts) not in (1, 2) or len(ends) != 1:
        raise unclear("no whole run: it must have one or two parts and then its timings", lines)
    inference, end = parts[-1], ends[0].groupdict()
    if inference is None:
        raise unclear("no timed inference", lines)
    warmup = parts[0] if len(parts) == 2 else None
    _agree("Inference", end["inference"], inference.mean_ns)
    if warmup is not None:
        _agree("Warmup", end["warmup"], warmup.mean_ns)
    delegated = [match for line in lines if (match := _DELEGATED.fullmatch(line))]
    return Output(
        init_ns=_nanoseconds(end["init"]),
        warmup=warmup,
        inference=inference,
        memory=_memory(lines),
        xnnpack_partitions=_partitions(delegated[0].groupdict()) if delegated else None,
    )


def unclear(what: str, lines: Sequence[str] = ()) -> EnvironmentProblem:
    said = [line for line in lines if line]
    last = f"; its last line: {said[-1][:200]!r}" if said else ""
    return EnvironmentProblem(
        f"benchmark_model printed {what}{last}. Run it by hand to see why; if it works there, its output has changed, "
        "and an older build helps"
    )


def _timings(values: Mapping[str, str | None]) -> Timings | None:
    count = int(values["count"] or 0)
    if count == 0:
        return None
    same = values["same"]
    if (values["avg"] or same) is None or (same is not None and count > 1 and not values["all"]):
        raise unclear("statistics without a time")
    first, low, high, mean = (_nanoseconds(same or values[name]) for name in ("first", "min", "max", "avg"))
    percentiles = [
        None if text is None else _nanoseconds(text)
        for text in (values["p5"], values["median"], values["p95"])
    ]
    ordered = [low, *(value for value in percentiles if value is not None), high]
    slack = mean * MEAN_DIGITS + 1
    if low < 1 or not low - slack <= mean <= high + slack or ordered != sorted(ordered):
        raise unclear("statistics that contradict each other")
    if not low <= first <= high:
        raise unclear("a first inference that is faster than the fastest, or slower than the slowest")
    deviation = 0 if values["std"] is None else _nanoseconds(values["std"])
    return Timings(count, first, low, high, mean, deviation, *percentiles)


def _nanoseconds(text: str | None) -> int:
    """Printed microseconds."""
    value = float(text or "nan")
    if not 0 <= value <= LONGEST_US:
        raise unclear(f"{str(text)[:40]!r} for a time in microseconds")
    return round(value * 1000)


def _agree(what: str, printed: str, mean_ns: int) -> None:
    if not math.isclose(_nanoseconds(printed), mean_ns, rel_tol=MEAN_DIGITS, abs_tol=1):
        raise unclear(f"{what}: {printed}, and another average among its statistics")


def _partitions(values: Mapping[str, str | None]) -> int:
    if values["none"]:
        return 0
    return int(values["kernels"] or 1)


def _memory(lines: Iterable[str]) -> Memory:
    megabytes: dict[str, float] = {}
    for line in lines:
        for pattern in (_FOOTPRINT, _PEAK):
            if match := pattern.fullmatch(line):
                megabytes |= {name: float(text) for name, text in match.groupdict().items()}
    return Memory(megabytes.get("init"), megabytes.get("overall"), megabytes.get("peak"))


def failure(lines: Sequence[str]) -> str:
    """The line of a failed run's output that says most: its last error, else its last line."""
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if line.startswith(("ERROR", "FATAL", "F ", "E "))] or said[-1:]
    telling = [line for line in errors if refuses_model(line)] or errors
    return telling[0][:300] if telling else "it says nothing"


def refuses_model(text: str) -> bool:
    """Whether it says that the fault is the model's."""
    return any(words in text for words in TRUSTED_WORDS)


def abi_of(path: Path) -> str:
    """What Android calls programs like this one: ``arm64-v8a``.

    Raises:
        InputError: it is missing, no program, or one for another system.
    """
    content = read_bytes(path, "benchmark_model program")
    if content[:4] != b"\x7fELF" or len(content) < 20 or content[5] != 1:
        raise InputError(
            f"{path} is not a program for Android (no ELF file); give the binary itself, unpacked"
        )
    bits = {1: 32, 2: 64}.get(content[4], 0)
    (machine,) = struct.unpack_from("<H", content, 18)
    abi = _ABIS.get((machine, bits))
    if abi is None:
        raise InputError(
            f"{path} is a program for a machine that no phone is (ELF machine {machine}, {bits} bits)"
        )
    if b"/lib/ld-linux" in content[:4096] or b"/lib64/ld-linux" in content[:4096]:
        raise InputError(
            f"{path} is a program for Linux and not for Android; take {BUILDS.get(abi, 'another')}"
        )
    return abi
