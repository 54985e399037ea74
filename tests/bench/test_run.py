"""Real files, real runtimes, real child processes; and what goes wrong with them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from installed import INSTALLED

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.seam import Identity
from mobilecnn.bench.judge.summary import summarize
from mobilecnn.bench.records.measurement import NOT_CHECKED, Answers, Facts, Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, InputError, ModelFileError, UsageError
from mobilecnn.files import sha256
from mobilecnn.records import recording

"""tflite-runtime has no wheel for Python 3.12."""

SHORT = Protocol(rounds=2, warmup_runs=1, warmup_seconds=0, runs=4, seconds=0)
FORMATS = ("float32", "float16", "int8", "dynamic")


def bare(exported: Path, folder: Path, kind: str = "float32") -> Path:
    """A file without its passport."""
    path = folder / f"bare.{kind}.tflite"
    path.write_bytes((exported / f"theirs.{kind}.tflite").read_bytes())
    return path


def files(exported: Path, *formats: str) -> list[Path]:
    return [exported / f"theirs.{name}.tflite" for name in formats]


@pytest.mark.parametrize("runtime", INSTALLED)
def test_every_format_is_timed(exported: Path, tmp_path: Path, runtime: str) -> None:
    models = files(exported, *FORMATS)
    protocol = replace(SHORT, runtime=runtime)
    seen: list[tuple[int, int, str]] = []
    measured = measure(models, LocalDevice(), protocol, lambda *what: seen.append(what), ["bench", "x"])
    assert [model.file for model in measured.models] == [str(path) for path in models]
    for model, path in zip(measured.models, models, strict=True):
        assert (model.sha256, model.bytes) == (sha256(path.read_bytes()), path.stat().st_size)
        assert model.passport is not None
        assert model.passport.format == path.name.split(".")[1]
        assert model.passport.macs is not None and model.passport.macs > 10_000
    assert measured.command == ("bench", "x")
    assert measured.protocol == protocol
    assert all(len(run.samples_ns) == 4 and len(run.warmup_ns) == 1 for run in measured.runs)
    assert [done for done, _, _ in seen] == list(range(13))
    assert {total for _, total, _ in seen} == {12}
    assert [what for _, _, what in seen[:4]] == [f"checking {path.name}" for path in models]
    measured.write(tmp_path / "it.json")
    assert Measurement.read(tmp_path / "it.json") == measured
    assert [result.count for result in summarize(measured)] == [8] * 4


class Scripted(LocalDevice):
    """A device that remembers what it was asked, and times from a record; the answers are real."""

    def __init__(self, timed: dict[str, Any], folder: Path = Path()) -> None:
        self.timed = timed
        self.folder = folder
        self.asked: list[str] = []
        self.jobs: list[dict[str, Any]] = []

    def probe(self) -> Facts:
        self.asked.append("probe")
        return LocalDevice().probe()

    def put(self, model: Path) -> str:
        self.asked.append(f"put {model.name}")
        return f"/there/{model.name}"

    def answer(self, job: dict[str, Any], doing: str, timeout: float) -> dict[str, Any]:
        self._note(job)
        return super().answer({**job, "model": str(self.folder / Path(job["model"]).name)}, doing, timeout)

    def time(self, job: dict[str, Any], doing: str, timeout: float) -> dict[str, Any]:
        self._note(job)
        return self.timed

    def _note(self, job: dict[str, Any]) -> None:
        self.asked.append(f"run {job['model']}")
        self.jobs.append(job)


@pytest.fixture(scope="module")
def answer(exported: Path) -> dict[str, Any]:
    """What the real worker says of one model."""
    (path,) = files(exported, "float32")
    job = {"task": "time", "model": str(path), "runtime": "litert", "threads": 1, "seed": 0, "warmup_runs": 0,
           "warmup_seconds": 0.0, "runs": 2, "seconds": 0.0, "longest_seconds": 9.0, "most_runs": 9}  # fmt: skip
    return LocalDevice().time(job, "that answers", 60)


def test_rounds_are_shuffled_by_the_seed_and_complete(exported: Path, answer: dict[str, Any]) -> None:
    models = files(exported, *FORMATS)

    def order(seed: int) -> tuple[list[str], Measurement]:
        scripted = Scripted(answer, exported)
        measured = measure(models, scripted, Protocol(rounds=6, runs=2, seed=seed))
        assert scripted.asked[:5] == ["probe", *[f"put {path.name}" for path in models]]
        assert scripted.asked[5:9] == [f"run /there/{path.name}" for path in models]
        assert [job["task"] for job in scripted.jobs] == ["answer"] * 4 + ["time"] * 24
        return scripted.asked[9:], measured

    asked, measured = order(1)
    assert len(asked) == 24
    rounds = [asked[4 * number : 4 * number + 4] for number in range(6)]
    assert all(sorted(asked) == sorted(f"run /there/{path.name}" for path in models) for asked in rounds)
    assert len({tuple(asked) for asked in rounds}) > 1
    assert [(run.round, run.position) for run in measured.runs] == [
        (n, p) for n in range(6) for p in range(4)
    ]
    assert [f"run /there/{models[run.model].name}" for run in measured.runs] == asked
    assert order(1)[0] == asked
    assert order(2)[0] != asked


def test_a_job_says_all_of_the_protocol(exported: Path, answer: dict[str, Any]) -> None:
    scripted = Scripted(answer, exported)
    protocol = Protocol(rounds=1, warmup_runs=7, warmup_seconds=0.25, runs=2, seconds=3.5, threads=2, seed=11)
    measure(files(exported, "float32"), scripted, protocol)
    first, job = scripted.jobs
    expected = {
        name: value for name, value in asdict(protocol).items() if name not in ("rounds", "cool_down")
    }
    assert expected.items() <= job.items()
    assert {"task": "answer", "runtime": "litert", "threads": 2}.items() <= first.items()


def test_a_wrong_answer_names_the_model(exported: Path, answer: dict[str, Any]) -> None:
    with pytest.raises(EnvironmentProblem, match=r"theirs\.float32\.tflite.*samples_ns must be a list"):
        measure(files(exported, "float32"), Scripted({**answer, "samples_ns": None}, exported), SHORT)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.tflite", "no such model"),
        ("folder.tflite", "is a folder"),
        ("text.tflite", "not a .tflite file"),
        ("empty.tflite", "not a .tflite file"),
        ("truncated.tflite", "truncated"),
        ("header.tflite", "truncated"),
    ],
)
@pytest.mark.parametrize("runtime", INSTALLED)
def test_a_bad_file_is_named_before_anything_is_timed(
    exported: Path, tmp_path: Path, runtime: str, name: str, words: str
) -> None:
    (good,) = files(exported, "float32")
    content = good.read_bytes()
    (tmp_path / "folder.tflite").mkdir()
    (tmp_path / "text.tflite").write_text("hello, this is no model")
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "truncated.tflite").write_bytes(content[: len(content) // 2])
    (tmp_path / "header.tflite").write_bytes(content[:8])
    scripted = Scripted({})
    with pytest.raises(ModelFileError, match=words) as caught:
        measure([good, tmp_path / name], scripted, Protocol(runtime=runtime))
    assert name in str(caught.value)
    assert scripted.asked == []


def test_the_passport_of_another_file_is_refused(exported: Path, tmp_path: Path) -> None:
    other, good = files(exported, "int8", "float32")
    (tmp_path / "mixed.tflite").write_bytes(good.read_bytes())
    (tmp_path / "mixed.json").write_bytes(other.with_suffix(".json").read_bytes())
    with pytest.raises(ModelFileError, match="passport"):
        measure([tmp_path / "mixed.tflite"], Scripted({}), SHORT)


def test_a_file_without_passport_is_timed(exported: Path, tmp_path: Path) -> None:
    measured = measure([bare(exported, tmp_path)], LocalDevice(), SHORT)
    assert measured.models[0].passport is None
    assert measured.models[0].answers == Answers(NOT_CHECKED, "there is no passport beside it")


def test_nothing_to_time_is_refused() -> None:
    with pytest.raises(UsageError, match="no models"):
        measure([], LocalDevice(), SHORT)


def workers(parent: int) -> list[int]:
    """The bench workers that ``parent`` started, by process number."""
    numbers = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            above = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if above == parent and any(b"/mobilecnn/worker-" in word for word in words):
                numbers.append(int(folder.name))
    return numbers


def first_worker(parent: int, seconds: float = 120) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if numbers := workers(parent):
            return numbers[0]
        time.sleep(0.02)
    raise AssertionError("no worker was started")


def gone(process: int, seconds: float = 60) -> bool:
    """Whether the process ends in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            # A zombie has ended; who started it has not looked yet.
            if (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_worker_is_reported_with_its_model(
    exported: Path, tmp_path: Path, how: signal.Signals
) -> None:
    models = [bare(exported, tmp_path)]  # The first worker is the one that times.
    probed = LocalDevice()
    facts, told = probed.probe(), probed.identity()

    class Probed(LocalDevice):  # The workers that tell these must not be the one that is killed.
        def probe(self) -> Facts:
            return facts

        def identity(self) -> Identity:
            return told

    def strike() -> None:
        process = first_worker(os.getpid())
        time.sleep(0.5)
        os.kill(process, how)

    striker = threading.Thread(target=strike)
    striker.start()
    with pytest.raises(ChildCrashed) as caught:
        measure(models, Probed(), Protocol(seconds=30, rounds=1))
    striker.join()
    assert str(models[0]) in str(caught.value)
    assert how.name in str(caught.value)


def test_a_silent_device_is_given_up(exported: Path) -> None:
    job = {"task": "time", "model": str(files(exported, "float32")[0]), "runtime": "litert", "threads": 1, "seed": 0,
           "warmup_runs": 0, "warmup_seconds": 0.0, "runs": 1, "seconds": 60.0, "longest_seconds": 60.0,
           "most_runs": 100_000}  # fmt: skip
    with pytest.raises(ChildCrashed, match="that dawdles"):
        LocalDevice().time(job, "that dawdles", 1.5)
    assert workers(os.getpid()) == []


@contextlib.contextmanager
def command_line(arguments: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mobilecnn", "bench", *arguments]
    # As a terminal starts it: a parent in the background would hand down an ignored SIGINT.
    command = ["env", "--default-signal=INT", *command]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("how", "send"),
    [
        (signal.SIGINT, os.kill),
        (signal.SIGINT, os.killpg),  # Ctrl-C: the worker gets it too.
        (signal.SIGTERM, os.kill),
        (signal.SIGTERM, os.killpg),
        (signal.SIGHUP, os.killpg),
        (signal.SIGKILL, os.kill),
    ],
)
def test_an_interrupted_run_leaves_nothing(
    exported: Path, tmp_path: Path, how: signal.Signals, send: Callable[[int, int], None]
) -> None:
    (models := tmp_path / "models").mkdir()
    (here := tmp_path / "here").mkdir()
    arguments = [str(bare(exported, models)), "--seconds", "140", "-o", "it.json"]
    with command_line(arguments, here) as process:
        assert process.stderr is not None
        process.stderr.readline()  # Progress: probing is over.
        worker = first_worker(process.pid)
        time.sleep(0.5)
        send(process.pid, how)
        code = process.wait(timeout=120)
        assert gone(worker)
    # Only what can be told nothing leaves its lock, which blocks nobody.
    left = [".it.json.lock"] if how == signal.SIGKILL else []
    assert [path.name for path in here.iterdir()] == left
    assert code == (-how if how == signal.SIGKILL else 128 + how)


def test_a_record_is_complete_and_raw(exported: Path) -> None:
    measured = measure(files(exported, "float32"), LocalDevice(), SHORT)
    document = json.loads(json.dumps(measured.to_json()))
    for run in document["runs"]:
        assert all(isinstance(sample, int) for sample in run["samples_ns"])
        assert run["init_ns"] > 0
        assert run["other_cpu_seconds"] is not None
        assert len(run["before"]["probe_ns"]) == len(run["after"]["probe_ns"]) == 5
    with pytest.raises(InputError):
        Measurement.from_json({**document, "runs": document["runs"][1:]})


class Failing(LocalDevice):
    """A device whose connection breaks after so many timed processes."""

    def __init__(self, processes: int) -> None:
        self.left = processes

    def time(self, job: dict[str, Any], doing: str, timeout: float) -> dict[str, Any]:
        self.left -= 1
        if self.left < 0:
            raise EnvironmentProblem("the connection to the board is gone")
        return super().time(job, doing, timeout)


def test_a_device_that_fails_in_round_2_leaves_round_1(exported: Path, tmp_path: Path) -> None:
    models = files(exported, "float32", "int8")
    path = tmp_path / "it.json"
    with pytest.raises(EnvironmentProblem) as caught, recording(path) as keep:
        measure(models, Failing(3), SHORT, keep=keep)
    assert str(caught.value) == (
        f"the connection to the board is gone; 1 of 2 rounds are complete, in {tmp_path / 'it.partial.json'}"
    )
    (left,) = tmp_path.iterdir()
    kept = Measurement.read(left)
    assert (kept.rounds, len(kept.runs), kept.protocol.rounds) == (1, 2, 2)
    assert [result.rounds for result in summarize(kept)] == [1, 1]


def test_ctrl_c_in_round_2_leaves_round_1(exported: Path, tmp_path: Path) -> None:
    (models := tmp_path / "models").mkdir()
    (here := tmp_path / "here").mkdir()
    arguments = [str(bare(exported, models)), "--rounds", "50", "--seconds", "0.1", "-o", "it.json"]
    with command_line(arguments, here) as process:
        assert process.stdout is not None and process.stderr is not None
        unfinished = here / "it.partial.json"
        end = time.monotonic() + 300
        while not unfinished.exists() and time.monotonic() < end:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    assert list(here.iterdir()) == [unfinished]
    kept = Measurement.read(unfinished)
    assert 1 <= kept.rounds < 50
    last = stderr.splitlines()[-1]
    assert last == f"Interrupted: {kept.rounds} of 50 rounds are complete, in it.partial.json"
