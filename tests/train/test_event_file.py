"""The event file as TensorFlow's own reader has it, and the learning curves."""

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mobilecnn.api.training import check_logs
from mobilecnn.bench.pages import png
from mobilecnn.bench.pages.learning import learning_curves
from mobilecnn.errors import OutputError, UsageError
from mobilecnn.train.event_file import EventFile
from mobilecnn.train.plan import Epoch

HISTORY = tuple(Epoch(n, 0.1 / n, 2.0 / n, 0.3 + 0.01 * n, 1.5, 0.5, 12.25) for n in (1, 2, 3, 300))


def test_tensorflow_reads_it(keras: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    written = EventFile(tmp_path / "logs")
    for row in HISTORY:
        written.write(row)
    again = EventFile(tmp_path / "logs")
    assert again.path != written.path and written.path.name.startswith("events.out.tfevents.")
    # The reader holds the lengths and the contents against their checksums.
    events = list(tf.compat.v1.train.summary_iterator(str(written.path)))
    assert events[0].file_version == "brain.Event:2"
    assert [event.step for event in events[1:]] == [1, 2, 3, 300]
    for event, row in zip(events[1:], HISTORY, strict=True):
        found = {value.tag: value.simple_value for value in event.summary.value}
        assert list(found) == ["learning_rate", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
        for name, value in found.items():
            assert value == struct.unpack("<f", struct.pack("<f", getattr(row, name)))[0]
        assert event.wall_time > 1.7e9


def test_the_curves_are_a_picture_that_may_be_replaced(tmp_path: Path) -> None:
    rows = HISTORY[:3]
    plots = learning_curves(rows, 2)
    (mark,) = plots[0].series[-1].points
    assert (mark.x, mark.y) == (2, 50.0)
    assert [point.y for point in plots[1].series[0].points] == [row.loss for row in rows]
    path = tmp_path / "curves.png"
    for chosen in (rows, rows[:1]):
        path.write_bytes(png.draw(learning_curves(chosen, 1), "a title"))
        with Image.open(path) as picture:
            assert picture.format == "PNG" and min(picture.size) > 500
        check_logs(None, path)


def test_logs_that_cannot_go_there(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is not a picture of learning curves of mobilecnn"):
        check_logs(None, tmp_path / "photo.png")
    with pytest.raises(UsageError, match=r"write --curves .*curves\.png"):
        check_logs(None, tmp_path / "curves")
    with pytest.raises(OutputError, match="it is a file, and a folder is expected"):
        check_logs(tmp_path / "file", None)
