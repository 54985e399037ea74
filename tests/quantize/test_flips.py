"""Two files on the same images: what was lost and gained, by class, and the images themselves."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from proposed import parse, proposed
from tflite_files import Made

from mobilecnn.cli import cli
from mobilecnn.errors import UsageError
from mobilecnn.quantize.asking import Asking
from mobilecnn.quantize.comparison import BOTH_WRONG, GAINED, LOST, Comparison, compare, sheet
from mobilecnn.quantize.proportions import mcnemar
from mobilecnn.train import datasets

LEVELS = {"dark": 40, "middle": 120, "bright": 210}


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``a.tflite`` and ``b.tflite``, which tell pictures of 0..1 apart by how bright they are, at other limits,
    and such ``pictures``: b takes dark pictures above 0.1 for middle ones, a takes middle ones below 0.45 for dark ones."""
    folder = tmp_path_factory.mktemp("judges")
    for name, (low, high) in {"a": (0.45, 0.65), "b": (0.1, 0.65)}.items():
        made = Made((1, 8, 8, 1))
        made.add("MEAN", made.last, made.constant([1, 2], "int32"), shape=(1, 1), table="ReducerOptions")
        # Scores that cross at the limits: bright, dark, middle, as the folders are sorted.
        dense = made.constant([[60.0], [-60.0], [0.0]]), made.constant([-60 * high, 60 * low, 0.0])
        made.add("FULLY_CONNECTED", made.last, *dense, shape=(1, 3), table="FullyConnectedOptions")
        made.add("SOFTMAX", made.last, table="SoftmaxOptions", beta=1.0)
        (folder / f"{name}.tflite").write_bytes(made.pack())
    generator = np.random.default_rng(2)
    for name, level in LEVELS.items():
        (folder / "pictures" / name).mkdir(parents=True)
        for index in range(6):
            brightness = level - 20 + 8 * index
            pixels = np.clip(generator.normal(brightness, 3, (8, 8)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def found(judges: Path) -> Comparison:
    dataset = datasets.load(str(judges / "pictures"))
    return compare(judges / "a.tflite", judges / "b.tflite", dataset, Asking(input_range="unit"))


def test_flips_are_counted_by_class_and_listed(found: Comparison) -> None:
    kinds = [flip.kind for flip in found.flips]
    assert kinds.count(LOST) == found.b.lost_against_first > 0
    assert kinds.count(GAINED) == found.b.gained_against_first > 0
    assert kinds == sorted(kinds, key=[LOST, GAINED, BOTH_WRONG].index)
    by_class = {row.name: row for row in found.classes}
    assert sum(row.lost for row in found.classes) == kinds.count(LOST)
    assert by_class["dark"].lost > 0 and by_class["dark"].gained == 0
    assert by_class["middle"].gained > 0 and by_class["middle"].lost == 0
    assert (by_class["bright"].lost, by_class["bright"].gained, by_class["bright"].p) == (0, 0, 1)
    for flip in found.flips:
        assert flip.a != flip.b and flip.right in Path(flip.image).parts
        assert (flip.a == flip.right) == (flip.kind == LOST) and (flip.b == flip.right) == (
            flip.kind == GAINED
        )
        assert flip.a_probability is not None and 1 / 3 <= flip.a_probability <= 1
    lost, gained = kinds.count(LOST), kinds.count(GAINED)
    assert found.drop.points == pytest.approx(100 * (lost - gained) / 18)
    assert found.drop.p == mcnemar(lost, gained) and found.drop.low < found.drop.points < found.drop.high
    assert found.a.figures is not None and found.a.figures.calibration_error is not None


def test_the_command_lists_and_draws_them(judges: Path, tmp_path: Path) -> None:
    command = [
        "compare-accuracy",
        str(judges / "a.tflite"),
        str(judges / "b.tflite"),
        "--data",
        str(judges / "pictures"),
    ]
    picture = tmp_path / "flips.png"
    done = CliRunner().invoke(cli, [*command, "--input-range", "unit", "--flips", str(picture)])
    assert done.exit_code == 0, done.output
    assert "exact McNemar test p = " in done.stdout and "sensitivity of A" in done.stdout
    assert "lost" in done.stdout and "gained" in done.stdout and "calibration error" in done.stdout
    with Image.open(picture) as drawn:
        assert drawn.width > 200 and len(np.unique(np.asarray(drawn))) > 10
    done = CliRunner().invoke(cli, [*command, "--input-range", "unit", "--json"])
    assert done.exit_code == 0 and len(json.loads(done.stdout)["flips"]) > 0
    mine = tmp_path / "mine.png"
    Image.new("RGB", (4, 4)).save(mine)
    assert CliRunner().invoke(cli, [*command, "--flips", str(mine)]).exit_code == 2


def test_a_file_is_not_compared_with_itself(judges: Path) -> None:
    dataset = datasets.load(str(judges / "pictures"))
    with pytest.raises(UsageError, match="are one file"):
        compare(judges / "a.tflite", judges / "a.tflite", dataset)


def test_a_sheet_has_a_row_for_each_change_of_class(judges: Path, found: Comparison) -> None:
    changes = {(flip.kind, flip.a, flip.b) for flip in found.flips}
    assert sheet(found, datasets.load(str(judges / "pictures"))).height == 4 + len(changes) * 100


def test_a_sheet_of_the_flips_is_proposed_with_the_options_that_were_given(
    judges: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(judges)
    typed = [
        "compare-accuracy",
        "a.tflite",
        "b.tflite",
        "--data",
        "pictures",
        "--input-range",
        "unit",
        "--skip-bad",
    ]
    (words,) = proposed(CliRunner().invoke(cli, [*typed, "-v"]).stderr)
    assert words == [*typed, "--flips", "flips.png"]
    parse(words)
    # The name of another sheet, where that one is there; and with a sheet, what comes after it.
    assert CliRunner().invoke(cli, words).exit_code == 0
    assert proposed(CliRunner().invoke(cli, typed).stderr)[0][-1] == "flips-2.png"
    assert proposed(CliRunner().invoke(cli, words).stderr) == [["bench", "a.tflite", "b.tflite"]]
