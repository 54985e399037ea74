"""What choosing the boxes takes behind EfficientDet-Lite0, as modelled: the operator that benchmarks/efficientdet.py leaves out.

    python benchmarks/efficientdet_boxes.py

TFLite_Detection_PostProcess alone, with the settings that google/automl exports (100 detections, a score of 0 or more, an
overlap of 0.5), on random boxes and scores of which all pass: what it takes depends on how many do. Prints milliseconds
on a Raspberry Pi 5 and on a Raspberry Pi 4 at 1.5 GHz. It runs on one thread, whatever the runtime is given.
"""

import tempfile
from pathlib import Path

import flatbuffers
import numpy as np
import numpy.typing as npt
from arm_traces import executed
from efficientdet import ANCHORS, CLASSES, LEVELS, SIDE
from flatbuffers import flexbuffers
from tensorflow.lite.python import schema_py_generated as schema

from mobilecnn.bench.devices.emulated.work import work_of
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.work import milliseconds

DETECTIONS = 100
"""Largest number of boxes that are chosen."""

PROGRAM = """
import os, sys
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
random = numpy.random.default_rng(0)
boxes, scores = interpreter.get_input_details()
interpreter.set_tensor(boxes["index"], random.normal(0, 0.3, boxes["shape"]).astype("float32"))
interpreter.set_tensor(scores["index"], random.uniform(0, 0.1, scores["shape"]).astype("float32"))
os.isatty(0x6d634e4e)
for _ in range(2):
    interpreter.invoke()
    os.isatty(0x6d634e4e)
"""


def anchors() -> npt.NDArray[np.float32]:
    """Middles and sizes of all anchors, as shares of the picture: (anchors, 4), float32."""
    rows = []
    for level in LEVELS:
        side = -(-SIDE // 2**level)
        for y, x in np.ndindex(side, side):
            for octave in range(3):
                size = 4 * 2**level * 2 ** (octave / 3) / SIDE
                rows += [
                    ((y + 0.5) / side, (x + 0.5) / side, size * ratio**0.5, size / ratio**0.5)
                    for ratio in (1, 0.5, 2)
                ]
    return np.array(rows, np.float32)


def model() -> bytes:
    """The .tflite file of the operator alone: boxes and scores are its inputs, and the anchors a constant."""
    known = anchors()
    assert len(known) == ANCHORS * sum((-(-SIDE // 2**level)) ** 2 for level in LEVELS)
    options = flexbuffers.Builder()
    with options.Map():
        for name, number in (
            ("max_detections", DETECTIONS),
            ("max_classes_per_detection", 1),
            ("num_classes", CLASSES),
        ):
            options.Key(name)
            options.Int(number)
        options.Key("use_regular_nms")
        options.Bool(False)
        for name, share in (("nms_score_threshold", 0.0), ("nms_iou_threshold", 0.5)):
            options.Key(name)
            options.Float(share)
        for name in ("y_scale", "x_scale", "h_scale", "w_scale"):
            options.Key(name)
            options.Float(1.0)
    shapes = {
        b"boxes": (1, len(known), 4), b"scores": (1, len(known), CLASSES), b"anchors": known.shape,
        b"places": (1, DETECTIONS, 4), b"classes": (1, DETECTIONS), b"sure": (1, DETECTIONS), b"count": (1,),
    }  # fmt: skip
    graph = schema.SubGraphT()
    graph.tensors = []
    for label, shape in shapes.items():
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = label, np.array(shape, np.int32), schema.TensorType.FLOAT32
        tensor.buffer = int(label == b"anchors")
        graph.tensors.append(tensor)
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode, code.deprecatedBuiltinCode = (
        schema.BuiltinOperator.CUSTOM,
        schema.BuiltinOperator.CUSTOM,
    )
    code.customCode, code.version = b"TFLite_Detection_PostProcess", 1
    operator.opcodeIndex, operator.inputs, operator.outputs = (
        0,
        np.arange(3, dtype=np.int32),
        np.arange(3, 7, dtype=np.int32),
    )
    operator.customOptions = np.frombuffer(bytes(options.Finish()), np.uint8)
    graph.operators, graph.inputs, graph.outputs = [operator], np.arange(2, dtype=np.int32), operator.outputs
    whole = schema.ModelT()
    whole.version, whole.operatorCodes, whole.subgraphs = 3, [code], [graph]
    whole.buffers = [schema.BufferT(), schema.BufferT()]
    whole.buffers[1].data = np.frombuffer(known.tobytes(), np.uint8)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def main() -> None:
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "boxes.tflite"
        path.write_bytes(model())
        for name in ("pi5", "pi4-1500mhz"):
            chip = CHIPS[name]
            section = executed(f"boxes-{chip.core}", PROGRAM, [str(path)], path, chip.core, (chip.simulated,))
            print(f"{chip.title}: {milliseconds(work_of(section, chip.model), chip):.1f} ms", flush=True)


if __name__ == "__main__":
    main()
