"""Chips whose time is modelled: their cores, clocks and caches."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cache:
    """A data cache.

    Attributes:
        kilobytes: size in units of 1,024 bytes.
        ways: number of lines of a set.
    """

    kilobytes: int
    ways: int


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
    """

    name: str
    title: str
    core: str
    model: str
    gigahertz: float
    caches: tuple[Cache, ...]

    @property
    def simulated(self) -> str:
        """The caches as ``blocks.c`` takes them: ``SIZE/WAYS:SIZE/WAYS``, sizes in bytes."""
        return ":".join(f"{level.kilobytes * 1024}/{level.ways}" for level in self.caches)


_A72 = (Cache(32, 2), Cache(1024, 16))

CHIPS = {
    chip.name: chip
    for chip in (
        # LLVM's own model of the Cortex-A53 gives a multiply-add ten cycles and no forwarding to the next one; that of
        # the Cortex-A55, which issues alike, is closer to the A53 than that.
        Chip("pi3", "Raspberry Pi 3 B+", "cortex-a53", "cortex-a55", 1.4, (Cache(32, 4), Cache(512, 16))),
        Chip("pi4", "Raspberry Pi 4 B", "cortex-a72", "cortex-a72", 1.8, _A72),
        # LLVM lends the Cortex-A76 the model of the A57; the Neoverse N1 is the A76's sibling, with a model of its own.
        Chip(
            "pi5",
            "Raspberry Pi 5",
            "cortex-a76",
            "neoverse-n1",
            2.4,
            (Cache(64, 4), Cache(512, 8), Cache(2048, 16)),
        ),
        Chip("rk3399", "Rockchip RK3399", "cortex-a72", "cortex-a72", 1.8, _A72),
        Chip("sd810", "Snapdragon 810", "cortex-a72", "cortex-a57", 2.0, (Cache(32, 2), Cache(2048, 16))),
        Chip("sd820", "Snapdragon 820", "cortex-a72", "kryo", 2.15, (Cache(24, 3), Cache(1024, 8))),
        Chip("sd821", "Snapdragon 821", "cortex-a72", "kryo", 2.35, (Cache(24, 3), Cache(1024, 8))),
    )
}
"""Chips by name.

Cores and clocks are those of the boards' and phones' data sheets; sizes and associativity of the caches those of
Arm's technical reference manuals of the cores (Cortex-A53 DDI 0500, A57 DDI 0488, A72 100095, A76 100798), with the
sizes that the chips' makers chose. Qualcomm has published neither for Kryo: these are figures of independent
measurements.
"""
