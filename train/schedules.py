"""How the learning rate goes on: schedules by name."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mobilecnn.train.plan import TrainingPlan

WARM_UP = 1 / 20
"""Share of the steps over which the learning rate rises, where the schedule has a warm-up of its own."""

STEP_EPOCHS = 30
"""Number of epochs between two steps, as for ResNet and GoogLeNet's successors on ImageNet."""

STEP_FACTOR = 0.1
"""Factor of the learning rate at each step."""


@dataclass(frozen=True)
class Moment:
    """Where a training is.

    Attributes:
        step: number of steps done, warm-up included.
        epoch: number of epochs done.
        share: share of the steps after the warm-up that are done, from 0 to below 1.
    """

    step: int
    epoch: int
    share: float


@dataclass(frozen=True)
class Schedule:
    """A row of :data:`SCHEDULES`.

    Attributes:
        summary: what it is, a phrase for the help.
        factor: function of the plan and a moment after the warm-up that gives the share of the highest learning rate.
        warm_up: share of the steps over which the learning rate rises, where the plan says none.
        members: members of the plan that are for this schedule alone.
    """

    summary: str
    factor: Callable[[TrainingPlan, Moment], float]
    warm_up: float = 0.0
    members: tuple[str, ...] = ()


USUAL: dict[str, float] = {"step_epochs": STEP_EPOCHS, "step_factor": STEP_FACTOR, "time_decay": 0.0}
"""Members of a plan that are for one schedule -> what they are where the plan says nothing."""


def used(plan: TrainingPlan) -> dict[str, Any]:
    """The members of a plan that are a schedule's, as they are used: None of those that are another one's."""
    mine = {
        name: USUAL[name] if getattr(plan, name) is None else getattr(plan, name)
        for name in SCHEDULES[plan.schedule].members
    }
    return {**dict.fromkeys(USUAL), **mine, "warm_up": warm_up_of(plan)}


def _stepped(plan: TrainingPlan, now: Moment) -> float:
    values = used(plan)
    return float(values["step_factor"] ** (now.epoch // values["step_epochs"]))


SCHEDULES: dict[str, Schedule] = {
    "cosine": Schedule(
        "down to 0 along half a cosine",
        lambda plan, now: 0.5 * (1 + math.cos(math.pi * now.share)),
        WARM_UP,
    ),
    "constant": Schedule("always the highest", lambda plan, now: 1.0),
    "linear": Schedule("down to 0 in a straight line", lambda plan, now: 1 - now.share),
    "step": Schedule(
        "times --step-factor after every --step-epochs epochs",
        _stepped,
        members=("step_epochs", "step_factor"),
    ),
    "inverse-time": Schedule(
        "over 1 + --time-decay x steps",
        lambda plan, now: float(1 / (1 + used(plan)["time_decay"] * now.step)),
        members=("time_decay",),
    ),
}
"""Name, as ``--schedule`` takes it -> schedule."""


def warm_up_of(plan: TrainingPlan) -> float:
    """Share of the steps over which the learning rate of a plan rises."""
    return SCHEDULES[plan.schedule].warm_up if plan.warm_up is None else plan.warm_up


def learning_rate_at(plan: TrainingPlan, step: int, epoch_steps: int, highest: float) -> float:
    """The learning rate of a step.

    Args:
        plan: the training.
        step: number of the step, from 0.
        epoch_steps: number of steps in an epoch.
        highest: highest learning rate.
    """
    steps, share = plan.epochs * epoch_steps, warm_up_of(plan)
    rising = max(1, round(steps * share)) if share else 0
    if step < rising:
        return highest * (step + 1) / rising
    now = Moment(step, step // epoch_steps, (step - rising) / (steps - rising))
    return highest * SCHEDULES[plan.schedule].factor(plan, now)
