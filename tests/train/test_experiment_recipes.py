"""The recipes of experiments: those of this project, and what is refused of others."""

from pathlib import Path

import pytest

from mobilecnn.errors import InputError, UsageError
from mobilecnn.train import experiments, zoo
from mobilecnn.train.options import members
from mobilecnn.train.schedules import SCHEDULES

ROWS = {
    "lesion-comparison": 10,
    "lesion-mobilenet-v1": 10,
    "lesion-mobilenet-v2": 3,
    "lesion-resnet": 2,
    "lesion-shufflenet": 2,
}
"""Number of rows of each table of the source."""


def test_every_table_of_the_source_has_its_recipe() -> None:
    assert {name: len(experiments.read(name).rows) for name in experiments.built_in()} == ROWS


@pytest.mark.parametrize("name", ROWS)
def test_every_row_can_be_trained_and_has_what_was_published(name: str) -> None:
    recipe = experiments.read(name)
    for row in recipe.rows:
        options = members(row.options, row.name)
        network = zoo.parse(str(options["architecture"]))
        assert options["optimizer"] == "adadelta" and options["epochs"] in (100, 200, 500)
        assert options["schedule"] in SCHEDULES and options["keep"] == "last"
        assert row.published.val_accuracy is not None and row.published.time is not None
        assert 0.7 < row.published.val_accuracy < 0.9 and 7000 < row.published.time < 36000
        if name != "lesion-comparison":
            assert row.published.loss is not None and row.published.val_loss is not None
            assert row.published.accuracy is not None and row.published.accuracy >= 0.8
        small = zoo.parse(str(network), size=recipe.stand_in["size"])
        assert small.size == 32 == options["size"] // 7


def test_the_comparison_pairs_rows_with_and_without_decay() -> None:
    recipe = experiments.read("lesion-comparison")
    rows = {row.name: row for row in recipe.rows}
    decayed = [name for name in rows if name.endswith("-decay")]
    assert len(decayed) == 4
    for name in decayed:
        plain, other = dict(rows[name.removesuffix("-decay")].options), dict(rows[name].options)
        assert (other.pop("schedule"), other.pop("time-decay"), plain.pop("schedule")) == (
            "inverse-time",
            0.05,
            "constant",
        )
        assert plain == other
    shuffled = rows["shuffle_unit"].published
    assert shuffled.prediction == 5 * 60 + 58 and shuffled.prediction_images == 1512


@pytest.mark.sweep
def test_the_published_parameters_are_those_of_the_networks() -> None:
    """Cut to the digits that were printed, for seven classes."""
    for row in experiments.read("lesion-comparison").rows:
        count = zoo.build(zoo.parse(str(row.options["architecture"])), 7).count_params()
        printed = row.published.parameters
        assert printed is not None
        digits = len(printed.removesuffix("M").partition(".")[2])
        assert float(printed.removesuffix("M")) == int(count / 1e6 * 10**digits) / 10**digits, row.name


RIGHT = """
title = "it"
[train]
architecture = "lenet5"
data = "digits"
[[row]]
name = "one"
published = { parameters = "60k", time = "1:00:00", prediction = "3:57", prediction-images = 9, val-accuracy = 0.5 }
"""


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(RIGHT)
    recipe = experiments.read(str(path))
    (row,) = recipe.rows
    assert (recipe.name, recipe.title, recipe.stand_in, row.options["architecture"]) == (
        "own",
        "it",
        {},
        "lenet5",
    )
    assert row.published == experiments.Published("60k", 3600.0, None, None, None, 0.5, 237.0, 9)
    assert recipe.chosen(()) == recipe.chosen(("one",)) == recipe.rows
    with pytest.raises(UsageError, match="own has no row 'two'; it has one"):
        recipe.chosen(("two",))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('title = "it"', "title = it", "is not TOML"),
        ('title = "it"', "title = 3", "title must be a text"),
        ('title = "it"', 'titel = "it"', "'titel' is not known there; known are title, source"),
        ("[[row]]", "[row]", "has no rows"),
        ("[[row]]", "[[rows]]", "'rows' is not known there"),
        ('architecture = "lenet5"', "", r"row 1 \(one\) has no architecture"),
        ("[train]", "[train]\nrate = 1", "'rate' is no option of a training"),
        ("[train]", '[train]\nepochs = "many"', "epochs must be a whole number"),
        ('name = "one"', 'name = "../one"', "its name is '../one'"),
        ('name = "one"', 'name = ""', "its name is ''"),
        ('name = "one"', f'name = "{"x" * 101}"', "its name is"),
        ('name = "one"', "", "its name is ''"),
        ('name = "one"', 'name = "one"\ntrain = 3', "train must be a table"),
        (
            'name = "one"',
            'name = "one"\nspeed = 3',
            "'speed' is not known there; known are name, train, published",
        ),
        ('"60k"', "60000", "published: parameters must be a text"),
        ('"1:00:00"', "3600", 'time must be a text such as "2:46:23"'),
        ('"1:00:00"', '"1 hour"', "time must be a text"),
        ('"3:57"', '"3:57:12:1"', "prediction must be a text"),
        ("val-accuracy", "top-1", "'top_1' is not known here"),
        ("prediction-images = 9", "prediction-images = -9", "must be a whole number from 0"),
    ],
)
def test_what_is_no_recipe_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    assert old in RIGHT
    path.write_text(RIGHT.replace(old, new))
    with pytest.raises(InputError, match=words) as told:
        experiments.read(str(path))
    assert str(path) in str(told.value)


def test_two_rows_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(RIGHT + '[[row]]\nname = "ONE"\n')
    with pytest.raises(InputError, match="two rows are called ONE"):
        experiments.read(str(path))


@pytest.mark.parametrize("name", ["lesion", "lesion-comparison.yaml", ""])
def test_an_unknown_name_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(UsageError, match="give one of lesion-comparison, lesion-mobilenet-v1"):
        experiments.read(name)
