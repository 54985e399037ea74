"""The sample app's answer: the example is read, and nothing else is taken for one."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.bench.android_app import AppRun, collect, extras, parse
from mobilecnn.errors import EnvironmentProblem, MobileCnnError, ModelFileError

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parent.parent / "android_run.json").read_text())
RUN_ID, LINES, ANSWER = EXAMPLE["run_id"], EXAMPLE["lines"], EXAMPLE["answer"]
DIGEST = ANSWER["sha256"]


def text(**change: Any) -> str:
    return json.dumps({**ANSWER, **change})


def test_the_example() -> None:
    whole = collect(LINES, RUN_ID)
    assert whole is not None and json.loads(whole) == ANSWER
    run = parse(whole, RUN_ID, DIGEST, 1)
    assert run == AppRun(
        run_id=RUN_ID, sha256=DIGEST, app="0.1.0", runtime="litert 2.1.0", threads=1, xnnpack_partitions=None,
        init_ns=6951000, first_ns=9000123, warmup_ns=(8300001, 8200002),
        samples_ns=(8200011, 8150012, 8300013, 8190014), timed_ns=32900000,
    )  # fmt: skip


def test_the_example_keeps_the_rules_of_the_log() -> None:
    for line in LINES[:-1]:
        part = line.split(" ", 3)[3]
        assert len(part.encode()) <= EXAMPLE["most_bytes"] and part == part.strip()


def test_lines_as_logcat_prints_them_among_those_of_other_runs() -> None:
    head = "11-21 17:00:00.123  1234  1250 I MOBILECNN: "
    other = ["MOBILECNN ffff 1/1 {}", "MOBILECNN_DONE ffff 0", "--------- beginning of main"]
    mixed = [head + line for line in [*other, *LINES[::-1], *LINES[:2]]]
    assert collect(mixed, RUN_ID) == collect(LINES, RUN_ID)


def test_no_end_is_no_answer_yet() -> None:
    assert collect(LINES[:-1], RUN_ID) is None
    assert collect(LINES, "another") is None
    assert collect([], RUN_ID) is None


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([*LINES[:1], *LINES[2:]], "part 2 of .* is not in the log.*logcat -G"),
        (LINES[-1:], "its end, and no answer"),
        ([*LINES, f"MOBILECNN {RUN_ID} 1/9 x"], "part 1 of its answer twice"),
        ([*LINES, f"MOBILECNN {RUN_ID} 9/9 x"], "no answer, or several"),
        ([*LINES, LINES[0].replace(" 1/", " 0/")], "not in the log as it should be"),
    ],
)
def test_a_log_that_is_not_whole(lines: list[str], words: str) -> None:
    with pytest.raises(EnvironmentProblem, match=words):
        collect(lines, RUN_ID)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "not mobilecnn.android_run of version 1"),
        (text(version=2), "must be of one age"),
        (text(samples_ns=[]), "there are no samples"),
        (text(samples_ns=[1, 0]), "not positive"),
        (text(samples_ns=[1.5]), r"samples_ns\[0\] must be a whole number"),
        (text(surprise=1), "'surprise' is not known"),
        (text(run_id="other"), "answered for another run_id"),
        (text(sha256="0"), "answered for another sha256"),
        (text(threads=2), "answered for another threads: 2 and not 1"),
        (text(error=3), "without saying which"),
    ],
)
def test_what_is_no_answer(answer: str, words: str) -> None:
    with pytest.raises(EnvironmentProblem, match=words):
        parse(answer, RUN_ID, DIGEST, 1)


def test_its_errors_are_ours() -> None:
    with pytest.raises(ModelFileError, match="the app: it is damaged"):
        parse(text(error={"kind": "ModelFileError", "message": "it is damaged"}), RUN_ID, DIGEST, 1)
    with pytest.raises(EnvironmentProblem, match="the app: oh"):
        parse(text(error={"kind": "Unheard", "message": "oh"}), RUN_ID, DIGEST, 1)


@given(st.text(), st.lists(st.text(max_size=80)))
def test_any_text_ends_in_an_error_of_ours(answer: str, lines: list[str]) -> None:
    with pytest.raises(MobileCnnError):
        parse(answer, RUN_ID, DIGEST, 1)
    assert collect(lines, RUN_ID) is None


def test_what_the_activity_is_given() -> None:
    words = " ".join(extras("ID", "/m", "D", 4, 5, 50))
    assert words == ("--es run_id ID --es model /m --es sha256 D --ei threads 4 --ei warmup 5 --ei runs 50")
