"""From a flatbuffer as the converter or the quantizer made it to the file that leaves us.

Two tables, in order. :data:`REWRITES` has the passes that change what is computed into the same in a faster form: the
user chooses among them, and each is proved on golden pictures (:mod:`~mobilecnn.convert.lowering.rewrites`).
:data:`PASSES` has those that finish a file, and always run.

A pass is a function: it changes the model (a schema ``ModelT``) in place and
returns what it changed, a phrase for each change, nothing where there was nothing to do. To add one, write its module and
add a line to a table. Passes run on the float32 file and again on each file that the quantizer makes of it, so a pass
leaves alone what it cannot treat.

The labels are the last step and no pass: they are a zip archive behind the packed flatbuffer.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.branches import merge_branches
from mobilecnn.convert.lowering.columns import columns_to_channels
from mobilecnn.convert.lowering.concatenations import nest_concatenations
from mobilecnn.convert.lowering.conversions import drop_conversions, write_in_final_scale
from mobilecnn.convert.lowering.costs import ANY, TARGETS, Costs, costs_of
from mobilecnn.convert.lowering.description import Description, Pass
from mobilecnn.convert.lowering.ends import name_ends
from mobilecnn.convert.lowering.equal_operators import merge_equal_operators
from mobilecnn.convert.lowering.float_islands import compute_in_float, widen_depthwise, widen_large_kernels
from mobilecnn.convert.lowering.int16_sums import free_int16_sums
from mobilecnn.convert.lowering.large_kernels import split_large_kernels
from mobilecnn.convert.lowering.operator_versions import stamp_versions
from mobilecnn.convert.lowering.packed_places import places_to_channels
from mobilecnn.convert.lowering.padded_pools import pool_in_pieces
from mobilecnn.convert.lowering.paddings import merge_paddings
from mobilecnn.convert.lowering.pools import pick_by_convolution, pool_by_convolution
from mobilecnn.convert.lowering.relus import fuse_relus, rectify_branches, requantize_relus
from mobilecnn.convert.lowering.reshapes import drop_reshapes
from mobilecnn.convert.lowering.rewrites import Rewrite
from mobilecnn.convert.lowering.routes import route_channels
from mobilecnn.convert.lowering.shuffles import fold_shuffles, spell_shuffles, write_groups_dense
from mobilecnn.convert.lowering.split_groups import split_groups
from mobilecnn.convert.lowering.tflite_metadata import append_labels, describe
from mobilecnn.errors import UsageError

REWRITES: tuple[Rewrite, ...] = (
    Rewrite(merge_equal_operators, "converted", exact=True),
    Rewrite(merge_paddings, "converted", exact=True),
    Rewrite(fuse_relus, "converted", exact=True),
    Rewrite(rectify_branches, "converted", exact=True),
    Rewrite(merge_branches, "converted", exact=True),
    Rewrite(drop_reshapes, "converted", exact=True),
    Rewrite(spell_shuffles, "converted", exact=True),
    Rewrite(fold_shuffles, "converted", exact=True),
    Rewrite(route_channels, "converted", exact=True),
    Rewrite(nest_concatenations, "converted", exact=True),
    Rewrite(pick_by_convolution, "converted", exact=True),
    Rewrite(drop_conversions, "quantized", exact=False),
    Rewrite(requantize_relus, "quantized", exact=False),
    Rewrite(pool_by_convolution, "quantized", exact=False),
    Rewrite(pool_in_pieces, "quantized", exact=False),
    Rewrite(widen_large_kernels, "quantized", exact=False),
    Rewrite(widen_depthwise, "quantized", exact=False),
    Rewrite(compute_in_float, "quantized", exact=False),
    Rewrite(write_in_final_scale, "quantized", exact=False),
    Rewrite(split_large_kernels, "finished", exact=False),
    Rewrite(split_groups, "finished", exact=True, costs=TARGETS[ANY]),
    Rewrite(write_groups_dense, "finished", exact=True, costs=TARGETS[ANY]),
    Rewrite(columns_to_channels, "finished", exact=True, costs=TARGETS[ANY]),
    Rewrite(places_to_channels, "finished", exact=True, costs=TARGETS[ANY]),
)
"""The rewrites, in the order in which they run: on the converter's file, on what the quantizer made of it, and last on the
file of every format."""

PASSES: tuple[Pass, ...] = (
    free_int16_sums,
    name_ends,
    stamp_versions,
    describe,
)
"""The passes that finish a file, in the order in which they run."""

NAMING: frozenset[Pass] = frozenset([name_ends, describe])
"""Passes that name and describe, on every file alike, and leave what it computes and needs as it is."""


@dataclass(frozen=True)
class Lowered:
    """A finished file.

    Attributes:
        content: the ``.tflite`` file.
        changes: pass -> what it changed, in the order in which the passes ran.
    """

    content: bytes
    changes: dict[str, tuple[str, ...]]

    @property
    def beyond_names(self) -> dict[str, tuple[str, ...]]:
        """The changes for the passport: those of passes that changed something, :data:`NAMING` apart."""
        naming = {run.__name__ for run in NAMING}
        return {name: changes for name, changes in self.changes.items() if changes and name not in naming}


def lower(content: bytes, description: Description) -> Lowered:
    """Run all passes on a ``.tflite`` file, then append the labels.

    Args:
        content: the file, as the converter or the quantizer made it.
        description: what it is.

    Raises:
        ModelFileError: ``content`` is not a TFLite file.
    """
    model = flatbuffer.parse(content, description.title)
    changes = {run.__name__: tuple(run(model, description)) for run in PASSES}
    return Lowered(append_labels(flatbuffer.pack(model), description.output_labels), changes)


FOR_XNNPACK: frozenset[Callable[..., Iterable[str]]] = frozenset(
    [pool_by_convolution, pool_in_pieces, compute_in_float]
)
"""Rewrites of int8 operators that XNNPACK does not take into what it takes. On the built-in kernels the operator as it is is faster."""

FOR_BUILT_IN: frozenset[Callable[..., Iterable[str]]] = frozenset([widen_depthwise])
"""Rewrites of int8 operators that XNNPACK takes, for a runtime that computes int8 on the built-in kernels and float32 by XNNPACK."""

AUTO, NONE = "auto", "none"
"""What is asked for where all rewrites are to run, or none."""


def chosen(wanted: str | Sequence[str], target: str = ANY) -> tuple[Rewrite, ...]:
    """The rewrites that are asked for, in the table's order: ``auto``, ``none``, or names, as a list or with commas between.

    Args:
        wanted: what is asked for; blanks around a name do not count.
        target: where the files are to run, as :func:`~mobilecnn.convert.lowering.costs.costs_of` takes it.

    Raises:
        UsageError: there is no rewrite of a name, ``auto`` or ``none`` does not stand alone, or there is no such target.
        InputError: the target is a file that has no costs.
    """
    costs = costs_of(target)
    names = [name.strip() for name in (wanted.split(",") if isinstance(wanted, str) else wanted)]
    if names == [NONE]:
        return ()
    if names == [AUTO]:
        return _for(costs, [row for row in REWRITES if _gains(row, costs)])
    known = [row.name for row in REWRITES]
    for name in names:
        if name in (AUTO, NONE):
            raise UsageError(
                f"{name} stands for {'all' if name == AUTO else 'no'} rewrites and has no other beside it; "
                f"give {AUTO} or {NONE} alone, or names with commas between"
            )
        if name not in known:
            raise UsageError(
                f"unknown rewrite {name!r}; choose {AUTO}, {NONE}, or among {', '.join(known)}, with commas between"
            )
    return _for(costs, [row for row in REWRITES if row.name in names])


def _gains(row: Rewrite, costs: Costs) -> bool:
    """Whether a rewrite is known to make files faster on a target."""
    if row.run is route_channels:
        return costs.routes
    if row.run is places_to_channels:
        return costs.packs
    return row.run not in (FOR_BUILT_IN if costs.delegated else FOR_XNNPACK)


def _for(costs: Costs, rows: Sequence[Rewrite]) -> tuple[Rewrite, ...]:
    return tuple(replace(row, costs=row.costs and costs, target=costs) for row in rows)
