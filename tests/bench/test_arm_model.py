"""The constants and stated errors of modelled ARM time, held against works of published networks.

``arm_works.csv`` is what ``benchmarks/arm_model.py --table`` wrote: what an inference is to each chip, and its published
milliseconds.
"""

import csv
import functools
import re
from dataclasses import asdict, astuple
from pathlib import Path

import numpy as np
import pytest
from arm_fit import BASELINE, LEAST_CYCLES, Fit, fitted, held_out
from arm_litert import BY_THREADS, LIMIT, MLPERF, MLPERF_NEAR, shared
from arm_litert import PUBLISHED as LITERT
from arm_model import LIMITS, PUBLISHED
from test_blocks import SWEEP, executed

from mobilecnn.bench.devices.emulated.build import CORES
from mobilecnn.bench.devices.emulated.pipeline import costs_of
from mobilecnn.bench.devices.emulated.work import work_of
from mobilecnn.bench.pages.numbers import below
from mobilecnn.bench.pages.remarks import model_errors
from mobilecnn.bench.records.chips import (
    BY_CORE,
    CHIPS,
)
from mobilecnn.bench.records.data_sheets import DATA_SHEETS
from mobilecnn.bench.records.work import Work, milliseconds

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/arm_model.md").read_text()
ROWS = list(csv.DictReader((ROOT / "tests/bench/arm_works.csv").read_text().splitlines()))

BEYOND = {
    ("pi3", "median_error"),
    ("rk3399", "median_error"),
    ("rk3399", "speedup_error"),
    ("sd810", "speedup_error"),
}
"""Figures of chips that miss their limit; docs/arm_model.md tells what is known of it."""


def work(row: dict[str, str]) -> Work:
    return Work(int(row["instructions"]), float(row["cycles"]), int(row["lines"]), int(row["turns"]))


@functools.cache
def of_chip(name: str) -> Fit:
    rows = [row for row in ROWS if (row["runtime"], row["chip"]) == ("ncnn", name) and row not in IMPOSSIBLE]
    works = {row["network"]: work(row) for row in rows}
    terms = {network: (each.cycles, each.lines, each.turns) for network, each in works.items()}
    return held_out(terms, {row["network"]: cycles(row) for row in rows})


def cycles(row: dict[str, str]) -> float:
    """Published cycles of the chip's clock."""
    return float(row["milliseconds"]) * CHIPS[row["chip"]].gigahertz * 1e6


IMPOSSIBLE = [row for row in ROWS if cycles(row) < float(row["floor"])]
"""Networks that were published faster than the multiplications of the code that ran here are."""


def test_no_network_was_published_faster_than_the_code_that_ran_here_can_be() -> None:
    assert [row["network"] for row in IMPOSSIBLE] == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_constants_and_errors_are_those_that_the_table_gives(name: str) -> None:
    found, chip = of_chip(name), CHIPS[name]
    assert len(found.errors) >= 15
    assert astuple(chip.constants) == pytest.approx(found.constants, rel=0.01)
    stated = (chip.median_error, chip.error, chip.ratio_error)
    assert stated == pytest.approx((found.median_error, found.error, found.ratio_error), abs=0.001)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("figure", LIMITS)
def test_errors_are_within_the_limits_but_for_those_that_the_page_explains(name: str, figure: str) -> None:
    assert (getattr(of_chip(name), figure) > LIMITS[figure]) == ((name, figure) in BEYOND)


def test_the_baseline_is_what_an_rk3399_s_speedups_miss() -> None:
    found = of_chip("rk3399")
    over = {network: found.speedup_error_over(network) for network in found.errors}
    assert (
        sorted(over, key=over.__getitem__)[-2:] == [BASELINE, "shufflenet"]
        and over[BASELINE] == found.speedup_error
    )
    within = sum(error <= LIMITS["speedup_error"] for error in over.values())
    said = f"median {np.median([*over.values()]):.1%}, and {within} of {len(over)} are within the limit"
    assert said.replace("%", " %") in " ".join(PAGE.split())


@pytest.mark.parametrize("name", PUBLISHED)
def test_errors_are_said_as_no_less_than_they_are(name: str) -> None:
    chip, found = CHIPS[name], of_chip(name)
    for stated, error in (
        (chip.median_error, found.median_error),
        (chip.error, found.error),
        (chip.ratio_error, found.ratio_error),
    ):
        assert error < int(below(stated).rstrip("%")) / 100 < error + 0.0115


@pytest.mark.parametrize(
    ("error", "said"),
    [(0.084, "9%"), (0.281, "29%"), (0.1703, "18%"), (0.17, "18%"), (0.07, "8%"), (0.0694, "7%")],
)
def test_an_error_is_rounded_up(error: float, said: str) -> None:
    assert below(error) == said


@pytest.mark.parametrize("name", CHIPS)
def test_a_lent_error_says_whose_it_is(name: str) -> None:
    chip, said = CHIPS[name], model_errors(CHIPS[name])
    assert f"published times of a {chip.published}" in said
    assert ("none, but the same core" in said) == (name not in PUBLISHED)


@pytest.mark.parametrize("name", BY_CORE)
def test_a_chip_without_a_published_table_has_what_its_core_has(name: str) -> None:
    one = CHIPS[name]
    (other,) = (CHIPS[other] for other in PUBLISHED if CHIPS[other].title == one.published)
    assert set(CHIPS) - set(PUBLISHED) == set(BY_CORE)
    for member in ("model", "caches", "constants", "median_error", "error", "ratio_error"):
        assert getattr(one, member) == getattr(other, member)


LITERT_BEYOND = {
    ("efficientdet_lite0.float32", "pi5"),
    ("efficientdet_lite0.int8", "pi5"),
}
"""Files and chips whose times in LiteRT are beyond the limit; docs/arm_model.md says what is known of the cause."""


def litert_error(network: str, name: str, _core: str, published: float) -> float:
    """Relative error of the modelled time of one of LiteRT's published figures."""
    (row,) = (
        row for row in ROWS if (row["runtime"], row["network"], row["chip"]) == ("litert", network, name)
    )
    assert float(row["milliseconds"]) == published
    return milliseconds(work(row), CHIPS[name]) / published - 1


@pytest.mark.parametrize("figure", LITERT, ids=lambda figure: f"{figure[0]}-{figure[1]}")
def test_another_runtime_s_published_times_are_within_the_limit_but_for_those_that_the_page_explains(
    figure: tuple[str, str, str, float],
) -> None:
    error = litert_error(*figure)
    assert (abs(error) > LIMIT) == (figure[:2] in LITERT_BEYOND)
    shown = f"{error:+.0%}".replace("%", " %").replace("-", "\N{MINUS SIGN}")
    assert f"| {figure[3]:g} | {figure[3] * (1 + error):.1f} | {shown} |" in PAGE


@pytest.mark.parametrize(
    ("network", "times"), [(key, BY_THREADS[key]) for key in BY_THREADS if key[1] == "pi5"]
)
def test_what_threads_share_on_a_pi_5_is_the_pipeline_s_part(
    network: tuple[str, str], times: tuple[float, ...]
) -> None:
    (row,) = (row for row in ROWS if row["runtime"] == "litert" and (row["network"], row["chip"]) == network)
    pipeline = float(row["cycles"]) / CHIPS["pi5"].gigahertz / 1e6
    assert pipeline == pytest.approx(shared(times), rel=0.035)
    assert (
        f"| {times[0]:.1f} | {shared(times):.1f} | {times[0] - shared(times):.1f} | {pipeline:.1f} |" in PAGE
    )


@pytest.mark.parametrize("figure", MLPERF, ids=lambda figure: f"{figure[0]}-{figure[1]}")
def test_what_is_no_check_is_beyond_one_core(figure: tuple[str, str, float, float]) -> None:
    published, needed = figure[3], multiplications_need(figure)
    assert published < needed, "one core could do it: it may be a check"
    said = f"{published:g} ms, and one core needs {needed:.1f} for the multiply-adds alone"
    assert said in " ".join(PAGE.split())


@pytest.mark.parametrize("figure", MLPERF_NEAR, ids=lambda figure: f"{figure[0]}-{figure[1]}")
def test_what_one_core_could_just_do_is_said_with_its_share_of_the_peak(
    figure: tuple[str, str, float, float],
) -> None:
    published, needed = figure[3], multiplications_need(figure)
    assert 0.85 < needed / published < 1
    words = " ".join(PAGE.split())
    assert f"took {published:g} ms, and its multiply-adds alone need {needed:.1f}" in words
    assert f"{needed / published:.0%}".replace("%", " %") in words


def multiplications_need(figure: tuple[str, str, float, float]) -> float:
    """Milliseconds that one core of a Raspberry Pi 4 at 1.5 GHz needs for the multiply-adds of a network."""
    _, dtype, millions, _ = figure
    chip = "pi4-1500mhz"
    return 2 * millions / DATA_SHEETS[chip].operations(dtype) / CHIPS[chip].gigahertz


def test_a_ratio_is_less_sure_than_a_time_on_every_chip() -> None:
    wider = [CHIPS[name].ratio_error / CHIPS[name].error for name in PUBLISHED]
    assert min(wider) > 1
    assert f"{min(wider):.1f} to {max(wider):.1f} times that of the times'" in " ".join(PAGE.split())


def test_cycles_alone_and_another_board_s_constants_miss_a_phone_as_the_page_says() -> None:
    rows = [row for row in ROWS if row["chip"] == "sd855plus"]
    alone = [float(row["cycles"]) / cycles(row) - 1 for row in rows]
    lent = [
        1e6 * milliseconds(work(row), CHIPS["pi5"]) * CHIPS["pi5"].gigahertz / cycles(row) - 1 for row in rows
    ]
    sizes = np.abs(alone)
    said = f"by {np.median(sizes):.1%} in the median and {np.quantile(sizes, 0.9):.1%} in the 90th percentile"
    assert said.replace("%", " %") in " ".join(PAGE.split())
    assert min(lent) > 0
    assert f"{np.median(lent):.1%} in the median, all".replace("%", " %") in " ".join(PAGE.split())


@pytest.mark.parametrize("name", CHIPS)
def test_a_data_sheet_has_a_source_for_each_figure(name: str) -> None:
    sheet = DATA_SHEETS[name]
    sources = asdict(sheet.sources)
    assert all(sources[figure] for figure in ("clock", "caches", "arithmetic", "times"))
    assert bool(sources["memory"]) == (sheet.copy is not None)
    assert CHIPS[name].published.removesuffix(" B") in sources["times"]


@pytest.mark.parametrize("name", CHIPS)
def test_the_page_s_peaks_are_those_of_the_data_sheets(name: str) -> None:
    chip, sheet = CHIPS[name], DATA_SHEETS[name]
    caches = ", ".join(f"{level.kilobytes} ({level.ways})" for level in chip.caches)
    limits = [f"{each}: {each * chip.gigahertz:.1f}" for each in (sheet.float32, sheet.int8)]
    copying = "-" if sheet.copy is None else f"{sheet.copy:.2f}"
    assert f"| {chip.title} | {caches} | {' | '.join(limits)} | {copying} |" in PAGE


@pytest.mark.parametrize("name", CHIPS)
def test_no_model_of_a_chip_multiplies_faster_than_the_chip(name: str) -> None:
    chip, sheet = CHIPS[name], DATA_SHEETS[name]
    fmla, smull, sdot = ([base + at for at in range(16)] for base in (0x4E39CF00, 0x0E39C300, 0x4E999700))
    costs = costs_of([tuple(fmla), tuple(smull), tuple(sdot)], chip.model)
    # LLVM's Cortex-A55, which stands for the Cortex-A53, begins two multiply-adds of four numbers a cycle, and the A53 one.
    twice = 2 if chip.model == "cortex-a55" else 1
    assert 16 * 8 / costs[tuple(fmla)] == twice * sheet.float32
    assert chip.constants.cycles >= 1
    int8 = (
        16 * 32 / costs[tuple(sdot)]
        if "asimddp" in CORES[chip.core].features
        else 16 * 16 / costs[tuple(smull)]
    )
    assert int8 == sheet.int8


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_page_s_table_says_what_the_chips_hold(name: str) -> None:
    chip, found = CHIPS[name], of_chip(name)
    row = re.search(rf"^\| {re.escape(chip.title)} \|.*$", PAGE, re.MULTILINE)
    assert row is not None
    cells = [cell.strip() for cell in row[0].strip("|").split("|")]
    constants = chip.constants
    assert cells[1:] == [
        f"{chip.model}, {chip.gigahertz:g} GHz",
        f"{constants.cycles:.2f}",
        f"{constants.line:.1f}",
        f"{constants.turn:.0f}",
        str(len(found.errors)),
        f"{chip.median_error:.1%}".replace("%", " %"),
        f"{chip.error:.1%}".replace("%", " %"),
        f"{abs(found.errors[found.worst]):.0%} ({found.worst})".replace("%", " %"),
        f"{found.speedup_error:.1%}".replace("%", " %"),
        f"{chip.ratio_error:.1%}".replace("%", " %"),
        f"{found.correlation:.2f}",
    ]


def test_a_program_of_known_work_takes_the_time_of_its_terms(tmp_path: Path) -> None:
    chip = CHIPS["pi4"]
    # Twice what the first level holds, ten times over, and one exit from each of ten loops.
    section = executed(tmp_path, SWEEP.format(touch="ldr x0, [x21]", lines=1024, times=10), (chip.simulated,))
    done = work_of(section, chip.model)
    assert (done.instructions, done.lines) == (section.instructions, 10_240)
    assert 10 <= done.turns <= 10 + 2 * len(section.ran)  # Ten exits, and what is new is not foreseen.
    assert done.cycles == pytest.approx(
        10_240 * 2, rel=0.5
    )  # Four instructions; at least one and a half cycles.
    constants = chip.constants
    cycles = constants.cycles * done.cycles + constants.line * 10_240 + constants.turn * done.turns
    assert milliseconds(done, chip) == pytest.approx(cycles / 1.8e6)


TERMS = np.random.default_rng(0).uniform(1, 10, (12, 3))


@pytest.mark.parametrize("constants", [(1.2, 7.0, 100.0), (1.0, 0.0, 3.0), (1.0, 0.0, 0.0)])
def test_the_fit_finds_the_constants_of_exact_times(constants: tuple[float, ...]) -> None:
    times = TERMS @ constants
    assert fitted(TERMS / times[:, None]) == pytest.approx(constants, abs=1e-6)
    found = held_out(
        {str(n): tuple(row) for n, row in enumerate(TERMS)}, {str(n): time for n, time in enumerate(times)}
    )
    assert max(abs(error) for error in found.errors.values()) < 1e-6
    assert found.correlation == pytest.approx(1)


def test_no_fit_lets_a_processor_be_faster_than_its_pipeline() -> None:
    shares = TERMS / (TERMS @ (0.5, 7.0, 100.0))[:, None]
    constants = fitted(shares)
    assert constants[0] == LEAST_CYCLES == 1.0 and min(constants[1:]) >= 0
    assert np.abs(shares @ constants - 1).max() < 0.1


def test_one_wrong_time_does_not_move_the_constants_and_is_seen_from_the_others() -> None:
    constants = (1.2, 7.0, 100.0)
    times = TERMS @ constants
    times[3] *= 2
    names = [str(number) for number in range(len(times))]
    found = held_out(dict(zip(names, map(tuple, TERMS), strict=True)), dict(zip(names, times, strict=True)))
    assert found.constants == pytest.approx(constants, rel=0.1)
    assert found.worst == "3"
    assert found.errors["3"] == pytest.approx(-0.5, abs=1e-6)


def test_errors_of_speedups_and_ratios_are_those_of_quotients() -> None:
    found = Fit((1.0,), {"alexnet": 0.1, "a": 0.1, "b": -0.12, "c": 0.1}, 1.0)
    assert found.speedup_error == pytest.approx(0.0)
    assert found.ratio_error == pytest.approx(1.1 / 0.88 - 1)
    assert found.median_error == pytest.approx(0.1)
    assert found.worst == "b"
