"""The files of a checkpoint: believed only where they are as training wrote them."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mobilecnn.errors import InputError
from mobilecnn.train import checkpoint
from mobilecnn.train.plan import Epoch, TrainingPlan

PLAN = TrainingPlan("lenet5", "digits", 16, epochs=3)
HISTORY = tuple(Epoch(number, 0.001, 1.5, 0.5, 1.25, 0.625, 2.0) for number in (1, 2))
VALUES: tuple[npt.NDArray[Any], ...] = (
    np.arange(12, dtype=np.float32).reshape(3, 4),
    np.array(7, np.int64),
    np.array([True, False]),
)


class Variable:
    """What training restores: something of a shape that takes values."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.value: npt.NDArray[Any] | None = None

    def assign(self, value: npt.NDArray[Any]) -> None:
        self.value = value


@pytest.fixture
def output(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "it.keras", PLAN, 100, ("a", "b"), HISTORY, VALUES)
    return tmp_path / "it.keras"


def restored(output: Path) -> list[npt.NDArray[Any] | None]:
    variables = [Variable(value.shape) for value in VALUES]
    checkpoint.restore(output, variables)
    return [variable.value for variable in variables]


def test_what_is_saved_is_restored(output: Path) -> None:
    assert checkpoint.completed(output, PLAN, 100, ("a", "b")) == HISTORY
    for before, after in zip(VALUES, restored(output), strict=True):
        assert after is not None and after.dtype == before.dtype
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("images"), "images is missing"),
        (lambda d: d.update(images="100"), "images must be a whole number"),
        (lambda d: d.update(images=1e400), "images must be a whole number"),
        (lambda d: d.update(classes="ab"), "classes must be a list"),
        (lambda d: d.update(classes=[1]), r"classes\[0\] must be a text"),
        (lambda d: d.update(plan=[]), "plan must be an object"),
        (lambda d: d["plan"].update(seed=float("nan")), "plan.seed must be a finite number"),
        (lambda d: d["history"][1].update(loss=float("nan")), r"history\[1\].loss must be a finite number"),
        (lambda d: d["history"][0].update(accuracy="0.5"), r"history\[0\].accuracy must be a finite number"),
        (lambda d: d["history"][0].update(epoch=5), "history does not number its epochs from 1"),
        (lambda d: d["history"].pop(), "variables must be epoch-1.npz"),
        (lambda d: d.update(variables="../../else.npz"), "variables must be epoch-2.npz"),
        (lambda d: d.update(variables="/etc/passwd"), "variables must be epoch-2.npz"),
        (lambda d: d.update(more=1), "'more' is not known here"),
    ],
)
def test_a_damaged_state_is_named_with_its_member(
    output: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    path = checkpoint.folder(output) / "state.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    for use in (checkpoint.saved_epochs, restored):
        with pytest.raises(
            InputError, match=rf"it\.checkpoint is damaged \(state\.json: .*{words}.*delete it"
        ):
            use(output)


@pytest.mark.parametrize(
    "text", ['{"plan": {}, "plan": {}}', "[" * 100_000, "1" * 5000, "\ufeff{", "", "nul"]
)
def test_what_is_no_document_is_refused(output: Path, text: str) -> None:
    (checkpoint.folder(output) / "state.json").write_text(text)
    with pytest.raises(InputError, match=r"is damaged \(state\.json"):
        checkpoint.saved_epochs(output)


def npy(said: tuple[int, ...], dtype: str, values: bytes, version: int = 1) -> bytes:
    """An array file that says of itself whatever is asked for."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {said}, }}".encode()
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H", len(header)) + header + values


def replaced(output: Path, first: bytes, method: int = zipfile.ZIP_STORED) -> None:
    """Put another file in the place of the first array."""
    path = checkpoint.folder(output) / "epoch-2.npz"
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in {**members, "arr_0.npy": first}.items():
            archive.writestr(name, content)


SOUND = VALUES[0].tobytes()


@pytest.mark.parametrize(
    "content",
    [
        npy((2**40, 2**20), "<f4", SOUND),
        npy((4, 3), "<f4", SOUND),
        npy((3, 4), "|O", SOUND),
        npy((3, 4), "|S4", SOUND),
        npy((3, 4), "<f8", SOUND),
        npy((3, 4), "<f4", SOUND[:-1]),
        npy((3, 4), "<f4", SOUND, version=9),
        npy((-3, -4), "<f4", SOUND),
        npy((3, 4), "<f4", SOUND + bytes(64 << 20)),
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 60_000,
        b"\x93NUMPY\x01\x00\x09\x00" + b"{'a': [(\n",
        b"\x93NUMPY\x01\x00\x09\x00" + b'"""{\'a\': \n',
        b"",
    ],
    ids=range(14),
)
def test_an_array_that_says_something_else_of_itself_is_refused(output: Path, content: bytes) -> None:
    replaced(output, content, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match=r"it\.checkpoint is damaged \(epoch-2\.npz: .*delete it"):
        restored(output)


def test_arrays_too_few_or_too_many_are_refused(output: Path) -> None:
    for count in (2, 4):
        variables = [Variable((3, 4)) for _ in range(count)]
        with pytest.raises(InputError, match=rf"it has not the {count} variables"):
            checkpoint.restore(output, variables)
