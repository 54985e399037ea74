"""The child process that runs and quantizes ``.tflite`` files.

:class:`mobilecnn.quantize.inference.TfliteProcess` starts it; nothing else imports it.

* ``observe``: ``{model, inputs, output, ranged}`` -> the activations of a float32 file (:mod:`mobilecnn.quantize.activations`)
* ``quantize``: ``{model, recipe, output, calibration}`` (:mod:`mobilecnn.train.inputs` or null)
* ``split``: ``{model}`` -> the number of XNNPACK's partitions, and the indices of the operators outside of them
* ``run``: ``{model, runtime, inputs, outputs}`` (:mod:`mobilecnn.train.inputs`, .npy) -> float32 scores, and the types of input and output
"""

import os
from pathlib import Path
from typing import Any

from mobilecnn import tensors
from mobilecnn.causes import cause
from mobilecnn.convert.lowering.ends import INPUT_NAME, SIGNATURE
from mobilecnn.errors import ModelFileError
from mobilecnn.process import Channel, serve
from mobilecnn.quantize import large_tensors
from mobilecnn.quantize.activations import observe
from mobilecnn.quantize.codes import decode, encode
from mobilecnn.quantize.runtimes import interpreter_class
from mobilecnn.train.inputs import slices


def main(channel: Channel) -> None:
    """Answer messages until the parent closes the pipe."""
    while (message := channel.receive()) is not None:
        match message["do"]:
            case "observe":
                images = (image for part in slices(Path(message["inputs"])) for image in part)
                seen = observe(Path(message["model"]).read_bytes(), images, _threads(), message["ranged"])
                seen.write(Path(message["output"]))
                channel.send(done=True)
            case "quantize":
                _quantize(message)
                channel.send(done=True)
            case "run":
                channel.send(**_run(message))
            case "split":
                channel.send(**_split(message["model"]))


def _threads() -> int:
    return len(os.sched_getaffinity(0))


def _quantize(message: dict[str, Any]) -> None:
    from litert_quantizer import calibrator, quantizer
    from litert_quantizer.utils import qsv_utils

    large_tensors.mend()
    content = Path(message["model"]).read_bytes()
    ranges = None
    if message["calibration"] is not None:
        # The smallest and largest value over all images. The library's own default, a
        # moving average, depends on the order of the images.
        calibration = calibrator.Calibrator(
            content,
            num_threads=_threads(),
            mode=calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED,
            qsv_update_func=qsv_utils.min_max_update,
        )
        # The library makes a list of what it is given, so it is given a few images at a time.
        for images in slices(Path(message["calibration"])):
            calibration.calibrate({SIGNATURE: [{INPUT_NAME: image[None]} for image in images]}, None)
        ranges = calibration.get_model_qsvs()
    try:
        result = quantizer.Quantizer(content, message["recipe"]).quantize(ranges)
    except Exception as error:
        raise ModelFileError(f"the quantizer refused the model ({cause(error)})") from error
    assert result.quantized_model is not None
    Path(message["output"]).write_bytes(result.quantized_model)


def _loaded(name: str, runtime: str) -> Any:
    try:
        interpreter = interpreter_class(runtime)(model_path=name, num_threads=_threads())
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelFileError(f"{runtime} cannot run {name} ({cause(error)})") from error
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


def _run(message: dict[str, Any]) -> dict[str, Any]:
    interpreter = _loaded(message["model"], message["runtime"])
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    inputs = (image[None] for images in slices(Path(message["inputs"])) for image in images)
    scores = []
    for image in inputs:
        interpreter.set_tensor(source["index"], encode(image, source["dtype"], *source["quantization"]))
        interpreter.invoke()
        scores.append(decode(interpreter.get_tensor(result["index"]), *result["quantization"]).reshape(1, -1))
    tensors.write(Path(message["outputs"]), scores, (len(scores), scores[0].size))
    return {"input": source["dtype"].__name__, "output": result["dtype"].__name__}


if __name__ == "__main__":
    serve(main)
