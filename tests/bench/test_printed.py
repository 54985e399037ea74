"""What benchmark_model prints in the builds of several years, whole outputs in ``samples/benchmark_model``."""

import re
from pathlib import Path

import pytest

from mobilecnn.bench.devices.adb import printed
from mobilecnn.bench.devices.adb.printed import Applied
from mobilecnn.errors import EnvironmentProblem

SAMPLES = Path(__file__).parent.parent / "samples" / "benchmark_model"

XNNPACK, GPU = Applied("xnnpack", True, 1), Applied("gpu", True, 1)


def text(name: str) -> str:
    return (SAMPLES / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("name", "init_us", "count", "mean_us", "percentiles_us", "first_us", "delegates", "off"),
    [
        ("2018", 4750, 50, 70520.4, (None, None, None), 91250, (), False),
        ("2019", 5125, 50, 38033.2, (None, None, None), 40125, (), False),
        ("2019-inference", 5125, 50, 38033.2, (None, None, None), 40125, (), False),
        ("2020-gpu", 812500, 82, 12203.9, (None, None, None), 16100, (GPU,), False),
        (
            "2022-gpu-partly", 640250, 58, 17203.9, (None, None, None), 21100,
            (Applied("xnnpack", False, None), Applied("gpu", False, 2)), False,
        ),
        ("2022-gpu-in-vain", 640250, 58, 17203.9, (None, None, None), 21100, (Applied("gpu", False, 0),), False),
        ("2022-no-xnnpack", 640250, 58, 17203.9, (None, None, None), 21100, (), True),
        ("litert", 23456, 96, 10430.7, (10310, 10405, 10610), 12210, (XNNPACK,), False),
        ("litert-gpu", 23456, 96, 10430.7, (10310, 10405, 10610), 12210, (GPU,), False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_each_build_is_read(
    name: str,
    init_us: int,
    count: int,
    mean_us: float,
    percentiles_us: tuple[int | None, ...],
    first_us: int,
    delegates: tuple[Applied, ...],
    off: bool,
    ending: str,
) -> None:
    output = printed.parse(text(name).replace("\n", ending))
    timed, warmup = output.inference, output.warmup
    assert warmup is not None
    assert (output.init_ns, timed.count, timed.mean_ns) == (1000 * init_us, count, round(1000 * mean_us))
    assert (timed.p5_ns, timed.median_ns, timed.p95_ns) == tuple(
        None if value is None else 1000 * value for value in percentiles_us
    )
    assert warmup.first_ns == 1000 * first_us
    assert {found.name: found for found in output.delegates} == {found.name: found for found in delegates}
    assert output.switched_off == off


def test_every_sample_is_in_the_tables() -> None:
    source = Path(__file__).read_text()
    assert [name for path in SAMPLES.iterdir() if f'"{(name := path.stem)}"' not in source] == []


def test_flags_that_a_build_does_not_know_are_kept() -> None:
    assert printed.parse(text("litert-unknown-flag")).unknown_flags == ("--use_xnnpack",)
    assert printed.parse(text("litert")).unknown_flags == ()


@pytest.mark.parametrize("name", ["2018", "2019-inference", "2020-gpu", "litert"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Another statistic, another unit, another separator, another order.
        (r"^(INFO: )?count=(\d+) first=.*$", r"\1count=\2 mean=10 p50=9"),
        (r"^(INFO: )?count=(\d+) first=(\d+)", r"\1count=\2 first=\3us"),
        (r"^(INFO: )?count=(\d+) first=", r"\1count=\2, first="),
        (r"avg=([\d.]+) std=(\d+)", r"std=\2 avg=\1"),
    ],
)
def test_statistics_of_another_form_are_quoted(name: str, old: str, new: str) -> None:
    changed = re.sub(old, new, text(name), flags=re.MULTILINE)
    assert changed != text(name)
    with pytest.raises(EnvironmentProblem, match=r"statistics of a form that is not known: '(INFO: )?count="):
        printed.parse(changed)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("2018", "no stats:", "Latency:"),
        ("2019-inference", "timings in us", "timings in ms"),
        ("2020-gpu", "Inference (avg):", "Inference (mean):"),
        ("litert", "Inference (avg):      10.43 ms", "Inference (avg):      10430.7 us"),
    ],
)
def test_last_words_of_another_form_are_quoted(name: str, old: str, new: str) -> None:
    assert old in text(name)
    with pytest.raises(EnvironmentProblem, match=rf"no whole run.*not understood: '[^']*{re.escape(new)}"):
        printed.parse(text(name).replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("2018", "no stats: 70520.4", "no stats: 60520.4", "another average"),
        ("litert", "(avg):      10.43 ms", "(avg):      10.44 ms", "another average"),
        ("litert", "initialization: 23.46 ms", "initialization: 24.46 ms", "another average"),
        ("litert", "median=10405", "median=10200", "contradict each other"),
    ],
)
def test_figures_that_contradict_are_none(name: str, old: str, new: str, words: str) -> None:
    assert old in text(name)
    with pytest.raises(EnvironmentProblem, match=words):
        printed.parse(text(name).replace(old, new))


@pytest.mark.parametrize("name", ["2018", "2020-gpu", "litert"])
def test_two_runs_are_not_one(name: str) -> None:
    with pytest.raises(EnvironmentProblem, match="no whole run"):
        printed.parse(text(name) + text("2020-gpu"))
