"""Results for the tests of the report: a Pi that gets warm, a virtual machine, and accuracies."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from test_measurement import FACTS

from mobilecnn.bench.pages import report, result_files
from mobilecnn.bench.records.measurement import (
    DIFFERS,
    NOT_CHECKED,
    VERIFIED,
    Android,
    Answers,
    Facts,
    Measurement,
    Model,
    PassportFacts,
    Reading,
    Run,
)
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.told import RunSummary
from mobilecnn.quantize.evaluation import Accuracy, Evaluation
from mobilecnn.quantize.proportions import wilson

HOST = replace(
    FACTS, kind="local", machine="x86_64", board=None, cpu="AMD EPYC", cpu_features=("avx", "fma"), cores=2,
    governors=(), max_frequencies_khz={}, virtualised=True,
)  # fmt: skip
PI = replace(FACTS, kind="ssh")
PHONE = replace(
    FACTS, kind="adb", board="Maker Phone 1", python=None, numpy=None,
    android=Android(
        abis=("arm64-v8a",), fingerprint="maker/phone/phone:14", soc="Maker SM1", cores="f0", battery_percent=83,
        adb="34.0.5", adb_features=("shell_v2",),
    ),
)  # fmt: skip

NETWORKS = (
    # architecture, format, multiply-adds, parameters, ms on the Pi
    ("alexnet", "float32", 724_410_000, 60_970_000, 190.0),
    ("alexnet", "int8", 724_410_000, 60_970_000, 120.0),
    ("shufflenet_v1_x0.5_g3", "float32", 37_590_000, 1_010_000, 15.0),
    ("shufflenet_v1_x0.5_g3", "int8", 37_590_000, 1_010_000, 14.0),
    ("mobilenet_v1_x1.0_224", "float32", 568_700_000, 4_230_000, 112.0),
    ("mobilenet_v1_x1.0_224", "int8", 568_700_000, 4_230_000, 60.0),
)


def digest(architecture: str, form: str) -> str:
    return f"{architecture}.{form}".encode().hex().ljust(64, "0")[:64]


def model(architecture: str, form: str, macs: int, parameters: int) -> Model:
    answers = {
        "float32": Answers(VERIFIED, "", 3, 0.0001, 0.001),
        "int8": Answers(NOT_CHECKED, "there is no passport beside it"),
    }[form]
    if architecture == "mobilenet_v1_x1.0_224" and form == "int8":
        answers = Answers(DIFFERS, "golden picture 2: score 7 is 0.9, and 0.1 is expected", 3, 0.8, 0.01)
    return Model(
        f"out/{architecture}.{form}.tflite", digest(architecture, form), parameters * (4 if form == "float32" else 1),
        PassportFacts(architecture, form, macs, parameters), answers,
    )  # fmt: skip


def reading(warm: float, *, pi: bool) -> Reading:
    if not pi:
        return Reading({}, (2_000_000,) * 3, {})
    clock = 1_500_000 if warm < 80 else 1_000_000
    return Reading(
        {"cpu0": 600_000, "cpu1": clock}, (2_000_000,) * 3, {"thermal_zone0 cpu-thermal": round(warm, 1)}, 0
    )


def measured(facts: Facts = PI, rounds: int = 3, faster: float = 1.0, **change: Any) -> Measurement:
    """All networks, timed ``faster`` times as fast as on a Pi; it gets warmer by a degree a process."""
    pi, runs = facts.kind == "ssh", []
    for number in range(rounds):
        for index, (_, _, _, parameters, milliseconds) in enumerate(NETWORKS):
            level = milliseconds * (1 + 0.004 * ((number * 7 + index) % 5)) / faster
            place = number * len(NETWORKS) + index
            runs.append(
                Run(
                    round=number, position=index, model=index, runtime_version="2.3.0", xnnpack_partitions=1,
                    init_ns=round(level * 2e5), first_ns=round(level * 1.4e6), warmup_ns=(round(level * 1.1e6),) * 400,
                    samples_ns=tuple(round(level * 1e6 * (1 + 0.002 * ((7 * step) % 11))) for step in range(20)),
                    timed_seconds=1.0, other_cpu_seconds=0.0 if pi else 0.5, baseline_rss_bytes=40_000_000,
                    peak_rss_bytes=50_000_000 + parameters * 4,
                    before=reading(55 + 1.6 * place, pi=pi), after=reading(56.4 + 1.6 * place, pi=pi),
                )
            )  # fmt: skip
    whole: dict[str, Any] = {
        "created": "2026-01-02T03:04:05+00:00" if pi else "2026-01-03T10:00:00+00:00",
        "tool": "0.1.0",
        "command": ("bench", "out/*.tflite", "--device", "pi4" if pi else "local"),
        "device": facts,
        "protocol": Protocol(rounds=rounds, runs=20),
        "models": tuple(model(*row[:4]) for row in NETWORKS),
        "runs": tuple(runs),
    }
    return Measurement(**{**whole, **change})


def evaluation(data: str = "flowers") -> Evaluation:
    """All networks but the last, and a Keras file that was not timed."""
    results = []
    for index, (architecture, form, *_) in enumerate((*NETWORKS[:-1], ("keras", "keras", 0, 0, 0.0))):
        correct = (286, 280, 289, 280, 353, 290)[index]
        results.append(
            Accuracy(
                file=f"out/{architecture}.{form}", format=form, bytes=1000, sha256=digest(architecture, form),
                images=500, correct=correct, accuracy=correct / 500, interval=wilson(correct, 500),
                balanced_accuracy=correct / 500, recall={"a": 0.5, "b": 0.5}, agreement_with_first=1.0,
                lost_against_first=0, gained_against_first=0, verdict_against_first="-", input_contract_stated=True,
                output_kind="softmax", positive="", not_finite=0,
            )
        )  # fmt: skip
    return Evaluation(data, 500, "litert", tuple(results))


def on_a_phone() -> Measurement:
    """As ``benchmark_model`` times there: a summary of each process, and no samples."""
    whole = measured()
    runs = [
        replace(
            run, runtime_version="sha256:" + "ab" * 32, warmup_ns=(), samples_ns=(run.samples_ns[0],),
            other_cpu_seconds=None, baseline_rss_bytes=None, peak_rss_bytes=None,
            before=Reading({}, (), {"battery": 31.2}, thermal_status=0),
            after=Reading({}, (), {"battery": 31.4}, thermal_status=0),
            summary=RunSummary(20, run.samples_ns[0] - 1000, run.samples_ns[0] + 1000, run.samples_ns[0], 300, None),
        )
        for run in whole.runs
    ]  # fmt: skip
    protocol = replace(whole.protocol, runtime="benchmark_model")
    return replace(whole, device=PHONE, protocol=protocol, runs=tuple(runs))


def written(folder: Path, **documents: Any) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, one in documents.items():
        document = one.to_json() if isinstance(one, Measurement | Evaluation) else one
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(document))
    return paths


def three(folder: Path) -> list[Path]:
    """Two measurements and an evaluation."""
    return written(
        folder,
        pi=measured(),
        host=measured(HOST, rounds=2, faster=8),
        accuracy=evaluation(),
    )


def made(*paths: Path) -> str:
    return report.html(result_files.read(paths))
