"""``mobilecnn search`` with whole networks in its table: what these took corrects the predictions of the others."""

import json
from dataclasses import replace
from pathlib import Path

import made_costs
import pytest
from click.testing import CliRunner, Result
from made_costs import NS_A_CALL

from mobilecnn.bench.records.operator_costs import WholeSample
from mobilecnn.bench.timing.operator_costs import correction
from mobilecnn.cli import cli
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.searching import target_label
from mobilecnn.train.operators import network

pytestmark = pytest.mark.usefixtures("forked")


def run(path: Path, *arguments: str) -> Result:
    typed = [
        "search",
        "mobilenet_v1",
        "--budget",
        "10s",
        "--size",
        "64",
        "--size",
        "96",
        "--width",
        "0.25",
        "--width",
        "0.5",
    ]
    return CliRunner().invoke(cli, [*typed, "--check", "0", "-o", str(path), *arguments])  # fmt: skip


def summed(name: str, side: int) -> float:
    """What the operators of a network and a call take together, ns."""
    return NS_A_CALL + network(name, side).macs


def whole(name: str, side: int, ratio: float, target: str = ANY, valid: bool = True) -> WholeSample:
    ns = ratio * summed(name, side)
    return WholeSample(name, side, "float32", target_label(target), ns, ns, ns, valid)


WHOLES = (
    whole("mobilenet_v1_x0.25_64", 64, 1.5),
    whole("mobilenet_v1_x0.25_96", 96, 1.2),
    whole("mobilenet_v1_x0.5_64", 64, 2.0),
)

OTHERS = (
    whole("mobilenet_v1_x0.5_96", 96, 9.0, valid=False),
    whole("mobilenet_v1_x1.0_96", 96, 9.0, target="pi5"),
    whole("mobilenet_v2_x1.0_96", 96, 9.0),
)
"""Whole networks that correct nothing: a doubtful time, another target's file, another family."""


def test_the_others_of_the_family_correct_a_prediction(tmp_path: Path) -> None:
    replace(made_costs.table(), wholes=(*WHOLES, *OTHERS)).write(tmp_path / "it.json")
    found = json.loads(run(tmp_path / "it.json", "--json").stdout)
    factor = pytest.approx(1.5, rel=1e-3)
    assert found["corrections"] == {"float32": {"networks": 3, "factor": factor}}
    predicted = {(row["network"], row["format"]): row["predicted_ns"] for row in found["candidates"]}
    new, timed = ("mobilenet_v1_x0.5_96", 96), ("mobilenet_v1_x0.25_64", 64)
    assert predicted[new[0], "float32"] == pytest.approx(1.5 * summed(*new), rel=2e-3)
    # Of its own time nothing is in a prediction, and the two others are too few; nor are there any in int8.
    assert predicted[timed[0], "float32"] == pytest.approx(summed(*timed), rel=1e-3)
    assert predicted[new[0], "int8"] == pytest.approx(NS_A_CALL + 0.5 * network(*new).macs, rel=1e-3)
    said = run(tmp_path / "it.json").stdout
    assert "float32: multiplied by 1.50, as 3 whole networks of the family in the table" in " ".join(
        said.split()
    )
    assert "int8: multiplied" not in said


def test_few_networks_correct_nothing(tmp_path: Path) -> None:
    replace(made_costs.table(), wholes=(*WHOLES[:2], *OTHERS)).write(tmp_path / "it.json")
    found = json.loads(run(tmp_path / "it.json", "--json").stdout)
    assert found["corrections"] == {}
    assert "multiplied by" not in run(tmp_path / "it.json").stdout


def test_the_factor_is_the_median_of_the_others() -> None:
    ratios = {"a": 1.0, "b": 2.0, "c": 4.0, "d": 9.0}
    assert correction(ratios, "d") == 2.0 and correction(ratios, "a") == 4.0
    assert correction(ratios) == 3.0 and correction({"a": 1.0, "b": 2.0, "c": 4.0}, "c") == 1.0
