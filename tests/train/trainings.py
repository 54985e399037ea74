"""Small trainings for the tests: three class folders, told apart by colour, and a plan for them."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mobilecnn.train.plan import Epoch, TrainingPlan

COLORS = {"blue": (30, 40, 200), "green": (30, 180, 60), "red": (200, 40, 30)}
COUNTS = {"blue": 22, "green": 12, "red": 8}
"""Pictures of each class: of unequal number, 42 together."""


def write_class(folder: Path, label: str, count: int) -> None:
    """Write ``count`` noisy pictures of a colour into the class folder ``label``."""
    (folder / label).mkdir(parents=True)
    generator = np.random.default_rng(len(label))
    for index in range(count):
        noise = generator.integers(-30, 30, (24, 24, 3))
        pixels = np.clip(np.asarray(COLORS[label]) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / label / f"{index}.png")


def write_colors(folder: Path) -> Path:
    """Write the three class folders, and return ``folder``."""
    for label, count in COUNTS.items():
        write_class(folder, label, count)
    return folder


def small_plan(folder: Path, **changes: Any) -> TrainingPlan:
    """A plan that takes seconds, with ``changes`` to its fields."""
    # No batch normalization, but dropout: fast to compile, and with a random state of its own.
    plan = TrainingPlan("squeezenet_v1.1", str(folder), 32, epochs=4, batch_size=16, validation=0.2, seed=3)
    return replace(plan, **changes)


def interrupt_after(number: int) -> Callable[[Epoch], None]:
    """What presses Ctrl-C when the epoch ``number`` is complete."""

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == number:
            raise KeyboardInterrupt

    return stop


def weights_digest(keras: Any, path: Path) -> str:
    """SHA-256 of all weights of a ``.keras`` file, bit by bit."""
    made = hashlib.sha256()
    for weight in keras.models.load_model(path, compile=False).get_weights():
        made.update(weight.tobytes())
    return made.hexdigest()
