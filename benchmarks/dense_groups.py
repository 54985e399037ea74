"""Model a ShuffleNet V1 in int8 with every combination of its grouped convolutions dense, and hold what targets choose against the best.

    python benchmarks/dense_groups.py [NETWORK ...] [--chip pi5] [--chip pi4]

Of the convolutions of each of the three sides of feature maps those that narrow, those that widen, both or none are written with
the weights of all inputs: 64 files of a network, all with the other rewrites of ``any``. A shuffle beside a dense convolution is
taken into its weights. ``write_groups_dense`` knows no other forms, except that it may treat the first unit of a stage differently. "No shuffles" is the
least that one of the 64 takes with its shuffles taken out, and "nor sums" what that file takes with its sums taken out, too: they compute something else, and no form of shuffles, nor of
sums, makes a file faster. Weights are random, and times are modelled.
"""

import argparse
import itertools
import math
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lowering_bounds import without, without_sums
from target_costs import exported, modelled, rewritten

from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.convert.lowering.costs import ANY, TARGETS, Costs, Trade

NETWORKS = ("shufflenet_v1_x0.5_g3", "shufflenet_v1_x1.0_g3")
"""Networks that are modelled where none is named."""

SIDES = (28, 14, 7)
"""Sides of the feature maps of the three stages."""

NARROW, WIDEN = "narrow", "widen"
KINDS: tuple[tuple[str, ...], ...] = ((), (NARROW,), (WIDEN,), (NARROW, WIDEN))
"""Which convolutions of a side are dense."""


@dataclass(frozen=True)
class Chosen(Costs):
    """Costs by which those convolutions are dense that are told.

    Attributes:
        told: side and kind of the dense convolutions.
    """

    told: frozenset[tuple[int, str]] = frozenset()

    def dense(self, dtype: str, positions: int, kernel: int, groups: int, outputs: int) -> Trade:
        """A gain where the convolution is one of the dense ones, else a loss that nothing makes up for."""
        kind = NARROW if outputs < kernel * groups else WIDEN
        after = 0.0 if (math.isqrt(positions), kind) in self.told else math.inf
        return Trade((1.0,), (after,), (1.0,), 0.0)

    def without_shuffle(self, dtype: str, positions: int, channels: int) -> Trade:
        """No gain: the convolutions alone decide."""
        return Trade((0.0,), (0.0,), (1.0,), 0.0)


def form(content: bytes, told: Iterable[tuple[int, str]]) -> bytes:
    """A file with these convolutions dense, by side and kind."""
    return rewritten(content, Chosen(**vars(TARGETS[ANY]), told=frozenset(told)))


def name(choice: tuple[tuple[str, ...], ...]) -> str:
    """How a combination is called: the dense kinds of each side."""
    parts = [f"{side}: {' and '.join(kinds)}" for side, kinds in zip(SIDES, choice, strict=True) if kinds]
    return "; ".join(parts) or "none"


def main() -> None:
    """Print a line a network and chip."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--chip", action="append", choices=[chip for chip in TARGETS if chip in CHIPS])
    asked = parser.parse_args()
    print(
        "| network | chip | no group dense, ms | `any` | own target | best of 64 | dense in it | no shuffles | nor sums |"
    )
    print("|---|---|--:|--:|--:|--:|---|--:|--:|")
    for network in asked.networks:
        with tempfile.TemporaryDirectory() as work:
            content = exported(network, ("int8",), Path(work))["int8"]
        forms = {
            name(choice): form(content, [(side, kind) for side, kinds in zip(SIDES, choice, strict=True) for kind in kinds])
            for choice in itertools.product(KINDS, repeat=len(SIDES))
        }  # fmt: skip
        for chip in asked.chip or ("pi5", "pi4"):
            targets = [rewritten(content, TARGETS[target]) for target in (ANY, chip)]
            bare = [without(made) for made in forms.values()]
            spent = modelled(dict.fromkeys([*forms.values(), *targets, *bare]), chip)
            best = min(forms, key=lambda made: spent[forms[made]])
            least = min(bare, key=spent.__getitem__)
            barest = without_sums(least)
            spent |= modelled([barest], chip)
            times = [spent[made] for made in (content, *targets, forms[best])]
            bounds = [spent[made] for made in (least, barest)]
            cells, ends = (" | ".join(f"{time:.4g}" for time in row) for row in (times, bounds))
            print(f"| {network} | {chip} | {cells} | {best} | {ends} |", flush=True)


if __name__ == "__main__":
    main()
