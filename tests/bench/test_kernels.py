"""A file's answers by several kernels: alike, or different from the operator on that is named."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mobilecnn.bench.records.measurement import DIFFERS, NOT_CHECKED, VERIFIED
from mobilecnn.bench.timing import kernels
from mobilecnn.bench.timing.kernels import Codes, divergence
from mobilecnn.cli import cli
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.prefix import prefix, stops
from mobilecnn.errors import CheckFailed
from mobilecnn.files import sha256
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.tensors import write

FORMATS = ("float32", "float16", "int8", "dynamic")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", FORMATS)
def test_every_kernel_here_gives_the_golden_answers(exported: Path, name: str) -> None:
    done = run("verify", exported / f"theirs.{name}.tflite", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [(row["where"], row["kernels"]) for row in found["asked"]] == [
        ("here", "reference"),
        ("here", "built-in"),
        ("here", "XNNPACK"),
    ]
    assert (
        found["sha256"] == sha256((exported / f"theirs.{name}.tflite").read_bytes())
        and found["pictures"] == 3
    )
    for row in found["asked"]:
        assert row["verdict"] == VERIFIED and row["difference"] <= row["allowed"]
        assert (row["difference"] == 0) == (row["differing"] == 0) or row["steps"] < 1
    # XNNPACK made the golden answers.
    assert found["asked"][2]["difference"] == pytest.approx(0, abs=1e-6)
    assert "--device emulated asks" in done.stderr


def test_the_emulated_runtime_is_asked(exported: Path, emulated_root: Path) -> None:
    done = run("verify", exported / "theirs.int8.tflite", "--device", "emulated", "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["asked"]
    assert [(row["where"], row["kernels"]) for row in rows[3:]] == [
        ("emulated", "built-in"),
        ("emulated", "XNNPACK"),
    ]
    for row in rows[3:]:
        assert row["verdict"] == VERIFIED and row["steps"] <= 2


def place(folder: Path, exported: Path, name: str = "theirs.int8") -> Path:
    for suffix in (".tflite", ".json"):
        shutil.copy(exported / f"{name}{suffix}", folder / f"it{suffix}")
    return folder / "it.tflite"


def test_another_file_fails_the_check(exported: Path, tmp_path: Path) -> None:
    model = place(tmp_path, exported)
    shutil.copy(exported / "theirs.float32.tflite", model)
    done = run("verify", model)
    assert done.exit_code == 1 and "is not the file that its passport it.json describes" in done.stderr


def test_wrong_answers_fail_the_check_and_say_where(exported: Path, tmp_path: Path) -> None:
    model = place(tmp_path, exported)
    card = json.loads(model.with_suffix(".json").read_text())
    card["golden"][1]["scores"] = [1 - score for score in card["golden"][1]["scores"]]
    card["golden"][0]["scores"] = [score + 0.3 for score in card["golden"][0]["scores"]]
    model.with_suffix(".json").write_text(json.dumps(card))
    done = run("verify", model)
    assert done.exit_code == 1
    for name in ("reference", "built-in", "XNNPACK"):
        assert f"{name} kernels, here: golden picture" in done.stderr
    assert done.stdout.count("  differs ") == 3


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda model: model.with_suffix(".json").unlink(), "has no passport beside it"),
        (lambda model: model.unlink(), "no such model"),
        (lambda model: model.with_suffix(".json").write_text("{}"), "is not a passport|not a passport"),
    ],
    ids=["no passport", "no file", "no passport in it"],
)
def test_what_cannot_be_verified_is_refused(
    exported: Path, tmp_path: Path, damage: object, words: str
) -> None:
    model = place(tmp_path, exported)
    damage(model)  # type: ignore[operator]
    done = run("verify", model)
    assert done.exit_code == 2 and any(word in done.stderr for word in words.split("|")), done.stderr


def test_the_operator_is_named_from_which_answers_differ(exported: Path, tmp_path: Path) -> None:
    """Kernels that are wrong from one operator on, as the file is cut behind each in turn."""
    content = (exported / "theirs.int8.tflite").read_bytes()
    places = stops(flatbuffer.parse(content, "it"))
    names = [tensor.name for _, _, tensor in places]
    images = np.random.default_rng(0).uniform(0, 255, (2, 48, 48, 3)).astype(np.float32)
    write(tmp_path / "in.npy", images, images.shape)
    with TfliteProcess("under test") as process:

        def right(path: Path, dtype: str) -> Codes:
            process.run(path, tmp_path / "in.npy", tmp_path / "out.npy", kernels="builtin", raw=True)
            return np.asarray(np.load(tmp_path / "out.npy")).astype(dtype)

        assert divergence(Path("it"), content, right, right, tmp_path) is None
        for culprit in (0, len(names) // 2, len(names) - 1):

            def wrong(path: Path, dtype: str, culprit: int = culprit) -> Codes:
                graph = flatbuffer.graph(path.read_bytes(), "it")
                made = {operation.outputs[0].name for operation in graph.operations}
                codes = right(path, dtype).astype(np.int64)
                return (codes - 3 * np.where(codes > 0, 1, -1) * (names[culprit] in made)).astype(dtype)

            found = divergence(Path("it"), content, wrong, right, tmp_path)
            assert found is not None and (found.name, found.steps) == (names[culprit], 3)


def test_answers_that_are_no_numbers_differ_whatever_is_allowed(exported: Path, tmp_path: Path) -> None:
    """Even where zeros would pass, and the operator that they come from is named."""
    path = exported / "theirs.float32.tflite"
    content = path.read_bytes()
    questions = replace(kernels._questions(path, content), tolerance=1e9)
    places = stops(flatbuffer.parse(content, "it"))
    culprit = places[len(places) // 2][2].name
    with TfliteProcess("under test") as process:
        right = kernels._here(process, questions, "builtin", tmp_path)

        def wrong(path: Path, dtype: str) -> Codes:
            made = {each.outputs[0].name for each in flatbuffer.graph(path.read_bytes(), "it").operations}
            return right(path, dtype) * np.float32(np.nan if culprit in made else 1)

        asked = kernels._asked(path, content, questions, "here", "XNNPACK", wrong, right, tmp_path)
        fine = kernels._asked(path, content, questions, "here", "XNNPACK", right, right, tmp_path)
    assert (asked.verdict, fine.verdict) == (DIFFERS, NOT_CHECKED)
    assert asked.operator is not None and (asked.operator.name, asked.operator.steps) == (culprit, None)
    verification = kernels.Verification(str(path), "", 1, (asked,))
    with pytest.raises(CheckFailed, match="does not give its golden answers"):
        kernels.refuse_different(verification)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_can_end_behind_each_operator(exported: Path, tmp_path: Path, name: str) -> None:
    content = (exported / f"theirs.{name}.tflite").read_bytes()
    graph = flatbuffer.graph(content, "it")
    for place_, kind, tensor in stops(flatbuffer.parse(content, "it")):
        cut = flatbuffer.graph(prefix(content, "it", place_), "cut")
        assert len(cut.operations) == place_ + 1 and cut.operations[-1].kind == kind
        assert cut.outputs == (tensor,) and cut.inputs == graph.inputs
