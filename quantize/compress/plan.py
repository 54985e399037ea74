"""What a compression is asked to do, and what it says of each step and layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mobilecnn.errors import UsageError
from mobilecnn.quantize.compress.schedules import ONCE, SCHEDULES

EVERY = ""
"""Key of the value that holds for all layers without one of their own."""

PerLayer = Mapping[str, float]
"""Layer's name -> value; that of :data:`EVERY` holds for the others."""


@dataclass(frozen=True)
class CompressionPlan:
    """A compression: its steps run in this order, each only where it is asked for.

    Attributes:
        svd: share of the full rank that a dense layer keeps, above 0 and below 1.
        prune: share of a layer's weights that become 0, from 0 to below 1.
        cluster: bits of the shared values' places, 1 to 8.
        epochs: passes over the images after each step.
        learning_rate: learning rate of these, of Adam.
        batch_size: images of a step.
        seed: seed of the order of the images.
        prune_schedule: name of a row of :data:`mobilecnn.quantize.compress.schedules.SCHEDULES`: when it is pruned.
    """

    svd: PerLayer = field(default_factory=dict)
    prune: PerLayer = field(default_factory=dict)
    cluster: PerLayer = field(default_factory=dict)
    epochs: int = 1
    learning_rate: float = 1e-4
    batch_size: int = 32
    seed: int = 0
    prune_schedule: str = ONCE

    def check(self) -> None:
        """Refuse what cannot be done.

        Raises:
            UsageError: no step is asked for, or a value is out of range.
        """
        if not (self.svd or self.prune or self.cluster):
            raise UsageError("there is nothing to do; give --svd, --prune or --cluster")
        if self.prune_schedule not in SCHEDULES:
            raise UsageError(
                f"there is no --prune-schedule {self.prune_schedule!r}; choose from {', '.join(SCHEDULES)}"
            )
        if self.prune_schedule != ONCE and not (self.prune and self.epochs):
            raise UsageError(
                f"--prune-schedule {self.prune_schedule} prunes during training; give --prune, and --epochs 1 or more"
            )
        for values, option, fits, choices in (
            (self.svd, "--svd", lambda value: 0 < value < 1, "a share of the rank above 0 and below 1"),
            (self.prune, "--prune", lambda value: 0 <= value < 1, "a share of the weights from 0 to below 1"),
            (
                self.cluster,
                "--cluster",
                lambda value: value in range(1, 9),
                "a whole number of bits from 1 to 8",
            ),
        ):
            for layer, value in values.items():
                if not fits(value):
                    of = f" of {layer}" if layer else ""
                    share = (
                        f"; {value:g} % is {value / 100:g}"
                        if option != "--cluster" and 1 < value < 100
                        else ""
                    )
                    raise UsageError(f"{option} {value:g}{of} is out of range; choose {choices}{share}")
        for number, option, holds in (
            (self.epochs, "--epochs", self.epochs >= 0),
            (self.learning_rate, "--learning-rate", 0 < self.learning_rate <= 1),
            (self.batch_size, "--batch-size", self.batch_size >= 1),
        ):
            if not holds:
                raise UsageError(f"{option} {number:g} is out of range")


def per_layer(given: Sequence[str], option: str) -> dict[str, float]:
    """Values as a user gives them, ``0.5`` for every layer or ``conv1=0.5`` for one.

    Args:
        given: the values as they are typed.
        option: the option that takes them; ``bit`` or ``bits`` may stand behind the number of --cluster.

    Raises:
        UsageError: something is no number, a layer is named twice, or there is none before the sign of equality.
    """
    values: dict[str, float] = {}
    for text in given:
        layer, equals, written = text.rpartition("=")
        if equals and not layer:
            wanted = written or ("BITS" if option == "--cluster" else "SHARE")
            raise UsageError(
                f"{option} {text!r} names no layer before '='; write {wanted} for every layer, or LAYER={wanted}"
            )
        number = (
            written.lower().removesuffix("bits").removesuffix("bit") if option == "--cluster" else written
        )
        try:
            value = float(number)
        except ValueError:
            share = "; write 50 % as 0.5" if written.endswith("%") else ""
            raise UsageError(f"{option} {text!r} is no number, and no LAYER=NUMBER{share}") from None
        if layer in values:
            raise UsageError(f"{option} is given twice for {layer or 'every layer'}; give it once")
        values[layer] = value
    return values


@dataclass(frozen=True)
class Step:
    """A step that was taken.

    Attributes:
        name: ``svd``, ``prune`` or ``cluster``; ``given`` for the model as it came.
        weights: number of weights of all kernels after it.
        nonzero: number of those that are not 0.
        accuracy: share of right answers on the images that are held back, before the epochs that follow; None without images, and
            where weights are pruned during these epochs.
        retrained: the same after the epochs that follow; None without.
        changed: number of kernels that it changed; None for the model as it came.
    """

    name: str
    weights: int
    nonzero: int
    accuracy: float | None = None
    retrained: float | None = None
    changed: int | None = None
