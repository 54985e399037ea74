"""What every network of the zoo must do: the smallest of each family here, all of them in the sweep.

Counts are in ``tests/train/test_zoo.py``, for every name.
"""

import gc
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from installed import INSTALLED

from mobilecnn.convert.conversion import Source
from mobilecnn.convert.inspection import inspect
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.codes import decode, encode
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.runtimes import interpreter_class
from mobilecnn.train import zoo
from mobilecnn.train.images import random_pixels, to_tensor
from mobilecnn.train.learner import trainable_form
from mobilecnn.train.zoo.families import FAMILIES, Family

Array = npt.NDArray[Any]

SMALL = {
    # family -> its smallest member (in multiply-adds), where that is not the first listed
    "bn_inception": "bn_inception",
    "mobilenet_v1": "mobilenet_v1_x0.25_128",
    "mobilenet_v2": "mobilenet_v2_x0.35_96",
    "mobilenet_v1_variants": "mobilenet_v1_shallow",
    "mobilenet_v3": "mobilenet_v3_small_x0.75",
    "resnet": "resnet50_v2",
    "resnet_cifar": "plain20_cifar10",
    "resnext": "resnext50_2x40d",
    "shiftnet": "shiftnet_c",
    "shufflenet_v1": "shufflenet_v1_x0.25_g8",
    "squeezenet": "squeezenet_v1.1",
    "squeezenext": "squeezenext23_x1.0_g2",
    "zfnet": "zfnet",
}

# One more member where other code builds it.
MORE = (
    "alexnet_lrn", "googlenet_aux", "googlenet_bn", "se_bn_inception", "resnet20_cifar10", "resnet50",
    "squeezenet_v1.0_complex_bypass",
    "shufflenet_v1_x2.0_g3_se",
)  # fmt: skip

import_module("mobilecnn.train.zoo.own_layers")  # So that Keras knows them when it loads a file.

pytestmark = pytest.mark.usefixtures("forked")

AFFORDABLE = 700e6
"""Multiply-adds up to which the sweep takes a network at its own size; larger ones, at a smaller size."""


def small(family: Family) -> tuple[str, int]:
    """The member that stands for a family in every test run, and a small size that its strides allow."""
    return SMALL.get(family.name, family.listed[0]), size_for(family)


def size_for(family: Family) -> int:
    """A small size, but not so small that the last feature maps are all edge."""
    return 107 if family.smallest > 70 else max(family.smallest, min(64, family.size))


LATER = (
    "bn_inception", "densenet121", "efficientnet_phi1.0", "googlenet_aux", "googlenet_bn", "inception_resnet_v1", "inception_v2", "inception_v3",
    "inception_v4", "randwire_ws_c78", "resnet18", "resnet50", "resnet50_v2", "resnext50_2x40d",
    "se_bn_inception", "se_resnet50", "shufflenet_unit_vgg_140", "vgg16", "wrn50_2", "xception", "zfnet",
)  # fmt: skip
"""Large networks, not made for phones, of building blocks that a smaller one has too: exported and trained in the sweep alone."""

EVERY = [(*small(family),) for family in FAMILIES] + [
    (name, size_for(zoo.parse(name).family)) for name in MORE
]

LEARNS_LATER = (
    "densenet_bc100_k12_cifar10", "efficientnet_lite0", "nasnet_a_mobile", "shufflenet_v1_x0.25_g8", "shufflenet_v1_x2.0_g3_se",
    "squeezenext23_x1.0_g2",
)  # fmt: skip
"""Networks that are trained, which takes them longest, in the sweep alone."""

EXPORTED_LATER = (
    "alexnet", "alexnet_lrn", "densenet_bc100_k12_cifar10", "efficientnet_b0", "nasnet_a_mobile", "resnet50_separable_dw", "shufflenet_v1_x2.0_g3_se",
    "squeezenext23_x1.0_g2",
)  # fmt: skip
"""Networks that are exported in the sweep alone: the demo's test exports the first two, whose 60 million weights take long;
NASNet's hundreds of operators take two minutes, and the rewrites that it needs have tests of their own; the others are of the
operators of smaller networks."""


def short(*later: str) -> list[Any]:
    """Each network of :data:`EVERY` with its size; those of ``later`` in the sweep alone."""
    return [
        pytest.param(name, size, marks=[pytest.mark.sweep] if name in later else []) for name, size in EVERY
    ]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_forward_at_the_smallest_size_and_another(family: Family) -> None:
    name, size = small(family)
    for side in (family.smallest, size + 1):
        model = zoo.main_output(zoo.build(name, classes=3, size=side))
        shape = (side, side, family.channels)
        assert model.input_shape == (None, *shape)
        scores = np.asarray(model(np.zeros((1, *shape), np.float32)))
        assert scores.shape == (1, 3)
        assert scores.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("name", "size"), short(*LATER, *LEARNS_LATER))
def test_saves_and_learns(keras: Any, name: str, size: int, tmp_path: Path) -> None:
    saves_and_learns(keras, name, size, tmp_path)


@pytest.mark.parametrize(("name", "size"), short(*LATER, *EXPORTED_LATER))
def test_exports(name: str, size: int, tmp_path: Path) -> None:
    exports(name, size, tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize("name", zoo.listed())
def test_every_listed_network(keras: Any, name: str, tmp_path: Path) -> None:
    size = size_for(zoo.parse(name).family)
    saves_and_learns(keras, name, size, tmp_path)
    affordable = zoo.stored_counts()[name].macs <= AFFORDABLE
    exports(name, None if affordable else 2 * size, tmp_path)


def saves_and_learns(keras: Any, name: str, size: int, folder: Path) -> None:
    """A file, loaded without running code in it, is the same network; gradients are finite and lead downhill."""
    keras.utils.set_random_seed(3)
    model = zoo.build(name, classes=3, size=size)
    contract = zoo.contract(zoo.parse(name, size=size))
    x = to_tensor(random_pixels(6, contract, seed=2), contract)
    path = folder / "model.keras"
    model.save(path)
    again = keras.models.load_model(path, compile=False, safe_mode=True)
    path.unlink()
    np.testing.assert_array_equal(
        np.asarray(zoo.main_output(again)(x[:2])), np.asarray(zoo.main_output(model)(x[:2]))
    )

    learner = trainable_form(model)
    for layer in learner.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # The loss shall differ by the weights alone.
    wanted = keras.ops.one_hot(np.arange(len(x)) % 3, 3)
    losses: list[float] = []
    for _ in range(3):
        with tf.GradientTape() as tape:
            heads = keras.tree.flatten(learner(x, training=True))
            loss = sum(keras.ops.mean(keras.losses.categorical_crossentropy(wanted, head)) for head in heads)
        gradients = tape.gradient(loss, learner.trainable_variables)
        square = sum(float(keras.ops.sum(gradient * gradient)) for gradient in gradients)
        assert np.isfinite(square) and square > 0
        losses.append(float(loss))
        # Along the gradient, as far as the loss would fall by half a per cent if it were linear.
        for variable, gradient in zip(learner.trainable_variables, gradients, strict=True):
            variable.assign_sub(0.005 * losses[-1] / square * gradient)
    assert losses[2] < losses[1] < losses[0], losses
    del model, again, learner, gradients, tape
    keras.backend.clear_session()
    gc.collect()


def exports(name: str, size: int | None, folder: Path) -> None:
    """float32 gives Keras' answers, int8 runs, multiply-adds survive, no Flex, on every runtime."""
    float32, int8 = export(
        Source(name, size=size, classes=10), ("float32", "int8"), folder, Calibration(RANDOM)
    )
    assert float32.holds and float32.parity.relative <= 5e-3
    contract = zoo.contract(zoo.parse(name, size=size))
    inputs, outputs = folder / "inputs.npy", folder / "outputs.npy"
    np.save(inputs, to_tensor(random_pixels(3, contract, seed=9), contract))
    with ExitStack() as stack:
        processes = {name: stack.enter_context(TfliteProcess("under test")) for name in INSTALLED}
        reference = None
        for file in (float32, int8):
            seen = inspect(file.path)
            assert not [
                warning
                for warning in seen.warnings
                if "Flex" in warning or "dynamic" in warning or "understated" in warning
            ]
            assert seen.minimum_runtime is not None
            for runtime in INSTALLED:
                processes[runtime].run(file.path, inputs, outputs, runtime)
                scores = np.load(outputs)
                assert scores.shape == (3, 10) and np.isfinite(scores).all()
                reference = scores if reference is None else reference
                if file is float32:
                    np.testing.assert_allclose(scores, reference, atol=5e-3)
                else:
                    # Random weights amplify rounding, so this shows that the file computes this network,
                    # not that it is accurate: accuracy is tested on trained ones.
                    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=0.05)
                    if reference.std() > 0.01 and correlation(scores, reference) < 0.4:
                        # In the deepest ones nothing is left at the end. It is lost little by little.
                        early = [correlation(*pair) for pair in feature_maps(float32.path, int8.path, inputs)]
                        assert np.median(early[:30]) > 0.95 and min(early[:10]) > 0.9
    assert inspect(float32.path).macs == inspect(int8.path).macs
    if size is None:
        counted = zoo.stored_counts()[name]
        # The stored counts may be for 1000 classes, these files have 10: only the last layer differs.
        assert inspect(float32.path).macs <= counted.macs
    for path in folder.iterdir():
        path.unlink()


def correlation(a: Array, b: Array) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def feature_maps(float32: Path, int8: Path, inputs: Path) -> Iterator[tuple[Array, Array]]:
    """What the operators of both files yield for the first input, in pairs, in the order they run."""
    exact, coded = (named_maps(path, np.load(inputs)[:1]) for path in (float32, int8))
    for name, values in exact.items():
        if name in coded and coded[name].shape == values.shape and values.size > 100:
            yield values, coded[name]


def named_maps(path: Path, image: Array) -> dict[str, Array]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That this is for debugging, which it is.
        interpreter = interpreter_class("litert")(
            model_path=str(path), num_threads=1, experimental_preserve_all_tensors=True
        )
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    interpreter.set_tensor(source["index"], encode(image, source["dtype"], *source["quantization"]))
    interpreter.invoke()
    maps = {}
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    for operator in interpreter._get_ops_details():
        for index in operator["outputs"]:
            if index in details and details[index]["dtype"] in (np.float32, np.int8):
                tensor = details[index]
                maps[tensor["name"]] = decode(interpreter.get_tensor(index), *tensor["quantization"])
    return maps
