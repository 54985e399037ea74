"""Each rule on the readings, on synthetic ones: what makes a result INVALID, and what is a warning."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from test_stream import STATE, STREAM

from mobilecnn.bench.judge import doubts, hygiene, summary
from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.measurement import (
    NOT_CHECKED,
    Android,
    Answers,
    Cooled,
    Facts,
    Measurement,
    Model,
    Reading,
    Run,
)
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.stream import State
from mobilecnn.bench.records.told import Delegated, RunSummary

MS = 1_000_000
PI = Facts(
    kind="ssh", machine="aarch64", board="Raspberry Pi 4 Model B Rev 1.4", cpu=None, cpu_features=("asimd",), cores=4,
    memory_bytes=1_000_000_000, os=None, kernel="Linux 6.6.51", python="3.11.2", numpy="1.26.4",
    governors=("performance",), max_frequencies_khz={"cpu0": 1_500_000}, virtualised=None,
)  # fmt: skip
CALM = Reading(
    {"cpu0": 1_500_000}, (2 * MS,) * 5, {"thermal_zone0 cpu-thermal": 51.5}, 0x0, ("performance",), 0.3,
    800_000_000, 4096,
)  # fmt: skip


def reading(**change: Any) -> Reading:
    return dataclasses.replace(CALM, **change)


def judge(device: Facts = PI, count: int = 3, **change: Any) -> tuple[list[str], list[str]]:
    """The reasons and the warnings for some calm runs, each with ``change``."""
    calm: dict[str, Any] = {
        "position": 0, "model": 0, "runtime_version": "2.3.0", "xnnpack_partitions": 1, "init_ns": MS, "first_ns": MS,
        "warmup_ns": (), "samples_ns": (MS,) * 3, "timed_seconds": 1.0, "other_cpu_seconds": 0.01,
        "baseline_rss_bytes": None, "peak_rss_bytes": None, "before": CALM, "after": CALM,
    }  # fmt: skip
    runs = [Run(round=number, **{**calm, **change}) for number in range(count)]
    interval = Interval(MS, MS, MS)
    said = hygiene.reasons(Protocol(rounds=count, runs=3), runs, interval), hygiene.warnings(device, runs)
    return list(map(str, said[0])), list(map(str, said[1]))


def test_every_code_is_documented() -> None:
    """And nothing is documented that no rule says."""
    source = "".join(Path(str(module.__file__)).read_text() for module in (hygiene, doubts, summary))
    codes = {*re.findall(r'Finding\(\s*"([a-z-]+)"', source), *hygiene._CODES.values()}
    root = Path(__file__).resolve().parent.parent.parent
    rows = [
        row.split("|")
        for row in (root / "docs" / "hygiene.md").read_text().splitlines()
        if row.startswith("|")
    ]
    assert codes == {code for row in rows for code in re.findall(r"`([a-z-]+)`", row[2])}
    assert len(codes) > 15


def test_calm_readings_say_nothing() -> None:
    assert judge() == ([], [])


def doubted(
    device: Facts = PI, protocol: Protocol | None = None, count: int = 3, **change: Any
) -> dict[str, Finding]:
    """What :mod:`doubts` says of calm runs, each with ``change``, by code."""
    calm: dict[str, Any] = {
        "position": 0, "model": 0, "runtime_version": "2.3.0", "xnnpack_partitions": 1, "init_ns": MS, "first_ns": MS,
        "warmup_ns": (100 * MS,) * 5, "samples_ns": tuple(range(MS, MS + 60)), "timed_seconds": 1.0,
        "other_cpu_seconds": 0.01, "baseline_rss_bytes": None, "peak_rss_bytes": None, "before": CALM, "after": CALM,
        "cores": "f",
    }  # fmt: skip
    each = change.pop("each", [{}] * count)
    runs = tuple(Run(round=number, **{**calm, **change, **own}) for number, own in enumerate(each))
    whole = Measurement(
        created="2026-01-02T03:04:05+00:00", tool="0", command=(), device=device,
        protocol=protocol or Protocol(rounds=count),
        models=(Model("m.tflite", "0" * 64, 1, None, Answers(NOT_CHECKED, "no")),), runs=runs,
    )  # fmt: skip
    found = [
        *doubts.reasons(runs),
        *doubts.warnings(whole, runs, change.get("interval", Interval(MS, MS, MS))),
    ]
    assert len({finding.code for finding in found}) == len(found)
    return {finding.code: finding for finding in found}


SUMMARY = RunSummary(50, MS, 2 * MS, MS, 0, MS, MS, MS, 6, 600 * MS)
DARK = Reading({}, (2 * MS,), {})
ANDROID = Android(("arm64-v8a",), None, None, "f0", 80, "35", ())
PHONE = dataclasses.replace(PI, kind="adb", android=ANDROID, virtualised=None)


def test_calm_runs_are_not_doubted() -> None:
    assert doubted() == {}


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("mixed-runs", {"each": [{}, {"runtime_version": "2.4.0"}, {}]}),
        ("mixed-runs", {"each": [{}, {"cores": "3"}, {}]}),
        ("mixed-runs", {"each": [{}, {"delegates": ()}, {}]}),
        ("cut-short", {"protocol": Protocol(rounds=5)}),
        ("short-warmup", {"warmup_ns": (100 * MS,) * 4}),
        ("short-warmup", {"warmup_ns": (MS,) * 5}),
        ("short-warmup", {"summary": dataclasses.replace(SUMMARY, warmup_count=5), "samples_ns": (MS,)}),
        ("short-warmup", {"summary": dataclasses.replace(SUMMARY, warmup_ns=MS), "samples_ns": (MS,)}),
        ("short-run", {"timed_seconds": 0.5}),
        ("short-run", {"each": [{}, {"timed_seconds": 0.1}, {}]}),
        ("mean-for-median", {"summary": dataclasses.replace(SUMMARY, median_ns=None), "samples_ns": (MS,)}),
        ("coarse-timer", {"samples_ns": (50_000, 51_000) * 30}),
        ("coarse-timer", {"samples_ns": (40_000,) * 20 + (42_000,) * 30 + (44_000,) * 10}),
        (
            "coarse-timer",
            {"summary": RunSummary(50, 80_000, 90_000, 85_000, 0, 85_000, 1, 1, 6, 600 * MS), "samples_ns": (85_000,)},
        ),
        ("too-many-threads", {"protocol": Protocol(threads=8)}),
        ("too-many-threads", {"protocol": Protocol(threads=2), "cores": "8"}),
        ("unbound", {"device": dataclasses.replace(PI, max_frequencies_khz={"cpu0": 1_800_000, "cpu4": 2_400_000})}),
        ("partly-delegated", {"delegates": (Delegated("gpu", False, 2),)}),
        ("cores-offline", {"after": reading(offline_cores=1)}),
        ("boost", {"before": reading(boost=True)}),
        ("on-battery", {"before": reading(on_battery=True)}),
        ("power-saver", {"after": reading(power_saver=True)}),
        ("low-battery", {"device": dataclasses.replace(PHONE, android=dataclasses.replace(ANDROID, battery_percent=19))}),
        ("unseen", {"before": DARK, "after": DARK, "other_cpu_seconds": None}),
        ("unseen", {"before": reading(governors=()), "after": reading(governors=())}),
        ("unseen", {"device": PHONE}),  # No thermal status, as before Android 10.
        ("interval-cut", {"interval": Interval(MS, MS, MS, (MS - 1, MS))}),
    ],
)  # fmt: skip
def test_each_doubt_has_its_code(code: str, change: dict[str, Any]) -> None:
    interval = change.pop("interval", None)
    if interval is not None:
        assert [f.code for f in doubts._processes(whole_of(), interval)] == [code]
        return
    if "device" in change and code == "low-battery":
        change = {**change, "before": reading(thermal_status=0)}
    assert list(doubted(**change)) == [code]


def whole_of() -> Measurement:
    calm = Run(
        0, 0, 0, "2.3.0", 1, MS, MS, (), (MS,), 1.0, None, None, None, CALM, CALM,
    )  # fmt: skip
    return Measurement(
        "2026-01-02T03:04:05+00:00", "0", (), PI, Protocol(rounds=1),
        (Model("m.tflite", "0" * 64, 1, None, Answers(NOT_CHECKED, "no")),), (calm,),
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"samples_ns": (1_000_000, 1_001_000) * 30},  # A step of a thousandth.
        {"samples_ns": (50_000, 51_000)},  # Too few to tell.
        {"samples_ns": (50_000,) * 40},  # No step is seen.
        {"warmup_ns": (200_000 * MS // 1000,) * 5},
        {"timed_seconds": 0.95},
        {"device": dataclasses.replace(PI, max_frequencies_khz={"cpu0": 5_000_000, "cpu1": 5_500_000})},
        {
            "device": dataclasses.replace(PI, max_frequencies_khz={"cpu0": 1_800_000, "cpu4": 2_400_000}),
            "protocol": Protocol(cores="big"),
        },
        {"delegates": (Delegated("xnnpack", False, 3),)},
        {"delegates": (Delegated("gpu", True, 1),)},
        {"after": reading(offline_cores=0, boost=False, on_battery=False, power_saver=False)},
    ],
)
def test_what_is_as_it_should_be_is_not_doubted(change: dict[str, Any]) -> None:
    assert doubted(**change) == {}


def test_only_the_cores_that_it_ran_on_have_a_clock_that_matters() -> None:
    """The fastest core idles while a process runs on the little ones."""
    before = reading(frequencies_khz={"cpu0": 1_500_000, "cpu4": 2_400_000})
    after = reading(frequencies_khz={"cpu0": 1_500_000, "cpu4": 600_000})
    assert judge(before=before, after=after, cores="f") == ([], [])
    (reason,), _ = judge(before=before, after=after, cores="f0")
    assert "between 0.60 and 2.40 GHz" in reason


def test_a_machine_that_tells_nothing_says_nothing() -> None:
    dark = Reading({}, (2 * MS,), {})
    silent = dataclasses.replace(PI, board=None, memory_bytes=None)
    assert judge(silent, before=dark, after=dark, other_cpu_seconds=None) == ([], [])


def test_a_phone_tells_neither_clock_nor_spin() -> None:
    phone = Reading({}, (), {"battery": 31.0}, thermal_status=0)
    pixel = dataclasses.replace(PI, kind="adb", board="Google Pixel 8")
    assert judge(pixel, before=phone, after=phone, other_cpu_seconds=None) == ([], [])


@pytest.mark.parametrize(
    ("board", "words", "warned"),
    [
        ("Raspberry Pi 4 Model B Rev 1.4", (None, None), True),
        ("Raspberry Pi Zero 2 W Rev 1.0", (None, 0x0), True),
        ("Raspberry Pi 5 Model B Rev 1.0", (0x0, 0x0), False),
        ("Hardkernel ODROID-C4", (None, None), False),
        ("Radxa ROCK Pi 4B", (None, None), False),
        (None, (None, None), False),
    ],
)
def test_throttling_that_is_unknown(
    board: str | None, words: tuple[int | None, int | None], warned: bool
) -> None:
    device = dataclasses.replace(PI, board=board)
    before, after = (reading(throttled=word) for word in words)
    reasons, said = judge(device, before=before, after=after)
    assert reasons == [] and len(said) == warned
    for warning in said:
        assert "throttled it is unknown" in warning
        for fix in (
            "sudo usermod -aG video USER, and log in again",
            "raspi-utils",
            "libraspberrypi-bin",
            "full-upgrade",
        ):
            assert fix in warning
    first, last = STREAM.series[0].windows
    states = (dataclasses.replace(window, state=dataclasses.replace(window.state, throttled=word))
              for window, word in zip((first, last), words, strict=True))  # fmt: skip
    series = dataclasses.replace(
        STREAM.series[0], start=dataclasses.replace(STREAM.series[0].start, state=before_state(words[0])),
        windows=tuple(states),
    )  # fmt: skip
    codes = [finding.code for finding in hygiene.stream_warnings(device, series)]
    assert codes == ["throttling-unknown"] * warned


def before_state(word: int | None) -> State:
    return dataclasses.replace(STATE, throttled=word)


def test_a_battery_is_no_processor() -> None:
    assert hygiene.processor_temperature({"battery": 31.0, "thermal_zone4 battery": 32.0}) is None
    assert hygiene.processor_temperature({"battery": 61.0, "thermal_zone0 skin": 35.0}) == 35.0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        # (after & ~before) of the bits 16 to 19, and any of 0 to 3 now.
        (0x00000, 0x10000, ["under-voltage"]),
        (0x00000, 0x20000, ["the clock is capped"]),
        (0x00000, 0x40000, ["throttled"]),
        (0x00000, 0x80000, ["at the soft temperature limit"]),
        (0x50000, 0x50005, ["under-voltage", "throttled"]),
        (0x10001, 0x10000, ["under-voltage"]),
        (0x10000, 0x50000, ["throttled"]),
        (0x50000, 0x50000, []),
        (0x00000, 0x00000, []),
        (None, 0x1, ["under-voltage"]),
        (0x1, None, ["under-voltage"]),
        (None, 0x50000, []),
    ],
)
def test_the_throttling_word(before: int | None, after: int | None, said: list[str]) -> None:
    reasons, _ = judge(before=reading(throttled=before), after=reading(throttled=after))
    assert [reason.split(", says")[0] for reason in reasons] == said
    for reason in reasons:
        assert ("power supply" in reason) == reason.startswith("under-voltage")
        assert ("heat sink" in reason) != reason.startswith("under-voltage")


def test_old_throttling_is_a_warning_because_it_hides_new() -> None:
    reasons, (warning,) = judge(before=reading(throttled=0x50000), after=reading(throttled=0x50000))
    assert reasons == []
    assert "under-voltage, throttled" in warning and "start the board anew" in warning
    assert judge(before=reading(throttled=0x0), after=reading(throttled=0x0))[1] == []
    # What is a reason already is no warning as well.
    reasons, (warning,) = judge(before=reading(throttled=0x50000), after=reading(throttled=0x50004))
    assert len(reasons) == 1 and "like this: under-voltage;" in warning


@pytest.mark.parametrize(
    ("board", "celsius", "warned"),
    [
        ("Raspberry Pi 4 Model B Rev 1.4", 76.9, None),
        ("Raspberry Pi 4 Model B Rev 1.4", 77.0, "slows down from 80 C"),
        ("Raspberry Pi 5 Model B Rev 1.0", 81.0, "slows down from 80 C"),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", 57.5, "slows down from 60 C"),
        ("Raspberry Pi 3 Model B Rev 1.2", 57.5, None),
        ("Some other board", 99.0, None),
        (None, 99.0, None),
    ],
)
def test_a_temperature_near_the_limit_of_the_board(
    board: str | None, celsius: float, warned: str | None
) -> None:
    hot = reading(temperatures_c={"thermal_zone0 cpu-thermal": celsius})
    reasons, warnings = judge(dataclasses.replace(PI, board=board), after=hot)
    assert reasons == []
    assert len(warnings) == (warned is not None)
    if warned is not None:
        assert warned in warnings[0] and f"{celsius:.1f} C" in warnings[0] and "--cool-down" in warnings[0]


def test_a_governor_is_a_warning_and_a_clock_that_moved_a_reason() -> None:
    slow = reading(governors=("ondemand", "performance"))
    reasons, (warning,) = judge(before=slow, after=slow)
    assert reasons == []
    assert warning == f"the clock may change (governor ondemand): run on the device: {hygiene.GOVERNOR_FIX}"
    assert "sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor" in warning
    (reason,), _ = judge(before=slow, after=reading(frequencies_khz={"cpu0": 1_000_000}))
    assert "1.00 and 1.50 GHz" in reason


def test_low_memory_is_a_warning_and_swapping_a_reason() -> None:
    assert judge(after=reading(available_bytes=50_000_000)) == ([], [])
    reasons, (warning,) = judge(after=reading(available_bytes=49_000_000))
    assert reasons == []
    assert "49 MB" in warning and "close other programs" in warning
    assert judge(after=reading(swapped_bytes=4096 + (1 << 20)))[0] == []
    (reason,), _ = judge(after=reading(swapped_bytes=12_004_096))
    assert "swapped 12 MB" in reason and "close other programs" in reason


def test_another_program_is_named() -> None:
    # Two ticks are the clock's doubt; 5 % of a core are noted, 20 % are too much.
    assert judge(other_cpu_seconds=0.06, heaviest_cpu_seconds={"sshd": 0.06}) == ([], [])
    reasons, warnings = judge(other_cpu_seconds=0.17, heaviest_cpu_seconds={"Xorg": 0.12, "sshd": 0.05})
    assert (reasons, warnings) == ([], ["Xorg used 10% of a core: close it"])
    (reason,), warnings = judge(other_cpu_seconds=0.9, heaviest_cpu_seconds={"chrome": 0.62, "Xorg": 0.22})
    assert "used 88% of a core (chrome 60%, Xorg 20%): close them" in reason
    assert warnings == []
    (reason,), _ = judge(other_cpu_seconds=0.9)
    assert "used 88% of a core: close them" in reason


def test_no_program_is_named_for_a_timed_part_of_some_ticks() -> None:
    """The readings around it take longer, and what a program does meanwhile is not its share."""
    busy: dict[str, Any] = {"other_cpu_seconds": 0.02, "heaviest_cpu_seconds": {"chrome": 0.08}}
    assert judge(timed_seconds=0.0002, **busy) == judge(timed_seconds=0.09, **busy) == ([], [])
    reasons, warnings = judge(timed_seconds=0.11, **busy)
    assert (reasons, warnings) == ([], ["chrome used 55% of a core: close it"])


def test_a_cool_down_that_ran_out_is_a_warning() -> None:
    assert judge(cooled=Cooled(40.0, 58.0, 57.5)) == ([], [])
    reasons, (warning,) = judge(cooled=Cooled(300.0, 58.0, 61.25))
    assert reasons == []
    assert "3 of 3 processes it was still 61.2 C after 300 s, and not 58.0 C" in warning


@pytest.mark.parametrize(
    ("temperatures", "expected"),
    [
        ({}, None),
        ({"thermal_zone0 cpu-thermal": 51.5}, 51.5),
        ({"thermal_zone0 acpitz": 27.8, "thermal_zone1 x86_pkg_temp": 61.0, "thermal_zone2 iwlwifi_1": 70.0}, 61.0),
        ({"thermal_zone0 bigcore0-thermal": 48.0, "thermal_zone1 littlecore-thermal": 49.0}, 49.0),
        ({"thermal_zone0 acpitz": 27.8, "thermal_zone2 iwlwifi_1": 70.0}, 70.0),
        ({"thermal_zone0 cpu-thermal": 0.0, "thermal_zone1 gpu": -273.2, "thermal_zone2 soc": 3000.0}, None),
    ],
)  # fmt: skip
def test_the_temperature_of_the_processor(temperatures: dict[str, float], expected: float | None) -> None:
    assert hygiene.processor_temperature(temperatures) == expected


def test_a_stream_is_judged_alike() -> None:
    def warned(device: Facts = PI, **change: Any) -> list[str]:
        first, last = STREAM.series[0].windows
        hot = dataclasses.replace(last, state=dataclasses.replace(last.state, **change))
        series = dataclasses.replace(STREAM.series[0], windows=(first, hot))
        return list(map(str, hygiene.stream_warnings(device, series)))

    assert warned() == []
    (warning,) = warned(throttled=0x20000)
    assert warning.startswith("the clock is capped, says the board's firmware")
    (warning,) = warned(frequencies_khz={"cpu0": 1_000_000})
    assert "between 1.00 and 1.50 GHz" in warning
    (warning,) = warned(temperatures_c={"thermal_zone0 cpu-thermal": 79.0})
    assert "slows down from 80 C" in warning
    (warning,) = warned(dataclasses.replace(PI, governors=("ondemand",)))
    assert "governor ondemand" in warning
    other = dataclasses.replace(PI, board="Hardkernel ODROID-C4")
    assert warned(other, frequencies_khz={}, temperatures_c={}, throttled=None) == []
