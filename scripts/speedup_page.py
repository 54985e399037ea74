"""The tables of ``docs/speedup.md`` that are modelled, from the records that are kept of them.

    python scripts/speedup_page.py                     (prints the tables; a test holds the page against them)
    python scripts/speedup_page.py --make guidelines   (makes a record of ``docs/records/`` anew, in ten minutes and more)

Records: ``guidelines`` is the ShuffleNet V2 paper's four guidelines at the narrowest width on its own Snapdragon 810; ``groups`` is of
the networks of the ShuffleNet paper's claims about widths and groups that its Table 8 does not have, on its own Snapdragon 820. Those that it has are in the record of the table. ``decomposition`` has sums of what ``mobilecnn speedup --experiment
decomposition`` writes for the Snapdragon 810.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.papers import stored
from mobilecnn.bench.papers.decomposition import decompose
from mobilecnn.bench.papers.experiments import GUIDELINES, guidelines
from mobilecnn.bench.papers.speedup import macs, timed
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.work import Work, milliseconds, parts
from mobilecnn.bench.timing.profile import Profile
from mobilecnn.bench.timing.times import Times, times
from mobilecnn.files import write_json
from mobilecnn.networks import exporter

RECORDS = Path(__file__).resolve().parent.parent / "docs" / "records"

TERMS = ("cycles", "lines", "turns")
"""Terms of a modelled time."""

GROUPS = (1, 2, 3, 4, 8)
"""Numbers of groups that the paper compares."""

NETWORKS = {
    "groups": (
        "shufflenet_v1_x0.25_g3",
        *(
            f"shufflenet_v1_x{width}_g{groups}"
            for width in ("0.5", "1.0")
            for groups in GROUPS
            if groups != 3
        ),
    ),
}
"""Record -> networks of the zoo that it is of, in float32."""

DECOMPOSITION = "decomposition"
CHIP = {"guidelines": "sd810", "groups": "sd820", DECOMPOSITION: "sd810"}
"""Record -> chip that it is of."""


def path(name: str) -> Path:
    """The file of a record."""
    return RECORDS / f"speedup_{name}.json"


def record(name: str) -> Instructions:
    """A record, with the constants of today."""
    return clean(Instructions.read(path(name)))


def clean(made: Instructions) -> Instructions:
    """A record without folders, which say something of the machine, and with the constants of today."""
    assert made.model is not None, "no time is modelled in it"
    return replace(
        made,
        models=tuple(replace(model, file=Path(model.file).name) for model in made.models),
        model=replace(made.model, chip=CHIPS[made.model.chip.name]),
    )


def drop(record: object) -> None:
    """Keep no record of a single profile."""


def make(name: str) -> None:
    """Model a record anew."""
    device = EmulatedDevice(f"emulated-{CHIP[name]}")
    command = ("scripts/speedup_page.py", "--make", name)
    with tempfile.TemporaryDirectory() as work:
        if name == DECOMPOSITION:
            profiles = decompose(
                exporter(("float32",), Path(work)),
                device,
                Protocol(),
                Path(work),
                lambda stem: nullcontext(drop),
            )
            made = [
                {"format": kind, **profile.to_json(), **amounts(profile)} for _, kind, profile in profiles
            ]
            write_json(path(name), sums(made, profiles[0][2].record.created))
            return
        if name == "guidelines":
            _, taken = guidelines(device, Protocol(), Path(work), scales=(1,), command=command)
        else:
            export = exporter(("float32",), Path(work))
            taken = timed(
                NETWORKS[name], export, device, Protocol(), command=command, formats=("float32",)
            ).record
    assert isinstance(taken, Instructions)
    write_json(path(name), clean(taken).to_json())


def amounts(profile: Profile) -> dict[str, Any]:
    """Terms of the work of a whole file, and of its operators, each alone, in sum.

    The record has the whole file, two others, and then the different operators in the order in which they first run.
    """
    keys = [row.part.key for row in profile.rows if row.part.content is not None]
    assert isinstance(profile.record, Instructions)
    works = [one(series.typical_work) for series in profile.record.series]
    alone = dict(zip(dict.fromkeys(keys), works[3:], strict=True))
    return {
        "whole_work": {term: getattr(works[0], term) for term in TERMS},
        "sum_work": {term: sum(getattr(alone[key], term) for key in keys) for term in TERMS},
    }


def decomposed() -> dict[str, Any]:
    """The record of the decomposition: constants of the chip, and of each network its kinds of work."""
    content: dict[str, Any] = json.loads(path(DECOMPOSITION).read_text(encoding="utf-8"))
    return content


def sums(networks: Sequence[Mapping[str, Any]], created: str) -> dict[str, Any]:
    """The record of the decomposition.

    Args:
        networks: profiles as JSON objects, with their :func:`amounts`.
        created: date of the profiles, as ISO 8601.
    """
    chip = CHIPS[CHIP[DECOMPOSITION]]
    kept = ("format", "groups", "sum_ns", "whole_ns", "sum_work", "whole_work")
    return {
        "created": created,
        "chip": chip.name,
        "constants": asdict(chip.constants),
        "networks": [
            {
                "model": {**network["model"], "file": Path(network["model"]["file"]).name},
                **{key: network[key] for key in kept},
            }
            for network in networks
        ],
    }


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


def one(work: Work | None) -> Work:
    """The work of a series, which every one of a record with a model of time has."""
    assert work is not None
    return work


def networks(*names: str) -> tuple[Times, dict[str, int]]:
    """Times of the float32 files of Table 8 on the paper's chip and of some records, and where each network stands in them."""
    table = stored.stored("sd820").record
    assert isinstance(table, Instructions)
    records = [table, *map(record, names)]
    assert len({made.device.cpu for made in records}) == len({made.model for made in records}) == 1
    whole = replace(
        table,
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


def claims_table() -> str:
    """The paper's other claims about time beside what the model says, with what it cannot decide."""
    taken, places = networks("groups")

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
    table_8 = ", ".join(shown(over(one, other)) for one, other in pairwise(widths[:3]))
    return markdown(
        [
            ["a fourfold cut in complexity buys", "2.6x", ", ".join(map(fourfold, widths, widths[1:]))],
            ["the time of 2x over 1x, and of 1x over 0.5x (from Table 8)", "2.88x, 2.49x", table_8],
            ["the time with one group over that with three", "", by_decision(one_group)],
            ["the same with four, eight groups", '"less efficient"', by_decision(many_groups)],
        ]
    )


def width(network: str) -> str:
    """What the paper calls the width of ``x1.0_g3``: ``1x``."""
    return f"{float(network.split('_')[0].removeprefix('x')):g}x"


def shown(ratio: Interval) -> str:
    """A ratio with its interval."""
    return f"{ratio.value:.2f}x ({ratio.low:.2f} to {ratio.high:.2f})"


def by_decision(ratios: Sequence[tuple[Interval, str]]) -> str:
    """Ratios, each with what it is of: first those whose interval has 1 on one side, then those that decide nothing."""
    decided = [f"{shown(ratio)} {of}" for ratio, of in ratios if not ratio.low <= 1 <= ratio.high]
    undecided = [f"{shown(ratio)} {of}" for ratio, of in ratios if ratio.low <= 1 <= ratio.high]
    parts = [", ".join(decided)] if decided else []
    return "; ".join([*parts, f"undecided: {', '.join(undecided)}"] if undecided else parts)


TABLES = (claims_table, widths_table, groups_table, guidelines_table, decomposition_table)
"""What makes the page's tables."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--make", choices=CHIP)
    arguments = parser.parse_args()
    if arguments.make:
        make(arguments.make)
    sys.stdout.write("\n".join(table() for table in TABLES))


if __name__ == "__main__":
    main()
