"""The ShuffleNets stage by stage: Table 1 of ShuffleNet V1's paper, Table 5 of V2's.

Of a stage the published figures are the side and the channels of its output; ours follow from the strides, and of V1 from the zoo's
channels. Multiply-adds of a stage are ours, those of a whole network are published, too.
"""

from collections.abc import Callable, Mapping

from mobilecnn.train import zoo
from mobilecnn.train.tables.layered import Conv
from mobilecnn.train.tables.rows import Column, Figure, PaperTable, Row
from mobilecnn.train.zoo.shufflenet_v1_channels import STAGE2, UNITS, channels

SIDES = (28, 14, 7)
"""Sides of the outputs of Stages 2, 3 and 4 as both papers print them, pixels."""

REPEATS = ("1 + 3 units", "1 + 7 units", "1 + 3 units")
"""Units of Stages 2, 3 and 4 as both papers print them: the first has stride 2."""

PRINTED_V1: Mapping[int, tuple[tuple[int, int, int], str]] = {
    1: ((144, 288, 576), "143"),
    2: ((200, 400, 800), "140"),
    3: ((240, 480, 960), "137"),
    4: ((272, 544, 1088), "133"),
    8: ((384, 768, 1536), "137"),
}
"""Groups -> output channels of Stages 2, 3 and 4, and million multiply-adds (arXiv 1707.01083v2, Table 1)."""

PRINTED_V2: Mapping[float, tuple[tuple[int, int, int, int], str, str]] = {
    0.5: ((48, 96, 192, 1024), "41", "1.4"),
    1.0: ((116, 232, 464, 1024), "146", "2.3"),
    1.5: ((176, 352, 704, 1024), "299", "3.5"),
    2.0: ((244, 488, 976, 2048), "591", "7.4"),
}
"""Width -> output channels of Stages 2, 3, 4 and of Conv5, million multiply-adds and parameters (arXiv 1807.11164, Table 5)."""

STEM = Conv(112, 3, 3, 24)
"""First convolution of both at 1x, of stride 2 on 224 x 224 pixels; a max pool follows."""


def stage_v1(side: int, inputs: int, outputs: int, bottleneck: int, groups: int, units: int) -> list[Conv]:
    """The convolutions of a stage of ShuffleNet V1 (arXiv 1707.01083v2, Figure 2).

    Args:
        side: side of the stage's input, pixels; it is halved by the first unit.
        inputs: channels of the input.
        outputs: channels of the output, those of the first unit's shortcut included.
        bottleneck: channels inside a unit.
        groups: groups of the 1x1 convolutions, but for the first of Stage 2, whose input is the first convolution's.
        units: number of units.
    """
    after = side // 2
    layers = [
        Conv(side, 1, inputs, bottleneck, 1 if inputs == STEM.outputs else groups),
        Conv(after, 3, bottleneck, bottleneck, bottleneck),
        Conv(after, 1, bottleneck, outputs - inputs, groups),
    ]
    for _ in range(units - 1):
        layers += [
            Conv(after, 1, outputs, bottleneck, groups),
            Conv(after, 3, bottleneck, bottleneck, bottleneck),
            Conv(after, 1, bottleneck, outputs, groups),
        ]
    return layers


def stage_v2(side: int, inputs: int, outputs: int, units: int) -> list[Conv]:
    """The convolutions of a stage of ShuffleNet V2 (arXiv 1807.11164, Figure 3).

    Args:
        side: side of the stage's input, pixels; it is halved by the first unit.
        inputs: channels of the input.
        outputs: channels of the output; a branch has half of them.
        units: number of units.
    """
    after, half = side // 2, outputs // 2
    layers = [
        Conv(after, 3, inputs, inputs, inputs),
        Conv(after, 1, inputs, half),
        Conv(side, 1, inputs, half),
        Conv(after, 3, half, half, half),
        Conv(after, 1, half, half),
    ]
    for _ in range(units - 1):
        layers += [Conv(after, 1, half, half), Conv(after, 3, half, half, half), Conv(after, 1, half, half)]
    return layers


def _macs(layers: list[Conv]) -> float:
    return sum(layer.macs for layer in layers) / 1e6


def _shufflenet_1() -> PaperTable:
    stored = zoo.stored_counts()
    rows = []
    for groups in STAGE2:
        name, (printed, complexity) = f"shufflenet_v1_x1.0_g{groups}", PRINTED_V1[groups]
        ours = channels(1.0, groups)
        stem = Conv(STEM.side, 3, 3, ours.stem)
        first = (Figure("112", stem.side, exact=True), Figure("24", ours.stem, exact=True))
        rows.append(Row(f"g = {groups}: Conv1 3x3, stride 2", "", (Figure("", _macs([stem])), *first)))
        side, inputs = stem.side // 2, ours.stem
        for place, outputs in enumerate(ours.stages):
            layers = stage_v1(side, inputs, outputs, ours.bottlenecks[place], groups, UNITS[place])
            side, inputs = side // 2, outputs
            figures = (
                Figure("", _macs(layers)),
                Figure(str(SIDES[place]), side, exact=True),
                Figure(str(printed[place]), outputs, exact=True),
            )
            rows.append(Row(f"g = {groups}: Stage {place + 2}, {REPEATS[place]}", "", figures))
        whole = Figure(complexity, (stored[name].macs - 1000 * inputs) / 1e6)
        rows.append(Row(f"g = {groups}: all convolutions", name, (whole, Figure(), Figure())))
        rows.append(
            Row(
                f"g = {groups}: with FC 1000", name, (Figure("", stored[name].macs / 1e6), Figure(), Figure())
            )
        )
    return PaperTable(
        "shufflenet-1",
        "ShuffleNet V1 stage by stage, by groups",
        "arXiv 1707.01083v2, Table 1",
        (
            Column("multiply-adds (M)"),
            Column("side of the output (pixels)", 0),
            Column("output channels", 0),
        ),
        tuple(rows),
        (
            "The paper's figures are those of the convolutions, without the classifier.",
            (
                "A max pool halves the 112 pixels of Conv1; the first unit of a stage has stride 2 and halves its input. Inside a unit are a quarter of the output channels; "
                "the first 1x1 convolution of Stage 2 has no groups."
            ),
        ),
    )


def _shufflenet_v2_5() -> PaperTable:
    stored = zoo.stored_counts()
    rows = []
    for width, ((*stages, last), complexity, weights) in PRINTED_V2.items():
        name = f"shufflenet_v2_x{width}"
        label = f"{width:g}x"
        rows.append(
            Row(
                f"{label}: Conv1 3x3, stride 2",
                "",
                (Figure("", _macs([STEM])), Figure(), Figure("112", STEM.side, exact=True), Figure("24")),
            )
        )
        side, inputs = STEM.side // 2, STEM.outputs
        for place, outputs in enumerate(stages):
            layers = stage_v2(side, inputs, outputs, UNITS[place])
            side, inputs = side // 2, outputs
            figures = (
                Figure("", _macs(layers)),
                Figure(),
                Figure(str(SIDES[place]), side, exact=True),
                Figure(str(outputs)),
            )
            rows.append(Row(f"{label}: Stage {place + 2}, {REPEATS[place]}", "", figures))
        conv5 = Conv(side, 1, inputs, last)
        figures = (
            Figure("", _macs([conv5])),
            Figure(),
            Figure("7", side, exact=True),
            Figure(str(last)),
        )
        rows.append(Row(f"{label}: Conv5 1x1", "", figures))
        whole = (
            Figure(complexity, stored[name].macs / 1e6),
            Figure(weights, stored[name].params_trainable / 1e6),
            Figure(),
            Figure(),
        )
        rows.append(Row(f"{label}: whole", name, whole))
    return PaperTable(
        "shufflenet_v2-5",
        "ShuffleNet V2 stage by stage, by width",
        "arXiv 1807.11164, Table 5",
        (
            Column("multiply-adds (M)"),
            Column("parameters (M)", 3),
            Column("side of the output (pixels)", 0),
            Column("output channels", 0, counted=False),
        ),
        tuple(rows),
        (
            "Multiply-adds of a stage are those of the printed channels; the whole is the zoo's network, with the classifier (FC 1000).",
            "A max pool halves the 112 pixels of Conv1; the first unit of a stage has stride 2 and halves its input.",
            "The multiply-adds that the paper prints of a whole network are 0.8 to 1.3 % above those of its weights.",
        ),
    )


TABLES: dict[str, Callable[[], PaperTable]] = {
    "shufflenet-1": _shufflenet_1,
    "shufflenet_v2-5": _shufflenet_v2_5,
}
"""Name -> function that works the table out."""
