"""What a runtime or a tool tells of a process, beside its times."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunSummary:
    """Statistics of one process by a tool that prints no samples: integer ns, rounded by the tool.

    Attributes:
        count: number of timed inferences.
        minimum_ns: time of the fastest.
        maximum_ns: time of the slowest.
        mean_ns: mean of all.
        deviation_ns: standard deviation.
        median_ns: median; None where it is not printed, as are the next two.
        p5_ns: 5th percentile.
        p95_ns: 95th percentile.
        warmup_count: number of untimed inferences before; None from versions before 4 of the record.
        warmup_ns: duration of all of them together; the same.
    """

    count: int
    minimum_ns: int
    maximum_ns: int
    mean_ns: int
    deviation_ns: int
    median_ns: int | None
    p5_ns: int | None = None
    p95_ns: int | None = None
    warmup_count: int | None = None
    warmup_ns: int | None = None

    def __post_init__(self) -> None:
        middle = self.mean_ns if self.median_ns is None else self.median_ns
        # A printed mean has six digits.
        if self.count < 1 or not 0 < self.minimum_ns <= self.maximum_ns:
            raise ValueError("a summary is of no inference, or its times are no times")
        if not all(
            self.minimum_ns * (1 - 1e-5) <= value <= self.maximum_ns * (1 + 1e-5)
            for value in (self.mean_ns, middle)
        ):
            raise ValueError("the mean or the median of a summary is not between its minimum and maximum")

    @property
    def typical_ns(self) -> int:
        """Time in ns that represents the process: the median, else the mean."""
        return self.mean_ns if self.median_ns is None else self.median_ns


@dataclass(frozen=True)
class Delegated:
    """A delegate that took over operators of a model.

    Attributes:
        name: ``xnnpack``, ``gpu``, or what the runtime calls another.
        whole: whether it took over the whole graph; None where that is not told.
        parts: number of parts of the graph that it took over; 0 where it could take none, None where that
            is not told.
    """

    name: str
    whole: bool | None
    parts: int | None
