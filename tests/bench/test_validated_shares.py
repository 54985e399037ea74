"""What the works of published networks say of the terms of modelled times: how far they are validated, and how others would fit."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from arm_fit import Fit, held_out
from arm_model import LIMITS, PUBLISHED
from click.testing import CliRunner
from test_arm_model import ROWS, cycles, work

from mobilecnn.bench.judge.instructions import CountSummary, apart
from mobilecnn.bench.judge.modelled import PART_OF, beyond
from mobilecnn.bench.pages import modelled
from mobilecnn.bench.pages.report import html
from mobilecnn.bench.pages.result_files import Counted, Results
from mobilecnn.bench.papers.stored import STORED, stored
from mobilecnn.bench.papers.stored import path as stored_path
from mobilecnn.bench.records.chips import BY_CORE, CHIPS, LARGEST_SHARES
from mobilecnn.bench.records.instructions import Counts, CountSeries, Instructions
from mobilecnn.bench.records.measurement import NOT_CHECKED, Answers, Model
from mobilecnn.bench.records.work import TimeModel, Work, parts
from mobilecnn.cli import cli

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs/arm_model.md").read_text().split())


def share(done: Work, chip: str, term: str) -> float:
    spent = parts(done, CHIPS[chip])
    return spent[PART_OF[term]] / sum(spent.values())


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("term", PART_OF)
def test_the_largest_shares_are_those_of_the_networks_that_constants_and_errors_are_of(
    name: str, term: str
) -> None:
    works = [work(row) for row in ROWS if (row["runtime"], row["chip"]) == ("ncnn", name)]
    found = max(share(done, name, term) for done in works)
    assert getattr(LARGEST_SHARES[name], term) == round(found, 2)


def test_every_chip_has_largest_shares_and_a_lent_one_those_of_its_core() -> None:
    assert set(LARGEST_SHARES) == set(CHIPS)
    for name, lent in BY_CORE.items():
        (other,) = (each for each in PUBLISHED if CHIPS[each].title == lent)
        assert LARGEST_SHARES[name] == LARGEST_SHARES[other]


FILE = Model("it.tflite", "0" * 64, 1, None, Answers(NOT_CHECKED, "it has no passport"))
"""A file without a passport."""


def of_turns(wanted: float) -> CountSeries:
    """A series of which turns have a share of the Raspberry Pi 4's time."""
    constants = CHIPS["pi4"].constants
    turns = 1_000_000
    cycles = constants.turn * turns * (1 - wanted) / wanted / constants.cycles
    return CountSeries("2.3.0", 1, (), (Counts(1, 0, 0, 0),), (Work(1, 0.8 * cycles, int(0.2 * cycles / constants.line), turns),))  # fmt: skip


@pytest.mark.parametrize(("turns", "said"), [(0.28, {}), (0.30, {}), (0.46, {"turns": (0.46, 0.30)})])
def test_what_is_beyond_is_told_by_whole_per_cent(turns: float, said: dict[str, tuple[float, float]]) -> None:
    model = TimeModel(CHIPS["pi4"], "19.1.7")
    found = beyond(FILE, of_turns(turns), model)
    assert found is not None and found.terms == said
    unknown = dataclasses.replace(model, chip=dataclasses.replace(model.chip, name="pi9"))
    assert beyond(FILE, of_turns(turns), unknown) is None
    constants = dataclasses.replace(model.chip.constants, turn=model.chip.constants.turn + 1)
    other = dataclasses.replace(model, chip=dataclasses.replace(model.chip, constants=constants))
    assert beyond(FILE, of_turns(turns), other) is None
    assert str(other) != str(model)  # What names costs that are kept, and tells records apart.


def test_every_interval_of_such_a_time_is_said_to_be_of_nothing_that_was_published() -> None:
    record = stored("pi4").record
    assert isinstance(record, Instructions)
    line = (
        "intervals not validated: turns take more of the time than of any network that the model was held against on this chip "
        "(at most 30%): shufflenet_v1_x0.5_g3.float32 34%, shufflenet_v1_x0.5_g3.int8 37%, shufflenet_v1_x1.0_g3.int8 32%, "
        "shufflenet_v1_x2.0_g3.int8 32%"
    )
    assert line in modelled.notes(record) and line in modelled.stored(record)
    assert line in html(Results((), (), (Counted("it.json", record),)))
    # An operator is no network: what is told of a profile is told of the whole file.
    mobilenet = [model for model in record.models if "mobilenet" in model.file]
    assert modelled.not_validated(record, mobilenet) == []
    cut_short = dataclasses.replace(record, series=record.series[:1])
    assert modelled.not_validated(cut_short) == [
        line.replace("turns", "lines").replace("30%", "28%").partition(": shufflenet")[0]
        + ": alexnet.float32 37%"
    ]


def test_json_has_them_beside_every_modelled_time() -> None:
    table = stored("pi4")
    record = table.record
    assert isinstance(record, Instructions) and record.model is not None
    turns = {"turns": {"share": 0.34, "largest_validated": 0.3}}
    lines = {"lines": {"share": 0.37, "largest_validated": 0.28}}
    counts = {
        Path(row["file"]).stem: row for row in (each.to_json() for each in CountSummary.of(record).results)
    }
    rows = {f"{row['model']}.{row['format']}": row for row in table.to_json()["rows"]}
    for of in (counts, rows):
        assert of["shufflenet_v1_x0.5_g3.float32"]["modelled_beyond_validated"] == turns
        assert of["alexnet.float32"]["modelled_beyond_validated"] == lines
        assert of["mobilenet_v1_x1.0_224.float32"]["modelled_beyond_validated"] == {}
    (row,) = apart(record, record, ["alexnet.float32=shufflenet_v1_x0.5_g3.float32"])
    sides = row.to_json()
    assert [sides[side]["modelled_beyond_validated"] for side in "ab"] == [lines, turns]


def test_the_report_says_so_in_json_too(tmp_path: Path) -> None:
    record = stored_path("pi4")
    words = ["report", str(record), "-o", str(tmp_path / "page.html"), "--json"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    (lines,) = json.loads(done.stdout)["not_validated"].values()
    assert lines == modelled.not_validated(Instructions.read(record)) and len(lines) == 3


def test_json_says_null_of_a_chip_of_which_nothing_is_known_and_nothing_of_counts_alone() -> None:
    record = stored("pi4").record
    assert isinstance(record, Instructions) and record.model is not None
    model = dataclasses.replace(record.model, chip=dataclasses.replace(record.model.chip, name="pi9"))
    unknown = CountSummary.of(dataclasses.replace(record, model=model)).results[0].to_json()
    assert unknown["modelled_beyond_validated"] is None
    counted = dataclasses.replace(
        record,
        model=None,
        plan=dataclasses.replace(record.plan, counts_only=True),
        series=tuple(dataclasses.replace(each, work=()) for each in record.series),
    )
    assert "modelled_beyond_validated" not in CountSummary.of(counted).results[0].to_json()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_page_s_table_has_them(name: str) -> None:
    largest = [f"{each:.0%}".replace("%", " %") for each in dataclasses.astuple(LARGEST_SHARES[name])]
    assert f"| {CHIPS[name].title} | {' | '.join(largest)} |" in (ROOT / "docs/arm_model.md").read_text()


def test_the_page_of_the_rewrites_names_the_shuffle_nets_of_which_nothing_is_known() -> None:
    page = " ".join((ROOT / "docs/lowering_figures.md").read_text().split())
    record = stored("pi4").record
    assert isinstance(record, Instructions) and record.model is not None
    shares = {}
    for model, series in zip(record.models, record.series, strict=True):
        found = beyond(model, series, record.model)
        assert found is not None
        shares[model.file.removesuffix(".tflite")] = [
            f"{share:.0%}".replace("%", " %") for share, _ in found.terms.values()
        ]
    names = [f"shufflenet_v1_{width}_g3.{kind}" for kind in ("float32", "int8") for width in ("x0.5", "x1.0")]
    (half,), one, (half_int8,), (one_int8,) = (shares[name] for name in names)
    assert not one
    assert (
        f"are {half} of the time of ShuffleNet V1 0.5x g3 in float32 and {half_int8} in int8, and {one_int8} of that of 1x in int8"
        in page
    )
    largest = [LARGEST_SHARES["pi4"].turns, LARGEST_SHARES["pi5"].cycles]
    for share in largest:
        assert f"against at most {share:.0%}".replace("%", " %") in page


def with_terms(name: str, terms: tuple[str, ...]) -> Fit:
    """Constants of other terms, and the errors of networks that had no part in them."""
    rows = [row for row in ROWS if (row["runtime"], row["chip"]) == ("ncnn", name)]
    amounts = {row["network"]: [float(row[term]) for term in terms] for row in rows}
    return held_out(amounts, {row["network"]: cycles(row) for row in rows})


def test_the_page_says_what_cycles_alone_make_of_an_rk3399() -> None:
    found = with_terms("rk3399", ("cycles",))
    figures = (found.speedup_error, found.error, found.median_error)
    shown = [f"{figure:.1%}".replace("%", " %") for figure in figures]
    said = "its speedups are missed by {} held out, within the limit, and its 90th percentile is {} instead, beyond it (the median is {})"
    assert said.format(*shown) in PAGE
    assert figures[0] <= LIMITS["speedup_error"] and figures[1] > LIMITS["error"]


@pytest.mark.parametrize(
    "terms",
    [("cycles",), ("cycles", "lines"), ("cycles", "turns"), ("cycles", "lines", "turns")],
    ids=", ".join,
)
def test_the_page_s_row_of_other_terms_is_what_the_table_of_works_gives(terms: tuple[str, ...]) -> None:
    fits = [with_terms(name, terms) for name in PUBLISHED if name != "sd855plus"]
    medians, errors = [found.median_error for found in fits], [found.error for found in fits]
    speedups = [found.speedup_error for found in fits]
    figures = (np.median(medians), np.median(errors), max(medians), np.median(speedups), max(speedups))
    cells = [f"{figure:.1%}".replace("%", " %") for figure in figures]
    name = ", ".join(terms)
    assert f"| {f'**{name}**' if len(terms) == 3 else name} | {' | '.join(cells)} |" in PAGE


@pytest.mark.parametrize("page", ["README.md", "docs/speedup.md"])
@pytest.mark.parametrize("name", STORED)
def test_a_page_that_shows_such_an_interval_names_the_largest_share(name: str, page: str) -> None:
    record = stored(name).record
    assert isinstance(record, Instructions) and record.model is not None
    said = " ".join((ROOT / page).read_text().split())
    kinds = (".float32",) if page == "README.md" else (".float32", ".int8")
    for model, series in zip(record.models, record.series, strict=True):
        judged = beyond(model, series, record.model)
        assert judged is not None and not judged.type
        for term, (found, largest) in judged.terms.items():
            if model.file.removesuffix(".tflite").endswith(kinds):
                assert f"{found:.0%}".replace("%", " %") in said, (model.file, term)
                assert f"at most {largest:.0%}".replace("%", " %") in said, (model.file, term)
