"""What costs of operators do not tell: whether whole networks gain by routed channels, and by outputs and places that are computed as one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.build import Layers
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering.columns import columns_to_channels
from mobilecnn.convert.lowering.concatenations import nest_concatenations
from mobilecnn.convert.lowering.costs import Costs
from mobilecnn.convert.lowering.packed_places import places_to_channels
from mobilecnn.convert.lowering.routes import route_channels
from mobilecnn.convert.lowering.shuffles import fold_shuffles
from mobilecnn.files import write_bytes
from mobilecnn.steps import Progress

V2_STEM, V2_STAGES, V2_LAST = 24, ((48, 4), (96, 8), (192, 4)), 1024
"""Channels of the first feature map, channels and units of the stages, and channels of the last convolution of ShuffleNet V2 0.5x
(arXiv 1807.11164v1, Table 5)."""

V2_SIDE = 56
"""Side of the feature map, in pixels, that its stages begin with; the convolution and the pool before it are the same in both forms."""

V1_STEM = 8
V1_LAYERS = (
    (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *((128, 1),) * 5, (256, 2), (256, 1),
)  # fmt: skip
"""Channels of the first convolution, and channels and stride of what follows, of MobileNet V1 0.25x (arXiv 1704.04861v1, Table 1)."""

LEAST_GAIN = 0.02
"""Share of its time that a network must save in one type for its form to be chosen, and may not lose in another."""

PLAIN, CHANGED = "plain", "changed"


@dataclass(frozen=True)
class Share:
    """What a network takes in the changed form, as a share of what it takes in the plain one.

    Attributes:
        value: the share.
        low, high: its 95 % interval; of a modelled one the value itself, because the model's error is of other kinds of networks.
    """

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.value <= self.high:
            raise ValueError("a share is not positive, or not within its interval")

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.value:.1%}"
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%})"


@dataclass(frozen=True)
class Shares:
    """Shares of networks of one type; None where both forms are the same.

    Attributes:
        routes: ShuffleNet V2 with routed channels.
        packs: MobileNet V1 with several outputs or places as the channels of one.
        packed_routes: ShuffleNet V2 with routed channels, where both forms have several places as the channels of one.
    """

    routes: Share | None = None
    packs: Share | None = None
    packed_routes: Share | None = None


def gains(shares: Iterable[Shares]) -> tuple[bool, bool]:
    """Whether routed channels, and several outputs or places as one, are faster: for sure in one type, and slower in none.

    Routing makes narrower convolutions. Where places are packed, only the time of both together counts.
    """
    rows = list(shares)
    packs = _faster(row.packs for row in rows)
    together = (row.packed_routes if packs else None for row in rows)
    return _faster(both or row.routes for row, both in zip(rows, together, strict=True)), packs


def _faster(shares: Iterable[Share | None]) -> bool:
    known = [share for share in shares if share is not None]
    return any(share.high < 1 - LEAST_GAIN for share in known) and all(
        share.value < 1 + LEAST_GAIN for share in known
    )


def shufflenet_v2(dtype: str) -> bytes:
    """The stages of ShuffleNet V2 0.5x, and its last convolution, as a converter writes them."""
    graph = Layers(dtype, V2_SIDE, V2_SIDE, V2_STEM)
    x = graph.input
    for out, units in V2_STAGES:
        for unit in range(units):
            stride = 1 if unit else 2
            kept, branch = graph.split(x, 2) if unit else (x, x)
            if not unit:
                kept = graph.conv(graph.depthwise(kept, relu=False, stride=2), out // 2)
            branch = graph.depthwise(graph.conv(branch, out // 2), relu=False, stride=stride)
            x = graph.shuffle(graph.concatenation([kept, graph.conv(branch, out // 2)]), 2)
    return graph.pack(graph.conv(x, V2_LAST))


def mobilenet_v1() -> bytes:
    """MobileNet V1 0.25x in int8, up to its pool."""
    graph = Layers("int8", 224, 224, 3)
    x = graph.strided(graph.input, V1_STEM, (3, 3), (2, 2))
    for out, stride in V1_LAYERS:
        x = graph.conv(graph.depthwise(x, stride=stride), out)
    return graph.pack(x)


def files(costs: Costs) -> dict[tuple[str, str, str], bytes]:
    """Files by type, member of :class:`Shares` and form, of each type that the costs have a table of.

    A member both of whose files are the same is left out, and ``packed_routes`` where ``packs`` is.
    """
    made: dict[tuple[str, str, str], bytes] = {}
    for dtype in costs.tables:
        plain = made[dtype, "routes", PLAIN] = _rewritten(shufflenet_v2(dtype), fold_shuffles)
        routed = made[dtype, "routes", CHANGED] = _rewritten(plain, route_channels, nest_concatenations)
        if dtype != "int8":
            continue
        no, yes = (replace(costs, packs=packs) for packs in (False, True))
        pack = partial(places_to_channels, costs=yes)
        made[dtype, "packs", PLAIN] = _rewritten(mobilenet_v1(), partial(columns_to_channels, costs=no))
        made[dtype, "packs", CHANGED] = _rewritten(
            mobilenet_v1(), partial(columns_to_channels, costs=yes), pack
        )
        if made[dtype, "packs", PLAIN] != made[dtype, "packs", CHANGED]:
            made[dtype, "packed_routes", PLAIN] = _rewritten(plain, pack)
            made[dtype, "packed_routes", CHANGED] = _rewritten(routed, pack)
    return {
        (dtype, member, form): content
        for (dtype, member, form), content in made.items()
        if made[dtype, member, PLAIN] != made[dtype, member, CHANGED]
    }


def _rewritten(content: bytes, *passes: Callable[[Editor], Iterable[str]]) -> bytes:
    """The file as passes leave it."""
    model = flatbuffer.parse(content, "a network")
    editor = Editor(model)
    if not [change for run in passes for change in run(editor)]:
        return content
    editor.sweep()
    return flatbuffer.pack(model)


def judged(
    costs: Costs,
    device: Device,
    protocol: Protocol,
    work: Path,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> dict[str, Shares]:
    """Time the networks in both forms on a device.

    Args:
        costs: the device's tables of costs, which tell how many outputs and places become one.
        device, protocol, progress, command: as :func:`mobilecnn.bench.timing.times.take` takes them.
        work: a folder for the files; the caller removes it.

    Returns:
        The shares by type, of each that there is a table of.

    Raises:
        CheckFailed, EnvironmentProblem, UsageError: as :func:`mobilecnn.bench.timing.times.take` does.
    """
    made = files(costs)
    paths = [work / f"network-{number}.tflite" for number in range(len(made))]
    for path, content in zip(paths, made.values(), strict=True):
        write_bytes(path, content)
    taken = take(paths, device, protocol, progress, command)
    places = {key: number for number, key in enumerate(made)}
    found = dict.fromkeys(costs.tables, Shares())
    for (dtype, member, form), changed in places.items():
        if form == CHANGED:
            share = taken.speedup(changed, places[dtype, member, PLAIN])
            low, high = (share.low, share.high) if taken.results else (share.value, share.value)
            found[dtype] = replace(found[dtype], **{member: Share(share.value, low, high)})
    return found
