"""``mobilecnn search``: what it finds here, that nothing is timed twice, what it refuses."""

import json
import shutil
from collections import defaultdict
from dataclasses import replace
from itertools import chain, cycle
from pathlib import Path
from statistics import median
from typing import Any

import made_costs
import pytest
from adbd import Phone
from click.testing import CliRunner, Result
from made_costs import NS_A_CALL, NS_A_MAC

from mobilecnn.bench.records.operator_costs import (
    OperatorCosts,
    OperatorSample,
    WholeSample,
)
from mobilecnn.bench.timing.operator_costs import fitted
from mobilecnn.cli import cli
from mobilecnn.convert.lowering.costs import TARGETS, Costs
from mobilecnn.train.operators import ADD, Operator, network
from mobilecnn.whole_networks import target_label

pytestmark = pytest.mark.usefixtures("forked")

SHORT = ("--rounds", 1, "--seconds", 0.001)

FEW = ("--size", 64, "--size", 96, "--check", 0)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["search", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("search") / "costs.json"
    made_costs.table().write(path)
    return path


@pytest.fixture(autouse=True)
def nothing_is_timed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "path" in request.fixturenames:
        monkeypatch.setattr(
            "mobilecnn.bench.devices.local.device.LocalDevice.time", lambda *_: pytest.fail("timed")
        )


def predicted(macs: int, dtype: str) -> Any:
    return pytest.approx(NS_A_CALL + NS_A_MAC[dtype] * macs, rel=0.001)


def test_what_is_found(path: Path) -> None:
    before = path.read_bytes()
    done = run("mobilenet_v1", "--budget", "10s", *FEW, "--width", 0.25, "--width", 0.5, "-o", path, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["times"] == "measured" and found["budget_ns"] == 10e9
    assert found["median_error"] is found["bias"] is None
    by_name = {(row["network"], row["format"]): row for row in found["candidates"]}
    assert len(by_name) == 8 == len(found["candidates"])
    for dtype in NS_A_MAC:
        small = by_name["mobilenet_v1_x0.25_64", dtype]
        assert (small["size"], small["params"], small["macs"], small["top1"]) == (
            64,
            470_072,
            3_584_512,
            None,
        )
        assert small["predicted_ns"] == predicted(3_584_512, dtype)
    # Each has more multiply-adds than all that are faster, in either format.
    assert len(found["front"]) == 8 and found["front"][0] == by_name["mobilenet_v1_x0.5_96", "float32"]
    assert path.read_bytes() == before


def test_the_error_is_that_of_the_operators_of_this_search(path: Path, tmp_path: Path) -> None:
    """Over the operators of the kinds and types that its networks have; the median over them, not over the kinds."""
    kept = OperatorCosts.read(path)
    # Times by which no costs go: of a kind that has most of the operators, and of one that no MobileNet V1 has.
    noisy = [
        replace(row, ns=row.ns * factor, high=row.ns * factor)
        for row, factor in zip(kept.operators, cycle((1, 2, 5)))
    ]
    others = [
        OperatorSample(Operator(ADD, 7, 7, channels, channels), "int8", ns, ns, ns)
        for channels, ns in ((8, 1e3), (9, 1e9))
    ]
    (table := replace(kept, operators=(*noisy, *others))).write(tmp_path / "it.json")
    done = run(
        "mobilenet_v1", "--budget", "100s", *FEW, "--format", "int8", "-o", tmp_path / "it.json", "--json"
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    by_work: dict[str, list[OperatorSample]] = defaultdict(list)
    for row in table.operators:
        if row.dtype == "int8" and row not in others:
            by_work[row.operator.work].append(row)
    misses = [fitted(rows).misses for rows in by_work.values()]
    assert found["operators"] == sum(map(len, misses)) == sum(map(len, by_work.values()))
    assert found["operators_median_error"] == pytest.approx(median(chain.from_iterable(misses)))
    assert median(map(median, misses)) != pytest.approx(found["operators_median_error"])


def test_a_table_of_another_release_is_refused(path: Path, tmp_path: Path) -> None:
    """Although nothing is to be timed."""
    replace(OperatorCosts.read(path), runtime_version="1.0.1").write(tmp_path / "it.json")
    done = run("mobilenet_v1", "--budget", "10s", *FEW, "--width", 0.25, "-o", tmp_path / "it.json")
    assert done.exit_code == 1 and "has the costs of litert 1.0.1, and the device has" in done.stderr, (
        done.output
    )


def test_a_whole_network_is_timed_for_each_target(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of costs is another target when its content is another."""
    kept = tmp_path / "it.json"
    OperatorCosts.read(path).write(kept)
    timed = []

    def time(costs: OperatorCosts, name: str, side: int, form: str, *others: Any) -> OperatorCosts:
        timed.append(others[-1])
        ns = 1e6 * len(timed)
        row = WholeSample(name, side, form, target_label(others[-1]), ns, ns, ns)
        return replace(costs, wholes=(*costs.wholes, row))

    monkeypatch.setattr("mobilecnn.searching.timed_whole", time)
    few = ("--size", 64, "--check", 1, "--width", 0.25, "--format", "int8")
    mine = str(tmp_path / "mine.json")

    def whole(target: str) -> float:
        done = run("mobilenet_v1", "--budget", "10s", *few, "--target", target, "-o", kept, "--json")
        assert done.exit_code == 0, done.output
        return float(json.loads(done.stdout)["front"][0]["measured_ns"])

    Costs("one", {}).write(Path(mine))
    assert [whole(target) for target in ("any", "pi5", mine, "any", "pi5", mine)] == [1e6, 2e6, 3e6] * 2
    Path(mine).unlink()
    Costs("another", {}).write(Path(mine))
    assert whole(mine) == 4e6 and timed == ["any", "pi5", mine, mine]
    # Nor are a network's files of a release whose target of this name had other costs those of today.
    monkeypatch.setitem(TARGETS, "any", replace(TARGETS["any"], tables=TARGETS["x86"].tables))
    assert whole("any") == 5e6


def test_a_phone_is_searched_by_its_benchmark_model(phone_with_litert: Phone, tmp_path: Path) -> None:
    """The record names what timed, not what a board would have."""
    kept = tmp_path / "it.json"
    typed = (
        "lenet",
        "--budget",
        "10s",
        *SHORT,
        "--format",
        "float32",
        "--size",
        28,
        "--check",
        0,
        "--device",
        "pixel",
    )
    done = run(*typed, "-o", kept)
    assert done.exit_code == 0, done.output
    made = OperatorCosts.read(kept)
    assert made.runtime == "benchmark_model" and made.runtime_version.startswith("sha256:") and made.operators
    before = kept.read_bytes()
    assert run(*typed, "-o", kept).exit_code == 0 and kept.read_bytes() == before


def test_the_widest_within_the_budget_is_found(path: Path) -> None:
    """Between the listed widths, in steps of 0.05: the next one would be too slow."""
    few = ("--size", 64, "--check", 0, "--format", "int8")
    done = run("mobilenet_v1", "--budget", "10ms", *few, "-o", path, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    slowest = found["front"][0]
    width = float(slowest["network"].split("_x")[1].split("_")[0])
    assert width not in (0.25, 0.5, 0.75, 1.0) and slowest["predicted_ns"] <= 10e6
    times = [
        NS_A_CALL + NS_A_MAC["int8"] * network(f"mobilenet_v1_x{round(near, 2)}_64", 64).macs
        for near in (width, width + 0.05)
    ]
    assert slowest["predicted_ns"] == pytest.approx(times[0], rel=0.01) and times[1] > 10e6


def test_the_widest_of_images_that_are_not_square_is_proposed_as_it_is(path: Path) -> None:
    done = run(
        "mobilenet_v1", "--budget", "15ms", "--size", "64x96", "--check", 0, "--format", "int8", "-o", path
    )
    assert done.exit_code == 0, done.output
    name, size = done.stdout.splitlines()[2].split()[:2]
    width = float(name.split("_x")[1].split("_")[0])
    assert size == "64x96" and width not in (0.25, 0.5, 0.75, 1.0)
    at, above = (
        NS_A_CALL + NS_A_MAC["int8"] * network(f"mobilenet_v1_x{round(near, 2)}_224", (96, 64)).macs
        for near in (width, width + 0.05)
    )
    assert at <= 15e6 < above
    line = done.stderr.replace("\n", " ")
    assert f"export {name} --size 64x96 --int8" in line, line


def test_what_is_printed(path: Path) -> None:
    done = run(
        "mobilenet_v1",
        "--budget",
        "10s",
        *FEW,
        "--width",
        0.5,
        "--format",
        "float16",
        "--max-macs",
        20,
        "-o",
        path,
    )
    assert done.exit_code == 0, done.output
    line = next(line for line in done.stdout.splitlines() if line.startswith("mobilenet_v1_x0.5_64"))
    macs = network("mobilenet_v1_x0.5_64", 64).macs
    assert line.split() == [
        "mobilenet_v1_x0.5_64",
        "64",
        "float16",
        f"{(macs + 1000) / 1e6:.3g}",
        "-",
        f"{macs / 1e6:.2f}",
        "1.332",
        "-",
    ]
    assert "x0.5_96" not in done.stdout and "1 of 1 networks and formats of mobilenet_v1 are" in done.stdout
    assert "no network was timed whole" in done.stdout and f"Costs of operators: {path}" in done.stdout


def test_a_network_with_a_layer_of_unknown_cost_is_left_out_and_named(tmp_path: Path) -> None:
    """The others of its family are searched all the same."""
    path = tmp_path / "it.json"
    made_costs.table("alexnet", (96,)).write(path)
    typed = ("alexnet", "--budget", "10s", "--size", 96, "--format", "int8", "--check", 0, "-o", path)
    found = json.loads(run(*typed, "--json").stdout)
    names = {row["network"] for row in found["candidates"]}
    assert "alexnet" in names and "alexnet_g4" in names and "alexnet_lrn" not in names
    assert found["left_out"] == {"alexnet_lrn": "the layer norm1 (LocalResponseNormalization)"}
    printed = " ".join(run(*typed).output.split())
    assert (
        "alexnet_lrn is left out: nothing is known of what the layer norm1 (LocalResponseNormalization) costs"
        in printed
    )


def test_costs_are_timed_once_and_networks_held_against_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Really, of the smallest family."""
    typed = (
        "lenet",
        "--budget",
        "10s",
        *SHORT,
        "--format",
        "float32",
        "--check",
        1,
        "-o",
        tmp_path / "it.json",
        "--json",
    )
    done = run(*typed)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    # One, or more where that is beaten by what it took.
    checked = [row for row in found["candidates"] if "measured_ns" in row]
    for row in checked:
        assert row["error"] == pytest.approx(row["operators_ns"] / row["measured_ns"] - 1)
    signed = [row["error"] for row in checked]
    assert found["bias"] == pytest.approx(median(signed))
    assert found["largest_error"] == pytest.approx(max(map(abs, signed)))
    kept = OperatorCosts.read(tmp_path / "it.json")
    assert (len(kept.operators), kept.times) == (found["operators"], "measured")
    assert len(kept.wholes) == len(checked) >= 1
    monkeypatch.setattr(
        "mobilecnn.bench.devices.local.device.LocalDevice.time", lambda *_: pytest.fail("timed")
    )
    again = run(*typed)
    assert again.exit_code == 0 and json.loads(again.stdout)["front"] == found["front"]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (["--budget", "1us"], "is predicted to take 1 us or less; the nearest of 4 is mobilenet_v1_x0.25_64 at 64 pixels in int8 with 1.79 ms"),
        (["--budget", "1s", "--max-macs", "0.001"], "none of the 4 networks of mobilenet_v1 has so few multiply-adds"),
        (["--budget", "1s", "--max-params", "0.001"], "none of the 4 networks"),
    ],
)  # fmt: skip
def test_what_nothing_meets(limits: list[str], words: str, path: Path) -> None:
    done = run(
        "mobilenet_v1",
        *limits,
        *FEW,
        "--format",
        "int8",
        "--width",
        0.25,
        "--width",
        0.5,
        "-o",
        path,
        "--json",
    )
    assert done.exit_code == 1 and words in done.stderr, done.output
    assert json.loads(done.stdout)["error"]["exit_code"] == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["mobilenet_v1", "--budget", "20"], "20 has no unit; write 20ms, 20us or 20s"),
        (["mobilenet_v1", "--budget", "fast"], "'fast' is no time; give one such as 20ms"),
        (["mobilenet_v1", "--budget", "-5ms"], "'-5ms' is no time"),
        (["mobilenet_v1", "--budget", "0ms"], "0ms is no time to do anything in"),
        (["mobilenet_v1", "--budget", "nanms"], "'nanms' is no time"),
        (["mobilenet_v1"], "Missing option '--budget'"),
        (["mobilenet", "--budget", "20ms"], "no family of networks is named 'mobilenet'; did you mean mobilenet_v"),
        (["mobilenet_v1_x1.0_224", "--budget", "20ms"], "'mobilenet_v1_x1.0_224' is a network of the family mobilenet_v1; give mobilenet_v1"),
        (["x" * 300, "--budget", "20ms"], f"no family of networks is named '{'x' * 60}'; The families are lenet,"),
        (["mobilenet_v1", "--budget", "20ms", "--size", "4"], "cannot take images of 4x4 pixels"),
        (["mobilenet_v1", "--budget", "20ms", "--width", "9"], "the width multiplier 9.0 is out of range"),
        (["mobilenet_v1", "--budget", "20ms", "--width", "nan"], "no network is named 'mobilenet_v1_xnan"),
        (["vgg", "--budget", "20ms", "--width", "0.5"], "the names of vgg have no width (vgg{depth:16|19}); leave out --width"),
        (["vgg", "--budget", "20ms", "--max-macs", "0"], "--max-macs must be more than 0 million"),
        (["vgg", "--budget", "20ms", "--max-params", "nan"], "--max-params must be more than 0 million"),
        (["vgg", "--budget", "20ms", "--target", "moon"], "unknown target 'moon'"),
        (["vgg", "--budget", "20ms", "--device", "emulated-pi4", "--rounds", "2"], "--rounds is for timing"),
        (["nasnet", "--budget", "20ms", "--size", "64x32"], "takes square images only"),
        (["vgg", "--budget", "20ms", "--size", "64x"], "'64x' is no size"),
        (["nasnet", "--budget", "20ms", "--check", "0"], "nothing is known of what the layer"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_for_is_refused(typed: list[str], words: str, tmp_path: Path) -> None:
    done = run(*typed, "-o", tmp_path / "costs.json")
    assert done.exit_code == 2 and words in done.stderr.replace("\n", " "), done.output
    assert not list(tmp_path.iterdir())


def test_networks_for_images_that_are_not_square(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searched, predicted, exported and timed at the size, and another run finds them in the record."""
    monkeypatch.undo()  # These are timed.
    costs = tmp_path / "costs.json"
    shutil.copy(path, costs)
    typed = ("mobilenet_v1", "--budget", "1s", "--size", "48x32", "--width", 0.25, "--format", "int8", "-o", costs, "--json", *SHORT)  # fmt: skip
    done = run(*typed)
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["front"]
    assert (row["network"], row["size"]) == ("mobilenet_v1_x0.25_224", "48x32")
    assert row["macs"] == network("mobilenet_v1_x0.25_224", (32, 48)).macs
    (whole,) = OperatorCosts.read(costs).wholes
    assert (whole.size, whole.width, whole.ns) == (32, 48, row["measured_ns"])
    (again,) = json.loads(run(*typed).stdout)["front"]
    assert again["measured_ns"] == row["measured_ns"]
