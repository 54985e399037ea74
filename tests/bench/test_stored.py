"""The records that come with the program: what the demo and the README show of chips that are not here."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from mobilecnn.bench.pages import modelled, paper_tables
from mobilecnn.bench.papers.stored import STORED, stored
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import CountSeries, Instructions
from mobilecnn.bench.records.measurement import DIFFERS
from mobilecnn.bench.records.published import NETWORKS, by_ncnn
from mobilecnn.bench.records.work import milliseconds

ROOT = Path(__file__).parents[2]
FORMATS = ("float32", "int8")


@pytest.mark.parametrize("name", STORED)
def test_a_stored_record_says_what_made_it_and_has_the_constants_of_its_chip(name: str) -> None:
    record = stored(name).record
    assert isinstance(record, Instructions) and record.model is not None
    assert record.model.chip == CHIPS[name], "run: python scripts/store_table8.py bench/papers/table8_*.json"
    assert record.command == ("speedup", "--device", f"emulated-{name}")
    for model, series in zip(record.models, record.series, strict=True):
        assert "/" not in model.file and model.answers.verdict != DIFFERS
        assert series.work and series.runtime_version
    first, *beyond, engine, again = modelled.stored(record)
    assert beyond == modelled.not_validated(record)
    assert (engine,) == by_ncnn(CHIPS[name])
    for words in (
        "Stored",
        record.created[:10],
        "QEMU",
        "LLVM",
        "litert",
        CHIPS[name].title,
        "modelled, not measured: one thread",
        "the CPU alone, warm, unthrottled, with no other process",
        "error of the model",
    ):
        assert words in first
    assert again == f"To model it anew: mobilecnn speedup --device emulated-{name}"


def test_the_stored_tables_are_beside_each_other() -> None:
    tables = [stored(name) for name in STORED]
    header, rows = paper_tables.chips(tables)
    assert [(row[0], row[1]) for row in rows] == [(row.label, kind) for kind in FORMATS for row in NETWORKS]
    assert all(len(row) == len(header) for row in rows)
    for name in STORED:
        assert f"{CHIPS[name].title}, modelled ms" in header
    # Int8 is no row of the paper.
    assert all((row[2] == "-") == (row[1] == "int8") for row in rows)
    for table in tables:
        assert table.to_json()["times"] == "modelled"


def test_the_page_says_what_turns_would_make_of_the_paper_s_times() -> None:
    record, page = (
        stored("sd820").record,
        " ".join((ROOT / "docs" / "speedup.md").read_text(encoding="utf-8").split()),
    )
    assert isinstance(record, Instructions)
    fitted = " and ".join(f"{CHIPS[name].constants.turn:.0f}" for name in ("sd810", "rk3399"))
    assert f"with 100 cycles a turn (the Snapdragon 810 and the RK3399 are fitted to {fitted})" in page
    chip = replace(CHIPS["sd820"], constants=replace(CHIPS["sd820"].constants, turn=100.0))
    works = {
        row.published.model: series.typical_work
        for row, series in zip(stored("sd820").rows, _by_row(record), strict=True)
        if row.format == "float32"
    }
    times = {name: milliseconds(work, chip) for name, work in works.items() if work}
    said = "the two would take {} and {} ms, 2x {}, MobileNet {} and AlexNet {} or, with LRN, {}:"
    order = (*(f"shufflenet_v1_x{width}_g3" for width in ("0.5", "1.0", "2.0")), "mobilenet_v1_x1.0_224", "alexnet", "alexnet_lrn")  # fmt: skip
    assert said.format(*(f"{times[name]:.1f}" for name in order)) in page
    off = {row.model: times[row.model] / row.at("224") - 1 for row in NETWORKS}
    below = f"the two {-100 * off[order[0]]:.0f} % and {-100 * off[order[1]]:.0f} % below the paper"
    assert below in page and max(abs(off[name]) for name in order[2:] if name != "alexnet") < 0.04
    assert off["alexnet"] < -0.1
    for row in (each for each in NETWORKS if each.model in order[:2]):
        work = works[row.model]
        assert work is not None
        without = milliseconds(work, CHIPS["sd820"]) / row.at("224") - 1
        assert off[row.model] / without < 0.5  # "more than half of the difference"
    rates = [work.turns / work.cycles for name in order[:3] if (work := works[name])]
    said = "1x has {:.1f} times as many for each cycle as 2x, and 0.5x {:.1f} times as many"
    assert said.format(rates[1] / rates[2], rates[0] / rates[2]) in page


def _by_row(record: Instructions) -> list[CountSeries]:
    """The series in the order of the table: by format, and in each as the paper lists them."""
    places = {
        (model.passport.architecture, model.passport.format): series
        for model, series in zip(record.models, record.series, strict=True)
        if model.passport is not None
    }
    return [places[row.published.model, row.format] for row in stored("sd820").rows]


@pytest.mark.parametrize(
    ("page", "kind"), [("README.md", "float32"), ("docs/speedup.md", "float32"), ("docs/speedup.md", "int8")]
)
def test_the_pages_show_them(page: str, kind: str) -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "store_table8.py"))["table"](kind)
    assert made in (ROOT / page).read_text(encoding="utf-8"), "run: python scripts/store_table8.py"
