"""The records that come with the program: what the demo and the README show of chips that are not here."""

import runpy
from pathlib import Path

import pytest

from mobilecnn.bench.pages import modelled, paper_tables
from mobilecnn.bench.papers.stored import STORED, stored
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import DIFFERS
from mobilecnn.bench.records.published import NETWORKS

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
    first, *beyond, again = modelled.stored(record)
    assert beyond == modelled.not_validated(record)
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


@pytest.mark.parametrize(
    ("page", "kind"), [("README.md", "float32"), ("docs/speedup.md", "float32"), ("docs/speedup.md", "int8")]
)
def test_the_pages_show_them(page: str, kind: str) -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "store_table8.py"))["table"](kind)
    assert made in (ROOT / page).read_text(encoding="utf-8"), "run: python scripts/store_table8.py"
