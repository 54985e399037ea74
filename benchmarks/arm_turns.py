"""Model LiteRT's published times of a Raspberry Pi 4 with turns counted in two ways, as docs/arm_model.md has them.

    python benchmarks/arm_turns.py [--json]

``most frequent``: a turn is a step to another block than the one that follows most often in the whole inference, with the
constants that this way had (:data:`MOST_FREQUENT`). ``foreseen``: a turn is what ``blocks.c`` counts, with the constants of today.
Nothing is fitted to any of these times. Two are of one thread; of XNNPACK's README, which is of four, the time of one is at most four
times as long. The exit code is 1 where a time that is modelled as of today is beyond the limit, or beyond that bound.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from arm_litert import LIMIT, PROGRAM, PUBLISHED, exported
from arm_traces import executed

from mobilecnn.bench.devices.emulated.blocks import Section
from mobilecnn.bench.devices.emulated.work import work_of
from mobilecnn.bench.records.chips import CHIPS, Constants
from mobilecnn.bench.records.work import milliseconds

CHIP = CHIPS["pi4-1500mhz"]

MOST_FREQUENT = Constants(1.0, 7.975, 146.0)
"""Constants of the Raspberry Pi 4 with turns counted the other way, fitted to the same published times (until November 2026)."""

BY_FOUR = {"mobilenet_v1_x1.0_224.int8": 24.0, "mobilenet_v2_x1.0_224.int8": 17.0}
"""Network and format -> milliseconds of four threads on a Raspberry Pi 4 (google/XNNPACK, README.md at commit 75db3c093b6d: multi-threaded,
8 February 2022, ARM64, per-channel quantization; the clock is not said, and was 1.5 GHz with Raspbian Buster)."""

THREADS = 4


def most_frequent(section: Section) -> int:
    """Number of steps to another block than the most frequent successor."""
    all_steps: dict[int, int] = {}
    most: dict[int, int] = {}
    for (first, _), times in section.then.items():
        all_steps[first] = all_steps.get(first, 0) + times
        most[first] = max(most.get(first, 0), times)
    return sum(all_steps.values()) - sum(most.values())


def row(network: str, published: float, threads: int) -> dict[str, Any]:
    """What is published and modelled of a network and format, in milliseconds; of several threads, what one takes at most."""
    with tempfile.TemporaryDirectory() as work:
        path = exported(network, Path(work))
        section = executed(
            f"{network}-litert-{CHIP.core}", PROGRAM, [str(path)], path, CHIP.core, (CHIP.simulated,)
        )
    now = work_of(section, CHIP.model)
    before = replace(now, turns=most_frequent(section))
    return {
        "network": network,
        "published_ms": published * threads,
        "at_most": threads > 1,
        "most_frequent_turns": before.turns,
        "most_frequent_ms": milliseconds(before, replace(CHIP, constants=MOST_FREQUENT)),
        "foreseen_turns": now.turns,
        "foreseen_ms": milliseconds(now, CHIP),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    wanted = [(network, time, 1) for network, chip, _, time in PUBLISHED if chip == CHIP.name]
    wanted += [(network, time, THREADS) for network, time in BY_FOUR.items()]
    rows = [row(*each) for each in wanted]
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        print(
            "network                          published ms   most frequent: turns     ms   foreseen: turns     ms"
        )
        for each in rows:
            bound = "at most " if each["at_most"] else ""
            print(
                f"{each['network']:32} {bound + format(each['published_ms'], '.1f'):>13}   {each['most_frequent_turns']:20,} "
                f"{each['most_frequent_ms']:6.1f}   {each['foreseen_turns']:15,} {each['foreseen_ms']:6.1f}"
            )
    wrong = [
        each["network"]
        for each in rows
        if each["foreseen_ms"] > each["published_ms"] * (1 if each["at_most"] else 1 + LIMIT)
        or (not each["at_most"] and each["foreseen_ms"] < each["published_ms"] * (1 - LIMIT))
    ]
    for network in wrong:
        print(f"{network}: the modelled time does not agree with what is published", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
