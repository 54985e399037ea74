"""The worked examples of ``docs/adding.md``, followed to the letter in a copy of the project, and their commands."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "adding.md"
SOURCES = ("train", "convert", "quantize", "bench", "android_demo")

FENCE = re.compile(r"^```(py|text|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(
    r"`([\w/.]+)`(, a new file:|, below this line:|, in place of this line:)|(below|in place of) this line:|this one:"
)


def examples() -> dict[str, str]:
    """Heading -> what stands under it."""
    _, *sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {section.partition("\n")[0]: section for section in sections}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources, as a checkout has them."""
    ignore = shutil.ignore_patterns("build", "__pycache__", ".gradle")
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    shutil.copytree(ROOT / "src", tmp_path / "src", symlinks=True, ignore=ignore)
    return tmp_path


def follow(section: str, copy: Path) -> list[tuple[list[str], str]]:
    """Do what the text says; returns the commands, each with what it shall print."""
    commands, path, how, line, end = [], None, "", "", 0
    for fence in FENCE.finditer(section):
        said = list(FILE.finditer(section[end : fence.start()]))
        end = fence.end()
        kind, content = fence.groups()
        if kind == "console":
            typed, _, printed = content.partition("\n")
            commands.append((shlex.split(typed.removeprefix("$ ")), printed.strip()))
            continue
        assert said, f"nothing says where this goes: {content}"
        last = said[-1]
        if last[1]:
            path, how = copy / last[1], last[2]
        elif last[3]:
            how = last[3]
        assert path is not None
        if "new file" in how:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        elif last[0] != "this one:":
            line = content
        else:
            text = path.read_text(encoding="utf-8")
            assert text.count(line) == 1, f"{path.name} has this line {text.count(line)} times: {line}"
            path.write_text(
                text.replace(line, content if "place" in how else line + content), encoding="utf-8"
            )
    return commands


@pytest.mark.parametrize("heading", examples())
def test_the_example_works(heading: str, copy: Path) -> None:
    pictures = copy / "pictures"
    pictures.mkdir()
    for index, label in enumerate(("cat", "cat", "dog", "dog")):
        pixels = np.full((12, 12, 3), 50 * index, np.uint8)
        Image.fromarray(pixels).save(pictures / f"{label}_{index}.png")
    commands = follow(examples()[heading], copy)
    assert commands
    for command, printed in commands:
        assert command[0] == "mobilecnn"
        done = subprocess.run(
            [sys.executable, "-m", "mobilecnn", *command[1:]],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert printed in done.stdout


def test_every_kind_of_addition_has_its_example() -> None:
    # The rows of the table in docs/design.md but those of commands and augmentation, which are alike.
    assert list(examples()) == [
        "A network", "A format", "A reader of data sets", "A graph pass", "A kind of device",
    ]  # fmt: skip
