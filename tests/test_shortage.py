"""What runs short is said as that: one line, code 3, and never a fault of an image or a model."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecnn.errors import DataError, EnvironmentProblem
from mobilecnn.process import Child
from mobilecnn.shortage import SMALLER, shortage
from mobilecnn.train import datasets
from mobilecnn.train.images import open_image


class ResourceExhaustedError(Exception):
    """As TensorFlow has it."""

    message = "\nOOM when allocating tensor with shape[64,375,375,128]\nHint: more words"


def of_numpy() -> MemoryError:
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 60, np.uint8)
    return caught.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "the memory does not suffice; take"),
        (of_numpy(), "the memory does not suffice (Unable to allocate 1.00 EiB"),
        (ResourceExhaustedError(), "does not suffice (OOM when allocating tensor with shape[64,375,375,128]); take"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "the memory does not suffice; take"),
        (OSError(errno.EMFILE, "Too many open files"), "allow more, as with ulimit -n 1024"),
        (OSError(errno.ENFILE, "Too many open files in system"), "too many files are open on this machine"),
        (OSError(errno.ENOENT, "No such file"), None),
        (ValueError("memory"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_what_runs_short(error: Exception, words: str | None) -> None:
    said = shortage(error)
    assert (said is None) == (words is None)
    if said is not None and words is not None:
        assert said.exit_code == 3 and words in str(said) and "\n" not in str(said)
        assert (SMALLER in str(said)) == ("memory" in str(said))


@pytest.mark.parametrize("raised", ["MemoryError('it')", "OSError(24, 'Too many open files')"])
def test_a_child_says_it_too(raised: str) -> None:
    code = f"from mobilecnn.process import serve\ndef work(_): raise {raised}\nserve(work)"
    with (
        Child([sys.executable, "-c", code], "under test") as child,
        pytest.raises(EnvironmentProblem) as said,
    ):
        child.receive(60)
    assert str(said.value) == str(shortage(eval(raised)))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(name)).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "set" / name)
    return tmp_path / "set"


def without_files(_: pytest.MonkeyPatch) -> None:
    most = os.dup(0)  # The lowest number that is free.
    os.close(most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def without_memory(patch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    patch.setattr(Image.Image, "load", exhausted)


@pytest.mark.parametrize("scarce", [without_files, without_memory])
def test_a_sound_picture_is_not_called_damaged_nor_left_out(
    pictures: Path, scarce: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    dataset = datasets.load(str(pictures))
    open_image(pictures / "a/0.png")  # What Pillow imports is there.
    try:
        scarce(monkeypatch)
        for read in (
            lambda: open_image(pictures / "a/0.png"),
            lambda: dataset.readable(print, lambda *_: None),
        ):
            with pytest.raises(EnvironmentProblem, match=r"a/0\.png"):
                read()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        monkeypatch.undo()
    with pytest.raises(DataError):
        (pictures / "a/0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
        open_image(pictures / "a/0.png")


COMMANDS: dict[str, tuple[str, tuple[str, ...], int, str]] = {
    "memory for a preview": ("-v 900000", ("data", "preview", "{set}", "-o", "{out}", "--size", "2500"), 3, "--size"),
    "files": ("-n 7", ("data", "inspect", "{set}"), 3, "ulimit -n 1024"),
    "files of the program": ("-n 5", ("data", "inspect", "{set}"), 3, "ulimit -n 1024"),
    "the edge of a strip": ("-v unlimited", ("data", "preview", "{set}", "-o", "{out}", "--size", "100000x1"), 2, "sides differ less"),
}  # fmt: skip
"""What runs short -> the limit, the command, its exit code, and what is said."""


def ended(
    limit: str, arguments: tuple[str, ...], places: dict[str, Path]
) -> "subprocess.CompletedProcess[str]":
    line = [argument.format(**places) for argument in arguments]
    command = f'ulimit {limit}; exec "$@"'
    return subprocess.run(
        ["bash", "-c", command, "limited", sys.executable, "-m", "mobilecnn", *line],
        capture_output=True, text=True, check=False, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_it_in_a_line(name: str, pictures: Path, tmp_path: Path) -> None:
    limit, arguments, code, words = COMMANDS[name]
    done = ended(limit, arguments, {"set": pictures, "out": tmp_path / "it.png"})
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr and words in done.stderr.splitlines()[-1]
    assert not (tmp_path / "it.png").exists()


@pytest.mark.sweep
def test_training_without_memory(pictures: Path, tmp_path: Path) -> None:
    arguments = ("train", "squeezenet_v1.0", "--data", "{set}", "--size", "2000", "--batch-size", "64", "--epochs", "1", "-o", "{out}")  # fmt: skip
    done = ended("-v 9000000", arguments, {"set": pictures, "out": tmp_path / "it.keras"})
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert "--batch-size" in done.stderr.splitlines()[-1] and not (tmp_path / "it.keras").exists()
