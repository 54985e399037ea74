"""Options of a training: in a TOML file, and what of them is refused."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from mobilecnn.cli.train import command
from mobilecnn.errors import InputError, UsageError
from mobilecnn.train import options
from mobilecnn.train.plan import Epoch, TrainingPlan, best, exhausted
from mobilecnn.train.preparing import check

EVERY = """
[train]
architecture = "mobilenet_v1_x1.0_224"
data = "isic.json"
size = "320x240"
epochs = 100
batch-size = 32
learning-rate = 1
seed = 7
class-weights = true
augment = "lesion"
optimizer = "adadelta"
epsilon = 1e-7
weight-decay = 0.05
schedule = "step"
freeze = ["stem*", "block1*"]
"""


def test_a_file_of_options(tmp_path: Path) -> None:
    path = tmp_path / "it.toml"
    path.write_text(EVERY)
    found = options.read(path)
    assert found == {
        "architecture": "mobilenet_v1_x1.0_224", "data": "isic.json", "size": (240, 320), "epochs": 100, "batch_size": 32,
        "learning_rate": 1.0, "seed": 7, "class_weights": True, "augment": "lesion", "optimizer": "adadelta",
        "epsilon": 1e-7, "weight_decay": 0.05, "schedule": "step", "freeze": ("stem*", "block1*"),
    }  # fmt: skip
    assert type(found["learning_rate"]) is float
    TrainingPlan(**found)


def test_every_option_of_a_plan_is_one_of_the_command() -> None:
    typed = {
        word.removeprefix("--"): parameter.name for parameter in command.params for word in parameter.opts
    }
    others = {"data": "source"}
    for option, member in options.OPTIONS.items():
        assert typed[option] == others.get(member, member), option
    members = {field.name for field in fields(TrainingPlan)}
    beside = {
        "output",
        "options_file",
        "resume",
        "skip_bad",
        "tensorboard",
        "curves",
        "as_json",
        "verbose",
        "source",
        "custom_objects",
        "hosts",
        "host_index",
        "coordinator",
    }
    assert {parameter.name for parameter in command.params} - beside == members - {"data"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[train", "is not TOML"),
        ("", r"has no table \[train\]"),
        ("train = 1", r"has no table \[train\]"),
        ("[train]\n[rows]", r"has a table \[rows\], which is not known here"),
        ("epochs = 3\n[train]", "has 'epochs' outside of tables"),
        ("[train]\nepoch = 3", "'epoch' is no option of a training; known are architecture, augment"),
        ("[train]\nbatch_size = 3", "'batch_size' is no option"),
        ("[train]\noutput = 'a.keras'", "'output' is no option"),
        ("[train]\nepochs = 3.5", "epochs must be a whole number, and is '3.5'"),
        ("[train]\nepochs = true", "epochs must be a whole number"),
        ("[train]\nepochs = '3'", "epochs must be a whole number"),
        ("[train]\nlearning-rate = '1'", "learning-rate must be a number"),
        ("[train]\nlearning-rate = true", "learning-rate must be a number"),
        (f"[train]\nlearning-rate = {10**400}", "learning-rate must be a number"),
        ("[train]\nclass-weights = 1", "class-weights must be true or false"),
        ("[train]\naugment = ['lesion']", "augment must be a text"),
        ("[train]\nfreeze = '*'", "freeze must be a list of texts"),
        ("[train]\nfreeze = [1]", "freeze must be a list of texts"),
        ("[train]\nsize = '320'\nsize = 3", "is not TOML"),
        ("[train]\nsize = '320x'", "size must be a side in pixels"),
        ("[train]\nsize = 1.5", "size must be a side in pixels"),
        ("[train]\nsize = -5", "size must be a side in pixels"),
    ],
)
def test_a_file_that_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "it.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as refused:
        options.read(path)
    assert str(refused.value).startswith(str(path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "--epochs 0 is out of range"),
        ({"batch_size": 0}, "--batch-size 0"),
        ({"learning_rate": 0.0}, "--learning-rate 0.0"),
        ({"learning_rate": 11.0}, "--learning-rate 11.0"),
        ({"learning_rate": float("nan")}, "--learning-rate nan"),
        ({"validation": 0.0}, "--validation 0.0"),
        ({"validation": 1.0}, "--validation 1.0"),
        ({"seed": -1}, "--seed -1"),
        ({"label_smoothing": 1.0}, "--label-smoothing 1.0"),
        ({"augment": "cutout"}, "--augment cutout is out of range; choose one of none, shift, flip-shift"),
        ({"optimizer": "lion"}, "--optimizer lion is out of range; choose one of adam, adamw, sgd"),
        ({"schedule": "poly"}, "--schedule poly"),
        ({"initializer": "lecun"}, "--initializer lecun"),
        ({"precision": "int8"}, "--precision int8"),
        ({"keep": "first"}, "--keep first"),
        ({"weights": "noisy"}, "--weights noisy is out of range; choose one of imagenet"),
        ({"input_range": "255", "base": "m", "architecture": ""}, "--input-range 255"),
        ({"epsilon": 0.0}, "--epsilon 0.0"),
        ({"optimizer": "sgd", "momentum": 1.0}, "--momentum 1.0"),
        ({"weight_decay": -0.1}, "--weight-decay -0.1"),
        ({"dropout": 1.0}, "--dropout 1.0"),
        ({"warm_up": 1.0}, "--warm-up 1.0"),
        ({"ema": 1.0}, "--ema 1.0"),
        ({"patience": -1}, "--patience -1"),
        ({"schedule": "inverse-time", "time_decay": float("inf")}, "--time-decay inf"),
        ({"schedule": "step", "step_factor": 1.0}, "--step-factor 1.0"),
        ({"schedule": "step", "step_epochs": 0}, "--step-epochs 0"),
        # Without effect.
        ({"momentum": 0.9}, "--momentum has no effect with --optimizer adam; leave it out"),
        ({"optimizer": "sgd", "epsilon": 1e-3}, "--epsilon has no effect with --optimizer sgd"),
        (
            {"step_epochs": 3},
            "--step-epochs has no effect with --schedule cosine; leave it out, or give --schedule step",
        ),
        ({"time_decay": 0.1}, "--time-decay has no effect with --schedule cosine"),
        ({"schedule": "inverse-time"}, "--schedule inverse-time needs --time-decay"),
        ({"base": "m.keras"}, "leave ARCHITECTURE out"),
        ({"base": "m.keras", "architecture": "", "weights": "imagenet"}, "leave --weights out"),
        ({"architecture": ""}, "nothing is named to train"),
        ({"weights": "imagenet"}, "no published weights for lenet5; choose efficientnet_lite0"),
        ({"base": "m", "architecture": "", "initializer": "he"}, "--initializer has no effect"),
        ({"input_range": "tf"}, "--input-range has no effect without --from"),
        ({"override_input_range": True}, "--override-input-range has no effect without --input-range"),
        ({"freeze": ("*",)}, "--freeze has no effect on random weights"),
        ({"base": "m", "architecture": "", "thaw": ("*",)}, "--thaw has no effect without --freeze"),
    ],
)
def test_a_plan_that_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check(TrainingPlan(**{"architecture": "lenet5", "data": "digits", "size": 32, **changes}))


def history(*figures: tuple[float, float]) -> list[Epoch]:
    return [Epoch(number, 0.1, 1, 0.5, loss, right, 1) for number, (right, loss) in enumerate(figures, 1)]


@pytest.mark.parametrize(
    ("figures", "number", "stops"),
    [
        ([(0.5, 1.0)], 1, None),
        ([(0.5, 1.0), (0.6, 2.0), (0.6, 1.5), (0.6, 1.5)], 3, None),
        ([(0.6, 1.0), (0.5, 0.1), (0.6, 1.0)], 1, 2),
        ([(0.6, 1.0), (0.5, 0.1), (0.7, 1.0), (0.2, 1.0)], 3, None),
    ],
)
def test_the_best_epoch_and_the_end_of_patience(
    figures: list[tuple[float, float]], number: int, stops: int | None
) -> None:
    rows = history(*figures)
    assert best(rows).epoch == number
    assert exhausted(rows, 2) == (stops is not None)
    assert not exhausted(rows, 0) and not exhausted([], 2)
    assert exhausted(rows, 1) == (number < len(rows))
