"""``mobilecnn train``, as a user runs it."""

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from mobilecnn.cli import cli
from mobilecnn.cli.train import _command_line, command
from mobilecnn.train.keras_file import read_info

COMMAND = [sys.executable, "-m", "mobilecnn"]


def test_ctrl_c_then_the_command_it_prints(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "my model.keras"
    arguments = [
        "--data",
        str(photos),
        "-o",
        str(output),
        "--size",
        "32",
        "--epochs",
        "60",
        "--class-weights",
        "-v",  # It says how a result is shown, and is not said again.
    ]
    with subprocess.Popen(
        # SIGINT as in a terminal: a test run in the background would hand down an ignored one.
        ["env", "--default-signal=INT", *COMMAND, "train", "squeezenet_v1.1", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        for line in process.stderr:
            if line.startswith("epoch 2/60"):
                process.send_signal(signal.SIGINT)
                break
        rest, stdout = process.stderr.read(), process.stdout.read()
    assert process.returncode == 130, rest
    assert stdout == ""
    assert "Traceback" not in rest
    assert not output.exists()
    assert not list(tmp_path.glob(".*")), "a half-written file was left"
    saved = json.loads((tmp_path / "my model.checkpoint" / "state.json").read_text())
    epochs = len(saved["history"])
    assert 2 <= epochs < 60
    assert f"Interrupted: epoch {epochs} is saved" in rest
    (line,) = [line for line in rest.splitlines() if line.strip().startswith("mobilecnn train")]

    words = shlex.split(line)
    assert words[0] == "mobilecnn"
    assert words[-1] == "--resume" and "-v" not in words
    again = subprocess.run([*COMMAND, *words[1:], "--json"], check=False, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"Continuing after epoch {epochs} of 60" in again.stderr
    result = json.loads(again.stdout)
    assert (result["model"], result["epochs"]) == (str(output), 60)
    assert result["classes"] == ["cat", "dog"]
    assert read_info(output).labels == ("cat", "dog")
    history = (tmp_path / "my model.history.csv").read_text().splitlines()
    assert len(history) == 61
    assert not (tmp_path / "my model.checkpoint").exists()


def _run(*args: str) -> Any:
    return CliRunner().invoke(cli, ["train", *args])


def test_a_run_and_what_it_says(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.keras"
    output.write_bytes(b"old")
    result = _run(
        "squeezenet_v1.1", "--data", str(photos), "-o", str(output), "--size", "32", "--epochs", "2", "--augment", "none"
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{output}: validation accuracy ")
    assert "after 2 epochs" in result.stdout
    assert "squeezenet_v1.1 at 32x32: 10 images of 2 classes to train on, 2 to judge by" in result.stderr
    assert f"{output} is there already and will be replaced" in result.stderr
    assert "epoch 1/2: loss " in result.stderr
    info = read_info(output)
    assert info.training is not None
    assert info.training["learning_rate"] == 0.0003
    assert info.training["augment"] == "none"


def test_refusals_are_one_line(photos: Path, tmp_path: Path) -> None:
    output = str(tmp_path / "model.keras")
    data = ["--data", str(photos), "-o", output]
    for args, message in [
        (["squeezenet_v1.1", *data, "--resume"], "nothing to resume"),
        (["squeezenet_v1.1", *data, "--epochs", "0"], "--epochs 0 is out of range"),
        (["squeezenet_v1.9", *data], "did you mean squeezenet_v1.1"),
        (["squeezenet_v1.1", "--data", str(photos / "cat"), "-o", output], "has loose images"),
        (
            ["squeezenet_v1.1", "--data", str(photos), "-o", str(tmp_path / "model.h5")],
            "saved as a .keras file",
        ),
    ]:
        result = _run(*args)
        assert result.exit_code == 2, result.output
        assert message in result.stderr
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


OPTIONS = """
[train]
architecture = "lenet5"
optimizer = "sgd"
learning-rate = 0.02
size = 32
epochs = 1
validation = 0.25
"""


def test_options_from_a_file_and_what_is_typed_beside_it(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "it.toml").write_text(OPTIONS + f"data = {str(photos)!r}\n")
    curves, logs = tmp_path / "curves.png", tmp_path / "logs"
    result = _run(
        "--options", str(tmp_path / "it.toml"), "-o", str(tmp_path / "a.keras"), "--epochs", "2", "--json",
        "--curves", str(curves), "--tensorboard", str(logs),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert (printed["epochs"], printed["learning_rate"], printed["validation_images"]) == (2, 0.02, 4)
    info = read_info(tmp_path / "a.keras")
    assert info.training is not None
    assert (info.training["optimizer"], info.training["epochs"], info.training["size"]) == ("sgd", 2, 32)
    assert info.training["kept_epoch"] == printed["kept_epoch"]
    assert (info.training["momentum"], info.training["epsilon"], info.training["step_epochs"]) == (
        0.9,
        None,
        None,
    )
    assert curves.read_bytes().startswith(b"\x89PNG") and len(list(logs.iterdir())) == 1


def test_fine_tuning_by_name(photos: Path, tmp_path: Path) -> None:
    base, output = str(tmp_path / "base.keras"), tmp_path / "tuned.keras"
    common = ["--data", str(photos), "--epochs", "1"]
    assert _run("lenet5", *common, "--size", "32", "-o", base).exit_code == 0
    result = _run(
        "--from", base, *common, "-o", str(output), "--freeze", "*", "--thaw", "*5*", "--thaw", "*6*"
    )
    assert result.exit_code == 0, result.output
    assert f"{base} at 32x32: 10 images of 2 classes" in result.stderr
    info = read_info(output)
    assert info.training is not None and info.training["thaw"] == ["*5*", "*6*"]
    assert info.architecture == "lenet5"
    # A pattern that means nothing is refused before an image is read.
    broken = tmp_path / "broken"
    for label in ("cat", "dog"):
        (broken / label).mkdir(parents=True)
        (broken / label / "0.jpg").write_bytes(b"no picture")
    result = _run("--from", base, "--data", str(broken), "-o", str(output), "--freeze", "none*")
    assert result.exit_code == 2 and "--freeze none* means no layer with weights" in result.stderr


def test_the_command_to_continue_with_has_all_that_was_typed() -> None:
    typed = [
        "lenet5", "--data", "my data", "--output", "a.keras", "--size", "64x32", "--freeze", "a*", "--freeze", "b c", "--class-weights",
        "--resume",
    ]  # fmt: skip
    with command.make_context("train", list(typed)) as ctx:
        line = _command_line(ctx)
    assert sorted(shlex.split(line)) == sorted(["mobilecnn", "train", *typed])
    words = shlex.split(line)
    assert [words[place + 1] for place, word in enumerate(words) if word == "--freeze"] == ["a*", "b c"]


def test_options_that_are_refused_are_one_line(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "it.toml").write_text("[train]\nepoch = 3\n")
    data = ["--data", str(photos), "-o", str(tmp_path / "model.keras")]
    for args, message in [
        (["lenet5", *data, "--options", str(tmp_path / "it.toml")], "'epoch' is no option of a training"),
        (["lenet5", *data, "--options", "missing.toml"], "no such options file"),
        (["lenet5", *data, "--freeze", "*"], "--freeze has no effect on random weights"),
        (data, "nothing is named to train"),
        (["lenet5", *data, "--from", "a.keras"], "leave ARCHITECTURE out"),
        (["--from", str(tmp_path / "it.toml"), *data], "it.toml"),
        (["lenet5", *data, "--weights", "imagenet"], "no published weights for lenet5"),
        (["lenet5", *data, "--curves", "curves.jpg"], "write --curves curves.jpg.png"),
        (
            ["lenet5", *data, "--tensorboard", str(tmp_path / "it.toml")],
            "it is a file, and a folder is expected",
        ),
    ]:
        result = _run(*args)
        assert result.exit_code == 2, (args, result.output)
        assert message in result.stderr and result.stderr.count("\n") == 1, result.stderr
    assert not (tmp_path / "model.keras").exists()
