"""What ``mobilecnn search`` says below its table: the errors, what is undecided, and what is known of an emulated chip's sums."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import made_costs
import pytest

from mobilecnn.bench.records.chips import CHIPS, LLVM, SUMS_ERRORS, SUMS_ON
from mobilecnn.bench.records.operator_costs import OperatorCosts, WholeSample
from mobilecnn.bench.records.work import TimeModel
from mobilecnn.cli import search
from mobilecnn.found_networks import Candidate, Found, Held, Wanted
from mobilecnn.train.operators import Network
from mobilecnn.train.zoo import parse

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def costs() -> OperatorCosts:
    return made_costs.table("lenet", (28,))


def candidate(name: str, ms: float, form: str = "int8", whole: float | None = None) -> Candidate:
    sample = (
        None if whole is None else WholeSample(name, 224, form, "any", whole * 1e6, whole * 1e6, whole * 1e6)
    )
    return Candidate(parse(name), Network("it", 224, (), 1, 1), form, ms * 1e6, None, sample)  # fmt: skip


def held(*ratios: float) -> Held:
    return Held({(f"network {place}", 224): ratio for place, ratio in enumerate(ratios)})


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ((2.0, 1.25), "median error 35.0%, bias -35.0% (too short), largest 50.0%; not corrected, which takes 3 (--check 3)"),
        ((0.8, 0.8), "median error 25.0%, bias +25.0% (too long), largest 25.0%; not corrected, which takes 3 (--check 3)"),
        ((2.0, 2.0, 2.0), ("median error 50.0%, bias -50.0% (too short), largest 50.0%; each corrected by the others: median error 0.0%, "
         "bias +0.0%, largest 0.0%; all predictions are these sums times 2.00")),
    ],
)  # fmt: skip
def test_the_line_of_the_error_says_which_way_it_goes(
    ratios: tuple[float, ...], said: str, costs: OperatorCosts
) -> None:
    rows = (candidate("alexnet", 2.0, whole=4.0),)
    found = Found(Wanted("alexnet", 10e6), costs, rows, rows, held={"int8": held(*ratios)})
    assert list(search.errors(found)) == [
        f"int8, sums of operators against {len(ratios)} whole networks measured: {said}"
    ]


def test_what_the_error_may_push_over_the_budget_or_below_it_is_undecided(costs: OperatorCosts) -> None:
    """By the largest error in that direction that is left: without a correction that of the sums."""
    rows = (candidate("alexnet", 8.0), candidate("zfnet", 5.5), candidate("vgg16", 4.0, whole=9.9))
    above = (candidate("vgg19", 10.5), candidate("lenet5", 4.0, whole=10.1))
    found = Found(Wanted("alexnet", 10e6), costs, (*above, *rows), rows, (0.1,), {"int8": held(1.5, 1.2)})
    said = [line for line in search.errors(found) if line.startswith("undecided")]
    assert said == [
        "undecided: alexnet at 224 int8, predicted to take 8 ms, may take more than 10 ms; a larger --check times it"
    ]
    assert found.to_json()["undecided"] == [{"network": "alexnet", "size": 224, "format": "int8"}]
    # As much too short as by 2 the second takes 11 ms, as much too long as by 0.9 the third 9.45 ms.
    for ratios, names in (
        ((2.0, 1.2), ["alexnet", "zfnet"]), ((0.9, 1.0), ["vgg19"]), ((0.9, 1.3), ["alexnet", "vgg19"]), ((2.0, 2.0, 2.0), []),
    ):  # fmt: skip
        held_so = replace(found, held={"int8": held(*ratios)})
        assert [str(row.name) for row in held_so.undecided] == names
    said = list(search.errors(replace(found, held={"int8": held(0.9, 1.0)})))
    assert any("vgg19" in line and line.endswith("may take 10 ms or less; not shown: export it, and time it with `mobilecnn bench`") for line in said)  # fmt: skip


@pytest.mark.parametrize("name", sorted(CHIPS))
def test_beside_a_front_that_nothing_corrects_it_says_that_the_sums_are_too_short(
    name: str, costs: OperatorCosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the chips whose model has the term for branches, of the formats that too few whole networks correct."""
    chip = CHIPS[name]
    monkeypatch.setattr("mobilecnn.bench.devices.seam.CanCount", SimpleNamespace)
    where: Any = SimpleNamespace(time_model=lambda: TimeModel(chip, LLVM))
    rows = (candidate("alexnet", 2.0, "float32"), candidate("alexnet", 1.0))

    def noted(**forms: Held) -> list[str]:
        found = Found(Wanted("alexnet", 10e6), costs, rows, rows, (0.1,), held=forms)
        return [line for line in search._lines(found, where) if line.startswith("not corrected, ")]

    both, three = noted(float32=Held(), int8=held(1.5, 1.5)), held(1.5, 1.5, 1.5)
    if name not in ("pi3", "pi4", "pi4-1500mhz", "rk3399", "sd810"):
        assert both == []
        return
    assert len(both) == 1 and both[0].startswith(
        "not corrected, float32, int8: sums of operators can be far off"
    )
    assert "in float32 of 10 networks of MobileNet V1 5.4% (at most 47.1%), 10 networks of" in both[0]
    assert "; in int8 of 10 networks of MobileNet V1 11.6%" in both[0]
    assert (f"of the {chip.title} there is no record" in both[0]) == (chip.title != SUMS_ON)
    (one,) = noted(float32=three, int8=Held())
    assert one.startswith("not corrected, int8:") and "in float32" not in one
    assert noted(float32=three, int8=three) == []


def test_the_figures_of_the_sums_are_those_of_the_page() -> None:
    page = (DOCS / "search.md").read_text(encoding="utf-8")
    table = page.partition("--device emulated-pi4 --format float32")[2].partition("--device emulated-pi5")[0]
    rows = re.findall(
        r"^\| ([\w ]+) \| (float32|int8) \| (?:(\d+) \| )?([\d.]+) % \| -([\d.]+) % \| ([\d.]+) %", table, re.MULTILINE
    )  # fmt: skip
    shown: dict[Any, Any] = {
        (dtype, family): (int(number or 10), float(median), float(largest))
        for family, dtype, number, median, _, largest in rows
    }
    assert all(median == bias for *_, median, bias, _ in rows), "all are too short"
    assert shown == {
        (dtype, family): (number, pytest.approx(100 * median), pytest.approx(100 * largest))
        for dtype, families in SUMS_ERRORS.items()
        for family, (number, median, largest) in families.items()
    }
