"""What is mutated: two small classifiers, their passports, and records of every kind."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.convert.golden import encode_picture
from mobilecnn.convert.graph import build, flatbuffer
from mobilecnn.files import sha256

SAMPLES = Path(__file__).parent.parent / "samples"

SIDE, CLASSES = 4, 32


@dataclass(frozen=True)
class Base:
    """A .tflite file and a passport that fits it."""

    name: str
    model: bytes
    passport: dict[str, Any]


def _model(dtype: str) -> bytes:
    graph = build.Layers(dtype, SIDE, SIDE, 3)
    first = graph.conv(graph.input, 4, 3)
    second = graph.add(first, graph.depthwise(first))
    content = graph.pack(graph.reshape(graph.conv(second, 2, relu=False), (1, CLASSES)))
    model = flatbuffer.parse(content, dtype)
    model.description = "a base"
    flatbuffer.set_metadata(model, "min_runtime_version", b"2.10.0\0")
    return flatbuffer.pack(model)


def passports() -> list[Path]:
    """A sample passport of each version, the oldest first."""
    folder = SAMPLES / "passports"
    later = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: int(path.name))
    return [place / "tiny.int8.json" for place in (folder, *later)]


def base(dtype: str, sample: Path | None = None) -> Base:
    """A classifier whose features are of that type; its passport is of the newest version, or of that of a sample."""
    content = _model(dtype)
    graph = flatbuffer.graph(content, dtype)
    document = json.loads((sample or passports()[-1]).read_text())
    document["file"] = {
        "name": "it.tflite",
        "format": dtype,
        "bytes": len(content),
        "sha256": sha256(content),
    }
    document["labels"] = [f"class {index}" for index in range(CLASSES)]
    document["source"]["classes"] = CLASSES
    document["input"]["contract"].update(
        height=SIDE, width=SIDE, channels=3, color="rgb", mean=[127.5] * 3, std=[127.5] * 3
    )
    for which, tensor in (("input", graph.inputs[0]), ("output", graph.outputs[0])):
        codes = {"scale": tensor.scales[0], "zero_point": tensor.zero_points[0]} if tensor.scales else None
        document[which]["tensor"].update(
            name=tensor.name, dtype=tensor.dtype, shape=list(tensor.shape), quantization=codes
        )
    picture = encode_picture(np.full((SIDE, SIDE, 3), 99, np.uint8))
    document["golden"] = [{"picture": picture, "scores": [0.5] * CLASSES}] * 2
    return Base(dtype, content, document)


def records() -> dict[str, dict[str, Any]]:
    """A record of every kind and version, by the name of its sample."""
    samples = [path for path in sorted(SAMPLES.glob("*.json")) if path.name != "said.json"]
    return {path.stem: json.loads(path.read_text()) for path in samples}
