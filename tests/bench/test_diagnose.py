"""The way of a measurement, step by step, on each kind of device, and where it can end."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from adbd import Phone
from click.testing import CliRunner, Result
from sshd import Board

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.devices.seam import Answer, Device
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.bench.timing.diagnose import STEPS, Diagnosis, diagnose
from mobilecnn.cli import cli
from mobilecnn.errors import EnvironmentProblem


def verdicts(found: Diagnosis) -> dict[str, set[str]]:
    return {step: {each.verdict for each in found.findings if each.step == step} for step in STEPS}


def expect_all_the_way(found: Diagnosis) -> None:
    """Nothing failed; the machine may be restless, and the tests do not ask that it is not."""
    assert found.failed is None
    *before, times = verdicts(found).values()
    assert before == [{"ok"}] * 4
    assert times and times <= {"ok", "warning"}


def test_this_machine() -> None:
    told: list[str] = []
    expect_all_the_way(diagnose(LocalDevice(), "local", "generic", lambda *step: told.append(step[2])))
    assert told[: len(STEPS)] == list(STEPS)


def test_a_board(board: Board) -> None:
    entry = SshEntry("board", sys.executable, "pi4")
    entries.write({"pi": entry})
    found = diagnose(device("pi"), "pi", entry.profile)
    expect_all_the_way(found)
    assert any(
        each.step == "state" and "said to be a pi4" in each.what and each.fix for each in found.findings
    )


def test_a_phone(phone_with_litert: Phone) -> None:
    entries.write({"pixel": AdbEntry(profile="pixel")})
    found = diagnose(device("pixel"), "pixel", "pixel")
    expect_all_the_way(found)
    assert any("and is a Stand-in Phone 1" in each.what for each in found.findings)


def altered(method: str, change: Any) -> Device:
    """This machine, with something wrong in what a method of it gives."""

    def changed(self: LocalDevice, *arguments: Any) -> Any:
        return change(getattr(LocalDevice, method)(self, *arguments))

    altered_device: Device = type("Altered", (LocalDevice,), {method: changed})()
    return altered_device


def raising(_: Any) -> Any:
    raise EnvironmentProblem("the cable is out; put it in")


@pytest.mark.parametrize(
    ("method", "change", "step", "words"),
    [
        ("probe", raising, "connection", "the cable is out"),
        ("version", raising, "runtime", "no runtime: the cable is out"),
        ("answer", raising, "right answers", "the cable is out"),
        ("answer", lambda answer: {"unable": "it is shy"}, "", "not checked: it is shy"),
        ("answer", lambda answer: {"outputs": [{**answer["outputs"][0], "data": "AAAA"}]}, "right answers", "answered wrongly"),
        ("time", raising, "steady times", "the cable is out"),
    ],
)  # fmt: skip
def test_where_it_ends(method: str, change: Any, step: str, words: str) -> None:
    found = diagnose(altered(method, change), "local", "generic")
    assert any(words in each.what for each in found.findings)
    if not step:
        assert found.failed is None
        return
    assert found.failed is not None and found.failed.step == step
    later = STEPS[STEPS.index(step) + 1 :]
    assert [verdicts(found)[each] for each in later] == [{"not tried"}] * len(later)


def test_wrong_answers_are_told() -> None:
    def twice(answer: Answer) -> Answer:
        (output,) = answer["outputs"]
        return {"outputs": [{**output, "data": "AACA" + output["data"][4:]}]}  # The first number.

    failed = diagnose(altered("answer", twice), "local", "generic").failed
    assert (
        failed is not None and "differs from numpy's: golden picture 1: score 0" in failed.what and failed.fix
    )


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["devices", "diagnose", *map(str, arguments)])


def test_the_command() -> None:
    done = run("local")
    assert done.exit_code == 0, done.output
    assert [line.split("  ")[0] for line in done.stdout.splitlines()][:4] == list(STEPS[:4])
    document = json.loads(run("local", "--json").stdout)
    assert document["name"] == "local" and document["works"] is True


def test_a_board_that_cannot_be_reached(board: Board, tmp_path: Path) -> None:
    entries.write({"pi": SshEntry("closed")})
    done = run("pi")
    assert done.exit_code == 3 and done.stderr.splitlines()[-1].startswith(
        "Error: pi cannot be measured on: connection"
    )
    assert done.stdout.splitlines()[1:] == [f"{step:<16}not tried" for step in STEPS[1:]]
    assert json.loads(run("pi", "--json").stdout)["works"] is False


def test_a_board_without_a_runtime(board: Board, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    entries.write({"pi": SshEntry("board", str(tmp_path / "bare/bin/python"))})
    done = run("pi")
    assert done.exit_code == 3
    assert "do: mobilecnn devices setup pi" in done.stdout
