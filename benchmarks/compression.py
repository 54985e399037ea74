"""Sizes of coded files at the published sparsities and bits: ``python benchmarks/compression.py [--write] [STEP ...]``.

SqueezeNet (arXiv 1602.07360, Tables 1 and 2) and AlexNet (arXiv 1510.00149, Table 4; SVD: arXiv 1602.07360, Table 2). No
trained weights are needed for a size: the networks have random ones, normally distributed in each layer, as trained ones
nearly are. Each file is written, and read back bit for bit; a second one has codes of equal length in place of Huffman's, and
a third Huffman's for the gaps alone.
The exit code is 1 if a size in the coding of the published one differs from it by more than a tenth.
``--write`` keeps the sizes in train/tables/coded_sizes.csv, where ``mobilecnn tables squeezenet-2`` takes them from.
"""

import csv
import io
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.files import write_text
from mobilecnn.quantize.compress import coded_file, network
from mobilecnn.train import zoo
from mobilecnn.train.backend import load_keras
from mobilecnn.train.tables import compressed

RANK = 0.11
"""Share of the rank that AlexNet's dense layers keep: no source states the ranks of the published 48 MB, and this one gives them."""

SQUEEZENET, ALEXNET = "squeezenet_v1.0_227", "alexnet"

MOST_DIFFERENCE = 0.1
"""Share by which a size may differ from the published one, in the same coding."""

Values = Mapping[str, float]

STEPS: dict[tuple[str, str], tuple[float, Values, Values]] = {
    # network, step -> share of the rank (0: whole), shares that are pruned, bits
    (SQUEEZENET, "none"): (0, {}, {}),
    (SQUEEZENET, "Deep Compression, 8 bit"): (0, compressed.SQUEEZENET_PRUNED, {"": 8.0}),
    (SQUEEZENET, "Deep Compression, 6 bit"): (0, compressed.SQUEEZENET_PRUNED, {"": 6.0}),
    (ALEXNET, "none"): (0, {}, {}),
    (ALEXNET, "SVD"): (RANK, {}, {}),
    (ALEXNET, "pruning"): (0, compressed.ALEXNET_PRUNED, {}),
    (ALEXNET, "Deep Compression, 5 to 8 bit"): (0, compressed.ALEXNET_PRUNED, compressed.ALEXNET_BITS),
}
"""The rows of SqueezeNet's Table 2, and how ours are made."""


def made(name: str, rank: float, shares: Values, bits: Values) -> Any:
    """The network with random weights, compressed so."""
    keras = load_keras()
    model = zoo.build(name)
    generator = np.random.default_rng(0)
    for weight in model.trainable_variables:  # Biases too: no trained one is 0.
        weight.assign(generator.normal(0, 0.02, weight.shape).astype(np.float32))
    if rank:
        model = network.with_factors(keras, model, {"": rank})
    if shares:
        network.prune(model, shares)
    if bits:
        network.cluster(model, bits)
    return model


def written(
    tensors: Mapping[str, Any], path: Path, flat_gaps: bool = False, flat_places: bool = False
) -> tuple[int, int]:
    """Size in bytes of the coded file, and number of weights that are not 0, once the file has given every bit back."""
    content, parts = coded_file.encode(tensors, flat_gaps, flat_places)
    path.write_bytes(content)
    again = coded_file.read(path)
    for name, tensor in tensors.items():
        assert np.array_equal(again[name].view(np.uint32), tensor.view(np.uint32)), name
    return path.stat().st_size, sum(part.nonzero for part in parts)


def main() -> None:
    """Print the table, or of the rows whose step is named on the command line."""
    asked = [argument for argument in sys.argv[1:] if argument != "--write"]
    rows = {key: vars(size) for key, size in compressed.coded_sizes().items()}
    print(
        "| network | step | published (MB) | ours (MB) | without Huffman codes (MB) | of the gaps alone (MB) | not 0 |"
    )
    print("|---|---|--:|--:|--:|--:|--:|")
    holds = True
    with tempfile.TemporaryDirectory() as temporary:
        for name, step, published, *_ in compressed.PUBLISHED:
            if asked and step not in asked:
                continue
            tensors = network.tensors_of(made(name, *STEPS[name, step]))
            size, nonzero = written(tensors, Path(temporary, "coded"))
            flat, _ = written(tensors, Path(temporary, "flat"), flat_gaps=True, flat_places=True)
            places, _ = written(tensors, Path(temporary, "places"), flat_places=True)
            rows[name, step] = {
                "bytes": size,
                "flat_bytes": flat,
                "flat_places_bytes": places,
                "nonzero": nonzero,
            }
            megabytes = [f"{each / compressed.MEGABYTE:.2f}" for each in (size, flat, places)]
            print(f"| {name} | {step} | {published} | {' | '.join(megabytes)} | {nonzero:,} |", flush=True)
            # SqueezeNet's published sizes are of another coding (docs/compress.md).
            as_theirs = rows[name, step][compressed.FORMS.get(step, "bytes")] / compressed.MEGABYTE
            holds &= abs(as_theirs / float(published) - 1) <= MOST_DIFFERENCE
    if "--write" in sys.argv:
        text = io.StringIO()
        writer = csv.DictWriter(
            text,
            ["network", "step", "bytes", "flat_bytes", "flat_places_bytes", "nonzero"],
            lineterminator="\n",
        )
        writer.writeheader()
        for (name, step), row in rows.items():
            writer.writerow({"network": name, "step": step, **row})
        write_text(compressed.SIZES, text.getvalue())
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
