"""What a stream says: one result for each model that was run.

:meth:`StreamSummary.of` computes it once; text, JSON and charts are rendered from that one object.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

from mobilecnn.bench.judge.single_stream import CLAIM, SingleStream, single_stream
from mobilecnn.bench.judge.sustained import SustainedResult, judge, remarks
from mobilecnn.bench.records.stream import SUSTAINED, Stream


@dataclass(frozen=True)
class StreamSummary:
    """All that a stream says by itself.

    Attributes:
        stream: stream that is summarized; one that was cut short has fewer series than models.
        sustained: results of a sustained load, in the order of the models; empty for a single stream.
        single: results of a single stream, in the order of the models; empty for a sustained load.
    """

    stream: Stream
    sustained: tuple[SustainedResult, ...] = ()
    single: tuple[SingleStream, ...] = ()

    @classmethod
    def of(cls, stream: Stream) -> Self:
        """Compute it."""
        made = list(zip(stream.models, stream.series, strict=False))
        if stream.plan.kind == SUSTAINED:
            results = (
                SustainedResult(model, judge(series.windows), tuple(remarks(series)))
                for model, series in made
            )
            return cls(stream, sustained=tuple(results))
        return cls(stream, single=tuple(single_stream(stream, model, series) for model, series in made))

    def to_json(self) -> dict[str, Any]:
        """The summary as a JSON object, with the units in the names."""
        claim = {"claim": CLAIM} if self.single else {}
        return {
            "device": asdict(self.stream.device),
            "plan": asdict(self.stream.plan),
            **claim,
            "results": [
                *(result.to_json() for result in self.sustained),
                *(result.to_json() for result in self.single),
            ],
        }
