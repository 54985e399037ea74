"""Whether weights that are 0 save time: pruned networks, dense and in TFLite's sparse tensors.

    python benchmarks/sparse_weights.py [--device emulated-pi4] [--share 0.8]

Two networks with random weights have MobileNet V1's layers at width 0.5 on 128 x 128 pixels: the zoo's, whose convolutions of
stride 2 are padded at the bottom and on the right, and one that pads on all four sides, as XNNPACK's sparse inference asks for.
The smallest weights of their 1x1 convolutions are 0. The converter writes each dense, and with ``EXPERIMENTAL_SPARSITY``.
Times are the shortest of several rounds that take turns, on one thread of this machine; on an emulated device they are modelled,
each with the interval of the model's error.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

WIDTH, SIDE = 0.5, 128

LAYERS = ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *((1, 512),) * 5, (2, 1024), (1, 1024))
"""Stride and channels of MobileNet V1's depthwise separable layers (arXiv 1704.04861, Table 1)."""

ROUNDS, SECONDS = 9, 0.2


def padded(keras: Any) -> Any:
    """The network with explicit zeros on all four sides before each convolution of stride 2."""
    layers = keras.layers
    inputs = x = layers.Input((SIDE, SIDE, 3), name="image")
    x = layers.Conv2D(int(32 * WIDTH), 3, strides=2, name="conv1")(layers.ZeroPadding2D(1)(x))
    x = layers.ReLU(6.0)(x)
    for number, (stride, channels) in enumerate(LAYERS, 2):
        if stride == 2:
            x = layers.ZeroPadding2D(1)(x)
        padding = "valid" if stride == 2 else "same"
        x = layers.DepthwiseConv2D(3, strides=stride, padding=padding, name=f"dw{number}")(x)
        x = layers.ReLU(6.0)(x)
        x = layers.Conv2D(int(channels * WIDTH), 1, name=f"conv{number}")(x)
        x = layers.ReLU(6.0)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1000, activation="softmax", name="predictions")(x))


def prune(model: Any, share: float) -> None:
    """Set the smallest weights of each 1x1 convolution to 0."""
    for layer in model.layers:
        if type(layer).__name__ == "Conv2D" and tuple(layer.kernel_size) == (1, 1):
            kernel, *rest = layer.get_weights()
            kernel[np.abs(kernel) < np.quantile(np.abs(kernel), share)] = 0
            layer.set_weights([kernel, *rest])


def converted(model: Any, sparse: bool) -> bytes:
    """The model as the converter writes it."""
    import tensorflow as tf

    function = tf.function(lambda image: model(image, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if sparse:
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    content: bytes = converter.convert()
    return content


def measured(paths: list[Path]) -> list[tuple[float, float, float]]:
    """Shortest milliseconds of an inference of each file; the files take turns."""
    interpreters = []
    for path in paths:
        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
        interpreters.append(interpreter)
    best = [float("inf")] * len(paths)
    for _ in range(ROUNDS):
        for place, interpreter in enumerate(interpreters):
            end = time.perf_counter() + SECONDS
            while time.perf_counter() < end:
                start = time.perf_counter()
                interpreter.invoke()
                best[place] = min(best[place], time.perf_counter() - start)
    return [(1e3 * each,) * 3 for each in best]


def modelled(paths: list[Path], name: str) -> list[tuple[float, float, float]]:
    """Modelled milliseconds of an inference of each file, with the ends of their intervals."""
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.bench.timing.taking import adapted
    from mobilecnn.bench.timing.times import take

    with device(name, "litert") as where:
        taken = take(paths, where, adapted(where, Protocol()))
    times = [taken.time(place) for place in range(len(paths))]
    return [(each.value / 1e6, each.low / 1e6, each.high / 1e6) for each in times]


def main() -> None:
    """Print a row for each file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", help="an emulated device, on whose chip the times are modelled")
    parser.add_argument("--share", type=float, default=0.8, help="share of the weights that are 0")
    asked = parser.parse_args()
    import keras

    from mobilecnn.train import zoo

    with tempfile.TemporaryDirectory() as temporary:
        files: dict[tuple[str, str], Path] = {}
        for form in ("as in the zoo", "zeros on each side"):
            keras.utils.set_random_seed(0)
            zoos = form == "as in the zoo"
            model = zoo.build(f"mobilenet_v1_x{WIDTH}_{SIDE}") if zoos else padded(keras)
            for written in ("whole", "pruned", "pruned, sparse tensors"):
                if written != "whole":
                    prune(model, asked.share)
                path = Path(temporary, f"{len(files)}.tflite")
                path.write_bytes(converted(model, sparse=written.endswith("tensors")))
                files[form, written] = path
        paths = list(files.values())
        times = measured(paths) if asked.device is None else modelled(paths, asked.device)
        print(f"| padding | 1x1 weights, {asked.share:.0%} pruned | file (kB) | ms | interval |")
        print("|---|---|--:|--:|---|")
        for ((form, written), path), (value, low, high) in zip(files.items(), times, strict=True):
            interval = f"{low:.2f} to {high:.2f}" if asked.device else ""
            print(f"| {form} | {written} | {path.stat().st_size / 1e3:,.0f} | {value:.2f} | {interval} |")


if __name__ == "__main__":
    main()
