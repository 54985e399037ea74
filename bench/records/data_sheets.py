"""What is published of the chips whose time is modelled, and where: what limits their arithmetic and their memory.

A modelled time needs none of the limits: they are what an operator's speed is held against.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sources:
    """Where the figures of a chip are published.

    Attributes:
        clock: of its clock.
        caches: of sizes and ways of its caches.
        arithmetic: of the operations that a core does each cycle.
        memory: of its memory's bandwidth; empty where no measurement of it was found.
        times: of the times that its constants are fitted to.
    """

    clock: str
    caches: str
    arithmetic: str
    memory: str
    times: str


@dataclass(frozen=True)
class DataSheet:
    """Limits of one core of a chip, as published.

    Attributes:
        float32: operations a cycle in float32, two for a multiply-add.
        int8: the same in int8.
        copy: bytes a second, in billions, that one core moves when it copies what no cache holds, reading and writing
            counted; None where no measurement was found.
        sources: where all of that, and the figures in :data:`mobilecnn.bench.records.chips.CHIPS`, are published.
    """

    float32: int
    int8: int
    copy: float | None
    sources: Sources

    def operations(self, dtype: str) -> int:
        """Operations a cycle in ``float32`` or ``int8``."""
        return self.int8 if dtype == "int8" else self.float32


_NCNN = "github.com/Tencent/ncnn, benchmark/README.md at commit a4d2ea1d4422 (2026-07-22)"
_PI = "Raspberry Pi documentation, Processors"
_CPUFP = "github.com/pigirons/cpufp at commit 93e165ea3cd2, benchmark_result/arm64"
_VFPBENCH = "vfpbench by Hiroyuki Ogasawara (flatlib), measured"
_WIDENING = "int8: LLVM's model, one widening multiplication of eight pairs a cycle"
_SBC = "github.com/ThomasKaiser/sbc-bench at commit 02c3f9f3272e, Results.md: memcpy, twice"
_A72_CACHES = "Arm 100095 (Cortex-A72 manual)"
_KRYO = DataSheet(
    8, 16, None,
    Sources(
        "the heading of its times",
        "github.com/pytorch/cpuinfo, src/arm/cache.c: 24 KB of 3 ways, and 1 MB of 8 ways. The lines of its second level have "
        "128 bytes, and 64 are simulated",
        f"float32: {_VFPBENCH}, Snapdragon 821: 18.7 GFLOP/s at 2.35 GHz; {_WIDENING}",
        "",
        f"{_NCNN}; Snapdragon 821",
    ),
)  # fmt: skip


_KRYO_485 = DataSheet(
    16, 64, None,
    Sources(
        "the heading of its times",
        "Arm 100798 (Cortex-A76 manual); WikiChip, Snapdragon 855: 512 KB of second level of the fastest core, 2 MB of third",
        f"as the same core in {_CPUFP}, BCM2712: 38.37 GFLOP/s and 153.5 GOP/s at 2.4 GHz",
        "",
        f"{_NCNN}; Snapdragon 855+ (OnePlus 7T)",
    ),
)  # fmt: skip


def _pi_4(clock: str, memcpy: int) -> DataSheet:
    """The Raspberry Pi 4, for a source of its clock and millions of bytes a second that memcpy copies at it."""
    return DataSheet(
        8, 16, memcpy * 2 / 1000,
        Sources(
            clock,
            f"{_A72_CACHES}; {_PI}: 1 MB of second level",
            f"float32: {_CPUFP}, BCM2711: 11.96 GFLOP/s at 1.5 GHz; {_WIDENING}",
            f"{_SBC}: {memcpy} MB/s",
            f"{_NCNN}; Raspberry Pi 4 at 1.8 GHz",
        ),
    )  # fmt: skip


DATA_SHEETS = {
    "pi3": DataSheet(
        8, 16, 2.26,
        Sources(
            f"the heading of its times; {_PI}",
            f"Arm DDI 0500 (Cortex-A53 manual); {_PI}: 512 KB of second level",
            f"float32: {_CPUFP}, the Cortex-A53 of a RK3399: 11.26 GFLOP/s at 1.4 GHz; {_WIDENING}",
            f"{_SBC}: 1130 MB/s",
            f"{_NCNN}; Raspberry Pi 3 B+",
        ),
    ),
    "pi4": _pi_4("the heading of its times", 2580),
    "pi4-1500mhz": _pi_4(_PI, 2550),
    "pi5": DataSheet(
        16, 64, 12.05,
        Sources(
            f"the heading of its times; {_PI}",
            f"Arm 100798 (Cortex-A76 manual); {_PI}: 512 KB of second level a core, 2 MB of third",
            f"{_CPUFP}, BCM2712: 38.37 GFLOP/s and 153.5 GOP/s at 2.4 GHz",
            "github.com/ThomasKaiser/sbc-bench, results/8-NK (2024): memcpy, twice: 6025 MB/s",
            f"{_NCNN}; Raspberry Pi 5",
        ),
    ),
    "rk3399": DataSheet(
        8, 16, 7.30,
        Sources(
            "the heading of its times",
            f"{_A72_CACHES}; Rockchip RK3399 data sheet: 1 MB of second level",
            f"float32: {_CPUFP}, RK3399: 14.35 GFLOP/s at 1.8 GHz; {_WIDENING}",
            f"{_SBC}: 3650 MB/s, RockPro64",
            f"{_NCNN}; Rockchip RK3399",
        ),
    ),
    "sd810": DataSheet(
        8, 16, None,
        Sources(
            "the heading of its times",
            "Arm DDI 0488 (Cortex-A57 manual); github.com/pytorch/cpuinfo, src/arm/cache.c: 2 MB of second level",
            f"float32: {_VFPBENCH}, Cortex-A57: one multiply-add of four numbers a cycle; {_WIDENING}",
            "",
            f"{_NCNN}; Snapdragon 810",
        ),
    ),
    "sd820": DataSheet(
        8, 16, None,
        Sources(
            "phones with it: github.com/omnirom/android_device_zte_axon7, README",
            _KRYO.sources.caches, _KRYO.sources.arithmetic, "", _KRYO.sources.times,
        ),
    ),
    "sd821": _KRYO,
    "sd855": DataSheet(
        16, 64, None,
        Sources(
            "WikiChip, Snapdragon 855: the 855+ is the same chip at a higher clock",
            _KRYO_485.sources.caches, _KRYO_485.sources.arithmetic, "", _KRYO_485.sources.times,
        ),
    ),
    "sd855plus": _KRYO_485,
}  # fmt: skip
"""Data sheets by the chips' names."""
