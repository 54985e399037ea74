"""Store the paper's Table 8 as modelled: what ``mobilecnn demo`` and the README show of chips that are not here.

    mobilecnn speedup --device emulated-sd820
    python scripts/store_table8.py mobilecnn-speedup/measurement-*.json

Takes records of ``mobilecnn speedup`` on emulated chips, or the stored ones themselves, whose constants are then brought
up to those of ``bench/records/chips.py``. Folders, which say something of the machine, are taken out. Prints the tables of
the README and of ``docs/speedup.md``, which a test holds against the files.
"""

import sys
from dataclasses import replace
from pathlib import Path

from mobilecnn.bench.pages import paper_tables
from mobilecnn.bench.papers import stored
from mobilecnn.bench.papers.speedup import FORMATS
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.published import PUBLISHED_FORMAT
from mobilecnn.files import write_json


def clean(record: Instructions) -> Instructions:
    """The record without folders, and with the constants of today."""
    assert record.model is not None, "no time is modelled in it"
    chip = CHIPS[record.model.chip.name]
    return replace(
        record,
        command=("speedup", "--device", f"emulated-{chip.name}"),
        models=tuple(replace(model, file=Path(model.file).name) for model in record.models),
        model=replace(record.model, chip=chip),
    )


def table(kind: str = PUBLISHED_FORMAT) -> str:
    """The rows of one format, as Markdown; the paper's columns are in that of the format that it timed."""
    header, rows = paper_tables.chips([stored.stored(chip) for chip in stored.STORED])
    column = header.index("format")
    hidden = {"format"} if kind == PUBLISHED_FORMAT else {"format", "paper ms", "paper over AlexNet"}
    shown = [row for row in rows if row[column] == kind]
    return "".join(
        f"| {' | '.join(cell for name, cell in zip(header, line, strict=True) if name not in hidden)} |\n"
        for line in (header, ["---", *["--:"] * (len(header) - 1)], *shown)
    )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        record = clean(Instructions.read(Path(name)))
        assert record.model is not None
        write_json(stored.path(record.model.chip.name), record.to_json())
    sys.stdout.write("\n".join(map(table, FORMATS)))
