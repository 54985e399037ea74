"""Hold modelled ARM time against ncnn's published benchmark of seven chips, and against LiteRT's published figures.

    python benchmarks/arm_model.py --params FOLDER [--skip [CHIP:]NETWORK]... [--terms] [--litert] [--json] [--table FILE]
                                   [--chart FILE]
    python benchmarks/arm_model.py --works tests/bench/arm_works.csv [--json] [--chart FILE]

FOLDER holds the network descriptions of ncnn's benchmark (benchmark/models/*.param of github.com/Tencent/ncnn, in older
checkouts benchmark/*.param) and published.csv, of which docs/arm_model.md has the form: a row a network with the columns
network, input (side in pixels) and milliseconds of one thread on each chip; those of the Snapdragon 855+ are in
arm_published.py. The networks run in ncnn's own aarch64 wheels on an emulated core; a release near the time when a chip's column
was published. What they executed is kept in ~/.cache/mobilecnn/arm-model, so that the benchmark can be stopped and
goes on where it was; vgg16 takes longer than all others together, and can be left out with --skip.

Three constants a chip turn the work into time: a factor of the pipeline's cycles, cycles for a line that is fetched
into the first-level cache, and cycles for a branch that turns. The error of a network is that of constants fitted
without it. A network that was published faster than the multiplications of what runs here are, which no run of this code can
be, is left out. Prints for each chip the median, 90th percentile and worst error of the times, the median error of the
speedups over AlexNet, the 90th percentile of the error of the ratio of any two, and the rank correlation, and the largest
share that each term has in the time of any network: beyond it nothing is validated. The
limits are 5 % for a median, 13 % for a 90th percentile, 7 % for the median error of speedups, and 15 % for a time of LiteRT.
Prints each that is missed; the exit code is 1 if one is that is not known (KNOWN of arm_misses.py), and 2 if an input is wrong.

--terms prints the same with other terms, and how published times of int8 networks compare with LLVM's cycles. --litert
runs the networks of LiteRT's published figures with the constants of bench/records/chips.py, and fits nothing. --table
does so too, and writes the table that tests/bench/test_arm_model.py holds the constants against; --chart writes the
chart of docs/arm_model.md.

--works takes what the inferences are to the chips from such a table, in place of running them: the same figures in a
second, without an emulator.
"""

import argparse
import itertools
import json
import sys
from dataclasses import asdict
from pathlib import Path

import arm_litert
import numpy as np
from arm_chart import chart
from arm_fit import BASELINE, TERMS, Fit, held_out
from arm_floor import floor
from arm_inputs import params_of, published_rows, works_rows
from arm_misses import Figure, told
from arm_published import COLUMN, with_every_chip
from arm_traces import simulated, traced

from mobilecnn.bench.devices.emulated import build, pipeline
from mobilecnn.bench.devices.emulated.blocks import Section
from mobilecnn.bench.devices.emulated.work import work_of
from mobilecnn.bench.records.chips import CHIPS, Chip
from mobilecnn.bench.records.work import Work, milliseconds
from mobilecnn.errors import InputError
from mobilecnn.files import write_bytes, write_text

PUBLISHED = {
    "sd821": ("sd821_kryo_2.35GHz", "1.0.20221128"),
    "sd810": ("sd810_a57_2.0GHz", "1.0.20221128"),
    "rk3399": ("rk3399_a72_1.8GHz", "1.0.20221128"),
    "pi4": ("pi4_a72_1.8GHz", "1.0.20221128"),
    "pi5": ("pi5_a76_2.4GHz", "1.0.20240102"),
    "pi3": ("pi3bplus_a53_1.4GHz", "1.0.20221128"),
    "sd855plus": (COLUMN, "1.0.20240102"),
}
"""Chip -> its column in published.csv, and the release of ncnn that runs for it."""

LIMITS = {"median_error": 0.05, "error": 0.13, "speedup_error": 0.07}
"""Figure of a fit -> its largest value that passes."""

TRIED = (
    ("cycles",),
    ("cycles", "memory"),
    ("cycles", "memory", "written"),
    ("cycles", "lines"),
    ("cycles", "turns"),
    ("cycles", "memory", "turns"),
    ("cycles", "memory", "written", "turns"),
    TERMS,
    ("cycles", "lines", "memory", "turns"),
)
"""Sets of terms that --terms compares. memory: lines fetched from the memory; written: lines written back to it."""

COLUMNS = ("instructions", "cycles", "lines", "turns", "floor")
"""Amounts of an inference in the table that --table writes."""

Amounts = dict[str, float]
"""Term -> its amount in one inference."""


def amounts(section: Section, chip: Chip, caches: tuple[str, ...]) -> Amounts:
    """All terms of what was executed, on one of the chips whose caches were simulated."""
    processor = caches.index(chip.simulated)
    traffic = section.traffic(processor)
    work = asdict(work_of(section, chip.model, processor))
    return {
        **work,
        "written": traffic.written,
        "floor": floor(section, chip),
        "slower": sum(pipeline.beyond(block.words, "kryo") * block.times for block in section.ran.values()),
    }


def measured(params: Path, rows: list[dict[str, str]], skip: set[str]) -> dict[str, dict[str, Amounts]]:
    """Chip -> network -> its terms; without those of ``skip``, NETWORK or CHIP:NETWORK.

    Raises:
        InputError: the description of a network is missing.
    """
    together: dict[tuple[str, str], list[Chip]] = {}
    for name, (_, release) in PUBLISHED.items():
        together.setdefault((build.CORES[CHIPS[name].core].qemu, release), []).append(CHIPS[name])
    made: dict[str, dict[str, Amounts]] = {name: {} for name in PUBLISHED}
    params_of(params, [row["network"] for row in rows if _timed(row, [*CHIPS.values()], skip)])
    for ((core, release), chips), row in itertools.product(together.items(), rows):
        timed = _timed(row, chips, skip)
        if not timed:
            continue
        print(f"{row['network']} on {core}, ncnn {release}", file=sys.stderr)
        caches = simulated(chips)
        section = traced(params / f"{row['network']}.param", int(row["input"]), core, release, caches)
        for chip in timed:
            made[chip.name][row["network"]] = amounts(section, chip, caches)
    return made


def _timed(row: dict[str, str], chips: list[Chip], skip: set[str]) -> list[Chip]:
    """Those of some chips on which a network was timed, without those that ``skip`` names."""
    return [
        chip
        for chip in chips
        if chip.name in PUBLISHED
        and row[PUBLISHED[chip.name][0]]
        and not {row["network"], f"{chip.name}:{row['network']}"} & skip
    ]


def kept(table: Path) -> tuple[dict[str, dict[str, Amounts]], list[dict[str, str]], list[Figure]]:
    """What :func:`measured` gives, the rows of published times, and LiteRT's errors, from a table that --table wrote; prints
    LiteRT's.

    Raises:
        InputError: it is no such table.
    """
    litert = []
    made: dict[str, dict[str, Amounts]] = {name: {} for name in PUBLISHED}
    rows: dict[str, dict[str, str]] = {}
    for row in works_rows(table, {"ncnn": PUBLISHED, "litert": CHIPS}, COLUMNS):
        chip, network = CHIPS[row["chip"]], row["network"]
        if row["runtime"] == "ncnn":
            made.setdefault(chip.name, {})[network] = {key: float(row[key]) for key in COLUMNS}
            column = PUBLISHED[chip.name][0]
            rows.setdefault(network, {"network": network})[column] = row["milliseconds"]
        else:
            work = Work(*(int(float(row[key])) for key in COLUMNS[:-1]))
            time, published = milliseconds(work, chip), float(row["milliseconds"])
            litert.append(Figure(chip.name, network, time / published - 1, arm_litert.LIMIT))
            print(arm_litert.line(network, chip, published, time))
    every = {column: "" for column, _ in PUBLISHED.values()}
    return made, [{**every, **row} for row in rows.values()], litert


def published(rows: list[dict[str, str]], chip: Chip) -> dict[str, float]:
    """Network -> published time in milliseconds."""
    column = PUBLISHED[chip.name][0]
    return {row["network"]: float(row[column]) for row in rows if row[column]}


def fit(work: dict[str, Amounts], times: dict[str, float], chip: Chip, terms: tuple[str, ...]) -> Fit:
    """Fit the networks but those that were published faster than what runs here can be: other code was timed then."""
    cycles = {network: times[network] * chip.gigahertz * 1e6 for network in work}
    possible = [name for name in work if cycles[name] >= work[name]["floor"]]
    return held_out({name: [work[name][term] for term in terms] for name in possible}, cycles)


def impossible(work: dict[str, Amounts], times: dict[str, float], chip: Chip) -> list[str]:
    """A line for each network that was published faster than its multiplications are."""
    return [
        f"{chip.name}:{name} left out: published {times[name] * chip.gigahertz:.1f} million cycles, and the multiplications "
        f"of what runs here need {terms['floor'] / 1e6:.1f}"
        for name, terms in work.items()
        if times[name] * chip.gigahertz * 1e6 < terms["floor"]
    ]


def against_llvm(work: dict[str, Amounts], times: dict[str, float], chip: Chip) -> list[str]:
    """A line for each network in int8: published cycles over LLVM's own, and how many of these are the first of what
    ``pipeline.SLOWER`` corrects on a Kryo."""
    lines = []
    for name, terms in work.items():
        if name.endswith("int8"):
            llvm = terms["cycles"] - (terms["slower"] if chip.model in pipeline.SLOWER else 0)
            over = times[name] * chip.gigahertz * 1e6 / llvm
            lines.append(
                f"{chip.name:9} {name:16} published over LLVM's {over:5.2f}   slower on Kryo {terms['slower'] / llvm:4.0%}"
            )
    return lines


def line(name: str, found: Fit) -> str:
    """A row of the printed table."""
    return (
        f"{name:9} {len(found.errors):8}  {found.median_error:6.1%} {found.error:6.1%} "
        f"{abs(found.errors[found.worst]):6.1%} {found.worst:16} {found.speedup_error:8.1%} {found.ratio_error:7.1%}  "
        f"{found.correlation:.2f}  {' '.join(f'{constant:8.4g}' for constant in found.constants)}"
    )


def largest_shares(name: str, work: dict[str, Amounts], found: Fit) -> str:
    """A line with the largest share of each term in the time of any network, which ``LARGEST_SHARES`` of chips.py keeps."""
    terms = np.array([[work[network][term] for term in TERMS] for network in found.errors])
    spent = terms * found.constants
    most = (spent / spent.sum(axis=1, keepdims=True)).max(axis=0)
    said = ", ".join(f"{term} {share:.0%}" for term, share in zip(TERMS, most, strict=True))
    return f"{name:9} largest shares of a time: {said}"


HEAD = "networks  median    p90  worst                   speedups  ratios  rank"


def table(
    work: dict[str, dict[str, Amounts]], rows: list[dict[str, str]], checks: list[arm_litert.Check]
) -> str:
    """The table for the tests, as CSV."""
    lines = [f"runtime,chip,network,milliseconds,{','.join(COLUMNS)}"]
    for name, networks in work.items():
        times = published(rows, CHIPS[name])
        lines += [
            f"ncnn,{name},{network},{times[network]:g}," + ",".join(f"{terms[key]:.0f}" for key in COLUMNS)
            for network, terms in networks.items()
        ]
    for check in checks:
        terms = {**asdict(check.work), "floor": check.floor}
        amounts = ",".join(f"{terms[key]:.0f}" for key in COLUMNS)
        lines.append(f"litert,{check.chip.name},{check.network},{check.published:g},{amounts}")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--params", type=Path)
    source.add_argument("--works", type=Path)
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--terms", action="store_true")
    parser.add_argument("--litert", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--chart", type=Path)
    arguments = parser.parse_args()
    if arguments.works and (arguments.terms or arguments.litert or arguments.table or arguments.skip):
        parser.error("--works has what the table has: leave out --terms, --litert, --table and --skip")
    try:
        if arguments.works:
            work, rows, litert = kept(arguments.works)
        else:
            wanted = [column for column, _ in PUBLISHED.values() if column != COLUMN]
            rows, litert = with_every_chip(published_rows(arguments.params, wanted)), []
            work = measured(arguments.params, rows, set(arguments.skip))
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    for name, networks in work.items():
        if BASELINE not in networks or len(networks) < len(TERMS) + 2:
            parser.error(f"{name}: at least {len(TERMS) + 2} networks are needed, {BASELINE} among them")
    print(f"chip      {HEAD}  constants of {', '.join(TERMS)}")
    fits = {}
    for name, networks in work.items():
        times = published(rows, CHIPS[name])
        fits[name] = fit(networks, times, CHIPS[name], TERMS)
        print("\n".join([line(name, fits[name]), *impossible(networks, times, CHIPS[name])]), flush=True)
    print("\n".join(largest_shares(name, work[name], found) for name, found in fits.items()))
    if arguments.terms:
        for terms in TRIED:
            print(f"\nchip      {HEAD}  constants of {', '.join(terms)}")
            for name, networks in work.items():
                print(line(name, fit(networks, published(rows, CHIPS[name]), CHIPS[name], terms)))
        for name, networks in work.items():
            print("\n".join(against_llvm(networks, published(rows, CHIPS[name]), CHIPS[name])))
    checks = arm_litert.checked() if arguments.litert or arguments.table else []
    litert += [Figure(check.chip.name, check.network, check.error, arm_litert.LIMIT) for check in checks]
    fitted = [
        Figure(name, key, getattr(found, key), limit)
        for name, found in fits.items()
        for key, limit in LIMITS.items()
    ]
    misses, failed = told([*fitted, *litert])
    # Beside a JSON document, not in it.
    print("\n".join(misses), file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        documents = [
            {
                "chip": name,
                "constants": dict(zip(TERMS, found.constants, strict=True)),
                **{key: getattr(found, key) for key in (*LIMITS, "ratio_error", "correlation")},
                "errors": found.errors,
            }
            for name, found in fits.items()
        ]
        print(json.dumps({"chips": documents, "litert": [asdict(check) for check in checks]}, indent=2))
    if arguments.table:
        write_text(arguments.table, table(work, rows, checks))
    if arguments.chart:
        times_of = {name: published(rows, CHIPS[name]) for name in fits}
        write_bytes(arguments.chart, chart(fits, times_of))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
