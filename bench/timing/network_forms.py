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
"""Share of its time that a network must save for its form to be chosen: below it, the next run may say the opposite."""

PLAIN, CHANGED = "plain", "changed"


@dataclass(frozen=True)
class Shares:
    """What networks of a type take in the changed form, as shares of what they take in the plain one; None where both forms are the same.

    Attributes:
        routes: ShuffleNet V2 with routed channels.
        packs: MobileNet V1 with several outputs or places as the channels of one.
        packed_routes: ShuffleNet V2 with routed channels, where both forms have several places as the channels of one.
    """

    routes: float | None = None
    packs: float | None = None
    packed_routes: float | None = None


def gains(shares: Iterable[Shares]) -> tuple[bool, bool]:
    """Whether routed channels, and several outputs or places as one, are faster: in each type that they were timed in.

    Routed are convolutions of few channels. Where several places become one, that decides what these take.
    """
    rows = list(shares)
    packs = _less(row.packs for row in rows)
    together = (row.packed_routes if packs else None for row in rows)
    return _less(
        row.routes if both is None else both for row, both in zip(rows, together, strict=True)
    ), packs


def _less(shares: Iterable[float | None]) -> bool:
    known = [share for share in shares if share is not None]
    return bool(known) and max(known) < 1 - LEAST_GAIN


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

    A member both of whose files are the same is left out, and ``packed_routes`` where nothing is packed.
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
        packed = {form: _rewritten(content, pack) for form, content in ((PLAIN, plain), (CHANGED, routed))}
        if packed != {PLAIN: plain, CHANGED: routed}:
            made |= {(dtype, "packed_routes", form): content for form, content in packed.items()}
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
    times = {key: taken.time(number).value for number, key in enumerate(made)}
    found = dict.fromkeys(costs.tables, Shares())
    for dtype, member, form in made:
        if form == CHANGED:
            share = times[dtype, member, CHANGED] / times[dtype, member, PLAIN]
            found[dtype] = replace(found[dtype], **{member: share})
    return found
