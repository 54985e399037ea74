"""Depthwise convolutions on tflite-runtime, each alone: in int8 on its built-in kernel, and on float32 values by XNNPACK.

    python benchmarks/built_in_depthwise.py [--device emulated-pi5] [--device emulated-pi4]

Shapes are those of ShuffleNet V1, MobileNet V2 and V3 and others, with random weights. Here the processor is timed as ``mobilecnn bench`` does it, on
an emulated device the time is modelled, with tflite-runtime 2.14 in both cases; the time of a file that does nothing is taken off. Prints
microseconds, and in brackets the ratio to int8. No published time is of a single operator, so that how far modelled ones are off is not known.
It needs tflite-runtime here; without it the exit code is 3.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import tensorflow as tf
from channel_shapes import file_of

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.graph import build, flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering.float_islands import is_int8_depthwise, on_float_values
from mobilecnn.errors import MobileCnnError

SHAPES = (
    (112, 32, 3, 1), (112, 96, 3, 2), (56, 144, 3, 1), (28, 192, 3, 1), (14, 384, 3, 1), (28, 30, 3, 1), (28, 60, 3, 1),
    (14, 60, 3, 1), (14, 120, 3, 2), (7, 120, 3, 1), (28, 58, 3, 1), (14, 116, 3, 1), (28, 72, 5, 2), (14, 120, 5, 1),
    (14, 240, 5, 1), (28, 44, 5, 1), (28, 44, 7, 1),
)  # fmt: skip
"""Side of the square input, channels, side of the kernel, stride."""


def files_of(side: int, channels: int, kernel: int, stride: int) -> tuple[bytes, bytes]:
    """The file of a depthwise convolution with a rectification, in int8 and on float32 values."""
    layer = tf.keras.layers.DepthwiseConv2D(kernel, stride, "same", activation="relu6")
    int8 = file_of(layer, (side, side, channels), quantized=True)
    model = flatbuffer.parse(int8, "depthwise")
    editor = Editor(model)
    assert list(on_float_values(editor, is_int8_depthwise))
    editor.sweep()
    return int8, flatbuffer.pack(model)


def main() -> int:
    """Print a line a shape."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--device", action="append", default=[], help="an emulated device, beside this machine"
    )
    asked = parser.parse_args()
    protocol = Protocol(runtime="tflite-runtime")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "nothing.tflite"]
        files[0].write_bytes(build.empty())
        for shape in SHAPES:
            for form, content in zip(("int8", "float32"), files_of(*shape), strict=True):
                files.append(Path(folder) / f"{'-'.join(map(str, shape))}-{form}.tflite")
                files[-1].write_bytes(content)
        columns = []
        for name in ("local", *asked.device):
            device = LocalDevice() if name == "local" else EmulatedDevice(name, print)
            try:
                with device:
                    taken = take(files, device, protocol, allow_wrong_answers=True)
            except MobileCnnError as error:
                print(f"NOT TIMED: {error}", file=sys.stderr)
                return error.exit_code
            nothing, *spent = (taken.time(index).value / 1e3 for index in range(len(files)))
            columns.append([time - nothing for time in spent])
    print(
        f"| depthwise convolution | {' | '.join(f'{name}, int8 | float32 values' for name in ('here', *asked.device))} |"
    )
    print(f"|---|{'--:|--:|' * len(columns)}")
    for row, (side, channels, kernel, stride) in enumerate(SHAPES):
        cells = [f"{column[2 * row]:.1f} | {column[2 * row + 1]:.1f} ({column[2 * row + 1] / column[2 * row]:.2f})"
                 for column in columns]  # fmt: skip
        print(
            f"| {kernel}x{kernel}, stride {stride}, {side}x{side}x{channels} | {' | '.join(cells)} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
