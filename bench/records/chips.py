"""Chips whose time is modelled: their cores, clocks and caches."""

from dataclasses import astuple, dataclass

SLOWEST, FASTEST = 0.001, 100.0
"""Gigahertz of a clock that a chip may be said to have: no chip's, but far enough from 0 to divide by."""


@dataclass(frozen=True)
class Cache:
    """A data cache.

    Attributes:
        kilobytes: size in units of 1,024 bytes.
        ways: number of lines of a set.
    """

    kilobytes: int
    ways: int

    def __post_init__(self) -> None:
        if min(self.kilobytes, self.ways) < 1:
            raise ValueError("a cache is empty")


@dataclass(frozen=True)
class Constants:
    """What turns the work of an inference into a chip's time, fitted to published times.

    Attributes:
        cycles: factor of the pipeline's cycles.
        line: cycles that a line costs which is fetched into the first-level cache.
        turn: cycles that a branch costs that goes another way than was foreseen.
    """

    cycles: float
    line: float
    turn: float

    def __post_init__(self) -> None:
        if min(astuple(self)) < 0 or self.cycles == 0:
            raise ValueError("a constant is negative, or that of the pipeline's cycles is 0")


@dataclass(frozen=True)
class Chip:
    """A chip, as far as the time of one thread on its fastest core depends on it.

    Attributes:
        name: name in ``--device emulated-NAME``.
        title: what it is called, and where it is.
        core: processor that QEMU emulates for it, which decides the kernels that a runtime chooses.
        model: LLVM's scheduling model of its core.
        gigahertz: clock of that core.
        caches: data caches, the first level first; the last one is before the memory.
        constants: what turns work into cycles of the clock.
        median_error: median relative error of the time of a network of which the constants know nothing.
        error: 90th percentile of the same.
        ratio_error: 90th percentile of the relative error of the ratio of two such networks' times. The three errors
            are rounded to 0.1 %.

    Raises:
        ValueError: it has no clock or no cache, or an error is none: an interval reaches up to the time divided by what an
            error leaves of 1.
    """

    name: str
    title: str
    core: str
    model: str
    gigahertz: float
    caches: tuple[Cache, ...]
    constants: Constants
    median_error: float
    error: float
    ratio_error: float

    def __post_init__(self) -> None:
        if not SLOWEST <= self.gigahertz <= FASTEST:
            raise ValueError(f"gigahertz is not from {SLOWEST:g} to {FASTEST:g}")
        if not self.caches:
            raise ValueError("caches is empty")
        if not all(0 <= error < 1 for error in (self.median_error, self.error, self.ratio_error)):
            raise ValueError("an error is not from 0 to below 1")

    @property
    def published(self) -> str:
        """Title of the chip whose published times the constants and errors are those of: mostly its own."""
        return BY_CORE.get(self.name, self.title)

    @property
    def simulated(self) -> str:
        """The caches as ``blocks.c`` takes them: ``SIZE/WAYS:SIZE/WAYS``, sizes in bytes."""
        return ":".join(f"{level.kilobytes * 1024}/{level.ways}" for level in self.caches)


_A72 = (Cache(32, 2), Cache(1024, 16))
_A76 = (Cache(64, 4), Cache(512, 8), Cache(2048, 16))
_KRYO = (Cache(24, 3), Cache(1024, 8))
_KRYO_FIT = (Constants(1.0, 5.755, 0.0), 0.039, 0.128, 0.176)
_KRYO_485_FIT = (Constants(1.0, 0.602, 0.0), 0.037, 0.067, 0.108)
_PI_4_FIT = (Constants(1.0, 8.362, 176.7), 0.036, 0.097, 0.135)

CHIPS = {
    chip.name: chip
    for chip in (
        # LLVM's own model of the Cortex-A53 gives a multiply-add ten cycles and no forwarding to the next one; that of
        # the Cortex-A55, which issues alike, is closer to the A53 than that.
        Chip(
            "pi3", "Raspberry Pi 3 B+", "cortex-a53", "cortex-a55", 1.4, (Cache(32, 4), Cache(512, 16)),
            Constants(1.0, 13.8, 85.52), 0.052, 0.107, 0.162,
        ),
        Chip("pi4", "Raspberry Pi 4 B", "cortex-a72", "cortex-a72", 1.8, _A72, *_PI_4_FIT),
        # The clock of boards up to revision 1.3, and of later ones without arm_boost. ncnn's table is of 1.8 GHz.
        Chip(
            "pi4-1500mhz", "Raspberry Pi 4 B without boost", "cortex-a72", "cortex-a72", 1.5, _A72, *_PI_4_FIT,
        ),
        # LLVM lends the Cortex-A76 the model of the A57; the Neoverse N1 is the A76's sibling, with a model of its own.
        Chip(
            "pi5", "Raspberry Pi 5", "cortex-a76", "neoverse-n1", 2.4, _A76,
            Constants(1.0, 2.632, 0.0), 0.045, 0.124, 0.194,
        ),
        Chip(
            "rk3399", "Rockchip RK3399", "cortex-a72", "cortex-a72", 1.8, _A72,
            Constants(1.243, 2.795, 101.3), 0.060, 0.120, 0.180,
        ),
        Chip(
            "sd810", "Snapdragon 810", "cortex-a57", "cortex-a57", 2.0, (Cache(32, 2), Cache(2048, 16)),
            Constants(1.378, 3.389, 106.5), 0.043, 0.095, 0.141,
        ),
        # No table of times is published for it: its core is that of the 821, at another clock.
        Chip("sd820", "Snapdragon 820", "kryo", "kryo", 2.15, _KRYO, *_KRYO_FIT),
        Chip("sd821", "Snapdragon 821", "kryo", "kryo", 2.35, _KRYO, *_KRYO_FIT),
        # The 855 is the same chip at a lower clock, of which ncnn has no table of times.
        Chip("sd855", "Snapdragon 855", "kryo-485", "neoverse-n1", 2.84, _A76, *_KRYO_485_FIT),
        Chip("sd855plus", "Snapdragon 855+", "kryo-485", "neoverse-n1", 2.96, _A76, *_KRYO_485_FIT),
    )
}  # fmt: skip
"""Chips by name.

Constants and errors are those of ``benchmarks/arm_model.py``; where cores, clocks, caches and published times are from,
:data:`mobilecnn.bench.records.data_sheets.DATA_SHEETS` says.
"""


@dataclass(frozen=True)
class Shares:
    """Shares of a modelled time that its terms have, from 0 to 1.

    Attributes:
        cycles: share of the pipeline's cycles.
        lines: share of the lines that are fetched into the first-level cache.
        turns: share of the branches that go another way than was foreseen.
    """

    cycles: float
    lines: float
    turns: float


_KRYO_SHARES = Shares(0.90, 0.25, 0.0)
_KRYO_485_SHARES = Shares(0.97, 0.04, 0.0)
_PI_4_SHARES = Shares(0.72, 0.28, 0.30)

LARGEST_SHARES = {
    "pi3": Shares(0.78, 0.34, 0.11),
    "pi4": _PI_4_SHARES,
    "pi4-1500mhz": _PI_4_SHARES,
    "pi5": Shares(0.90, 0.17, 0.0),
    "rk3399": Shares(0.89, 0.10, 0.20),
    "sd810": Shares(0.89, 0.11, 0.19),
    "sd820": _KRYO_SHARES,
    "sd821": _KRYO_SHARES,
    "sd855": _KRYO_485_SHARES,
    "sd855plus": _KRYO_485_SHARES,
}
"""Chip -> largest share, rounded to 1 %, that each term has in the modelled time of any network that the chip's constants and
errors are of. Beyond it nothing is known of the error."""

SUMS_ON = "Raspberry Pi 4 B"
"""Chip, one whose model has a term for turns, on which :data:`SUMS_ERRORS` were found."""

SUMS_ERRORS: dict[str, dict[str, tuple[int, float, float]]] = {
    "float32": {"MobileNet V1": (10, 0.054, 0.471), "MobileNet V2": (10, 0.055, 0.083), "ShuffleNet V1": (10, 0.117, 0.390)},
    "int8": {"MobileNet V1": (10, 0.116, 0.219), "MobileNet V2": (10, 0.096, 0.133), "ShuffleNet V1": (10, 0.146, 0.290)},
}  # fmt: skip
"""Type and family -> number of whole networks, and median and largest relative error, rounded to 0.1 %, of the sums of their operators
modelled alone; each median is of sums that are too short. ``benchmarks/search.py`` found them (``docs/search.md``)."""

BY_CORE = {"sd820": "Snapdragon 821", "sd855": "Snapdragon 855+", "pi4-1500mhz": "Raspberry Pi 4 B"}
"""Chips without published times of their own, and the title of the one with the same core that lends them constants and
errors."""

LLVM = "19.1.7"
"""Release of LLVM whose scheduling models gave the cycles that constants and errors are fitted to."""

HALF_PRECISION = ("pi5", "sd855", "sd855plus")
"""Chips whose core adds and multiplies in half precision, which ncnn's benchmark uses where a core has it (``use_fp16_arithmetic`` in its
benchncnn.cpp): its times there that are not int8 are of float16. What runs for them here does the same: ShuffleNet V1's
inference has 15 million ``fmla`` of eight numbers and none of four, and 32 million of four on a Cortex-A72."""


@dataclass(frozen=True)
class OtherRuntime:
    """LiteRT's published times of a chip, to which no constant is fitted: those of ``benchmarks/arm_litert.py``.

    Attributes:
        of: what they are of: ``this chip``, or its core at another clock.
        times: number of them.
        missed: relative errors, rounded to 0.1 %, of those of them that are missed by more than the chip's error.
        own_kernels: where the others are of kernels that the chip's device does not run: relative error, rounded to 0.1 %,
            of MobileNet V1 with those that it does; None elsewhere.
        chosen_by: whether turns are counted in the way that fits these times, which are then no check of it.
    """

    of: str
    times: int
    missed: tuple[float, ...] = ()
    own_kernels: float | None = None
    chosen_by: bool = False


@dataclass(frozen=True)
class Checks:
    """Published times that the model of a chip was held against.

    Attributes:
        times: number of ncnn's networks.
        within: number of those that were missed by no more than the chip's error, by constants fitted without them.
        ratios_within: share of the ratios of two of them that were missed by no more than the chip's error of ratios, rounded to 1 %.
        types: types that these networks compute in, of those that files have.
        litert: LiteRT's times; None where none is published.
    """

    times: int
    within: int
    ratios_within: float
    types: tuple[str, ...] = ("float32", "int8")
    litert: OtherRuntime | None = None


_KRYO_CHECKS = Checks(17, 15, 0.90, litert=OtherRuntime("this core at 2.15 GHz", 4, (), 0.239))
_KRYO_485_CHECKS = Checks(17, 15, 0.90, types=("int8",))

CHECKS = {
    "pi3": Checks(17, 15, 0.90),
    "pi4": Checks(17, 15, 0.90, litert=OtherRuntime("this chip at 1.5 GHz", 2, chosen_by=True)),
    "pi4-1500mhz": Checks(17, 15, 0.90, litert=OtherRuntime("this chip", 2, chosen_by=True)),
    "pi5": Checks(17, 15, 0.89, types=("int8",), litert=OtherRuntime("this chip", 2, (-0.278, -0.279))),
    "rk3399": Checks(17, 15, 0.90),
    "sd810": Checks(17, 15, 0.91),
    "sd820": _KRYO_CHECKS,
    "sd821": _KRYO_CHECKS,
    "sd855": _KRYO_485_CHECKS,
    "sd855plus": _KRYO_485_CHECKS,
}
"""Chip -> what its model was held against. The 90th percentile of 17 errors lies between the 15th and the 16th, so that 15 are within it."""
