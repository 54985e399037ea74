"""The pictures of the guides, on a light and on a dark ground, from small records in docs/records.

python scripts/guide_pictures.py                   (writes docs/guide_NAME_light.png and docs/guide_NAME_dark.png)
python scripts/guide_pictures.py keep NAME FILE... (writes docs/records/guide_NAME.json of these files)

formats    the record of mobilecnn bench out/digits.*.tflite --device emulated-pi5
layers     what mobilecnn quantize-report out/digits.int8.tflite --data digits --json prints
profile    the profile.json of a file without rewrites, and that of the same with them
search     what mobilecnn search FAMILY --budget TIME --device NAME --json prints
"""

import argparse
import json
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, get_args

from mobilecnn.bench.judge.instructions import CountSummary
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages import png
from mobilecnn.bench.pages.palette import Theme
from mobilecnn.bench.pages.plot import OTHER, Axis, Plot, Point, Series
from mobilecnn.bench.records.instructions import Instructions

DOCS = Path(__file__).resolve().parent.parent / "docs"


class Picture(NamedTuple):
    """A picture of a guide.

    Attributes:
        kept: makes the small record of what commands wrote.
        plot: draws it.
        title: lines above it.
    """

    kept: Callable[[Sequence[Path]], Any]
    plot: Callable[[Any], Plot]
    title: str


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _formats_kept(files: Sequence[Path]) -> Any:
    rows = []
    for result in CountSummary.of(Instructions.read(files[0])).results:
        assert result.modelled is not None
        time = result.modelled
        rows.append(
            {
                "format": Path(result.model.file).name.split(".")[1],
                "bytes": result.model.bytes,
                "ms": round(time.value / 1e6, 4),
                "interval_ms": [round(end / 1e6, 4) for end in (time.low, time.high)],
            }
        )
    return rows


def _formats(kept: Any) -> Plot:
    series = [
        Series(
            row["format"],
            [Point(row["bytes"] / 1000, row["ms"], y_interval=Interval(row["ms"], *row["interval_ms"]))],
            colour=colour,
        )
        for colour, row in enumerate(kept)
    ]
    return Plot(
        series,
        Axis("size of the file (kB)", zero=True),
        Axis("modelled time of an inference (ms)", zero=True),
        "Modelled time on a Raspberry Pi 5 against the size of the file, a point for each format.",
    )


def _layers_kept(files: Sequence[Path]) -> Any:
    rows = sorted(_read(files[0])["layers"], key=lambda row: row["index"])
    names = ("isolated_db", "accumulated_db")
    return [
        {
            "index": row["index"],
            **{name: None if row[name] is None else round(row[name], 2) for name in names},
        }
        for row in rows
    ]


def _layers(kept: Any) -> Plot:
    def points(name: str) -> list[Point]:
        return [Point(row["index"], row[name]) for row in kept if row[name] is not None]

    return Plot(
        [
            Series("of the operator by itself", points("isolated_db"), colour=0),
            Series("with all errors before it", points("accumulated_db"), "thin", colour=1),
        ],
        Axis("operator, in the order in which they run"),
        Axis("signal-to-noise ratio of its output (dB)", zero=True),
        "The error of each operator of the int8 file by itself, and with all errors before it.",
    )


def _profile_kept(files: Sequence[Path]) -> Any:
    names = ("without rewrites", "as exported")
    return [
        {
            "name": name,
            "us": [round((row.get("median_ns") or 0) / 1e3, 2) for row in _read(file)["operators"]],
        }
        for name, file in zip(names, files, strict=True)
    ]


def _profile(kept: Any) -> Plot:
    series = [
        Series(
            row["name"],
            [Point(i, sum_) for i, sum_ in enumerate(accumulate(row["us"]), 1)],
            "steps",
            marks=False,
            colour=colour,
        )
        for colour, row in enumerate(kept)
    ]
    return Plot(
        series,
        Axis("operators that have run"),
        Axis("time up to there (us)", zero=True),
        "The times of the operators added up in the order in which they run, without the rewrites and with them.",
    )


def _search_kept(files: Sequence[Path]) -> Any:
    found = _read(files[0])
    times = f"{found['times']}_ns"
    rows = [
        {
            "network": row["network"],
            "macs_m": round(row["macs"] / 1e6, 1),
            "ms": round(row["operators_ns"] / 1e6, 3),
            "whole_ms": round(row[times] / 1e6, 3) if times in row else None,
        }
        for row in found["candidates"]
    ]
    return {"budget_ms": found["budget_ns"] / 1e6, "candidates": rows}


def _search(kept: Any) -> Plot:
    rows = kept["candidates"]
    summed = [Point(row["macs_m"], row["ms"]) for row in rows]
    whole = [Point(row["macs_m"], row["whole_ms"]) for row in rows if row["whole_ms"] is not None]
    ends = min(row["macs_m"] for row in rows), max(row["macs_m"] for row in rows)
    budget = [Point(end, kept["budget_ms"]) for end in ends]
    return Plot(
        [
            Series("the sum of its operators", summed, colour=0),
            Series("the whole network", whole, colour=1),
            Series(f"budget: {kept['budget_ms']:g} ms", budget, "dashed", marks=False, colour=OTHER),
        ],
        Axis("multiply-adds (M)", log=True),
        Axis("modelled time (ms)", log=True),
        "Time against multiply-adds of all networks looked at, summed over operators and of the whole network, with the budget.",
    )


PICTURES = {
    "formats": Picture(
        _formats_kept, _formats, "Three formats of one network: size and time\nmodelled on a Raspberry Pi 5, one thread, with 90 % intervals",
    ),
    "layers": Picture(_layers_kept, _layers, "Where the error of an int8 file arises\ndigits.int8.tflite against digits.float32.tflite"),
    "profile": Picture(
        _profile_kept, _profile, "The same int8 network without the rewrites and with them\ntimes of the operators, added up; x86-64, LiteRT 2.3",
    ),
    "search": Picture(
        _search_kept, _search, "Which networks fit 20 ms?\nMobileNet V1 in int8, modelled on a Raspberry Pi 4, one thread",
    ),
}  # fmt: skip


def picture(name: str, theme: Theme) -> bytes:
    """A picture for one ground, as a PNG file; ``name``: a key of :data:`PICTURES`."""
    kept = _read(DOCS / "records" / f"guide_{name}.json")
    chosen = PICTURES[name]
    return png.draw([chosen.plot(kept)], chosen.title, theme)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command")
    keep = commands.add_parser("keep")
    keep.add_argument("name", choices=PICTURES)
    keep.add_argument("files", nargs="+", type=Path)
    asked = parser.parse_args()
    if asked.command == "keep":
        text = json.dumps(PICTURES[asked.name].kept(asked.files), indent=1)
        (DOCS / "records" / f"guide_{asked.name}.json").write_text(f"{text}\n", encoding="utf-8")
        return
    for name in PICTURES:
        for theme in get_args(Theme):
            (DOCS / f"guide_{name}_{theme}.png").write_bytes(picture(name, theme))


if __name__ == "__main__":
    main()
