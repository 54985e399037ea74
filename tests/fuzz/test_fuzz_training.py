"""Damaged checkpoints, and damaged pictures to train on: what ``train`` does before its first step."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fuzz_checkpoint
import fuzz_images
import numpy as np
import numpy.typing as npt
import pytest
from fuzz_verdict import LONG, SHORT, Case, Outcome, report, run, seeds, sweep
from PIL import Image

from mobilecnn.errors import UsageError
from mobilecnn.train import checkpoint, fit
from mobilecnn.train.plan import Epoch

pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\.")

END = "it would be trained now"

VALUES: tuple[npt.NDArray[Any], ...] = (
    np.arange(12, dtype=np.float32).reshape(3, 4),
    np.array(7, np.int64),
    np.array([True, False]),
    np.zeros((2, 300), np.float32),
)
"""What stands for the variables of a network."""


class Variable:
    """What training restores: something of a shape that takes values."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def assign(self, value: npt.NDArray[Any]) -> None:
        assert value.shape == self.shape and value.dtype.kind in "fiub"


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """``train`` on a few pictures, whole but for the steps: it reads and restores what it would begin with."""
    for number in range(8):
        folder = tmp_path / "data" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (30 * number, 90, 200)).save(folder / f"{number}.png")

    def begin(job: fit.Job, *_: object) -> None:
        for pictures in (job.training, job.validation):
            pictures.take(np.arange(len(pictures)))
        if job.done:
            checkpoint.restore(job.output, [Variable(value.shape) for value in VALUES])
        else:
            checkpoint.remove(job.output)
        raise UsageError(END)

    monkeypatch.setattr(fit, "run", begin)
    output = tmp_path / "it.keras"
    return lambda *options: run(["train", "lenet5", "--data", tmp_path / "data", "-o", output, *options])


@pytest.fixture
def sound(train: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint of two epochs of that training."""
    begin = fit.run
    jobs: list[fit.Job] = []

    def noting(job: fit.Job, *rest: Any) -> None:
        jobs.append(job)
        begin(job, *rest)

    monkeypatch.setattr(fit, "run", noting)
    assert END in train().output
    (job,) = jobs
    history = tuple(Epoch(number, 0.001, 1.5, 0.5, 1.25, 0.625, 2.0) for number in (1, 2))
    images = len(job.training) + len(job.validation)
    checkpoint.save(job.output, job.plan, images, job.classes, history, VALUES)
    done = train("--resume")
    assert END in done.output and "Continuing after epoch 2" in done.output, done
    folder = checkpoint.folder(job.output)
    return folder.rename(tmp_path / "sound")


@pytest.mark.parametrize("times", [SHORT, LONG])
def test_checkpoints(train: Callable[..., Outcome], sound: Path, tmp_path: Path, times: int) -> None:
    """25 checkpoints, or 1,000: resumed, and every fifth begun anew, which deletes a checkpoint and nothing else."""
    folder = checkpoint.folder(tmp_path / "it.keras")

    def contents() -> dict[str, bytes]:
        return {entry.name: entry.read_bytes() for entry in folder.iterdir()} if folder.exists() else {}

    def tried(*options: str) -> Outcome:
        before = contents()
        outcome = train(*options)
        kept = contents() == before
        fault = "" if kept or (END in outcome.output and not folder.exists()) else "files were deleted"
        return Outcome(outcome.code, outcome.output, outcome.fault or fault)

    def cases() -> Iterator[Case]:
        for number, (name, random) in enumerate(seeds("checkpoint", 25 * times)):
            fuzz_checkpoint.mutate(random, sound, folder)
            yield f"{name} resume", partial(tried, "--resume")
            if number % 5 == 0:
                yield f"{name} anew", tried

    report("checkpoints", sweep(cases(), tmp_path / "kept"), tmp_path)


@pytest.mark.parametrize("times", [SHORT, LONG])
def test_pictures_to_train_on(train: Callable[..., Outcome], tmp_path: Path, times: int) -> None:
    """13 pictures, or 520, among sound ones."""

    def cases() -> Iterator[Case]:
        for name, random in seeds("training", 13 * times):
            suffix, content = fuzz_images.mutated(random)
            path = tmp_path / "data" / "a" / f"damaged{suffix}"
            path.write_bytes(content)
            options = ("--skip-bad",) if random.random() < 0.5 else ()
            yield f"{name} {suffix}", partial(train, *options)
            path.unlink()

    report("training", sweep(cases(), tmp_path / "kept"), tmp_path)
