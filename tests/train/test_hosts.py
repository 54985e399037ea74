"""Training on several machines: processes on loopback take the course of one process, and end together."""

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from trainings import small_plan, write_colors

from mobilecnn.cli import cli
from mobilecnn.errors import EnvironmentProblem, UsageError
from mobilecnn.train import fit
from mobilecnn.train.hosts import Place, Team, joined, place_of
from mobilecnn.train.keras_file import read_info

pytestmark = pytest.mark.usefixtures("forked")

needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="needs pip install 'mobilecnn[jax]'")

ADDRESS = "10.0.0.1:1234"


@pytest.mark.parametrize(
    ("hosts", "index", "coordinator", "place"),
    [
        (None, None, None, Place()),
        (1, None, None, Place(1)),
        (2, 0, ADDRESS, Place(2, 0, ADDRESS)),
        (3, 2, "[::1]:65535", Place(3, 2, "[::1]:65535")),
    ],
)
def test_a_place_is_what_the_options_say(
    hosts: int | None, index: int | None, coordinator: str | None, place: Place
) -> None:
    assert place_of(hosts, index, coordinator) == place


@pytest.mark.parametrize(
    ("hosts", "index", "coordinator", "words"),
    [
        (0, None, None, "--hosts 0 is out of range"),
        (-1, None, None, "--hosts -1 is out of range"),
        (1 << 20, 0, ADDRESS, "is out of range; choose 1 to 1024"),
        (None, 0, None, "--host-index has no effect without --hosts; leave it out"),
        (None, None, ADDRESS, "--coordinator has no effect without --hosts; leave it out"),
        (1, 0, None, "--host-index has no effect with --hosts 1, which is this machine; leave it out"),
        (1, None, ADDRESS, "--coordinator has no effect with --hosts 1"),
        (2, None, None, "--hosts 2 needs --host-index; give each machine its own --host-index, 0 to 1, and all"),
        (2, 0, None, "--hosts 2 needs --coordinator; give each"),
        (2, 2, ADDRESS, "--host-index 2 is out of range; choose 0 to 1"),
        (2, -1, ADDRESS, "--host-index -1 is out of range; choose 0 to 1"),
        *((2, 0, bad, f"--coordinator {bad} is no ADDRESS:PORT") for bad in ("a", ":1", "a:", "a:0", "a:65536", "a:¹")),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(
    hosts: int | None, index: int | None, coordinator: str | None, words: str
) -> None:
    with pytest.raises(UsageError) as refused:
        place_of(hosts, index, coordinator)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("size", "devices", "words"),
    [(32, 3, "choose a --batch-size of 30 or 33"), (2, 4, "choose a --batch-size of 4,"), (32, 4, ""), (7, 0, "")],
)  # fmt: skip
def test_a_batch_is_divided_among_all_devices(size: int, devices: int, words: str) -> None:
    team = Team(1, 0, devices)
    if not words:
        team.check_batch(size)
        return
    with pytest.raises(UsageError, match=words):
        team.check_batch(size)


def test_the_parts_of_a_batch_are_the_batch() -> None:
    batch = np.arange(24).reshape(12, 2)
    parts = [Team(3, index, 6).part(batch, batch[:, 0]) for index in range(3)]
    np.testing.assert_array_equal(np.concatenate([rows for rows, _ in parts]), batch)
    np.testing.assert_array_equal(np.concatenate([values for _, values in parts]), batch[:, 0])


class Differing(Team):
    """Two machines, of which the second has something else."""

    def __init__(self, **other: Any) -> None:
        super().__init__(2, 0, 2)
        self.other = other

    def gather(self, value: Any) -> list[Any]:
        return [value, {**value, **self.other}]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"--seed": 4}, "the seed of machine 0 is 3, and of machine 1 4"),
        ({"--epochs": 5}, "the epochs of machine 0 is 4, and of machine 1 5"),
        ({"--resume": True}, "the resume of machine 0 is False, and of machine 1 True"),
        ({"version of mobilecnn": "0.0"}, "the version of mobilecnn of machine 0"),
        ({"content of the images": "f00"}, "the content of the images of machine 0"),
    ],
)
def test_machines_that_would_train_differently_are_refused(
    other: dict[str, Any], words: str, tmp_path: Path
) -> None:
    colors = write_colors(tmp_path / "colors")
    with pytest.raises(UsageError, match=words):
        fit.prepare(small_plan(colors), tmp_path / "model.keras", team=Differing(**other))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["colors"]


def test_without_jax_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobilecnn.extras._installed", lambda module: module != "jax")
    with pytest.raises(EnvironmentProblem, match=r"needs JAX, .*: pip install 'mobilecnn\[jax\]'"):
        joined(Place(1)).__enter__()


@needs_jax
def test_another_backend_is_not_replaced(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for chosen in (None, "tensorflow"):  # Loaded already; asked for.
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
        if chosen:
            monkeypatch.setenv("KERAS_BACKEND", chosen)
        with pytest.raises(UsageError, match="and it is tensorflow here; set KERAS_BACKEND=jax before"):
            joined(Place(1)).__enter__()


ALONE_THERE = """
import sys
from mobilecnn.train import hosts
from mobilecnn.__main__ import main
hosts.JOINING_SECONDS = 1
sys.argv = ["mobilecnn", *sys.argv[1:]]
main()
"""


@needs_jax
@pytest.mark.parametrize("index", [pytest.param(0, marks=pytest.mark.sweep), 1])
def test_machines_that_do_not_find_one_another_say_it(index: int, tmp_path: Path) -> None:
    # Number 0 cannot listen there, and the other finds nobody who answers.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ["train", "lenet5", "--data", "digits", "-o", str(tmp_path / "it.keras"), "--hosts", "2"]
        words += ["--host-index", str(index), "--coordinator", address]
        done = subprocess.run(
            [sys.executable, "-c", ALONE_THERE, *words], capture_output=True, text=True, check=False,
            env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"},
        )  # fmt: skip
    assert done.returncode == 3 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(
        f"Error: the 2 machines have not found one another at {address} within 1 s ("
    )
    assert not list(tmp_path.iterdir())


def network(keras: Any, path: Path) -> Path:
    """A small model with batch normalization and dropout, to begin with."""
    keras.utils.set_random_seed(4)
    image = keras.Input((24, 24, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = keras.layers.Conv2D(8, 3, strides=2, use_bias=False)(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Conv2D(8, 3, strides=2, groups=2)(x)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    keras.Model(image, keras.layers.Dense(4, activation="softmax")(x)).save(path)
    return path


class Machines:
    """Starts ``mobilecnn train`` in processes of its own."""

    def __init__(self, base: Path, colors: Path) -> None:
        self.typed = [
            "--from", str(base), "--data", str(colors), "--epochs", "6", "--batch-size", "8", "--seed", "3", "--augment", "modern",
            "--class-weights", "--ema", "0.7", "--learning-rate", "0.02", "--keep", "best", "--validation", "0.2",
        ]  # fmt: skip

    def start(self, output: Path, *options: object) -> subprocess.Popen[str]:
        words = [
            sys.executable,
            "-m",
            "mobilecnn",
            "train",
            *self.typed,
            "-o",
            str(output),
            *map(str, options),
        ]
        # What has loaded Keras, as these tests have, has chosen its backend for its children, too.
        chosen = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=chosen)

    def pair(self, output: Path, *options: object) -> list[subprocess.Popen[str]]:
        """Two machines; the second has another folder."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        return [
            self.start(place, "--hosts", 2, "--host-index", index, "--coordinator", address, *options)
            for index, place in enumerate((output, output.parent / "nowhere" / output.name))
        ]


@pytest.fixture(scope="module")
def machines(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    folder = tmp_path_factory.mktemp("machines")
    return Machines(network(keras, folder / "base.keras"), write_colors(folder / "colors"))


@pytest.fixture(scope="module")
def alone(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that one process makes."""
    output = tmp_path_factory.mktemp("alone") / "alone.keras"
    with machines.start(output, "--hosts", 1) as process:
        _, words = process.communicate(timeout=300)
    assert process.returncode == 0, words
    return output


def check_alike(keras: Any, one: Path, other: Path) -> None:
    """Both have the same course, and the same weights."""
    courses = [
        np.genfromtxt(path.with_suffix(".history.csv"), delimiter=",", skip_header=1)[:, :-1]
        for path in (one, other)
    ]
    assert courses[0].shape == (6, 6) and courses[0][-1, 2] < courses[0][0, 2]
    np.testing.assert_allclose(courses[1], courses[0], rtol=1e-3)
    models = [keras.models.load_model(path, compile=False) for path in (one, other)]
    for mine, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-2, atol=1e-3)


@needs_jax
def test_two_processes_take_the_course_of_one(
    keras: Any, machines: Machines, alone: Path, tmp_path: Path
) -> None:
    output = tmp_path / "pair.keras"
    with ExitStack() as held:
        pair = machines.pair(output)
        for process in pair:
            held.callback(process.kill)
        (first, words), (second, others) = [process.communicate(timeout=300) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], words + others
    assert first.startswith(f"{output}: validation accuracy ")
    assert [line[:9] for line in words.splitlines() if line.startswith("epoch")] == [
        f"epoch {number}/6" for number in range(1, 7)
    ]
    assert second == "machine 1: the training is complete; the model is on machine 0\n"
    assert "epoch" not in others and "Machine 1 of 2; 2 devices together" in others
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pair.history.csv", "pair.keras"]
    check_alike(keras, alone, output)
    said = read_info(output).training
    assert said is not None and (said["hosts"], said["devices"], said["versions"]["backend"]) == (2, 2, "jax")
    # It is a file like any other.
    done = CliRunner().invoke(cli, ["export", str(output), "--float32", "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output


@needs_jax
@pytest.mark.sweep
@pytest.mark.parametrize("lost", [0, 1])
def test_when_one_is_lost_the_others_end_and_all_go_on(
    lost: int, keras: Any, machines: Machines, alone: Path, tmp_path: Path
) -> None:
    output = tmp_path / "pair.keras"
    with ExitStack() as held:
        pair = machines.pair(output)
        for process in pair:
            held.callback(process.kill)
        assert pair[0].stderr is not None
        for line in pair[0].stderr:
            if line.startswith("epoch 2/6"):
                pair[lost].kill()
                break
        _, rest = pair[1 - lost].communicate(timeout=200)
        assert pair[1 - lost].returncode == 3, rest
        told = rest.splitlines()[-1]
        assert told.startswith(f"Error: machine {1 - lost} has lost the others (") and "with --resume" in told
        assert "Traceback" not in rest
        pair[lost].communicate()
        saved = len(json.loads((tmp_path / "pair.checkpoint" / "state.json").read_text())["history"])
        assert 2 <= saved < 6 and not output.exists()

        again = machines.pair(output, "--resume")
        for process in again:
            held.callback(process.kill)
        (_, words), (_, others) = [process.communicate(timeout=300) for process in again]
        assert [process.returncode for process in again] == [0, 0], words + others
        for said in (words, others):
            assert f"Continuing after epoch {saved} of 6" in said
    check_alike(keras, alone, output)
