"""The last line of a command names the next one: whole, with the options that it needs, and it works."""

import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from proposed import parse, proposed

from mobilecnn.cli import COMMANDS, cli, looks, proposals

pytestmark = pytest.mark.usefixtures("forked")

QUICK = {
    "bench": ["--rounds", "1", "--seconds", "0.1", "--warmup-seconds", "0.1"],
    "compare": ["--rounds", "1", "--seconds", "0.1", "--warmup-seconds", "0.1"],
    "sustained": ["--minutes", "0.05"],
    "single-stream": ["--min-seconds", "0.5"],
}
"""What a command is given in addition here."""

CASES = {
    # typed -> what is proposed
    "models --family lenet": "models lenet5",
    "models lenet5": "export lenet5 --int8 --calibration random -o out",
    "models theirs.keras --allow-code": "export theirs.keras --dynamic --allow-code -o out",
    "tables": "tables alexnet-groups",
    "tables shufflenet-5": "models mobilenet_v1_x1.0_224",
    "experiment": "experiment lesion-comparison --stand-in",
    "data inspect photos": "data prepare photos -o photos.json",
    "data inspect -- -photos": "data prepare ./-photos -o ./-photos.json",
    "data inspect digits": "train mobilenet_v2_x0.35_96 --data digits -o digits.keras",
    "data prepare photos -o photos.json": "train mobilenet_v2_x0.35_96 --data photos.json -o photos.keras",
    "data preview photos -o sheet.png": "train mobilenet_v2_x0.35_96 --data photos --augment lesion -o photos.keras",
    "data preview photos -o sheet.png --augment shift": "train mobilenet_v2_x0.35_96 --data photos -o photos.keras",
    "check-calibration theirs.keras --calibration photos --samples 8 --seed 3": "export theirs.keras --int8 --calibration photos "
    "--samples 8 --seed 3 -o out",
    "export theirs.keras --float32 -o made": "bench made/theirs.float32.tflite",
    "inspect theirs.int8.tflite": "profile theirs.int8.tflite",
    "predict theirs.int8.tflite photos/cat/0.jpg": "bench theirs.int8.tflite",
    "predict theirs.keras photos -o answers.csv": "export theirs.keras --dynamic -o out",
    "evaluate theirs.keras --data photos": "export theirs.keras --int8 --calibration photos -o out",
    "evaluate theirs.float32.tflite --data photos": "bench theirs.float32.tflite",
    "evaluate theirs.float32.tflite --data photos -o accuracy.json": "report accuracy.json",
    "quantize-report theirs.int8.tflite --data photos": "compare-accuracy theirs.float32.tflite theirs.int8.tflite --data photos",
    "compare-accuracy theirs.float32.tflite theirs.float16.tflite --data photos": "bench theirs.float32.tflite theirs.float16.tflite",
    "verify theirs.int8.tflite": "bench theirs.int8.tflite",
    "compress theirs.keras -o small.keras --prune 0.5": "export small.keras --dynamic -o out",
    "sustained theirs.int8.tflite -o hot.json": "report hot.json",
    "single-stream theirs.int8.tflite -o stream.json": "report stream.json",
    "devices": "devices diagnose local",
    "devices add my-pi --host 10.0.0.9": "devices probe my-pi",
    "report hot.json": None,
}
"""Run in this order, in one folder."""

CHEAP = {
    "tables alexnet-groups",
    "models lenet5",
    "models mobilenet_v1_x1.0_224",
    "report hot.json",
    "report stream.json",
}
"""Proposals that are run, too; the others are run by their own cases, or take long, and are parsed."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, third_party: Path, exported: Path, photos: Path) -> Path:
    """A folder with ``theirs.keras``, its files in all formats, and ``photos``, twice."""
    made = tmp_path_factory.mktemp("next")
    shutil.copy(third_party / "theirs.keras", made)
    shutil.copytree(exported, made, dirs_exist_ok=True)
    for name in ("photos", "-photos"):
        shutil.copytree(photos, made / name)
    return made


@pytest.fixture(autouse=True)
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(looks, "terminal_columns", lambda err=False: 400)


def run(typed: list[str]) -> Result:
    done = CliRunner().invoke(cli, [*typed, *QUICK.get(typed[0], [])])
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize("typed", CASES)
def test_the_last_line_is_what_to_type_next(typed: str) -> None:
    expected = CASES[typed]
    done = run(shlex.split(typed))
    if expected is None:
        assert "Next:" not in done.output
        return
    assert done.stderr.rstrip().splitlines()[-1].startswith(f"Next: mobilecnn {expected}  # ")
    (words,) = proposed(done.stderr)
    assert words == shlex.split(expected)
    parse(words)
    if expected in CHEAP:
        run(words)


def test_json_proposes_nothing() -> None:
    for typed in ("models lenet5", "inspect theirs.int8.tflite", "verify theirs.int8.tflite", "tables"):
        assert "Next:" not in run([*shlex.split(typed), "--json"]).output


def test_names_that_look_like_options_or_have_spaces_are_typed_so_that_they_are_none() -> None:
    assert (
        proposals.line("bench", Path("-x y.tflite"), "--device", "a b")
        == "mobilecnn bench './-x y.tflite' --device 'a b'"
    )
    parse(shlex.split(proposals.line("bench", Path("-x.tflite")))[1:])


def test_every_command_is_a_case_or_has_nothing_to_propose() -> None:
    ending = {
        "report": "its page is opened in a browser",
        "completion": "its output is a script",
        "isic": "what follows is the challenge's",
        "demo": "it takes minutes, and always proposes the same",
        "doctor": "it says what is missing, and proposes the demo where nothing is",
        "android": "it says at length how to build",
    }
    elsewhere = {
        "bench",
        "compare",
        "profile",
        "tune",
        "search",
        "train",
        "speedup",
        "pretrained",
    }
    """Run by the tests of the pages, which read their proposals, or by their own."""
    assert {typed.split()[0] for typed in CASES} | set(ending) | elsewhere == set(COMMANDS)
