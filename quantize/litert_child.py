"""The child process that runs and quantizes ``.tflite`` files.

:class:`mobilecnn.quantize.inference.TfliteProcess` starts it; nothing else imports it.

* ``observe``: ``{model, inputs, output, ranged}`` -> the activations of a float32 file (:mod:`mobilecnn.quantize.activations`)
* ``quantize``: ``{model, recipe, output, calibration, share}`` (:mod:`mobilecnn.train.inputs` or null) -> how many times as wide each
  range was that was clipped (:func:`mobilecnn.quantize.litert_ranges.clipped`); with a share, no file where none was
* ``ranges``: ``{model, inputs}`` -> the ranges of the activations (:mod:`mobilecnn.quantize.litert_ranges`)
* ``layers``: ``{reference, quantized, inputs, images, halved}`` -> figures of each operator (:mod:`mobilecnn.quantize.litert_layers`)
* ``split``: ``{model}`` -> the number of XNNPACK's partitions, and the indices of the operators outside of them
* ``run``: ``{model, runtime, kernels, raw, inputs, outputs, keep, warm_up}`` (:mod:`mobilecnn.train.inputs`, .npy) -> float32 scores,
  the types of input and output, seconds, and stretches (:mod:`mobilecnn.stretches`); with ``keep`` the interpreter stays for the next message, with ``warm_up`` one
  inference goes before, untimed; before that, each second, the number of images that it ``ran``
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn import tensors
from mobilecnn.causes import cause
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.flatbuffer import Graph
from mobilecnn.convert.lowering.ends import INPUT_NAME, SIGNATURE
from mobilecnn.convert.memory import bound_memory
from mobilecnn.errors import ModelFileError
from mobilecnn.process import Channel, serve
from mobilecnn.quantize import large_tensors, litert_layers, litert_ranges
from mobilecnn.quantize.activations import observe
from mobilecnn.quantize.codes import decode, encode
from mobilecnn.quantize.runtimes import interpreter_class
from mobilecnn.stretches import joined
from mobilecnn.train.inputs import slices


def main(channel: Channel) -> None:
    """Answer messages until the parent closes the pipe."""
    kept: tuple[tuple[str, str, str], Any] | None = None
    bound_memory()
    while (message := channel.receive()) is not None:
        match message["do"]:
            case "observe":
                images = (image for part in slices(Path(message["inputs"])) for image in part)
                seen = observe(Path(message["model"]).read_bytes(), images, _threads(), message["ranged"])
                seen.write(Path(message["output"]))
                channel.send(done=True)
            case "quantize":
                channel.send(clipped=_quantize(message))
            case "run":
                which = message["model"], message["runtime"], message["kernels"]
                interpreter = kept[1] if kept is not None and kept[0] == which else _loaded(*which)
                kept = (which, interpreter) if message["keep"] else None
                channel.send(**_run(interpreter, message, channel))
            case "ranges":
                content = Path(message["model"]).read_bytes()
                channel.send(**litert_ranges.ranges(partial(_calibrator, content), Path(message["inputs"])))
            case "layers":
                reference, quantized, inputs = (
                    Path(message[name]) for name in ("reference", "quantized", "inputs")
                )
                rows = litert_layers.layers(
                    reference, quantized, inputs, message["images"], _threads(), message["halved"]
                )
                channel.send(rows=rows)
            case "split":
                channel.send(**_split(message["model"]))


def _threads() -> int:
    return len(os.sched_getaffinity(0))


def _quantize(message: dict[str, Any]) -> list[float]:
    from litert_quantizer import quantizer

    large_tensors.mend()
    content = Path(message["model"]).read_bytes()
    ranges: dict[str, Any] | None = None
    times: list[float] = []
    if message["calibration"] is not None:
        rows, graph = _rows(content, Path(message["calibration"]))
        clipped, times = litert_ranges.clipped(rows, message["share"], litert_ranges.held(graph))
        if message["share"] is not None and not times:
            return times
        ranges = litert_ranges.widened(clipped, graph, _steps(message["recipe"]))
    try:
        result = quantizer.Quantizer(content, message["recipe"]).quantize(ranges)
    except Exception as error:
        raise ModelFileError(f"the quantizer refused the model ({cause(error)})") from error
    assert result.quantized_model is not None
    Path(message["output"]).write_bytes(result.quantized_model)
    return times


def _steps(recipe: list[dict[str, Any]]) -> int:
    """The largest number of steps between the codes of 0 and of the largest value of an activation."""
    activations = [entry.get("op_config", {}).get("activation_tensor_config", {}) for entry in recipe]
    return max(2**15 - 1 if of.get("num_bits") == 16 else 2**8 - 1 for of in activations)


_last: tuple[tuple[bytes, Path, int], dict[str, Any], Graph] | None = None
"""A model, the file that it was calibrated with and when that was written; the rows of its tensors, and its graph. One after the
other, several files are made of it."""


def _rows(content: bytes, inputs: Path) -> tuple[dict[str, Any], Graph]:
    """The ranges of a model's activations over a file of inputs, and the model's graph."""
    global _last
    key = content, inputs, inputs.stat().st_mtime_ns
    if _last is None or _last[0] != key:
        calibration = _calibrator(content, litert_ranges.keep_each)
        # The library makes a list of what it is given, so it is given a few images at a time.
        for images in slices(inputs):
            calibration.calibrate({SIGNATURE: [{INPUT_NAME: image[None]} for image in images]}, None)
        _last = key, calibration.get_model_qsvs(), flatbuffer.graph(content, "the float32 file")
    return _last[1:]


def _calibrator(content: bytes, keep: Callable[[Any, Any], Any] | None = None) -> Any:
    """What keeps the smallest and largest value over all images, or what ``keep`` does. The library's own default, a moving
    average, depends on the order of the images."""
    from litert_quantizer import calibrator
    from litert_quantizer.utils import qsv_utils

    return calibrator.Calibrator(
        content,
        num_threads=_threads(),
        mode=calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED,
        qsv_update_func=keep or qsv_utils.min_max_update,
    )


KERNELS = {"reference": "BUILTIN_REF", "builtin": "BUILTIN_WITHOUT_DEFAULT_DELEGATES"}
"""Kernels -> the name of LiteRT's resolver that has them; of XNNPACK it is the usual one."""


def _loaded(name: str, runtime: str, kernels: str = "xnnpack") -> Any:
    options = {}
    if kernels in KERNELS:
        from ai_edge_litert.interpreter import OpResolverType

        options = {"experimental_op_resolver_type": getattr(OpResolverType, KERNELS[kernels])}
    try:
        interpreter = interpreter_class(runtime)(model_path=name, num_threads=_threads(), **options)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelFileError(f"{runtime} cannot run {Path(name).name} ({cause(error)})") from error
    return interpreter


def _split(name: str) -> dict[str, Any]:
    """Delegated operators stay in the runtime's list, and each partition is one more of them, ``DELEGATE``.

    What a partition covers is what leads from its inputs to its outputs.
    """
    listed = _loaded(name, "litert")._get_ops_details()
    delegates = [row for row in listed if row["op_name"] == "DELEGATE"]
    plain = [row for row in listed if row["op_name"] != "DELEGATE"]
    makers = {int(index): row["index"] for row in plain for index in row["outputs"]}
    reads = {row["index"]: [int(index) for index in row["inputs"]] for row in plain}
    covered: set[int] = set()
    for row in delegates:
        given = set(map(int, row["inputs"]))
        pending = [int(index) for index in row["outputs"]]
        while pending:
            maker = makers.get(pending.pop())
            if maker is not None and maker not in covered:
                covered.add(maker)
                pending += [index for index in reads[maker] if index not in given]
    return {
        "partitions": len(delegates),
        "outside": [row["index"] for row in plain if row["index"] not in covered],
    }


SIGN_SECONDS = 1.0
"""Seconds after which a run says how far it is."""


def _run(interpreter: Any, message: dict[str, Any], channel: Channel) -> dict[str, Any]:
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def images() -> Iterator[Any]:
        return (image[None] for images in slices(Path(message["inputs"])) for image in images)

    def set_input(image: Any) -> None:
        interpreter.set_tensor(source["index"], encode(image, source["dtype"], *source["quantization"]))

    def invoke() -> None:
        try:
            interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"{message['runtime']} cannot run {Path(message['model']).name} ({cause(error)}): an operator in it fails on this input"
            ) from error

    if message["warm_up"]:
        set_input(next(images()))
        invoke()
    scores: list[Any] = []
    running: list[float] = []
    inference: list[float] = []
    began, said = time.perf_counter(), time.monotonic()
    last = began
    for image in images():
        if time.monotonic() - said > SIGN_SECONDS:
            channel.send(ran=len(scores))
            said = time.monotonic()
        set_input(image)
        invoked = time.perf_counter()
        invoke()
        inference.append(time.perf_counter() - invoked)
        answer = interpreter.get_tensor(result["index"])
        # Codes of up to 16 bits are exact in float32.
        shown = answer.astype(np.float32) if message["raw"] else decode(answer, *result["quantization"])
        scores.append(shown.reshape(1, -1))
        now = time.perf_counter()
        running.append(now - last)
        last = now
    seconds = time.perf_counter() - began
    tensors.write(Path(message["outputs"]), scores, (len(scores), scores[0].size))
    types = {"input": source["dtype"].__name__, "output": result["dtype"].__name__}
    each = [1] * len(scores)
    stretches = {"running": asdict(joined(each, running)), "inference": asdict(joined(each, inference))}
    return {**types, "seconds": seconds, "inference": sum(inference), "stretches": stretches}


if __name__ == "__main__":
    serve(main)
