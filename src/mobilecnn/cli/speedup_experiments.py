"""The experiments of ``mobilecnn speedup`` besides Table 8: sweeps, guidelines, and the decomposition of the time."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecnn.cli import proposals
from mobilecnn.cli.measured import about
from mobilecnn.cli.output import data, new_name, progress, prose, table, talk, then

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobilecnn.bench.devices.seam import Device
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.bench.timing.profile import Profile


@dataclass(frozen=True)
class SpeedupRequest:
    """What all experiments are given.

    Attributes:
        device: where.
        protocol: how.
        formats: formats of the networks.
        output: folder for what is found.
        allow_wrong_answers: time files that differ from their passports nevertheless.
    """

    device: "Device"
    protocol: "Protocol"
    formats: tuple[str, ...]
    output: Path
    allow_wrong_answers: bool


def sweep(request: SpeedupRequest, name: str, as_json: bool) -> dict[str, Any]:
    """One of the ShuffleNet paper's claims about time beside its Table 8."""
    from mobilecnn.bench.pages import modelled, paper_tables, remarks
    from mobilecnn.bench.papers import sweeps as bench
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.timing.times import kind
    from mobilecnn.files import write_json
    from mobilecnn.networks import exporter
    from mobilecnn.records import recording

    which = bench.SWEEPS[name]
    record = new_name(request.output, f"{name}-measurement")
    with (
        tempfile.TemporaryDirectory(prefix="mobilecnn-") as work,
        recording(record) as keep,
        progress(name.capitalize()) as update,
    ):
        rows, taken = bench.sweep(
            which,
            exporter(request.formats, Path(work)),
            request.device,
            request.protocol,
            update,
            sys.argv[1:],
            formats=request.formats,
            allow_wrong_answers=request.allow_wrong_answers,
            keep=keep,
            say=talk,
        )
    content = {
        "source": "arXiv 1707.01083v2, sections 4.3 and 4.5",
        "question": which.title,
        "paper": which.claim,
        "times": kind(taken),
        "rows": [row.to_json() for row in rows],
        "measurement": str(record),
    }
    write_json(request.output / f"{name}.json", content)
    if as_json:
        return content
    data(f"{name}: {which.title}")
    prose(modelled.where(taken))
    header = paper_tables.sweep_header(which, not isinstance(taken, Measurement))
    shown = [paper_tables.sweep(row, which) for row in rows]
    data(table(header, shown, left=2, spare=paper_tables.SWEEP_SPARE))
    for line in [f"paper, one thread of a Snapdragon 820: {which.claim}", *about(taken)]:
        prose(line)
    measured = [(f"{row.model} {row.format}", row.result) for row in rows if row.result is not None]
    for line in remarks.results(measured) or remarks.answers((model.file, model) for model in taken.models):
        prose(line)
    data(f"{modelled.kept(taken)}: {record}")
    then(*proposals.page([record]))
    return content


def guidelines(request: SpeedupRequest, as_json: bool) -> dict[str, Any]:
    """The ShuffleNet V2 paper's Tables 1 to 4."""
    from mobilecnn.bench.pages import modelled, paper_tables, remarks
    from mobilecnn.bench.papers import experiments as bench
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.timing.times import kind
    from mobilecnn.files import write_json
    from mobilecnn.records import recording

    record = new_name(request.output, "guidelines-measurement")
    with (
        tempfile.TemporaryDirectory(prefix="mobilecnn-") as work,
        recording(record) as keep,
        progress("Guidelines") as update,
    ):
        rows, taken = bench.guidelines(
            request.device,
            request.protocol,
            Path(work),
            request.formats,
            progress=update,
            command=sys.argv[1:],
            keep=keep,
            say=talk,
        )
    content = {
        "source": "arXiv 1807.11164, Tables 1 to 4 (columns under paper_snapdragon_810)",
        "times": kind(taken),
        "rows": [row.to_json() for row in rows],
        "measurement": str(record),
    }
    write_json(request.output / "guidelines.json", content)
    if as_json:
        return content
    prose(modelled.where(taken))
    for line in about(taken):
        prose(line)
    header = paper_tables.guidelines_header(not isinstance(taken, Measurement))
    for guideline in bench.GUIDELINES:
        mine = [paper_tables.guideline(row) for row in rows if row.guideline == guideline.name]
        data("")
        data(f"{guideline.name}: {guideline.title}")
        data(table(header, mine, left=2, spare=paper_tables.GUIDELINES_SPARE))
    restless = sum(not row.valid for row in rows)
    if restless:
        talk(remarks.elsewhere(f"{restless} of {len(rows)} networks", "guidelines.json"))
    data(
        "relative: images a second over those of the first row with as many channels   "
        f"{modelled.kept(taken)}: {record}"
    )
    then(*proposals.page([record]))
    return content


def decomposition(request: SpeedupRequest, as_json: bool) -> dict[str, Any]:
    """The ShuffleNet V2 paper's Figure 2: shares of the time by kind of work."""
    from mobilecnn.bench.pages import modelled
    from mobilecnn.bench.pages.remarks import ALONE
    from mobilecnn.bench.papers import decomposition as bench
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.files import write_json
    from mobilecnn.networks import exporter
    from mobilecnn.records import recording

    with (
        tempfile.TemporaryDirectory(prefix="mobilecnn-") as work,
        progress("Decomposition") as update,
    ):
        profiles = bench.decompose(
            exporter(request.formats, Path(work)),
            request.device,
            request.protocol,
            Path(work),
            lambda stem: recording(new_name(request.output, f"decomposition-{stem}")),
            request.formats,
            update,
            sys.argv[1:],
            allow_wrong_answers=request.allow_wrong_answers,
            say=talk,
        )
    content = {
        "source": "after arXiv 1807.11164, Figure 2",
        "networks": [
            {"model": name, "format": kind, **profile.to_json()} for name, kind, profile in profiles
        ],
    }
    write_json(request.output / "decomposition.json", content)
    if as_json:
        return content
    taken = profiles[0][2].record
    # Of each network the first file is the whole of it; the others are operators.
    said = [about(profile.record, profile.record.models[:1]) for *_, profile in profiles]
    alone = [] if isinstance(taken, Measurement) or taken.model is None else [ALONE]
    for line in [modelled.where(taken), *dict.fromkeys(line for lines in said for line in lines), *alone]:
        prose(line)
    time, done = ("modelled time", "modelled") if profiles[0][2].modelled else ("time", "timed")
    header = (f"share of the operators' {time}", *(f"{name} {kind}" for name, kind, _ in profiles))
    data(table(header, _shares(profiles)))
    data(f"Each operator {done} apart: {request.output / 'decomposition.json'}")
    then(*proposals.page([request.output]))
    return content


def _shares(profiles: "Sequence[tuple[str, str, Profile]]") -> list[list[str]]:
    """A row for each kind of work, and the sums."""
    from mobilecnn.bench.pages.numbers import ms

    groups = [{group.name: group for group in profile.groups()} for _, _, profile in profiles]
    names = dict.fromkeys(name for column in groups for name in column)
    rows = [
        [name, *(f"{column[name].share:.1%}" if name in column else "-" for column in groups)]
        for name in names
    ]
    unit = "modelled ms" if profiles[0][2].modelled else "ms"
    rows.append([f"sum of the operators, {unit}", *(ms(profile.total.value) for *_, profile in profiles)])
    rows.append([f"the whole file, {unit}", *(ms(profile.whole.value) for *_, profile in profiles)])
    return rows
