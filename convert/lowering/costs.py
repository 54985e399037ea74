"""What the forms of an operator cost on a target, in nanoseconds, for the rewrites that choose among them."""

import math
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from mobilecnn.errors import UsageError
from mobilecnn.records import ADDED, Stored


@dataclass(frozen=True)
class Table:
    """Costs of operators with tensors of one type.

    A convolution is computed in tiles of output channels of one group. A tile of one position costs ``tile`` and ``depth`` for
    every product of an input channel; each group begins tiles of its own, and what its channels do not fill is computed in vain.

    Attributes:
        call: ns of an operator that does nothing.
        group: ns of each group of a convolution, once.
        width: number of output channels of a tile.
        unit: number of input channels that are multiplied at once.
        depth: ns of a unit of input channels in a tile of one position.
        tile: ns of a tile of one position, for writing the outputs.
        position: ns of a position in a channel shuffle.
        channel: ns of a channel of a position in a channel shuffle.
        product: ns of a multiply-add of a convolution of several groups, where the runtime has no tiles for these and computes
            output by output; 0 where it has.
        output: ns of an output of such a convolution.
        places: share of the time of a convolution of up to four channels that goes with the number of places of its kernel, whatever
            their channels; the rest goes with the multiply-adds. 0 where it was not found out, and such convolutions stay.
    """

    call: float
    group: float
    width: int
    unit: int
    depth: float
    tile: float
    position: float
    channel: float
    product: float = 0.0
    output: float = 0.0
    places: float = field(default=0.0, metadata=ADDED)

    def __post_init__(self) -> None:
        if min(astuple(self)) < 0 or min(self.width, self.unit) < 1 or self.pace <= 0:
            raise ValueError("a cost is negative, a tile or unit is empty, or multiply-adds cost nothing")
        if self.places > 1:
            raise ValueError("the places of a kernel cost more than all")

    @property
    def pace(self) -> float:
        """Nanoseconds of a dense convolution of 100 positions from 100 channels to 100, the measure of chips beside each other."""
        return self.convolution(100, 100, 100, 1)

    def convolution(self, positions: int, inputs: int, outputs: int, groups: int) -> float:
        """Nanoseconds of a convolution.

        Args:
            positions: number of places of the output.
            inputs: number of products of an output: places of the kernel times input channels of a group.
            outputs: number of output channels of a group.
            groups: number of groups.
        """
        if groups > 1 and self.product > 0:
            return self.call + positions * groups * outputs * (self.output + inputs * self.product)
        tiles = groups * -(-outputs // self.width)
        each = self.depth * -(-inputs // self.unit) + self.tile
        return self.call + groups * self.group + positions * tiles * each

    def columns(
        self, positions: int, kernel: tuple[int, ...], columns: int, block: int, together: int = 1
    ) -> float:
        """Nanoseconds of a convolution of few channels that reads ``block`` neighbouring columns as the channels of one.

        Args:
            positions: number of places of the output.
            kernel: shape of the weights without that, (outputs, rows, columns, channels).
            columns: number of columns of the other kernel.
            block: number of columns that are the channels of one.
            together: number of neighbouring outputs that are the channels of one.
        """
        tiles = -(-together * kernel[0] // self.width) / (together * -(-kernel[0] // self.width))
        fewer, more = tiles * columns / kernel[2], tiles * columns * block / kernel[2]
        share = self.places * fewer + (1 - self.places) * more
        return share * self.convolution(positions, math.prod(kernel[1:]), kernel[0], 1)

    def shuffle(self, positions: int, channels: int) -> float:
        """Nanoseconds of a channel shuffle, its three operators together."""
        return 3 * self.call + positions * (self.position + channels * self.channel)


LEAST_GAIN = 0.1
"""Share of its time, on each of a target's chips, that a convolution must save to compute several outputs or places as one. The RESHAPEs
around it cost something that no table knows."""

LARGEST_LOSS = {"int8": 0.15, "float32": 0.0}
"""Type of the feature maps -> the largest share of its time that a part of a graph may take longer on any of a target's chips where it is
changed. Of 0.1, 0.15 and 0.2 that of int8 is the largest with which no file of a ShuffleNet V1 for :data:`ANY` is modelled to take over 2 %
longer on the Raspberry Pis 4 and 5 than with the smallest. In float32 forms gain little: with 0.05 ShuffleNet V1 0.25x g4 is modelled to take 7.6 %
longer on the Raspberry Pi 5 than as it is (``benchmarks/target_costs.py --loss``)."""


@dataclass(frozen=True)
class Trade:
    """What a part of a graph takes on each of a target's chips, in ns, as it is and in another form.

    Attributes:
        before: time on each chip as it is.
        after: time in the other form.
        paces: each chip's :attr:`Table.pace`.
        loss: the largest share of its time that it may take longer on one of them.
    """

    before: tuple[float, ...]
    after: tuple[float, ...]
    paces: tuple[float, ...]
    loss: float

    def __add__(self, other: "Trade") -> "Trade":
        return Trade(
            tuple(map(sum, zip(self.before, other.before, strict=True))),
            tuple(map(sum, zip(self.after, other.after, strict=True))),
            self.paces,
            self.loss,
        )

    @property
    def price(self) -> float:
        """What the other form takes longer, negative where it saves time: the sum over the chips, in shares of each one's pace.

        It is infinity where a chip takes longer by more than :attr:`loss`: what others gain is no reason to be slow there.
        """
        if any(
            after > (1 + self.loss) * before for before, after in zip(self.before, self.after, strict=True)
        ):
            return float("inf")
        return sum(
            (after - before) / pace
            for before, after, pace in zip(self.before, self.after, self.paces, strict=True)
        )

    @property
    def saves(self) -> bool:
        """Whether the other form is known to cost less on each chip, by :data:`LEAST_GAIN` of the time."""
        pairs = list(zip(self.before, self.after, strict=True))
        return bool(pairs) and all(after < (1 - LEAST_GAIN) * before for before, after in pairs)


@dataclass(frozen=True)
class Costs(Stored):
    """Costs on a target, which may be several chips at once.

    Attributes:
        title: what the target is.
        tables: costs by the type of the feature maps, on each of the chips.
        routes: whether convolutions for each place that their channels go to are faster than splits and shuffles, found by
            timing whole networks, as ``mobilecnn tune`` does: the tables do not tell.
        delegated: whether XNNPACK computes int8 operators there, so that forms for it are worth having.
        packs: whether convolutions that compute several outputs or places as one are faster there, found likewise: the
            tables tell how many, where it is so.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.costs"
    NOUN: ClassVar[str] = "table of costs"

    title: str
    tables: dict[str, tuple[Table, ...]]
    routes: bool = field(default=False, metadata=ADDED)
    delegated: bool = field(default=True, metadata=ADDED)
    packs: bool = field(default=False, metadata=ADDED)

    def __post_init__(self) -> None:
        for dtype, tables in self.tables.items():
            if not tables:
                raise ValueError(f"no table of costs for {dtype[:80]!r}; leave the type out, or tune again")

    def nothing(self, dtype: str) -> Trade:
        """No change of anything."""
        none = (0.0,) * len(self.tables.get(dtype, ()))
        paces = tuple(table.pace for table in self.tables.get(dtype, ()))
        return Trade(none, none, paces, LARGEST_LOSS.get(dtype, 0.0))

    def dense(self, dtype: str, positions: int, kernel: int, groups: int, outputs: int) -> Trade:
        """A grouped convolution that is written dense.

        Args:
            dtype: type of the feature maps, which has a table.
            positions: number of places of the output.
            kernel: number of products of an output with groups.
            groups: number of groups.
            outputs: number of output channels, of all groups.
        """
        tables = self.tables[dtype]
        return replace(
            self.nothing(dtype),
            before=tuple(table.convolution(positions, kernel, outputs // groups, groups) for table in tables),
            after=tuple(table.convolution(positions, kernel * groups, outputs, 1) for table in tables),
        )

    def columns(
        self,
        dtype: str,
        positions: int,
        kernel: tuple[int, ...],
        columns: int,
        block: int,
        together: int = 1,
    ) -> Trade | None:
        """A convolution of few channels that reads ``block`` neighbouring columns as the channels of one.

        Args:
            dtype: type of the feature maps.
            positions: number of places of the output.
            kernel: shape of the weights, (outputs, rows, columns, channels).
            columns: number of columns of the other kernel.
            block: number of columns that are the channels of one.
            together: number of neighbouring outputs that are the channels of one.

        Returns:
            What becomes of its time; None where that is not known of each chip.
        """
        tables = self.tables.get(dtype, ())
        if not tables or not all(table.places for table in tables):
            return None
        return replace(
            self.nothing(dtype),
            before=tuple(
                table.convolution(positions, math.prod(kernel[1:]), kernel[0], 1) for table in tables
            ),
            after=tuple(table.columns(positions, kernel, columns, block, together) for table in tables),
        )

    def packed(self, dtype: str, positions: int, inputs: int, outputs: int, places: int) -> Trade:
        """A pointwise convolution that computes ``places`` places as one; of a type without a table nothing.

        Args:
            dtype: type of the feature maps.
            positions: number of places of the output.
            inputs, outputs: numbers of channels.
            places: number of places, which divides ``positions``.
        """
        tables = self.tables.get(dtype, ())
        return replace(
            self.nothing(dtype),
            before=tuple(table.convolution(positions, inputs, outputs, 1) for table in tables),
            after=tuple(
                table.convolution(positions // places, places * inputs, places * outputs, 1)
                for table in tables
            ),
        )

    def without_shuffle(self, dtype: str, positions: int, channels: int) -> Trade:
        """A channel shuffle that is left out; of a type without a table nothing."""
        return replace(
            self.nothing(dtype),
            before=tuple(table.shuffle(positions, channels) for table in self.tables.get(dtype, ())),
        )


ANY = "any"
"""Target of a file that is to be fast wherever it runs."""

_X86 = Table(0, 29.9, 16, 8, 0.403, 2.28, 25.9, 0.103, places=0.79)
_X86_AMX = Table(0, 152, 64, 16, 0.399, 14.0, 17.2, 0.549, places=0.80)
_X86_FLOAT = Table(0, 0, 16, 8, 1.73, 0.621, 0, 1.06)
_X86_AMX_FLOAT = Table(0, 0, 16, 4, 0.835, 1.2, 0, 1.08)
_BUILT_IN = Table(146, 9470, 1, 4, 0.101, 0.0115, 10.6, 0.354, 0.288, 10.5)
_PI3 = Table(0, 0, 16, 1, 4.77, 48.9, 152, 5.22, places=0.41)
_PI4 = Table(16800, 2410, 8, 16, 10.9, 19.4, 0, 0, places=0.75)
_PI5 = Table(0, 110, 16, 2, 0.409, 9.77, 55.8, 0.0852, places=0.23)
_PI5_FLOAT = Table(0, 618, 8, 4, 2.0, 0.734, 17.5, 0.973)
_RK3399 = Table(12500, 1020, 8, 16, 11.6, 18.9, 3.83, 0, places=0.8)
_SD810 = Table(7760, 1280, 8, 16, 11.1, 21.2, 0.86, 1.07, places=0.81)
_SD820 = Table(0, 0, 16, 1, 3.75, 12.6, 72.7, 0.446, places=0.03)

TARGETS: dict[str, Costs] = {
    ANY: Costs(
        "x86-64, with AMX and without, and the Raspberry Pis 4 and 5",
        {"int8": (_X86, _X86_AMX, _PI4, _PI5), "float32": (_X86_FLOAT, _PI5_FLOAT)},
        routes=True,
    ),
    "x86": Costs("x86-64 with VNNI", {"int8": (_X86,), "float32": (_X86_FLOAT,)}, routes=True),
    "x86-amx": Costs(
        "x86-64 with AMX", {"int8": (_X86_AMX,), "float32": (_X86_AMX_FLOAT,)}, routes=True, packs=True
    ),
    "pi3": Costs("the Raspberry Pi 3 B+", {"int8": (_PI3,)}),
    "pi4": Costs("the Raspberry Pi 4", {"int8": (_PI4,)}, routes=True),
    "pi5": Costs("the Raspberry Pi 5", {"int8": (_PI5,), "float32": (_PI5_FLOAT,)}, routes=True),
    "rk3399": Costs("the Rockchip RK3399", {"int8": (_RK3399,)}, routes=True),
    "sd810": Costs("the Snapdragon 810", {"int8": (_SD810,)}, routes=True),
    "sd820": Costs("the Snapdragon 820", {"int8": (_SD820,)}),
    "tflite-runtime": Costs("tflite-runtime", {"int8": (_BUILT_IN,)}, routes=True, delegated=False),
}
"""Targets by name, one thread. On x86-64 they were measured (LiteRT 2.3 with the operators in networks, by ``mobilecnn tune``, on one
processor with AVX-512, VNNI and AMX, which float32 does not use, for ``x86`` with ``benchmarks/without_amx.py``; tflite-runtime 2.14 with each operator alone, on another) and
on the Raspberry Pi 5 modelled in float32 with each operator alone; in int8 the chips are modelled with the operators in
networks, as ``mobilecnn tune`` does. A type of which a target has no table keeps its groups. ``places`` is what fits best to a
first convolution of 3x3 and one of 7x7 in both forms (``benchmarks/channel_shapes.py``), those of ``mobilecnn tune``.

:data:`ANY` is what most files are made for, the host and the boards: a form must save time in sum, and may on none of the four cost
more than :data:`LARGEST_LOSS` allows. The other chips have no say in it. The Snapdragon 820's would be a veto against nearly all in int8,
and there no int8 file of ShuffleNet is faster than the float32 one anyway; the RK3399 and the Snapdragon 810 have cores like the Raspberry Pi 4's."""


def chips(costs: Costs, dtype: str) -> tuple[str, ...]:
    """Names of the chips that the costs of a type are of, in order: the targets that have the same ones, else what the costs are called."""
    alone = {rows: name for name, target in TARGETS.items() if len(rows := target.tables.get(dtype, ())) == 1}
    tables = costs.tables.get(dtype, ())
    names = [alone.get((table,), costs.title) for table in tables]
    return tuple(
        name if names.count(name) == 1 else f"{name}, {number}" for number, name in enumerate(names, 1)
    )


ENDING = ".json"
"""End of the name of a file with costs, by which it is told from the name of a target."""


def check_name(path: Path) -> None:
    """Refuse a name of a file for costs that no target could be called by.

    Raises:
        UsageError: it does not end in :data:`ENDING`.
    """
    if not path.name.endswith(ENDING):
        raise UsageError(f"costs are read from {ENDING} files, not from {path}; end its name in {ENDING}")


def costs_of(target: str) -> Costs:
    """The costs of a target: a name of :data:`TARGETS`, or a file that ``mobilecnn tune`` wrote.

    Raises:
        UsageError: there is no target of that name.
        InputError: the file is missing, or no table of costs.
    """
    if target in TARGETS:
        return TARGETS[target]
    if not target.endswith(ENDING):
        raise UsageError(
            f"unknown target {target!r}; choose one of {', '.join(TARGETS)}, or a .json file that mobilecnn tune wrote"
        )
    return Costs.read(Path(target))
