"""The tables of ``docs/speedup.md`` that are modelled, from the records that are kept of them.

    python scripts/speedup_page.py                     (prints the tables; a test holds the page against them)
    python scripts/speedup_page.py --make guidelines   (makes a record of ``docs/records/`` anew, in ten minutes and more)
    python scripts/speedup_page.py --make groups --only shufflenet_v1_x0.5_g1   (one network of a record; the others stay as they are)

``speedup_records.py`` says what the records are of.
"""

import argparse
import csv
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from speedup_records import CHIP, GROUPS, NETWORKS, SQUEEZED, decomposed, make, one, record

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages.paper_tables import speedup_within
from mobilecnn.bench.papers import stored
from mobilecnn.bench.papers.experiments import GUIDELINES
from mobilecnn.bench.papers.speedup import macs, table
from mobilecnn.bench.papers.sweeps import SWEEPS
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.published import NCNN_TABLE_8
from mobilecnn.bench.records.work import Work, milliseconds, parts
from mobilecnn.bench.timing.times import Times, times

WORKS = Path(__file__).parents[1] / "tests" / "bench" / "arm_works.csv"
"""What an inference of each of ncnn's networks is to each chip, as ``benchmarks/arm_model.py --table`` wrote it."""


def decomposition_table() -> str:
    """Shares of the modelled time and of the multiply-adds, by kind of work."""
    made = [{each["group"]: each for each in network["groups"]} for network in decomposed()["networks"]]
    counts = [sum(each["macs"] for each in column.values()) for column in made]
    rows = []
    for name in dict.fromkeys(name for column in made for name in column):
        cells = [name]
        for column, macs_of_all in zip(made, counts, strict=True):
            each = column.get(name)
            cells += (
                ["-", "-"]
                if each is None
                else [per_cent(each["share"]), per_cent(each["macs"] / macs_of_all)]
            )
        rows.append(cells)
    for said, key in (("sum of the operators", "sum_ns"), ("the whole file", "whole_ns")):
        times_of = [f"{network[key] / 1e6:.1f}" for network in decomposed()["networks"]]
        rows.append([f"{said}, modelled ms", *(cell for time in times_of for cell in (time, ""))])
    for said, key in (("the operators, each alone", "sum_work"), ("the whole file", "whole_work")):
        for term, unit, what in (("cycles", 1e6, "million cycles"), ("turns", 1e3, "thousand turns")):
            amount = [f"{network[key][term] / unit:.1f}" for network in decomposed()["networks"]]
            rows.append([f"{said}, {what}", *(cell for each in amount for cell in (each, ""))])
    return markdown(rows)


def per_cent(share: float) -> str:
    """A share as the page writes it; a dash for none."""
    return f"{100 * share:.1f} %" if share else "-"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows of a table, without its head."""
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def guidelines_table() -> str:
    """The four guidelines: modelled images a second, relative to the first case, and what of it is turns, beside the paper's."""
    made = record("guidelines")
    assert made.model is not None
    chip, taken = made.model.chip, times(made)
    works = [one(series.typical_work) for series in made.series]
    rest = [milliseconds(work, chip) - parts(work, chip)["branches"] for work in works]
    rows: list[list[str]] = []
    for guideline in GUIDELINES:
        base = len(rows)
        for case in guideline.cases:
            index = len(rows)
            rate = taken.speedup(base, index)
            ends = f" ({rate.low:.2f} to {rate.high:.2f})" if rate.low < rate.high else ""
            relative = f"{rate.value:.3f}{ends}"
            paper = case.published[0]
            rows.append(
                [
                    guideline.name,
                    case.label,
                    ", ".join(map(str, case.channels)),
                    f"{1e9 / taken.time(index).value:.1f}",
                    relative,
                    f"{works[index].cycles / 1e6:.1f}",
                    f"{works[index].turns / 1e3:.0f}",
                    f"{1 - rest[index] / milliseconds(works[index], chip):.0%}".replace("%", " %"),
                    f"{rest[base] / rest[index]:.2f}",
                    f"{paper:.1f}",
                    f"{paper / guideline.cases[0].published[0]:.2f}",
                ]
            )
    return markdown(rows)


def networks(*names: str) -> tuple[Times, dict[str, int]]:
    """Times of the float32 files of Table 8 on the paper's chip and of some records, and where each network stands in them."""
    first = stored.stored("sd820").record
    assert isinstance(first, Instructions)
    records = [first, *map(record, names)]
    assert len({made.device.cpu for made in records}) == len({made.model for made in records}) == 1
    whole = replace(
        first,
        models=tuple(model for made in records for model in made.models),
        series=tuple(series for made in records for series in made.series),
    )
    places = {
        model.passport.architecture: place
        for place, model in enumerate(whole.models)
        if model.passport and model.passport.architecture and model.passport.format == "float32"
    }
    return times(whole), places


def groups_table() -> str:
    """Modelled milliseconds by groups."""
    taken, places = networks("groups")
    return markdown(
        [
            [
                f"{name}, modelled ms",
                *(
                    f"{taken.time(places[f'shufflenet_v1_x{width}_g{groups}']).value / 1e6:.1f}"
                    for groups in GROUPS
                ),
            ]
            for name, width in (("1x", "1.0"), ("0.5x", "0.5"))
        ]
    )


def widths_table() -> str:
    """Modelled milliseconds by widths."""
    taken, places = networks("groups")
    wanted = [f"x{width}_g3" for width in ("2.0", "1.0", "0.5", "0.25")]
    return markdown(
        [
            [
                "modelled ms",
                *(f"{taken.time(places[f'shufflenet_v1_{name}']).value / 1e6:.1f}" for name in wanted),
            ]
        ]
    )


def squeezed_table() -> str:
    """Modelled milliseconds with squeeze-and-excitation by widths."""
    taken, places = networks("squeeze-excite")
    wanted = [f"shufflenet_v1_x{each}_g3_se" for each in SQUEEZED]
    return markdown([["modelled ms", *(f"{taken.time(places[name]).value / 1e6:.1f}" for name in wanted)]])


def larger_table() -> str:
    """Table 8 at 480x640 on the paper's chip."""
    return at_resolution("480x640")


def largest_table() -> str:
    """Table 8 at 720x1280 on the paper's chip."""
    return at_resolution("720x1280")


def at_resolution(name: str) -> str:
    """Table 8 at a resolution, modelled on the paper's chip, beside the paper's times."""
    rows = []
    for row in table(times(record(name)), name):
        time = row.time
        rows.append(
            [
                row.published.label,
                f"{time.value / 1e6:.1f}",
                f"{time.low / 1e6:.1f} to {time.high / 1e6:.1f}",
                *(speedup_within(each.actual) for each in row.over),
                f"{row.published.at(name):.1f}",
                f"{row.paper_actual:.2f}x",
            ]
        )
    return markdown(rows)


def engines_table() -> str:
    """Two rows of Table 8 over an AlexNet with LRN: the paper's, ncnn's published ones, and LiteRT's as modelled."""
    rows = []
    for place, label in ((1, "1.0 MobileNet-224"), (2, "ShuffleNet 1x (g=3)")):
        cells = []
        for chip in stored.STORED:
            times_of = NCNN_TABLE_8[chip]
            (row,) = (
                row
                for row in stored.stored(chip).rows
                if (row.published.label, row.format) == (label, "float32")
            )
            cells += [f"{times_of[0] / times_of[place]:.2f}x", speedup_within(row.over[1].actual)]
        rows.append([label, f"{row.paper_actual:.2f}x", *cells])
    return markdown(rows)


def alexnets_table() -> str:
    """AlexNet with LRN: what ncnn published, and the terms of the modelled times of it and of LiteRT, in milliseconds."""
    rows = []
    for name, lender in (("sd820", "sd821"), ("pi4", "pi4")):
        chip, ncnn = CHIPS[name], ncnn_alexnet(lender)
        record = stored.stored(name).record
        assert isinstance(record, Instructions)
        works = {
            Path(model.file).stem: one(series.typical_work)
            for model, series in zip(record.models, record.series, strict=True)
        }
        published = NCNN_TABLE_8[name][0] * CHIPS[lender].gigahertz / chip.gigahertz
        for said, done, time in (
            ("ncnn, with LRN", ncnn, f"{published:.1f}"),
            ("LiteRT, with LRN", works["alexnet_lrn.float32"], ""),
            ("LiteRT, without", works["alexnet.float32"], ""),
        ):
            spent = parts(done, chip)
            terms = (f"{spent[part]:.1f}" for part in ("pipeline", "data", "branches"))
            rows.append([chip.title, said, time, f"{sum(spent.values()):.1f}", *terms])
    return markdown(rows)


def ncnn_alexnet(chip: str) -> Work:
    """What an inference of ncnn's AlexNet is to a chip."""
    with WORKS.open(newline="") as file:
        (row,) = (
            row
            for row in csv.DictReader(file)
            if (row["runtime"], row["chip"], row["network"]) == ("ncnn", chip, "alexnet")
        )
    return Work(*(int(row[term]) for term in ("instructions", "cycles", "lines", "turns")))


def claims_table() -> str:
    """The paper's other claims about time beside what the model says, with what it cannot decide."""
    taken, places = networks("groups", "squeeze-excite")

    def over(one: str, other: str) -> Interval:
        return taken.speedup(places[f"shufflenet_v1_{one}"], places[f"shufflenet_v1_{other}"])

    def fourfold(one: str, other: str) -> str:
        counts = [macs(taken.models[places[f"shufflenet_v1_{name}"]]) for name in (one, other)]
        factor = over(one, other).value ** (math.log(4) / math.log(counts[0] / counts[1]))
        return f"{factor:.1f}x from {width(one)} to {width(other)}"

    widths = [f"x{each}_g3" for each in ("2.0", "1.0", "0.5", "0.25")]
    one_group = [
        (over(f"x{each}_g1", f"x{each}_g3"), f"of {width(f'x{each}_g3')}") for each in ("0.5", "1.0")
    ]
    many_groups = [
        (over(f"x{each}_g{groups}", f"x{each}_g3"), f"with {word} of {width(f'x{each}_g3')}")
        for each in ("0.5", "1.0")
        for groups, word in ((4, "four"), (8, "eight"))
    ]
    squeezed = [(over(f"x{each}_g3_se", f"x{each}_g3"), f"of {width(f'x{each}_g3')}") for each in SQUEEZED]
    table_8 = ", ".join(speedup_within(over(one, other)) for one, other in pairwise(widths[:3]))
    return markdown(
        [
            ["a fourfold cut in complexity buys", "2.6x", ", ".join(map(fourfold, widths, widths[1:]))],
            ["the time of 2x over 1x, and of 1x over 0.5x (from Table 8)", "2.88x, 2.49x", table_8],
            ["the time with one group over that with three", "", by_decision(one_group)],
            ["the same with four, eight groups", '"less efficient"', by_decision(many_groups)],
            ["the time with SE over that without", SWEEPS["squeeze-excite"].paper, by_decision(squeezed)],
        ]
    )


def width(network: str) -> str:
    """What the paper calls the width of ``x1.0_g3``: ``1x``."""
    return f"{float(network.split('_')[0].removeprefix('x')):g}x"


def by_decision(ratios: Sequence[tuple[Interval, str]]) -> str:
    """Ratios, each with what it is of: first those whose interval has 1 on one side, then those that decide nothing."""
    decided = [f"{speedup_within(ratio)} {of}" for ratio, of in ratios if not ratio.low <= 1 <= ratio.high]
    undecided = [f"{speedup_within(ratio)} {of}" for ratio, of in ratios if ratio.low <= 1 <= ratio.high]
    parts = [", ".join(decided)] if decided else []
    return "; ".join([*parts, f"undecided: {', '.join(undecided)}"] if undecided else parts)


TABLES = (
    claims_table,
    widths_table,
    squeezed_table,
    groups_table,
    guidelines_table,
    decomposition_table,
    engines_table,
    alexnets_table,
    larger_table,
    largest_table,
)
"""What makes the page's tables."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--make", choices=CHIP)
    parser.add_argument("--only", action="append", default=[], metavar="NETWORK")
    arguments = parser.parse_args()
    if set(arguments.only) - set(NETWORKS.get(arguments.make, ())):
        parser.error(f"--only names a network of a record that --make makes: {NETWORKS.get(arguments.make)}")
    if arguments.make:
        make(arguments.make, arguments.only)
    sys.stdout.write("\n".join(made() for made in TABLES))


if __name__ == "__main__":
    main()
