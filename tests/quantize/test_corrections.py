"""A float32 file becomes a quantized one: what is tried, what is kept of it, and what is said."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tflite_files import Made

from mobilecnn.contract import contract_for
from mobilecnn.convert.checks import Correction, ImageManifest
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.lowering.ends import name_ends
from mobilecnn.convert.output_kinds import UNKNOWN
from mobilecnn.quantize import corrections, formats
from mobilecnn.quantize.calibration.images import RANDOM, CalibrationImages
from mobilecnn.quantize.corrections import (
    BIAS_CORRECTION,
    CLIPPING,
    EQUALIZATION,
    NAMES,
    SHARES,
    prepare,
    quantize,
    words,
)
from mobilecnn.quantize.equalization import groups_of, rescale
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.parity import Parity, compare
from mobilecnn.quantize.weighted_layers import weighted_layers
from mobilecnn.tensors import write

CHANNELS = 16
CONV: dict[str, Any] = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1, "padding": 0}


def network(large: float) -> bytes:
    """Two convolutions and scores, of which one channel between is so many times as large."""
    random, made = np.random.default_rng(2), Made((1, 8, 8, 3))
    for inputs in (3, CHANNELS):
        kernel = made.constant(random.normal(0, 0.3, (CHANNELS, 3, 3, inputs)))
        constants = kernel, made.constant(random.normal(0, 0.3, CHANNELS))
        shape = (1, 8, 8, CHANNELS)
        made.add(
            "CONV_2D",
            made.last,
            *constants,
            shape=shape,
            table="Conv2DOptions",
            fusedActivationFunction=1,
            **CONV,
        )
    model = flatbuffer.parse(made.scores(10).pack(), "it")
    name_ends(model, Description("it", contract_for("unit", (8, 8, 3)), ()))
    editor = Editor(model)
    layers = weighted_layers(editor)
    scales = np.ones(CHANNELS)
    scales[3] = 1 / large
    rescale(editor, layers, groups_of(editor, layers)[0], scales)
    editor.sweep()
    return flatbuffer.pack(model)


@pytest.fixture(scope="module")
def process() -> Iterator[TfliteProcess]:
    with TfliteProcess("under test") as child:
        yield child


def images(folder: Path, data: str = "photos", stretched: float = 1.0) -> CalibrationImages:
    """Calibration images, of which the last one is so many times as bright as the others."""
    values = np.random.default_rng(0).uniform(0, 1, (24, 8, 8, 3)).astype(np.float32)
    values[-1] *= stretched
    write(folder / "images.npy", values, values.shape)
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    return CalibrationImages(pixels, folder / "images.npy", ImageManifest(data, 0, 24, 2, "0" * 64))


def corrected(
    process: TfliteProcess,
    folder: Path,
    large: float,
    name: str = "int8",
    wanted: tuple[str, ...] = NAMES,
    data: str = "photos",
    stretched: float = 1.0,
) -> tuple[Correction, ...]:
    (folder / "base.tflite").write_bytes(network(large))
    base = prepare(process, folder / "base.tflite", images(folder, data, stretched), UNKNOWN, wanted)
    made = quantize(process, formats.named(name), "int8", base)
    assert (
        made.path == folder / f"{name}.tflite" and made.rules == formats.named(name).rules[: len(made.rules)]
    )
    process.run(made.path, folder / "images.npy", folder / "scores.npy")
    assert np.isfinite(np.load(folder / "scores.npy")).all()
    return made.corrections


def test_a_broken_network_is_equalized_and_its_biases_are_corrected(
    process: TfliteProcess, tmp_path: Path
) -> None:
    first, second = corrected(process, tmp_path, 4096)
    assert (first.name, first.applied, first.images) == (EQUALIZATION, True, 24)
    assert first.ratio is not None and first.ratio > 1000
    assert first.sqnr_db_with is not None and first.sqnr_db_without is not None
    assert first.sqnr_db_with > first.sqnr_db_without + 10
    # The second is on top of the first.
    assert (second.name, second.changed) == (BIAS_CORRECTION, 3)
    assert (second.sqnr_db_without, second.agreement_without) == (first.sqnr_db_with, first.agreement_with)


def test_ranges_that_one_image_stretches_are_clipped(process: TfliteProcess, tmp_path: Path) -> None:
    """That image loses some of its size; the others keep their answers, which they have not in the wide ranges."""
    (clipping,) = corrected(process, tmp_path, 1, wanted=(CLIPPING,), stretched=1000)
    assert (clipping.name, clipping.applied, clipping.images) == (CLIPPING, True, 24)
    assert clipping.changed > 1 and clipping.share in SHARES
    assert clipping.ratio == pytest.approx(1000, rel=0.5)
    assert clipping.agreement_with > clipping.agreement_without + 0.3
    assert clipping.sqnr_db_with is not None and clipping.sqnr_db_without is not None
    assert clipping.sqnr_db_with > clipping.sqnr_db_without
    # The file takes any image, however bright.
    graph = flatbuffer.graph((tmp_path / "int8.tflite").read_bytes(), "int8")
    assert graph.inputs[0].scales[0] == pytest.approx(1000 / 255, rel=0.02)
    # int16 has codes enough.
    assert corrected(process, tmp_path, 1, "int16x8", (CLIPPING,), stretched=1000) == ()


@pytest.mark.parametrize(
    ("decibels", "applied", "share", "kept"),
    [
        ((20, 25, 24), True, 0.7, 0.7),
        ((20, 19, 30), True, 0.9, 0.9),  # No further than the first share that does no good.
        ((20, 25, 30), True, 0.5, 0.5),
        ((5, 30, 30), False, 0.9, 0.9),
        ((10, 10, 10), True, 0.5, 0.5),  # As near is no farther.
        ((), None, None, None),
    ],
)
def test_the_file_that_is_kept_is_that_of_the_share_that_is_said(
    decibels: tuple[float, ...], applied: bool | None, share: float | None, kept: float | None,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    """Of clipping by ever smaller shares; before, it is 10 dB."""
    of = dict(zip(SHARES, decibels, strict=False))

    def make(tflite: Any, source: Path, rules: Any, made: Path, calibration: Any, share: float) -> Any:
        if share in of:
            made.write_text(f"{share}")
        return corrections._Made([3.0] if share in of else [], 0)

    def parity(db: float) -> Parity:
        return Parity(4, 1.0, None, 4, False, 0.0, 0.0, 0.0, db)

    monkeypatch.setattr(corrections, "_make", make)
    monkeypatch.setattr(corrections._Work, "parity", lambda self, path: parity(of[float(path.read_text())]))
    base: Any = SimpleNamespace(clipping=True)
    nothing: Any = None
    rules = formats.named("int8").rules
    work = corrections._Work(
        nothing, base, rules, None, tmp_path / "it", tmp_path / "it.trial", nothing, nothing
    )
    tried = corrections._clipped(work, corrections._State(tmp_path / "base", nothing, parity(10), 0))
    if tried is None:
        assert applied is None
        return
    correction, after = tried
    read = float((tmp_path / "it.trial").read_text())
    assert (correction.applied, correction.share, read) == (applied, share, kept)
    assert after.parity.sqnr_db == correction.sqnr_db_with == of[read]


@pytest.mark.parametrize(("large", "stretched"), [(1, 1000), (4096, 1)])
def test_the_figures_of_the_last_correction_are_those_of_the_file(
    process: TfliteProcess, tmp_path: Path, large: float, stretched: float
) -> None:
    tried = corrected(process, tmp_path, large, stretched=stretched)
    last = [row for row in tried if row.applied][-1]
    process.run(tmp_path / "int8.tflite", tmp_path / "images.npy", tmp_path / "again.npy")
    process.run(tmp_path / "base.tflite", tmp_path / "images.npy", tmp_path / "exact.npy")
    again = compare(np.load(tmp_path / "exact.npy"), np.load(tmp_path / "again.npy"), UNKNOWN)
    assert again.sqnr_db == pytest.approx(last.sqnr_db_with)


def test_a_clipping_that_loses_more_than_it_gains_is_left_out(process: TfliteProcess, tmp_path: Path) -> None:
    (clipping,) = corrected(process, tmp_path, 1, wanted=(CLIPPING,), stretched=4)
    assert not clipping.applied and clipping.changed > 0
    assert clipping.sqnr_db_with is not None and clipping.sqnr_db_without is not None
    assert clipping.sqnr_db_with < clipping.sqnr_db_without


@pytest.mark.parametrize(
    ("name", "wanted", "data", "names"),
    [
        ("int8", NAMES, "photos", [BIAS_CORRECTION]),
        ("int8", (EQUALIZATION,), "photos", []),
        ("int8", (CLIPPING,), "photos", []),
        ("int8", (), "photos", []),
        ("int8", NAMES, RANDOM, []),
        ("dynamic", NAMES, "photos", [BIAS_CORRECTION]),
        ("int8-weights", NAMES, "photos", [BIAS_CORRECTION]),
        ("int16x8", NAMES, "photos", [BIAS_CORRECTION]),
        ("float16", NAMES, "photos", []),
    ],
)
def test_what_is_tried_on_a_healthy_one(
    process: TfliteProcess, tmp_path: Path, name: str, wanted: tuple[str, ...], data: str, names: list[str]
) -> None:
    tried = corrected(process, tmp_path, 1, name, wanted, data)
    assert [row.name for row in tried] == names
    for row in tried:
        assert row.sqnr_db_with is not None and row.sqnr_db_without is not None
        assert row.applied == (row.sqnr_db_with >= row.sqnr_db_without)


@pytest.mark.parametrize(("name", "judged"), [("int16x8", 20), ("int8", 24)])
def test_few_images_judge_where_kernels_are_slow(
    process: TfliteProcess, tmp_path: Path, name: str, judged: int
) -> None:
    (row,) = corrected(process, tmp_path, 1, name, (BIAS_CORRECTION,), "photos")
    assert row.images == judged


def test_what_is_said_of_them() -> None:
    row = Correction(BIAS_CORRECTION, True, 53, None, 96, 0.754, 0.906, 11.41, 18.79)
    assert words(row) == (
        "bias correction of 53 layers: agreement with float32 75.4% -> 90.6%, SQNR 11.4 -> 18.8 dB on 96 calibration images"
    )
    other = replace(row, name=EQUALIZATION, applied=False, changed=1, ratio=853.2, sqnr_db_with=None)
    assert words(other) == (
        "equalization of 1 tensor, whose channel ranges are up to 853 times the median: agreement with float32 75.4% -> "
        "90.6%, SQNR 11.4 -> no finite number of dB on 96 calibration images; left out"
    )
    clipping = replace(row, name=CLIPPING, changed=7, ratio=194.4, share=0.9)
    assert words(clipping).startswith(
        "clipping of 7 tensors to what 90% of the images reach at either end, all together being up to 194 times as wide: agreement"
    )
