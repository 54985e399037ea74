"""The modelled tables of the page of speedup, held against the records that they are made of."""

import runpy
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from speedup_records import TERMS

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import Counts
from mobilecnn.bench.records.measurement import DIFFERS
from mobilecnn.bench.records.work import Work, milliseconds, parts

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "speedup.md").read_text(encoding="utf-8")
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "speedup_page.py"))


@pytest.mark.parametrize("table", SCRIPT["TABLES"], ids=lambda table: table.__name__)
def test_the_page_s_table_is_that_of_the_records(table: Callable[[], str]) -> None:
    made = table()
    assert made.count("\n") >= 1
    assert f"|\n{made}" in PAGE, "run: python scripts/speedup_page.py"


def test_what_the_page_says_of_the_rows_that_are_no_findings_is_in_the_record() -> None:
    kept = SCRIPT["record"]("guidelines")
    rows: dict[str, tuple[Work, Counts, float, float]] = {}
    for model, series in zip(kept.models, kept.series, strict=True):
        time = milliseconds(series.typical_work, kept.model.chip)
        rest = time - parts(series.typical_work, kept.model.chip)["branches"]
        rows[model.file.removesuffix("-x1-float32.tflite")] = (
            series.typical_work,
            series.typical,
            time,
            rest,
        )
    firsts = {"g1": rows["g1-1-1"], "g3": rows["g3-1-fragment"]}
    odd = [(rows[name], firsts[name[:2]]) for name in (
        "g1-1-2", "g1-1-6", "g1-1-12", "g3-2-in-series", "g3-2-in-parallel",
    )]  # fmt: skip

    def span(ratios: list[float], form: str) -> str:
        return f"{min(ratios):{form}} to {max(ratios):{form}}"

    page = " ".join(PAGE.split())
    assert max(abs(mine[1].multiply_add / first[1].multiply_add - 1) for mine, first in odd) < 0.085
    for form, words, ratios in (
        (".1f", "{} times as slow as the first row", [mine[2] / first[2] for mine, first in odd]),
        (".1f", "{} times the instructions of the first row", [mine[1].total / first[1].total for mine, first in odd]),
        (".1f", "{} times its loads and stores", [mine[1].load_store / first[1].load_store for mine, first in odd]),
        (".2f", "would have {} of the first row's speed", [first[3] / mine[3] for mine, first in odd]),
        (".0f", "{} times the turns of the first row", [mine[0].turns / first[0].turns for mine, first in odd]),
        (".0f", "these are {} % of the time", [100 * (1 - mine[3] / mine[2]) for mine, _ in odd]),
    ):  # fmt: skip
        assert words.format(span(ratios, form)) in page


def test_the_shares_are_of_the_constants_of_today() -> None:
    kept = SCRIPT["decomposed"]()
    assert kept["constants"] == asdict(CHIPS[kept["chip"]].constants), "make the record anew"
    chip, said = CHIPS[kept["chip"]], []
    for network in kept["networks"]:
        for key in ("whole", "sum"):
            cycles, lines, turns = (network[f"{key}_work"][term] for term in TERMS)
            spent = parts(Work(1, cycles, lines, turns), chip)
            assert 1e6 * sum(spent.values()) == pytest.approx(network[f"{key}_ns"])
            said += [round(100 * spent[part] / sum(spent.values())) for part in ("branches", "pipeline")]
    words = f"turns are {said[0]} % by the model in the whole file, and cycles {said[1]} %; of the sum of its operators turns are {said[2]} %"
    assert words in " ".join(PAGE.split())
    for network in kept["networks"]:
        assert sum(group["ns"] for group in network["groups"]) == pytest.approx(network["sum_ns"])


@pytest.mark.parametrize("name", ["guidelines", *SCRIPT["NETWORKS"]])
def test_a_record_is_of_its_chip_and_says_nothing_of_a_machine(name: str) -> None:
    kept = SCRIPT["record"](name)
    wanted = SCRIPT["NETWORKS"].get(name)
    assert wanted is None or wanted == tuple(model.passport.architecture for model in kept.models)
    assert kept.model.chip.name == SCRIPT["CHIP"][name]
    assert len(kept.models) == len(kept.series)
    for model, series in zip(kept.models, kept.series, strict=True):
        assert "/" not in model.file and model.answers.verdict != DIFFERS
        assert series.work and series.runtime_version


def test_what_an_interval_decides_is_said_before_what_it_does_not() -> None:
    slower, unknown = Interval(1.2, 1.1, 1.3), Interval(1.1, 0.9, 1.3)
    said = SCRIPT["by_decision"]
    assert (
        said([(unknown, "a"), (slower, "b")]) == "1.20x (1.10 to 1.30) b; undecided: 1.10x (0.90 to 1.30) a"
    )
    assert said([(slower, "b")]) == "1.20x (1.10 to 1.30) b"
    assert said([(unknown, "a")]) == "undecided: 1.10x (0.90 to 1.30) a"
