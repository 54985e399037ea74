"""A record is kept while it is made, survives a failure, and replaces no file."""

import dataclasses
from pathlib import Path

import pytest
from test_measurement import GOOD

from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.errors import ChildCrashed, OutputError
from mobilecnn.records import partial, recording


def cut(rounds: int) -> Measurement:
    return dataclasses.replace(GOOD, runs=GOOD.runs[: 2 * rounds])


def test_recording_keeps_each_round_and_renames_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "one.json"
    with recording(path) as keep:
        assert [entry.name for entry in path.parent.iterdir()] == [".one.json.lock"]
        for rounds in (1, 2, 3):
            keep(cut(rounds))
            assert Measurement.read(tmp_path / "runs" / "one.partial.json") == cut(rounds)
            assert not path.exists()
    assert Measurement.read(path) == GOOD
    assert [entry.name for entry in path.parent.iterdir()] == ["one.json"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ChildCrashed("the board is gone"), "the board is gone; 2 of 3 rounds are complete, in {}"),
        (KeyboardInterrupt(), "2 of 3 rounds are complete, in {}"),
    ],
)
def test_what_is_complete_survives_a_failure(tmp_path: Path, error: BaseException, message: str) -> None:
    path = tmp_path / "one.json"
    with pytest.raises(type(error)) as caught, recording(path) as keep:
        keep(cut(1))
        keep(cut(2))
        raise error
    assert str(caught.value) == message.format(partial(path))
    assert Measurement.read(partial(path)) == cut(2)
    assert not path.exists()


def test_a_failure_before_the_first_round_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ChildCrashed, match=r"^gone$"), recording(tmp_path / "one.json"):
        raise ChildCrashed("gone")
    assert not list(tmp_path.iterdir())


def test_recording_replaces_no_file(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    for taken in (path, partial(path)):
        taken.write_text("kept")
        with pytest.raises(OutputError, match=r"one\..*never replaces a file"), recording(path):
            raise AssertionError("the work began")
        assert taken.read_text() == "kept"
        taken.unlink()
    with pytest.raises(OutputError, match="never replaces"), recording(path) as keep:
        partial(path).write_text("of another run")
        keep(cut(1))
    assert partial(path).read_text() == "of another run"
    partial(path).unlink()
    with pytest.raises(OutputError, match=r"never replaces.*3 of 3 rounds"), recording(path) as keep:
        keep(GOOD)
        path.write_text("of another run")
    assert path.read_text() == "of another run"
    assert Measurement.read(partial(path)) == GOOD


def test_where_it_is_kept_meanwhile() -> None:
    assert partial(Path("a/it.json")) == Path("a/it.partial.json")
    assert partial(Path("a/it.v2")) == Path("a/it.v2.partial.json")
