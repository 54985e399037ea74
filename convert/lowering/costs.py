"""What the forms of an operator cost on a target, in nanoseconds, for the rewrites that choose among them."""

from dataclasses import astuple, dataclass
from pathlib import Path
from typing import ClassVar

from mobilecnn.errors import UsageError
from mobilecnn.records import Stored


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

    def __post_init__(self) -> None:
        if min(astuple(self)) < 0 or min(self.width, self.unit) < 1 or self.pace <= 0:
            raise ValueError("a cost is negative, a tile or unit is empty, or multiply-adds cost nothing")

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

    def shuffle(self, positions: int, channels: int) -> float:
        """Nanoseconds of a channel shuffle, its three operators together."""
        return 3 * self.call + positions * (self.position + channels * self.channel)


@dataclass(frozen=True)
class Costs(Stored):
    """Costs on a target, which may be several chips at once.

    Attributes:
        title: what the target is.
        tables: costs by the type of the feature maps, on each of the chips.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.costs"
    NOUN: ClassVar[str] = "table of costs"

    title: str
    tables: dict[str, tuple[Table, ...]]

    def more(self, dtype: str, positions: int, kernel: int, groups: int, outputs: int) -> float:
        """What a convolution takes longer if it is dense and not grouped, in shares of each
        chip's :attr:`Table.pace`.

        Args:
            dtype: type of the feature maps; of one without a table it is infinity.
            positions: number of places of the output.
            kernel: number of products of an output with groups.
            groups: number of groups.
            outputs: number of output channels, of all groups.
        """
        tables = self.tables.get(dtype, ())
        if not tables:
            return float("inf")
        return sum(
            (
                table.convolution(positions, kernel * groups, outputs, 1)
                - table.convolution(positions, kernel, outputs // groups, groups)
            )
            / table.pace
            for table in tables
        )

    def shuffle(self, dtype: str, positions: int, channels: int) -> float:
        """What a channel shuffle takes, in the same measure; of a type without a table nothing."""
        return sum(table.shuffle(positions, channels) / table.pace for table in self.tables.get(dtype, ()))


ANY = "any"
"""Target of a file that is to be fast wherever it runs."""

_X86 = Table(0, 764, 64, 16, 0.634, 12.5, 15.8, 0.434)
_X86_FLOAT = Table(17.2, 1300, 32, 1, 0.391, 1.08, 10.4, 0.375)
_BUILT_IN = Table(146, 9470, 1, 4, 0.101, 0.0115, 10.6, 0.354, 0.288, 10.5)
_PI5 = Table(0, 522, 16, 4, 0.887, 8.58, 27.6, 0.771)
_PI5_FLOAT = Table(0, 618, 8, 4, 2.0, 0.734, 17.5, 0.973)

TARGETS: dict[str, Costs] = {
    # The board counts twice, because files are made for boards and phones.
    ANY: Costs(
        "the Raspberry Pi 5, counted twice, and x86-64",
        {"int8": (_PI5, _PI5, _X86), "float32": (_PI5_FLOAT, _PI5_FLOAT, _X86_FLOAT)},
    ),
    "x86": Costs("x86-64 with VNNI", {"int8": (_X86,), "float32": (_X86_FLOAT,)}),
    "pi5": Costs("the Raspberry Pi 5", {"int8": (_PI5,), "float32": (_PI5_FLOAT,)}),
    "tflite-runtime": Costs("tflite-runtime", {"int8": (_BUILT_IN,)}),
}
"""Targets by name, as ``mobilecnn tune`` finds them, one thread: on x86-64 measured (AVX-512 with VNNI, LiteRT 2.3; the last with
tflite-runtime 2.14), on the Raspberry Pi modelled."""


def costs_of(target: str) -> Costs:
    """The costs of a target: a name of :data:`TARGETS`, or a file that ``mobilecnn tune`` wrote.

    Raises:
        UsageError: there is no target of that name.
        InputError: the file is missing, or no table of costs.
    """
    if target in TARGETS:
        return TARGETS[target]
    if not target.endswith(".json"):
        raise UsageError(
            f"unknown target {target!r}; choose one of {', '.join(TARGETS)}, or a .json file that mobilecnn tune wrote"
        )
    return Costs.read(Path(target))
