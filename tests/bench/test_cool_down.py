"""Waiting for a device to cool, on one whose thermometer is a list."""

from pathlib import Path
from typing import Any

import pytest

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.seam import CanReadState, Device
from mobilecnn.bench.devices.worker import machine
from mobilecnn.bench.judge.summary import summarize
from mobilecnn.bench.records.measurement import Cooled, Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing import cool_down
from mobilecnn.bench.timing.cool_down import COOL_C, SLACK_C, CoolDown, wait
from mobilecnn.bench.timing.rounds import measure


class Warm(LocalDevice):
    """A real device, but for its temperatures; the last one stays."""

    def __init__(self, *temperatures: float | None) -> None:
        super().__init__()
        self.temperatures = list(temperatures)

    def state(self) -> dict[str, Any]:
        now = self.temperatures.pop(0) if len(self.temperatures) > 1 else self.temperatures[0]
        return {
            **super().state(),
            "temperatures_c": {} if now is None else {"thermal_zone0 cpu-thermal": now},
        }


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cool_down, "POLL_SECONDS", 0.01)


@pytest.mark.parametrize(("start", "goal"), [(62.0, 62.0 + SLACK_C), (40.0, COOL_C), (47.5, 50.5)])
def test_the_goal_is_the_start_and_a_little_or_a_temperature_that_harms_nobody(
    start: float, goal: float
) -> None:
    said: list[str] = []
    assert cool_down.plan(Warm(start), 300, said.append) == CoolDown(goal, 300)
    assert said == []


def test_without_patience_nobody_looks() -> None:
    class Untouchable(LocalDevice):
        def state(self) -> dict[str, Any]:
            raise AssertionError

    assert cool_down.plan(Untouchable(), 0, print) is None
    assert wait(Untouchable(), None, print, print) is None


def test_it_waits_until_the_device_is_cool_and_says_so_once() -> None:
    said: list[str] = []
    shown: list[str] = []
    cooled = wait(Warm(63.1, 60.0, 57.9), CoolDown(58.0, 300), said.append, shown.append)
    assert cooled is not None and cooled.seconds > 0
    assert (cooled.goal_c, cooled.celsius) == (58.0, 57.9)
    assert said == ["cooling: 63.1 C, waiting for 58.0 C, at most 300 s"]
    assert shown == ["cooling: 63.1 C, waiting for 58.0 C", "cooling: 60.0 C, waiting for 58.0 C"]


def test_a_device_that_is_cool_is_not_waited_for() -> None:
    assert wait(Warm(58.0), CoolDown(58.0, 300), print, print) == Cooled(0.0, 58.0, 58.0)


def test_patience_ends_and_that_is_kept() -> None:
    said: list[str] = []
    cooled = wait(Warm(70.0), CoolDown(58.0, 0.05), said.append, lambda text: None)
    assert cooled is not None and cooled.seconds >= 0.05
    assert cooled.celsius == 70.0
    assert said[-1].startswith("Still 70.0 C after")


def test_a_sensor_that_falls_silent_ends_the_wait() -> None:
    assert wait(Warm(70.0, None), CoolDown(58.0, 300), print, print) is None


SHORT = Protocol(rounds=3, warmup_runs=0, warmup_seconds=0, runs=2, seconds=0, cool_down=0.05)


def test_each_process_of_a_measurement_is_waited_for(exported: Path, tmp_path: Path) -> None:
    said: list[str] = []
    device = Warm(55.0, 57.0, 70.0, 57.5, 71.0)
    measured = measure([exported / "theirs.float32.tflite"], device, SHORT, say=said.append)
    waits = [run.cooled for run in measured.runs]
    assert [wait.celsius for wait in waits if wait] == [57.0, 57.5, 71.0]
    assert [wait.goal_c for wait in waits if wait] == [58.0] * 3
    assert len(said) == 3  # The second process was waited for, the third in vain.
    measured.write(tmp_path / "it.json")
    assert Measurement.read(tmp_path / "it.json") == measured
    (result,) = summarize(measured)
    assert any("1 of 3 processes it was still 71.0 C" in str(warning) for warning in result.warnings)


def test_a_device_without_sensors_is_told_once_and_not_waited_for(exported: Path) -> None:
    said: list[str] = []
    measured = measure([exported / "theirs.float32.tflite"], Warm(None), SHORT, say=said.append)
    assert said == ["This device shows no temperature of its processor: --cool-down waits for nothing"]
    assert [run.cooled for run in measured.runs] == [None] * 3


def test_a_device_that_cannot_show_its_state_is_not_waited_for() -> None:
    said: list[str] = []
    stateless: Device = type("Stateless", (LocalDevice,), {"state": None})()
    assert not isinstance(stateless, CanReadState)
    assert cool_down.plan(stateless, 300, said.append) is None
    assert said == ["This device shows no temperature of its processor: --cool-down waits for nothing"]


def test_the_worker_gives_what_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (zone := tmp_path / "thermal_zone0").mkdir()
    (zone / "temp").write_text("63100\n")
    (zone / "type").write_text("cpu-thermal\n")
    monkeypatch.setattr(machine, "THERMAL", tmp_path)

    class InProcess(LocalDevice):
        def state(self) -> dict[str, Any]:
            return machine.state()

    assert cool_down.plan(InProcess(), 300, print) == CoolDown(66.1, 300)
