"""Section "Instructions, emulated"."""

from collections.abc import Sequence

from mobilecnn.bench.judge.compare import name_of
from mobilecnn.bench.judge.instructions import CountSummary
from mobilecnn.bench.pages.numbers import number
from mobilecnn.bench.pages.page import Cell, Content, Table
from mobilecnn.bench.pages.result_files import Counted


def section(counted: Sequence[Counted]) -> list[Content]:
    """A table of all records; no chart, for they are no times."""
    header = (
        "model", "format", "instructions (M)", "multiply-add (M)", "dot product (M)", "load/store (M)",
        "other (M)", "for a multiply-add of the network", "answers",
    )  # fmt: skip
    rows: list[list[str | Cell]] = []
    groups: list[str] = []
    for given in counted:
        record = given.instructions
        for result in CountSummary.of(record).results:
            model, counts, known = result.model, result.counts, result.model.passport
            kinds = (counts.total, counts.multiply_add, counts.dot_product, counts.load_store, counts.other)
            runtime = f"{record.plan.runtime} {result.runtime_version}"
            groups.append(
                f"{record.device.cpu or record.device.machine}: {runtime}, {record.device.kernel}, {given.file}"
            )
            rows.append(
                [
                    name_of(model),
                    (known.format if known else None) or "-",
                    *(number(instructions, 1e6, 2) for instructions in kinds),
                    number(result.per_mac, 1, 3),
                    model.answers.verdict,
                ]
            )
    caption = (
        "Instructions that one inference executes on an emulated processor: counted and exact, and no times."
    )
    return [Table(header, rows, caption, left=(0, 1, 8), sortable=True, groups=groups)]
