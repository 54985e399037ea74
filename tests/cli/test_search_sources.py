"""``mobilecnn search`` says who published the accuracies that it shows."""

import json
from pathlib import Path

import made_costs
import pytest
from click.testing import CliRunner, Result

from mobilecnn.bench.records.operator_costs import OperatorCosts
from mobilecnn.cli import cli
from mobilecnn.cli.search import sources
from mobilecnn.found_networks import Candidate, Found, Wanted
from mobilecnn.train.operators import Network
from mobilecnn.train.zoo import parse

pytestmark = pytest.mark.usefixtures("forked")

NETWORK = Network("it", 224, (), 1, 1)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["search", *(str(argument) for argument in arguments)])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(
        "mobilecnn.bench.devices.local.device.LocalDevice.time", lambda *_: pytest.fail("timed")
    )
    path = tmp_path / "costs.json"
    made_costs.table().write(path)
    return path


def test_the_published_accuracy_has_its_source(path: Path) -> None:
    typed = (
        "mobilenet_v1",
        "--budget",
        "10s",
        "--size",
        128,
        "--size",
        96,
        "--width",
        0.5,
        "--check",
        0,
        "-o",
        path,
    )
    rows = json.loads(run(*typed, "--json").stdout)["candidates"]
    said = {(row["network"], row["top1"], row["top1_source"]) for row in rows}
    assert said == {
        ("mobilenet_v1_x0.5_128", 56.3, "TF-slim model table, MobileNet V1"),
        ("mobilenet_v1_x0.5_96", None, None),
    }
    shown = [line for line in run(*typed).stdout.splitlines() if line.startswith("top-1")]
    assert shown == ["top-1: as published for float32: TF-slim model table, MobileNet V1"]


def test_of_several_sources_each_has_its_networks(path: Path) -> None:
    rows = [
        Candidate(parse(name), NETWORK, "int8", 1.0, top1, top1_source=source)
        for name, top1, source in (("alexnet", 56.5, "one"), ("zfnet", 60.8, "two"), ("vgg16", None, ""))
    ]
    found = Found(Wanted("alexnet", 20.0), OperatorCosts.read(path), (), tuple(rows))
    assert list(sources(found)) == [
        "top-1 of alexnet: as published for float32: one",
        "top-1 of zfnet: as published for float32: two",
    ]
