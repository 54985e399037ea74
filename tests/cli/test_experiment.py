"""``mobilecnn experiment``: rows side by side, stopped, resumed, failed, and shown beside what was published."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import sets
from rates import RECIPE, lay_out, run

from mobilecnn.errors import CheckFailed
from mobilecnn.experiments import trainings
from mobilecnn.experiments.kept import Measured
from mobilecnn.experiments.running import Outcome, refuse_failed
from mobilecnn.experiments.table import clock
from mobilecnn.experiments.trainings import Trainings, command
from mobilecnn.train import checkpoint, experiments

pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture
def here(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lay_out(tmp_path, photos)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _training_of(experiment: int, name: str) -> int:
    """The number of the process that trains a row, a child of the experiment's."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            words = (status.parent / "cmdline").read_text().split("\0")
            if f"PPid:\t{experiment}\n" in status.read_text() and f"out/{name}.keras" in words:
                return int(status.parent.name)
    raise AssertionError(f"no process trains {name}")


def test_two_at_a_time_stopped_resumed_and_one_that_fails(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [sys.executable, "-m", "mobilecnn", "experiment", "rates.toml", "--workers", "2", "-o", "out"]
    out = here / "out"
    with subprocess.Popen(typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        names = ("small", "large")
        held: dict[str, int] = {}
        while process.poll() is None and len(held) < len(names):
            time.sleep(0.05)
            for name in names:
                # The first would be complete before the other begins where processors are few or busy.
                if name not in held and checkpoint.saved_epochs(out / f"{name}.keras"):
                    held[name] = _training_of(process.pid, name)
                    os.kill(held[name], signal.SIGSTOP)
        assert process.poll() is None and not list(out.glob("*.keras"))
        process.send_signal(signal.SIGTERM)
        for number in held.values():
            os.kill(number, signal.SIGCONT)
        _, told = process.communicate()
    assert process.returncode == 143 and "Traceback" not in told, told
    saved = {name: checkpoint.saved_epochs(out / f"{name}.keras") for name in names}
    assert all(0 < epochs < 150 for epochs in saved.values()) and not list(out.glob("*.json"))

    done = run("rates.toml", "--workers", "2", "-o", "out", "--json")
    assert done.exit_code == 1 and "1 of 3 rows failed: wrong: broken/dog/1.png is not a JPEG" in done.stderr
    assert "or replace it; the others are complete, and the same command tries this one again" in done.stderr
    said = json.loads(done.stdout)
    rows = {row["name"]: row for row in said["rows"]}
    assert rows["wrong"]["measured"] is None and "broken/dog/1.png" in rows["wrong"]["failure"]
    for name in names:
        assert f"Continuing after epoch {saved[name]} of 150" in (out / f"{name}.log").read_text()
        found = Measured.read(out / f"{name}.json")
        assert found.options["epochs"] == 150 and found.workers == 2 and found.seconds > 0
        assert (
            found.part == "validation" and found.evaluation.images == 2 and found.evaluation.speed is not None
        )
        assert found.evaluation.parameters and found.evaluation.parameters > 50_000
        assert rows[name]["measured"]["model_sha256"] == found.model_sha256
        assert len((out / f"{name}.history.csv").read_text().splitlines()) == 151
    # The folder has no part of its own to judge by: what training held back does.
    codes = {remark["code"] for remark in said["remarks"]}
    assert "validated-on" in codes and "trained-on" not in codes

    # What is complete is shown, and nothing is trained or asked again; a model that was judged is not judged anew.
    def unexpected(*arguments: Any) -> None:
        raise AssertionError("it is complete")

    monkeypatch.setattr(Trainings, "train", unexpected)
    monkeypatch.setattr("mobilecnn.quantize.accuracy.evaluate", unexpected)
    done = run("rates.toml", "-o", "out", "--row", "small", "--row", "large")
    assert done.exit_code == 0, done.output
    title, header, _, small, large, *rest = done.stdout.splitlines()
    assert title == "LeNet-5: learning rate"
    assert "parameters, published" in header and "validation loss" not in header
    assert header.index("training time") < header.index("validation accuracy") < header.index("prediction")
    assert "60k" in small and "81.00%" in small and "2:10" in small and "3:57 for 1,512 (0.157 s)" in small
    assert large.split()[:2] == ["large", "-"]
    assert rest[0] == "Published: a page." and "Up to 2 trainings ran at a time" in rest[-1]

    (here / "rates.toml").write_text(RECIPE.replace("batch-size = 4", "batch-size = 8"))
    done = run("rates.toml", "-o", "out", "--row", "small")
    assert done.exit_code == 2 and "batch-size was 4 and is 8; choose another folder with -o" in done.stderr
    (out / "small.json").unlink()
    done = run("rates.toml", "-o", "out", "--row", "small")
    assert (
        done.exit_code == 2
        and "small.keras is of a run with other options: batch_size was 4 and is 8" in done.stderr
    )


@pytest.mark.sweep
@pytest.mark.parametrize("row", [row.name for row in experiments.read("lesion-comparison").rows])
def test_a_row_of_the_comparison_runs_on_images_as_the_challenge_has_them(row: str, tmp_path: Path) -> None:
    data = sets.manifest(tmp_path, sets.isic(tmp_path / "isic"), test=0.0)
    output = tmp_path / "out"
    asked = ("lesion-comparison", "--data", data, "--stand-in", "--row", row, "-o", output, "--json")
    done = run(*asked)
    assert done.exit_code == 0, done.output
    (shown,) = json.loads(done.stdout)["rows"]
    again = run(*asked[:-1])
    assert f"Here a small stand-in ran (data {data}, size 32, epochs 1)" in " ".join(again.stdout.split())
    found = Measured.read(output / f"{row}.json")
    printed = shown["published"]["parameters"]
    assert found.options["epochs"] == 1 and found.evaluation.images and printed
    # Three classes instead of seven take four rows of a classifier of at most 2,048 features from the count.
    assert found.evaluation.parameters is not None
    assert abs(found.evaluation.parameters / 1e6 - float(printed.removesuffix("M"))) < 1.01


needs_dask = pytest.mark.skipif(
    find_spec("distributed") is None, reason="needs pip install 'mobilecnn[cluster]'"
)


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


@needs_dask
@pytest.mark.sweep
def test_rows_on_a_cluster_of_two_workers(here: Path) -> None:
    """A scheduler and two workers, each a process of its own in another folder, as on three machines."""
    (here / "rates.toml").write_text(RECIPE.replace("epochs = 150", "epochs = 2"))
    elsewhere, address = here / "elsewhere", free_address()
    elsewhere.mkdir()
    port = address.rpartition(":")[2]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": elsewhere}
    with ExitStack() as held:
        worker = ["dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        for words in (
            ["dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"],
            worker,
            worker,
        ):
            module = f"distributed.cli.{words[0]}"
            process = subprocess.Popen([sys.executable, "-m", module, *words[1:]], **quiet)
            held.callback(process.wait)
            held.callback(process.terminate)
        waiting = (
            f"from distributed import Client; Client({address!r}, timeout=60).wait_for_workers(2, timeout=60)"
        )
        subprocess.run([sys.executable, "-c", waiting], check=True)
        typed = ["--row", "small", "--row", "large", "-o", "out", "--scheduler", address, "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "mobilecnn", "experiment", "rates.toml", *typed],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["measured"]["epoch"]["epoch"] in (1, 2) for row in rows] == [True, True]
    assert "epoch 2/2" in (here / "out" / "large.log").read_text() and not list(elsewhere.glob("**/*.keras"))


@needs_dask
def test_a_scheduler_that_is_not_there_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainings, "CONNECTING_SECONDS", 1)
    address = free_address()
    done = run("rates.toml", "-o", "out", "--scheduler", address)
    assert done.exit_code == 3 and f"no Dask scheduler answers at {address}" in done.stderr, done.output


def test_without_dask_the_command_that_installs_it_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mobilecnn.extras._installed", lambda module: False)
    done = run("rates.toml", "-o", "out", "--scheduler", "tcp://127.0.0.1:1")
    assert done.exit_code == 3 and "a Dask cluster needs distributed" in done.stderr
    assert "pip install 'mobilecnn[cluster]'" in done.stderr


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("rates.toml", "--workers", "2", "--scheduler", "tcp://a:1"), "--workers is for this machine"),
        (("rates.toml", "--workers", "0"), "--workers 0 is out of range"),
        (("rates.toml", "--stand-in"), "rates has no table [stand-in]"),
        (("rates.toml", "--row", "middle"), "rates has no row 'middle'; it has small, large, wrong"),
        (("lesion-comparison",), "names no images; give --data"),
        (("lesion-comparison", "--data", "nothing"), "no such folder: nothing; give"),
        (("rates.toml", "--data", "photos/cat"), "photos/cat has loose images"),
        (("nowhere.toml",), "no such recipe"),
        (("rates.toml", "-o", "rates.toml"), "it is a file, and a folder is expected"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(typed: tuple[str, ...], words: str, here: Path) -> None:
    done = run(*typed)
    assert done.exit_code == 2 and words in done.stderr, done.output
    assert sorted(path.name for path in here.iterdir()) == ["broken", "photos", "rates.toml"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("label-smoothing = 2.0", "wrong: --label-smoothing 2.0 is out of range"),
        ('architecture = "lenet6"', "wrong: no network is named 'lenet6'"),
        ('data = "photos/cat"', "photos/cat has loose images"),
    ],
)
def test_a_row_that_cannot_be_trained_is_refused_before_the_others_are(
    options: str, words: str, here: Path
) -> None:
    (here / "rates.toml").write_text(RECIPE.replace('data = "broken"', options))
    done = run("rates.toml", "-o", "out")
    assert done.exit_code == 2 and words in done.stderr, done.output
    assert done.stderr.count("\n") == 1 and not (here / "out").exists()


def test_reasons_are_told_once_and_others_are_complete_only_where_there_are_some() -> None:
    first, second, third = (
        Outcome(experiments.Row(name, {}), None, reason)
        for name, reason in (("a", "too dark"), ("b", "too dark"), ("c", "too light"))
    )
    whole = Outcome(experiments.Row("d", {}), None)
    refuse_failed([whole])
    with pytest.raises(CheckFailed) as told:
        refuse_failed([first, second, third])
    assert str(told.value) == (
        "3 of 3 rows failed: a, b: too dark; c: too light; the same command tries these again"
    )
    with pytest.raises(CheckFailed) as told:
        refuse_failed([first, whole])
    assert str(told.value) == (
        "1 of 2 rows failed: a: too dark; the others are complete, and the same command tries this one again"
    )


def test_the_recipes_are_listed() -> None:
    done = run()
    assert done.exit_code == 0 and "lesion-comparison" in done.stdout and "10" in done.stdout
    assert {row["name"] for row in json.loads(run("--json").stdout)} >= {"lesion-comparison", "lesion-resnet"}


def test_options_become_those_of_train() -> None:
    options = {
        "architecture": "lenet5", "class-weights": True, "resume": False, "freeze": ["a*", "b"], "size": "320x240",
        "learning-rate": 0.1,
    }  # fmt: skip
    words = command(Path("out"), "row", options)
    assert words[words.index("train") + 1 :] == [
        "--class-weights", "--freeze=a*", "--freeze=b", "--size=320x240", "--learning-rate=0.1",
        "-o", str(Path("out") / "row.keras"), "--", "lenet5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (237, "3:57"), (9983, "2:46:23"), (None, "")]
)
def test_durations_are_written_as_the_source_writes_them(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text
