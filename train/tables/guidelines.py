"""The experiments of ShuffleNet V2's paper: Tables 1 to 4, one for each guideline, and the speeds of its appendix.

Speeds are published: batches a second on one GTX 1080Ti, images a second on one thread of a Snapdragon 810, of networks of ten
equal blocks on 56 x 56 pixels; the two have different channels. Multiply-adds and memory access are ours, of one layer.
"""

from collections.abc import Callable, Mapping, Sequence

from mobilecnn.train.tables.layered import Conv
from mobilecnn.train.tables.rows import Column, Figure, PaperTable, Row

SIDE = 56
"""Side of the feature maps, pixels (arXiv 1807.11164, section 2)."""

GPU, ARM = "GPU", "ARM"
"""What the paper timed on: a GTX 1080Ti, and one thread of a Snapdragon 810."""

Speeds = tuple[str, str, str]
"""Speeds at once, twice and four times the channels."""

EQUAL: Sequence[tuple[str, str, int, int, Speeds]] = (
    ("1:1", GPU, 128, 128, ("1480", "723", "232")),
    ("1:2", GPU, 90, 180, ("1296", "586", "206")),
    ("1:6", GPU, 52, 312, ("876", "489", "189")),
    ("1:12", GPU, 36, 432, ("748", "392", "163")),
    ("1:1", ARM, 32, 32, ("76.2", "21.7", "5.3")),
    ("1:2", ARM, 22, 44, ("72.9", "20.5", "5.1")),
    ("1:6", ARM, 13, 78, ("69.1", "17.9", "4.6")),
    ("1:12", ARM, 9, 108, ("57.6", "15.1", "4.4")),
)
"""Ratio of the channels, what was timed on, input and output channels, speeds (arXiv 1807.11164, Table 1)."""

GROUPED: Sequence[tuple[int, str, int, Speeds]] = (
    (1, GPU, 128, ("2451", "1289", "437")),
    (2, GPU, 180, ("1725", "873", "341")),
    (4, GPU, 256, ("1026", "644", "338")),
    (8, GPU, 360, ("634", "445", "230")),
    (1, ARM, 64, ("40.0", "10.2", "2.3")),
    (2, ARM, 90, ("35.0", "9.5", "2.2")),
    (4, ARM, 128, ("32.9", "8.7", "2.1")),
    (8, ARM, 180, ("27.8", "7.5", "1.8")),
)
"""Groups, what was timed on, channels, speeds (arXiv 1807.11164, Table 2)."""

FRAGMENTS: Sequence[tuple[str, Speeds, Speeds]] = (
    ("1-fragment", ("2446", "1274", "434"), ("40.2", "10.1", "2.3")),
    ("2-fragment-series", ("1790", "909", "336"), ("38.6", "10.1", "2.2")),
    ("4-fragment-series", ("752", "745", "349"), ("38.4", "10.1", "2.3")),
    ("2-fragment-parallel", ("1537", "803", "320"), ("33.4", "9.1", "2.2")),
    ("4-fragment-parallel", ("691", "572", "292"), ("35.0", "8.4", "2.1")),
)
"""Block, speeds on the GPU at 128, 256 and 512 channels, speeds on the ARM at 64, 128 and 256 (arXiv 1807.11164, Table 3)."""

ELEMENTWISE: Sequence[tuple[str, Speeds, Speeds]] = (
    ("ReLU, shortcut", ("2427", "2066", "1436"), ("56.7", "16.9", "5.0")),
    ("ReLU, no shortcut", ("2647", "2256", "1735"), ("61.9", "18.8", "5.2")),
    ("no ReLU, shortcut", ("2672", "2121", "1458"), ("57.3", "18.2", "5.1")),
    ("no ReLU, no shortcut", ("2842", "2376", "1782"), ("66.3", "20.2", "5.4")),
)
"""Block, speeds on the GPU and on the ARM, each at 32, 64 and 128 channels (arXiv 1807.11164, Table 4)."""

LARGER: Mapping[str, Mapping[str, tuple[str, str, str, str]]] = {
    "320x320": {
        "ShuffleNet v2": ("28.1", "12.5", "6.1", "3.4"),
        "ShuffleNet v1": ("27.2", "11.4", "5.1", "3.1"),
        "MobileNet v2": ("11.4", "6.4", "4.6", "2.7"),
        "Xception": ("31.1", "10.1", "5.6", "3.5"),
    },
    "640x480": {
        "ShuffleNet v2": ("9.3", "4.0", "1.9", "1.1"),
        "ShuffleNet v1": ("8.0", "3.7", "1.6", "1.0"),
        "MobileNet v2": ("3.8", "2.0", "1.4", "0.8"),
        "Xception": ("9.6", "3.2", "1.7", "1.1"),
    },
    "1080x720": {
        "ShuffleNet v2": ("3.5", "1.5", "0.7", "0.4"),
        "ShuffleNet v1": ("2.9", "1.4", "0.4", "0.3"),
        "MobileNet v2": ("1.4", "0.7", "0.3", "0.3"),
        "Xception": ("3.6", "1.2", "0.5", "0.4"),
    },
}
"""Size of the image -> network -> images a second on a Snapdragon 810 at 40, 140, 300 and 500 million multiply-adds, those at 224 x
224 (arXiv 1807.11164, appendix, Table 1)."""

SPEEDS = tuple(Column(f"speed at {times}x channels", counted=False) for times in (1, 2, 4))
"""Columns of the speeds."""

UNITS = (
    "Speeds are batches a second on the GPU (a GTX 1080Ti) and images a second on the ARM (one thread of a Snapdragon 810), of networks of ten "
    "blocks on 56 x 56 pixels; at 1x the channels of the two differ but for Table 4."
)
"""What the speeds are."""

TIMES = "`mobilecnn speedup --experiment guidelines` measures or models the ARM's times on a device."
"""Where times of one's own come from."""


def _shufflenet_v2_1() -> PaperTable:
    rows = []
    for ratio, device, inputs, outputs, speeds in EQUAL:
        layer = Conv(SIDE, 1, inputs, outputs)
        bound = 2 * (SIDE**2 * layer.macs) ** 0.5 + layer.macs / SIDE**2
        access = layer.memory_access
        counted = (access / bound, access / 1e6, bound / 1e6, layer.macs / 1e6)
        figures = (*map(Figure, speeds), *(Figure("", each) for each in counted))
        rows.append(Row(f"{ratio}, {device} ({inputs}, {outputs})", "", figures))
    return PaperTable(
        "shufflenet_v2-1",
        "Guideline 1: equal channels make the memory access cost smallest",
        "arXiv 1807.11164, Table 1 and equation 1",
        (
            *SPEEDS,
            Column("memory access cost over its bound", 3),
            Column("cost, hw(c1 + c2) + c1 c2 (M elements)", 3),
            Column("lower bound, 2 sqrt(hw B) + B / hw (M elements)", 3),
            Column("multiply-adds (M)"),
        ),
        tuple(rows),
        (UNITS, f"Ours are those of one layer at 1x. {TIMES}"),
    )


def _shufflenet_v2_2() -> PaperTable:
    rows = []
    for groups, device, channels, speeds in GROUPED:
        layer = Conv(SIDE, 1, channels, channels, groups)
        counted = (layer.memory_access / 1e6, layer.macs / 1e6)
        figures = (*map(Figure, speeds), *(Figure("", each) for each in counted))
        rows.append(Row(f"g = {groups}, {device} ({channels})", "", figures))
    return PaperTable(
        "shufflenet_v2-2",
        "Guideline 2: groups raise the memory access cost",
        "arXiv 1807.11164, Table 2",
        (
            *SPEEDS,
            Column("memory access cost, hw(c1 + c2) + c1 c2 / g (M elements)", 3),
            Column("multiply-adds (M)"),
        ),
        tuple(rows),
        (
            UNITS,
            f"Ours are those of one layer at 1x: the channels keep the multiply-adds nearly equal. {TIMES}",
        ),
    )


def _blocks(
    name: str, title: str, number: int, rows: Sequence[tuple[str, Speeds, Speeds]], channels: str
) -> PaperTable:
    """A table of speeds alone."""
    return PaperTable(
        name,
        title,
        f"arXiv 1807.11164, Table {number}",
        SPEEDS,
        tuple(
            Row(f"{label}, {device}", "", tuple(map(Figure, speeds)))
            for device, place in ((GPU, 1), (ARM, 2))
            for label, speeds in ((row[0], row[place]) for row in rows)
        ),
        (UNITS, f"1x are {channels}. {TIMES}"),
    )


def _shufflenet_v2_3() -> PaperTable:
    title = "Guideline 3: fragments make a network less parallel"
    return _blocks("shufflenet_v2-3", title, 3, FRAGMENTS, "128 channels on the GPU and 64 on the ARM")


def _shufflenet_v2_4() -> PaperTable:
    title = "Guideline 4: operations on single elements take time"
    return _blocks("shufflenet_v2-4", title, 4, ELEMENTWISE, "32 channels on both")


def _shufflenet_v2_appendix() -> PaperTable:
    rows = [
        Row(f"{size}: {label}", "", tuple(map(Figure, speeds)))
        for size, networks in LARGER.items()
        for label, speeds in networks.items()
    ]
    return PaperTable(
        "shufflenet_v2-appendix",
        "Speed on larger images",
        "arXiv 1807.11164, appendix, Table 1",
        tuple(Column(f"images/s at {millions} M", counted=False) for millions in (40, 140, 300, 500)),
        tuple(rows),
        (
            "One thread of a Snapdragon 810. M are million multiply-adds, those at 224 x 224 pixels; MobileNet v2 and Xception are networks that the authors scaled to them.",
        ),
    )


TABLES: dict[str, Callable[[], PaperTable]] = {
    "shufflenet_v2-1": _shufflenet_v2_1,
    "shufflenet_v2-2": _shufflenet_v2_2,
    "shufflenet_v2-3": _shufflenet_v2_3,
    "shufflenet_v2-4": _shufflenet_v2_4,
    "shufflenet_v2-appendix": _shufflenet_v2_appendix,
}
"""Name -> function that works the table out."""
