"""The course of the learning rate."""

import math
from typing import Any

import pytest

from mobilecnn.train.plan import TrainingPlan
from mobilecnn.train.schedules import SCHEDULES, learning_rate_at, used


def rates(epochs: int, epoch_steps: int, **members: Any) -> list[float]:
    plan = TrainingPlan("lenet5", "digits", 32, epochs=epochs, **members)
    return [learning_rate_at(plan, step, epoch_steps, 0.1) for step in range(epochs * epoch_steps)]


COURSES: dict[str, tuple[dict[str, Any], list[float]]] = {
    "cosine": (
        {},
        [0.1, *[0.05 * (1 + math.cos(math.pi * step / 19)) for step in range(19)]],
    ),
    "cosine, longer warm-up": (
        {"warm_up": 0.2},
        [0.025, 0.05, 0.075, 0.1, *[0.05 * (1 + math.cos(math.pi * step / 16)) for step in range(16)]],
    ),
    "constant": ({"schedule": "constant"}, [0.1] * 20),
    "constant, warm-up": ({"schedule": "constant", "warm_up": 0.1}, [0.05, *[0.1] * 19]),
    "linear": ({"schedule": "linear"}, [0.1 * (1 - step / 20) for step in range(20)]),
    "step": (
        {"schedule": "step", "step_epochs": 2, "step_factor": 0.5},
        [0.1] * 8 + [0.05] * 8 + [0.025] * 4,
    ),
    "inverse-time": (
        {"schedule": "inverse-time", "time_decay": 0.05},
        [0.1 / (1 + 0.05 * step) for step in range(20)],
    ),
}


@pytest.mark.parametrize("name", COURSES)
def test_the_course(name: str) -> None:
    members, expected = COURSES[name]
    assert rates(5, 4, **members) == pytest.approx(expected)


def test_every_schedule_is_tried() -> None:
    assert {name.partition(",")[0] for name in COURSES} == set(SCHEDULES)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_training_of_one_step(name: str) -> None:
    (rate,) = rates(1, 1, schedule=name, time_decay=0.1 if name == "inverse-time" else None)
    assert rate == 0.1


def test_the_default_rises_over_a_twentieth() -> None:
    first = rates(10, 10)[:6]
    assert first == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1, 0.1])
    assert 0 < rates(10, 10)[-1] < 1e-4


@pytest.mark.parametrize(
    ("members", "mine"),
    [
        ({}, {"warm_up": 0.05}),
        ({"schedule": "step"}, {"step_epochs": 30, "step_factor": 0.1, "warm_up": 0.0}),
        ({"schedule": "step", "step_epochs": 2, "warm_up": 0.1}, {"step_epochs": 2, "step_factor": 0.1, "warm_up": 0.1}),
        ({"schedule": "inverse-time", "time_decay": 0.5}, {"time_decay": 0.5, "warm_up": 0.0}),
    ],
)  # fmt: skip
def test_what_a_plan_leaves_open_is_known(members: dict[str, Any], mine: dict[str, Any]) -> None:
    others = dict.fromkeys(("step_epochs", "step_factor", "time_decay"))
    assert used(TrainingPlan("lenet5", "digits", 32, **members)) == {**others, **mine}
