"""What other shapes of the same layers would bring: narrow channels padded, equal branches merged, pointwise convolutions with a
stride on places that were picked before, channel shuffles in blocks and by other operators, neighbouring columns of a picture as
channels of one.

    python benchmarks/channel_shapes.py [--case first] [--format int8] [--device emulated-pi5]
        [--device emulated-pi4]

Each case is a few layers in some forms that compute the same with suitable weights, but for those that say otherwise; here all are random.
Here: the processor's time, one thread, the forms of a case in turns, the shortest of ROUNDS rounds. On an emulated device the time is
modelled, and the time of a file that does nothing is taken off; no published time is of so few layers, so that how far it is off
is not known. Prints microseconds and, in brackets, the ratio to the first form of the case.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.graph import build
from mobilecnn.quantize.runtimes import RUNTIMES, interpreter_class

ROUNDS = 15
LONG_ENOUGH = 0.02
"""Seconds of the processor that a file runs for in a round at least."""

Tensor = Any
Form = Callable[[Tensor], Tensor]


def pointwise(channels: int, stride: int = 1) -> Form:
    """A convolution of 1x1 with a rectification."""
    return tf.keras.layers.Conv2D(channels, 1, stride, activation="relu")  # type: ignore[no-any-return]


def depthwise() -> Form:
    """A depthwise convolution of 3x3."""
    return tf.keras.layers.DepthwiseConv2D(3, padding="same")  # type: ignore[no-any-return]


def chain(*layers: Form) -> Form:
    """Layers one after the other."""

    def form(values: Tensor) -> Tensor:
        for layer in layers:
            values = layer(values)
        return values

    return form


def split(values: Tensor) -> list[Tensor]:
    """Two halves of the channels, by SPLIT."""
    halves: list[Tensor] = tf.keras.layers.Lambda(lambda tensor: tf.split(tensor, 2, axis=-1))(values)
    return halves


def narrow(side: int, outer: int, *inner: int) -> tuple[tuple[int, int, int], dict[str, Form]]:
    """Two pointwise convolutions with few channels between them, and with more, of which the rest could be zeros."""
    return (side, side, outer), {
        f"{channels} channels between" + (" (padded)" if channels > inner[0] else ""): chain(
            pointwise(channels), pointwise(outer)
        )
        for channels in inner
    }


def branches(
    side: int, channels: int, each: int, apart: bool
) -> tuple[tuple[int, int, int], dict[str, Form]]:
    """Two pointwise convolutions of the same input, and one of both: read together, or each by a depthwise convolution."""

    def two(values: Tensor) -> Tensor:
        outputs = [pointwise(each)(values) for _ in range(2)]
        if apart:
            outputs = [depthwise()(output) for output in outputs]
        return tf.keras.layers.Concatenate()(outputs)

    def merged(values: Tensor) -> Tensor:
        both = pointwise(2 * each)(values)
        return tf.keras.layers.Concatenate()([depthwise()(half) for half in split(both)]) if apart else both

    return (side, side, channels), {"two convolutions": two, "one, and a SPLIT" if apart else "one": merged}


def strided(side: int, channels: int, out: int) -> tuple[tuple[int, int, int], dict[str, Form]]:
    """A pointwise convolution with stride 2, and one of the places that were picked before."""
    slices = tf.keras.layers.Lambda(lambda tensor: tensor[:, ::2, ::2, :])
    pick = tf.keras.layers.DepthwiseConv2D(1, 2, use_bias=False)
    return (side, side, channels), {
        "stride 2 (indirect path)": pointwise(out, 2),
        "STRIDED_SLICE, then stride 1": chain(slices, pointwise(out)),
        "depthwise 1x1 with stride 2, then stride 1": chain(pick, pointwise(out)),
    }


def first(
    side: int, channels: int, kernel: int, stride: int, padding: str, *together: int
) -> tuple[tuple[int, int, int], dict[str, Form]]:
    """The first convolution of a network, and one that reads neighbouring columns as channels of one: as many as its stride is wide, and
    as many as some neighbouring outputs read, which are then computed as channels of one."""

    def form(outputs: int) -> Form:
        block = stride * outputs
        wide, reach = (
            -(-side // block),
            -(-side // stride) if padding == "same" else (side - kernel) // stride + 1,
        )
        zeros = max((reach - 1) * stride + kernel - side, 0)
        before = -(-(zeros // 2) // block)
        columns = (stride * (outputs - 1) - zeros // 2 + kernel - 1) // block + before + 1
        behind = reach // outputs + columns - 1 - before - wide
        layers = [tf.keras.layers.Reshape((side, wide, 3 * block))]
        if side % block:
            more = [[0, 0], [0, 0], [0, 0], [0, 3 * (wide * block - side)]]
            rows = tf.keras.layers.Reshape((1, side, 3 * side))
            layers = [rows, tf.keras.layers.Lambda(lambda tensor: tf.pad(tensor, more)), *layers]
        if zeros:
            around = ((zeros // 2, zeros - zeros // 2), (before, behind))
            layers.append(tf.keras.layers.ZeroPadding2D(around))
        layers.append(
            tf.keras.layers.Conv2D(outputs * channels, (kernel, columns), (stride, 1), activation="relu")
        )
        return chain(*layers, *([tf.keras.layers.Reshape((reach, reach, channels))] if outputs > 1 else []))

    as_it_is = tf.keras.layers.Conv2D(channels, kernel, stride, padding=padding, activation="relu")
    return (side, side, 3), {
        "as it is": as_it_is,
        "columns as channels": form(1),
        **{f"{outputs} outputs as channels, too": form(outputs) for outputs in together},
    }


def shuffled(side: int, channels: int, groups: int) -> tuple[tuple[int, int, int], dict[str, Form]]:
    """A channel shuffle between two pointwise convolutions: channel by channel, by other operators, and in blocks.

    In blocks the channels that go from one group to another stay together, which the weights of a grouped convolution behind it allow
    where the square of the number of groups divides the channels.
    """
    each = channels // groups

    def moved(shape: tuple[int, ...], order: tuple[int, ...]) -> Form:
        def form(values: Tensor) -> Tensor:
            return tf.reshape(tf.transpose(tf.reshape(values, shape), order), (1, side, side, channels))

        return tf.keras.layers.Lambda(form)  # type: ignore[no-any-return]

    order = [place % groups * each + place // groups for place in range(channels)]
    kinds: dict[str, Form] = {
        "RESHAPE, TRANSPOSE, RESHAPE": moved((1, side * side, groups, each), (0, 1, 3, 2)),
        "GATHER": tf.keras.layers.Lambda(lambda tensor: tf.gather(tensor, order, axis=-1)),
        "STRIDED_SLICEs and CONCATENATION": tf.keras.layers.Lambda(
            lambda tensor: tf.concat([tensor[..., first::each] for first in range(each)], -1)
        ),
    }
    if each % groups == 0:
        kinds["in blocks"] = moved((side * side, groups, groups, each // groups), (0, 2, 1, 3))
    kinds["none, which the weights cannot have"] = tf.keras.layers.Lambda(lambda tensor: tensor)
    return (side, side, channels), {
        kind: chain(pointwise(channels), form, pointwise(channels)) for kind, form in kinds.items()
    }


def halves(side: int, channels: int) -> tuple[tuple[int, int, int], dict[str, Form]]:
    """What lies between two units of ShuffleNet V2: a concatenation that is shuffled and split."""
    both = 2 * channels

    def unit(divided: Callable[[Tensor], list[Tensor]]) -> Form:
        def form(values: Tensor) -> Tensor:
            joined = tf.keras.layers.Concatenate()([pointwise(channels)(values), pointwise(channels)(values)])
            parts = tf.keras.layers.Lambda(divided)(joined)
            return tf.keras.layers.Concatenate()([pointwise(channels)(part) for part in parts])

        return form

    def transposed(tensor: Tensor) -> list[Tensor]:
        moved = tf.transpose(tf.reshape(tensor, (1, side * side, 2, channels)), (0, 1, 3, 2))
        return list(tf.split(tf.reshape(moved, (1, side, side, both)), 2, axis=-1))

    return (side, side, channels), {
        "RESHAPE, TRANSPOSE, RESHAPE, SPLIT": unit(transposed),
        "STRIDED_SLICEs": unit(
            lambda tensor: [tf.concat([tensor[..., half:both:2]], -1) for half in range(2)]
        ),
        "neither, which computes something else": unit(lambda tensor: list(tf.split(tensor, 2, axis=-1))),
    }


def packed(
    side: int, channels: int, out: int, *together: int
) -> tuple[tuple[int, int, int], dict[str, Form]]:
    """A pointwise convolution between two depthwise ones, and one that computes neighbouring places of a row as channels of one."""

    def form(places: int) -> Form:
        layers = [pointwise(places * out)]
        if places > 1:
            layers = [
                tf.keras.layers.Reshape((side, side // places, places * channels)),
                *layers,
                tf.keras.layers.Reshape((side, side, out)),
            ]
        return chain(depthwise(), *layers, depthwise())

    return (side, side, channels), {
        "as it is" if places == 1 else f"{places} places as one": form(places) for places in (1, *together)
    }


CASES: dict[str, Callable[[], tuple[tuple[int, int, int], dict[str, Form]]]] = {
    "NASNet-A mobile, 28x28x44": lambda: narrow(28, 44, 44, 48, 64),
    "SqueezeNext, 28x28x64": lambda: narrow(28, 64, 16, 32),
    "SqueezeNext, 55x55x32": lambda: narrow(55, 32, 8, 16),
    "thirteen channels, 28x28x78": lambda: narrow(28, 78, 13, 16),
    "equal branches read together, 28x28x44 to 44": lambda: branches(28, 44, 44, apart=False),
    "equal branches read apart, 28x28x44 to 44": lambda: branches(28, 44, 44, apart=True),
    "equal branches read apart, 14x14x88 to 88": lambda: branches(14, 88, 88, apart=True),
    "pointwise with stride 2, 28x28x44 to 88": lambda: strided(28, 44, 88),
    "pointwise with stride 2, 56x56x64 to 128": lambda: strided(56, 64, 128),
    "shuffle of 3 groups, 28x28x60": lambda: shuffled(28, 60, 3),
    "shuffle of 8 groups, 14x14x192": lambda: shuffled(14, 192, 8),
    "shuffle of 2 groups, 14x14x100": lambda: shuffled(14, 100, 2),
    "shuffle between units of ShuffleNet V2 1x, 28x28x116": lambda: halves(28, 58),
    "places of 112x112x16 to 8": lambda: packed(112, 16, 8, 2, 4),
    "places of 56x56x8 to 48": lambda: packed(56, 8, 48, 2, 4),
    "places of 56x56x48 to 8": lambda: packed(56, 48, 8, 2, 4),
    "places of 28x28x48 to 16": lambda: packed(28, 48, 16, 2, 4),
    "places of 14x14x96 to 24": lambda: packed(14, 96, 24, 2),
    "places of 112x112x8 to 16": lambda: packed(112, 8, 16, 2, 4),
    "places of 56x56x16 to 32": lambda: packed(56, 16, 32, 2, 4),
    "places of 56x56x32 to 32": lambda: packed(56, 32, 32, 2),
    "places of 28x28x64 to 64": lambda: packed(28, 64, 64, 2),
    "places of 28x28x20 to 20": lambda: packed(28, 20, 20, 2, 4),
    "places of 14x14x32 to 192": lambda: packed(14, 32, 192, 2),
    "first of MobileNet V2 0.35x, 3x3 with stride 2, 224x224x3 to 16": lambda: first(
        224, 16, 3, 2, "same", 2, 4
    ),
    "first of MobileNet V1 0.25x, 3x3 with stride 2, 224x224x3 to 8": lambda: first(
        224, 8, 3, 2, "same", 2, 4, 8
    ),
    "first of ShuffleNet V1 0.5x, 3x3 with stride 2, 224x224x3 to 12": lambda: first(
        224, 12, 3, 2, "same", 2, 4
    ),
    "first of MobileNet V2, 3x3 with stride 2, 224x224x3 to 32": lambda: first(224, 32, 3, 2, "same", 2),
    "first of ResNet, 7x7 with stride 2, 224x224x3 to 64": lambda: first(224, 64, 7, 2, "same"),
    "first of SqueezeNext, 7x7 with stride 2, 227x227x3 to 64": lambda: first(227, 64, 7, 2, "valid"),
    "first of AlexNet, 11x11 with stride 4, 227x227x3 to 96": lambda: first(227, 96, 11, 4, "valid"),
    "first, 3x3 with stride 4, 224x224x3 to 16": lambda: first(224, 16, 3, 4, "same"),
}
"""Name of a case -> the shape of its input and its forms, the first of which is the model's. An export has it, too, but for equal
branches read together, which it merges."""


def file_of(form: Form, shape: tuple[int, int, int], quantized: bool) -> bytes:
    """The file of some layers with random weights."""
    tf.keras.utils.set_random_seed(0)
    inputs = tf.keras.Input(shape, 1)
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(inputs, form(inputs)))
    if quantized:
        pictures = np.random.default_rng(0).normal(size=(8, 1, *shape)).astype(np.float32)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([picture] for picture in pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with contextlib.redirect_stdout(sys.stderr):  # Where the converter tells what it saved.
        return bytes(converter.convert())


def timed(files: list[Path]) -> list[float]:
    """Microseconds of the processor for an inference of each file here."""
    ready = [interpreter_class(RUNTIMES[0])(model_path=str(path), num_threads=1) for path in files]
    for interpreter in ready:
        interpreter.allocate_tensors()
    best = [float("inf")] * len(files)
    for _ in range(ROUNDS):
        for index, interpreter in enumerate(ready):
            count, start = 0, time.process_time()
            while time.process_time() - start < LONG_ENOUGH:
                interpreter.invoke()
                count += 1
            best[index] = min(best[index], 1e6 * (time.process_time() - start) / count)
    return best


def modelled(files: list[Path], device: str, nothing: Path) -> list[float]:
    """Microseconds of an inference of each file, as modelled, less those of a file that does nothing."""
    with EmulatedDevice(device, lambda text: print(text, file=sys.stderr)) as emulated:
        result = take([nothing, *files], emulated, Protocol(), lambda done, _, what: None)
    base, *times = (result.time(index).value / 1e3 for index in range(len(files) + 1))
    return [each - base for each in times]


def main() -> None:
    """Print a line a form."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--format", choices=("int8", "float32"), default="int8")
    parser.add_argument(
        "--device", action="append", default=[], help="an emulated device, beside this machine"
    )
    parser.add_argument("--case", default="", help="what the names of the cases begin with  [default: all]")
    asked = parser.parse_args()
    print(
        f"| case | form, {asked.format} | {' | '.join(('here, us', *(f'{name}, modelled us' for name in asked.device)))} |"
    )
    print(f"|---|---|{'--:|' * (1 + len(asked.device))}")
    with tempfile.TemporaryDirectory() as folder:
        nothing = Path(folder) / "nothing.tflite"
        nothing.write_bytes(build.empty())
        for case, make in CASES.items():
            if not case.startswith(asked.case):
                continue
            shape, forms = make()
            files = []
            for number, form in enumerate(forms.values()):
                files.append(Path(folder) / f"{number}.tflite")
                files[-1].write_bytes(file_of(form, shape, asked.format == "int8"))
            columns = [
                timed(files),
                *(modelled(files, device, nothing) for device in asked.device),
            ]
            for index, form_name in enumerate(forms):
                cells = [f"{column[index]:.1f} ({column[index] / column[0]:.2f})" for column in columns]
                print(f"| {case if not index else ''} | {form_name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
