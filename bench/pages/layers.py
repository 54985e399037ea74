"""The error of a quantized file, operator by operator, as one HTML page: a pure function of the report."""

from mobilecnn.bench.pages import svg
from mobilecnn.bench.pages.numbers import short
from mobilecnn.bench.pages.page import Answer, Cell, Figure, Note, Section, Table, page
from mobilecnn.bench.pages.plot import OTHER, Axis, Plot, Point, Series
from mobilecnn.quantize.layers import WIDE, Layer, LayerReport
from mobilecnn.remarks import plural

SHOWN = 10
"""Number of operators whose values are drawn, the worst first."""


def html(report: LayerReport) -> str:
    """The whole page: the same report gives the same page, byte for byte."""
    lead = (
        f"{report.file} against {report.reference} on {plural(report.images, 'image')} of {report.data}. The isolated error is "
        "what an operator makes of the float32 file's own inputs; the accumulated one has all errors before it. Both as "
        "signal-to-quantization-noise ratio in dB: the smaller, the worse."
    )
    drawn = [layer for layer in report.worst_first if layer.values is not None][:SHOWN]
    along = _along(report)
    sections = [
        Section(
            "Operators, the largest error first",
            [
                _table(report),
                Note(
                    f"A channel ratio is the largest over the median range of a tensor's channels; from {WIDE:g} on it is marked. "
                    f"{plural(report.unmatched, 'operator')} without figures: the float32 file has no such tensor."
                ),
            ],
        ),
        *(
            # Where every operator is exact, or none is finite, there is nothing to draw.
            [Section("Along the network", [Figure(svg.draw(along), "Isolated and accumulated error.", True)])]
            if any(series.points for series in along.series)
            else []
        ),
        Section(
            "Values of the worst",
            [
                Figure(svg.draw(_histogram(layer)), f"{layer.index}: {layer.kind} {layer.name}")
                for layer in drawn
            ],
        ),
    ]
    return page(f"mobilecnn quantize-report: {report.file}", lead, sections, _answers(report))


def _answers(report: LayerReport) -> list[Answer]:
    """The operator that does the most harm, and how large the error is in the end; nothing where none has a figure."""
    broken = [layer for layer in report.layers if not layer.finite]
    if broken:
        first = broken[0]
        return [
            Answer(
                report.file,
                f"Operator {first.index}, {first.kind} {short(first.name)}, gives NaN or infinity",
                f"on {plural(report.images, 'image')}",
                "bad",
                [f"It is the first of {plural(len(broken), 'such operator')}; do not ship the file."],
            )
        ]
    by_itself = [layer for layer in report.worst_first if layer.isolated_db is not None]
    if not by_itself:
        return []
    worst = by_itself[0]
    end = [layer for layer in report.layers if layer.accumulated_db is not None]
    suspects = [layer for layer in report.layers if layer.suspect]
    why = [
        f"By itself its signal-to-quantization-noise ratio is {worst.isolated_db:.1f} dB"
        + (
            f"; that of the next, operator {by_itself[1].index}, is {by_itself[1].isolated_db:.1f} dB."
            if by_itself[1:]
            else "."
        )
    ]
    if end:
        why.append(
            f"With all errors before it, the last operator that can be compared has {end[-1].accumulated_db:.1f} dB."
        )
    if suspects:
        why.append(
            f"{plural(len(suspects), 'operator')} with channels so unlike that one scale for all does not suit them: "
            f"{', '.join(str(layer.index) for layer in suspects)}."
        )
    return [
        Answer(
            report.file,
            f"The largest error comes from operator {worst.index}, {worst.kind} {short(worst.name)}",
            f"on {plural(report.images, 'image')}",
            "good",
            why,
        )
    ]


def _table(report: LayerReport) -> Table:
    def figure(value: float | None, digits: int, bad: bool = False) -> Cell:
        return Cell("-" if value is None else f"{value:.{digits}f}", value, bad)

    rows: list[list[str | Cell]] = [
        [
            Cell(f"{layer.index}", layer.index),
            layer.kind,
            layer.name,
            "x".join(map(str, layer.shape)),
            layer.dtype,
            Cell("not finite", None, bad=True) if not layer.finite else figure(layer.isolated_db, 1),
            figure(layer.accumulated_db, 1),
            figure(layer.cosine, 5),
            figure(layer.weight_ratio, 1, (layer.weight_ratio or 0) >= WIDE),
            figure(layer.channel_ratio, 1, (layer.channel_ratio or 0) >= WIDE),
            Cell(f"{layer.outside:.3%}", layer.outside),
        ]
        for layer in report.worst_first
    ]
    header = [
        "no.",
        "operator",
        "output",
        "shape",
        "type",
        "isolated dB",
        "accumulated dB",
        "cosine",
        "weights' channel ratio",
    ]
    return Table(
        [*header, "output's channel ratio", "clipped"], rows, left=(0, 1, 2, 3, 4), sortable=True, heading=2
    )  # fmt: skip


def _along(report: LayerReport) -> Plot:
    def points(figure: str) -> list[Point]:
        found = ((layer.index, getattr(layer, figure)) for layer in report.layers)
        return [Point(float(index), value, str(index)) for index, value in found if value is not None]

    return Plot(
        [
            Series("isolated", points("isolated_db"), colour=0),
            Series("accumulated", points("accumulated_db"), "straight", colour=1),
        ],
        Axis("operator, in the order in which they run"),
        Axis("SQNR, dB"),
        "Isolated and accumulated error of each operator; the figures are in the table above.",
    )


def _histogram(layer: Layer) -> Plot:
    assert layer.values is not None
    low, high = layer.values
    total, step = max(sum(layer.histogram), 1), (high - low) / max(len(layer.histogram), 1)
    shares = [Point(low + (place + 0.5) * step, count / total) for place, count in enumerate(layer.histogram)]
    top = max((point.y for point in shares), default=1.0)
    ends = [] if layer.limits is None else [Point(end, y) for end in layer.limits for y in (0.0, top)]
    limits = [
        Series(name, ends[place : place + 2], "dashed", marks=False, colour=OTHER)
        for name, place in (("what the type can hold", 0), ("", 2))
        if ends
    ]
    return Plot(
        [Series("float32 values", shares, "straight", marks=False, colour=0), *limits],
        Axis("value"),
        Axis("share of the values", zero=True),
        f"Histogram of the output of {layer.kind} {layer.name}.",
    )
