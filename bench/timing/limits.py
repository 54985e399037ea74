"""What the speed of an operator is held against: the arithmetic and the memory of the device."""

from dataclasses import dataclass

from mobilecnn.bench.records.data_sheets import DATA_SHEETS
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement


@dataclass(frozen=True)
class Bandwidth:
    """Memory bandwidth as the worker measured it.

    Attributes:
        bytes: bytes that one pass reads and writes: a copy of an array that no cache holds.
        samples_ns: duration of each pass.
    """

    bytes: int
    samples_ns: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.bytes < 1 or min(self.samples_ns, default=0) < 1:
            raise ValueError("there are no passes, or one moved nothing, or took no time")

    @property
    def bytes_per_second(self) -> float:
        """Highest bandwidth measured, in bytes per second."""
        return self.bytes / min(self.samples_ns) * 1e9


@dataclass(frozen=True)
class Limits:
    """What a device can do at most: measured on it, or published of one core of a chip that is modelled.

    Attributes:
        flop_per_second: operations a second, two for a multiply-add: those of a matrix product as measured, or those that the
            core can begin.
        bytes_per_second: bandwidth of the memory, reading and writing; None where it is unknown.
        published: whether they are published, and not measured.
        arithmetic: what is said of where the first is from; empty where it is measured.
        memory: the same of the second.
    """

    flop_per_second: float
    bytes_per_second: float | None
    published: bool = False
    arithmetic: str = ""
    memory: str = ""

    @classmethod
    def of(
        cls, record: Measurement | Instructions, product: float, dtype: str, bandwidth: Bandwidth | None
    ) -> "Limits":
        """The limits of the device of a record.

        Args:
            record: where the times are from.
            product: operations a second of the matrix product.
            dtype: type in which it was computed, ``float32`` or ``int8``.
            bandwidth: bandwidth of the memory as measured; None where it was not.
        """
        if isinstance(record, Measurement):
            return cls(product, None if bandwidth is None else bandwidth.bytes_per_second)
        assert record.model is not None
        chip = record.model.chip
        sheet = DATA_SHEETS[chip.name]
        each = sheet.operations(dtype)
        return cls(
            1e9 * chip.gigahertz * each,
            None if sheet.copy is None else 1e9 * sheet.copy,
            True,
            f"{each} operations a cycle; {sheet.sources.arithmetic}",
            sheet.sources.memory,
        )
