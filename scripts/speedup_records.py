"""The records in ``docs/records/`` that the modelled tables of ``docs/speedup.md`` are made of, and how they are made.

``guidelines`` is the ShuffleNet V2 paper's four guidelines at the narrowest width on its own Snapdragon 810; ``groups`` and
``squeeze-excite`` are of the networks of the ShuffleNet paper's claims about widths, groups and squeeze-and-excitation that its
Table 8 does not have, on its own Snapdragon 820. Those that it has are in the record of the table. ``480x640`` and ``720x1280`` are its other
columns. ``decomposition`` has sums of what ``mobilecnn speedup --experiment decomposition`` writes for the
Snapdragon 810.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.papers.decomposition import decompose
from mobilecnn.bench.papers.experiments import guidelines
from mobilecnn.bench.papers.speedup import timed
from mobilecnn.bench.records import published
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.work import Work
from mobilecnn.bench.timing.profile import Profile
from mobilecnn.files import write_json
from mobilecnn.networks import exporter

RECORDS = Path(__file__).resolve().parent.parent / "docs" / "records"

TERMS = ("cycles", "lines", "turns")
"""Terms of a modelled time."""

GROUPS = (1, 2, 3, 4, 8)
"""Numbers of groups that the paper compares."""

SQUEEZED = ("2.0", "1.0", "0.5")
"""Widths of the paper's ShuffleNets with squeeze-and-excitation that are compared with those without."""

RESOLUTIONS = ("480x640", "720x1280")
"""Columns of Table 8, larger than the networks' own sizes, of which a record is kept. That of 720x1280 takes an hour to make."""

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
    "squeeze-excite": tuple(f"shufflenet_v1_x{width}_g3_se" for width in SQUEEZED),
    **{name: tuple(row.model for row in published.NETWORKS) for name in RESOLUTIONS},
}
"""Record -> networks of the zoo that it is of, in float32."""

DECOMPOSITION = "decomposition"
CHIP = {"guidelines": "sd810", **dict.fromkeys(NETWORKS, "sd820"), DECOMPOSITION: "sd810"}
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


def make(name: str, only: Sequence[str] = ()) -> None:
    """Model a record anew.

    Args:
        name: a key of :data:`CHIP`.
        only: networks of a record of :data:`NETWORKS`; the others stay as the record has them.
    """
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
            export = exporter(("float32",), Path(work), published.RESOLUTIONS.get(name))
            wanted = only or NETWORKS[name]
            taken = timed(wanted, export, device, Protocol(), command=command, formats=("float32",)).record
    assert isinstance(taken, Instructions)
    taken = clean(taken)
    write_json(path(name), (joined(name, taken) if only else taken).to_json())


def joined(name: str, made: Instructions) -> Instructions:
    """A record with some networks made anew, in the order of :data:`NETWORKS`; its date is that of the last."""
    old = [record(name)] if path(name).exists() else []
    assert all((each.device.cpu, each.model) == (made.device.cpu, made.model) for each in old), (
        "make all anew"
    )
    each = {
        model.passport.architecture: (model, series)
        for one in (*old, made)
        for model, series in zip(one.models, one.series, strict=True)
        if model.passport
    }
    models, series = zip(*(each[network] for network in NETWORKS[name] if network in each), strict=True)
    return replace(made, models=models, series=series)


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


def one(work: Work | None) -> Work:
    """The work of a series, which every one of a record with a model of time has."""
    assert work is not None
    return work


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
