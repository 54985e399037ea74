"""What compression does to one layer's weights: prune, share, factorize."""

from dataclasses import dataclass
from math import floor

import numpy as np
import numpy.typing as npt

from mobilecnn.errors import UsageError

Weights = npt.NDArray[np.float32]

ITERATIONS = 50
"""Largest number of steps of the clustering."""


def pruned(weights: Weights, share: float) -> Weights:
    """The weights with that share of them set to 0, the smallest ones (arXiv 1510.00149, section 2).

    Where the share is no whole number of weights, one more is kept: so counted, SqueezeNet's Table 1 (arXiv 1602.07360) leaves
    the 421,098 parameters that it prints.

    Args:
        weights: of any shape.
        share: share that becomes 0, from 0 to below 1.
    """
    count = floor(round(share * weights.size, 6))  # 0.29 of 100 are 28.999999999999996.
    if not count:
        return weights.copy()
    flat = weights.ravel().copy()
    # The first of equal ones: the same weights give the same file.
    flat[np.argsort(np.abs(flat), kind="stable")[:count]] = 0
    return flat.reshape(weights.shape)


@dataclass(frozen=True)
class Shared:
    """Weights that share values.

    Attributes:
        codebook: the shared values, float32, (2 to the power of the bits,) or fewer, ascending.
        indices: place in the codebook of each weight that is not 0, uint16, in the weights' order.
    """

    codebook: Weights
    indices: npt.NDArray[np.uint16]


def shared(weights: Weights, bits: int) -> Shared:
    """Share the weights that are not 0 among at most 2^bits values: k-means in one dimension.

    The first centroids are spread evenly from the smallest to the largest weight, which serves the few large
    ones best (section 3.2). On sorted values a step is two cumulative sums.

    Args:
        weights: of any shape.
        bits: 1 to 8.
    """
    values = weights[weights != 0]
    if not values.size:
        return Shared(np.zeros(1, np.float32), np.zeros(0, np.uint16))
    ordered = np.sort(values).astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids = np.linspace(ordered[0], ordered[-1], 1 << bits)
    for _ in range(ITERATIONS):
        borders = np.searchsorted(ordered, (centroids[1:] + centroids[:-1]) / 2)
        edges = np.concatenate([[0], borders, [len(ordered)]])
        counts = np.diff(edges)
        means = np.diff(sums[edges]) / np.maximum(counts, 1)
        moved = np.where(counts > 0, means, centroids)
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    # A value of the codebook must not be 0, which stands for a pruned weight.
    codebook = np.unique(np.float32(centroids))
    codebook = np.where(codebook == 0, np.finfo(np.float32).tiny, codebook).astype(np.float32)
    middles = (codebook[1:].astype(np.float64) + codebook[:-1]) / 2
    return Shared(codebook, np.searchsorted(middles, values.astype(np.float64)).astype(np.uint16))


def with_shared(weights: Weights, sharing: Shared) -> Weights:
    """The weights with the shared values in place of those that are not 0."""
    out = np.zeros(weights.shape, np.float32)
    out[weights != 0] = sharing.codebook[sharing.indices]
    return out


def factorized(kernel: Weights, rank: int) -> tuple[Weights, Weights]:
    """A dense layer's kernel, (inputs, outputs), as a product of two, (inputs, rank) and (rank, outputs).

    The truncated singular value decomposition is the closest product of that rank in the sum of squares (Eckart and
    Young 1936); each factor takes the square root of the singular values.

    Raises:
        UsageError: the rank is not from 1 to the smaller side.
    """
    if not 1 <= rank <= min(kernel.shape):
        raise UsageError(f"rank {rank} is out of range; choose one from 1 to {min(kernel.shape)}")
    left, values, right = np.linalg.svd(kernel.astype(np.float64), full_matrices=False)
    root = np.sqrt(values[:rank])
    return (left[:, :rank] * root).astype(np.float32), (root[:, None] * right[:rank]).astype(np.float32)


def saves(kernel_shape: tuple[int, int], rank: int) -> bool:
    """Whether two factors of that rank have fewer weights than the kernel."""
    inputs, outputs = kernel_shape
    return rank * (inputs + outputs) < inputs * outputs
