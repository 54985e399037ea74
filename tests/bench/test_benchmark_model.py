"""What benchmark_model printed over the years is read, and nothing else is taken for a figure."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.bench.devices.adb import benchmark_model, operator_profile, printed
from mobilecnn.bench.devices.adb.printed import Applied, Memory, Output, Timings
from mobilecnn.errors import EnvironmentProblem, InputError

HEADS = """STARTING!
Num threads: [1]
Graph: [/data/local/tmp/m.tflite]
#threads used for CPU inference: [1]
Loaded model /data/local/tmp/m.tflite
{more}The input model file size (MB): 13.6828
Initialized session in 69.51ms.
"""
WARMUP = "Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds."
REGULAR = "Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds."
END = "Inference timings in us: Init: {init}, First inference: {first}, Warmup (avg): {warmup}, Inference (avg): {avg}"


def log(
    warmup: str, inference: str, end: str, more: str = "", after: str = "", prefix: str = "INFO: "
) -> str:
    """A whole output; ``prefix`` before each line that has a word."""
    text = HEADS.format(more=more) + f"{WARMUP}\n{warmup}\n\n{REGULAR}\n{inference}\n\n{end}\n{after}"
    return "".join(f"{prefix}{line}\n" if line else "\n" for line in text.splitlines())


PI4 = log(
    "count=2 first=383926 curr=326808 min=326808 max=383926 avg=355367 std=28559",
    "count=50 first=327047 curr=328852 min=326867 max=333866 avg=328651 std=1440",
    END.format(init=69510, first=383926, warmup=355367, avg=328651),
    more=(
        "Explicitly applied XNNPACK delegate, and the model graph will be partially executed by the delegate w/ 13 "
        "delegate kernels.\n"
    ),
    after="Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE\n"
    "Memory footprint delta from the start of the tool (MB): init=31.125 overall=66.1133\n",
).replace("INFO: Explicitly", "Error in cpuinfo: prctl(PR_SVE_GET_VL) failed\nINFO: Explicitly")

READ = Output(
    init_ns=69_510_000,
    warmup=Timings(2, 383_926_000, 326_808_000, 383_926_000, 355_367_000, 28_559_000),
    inference=Timings(50, 327_047_000, 326_867_000, 333_866_000, 328_651_000, 1_440_000),
    memory=Memory(31.125, 66.1133, None),
    delegates=(Applied("xnnpack", False, 13),),
)


def test_a_log_of_2024() -> None:
    assert printed.parse(PI4) == READ


def test_without_the_prefix() -> None:
    assert printed.parse(PI4.replace("INFO: ", "")) == READ


def test_with_carriage_returns_and_the_streams_one_after_the_other() -> None:
    errors = "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\r\nWARNING: linker: something\r\n"
    assert printed.parse(PI4.replace("\n", "\r\n") + errors) == READ


def test_percentiles() -> None:
    text = PI4.replace("std=1440", "std=1440 p5=326900 median=328600 p95=331000").replace(
        "std=28559", "std=28559 p5=326808 median=383926 p95=383926"
    )
    inference = printed.parse(text).inference
    assert inference == replace(READ.inference, p5_ns=326_900_000, median_ns=328_600_000, p95_ns=331_000_000)


def test_exponents() -> None:
    text = log(
        "count=1 curr=2951000",
        "count=50 first=2950000 curr=2952000 min=2940000 max=2960000 avg=2.95034e+06 std=14",
        END.format(init=5, first=2951000, warmup="2.951e+06", avg="2.95034e+06"),
    )
    output = printed.parse(text)
    assert output.inference.mean_ns == 2_950_340_000
    assert output.warmup == Timings(1, *(2_951_000_000,) * 4, 0)
    assert (output.memory, output.xnnpack_partitions) == (Memory(None, None, None), None)


def test_all_samples_equal() -> None:
    text = log(
        "count=3 curr=7(all same)",
        "count=50 curr=7(all same) p5=7 median=7 p95=7",
        END.format(init=5, first=7, warmup=7, avg=7),
    )
    output = printed.parse(text)
    assert output.inference == Timings(50, 7000, 7000, 7000, 7000, 0, 7000, 7000, 7000)
    assert output.warmup == Timings(3, 7000, 7000, 7000, 7000, 0)


def test_no_warm_up() -> None:
    text = log("count=0", "count=1 curr=7", END.format(init=5, first=0, warmup=0, avg=7))
    assert printed.parse(text).warmup is None


def test_very_old() -> None:
    text = log(
        "count=1 curr=83235",
        "count=50 first=79449 curr=81350 min=77385 max=88213 avg=79760.9 std=1900",
        "Average inference timings in us: Warmup: 83235, Init: 38467, Inference: 79760.9",
        prefix="",
    ).replace("Running benchmark for at least 1 iterations and", "Running benchmark for 1 iterations:")
    output = printed.parse(text)
    assert (output.init_ns, output.inference.mean_ns) == (38_467_000, 79_760_900)
    assert output.inference.median_ns is None


def test_peak_memory() -> None:
    text = PI4 + (
        "INFO: Overall peak memory footprint (MB) via periodic monitoring: 68.5\n"
        "INFO: Memory status at the end of exeution:\nINFO: - VmRSS              : 60 MB\n"
    )
    assert printed.parse(text).memory == Memory(31.125, 66.1133, 68.5)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (
            "Explicitly applied XNNPACK delegate, and the model graph will be completely executed by the delegate.",
            1,
        ),
        (
            "Though XNNPACK delegate is explicitly applied, the model graph will not be executed by the delegate.",
            0,
        ),
        (
            "Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.",
            None,
        ),
    ],
)
def test_partitions(words: str, count: int | None) -> None:
    lines = [f"INFO: {words}" if "Explicitly" in line else line for line in PI4.splitlines()]
    assert printed.parse("\n".join(lines)).xnnpack_partitions == count


def test_the_statistics_of_a_profile_are_no_timings() -> None:
    assert (
        printed.parse(PI4 + "Timings (microseconds): count=7 curr=3(all same)\nMemory (bytes): count=0\n")
        == READ
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("INFO: Inference timings", "INFO: Inference tim", "no whole run"),
        ("avg=328651", "avg=328652000", "contradict each other"),
        ("avg=328651", "avg=328700", "another average"),
        ("min=326867", "min=333867", "contradict each other"),
        ("min=326867", "min=0", "contradict each other"),
        ("min=326867", "min=-5", "for a time in microseconds"),
        ("max=333866", "max=3e44", "for a time in microseconds"),
        ("first=327047", "first=1", "faster than the fastest"),
        ("count=50 first", "count=0 first", "no timed inference"),
        ("std=1440", "std=", "of a form that is not known"),
        ("std=1440", "std=1440 p5=326900 median=326868 p95=331000", "contradict each other"),
        ("count=50 first=327047 curr=328852 min=326867 max=333866 avg=328651 std=1440", "count=50 curr=5", "without a"),
        ("Init: 69510", "Init: nan", "no whole run"),
        ("count=2 ", "count=2\n", "statistics without a time"),
    ],
)  # fmt: skip
def test_what_is_missing_or_contradicts_is_no_figure(old: str, new: str, words: str) -> None:
    assert old in PI4
    with pytest.raises(EnvironmentProblem, match=words):
        printed.parse(PI4.replace(old, new, 1))


def test_two_runs_are_not_one() -> None:
    with pytest.raises(EnvironmentProblem, match="no whole run"):
        printed.parse(PI4 + PI4)


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(EnvironmentProblem):
        printed.parse(text)
    with pytest.raises(EnvironmentProblem):
        operator_profile.parse(text)


@given(st.integers(0, PI4.index("(avg): 328651\n") + len("(avg): 3286")))
def test_a_log_that_breaks_off_is_refused(length: int) -> None:
    with pytest.raises(EnvironmentProblem):
        printed.parse(PI4[:length])


LINES = PI4.splitlines()


@given(
    st.integers(0, len(LINES) - 1), st.text(st.characters(categories=["L", "N", "P", "Z", "Cc"]), max_size=60)
)
def test_a_line_that_is_damaged_gives_the_same_figures_or_none(place: int, text: str) -> None:
    """Damage may hide what else is known, but never changes a time."""
    damaged = [*LINES[:place], text, *LINES[place + 1 :]]
    try:
        output = printed.parse("\n".join(damaged))
    except EnvironmentProblem:
        return
    assert (output.inference, output.init_ns) == (READ.inference, READ.init_ns)


@st.composite
def samples(draw: st.DrawFn) -> list[int]:
    return draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=60))


def as_printed(values: list[int], percentiles: bool) -> str:
    """As StatsCalculator prints them."""
    n, ordered = len(values), sorted(values)
    mean = sum(values) / n
    if min(values) == max(values):
        text = f"count={n} curr={values[-1]}" + ("(all same)" if n > 1 else "")
    else:
        deviation = int((sum(v * v for v in values) / n - mean * mean) ** 0.5 if n > 1 else 0)
        text = (
            f"count={n} first={values[0]} curr={values[-1]} min={ordered[0]} max={ordered[-1]} avg={mean:.6g} "
            f"std={deviation}"
        )
    if percentiles:
        text += "".join(
            f" {name}={ordered[n * percent // 100]}"
            for name, percent in (("p5", 5), ("median", 50), ("p95", 95))
        )
    return text


@given(samples(), samples(), st.booleans(), st.sampled_from(["INFO: ", ""]))
def test_whatever_is_printed_is_read(
    warm: list[int], timed: list[int], percentiles: bool, prefix: str
) -> None:
    averages = [f"{sum(values) / len(values):.6g}" for values in (warm, timed)]
    end = END.format(init=12345, first=warm[0], warmup=averages[0], avg=averages[1])
    output = printed.parse(
        log(as_printed(warm, percentiles), as_printed(timed, percentiles), end, prefix=prefix)
    ).inference
    assert (output.count, output.first_ns) == (len(timed), timed[0] * 1000)
    assert (output.minimum_ns, output.maximum_ns) == (min(timed) * 1000, max(timed) * 1000)
    # It is printed in six digits, and kept in whole nanoseconds.
    assert output.mean_ns == pytest.approx(1000 * sum(timed) / len(timed), rel=1e-5, abs=1)
    if percentiles:
        assert output.median_ns == 1000 * sorted(timed)[len(timed) // 2]
    else:
        assert output.median_ns is None


def test_what_a_failed_run_says() -> None:
    lines = [
        "INFO: STARTING!",
        "ERROR: Didn't find op for builtin opcode 'X' version '9'.",
        "ERROR: Benchmarking failed.",
    ]
    assert benchmark_model.failure(lines) == lines[1]
    assert benchmark_model.refuses_model(benchmark_model.failure(lines))
    assert benchmark_model.failure(["a", "", "Segmentation fault", " "]) == "Segmentation fault"
    assert benchmark_model.failure([]) == "it says nothing"


def elf(machine: int = 183, bits: int = 64, more: bytes = b"/system/bin/linker64") -> bytes:
    """The beginning of a program."""
    head = b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9)
    return head + struct.pack("<HH", 3, machine) + bytes(40) + more


@pytest.mark.parametrize(
    ("machine", "bits", "abi"),
    [(183, 64, "arm64-v8a"), (40, 32, "armeabi-v7a"), (62, 64, "x86_64"), (3, 32, "x86")],
)
def test_what_a_program_is_for(tmp_path: Path, machine: int, bits: int, abi: str) -> None:
    (tmp_path / "it").write_bytes(elf(machine, bits))
    assert benchmark_model.abi_of(tmp_path / "it") == abi


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" * 20, "not a program for Android"),
        (b"\x7fELF", "not a program for Android"),
        (elf(243), r"no phone is \(ELF machine 243, 64 bits\)"),
        (
            elf(more=b"/lib/ld-linux-aarch64.so.1"),
            "for Linux and not for Android; take android_aarch64_benchmark_model",
        ),
    ],
)
def test_what_is_no_program_for_a_phone(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(InputError, match=words):
        benchmark_model.abi_of(tmp_path / "it")


def test_no_program() -> None:
    with pytest.raises(InputError, match="no such benchmark_model program: nowhere"):
        benchmark_model.abi_of(Path("nowhere"))
