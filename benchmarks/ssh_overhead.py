"""Check that a board over SSH measures the machine's own times, and that a known file is not copied again.

    python benchmarks/ssh_overhead.py [--rounds 20] [--json]

The board is this machine, through an sshd on 127.0.0.1, so that the ratio shows the effect of the
transport alone. Each round times MobileNet V1 0.5 once locally and once over SSH, in fresh
processes; their order changes from round to round. The ratio is SSH over local with its 95 %
interval, and must be within 3 % of 1. Putting a 20 MB file that the board already has must take
less than half a second. The exit code is 1 if either does not hold.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # The sshd of the tests.

from sshd import sshd

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.devices.ssh.device import SshDevice
from mobilecnn.bench.judge.statistics import median, median_of_rounds, ratio_interval
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export

LIMIT = 0.03
"""Largest difference of the ratio from 1."""

PUSH_LIMIT = 0.5
"""Seconds that putting a known file may take."""

PUSH_BYTES = 20_000_000
"""Size of that file in bytes."""

MODEL = "mobilenet_v1_x0.5_224"
PROTOCOL = Protocol(rounds=1, runs=1, seconds=0.5)


def timed(model: Path, device: Device) -> list[float]:
    """Milliseconds of each inference in a process."""
    (run,) = measure([model], device, PROTOCOL).runs
    return [sample / 1e6 for sample in run.samples_ns]


def pushes(device: Device, file: Path, times: int = 9) -> list[float]:
    """Seconds of each push of a file: the first copies it, the others find it on the device."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        device.put(file)
        durations.append(time.perf_counter() - start)
    return durations


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    local = LocalDevice()
    sides: dict[str, dict[int, list[float]]] = {"local": {}, "ssh": {}}
    with tempfile.TemporaryDirectory(prefix="sshd-") as served, tempfile.TemporaryDirectory() as work:
        model = export(Source(MODEL), ["float32"], Path(work))[0].path
        known = Path(work) / "known.tflite"
        known.write_bytes(os.urandom(PUSH_BYTES))
        with sshd(Path(served)) as board:
            os.environ.update(board.environment())
            with SshDevice("localhost", "board", sys.executable) as remote:
                first, *again = pushes(remote, known)
                devices: list[tuple[str, Device]] = [("local", local), ("ssh", remote)]
                for number in range(arguments.rounds):
                    for name, device in devices if number % 2 else reversed(devices):
                        sides[name][number] = timed(model, device)
                    print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    ratio = ratio_interval(sides["ssh"], sides["local"])
    push = median(again)
    within = abs(ratio.value - 1) <= LIMIT
    result = {
        "model": MODEL,
        "rounds": arguments.rounds,
        "local_ms": median_of_rounds(sides["local"]),
        "ssh_ms": median_of_rounds(sides["ssh"]),
        "ratio": ratio.value,
        "interval": [ratio.low, ratio.high],
        "limit": LIMIT,
        "within_limit": within,
        "first_push_seconds": first,
        "unchanged_push_seconds": push,
        "push_limit_seconds": PUSH_LIMIT,
        "push_within_limit": push < PUSH_LIMIT,
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"{MODEL}: local {result['local_ms']:.3f} ms, over SSH {result['ssh_ms']:.3f} ms, ratio {ratio.value:.4f} "
            f"({ratio.low:.4f} .. {ratio.high:.4f}), {'within' if within else 'NOT within'} {LIMIT:.0%}"
        )
        print(f"20 MB: copied in {first:.2f} s, found unchanged in {push:.3f} s (limit: {PUSH_LIMIT} s)")
    if not within or push >= PUSH_LIMIT:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
