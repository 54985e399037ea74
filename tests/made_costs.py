"""A table of operators' costs that was made up, in which everything can be worked out by hand."""

from contextlib import suppress

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.records.operator_costs import MEASURED, ChainSample, OperatorCosts, OperatorSample
from mobilecnn.convert.lowering.planned import planned
from mobilecnn.train.operators import Operator, UnknownOperator, network
from mobilecnn.train.zoo import candidates
from mobilecnn.train.zoo.candidates import Size

NS_A_MAC, NS_A_CALL = {"float32": 1.0, "int8": 0.5}, 1000.0
"""What multiply-adds and a call of the interpreter cost."""


def table(family: str = "mobilenet_v1", sides: tuple[int, ...] = (64, 96)) -> OperatorCosts:
    """Costs of this machine in which an operator of a family on such images takes its multiply-adds, and at least 1 ns."""
    samples = []
    for dtype, ns in NS_A_MAC.items():
        operators = {
            operator
            for name, side in candidates.networks(candidates.family(family), sides)
            for operator in planned(_operators(str(name), side), dtype)
        }
        times = {row: max(1.0, ns * row.macs) for row in operators}
        samples += [OperatorSample(row, dtype, time, time, time) for row, time in times.items()]
    chains = tuple(ChainSample(dtype, size, size, size, size) for dtype in NS_A_MAC for size in (100, 200))
    device = LocalDevice()
    return OperatorCosts(
        device.probe(), "litert", device.version("litert"), 1, MEASURED, "", NS_A_CALL, tuple(samples), chains, ()
    )  # fmt: skip


def _operators(name: str, side: Size) -> tuple[Operator, ...]:
    with suppress(UnknownOperator):
        return network(name, side).operators
    return ()
