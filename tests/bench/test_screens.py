"""What five commands show on terminals of 80, 100 and 200 columns, against stored screens: ``screens/NAME-WIDTH.txt``.

A screen that is meant to change: ``RENEW_SCREENS=1 pytest tests/bench/test_screens.py``, and look at the difference.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from results import HOST, measured, written

import mobilecnn.records
from mobilecnn.bench.papers import speedup as paper
from mobilecnn.bench.papers.stored import stored
from mobilecnn.cli import bench, cli, export_tables, looks, speedup
from mobilecnn.convert.passport import Passport
from mobilecnn.exported import Exported
from mobilecnn.quantize.parity import Parity

SCREENS = Path(__file__).parent / "screens"
PASSPORTS = Path(__file__).parents[1] / "samples" / "passports" / "3"
WIDTHS = (80, 100, 200)


def run(*typed: str) -> str:
    done = CliRunner().invoke(cli, typed)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


def models(folder: Path, patch: pytest.MonkeyPatch) -> str:
    return run("models", "--family", "mobilenet_v3")


def one_network(folder: Path, patch: pytest.MonkeyPatch) -> str:
    return run("models", "lenet5")


def timed(folder: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setattr(bench, "time_models", lambda *_: (measured(HOST), Path("mobilecnn-runs/bench.json")))
    return run("bench", "out/a.tflite")


def compared(folder: Path, patch: pytest.MonkeyPatch) -> str:
    written(folder, before=measured(), after=measured(faster=1.1))
    return run("compare", "before.json", "after.json", "--max-slowdown", "50%")


def sped_up(folder: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setattr(paper, "speedup", lambda *_, **__: stored("sd820"))
    patch.setattr(mobilecnn.records, "recording", contextlib.nullcontext)
    patch.setattr(speedup, "new_name", lambda folder, stem: folder / f"{stem}.json")
    return run("speedup")


def exported(folder: Path, patch: pytest.MonkeyPatch) -> str:
    files = []
    for name in ("float32", "float16", "int8", "dynamic"):
        card = Passport.read(PASSPORTS / f"tiny.{name}.json")
        said = card.parity
        assert said.max_difference is not None and said.mean_difference is not None
        assert said.relative is not None and said.sqnr_db is not None
        parity = Parity(
            said.images, said.agreement, said.label_agreement, said.distinct_answers, False, said.max_difference,
            said.mean_difference, said.relative, said.sqnr_db,
        )  # fmt: skip
        files.append(Exported(Path(f"out/tiny.{name}.tflite"), name, card.file.bytes, parity, True, card))
    lines: list[str] = []
    patch.setattr(export_tables, "data", lines.append)
    patch.setattr(export_tables, "prose", lambda text: lines.append(looks.prose(text)))
    export_tables.show(tuple(files))
    return "\n".join(lines) + "\n"


SHOWN: dict[str, Callable[[Path, pytest.MonkeyPatch], str]] = {
    "models": models,
    "network": one_network,
    "bench": timed,
    "compare": compared,
    "speedup": sped_up,
    "export": exported,
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHOWN)
def test_screen(name: str, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(looks, "terminal_columns", lambda err=False: width)
    shown = SHOWN[name](tmp_path, monkeypatch)
    file = SCREENS / f"{name}-{width}.txt"
    if os.environ.get("RENEW_SCREENS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")
    # What is to be typed never breaks, and an error is one line.
    unbroken = ("  mobilecnn ", "Error: ")
    wide = [line for line in shown.splitlines() if len(line) > width and not line.startswith(unbroken)]
    assert wide == []


def test_the_stored_screens_are_those_that_are_shown() -> None:
    assert {path.name for path in SCREENS.iterdir()} == {
        f"{name}-{width}.txt" for name in SHOWN for width in WIDTHS
    }


@pytest.mark.parametrize("name", ["bench", "compare", "models"])
def test_verbose_is_as_a_pipe_has_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All columns, whole names and whole lines; what is said at a terminal alone is what to type next."""
    monkeypatch.chdir(tmp_path)
    piped = SHOWN[name](tmp_path, monkeypatch)
    monkeypatch.setattr(looks, "terminal_columns", lambda err=False: 80)
    narrow = SHOWN[name](tmp_path, monkeypatch)
    original = CliRunner.invoke
    monkeypatch.setattr(CliRunner, "invoke", lambda self, group, typed: original(self, group, [*typed, "-v"]))
    verbose = SHOWN[name](tmp_path, monkeypatch)
    assert "Not shown: " not in verbose and verbose != narrow
    assert [
        line for line in verbose.splitlines() if not line.startswith("Next: mobilecnn models")
    ] == piped.splitlines()
