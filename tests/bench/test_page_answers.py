"""What a report answers first is what the files say, and no more; reasons stand once; records stand side by side."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import page_samples
import pytest
import results
from html_pages import Page, cells, headings_of_groups
from results import made, written

from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.pages import reasons
from mobilecnn.bench.pages.page import Answer, Cell, Choice, Section, Table, page
from mobilecnn.bench.pages.report import html
from mobilecnn.bench.pages.result_files import Results, Timed
from mobilecnn.bench.pages.sections import pairs
from mobilecnn.bench.records.measurement import VERIFIED, Answers, Measurement
from mobilecnn.bench.records.stream import Stream

SAMPLES = page_samples.SAMPLES
PI = "Raspberry Pi 4 Model B Rev 1.4: litert 2.3.0, 1 thread"


def answers(text: str) -> dict[str, tuple[str, str, str, str]]:
    """Of each device: what is answered, how sure it is, the kind, and what it rests on."""
    found = re.findall(
        r'<div class="answer (\w+)">\n<p class="about">(.*?)</p>\n<p class="what"><strong>(.*?)</strong> '
        r'<span class="sure">(.*?)</span></p>\n(.*?)</div>',
        text,
        re.DOTALL,
    )
    return {about: (what, sure, kind, " ".join(Page(why).texts)) for kind, about, what, sure, why in found}


def all_verified(measured: Measurement) -> Measurement:
    """As if every file had given its passport's scores."""
    right = Answers(VERIFIED, "", 3, 0.0001, 0.001)
    return replace(measured, models=tuple(replace(model, answers=right) for model in measured.models))


def alike(measured: Measurement) -> Measurement:
    """As if the two fastest files took the same times."""
    times = [run.samples_ns for run in measured.runs if run.model == 3]
    runs = list(measured.runs)
    for index, run in enumerate(runs):
        if run.model == 2:
            runs[index] = replace(run, samples_ns=times[run.round])
    return replace(measured, runs=tuple(runs))


def on(facts: Any) -> Measurement:
    return all_verified(results.measured(facts))


SMALL, SMALL_INT8 = "shufflenet_v1_x0.5_g3.float32.tflite", "shufflenet_v1_x0.5_g3.int8.tflite"


@pytest.mark.parametrize(
    ("measured", "evaluated", "what", "sure", "kind", "why"),
    [
        (results.measured(), True, f"Ship {SMALL_INT8}", "answers not checked", "open", "there is no passport beside it"),
        (all_verified(results.measured()), True, f"Ship {SMALL_INT8}", "decided", "good", "cannot tell from the best"),
        (all_verified(results.measured()), False, f"The fastest is {SMALL_INT8}", "accuracy unknown", "open",
         "mobilecnn evaluate MODEL... -o accuracy.json"),
        (alike(all_verified(results.measured())), True, f"Ship {SMALL}", "speed undecided", "open", "cannot be told"),
        (on(replace(results.PI, machine="x86_64", board="A PC")), True, f"Ship {SMALL_INT8}", "not the device it is meant for",
         "open", "Not an ARM processor"),
        (results.measured(results.HOST), True, "Nothing to ship yet", "not to be relied on", "bad", "close them, and time it again"),
    ],
    ids=["not checked", "decided", "no accuracies", "a tie", "no ARM", "INVALID"],
)  # fmt: skip
def test_the_file_to_ship(
    measured: Measurement, evaluated: bool, what: str, sure: str, kind: str, why: str, tmp_path: Path
) -> None:
    # The best files are left, or the networks would differ for sure: 57 and 58 of a hundred, and 71.
    evaluation = results.evaluation()
    close = replace(evaluation, results=evaluation.results[:4])
    paths = written(tmp_path, it=measured, **({"accuracy": close} if evaluated else {}))
    (answer,) = answers(made(*paths)).values()
    assert answer[:3] == (what, sure, kind)
    assert why in answer[3]


def test_a_faster_file_that_is_less_right_for_sure_is_named_and_not_shipped(tmp_path: Path) -> None:
    """And a file with wrong answers never is, though it was the fastest."""
    text = made(*written(tmp_path, it=results.on_a_phone(), accuracy=results.evaluation()))
    ((what, sure, kind, why),) = answers(text).values()
    assert (what, sure, kind) == ("Ship mobilenet_v1_x1.0_224.float32.tflite", "decided", "good")
    assert (
        "Faster, but less right for sure: shufflenet_v1_x0.5_g3.float32 (57.8%), shufflenet_v1_x0.5_g3.int8"
        in why
    )
    assert "1 with wrong answers" in why


def test_the_latest_measurement_of_a_file_counts_and_a_long_run_is_told(tmp_path: Path) -> None:
    text = page_samples.report(tmp_path)
    _, _, _, why = answers(text)[PI]
    assert "10.964 ms at the median" in why  # Of the later one, which is faster.
    assert "Under sustained load (hot.json): after 50.0 s the median rose from 31.0 to 46.9 ms" in why
    assert answers(text)["Raspberry Pi 5 at 2.4 GHz, instructions-2.json"][1] == "modelled, not measured"


@pytest.mark.parametrize(
    ("name", "said"), [("stream-1.json", "the median rose"), ("stream-2.json", "the clock is capped")]
)
def test_a_long_run_alone_makes_a_page(name: str, said: str) -> None:
    text = made(SAMPLES / name)
    seen = Page(text)
    assert said in " ".join(seen.texts) and "Nothing was timed in rounds" in text
    assert seen.count("figure") == 3 and "data-tip=" in text


def test_a_single_stream_has_its_percentile(tmp_path: Path) -> None:
    document = Stream.read(SAMPLES / "stream-2.json").to_json()
    document["plan"] |= {"kind": "single-stream", "queries": 64}
    text = made(*written(tmp_path, it=document))
    header, row = cells(text, "Single stream, litert, 1 thread: it.json.")
    # These are too few queries for early stopping, and the column has nothing else.
    assert "plain 90th percentile (ms)" in header and "90th percentile, early stopping (ms)" not in header
    assert len(row) == len(header)
    assert "not an MLPerf submission" in text


def test_unknown_is_not_written(tmp_path: Path) -> None:
    bare = replace(
        results.PI, cpu=None, memory_bytes=None, os=None, governors=(), max_frequencies_khz={}, python=None
    )
    text = made(*written(tmp_path, it=results.measured(bare)))
    devices = text.partition('<h2 id="s1"')[2].partition('<h2 id="s2"')[0]
    assert "unknown" not in devices
    assert "<dt>not reported</dt><dd>processor, highest clocks, memory, governor, system</dd>" in devices


def finding(text: str, code: str = "a", fix: str = "mend it", severity: Any = "warning") -> Finding:
    return Finding(code, text, fix, severity)


def test_reasons_are_gathered_by_rule_the_gravest_and_most_frequent_first() -> None:
    said = [(f"{row} it", finding(f"it was {80 + row}.5 C hot")) for row in (1, 2, 3, 5)]
    said += [("1 it", finding("slow", "b", severity="invalid")), ("7 it", finding("rare", "c"))]
    shown = [(reason.label, list(reason.said), reason.remedy) for reason in reasons.of_findings(said)]
    assert shown == [
        ("INVALID", [("slow", "1 it")], "mend it"),
        ("Warning", [("it was 81.5 to 85.5 C hot", "rows 1 to 3, 5")], "mend it"),
        ("Warning", [("rare", "7 it")], "mend it"),
    ]
    everyone = reasons.of_findings([("1 a", finding("x")), ("2 b", finding("x"))], everyone=2)
    assert [reason.said for reason in everyone] == [[("x", "")]]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("1 a", "2 b"), "1 a, 2 b"),
        (("9 a", "10 b", "11 c", "3 d"), "rows 3, 9 to 11"),
        (("a", "b", "c", "d", "e"), "a, b and 3 more"),
    ],
)
def test_many_rows_are_named_by_their_numbers(names: tuple[str, ...], said: str) -> None:
    assert reasons.rows(names) == said


def test_side_by_side_are_records_with_models_in_common(tmp_path: Path) -> None:
    text = made(*results.three(tmp_path))
    header, *rows = cells(
        text,
        "pi.json of 2026-01-02 and host.json of 2026-01-03, A on Raspberry Pi 4 Model B Rev 1.4, B on "
        "AMD EPYC (host; virtual machine; not ARM).",
    )
    row = dict(zip(header, rows[0], strict=True))
    assert row["B / A"] == "0.12x !" and row["B is"] == "undecided (INVALID)"
    one = Results((Timed("one.json", results.measured()),), ())
    assert pairs.section(one, {}) == []


def test_side_by_side_are_the_latest_of_many() -> None:
    one = results.measured(rounds=1)
    many = [
        Timed(f"{day}.json", replace(one, created=f"2026-01-{day:02d}T00:00:00+00:00")) for day in range(1, 9)
    ]
    text = html(Results(tuple(many), ()))
    names = re.findall(r'data-name="(.*?)"', text)
    assert len(names) == pairs.MOST_PAIRS and names[0] == "A: R7 7.json, B: R8 8.json"
    assert f"here are the latest {pairs.MOST_PAIRS} pairs" in text


def test_a_table_leaves_out_what_nobody_knows_and_gathers_its_groups() -> None:
    table = Table(
        ("name", "time", "memory"), [("a", Cell("1", 1), "-"), ("b", "-", ""), ("c", "3", "-")], "It.",
        groups=("Pi", "phone", "Pi"),
    )  # fmt: skip
    text = page("title", "lead", [Section("One", [table])])
    assert cells(text, "It.") == [["name", "time"], ["a", "1"], ["c", "3"], ["b", "-"]]
    assert headings_of_groups(text) == ["Pi", "phone"]


def test_an_answer_and_a_choice_are_text() -> None:
    answer = Answer("<b>", "`x` <i>", "</p>", "open", ("see `mobilecnn <bench>`",))
    text = page("t", "l", [Section("s", [Choice("<q>", [('"', ["a"]), ("b", ["c"])])])], [answer])
    seen = Page(text)
    assert not {"b", "i", "q"} & {tag for tag, _ in seen.tags}
    assert "<code>mobilecnn &lt;bench&gt;</code>" in text
