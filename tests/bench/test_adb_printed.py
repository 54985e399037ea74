"""What benchmark_model prints on a phone, and the delegates and cores that it is asked for."""

import re
from pathlib import Path

import pytest
from adbd import Phone
from phones import bench, failed

from mobilecnn.bench.judge.summary import summarize
from mobilecnn.bench.records.measurement import Measurement


def sample(name: str) -> str:
    return (Path(__file__).parent.parent / "samples" / "benchmark_model" / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("delegate", "name", "flag", "words"),
    [
        ("gpu", "2020-gpu", "--use_gpu=true", None),
        ("gpu", "litert-gpu", "--use_gpu=true", None),
        ("gpu", "2022-gpu-partly", "--use_gpu=true", None),
        (
            "gpu",
            "2022-gpu-in-vain",
            "--use_gpu=true",
            "could give no operator of this model to the delegate gpu",
        ),
        ("gpu", "2019", "--use_gpu=true", "does not say that it applied the delegate gpu"),
        ("gpu", "litert-unknown-flag", "--use_gpu=true", "does not know the delegate gpu"),
        ("xnnpack", "litert", "--use_xnnpack=true", None),
        ("xnnpack", "2018", "--use_xnnpack=true", "does not say that it applied the delegate xnnpack"),
        ("none", "2022-no-xnnpack", "--use_xnnpack=false", None),
        ("none", "litert-unknown-flag", "--use_xnnpack=false", "used xnnpack nevertheless"),
        ("none", "2018", "--use_xnnpack=false", "does not say that it left XNNPACK out"),
    ],
)
def test_a_delegate_that_was_asked_for_is_had_or_refused(
    pixel: Phone, small: Path, delegate: str, name: str, flag: str, words: str | None
) -> None:
    pixel.prints(sample(name))
    if words is not None:
        failed(small, f"on pixel: this build of benchmark_model {words}", "--delegate", delegate)
    else:
        done = bench(small, "--delegate", delegate, "--rounds", 1)
        assert done.exit_code == 0, done.output
        measured = Measurement.read(Path("it.json"))
        assert measured.protocol.delegate == delegate
        (result,) = summarize(measured)
        codes = {warning.code for warning in result.warnings}
        assert ("partly-delegated" in codes) == (name == "2022-gpu-partly")
        assert result.delegates is not None
        assert [found.name for found in result.delegates if found.name == delegate] == [delegate] * (
            delegate != "none"
        )
    assert all(flag in line.split() for line in pixel.lines("flags"))


def test_an_old_build_that_warms_up_less_and_prints_no_median_is_told(pixel: Phone, small: Path) -> None:
    pixel.prints(sample("2018"))
    done = bench(small)
    assert done.exit_code == 0, done.output
    (result,) = summarize(Measurement.read(Path("it.json")))
    assert {"short-warmup", "mean-for-median"} <= {warning.code for warning in result.warnings}
    assert "Warning: a process warmed up for less than the 5 inferences and 0.5 s" in done.stdout


def test_percentiles_that_are_printed_are_kept(pixel: Phone, small: Path) -> None:
    pixel.prints(sample("litert"))
    assert bench(small).exit_code == 0
    (result,) = summarize(Measurement.read(Path("it.json")))
    assert (result.median.value, result.p5, result.p95) == (10_405_000, 10_310_000, 10_610_000)
    assert not result.of_means


@pytest.mark.parametrize(
    ("cores", "mask"), [("prime", "c0"), ("little", "f"), ("all", "ff"), ("0x30", "30"), ("80", "80")]
)
def test_cores_by_name_and_by_mask(pixel: Phone, small: Path, cores: str, mask: str) -> None:
    assert bench(small, "--cores", cores).exit_code == 0
    assert cores == "all" or set(pixel.lines("masks")) == {mask}
    measured = Measurement.read(Path("it.json"))
    assert measured.protocol.cores == cores and {run.cores for run in measured.runs} == {mask}


@pytest.mark.parametrize(
    ("cores", "words", "code"),
    [
        (
            "100",
            "--cores 100 cannot be had on pixel: the cores there are 0 to 7, and the mask 100 stands for 8",
            3,
        ),
        ("0", "unknown --cores '0'; choose one of prime, big, little, all, or give a hexadecimal mask", 2),
        ("fast", "unknown --cores 'fast'", 2),
    ],
)
def test_cores_that_are_not_there(pixel: Phone, small: Path, cores: str, words: str, code: int) -> None:
    failed(small, re.escape(words), "--cores", cores, code=code)
