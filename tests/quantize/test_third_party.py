"""ShuffleNet V1 as others write it becomes the file that ours becomes."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecnn.cli import export_tables as export_command
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.train import zoo
from mobilecnn.train.zoo import shufflenet_v1

pytestmark = pytest.mark.usefixtures("forked")

NAME, SIZE = "shufflenet_v1_x0.25_g3", 64


def five_dimensions(x: Any, groups: int, label: str) -> Any:
    from keras import layers

    _, height, width, depth = x.shape
    x = layers.Reshape((height, width, groups, depth // groups), name=f"{label}_fold")(x)
    x = layers.Permute((1, 2, 4, 3), name=f"{label}_permute")(x)
    return layers.Reshape((height, width, depth), name=f"{label}_unfold")(x)


def split_and_stacked(x: Any, groups: int, label: str) -> Any:
    from keras import layers, ops

    x = ops.stack(ops.split(x, groups, axis=-1), axis=-1)
    return layers.Reshape((*x.shape[1:3], x.shape[3] * groups), name=f"{label}_unfold")(x)


def gathered(x: Any, groups: int, label: str) -> Any:
    from keras import ops

    order = np.arange(x.shape[-1]).reshape(groups, -1).T.ravel()
    return ops.take(x, order, axis=-1)


def rectified_after_the_concatenation(x: Any, branch: Any, label: str) -> Any:
    from keras import layers

    shortcut = layers.ZeroPadding2D(1, name=f"{label}_pool_pad")(x)
    shortcut = layers.AveragePooling2D(3, strides=2, name=f"{label}_pool")(shortcut)
    both = layers.Concatenate(name=f"{label}_concat")([shortcut, branch])
    return layers.ReLU(name=f"{label}_relu")(both)


def in_every_spelling(x: Any, groups: int, label: str) -> Any:
    """The shuffle as others write it, in each stage in another way."""
    spelling = {"stage2": five_dimensions, "stage3": split_and_stacked, "stage4": gathered}[
        label.split("_")[0]
    ]
    return spelling(x, groups, label)


@pytest.mark.usefixtures("keras")
def test_another_way_of_writing_it_gives_the_same_file_and_that_is_explained(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parsed = zoo.parse(NAME, size=SIZE)
    ours = zoo.main_output(zoo.build(parsed, 5))
    monkeypatch.setattr(shufflenet_v1, "channel_shuffle", in_every_spelling)
    monkeypatch.setattr(shufflenet_v1, "_down", rectified_after_the_concatenation)
    theirs = zoo.main_output(zoo.build(parsed, 5))
    weights = {weight.path: weight.numpy() for weight in ours.weights}
    for weight in theirs.weights:
        weight.assign(weights[weight.path])
    made = {}
    for name, model in (("ours", ours), ("theirs", theirs)):
        path = tmp_path / f"{name}.keras"
        model.save(path)
        made[name] = export(
            Source(str(path), input_range="unit"),
            ("float32", "int8"),
            tmp_path / name,
            Calibration(str(photos)),
        )
    for mine, other in zip(made["ours"], made["theirs"], strict=True):
        assert not other.passport.taken_back
        operators = [
            Counter(
                (row.kind, row.outputs[0].shape)
                for row in flatbuffer.graph(file.path.read_bytes(), "it").operations
            )
            for file in (mine, other)
        ]
        assert operators[0] == operators[1]
        assert mine.parity.sqnr_db == pytest.approx(other.parity.sqnr_db, abs=1)
    export_command.explain(made["theirs"])
    shown = capsys.readouterr().out
    assert shown.count(" rewritten\n") == 2
    for words in (
        "spell_shuffles",
        "rectify_branches",
        "write_groups_dense",
        "multiply-adds M",
        "left: SOFTMAX scores: XNNPACK",
    ):
        assert words in shown, shown
    assert {row.rewrite for file in made["theirs"] for row in file.explanation.changes} <= set(shown.split())
