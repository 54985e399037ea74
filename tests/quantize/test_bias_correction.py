"""Bias correction: the mean error that rounded weights make is gone, of every kind of layer, and nothing else moves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter
from tflite_files import Made

from mobilecnn.contract import contract_for
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.lowering.ends import name_ends
from mobilecnn.errors import UsageError
from mobilecnn.quantize import formats
from mobilecnn.quantize.activations import observe, read
from mobilecnn.quantize.bias_correction import correct_biases
from mobilecnn.quantize.codes import decode, encode
from mobilecnn.quantize.corrections import AUTO, BIAS_CORRECTION, CLIPPING, EQUALIZATION, NAMES, NONE, chosen
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.recipes import keeping
from mobilecnn.quantize.rules import Rule, Rules
from mobilecnn.quantize.weighted_layers import weighted_layers
from mobilecnn.tensors import write

SAME, VALID = 0, 1
STEP: dict[str, Any] = {"strideW": 1, "strideH": 1, "fusedActivationFunction": 0}
CONV: dict[str, Any] = {**STEP, "table": "Conv2DOptions", "dilationWFactor": 1, "dilationHFactor": 1}
DEPTHWISE: dict[str, Any] = {**CONV, "table": "DepthwiseConv2DOptions", "depthMultiplier": 1}
TRANSPOSED: dict[str, Any] = {**STEP, "table": "TransposeConvOptions"}

Images = npt.NDArray[np.float32]


def weights(*shape: int) -> npt.NDArray[np.float32]:
    """Weights of which one in each channel is large, so that the others are left with few codes."""
    values = np.random.default_rng(3).uniform(0.0, 1.0, shape).astype(np.float32)
    values.reshape(shape[0], -1)[:, 0] = 60.0
    if shape[0] == 1:
        values[:, 0, 0] = 60.0
    return values


def conv(kernel: int, padding: int, stride: int = 1, dilation: int = 1, groups: int = 1) -> Made:
    made = Made((1, 9, 7, 4))
    reach = (kernel - 1) * dilation + 1
    sides = [-(-side // stride) if padding == SAME else (side - reach) // stride + 1 for side in (9, 7)]
    constants = made.constant(weights(6, kernel, kernel, 4 // groups)), made.constant(np.arange(6))
    options = {
        **CONV,
        "strideW": stride,
        "strideH": stride,
        "dilationWFactor": dilation,
        "dilationHFactor": dilation,
    }
    return made.put("CONV_2D", made.input, *constants, shape=(1, *sides, 6), padding=padding, **options)


def depthwise(multiplier: int) -> Made:
    made = Made((1, 9, 7, 4))
    kernel = weights(1, 3, 3, 4 * multiplier)
    constants = made.constant(kernel), made.constant(np.arange(4 * multiplier))
    shape = (1, 5, 4, 4 * multiplier)
    options = {**DEPTHWISE, "depthMultiplier": multiplier, "strideW": 2, "strideH": 2, "padding": SAME}
    return made.put("DEPTHWISE_CONV_2D", made.input, *constants, shape=shape, **options)


def dense(places: bool, bias: bool = True) -> Made:
    """A dense layer of the picture as one row of values, or of each place of it."""
    made = Made((1, 3, 2, 4))
    inputs = 4 if places else 24
    constants = [made.constant(weights(5, inputs))] + ([made.constant(np.arange(5))] if bias else [])
    shape = (1, 3, 2, 5) if places else (1, 5)
    options: dict[str, Any] = {"table": "FullyConnectedOptions", "keepNumDims": places}
    return made.put("FULLY_CONNECTED", made.input, *constants, shape=shape, **options)


def transposed(padding: int, stride: int) -> Made:
    made = Made((1, 4, 3, 4))
    sides = [side * stride if padding == SAME else (side - 1) * stride + 3 for side in (4, 3)]
    shape = made.constant([1, *sides, 6], "int32")
    kernel, bias = made.constant(weights(6, 3, 3, 4)), made.constant(np.arange(6))
    options = {**TRANSPOSED, "strideW": stride, "strideH": stride, "padding": padding}
    return made.put(
        "TRANSPOSE_CONV", shape, kernel, made.input, bias, shape=(1, *sides, 6), dtype="float32", **options
    )


LAYERS = {
    "a convolution without padding": conv(3, VALID),
    "a padded one": conv(3, SAME),
    "an even kernel, padded, with a stride": conv(2, SAME, stride=2),
    "a stride of 3": conv(3, VALID, stride=3),
    "a dilation": conv(3, SAME, dilation=2),
    "a pointwise one": conv(1, SAME),
    "two groups": conv(3, SAME, groups=2),
    "dense, without a bias": dense(places=False, bias=False),
    "depthwise": depthwise(1),
    "depthwise, two of each channel": depthwise(2),
    "dense": dense(places=False),
    "dense, at each place": dense(places=True),
    "transposed": transposed(VALID, 1),
    "transposed and padded": transposed(SAME, 2),
}


@pytest.fixture(scope="module")
def process() -> Iterator[TfliteProcess]:
    with TfliteProcess("under test") as child:
        yield child


def finished(made: Made) -> bytes:
    model = flatbuffer.parse(made.pack(), "it")
    name_ends(model, Description("it", contract_for("unit", (8, 8, 3)), ()))
    return flatbuffer.pack(model)


def images(shape: tuple[int, ...], count: int = 12) -> Images:
    """Pictures whose mean is not 0, and not the same at every place."""
    values = (
        np.random.default_rng(1).uniform(0, 1, (count, *shape)) + np.linspace(0, 1, shape[0])[:, None, None]
    )
    return values.astype(np.float32)


def quantized(
    process: TfliteProcess, folder: Path, base: bytes, given: Images, name: str, more: Rules = ()
) -> bytes:
    row = formats.named(name)
    (folder / "base.tflite").write_bytes(base)
    write(folder / "images.npy", given, given.shape)
    calibration = folder / "images.npy" if row.needs_calibration else None
    process.quantize(folder / "base.tflite", (*row.rules, *more), folder / "made.tflite", calibration)
    return (folder / "made.tflite").read_bytes()


def answers(content: bytes, given: Images) -> npt.NDArray[np.float64]:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    rows = []
    for image in given:
        interpreter.set_tensor(source["index"], encode(image[None], source["dtype"], *source["quantization"]))
        interpreter.invoke()
        rows.append(decode(interpreter.get_tensor(result["index"]), *result["quantization"]))
    return np.concatenate(rows).astype(np.float64)


def mean_error(content: bytes, base: bytes, given: Images) -> float:
    """Largest mean error of a channel, over images and places, relative to the largest output."""
    exact = answers(base, given)
    error = (answers(content, given) - exact).reshape(-1, exact.shape[-1]).mean(axis=0)
    return float(np.abs(error).max() / np.abs(exact).max())


@pytest.mark.parametrize("name", LAYERS)
def test_the_mean_error_of_every_channel_is_gone(process: TfliteProcess, tmp_path: Path, name: str) -> None:
    """With weights in int8 and arithmetic in float32 that is all the error there is in the mean: none is left."""
    model = LAYERS[name]
    shape = flatbuffer.graph(model.pack(), "it").inputs[0].shape[1:]
    base, given = finished(model), images(shape)
    made = quantized(process, tmp_path, base, given, "int8-weights")
    corrected, layers = correct_biases(made, base, observe(base, given, 1))
    assert layers == 1
    assert mean_error(made, base, given) > 1e-4
    assert mean_error(corrected, base, given) < 2e-6


@pytest.mark.parametrize(
    "name", ["a padded one", "two groups", "depthwise", "dense", "transposed and padded"]
)
def test_in_int8_the_correction_is_rounded_with_the_scales_of_the_channels(
    process: TfliteProcess, tmp_path: Path, name: str
) -> None:
    model = LAYERS[name]
    shape = flatbuffer.graph(model.pack(), "it").inputs[0].shape[1:]
    base, given = finished(model), images(shape, 40)
    made = quantized(process, tmp_path, base, given, "int8")
    corrected, layers = correct_biases(made, base, observe(base, given, 1))
    assert layers == 1 and len(corrected) < len(made) + 2048
    assert mean_error(corrected, base, given) < 0.5 * mean_error(made, base, given)


def test_a_dense_layer_of_one_scale_is_corrected_for_all_kernels(
    process: TfliteProcess, tmp_path: Path
) -> None:
    """The built-in kernels take one scale of a bias where the weights have one, and say so where it counts: of outputs that are
    small beside what they are summed of."""
    made = Made((1, 3, 2, 4))
    alternating = np.tile([60.0, -60.0, 58.9, -58.7], (5, 1)) + weights(5, 4) % 1
    made.put(
        "FULLY_CONNECTED",
        made.input,
        made.constant(alternating),
        shape=(1, 3, 2, 5),
        table="FullyConnectedOptions",
        keepNumDims=True,
    )
    base = finished(made)
    given = np.repeat(images((3, 2, 1), 24), 4, axis=-1)
    one = Rule(operators=("FULLY_CONNECTED",), scales="tensor")
    quantized_file = quantized(process, tmp_path, base, given, "int8", (one,))
    corrected, layers = correct_biases(quantized_file, base, observe(base, given, 1))
    assert layers == 1
    (tmp_path / "it.tflite").write_bytes(corrected)
    rows = []
    for kernels in ("reference", "builtin", "xnnpack"):
        process.run(tmp_path / "it.tflite", tmp_path / "images.npy", tmp_path / "out.npy", kernels=kernels)
        rows.append(np.load(tmp_path / "out.npy"))
    (layer,) = [row for row in flatbuffer.graph(corrected, "it").operations if row.kind == "FULLY_CONNECTED"]
    source, kernel, bias = layer.inputs
    assert source is not None and kernel is not None and bias is not None
    assert len(kernel.scales) == len(bias.scales) == 1
    step = layer.outputs[0].scales[0]
    assert source.scales[0] * kernel.scales[0] / step > 0.02  # Less is let pass.
    assert max(np.abs(row - rows[0]).max() for row in rows) <= 1.01 * step


def two_layers() -> Made:
    made = conv(3, SAME)
    kernel = made.constant(weights(4, 1, 1, 6))
    return made.put(
        "CONV_2D", made.last, kernel, made.constant(np.zeros(4)), shape=(1, 9, 7, 4), padding=SAME, **CONV
    )


def biases(content: bytes) -> list[bytes]:
    editor = Editor(flatbuffer.parse(content, "it"))
    made = []
    for layer in weighted_layers(editor):
        data: Any = editor.tensor(layer.bias).data
        made.append(data.tobytes())
    return made


def test_a_layer_that_stays_in_float_is_left_alone(process: TfliteProcess, tmp_path: Path) -> None:
    base, given = finished(two_layers()), images((9, 7, 4))
    first = flatbuffer.graph(base, "it").operations[0].outputs[0].name
    made = quantized(process, tmp_path, base, given, "int8", keeping([first]))
    corrected, layers = correct_biases(made, base, observe(base, given, 1))
    assert layers == 1
    before, after = biases(made), biases(corrected)
    assert before[0] == after[0] and before[1] != after[1]


@pytest.mark.parametrize("name", ["float16", "float32"])
def test_a_file_without_weights_in_int8_stays_what_it_is(
    process: TfliteProcess, tmp_path: Path, name: str
) -> None:
    base, given = finished(two_layers()), images((9, 7, 4))
    made = base if name == "float32" else quantized(process, tmp_path, base, given, name)
    assert correct_biases(made, base, observe(base, given, 1)) == (made, 0)


def test_means_that_are_not_finite_correct_nothing(process: TfliteProcess, tmp_path: Path) -> None:
    base, given = finished(two_layers()), images((9, 7, 4))
    made = quantized(process, tmp_path, base, given, "int8")
    broken = given.copy()
    broken[0, 0, 0, 0] = np.nan
    assert correct_biases(made, base, observe(base, broken, 1)) == (made, 0)


def test_two_layers_that_share_a_bias_get_one_each(process: TfliteProcess, tmp_path: Path) -> None:
    made = Made((1, 9, 7, 4))
    shared = made.constant(np.zeros(6))
    layers = [
        made.add(
            "CONV_2D",
            made.input,
            made.constant(factor * weights(6, 1, 1, 4)),
            shared,
            shape=(1, 9, 7, 6),
            padding=SAME,
            **CONV,
        )
        for factor in (1, 3)
    ]
    model = made.put("ADD", *layers, table="AddOptions")
    base, given = finished(model), images((9, 7, 4))
    quantized_file = quantized(process, tmp_path, base, given, "int8-weights")
    corrected, count = correct_biases(quantized_file, base, observe(base, given, 1))
    assert count == 2 and len(set(biases(corrected))) == 2
    assert mean_error(corrected, base, given) < 2e-6


def test_activations_are_kept_in_a_file(tmp_path: Path) -> None:
    base, given = finished(two_layers()), images((9, 7, 4))
    seen = observe(base, given, 1)
    seen.write(tmp_path / "seen.npz")
    back = read(tmp_path / "seen.npz")
    assert [patch.shape for patch in seen.patches] == [(3, 3, 4), (1, 1, 6)]
    for ours, theirs in zip(seen.patches, back.patches, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert seen.lows.keys() == back.lows.keys() == back.highs.keys() and len(seen.lows) == 2
    np.testing.assert_allclose(back.scores, answers(base, given).reshape(12, -1), rtol=1e-5)
    for index in seen.lows:
        assert (back.lows[index] <= back.highs[index]).all()


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (AUTO, NAMES),
        (NONE, ()),
        ("bias_correction", (BIAS_CORRECTION,)),
        ("bias_correction,equalization", (EQUALIZATION, BIAS_CORRECTION)),
        ("bias_correction,clipping", (CLIPPING, BIAS_CORRECTION)),
        ([], ()),
    ],
)
def test_corrections_are_chosen_by_name(wanted: str | list[str], names: tuple[str, ...]) -> None:
    assert chosen(wanted) == names


def test_an_unknown_correction_is_refused() -> None:
    with pytest.raises(
        UsageError, match="unknown correction 'bias'; choose auto, none, or among equalization"
    ):
        chosen("bias")
