"""``mobilecnn search`` and whole networks: which are timed, how they correct predictions, and that a known time beats a predicted one."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_costs
import pytest
from click.testing import CliRunner, Result
from made_costs import NS_A_CALL, NS_A_MAC

from mobilecnn.bench.records.operator_costs import OperatorCosts, WholeSample
from mobilecnn.bench.timing.operator_costs import correction
from mobilecnn.cli import cli
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.train.operators import network
from mobilecnn.whole_networks import target_label

pytestmark = pytest.mark.usefixtures("forked")

FEW = ("--width", "0.25", "--width", "0.5")


def run(path: Path, *arguments: str, budget: str = "10s", check: str = "0") -> Result:
    typed = ["search", "mobilenet_v1", "--budget", budget, "--size", "64", "--size", "96", "--check", check]
    return CliRunner().invoke(cli, [*typed, "-o", str(path), *arguments])


def summed(name: str, side: int, form: str = "float32") -> float:
    """What the operators of a network and a call take together, ns."""
    return NS_A_CALL + NS_A_MAC[form] * network(name, side).macs


def whole(
    name: str, side: int, ratio: float, target: str = ANY, valid: bool = True, form: str = "float32"
) -> WholeSample:
    ns = ratio * summed(name, side, form)
    return WholeSample(name, side, form, target_label(target), ns, ns, ns, valid)


WHOLES = (
    whole("mobilenet_v1_x0.25_64", 64, 1.5),
    whole("mobilenet_v1_x0.25_96", 96, 1.2),
    whole("mobilenet_v1_x0.5_64", 64, 2.0),
)

OTHERS = (
    whole("mobilenet_v1_x0.75_96", 96, 9.0, valid=False),
    whole("mobilenet_v1_x1.0_96", 96, 9.0, target="pi5"),
    whole("mobilenet_v2_x1.0_96", 96, 9.0),
)
"""Whole networks that correct nothing: a doubtful time, another target's file, another family."""


def written(path: Path, *wholes: WholeSample) -> Path:
    replace(made_costs.table(), wholes=wholes).write(path / "it.json")
    return path / "it.json"


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, str]]:
    """The networks that are timed whole: in float32 they take 1.75 times their sum, and in int8 1.25 times."""
    rows: list[tuple[str, int, str]] = []

    def time(costs: OperatorCosts, name: str, side: int, form: str, *_: Any) -> OperatorCosts:
        rows.append((name, side, form))
        ratio = {"float32": 1.75, "int8": 1.25}[form]
        return replace(costs, wholes=(*costs.wholes, whole(name, side, ratio, form=form)))

    monkeypatch.setattr("mobilecnn.searching.timed_whole", time)
    return rows


def test_one_factor_corrects_all_predictions_of_a_format(tmp_path: Path) -> None:
    path = written(tmp_path, *WHOLES, *OTHERS)
    found = json.loads(run(path, *FEW, "--json").stdout)
    assert found["corrections"] == {
        "float32": {"networks": 3, "factor": pytest.approx(1.5, rel=1e-3)},
    }
    for row in found["candidates"]:
        alone = summed(row["network"], row["size"], row["format"])
        assert row["operators_ns"] == pytest.approx(alone, rel=2e-3)
        factor = 1.5 if row["format"] == "float32" else 1.0
        # That of a network that was timed, too: else it would be held against the others by another measure.
        assert row["predicted_ns"] == pytest.approx(factor * alone, rel=2e-3)
    said = " ".join(run(path, *FEW).stdout.split())
    assert "; all predictions are these sums times 1.50" in said
    assert "int8: no network was timed whole, so that nothing says" in said


def test_the_error_that_is_printed_leaves_each_network_out(tmp_path: Path) -> None:
    path = written(tmp_path, *WHOLES)
    errors = json.loads(run(path, *FEW, "--json").stdout)["errors"]
    assert errors == {
        "float32": {
            "networks": 3,
            "median_error": pytest.approx(1 / 3, rel=1e-2),
            "bias": pytest.approx(-1 / 3, rel=1e-2),
            "largest_error": pytest.approx(0.5, rel=1e-2),
            # By the medians of the two others: 1.6 of 1.5, 1.75 of 1.2, 1.35 of 2.
            "corrected": {
                "median_error": pytest.approx(0.325, rel=1e-2),
                "bias": pytest.approx(1.6 / 1.5 - 1, rel=2e-2),
                "largest_error": pytest.approx(1.75 / 1.2 - 1, rel=1e-2),
            },
        }
    }
    said = " ".join(run(path, *FEW).stdout.split())
    assert (
        "float32, sums of operators against 3 whole networks measured: median error 33.3%, bias -33.3% (too short), largest "
        "50.0%; each corrected by the others: median error 32.5%, bias +6.7% (too long), largest 45.8%; all predictions are"
    ) in said


def test_few_networks_correct_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, *WHOLES[:2], *OTHERS)
    found = json.loads(run(path, *FEW, "--json").stdout)
    assert found["corrections"] == {} and found["errors"]["float32"]["corrected"] is None
    said = " ".join(run(path, *FEW).stdout.split())
    assert (
        "; not corrected, which takes 3 against whose times nothing speaks, as something does against 1 of these"
        in said
    )


def test_a_correction_that_helps_none_of_those_left_out_is_not_made(tmp_path: Path) -> None:
    wholes = [
        whole(f"mobilenet_v1_x{width}_64", 64, ratio) for width, ratio in ((0.25, 0.9), (0.5, 1.0), (0.75, 1.1))
    ]  # fmt: skip
    path = written(tmp_path, *wholes)
    assert json.loads(run(path, *FEW, "--json").stdout)["corrections"] == {}
    said = " ".join(run(path, *FEW).stdout.split())
    assert "that is no better, so that nothing is corrected: whether it should be is undecided" in said


def test_what_was_timed_is_ranked_counted_and_left_out_by_that_time(tmp_path: Path) -> None:
    """Its sum is within the budget, and it took longer; another one's is above, and it was faster."""
    slow, fast = ("mobilenet_v1_x0.5_64", 64), ("mobilenet_v1_x0.5_96", 96)
    budget = (summed(*slow) + summed(*fast)) / 2
    rows = (whole(*slow, 3.0), whole(*fast, 0.5 * budget / summed(*fast)))
    typed = (*FEW, "--format", "float32")
    path, limit = written(tmp_path, *rows), f"{budget / 1e6:.4f}ms"
    found = json.loads(run(path, *typed, "--json", budget=limit).stdout)
    shown = [row["network"] for row in found["front"]]
    assert fast[0] in shown and slow[0] not in shown
    times = [row.get("measured_ns", row["predicted_ns"]) for row in found["front"]]
    assert times == sorted(times, reverse=True) and max(times) <= budget
    said = " ".join(run(path, *typed, budget=limit).stdout.split())
    assert "3 of 4 networks and formats of mobilenet_v1 take" in said
    assert "1 as timed whole and 2 as predicted (3 by the sums of their operators alone)" in said
    assert f"over the budget when timed: {slow[0]} at 64 float32, {3 * summed(*slow) / 1e6:.3g} ms" in said


def test_one_run_times_corrects_and_searches_again(tmp_path: Path, timed: list[tuple[str, int, str]]) -> None:
    """Of each format enough for a correction, and of those that are then shown; the same again times nothing."""
    path = written(tmp_path)
    found = json.loads(run(path, "--json", budget="20ms", check="3").stdout)
    assert {form: row["factor"] for form, row in found["corrections"].items()} == {
        "float32": pytest.approx(1.75, rel=5e-3),
        "int8": pytest.approx(1.25, rel=5e-3),
    }
    shown = Counter(row["format"] for row in found["front"] if "measured_ns" in row)
    assert len(timed) == len(set(timed)) and all(shown[form] >= 3 for form in ("float32", "int8")), shown
    for form, row in found["errors"].items():
        assert row["networks"] == sum(each == form for _, _, each in timed)
        assert row["largest_error"] > 0.19 and row["corrected"]["largest_error"] < 0.02
    for row in found["front"]:
        ratio = 1.75 if row["format"] == "float32" else 1.25
        assert row["predicted_ns"] == pytest.approx(
            ratio * summed(row["network"], row["size"], row["format"]), rel=5e-3
        )
        assert row.get("measured_ns", row["predicted_ns"]) <= 20e6
    # The widest within the budget is that of the corrected predictions.
    slowest = found["front"][0]
    assert slowest["predicted_ns"] > 16e6 and found["undecided"] == []
    timed.clear()
    again = json.loads(run(path, "--json", budget="20ms", check="3").stdout)
    assert timed == [] and again["front"] == found["front"]


def test_a_short_front_is_corrected_by_networks_about_the_budget(
    tmp_path: Path, timed: list[tuple[str, int, str]]
) -> None:
    """By none that take more than twice the budget."""
    widths = (0.25, 0.3, 0.5, 1.0)
    typed = (*(word for width in widths for word in ("--width", str(width))), "--format", "int8")
    limit = f"{1.3 * summed('mobilenet_v1_x0.25_64', 64, 'int8') / 1e6:.4f}ms"
    found = json.loads(run(written(tmp_path), *typed, "--json", budget=limit, check="3").stdout)
    assert [row["network"] for row in found["front"]] == ["mobilenet_v1_x0.25_64"]
    names = ("mobilenet_v1_x0.25_64", "mobilenet_v1_x0.3_64", "mobilenet_v1_x0.25_96")
    assert set(timed) == {(name, int(name[-2:]), "int8") for name in names}
    assert found["corrections"]["int8"]["factor"] == pytest.approx(1.25, rel=5e-3)
    timed.clear()
    (again := tmp_path / "again").mkdir()
    assert run(written(again), *typed, budget=limit, check="1").exit_code == 0
    assert tuple(name for name, *_ in timed) == names[:1]


def test_nothing_left_after_the_check_says_which_was_nearest(
    tmp_path: Path, timed: list[tuple[str, int, str]]
) -> None:
    sum_ms = summed("mobilenet_v1_x0.25_64", 64, "int8") / 1e6
    typed = ("--width", "0.25", "--format", "int8")
    done = run(written(tmp_path), *typed, budget=f"{1.1 * sum_ms:.4f}ms", check="1")
    assert done.exit_code == 1 and timed
    said = " ".join(done.stderr.split())
    assert f"mobilenet_v1_x0.25_64 at 64 pixels in int8 with {1.25 * sum_ms:.3g} ms, timed whole" in said


def test_the_factor_is_the_median_of_the_others() -> None:
    ratios = {"a": 1.0, "b": 2.0, "c": 4.0, "d": 9.0}
    assert correction(ratios, "d") == 2.0 and correction(ratios, "a") == 4.0
    assert correction(ratios) == 3.0
    three = {"a": 1.0, "b": 2.0, "c": 4.0}
    assert correction(three) == 2.0 and correction(three, "c") == 1.5
    assert correction({"a": 4.0, "b": 4.0}) == 1.0
