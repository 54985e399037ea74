"""The worker as a board sees it: one file, run as a script, with the real runtimes."""

import ast
import base64
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from installed import INSTALLED
from worker_process import JOB, ask, model

from mobilecnn.bench.devices import packing, worker
from mobilecnn.bench.devices.packing import pack, worker_file
from mobilecnn.bench.devices.worker import runtimes, tasks
from mobilecnn.bench.devices.worker.machine import PROBE_SPINS
from mobilecnn.bench.devices.worker.problem import Problem
from mobilecnn.errors import BY_NAME, EnvironmentProblem
from mobilecnn.quantize.runtimes import RUNTIMES, interpreter_class

SOURCES = sorted(Path(worker.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_python_3_9_can_read_it(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    # X | Y in annotations is fine in 3.9 only because nobody evaluates them.
    imported = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert "__future__" in imported or len(tree.body) == 1
    evaluated = [node for node in ast.walk(tree) if isinstance(node, ast.Call | ast.Assign)]
    for node in evaluated:
        for part in ast.walk(node):
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
                names = [ast.unparse(side) for side in (part.left, part.right)]
                assert not {"int", "str", "float", "None", "dict", "list"} & set(names), names


def test_it_imports_itself_the_standard_library_numpy_and_runtimes_only() -> None:
    names = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                module = str(node.module)
                names.add(
                    "itself" if f"{module}.".startswith(f"{worker.__name__}.") else module.split(".")[0]
                )
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
                assert ast.unparse(node.args[0]) == "MODULES[name]"
    assert names - set(sys.stdlib_module_names) == {"numpy", "itself"}
    assert {name.split(".")[0] for name in runtimes.MODULES.values()} == {"ai_edge_litert", "tflite_runtime"}
    assert set(runtimes.MODULES) == set(runtimes.PACKAGES) == set(runtimes.REQUIREMENTS) == set(RUNTIMES)


def test_it_is_packed_whole_and_always_alike() -> None:
    assert pack() == pack()
    with zipfile.ZipFile(worker_file()) as archive:
        inside = {name: archive.read(name).decode() for name in archive.namelist()}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    for path in SOURCES:
        name = path.name if path.name == "__main__.py" else f"mobilecnn/bench/devices/worker/{path.name}"
        assert inside.pop(name) == path.read_text()
    assert set(inside.values()) == {""} and len(inside) == 3


def test_a_damaged_copy_in_the_cache_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    there = worker_file()
    for damage in (b"", pack()[:100], bytes(len(pack()))):
        there.write_bytes(damage)
        assert worker_file() == there and there.read_bytes() == pack()


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    there = worker_file()
    assert not there.is_relative_to("/proc") and there.read_bytes() == pack()
    monkeypatch.setattr(packing, "_private_folder", lambda: Path("/proc/nowhere"))
    with pytest.raises(EnvironmentProblem, match=r"cannot write /proc/nowhere/.*; set TMPDIR to a folder"):
        worker_file()


@pytest.mark.parametrize("runtime", INSTALLED)
@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_it_times_a_model_wherever_it_lies(exported: Path, tmp_path: Path, runtime: str, kind: str) -> None:
    alone = tmp_path / "worker.pyz"
    shutil.copy(worker_file(), alone)
    answer = ask({**JOB, "model": model(exported, kind), "runtime": runtime}, "-I", script=alone)
    assert answer["runtime_version"].split(".")[0].isdigit()
    assert answer["xnnpack_partitions"] is None or answer["xnnpack_partitions"] >= 0
    assert len(answer["warmup_ns"]) == 2
    assert len(answer["samples_ns"]) == 5
    assert min(answer["init_ns"], answer["first_ns"], *answer["samples_ns"]) > 0
    # The samples are inside the timed part, and nearly all of it.
    assert sum(answer["samples_ns"]) <= answer["timed_seconds"] * 1e9
    assert 20e6 < answer["baseline_rss_bytes"] <= answer["peak_rss_bytes"] < 300e6
    assert answer["other_cpu_seconds"] >= 0
    for reading in (answer["before"], answer["after"]):
        assert len(reading["probe_ns"]) == PROBE_SPINS
        assert all(spin > 0 for spin in reading["probe_ns"])


def packed(values: Any) -> dict[str, Any]:
    data = base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()
    return {"dtype": values.dtype.name, "shape": list(values.shape), "data": data}


@pytest.mark.parametrize("runtime", INSTALLED)
@pytest.mark.parametrize(("kind", "dtype"), [("float32", np.float32), ("int8", np.int8)])
def test_it_answers_given_inputs(
    exported: Path, tmp_path: Path, runtime: str, kind: str, dtype: type[Any]
) -> None:
    """Held against an interpreter of the test's own: LiteRT, for two runtimes in one process break each other."""
    shutil.copy(worker_file(), tmp_path / "worker.pyz")
    rng = np.random.default_rng(3)
    images = [rng.integers(-100, 100, (1, 48, 48, 3)).astype(dtype) for _ in range(2)]
    job = {"task": "answer", "model": model(exported, kind), "runtime": runtime, "threads": 1,
           "inputs": [packed(image) for image in images]}  # fmt: skip
    answer = ask(job, "-I", script=tmp_path / "worker.pyz")
    interpreter = interpreter_class("litert")(model_path=model(exported, kind), num_threads=1)
    interpreter.allocate_tensors()
    assert set(answer) == {"outputs"}
    for image, output in zip(images, answer["outputs"], strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        assert (output["dtype"], output["shape"]) == (expected.dtype.name, [1, 2])
        given = np.frombuffer(base64.b64decode(output["data"]), expected.dtype)
        np.testing.assert_allclose(given.astype(float), expected.ravel(), atol=1 if kind == "int8" else 1e-6)


@pytest.mark.parametrize(
    "image", [np.zeros((1, 48, 48, 3), np.int8), np.zeros((1, 40, 40, 3), np.float32)], ids=["type", "size"]
)
@pytest.mark.parametrize("runtime", INSTALLED)
def test_an_input_that_does_not_fit_is_refused(exported: Path, runtime: str, image: Any) -> None:
    job = {
        "task": "answer",
        "model": model(exported),
        "runtime": runtime,
        "threads": 1,
        "inputs": [packed(image)],
    }
    answer = ask(job)
    assert answer["error"] == "ModelFileError"
    assert "theirs.float32.tflite on a given input" in answer["message"]


def test_what_lies_beside_it_is_not_imported(exported: Path, tmp_path: Path) -> None:
    for name in ("statistics.py", "random.py", "json.py", "numpy.py"):
        (tmp_path / name).write_text("raise SystemExit('imported what lies beside')")
    shutil.copy(worker_file(), tmp_path / "worker.pyz")
    assert "samples_ns" in ask({**JOB, "model": model(exported)}, script=tmp_path / "worker.pyz")
    assert "samples_ns" in ask({**JOB, "model": model(exported)})


def test_xnnpack_is_seen(exported: Path) -> None:
    assert ask({**JOB, "model": model(exported)})["xnnpack_partitions"] >= 1


@pytest.mark.parametrize("runtime", INSTALLED)
@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_a_delegate_is_what_was_asked_for(exported: Path, runtime: str, kind: str) -> None:
    job = {**JOB, "model": model(exported, kind), "runtime": runtime}
    default, asked = ask(job)["delegates"], ask({**job, "delegate": "xnnpack"})
    if (runtime, kind) == ("tflite-runtime", "int8"):  # Its XNNPACK is built for floats only.
        assert default == [] and asked["error"] == "EnvironmentProblem"
        assert "finds no operator that XNNPACK can run" in asked["message"]
    else:
        (found,) = default
        assert found["name"] == "xnnpack" and found["parts"] >= 1 and asked["delegates"] == default
    without = ask({**job, "delegate": "none"})
    assert without["delegates"] == [] and without["xnnpack_partitions"] == 0


def test_a_delegate_that_is_not_had_is_refused() -> None:
    """Of two runtimes in place of a real one: neither does what it is asked."""
    stubborn = SimpleNamespace(_get_ops_details=lambda: [{"op_name": "DELEGATE"}])
    bare = SimpleNamespace(_get_ops_details=lambda: [{"op_name": "CONV_2D"}])
    silent = SimpleNamespace()
    for interpreter, asked, words in (
        (stubborn, "none", "uses XNNPACK nevertheless"),
        (bare, "xnnpack", "finds no operator that XNNPACK can run"),
        (silent, "xnnpack", "does not tell whether it uses XNNPACK"),
    ):
        with pytest.raises(Problem, match=words):
            runtimes.delegates(interpreter, asked, "1.0")
    assert runtimes.delegates(silent, "default", "1.0") is None


def test_seconds_and_runs_are_both_minima(exported: Path) -> None:
    job = {**JOB, "model": model(exported), "warmup_seconds": 0.2, "seconds": 0.3, "runs": 1}
    answer = ask(job)
    # That it goes on for so long, and no longer, is held against a clock of the test's own below.
    assert len(answer["warmup_ns"]) >= 2 and len(answer["samples_ns"]) >= 1
    assert answer["timed_seconds"] >= 0.3
    # However fast or slow it is: so many take longer than the seconds.
    assert len(ask({**job, "runs": 9})["samples_ns"]) >= 9
    assert len(ask({**job, "seconds": 100.0, "most_runs": 7})["samples_ns"]) == 7


def test_the_stop_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that only the work itself moves, so that it is the same on every machine."""
    now = 5_000_000_000
    monkeypatch.setattr(tasks, "time", SimpleNamespace(perf_counter_ns=lambda: now))

    def work() -> None:
        nonlocal now
        now += 10_000_000

    assert tasks.repeat(work, 3, 0.0, 150.0, 100) == [10_000_000] * 3
    assert len(tasks.repeat(work, 3, 0.1, 150.0, 100)) == 10
    assert len(tasks.repeat(work, 12, 0.1, 150.0, 100)) == 12
    assert len(tasks.repeat(work, 1000, 0.0, 0.05, 1000)) == 5
    assert len(tasks.repeat(work, 1000, 10.0, 150.0, 4)) == 4
    assert tasks.repeat(work, 0, 0.0, 150.0, 100) == []


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("float32", -1, 1), ("int8", -128, 127), ("uint8", 0, 255), ("int16", -32768, 32767)],
)
def test_inputs_are_random_over_their_range_and_seeded(dtype: str, low: int, high: int) -> None:
    details = {"name": "image", "shape": np.array([1, 64, 64, 3]), "dtype": np.dtype(dtype).type}
    tensor, same, other = (
        runtimes.random_input(np, np.random.default_rng(seed), details) for seed in (1, 1, 2)
    )
    assert tensor.dtype == dtype
    assert tensor.shape == (1, 64, 64, 3)
    assert low <= tensor.min() < low + 0.05 * (high - low)
    assert high >= tensor.max() > high - 0.05 * (high - low)
    assert np.array_equal(tensor, same)
    assert not np.array_equal(tensor, other)


def test_other_input_types_are_refused() -> None:
    details = {"name": "ids", "shape": np.array([1, 4]), "dtype": np.int64}
    with pytest.raises(Problem, match="int64") as caught:
        runtimes.random_input(np, np.random.default_rng(0), details)
    assert caught.value.kind in BY_NAME


def broken(folder: Path, package: str, statement: str) -> str:
    """A PYTHONPATH on which ``package`` cannot be imported."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text(statement)
    return str(folder)


@pytest.mark.parametrize(
    ("runtime", "package", "words"),
    [
        ("litert", "ai_edge_litert", ["pip install ai-edge-litert"]),
        ("tflite-runtime", "tflite_runtime", ["pip install tflite-runtime", "numpy<2"]),
    ],
)
@pytest.mark.parametrize(
    "statement",
    ["raise ImportError('gone')", "raise AttributeError('odd')", "raise SystemError('what\\nmore')"],
)
def test_a_missing_runtime(
    exported: Path, tmp_path: Path, runtime: str, package: str, words: list[str], statement: str
) -> None:
    path = broken(tmp_path, package, statement)
    answer = ask({**JOB, "model": model(exported), "runtime": runtime}, PYTHONPATH=path)
    assert answer["error"] == "EnvironmentProblem"
    for word in [*words, re.findall("'([a-z]+)", statement)[0]]:
        assert word in answer["message"]


def test_numpy_2_is_too_new_for_tflite_runtime() -> None:
    advice = (
        r".*-m pip install tflite-runtime 'numpy<2'"
        if sys.version_info[:2] <= (3, 11)
        else "it has wheels up to Python 3.11 only; use --runtime litert"
    )
    with pytest.raises(Problem, match=rf"numpy 2\.0\.2; {advice}") as caught:
        runtimes.load_runtime("tflite-runtime", "2.0.2")
    assert caught.value.kind == "EnvironmentProblem"


def test_a_missing_numpy(exported: Path) -> None:
    answer = ask({**JOB, "model": model(exported)}, "-S")
    assert answer["error"] == "EnvironmentProblem"
    assert "pip install numpy" in answer["message"]


@pytest.mark.parametrize("runtime", INSTALLED)
@pytest.mark.parametrize("name", ["missing.tflite", "text.tflite"])
def test_a_model_that_cannot_be_loaded(tmp_path: Path, runtime: str, name: str) -> None:
    (tmp_path / "text.tflite").write_text("not a model" * 100)
    answer = ask({**JOB, "model": str(tmp_path / name), "runtime": runtime})
    assert answer["error"] == "ModelFileError"
    assert name in answer["message"]
    assert runtime in answer["message"]


def test_an_unknown_runtime_is_refused_with_the_known(exported: Path) -> None:
    answer = ask({**JOB, "model": model(exported), "runtime": "onnx"})
    assert answer == {
        "error": "UsageError",
        "message": "unknown runtime 'onnx'; choose one of litert, tflite-runtime",
    }


@pytest.mark.parametrize("job", ["", "not json", "[]", '{"task": "fly"}', "{}"])
def test_a_job_that_is_none(job: str) -> None:
    answer = ask(job)
    assert answer["error"] == "EnvironmentProblem"
    assert "job" in answer["message"]


def test_it_ends_with_its_input(exported: Path) -> None:
    job = {**JOB, "model": model(exported), "seconds": 140.0, "until_input_closes": True}
    with subprocess.Popen(
        [sys.executable, "-P", str(worker_file())], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        time.sleep(1.5)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=100) == 1
