"""The record of emulated instructions, and two of them side by side."""

import copy
import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import results
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.bench.devices.emulated.device import KINDS, between
from mobilecnn.bench.judge.instructions import CountSummary, apart, refuse_more, together
from mobilecnn.bench.judge.modelled import bound, modelled_ratio
from mobilecnn.bench.pages import modelled
from mobilecnn.bench.pages.report import html
from mobilecnn.bench.pages.result_files import Counted, Results
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import CountPlan, Counts, CountSeries, Instructions
from mobilecnn.bench.records.measurement import VERIFIED, Answers, Facts, Model, PassportFacts
from mobilecnn.bench.records.work import TimeModel, Work, milliseconds
from mobilecnn.cli import cli
from mobilecnn.cli.measured import about
from mobilecnn.errors import CheckFailed, InputError, UsageError


def series(*totals: int) -> CountSeries:
    return CountSeries(
        "2.3.0", 1, (Counts(9, 0, 9, 9),), tuple(Counts(10, 5, 20, total - 35) for total in totals)
    )


RECORD = Instructions(
    created="2026-01-02T03:04:05+00:00",
    tool="0.1.0",
    command=("bench", "a.tflite", "--device", "emulated-a76"),
    device=Facts(
        kind="emulated", machine="aarch64", board=None, cpu="Cortex-A76", cpu_features=("asimd",), cores=1,
        memory_bytes=None, os="Debian GNU/Linux 12 (bookworm)", kernel="QEMU 7.2.22, user mode", python="3.11.2",
        numpy="1.26.4", governors=(), max_frequencies_khz={}, virtualised=None,
    ),
    plan=CountPlan(),
    models=tuple(
        Model(f"{name}.tflite", name * 64, 9, PassportFacts("lenet", "int8", 50), Answers(VERIFIED)) for name in "ab"
    ),
    series=(series(100, 101, 100), series(200, 200, 200)),
)  # fmt: skip
SAMPLES = Path(__file__).parents[1] / "samples"
DOCUMENT: dict[str, Any] = json.loads(json.dumps(RECORD.to_json()))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_json_and_back(tmp_path: Path) -> None:
    assert Instructions.from_json(DOCUMENT) == RECORD
    (tmp_path / "it.json").write_text(json.dumps(DOCUMENT))
    assert Instructions.read(tmp_path / "it.json") == RECORD
    assert RECORD.kept == "2 of 2 files are counted"


def test_counts_are_summarized_once_and_warn_where_inferences_differ() -> None:
    unsteady, steady = CountSummary.of(RECORD).results
    assert (unsteady.counts.total, unsteady.per_mac, unsteady.relative) == (100, 2.0, 1.0)
    assert (steady.relative, steady.warnings) == (2.0, ())
    (warning,) = unsteady.to_json()["warnings"]
    assert (warning["code"], warning["text"]) == ("unsteady-counts", "its inferences differ by 1 %")
    within = dataclasses.replace(RECORD, series=(series(10_000, 10_010, 10_000),))
    assert [result.warnings for result in CountSummary.of(within).results] == [()]


WORK = Work(30_000_000, 17_828_754.2, 616_016, 132_334)


@pytest.mark.parametrize(
    ("other", "sure"),
    [
        (WORK, True),
        (dataclasses.replace(WORK, instructions=30_000_001, lines=616_020), True),
        (dataclasses.replace(WORK, turns=133_000), False),
        (dataclasses.replace(WORK, cycles=17_900_000.0), False),
        (dataclasses.replace(WORK, lines=0), False),
    ],
)
def test_a_ratio_is_as_sure_as_its_works_are_alike(other: Work, sure: bool) -> None:
    model = TimeModel(CHIPS["pi4"], "19.1.7")
    mine, base = (dataclasses.replace(series(100), work=(work,)) for work in (other, WORK))
    ratio = modelled_ratio(mine, base, model)
    assert ratio.value == milliseconds(other, model.chip) / milliseconds(WORK, model.chip)
    assert (ratio.low == ratio.value == ratio.high) == sure
    assert sure or ratio.low < ratio.value < ratio.high


@pytest.mark.parametrize(
    ("chip", "cycles", "lines", "memory", "turns", "said"),
    [
        ("pi4", 10_000.0, 100, 100, 10, "pipeline"),
        ("pi4", 100.0, 100, 100, 10, "branches"),
        ("pi4", 100.0, 1000, 501, 10, "memory"),
        ("pi4", 100.0, 1000, 499, 10, "L2"),
        ("pi5", 100.0, 1000, 501, 10, "memory"),
        ("pi5", 100.0, 1000, 0, 10, "L2, L3"),
        ("pi4", 100.0, 1000, None, 10, "data"),  # a record of before it was kept
    ],
)
def test_what_is_bound_by_data_is_named_for_where_most_of_it_comes_from(
    chip: str, cycles: float, lines: int, memory: int | None, turns: int, said: str
) -> None:
    made = dataclasses.replace(series(100), work=(Work(1000, cycles, lines, turns, memory),))
    assert bound(made, TimeModel(CHIPS[chip], "19.1.7")) == said


@pytest.mark.parametrize(
    ("release", "remedy"),
    [
        ("19.1.7", ""),
        ("19.1.1", "use LLVM 19.1.7, as Debian 12 and 13 have it"),  # Ubuntu's llvm-19.
        ("20.1.2", "sudo apt-get install llvm-19"),
    ],
)
def test_times_by_another_release_of_llvm_are_said_to_be_so(release: str, remedy: str) -> None:
    counted = Instructions.read(Path(__file__).parents[1] / "samples" / "instructions-3.json")
    assert counted.model is not None
    counted = dataclasses.replace(counted, model=dataclasses.replace(counted.model, llvm=release))
    words = (
        f"LLVM {release} gave the cycles, and the constants and errors of the model are those of LLVM 19.1.7"
    )
    page = html(Results((), (), (Counted("it.json", counted),)))
    for shown in (" ".join(modelled.notes(counted)), " ".join(about(counted)), page):
        assert (words in shown) == bool(remedy)
        assert remedy in shown


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("schema",), "mobilecnn.measurement", "its schema is not mobilecnn.instructions"),
        (("version",), 4, "a record of instructions of version 4; this mobilecnn reads 1 to 3"),
        (("version",), True, "instructions of version True"),
        (("created",), "2026-01-02T03:04:05", "no time zone"),
        (("plan", "runs"), 4, "not the inferences that were planned"),
        (("plan", "runs"), 0, "--runs must be from 1"),
        (("plan", "runtime"), "onnx", "unknown runtime 'onnx'"),
        (("series",), [], "there are no series"),
        (("series", 0, "samples"), [], "there are no samples"),
        (("series", 0, "samples", 0, "other"), -1, r"other must be a whole number from 0"),
        (("series", 0, "samples", 0, "other"), 1.5, r"series\[0\].samples\[0\].other"),
        (("series", 0, "samples", 0, "extra"), 1, "extra"),
        (("models",), [], "more than models"),
    ],
)
def test_a_damaged_record_is_refused(path: tuple[Any, ...], value: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Instructions.from_json(changed(DOCUMENT, path, value))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A document with another value in one place."""
    made = copy.deepcopy(document)
    place = made
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return made


CHIP = ("model", "chip")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((*CHIP, "gigahertz"), 0, "model.chip: gigahertz is not from 0.001 to 100"),
        ((*CHIP, "gigahertz"), -1, "model.chip: gigahertz is not"),
        ((*CHIP, "gigahertz"), 1e-320, "model.chip: gigahertz is not"),
        *(
            ((*CHIP, name), value, "model.chip: an error is not from 0 to below 1")
            for name in ("median_error", "error", "ratio_error")
            for value in (1.0, 1.5, -0.1)
        ),
        *(
            ((*CHIP, "constants", name), -1, "model.chip.constants: a constant is negative")
            for name in ("cycles", "line", "turn")
        ),
        ((*CHIP, "constants", "cycles"), 0, "that of the pipeline's cycles is 0"),
        ((*CHIP, "caches"), [], "model.chip: caches is empty"),
        ((*CHIP, "caches", 0, "ways"), 0, r"model.chip.caches\[0\]: a cache is empty"),
        ((*CHIP, "constants"), {"cycles": 1e-300, "line": 0, "turn": 0}, "a modelled time is less than"),
    ],
)
def test_a_record_whose_chip_is_none_is_refused_by_every_command(
    tmp_path: Path, path: tuple[Any, ...], value: Any, words: str
) -> None:
    sound = json.loads((SAMPLES / "instructions-3.json").read_text())
    record = tmp_path / "it.json"
    record.write_text(json.dumps(changed(sound, path, value)))
    for done in (run("report", record, "-o", tmp_path / "page.html"), run("compare", record, record)):
        assert done.exit_code == 2, done.output
        assert re.search(words, done.stderr) and str(record) in done.stderr and done.stderr.count("\n") == 1


def numbers(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of the numbers in a document; of each list those of its first entry."""
    if isinstance(document, int | float) and not isinstance(document, bool):
        yield path
    entries = document.items() if isinstance(document, dict) else ()
    for name, entry in entries if not isinstance(document, list) else enumerate(document[:1]):
        yield from numbers(entry, (*path, name))


@pytest.mark.parametrize("value", [0, -1, 1, 1e-320, 2**62])
def test_whatever_a_number_of_a_record_is_it_is_shown_or_refused(tmp_path: Path, value: float) -> None:
    sound = json.loads((SAMPLES / "instructions-3.json").read_text())
    record, page = tmp_path / "it.json", tmp_path / "page.html"
    places = [path for path in numbers(sound) if path[0] in ("model", "plan", "series")]
    assert len(places) > 20
    for path in places:
        record.write_text(json.dumps(changed(sound, path, value)))
        for done in (run("report", record, "-o", page), run("compare", record, record)):
            assert done.exit_code in (0, 2), (path, done.output)


def test_what_stands_for_the_samples() -> None:
    odd = series(102, 100, 101)
    assert odd.typical.total == 101 and odd.spread == pytest.approx(2 / 101)
    assert series(100, 104).typical.total == 100


@given(st.lists(st.tuples(*[st.integers(0, 10**12)] * 4), min_size=1, max_size=9))
def test_counts_are_the_differences_of_marks(steps: list[tuple[int, ...]]) -> None:
    marks, lines = [0, 0, 0, 0], ["0 0 0 0"]
    for step in steps:
        marks = [a + b for a, b in zip(marks, step, strict=True)]
        lines.append(" ".join(map(str, marks)))
    assert between("\n".join(lines)) == [dict(zip(KINDS, step, strict=True)) for step in steps]


def test_two_files_of_a_record() -> None:
    (row,) = together(RECORD, 0.5)
    assert (row.name, row.ratio, row.limit) == ("a = b", 2.0, "beyond")
    with pytest.raises(CheckFailed, match=r"50% more instructions than A, and a = b executes 100\.00% more"):
        refuse_more([row], 0.5)
    (row,) = together(RECORD, 1.0)
    assert row.limit == "within"
    refuse_more([row], 1.0)
    assert together(RECORD)[0].limit is None


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ({"cpu": "Cortex-A72"}, "processor: Cortex-A76 and Cortex-A72"),
        ({"kernel": "QEMU 8.2.0, user mode"}, "emulator: QEMU 7.2.22, user mode and QEMU 8.2.0"),
        ({"os": "Debian 13"}, r"system: Debian GNU/Linux 12 \(bookworm\) and Debian 13"),
    ],
)
def test_unlike_records_are_refused(device: dict[str, str], words: str) -> None:
    other = dataclasses.replace(RECORD, device=dataclasses.replace(RECORD.device, **device))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"not counted alike: {words}"):
        apart(RECORD, other)


def test_another_runtime_is_refused() -> None:
    other = dataclasses.replace(
        RECORD, series=tuple(dataclasses.replace(each, runtime_version="2.4.0") for each in RECORD.series)
    )
    with pytest.raises(InputError, match=r"runtime: litert 2\.3\.0 and litert 2\.4\.0"):
        apart(RECORD, other)


def test_plans_have_limits() -> None:
    with pytest.raises(UsageError, match="--warmup-runs must be from 0"):
        CountPlan(warmup_runs=-1)
    with pytest.raises(UsageError, match="unknown runtime"):
        CountPlan(runtime="onnx")


def files(folder: Path) -> tuple[Path, Path]:
    """Two records: B's ``a`` executes 3 % more, and it has no ``b`` but a ``c``."""
    more = dataclasses.replace(
        RECORD,
        models=(RECORD.models[0], dataclasses.replace(RECORD.models[1], file="c.tflite")),
        series=(series(103, 103, 103), RECORD.series[1]),
    )
    paths = folder / "before.json", folder / "after.json"
    for path, record in zip(paths, (RECORD, more), strict=True):
        path.write_text(json.dumps(record.to_json()))
    return paths


def test_the_guard(tmp_path: Path) -> None:
    before, after = files(tmp_path)
    done = run("compare", before, after)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[2].split() == ["a", "0.00", "0.00", "1.0300", "+0.00", "+0.00", "+0.00", "+0.00"]
    assert "only in A: b" in lines and "only in B: c" in lines
    assert lines[-2].startswith("emulated, instructions: ") and lines[-1].startswith("emulated: Cortex-A76")
    assert run("compare", before, after, "--max-slowdown", "3%").exit_code == 0
    failed = run("compare", before, after, "--max-slowdown", "2%", "--json")
    assert failed.exit_code == 1 and "a executes 3.00% more" in failed.stderr
    document = json.loads(failed.stdout)
    assert (document["rows"][0]["limit"], document["only_in_b"]) == ("beyond", ["c"])
    assert run("compare", before, after, "--model", "b=c", "--max-slowdown", "0%").exit_code == 0


def test_times_and_instructions_do_not_mix(tmp_path: Path) -> None:
    before, _ = files(tmp_path)
    (tmp_path / "timed.json").write_text('{"schema": "mobilecnn.measurement", "version": 3}')
    mixed = run("compare", before, tmp_path / "timed.json")
    assert mixed.exit_code == 2 and "one holds emulated instructions, the other times" in mixed.stderr
    across = run("compare", before, before, "--across")
    assert across.exit_code == 2 and "--across is for times" in across.stderr


def test_a_record_that_was_cut_short_is_compared(tmp_path: Path) -> None:
    before, _ = files(tmp_path)
    short = dataclasses.replace(RECORD, series=RECORD.series[:1])
    (tmp_path / "short.partial.json").write_text(json.dumps(short.to_json()))
    done = run("compare", before, tmp_path / "short.partial.json", "--json")
    assert done.exit_code == 0, done.output
    assert [row["model"] for row in json.loads(done.stdout)["rows"]] == ["a"]


def test_a_report_shows_them_beside_times_and_in_no_chart(tmp_path: Path) -> None:
    hostile = dataclasses.replace(RECORD.models[0], file="<script>alert(1).tflite")
    record = dataclasses.replace(RECORD, models=(hostile, RECORD.models[1]))
    (tmp_path / "counted.json").write_text(json.dumps(record.to_json()))
    (tmp_path / "timed.json").write_text(json.dumps(results.measured().to_json()))
    done = run("report", tmp_path, "-o", tmp_path / "both.html", "--json")
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert (shown["measurements"], shown["counts"]) == (["timed.json"], ["counted.json"])
    both = (tmp_path / "both.html").read_text()
    assert "<script>alert" not in both and "&lt;script&gt;alert(1)" in both
    # The processor is said once, above the rows of its record.
    assert "Instructions, emulated" in both and both.count("Cortex-A76: litert 2.3.0") == 1
    run("report", tmp_path / "timed.json", "-o", tmp_path / "timed.html")
    timed = (tmp_path / "timed.html").read_text()
    assert "Instructions, emulated" not in timed and both.count("<svg") == timed.count("<svg")


def test_accuracies_need_times(tmp_path: Path) -> None:
    (tmp_path / "counted.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "accuracy.json").write_text(json.dumps(results.evaluation().to_json()))
    refused = run("report", tmp_path, "-o", tmp_path / "it.html")
    assert refused.exit_code == 2 and "there is no measurement in" in refused.stderr
