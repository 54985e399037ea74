"""Files written by hand compute what their layers are."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from installed import INSTALLED

from mobilecnn.convert.graph import build, flatbuffer
from mobilecnn.convert.graph.build import DTYPES, Layers
from mobilecnn.convert.inspection import inspect
from mobilecnn.quantize.inference import TfliteProcess

Array = npt.NDArray[Any]


@pytest.fixture(scope="module", params=INSTALLED)
def ask(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that runs a file on some inputs with one of the runtimes."""
    folder = tmp_path_factory.mktemp("graphs")
    with TfliteProcess("under test") as process:

        def run(content: bytes, inputs: Array) -> Array:
            path, given, answered = (folder / name for name in ("a.tflite", "in.npy", "out.npy"))
            path.write_bytes(content)
            np.save(given, inputs)
            process.run(path, given, answered, request.param)
            return np.asarray(np.load(answered))

        yield run


def image(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def constants(content: bytes, name: str) -> list[Array]:
    model = flatbuffer.parse(content, "graph")
    constants = []
    for tensor in model.subgraphs[0].tensors:
        if tensor.name.startswith(name.encode()):
            data = bytes(model.buffers[tensor.buffer].data)
            kind = np.float32 if len(data) == 4 * np.prod(tensor.shape) else np.int8
            values = np.frombuffer(data, kind).reshape(tensor.shape)
            if kind is np.int8:
                axis = [1] * values.ndim
                axis[tensor.quantization.quantizedDimension] = -1
                values = values * tensor.quantization.scale.reshape(axis)
            constants.append(values)
    return constants


def convolve(x: Array, kernel: Array, groups: int = 1) -> Array:
    """(n, h, w, c) by (out, k, k, c / groups), "same", the slow and plain way."""
    out, side, _, inner = kernel.shape
    padded = np.pad(x, ((0, 0), (side // 2,) * 2, (side // 2,) * 2, (0, 0)))
    result = np.zeros((*x.shape[:3], out))
    for channel in range(out):
        first = channel // (out // groups) * inner
        for i in range(side):
            for j in range(side):
                part = padded[:, i : i + x.shape[1], j : j + x.shape[2], first : first + inner]
                result[..., channel] += part @ kernel[channel, i, j]
    return result


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("kernel", "groups", "relu"), [(1, 1, True), (1, 4, False), (3, 1, False), (3, 2, True)]
)
def test_convolutions(ask: Any, dtype: str, kernel: int, groups: int, relu: bool) -> None:
    graph = Layers(dtype, 5, 6, 8, seed=1)
    content = graph.pack(graph.conv(graph.input, 12, kernel, groups, relu))
    x = image(2, 3, 5, 6, 8)
    (weights,) = constants(content, "kernel")
    expected = convolve(x, weights, groups)
    check(ask(content, x), np.maximum(expected, 0) if relu else expected, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_depthwise_convolution_and_a_sum(ask: Any, dtype: str) -> None:
    graph = Layers(dtype, 7, 5, 6)
    deep = graph.depthwise(graph.input, relu=False)
    content = graph.pack(graph.add(deep, graph.input, relu=True))
    x = 0.5 * image(5, 2, 7, 5, 6)  # So that nothing is clipped on the way.
    (weights,) = constants(content, "kernel")
    channels = [convolve(x[..., [c]], weights[..., [c]].reshape(1, 3, 3, 1)) for c in range(6)]
    check(ask(content, x), np.maximum(np.concatenate(channels, -1) + x, 0), dtype)


def check(answered: Array, expected: Array, dtype: str) -> None:
    assert answered.std() > 0.1
    expected = expected.reshape(answered.shape)
    limit = 128 * build.ACTIVATION_SCALE
    if dtype == "int8":
        expected = np.clip(expected, -limit, limit)
    # The input is rounded too, and each of its steps counts with a weight.
    np.testing.assert_allclose(answered, expected, atol=0.15 if dtype == "int8" else 1e-4)


def test_values_neither_vanish_nor_explode(ask: Any) -> None:
    graph = Layers("float32", 8, 8, 32)
    x = graph.input
    for _ in range(20):
        x = graph.conv(x, 32)
    assert 0.1 < ask(graph.pack(x), image(3, 2, 8, 8, 32)).std() < 10


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_matrix_product(ask: Any, tmp_path: Path, dtype: str) -> None:
    content, macs = build.matrix_product(dtype)
    path = tmp_path / "product.tflite"
    path.write_bytes(content)
    assert inspect(path).macs == macs
    assert not [text for text in inspect(path).warnings if "understated" in text]
    x = image(4, 1, build.POSITIONS, build.POSITIONS, build.MATRIX)
    (weights,) = constants(content, "kernel")
    check(ask(content, x), convolve(x, weights), dtype)


def test_the_empty_file_does_nothing(ask: Any) -> None:
    np.testing.assert_array_equal(ask(build.empty(), np.full((1, 1, 1, 1), 7, np.float32)), [[7]])
