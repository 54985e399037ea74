"""The page is complete, is the same every time, and cannot be made to say what a file did not."""

import base64
import copy
import hashlib
import json
import re
from dataclasses import replace
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
import results
from click.testing import CliRunner
from html_pages import HOSTILE, Page, cells, headings_of_groups
from hypothesis import given
from hypothesis import strategies as st
from results import made, written

from mobilecnn.bench.pages import subjects
from mobilecnn.bench.pages.sections.accuracies import pareto
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.cli import cli

GOLDEN = Path(__file__).with_name("report.html")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return results.three(tmp_path_factory.mktemp("results"))


def test_the_page_is_the_golden_one(three: list[Path], tmp_path: Path) -> None:
    text = made(*three)
    (tmp_path / GOLDEN.name).write_text(text)
    assert text == GOLDEN.read_text(), (
        f"look at {tmp_path / GOLDEN.name}; if it is right, it becomes {GOLDEN}"
    )


def test_a_phone_whose_tool_keeps_no_samples(tmp_path: Path) -> None:
    text = made(*written(tmp_path, phone=results.on_a_phone()))
    header, *rows = cells(text, "Every model of every measurement.")
    # A column of which nothing is known is left out.
    assert not {"p90 (ms)", "p99 (ms)"} & set(header)
    once, *_ = cells(text, "What happens once in a process, and the files.")
    assert "peak memory (MB)" not in once and "first (ms)" in once
    assert len(rows) == len(results.NETWORKS)
    for row in rows:
        assert 0 < float(row[header.index("minimum (ms)")]) <= float(row[header.index("median (ms)")])
    said = " ".join(" ".join(Page(text).texts).split())
    for words in (
        "reached over adb", "Android build maker/phone/phone:14", "chip Maker SM1", "cores in use f0 (mask)",
        "benchmark_model sha256:abababababab, 1 thread, cores f0", "keeps no samples",
        "of benchmark_model, which keeps none, its summary of each process",
    ):  # fmt: skip
        assert words in said, words
    assert "ab" * 7 not in said and "numpy" not in said


def test_an_emulated_phone_says_so() -> None:
    android = results.PHONE.android
    assert android is not None and subjects.origin(results.PHONE) == ()
    build = "google/sdk_gphone64_arm64/emu64a:14/x"
    for change in (replace(android, soc="ranchu"), replace(android, fingerprint=build)):
        assert subjects.origin(replace(results.PHONE, android=change)) == ("emulator or virtual machine",)


def test_the_same_files_in_any_order_and_twice_give_the_same_page(three: list[Path]) -> None:
    pages = {made(*order) for order in permutations(three)}
    pages.add(made(*three, *three))
    pages.add(made(three[0].parent))
    assert len(pages) == 1


def test_copies_count_once_and_the_order_never_matters(tmp_path: Path) -> None:
    first, copy_of_it = written(tmp_path, a=results.measured(), b=results.measured())
    (third,) = written(
        tmp_path / "other", a=results.measured(results.HOST, created=results.measured().created)
    )
    pages = {made(*order) for order in permutations([first, copy_of_it, third])}
    assert len(pages) == 1
    assert "2 measurements of 2026-01-02" in pages.pop()


def test_it_is_self_contained_and_its_policy_allows_exactly_what_is_in_it(three: list[Path]) -> None:
    text = made(*three)
    seen = Page(text)
    names = [value for _, attributes in seen.tags for value in attributes]
    assert not {"src", "style", "onclick", "onerror", "onload"} & set(names)
    links = [str(attributes["href"]) for _, attributes in seen.tags if "href" in attributes]
    assert links and all(link.startswith("#") for link in links)
    assert "url(" not in seen.inside["style"] and "@import" not in seen.inside["style"]
    assert [seen.count("script"), seen.count("style"), seen.count("h1"), seen.count("main")] == [1, 1, 1, 1]
    (policy,) = (a["content"] for _, a in seen.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(seen.inside[kind].encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_the_table_of_latencies(three: list[Path]) -> None:
    header, *rows = cells(made(*three), "Every model of every measurement.")
    assert len(rows) == 2 * len(results.NETWORKS)
    pi, host = (dict(zip(header, rows[index], strict=True)) for index in (0, len(results.NETWORKS)))
    samples = sorted(s for run in results.measured().runs if run.model == 0 for s in run.samples_ns)
    assert pi["model"] == "alexnet.float32"
    assert pi["minimum (ms)"] == f"{samples[0] / 1e6:.3f}"
    assert float(pi["p90 (ms)"]) <= float(pi["p99 (ms)"]) <= round(samples[-1] / 1e6, 3)
    low, high = map(float, pi["95 % interval"].split(" to "))
    assert low <= float(pi["median (ms)"]) <= high
    assert (pi["answers"], pi["judgement"], host["judgement"]) == ("verified", "VALID", "INVALID")
    names, once, *_ = cells(made(*three), "What happens once in a process, and the files.")
    file = dict(zip(names, once, strict=True))
    assert (file["multiply-adds (M)"], file["parameters (M)"], file["size (kB)"]) == (
        "724.41",
        "60.970",
        "243,880.0",
    )
    assert file["peak memory (MB)"] == "293.9"
    assert [row[header.index("answers")] for row in rows[:6]] == [
        "verified", "not checked", "verified", "not checked", "verified", "differs",
    ]  # fmt: skip


def test_reasons_stand_once_with_the_rows_they_are_about(three: list[Path]) -> None:
    text = made(*three)
    clock = "the clock moved between 1.00 and 1.50 GHz"
    (said,) = re.findall(f'<li><strong class="bad">INVALID</strong>: {clock}(.*)</li>', text)
    assert "(5 mobilenet_v1_x1.0_224.float32, 6 mobilenet_v1_x1.0_224.int8)" in said
    (answers,) = re.findall('<li><strong class="bad">Answers WRONG</strong>: golden picture 2.*</li>', text)
    assert "(6 mobilenet_v1_x1.0_224.int8, 12 mobilenet_v1_x1.0_224.int8)" in answers


def test_speedups_are_over_alexnet_with_the_papers_beside(three: list[Path]) -> None:
    header, *rows = cells(made(*three), "Speedup on Raspberry Pi 4 Model B Rev 1.4, pi.json.")
    assert len(rows) == 4
    small = dict(zip(header, rows[0], strict=True))
    assert small["model"] == "shufflenet_v1_x0.5_g3.float32"
    assert (small["base"], small["theoretical"]) == ("1 alexnet.float32", "19.27x")
    # 190 ms over 15 ms; every process is slower by up to 1.6 %.
    assert 12.4 < float(small["actual"].rstrip("x")) < 12.9
    (int8,) = (row for row in rows if row[1] == "shufflenet_v1_x0.5_g3.int8")
    assert int8[header.index("paper: theoretical") :] == ["-", "-", "-"]  # The paper has float32 only.
    assert [small[f"paper: {name}"] for name in ("theoretical", "actual", "efficiency")] == [
        "18.95x",
        "12.11x",
        "64%",
    ]


def test_speedups_are_over_either_alexnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    normalized = ("alexnet_lrn", "float32", 724_410_000, 60_970_000, 240.0)
    monkeypatch.setattr(results, "NETWORKS", (*results.NETWORKS, normalized))
    measured = results.measured()
    text = made(*written(tmp_path, it=measured))
    header, *rows = cells(text, "Speedup on Raspberry Pi 4 Model B Rev 1.4, it.json.")
    named = {(row[3], row[1]): dict(zip(header, row, strict=True)) for row in rows}
    half, theirs = "shufflenet_v1_x0.5_g3.float32", ("18.95x", "12.11x", "64%")
    plain, base = "1 alexnet.float32", "7 alexnet_lrn.float32"
    for over, least in ((plain, 12.4), (base, 15.7)):
        row = named[over, half]
        assert row["theoretical"] == "19.27x" and least < float(row["actual"].partition("x")[0]) < least + 0.6
        assert tuple(row[f"paper: {name}"] for name in ("theoretical", "actual", "efficiency")) == theirs
    # What its normalization costs AlexNet, once; and the formats that were timed with one AlexNet have one base.
    assert named[plain, "alexnet_lrn.float32"]["theoretical"] == "1.00x"
    assert 0.77 < float(named[plain, "alexnet_lrn.float32"]["actual"].partition("x")[0]) < 0.81
    assert (base, "alexnet.float32") not in named
    assert {row[3] for row in rows if row[2] == "int8"} == {"2 alexnet.int8"}
    assert text.count("Unknown of the paper") == 1
    # With its normalization alone it is the base too.
    (tmp_path / "alone").mkdir()
    text = made(*written(tmp_path / "alone", it=without("alexnet", measured)))
    header, *rows = cells(text, "Speedup on Raspberry Pi 4 Model B Rev 1.4, it.json.")
    assert {row[3] for row in rows if row[2] == "float32"} == {"5 alexnet_lrn.float32"}


def without(architecture: str, one: Measurement) -> Measurement:
    """The measurement as if that network had not been timed."""
    kept = [i for i, m in enumerate(one.models) if m.passport and m.passport.architecture != architecture]
    runs = tuple(replace(run, model=kept.index(run.model)) for run in one.runs if run.model in kept)
    return replace(one, models=tuple(one.models[index] for index in kept), runs=runs)


def test_without_alexnet_the_base_is_another_and_the_papers_figures_are_not_put_beside_it(
    tmp_path: Path,
) -> None:
    text = made(*written(tmp_path, it=without("alexnet", results.measured())))
    header, *rows = cells(text, "Speedup on Raspberry Pi 4 Model B Rev 1.4, it.json.")
    small = dict(zip(header, rows[0], strict=True))
    assert small["base"] == "3 mobilenet_v1_x1.0_224.float32"
    assert small["theoretical"] == "15.13x"
    assert "paper: actual" not in header  # Of a column nothing is known, and it is left out.


def test_without_two_networks_or_accuracies_it_says_so(tmp_path: Path) -> None:
    one = without("alexnet", without("mobilenet_v1_x1.0_224", results.measured()))
    text = made(*written(tmp_path, it=one))
    assert "No measurement has two networks of one format" in text
    assert "No result of <code>mobilecnn evaluate</code> was given" in text


def test_accuracy_is_matched_by_content_and_the_front_is_right(three: list[Path]) -> None:
    text = made(*three)
    header, *rows = cells(text, "Accuracy on flowers, 500 images against latency.")
    assert len(rows) == 10  # Not the last network, which was not asked.
    front = [row[1] for row in rows[:5] if row[header.index("on the front")] == "yes"]
    # int8 ShuffleNet is the fastest; its float32 is right more often; MobileNet most often.
    assert front == [
        "shufflenet_v1_x0.5_g3.float32",
        "shufflenet_v1_x0.5_g3.int8",
        "mobilenet_v1_x1.0_224.float32",
    ]
    assert rows[0][header.index("top-1")] == "57.20%"
    assert "Asked, but not in these measurements: keras.keras 58.00%." in text


def test_a_file_with_one_output_has_no_top_1(tmp_path: Path) -> None:
    evaluated = results.evaluation()
    binary = replace(evaluated.results[0], output_kind="sigmoid-binary", positive="b")
    paths = written(
        tmp_path, it=results.measured(), accuracy=replace(evaluated, results=(binary, *evaluated.results[1:]))
    )
    text = made(*paths)
    header, *rows = cells(text, "Accuracy on flowers, 500 images against latency.")
    assert rows[0][header.index("accuracy")] == "57.20%" and "top-1" not in text.lower()
    assert "Accuracy on flowers, 500 images, with Wilson" in text and "accuracy (%)" in text


def test_fronts_are_of_alike_runs(tmp_path: Path) -> None:
    threads = replace(results.measured().protocol, threads=4)
    paths = written(
        tmp_path,
        one=results.measured(),
        four=results.measured(faster=3, protocol=threads, created="2026-01-04T00:00:00+00:00"),
        accuracy=results.evaluation(),
    )
    header, *rows = cells(made(*paths), "Accuracy on flowers, 500 images against latency.")
    front = [(row[header.index("run")], row[1]) for row in rows if row[-1] == "yes"]
    assert [name for run, name in front if run == "R1"] == [name for run, name in front if run == "R2"]
    assert len(front) == 6


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front(points: list[tuple[int, int]]) -> None:
    front = [points[index] for index in pareto(points)]
    assert front == sorted(front)
    for cost, gain in points:
        beaten = any(c <= cost and g >= gain and (c, g) != (cost, gain) for c, g in points)
        assert ((cost, gain) in front) != beaten


def test_temperature_and_clock_where_the_device_tells(three: list[Path]) -> None:
    text = made(*three)
    assert "Temperature just before and just after the timed part of each process: 55 to 83.6." in text
    assert "Clock just before and just after the timed part of each process: 1 to 1.5." in text
    assert (
        "Neither temperature nor clock is told by: AMD EPYC (host; virtual machine; not ARM), host.json."
        in text
    )


def test_many_processes_are_thinned_and_that_is_said(tmp_path: Path) -> None:
    text = made(*written(tmp_path, it=results.measured(rounds=101)))
    assert "Of 606 processes, one in 3 is drawn." in text


def test_software_does_not_make_another_device_and_hardware_does(tmp_path: Path) -> None:
    newer = replace(results.PI, python="3.13.1", kernel="Linux 6.12", memory_bytes=(4 << 30) - 5_000_000)
    bigger = replace(results.PI, memory_bytes=8 << 30)
    paths = written(
        tmp_path,
        a=results.measured(),
        b=results.measured(newer, created="2026-01-04T00:00:00+00:00"),
        c=results.measured(bigger, created="2026-01-05T00:00:00+00:00"),
    )
    text = made(*paths)
    assert "6 models on 2 devices" in text
    assert "<dt>Python</dt><dd>3.11.2; 3.13.1</dd>" in text
    assert "<dt>measurements</dt><dd>a.json, b.json</dd>" in text
    assert "Raspberry Pi 4 Model B Rev 1.4 #2" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ()),
        ({"kind": "local"}, ("host",)),
        ({"virtualised": True}, ("virtual machine",)),
        ({"machine": "x86_64", "cpu_features": ("avx2",)}, ("not ARM",)),
        ({"cpu_features": ("avx2", "fma")}, ("emulated",)),
        ({"board": "linux,dummy-virt"}, ("emulator or virtual machine",)),
        ({"board": None, "cpu": "ranchu"}, ("emulator or virtual machine",)),
        ({"machine": "x86_64", "cpu": "QEMU Virtual CPU version 2.5+", "virtualised": True, "kind": "local"},
         ("host", "emulator or virtual machine", "not ARM")),
    ],
)  # fmt: skip
def test_what_a_device_is_not_is_said(tmp_path: Path, change: dict[str, Any], said: tuple[str, ...]) -> None:
    facts = replace(results.PI, **change)
    assert subjects.origin(facts) == said
    text = made(*written(tmp_path, it=results.measured(facts)))
    _, *rows = cells(text, "Every model of every measurement.")
    assert len(rows) == len(results.NETWORKS)
    expected = f"({'; '.join(said)}): litert 2.3.0, 1 thread" if said else "Rev 1.4: litert 2.3.0, 1 thread"
    assert all(heading.endswith(expected) for heading in headings_of_groups(text))


def poisoned(value: Any) -> Any:
    """Every text of a document replaced by a hostile one, but those that are not free."""
    kept = ("created", "sha256", "verdict", "runtime", "schema", "format", "architecture", "delegate")
    if isinstance(value, dict):
        return {
            key: inner if key in kept and isinstance(inner, str) else poisoned(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [poisoned(inner) for inner in value]
    return HOSTILE if isinstance(value, str) and value else value


def test_names_and_device_output_stay_text(tmp_path: Path, three: list[Path]) -> None:
    measured = poisoned(results.measured().to_json())
    for each in measured["models"]:
        each["passport"]["architecture"] = each["passport"]["format"] = HOSTILE
    asked = poisoned(results.evaluation().to_json())
    asked["data"] = asked["runtime"] = HOSTILE
    for row in asked["results"]:
        row["output_kind"] = "softmax"  # One of a table.
    first, second = written(tmp_path, a=measured, b=asked)
    hostile = "<img src=x onerror=alert(3)>\N{RIGHT-TO-LEFT OVERRIDE}.json"
    text = made(first.rename(tmp_path / hostile), second.rename(tmp_path / f"b{hostile}"))
    seen, usual = Page(text), Page(made(*three))
    assert seen.inside == usual.inside
    assert {tag for tag, _ in seen.tags} <= {tag for tag, _ in usual.tags}
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text and "\x07" not in text
    shown = "".join(seen.texts)
    assert (
        "alert(1)</script>\"'><img src=x onerror=alert(2)>\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}&amp;"
        in shown
    )
    assert "alert(3)>\N{REPLACEMENT CHARACTER}.json" in shown


def test_tables_and_charts_can_be_read_aloud(three: list[Path]) -> None:
    text = made(*three)
    seen = Page(text)
    assert seen.count("caption") == seen.count("table") == seen.count("thead")
    assert all(a.get("scope") in ("col", "row", "rowgroup") for tag, a in seen.tags if tag == "th")
    assert seen.count("figure") == seen.count("figcaption") == 6
    assert all(a.get("role") for tag, a in seen.tags if tag in ("table", "thead", "tbody", "tr", "th", "td"))
    assert all(a.get("aria-label") for _, a in seen.tags if a.get("role") in ("img", "region"))
    headings = [int(tag[1]) for tag, _ in seen.tags if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1 and all(b - a <= 1 for a, b in pairwise(headings))
    # Figures sort by their value, and what is unknown is marked as that.
    assert 'data-value="724410000" data-label="multiply-adds (M)">724.41' in text


def test_a_very_long_name_is_whole_once(tmp_path: Path) -> None:
    document = copy.deepcopy(results.measured().to_json())
    document["models"][0]["file"] = f"out/{'x' * 5000}.tflite"
    text = made(*written(tmp_path, it=document))
    assert text.count("x" * 5000) == 1
    assert cells(text, "Every model of every measurement.")[1][1] == f"{'x' * 40}…{'x' * 39}"


def test_from_the_commands_to_the_page(
    exported: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    models = [str(exported / f"theirs.{name}.tflite") for name in ("float32", "int8")]
    quick = ["--rounds", "1", "--warmup-seconds", "0", "--warmup-runs", "1", "--seconds", "0", "--runs", "3"]
    done = CliRunner().invoke(cli, ["bench", *models, *quick, "-o", "runs/it.json"])
    assert "Next: mobilecnn report runs/it.json  # these figures as a page" in done.stderr.splitlines()
    evaluating = ["evaluate", *models, "--data", str(photos), "-o", "runs/accuracy.json", "--json"]
    done = CliRunner().invoke(cli, evaluating)
    assert json.loads(done.stdout) == json.loads((tmp_path / "runs/accuracy.json").read_text())
    assert run("runs").exit_code == 0
    header, *rows = cells(
        (tmp_path / "report.html").read_text(), f"Accuracy on {photos}, 12 images against latency."
    )
    assert [row[1] for row in rows] == ["theirs.float32", "theirs.int8"]
    assert rows[0][header.index("correct")].endswith("/12")


def run(*arguments: object) -> Any:
    return CliRunner().invoke(cli, ["report", *map(str, arguments)])
