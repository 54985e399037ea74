"""What whole networks gain by, where costs of operators do not tell."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing import network_forms
from mobilecnn.bench.timing.network_forms import CHANGED, PLAIN, Share, Shares, gains
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.costs import TARGETS, Costs, Table
from mobilecnn.train.zoo import mobilenet_v1, shufflenet_v2


def share(value: float, spread: float = 0.0) -> Share:
    return Share(value, value - spread, value + spread)


NARROW_TILES = Table(call=300, group=40, width=1, unit=4, depth=2.5, tile=20, position=30, channel=1.5)
"""Costs by which several places as one save nothing: a tile has one output."""

PACKING = TARGETS["x86-amx"]


def test_the_networks_are_those_of_the_zoo() -> None:
    *stages, last = shufflenet_v2.CHANNELS[0.5]
    units = [count for _, count in shufflenet_v2.STAGES]
    assert tuple(zip(stages, units, strict=True)) == network_forms.V2_STAGES
    assert (shufflenet_v2.STEM, last) == (network_forms.V2_STEM, network_forms.V2_LAST)
    stages = shufflenet_v2.build(width=0.5, size=224, classes=10, name="it")
    assert stages.get_layer("stem_pool").output.shape[1:] == (
        *[network_forms.V2_SIDE] * 2,
        network_forms.V2_STEM,
    )
    built = mobilenet_v1.build(width=0.25, size=224, classes=10, name="it")
    pointwise = [
        layer.filters
        for layer in built.layers
        if type(layer).__name__ == "Conv2D" and layer.kernel_size == (1, 1)
    ]
    (stem,) = [
        layer.filters
        for layer in built.layers
        if type(layer).__name__ == "Conv2D" and layer.kernel_size == (3, 3)
    ]
    assert stem == network_forms.V1_STEM
    strides = [layer.strides[0] for layer in built.layers if type(layer).__name__ == "DepthwiseConv2D"]
    known = [(out, stride) for out, stride in zip(pointwise, strides, strict=False)]
    assert list(network_forms.V1_LAYERS) == known[: len(network_forms.V1_LAYERS)]
    assert len(strides) == len(network_forms.V1_LAYERS)


def answers(content: bytes) -> Any:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    values = np.random.default_rng(0).integers(-100, 100, given["shape"])
    interpreter.set_tensor(given["index"], values.astype(given["dtype"]))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_both_forms_of_a_network_compute_the_same(dtype: str) -> None:
    made = network_forms.files(PACKING)
    members = {member for kind, member, _ in made if kind == dtype}
    assert members == ({"routes"} if dtype == "float32" else {"routes", "packs", "packed_routes"})
    for member in members:
        plain, changed = (made[dtype, member, form] for form in (PLAIN, CHANGED))
        before = answers(plain)
        assert np.ptp(before) > 0
        np.testing.assert_allclose(
            answers(changed).astype(float),
            before.astype(float),
            rtol=0,
            atol=0 if dtype == "int8" else 1e-4 * np.ptp(before),
        )
        if member == "routes":
            kinds = [row.kind for row in flatbuffer.graph(changed, "it").operations]
            assert "TRANSPOSE" not in kinds and "SPLIT" not in kinds


@pytest.mark.parametrize("costs", [Costs("it", {"int8": (NARROW_TILES,)}), TARGETS["pi4"]])
def test_a_network_that_stays_as_it_is_is_not_timed(costs: Costs) -> None:
    """By the second costs places of ShuffleNet V2 would become one: it is not asked where MobileNet V1 stays."""
    assert {member for _, member, _ in network_forms.files(costs)} == {"routes"}


@pytest.mark.parametrize("ends", [(0.0, 0.0, 0.5), (-1.0, -1.0, -1.0), (0.5, 0.6, 0.7), (0.9, 0.5, 0.8)])
def test_a_share_that_is_none_is_refused(ends: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="not positive, or not within its interval"):
        Share(*ends)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([], (False, False)),
        ([Shares()], (False, False)),
        ([Shares(routes=share(0.9))], (True, False)),
        ([Shares(routes=share(0.99))], (False, False)),
        ([Shares(routes=share(0.95, 0.04))], (False, False)),  # It may be less than is asked.
        ([Shares(routes=share(0.9)), Shares(routes=share(1.01))], (True, False)),
        ([Shares(routes=share(0.9)), Shares(routes=share(1.03))], (False, False)),
        (
            [Shares(routes=share(0.9)), Shares(routes=share(0.8), packs=share(1.1), packed_routes=share(1.2))],
            (True, False),
        ),
        # Where places become one, it is the routed channels with these that count.
        (
            [Shares(routes=share(0.95)), Shares(routes=share(1.08), packs=share(0.5), packed_routes=share(0.8))],
            (True, True),
        ),
        ([Shares(routes=share(0.9), packs=share(0.5), packed_routes=share(1.0))], (False, True)),
        ([Shares(routes=share(0.9), packs=share(0.5))], (True, True)),
    ],
)  # fmt: skip
def test_a_form_is_chosen_that_is_surely_faster_in_a_type_and_slower_in_none(
    shares: list[Shares], expected: tuple[bool, bool]
) -> None:
    assert gains(shares) == expected


@pytest.mark.parametrize("measured", [True, False])
def test_shares_are_of_the_times_on_the_device(
    measured: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file counts as long as it is large: which is which has to be kept apart."""
    protocol = Protocol(rounds=1, threads=1, runtime="litert", seed=0, seconds=0.001, warmup_seconds=0.001)

    class Sizes:
        def __init__(self, paths: list[Path]) -> None:
            self.sizes = [path.stat().st_size for path in paths]
            self.results = ("of each",) * len(paths) if measured else ()

        def speedup(self, base: int, index: int) -> Interval:
            ratio = self.sizes[base] / self.sizes[index]
            return Interval(ratio, 0.9 * ratio, 1.1 * ratio)

    monkeypatch.setattr(network_forms, "take", lambda paths, *_: Sizes(paths))
    made = network_forms.files(PACKING)
    found = network_forms.judged(PACKING, device("local"), protocol, tmp_path)
    assert set(found) == {"float32", "int8"}
    assert found["float32"].packs is None and found["float32"].packed_routes is None
    for dtype, member, form in made:
        if form == CHANGED:
            ratio = len(made[dtype, member, CHANGED]) / len(made[dtype, member, PLAIN])
            ends = (0.9 * ratio, 1.1 * ratio) if measured else (ratio, ratio)
            assert getattr(found[dtype], member) == Share(ratio, *ends)
