"""What it changes that only the hottest code is simulated, and that long sequences are cut.

    python benchmarks/arm_cuts.py --params FOLDER [--network NAME]... [--json]

``bench/devices/emulated/pipeline.py`` simulates the hottest 99.9 % of the instructions and takes the rest to be alike, and cuts a
sequence of blocks after 400 instructions. Runs networks of ncnn's benchmark (FOLDER as of arm_model.py) and prints the
cycles of the product beside those of everything that ran, and of sequences that are not cut, for each of LLVM's models.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from arm_inputs import TIMES, params_of, published_rows
from arm_traces import simulated, traced

from mobilecnn.bench.devices.emulated import pipeline
from mobilecnn.bench.devices.emulated.blocks import Section
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.errors import InputError

NETWORKS = ("squeezenet", "mobilenet_int8", "shufflenet")
"""Networks that run if none is named: a small one, one in int8, one of many operators."""

RELEASE = {"cortex-a72": "1.0.20221128", "cortex-a76": "1.0.20240102"}
"""Core that QEMU emulates -> release of ncnn that runs on it."""

MODELS = {"cortex-a72": ("cortex-a72", "kryo"), "cortex-a76": ("neoverse-n1",)}
"""Core that QEMU emulates -> LLVM's models that are asked."""

WITHOUT: dict[str, dict[str, Any]] = {
    "all": {"COVERED": 1.0},
    "uncut": {"LONGEST": 1_000_000},
    "neither": {"COVERED": 1.0, "LONGEST": 1_000_000},
}
"""Limits that are left out -> members of the pipeline's module that are changed for it."""


def changed(section: Section, model: str) -> dict[str, float]:
    """Limits that are left out -> relative change of the cycles."""
    usual = pipeline.cycles(section, model)
    found = {}
    for name, members in WITHOUT.items():
        with patch.multiple(pipeline, **members):
            found[name] = pipeline.cycles(section, model) / usual - 1
    return found


def cut(section: Section) -> float:
    """Share of the executed instructions that are in sequences which :data:`pipeline.LONGEST` cuts."""
    with patch.object(pipeline, "LONGEST", 1_000_000):
        whole = pipeline.sequences(section)
    instructions = sum(
        sum(section.ran[number].times * len(section.ran[number].words) for number in sequence)
        for sequence in whole
        if sum(len(section.ran[number].words) for number in sequence[:-1]) >= pipeline.LONGEST
    )
    return instructions / section.instructions


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--network", action="append")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    networks = arguments.network or NETWORKS
    try:
        sides = {row["network"]: int(row["input"]) for row in published_rows(arguments.params, ())}
        params_of(arguments.params, networks)
        if unknown := set(networks) - set(sides):
            raise InputError(f"{arguments.params / TIMES} has no network {', '.join(sorted(unknown))}")
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    rows = []
    for core, release in RELEASE.items():
        caches = simulated([chip for chip in CHIPS.values() if chip.model in MODELS[core]])
        for network in networks:
            param = arguments.params / f"{network}.param"
            section = traced(param, sides[network], core, release, caches)
            for model in MODELS[core]:
                rows.append(
                    {"network": network, "model": model, "cut": cut(section), **changed(section, model)}
                )
                if not arguments.json:
                    print(
                        " ".join(
                            f"{value:+.3%}" if isinstance(value, float) else f"{value:16}"
                            for value in rows[-1].values()
                        ),
                        flush=True,
                    )
    if arguments.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
