"""The modelled tables of the page of speedup, held against the records that they are made of."""

import runpy
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.measurement import DIFFERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "speedup.md").read_text(encoding="utf-8")
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "speedup_page.py"))


@pytest.mark.parametrize("table", SCRIPT["TABLES"], ids=lambda table: table.__name__)
def test_the_page_s_table_is_that_of_the_records(table: Callable[[], str]) -> None:
    made = table()
    assert made.count("\n") >= 1
    assert f"|\n{made}" in PAGE, "run: python scripts/speedup_page.py"


def test_the_shares_are_of_the_constants_of_today() -> None:
    kept = SCRIPT["decomposed"]()
    assert kept["constants"] == asdict(CHIPS[kept["chip"]].constants), "make the record anew"
    for network in kept["networks"]:
        assert sum(group["ns"] for group in network["groups"]) == pytest.approx(network["sum_ns"])


@pytest.mark.parametrize("name", ["guidelines", "groups"])
def test_a_record_is_of_its_chip_and_says_nothing_of_a_machine(name: str) -> None:
    kept = SCRIPT["record"](name)
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
