"""A file is timed only if it answers as its passport says: real files, real runtimes, damaged passports."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from installed import INSTALLED

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.records.measurement import DIFFERS, NOT_CHECKED, VERIFIED, Answers, Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing import answers
from mobilecnn.bench.timing.answers import Questions, judge, prepare
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.convert import passport
from mobilecnn.errors import CheckFailed, EnvironmentProblem, ModelFileError
from mobilecnn.files import sha256
from mobilecnn.quantize import golden_answers

FORMATS = ("float32", "float16", "int8", "dynamic")
SHORT = Protocol(rounds=1, warmup_runs=0, warmup_seconds=0, runs=2, seconds=0)

Change = Callable[[dict[str, Any]], object]


def copied(exported: Path, folder: Path, kind: str, change: Change | None = None) -> Path:
    """A file and its passport, the passport changed; the file's hash in it stays true."""
    source = exported / f"theirs.{kind}.tflite"
    path = folder / source.name
    path.write_bytes(source.read_bytes())
    document = json.loads(passport.beside(source).read_text())
    if change is not None:
        change(document)
    passport.beside(path).write_text(json.dumps(document))
    return path


def ready(path: Path) -> Questions | Answers:
    content = path.read_bytes()
    return prepare(path, content, passport.read(path, sha256(content)))


def exchange(document: dict[str, Any]) -> None:
    """The two classes change places in the second golden answer."""
    document["golden"][1]["scores"].reverse()


def small_scores(document: dict[str, Any]) -> None:
    """Scores of some steps of the output, of a file that is far from the Keras model."""
    document["parity"]["max_difference"] = 7.0
    for entry in document["golden"]:
        entry["scores"] = [5 / 256, 3 / 256]


class Untimed(LocalDevice):
    """Fails the test when something is timed on it."""

    def time(self, job: dict[str, Any], doing: str, timeout: float) -> dict[str, Any]:
        raise AssertionError("it was timed")


@pytest.mark.parametrize("runtime", INSTALLED)
def test_good_files_are_verified_in_every_format(exported: Path, tmp_path: Path, runtime: str) -> None:
    models = [exported / f"theirs.{kind}.tflite" for kind in FORMATS]
    measured = measure(models, LocalDevice(), replace(SHORT, runtime=runtime))
    for model in measured.models:
        assert model.answers.verdict == VERIFIED, model
        assert model.answers.pictures == 3
        assert model.answers.difference is not None and model.answers.tolerance is not None
        assert model.answers.difference <= model.answers.tolerance
    measured.write(tmp_path / "it.json")
    assert Measurement.read(tmp_path / "it.json") == measured


@pytest.mark.parametrize("runtime", INSTALLED)
@pytest.mark.parametrize("kind", FORMATS)
def test_a_wrong_file_is_refused_before_anything_is_timed(
    exported: Path, tmp_path: Path, runtime: str, kind: str
) -> None:
    wrong = copied(exported, tmp_path, kind, exchange)
    good = exported / "theirs.float32.tflite"
    protocol = replace(SHORT, runtime=runtime)
    with pytest.raises(CheckFailed, match="golden picture 2") as caught:
        measure([good, wrong], Untimed(), protocol)
    for word in (str(wrong), runtime, "--allow-wrong-answers"):
        assert word in str(caught.value)
    assert str(good) not in str(caught.value)

    measured = measure([good, wrong], LocalDevice(), protocol, allow_wrong_answers=True)
    assert [model.answers.verdict for model in measured.models] == [VERIFIED, DIFFERS]
    assert "golden picture 2" in measured.models[1].answers.reason
    assert len(measured.runs) == 2


@pytest.mark.parametrize("when", ["put", "answer", "time"])
def test_a_file_that_is_changed_while_it_is_timed_is_refused(
    exported: Path, tmp_path: Path, when: str
) -> None:
    """Its figures would stand in the record for those of the file that was looked at."""
    path = copied(exported, tmp_path, "float32")
    other = (exported / "theirs.int8.tflite").read_bytes()

    class Meddling(LocalDevice):
        def put(self, model: Path) -> str:
            if when == "put":
                path.write_bytes(other)
            return super().put(model)

        def time(self, job: dict[str, Any], doing: str, timeout: float) -> dict[str, Any]:
            answer = super().time(job, doing, timeout)
            path.write_bytes(other)
            return answer

        def answer(self, job: dict[str, Any], doing: str, timeout: float) -> dict[str, Any]:
            answer = super().answer(job, doing, timeout)
            if when == "answer":
                path.write_bytes(other)
            return answer

    kept: list[Measurement] = []
    with pytest.raises(ModelFileError, match=r"theirs\.float32\.tflite was changed while it was being timed"):
        measure([path], Meddling(), SHORT, keep=kept.append)
    assert kept == []


def test_a_small_error_of_a_float32_file_is_seen(exported: Path, tmp_path: Path) -> None:
    def nudge(document: dict[str, Any]) -> None:
        document["golden"][0]["scores"][0] += 2e-4

    with pytest.raises(CheckFailed, match="golden picture 1: score 0"):
        measure([copied(exported, tmp_path, "float32", nudge)], Untimed(), SHORT)


@pytest.mark.parametrize(
    ("kind", "own", "expected"),
    [
        ("float32", 0.05, 1e-4),
        ("float16", 0.001, 0.004),
        ("int8", 0.01, 0.02),
        ("dynamic", 0.01, 0.04),
        # What its quantization spoilt allows itself no more than others.
        ("float16", 0.9, 64 / 256),
        ("int8", 0.05, 16 / 256),
        ("int8", 0.9, 16 / 256),
        ("int8", 7.0, 16 / 256),
        ("dynamic", 0.05, 0.2),
        ("dynamic", 0.9, 64 / 256),
    ],
)
def test_how_far_scores_may_be_apart(
    exported: Path, tmp_path: Path, kind: str, own: float, expected: float
) -> None:
    def known(document: dict[str, Any]) -> None:
        document["parity"]["max_difference"] = own
        for entry in document["golden"]:
            entry["scores"] = [1.0, 0.0]

    questions = ready(copied(exported, tmp_path, kind, known))
    assert isinstance(questions, Questions)
    assert questions.tolerance == pytest.approx(expected)
    assert len(questions.inputs) == 3
    for tensor in questions.inputs:
        assert tensor.dtype == (np.int8 if kind == "int8" else np.float32)
        assert tensor.shape == (1, 48, 48, 3)


def test_an_int8_output_may_be_two_steps_apart(exported: Path, tmp_path: Path) -> None:
    path = copied(exported, tmp_path, "int8", lambda d: d["parity"].update(max_difference=0.0))
    questions = ready(path)
    assert isinstance(questions, Questions)
    assert questions.scale == pytest.approx(1 / 256)
    assert questions.tolerance == pytest.approx(2 / 256)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(golden=[]), "no golden pictures"),
        (small_scores, "zeros would pass"),
    ],
)
def test_what_cannot_be_checked_is_timed_and_says_why(
    exported: Path, tmp_path: Path, change: Change, words: str
) -> None:
    path = copied(exported, tmp_path, "int8", change)
    (model,) = measure([path], LocalDevice(), SHORT).models
    assert model.answers.verdict == NOT_CHECKED
    assert words in model.answers.reason


def test_inputs_too_large_to_send_are_not(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_BYTES", 3 * 48 * 48 * 3 * 4 - 1)
    asked = ready(exported / "theirs.float32.tflite")
    assert isinstance(asked, Answers) and "golden inputs take" in asked.reason
    monkeypatch.setattr(answers, "MOST_BYTES", 3 * 48 * 48 * 3 * 4)
    assert isinstance(ready(exported / "theirs.float32.tflite"), Questions)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("golden"),
        lambda d: d.pop("parity"),
        lambda d: d.update(golden=7),
        lambda d: d.update(golden=[7]),
        lambda d: d["golden"][0].update(picture="x"),
        lambda d: d["golden"][0].update(scores=[1.0]),
        lambda d: d["golden"][0].update(scores=["a", "b"]),
        lambda d: [entry.update(scores=[1.0, 0.0, 0.0]) for entry in d["golden"]],
        lambda d: d["golden"][2].update(scores=[float("nan"), 0.0]),
        lambda d: d["parity"].update(max_difference=None),
        lambda d: d["parity"].update(max_difference="x"),
        lambda d: d["parity"].update(tolerance=[]),
        lambda d: d["input"]["contract"].update(height=47),
    ],
)
def test_a_damaged_passport_is_named_before_anything_is_asked(
    exported: Path, tmp_path: Path, change: Change
) -> None:
    path = copied(exported, tmp_path, "int8", change)
    with pytest.raises(ModelFileError, match="export the model again"):
        ready(path)


@pytest.mark.parametrize(
    "outputs",
    [
        None,
        [],
        [7] * 3,
        [{"dtype": "float32", "shape": [1, 2], "data": "AAAA"}] * 3,
        [{"dtype": "float32", "shape": [1, 1], "data": "AAAAAA=="}] * 3,
        [{"dtype": "object", "shape": [1, 2], "data": "AAAAAAAAAAA="}] * 3,
        [{"dtype": "float32", "shape": [1, 2], "data": "?"}] * 3,
        [{"dtype": "float32", "shape": [1, 2], "data": "AAAAAAAAAAA="}] * 2,
    ],
)
def test_a_device_that_answers_with_nonsense_is_named(exported: Path, outputs: Any) -> None:
    class Confused(LocalDevice):
        def answer(self, job: dict[str, Any], doing: str, timeout: float) -> dict[str, Any]:
            return {"outputs": outputs}

    with pytest.raises(EnvironmentProblem, match=r"theirs\.float32\.tflite with litert answered wrongly"):
        measure([exported / "theirs.float32.tflite"], Confused(), SHORT)


def asked(scores: list[list[float]], tolerance: float) -> Questions:
    return Questions((), np.array(scores), 0.0, 0, tolerance)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_no_number_differs(bad: float) -> None:
    verdict = judge(asked([[0.25, 0.75]], 0.5), np.array([[0.25, bad]], np.float32))
    assert (verdict.verdict, verdict.difference) == (DIFFERS, None)
    assert "score 1" in verdict.reason


@pytest.mark.parametrize("own", [0.0, 1e-3, 0.02, 0.5, 0.9, 50.0])
@pytest.mark.parametrize(
    ("golden", "scale", "most"),
    [
        ([[0.9, 0.1], [0.2, 0.8]], 1 / 256, 16 / 256),
        ([[0.9, 0.1], [0.2, 0.8]], 0.0, 64 / 256),
        ([[12.0, -4.0], [-3.0, 9.0]], 0.0, 64 * 16 / 256),
        ([[12.0, -4.0], [-3.0, 9.0]], 0.1, 1.6),
        ([[12.0, -4.0], [-3.0, 9.0]], 1e-4, 16 * 16 / 256),  # 16 bits
    ],
)
def test_a_bad_file_is_held_as_tightly_as_a_good_one(
    golden: list[list[float]], scale: float, most: float, own: float
) -> None:
    tolerance = golden_answers.allowed(np.array(golden), scale, None, own)
    assert tolerance <= most + 1e-12
    assert tolerance <= max((2 if scale else 4) * own, 2 * scale, 1e-4 * np.abs(golden).max())


def test_half_precision_of_a_gpu_is_allowed_for_there_and_nowhere_else(exported: Path) -> None:
    questions = ready(exported / "theirs.float32.tflite")
    assert isinstance(questions, Questions)
    assert questions.tolerance < 1e-3 < questions.halved
    expected = questions.scores

    class Halved(LocalDevice):
        def answer(self, job: dict[str, Any], doing: str, timeout: float) -> dict[str, Any]:
            off = [(row + 1e-3).astype(np.float32) for row in expected]
            return {"outputs": [answers._packed(row) for row in off]}

    path = exported / "theirs.float32.tflite"
    for delegate, verdict in (("gpu", VERIFIED), ("default", DIFFERS), ("none", DIFFERS)):
        protocol = replace(SHORT, delegate=delegate)
        assert answers.check(Halved(), "", path, questions, protocol, 60).verdict == verdict


scores = st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4)


@given(scores, scores, st.floats(0, 1))
def test_a_verdict_is_the_largest_difference(
    scored: list[float], expected: list[float], tolerance: float
) -> None:
    verdict = judge(
        asked([scored[:2], scored[2:]], tolerance), np.array([expected[:2], expected[2:]], np.float32)
    )
    largest = max(abs(a - b) for a, b in zip(scored, expected, strict=True))
    assert verdict.difference == pytest.approx(largest)
    assert (verdict.verdict == VERIFIED) == (largest <= tolerance)
    assert verdict.pictures == 2
