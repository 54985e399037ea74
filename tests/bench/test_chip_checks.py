"""What the words beside a modelled time promise, held against published times: per chip, per type and per runtime."""

import dataclasses
import itertools
import json
import re
from pathlib import Path

import pytest
from arm_litert import OTHER_ENGINE
from arm_litert import PUBLISHED as LITERT
from arm_model import PUBLISHED
from click.testing import CliRunner
from test_arm_model import ROWS, litert_error, of_chip
from test_validated_shares import FILE, of_turns

from mobilecnn.bench.devices.emulated.build import CORES
from mobilecnn.bench.judge.instructions import CountSummary
from mobilecnn.bench.judge.modelled import beyond, beyond_json
from mobilecnn.bench.pages import modelled
from mobilecnn.bench.pages.remarks import model_errors
from mobilecnn.bench.papers.stored import STORED, stored
from mobilecnn.bench.records.chips import BY_CORE, CHECKS, CHIPS, HALF_PRECISION, OtherRuntime
from mobilecnn.bench.records.data_sheets import DATA_SHEETS
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import PassportFacts
from mobilecnn.bench.records.published import NCNN_TABLE_8, by_ncnn
from mobilecnn.bench.records.work import TimeModel, Work, milliseconds
from mobilecnn.cli import cli

ROOT = Path(__file__).parents[2]

MOBILENET = 568.7e6
"""Multiply-adds of ncnn's mobilenet."""


def page(name: str) -> str:
    return " ".join((ROOT / name).read_text().split())


def test_every_chip_says_what_it_was_held_against_and_a_lent_one_what_its_core_was() -> None:
    assert set(CHECKS) == set(CHIPS)
    for name, lent in BY_CORE.items():
        (other,) = (each for each in PUBLISHED if CHIPS[each].title == lent)
        assert dataclasses.replace(CHECKS[name], litert=None) == dataclasses.replace(
            CHECKS[other], litert=None
        )


@pytest.mark.parametrize("name", PUBLISHED)
def test_so_many_published_times_lay_within_the_interval_as_is_said(name: str) -> None:
    chip, checks, errors = CHIPS[name], CHECKS[name], list(of_chip(name).errors.values())
    within = sum(abs(error) <= chip.error for error in errors)
    assert (checks.times, checks.within) == (len(errors), within)
    ratios = [abs((1 + one) / (1 + other) - 1) for one, other in itertools.permutations(errors, 2)]
    share = sum(error <= chip.ratio_error for error in ratios) / len(ratios)
    assert checks.ratios_within == round(share, 2)
    said = model_errors(chip)
    assert (
        f"of ncnn's {len(errors)} published times" in said and f"{within} by at most {chip.error:.1%}" in said
    )
    assert f"{share:.0%} by at most {chip.ratio_error:.1%}" in said


def test_pages_say_the_same_of_all_chips() -> None:
    (each,) = {(CHECKS[name].within, CHECKS[name].times) for name in PUBLISHED}
    for name in ("README.md", "docs/arm_model.md", "docs/speedup.md", "docs/emulated.md"):
        assert f"{each[0]} of {each[1]}" in page(name) and "nine of ten" not in page(name).lower()


@pytest.mark.parametrize("name", CHIPS)
def test_what_is_said_of_another_runtime_is_of_the_chip(name: str) -> None:
    timed = [each for each in LITERT if CHIPS[each[1]].published == CHIPS[name].published]
    litert = CHECKS[name].litert
    if litert is None:
        assert not timed and "of LiteRT no time of one thread is known of this chip" in model_errors(
            CHIPS[name]
        )
        return
    errors = [litert_error(*each) for each in timed]
    missed = [error for error in errors if abs(error) > CHIPS[name].error]
    assert litert.times == len(errors) and litert.missed == pytest.approx(missed, abs=0.0005)
    clocks = {CHIPS[each[1]].gigahertz for each in timed}
    own = {CHIPS[name].gigahertz} == clocks
    assert own or litert.of.endswith(f"at {clocks.pop():g} GHz")


def test_other_kernels_are_named_where_the_times_are_of_them() -> None:
    others = {
        name for name, checks in CHECKS.items() if checks.litert and checks.litert.own_kernels is not None
    }
    assert others == {"sd820", "sd821"}
    assert {each[1] for each in LITERT if each[2] != CHIPS[each[1]].core} == {"sd820"}
    record = stored("sd820").record
    assert isinstance(record, Instructions)
    (own,) = (
        series.typical_work
        for model, series in zip(record.models, record.series, strict=True)
        if model.file == "mobilenet_v1_x1.0_224.float32.tflite"
    )
    (published,) = (each[3] for each in LITERT if each[0] == "mobilenet_v1_x1.0_224.float32")
    litert = CHECKS["sd820"].litert
    assert own is not None and litert is not None
    error = milliseconds(own, CHIPS["sd820"]) / published - 1
    assert error == pytest.approx(litert.own_kernels, abs=0.0005)
    for name in ("README.md", "docs/speedup.md", "docs/arm_model.md"):
        assert f"{error:.0%}".replace("%", " %") in page(name)


@pytest.mark.parametrize(
    ("litert", "said"),
    [
        (OtherRuntime("this chip", 2, (-0.278, -0.279)), "of LiteRT's 2 of this chip, none by so little: they are modelled 28% too short"),
        (OtherRuntime("this chip", 2, (0.206,)), "of LiteRT's 2 of this chip, 1 by no more: the other is modelled 21% too long"),
        (OtherRuntime("this chip", 2, chosen_by=True), "of LiteRT's 2 of this chip, 2 by no more, but turns are counted in the way that fits these best"),
        (OtherRuntime("this chip", 2), "of LiteRT's 2 of this chip, 2 by no more"),
    ],
)  # fmt: skip
def test_another_runtime_s_misses_are_said(
    litert: OtherRuntime, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHECKS, "pi5", dataclasses.replace(CHECKS["pi5"], litert=litert))
    assert said in model_errors(CHIPS["pi5"])


def test_of_a_chip_with_other_errors_it_is_not_said_how_many_times_lay_within_them() -> None:
    said = model_errors(dataclasses.replace(CHIPS["pi5"], error=0.2))
    assert "LiteRT" not in said and "17" not in said and "90th percentile is 20.0%" in said


@pytest.mark.parametrize("name", PUBLISHED)
def test_ncnn_s_float_times_are_of_half_precision_where_the_core_has_it(name: str) -> None:
    """By how many multiply-adds its kernels begin a cycle at most: twice as many as the core can in single precision."""
    (row,) = (
        row for row in ROWS if (row["runtime"], row["chip"], row["network"]) == ("ncnn", name, "mobilenet")
    )
    single = DATA_SHEETS[name].float32 / 2
    half = name in HALF_PRECISION
    assert MOBILENET / float(row["floor"]) == pytest.approx(2 * single if half else single, rel=0.01)
    assert half == ("asimdhp" in CORES[CHIPS[name].core].features)
    assert ("float32" in CHECKS[name].types) != half


@pytest.mark.parametrize(
    ("name", "form", "type"),
    [
        ("pi5", "float32", "float32"), ("pi5", "float16", "float32"), ("pi5", "int8", ""), ("pi5", None, "unknown"),
        ("sd855", "float32", "float32"), ("pi4", "float32", ""), ("pi4", "float16", ""), ("pi4", None, ""),
        ("pi4", "dynamic", "dynamic"), ("pi3", "int16x8", "int16x8"),
    ],
)  # fmt: skip
def test_a_time_of_a_type_without_published_ones_is_not_validated(
    name: str, form: str | None, type: str
) -> None:
    model = dataclasses.replace(FILE, passport=None if form is None else PassportFacts(format=form))
    found = beyond(model, of_turns(0.1), TimeModel(CHIPS[name], "19.1.7"))
    assert found is not None and found.type == type
    member = beyond_json(found)["modelled_beyond_validated"].get("type")
    wanted = {"is": None if type == "unknown" else type, "validated": list(CHECKS[name].types)}
    assert member == (wanted if type else None)


def test_mobilenet_is_published_there_faster_than_in_single_precision() -> None:
    cycles = [milliseconds_of(name, "mobilenet") * CHIPS[name].gigahertz for name in ("pi5", "sd855plus")]
    single = MOBILENET / (DATA_SHEETS["pi5"].float32 / 2) / 1e6
    assert max(cycles) < single
    said = f"published there at {cycles[0]:.0f} and {cycles[1]:.0f} million cycles, and its multiply-adds alone would need {single:.0f}"
    assert said in page("docs/arm_model.md")


def on_pi_5() -> Instructions:
    """The stored record as one of a Raspberry Pi 5."""
    record = stored("pi4").record
    assert isinstance(record, Instructions) and record.model is not None
    return dataclasses.replace(record, model=dataclasses.replace(record.model, chip=CHIPS["pi5"]))


def test_every_float32_figure_of_such_a_chip_says_so(tmp_path: Path) -> None:
    record = on_pi_5()
    names = [Path(model.file).stem for model in record.models if model.file.endswith(".float32.tflite")]
    line = (
        "intervals not validated in float32, as ncnn's times of a Raspberry Pi 5 that are not of int8 are of half precision: "
        f"{', '.join(names)}"
    )
    assert len(names) == 6 and line in modelled.notes(record)
    for result in CountSummary.of(record).results:
        found = result.to_json()["modelled_beyond_validated"]
        assert ("type" in found) == ("float32" in result.model.file)
    kept = tmp_path / "pi5.json"
    kept.write_text(json.dumps(record.to_json()))
    for words in (
        ["report", str(kept), "-o", str(tmp_path / "page.html"), "--json"],
        ["compare", str(kept), str(kept)],
    ):
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0 and "intervals not validated in float32" in done.stdout, done.output


def test_the_page_says_what_the_phone_s_clock_and_another_engine_would_make_of_the_errors() -> None:
    said = page("docs/arm_model.md")
    pixel = {each[0]: each[3] for each in LITERT if each[1] == "sd820"}
    at_235 = [(1 + litert_error(*each)) * 2.15 / 2.35 - 1 for each in LITERT if each[1] == "sd820"]
    first, second, third, fourth = (f"{100 * error:+.0f}".replace("-", "\N{MINUS SIGN}") for error in at_235)
    assert f"would be {first}, {second}, {third} and {fourth} %" in said
    litert = CHECKS["sd820"].litert
    assert litert is not None and litert.own_kernels is not None
    assert f"MobileNet V1's {(1 + litert.own_kernels) * 2.15 / 2.35 - 1:+.0%}".replace("%", " %") in said
    for network, label in (
        ("mobilenet_v2_x1.0_224", "V2"),
        ("mobilenet_v3_large_x1.0", "V3 large"),
        ("mobilenet_v3_small_x1.0", "V3 small"),
    ):
        (error,) = (litert_error(*each) for each in LITERT if each[0] == f"{network}.float32")
        xnnpack, before = pixel[f"{network}.float32"], OTHER_ENGINE[f"{network}.float32"]
        modelled_ms = xnnpack * (1 + error)
        off = f"{modelled_ms / before - 1:.0%}".replace("-", "\N{MINUS SIGN}").replace("%", " %")
        assert (
            f"| MobileNet {label}, float32 | {before:g} | {xnnpack:g} | {modelled_ms:.1f} | {off} |" in said
        )
    large, small = (
        1 - OTHER_ENGINE[f"mobilenet_v3_{size}_x1.0.int8"] / OTHER_ENGINE[f"mobilenet_v3_{size}_x1.0.float32"]
        for size in ("large", "small")
    )
    assert f"less than in float32 by {large:.0%} and {small:.0%}".replace("%", " %") in said


def test_the_page_of_the_speedups_says_how_ncnn_s_differ() -> None:
    said = page("docs/speedup.md")
    shares, factors = [], []
    for name in STORED:
        rows = {row.published.label: row for row in stored(name).rows if row.format == "float32"}
        lrn, plain = (rows[label].time.value / 1e6 for label in ("AlexNet+LRN", "AlexNet"))
        lender = CHIPS["sd821" if name == "sd820" else name]
        published = NCNN_TABLE_8[name][0] * lender.gigahertz / CHIPS[name].gigahertz
        factors.append(f"{lrn / published:.1f}")
        shares.append(f"{(lrn - plain) / (lrn - published):.0%}".replace("%", " %"))
        for place, label in ((1, "1.0 MobileNet-224"), (2, "ShuffleNet 1x (g=3)")):
            theirs = NCNN_TABLE_8[name][0] / NCNN_TABLE_8[name][place]
            assert theirs < rows[label].over[1].actual.low  # "all four are below the model's interval"
            assert f"{theirs:.2f}x" in said and f"{theirs:.2f}x" in page("README.md")
            assert name != "sd820" or theirs < rows[label].paper_actual
    assert f"takes {' and '.join(factors)} times as long by the model" in said
    assert (
        f"LRN is {shares[0]} of what lies between on the Snapdragon and {shares[1]} on the Raspberry Pi:"
        in said
    )


def test_the_page_of_profiles_has_the_times_of_the_page_of_the_rewrites() -> None:
    """Made of the terms in the table there, by the constants of today."""
    rows = {}
    for name in (
        "milliseconds",
        "million cycles of the pipeline",
        "thousand lines of 64 bytes",
        "thousand turns",
    ):
        row = re.search(
            rf"^\| {name} \| ([\d.]+) \| ([\d.]+) \|$", (ROOT / "docs/lowering.md").read_text(), re.MULTILINE
        )
        assert row is not None
        rows[name] = [float(row[1]), float(row[2])]
    times, cycles, lines, turns = rows.values()
    for place in (0, 1):
        done = Work(1, 1e6 * cycles[place], int(1e3 * lines[place]), int(1e3 * turns[place]))
        assert milliseconds(done, CHIPS["pi4"]) == pytest.approx(times[place], abs=0.15)
    (today,) = (
        row.time.value / 1e6
        for row in stored("pi4").rows
        if (row.published.label, row.format) == ("ShuffleNet 0.5x (g=3)", "int8")
    )
    assert (
        f"without dense groups, are {times[0]} ms on the Raspberry Pi 4 in sum, and {times[1]} in the network"
        in page("docs/profile.md")
        and f"with dense groups, as the export writes them today, it takes {today:.1f}."
        in page("docs/profile.md")
    )


def test_ncnn_s_speedups_are_those_of_its_times() -> None:
    wanted = {
        name: tuple(milliseconds_of(name, network) for network in ("alexnet", "mobilenet", "shufflenet"))
        for name in PUBLISHED
        if name not in HALF_PRECISION
    }
    assert {**wanted, "sd820": wanted["sd821"]} == NCNN_TABLE_8
    assert by_ncnn(CHIPS["pi5"]) == ()


def milliseconds_of(name: str, network: str) -> float:
    """What ncnn published of a network on a chip."""
    (row,) = (row for row in ROWS if (row["runtime"], row["chip"], row["network"]) == ("ncnn", name, network))
    return float(row["milliseconds"])
