"""What operators cost on a device, and whole networks beside them: the record that a search keeps and continues."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from mobilecnn.bench.records.measurement import Facts
from mobilecnn.errors import CheckFailed
from mobilecnn.records import ADDED, Stored
from mobilecnn.train.operators import Operator
from mobilecnn.train.zoo.candidates import Size

MEASURED, MODELLED = "measured", "modelled"


def _check_within(low: float, ns: float, high: float) -> None:
    if not 1 <= low <= ns <= high:
        raise ValueError("a time is less than a nanosecond, or not within its interval")


@dataclass(frozen=True)
class OperatorSample:
    """The time of an operator alone.

    Attributes:
        operator: what was timed.
        dtype: type of its feature maps: ``float32`` or ``int8``.
        ns: its time in nanoseconds, without that of a call of the interpreter; at least 1.
        low, high: ends of the interval of the file's time, as of ``ns``.
        valid: whether nothing speaks against the time, such as other work on the device.
    """

    operator: Operator
    dtype: str
    ns: float
    low: float
    high: float
    valid: bool = True

    def __post_init__(self) -> None:
        _check_within(self.low, self.ns, self.high)


@dataclass(frozen=True)
class ChainSample:
    """The time of equal convolutions in a row, whose weights together a cache may not hold.

    Attributes:
        dtype: type of their feature maps.
        bytes: bytes of their weights together.
        ns: their time in nanoseconds, without a call of the interpreter.
        low, high: ends of the interval of the file's time, as of ``ns``.
        valid: whether nothing speaks against the time, such as other work on the device.
    """

    dtype: str
    bytes: int
    ns: float
    low: float
    high: float
    valid: bool = True

    def __post_init__(self) -> None:
        _check_within(self.low, self.ns, self.high)
        if self.bytes < 1:
            raise ValueError("there are no weights")


@dataclass(frozen=True)
class WholeSample:
    """The time of a whole network, exported.

    Attributes:
        network: canonical name.
        size: input side, or height, pixels.
        format: name of the file's format.
        target: what its rewrites chose for, as :func:`mobilecnn.searching.target_label` gives it.
        ns: its time in nanoseconds.
        low, high: ends of its interval.
        valid: whether nothing speaks against the time, such as other work on the device.
        width: width of an input that is no square, pixels; None of a square.
    """

    network: str
    size: int
    format: str
    target: str
    ns: float
    low: float
    high: float
    valid: bool = True
    width: int | None = field(default=None, metadata=ADDED)

    def __post_init__(self) -> None:
        _check_within(self.low, self.ns, self.high)

    @property
    def image(self) -> Size:
        """The input's size."""
        return self.size if self.width is None else (self.size, self.width)


@dataclass(frozen=True)
class OperatorCosts(Stored):
    """Times of operators and of whole networks on one device.

    Attributes:
        device: device as probed when the record was begun.
        runtime: runtime that ran the files.
        runtime_version: its release; empty as long as nothing is timed.
        threads: threads of the runtime.
        times: ``measured`` or ``modelled``.
        chip: what models the time; empty where times are measured.
        call: nanoseconds of a call of the interpreter that does nothing; 0 as long as nothing is timed.
        operators: operators that are timed.
        chains: chains of convolutions that are timed, the shortest of a type first.
        wholes: whole networks that are timed.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.operator-costs"
    NOUN: ClassVar[str] = "table of operators' costs"

    device: Facts
    runtime: str
    runtime_version: str
    threads: int
    times: str
    chip: str
    call: float
    operators: tuple[OperatorSample, ...]
    chains: tuple[ChainSample, ...]
    wholes: tuple[WholeSample, ...]

    def __post_init__(self) -> None:
        if self.times not in (MEASURED, MODELLED):
            raise ValueError(f"times must be {MEASURED} or {MODELLED}")
        if self.call < 0:
            raise ValueError("a call takes less than no time")
        if not self.runtime_version and (self.operators or self.chains or self.wholes):
            raise ValueError("there are times, and no release of a runtime that took them")

    @property
    def doubtful(self) -> int:
        """Number of times that something speaks against."""
        rows: tuple[OperatorSample | ChainSample | WholeSample, ...] = (
            *self.operators,
            *self.chains,
            *self.wholes,
        )
        return sum(not row.valid for row in rows)

    def known(self, operator: Operator, dtype: str) -> OperatorSample | None:
        """The time of an operator, if it is here."""
        return next((row for row in self.operators if row.operator == operator and row.dtype == dtype), None)

    def whole(self, network: str, size: Size, form: str, target: str) -> WholeSample | None:
        """The time of a whole network that was exported for a target, if it is here."""
        wanted = (network, size, form, target)
        rows = ((row, (row.network, row.image, row.format, row.target)) for row in self.wholes)
        return next((row for row, made in rows if made == wanted), None)

    def check_same(self, device: Facts, chip: str, runtime: str, threads: int, path: object) -> None:
        """Refuse to continue this table with times of something else.

        Args:
            device: device as probed now.
            chip: chip that is modelled now; empty for none.
            runtime, threads: what is to be timed with.
            path: the table's file, for the message.

        Raises:
            CheckFailed: it is of another processor, runtime, or number of threads.
        """
        mine, now = (
            (facts.kind, facts.machine, facts.board, facts.cpu, facts.cpu_features)
            for facts in (self.device, device)
        )
        named = self.chip or self.device.board or self.device.cpu or self.device.machine
        here = f"{named}, {self.runtime}, {self.threads} thread(s)"
        if mine != now or (self.chip, self.runtime, self.threads) != (chip, runtime, threads):
            raise CheckFailed(
                f"{path} has the costs of another device or setting ({here}); name another file with -o, and they are "
                "taken anew"
            )

    def at_version(self, version: str, path: object) -> "OperatorCosts":
        """This table, as of a release of its runtime.

        Raises:
            CheckFailed: it is of another one.
        """
        if self.runtime_version not in ("", version):
            raise CheckFailed(
                f"{path} has the costs of {self.runtime} {self.runtime_version}, and the device has {version} now; name "
                "another file with -o, and they are taken anew"
            )
        return replace(self, runtime_version=version)
