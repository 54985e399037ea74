"""A training that is killed, at any moment, and resumed: the same weights, bit by bit, with everything random and moving on."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from trainings import interrupt_after, small_plan, weights_digest, write_colors

from mobilecnn import bases
from mobilecnn.train import checkpoint, fit
from mobilecnn.train.plan import Epoch, TrainingPlan, best

KILLED = """
import os, signal, sys
from pathlib import Path
from mobilecnn.train import checkpoint, fit
from mobilecnn.train.backend import load_keras
import test_resume

plan, output, moments = test_resume.plan(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3].split()
load_keras()  # Once for all; nothing is computed before the forks.
for moment in moments:
    what, number = moment.split(":")
    if os.fork() == 0:
        left = int(number)
        def strike(event, arguments):
            global left
            if event == "os.rename" and "checkpoint" in str(arguments[0]):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        def step(done, total, text):
            if done == left:
                os.kill(os.getpid(), signal.SIGKILL)
        if what == "rename":
            sys.addaudithook(strike)
        resume = checkpoint.exists(output)
        job = fit.prepare(plan, output, resume=resume)
        fit.run(job, step if what == "step" else lambda *_: None)
        os._exit(0)
    _, status = os.wait()
    print(moment, os.WTERMSIG(status), checkpoint.saved_epochs(output), flush=True)
"""


def plan(folder: Path) -> TrainingPlan:
    return small_plan(
        folder,
        architecture="lenet5",
        epochs=5,
        augment="modern",
        class_weights=True,
        label_smoothing=0.1,
        optimizer="rmsprop",
        momentum=0.9,
        weight_decay=1e-4,
        schedule="step",
        step_epochs=2,
        warm_up=0.2,
        dropout=0.3,
        initializer="he",
        ema=0.9,
    )


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colors(tmp_path_factory.mktemp("colors"))


MOMENTS: Sequence[tuple[str, int]] = (
    ("step:1", 0),  # In the first epoch, of three steps.
    ("step:5", 1),  # In the second.
    ("step:8", 2),
    (
        "rename:2",
        2,
    ),  # While the third is saved: its variables have their name, and the state still names those before.
    ("rename:4", 3),  # The same of the fourth.
)
"""When the training is killed, by steps of all epochs or by files that a checkpoint has renamed; epochs that are saved then."""


def test_killed_and_resumed_it_has_the_same_weights(keras: Any, colors: Path, tmp_path: Path) -> None:
    whole = fit.run(fit.prepare(plan(colors), tmp_path / "whole.keras"))
    output = tmp_path / "parts.keras"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, colors, output, " ".join(moment for moment, _ in MOMENTS)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert told == [[moment, "9", str(epochs)] for moment, epochs in MOMENTS], done.stdout + done.stderr
    assert not output.exists()
    parts = fit.run(fit.prepare(plan(colors), output, resume=True))
    assert [replace(row, seconds=0) for row in parts.history] == [
        replace(row, seconds=0) for row in whole.history
    ]
    assert parts.kept.epoch == best(whole.history).epoch
    assert weights_digest(keras, parts.path) == weights_digest(keras, whole.path)
    assert not checkpoint.folder(output).exists()


@pytest.fixture(scope="module")
def first(colors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model to fine-tune, with batch normalizations."""
    path = tmp_path_factory.mktemp("first") / "first.keras"
    network = small_plan(colors, architecture="mobilenet_v1_x0.25_224", epochs=1)
    return fit.run(fit.prepare(network, path)).path


COURSES: dict[str, dict[str, Any]] = {
    "fine-tuned in float16": {
        "optimizer": "adamw", "precision": "float16", "ema": 0.9, "augment": "modern", "label_smoothing": 0.1,
        "freeze": ("*",), "thaw": ("conv_pw_1[123]*",), "dropout": 0.2,
    },
    "adadelta in bfloat16": {
        "optimizer": "adadelta", "precision": "bfloat16", "schedule": "inverse-time", "time_decay": 0.01, "augment": "lesion",
        "class_weights": True, "keep": "last",
    },
    "sgd": {
        "optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-4, "schedule": "linear", "warm_up": 0.1, "augment": "contrast",
        "initializer": "xavier", "patience": 3,
    },
}  # fmt: skip
"""What the killed training above has not: other optimizers, types, schedules and augmentations, and a model that it begins with."""


@pytest.mark.sweep
@pytest.mark.parametrize("course", COURSES)
def test_stopped_and_resumed_it_has_the_same_weights(
    course: str, keras: Any, colors: Path, first: Path, tmp_path: Path
) -> None:
    options = COURSES[course]
    fine = "freeze" in options
    begun = {"architecture": "", "base": str(first)} if fine else {"architecture": "lenet5"}
    asked = small_plan(colors, **{"epochs": 4, **begun, **options})

    def job(output: Path, resume: bool = False) -> fit.Job:
        return fit.prepare(asked, output, resume, base=bases.load(first, None) if fine else None)

    whole = fit.run(job(tmp_path / "whole.keras"))
    output = tmp_path / "parts.keras"
    for number in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            fit.run(job(output, resume=number > 1), on_epoch=interrupt_after(number))
    parts = fit.run(job(output, resume=True))
    assert [replace(row, seconds=0) for row in parts.history] == [
        replace(row, seconds=0) for row in whole.history
    ]
    assert weights_digest(keras, parts.path) == weights_digest(keras, whole.path)


def test_patience_ends_it_and_resuming_ends_it_again(colors: Path, tmp_path: Path) -> None:
    # At so low a rate nothing becomes better.
    stuck = small_plan(
        colors, architecture="lenet5", epochs=30, patience=2, learning_rate=1e-12, schedule="constant"
    )
    output = tmp_path / "model.keras"
    counted: list[Epoch] = []
    trained = fit.run(fit.prepare(stuck, output), on_epoch=counted.append)
    assert trained.kept.epoch == len(trained.history) - 2 < 28
    assert [row.epoch for row in counted] == [row.epoch for row in trained.history]
