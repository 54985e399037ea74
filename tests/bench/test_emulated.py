"""The emulated device: what it is, what it counts, and that the zoo costs there what it did."""

import csv
import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mobilecnn.bench.devices.emulated import build
from mobilecnn.bench.devices.emulated.device import KINDS, EmulatedDevice
from mobilecnn.bench.devices.names import EMULATED
from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.devices.seam import (
    CanCount,
    CanMeasureBandwidth,
    CanProfileOperators,
    CanStream,
    CanTime,
    require,
)
from mobilecnn.bench.records import stream
from mobilecnn.bench.records.chips import CHIPS, LLVM
from mobilecnn.bench.records.instructions import CountPlan, Counts, Instructions
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing import long_run
from mobilecnn.bench.timing.counting import count
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.cli import cli
from mobilecnn.convert.conversion import Source
from mobilecnn.errors import EnvironmentProblem, UsageError
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration

HERE = Path(__file__).parent


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


NETWORKS = ("shufflenet_v1_x0.5_g3", "mobilenet_v1_x0.25_224")


TOLERANCE = 0.01
"""Of all instructions of an inference, by which a stored count may be missed. Runs, seeds and folders move
a count by 0.0001 %, so that whatever moves it by 1 % is a change of the file or of the runtime."""


REPEATABLE = 0.001


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("networks")
    for name in NETWORKS:
        export(Source(name), ("float32", "int8"), folder, Calibration(RANDOM))
    return [folder / f"{name}.{form}.tflite" for name in NETWORKS for form in ("float32", "int8")]


def test_it_says_what_it_models_and_nothing_of_this_machine(emulated_root: Path) -> None:
    for name in (
        "emulated-a53",
        "emulated-a72",
        "emulated-pi5",
        "emulated-sd810",
        "emulated-sd820",
        "emulated-sd855",
    ):
        core = CHIPS[EMULATED[name]].core
        with device(name) as emulated:
            facts = emulated.probe()
        assert (facts.kind, facts.machine) == ("emulated", "aarch64")
        assert facts.cpu == build.CORES[core].title
        assert ("asimddp" in facts.cpu_features) == (core in {"cortex-a76", "kryo-485"})
        assert not any(feature.startswith(("avx", "fma")) for feature in facts.cpu_features)
        assert facts.kernel.startswith("QEMU ") and facts.python == "3.11.2"
        assert facts.os == "Debian GNU/Linux 12 (bookworm)"
        unknown = (facts.board, facts.memory_bytes, facts.virtualised, facts.android)
        assert unknown == (None,) * 4 and (facts.governors, facts.max_frequencies_khz) == ((), {})


def test_probe_and_list_show_it() -> None:
    shown = run("devices", "probe", "emulated-a53")
    assert shown.exit_code == 0, shown.output
    assert re.search(r"^CPU +Cortex-A53, aarch64, 1 core$", shown.stdout, re.MULTILINE)
    assert re.search(r"^litert +\d", shown.stdout, re.MULTILINE)
    assert re.search(r"^(clock|temperature) +\d", shown.stdout, re.MULTILINE) is None
    listed = run("devices", "list").stdout
    assert re.search(r"^emulated-a76 +emulated +Raspberry Pi 5$", listed, re.MULTILINE)
    assert re.search(r"^emulated-sd820 +emulated +Snapdragon 820$", listed, re.MULTILINE)


def test_diagnose_is_for_what_times() -> None:
    refused = run("devices", "diagnose", "emulated")
    assert (
        refused.exit_code == 2
        and "counts instructions, models their time, and has no clock" in refused.stderr
    )


@pytest.mark.parametrize("name", EMULATED)
def test_its_names_are_taken(name: str) -> None:
    refused = run("devices", "add", name, "--host", "10.0.0.7")
    assert (
        refused.exit_code == 2
        and f"{name} is an emulated chip, that of a {CHIPS[EMULATED[name]].title}" in refused.stderr
    )
    refused = run("devices", "setup", name)
    assert refused.exit_code == 2 and "is made by itself when it is first used" in refused.stderr


def test_it_times_nothing(exported: Path) -> None:
    model = exported / "theirs.int8.tflite"
    with device("emulated") as emulated_device:
        for capability in (CanTime, CanStream, CanMeasureBandwidth, CanProfileOperators):
            with pytest.raises(UsageError, match="counts instructions, models their time, and has no clock"):
                require(emulated_device, capability)
        with pytest.raises(UsageError, match="counts instructions, models their time, and has no clock"):
            measure([model], emulated_device, Protocol())
        with pytest.raises(UsageError, match="counts instructions, models their time, and has no clock"):
            long_run.run([model], emulated_device, stream.StreamPlan.sustained(0.01, Protocol()))
        with pytest.raises(UsageError, match="--threads must be 1"):
            require(emulated_device, CanCount).count({"task": "count", "threads": 2}, "that counts", 60)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bench", "--rounds", 1], "--rounds is for timing, and emulated counts instructions"),
        (["sustained"], "emulated counts instructions, models their time, and has no clock"),
        (["single-stream"], "emulated counts instructions, models their time, and has no clock"),
        (["bench", "--cool-down", 1], "--cool-down is for timing"),
        (["bench", "--cores", "big"], "--cores is for timing"),
        (["bench", "--threads", 2], "--threads must be 1 on emulated: one core is emulated"),
        (["bench", "--runs", 0], "--runs must be from 1"),
        (["bench", "--device", "local"], "--device emulated counts instructions and is named alone"),
        (["profile", "--rounds", 2], "--rounds is for timing, and the times of emulated are modelled"),
        (["profile", "--threads", 2], "--threads must be 1 on emulated: one core is emulated"),
        (["compare", "b.tflite", "--seconds", 1], "--seconds is for timing"),
    ],
)
def test_what_means_time_is_refused_before_any_work(words: list[object], says: str, tmp_path: Path) -> None:
    refused = run(*words[:1], "a.tflite", *words[1:], "--device", "emulated")
    assert refused.exit_code == 2 and says in refused.stderr, refused.output


def counts_of(counted: Instructions) -> list[Counts]:
    return [series.typical for series in counted.series]


def hold_against_the_table(counted: Instructions) -> None:
    """Fail unless each count is the stored one; the message has the lines to store instead."""
    rows = csv.DictReader((HERE / "emulated_counts.csv").read_text().splitlines())
    stored = {(row["file"], row["processor"]): [int(row[kind]) for kind in KINDS] for row in rows}
    wrong = []
    for model, counts in zip(counted.models, counts_of(counted), strict=True):
        name, processor = Path(model.file).name, str(counted.device.cpu)
        now = [getattr(counts, kind) for kind in KINDS]
        before = stored.get((name, processor), [0] * 4)
        apart = [abs(a - b) for a, b in zip([*now, sum(now)], [*before, sum(before)], strict=True)]
        if max(apart) > TOLERANCE * sum(before):
            wrong.append(",".join([name, processor, *map(str, now)]))
    assert not wrong, "other than in emulated_counts.csv:\n" + "\n".join(wrong)


@pytest.fixture(scope="module")
def on_a76(networks: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    record = tmp_path_factory.mktemp("records") / "a76.json"
    done = run("bench", *networks, "--device", "emulated-a76", "-o", record, "--runs", 2, "--counts-only")
    assert done.exit_code == 0, done.output
    return done, record


def test_the_zoo_costs_on_an_a76_what_it_did(on_a76: tuple[Result, Path]) -> None:
    done, record = on_a76
    counted = Instructions.read(record)
    hold_against_the_table(counted)
    assert [model.answers.verdict for model in counted.models] == ["verified"] * 4
    assert all(series.spread < REPEATABLE for series in counted.series)
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "file" and "dot product" in lines[0]
    assert "emulated, instructions: millions of an inference, counted and exact; they are not times" in lines
    assert lines[-1].startswith("emulated: Cortex-A76, QEMU ")
    assert " ms" not in done.stdout
    for model, counts in zip(counted.models, counts_of(counted), strict=True):
        assert (counts.dot_product > 1_000_000) == ("int8" in model.file)


def test_and_on_an_a72_which_has_no_dot_product(networks: list[Path]) -> None:
    with EmulatedDevice("emulated") as emulated:
        counted = count(
            [path.with_name(f"bare-{path.name}") for path in bare(networks)], emulated, CountPlan(runs=1)
        )
    renamed = json.loads(json.dumps(counted.to_json()).replace("bare-", ""))
    hold_against_the_table(Instructions.from_json(renamed))
    assert all(counts.dot_product == 0 for counts in counts_of(counted))


WORK_TOLERANCE = {"instructions": REPEATABLE, "cycles": REPEATABLE, "turns": REPEATABLE, "lines": 0.01}
"""Term -> share by which it may differ from the stored one. In a cache of two ways lines are evicted by others whose addresses
the length of a path can move: up to 0.2 % of them were seen to."""


def test_what_a_network_is_to_a_chip_is_what_it_was(networks: list[Path]) -> None:
    """In another process than the stored figures were made in, with other data: terms of a modelled time, not of a count."""
    (row,) = csv.DictReader((HERE / "emulated_works.csv").read_text().splitlines())
    file = next(path for path in bare(networks) if path.name == row["file"])
    with EmulatedDevice(row["device"]) as emulated:
        plan = CountPlan(seed=7, runs=1, counts_only=False)
        modelled = count([file.with_name(f"bare-{file.name}")], emulated, plan)
    # Of whatever release of its series: one whose models had changed would be seen here.
    assert modelled.model is not None and modelled.model.llvm.split(".")[:2] == LLVM.split(".")[:2]
    work = modelled.series[0].typical_work
    assert work is not None
    assert work.memory is not None and 0 < work.memory < work.lines
    now = {term: figure for term, figure in asdict(work).items() if term != "memory"}
    shown = ",".join([row["file"], row["device"], *(f"{now[term]:.0f}" for term in WORK_TOLERANCE)])
    assert now == {
        term: pytest.approx(float(row[term]), rel=share) for term, share in WORK_TOLERANCE.items()
    }, f"other than in emulated_works.csv:\n{shown}"


def test_a_trace_that_is_not_whole_is_one_line(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a full disk leaves it: of no inference, or of some."""
    monkeypatch.setattr(EmulatedDevice, "_work", lambda self, blocks: [])
    with (
        EmulatedDevice("emulated-a72") as emulated,
        pytest.raises(EnvironmentProblem, match=r"were traced; see whether .* room"),
    ):
        count([exported / "theirs.int8.tflite"], emulated, CountPlan(runs=1, counts_only=False))


def bare(networks: list[Path]) -> list[Path]:
    """Without passports beside them: the answers were checked on the other processor."""
    for path in networks:
        link = path.with_name(f"bare-{path.name}")
        if not link.exists():
            link.symlink_to(path.name)
    return networks


def test_a_count_is_repeatable(networks: list[Path], on_a76: tuple[Result, Path]) -> None:
    """In another process, with other data, warmed up otherwise."""
    before = counts_of(Instructions.read(on_a76[1]))[1]
    with EmulatedDevice("emulated-a76") as emulated:
        again = count(
            [bare(networks)[1].with_name(f"bare-{networks[1].name}")],
            emulated,
            CountPlan(seed=7, warmup_runs=3),
        )
    for kind in KINDS:
        now, then = (getattr(counts, kind) for counts in (counts_of(again)[0], before))
        assert abs(now - then) <= REPEATABLE * before.total, kind


def test_a_report_of_it(on_a76: tuple[Result, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = run("report", on_a76[1], "-o", page, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"] == ["a76.json"]
    text = page.read_text()
    assert "counted and exact, and no times" in text and "Cortex-A76" in text and "Nothing was timed" in text


def test_two_files_are_compared(exported: Path, tmp_path: Path) -> None:
    models = [exported / f"theirs.{name}.tflite" for name in ("int8", "float32")]
    beyond = run(
        "compare", *models, "--device", "emulated-a76", "--max-slowdown", "1%", "--counts-only", "--runs", 1, "-o", tmp_path / "it.json",
        "--json",
    )  # fmt: skip
    assert beyond.exit_code == 1, beyond.output
    assert "executes" in beyond.stderr and "more" in beyond.stderr
    (row,) = json.loads(beyond.stdout)["rows"]
    assert row["limit"] == "beyond" and row["instructions_b_relative_to_a"] > 1.01
    assert row["a"]["instructions"] == sum(row["a"][kind] for kind in KINDS)
    assert [model.answers.verdict for model in Instructions.read(tmp_path / "it.json").models] == [
        "verified"
    ] * 2


def test_a_file_that_answers_wrongly_is_not_counted(exported: Path, tmp_path: Path) -> None:
    model = tmp_path / "wrong.tflite"
    model.write_bytes((exported / "theirs.float32.tflite").read_bytes())
    passport = json.loads((exported / "theirs.float32.json").read_text())
    for entry in passport["golden"]:
        entry["scores"] = entry["scores"][::-1]
    (tmp_path / "wrong.json").write_text(json.dumps(passport))
    refused = run("bench", model, "--device", "emulated", "--counts-only", "-o", tmp_path / "it.json")
    assert refused.exit_code == 1, refused.output
    assert "golden picture 1: score" in refused.stderr and not (tmp_path / "it.json").exists()
