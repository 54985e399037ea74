"""How the emulated device is made, and its Python as that of a board."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sshd import Board

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices import wheels as runtime_wheels
from mobilecnn.bench.devices.emulated import build
from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.devices.packing import worker_file
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.cli import cli
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.steps import no_say


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "mobilecnn"


def test_it_is_made_from_nothing(empty_cache: Path) -> None:
    said: list[str] = []
    made = build.root(said.append)
    assert said[0].startswith("Making the emulated device, once") and "is complete" in said[-1]
    (beside,) = set(empty_cache.iterdir()) - {made}
    assert beside.name.startswith("worker-")
    assert {path.name for path in made.iterdir()} == {"base", *build.CORES}
    said.clear()
    assert build.root(said.append) == made and not said


def test_ctrl_c_leaves_nothing(empty_cache: Path) -> None:
    def stop(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.root(stop)
    assert not list(empty_cache.iterdir())


def test_without_a_network_it_says_so_and_leaves_nothing(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(
        EnvironmentProblem, match=r"cannot download Debian packages for arm64 .*a network here"
    ):
        build.root(no_say)
    assert not list(empty_cache.iterdir())


@pytest.mark.parametrize(("missing", "package"), build.NEEDED.items())
def test_a_missing_program_is_named_with_its_package(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, package: str
) -> None:
    path = tmp_path / "path"
    path.mkdir()
    for name in {*build.NEEDED, "env"} - {missing}:
        (path / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(path))
    failed = run("devices", "probe", "emulated")
    assert failed.exit_code == 3
    assert f"needs {missing}, which is not on this machine" in failed.stderr
    assert f"sudo apt-get install {package}" in failed.stderr


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    said = r"^cannot make /proc/nowhere/mobilecnn/.*; set XDG_CACHE_HOME to a folder"
    with pytest.raises(EnvironmentProblem, match=said):
        build.plugin("counter")
    with pytest.raises(EnvironmentProblem, match=said):
        build.root(no_say)


def test_another_qemu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9.0.1", "4.1.0"):
        qemu = tmp_path / "qemu-aarch64"
        qemu.write_text(f"#!/bin/sh\necho 'qemu-aarch64 version {version} (Debian)'\n")
        qemu.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        with pytest.raises(EnvironmentProblem, match=f"QEMU 4.2 to 8.2, and .* {version}"):
            EmulatedDevice("emulated").probe()


def test_programs_that_do_not_work_are_named_with_their_remedy(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("qemu-aarch64", "cc", "apt-config"):
        (tmp_path / name).write_bytes(b"\0garbage")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    said = r"/{} does not work \({}\); take it from the path, or, .*: sudo apt-get install --reinstall {}$"
    with pytest.raises(
        EnvironmentProblem, match=said.format("qemu-aarch64", "Exec format error", "qemu-user")
    ):
        EmulatedDevice("emulated").probe()
    with pytest.raises(EnvironmentProblem, match=said.format("cc", "Exec format error", "gcc")):
        build.plugin("counter")
    (tmp_path / "cc").write_text("#!/bin/sh\n")
    with pytest.raises(EnvironmentProblem, match=said.format("cc", "it made nothing of counter.c", "gcc")):
        build.plugin("counter")
    assert not [path for path in empty_cache.iterdir() if path.name.startswith("counter")]


def test_what_lies_in_the_way_of_the_emulated_device_is_named_before_anything_is_downloaded(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its remedy works: once that is removed, it is made, or begun to be."""
    monkeypatch.setattr(build, "_make", lambda new, work, say: new.mkdir())
    there = build.root(no_say)
    for linked in (False, True):
        there.rmdir() if there.is_dir() else there.unlink()
        if linked:
            there.symlink_to("nowhere")
        else:
            there.touch()
        with (
            monkeypatch.context() as patched,
            pytest.raises(EnvironmentProblem, match=f"^{there} is no folder; remove it"),
        ):
            patched.setattr(build, "_make", None)
            build.root(no_say)
    there.unlink()
    assert build.root(no_say) == there and there.is_dir()


def test_what_lies_in_the_way_of_a_plugin_is_named(empty_cache: Path) -> None:
    there = build.plugin("counter")
    there.unlink()
    there.mkdir()
    with pytest.raises(EnvironmentProblem, match=f"^{there} is no file; remove it"):
        build.plugin("counter")
    there.rmdir()
    assert build.plugin("counter").is_file()


@pytest.fixture
def pi(board: Board, emulated_root: Path, tmp_path: Path) -> str:
    """A board over SSH whose Python, numpy and runtimes are those of an arm64 Debian."""
    python = tmp_path / "python3"
    words = shlex.join(build.command(emulated_root, "cortex-a72", []))
    python.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    python.chmod(0o755)
    entries.write({"pi": SshEntry("board", str(python))})
    return "pi"


def test_a_board_of_aarch64_over_ssh(pi: str, exported: Path, tmp_path: Path) -> None:
    shown = run("devices", "probe", pi, "--json")
    assert shown.exit_code == 0, shown.output
    facts = json.loads(shown.stdout)["facts"]
    assert (facts["kind"], facts["machine"], facts["cpu"]) == (
        "ssh",
        "aarch64",
        "implementer 0x41 part 0xd08",
    )
    models = [exported / f"theirs.{name}.tflite" for name in ("float32", "int8")]
    done = run(
        "bench", *models, "--device", pi, "--rounds", 1, "--runs", 2, "--seconds", 0, "--warmup-seconds", 0,
        "--json", "-o", tmp_path / "it.json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    results = json.loads(done.stdout)["results"]
    assert [result["answers"]["verdict"] for result in results] == ["verified"] * 2


def test_the_wheels_of_an_offline_set_up_are_installed_by_the_pip_of_a_board(
    emulated_root: Path, exported: Path, tmp_path: Path
) -> None:
    """`devices setup --offline` downloads them here and lets the board's pip choose and install them."""
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    subprocess.run(
        runtime_wheels.download("tflite-runtime", "aarch64", build.GLIBC, (3, 11), wheels), check=True
    )
    pip = Path(subprocess.run(
        [sys.executable, "-c", "import pip; print(pip.__path__[0])"], capture_output=True, text=True, check=True
    ).stdout.strip())  # fmt: skip
    (tmp_path / "pip").symlink_to(pip)
    install = [
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import runpy; runpy.run_module('pip', run_name='__main__')",
        "install", "--no-input", "--no-index", "--find-links", str(wheels), "--no-compile", "--target", str(site),
        *runtime_wheels.REQUIREMENTS["tflite-runtime"],
    ]  # fmt: skip
    subprocess.run(
        build.command(emulated_root, "cortex-a72", ["-c", *install]), check=True, capture_output=True
    )
    job = {"task": "runtime", "runtime": "tflite-runtime"}
    script = f"import sys, runpy; sys.path.insert(0, {str(site)!r}); runpy.run_path({str(worker_file())!r}, run_name='__main__')"
    done = subprocess.run(
        build.command(emulated_root, "cortex-a72", ["-c", script]), input=json.dumps(job), capture_output=True, text=True, check=True
    )  # fmt: skip
    assert json.loads(done.stdout) == {"version": "2.14.0"}
