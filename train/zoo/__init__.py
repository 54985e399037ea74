"""The networks by name: build one, or look up what is known about it without building it.

:mod:`mobilecnn.train.zoo.names` explains the names. Importing this package imports neither Keras
nor numpy.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING

from mobilecnn.errors import UsageError
from mobilecnn.train.zoo.names import ModelName, listed, parse, rectangular

if TYPE_CHECKING:
    import keras

    from mobilecnn.contract import InputContract

__all__ = [
    "AUXILIARY_WEIGHT",
    "ModelName",
    "StoredCounts",
    "build",
    "contract",
    "graph",
    "listed",
    "main_output",
    "parse",
    "rectangle",
    "stored_counts",
]

AUXILIARY_WEIGHT = 0.3
"""Weight of an auxiliary head's loss ("Going Deeper with Convolutions", arXiv 1409.4842, section 5). The paper of
Inception v3 (arXiv 1512.00567) names none, and its auxiliary head has the same."""


def build(name: str | ModelName, classes: int | None = None, size: int | None = None) -> "keras.Model":
    """Build a network: softmax output, random weights, the canonical name as model name.

    A network with auxiliary heads for training has several outputs, the main one first;
    :func:`main_output` is what is deployed.

    Args:
        name: a name, parsed or not.
        classes: number of outputs, at least 1; None for the family's: 1000 for ImageNet's networks.
        size: input side, pixels; None for that of the name, or the family's default.

    Raises:
        ModelNameError: no network has the name, or it cannot be built at the size.
        UsageError: ``classes`` is less than 1.
        EnvironmentProblem: Keras or its backend is missing.
    """
    model_name = parse(str(name), size=name.size if isinstance(name, ModelName) and size is None else size)
    return _made(model_name, classes, model_name.size)


def _made(model_name: ModelName, classes: int | None, size: int | tuple[int, int]) -> "keras.Model":
    if classes is None:
        classes = model_name.family.classes
    if classes < 1:
        raise UsageError(f"a classifier has at least 1 class, not {classes}")
    # Without messages, before the family's module imports Keras.
    from mobilecnn.train.backend import load_keras

    load_keras()
    module = import_module(f"mobilecnn.train.zoo.{model_name.family.module}")
    return module.build(**dict(model_name.parameters), size=size, classes=classes, name=str(model_name))


def rectangle(name: str | ModelName, classes: int | None, height: int, width: int) -> "keras.Model":
    """Build a network for images that are not square, as :func:`build` does for square ones.

    Args:
        name: a name, parsed or not; its own size is ignored.
        classes: number of outputs; None for the family's.
        height: height of the input, pixels.
        width: width of the input, pixels.

    Raises:
        UsageError: the family takes square images only, or a side is out of its range.
        EnvironmentProblem: Keras or its backend is missing.
    """
    model_name = rectangular(name, height, width)
    return _made(model_name, classes, (height, width))


def graph(
    name: str | ModelName, classes: int | None = None, size: int | tuple[int, int] | None = None
) -> "keras.Model":
    """Build a network as :func:`build` or, of (height, width), :func:`rectangle` does, without values for its weights: to be counted, not run.

    This is several times faster. It raises the same errors.
    """
    from mobilecnn.train.backend import load_keras

    with load_keras().StatelessScope(initialize_variables=False):
        return rectangle(name, classes, *size) if isinstance(size, tuple) else build(name, classes, size)


def main_output(model: "keras.Model") -> "keras.Model":
    """The network without its auxiliary heads, with the same weights; the network itself if it has none."""
    if len(model.outputs) == 1:
        return model
    import keras

    return keras.Model(model.input, model.outputs[0], name=model.name)


def contract(name: str | ModelName, sides: tuple[int, int] | None = None) -> "InputContract":
    """The input contract of a network: for most of them RGB, -1..1.

    Args:
        name: a name, parsed or not.
        sides: height and width, pixels, as for :func:`rectangle`; None for the size of the name.

    Raises:
        ModelNameError: no network has the name.
        UsageError: the family takes square images only, or a side is out of its range.
    """
    from mobilecnn.contract import contract_for

    model_name = parse(name) if isinstance(name, str) else name
    if sides is None:
        return contract_for(model_name.family.input_range, model_name.shape)
    rectangular(model_name, *sides)
    return contract_for(model_name.family.input_range, (*sides, model_name.family.channels))


@dataclass(frozen=True)
class StoredCounts:
    """A row of ``counts.csv``: a listed network at its own size, with its own number of classes.

    Attributes:
        name: canonical name.
        family: name of the family.
        height: height of the input, pixels.
        width: width of the input, pixels.
        channels: channels of the input.
        classes: number of outputs.
        params_trainable: number of parameters in kernels, biases, and scales and offsets of batch
            normalization.
        params_total: the same and the moving means and variances.
        macs: multiply-adds of one image.
        top1: published top-1 accuracy on ImageNet, per cent; None where unknown.
        macs_published: published multiply-adds in millions; None where unknown.
        source: publication of these figures.
    """

    name: str
    family: str
    height: int
    width: int
    channels: int
    classes: int
    params_trainable: int
    params_total: int
    macs: int
    top1: float | None
    macs_published: float | None
    source: str


@cache
def stored_counts() -> dict[str, StoredCounts]:
    """Name -> its row of ``counts.csv``, in the order of :func:`listed`; nothing is built."""
    text = files("mobilecnn.train.zoo").joinpath("counts.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["name"]: _stored(row) for row in rows}


def _stored(row: dict[str, str]) -> StoredCounts:
    return StoredCounts(
        name=row["name"],
        family=row["family"],
        height=int(row["height"]),
        width=int(row["width"]),
        channels=int(row["channels"]),
        classes=int(row["classes"]),
        params_trainable=int(row["params_trainable"]),
        params_total=int(row["params_total"]),
        macs=int(row["macs"]),
        top1=float(row["top1"]) if row["top1"] else None,
        macs_published=float(row["macs_published"]) if row["macs_published"] else None,
        source=row["source"],
    )
