"""What the worker reads of a machine: of this one, and of others that are folders here."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worker_process import JOB, ask, model

from mobilecnn.bench.devices.examine import examine
from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.worker import machine, tasks
from mobilecnn.bench.records.measurement import Facts


def test_peak_memory_is_its_own_and_not_its_parents(exported: Path) -> None:
    ballast = np.ones(60_000_000)  # 480 MB that a child inherits as its high-water mark.
    answer = ask({**JOB, "model": model(exported)})
    assert answer["peak_rss_bytes"] < ballast.nbytes


def test_the_machine_is_described() -> None:
    facts = ask({"task": "probe"})
    assert facts["machine"] == os.uname().machine
    assert facts["cores"] == len(os.sched_getaffinity(0))
    assert facts["memory_bytes"] == pytest.approx(
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), rel=0.02
    )
    assert facts["python"] == sys.version.split()[0]
    assert facts["numpy"] == np.__version__
    assert facts["kernel"] == f"Linux {os.uname().release}"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty /proc and /sys, for the readers of this process."""
    for name in ("PROC", "CPUS", "THERMAL", "POWER"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(machine, name, tmp_path / name)
    monkeypatch.setattr(machine, "PROFILE", tmp_path / "PROFILE")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def grow(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_raspberry_pi_is_read(fake: Path) -> None:
    grow(
        fake,
        {
            "CPUS/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "CPUS/cpu1/cpufreq/scaling_governor": "ondemand\n",
            "CPUS/cpu2/cpufreq/scaling_governor": "performance\n",
            "CPUS/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
            "CPUS/cpu1/cpufreq/scaling_cur_freq": "<unknown>\n",
            "THERMAL/thermal_zone0/temp": "51540\n",
            "THERMAL/thermal_zone0/type": "cpu-thermal\n",
            "PROC/loadavg": "0.52 0.40 0.31 2/166 16607\n",
            "PROC/meminfo": "MemTotal:  948304 kB\nMemFree:  1 kB\nMemAvailable:  700000 kB\n",
            "PROC/vmstat": "pgpgin 7\npswpin 3\npswpout 4\npswpout_x 9\n",
            "bin/vcgencmd": '#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x50005\n',
        },
    )
    (fake / "bin/vcgencmd").chmod(0o755)
    assert machine.surroundings() == {
        "throttled": 0x50005,
        "governors": ["ondemand", "performance"],
        "load_average": 0.52,
        "available_bytes": 700_000 * 1024,
        "swapped_bytes": 7 * os.sysconf("SC_PAGE_SIZE"),
        **dict.fromkeys(("offline_cores", "boost", "on_battery", "power_saver")),
    }
    assert machine.state() == {
        "frequencies_khz": {"cpu0": 1_500_000},
        "temperatures_c": {"thermal_zone0 cpu-thermal": 51.54},
        "throttled": 0x50005,
    }


@pytest.mark.parametrize(
    "says",
    [
        "echo error=1",
        "echo throttled=soon",
        "exit 1",
        "exit 0",
        "echo VCHI initialization failed; exit 255",
        'echo "Can\'t open device file: /dev/vcio" >&2; exit 255',
        "echo 'error=2 error_msg=\"Invalid arguments\"'; exit 0",
    ],
)
def test_a_firmware_that_does_not_answer_is_unknown(fake: Path, says: str) -> None:
    grow(fake, {"bin/vcgencmd": f"#!/bin/sh\n{says}\n"})
    (fake / "bin/vcgencmd").chmod(0o755)
    assert machine.throttled() is None


def test_older_systems_have_vcgencmd_elsewhere(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(fake, {"opt/vcgencmd": "#!/bin/sh\necho throttled=0x50000\n"})
    (fake / "opt/vcgencmd").chmod(0o755)
    assert machine.throttled() is None
    monkeypatch.setattr(machine, "OLD_VCGENCMD", str(fake / "opt/vcgencmd"))
    assert machine.throttled() == 0x50000


def test_a_container_on_a_raspberry_pi_is_one(fake: Path) -> None:
    """It has no device tree, and the kernel's cpuinfo."""
    grow(
        fake,
        {"PROC/cpuinfo": "processor : 0\n\nRevision : d03115\nModel\t\t: Raspberry Pi 4 Model B Rev 1.5\n"},
    )
    assert machine.describe(None)["board"] == "Raspberry Pi 4 Model B Rev 1.5"
    grow(fake, {"PROC/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"})
    assert machine.describe(None)["board"] == "Raspberry Pi 5 Model B Rev 1.0"


def test_who_a_machine_is(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MACHINE_ID", fake / "machine-id")
    grow(fake, {"PROC/sys/kernel/random/boot_id": "b-1\n", "machine-id": "m1\n"})
    assert machine.identity() == {"boot": "b-1", "machine": "m1"}


@pytest.mark.parametrize(
    ("board", "said"), [("Raspberry Pi 4 Model B Rev 1.4", 1), ("Radxa ROCK 5B", 0), (None, 0)]
)
def test_a_probe_tells_of_unknown_throttling(board: str | None, said: int) -> None:
    class Probed(LocalDevice):
        def probe(self) -> Facts:
            return replace(super().probe(), board=board)

        def state(self) -> dict[str, Any]:
            return {"frequencies_khz": {}, "temperatures_c": {}, "throttled": None}

        def version(self, runtime: str) -> str:
            return "2.3.0"

    missing = [finding.code for finding in examine(Probed(), "pi").missing]
    assert missing.count("throttling-unknown") == said


def test_a_machine_that_tells_nothing(fake: Path) -> None:
    assert machine.surroundings() == {
        "throttled": None,
        "governors": [],
        "load_average": None,
        "available_bytes": None,
        "swapped_bytes": None,
        **dict.fromkeys(("offline_cores", "boost", "on_battery", "power_saver")),
    }
    assert machine.cpu_by_process() == {}
    assert machine.heaviest({}, {}) == {}


def process(name: str, user: int, system: int) -> str:
    """A line of /proc/PID/stat, times in ticks."""
    return f"7 ({name}) S 1 7 7 0 -1 4194560 1 2 3 4 {user} {system} 0 0 20 0 1 0 123 1000 100\n"


def test_the_heaviest_other_programs(fake: Path) -> None:
    tick = 1 / os.sysconf("SC_CLK_TCK")
    grow(
        fake,
        {
            "PROC/10/stat": process("chrome", 100, 20),
            "PROC/11/stat": process("chrome", 0, 0),
            "PROC/12/stat": process("a) b (c", 5, 5),
            "PROC/13/stat": process("red\x1b[31m", 5, 5),
            "PROC/14/stat": process("idle", 900, 900),
            f"PROC/{os.getpid()}/stat": process("python", 0, 0),
            "PROC/15/stat": "damaged",
            "PROC/self/stat": process("python", 0, 0),
        },
    )
    before = machine.cpu_by_process()
    name, seconds = before[12, "123"]
    assert name == "a) b (c" and seconds == pytest.approx(10 * tick)
    assert {number for number, _ in before} == {10, 11, 12, 13, 14}
    grow(
        fake,
        {
            "PROC/10/stat": process("chrome", 130, 30),
            "PROC/11/stat": process("chrome", 10, 0),
            "PROC/12/stat": process("a) b (c", 8, 5),
            "PROC/13/stat": process("red\x1b[31m", 9, 5),
            f"PROC/{os.getpid()}/stat": process("python", 900, 0),
            "PROC/14/stat": process("idle by another name", 901, 900),
            "PROC/16/stat": process("new", 20, 0),
        },
    )
    spent = machine.heaviest(before, machine.cpu_by_process())
    assert spent == {
        "chrome": pytest.approx(50 * tick), "new": pytest.approx(20 * tick), "red?[31m": pytest.approx(4 * tick),
    }  # fmt: skip
    assert list(spent) == ["chrome", "new", "red?[31m"]


def test_a_busy_neighbour_is_seen_by_name() -> None:
    """On the real /proc. How much it gets depends on who else is there; that it gets some does not."""
    spin = "open('/proc/self/comm', 'w').write('noisy one')\nprint(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE) as noisy:
        assert noisy.stdout is not None
        noisy.stdout.readline()
        before, end = machine.cpu_by_process(), time.monotonic() + 60
        (key,) = (process for process in before if process[0] == noisy.pid)
        while machine.cpu_by_process()[key][1] <= before[key][1] and time.monotonic() < end:
            time.sleep(0.05)
        after = machine.cpu_by_process()
        noisy.kill()
    assert after[key][1] > before[key][1] and after[key][0] == "noisy one"
    assert os.getpid() not in {number for number, _ in after}


def test_the_readings_hold_what_is_around(exported: Path) -> None:
    answer = ask({**JOB, "model": model(exported), "seconds": 0.5})
    assert len(answer["heaviest_cpu_seconds"]) <= machine.HEAVIEST
    assert all(seconds > 0 for seconds in answer["heaviest_cpu_seconds"].values())
    for reading in (answer["before"], answer["after"]):
        assert reading["load_average"] >= 0
        assert 1e6 < reading["available_bytes"] < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_machine_without_numpy_is_still_described() -> None:
    assert ask({"task": "probe"}, "-S")["numpy"] is None


@pytest.mark.parametrize("threads", [1, 2])
def test_the_memorys_bandwidth(threads: int) -> None:
    answer = ask({"task": "bandwidth", "threads": threads, "seconds": 0.02})
    assert answer["bytes"] >= 2 * tasks.SMALLEST_COPY and answer["samples_ns"]
    assert min(answer["samples_ns"]) > 0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, (None, None, None, None)),
        ({"CPUS/present": "0-3\n", "CPUS/online": "0-3\n"}, (0, None, None, None)),
        ({"CPUS/present": "0-7\n", "CPUS/online": "0-3,6\n"}, (3, None, None, None)),
        ({"CPUS/intel_pstate/no_turbo": "0\n"}, (None, True, None, None)),
        ({"CPUS/intel_pstate/no_turbo": "1\n", "CPUS/cpufreq/boost": "1\n"}, (None, False, None, None)),
        ({"CPUS/cpufreq/boost": "1\n"}, (None, True, None, None)),
        ({"POWER/AC/type": "Mains\n", "POWER/AC/online": "0\n", "POWER/BAT0/type": "Battery\n"}, (None, None, True, None)),
        ({"POWER/AC/type": "Mains\n", "POWER/AC/online": "1\n"}, (None, None, False, None)),
        ({"PROFILE": "low-power\n"}, (None, None, None, True)),
        ({"PROFILE": "balanced\n"}, (None, None, None, False)),
        ({"CPUS/present": "nonsense", "CPUS/cpufreq/boost": "?", "POWER/AC/type": "Mains"}, (0, None, None, None)),
    ],
)  # fmt: skip
def test_what_makes_clocks_other_than_they_seem(
    fake: Path, files: dict[str, str], expected: tuple[object, ...]
) -> None:
    grow(fake, files)
    around = machine.surroundings()
    assert tuple(around[name] for name in ("offline_cores", "boost", "on_battery", "power_saver")) == expected
