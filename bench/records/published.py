"""Table 8 of the ShuffleNet paper: pure data, so that a report can show it without timing anything.

X. Zhang, X. Zhou, M. Lin, J. Sun, "ShuffleNet: An Extremely Efficient Convolutional Neural Network
for Mobile Devices", arXiv 1707.01083v2 (CVPR 2018), Table 8: one thread of a Snapdragon 820.
"""

from dataclasses import dataclass, replace

from mobilecnn.bench.records.chips import Chip


@dataclass(frozen=True)
class Published:
    """A row of the paper's Table 8.

    Attributes:
        model: zoo name.
        label: the paper's name for it.
        top1_error: ImageNet classification error in per cent.
        mflops: multiply-adds in millions, as the paper rounds them.
        milliseconds: latency on one thread of a Snapdragon 820, at each of :data:`RESOLUTIONS`.
    """

    model: str
    label: str
    top1_error: float
    mflops: int
    milliseconds: tuple[float, float, float]

    def at(self, resolution: str) -> float:
        """Latency in milliseconds at one of :data:`RESOLUTIONS`."""
        return self.milliseconds[list(RESOLUTIONS).index(resolution)]


RESOLUTIONS: dict[str, tuple[int, int] | None] = {"224": None, "480x640": (480, 640), "720x1280": (720, 1280)}
"""Columns of the table: name -> height and width in pixels, or None for each network's own size."""

TABLE_8 = (
    Published("alexnet", "AlexNet", 42.8, 720, (184.0, 1156.7, 3633.9)),
    Published("shufflenet_v1_x0.5_g3", "ShuffleNet 0.5x (g=3)", 43.2, 38, (15.2, 87.4, 260.1)),
    Published("shufflenet_v1_x1.0_g3", "ShuffleNet 1x (g=3)", 32.6, 140, (37.8, 222.2, 684.5)),
    Published("shufflenet_v1_x2.0_g3", "ShuffleNet 2x (g=3)", 26.3, 524, (108.8, 617.0, 1857.6)),
    Published("mobilenet_v1_x1.0_224", "1.0 MobileNet-224", 29.4, 569, (110.0, 612.0, 1879.2)),
)
"""Rows of the table, AlexNet first: the others are compared with it."""

BASELINES = (TABLE_8[0], replace(TABLE_8[0], model="alexnet_lrn", label="AlexNet+LRN"))
"""What the paper's AlexNet may have been: without and with its local response normalization (LRN)."""

NETWORKS = (*BASELINES, *TABLE_8[1:])
"""Rows of the table that is made here: the paper's, with both readings of its AlexNet."""

UNKNOWN = (
    "Unknown of the paper's AlexNet: whether it had the local response normalization (LRN) of the network's own paper, "
    "whether its convolutions were in two groups (its 720 M multiply-adds fit those at 227 pixels, 724 M, and a single "
    "tower at 224, 714 M), and which engine ran it. Here alexnet and alexnet_lrn are of two groups, without and with LRN; "
    "LRN applies no weights, and adds time but no multiply-adds."
)
"""What is beside every table of speedups over AlexNet."""

RATIOS = (
    "The paper's table has times and multiply-adds; its speedups are worked out from them here. Of ShuffleNet 0.5x (g=3) its text says "
    "~13x actual and 18x theoretical; the figures of 224 x 224 pixels give 12.1x and 18.9x, the times of 480 x 640 13.2x."
)
"""What is beside the paper's speedups, of which its table has none (section 4.5 has the two of the text)."""

RATIO_OF_224 = (
    "The paper gives multiply-adds at 224 x 224 only: its theoretical speedup beside this table is the ratio at 224 x 224, "
    "and its efficiency is over that."
)
"""What is beside the paper's theoretical speedups at a larger resolution."""


NCNN_TABLE_8 = {
    "pi3": (270.13, 204.62, 84.64),
    "pi4": (139.34, 123.76, 47.17),
    "rk3399": (160.81, 111.12, 38.9),
    "sd810": (147.27, 110.7, 41.43),
    "sd820": (97.41, 80.89, 24.96),
    "sd821": (97.41, 80.89, 24.96),
}
"""Chip -> milliseconds of one thread that ncnn publishes of AlexNet with local response normalization (two groups, as its alexnet.param
has it), of MobileNet V1 and of ShuffleNet V1 1x (g=3), in float32 (its README of commit ``a4d2ea1d4422``; those of the 820 are the 821's)."""


def by_ncnn(chip: Chip) -> tuple[str, ...]:
    """What ncnn's published times of a chip give for two rows of the table; nothing where it has none of float32."""
    if chip.name not in NCNN_TABLE_8:
        return ()
    base, mobilenet, shufflenet = NCNN_TABLE_8[chip.name]
    ratios = f"MobileNet {base / mobilenet:.2f}x and ShuffleNet 1x {base / shufflenet:.2f}x"
    said = f"Another engine, published: ncnn's times of a {chip.published} give {ratios} over its AlexNet, which has LRN, in float32."
    return (said,)


def notes(resolution: str) -> tuple[str, ...]:
    """What is said beside the table at one of :data:`RESOLUTIONS`."""
    return (UNKNOWN, RATIOS) if RESOLUTIONS[resolution] is None else (UNKNOWN, RATIOS, RATIO_OF_224)


PUBLISHED_FORMAT = "float32"
"""Format of the paper's networks."""


def theoretical(row: Published, base: Published = TABLE_8[0]) -> float:
    """The paper's theoretical speedup of ``row`` over ``base``: the ratio of their multiply-adds, at 224 pixels."""
    return base.mflops / row.mflops


def actual(row: Published, resolution: str = "224", base: Published = TABLE_8[0]) -> float:
    """The paper's actual speedup of ``row`` over ``base``: the ratio of their times."""
    return base.at(resolution) / row.at(resolution)
