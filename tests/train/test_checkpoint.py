"""Checkpoints: what is refused, and one that an earlier version has written."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trainings import interrupt_after, small_plan, write_colors

from mobilecnn.errors import CheckFailed, InputError, OutputError, UsageError
from mobilecnn.locks import locked
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


FOREIGN: dict[str, dict[str, str]] = {
    "empty": {},
    "other files": {"weights.bin": "precious"},
    "a state of another program": {"state.json": '{"step": 12}'},
    "a list": {"state.json": "[1]"},
    "no JSON": {"state.json": "precious"},
    "ours and more": {"state.json": json.dumps(STATE), "notes.txt": "precious"},
    "ours and a folder": {"state.json": json.dumps(STATE), "epoch-1.npz.d/a": "precious"},
    "variables alone": {"epoch-1.npz": "precious"},
}
"""What a user may have in a folder that has the checkpoint's name: name of a file -> content."""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("what", [*FOREIGN, "a file", "a link"])
def test_a_folder_of_the_users_own_is_left_alone(colors: Path, tmp_path: Path, what: str) -> None:
    output = tmp_path / "model.keras"
    folder = checkpoint.folder(output)
    if what == "a file":
        folder.write_text("precious")
    elif what == "a link":
        shutil.copytree(SAMPLE, tmp_path / "elsewhere")
        folder.symlink_to("elsewhere")
    else:
        folder.mkdir()
        for name, text in FOREIGN[what].items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=rf"{folder} is not a checkpoint of mobilecnn \("):
        fit.prepare(small_plan(colors), output)
    with pytest.raises(OutputError, match="is not a checkpoint"):
        checkpoint.remove(output)
    with pytest.raises(OutputError, match="is not a checkpoint"):
        checkpoint.save(output, small_plan(colors), 1, ("a",), (), ())
    assert contents(tmp_path) == before and (folder.exists() or folder.is_symlink())


def test_a_checkpoint_of_our_own_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    output = tmp_path / "model.keras"
    shutil.copytree(SAMPLE, checkpoint.folder(output))
    (checkpoint.folder(output) / ".epoch-3.0123abcd.npz").write_bytes(b"half")  # A process was killed.
    (tmp_path / "model.checkpoint.zip").write_bytes(b"precious")
    checkpoint.remove(output)
    assert [path.name for path in tmp_path.iterdir()] == ["model.checkpoint.zip"]


SAVE = """
import os, signal, sys
from pathlib import Path
import numpy as np
from mobilecnn.locks import locked
from mobilecnn.train import checkpoint
from mobilecnn.train.plan import Epoch, TrainingPlan
output, last = Path(sys.argv[1]), int(sys.argv[2])
plan = TrainingPlan("lenet5", "digits", 16)
def save(count):
    history = [Epoch(number + 1, 0.1, 1.0, 0.5, 1.0, 0.5, 1.0) for number in range(count)]
    checkpoint.save(output, plan, 1, ("a",), history, [np.full(3, count)])
def strike(event, arguments):
    global last
    if event in ("os.rename", "os.remove", "os.mkdir", "open") and output.stem in str(arguments[0]):
        last -= 1
        if last < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(strike)
save(1)
save(2)
"""


def test_a_kill_at_any_step_of_saving_leaves_an_epoch_or_nothing(tmp_path: Path) -> None:
    seen = set()
    for step in range(0, 1000, 2):
        output = tmp_path / str(step) / "model.keras"
        output.parent.mkdir()
        ended = subprocess.run([sys.executable, "-c", SAVE, str(output), str(step)], check=False).returncode
        if checkpoint.folder(output).exists():
            checkpoint.refuse_foreign(output)
        epochs = checkpoint.saved_epochs(output)
        seen.add(epochs)
        if epochs:
            variables = [np.zeros(3)]
            checkpoint.restore(output, [Assigned(variables)])
            assert variables[0][0] == epochs
        if ended == 0:
            break
    assert seen == {0, 1, 2} and ended == 0


class Assigned:
    """A variable whose value is kept in a list."""

    shape = (3,)

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def assign(self, value: Any) -> None:
        self._values[0] = value


def test_a_history_that_changed_meanwhile_is_not_resumed(interrupted: Path, colors: Path) -> None:
    job = fit.prepare(small_plan(colors, epochs=3), interrupted, resume=True)
    checkpoint.remove(interrupted)
    with pytest.raises(UsageError, match="another training has changed"):
        fit.run(job)


def test_two_trainings_with_one_output(interrupted: Path, colors: Path) -> None:
    job = fit.prepare(small_plan(colors, epochs=3), interrupted, resume=True)
    with locked(interrupted), pytest.raises(OutputError, match="is being written by another mobilecnn"):
        fit.run(job)
    assert checkpoint.saved_epochs(interrupted) == 1


def test_other_images_are_not_resumed(interrupted: Path, colors: Path, tmp_path: Path) -> None:
    shutil.copytree(colors, tmp_path / "changed")
    path = tmp_path / "changed" / "red" / "1.png"
    shutil.copy(tmp_path / "changed" / "red" / "2.png", path)
    state = checkpoint.folder(interrupted) / "state.json"
    document = json.loads(state.read_text())
    assert len(document["origin"]) == 64
    document["plan"]["data"] = str(tmp_path / "changed")
    state.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="cannot resume: the content of the images"):
        fit.prepare(small_plan(tmp_path / "changed", epochs=3), interrupted, resume=True)


def test_nothing_to_resume(colors: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to resume"):
        fit.prepare(small_plan(colors), tmp_path / "model.keras", resume=True)
    assert checkpoint.saved_epochs(tmp_path / "model.keras") == 0


def test_a_loss_that_is_not_finite_stops_the_training(interrupted: Path, colors: Path) -> None:
    variables = checkpoint.folder(interrupted) / "epoch-1.npz"
    with np.load(variables) as stored:
        arrays = [stored[name] for name in stored.files]
    arrays[0] = np.full_like(arrays[0], np.nan)  # A weight, not one of those of the best epoch.
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
    with pytest.raises(UsageError, match="keep was last when the training began and is best now"):
        fit.prepare(plan, output, resume=True)
    plan = replace(plan, keep="last")
    trained = fit.run(fit.prepare(plan, output, resume=True))
    for mine, theirs in zip(restored, saved, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert [epoch.epoch for epoch in trained.history] == [1, 2, 3]
    assert [epoch.loss for epoch in trained.history[:2]] == [row["loss"] for row in HISTORY]
    assert output.exists() and not checkpoint.exists(output)
