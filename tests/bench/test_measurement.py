"""The record survives the disk, refuses what is damaged, and says when not to be believed."""

import copy
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mobilecnn.bench.judge.summary import compare, summarize
from mobilecnn.bench.records.measurement import (
    NOT_CHECKED,
    VERIFIED,
    Answers,
    Facts,
    Measurement,
    Model,
    PassportFacts,
    Reading,
    Run,
)
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.told import RunSummary
from mobilecnn.errors import InputError, OutputError

FACTS = Facts(
    kind="local", machine="aarch64", board="Raspberry Pi 4 Model B Rev 1.4", cpu="implementer 0x41 part 0xd08",
    cpu_features=("asimd",), cores=4, memory_bytes=4 << 30, os="Debian GNU/Linux 12 (bookworm)",
    kernel="Linux 6.6.51", python="3.11.2", numpy="1.26.4", governors=("ondemand",),
    max_frequencies_khz={"cpu0": 1_500_000}, virtualised=None,
)  # fmt: skip
QUIET = Reading(
    {"cpu0": 600_000, "cpu1": 1_500_000}, (2_000_000, 2_000_000, 9_000_000), {"thermal_zone0": 51.5}
)
MS = 1_000_000
ANSWERS = (
    Answers(VERIFIED, "", 3, 0.004, 0.01),
    Answers(NOT_CHECKED, "there is no passport beside it"),
)


def run(number: int, model: int, *milliseconds: float, **change: Any) -> Run:
    samples = tuple(int(sample * MS) for sample in milliseconds)
    quiet: dict[str, Any] = {
        "round": number, "position": model, "model": model, "runtime_version": "2.3.0", "xnnpack_partitions": 1,
        "init_ns": 5 * MS + number, "first_ns": 30 * MS, "warmup_ns": (100 * MS,) * 5, "samples_ns": samples,
        "timed_seconds": 1.0, "other_cpu_seconds": 0.01, "baseline_rss_bytes": 40 << 20,
        "peak_rss_bytes": (50 + number) << 20, "before": QUIET, "after": QUIET,
    }  # fmt: skip
    return Run(**{**quiet, **change})


def measurement(*runs: Run, rounds: int = 3, models: int = 2, **protocol: Any) -> Measurement:
    cards = (PassportFacts("shufflenet_v1_x0.5_g3", "int8", 40_000_000, 1_000_000), None)
    return Measurement(
        created="2026-01-02T03:04:05+00:00",
        tool="0.1.0",
        command=("bench", "a.tflite"),
        device=FACTS,
        protocol=Protocol(**{"rounds": rounds, "runs": 3, **protocol}),
        models=tuple(
            Model(f"{index}.tflite", f"{index}" * 64, 1000 + index, cards[index], ANSWERS[index])
            for index in range(models)
        ),
        runs=runs,
    )


RUNS = tuple(
    run(number, model, *(level * (1 + model) for level in (10.0, 10.1, 10.2 + number / 10)))
    for number in range(3)
    for model in range(2)
)
GOOD = measurement(*RUNS)
DOCUMENT: dict[str, Any] = json.loads(json.dumps(GOOD.to_json()))


def test_json_and_back() -> None:
    assert Measurement.from_json(DOCUMENT) == GOOD


def test_it_survives_the_disk_and_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "one.json"
    GOOD.write(path)
    assert Measurement.read(path) == GOOD
    content = path.read_bytes()
    with pytest.raises(OutputError, match="never replaces a file"):
        GOOD.write(path)
    assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["one.json"]


def test_the_document_says_what_it_is() -> None:
    assert DOCUMENT["schema"] == "mobilecnn.measurement"
    assert DOCUMENT["version"] == 4
    assert DOCUMENT["models"][0]["answers"]["verdict"] == "verified"
    assert DOCUMENT["runs"][0]["samples_ns"] == [10_000_000, 10_100_000, 10_200_000]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("schema",), "other", "its schema is not mobilecnn.measurement"),
        (("version",), 5, "version 5; this mobilecnn reads 1 to 4"),
        (("version",), 2.0, "version 2.0"),
        (("version",), True, "version True"),
        (("created",), "yesterday", "yesterday"),
        (("created",), "2026-01-02T03:04:05", "no time zone"),
        (("device", "cores"), "4", "device.cores must be a whole number"),
        (("device", "cores"), True, "device.cores must be a whole number"),
        (
            ("device", "max_frequencies_khz", "cpu0"),
            -1,
            "device.max_frequencies_khz.cpu0 must be a whole number",
        ),
        (("device", "board"), 3, "device.board must be a text"),
        (("device", "board"), "\ud800", "device.board must be a text"),
        (("device", "virtualised"), 1, "device.virtualised must be true or false"),
        (("protocol", "rounds"), 0, "--rounds must be from 1"),
        (("protocol", "rounds"), 2, "one for each model in each round"),
        (("runs",), [], "one for each model in each round"),
        (("runs",), DOCUMENT["runs"][:5], "one for each model in each round"),
        (("runs",), DOCUMENT["runs"][2:], "one for each model in each round"),
        (("models", 0, "answers", "verdict"), "fine", "models[0].answers: verdict must be one of"),
        (("models", 0, "answers", "reason"), "why", "a reason exactly when"),
        (("models", 1, "answers", "reason"), "", "a reason exactly when"),
        (("protocol", "runtime"), "onnx", "choose one of"),
        (("models",), [], "one for each model in each round"),
        (("models", 0, "sha256"), "abc", "64 hexadecimal digits"),
        (("models", 1, "passport"), 7, "models[1].passport must be an object"),
        (("runs",), {}, "runs must be a list"),
        (("runs", 3, "samples_ns"), [], "runs[3]: there are no samples"),
        (("runs", 3, "samples_ns", 1), 0, "runs[3]: there are no samples, or one is not positive"),
        (("runs", 3, "samples_ns", 1), 2**63, "runs[3].samples_ns[1] must be a whole number"),
        (("runs", 0, "before", "probe_ns"), [0], "runs[0].before: a probe_ns is not positive"),
        (("runs", 0, "before", "temperatures_c", "thermal_zone0"), math.inf, "must be a finite number"),
        (("runs", 0, "timed_seconds"), math.nan, "runs[0].timed_seconds must be a finite number"),
        (("runs", 0, "timed_seconds"), 0, "a duration is"),
        (("runs", 0, "round"), 2, "one for each model in each round"),
        (("runs", 0, "surprise"), 2, "'runs[0].surprise' is not known here"),
    ],
)
def test_damage_is_named(path: tuple[Any, ...], value: Any, words: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InputError) as caught:
        Measurement.from_json(document)
    assert words in str(caught.value)


def test_a_measurement_that_was_cut_short_is_one() -> None:
    short = Measurement.from_json({**DOCUMENT, "runs": DOCUMENT["runs"][:4]})
    assert (short.rounds, short.protocol.rounds) == (2, 3)
    assert [result.rounds for result in summarize(short)] == [2, 2]
    assert GOOD.rounds == 3


def of_version_2() -> dict[str, Any]:
    """As it was written before the readings held more than clocks, spins and temperatures, and there were phones."""
    old = copy.deepcopy(DOCUMENT)
    old["version"] = 2
    del old["device"]["android"], old["protocol"]["cool_down"]
    for run in old["runs"]:
        del run["heaviest_cpu_seconds"], run["cooled"], run["summary"]
        for reading in (run["before"], run["after"]):
            for name in (
                "throttled", "governors", "load_average", "available_bytes", "swapped_bytes", "thermal_status",
            ):  # fmt: skip
                del reading[name]
    return old


def test_version_2_is_still_read() -> None:
    old = of_version_2()
    assert Measurement.from_json(old) == GOOD
    damages: tuple[dict[str, Any], ...] = (
        {"runs": 3}, {"runs": [3]}, {"runs": [{}]}, {"runs": [{"before": 3}]}, {"protocol": 3}, {"device": None},
    )  # fmt: skip
    for damage in damages:
        with pytest.raises(InputError, match=r"runs|protocol|device"):
            Measurement.from_json({**old, **damage})
    with pytest.raises(InputError, match=r"device\.android is missing"):
        Measurement.from_json({**old, "version": 3})


def test_version_1_is_still_read() -> None:
    """As it was written before answers were checked."""
    old = of_version_2()
    old["version"] = 1
    for model in old["models"]:
        del model["answers"]
    loaded = Measurement.from_json(old)
    assert [model.answers.verdict for model in loaded.models] == [NOT_CHECKED, NOT_CHECKED]
    assert dataclasses.replace(loaded, models=GOOD.models) == GOOD
    for damage in ({"models": 3}, {"models": [3]}, {"models": None}):
        with pytest.raises(InputError, match="models"):
            Measurement.from_json({**old, **damage})


def summed(number: int, median: float | None, **change: Any) -> Run:
    """A run of a tool that keeps no samples: 10 to 13 ms, 11 on average."""
    summary = RunSummary(50, 10 * MS, 13 * MS, 11 * MS, MS // 2, None if median is None else int(median * MS))
    still = Reading({}, (), {"battery": 30.0}, 0)
    return run(
        number, 0, median or 11.0, summary=summary, warmup_ns=(), before=still, after=still, other_cpu_seconds=None,
        peak_rss_bytes=None, baseline_rss_bytes=None, xnnpack_partitions=None, **change,
    )  # fmt: skip


def test_a_summary_survives_json_and_must_fit() -> None:
    whole = measurement(*(summed(number, 10.5) for number in range(3)), models=1)
    document = json.loads(json.dumps(whole.to_json()))
    assert Measurement.from_json(document) == whole
    for name, value, words in (
        ("count", 0, "of no inference"),
        ("minimum_ns", 0, "its times are no times"),
        ("minimum_ns", 12 * MS, "not between its minimum and maximum"),
        ("median_ns", 14 * MS, "not between its minimum and maximum"),
        ("median_ns", 12 * MS, "samples_ns is not the one number"),
    ):
        damaged = copy.deepcopy(document)
        damaged["runs"][1]["summary"][name] = value
        with pytest.raises(InputError, match=rf"runs\[1\].*{words}"):
            Measurement.from_json(damaged)


def test_a_missing_member_is_named() -> None:
    document = copy.deepcopy(DOCUMENT)
    del document["runs"][2]["after"]["probe_ns"]
    with pytest.raises(InputError, match=r"runs\[2\]\.after\.probe_ns is missing"):
        Measurement.from_json(document)


def digest(document: Any) -> str:
    """All that a reader does with a measurement, as printable JSON."""
    loaded = Measurement.from_json(document)
    said = [result.to_json() for result in summarize(loaded)]
    said += [compare(loaded, index).to_json() for index in range(len(loaded.models))]
    text = json.dumps([said, loaded.to_json()], allow_nan=False)
    assert Measurement.from_json(loaded.to_json()) == loaded
    return text


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(2**62, 2**80) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@settings(deadline=None)
@given(st.data())
def test_any_change_loads_or_is_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(DOCUMENT)
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = document
        while True:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and data.draw(st.integers(0, 5)):
                place = place[key]
                continue
            match data.draw(st.sampled_from(["replace", "remove", "repeat", "add"])):
                case "replace":
                    place[key] = data.draw(anything)
                case "remove":
                    del place[key]
                case "repeat" if isinstance(place, list):
                    place.append(copy.deepcopy(place[key]))
                case _ if isinstance(place, dict):
                    place[data.draw(st.text(max_size=3))] = data.draw(anything)
            break
    try:
        digest(document)
    except InputError as error:
        assert str(error)


@given(anything)
def test_anything_else_is_refused(document: Any) -> None:
    with pytest.raises(InputError):
        Measurement.from_json(document)


@settings(deadline=None)
@given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1), st.floats(5e-324, 1), st.floats(0, 2**62))
@example(1, 2**63 - 1, 5e-324, 2.0**62)
def test_extreme_numbers_are_still_numbers(small: int, large: int, timed: float, other: float) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["runs"][0].update(samples_ns=[small], timed_seconds=timed, other_cpu_seconds=other)
    document["runs"][2]["samples_ns"] = [large, small]
    document["runs"][4]["before"]["probe_ns"] = [large]
    document["runs"][4]["after"]["frequencies_khz"] = {"cpu0": large}
    digest(document)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"NaN", b'{"schema": 1}', b"1" * 10_000]
)
def test_files_that_are_no_measurement(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.json"):
        Measurement.read(path)


@settings(deadline=None)
@given(st.binary(max_size=20), st.integers(0, 5000), st.integers(0, 30))
def test_damaged_bytes_load_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, inserted: bytes, at: int, gone: int
) -> None:
    content = json.dumps(DOCUMENT).encode()
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(content[:at] + inserted + content[at + gone :])
    try:
        loaded = Measurement.read(path)
    except InputError:
        return
    digest(loaded.to_json())


def test_a_missing_file() -> None:
    with pytest.raises(InputError, match="no such measurement"):
        Measurement.read(Path("nowhere.json"))
