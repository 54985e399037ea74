"""Shares of the time of ShuffleNet V1 and MobileNet V2, by kind of work.

After N. Ma, X. Zhang, H.-T. Zheng, J. Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN
Architecture Design", arXiv 1807.11164 (ECCV 2018), Figure 2: the convolutions, which alone have
multiply-adds, take only part of the time.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.papers.speedup import Exporter
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.profile import Profile, profile
from mobilecnn.steps import Progress, Say, no_say

NETWORKS = ("shufflenet_v1_x1.0_g3", "mobilenet_v2_x1.0_224")
"""Networks of the paper's Figure 2, by their zoo names."""

Recording = Callable[[str], AbstractContextManager[Callable[[Measurement | Instructions], None]]]
"""File stem of a network -> context that keeps its record (:func:`mobilecnn.records.recording`)."""


def decompose(
    export: Exporter,
    device: Device,
    protocol: Protocol,
    work: Path,
    record: Recording,
    formats: Sequence[str] = ("float32",),
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
    say: Say = no_say,
) -> list[tuple[str, str, Profile]]:
    """Export and take apart both networks; each as (network, format, profile).

    Args:
        export: exports one network.
        device: device to time on.
        protocol: protocol of the timing.
        work: a folder for the operators' files; the caller removes it.
        record: gives each measurement its file.
        formats: formats to take apart, of those that ``export`` makes.
        progress, command, allow_wrong_answers: as :func:`mobilecnn.bench.timing.profile.profile` takes them.
        say: as :func:`mobilecnn.bench.devices.claims.claimed` takes it.

    Raises:
        CheckFailed, EnvironmentProblem, OutputError: as :func:`mobilecnn.bench.timing.profile.profile` does.
    """
    device.probe()  # Before the exports: it may not be there, or be busy.
    profiles = []
    with claimed(device, say):
        for name in NETWORKS:
            files = export(name)
            for kind in formats:
                stem = files[kind].name.removesuffix(".tflite")
                with record(stem) as keep:
                    taken_apart = profile(
                        files[kind], device, protocol, work / stem, progress, command,
                        allow_wrong_answers=allow_wrong_answers, keep=keep,
                    )  # fmt: skip
                profiles.append((name, kind, taken_apart))
    return profiles
