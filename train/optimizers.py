"""The optimizers by name, with what the papers call their learning rate, epsilon and decay."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mobilecnn.train.backend import load_keras
from mobilecnn.train.plan import TrainingPlan


@dataclass(frozen=True)
class Optimizer:
    """A row of :data:`OPTIMIZERS`.

    Attributes:
        summary: what it is, a phrase for the help.
        keras: name of its class in ``keras.optimizers``.
        rate: highest learning rate of a network with batch normalization, where the plan says none.
        plain_rate: the same without, which diverges at higher rates.
        momentum: momentum where the plan says none; None where the optimizer has none.
        epsilon: epsilon where the plan says none; None where the optimizer has none.
        weight_decay: weight decay where the plan says none.
        decoupled: whether the decay is taken off the weights, and not added to the gradients.
        fixed: further arguments of the class.
    """

    summary: str
    keras: str
    rate: float
    plain_rate: float
    momentum: float | None = None
    epsilon: float | None = None
    weight_decay: float = 0.0
    decoupled: bool = False
    fixed: Mapping[str, float] = field(default_factory=dict)


OPTIMIZERS: dict[str, Optimizer] = {
    "adam": Optimizer("Adam", "Adam", 0.005, 0.0003, epsilon=1e-7, fixed={"beta_1": 0.9, "beta_2": 0.999}),
    "adamw": Optimizer(
        "Adam with decoupled decay", "AdamW", 0.005, 0.0003, epsilon=1e-7, weight_decay=0.01, decoupled=True,
        fixed={"beta_1": 0.9, "beta_2": 0.999},
    ),
    "sgd": Optimizer("gradient descent with momentum", "SGD", 0.05, 0.01, momentum=0.9),
    "rmsprop": Optimizer("RMSprop", "RMSprop", 0.001, 0.0001, momentum=0.0, epsilon=1e-7, fixed={"rho": 0.9}),
    "adadelta": Optimizer("Adadelta", "Adadelta", 1.0, 1.0, epsilon=1e-7, fixed={"rho": 0.95}),
}  # fmt: skip
"""Name, as ``--optimizer`` takes it -> optimizer."""

MEMBERS = ("momentum", "epsilon")
"""Members of a plan that not every optimizer has."""


def default_rate(name: str, model: Any) -> float:
    """The highest learning rate of an optimizer for a network, where the plan says none."""
    kinds = {type(layer).__name__ for layer in model._flatten_layers()}
    row = OPTIMIZERS[name]
    return row.rate if "BatchNormalization" in kinds else row.plain_rate


def decay_of(plan: TrainingPlan) -> float:
    """The weight decay of a plan."""
    return OPTIMIZERS[plan.optimizer].weight_decay if plan.weight_decay is None else plan.weight_decay


def used(plan: TrainingPlan) -> dict[str, float | None]:
    """The members of a plan that are an optimizer's, as they are used: None of those that it has not."""
    row = OPTIMIZERS[plan.optimizer]
    typed = {name: getattr(plan, name) for name in MEMBERS}
    return {
        **{name: getattr(row, name) if value is None else value for name, value in typed.items()},
        "weight_decay": decay_of(plan),
    }


def decays(variable: Any) -> bool:
    """Whether a weight decays: kernels do; biases, and scales and offsets of normalization, have one axis and do not."""
    return len(variable.shape) > 1


def build(plan: TrainingPlan, highest: float, variables: list[Any]) -> Any:
    """The Keras optimizer of a plan.

    Args:
        plan: the training.
        highest: learning rate to begin with.
        variables: weights that are trained.
    """
    keras = load_keras()
    row, decay = OPTIMIZERS[plan.optimizer], decay_of(plan)
    kind = getattr(keras.optimizers, row.keras)
    options: dict[str, Any] = {**row.fixed}
    options |= {name: value for name, value in used(plan).items() if name in MEMBERS and value is not None}
    if plan.ema:
        options |= {"use_ema": True, "ema_momentum": plan.ema}
    if row.decoupled:
        options["weight_decay"] = decay
    elif decay:
        kind = _with_penalty(keras, kind, decay)
    optimizer = kind(learning_rate=highest, **options)
    if row.decoupled:
        optimizer.exclude_from_weight_decay([variable for variable in variables if not decays(variable)])
    return optimizer


def _with_penalty(keras: Any, kind: Any, decay: float) -> Any:
    """An optimizer's class that adds ``decay`` times each kernel to its gradient, as the papers' penalty of the loss does.

    Keras' own ``weight_decay`` is taken off the weights instead, beside momentum and scaling: another method.
    """

    class Penalized(kind):  # type: ignore[misc]
        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            known = self._trainable_variables if trainable_variables is None else list(trainable_variables)
            penalized = [
                grad if grad is None or not decays(variable) else keras.ops.add(grad, keras.ops.multiply(variable, decay))
                for grad, variable in zip(grads, known, strict=True)
            ]  # fmt: skip
            return super().apply(penalized, None if trainable_variables is None else known)

    Penalized.__name__ = kind.__name__
    return Penalized
