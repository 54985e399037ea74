"""The emulated device: how it is made, what it counts, and that the zoo costs there what it did."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner, Result
from sshd import Board

from mobilecnn.bench.devices import entries as device_file
from mobilecnn.bench.devices import worker
from mobilecnn.bench.devices.emulated import device as emulated
from mobilecnn.bench.devices.emulated import root as arm64
from mobilecnn.bench.devices.emulated.device import KINDS, EmulatedDevice
from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.devices.ssh import setup as board
from mobilecnn.bench.records import stream
from mobilecnn.bench.records.instructions import CountPlan, Counts, Instructions, read
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing import long_run
from mobilecnn.bench.timing.counting import count
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.cli import cli
from mobilecnn.convert.conversion import Source
from mobilecnn.errors import EnvironmentProblem, UsageError
from mobilecnn.export import RANDOM, Calibration, export
from mobilecnn.steps import no_say

HERE = Path(__file__).parent
COUNTER = Path(emulated.__file__).with_name("counter.c")
NETWORKS = ("shufflenet_v1_x0.5_g3", "mobilenet_v1_x0.25_224")

TOLERANCE = 0.01
"""Of all instructions of an inference, by which a stored count may be missed. Runs, seeds and folders move
a count by 0.0001 %, so that whatever moves it by 1 % is a change of the file or of the runtime."""

REPEATABLE = 0.001


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def root() -> Path:
    """The one in the user's cache, which is made where there is none."""
    return arm64.root(no_say)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("networks")
    for name in NETWORKS:
        export(Source(name), ("float32", "int8"), folder, Calibration(RANDOM))
    return [folder / f"{name}.{form}.tflite" for name in NETWORKS for form in ("float32", "int8")]


# What an instruction is.


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that classifies the words on its input as the plugin does."""
    folder = tmp_path_factory.mktemp("classifier")
    (folder / "main.c").write_text(
        f'#include "{COUNTER}"\n'
        "size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *t) { (void)t; return 0; }\n"
        "struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *t, size_t i)"
        " { (void)t, (void)i; return 0; }\n"
        "const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *i) { (void)i; return 0; }\n"
        "void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t i,"
        " void (*c)(qemu_plugin_id_t, struct qemu_plugin_tb *)) { (void)i, (void)c; }\n"
        "void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *t, enum qemu_plugin_op o, void *c,"
        " uint64_t n) { (void)t, (void)o, (void)c, (void)n; }\n"
        "void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t i, void (*c)(qemu_plugin_id_t, unsigned int,"
        " int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))"
        " { (void)i, (void)c; }\n"
        "int main(void) { uint32_t w; while (fread(&w, 4, 1, stdin)) putchar('0' + classify(w)); return 0; }\n"
    )
    command = ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wno-sign-conversion", "-Werror"]
    subprocess.run([*command, "main.c", "-o", "classify"], cwd=folder, check=True)
    return folder / "classify"


MULTIPLY_ADD = re.compile(
    r"(f?ml[as]|fml[as]l2?|[su]ml[as]l2?|sqdml[as]l2?|sqrdml[as]h|fcmla|bfmlal[bt]|fn?m(add|sub))$"
)
DOT_PRODUCT = re.compile(r"([su]|us|su|bf)dot$|([su]|us|bf)mmla$")
LOAD_STORE = re.compile(r"ld|st|prf|cas|swp|cpy|set[gpme]")


def kind_of(mnemonic: str) -> int:
    for kind, pattern in enumerate((MULTIPLY_ADD, DOT_PRODUCT, LOAD_STORE)):
        if pattern.match(mnemonic):
            return kind
    return 3


def hold_against_objdump(words: npt.NDArray[np.uint32], classifier: Path, folder: Path) -> dict[str, int]:
    """Fail unless both say the same of all words; how often each mnemonic was seen."""
    words = words.astype("<u4")
    words.tofile(folder / "words")
    listed = subprocess.run(
        ["aarch64-linux-gnu-objdump", "-D", "-z", "-b", "binary", "-m", "aarch64", "-M", "no-aliases", "words"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    mnemonics = re.findall(r"^ *[0-9a-f]+:\t[0-9a-f]{8} \t(\S+)", listed, re.MULTILINE)
    kinds = subprocess.run([classifier], input=words.tobytes(), capture_output=True, check=True).stdout
    assert len(mnemonics) == len(kinds) == len(words)
    seen: dict[str, int] = {}
    for word, mnemonic, kind in zip(words.tolist(), mnemonics, kinds.decode(), strict=True):
        group = word >> 25 & 15
        if group in (0, 2):  # Reserved, SME and SVE, which none of the processors has.
            assert kind == "3"
        elif mnemonic not in (".inst", "udf"):
            assert int(kind) == kind_of(mnemonic), f"{word:08x} {mnemonic} is said to be {kind}"
            seen[mnemonic] = seen.get(mnemonic, 0) + 1
    return seen


def test_every_instruction_is_classified_as_its_name_says(classifier: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    words = generator.integers(0, 2**32, 1_000_000, np.uint32)
    words[:700_000] |= np.uint32(0x0E000000)  # Vectors and floating point; all others are rarer there.
    seen = hold_against_objdump(words, classifier, tmp_path)
    # What only few words are: each with registers and lanes at random.
    for known in ("fmla", "mla", "smlal", "umlsl2", "sqdmlal", "sqrdmlah", "fmadd", "fcmla", "fmlal", "bfmlalb",
                  "sdot", "udot", "usdot", "sudot", "smmla", "bfdot", "ldr", "stp", "ldaddal", "fmul", "smull"):  # fmt: skip
        assert seen.get(known, 0) > 0, known


def test_the_runtime_s_own_instructions_are_classified(root: Path, classifier: Path, tmp_path: Path) -> None:
    libraries = ("ai_edge_litert/libpywrap_litert_common.so", "tflite_runtime/*.so")
    words = []
    for name in libraries:
        (library,) = (root / "base/usr/local/lib/python3.11/dist-packages").glob(name)
        extract = [
            "aarch64-linux-gnu-objcopy",
            "-O",
            "binary",
            "-j",
            ".text",
            str(library),
            str(tmp_path / "text"),
        ]
        subprocess.run(extract, check=True)
        words.append(np.fromfile(tmp_path / "text", "<u4"))
    seen = hold_against_objdump(np.unique(np.concatenate(words)), classifier, tmp_path)
    assert seen["fmla"] > 1000 and seen["sdot"] > 1000 and seen["ldr"] > 1000


PROGRAM = """
_start: mov x19, #4
mark:   mov x8, #29
        mov w0, #0x4e4e
        movk w0, #0x6d63, lsl #16
        svc #0
        mov x20, #1000
again:  ldr q0, [sp]
        fmla v1.4s, v0.4s, v0.4s
        smlal v2.4s, v3.4h, v4.4h
        sdot v5.4s, v6.16b, v7.4b[1]
        fmul v1.4s, v0.4s, v0.4s
        str q1, [sp, #-16]
        subs x20, x20, #1
        b.ne again
        subs x19, x19, #1
        b.ne mark
        mov x8, #93
        mov x0, #0
        svc #0
"""


def test_a_program_of_known_counts(tmp_path: Path) -> None:
    (tmp_path / "it.s").write_text(f".arch armv8.2-a+dotprod\n.global _start\n{PROGRAM}")
    for words in (["as", "it.s", "-o", "it.o"], ["ld", "it.o", "-o", "it"]):
        subprocess.run([f"aarch64-linux-gnu-{words[0]}", *words[1:]], cwd=tmp_path, check=True)
    plugin = f"{arm64.counter()},out={tmp_path / 'marks'}"
    subprocess.run(["qemu-aarch64", "-cpu", "cortex-a76", "-plugin", plugin, tmp_path / "it"], check=True)
    # From after one svc to the next: seven around the loop besides its own.
    expected = {"multiply_add": 2000, "dot_product": 1000, "load_store": 2000, "other": 3007}
    assert emulated.between((tmp_path / "marks").read_text()) == [expected] * 3


def test_the_mark_is_the_same_on_both_sides_and_harmless() -> None:
    assert f"#define MARK {worker.MARK:#x} " in COUNTER.read_text().lower().replace("mark", "MARK")
    assert not os.isatty(worker.MARK)


# What the device is.


def test_it_says_what_it_models_and_nothing_of_this_machine(root: Path) -> None:
    for name, core in device_file.EMULATED.items():
        if name == "emulated":
            continue
        with device(name) as one:
            facts = one.probe()
        assert (facts.kind, facts.machine) == ("emulated", "aarch64")
        assert facts.cpu == core.title()
        assert ("asimddp" in facts.cpu_features) == (core == "cortex-a76")
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
    assert re.search(r"^emulated-a76 +emulated +cortex-a76$", listed, re.MULTILINE)


def test_diagnose_is_for_what_times() -> None:
    refused = run("devices", "diagnose", "emulated")
    assert refused.exit_code == 2 and "counts instructions and has no clock" in refused.stderr


@pytest.mark.parametrize("name", device_file.EMULATED)
def test_its_names_are_taken(name: str) -> None:
    refused = run("devices", "add", name, "--host", "10.0.0.7")
    assert refused.exit_code == 2 and f"{name} is an emulated processor" in refused.stderr
    refused = run("devices", "setup", name)
    assert refused.exit_code == 2 and "is made by itself when it is first used" in refused.stderr


def test_it_times_nothing(exported: Path, tmp_path: Path) -> None:
    model = exported / "theirs.int8.tflite"
    with EmulatedDevice("emulated") as one:
        for task in ("time", "bandwidth", "stream"):
            with pytest.raises(UsageError, match="counts instructions and has no clock"):
                one.run({"task": task, "model": str(model)}, "that times", 60)
        with pytest.raises(UsageError, match="counts instructions and has no clock"):
            one.follow({"task": "stream"}, "that runs", 60)
        with pytest.raises(UsageError, match="counts instructions and has no clock"):
            measure([model], one, Protocol())
        with pytest.raises(UsageError, match="counts instructions and has no clock"):
            long_run.run([model], one, stream.StreamPlan.sustained(0.01, Protocol()))
        with pytest.raises(UsageError, match="--threads must be 1"):
            one.run({"task": "count", "threads": 2}, "that counts", 60)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bench", "--rounds", 1], "--rounds is for timing, and emulated counts instructions"),
        (["sustained"], "emulated counts instructions and has no clock"),
        (["single-stream"], "emulated counts instructions and has no clock"),
        (["bench", "--cool-down", 1], "--cool-down is for timing"),
        (["bench", "--cores", "big"], "--cores is for timing"),
        (["bench", "--threads", 2], "--threads must be 1 on emulated"),
        (["bench", "--runs", 0], "--runs must be from 1"),
        (["bench", "--device", "local"], "--device emulated counts instructions and is named alone"),
        (["profile"], "emulated counts instructions and has no clock"),
        (["compare", "b.tflite", "--seconds", 1], "--seconds is for timing"),
    ],
)
def test_what_means_time_is_refused_before_any_work(words: list[object], says: str, tmp_path: Path) -> None:
    refused = run(*words[:1], "a.tflite", *words[1:], "--device", "emulated")
    assert refused.exit_code == 2 and says in refused.stderr, refused.output


# How it is made.


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "mobilecnn"


def test_it_is_made_from_nothing(empty_cache: Path) -> None:
    said: list[str] = []
    made = arm64.root(said.append)
    assert said[0].startswith("Making the emulated device, once") and "is complete" in said[-1]
    assert list(empty_cache.iterdir()) == [made]
    assert {each.name for each in made.iterdir()} == {"base", *arm64.CORES}
    said.clear()
    assert arm64.root(said.append) == made and not said


def test_ctrl_c_leaves_nothing(empty_cache: Path) -> None:
    def stop(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        arm64.root(stop)
    assert not list(empty_cache.iterdir())


def test_without_a_network_it_says_so_and_leaves_nothing(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(
        EnvironmentProblem, match=r"cannot download Debian packages for arm64 .*a network here"
    ):
        arm64.root(no_say)
    assert not list(empty_cache.iterdir())


@pytest.mark.parametrize(("missing", "package"), arm64.NEEDED.items())
def test_a_missing_program_is_named_with_its_package(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, package: str
) -> None:
    path = tmp_path / "path"
    path.mkdir()
    for name in {*arm64.NEEDED, "env"} - {missing}:
        (path / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(path))
    failed = run("devices", "probe", "emulated")
    assert failed.exit_code == 3
    assert f"needs {missing}, which is not on this machine" in failed.stderr
    assert f"sudo apt-get install {package}" in failed.stderr


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    for make in (arm64.counter, lambda: arm64.root(no_say)):
        with pytest.raises(EnvironmentProblem, match="cannot make /proc/nowhere/mobilecnn/"):
            make()


def test_another_qemu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9.0.1", "4.1.0"):
        qemu = tmp_path / "qemu-aarch64"
        qemu.write_text(f"#!/bin/sh\necho 'qemu-aarch64 version {version} (Debian)'\n")
        qemu.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        with pytest.raises(EnvironmentProblem, match=f"QEMU 4.2 to 8.2, and .* {version}"):
            EmulatedDevice("emulated").probe()


# What is counted.


def counts_of(counted: Instructions) -> list[Counts]:
    return [series.typical for series in counted.series]


def hold_against_the_table(counted: Instructions) -> None:
    """Fail unless each count is the stored one; the message has the lines to store instead."""
    rows = csv.DictReader((HERE / "emulated_counts.csv").read_text().splitlines())
    stored = {(row["file"], row["processor"]): [int(row[kind]) for kind in KINDS] for row in rows}
    wrong = []
    for model, found in zip(counted.models, counts_of(counted), strict=True):
        name, processor = Path(model.file).name, str(counted.device.cpu)
        now = [getattr(found, kind) for kind in KINDS]
        before = stored.get((name, processor), [0] * 4)
        apart = [abs(a - b) for a, b in zip([*now, sum(now)], [*before, sum(before)], strict=True)]
        if max(apart) > TOLERANCE * sum(before):
            wrong.append(",".join([name, processor, *map(str, now)]))
    assert not wrong, "other than in emulated_counts.csv:\n" + "\n".join(wrong)


@pytest.fixture(scope="module")
def on_a76(networks: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    record = tmp_path_factory.mktemp("records") / "a76.json"
    done = run("bench", *networks, "--device", "emulated-a76", "-o", record, "--runs", 2)
    assert done.exit_code == 0, done.output
    return done, record


def test_the_zoo_costs_on_an_a76_what_it_did(on_a76: tuple[Result, Path]) -> None:
    done, record = on_a76
    counted = read(record)
    hold_against_the_table(counted)
    assert [model.answers.verdict for model in counted.models] == ["verified"] * 4
    assert all(series.spread < REPEATABLE for series in counted.series)
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "file" and "dot product" in lines[0]
    assert "emulated, instructions: millions of an inference, counted and exact; they are not times" in lines
    assert lines[-1].startswith("emulated: Cortex-A76, QEMU ")
    assert " ms" not in done.stdout
    for model, found in zip(counted.models, counts_of(counted), strict=True):
        assert (found.dot_product > 1_000_000) == ("int8" in model.file)


def test_and_on_an_a72_which_has_no_dot_product(networks: list[Path]) -> None:
    with EmulatedDevice("emulated") as one:
        counted = count(
            [path.with_name(f"bare-{path.name}") for path in bare(networks)], one, CountPlan(runs=1)
        )
    renamed = json.loads(json.dumps(counted.to_json()).replace("bare-", ""))
    hold_against_the_table(Instructions.from_json(renamed))
    assert all(found.dot_product == 0 for found in counts_of(counted))


def bare(networks: list[Path]) -> list[Path]:
    """Without passports beside them: the answers were checked on the other processor."""
    for path in networks:
        link = path.with_name(f"bare-{path.name}")
        if not link.exists():
            link.symlink_to(path.name)
    return networks


def test_a_count_is_repeatable(networks: list[Path], on_a76: tuple[Result, Path]) -> None:
    """In another process, with other data, warmed up otherwise."""
    before = counts_of(read(on_a76[1]))[1]
    with EmulatedDevice("emulated-a76") as one:
        again = count(
            [bare(networks)[1].with_name(f"bare-{networks[1].name}")], one, CountPlan(seed=7, warmup_runs=3)
        )
    for kind in KINDS:
        now, then = (getattr(each, kind) for each in (counts_of(again)[0], before))
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
        "compare", *models, "--device", "emulated-a76", "--max-slowdown", "1%", "--runs", 1, "-o", tmp_path / "it.json",
        "--json",
    )  # fmt: skip
    assert beyond.exit_code == 1, beyond.output
    assert "executes" in beyond.stderr and "more" in beyond.stderr
    (row,) = json.loads(beyond.stdout)["rows"]
    assert row["limit"] == "beyond" and row["instructions_b_relative_to_a"] > 1.01
    assert row["a"]["instructions"] == sum(row["a"][kind] for kind in KINDS)
    assert [model.answers.verdict for model in read(tmp_path / "it.json").models] == ["verified"] * 2


def test_a_file_that_answers_wrongly_is_not_counted(exported: Path, tmp_path: Path) -> None:
    model = tmp_path / "wrong.tflite"
    model.write_bytes((exported / "theirs.float32.tflite").read_bytes())
    passport = json.loads((exported / "theirs.float32.json").read_text())
    for entry in passport["golden"]:
        entry["scores"] = entry["scores"][::-1]
    (tmp_path / "wrong.json").write_text(json.dumps(passport))
    refused = run("bench", model, "--device", "emulated", "-o", tmp_path / "it.json")
    assert refused.exit_code == 1, refused.output
    assert "golden picture 1: score" in refused.stderr and not (tmp_path / "it.json").exists()


# Its Python as that of a board.


@pytest.fixture
def pi(board: Board, root: Path, tmp_path: Path) -> str:
    """A board over SSH whose Python, numpy and runtimes are those of an arm64 Debian."""
    python = tmp_path / "python3"
    words = shlex.join(arm64.command(root, "cortex-a72", []))
    python.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    python.chmod(0o755)
    device_file.write({"pi": device_file.Entry("board", str(python))})
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
    assert [each["answers"]["verdict"] for each in results] == ["verified"] * 2


def test_the_wheels_of_an_offline_set_up_are_installed_by_the_pip_of_a_board(
    root: Path, exported: Path, tmp_path: Path
) -> None:
    """`devices setup --offline` downloads them here and lets the board's pip choose and install them."""
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    subprocess.run(board.download("tflite-runtime", "aarch64", arm64.GLIBC, (3, 11), wheels), check=True)
    pip = Path(subprocess.run(
        [sys.executable, "-c", "import pip; print(pip.__path__[0])"], capture_output=True, text=True, check=True
    ).stdout.strip())  # fmt: skip
    (tmp_path / "pip").symlink_to(pip)
    install = [
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import runpy; runpy.run_module('pip', run_name='__main__')",
        "install", "--no-input", "--no-index", "--find-links", str(wheels), "--no-compile", "--target", str(site),
        *board.REQUIREMENTS["tflite-runtime"],
    ]  # fmt: skip
    subprocess.run(arm64.command(root, "cortex-a72", ["-c", *install]), check=True, capture_output=True)
    job = {"task": "runtime", "runtime": "tflite-runtime"}
    script = f"import sys, runpy; sys.path.insert(0, {str(site)!r}); runpy.run_path({worker.__file__!r}, run_name='__main__')"
    done = subprocess.run(
        arm64.command(root, "cortex-a72", ["-c", script]), input=json.dumps(job), capture_output=True, text=True, check=True
    )  # fmt: skip
    assert json.loads(done.stdout) == {"version": "2.14.0"}
