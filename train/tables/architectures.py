"""Layer tables of the MobileNets, AlexNet's filter groups, and RandWire on larger images.

Of a layer table the published figures are the side and the channels that a paper prints of each layer's input; ours follow from
the strides and channels of the layers before.
"""

from collections.abc import Callable, Sequence

from mobilecnn.train import zoo
from mobilecnn.train.tables.layered import Conv
from mobilecnn.train.tables.rows import Column, Figure, PaperTable, Row

Line = tuple[str, int, int, int, int, int]
"""Type of a layer, its stride and kernel, its output channels, and what is printed of its input: side and channels."""


def _separable(stride: int, side: int, inputs: int, outputs: int) -> list[Line]:
    after = side // stride
    return [
        (f"Conv dw / s{stride}", stride, 3, inputs, side, inputs),
        ("Conv / s1", 1, 1, outputs, after, inputs),
    ]


MOBILENET_V1: Sequence[Line] = (
    ("Conv / s2", 2, 3, 32, 224, 3),
    *_separable(1, 112, 32, 64),
    *_separable(2, 112, 64, 128),
    *_separable(1, 56, 128, 128),
    *_separable(2, 56, 128, 256),
    *_separable(1, 28, 256, 256),
    *_separable(2, 28, 256, 512),
    *(line for _ in range(5) for line in _separable(1, 14, 512, 512)),
    *_separable(2, 14, 512, 1024),
    *_separable(1, 7, 1024, 1024),
)
"""Layers of MobileNet V1 up to its pool (arXiv 1704.04861, Table 1, with a stride of 1 in the last depthwise layer, for which the
paper prints s2 and a following input of 7 x 7)."""

Bottleneck = tuple[int, int, int, int, int, int]
"""Expansion, output channels, repeats and stride of a line of bottlenecks, and what is printed of its input: side and channels."""

MOBILENET_V2: Sequence[Bottleneck] = (
    (1, 16, 1, 1, 112, 32), (6, 24, 2, 2, 112, 16), (6, 32, 3, 2, 56, 24), (6, 64, 4, 2, 28, 32), (6, 96, 3, 1, 14, 64),
    (6, 160, 3, 2, 14, 96), (6, 320, 1, 1, 7, 160),
)  # fmt: skip
"""Bottlenecks of MobileNet V2 (arXiv 1801.04381, Table 2)."""

COLUMNS = (
    Column("side of the input (pixels)", 0),
    Column("channels of the input", 0),
    Column("weights", 0),
    Column("multiply-adds (M)"),
)
"""Columns of a layer table."""


def layer_line(label: str, printed: tuple[int, int], ours: tuple[int, int], layers: Sequence[Conv]) -> Row:
    """A row of a layer table.

    Args:
        label: what the paper prints of the layer.
        printed: side (pixels) and channels of its input, as printed.
        ours: the same as they follow from the layers before.
        layers: its convolutions.
    """
    figures = (
        Figure(str(printed[0]), ours[0], exact=True),
        Figure(str(printed[1]), ours[1], exact=True),
        Figure("", sum(layer.weights for layer in layers)),
        Figure("", sum(layer.macs for layer in layers) / 1e6),
    )
    return Row(label, "", figures)


def whole_line(network: str, layers: Sequence[Conv]) -> Row:
    """The last row of a layer table, with the sums of all layers."""
    figures = (
        Figure(),
        Figure(),
        Figure("", sum(layer.weights for layer in layers)),
        Figure("", sum(layer.macs for layer in layers) / 1e6),
    )
    return Row("whole", network, figures)


def _mobilenet_1() -> PaperTable:
    rows, every = [], []
    side, channels = 224, 3
    for kind, stride, kernel, outputs, printed_side, printed_channels in MOBILENET_V1:
        groups = channels if "dw" in kind else 1
        layer = Conv(side // stride, kernel, channels, outputs, groups)
        shape = f"{kernel}x{kernel}x{channels}" + (" dw" if groups > 1 else f"x{outputs}")
        rows.append(
            layer_line(f"{kind}, {shape}", (printed_side, printed_channels), (side, channels), [layer])
        )
        every.append(layer)
        side, channels = layer.side, outputs
    rows.append(layer_line("Avg Pool / s1", (7, 1024), (side, channels), ()))
    dense = Conv(1, 1, channels, 1000)
    rows.append(layer_line("FC / s1, 1024x1000", (1, 1024), (1, channels), [dense]))
    rows.append(layer_line("Softmax / s1, Classifier", (1, 1000), (1, dense.outputs), ()))
    rows.append(whole_line("mobilenet_v1_x1.0_224", [*every, dense]))
    return PaperTable(
        "mobilenet-1",
        "MobileNet V1 layer by layer",
        "arXiv 1704.04861, Table 1",
        COLUMNS,
        tuple(rows),
        (
            "For the last depthwise layer the paper prints s2 and a next input of 7x7x1024, which fits s1; s2 would leave 4x4, and 534 million multiply-adds.",
            "Weights are those of the kernels, without batch normalization and biases.",
        ),
    )


def _mobilenet_v2_2() -> PaperTable:
    stem = Conv(112, 3, 3, 32)
    rows = [layer_line("conv2d 3x3, c 32, s 2", (224, 3), (224, 3), [stem])]
    every = [stem]
    side, channels = stem.side, stem.outputs
    for expansion, outputs, repeats, first, printed_side, printed_channels in MOBILENET_V2:
        given, layers = (side, channels), []
        for number in range(repeats):
            stride = first if number == 0 else 1
            wide, after = expansion * channels, side // stride
            if expansion > 1:
                layers.append(Conv(side, 1, channels, wide))
            layers += [Conv(after, 3, wide, wide, wide), Conv(after, 1, wide, outputs)]
            side, channels = after, outputs
        label = f"bottleneck, t {expansion}, c {outputs}, n {repeats}, s {first}"
        rows.append(layer_line(label, (printed_side, printed_channels), given, layers))
        every += layers
    last, dense = Conv(side, 1, channels, 1280), Conv(1, 1, 1280, 1000)
    rows += [
        layer_line("conv2d 1x1, c 1280, s 1", (7, 320), (side, channels), [last]),
        layer_line("avgpool 7x7", (7, 1280), (side, last.outputs), ()),
        layer_line("conv2d 1x1, c 1000", (1, 1280), (1, last.outputs), [dense]),
        whole_line("mobilenet_v2_x1.0_224", [*every, last, dense]),
    ]
    return PaperTable(
        "mobilenet_v2-2",
        "MobileNet V2 layer by layer",
        "arXiv 1801.04381, Table 2",
        COLUMNS,
        tuple(rows),
        (
            "t is the expansion, c the output channels, n the repeats, s the stride of the first of them.",
            "Weights are those of the kernels, without batch normalization and biases.",
        ),
    )


def _alexnet_groups() -> PaperTable:
    stored = zoo.stored_counts()
    printed = {"alexnet": ("720", "60")}
    rows = []
    for groups, name in ((1, "alexnet_g1"), (2, "alexnet"), (4, "alexnet_g4")):
        macs, params = printed.get(name, ("", ""))
        counts = stored[name]
        convolutions = counts.macs - 4096 * (9216 + 4096 + 1000)
        rows.append(
            Row(
                f"{groups} filter group{'s' if groups > 1 else ''}",
                name,
                (
                    Figure(macs, counts.macs / 1e6),
                    Figure("", convolutions / 1e6),
                    Figure(params, counts.params_trainable / 1e6),
                ),
            )
        )
    return PaperTable(
        "alexnet-groups",
        "AlexNet by filter groups",
        "Krizhevsky, Sutskever, Hinton 2012, section 3.5; the printed figures are those of arXiv 1704.04861, Table 9",
        (Column("multiply-adds (M)"), Column("of convolutions (M)"), Column("parameters (M)", 3)),
        tuple(rows),
        (
            "The groups are those of the second, fourth and fifth convolution. Of 1 and 4 groups only drawn accuracies are published.",
        ),
    )


RANDWIRE_SIDE = 320
"""Input side of RandWire's large networks, pixels (arXiv 1904.01569, Table 4)."""

RANDWIRE_FEATURES = 1280
"""Inputs of RandWire's classifier (arXiv 1904.01569, Table 1)."""


def _randwire_4() -> PaperTable:
    stored = zoo.stored_counts()
    wired, large = stored["randwire_ws_c154"], stored["nasnet_a_large"]
    dense = RANDWIRE_FEATURES * wired.classes
    # Both sides are multiples of 32, so that each feature map grows by their ratio.
    macs = (wired.macs - dense) * RANDWIRE_SIDE**2 // wired.height**2 + dense
    columns = (
        Column("multiply-adds (M)"),
        Column("parameters (M)", 3),
        Column("top-1 accuracy (%)", counted=False),
        Column("top-5 accuracy (%)", counted=False),
    )
    printed = (
        ("NASNet-A, 331 pixels", large.name, ("23800", "88.9", "82.7", "96.2"), large.macs, large.params_trainable),
        ("Amoeba-A, 331 pixels", "", ("23100", "86.7", "82.8", "96.1"), None, None),
        ("PNASNet-5, 331 pixels", "", ("25000", "86.1", "82.9", "96.2"), None, None),
        (
            "RandWire-WS, C = 154, 320 pixels", wired.name, ("16000", "61.5", "81.6", "95.6"), macs, wired.params_trainable,
        ),
    )  # fmt: skip
    rows = []
    for label, network, (multiply_adds, params, top1, top5), ours, parameters in printed:
        figures = (
            Figure(multiply_adds, None if ours is None else ours / 1e6),
            Figure(params, None if parameters is None else parameters / 1e6),
            Figure(top1),
            Figure(top5),
        )
        rows.append(Row(label, network, figures))
    return PaperTable(
        "randwire-4",
        "Randomly wired networks on larger images",
        "arXiv 1904.01569, Table 4; not verified against the paper",
        columns,
        tuple(rows),
        (
            "RandWire is the network of 224 pixels, tested on 320; ours is the graph of seed 0, the paper's figures are means over five.",
        ),
    )


TABLES: dict[str, Callable[[], PaperTable]] = {
    "mobilenet-1": _mobilenet_1,
    "mobilenet_v2-2": _mobilenet_v2_2,
    "alexnet-groups": _alexnet_groups,
    "randwire-4": _randwire_4,
}
"""Name -> function that works the table out."""
