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
from mobilecnn.bench.devices.examine import examine
from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.devices.seam import Answer, Device
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.bench.timing.diagnose import STEPS, Diagnosis, diagnose
from mobilecnn.cli import cli
from mobilecnn.errors import EnvironmentProblem


def verdicts(diagnosis: Diagnosis) -> dict[str, set[str]]:
    return {
        step: {finding.verdict for finding in diagnosis.findings if finding.step == step} for step in STEPS
    }


def expect_all_the_way(diagnosis: Diagnosis) -> None:
    """Nothing failed; the machine may be restless, and the tests do not ask that it is not."""
    assert diagnosis.failed is None
    *before, times = verdicts(diagnosis).values()
    assert before == [{"ok"}] * 4
    assert times and times <= {"ok", "warning"}


def test_this_machine() -> None:
    told: list[str] = []
    expect_all_the_way(diagnose(LocalDevice(), "local", "generic", lambda *step: told.append(step[2])))
    assert told[: len(STEPS)] == list(STEPS)


def test_a_device_that_says_little() -> None:
    """It is measured all the same: neither its runtimes nor its state are needed."""
    taciturn: Device = type("Taciturn", (LocalDevice,), {"version": None, "state": None})()
    examined = examine(taciturn, "local")
    assert (examined.runtimes, examined.temperatures_c, examined.throttled) == ({}, {}, None)
    assert not any(missing.severity == "invalid" for missing in examined.missing)
    diagnosis = diagnose(taciturn, "local", "generic")
    expect_all_the_way(diagnosis)
    assert any("does not say which it has" in finding.what for finding in diagnosis.findings)


def test_a_board(board: Board) -> None:
    entry = SshEntry("board", sys.executable, "pi4")
    entries.write({"pi": entry})
    diagnosis = diagnose(device("pi"), "pi", entry.profile)
    expect_all_the_way(diagnosis)
    assert any(
        finding.step == "state" and "said to be a pi4" in finding.what and finding.fix
        for finding in diagnosis.findings
    )


def test_a_phone(phone_with_litert: Phone) -> None:
    entries.write({"pixel": AdbEntry(profile="pixel")})
    diagnosis = diagnose(device("pixel"), "pixel", "pixel")
    expect_all_the_way(diagnosis)
    assert any("and is a Stand-in Phone 1" in finding.what for finding in diagnosis.findings)


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
    diagnosis = diagnose(altered(method, change), "local", "generic")
    assert any(words in finding.what for finding in diagnosis.findings)
    if not step:
        assert diagnosis.failed is None
        return
    assert diagnosis.failed is not None and diagnosis.failed.step == step
    later = STEPS[STEPS.index(step) + 1 :]
    assert [verdicts(diagnosis)[untried] for untried in later] == [{"not tried"}] * len(later)


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
