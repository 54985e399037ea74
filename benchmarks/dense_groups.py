"""Model a ShuffleNet V1 in int8 with every combination of its grouped convolutions dense, and hold what targets choose against the best.

    python benchmarks/dense_groups.py [NETWORK ...] [--chip pi5] [--chip pi4] [--each]

Of the convolutions of each of the three sides of feature maps those that narrow, those that widen, both or none are written with
the weights of all inputs: 64 files of a network, all with the other rewrites of ``any``. A shuffle beside a dense convolution is
taken into its weights. ``write_groups_dense`` knows no other forms, except that it may treat the first unit of a stage differently. "No shuffles" is the
least that one of the 64 takes with its shuffles taken out, and "nor sums" what that file takes with its sums taken out, too: they compute something else, and no form of shuffles, nor of
sums, makes a file faster. With ``--each`` a search begins at the best of
the 64, and writes single convolutions in the other form for as long as that saves time: all that save some, or else the one that saves most. Weights are random,
and times are modelled.
"""

import argparse
import itertools
import math
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lowering_bounds import edited, without, without_sums
from target_costs import exported, modelled, rewritten

from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import layouts
from mobilecnn.convert.lowering.costs import ANY, TARGETS, Costs, Trade
from mobilecnn.convert.lowering.shuffles import fold_shuffles

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


def each(content: bytes, dense: frozenset[int]) -> bytes:
    """A file with the grouped convolutions dense that have these places among them."""

    def write(editor: Editor) -> None:
        for place, operator in enumerate(_grouped(editor)):
            if place in dense:
                layouts.write_dense(editor, operator)
        tuple(fold_shuffles(editor))

    return edited(content, write)


def _grouped(editor: Editor) -> list[Any]:
    return [
        row for row in editor.operators if editor.kind(row) == "CONV_2D" and layouts.groups(editor, row) > 1
    ]


def searched(content: bytes, told: Collection[tuple[int, str]], chip: str) -> tuple[float, int]:
    """Milliseconds of the best file that a search from a form comes to, and how many of its convolutions are dense."""
    editor = Editor(flatbuffer.parse(content, "it"))
    shapes = [
        (
            editor.tensor(row.outputs[0]).shape,
            editor.tensor(row.inputs[1]).shape[3] * layouts.groups(editor, row),
        )
        for row in _grouped(editor)
    ]
    dense = frozenset(
        place
        for place, (made, given) in enumerate(shapes)
        if (made[1], NARROW if made[3] < given else WIDEN) in told
    )
    spent = modelled([each(content, dense)], chip)[each(content, dense)]
    while True:
        others = {place: each(content, dense ^ {place}) for place in range(len(shapes))}
        times = modelled(dict.fromkeys(others.values()), chip)
        better = sorted((times[made], place) for place, made in others.items() if times[made] < spent)
        if not better:
            return spent, len(dense)
        together = dense ^ {place for _, place in better}
        all_of_them = modelled([each(content, together)], chip)[each(content, together)]
        if all_of_them < better[0][0]:
            dense, spent = together, all_of_them
        else:
            dense, spent = dense ^ {better[0][1]}, better[0][0]


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
    parser.add_argument("--each", action="store_true", help="search convolution by convolution, too")
    asked = parser.parse_args()
    print(
        "| network | chip | no group dense, ms | `any` | own target | best of 64 | dense in it | no shuffles | nor sums |"
    )
    print("|---|---|--:|--:|--:|--:|---|--:|--:|")
    for network in asked.networks:
        with tempfile.TemporaryDirectory() as work:
            content = exported(network, ("int8",), Path(work))["int8"]
        told = {
            name(choice): [(side, kind) for side, kinds in zip(SIDES, choice, strict=True) for kind in kinds]
            for choice in itertools.product(KINDS, repeat=len(SIDES))
        }
        forms = {choice: form(content, dense) for choice, dense in told.items()}
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
            if asked.each:
                found, count = searched(content, told[best], chip)
                print(f"{network}, {chip}: {found:.4g} ms with {count} convolutions dense", flush=True)


if __name__ == "__main__":
    main()
