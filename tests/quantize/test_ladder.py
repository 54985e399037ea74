"""The ladder of repairs: what is tried, on which images it is chosen and judged, where it stops, and what is said of it."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import mobilecnn
from mobilecnn.bench.devices import registry
from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.pages.ladder import html, lead
from mobilecnn.cli import cli
from mobilecnn.convert import passport
from mobilecnn.convert.checks import LabelledCheck, Verdict
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.rungs import Ladder, Loss, Rung
from mobilecnn.errors import InputError
from mobilecnn.ladder import Climb, _refused, _timed
from mobilecnn.quantize import labelled
from mobilecnn.quantize.drops import drop
from mobilecnn.quantize.repairs import _beginnings, _pattern
from mobilecnn.quantize.rules import LONGEST_PATTERN, Rule
from mobilecnn.records import record
from mobilecnn.remarks import Remarks

pytestmark = pytest.mark.usefixtures("forked", "undisturbed")

TELLS, WIDE = 1.0, 5000.0
"""Weights of a channel that tells dark from bright, and of one that takes all codes of an int8 tensor."""


@pytest.fixture
def undisturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests that time on this machine keep nobody from it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def broken(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models whose wide channel leaves nothing to the one that tells, and with pictures to calibrate and to ask.

    Of the two channels of ``two.keras`` none is wide against their median, so that it cannot be equalized; ``five.keras`` can.
    """
    folder = tmp_path_factory.mktemp("broken")
    for name, channels in (("two", [TELLS, WIDE]), ("five", [TELLS, WIDE, 1.1, 0.9, 1.2])):
        image = keras.Input((4, 4, 1))
        x = keras.layers.Conv2D(len(channels), 1, use_bias=False, name="conv")(image)
        x = keras.layers.GlobalAveragePooling2D()(x)
        model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
        dense = np.zeros((len(channels), 2))
        dense[0] = -20, 20
        model.set_weights([np.asarray([[[channels]]]), dense, np.asarray([10.0, -10.0])])
        model.save(folder / f"{name}.keras")
    generator = np.random.default_rng(5)
    for data, count in (("calibration", 60), ("asked", 25)):
        for label, low in (("0 dark", 20), ("1 bright", 170)):
            (folder / data / label).mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(low, low + 60, (4, 4), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / data / label / f"{index}.png")
    (folder / "labels.txt").write_text("0 dark\n1 bright\n")
    return folder


def command(broken: Path, output: Path, *more: str, model: str = "two") -> list[str]:
    return [
        "export", str(broken / f"{model}.keras"), "--input-range", "unit", "--labels", str(broken / "labels.txt"), "--calibration",
        str(broken / "calibration"), "-o", str(output), *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def climbed(broken: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The ladder of ``two.keras``, and where it was written."""
    output = tmp_path_factory.mktemp("climbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(output / "state"))
        asked = ("--int8", "auto", "--max-drop", "2", "--data", str(broken / "asked"))
        return output, CliRunner().invoke(cli, command(broken, output, *asked))


def stored(output: Path) -> passport.Passport:
    card = passport.unchecked(output / "two.int8.tflite")
    assert card is not None
    return card


def test_it_stops_at_the_first_step_that_passes(climbed: tuple[Path, Result]) -> None:
    output, done = climbed
    assert done.exit_code == 0, done.output
    ladder = stored(output).ladder
    assert ladder is not None
    steps = [(rung.name.split(" (")[0], bool(rung.left_out), bool(rung.refused)) for rung in ladder.rungs]
    assert steps == [
        ("int8, smallest to largest value", False, True),
        ("int8, bias correction", False, True),
        ("int8, clipping and bias correction", True, False),
        ("int8, equalization and bias correction", True, False),
        ("int8, both ends of the worst tensors in float32", False, False),
    ]
    plain, last = ladder.judged[0], ladder.rungs[-1]
    assert plain.labelled is not None and plain.loss is not None and last.labelled is not None
    assert (plain.labelled.keras_correct, plain.labelled.correct) == (50, 25)
    assert (plain.loss.points, plain.loss.verdict) == (50.0, "beyond")
    assert plain.refused == "it loses 50.00 points, surely more than 2"
    assert last.labelled.correct == 50 and last.kept_float
    assert last.calibration_sqnr_db is not None and plain.calibration_sqnr_db is not None
    assert last.calibration_sqnr_db > plain.calibration_sqnr_db + 20
    assert "more than 40 times as wide" in next(
        rung.left_out for rung in ladder.rungs if rung.left_out and "equal" in rung.name
    )


def test_the_file_is_the_one_that_was_judged(climbed: tuple[Path, Result]) -> None:
    output, _ = climbed
    card = stored(output)
    assert card.ladder is not None
    last = card.ladder.rungs[-1]
    assert (card.file.bytes, card.labelled, card.verdict) == (last.bytes, last.labelled, last.verdict)
    graph = flatbuffer.graph((output / "two.int8.tflite").read_bytes(), "it")
    kinds = {row.kind for row in graph.operations if row.outputs[0].dtype == "float32"}
    assert "CONV_2D" in kinds, "what was to stay in float32 has stayed"
    assert {rule["layers"] for rule in card.recipe.entries if rule["precision"] == "float32"} >= {
        name for name in last.kept_float if "[" not in name
    }
    assert sorted(path.name for path in output.iterdir() if path.name != "state" and not path.name.startswith(".")) == [
        "two.int8.json", "two.int8.tflite", "two.ladder.html",
    ]  # fmt: skip


def test_every_step_is_printed_with_what_it_costs(climbed: tuple[Path, Result]) -> None:
    output, done = climbed
    ladder = stored(output).ladder
    assert ladder is not None and (ladder.times, ladder.shared) == ("measured", 0)
    for rung in ladder.rungs:
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"{rung.name}  ")]
        if rung.left_out:
            assert line.endswith(f"left out: {rung.left_out}")
            continue
        assert rung.latency is not None and rung.latency.low <= rung.latency.ns <= rung.latency.high
        assert f"{rung.latency.ns / 1e6:.3f}" in line and f"{(rung.bytes or 0) / 1000:,.0f}" in line
        assert line.endswith(rung.refused or "chosen")
    assert [rung.front for rung in ladder.judged][-1], "nothing is right more often"
    assert "undecided whether it loses more than 2 points" in done.stderr
    page = (output / "two.ladder.html").read_text(encoding="utf-8")
    assert page == html(ladder, page.split("<title>mobilecnn export --int8 auto: ")[1].split("</title>")[0])
    assert page.count("<figure") == 2 and all(rung.name in page for rung in ladder.rungs)


def test_the_wide_channel_is_equalized_where_it_can_be(broken: Path, tmp_path: Path) -> None:
    """By Python; another that times on the machine is said, and costs the times alone; judged by what calibrates, which is said."""
    told: list[tuple[int, int, str]] = []
    with claimed(device("local")), pytest.warns(UserWarning) as said:
        (file,) = mobilecnn.export(
            broken / "five.keras", "auto", broken / "calibration", data=broken / "calibration", output=tmp_path, max_drop=2,
            input_range="unit", labels=["0 dark", "1 bright"], progress=lambda *step: told.append(step),
        )  # fmt: skip
    ladder = file.passport.ladder
    assert ladder is not None and ladder.times == "" and ladder.rungs[-1].latency is None
    assert any("the files were not timed on local: another mobilecnn" in str(row.message) for row in said)
    assert "timing 3 files on local" in [what for _, _, what in told]
    assert all(number <= total for number, total, _ in told)
    check = ladder.rungs[-1].labelled
    assert file.passport.calibration is not None and check is not None
    assert ladder.shared == file.passport.calibration.images and 0 < ladder.shared < check.images
    assert any(
        "80 of 120 images are among those that calibrate the files" in str(row.message) for row in said
    )
    assert (
        ladder.rungs[-1].name == "int8, equalization and bias correction" and not ladder.rungs[-1].kept_float
    )
    assert next(row.name for row in file.passport.corrections if row.applied) == "equalization"


def test_none_passes_and_nothing_is_written(broken: Path, tmp_path: Path) -> None:
    """The runtime that is asked for lacks int16 activations."""
    asked = (
        "--int8=auto",
        "--data",
        str(broken / "asked"),
        "--min-sqnr",
        "1000",
        "--target-runtime",
        "tensorflow==2.2",
    )
    done = CliRunner().invoke(cli, [*command(broken, tmp_path / "out", *asked), "--json"])
    assert done.exit_code == 1, done.output
    message = json.loads(done.stdout)["error"]["message"]
    assert "no step of the ladder keeps the answers to within 0.5 points, and no model was written" in message
    for step in ("int8, smallest to largest value: ", "in float32", "int16x8: ", "float16: its SQNR is"):
        assert step in message
    assert "would not run on tensorflow==2.2, which lacks" in message.split("int16x8: ")[1]
    assert "allow more with --max-drop" in message
    # What each step costs is shown all the same, with times and a chart.
    assert [path.name for path in (tmp_path / "out").glob("[!.]*")] == ["two.ladder.html"]
    page = (tmp_path / "out" / "two.ladder.html").read_text()
    assert "No step loses at most 0.5 points" in page and "Times are measured on local" in page
    for cost in ("size (kB)", "median latency (ms)"):
        assert f"Accuracy against {cost}" in page
    assert ">chosen<" not in page
    assert f"Page: {tmp_path / 'out' / 'two.ladder.html'}" in done.stderr


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("--int8", "auto", "--float16", "--data", "D"), "leave --float16 out"),
    (
        ("--int8", "auto", "--all", "--data", "D"),
        "leave --float32 and --float16 and --int8 and --dynamic out",
    ),
    (("--int8", "auto"), "give --data with labelled images"),
    (("--int8", "auto", "--data", "D", "--calibration", "random"), "give --calibration with a folder"),
    (("--int8", "auto", "--data", "D", "--max-drop", "-1"), "from 0 to 100"),
    (("--int8", "auto", "--data", "D", "--device", "nowhere at all"), "nowhere at all"),
    (("--int8", "--max-drop", "1"), "are for --int8 auto"),
    (("--int8", "--device", "local"), "are for --int8 auto"),
    (("--int8", "auto", "--data", "D", "--recipe", "R"), "the recipe is for dynamic, which is no step"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_what_cannot_be_is_said_before_anything_is_loaded(
    broken: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    recipe = {
        "schema": "mobilecnn.recipe",
        "version": 1,
        "format": "dynamic",
        "rules": [Rule(precision="dynamic").to_json()],
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    places = {"D": str(broken / "asked"), "R": str(tmp_path / "recipe.json")}
    done = CliRunner().invoke(cli, command(broken, tmp_path, *(places.get(word, word) for word in options)))
    assert done.exit_code == 2 and words in done.stderr, done.output
    assert "loading the model" not in done.stderr


def test_a_page_of_somebody_else_stays(broken: Path, tmp_path: Path) -> None:
    (tmp_path / "two.ladder.html").write_text("my notes")
    done = CliRunner().invoke(
        cli, command(broken, tmp_path, "--int8", "auto", "--data", str(broken / "asked"))
    )
    assert done.exit_code == 2 and "two.ladder.html" in done.stderr
    assert (tmp_path / "two.ladder.html").read_text() == "my notes"


LOSS: dict[str, Any] = {"points": 0.0, "low": -1.0, "high": 1.0, "p": 1.0, "verdict": "undecided"}


PASSPORT = Path(__file__).parents[1] / "samples/passports/tiny.int8.json"

LEFT_OUT, REFUSED_RUNG = (
    Rung("int8", "int8", left_out="no good"),
    Rung("int8", "int8", loss=Loss(**LOSS), refused="it loses"),
)


@pytest.mark.parametrize("rungs", [[], [LEFT_OUT]])
def test_a_ladder_has_a_step_that_was_judged(rungs: list[Rung]) -> None:
    rows = [asdict(rung) for rung in rungs]
    document = {"max_drop": 0.5, "device": "local", "times": "", "shared": 0, "rungs": rows}
    with pytest.raises(InputError, match="one of the rungs at least must have been judged"):
        record(Ladder, document)


@pytest.mark.parametrize("last", [LEFT_OUT, REFUSED_RUNG])
def test_that_of_a_passport_ends_at_what_was_chosen(last: Rung) -> None:
    chosen = Rung("int8", "int8", loss=Loss(**LOSS))
    assert Ladder(0.5, "local", "", 0, (REFUSED_RUNG, chosen)).passed
    fallen = Ladder(0.5, "local", "", 0, (REFUSED_RUNG, last))
    assert not fallen.passed
    with pytest.raises(ValueError, match=r"the last of ladder\.rungs must be the one that was chosen"):
        replace(passport.Passport.read(PASSPORT), ladder=fallen)


def test_what_is_said_of_a_loss_that_is_open() -> None:
    from mobilecnn.ladder import undecided

    rung = Rung("int8", "int8", loss=Loss(**LOSS))
    words = undecided(Ladder(0.5, "local", "", 0, (rung,)))
    assert words is not None and words.endswith("give --data more images")
    sure = Rung("int8", "int8", loss=Loss(**{**LOSS, "verdict": "within"}))
    assert undecided(Ladder(0.5, "local", "", 0, (sure,))) is None


def judged(lost: int, gained: int = 0, keras: int = 1000, chance: float = 0.0) -> tuple[LabelledCheck, Loss]:
    """What 2,000 images say of a file of a model that has so many of them right."""
    check = LabelledCheck("asked", 2000, 2, keras, 0.0, keras - lost + gained, lost, gained, 0, chance)
    found = drop(2000, keras - lost, lost, gained)
    return check, Loss(found.points, found.low, found.high, found.p, found.against(3))


VERDICT = Verdict("pass", True, 20, 20, (0.8, 1.0), 40.0, (39.0, 41.0), 90.0, 10.0, "", "")


@pytest.mark.parametrize(
    ("what", "most", "words"),
    [
        (judged(55), 3, ""),
        (judged(60, 5), 3, ""),
        (judged(60), 3, ""),
        (judged(61), 3, "it loses 3.05 points, as it seems more than 3"),
        (judged(200), 3, "it loses 10.00 points, surely more than 3"),
        (judged(550), 30, ""),
        (
            judged(950, keras=1950, chance=0.6),
            60,
            "and the model 1950: no more than chance gives",
        ),
    ],
)
def test_the_users_limit_decides(what: tuple[LabelledCheck, Loss], most: float, words: str) -> None:
    """Beyond what the usual check allows, too: that stands for a limit where nobody gave one."""
    check, loss = what
    refused = _refused(VERDICT, check, loss, Climb(most), "the model")
    assert bool(words) == bool(refused) and words in refused
    assert labelled.problem(check) is not None


class Board:
    """A device that cannot time, and says so."""

    name, runtimes, limits = "board", ("litert",), "board cannot time"

    def __init__(self) -> None:
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("where", "words"), [(Board(), "board cannot time"), (None, "it.tflite is not a .tflite file")]
)
def test_whatever_keeps_files_from_being_timed_costs_the_times_alone(
    where: Board | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "it.tflite").write_bytes(b"no model")
    if where is not None:
        monkeypatch.setattr(registry, "device", lambda _: where)
    remarks = Remarks()
    assert _timed([tmp_path / "it.tflite"], Climb(), remarks) == ([None], "")
    (said,) = remarks.rows
    assert said.code == "not-timed" and said.text.startswith("the files were not timed on local: ")
    assert words in said.text
    assert where is None or where.closed


@pytest.mark.parametrize(
    ("shared", "words"),
    [
        (0, "Each is chosen on the images that calibrate and judged on others. No file was timed."),
        (7, "calibrate, and 7 of 2,000 that judge are among them, so that new images may lose more. No"),
    ],
)
def test_images_that_calibrate_and_judge_are_counted(shared: int, words: str) -> None:
    check, loss = judged(0)
    assert words in lead(Ladder(3, "local", "", shared, (Rung("int8", "int8", labelled=check, loss=loss),)))


@pytest.mark.parametrize(
    ("ranked", "names"),
    [
        ([], []),
        ([["a", "b"]], [["a", "b"]]),
        ([["a"], ["b"], ["c"]], [["a"], ["a", "b"], ["a", "b", "c"]]),
    ],
)
def test_the_worst_are_taken_by_ever_more(ranked: list[list[str]], names: list[list[str]]) -> None:
    assert _beginnings(ranked, (1, 2, 4)) == names


@pytest.mark.parametrize("name", ["net/conv[0]*", "a" * (LONGEST_PATTERN + 1), "what?;why"])
def test_an_operator_is_found_by_its_name_alone(name: str) -> None:
    import fnmatch

    pattern = _pattern(name)
    assert len(pattern) <= LONGEST_PATTERN and fnmatch.fnmatchcase(name, pattern)
    assert not fnmatch.fnmatchcase(f"x{name}", pattern)
