"""Tables of compressed networks: SqueezeNet's Tables 1 and 2, at the shares and bits that were published.

The sizes of coded files are those of ``coded_sizes.csv``, which ``python benchmarks/compression.py --write`` measures: a file of
each row is written and read back.
"""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path

from mobilecnn.train import zoo
from mobilecnn.train.tables.layered import Conv
from mobilecnn.train.tables.rows import Column, Figure, PaperTable, Row

MEGABYTE = 1 << 20
"""Bytes of a megabyte."""

SQUEEZENET_PRUNED: Mapping[str, float] = {
    "fire2_expand3x3": 0.67, "fire3_expand3x3": 0.67, "fire4_expand3x3": 0.67, "fire5_expand3x3": 0.67,
    "fire6_expand1x1": 0.5, "fire6_expand3x3": 0.67, "fire7_squeeze": 0.5, "fire7_expand3x3": 0.67,
    "fire8_expand1x1": 0.5, "fire8_expand3x3": 0.7, "fire9_squeeze": 0.5, "fire9_expand3x3": 0.7, "conv10": 0.8,
}  # fmt: skip
"""Layer of SqueezeNet -> share of its weights that is pruned (arXiv 1602.07360, Table 1, which prints the share that is kept; of
fire8's 3x3 convolution it prints 33 %, but its 77,581 parameters after pruning are those of 30 %)."""

ALEXNET_PRUNED: Mapping[str, float] = {
    "conv1": 0.16, "conv2": 0.62, "conv3": 0.65, "conv4": 0.63, "conv5": 0.63, "fc6": 0.91, "fc7": 0.91, "predictions": 0.75,
}  # fmt: skip
"""Layer of AlexNet -> share of its weights that is pruned (arXiv 1510.00149, Table 4)."""

ALEXNET_BITS: Mapping[str, float] = {"": 8.0, "fc6": 5.0, "fc7": 5.0, "predictions": 5.0}
"""Layer of AlexNet -> bits of a shared value (the same table)."""


def _fire(label: str, squeezed: int, expanded: int, inputs: int) -> dict[str, Conv]:
    """The convolutions of a fire module: to the squeezed channels, and from these twice to the expanded ones."""
    return {
        f"{label}_squeeze": Conv(1, 1, inputs, squeezed),
        f"{label}_expand1x1": Conv(1, 1, squeezed, expanded),
        f"{label}_expand3x3": Conv(1, 3, squeezed, expanded),
    }


SQUEEZENET: Mapping[str, tuple[int, int, Mapping[str, Conv]]] = {
    "conv1": (14_208, 14_208, {"conv1": Conv(111, 7, 3, 96)}),
    "fire2": (11_920, 5_746, _fire("fire2", 16, 64, 96)),
    "fire3": (12_432, 6_258, _fire("fire3", 16, 64, 128)),
    "fire4": (45_344, 20_646, _fire("fire4", 32, 128, 128)),
    "fire5": (49_440, 24_742, _fire("fire5", 32, 128, 256)),
    "fire6": (104_880, 44_700, _fire("fire6", 48, 192, 256)),
    "fire7": (111_024, 46_236, _fire("fire7", 48, 192, 384)),
    "fire8": (188_992, 77_581, _fire("fire8", 64, 256, 384)),
    "fire9": (197_184, 77_581, _fire("fire9", 64, 256, 512)),
    "conv10": (513_000, 103_400, {"conv10": Conv(13, 1, 512, 1000)}),
}
"""Layer -> parameters as printed, before and after pruning, and its convolutions, here at any size (arXiv 1602.07360, Table 1)."""


def _kept(name: str, layer: Conv) -> int:
    """Weights of a convolution after pruning, rounded up, and its biases."""
    return ceil(round(layer.weights * (1 - SQUEEZENET_PRUNED.get(name, 0.0)), 6)) + layer.outputs


KERNELS = {"_squeeze": "squeeze 1x1", "_expand1x1": "expand 1x1", "_expand3x3": "expand 3x3"}
"""Ending of a convolution's name -> what the paper calls it."""

BITS_6 = "6"
"""Bits of a weight in each layer (arXiv 1602.07360, Table 1)."""

PRINTED_KEPT = {"fire8_expand3x3": "33"}
"""Convolution -> share of its weights that the paper says is kept, per cent, where its parameters are those of another."""


def _shares(convolutions: Mapping[str, Conv]) -> tuple[Figure, ...]:
    """Shares of the weights that are kept, per cent: squeeze, expand 1x1, expand 3x3; the only convolution under the first."""
    names = list(convolutions) if len(convolutions) == len(KERNELS) else [*convolutions, "", ""]
    figures = []
    for name in names:
        kept = 100 * (1 - SQUEEZENET_PRUNED.get(name, 0.0))
        figures.append(Figure(PRINTED_KEPT.get(name, f"{kept:.0f}"), kept, exact=True) if name else Figure())
    return tuple(figures)


def _squeezenet_1() -> PaperTable:
    rows = []
    before = after = 0
    for label, (printed, printed_after, convolutions) in SQUEEZENET.items():
        ours = sum(layer.weights + layer.outputs for layer in convolutions.values())
        kept = sum(_kept(name, layer) for name, layer in convolutions.items())
        before, after = before + ours, after + kept
        figures = (
            *_shares(convolutions),
            Figure(BITS_6),
            Figure(str(printed), ours, exact=True),
            Figure(str(printed_after), kept, exact=True),
        )
        rows.append(Row(label, "", figures))
    total = (
        *(Figure(),) * 4,
        Figure("1248424", before, exact=True),
        Figure("421098", after, exact=True),
    )
    rows.append(Row("total", "squeezenet_v1.0", total))
    return PaperTable(
        "squeezenet-1",
        "SqueezeNet layer by layer, before and after pruning",
        "arXiv 1602.07360, Table 1",
        (
            *(Column(f"kept of {kernel} (%)", 0) for kernel in KERNELS.values()),
            Column("bits of a weight", counted=False),
            Column("parameters", 0),
            Column("parameters after pruning", 0),
        ),
        tuple(rows),
        (
            "The one convolution of conv1 (7x7) and of conv10 (1x1) stands under squeeze.",
            "Of each convolution the share of weights that the paper keeps, rounded up, and all biases; `mobilecnn compress --prune` keeps as many.",
            "For fire8's 3x3 convolution the paper prints 33 % and a number of parameters that is that of 30 %: ours is the number.",
        ),
    )


@dataclass(frozen=True)
class CodedSize:
    """A row of ``coded_sizes.csv``.

    Attributes:
        bytes: size of the coded file.
        flat_bytes: size of the same without Huffman codes.
        flat_places_bytes: size of the same with Huffman codes of the gaps alone.
        nonzero: weights and biases that are not 0.
    """

    bytes: int
    flat_bytes: int
    flat_places_bytes: int
    nonzero: int


SIZES = Path(__file__).with_name("coded_sizes.csv")
"""File of the measured sizes."""


@cache
def coded_sizes() -> dict[tuple[str, str], CodedSize]:
    """(Network, step) -> size of its coded file."""
    rows = csv.DictReader(SIZES.read_text(encoding="utf-8").splitlines())
    return {
        (row["network"], row["step"]): CodedSize(
            *(int(row[size]) for size in ("bytes", "flat_bytes", "flat_places_bytes", "nonzero"))
        )
        for row in rows
    }


FORMS: Mapping[str, str] = {
    "Deep Compression, 8 bit": "flat_bytes",
    "Deep Compression, 6 bit": "flat_places_bytes",
}
"""Step of SqueezeNet -> size of :class:`CodedSize` in the coding of the published one: of 8 bit that of the authors' file, which has no Huffman codes
(songhan/SqueezeNet-Deep-Compression, decode.py); of 6 bit, of which no file is public and no source states the coding, that with Huffman codes for the gaps,
chosen because its size agrees."""


PUBLISHED: tuple[tuple[str, str, str, str, str, str], ...] = (
    # network, step, size in MB, times smaller than AlexNet, top-1 and top-5 accuracy in per cent
    ("alexnet", "none", "240", "1", "57.2", "80.3"),
    ("alexnet", "SVD", "48", "5", "56.0", "79.4"),
    ("alexnet", "pruning", "27", "9", "57.2", "80.3"),
    ("alexnet", "Deep Compression, 5 to 8 bit", "6.9", "35", "57.2", "80.3"),
    ("squeezenet_v1.0_227", "none", "4.8", "50", "57.5", "80.3"),
    ("squeezenet_v1.0_227", "Deep Compression, 8 bit", "0.66", "363", "57.5", "80.3"),
    ("squeezenet_v1.0_227", "Deep Compression, 6 bit", "0.47", "510", "57.5", "80.3"),
)
"""SqueezeNet's Table 2 (arXiv 1602.07360)."""


LABELS = {"alexnet": "AlexNet", "squeezenet_v1.0_227": "SqueezeNet"}
"""Network of the zoo -> what the paper calls it."""


def _squeezenet_2() -> PaperTable:
    sizes = coded_sizes()
    whole = 4 * zoo.stored_counts()["alexnet"].params_trainable
    rows = []
    for network, step, size, times, top1, top5 in PUBLISHED:
        coded = sizes.get((network, step))
        if coded is None:
            rows.append(
                Row(f"{LABELS[network]}: {step}", network, tuple(map(Figure, (size, "", times, top1, top5))))
            )
            continue
        as_theirs = getattr(coded, FORMS[step]) / MEGABYTE if step in FORMS else None
        figures = (
            Figure(size, coded.bytes / MEGABYTE),
            Figure(size, as_theirs) if as_theirs else Figure(),
            Figure(times, whole / coded.bytes, exact=True),
            Figure(top1),
            Figure(top5),
        )
        rows.append(Row(f"{LABELS[network]}: {step}", network, figures))
    return PaperTable(
        "squeezenet-2",
        "SqueezeNet against compressed AlexNets",
        "arXiv 1602.07360, Table 2",
        (
            Column("size (MB)"),
            Column("size in the authors' coding, at 6 bit a presumed one (MB)"),
            Column("times smaller than AlexNet", 0),
            Column("top-1 accuracy (%)", counted=False),
            Column("top-5 accuracy (%)", counted=False),
        ),
        tuple(rows),
        NOTES,
    )


NOTES = (
    (
        "Ours are sizes of coded files (`python benchmarks/compression.py`), written and read back bit for bit, of networks with random "
        "weights, normally distributed in each layer, at the published shares and bits; 1 MB is 2^20 bytes. A step without a size of ours was not measured."
    ),
    (
        "AlexNet's 240 MB are its 61 million parameters of 4 bytes in rounded megabytes of 10^6 bytes; its 6.9 MB are nearer to ours in megabytes of "
        "2^20. The paper's 35 times is a ratio of both; ours are ratios of bytes: 243.9 million over 7.23 million is 33.7."
    ),
    (
        "The ranks of the 48 MB are not published: 0.11 of the rank of each dense layer gives them. The 27 MB are without the places of the "
        "weights, which ours have."
    ),
    (
        "SqueezeNet's 0.66 MB are the authors' public file of 675,763 bytes (660 KB of 1,024), whose decoder (songhan/SqueezeNet-Deep-Compression, "
        "decode.py) reads a byte for the place in the codebook and 4 bits for the gap, without a Huffman code: in that coding, of the second column, ours has "
        "654,755 bytes, 3.1 % fewer. Of the 0.47 MB, 470 KB in the README, no file is public, and nobody states the coding: the second column presumes 6 bits for the "
        "place and Huffman codes for the gaps alone, because that size agrees: 466,094 bytes, 0.8 % fewer than 470,000 and 3.2 % fewer than 470 x 1,024. The "
        "differences of the table are larger because its MB are 2^20 bytes. With Huffman codes for both, as in the first column, ours has 516,918 bytes, 23.5 % "
        "fewer than the public file, and 405,080, 13.8 % fewer than 470,000 and 15.8 % fewer than 470 x 1,024."
    ),
)
"""Remarks on Table 2."""

TABLES: dict[str, Callable[[], PaperTable]] = {"squeezenet-1": _squeezenet_1, "squeezenet-2": _squeezenet_2}
"""Name -> function that works the table out."""
