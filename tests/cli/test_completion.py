"""What a shell completes, and that it is asked nothing that takes long."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from mobilecnn.bench.devices import entries, names, registry
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.cli import COMMANDS, cli
from mobilecnn.cli.completion import SHELLS, VARIABLE
from mobilecnn.cli.suggestions import PUBLISHED
from mobilecnn.cli.suggestions import TARGETS as SUGGESTED
from mobilecnn.convert.lowering.costs import TARGETS
from mobilecnn.train import pretrained

FILE = "(a file)"


def completed(*typed: str) -> list[str]:
    """What the last word may become, after those before it."""
    made = ShellComplete(cli, {}, "mobilecnn", VARIABLE).get_completions(list(typed[:-1]), typed[-1])
    return [item.value if item.type == "plain" else FILE for item in made]


@pytest.fixture
def pi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A devices file with one board."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    entries.write({"my-pi": SshEntry("host")})


CASES = [
    # what is typed, what must be among the completions, what must not
    (("ex",), ["export", "experiment"], ["bench"]),
    (("",), list(COMMANDS), []),
    (("--he",), ["--help"], ["export"]),
    (("bench", "--device", "my"), ["my-pi"], ["local"]),
    (("bench", "--device", ""), ["local", "emulated-pi4", "my-pi"], []),
    (("compare", "--device", "emulated-sd8"), ["emulated-sd820"], ["my-pi"]),
    (("devices", "remove", ""), ["my-pi"], ["local"]),
    (("devices", "pro"), ["probe"], ["list"]),
    (("train", "shufflenet_v2_x1."), ["shufflenet_v2_x1.0"], ["lenet5", FILE]),
    (("export", "lenet"), ["lenet5", FILE], ["alexnet"]),
    (("export", ""), [FILE], ["lenet5"]),
    (("models", "alex"), ["alexnet"], []),
    (("export", "x.keras", "--i"), ["--int8", "--int16x8", "--io"], ["--float32"]),
    (("tables", "shufflenet-"), ["shufflenet-5", "shufflenet-8"], ["mobilenet-2", FILE]),
    (("tables", "shufflenet-5", "--all", ""), ["resnet-1", "shufflenet-8"], ["shufflenet-5", FILE]),
    (("tables", "--times", ""), [FILE], ["resnet-1"]),
    (("search", "mobilenet_v"), ["mobilenet_v1"], ["mobilenet_v1_x1.0_224"]),
    (("models", "--family", "shuf"), ["shufflenet_v1"], ["lenet"]),
    (("pretrained", ""), list(PUBLISHED), ["lenet5"]),
    (("experiment", "lesion-res"), ["lesion-resnet", FILE], ["lesion-mobilenet-v1"]),
    (("verify", "x.tflite", "--device", "emulated-p"), ["emulated-pi5"], ["local"]),
    (("bench", "x.tflite", "--device", "emulated-pi5", "--device", "emulated-pi"), ["emulated-pi5"], []),
    (("export", "lenet5", "--int8", "auto", "--device", "my"), ["my-pi"], []),
    (("android", "--device", ""), ["my-pi"], ["local"]),
    (("speedup", "--format", ""), ["float32", "int8"], []),
    (("speedup", "--experiment", "gui"), ["guidelines"], ["table8"]),
    (("bench", "x"), [FILE], []),
    (("evaluate", "x.tflite", "--input-range", "t"), ["tf", "torch"], ["raw"]),
    (("completion", ""), list(SHELLS), []),
    (("doctor", "em"), ["emulated"], ["core"]),
    (("export", "lenet5", "--target", ""), ["any", "pi4", "tflite-runtime", FILE], ["local"]),
    (("search", "mobilenet_v1", "--target", "pi"), ["pi3", "pi4", "pi5", FILE], ["any"]),
    (("nothing", ""), [], ["lenet5"]),
]


@pytest.mark.usefixtures("pi")
@pytest.mark.parametrize(("typed", "among", "never"), CASES, ids=[" ".join(typed) for typed, *_ in CASES])
def test_completions(typed: tuple[str, ...], among: list[str], never: list[str]) -> None:
    made = completed(*typed)
    assert set(among) <= set(made), made
    assert not set(never) & set(made), made


@pytest.mark.usefixtures("pi")
def test_the_names_are_those_of_the_registry() -> None:
    assert sorted(names.names()) == sorted(device.name for device in registry.known())


def test_the_targets_are_those_of_the_table() -> None:
    assert tuple(TARGETS) == SUGGESTED


def test_the_networks_with_published_weights_are_those_of_the_table() -> None:
    assert tuple(pretrained.NETWORKS) == PUBLISHED


@pytest.mark.parametrize("content", [b"\xff", b"[pi", b"x = 1" * 1_000_000])
def test_a_damaged_devices_file_completes_to_nothing(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "mobilecnn").mkdir()
    (tmp_path / "mobilecnn" / "devices.toml").write_bytes(content)
    assert completed("devices", "remove", "") == []
    assert "local" in completed("bench", "--device", "")


LOADED = """
import sys
from click.shell_completion import ShellComplete
from mobilecnn.cli import cli
for line in sys.argv[1:]:
    ShellComplete(cli, {}, "mobilecnn", "X").get_completions(line.split(",")[:-1], line.split(",")[-1])
heavy = ("numpy", "tensorflow", "keras", "PIL", "rich", "ai_edge_litert", "mobilecnn.bench.devices.backends")
print([name for name in heavy if name in sys.modules])
"""


def test_completing_imports_nothing_heavy() -> None:
    lines = [",".join(typed) for typed, *_ in CASES if typed[0] != "devices"]
    done = subprocess.run([sys.executable, "-c", LOADED, *lines], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_asks_mobilecnn(shell: str) -> None:
    shown = CliRunner().invoke(cli, ["completion", shell])
    assert shown.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in shown.output and "mobilecnn" in shown.output
    document = json.loads(CliRunner().invoke(cli, ["completion", shell, "--json"]).stdout)
    assert document == {"shell": shell, "script": document["script"]}
    assert document["script"].rstrip("\n") == shown.output.rstrip("\n")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("train lenet_c", ["lenet_caffe"]),
        # A file may stand there too.
        ("export lenet", ["lenet5", "lenet_caffe"]),
        ("export lenet5.k", []),
    ],
)
def test_bash_completes_by_it(typed: str, expected: list[str], tmp_path: Path) -> None:
    program = tmp_path / "mobilecnn"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m mobilecnn "$@"\n')
    program.chmod(0o755)
    script = f"""
        eval "$(mobilecnn completion bash)"
        COMP_WORDS=(mobilecnn {typed}); COMP_CWORD=2
        _mobilecnn_completion mobilecnn
        echo "${{COMPREPLY[@]}}"
    """
    variables = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=variables)
    assert done.stdout.split() == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_their_script(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed, which alone can read its script")
    (tmp_path / "script").write_text(CliRunner().invoke(cli, ["completion", shell]).output)
    subprocess.run([shell, "-n", tmp_path / "script"], check=True)
