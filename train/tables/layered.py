"""Tables that are worked out from the layers that the papers print: by kind of layer, by modification, by step."""

from collections.abc import Callable
from dataclasses import dataclass

from mobilecnn.train import zoo
from mobilecnn.train.tables.rows import DERIVED, Column, Figure, PaperTable, Row
from mobilecnn.train.zoo import compound_scaling


@dataclass(frozen=True)
class Conv:
    """A convolution.

    Attributes:
        side: side of the output feature map, pixels.
        kernel: side of the kernel, pixels.
        inputs: input channels.
        outputs: output channels.
        groups: groups of channels; as many as there are channels in a depthwise convolution.
    """

    side: int
    kernel: int
    inputs: int
    outputs: int
    groups: int = 1

    @property
    def weights(self) -> int:
        """Number of weights of the kernel."""
        return self.kernel**2 * self.inputs * self.outputs // self.groups

    @property
    def macs(self) -> int:
        """Multiply-adds: each weight at each pixel of the output."""
        return self.weights * self.side**2

    @property
    def memory_access(self) -> int:
        """Elements read and written: both feature maps and the kernel (arXiv 1807.11164, section 2), at stride 1."""
        return self.side**2 * (self.inputs + self.outputs) + self.weights


MOBILENET = (
    (112, 32, 64),
    (56, 64, 128),
    (56, 128, 128),
    (28, 128, 256),
    (28, 256, 256),
    (14, 256, 512),
    *((14, 512, 512),) * 5,
    (7, 512, 1024),
    (7, 1024, 1024),
)
"""Depthwise separable layers of MobileNet V1 at 224 x 224: side of the output in pixels, input and output channels (arXiv
1704.04861, Table 1)."""


def _mobilenet_2() -> PaperTable:
    kinds = {
        "Conv 1x1": [Conv(side, 1, inputs, outputs) for side, inputs, outputs in MOBILENET],
        "Conv DW 3x3": [Conv(side, 3, inputs, inputs, inputs) for side, inputs, _ in MOBILENET],
        "Conv 3x3": [Conv(112, 3, 3, 32)],
        "Fully connected": [Conv(1, 1, 1024, 1000)],
    }
    printed = {
        "Conv 1x1": ("94.86", "74.59"),
        "Conv DW 3x3": ("3.06", "1.06"),
        "Conv 3x3": ("1.19", "0.02"),
        "Fully connected": ("0.18", "24.33"),
    }
    macs = sum(layer.macs for layers in kinds.values() for layer in layers)
    weights = sum(layer.weights for layers in kinds.values() for layer in layers)
    rows = [
        Row(
            kind,
            "",
            (
                Figure(printed[kind][0], 100 * sum(layer.macs for layer in layers) / macs),
                Figure(printed[kind][1], 100 * sum(layer.weights for layer in layers) / weights),
            ),
        )
        for kind, layers in kinds.items()
    ]
    return PaperTable(
        "mobilenet-2",
        "Where MobileNet's multiply-adds and parameters are",
        "arXiv 1704.04861, Table 2",
        (Column("share of multiply-adds (%)"), Column("share of parameters (%)")),
        tuple(rows),
        (
            "Parameters are the kernels' weights, without batch normalization and biases.",
            "The paper prints 1.19 for the first 3x3 convolution, with which its column gives 99.29 in all; with 1.91 it gives 100.",
        ),
    )


def _mobilenet_3() -> PaperTable:
    # Section 3.2 and 3.3: a 3x3 layer of 512 to 512 channels on 14 x 14 pixels.
    def separable(side: int, width: int) -> list[Conv]:
        return [Conv(side, 3, width, width, width), Conv(side, 1, width, width)]

    layers = {
        "Convolution": ([Conv(14, 3, 512, 512)], "462", "2.36"),
        "Depthwise separable": (separable(14, 512), "52.3", "0.27"),
        "alpha = 0.75": (separable(14, 384), "29.6", "0.15"),
        "rho = 0.714": (separable(10, 384), "15.1", "0.15"),
    }
    rows = [
        Row(
            label,
            "",
            (
                Figure(macs, sum(layer.macs for layer in parts) / 1e6),
                Figure(weights, sum(layer.weights for layer in parts) / 1e6),
            ),
        )
        for label, (parts, macs, weights) in layers.items()
    ]
    return PaperTable(
        "mobilenet-3",
        "One layer under each modification",
        "arXiv 1704.04861, Table 3",
        (Column("multiply-adds (M)"), Column("parameters (M)")),
        tuple(rows),
        (
            "A 3x3 layer of 512 to 512 channels on 14 x 14 pixels; each row has the modifications of those above it.",
        ),
    )


def _efficientnet_scaling() -> PaperTable:
    sizes = {
        f"efficientnet_b{number}": side
        for number, side in enumerate((224, 240, 260, 300, 380, 456, 528, 600))
    }
    scales = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8), (1.6, 2.2), (1.8, 2.6), (2.0, 3.1))
    rows = []
    for phi, (name, side) in enumerate(sizes.items()):
        width, depth = scales[phi]
        rows.append(
            Row(
                f"B{phi}, phi = {phi}",
                name,
                (
                    Figure(str(width), compound_scaling.WIDTH**phi),
                    Figure(str(depth), compound_scaling.DEPTH**phi),
                    Figure(str(side), compound_scaling.side(phi), exact=True),
                ),
            )
        )
    return PaperTable(
        "efficientnet-scaling",
        "Compound scaling: the rule beside the published networks",
        "arXiv 1905.11946, equation 3; the published coefficients are those of the authors' code",
        (Column("width"), Column("depth"), Column("input side (pixels)", 0)),
        tuple(rows),
        (
            "Ours is the rule: depth 1.2^phi, width 1.1^phi, side 224 x 1.15^phi; `efficientnet_phi{phi}` is built by it.",
            (
                "By their counts B2 and B3 are about the rule's phi 1 and 2 (993 and 1,811 million multiply-adds), B6 and B7 about its phi 6 and 7 (20,094 and "
                "39,664 million); these two have less depth than the rule, and a little more width and larger sides."
            ),
        ),
    )


INCEPTION_STEM = (Conv(149, 3, 3, 32), Conv(147, 3, 32, 32), Conv(147, 3, 32, 64))
"""The first convolutions of Inception-v2 on 299 x 299 pixels, for which one of 7 x 7 stood before (arXiv 1512.00567, Table 1)."""


def _inception_v2_steps() -> PaperTable:
    before = Conv(147, 7, 3, 64)
    macs = sum(layer.macs for layer in INCEPTION_STEM) - before.macs
    weights = sum(layer.weights for layer in INCEPTION_STEM) - before.weights
    stored = zoo.stored_counts()
    whole, auxiliary, normalized = (stored[f"inception_v3{ending}"] for ending in ("", "_aux", "_bn_aux"))
    steps = {
        "RMSProp": ("", "", 0, 0),
        "Label smoothing": ("", "", 0, 0),
        "Factorized 7x7": ("", "1000", macs, weights),
        "Auxiliary classifier": (
            auxiliary.name,
            "",
            auxiliary.macs - whole.macs,
            auxiliary.params_trainable - whole.params_trainable,
        ),
        "BN-auxiliary": (
            normalized.name,
            "",
            normalized.macs - auxiliary.macs,
            normalized.params_trainable - auxiliary.params_trainable,
        ),
    }
    rows = [
        Row(label, network, (Figure(printed, added / 1e6), Figure("", parameters / 1e6)))
        for label, (network, printed, added, parameters) in steps.items()
    ]
    return PaperTable(
        "inception_v2-steps",
        "What each step to Inception-v3 adds to the network",
        "arXiv 1512.00567, Tables 1 and 3, Figure 8",
        (Column("multiply-adds added (M)", origin=DERIVED), Column("parameters added (M)", 6)),
        tuple(rows),
        (
            "RMSProp is another optimizer and label smoothing another target: `mobilecnn train` has both, and no network changes.",
            (
                "Three 3x3 convolutions stand for the first 7x7 one (of 3 to 64 channels, stride 2). The paper's 1000 are those from "
                "3.8 to 4.8 billion of its Table 3; the layers of its Table 1 account for 413 of them."
            ),
            (
                "The auxiliary classifier is there in training only; its channels are those of the public networks. The offsets of its batch "
                "normalization take the place of as many biases, so that no parameter is added; as in the rest of the network there is no scale."
            ),
        ),
    )


TABLES: dict[str, Callable[[], PaperTable]] = {
    "mobilenet-2": _mobilenet_2,
    "mobilenet-3": _mobilenet_3,
    "efficientnet-scaling": _efficientnet_scaling,
    "inception_v2-steps": _inception_v2_steps,
}
"""Name -> function that works the table out."""
