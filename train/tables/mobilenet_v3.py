"""MobileNet V3 layer by layer, and its counts at any width and input side.

The zoo's networks are Keras'. What they count on other widths and sides than the listed ones follows from the tables' layers by
Keras' rules; the tests build the networks and hold these counts to theirs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mobilecnn.train import zoo
from mobilecnn.train.tables.architectures import COLUMNS, layer_line, whole_line
from mobilecnn.train.tables.layered import Conv
from mobilecnn.train.tables.rows import PaperTable

Searched = tuple[int, int, int, str, str, int, int, int]
"""Kernel, expanded and output channels, whether it squeezes ("SE" or ""), activation and stride of a bottleneck, and what is printed
of its input: side and channels."""

MOBILENET_V3_LARGE: Sequence[Searched] = (
    (3, 16, 16, "", "RE", 1, 112, 16), (3, 64, 24, "", "RE", 2, 112, 16), (3, 72, 24, "", "RE", 1, 56, 24),
    (5, 72, 40, "SE", "RE", 2, 56, 24), (5, 120, 40, "SE", "RE", 1, 28, 40), (5, 120, 40, "SE", "RE", 1, 28, 40),
    (3, 240, 80, "", "HS", 2, 28, 40), (3, 200, 80, "", "HS", 1, 14, 80), (3, 184, 80, "", "HS", 1, 14, 80),
    (3, 184, 80, "", "HS", 1, 14, 80), (3, 480, 112, "SE", "HS", 1, 14, 80), (3, 672, 112, "SE", "HS", 1, 14, 112),
    (5, 672, 160, "SE", "HS", 2, 14, 112), (5, 960, 160, "SE", "HS", 1, 7, 160), (5, 960, 160, "SE", "HS", 1, 7, 160),
)  # fmt: skip
"""Bottlenecks of MobileNet V3-Large (arXiv 1905.02244, Table 1)."""

MOBILENET_V3_SMALL: Sequence[Searched] = (
    (3, 16, 16, "SE", "RE", 2, 112, 16), (3, 72, 24, "", "RE", 2, 56, 16), (3, 88, 24, "", "RE", 1, 28, 24),
    (5, 96, 40, "SE", "HS", 2, 28, 24), (5, 240, 40, "SE", "HS", 1, 14, 40), (5, 240, 40, "SE", "HS", 1, 14, 40),
    (5, 120, 48, "SE", "HS", 1, 14, 40), (5, 144, 48, "SE", "HS", 1, 14, 48), (5, 288, 96, "SE", "HS", 2, 14, 48),
    (5, 576, 96, "SE", "HS", 1, 7, 96), (5, 576, 96, "SE", "HS", 1, 7, 96),
)  # fmt: skip
"""Bottlenecks of MobileNet V3-Small (arXiv 1905.02244, Table 2)."""

STEM_V3 = 16
"""Output channels of MobileNet V3's first convolution (the same tables)."""

SIZES = {"large": (MOBILENET_V3_LARGE, 1280), "small": (MOBILENET_V3_SMALL, 1024)}
"""Variant -> bottlenecks, and channels behind the pool at widths up to 1 (the same tables)."""


def multiple(channels: float) -> int:
    """The multiple of 8 nearest to a number of channels, of which it leaves out at most a tenth (TF-slim, Keras)."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


@dataclass(frozen=True)
class Counted:
    """What a network counts.

    Attributes:
        params_trainable: trainable parameters.
        macs: multiply-adds, one for each application of a weight.
    """

    params_trainable: int
    macs: int


def counts(network: str, side: int | None = None, wide_stem: bool = False) -> Counted:
    """What a MobileNet V3 counts, by Keras' rules for its channels (``keras.applications``).

    Args:
        network: its name in the zoo, of any width, not minimalistic.
        side: side of the input, a multiple of 32 pixels; None for 224.
        wide_stem: whether the first convolution's channels are scaled, too, which Keras leaves at 16.
    """
    name = zoo.parse(network, side)
    parameters = dict(name.parameters)
    width = float(parameters["width"])
    bottlenecks, features = SIZES[str(parameters["variant"])]
    # Parameters of an output channel besides its weights: two of a batch normalization, or a bias.
    normalized, biased = 2, 1
    side, channels, unscaled = name.size // 2, multiple(STEM_V3 * width) if wide_stem else STEM_V3, STEM_V3
    layers = [(Conv(side, 3, 3, channels), normalized)]
    for number, (kernel, expanded, outputs, squeezes, _, stride, _, _) in enumerate(bottlenecks):
        # The first bottleneck expands nothing.
        wide = multiple(channels * expanded / unscaled) if number else channels
        if number:
            layers.append((Conv(side, 1, channels, wide), normalized))
        side //= stride
        layers.append((Conv(side, kernel, wide, wide, wide), normalized))
        if squeezes:
            inside = multiple(wide / 4)
            layers += [(Conv(1, 1, wide, inside), biased), (Conv(1, 1, inside, wide), biased)]
        channels, unscaled = multiple(outputs * width), outputs
        layers.append((Conv(side, 1, wide, channels), normalized))
    before, behind = multiple(6 * channels), multiple(features * max(width, 1.0))
    layers += [
        (Conv(side, 1, channels, before), normalized),
        (Conv(1, 1, before, behind), biased),
        (Conv(1, 1, behind, name.family.classes), biased),
    ]
    return Counted(
        sum(layer.weights + more * layer.outputs for layer, more in layers),
        sum(layer.macs for layer, _ in layers),
    )


def _mobilenet_v3(
    number: int, size: str, bottlenecks: Sequence[Searched], last: tuple[int, int], marks: str, note: str
) -> PaperTable:
    """A layer table of MobileNet V3.

    Args:
        number: number of the paper's table.
        size: "Large" or "Small".
        bottlenecks: its rows between the first and the last convolutions.
        last: output channels of the convolution before the pool and of that behind it.
        marks: what the paper prints behind the channels of the first of these.
        note: a remark.
    """
    stem = Conv(112, 3, 3, STEM_V3)
    rows = [
        layer_line(
            f"conv2d{' 3x3' if size == 'Small' else ''}, out {STEM_V3}, HS, s 2", (224, 3), (224, 3), [stem]
        )
    ]
    every = [stem]
    side, channels = stem.side, stem.outputs
    for kernel, wide, outputs, squeezes, activation, stride, printed_side, printed_channels in bottlenecks:
        given, after = (side, channels), side // stride
        layers = [Conv(side, 1, channels, wide)] if wide != channels else []
        layers.append(Conv(after, kernel, wide, wide, wide))
        if squeezes:
            layers += [Conv(1, 1, wide, multiple(wide / 4)), Conv(1, 1, multiple(wide / 4), wide)]
        layers.append(Conv(after, 1, wide, outputs))
        marked = ", ".join(filter(None, (squeezes, activation)))
        label = f"bneck {kernel}x{kernel}, exp {wide}, out {outputs}, {marked}, s {stride}"
        rows.append(layer_line(label, (printed_side, printed_channels), given, layers))
        every += layers
        side, channels = after, outputs
    before, behind = last
    head = [Conv(side, 1, channels, before), Conv(1, 1, before, behind), Conv(1, 1, behind, 1000)]
    name = f"mobilenet_v3_{size.lower()}_x1.0"
    rows += [
        layer_line(
            f"conv2d 1x1, out {before}, {marks}, s 1", (7, bottlenecks[-1][2]), (side, channels), head[:1]
        ),
        layer_line("pool 7x7, s 1", (7, before), (side, before), ()),
        layer_line(f"conv2d 1x1, NBN, out {behind}, HS, s 1", (1, before), (1, before), head[1:2]),
        layer_line("conv2d 1x1, NBN, out k, s 1", (1, behind), (1, behind), head[2:]),
        whole_line(name, [*every, *head]),
    ]
    return PaperTable(
        f"mobilenet_v3-{number}",
        f"MobileNet V3-{size} layer by layer",
        f"arXiv 1905.02244, Table {number}",
        COLUMNS,
        tuple(rows),
        (
            (
                "exp are the expanded channels, SE is squeeze-and-excitation to a quarter of them (as a multiple of 8), HS hard swish, RE ReLU, NBN without batch "
                "normalization, s the stride; k are 1,000 classes."
            ),
            "Weights are those of the kernels, without batch normalization and biases.",
            note,
        ),
    )


def _mobilenet_v3_1() -> PaperTable:
    note = (
        "These layers apply 216.6 million multiply-adds: 217 in the paper's own Table 9 (mobilenet_v3-9) and in the authors' table (TF-slim), 219 in the paper's "
        "Table 3."
    )
    return _mobilenet_v3(1, "Large", MOBILENET_V3_LARGE, (960, 1280), "HS", note)


def _mobilenet_v3_2() -> PaperTable:
    note = (
        "The paper marks the convolution before the pool SE, too; the authors' networks (TF-slim, Keras) have none there, and so ours. An earlier version of the "
        "paper prints 1,280 channels behind the pool. These layers apply 56.5 million multiply-adds: 56 in the paper's Table 3, 57 in its Table 9."
    )
    return _mobilenet_v3(2, "Small", MOBILENET_V3_SMALL, (576, 1024), "SE, HS", note)


TABLES: dict[str, Callable[[], PaperTable]] = {
    "mobilenet_v3-1": _mobilenet_v3_1,
    "mobilenet_v3-2": _mobilenet_v3_2,
}
"""Name -> function that works the table out."""
