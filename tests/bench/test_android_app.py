"""The sample app's answer: what the app's own tests write is read, and nothing else is taken for one."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.bench.devices.adb import app as android_app
from mobilecnn.bench.devices.adb.app import AppRequest, collect, parse
from mobilecnn.bench.records.measurement import Answers, Run
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.errors import EnvironmentProblem, MobileCnnError, ModelFileError, UsageError
from mobilecnn.records import record

APP = Path(__file__).resolve().parent.parent.parent / "android_demo"
CORE = APP / "core/src/main/java/org/mobilecnn/core"
LINES = (APP / "core/src/test/resources/benchmark_lines.txt").read_text().splitlines()
RUN_ID = "run-7"
ASKED = AppRequest(RUN_ID, "digits.int8.tflite", "a" * 64, threads=4, warmup=5, runs=500)
ANSWER: dict[str, Any] = json.loads(collect(LINES, RUN_ID) or "")


def text(**change: Any) -> str:
    return json.dumps({**ANSWER, **change})


def with_run(**change: Any) -> str:
    return text(run={**ANSWER["run"], **change})


def test_what_the_app_writes_is_read() -> None:
    answer = parse(collect(LINES, RUN_ID) or "", ASKED)
    assert (answer.threads, answer.xnnpack, answer.model.name) == (4, True, "digits.int8.tflite")
    assert answer.native_ns == tuple(range(999_007, 999_507))
    assert (answer.thermal_status.before, answer.thermal_status.after) == ("none", "light")
    assert answer.answers == Answers("verified", "", 2, 8.896589279172584e-05, 9e-05)
    run = answer.run
    assert (run.runtime_version, run.init_ns, run.first_ns) == ("2.16.1", 12_345_678, 1_000_001)
    assert (run.warmup_ns, run.samples_ns) == ((1_000_001,) * 5, (1_000_001,) * 500)
    assert (run.baseline_rss_bytes, run.peak_rss_bytes, run.timed_seconds) == (
        100_000_000,
        123_456_789,
        0.500004007,
    )
    assert run.before.frequencies_khz == {"cpu0": 1_800_000} and run.before.temperatures_c == {
        "battery": 31.5
    }


def test_the_names_in_it_are_those_of_a_measurement() -> None:
    """But for what the harness adds, and what Android does not tell an app."""
    added = {
        "round": 0,
        "position": 0,
        "model": 0,
        "heaviest_cpu_seconds": {},
        "cooled": None,
        "summary": None,
        "cores": None,
        "delegates": None,
    }
    unread = dict.fromkeys(
        (
            "throttled",
            "load_average",
            "available_bytes",
            "swapped_bytes",
            "thermal_status",
            "offline_cores",
            "boost",
            "on_battery",
            "power_saver",
        )
    )
    run = ANSWER["run"]
    sides = {side: {**unread, "governors": [], **run[side]} for side in ("before", "after")}
    record(Run, {**added, **run, **sides})


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
        ("[1]", "not an answer of the app .its schema is not mobilecnn.android"),
        (
            text(version=2),
            "an answer of the app of version 2; this mobilecnn reads 1; app and mobilecnn must be of one age",
        ),
        (
            text(schema="mobilecnn.android_run"),
            "not an answer of the app .its schema is not mobilecnn.android",
        ),
        (with_run(samples_ns=[]), "another number of runs: 0 and not 500"),
        (with_run(samples_ns=[1.5]), r"run.samples_ns\[0\] must be a whole number"),
        (with_run(warmup_ns=[1]), "another number of warm-ups: 1 and not 5"),
        (text(native_ns=[1]), "another number of native times"),
        (text(surprise=1), "'surprise' is not known"),
        (with_run(surprise=1), "'run.surprise' is not known"),
        (text(thermal_status={"before": "warm", "after": None}), "'warm' is none of none, light"),
        (text(answers={**ANSWER["answers"], "verdict": "fine"}), "verdict must be one of"),
        (text(run_id="other"), "answered for another run_id"),
        (text(model={"name": "x.tflite", "sha256": "a" * 64}), "answered for another model"),
        (text(model={"name": ASKED.model, "sha256": "0"}), "answered for another sha256"),
        (text(threads=2), "answered for another threads: 2 and not 4"),
        (text(error=3), "the app: it says nothing"),
    ],
)
def test_what_is_no_answer(answer: str, words: str) -> None:
    with pytest.raises(EnvironmentProblem, match=words):
        parse(answer, ASKED)


def failure(kind: str) -> str:
    head = {name: ANSWER[name] for name in ("schema", "version", "run_id")}
    return json.dumps({**head, "error": kind, "message": "it is so"})


@pytest.mark.parametrize("kind", [ModelFileError, UsageError, EnvironmentProblem])
def test_its_errors_are_ours(kind: type[MobileCnnError]) -> None:
    assert f'"{kind.__name__}"' in (CORE / "Problem.java").read_text()
    with pytest.raises(kind, match="the app: it is so") as caught:
        parse(failure(kind.__name__), ASKED)
    assert type(caught.value) is kind
    with pytest.raises(EnvironmentProblem, match="the app: it is so"):
        parse(failure("Unheard"), ASKED)


@given(st.text(), st.lists(st.text(max_size=80)))
def test_any_text_ends_in_an_error_of_ours(answer: str, lines: list[str]) -> None:
    with pytest.raises(MobileCnnError):
        parse(answer, ASKED)
    assert collect(lines, RUN_ID) is None


# What one side writes down, and the other too.


def test_the_activity_is_in_debug_builds_alone_and_may_be_started_by_adb_alone() -> None:
    name = "{http://schemas.android.com/apk/res/android}"
    manifest = ElementTree.parse(APP / "app/src/debug/AndroidManifest.xml")
    package, activity = android_app.PACKAGE, android_app.ACTIVITY.removeprefix(android_app.PACKAGE)
    (declared,) = (
        declaration for declaration in manifest.iter("activity") if declaration.get(f"{name}name") == activity
    )
    assert declared.get(f"{name}exported") == "true"
    assert declared.get(f"{name}permission") == "android.permission.DUMP"
    gradle = (APP / "app/build.gradle.kts").read_text()
    assert (
        activity == ".BenchmarkActivity"
        and activity not in (APP / "app/src/main/AndroidManifest.xml").read_text()
    )
    assert f'applicationId = "{package}"' in gradle


def constant(file: Path, name: str) -> str:
    (value,) = re.findall(rf"static final \w+ {name} =\s*(.*?);", file.read_text())
    return str(value).replace("_", "").strip('"')


def test_both_sides_have_the_same_constants() -> None:
    benchmark, request = CORE / "Benchmark.java", CORE / "BenchmarkRequest.java"
    assert constant(benchmark, "SCHEMA") == android_app.SCHEMA
    assert constant(benchmark, "VERSION") == str(android_app.VERSION)
    assert (
        constant(APP / "app/src/main/java/org/mobilecnn/demo/BenchmarkActivity.java", "TAG")
        == android_app.TAG
    )
    most = int(constant(request, "MOST_RUNS"))
    Protocol(runs=most, warmup_runs=most)
    for more in ({"runs": most + 1}, {"warmup_runs": most + 1}):
        with pytest.raises(UsageError):
            Protocol(**more)  # type: ignore[arg-type]
    # Under what an entry of Android's log holds.
    assert int(constant(benchmark, "PART")) + len(f"MOBILECNN {'x' * 64} 100000/100000 ") < 4000


def test_every_extra_that_is_sent_is_read_as_what_it_is_sent_as() -> None:
    """And none is left to a default that the harness does not know of, but the kernels."""
    words = iter(ASKED.extras())
    sent = {name: kind for kind, name, _ in zip(words, words, words, strict=True)}
    body = re.findall(
        r"of\(Extras extras\).*?\n    }", (CORE / "BenchmarkRequest.java").read_text(), re.DOTALL
    )[0]
    kinds = {"text": "--es", "number": "--ei", "flag": "--ez"}
    read = {name: kinds[kind] for kind, name in re.findall(r'extras\.(\w+)\("(\w+)"', body)}
    assert read == {**sent, "xnnpack": "--ez"}
