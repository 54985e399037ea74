"""Pages of every command that writes one, small, for the tests in a browser."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import results

from mobilecnn import demo
from mobilecnn.bench.judge.summary import Summary
from mobilecnn.bench.pages import layers, published_tables
from mobilecnn.bench.papers.stored import STORED, stored
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.stream import Stream
from mobilecnn.quantize.layers import Layer, LayerReport

SAMPLES = Path(__file__).parents[1] / "samples"


def pages(folder: Path) -> dict[str, str]:
    """The page of each command, by the command's name."""
    return {
        "report": report(folder),
        "demo": demo.page(made_demo()),
        "tables": published_tables.html(
            [published_tables.filled(name) for name in ("shufflenet-5", "mobilenet-2")]
        ),
        "quantize-report": layers.html(layer_report()),
    }


def report(folder: Path) -> str:
    """Two devices, one of them timed twice, an evaluation, a sustained load on the Pi, and emulated chips."""
    again = few(results.measured(faster=1.3, created="2026-02-04T00:00:00+00:00"), 4)
    host = few(results.measured(results.HOST, rounds=2, faster=8), 2)
    stream = Stream.read(SAMPLES / "stream-2.json")
    models = tuple(
        replace(model, file=known.file, sha256=known.sha256)
        for model, known in zip(stream.models, again.models[3:], strict=False)
    )
    hot = replace(stream, device=results.PI, models=models)
    documents = {
        "pi": results.measured(), "host": host, "later": again, "hot": hot.to_json(), "accuracy": results.evaluation(),
    }  # fmt: skip
    return results.made(*results.written(folder, **documents), SAMPLES / "instructions-2.json")


def few(measured: Measurement, count: int) -> Measurement:
    """The measurement as if only so many of its files had been timed."""
    runs = tuple(run for run in measured.runs if run.model < count)
    return replace(measured, models=measured.models[:count], runs=runs)


def made_demo() -> demo.Demo:
    """What a demo makes, but for the training and the exports, of which the page shows some figures only."""
    measured = results.measured()
    names = [f"digits.{form}.tflite" for form in ("float32", "float16", "int8", "dynamic")]
    few_files = few(measured, len(names))
    models = tuple(replace(model, file=name) for model, name in zip(few_files.models, names, strict=True))
    known = results.evaluation().results
    accuracy = tuple(
        replace(row, file=name, verdict_against_first="undecided")
        for row, name in zip(known, ("digits.keras", *names), strict=False)
    )
    parity = SimpleNamespace(agreement=1.0, max_difference=1e-6, mean_difference=1e-7, sqnr_db=60.0)
    passport = SimpleNamespace(minimum_runtime="2.3.0")
    exported = [
        SimpleNamespace(path=Path(name), nbytes=100_000, parity=parity, passport=passport) for name in names
    ]
    training = SimpleNamespace(history=[SimpleNamespace(val_accuracy=0.97)] * 12, seconds=20.0)
    tables = tuple(map(stored, STORED))
    timing = Summary.of(replace(few_files, models=models))
    return demo.Demo(cast(Any, training), cast(Any, tuple(exported)), accuracy, timing, tables[0], tables)


def layer_report() -> LayerReport:
    """Twelve operators, the later the worse, one with a wide channel and one without figures."""
    found = tuple(
        Layer(
            index, f"network/stage_{index}/depthwise_convolution/Relu6;network/stage_{index}/batch_normalization", "CONV_2D",
            (1, 56, 56, 24), "int8", True, 40.0 - index, 38.0 - 2 * index, 0.9999, 2.0 + 10 * (index == 3), 1.5, 0.001,
            (-3.0, 3.0), (-4.0, 5.0), (1, 5, 9, 20, 9, 3, 1),
        )
        for index in range(11)
    )  # fmt: skip
    bare = Layer(
        11, "out", "SOFTMAX", (1, 10), "int8", True, None, None, None, None, None, 0.0, None, None, ()
    )
    return LayerReport("digits.int8.tflite", "digits.float32.tflite", "digits", 20, (*found, bare), 1)
