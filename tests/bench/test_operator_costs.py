"""What operators cost: which are timed, what is fitted to them, and the table that is kept and continued."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.records.operator_costs import (
    MEASURED,
    ChainSample,
    OperatorCosts,
    OperatorSample,
    WholeSample,
)
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.operator_costs import Predictor, chosen, complete, fitted, missing, terms
from mobilecnn.errors import CheckFailed, InputError
from mobilecnn.train import operators as kinds
from mobilecnn.train.operators import Operator

SHORT = Protocol(rounds=1, warmup_runs=1, warmup_seconds=0, runs=4, seconds=0)

POINTWISE = tuple(
    Operator(kinds.CONVOLUTION, side, side, given, out)
    for side in (7, 14, 28, 56)
    for given, out in ((16, 60), (64, 64), (96, 25), (320, 1283), (33, 50))
)

RELEASE = "2.3.0"
"""Release of the runtime that took times which were made up."""

KNOWN = (700.0, 0.05, 6.0, 0.2, 0.1, 0.0)
"""Nanoseconds of a call, a product, a tile written, a value read, a weight, a group."""


def sample(operator: Operator, width: int = 8, costs: tuple[float, ...] = KNOWN) -> OperatorSample:
    ns = sum(cost * term for cost, term in zip(costs, terms(operator, width), strict=True))
    return OperatorSample(operator, "float32", ns, ns, ns)


def table(*samples: OperatorSample) -> OperatorCosts:
    return OperatorCosts(
        LocalDevice().probe(), "litert", RELEASE if samples else "", 1, MEASURED, "", 100.0, samples, (), ()
    )


def test_an_operator_beyond_any_size_in_a_table_breaks_no_fit() -> None:
    """Its numbers of products are beyond 64 bits."""
    rows = [sample(operator) for operator in POINTWISE[:3]]
    huge = Operator("convolution", 2**62, 2**62, 2**62, 2**62)
    assert np.isfinite(fitted([*rows, OperatorSample(huge, "float32", 1.0, 1.0, 1.0)]).costs).all()


@pytest.mark.parametrize("ns", [0.0, -1.0, 1e-320])
def test_a_table_with_a_time_that_is_none_is_refused(ns: float) -> None:
    """Costs are fitted to shares of the times, which are divided by."""
    document = table(sample(POINTWISE[0])).to_json()
    document["operators"][0].update(ns=ns, low=ns, high=ns)
    with pytest.raises(InputError, match=r"operators\[0\]: a time is less than a nanosecond"):
        OperatorCosts.from_json(json.loads(json.dumps(document)))


def test_the_costs_that_made_the_times_are_found() -> None:
    shown = chosen(POINTWISE)["convolution 1x1"]
    assert len(shown) == 12
    predictor = Predictor(table(*(sample(operator) for operator in shown)))
    fit = predictor.fits["float32", "convolution 1x1"]
    assert max(fit.misses) < 1e-6 and fit.width == 8
    for operator in POINTWISE:
        assert predictor.operator(operator, "float32") == pytest.approx(sample(operator).ns, rel=1e-3)
    row = POINTWISE[3:5]
    assert predictor.network(row, "float32") == pytest.approx(
        100 + sum(sample(each).ns for each in row), rel=1e-3
    )


def test_weights_that_no_cache_holds_take_longer() -> None:
    chains = tuple(
        ChainSample("float32", size, ns, ns, ns)
        for size, ns in ((100, 50.0), (200, 100.0), (400, 260.0), (800, 580.0))
    )
    predictor = Predictor(replace(table(sample(POINTWISE[0])), chains=chains))
    taken = {0: 0, 100: 0, 200: 0, 300: 30, 400: 60, 600: 120, 800: 180, 1000: 240}
    assert {size: predictor.streamed(size, "float32") for size in taken} == pytest.approx(taken)
    assert predictor.streamed(1000, "int8") == 0
    # A convolution with many weights has what they take more in its own time, where three of them lay side by side.
    (one,) = POINTWISE[:1]
    assert predictor.network([one], "float32") == pytest.approx(100 + sample(one).ns)
    more = (
        predictor.streamed(32 * one.weights, "float32")
        - 8 * predictor.streamed(12 * one.weights, "float32") / 3
    )
    assert predictor.network([one] * 8, "float32") == pytest.approx(100 + 8 * sample(one).ns + max(0.0, more))
    tiny = Operator(kinds.CONVOLUTION, 7, 7, 4, 4)
    known = replace(table(sample(tiny)), chains=chains)
    # 64 bytes of weights each: two are in the cache, and of ten 440 bytes are not, where 10 times 192 / 3 were.
    assert Predictor(known).network([tiny] * 2, "float32") == pytest.approx(100 + 2 * sample(tiny).ns)
    assert Predictor(known).network([tiny] * 10, "float32") == pytest.approx(100 + 10 * sample(tiny).ns + 132)
    # What noise makes faster is no gain.
    noisy = replace(table(sample(POINTWISE[0])), chains=(*chains[:3], replace(chains[3], ns=380, low=380)))
    assert Predictor(noisy).streamed(2000, "float32") == 60


def test_what_was_timed_is_taken_as_it_was_timed() -> None:
    odd = sample(POINTWISE[0])
    odd = replace(odd, ns=3 * odd.ns, high=3 * odd.ns)
    predictor = Predictor(table(*(sample(operator) for operator in POINTWISE[1:8]), odd))
    assert predictor.operator(POINTWISE[0], "float32") == odd.ns


def test_no_cost_is_negative() -> None:
    """Times that fall with the work, as noise makes them, give no network a time below nothing."""
    rows = [
        OperatorSample(operator, "float32", ns, ns, ns)
        for operator, ns in zip(POINTWISE, range(400, 20, -20), strict=False)
    ]
    assert min(fitted(rows).costs) >= 0
    assert Predictor(table(*rows)).operator(Operator(kinds.CONVOLUTION, 1, 1, 1, 1), "float32") >= 1


def test_the_choice_depends_on_nothing_but_the_operators() -> None:
    mixed = list(POINTWISE) * 2
    random.Random(1).shuffle(mixed)
    assert chosen(mixed) == chosen(POINTWISE)
    # What is timed already, and near, is not timed again; what is far is.
    assert chosen(POINTWISE, chosen(POINTWISE)["convolution 1x1"]) == {}
    assert chosen(POINTWISE, POINTWISE[:3]) == {
        "convolution 1x1": chosen(POINTWISE, POINTWISE[:3])["convolution 1x1"][:9]
    }
    far = Operator(kinds.CONVOLUTION, 1, 1, 2048, 10)
    assert chosen([*POINTWISE, far], POINTWISE) == {"convolution 1x1": (far,)}
    # Pools of one shape, of which one reaches over the edge, cost the same, and one of them is timed.
    pools = [Operator(kinds.MAX_POOL, 7, 7, 16, 16, 3, 3, 2, padded=padded) for padded in (True, False)]
    assert chosen(pools) == chosen(pools[::-1]) == {"max pool 3x3, stride 2": (pools[1],)}
    (largest, *_) = chosen(POINTWISE)["convolution 1x1"]
    assert largest == Operator(kinds.CONVOLUTION, 56, 56, 320, 1283)


def test_a_table_is_completed_and_an_interrupted_one_continued(tmp_path: Path) -> None:
    wanted = {"float32 convolution 1x1": POINTWISE[:2], "int8 add": (Operator(kinds.ADD, 7, 7, 16, 16),)}
    kept: list[OperatorCosts] = []
    here = LocalDevice()
    path = tmp_path / "it.json"
    with here:
        made = complete(table(), wanted, here, SHORT, tmp_path, kept.append, path)
        assert [len(row.operators) for row in kept] == [2, 3, 3, 3] and kept[-1] == made
        assert [row.dtype for row in made.chains] == ["float32"] * 4 + ["int8"] * 4
        assert made.runtime_version and missing(made, wanted) == {}
        half = complete(kept[0], wanted, here, SHORT, tmp_path, kept.append, path)
        assert half.operators[:2] == kept[0].operators and len(half.operators) == 3 and len(kept) == 7
        assert complete(made, wanted, here, SHORT, tmp_path, kept.append, path) == made and len(kept) == 7
    assert all(row.ns > 0 for row in made.operators) and not list(tmp_path.iterdir())
    made.write(path)
    assert OperatorCosts.read(path) == made


def test_a_table_of_something_else_is_not_continued() -> None:
    kept = table(sample(POINTWISE[0]))
    facts = kept.device
    kept.check_same(LocalDevice().probe(), "", "litert", 1, "it.json")
    for device, chip, runtime, threads in (
        (replace(facts, cpu="another"), "", "litert", 1),
        (facts, "Raspberry Pi 4", "litert", 1),
        (facts, "", "tflite-runtime", 1),
        (facts, "", "litert", 2),
    ):
        with pytest.raises(
            CheckFailed, match=r"it\.json has the costs of another device or setting .* with -o"
        ):
            kept.check_same(device, chip, runtime, threads, "it.json")
    assert kept.at_version(RELEASE, "it.json") == kept
    with pytest.raises(CheckFailed, match=r"costs of litert 2\.3\.0, and the device has 2\.4\.0 now"):
        kept.at_version("2.4.0", "it.json")


def test_a_whole_network_is_that_of_its_file() -> None:
    """Another size, format or target is another file."""
    row = WholeSample("mobilenet_v1_x0.25_128", 128, "int8", "any", 5.0, 5.0, 5.0)
    kept = replace(table(sample(POINTWISE[0])), wholes=(row,))
    assert kept.whole("mobilenet_v1_x0.25_128", 128, "int8", "any") == row
    for other in (("x", 128, "int8", "any"), (row.network, 96, "int8", "any"), (row.network, 128, "float32", "any"),
                  (row.network, 128, "int8", "pi5")):  # fmt: skip
        assert kept.whole(*other) is None


def test_times_without_a_release_are_none() -> None:
    with pytest.raises(ValueError, match="no release of a runtime that took them"):
        replace(table(sample(POINTWISE[0])), runtime_version="")


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("ns", 0.0, "less than a nanosecond, or not within"), ("low", 1e12, "not within its interval"),
        ("dtype", 3, "must be a text"), ("operator", {}, "kind is missing"),
    ],
)  # fmt: skip
def test_a_damaged_table_is_refused(member: str, value: object, words: str, tmp_path: Path) -> None:
    document = table(sample(POINTWISE[0])).to_json()
    document["operators"][0][member] = value
    (tmp_path / "it.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=words):
        OperatorCosts.read(tmp_path / "it.json")
