"""Time ShuffleNet V1 in float32 on LiteRT and on ncnn, in turns, one thread: the same layers, all weights of ncnn's 0.

    pip install ncnn
    python benchmarks/ncnn_shufflenet.py [--width 1.0] [--groups 3] [--target x86] [--json]

ncnn (PyPI) is no dependency of the project; without it the exit code is 3. Its network is written here in its text format, with what it
joins joined: batch normalizations and rectifications in convolutions. The processor's time counts, the shortest of ROUNDS rounds.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.runtimes import RUNTIMES, interpreter_class
from mobilecnn.train.zoo.shufflenet_v1_channels import UNITS, channels

ROUNDS = 15
LONG_ENOUGH = 0.05
"""Seconds of the processor of a round of one engine, at least."""

SIDE, CLASSES = 224, 1000


class Network:
    """A network in ncnn's text format, layer by layer."""

    def __init__(self) -> None:
        self.lines: list[str] = [f"Input data 0 1 data 0={SIDE} 1={SIDE} 2=3"]
        self._blobs = 1

    def add(self, kind: str, inputs: list[str], options: str = "", outputs: int = 1) -> list[str]:
        """Names of what a layer writes."""
        made = [f"b{self._blobs + number}" for number in range(outputs)]
        self._blobs += outputs
        words = [kind, f"l{len(self.lines)}", str(len(inputs)), str(outputs), *inputs, *made, options]
        self.lines.append(" ".join(word for word in words if word))
        return made

    def convolution(
        self,
        x: str,
        given: int,
        out: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        relu: bool = False,
    ) -> str:
        """A convolution with bias, padded by half of its kernel."""
        kind = "Convolution" if groups == 1 else "ConvolutionDepthWise"
        weights = out * kernel * kernel * given // groups
        options = f"0={out} 1={kernel} 3={stride} 4={kernel // 2} 5=1 6={weights}"
        options += (f" 7={groups}" if groups > 1 else "") + (" 9=1" if relu else "")
        return self.add(kind, [x], options)[0]

    def text(self) -> str:
        """The file."""
        return "\n".join(["7767517", f"{len(self.lines)} {self._blobs}", *self.lines]) + "\n"


def shufflenet(width: float, groups: int) -> str:
    """ShuffleNet V1 of the zoo in ncnn's format."""
    found, network = channels(width, groups), Network()
    x = network.convolution("data", 3, found.stem, 3, 2, relu=True)
    (x,) = network.add("Pooling", [x], "0=0 1=3 2=2")
    given = found.stem
    for stage, (count, out, inner) in enumerate(zip(UNITS, found.stages, found.bottlenecks, strict=True)):
        for unit in range(count):
            stride = 1 if unit else 2
            first = 1 if stage == unit == 0 else groups
            shortcut, y = network.add("Split", [x], outputs=2)
            y = network.convolution(y, given, inner, groups=first, relu=True)
            if first > 1:
                (y,) = network.add("ShuffleChannel", [y], f"0={groups}")
            y = network.convolution(y, inner, inner, 3, stride, groups=inner)
            made = out if unit else out - given
            y = network.convolution(y, inner, made, groups=groups, relu=not unit)
            if unit:
                (x,) = network.add("ReLU", network.add("Eltwise", [shortcut, y], "0=1"))
            else:
                pooled = network.add("Pooling", [shortcut], "0=1 1=3 2=2 3=1 5=1 6=1")
                (x,) = network.add("Concat", [*pooled, y])
            given = out
    (x,) = network.add("Pooling", [x], "0=1 4=1")
    (x,) = network.add("InnerProduct", [x], f"0={CLASSES} 1=1 2={CLASSES * given}")
    network.add("Softmax", [x])
    return network.text()


def on_ncnn(ncnn: Any, text: str, folder: Path) -> Callable[[], Any]:
    """What runs a network of ncnn's format once, on a picture of noise."""
    path = folder / "it.param"
    path.write_text(text)
    net = ncnn.Net()
    net.opt.num_threads, net.opt.use_vulkan_compute = 1, False
    net.load_param(str(path))
    net.load_model(ncnn.DataReaderFromEmpty())
    picture = ncnn.Mat(np.random.default_rng(0).normal(0, 1, (3, SIDE, SIDE)).astype(np.float32))
    last = text.split()[-1]  # What the last layer writes; it has no options.

    def run() -> Any:
        with net.create_extractor() as extractor:
            extractor.input("data", picture)
            return extractor.extract(last)

    assert np.array(run()[1]).shape == (CLASSES,)
    return run


def on_litert(path: Path) -> Callable[[], Any]:
    """What runs a file once, on a picture of noise."""
    interpreter = interpreter_class(RUNTIMES[0])(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    interpreter.set_tensor(
        source["index"], np.random.default_rng(0).normal(0, 1, source["shape"]).astype(np.float32)
    )
    run: Callable[[], Any] = interpreter.invoke
    return run


def timed(runs: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Milliseconds of the processor for an inference of each engine."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            run()
            count, start = 0, time.process_time()
            while time.process_time() - start < LONG_ENOUGH:
                run()
                count += 1
            best[name] = min(best[name], 1000 * (time.process_time() - start) / count)
    return best


def main() -> int:
    """Print the times of both engines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--groups", type=int, default=3)
    parser.add_argument("--target", default="x86")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    try:
        ncnn: Any = import_module("ncnn")
    except ImportError as error:
        print(f"NOT TIMED: ncnn cannot be imported: {error}; pip install ncnn", file=sys.stderr)
        return 3
    name = f"shufflenet_v1_x{asked.width}_g{asked.groups}"
    with tempfile.TemporaryDirectory() as work:
        (made,) = export(Source(name), ("float32",), Path(work), target=asked.target)
        times = timed({
            "LiteRT": on_litert(made.path),
            "ncnn": on_ncnn(ncnn, shufflenet(asked.width, asked.groups), Path(work)),
        })  # fmt: skip
    releases = {"LiteRT": version("ai-edge-litert"), "ncnn": ncnn.__version__}
    if asked.json:
        print(json.dumps({"network": name, "rounds": ROUNDS, "releases": releases, "ms": times}, indent=2))
    else:
        for engine, spent in times.items():
            print(f"{name} float32, {engine} {releases[engine]}: {spent:.2f} ms")
        print(f"ncnn's time over LiteRT's: {times['ncnn'] / times['LiteRT']:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
