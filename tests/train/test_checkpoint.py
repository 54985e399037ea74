"""Checkpoints: what is refused, and one that an earlier version has written."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trainings import interrupt_after, small_plan, write_colors

from mobilecnn.errors import CheckFailed, InputError, UsageError
from mobilecnn.train import checkpoint, fit
from mobilecnn.train.plan import TrainingPlan

SAMPLE = Path(__file__).parent / "lenet5.checkpoint"
"""A checkpoint of version 0.1 after two of three epochs; each variable is filled with its first value."""

HISTORY = json.loads((SAMPLE / "state.json").read_text())["history"]


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colors(tmp_path_factory.mktemp("colors"))


@pytest.fixture
def interrupted(colors: Path, tmp_path: Path) -> Path:
    """The output of a training that was interrupted after the first of three epochs."""
    output = tmp_path / "model.keras"
    job = fit.prepare(small_plan(colors, epochs=3), output)
    with pytest.raises(KeyboardInterrupt):
        fit.run(job, on_epoch=interrupt_after(1))
    return output


def test_a_damaged_file_of_variables_is_refused(interrupted: Path, colors: Path) -> None:
    plan = small_plan(colors, epochs=3)
    variables = checkpoint.folder(interrupted) / "epoch-1.npz"
    sound = variables.read_bytes()
    with np.load(variables) as stored:
        np.savez(variables, *[stored[name] for name in stored.files[:-1]])
    for content in (variables.read_bytes(), sound[:1000], b"", b"PK\x03\x04" + bytes(100)):
        variables.write_bytes(content)
        with pytest.raises(InputError, match=r"is damaged \(.*\); delete it"):
            fit.run(fit.prepare(plan, interrupted, resume=True))
    variables.unlink()
    with pytest.raises(InputError, match="no such checkpoint"):
        fit.run(fit.prepare(plan, interrupted, resume=True))


STATE: dict[str, Any] = {"plan": {}, "classes": [], "images": 1, "variables": "", "history": []}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "[" * 100_000,
        json.dumps({**STATE, "history": [1]}),
        json.dumps({**STATE, "history": [{**HISTORY[0], "seconds": "long"}]}),
        json.dumps({**STATE, "images": "many"}),
        json.dumps({**STATE, "plan": 1}),
    ],
    ids=range(8),
)
def test_a_damaged_state_is_refused(colors: Path, tmp_path: Path, text: str) -> None:
    output = tmp_path / "model.keras"
    checkpoint.folder(output).mkdir()
    (checkpoint.folder(output) / "state.json").write_text(text)
    with pytest.raises(InputError, match=r"is damaged \(.*\); delete it"):
        fit.prepare(small_plan(colors), output, resume=True)
    with pytest.raises(InputError, match=r"is damaged \(.*\); delete it"):
        checkpoint.saved_epochs(output)


def test_nothing_to_resume(colors: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to resume"):
        fit.prepare(small_plan(colors), tmp_path / "model.keras", resume=True)
    assert checkpoint.saved_epochs(tmp_path / "model.keras") == 0


def test_a_loss_that_is_not_finite_stops_the_training(interrupted: Path, colors: Path) -> None:
    variables = checkpoint.folder(interrupted) / "epoch-1.npz"
    with np.load(variables) as stored:
        arrays = [stored[name] for name in stored.files]
    arrays[0] = np.full_like(arrays[0], np.nan)
    np.savez(variables, *arrays)
    with pytest.raises(CheckFailed, match=r"a weight is no longer a finite number in epoch 2.*lower --l"):
        fit.run(fit.prepare(small_plan(colors, epochs=3), interrupted, resume=True))
    assert not interrupted.exists()
    assert checkpoint.saved_epochs(interrupted) == 1


def test_a_checkpoint_of_an_earlier_version_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "lenet5.keras"
    shutil.copytree(SAMPLE, checkpoint.folder(output))
    with np.load(SAMPLE / "epoch-2.npz") as stored:
        saved = [stored[name] for name in stored.files]
    restored: list[Any] = []
    restore = checkpoint.restore

    def restoring(path: Path, variables: Any) -> None:
        restore(path, variables)
        restored.extend(np.asarray(variable) for variable in variables)

    monkeypatch.setattr(checkpoint, "restore", restoring)
    plan = TrainingPlan("lenet5", "digits", 16, epochs=3, learning_rate=0.001)
    trained = fit.run(fit.prepare(plan, output, resume=True))
    for mine, theirs in zip(restored, saved, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert [epoch.epoch for epoch in trained.history] == [1, 2, 3]
    assert [epoch.loss for epoch in trained.history[:2]] == [row["loss"] for row in HISTORY]
    assert output.exists() and not checkpoint.exists(output)
