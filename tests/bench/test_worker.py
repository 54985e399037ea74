"""The worker as a board sees it: one file, run as a script, with the real runtimes."""

import ast
import base64
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from installed import INSTALLED

from mobilecnn.bench.devices import worker
from mobilecnn.errors import BY_NAME
from mobilecnn.quantize.runtimes import RUNTIMES, interpreter_class

"""tflite-runtime has no wheel for Python 3.12."""

SOURCE = Path(worker.__file__)
JOB: dict[str, Any] = {
    "task": "time", "runtime": "litert", "threads": 1, "seed": 0, "warmup_runs": 2, "warmup_seconds": 0.0,
    "runs": 5, "seconds": 0.0, "longest_seconds": 150.0, "most_runs": 100_000,
}  # fmt: skip


def ask(job: dict[str, Any] | str, *python: str, script: Path = SOURCE, **environment: str) -> dict[str, Any]:
    """One job to the script; its answer, which must be the only line on standard output."""
    text = job if isinstance(job, str) else json.dumps(job)
    done = subprocess.run(
        [sys.executable, *python, str(script)], input=text + "\n", capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment}, check=True,
    )  # fmt: skip
    (line,) = done.stdout.splitlines()
    answer: dict[str, Any] = json.loads(line)
    return answer


def model(exported: Path, kind: str = "float32") -> str:
    return str(exported / f"theirs.{kind}.tflite")


def test_python_3_9_can_read_it() -> None:
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 9))
    # X | Y in annotations is fine in 3.9 only because nobody evaluates them.
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    evaluated = [node for node in ast.walk(tree) if isinstance(node, ast.Call | ast.Assign)]
    for node in evaluated:
        for part in ast.walk(node):
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
                names = [ast.unparse(side) for side in (part.left, part.right)]
                assert not {"int", "str", "float", "None", "dict", "list"} & set(names), names


def test_it_imports_the_standard_library_numpy_and_runtimes_only() -> None:
    names = set()
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
            assert ast.unparse(node.args[0]) == "MODULES[name]"
    assert names - set(sys.stdlib_module_names) == {"numpy"}
    assert {name.split(".")[0] for name in worker.MODULES.values()} == {"ai_edge_litert", "tflite_runtime"}
    assert set(worker.MODULES) == set(worker.PACKAGES) == set(worker.INSTALL) == set(RUNTIMES)


@pytest.mark.parametrize("runtime", INSTALLED)
@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_it_times_a_model_wherever_it_lies(exported: Path, tmp_path: Path, runtime: str, kind: str) -> None:
    alone = tmp_path / "worker.py"
    shutil.copy(SOURCE, alone)
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
        assert len(reading["probe_ns"]) == worker.PROBE_SPINS
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
    shutil.copy(SOURCE, tmp_path / "worker.py")
    rng = np.random.default_rng(3)
    images = [rng.integers(-100, 100, (1, 48, 48, 3)).astype(dtype) for _ in range(2)]
    job = {"task": "answer", "model": model(exported, kind), "runtime": runtime, "threads": 1,
           "inputs": [packed(image) for image in images]}  # fmt: skip
    answer = ask(job, "-I", script=tmp_path / "worker.py")
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
    """In its own folder there is a statistics.py, as in the standard library."""
    for name in ("statistics.py", "random.py", "json.py", "numpy.py"):
        (tmp_path / name).write_text("raise SystemExit('imported what lies beside')")
    shutil.copy(SOURCE, tmp_path / "worker.py")
    assert "samples_ns" in ask({**JOB, "model": model(exported)}, script=tmp_path / "worker.py")
    assert "samples_ns" in ask({**JOB, "model": model(exported)})


def test_xnnpack_is_seen(exported: Path) -> None:
    assert ask({**JOB, "model": model(exported)})["xnnpack_partitions"] >= 1


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
    monkeypatch.setattr(worker, "time", SimpleNamespace(perf_counter_ns=lambda: now))

    def work() -> None:
        nonlocal now
        now += 10_000_000

    assert worker._repeat(work, 3, 0.0, 150.0, 100) == [10_000_000] * 3
    assert len(worker._repeat(work, 3, 0.1, 150.0, 100)) == 10
    assert len(worker._repeat(work, 12, 0.1, 150.0, 100)) == 12
    assert len(worker._repeat(work, 1000, 0.0, 0.05, 1000)) == 5
    assert len(worker._repeat(work, 1000, 10.0, 150.0, 4)) == 4
    assert worker._repeat(work, 0, 0.0, 150.0, 100) == []


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("float32", -1, 1), ("int8", -128, 127), ("uint8", 0, 255), ("int16", -32768, 32767)],
)
def test_inputs_are_random_over_their_range_and_seeded(dtype: str, low: int, high: int) -> None:
    details = {"name": "image", "shape": np.array([1, 64, 64, 3]), "dtype": np.dtype(dtype).type}
    one, same, other = (worker._random(np, np.random.default_rng(seed), details) for seed in (1, 1, 2))
    assert one.dtype == dtype
    assert one.shape == (1, 64, 64, 3)
    assert low <= one.min() < low + 0.05 * (high - low)
    assert high >= one.max() > high - 0.05 * (high - low)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_other_input_types_are_refused() -> None:
    details = {"name": "ids", "shape": np.array([1, 4]), "dtype": np.int64}
    with pytest.raises(worker.Problem, match="int64") as caught:
        worker._random(np, np.random.default_rng(0), details)
    assert caught.value.kind in BY_NAME


def test_peak_memory_is_its_own_and_not_its_parents(exported: Path) -> None:
    ballast = np.ones(60_000_000)  # 480 MB that a child inherits as its high-water mark.
    answer = ask({**JOB, "model": model(exported)})
    assert answer["peak_rss_bytes"] < ballast.nbytes


def test_the_machine_is_described() -> None:
    facts = ask({"task": "probe"})
    assert facts["machine"] == os.uname().machine
    assert facts["cores"] == len(os.sched_getaffinity(0))
    assert facts["memory_bytes"] == pytest.approx(
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), rel=0.02
    )
    assert facts["python"] == sys.version.split()[0]
    assert facts["numpy"] == np.__version__
    assert facts["kernel"] == f"Linux {os.uname().release}"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty /proc and /sys, for the readers of this process."""
    for name in ("PROC", "CPUS", "THERMAL"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(worker, name, tmp_path / name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def grow(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_raspberry_pi_is_read(fake: Path) -> None:
    grow(
        fake,
        {
            "CPUS/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "CPUS/cpu1/cpufreq/scaling_governor": "ondemand\n",
            "CPUS/cpu2/cpufreq/scaling_governor": "performance\n",
            "CPUS/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
            "CPUS/cpu1/cpufreq/scaling_cur_freq": "<unknown>\n",
            "THERMAL/thermal_zone0/temp": "51540\n",
            "THERMAL/thermal_zone0/type": "cpu-thermal\n",
            "PROC/loadavg": "0.52 0.40 0.31 2/166 16607\n",
            "PROC/meminfo": "MemTotal:  948304 kB\nMemFree:  1 kB\nMemAvailable:  700000 kB\n",
            "PROC/vmstat": "pgpgin 7\npswpin 3\npswpout 4\npswpout_x 9\n",
            "bin/vcgencmd": '#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x50005\n',
        },
    )
    (fake / "bin/vcgencmd").chmod(0o755)
    assert worker._surroundings() == {
        "throttled": 0x50005,
        "governors": ["ondemand", "performance"],
        "load_average": 0.52,
        "available_bytes": 700_000 * 1024,
        "swapped_bytes": 7 * os.sysconf("SC_PAGE_SIZE"),
    }
    assert worker.read_state({}) == {
        "frequencies_khz": {"cpu0": 1_500_000},
        "temperatures_c": {"thermal_zone0 cpu-thermal": 51.54},
        "throttled": 0x50005,
    }


@pytest.mark.parametrize("says", ["echo error=1", "echo throttled=soon", "exit 1", "exit 0"])
def test_a_firmware_that_does_not_answer_is_unknown(fake: Path, says: str) -> None:
    grow(fake, {"bin/vcgencmd": f"#!/bin/sh\n{says}\n"})
    (fake / "bin/vcgencmd").chmod(0o755)
    assert worker._throttled() is None


def test_a_machine_that_tells_nothing(fake: Path) -> None:
    assert worker._surroundings() == {
        "throttled": None,
        "governors": [],
        "load_average": None,
        "available_bytes": None,
        "swapped_bytes": None,
    }
    assert worker._cpu_by_process() == {}
    assert worker._heaviest({}, {}) == {}


def process(name: str, user: int, system: int) -> str:
    """A line of /proc/PID/stat, times in ticks."""
    return f"7 ({name}) S 1 7 7 0 -1 4194560 1 2 3 4 {user} {system} 0 0 20 0 1 0 123 1000 100\n"


def test_the_heaviest_other_programs(fake: Path) -> None:
    tick = 1 / os.sysconf("SC_CLK_TCK")
    grow(
        fake,
        {
            "PROC/10/stat": process("chrome", 100, 20),
            "PROC/11/stat": process("chrome", 0, 0),
            "PROC/12/stat": process("a) b (c", 5, 5),
            "PROC/13/stat": process("red\x1b[31m", 5, 5),
            "PROC/14/stat": process("idle", 900, 900),
            f"PROC/{os.getpid()}/stat": process("python", 0, 0),
            "PROC/15/stat": "damaged",
            "PROC/self/stat": process("python", 0, 0),
        },
    )
    before = worker._cpu_by_process()
    name, seconds = before[12, "123"]
    assert name == "a) b (c" and seconds == pytest.approx(10 * tick)
    assert {number for number, _ in before} == {10, 11, 12, 13, 14}
    grow(
        fake,
        {
            "PROC/10/stat": process("chrome", 130, 30),
            "PROC/11/stat": process("chrome", 10, 0),
            "PROC/12/stat": process("a) b (c", 8, 5),
            "PROC/13/stat": process("red\x1b[31m", 9, 5),
            f"PROC/{os.getpid()}/stat": process("python", 900, 0),
            "PROC/14/stat": process("idle by another name", 901, 900),
            "PROC/16/stat": process("new", 20, 0),
        },
    )
    found = worker._heaviest(before, worker._cpu_by_process())
    assert found == {
        "chrome": pytest.approx(50 * tick), "new": pytest.approx(20 * tick), "red?[31m": pytest.approx(4 * tick),
    }  # fmt: skip
    assert list(found) == ["chrome", "new", "red?[31m"]


def test_a_busy_neighbour_is_seen_by_name() -> None:
    """On the real /proc. How much it gets depends on who else is there; that it gets some does not."""
    spin = "open('/proc/self/comm', 'w').write('noisy one')\nprint(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE) as noisy:
        assert noisy.stdout is not None
        noisy.stdout.readline()
        before, end = worker._cpu_by_process(), time.monotonic() + 60
        (key,) = (each for each in before if each[0] == noisy.pid)
        while worker._cpu_by_process()[key][1] <= before[key][1] and time.monotonic() < end:
            time.sleep(0.05)
        after = worker._cpu_by_process()
        noisy.kill()
    assert after[key][1] > before[key][1] and after[key][0] == "noisy one"
    assert os.getpid() not in {number for number, _ in after}


def test_the_readings_hold_what_is_around(exported: Path) -> None:
    answer = ask({**JOB, "model": model(exported), "seconds": 0.5})
    assert len(answer["heaviest_cpu_seconds"]) <= worker.HEAVIEST
    assert all(seconds > 0 for seconds in answer["heaviest_cpu_seconds"].values())
    for reading in (answer["before"], answer["after"]):
        assert reading["load_average"] >= 0
        assert 1e6 < reading["available_bytes"] < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def messages(job: dict[str, Any]) -> list[dict[str, Any]]:
    """All lines of the answer to a job."""
    done = subprocess.run(
        [sys.executable, str(SOURCE)],
        input=json.dumps(job) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


STREAM: dict[str, Any] = {
    "task": "stream", "runtime": "litert", "threads": 1, "seed": 0, "runs": 1, "seconds": 1.0, "window_seconds": 0.3,
    "most_runs": 2**62, "most_samples": 50,
}  # fmt: skip


def test_a_stream_comes_in_windows_that_follow_each_other(exported: Path) -> None:
    start, *windows, end = messages({**STREAM, "model": model(exported)})
    assert start["first_ns"] > 0 and set(start["state"]) == {"frequencies_khz", "temperatures_c", "throttled"}
    assert end == {"end": True}
    # Of 0.3 s each; a rest that would be shorter than half a window is part of the last.
    assert 1 <= len(windows) <= 4
    times = [window[name] for window in windows for name in ("begin_seconds", "end_seconds")]
    assert times == sorted(times)
    assert times[-1] >= 1.0
    for window in windows:
        length = window["end_seconds"] - window["begin_seconds"]
        # Nearly all of it is inference.
        assert window["count"] * window["minimum_ns"] / 1e9 <= length
        assert length >= 0.15
        assert 1 <= len(window["samples_ns"]) <= 50
        assert window["minimum_ns"] <= window["median_ns"] <= window["p90_ns"] <= window["maximum_ns"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"runs": 40, "seconds": 0.0, "window_seconds": 0.0001}, range(40, 10_000)),
        ({"most_runs": 7}, range(7, 8)),
        ({"runs": 1, "seconds": 1e-9}, range(1, 10**6)),
    ],
)
def test_a_stream_ends_after_runs_and_seconds_or_at_the_bound(
    exported: Path, change: dict[str, Any], expected: range
) -> None:
    _, *windows, end = messages({**STREAM, "model": model(exported), "most_samples": 10**6, **change})
    assert end == {"end": True}
    assert sum(window["count"] for window in windows) in expected
    assert all(len(window["samples_ns"]) == window["count"] for window in windows)


def test_a_stream_of_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    (answer,) = messages({**STREAM, "model": str(tmp_path / "gone.tflite")})
    assert answer["error"] == "ModelFileError"


def test_a_machine_without_numpy_is_still_described() -> None:
    assert ask({"task": "probe"}, "-S")["numpy"] is None


def broken(folder: Path, package: str, statement: str) -> str:
    """A PYTHONPATH on which ``package`` cannot be imported."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text(statement)
    return str(folder)


@pytest.mark.parametrize(
    ("runtime", "package", "words"),
    [
        ("litert", "ai_edge_litert", ["pip install ai-edge-litert"]),
        ("tflite-runtime", "tflite_runtime", ["pip install tflite-runtime", "3.11", "numpy<2"]),
    ],
)
@pytest.mark.parametrize(
    "statement", ["raise ImportError('gone')", "raise AttributeError('_ARRAY_API not found')"]
)
def test_a_missing_runtime(
    exported: Path, tmp_path: Path, runtime: str, package: str, words: list[str], statement: str
) -> None:
    path = broken(tmp_path, package, statement)
    answer = ask({**JOB, "model": model(exported), "runtime": runtime}, PYTHONPATH=path)
    assert answer["error"] == "EnvironmentProblem"
    for word in [*words, "gone" if "gone" in statement else "_ARRAY_API"]:
        assert word in answer["message"]


def test_numpy_2_is_too_new_for_tflite_runtime() -> None:
    with pytest.raises(
        worker.Problem, match=r"numpy 2\.0\.2; pip install tflite-runtime 'numpy<2'"
    ) as caught:
        worker._runtime("tflite-runtime", "2.0.2")
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
        [sys.executable, "-P", str(SOURCE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        time.sleep(1.5)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=100) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_the_memorys_bandwidth(threads: int) -> None:
    answer = ask({"task": "bandwidth", "threads": threads, "seconds": 0.02})
    assert answer["bytes"] >= 2 * worker.SMALLEST_COPY and answer["samples_ns"]
    assert min(answer["samples_ns"]) > 0
