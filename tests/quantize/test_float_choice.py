"""Whether float32 is said to be faster than int8 on tflite-runtime: the work that is counted, and what is said of it when."""

from pathlib import Path

import pytest

from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.build import Layers
from mobilecnn.convert.lowering import chosen as chosen_rewrites
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.convert.lowering.rewrites import Rewrite
from mobilecnn.export import export
from mobilecnn.quantize import float_choice
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.quantize.float_choice import Estimate, Work, work
from mobilecnn.remarks import Remarks

RELEASE = "tflite-runtime==2.14"


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_the_work_of_a_file_is_counted_by_kind(dtype: str) -> None:
    layers = Layers(dtype, 8, 8, 4)
    x = layers.conv(layers.input, 12, kernel=3)
    x = layers.conv(x, 6, groups=3)
    y = layers.depthwise(x)
    graph = flatbuffer.graph(layers.pack(layers.shuffle(layers.add(x, y), 3)), "it")
    places = 64
    assert work(graph) == {
        dtype: Work(
            operators=5,
            convolution=places * 12 * 9 * 4,
            grouped=places * 6 * 4,
            depthwise=places * 6 * 9,
            combined=places * 6,
            values=places * 6,
        )
    }


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_every_kind_of_convolution_takes_time(dtype: str) -> None:
    layers = Layers(dtype, 8, 8, 4)
    small = float_choice.milliseconds(flatbuffer.graph(layers.pack(layers.conv(layers.input, 4)), "it"))
    layers = Layers(dtype, 16, 16, 4)
    large = float_choice.milliseconds(flatbuffer.graph(layers.pack(layers.conv(layers.input, 16)), "it"))
    assert 0 < small < large


@pytest.mark.parametrize(
    ("float32", "int8", "said"),
    [
        (2, 13, "--float32 is the better choice"),
        (2, 2.4, "too near for an estimate to tell"),
        (2, 1, None),
        (2, 2, None),
    ],
)
def test_where_int8_is_slower_it_is_said_with_both_times(
    float32: float, int8: float, said: str | None
) -> None:
    words = Estimate(float32, int8).words
    assert (words is None) == (said is None)
    if words is not None and said is not None:
        assert said in words and "not measured" in words
        assert f"int8 file takes about {int8:g} ms and the float32 file about 2 ms" in words


@pytest.mark.parametrize(
    ("target", "runtime", "wanted"),
    [
        (ANY, RELEASE, "tflite-runtime"),
        (ANY, "tensorflow==2.16", ANY),
        (ANY, None, ANY),
        ("pi4", RELEASE, "pi4"),
    ],
)
def test_a_release_of_the_runtime_is_the_target_where_none_is_named(
    target: str, runtime: str | None, wanted: str, third_party: Path, photos: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    seen = []

    def chosen(lowering: str, place: str) -> tuple[Rewrite, ...]:
        seen.append(place)
        return chosen_rewrites(lowering, place)

    monkeypatch.setattr("mobilecnn.export.chosen_rewrites", chosen)
    monkeypatch.setattr(float_choice, "compared", lambda *_: Estimate(2, 13))
    remarks = Remarks()
    export(
        Source(str(third_party / "theirs.keras")), ["int8"], tmp_path, Calibration(str(photos)), remarked=remarks,
        target=target, target_runtime=runtime,
    )  # fmt: skip
    assert seen == [wanted]
    said = [remark.text for remark in remarks.rows if remark.code == "float32-faster"]
    assert len(said) == (wanted == "tflite-runtime")
    assert all(text.startswith("int8: tflite-runtime runs int8 on its built-in kernels") for text in said)
