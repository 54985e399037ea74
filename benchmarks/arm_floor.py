"""Cycles that the multiplications of an inference need at least: what no run of the same code takes less than."""

import re

from mobilecnn.bench.devices.emulated import llvm, pipeline
from mobilecnn.bench.devices.emulated.blocks import Section
from mobilecnn.bench.records.chips import Chip
from mobilecnn.bench.records.data_sheets import DATA_SHEETS

WIDENING = re.compile(r"([su]ml[as]l2?|[su]mull2?|sqdml[as]l2?|sqdmull2?)\s+v")
"""Vector multiplications of which every core here begins one a cycle: the products are twice as wide as the factors."""

OTHERS = re.compile(r"(fml[as]|fmul|[su]dot|ml[as]|mul)\s+v")
"""Vector multiplications of which a core begins as many a cycle as multiply-adds of four float32 numbers."""


def floor(section: Section, chip: Chip) -> float:
    """Cycles on one core of a chip. A core overlaps instructions that are near each other, and no layer with the next one."""
    texts = pipeline.disassembled(
        {word for block in section.ran.values() for word in block.words}, llvm.tools()
    )
    at_once = DATA_SHEETS[chip.name].float32 / 8
    total = 0.0
    for block in section.ran.values():
        lines = [texts[word] or "" for word in block.words]
        widening = sum(WIDENING.match(line) is not None for line in lines)
        others = sum(OTHERS.match(line) is not None for line in lines)
        total += block.times * (widening + others / at_once)
    return total
