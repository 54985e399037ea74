"""The page is complete, is the same every time, and cannot be made to say what a file did not."""

import base64
import copy
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
import results
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages import page, report, result_files, svg
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.cli import COMMANDS, cli
from mobilecnn.errors import InputError
from mobilecnn.quantize.accuracy import Evaluation

GOLDEN = Path(__file__).with_name("report.html")
HOSTILE = (
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\N{RIGHT-TO-LEFT OVERRIDE}\x07&amp;"
)


class Page(HTMLParser):
    """What a browser would make of a page, as far as the tests ask."""

    VOID = ("meta", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.inside: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            self.inside[self.open[-1]] = self.inside.get(self.open[-1], "") + data
        else:
            self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def written(folder: Path, **documents: Any) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, one in documents.items():
        document = one.to_json() if isinstance(one, Measurement | Evaluation) else one
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(document))
    return paths


def made(*paths: Path) -> str:
    return report.html(result_files.read(paths))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("results")
    return written(
        folder,
        pi=results.measured(),
        host=results.measured(results.HOST, rounds=2, faster=8),
        accuracy=results.evaluation(),
    )


def cells(text: str, caption: str) -> list[list[str]]:
    """The texts of a table: its header and its rows."""
    (table,) = re.findall(
        rf"<table[^>]*>\n<caption><span>{re.escape(caption)}</span></caption>(.*?)</table>", text, re.DOTALL
    )
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)]


def test_the_page_is_the_golden_one(three: list[Path], tmp_path: Path) -> None:
    text = made(*three)
    (tmp_path / GOLDEN.name).write_text(text)
    assert text == GOLDEN.read_text(), (
        f"look at {tmp_path / GOLDEN.name}; if it is right, it becomes {GOLDEN}"
    )


def test_a_phone_whose_tool_keeps_no_samples(tmp_path: Path) -> None:
    text = made(*written(tmp_path, phone=results.on_a_phone()))
    header, *rows = cells(text, "Every model of every measurement. The headers sort.")
    unknown = [header.index(name) for name in ("p90 (ms)", "p99 (ms)", "peak memory (MB)")]
    assert len(rows) == len(results.NETWORKS)
    for row in rows:
        assert [row[index] for index in unknown] == ["-"] * 3
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
    assert android is not None and report.origin(results.PHONE) == ()
    build = "google/sdk_gphone64_arm64/emu64a:14/x"
    for change in (replace(android, soc="ranchu"), replace(android, fingerprint=build)):
        assert report.origin(replace(results.PHONE, android=change)) == ("emulator or virtual machine",)


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
    assert not {"src", "href", "style", "onclick", "onerror", "onload"} & set(names)
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
    header, *rows = cells(made(*three), "Every model of every measurement. The headers sort.")
    assert len(rows) == 2 * len(results.NETWORKS)
    pi, host = (dict(zip(header, rows[index], strict=True)) for index in (0, len(results.NETWORKS)))
    samples = sorted(s for run in results.measured().runs if run.model == 0 for s in run.samples_ns)
    assert pi["model"] == "alexnet.float32"
    assert pi["device"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert pi["minimum (ms)"] == f"{samples[0] / 1e6:.3f}"
    assert float(pi["p90 (ms)"]) <= float(pi["p99 (ms)"]) <= round(samples[-1] / 1e6, 3)
    low, high = map(float, pi["95 % interval"].split(" to "))
    assert low <= float(pi["median (ms)"]) <= high
    assert (pi["multiply-adds (M)"], pi["parameters (M)"], pi["size (kB)"]) == (
        "724.41",
        "60.970",
        "243,880.0",
    )
    assert (pi["peak memory (MB)"], pi["answers"], pi["judgement"]) == ("293.9", "verified", "VALID")
    assert host["device"] == "AMD EPYC (host; virtual machine; not ARM)"
    assert host["judgement"] == "INVALID"
    assert [row[header.index("answers")] for row in rows[:6]] == [
        "verified", "not checked", "verified", "not checked", "verified", "differs",
    ]  # fmt: skip


def test_reasons_stand_once_with_the_rows_they_are_about(three: list[Path]) -> None:
    text = made(*three)
    clock = "<li>5 mobilenet_v1_x1.0_224.float32, 6 mobilenet_v1_x1.0_224.int8: INVALID: the clock moved between 1.00"
    assert text.count(clock) == 1
    assert text.count("12 mobilenet_v1_x1.0_224.int8: answers differ: golden picture 2") == 1


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
    assert small["paper: actual"] == "-"


def test_without_two_networks_or_accuracies_it_says_so(tmp_path: Path) -> None:
    one = without("alexnet", without("mobilenet_v1_x1.0_224", results.measured()))
    text = made(*written(tmp_path, it=one))
    assert "No measurement has two networks of one format" in text
    assert "No result of `mobilecnn evaluate` was given" in text


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
    front = [points[index] for index in report.pareto(points)]
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
    assert report.origin(facts) == said
    text = made(*written(tmp_path, it=results.measured(facts)))
    header, *rows = cells(text, "Every model of every measurement. The headers sort.")
    for row in rows:
        assert row[header.index("device")].endswith(f"({'; '.join(said)})" if said else "1.4")


def poisoned(value: Any) -> Any:
    """Every text of a document replaced by a hostile one, but those that are not free."""
    kept = ("created", "sha256", "verdict", "runtime", "schema", "format", "architecture")
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


@given(st.text())
@example(HOSTILE)
def test_any_text_is_one_text(words: str) -> None:
    html = f'<p title="{page.text(words)}">{page.text(words)}</p>'
    seen = Page(html)
    (_, attributes) = seen.tags[0]
    shown = "".join(letter if letter.isprintable() else page.UNPRINTABLE for letter in words)
    assert len(seen.tags) == 1
    assert list(attributes.items()) == [("title", shown)]
    assert "".join(seen.texts) == shown


def test_tables_and_charts_can_be_read_aloud(three: list[Path]) -> None:
    text = made(*three)
    seen = Page(text)
    assert seen.count("caption") == seen.count("table") == seen.count("thead")
    assert all(a.get("scope") in ("col", "row") for tag, a in seen.tags if tag == "th")
    assert seen.count("figure") == seen.count("figcaption") == 6
    assert all(a.get("aria-label") for _, a in seen.tags if a.get("role") in ("img", "region"))
    headings = [int(tag[1]) for tag, _ in seen.tags if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1 and all(b - a <= 1 for a, b in pairwise(headings))
    # Figures sort by their value, and what is unknown is marked as that.
    assert 'data-value="724410000">724.41' in text


numbers = st.floats(1e-3, 1e9)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5), st.booleans(), st.booleans())
@example([(3.0, 3.0)], True, True)
@example([(5e-3, 5e-3)], False, False)
def test_charts_stay_in_their_frame_and_have_numbers(
    points: list[tuple[float, float]], log: bool, equal: bool
) -> None:
    drawn = svg.plot(
        [svg.Series("one", [svg.Point(x, y, "1") for x, y in points])],
        svg.Axis("x", log=log), svg.Axis("y", log=log), "what", equal="same" if equal else "",
    )  # fmt: skip
    seen = Page(drawn)
    marks = [a for tag, a in seen.tags if tag == "svg" and str(a.get("class", "")).startswith("mark s")]
    for each in marks:
        assert 0 <= float(str(each["x"]).rstrip("%")) <= 100 or each["x"] == "11"
        assert 0 <= float(str(each["y"])) <= 300
    ticks = [a for tag, a in seen.tags if tag == "text" and a.get("class") == "tick"]
    assert sum(a.get("text-anchor") == "end" for a in ticks) >= 2
    assert sum(a.get("text-anchor") == "middle" for a in ticks) >= 2
    assert "nan" not in drawn and "inf" not in drawn.replace("info", "")


@given(st.lists(numbers, min_size=1, max_size=5))
def test_rows_keep_their_order(values: list[float]) -> None:
    rows = [svg.Row(str(value), Interval(value, value / 2, value * 2), f"{value} ms") for value in values]
    drawn = Page(svg.rows([("device", rows)], "ms"))
    places = [
        float(str(a["x"]).rstrip("%"))
        for tag, a in drawn.tags
        if tag == "svg" and str(a.get("class", "")).startswith("mark")
    ]
    assert all(0 <= place <= 100 for place in places)
    order = sorted(range(len(values)), key=lambda index: values[index])
    assert [places[index] for index in order] == sorted(places)


GOOD = results.measured().to_json()


def damaged(*where: str | int, value: Any) -> dict[str, Any]:
    document: Any = json.loads(json.dumps(GOOD))
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hello", "is not a measurement or counts of `mobilecnn bench`, or a result .*: it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "bad.json: it is not a measurement or counts of `mobilecnn bench`, or a result"),
        ('{"schema": "something else"}', "bad.json: it is not a measurement"),
        (json.dumps(damaged("version", value=99)), "bad.json: a measurement of version 99"),
        (json.dumps(damaged("runs", 0, "samples_ns", 0, value="fast")), r"bad.json: runs\[0\].samples_ns\[0\]"),
        (json.dumps({**results.evaluation().to_json(), "version": 2}), "bad.json: an evaluation of version 2"),
        (json.dumps({**results.evaluation().to_json(), "results": []}), "bad.json: the document: the results"),
        ('{"source": "", "rows": [], "measurement": "../gone.json"}', "bad.json is made of the measurement .*gone.json"),
        ('{"source": "", "rows": [], "measurement": 3}', "bad.json: measurement must be the name of a file"),
        (None, "no such result: .*bad.json"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("as_folder", [False, True])
def test_what_is_no_result_is_refused_by_name(
    tmp_path: Path, three: list[Path], content: str | None, words: str, as_folder: bool
) -> None:
    bad = tmp_path / "bad.json"
    if content is not None:
        bad.write_text(content)
    with pytest.raises(InputError, match=words):
        result_files.read([three[0], tmp_path if as_folder and content is not None else bad])


def test_passports_that_lie_beside_are_passed_over(tmp_path: Path, three: list[Path]) -> None:
    folder = three[0].parent
    (beside,) = written(tmp_path, passport={"schema": "mobilecnn.passport", "version": 1})
    for path in three:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert made(tmp_path) == made(folder)
    with pytest.raises(InputError, match=r"passport\.json: it is not"):
        result_files.read([*three, beside])


@pytest.mark.parametrize(
    ("member", "value"),
    [("correct", 501), ("images", 0), ("accuracy", 0.9), ("interval", [0.1, 0.2]), ("interval", [0.1]), ("file", 3)],
)  # fmt: skip
def test_an_evaluation_that_contradicts_itself_is_refused(tmp_path: Path, member: str, value: Any) -> None:
    document = copy.deepcopy(results.evaluation().to_json())
    document["results"][1][member] = value
    with pytest.raises(InputError, match=r"it\.json: results\[1\]"):
        result_files.read(written(tmp_path, it=document))


def test_an_evaluation_survives_the_disk() -> None:
    one = results.evaluation()
    assert Evaluation.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_only_accuracies_are_no_report(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no measurement in .*mobilecnn bench"):
        result_files.read(written(tmp_path, it=results.evaluation()))
    with pytest.raises(InputError, match=r"holds no \.json file"):
        (tmp_path / "empty").mkdir()
        result_files.read([tmp_path / "empty"])


def test_a_speedup_stands_for_its_measurement(tmp_path: Path) -> None:
    (record,) = written(tmp_path / "sp", measurement=results.measured())
    (summary,) = written(
        tmp_path / "sp",
        speedup={"source": "x", "rows": [], "measurement": "old/place/measurement.json", "chart": "c"},
    )
    assert made(summary) == made(record) == made(record.parent)


def test_older_and_partial_measurements_are_read(tmp_path: Path) -> None:
    old = copy.deepcopy(GOOD)
    old["version"] = 1
    for each in old["models"]:
        del each["answers"]
    old["runs"] = [each for each in old["runs"] if each["round"] < 2]
    old["version"] = 1
    path = tmp_path / "it.partial.json"
    path.write_text(json.dumps(old))
    text = made(path)
    assert "answers not checked: timed before answers were checked" in text
    assert "2 of 3, cut short" in text


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(anything, st.sampled_from(["mobilecnn.measurement", "mobilecnn.evaluation", None]), st.integers(0, 3))
def test_garbage_is_refused_and_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, document: Any, schema: str | None, version: int
) -> None:
    if isinstance(document, dict) and schema is not None:
        document = {**document, "schema": schema, "version": version}
    path = tmp_path_factory.getbasetemp() / "garbage.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"garbage\.json"):
        result_files.read([path])


def test_a_very_long_name_is_whole_once(tmp_path: Path) -> None:
    document = copy.deepcopy(GOOD)
    document["models"][0]["file"] = f"out/{'x' * 5000}.tflite"
    text = made(*written(tmp_path, it=document))
    assert text.count("x" * 5000) == 1
    assert f'<th scope="row" class="left">{"x" * 40}…{"x" * 39}</th>' in text


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance of ``#rgb`` or ``#rrggbb``."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_from_the_page(theme: int) -> None:
    style = Path(page.__file__).with_name("page.css").read_text()
    found = dict(
        re.findall(r"--(\w+): (#[0-9a-f]+);", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[theme])
    )
    marks = {f"s{index}" for index in range(svg.COLOURS)} | {"other", "focus"}
    assert set(found) == {"ink", "soft", "line", "page", "band", "bad", *marks}
    for name, least in [(each, 4.5) for each in ("ink", "soft", "bad")] + [(each, 3.0) for each in marks]:
        for ground in ("page", "band"):
            light, dark = sorted((luminance(found[name]), luminance(found[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= least, f"{name} on {ground}"


def test_from_the_commands_to_the_page(
    exported: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    models = [str(exported / f"theirs.{name}.tflite") for name in ("float32", "int8")]
    quick = ["--rounds", "1", "--warmup-seconds", "0", "--warmup-runs", "1", "--seconds", "0", "--runs", "3"]
    done = CliRunner().invoke(cli, ["bench", *models, *quick, "-o", "runs/it.json"])
    assert "As a page: mobilecnn report runs/it.json" in done.stderr.splitlines()
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


def test_the_command(three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*three)
    assert done.exit_code == 0, done.output
    assert done.stdout == "report.html\n"
    assert (tmp_path / "report.html").read_text() == GOLDEN.read_text()

    done = run(three[0].parent, "-o", "deep/it.html", "--json")
    assert json.loads(done.stdout) == {
        "page": "deep/it.html",
        "measurements": ["pi.json", "host.json"],
        "evaluations": ["accuracy.json"],
        "counts": [],
    }
    done = run(three[0], "-o", three[1])
    assert done.exit_code == 2
    assert "must end in .html" in done.stderr
    done = run("gone.json", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["message"] == "no such result: gone.json"
    assert run().exit_code == 2


def test_help_is_true() -> None:
    from mobilecnn.cli.report import command

    assert command.get_short_help_str(200) == COMMANDS["report"]
