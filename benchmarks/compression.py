"""Sizes of coded files at the published sparsities and bits: ``python benchmarks/compression.py [STEP ...]``.

SqueezeNet (arXiv 1602.07360, Tables 1 and 2) and AlexNet (arXiv 1510.00149, Table 4; SVD: arXiv 1602.07360, Table 2). No
trained weights are needed for a size: the networks have random ones, normally distributed in each layer, as trained ones
nearly are.
"""

import sys

import numpy as np

from mobilecnn.quantize.compress import coded_file, network
from mobilecnn.train import zoo
from mobilecnn.train.backend import load_keras

SQUEEZENET = {
    "fire2_expand3x3": 0.67, "fire3_expand3x3": 0.67, "fire4_expand3x3": 0.67, "fire5_expand3x3": 0.67,
    "fire6_expand1x1": 0.5, "fire6_expand3x3": 0.67, "fire7_squeeze": 0.5, "fire7_expand3x3": 0.67,
    "fire8_expand1x1": 0.5, "fire8_expand3x3": 0.67, "fire9_squeeze": 0.5, "fire9_expand3x3": 0.7, "conv10": 0.8,
}  # fmt: skip
"""Layer -> share that is pruned (arXiv 1602.07360, Table 1, which prints the share that is kept)."""

ALEXNET = {
    "conv1": 0.16, "conv2": 0.62, "conv3": 0.65, "conv4": 0.63, "conv5": 0.63, "fc6": 0.91, "fc7": 0.91, "predictions": 0.75,
}  # fmt: skip
"""Layer -> share that is pruned (arXiv 1510.00149, Table 4)."""

ALEXNET_BITS = {"": 8.0, "fc6": 5.0, "fc7": 5.0, "predictions": 5.0}
"""Layer -> bits of a shared value (the same)."""

RANK = 0.11
"""Share of the rank that AlexNet's dense layers keep: no source states the ranks of the published 48 MB, and this one gives them."""

ROWS: tuple[tuple[str, str, float, float, dict[str, float], dict[str, float]], ...] = (
    # network, step, published size in MB, share of the rank (0: whole), shares, bits
    ("squeezenet_v1.0_227", "none", 4.8, 0, {}, {}),
    ("squeezenet_v1.0_227", "Deep Compression, 8 bit", 0.66, 0, SQUEEZENET, {"": 8.0}),
    ("squeezenet_v1.0_227", "Deep Compression, 6 bit", 0.47, 0, SQUEEZENET, {"": 6.0}),
    ("alexnet", "none", 240, 0, {}, {}),
    ("alexnet", "SVD", 48, RANK, {}, {}),
    ("alexnet", "pruning", 27, 0, ALEXNET, {}),
    ("alexnet", "Deep Compression", 6.9, 0, ALEXNET, ALEXNET_BITS),
)


def main() -> None:
    """Print the table, or of the rows whose step is named on the command line."""
    keras = load_keras()
    print("| network | step | published (MB) | ours (MB) | weights not 0 |")
    print("|---|---|--:|--:|--:|")
    holds = True
    for name, step, published, rank, shares, bits in ROWS:
        if len(sys.argv) > 1 and step not in sys.argv[1:]:
            continue
        model = zoo.build(name)
        generator = np.random.default_rng(0)
        for kernel in network.kernels(model).values():
            kernel.assign(generator.normal(0, 0.02, kernel.shape).astype(np.float32))
        if rank:
            model = network.with_factors(keras, model, {"": rank})
        if shares:
            network.prune(model, shares)
        if bits:
            network.cluster(model, bits)
        content, parts = coded_file.encode(network.tensors_of(model))
        megabytes = len(content) / (1 << 20)
        nonzero = sum(part.nonzero for part in parts)
        print(f"| {name} | {step} | {published:g} | {megabytes:.2f} | {nonzero:,} |", flush=True)
        # SqueezeNet's published sizes are of another coding (docs/compress.md): ours must not be larger.
        holds &= megabytes <= 1.1 * published
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
