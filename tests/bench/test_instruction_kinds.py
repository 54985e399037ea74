"""What an instruction is: the counter's kinds, held against the names that a disassembler gives."""

import csv
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mobilecnn.bench.devices.emulated import build
from mobilecnn.bench.devices.emulated import device as emulated
from mobilecnn.bench.devices.worker.tasks import MARK

COUNTER = Path(build.__file__).with_name("counter.c")


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


def test_the_runtime_s_own_instructions_are_classified(
    emulated_root: Path, classifier: Path, tmp_path: Path
) -> None:
    libraries = ("ai_edge_litert/libpywrap_litert_common.so", "tflite_runtime/*.so")
    words = []
    for name in libraries:
        (library,) = (emulated_root / "base/usr/local/lib/python3.11/dist-packages").glob(name)
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
    plugin = f"{build.plugin('counter')},out={tmp_path / 'marks'}"
    subprocess.run(["qemu-aarch64", "-cpu", "cortex-a76", "-plugin", plugin, tmp_path / "it"], check=True)
    # From after one svc to the next: seven around the loop besides its own.
    expected = {"multiply_add": 2000, "dot_product": 1000, "load_store": 2000, "other": 3007}
    assert emulated.between((tmp_path / "marks").read_text()) == [expected] * 3


def test_the_mark_is_the_same_on_both_sides_and_harmless() -> None:
    assert f"#define MARK {MARK:#x} " in COUNTER.with_name("qemu_plugin.h").read_text().lower().replace(
        "mark", "MARK"
    )
    assert not os.isatty(MARK)


def test_the_page_has_the_counts_that_are_held() -> None:
    """By kind, of ShuffleNet 0.5x: docs/emulated.md has them in millions."""
    page = (Path(__file__).parents[2] / "docs/emulated.md").read_text()
    rows = csv.DictReader(Path(__file__).with_name("emulated_counts.csv").read_text().splitlines())
    held = [row for row in rows if row["file"].startswith("shufflenet_v1_x0.5_g3.")]
    assert len(held) == 4
    for row in held:
        kinds = [
            f"{int(row[kind]) / 1e6:.1f}" for kind in ("multiply_add", "dot_product", "load_store", "other")
        ]
        name = rf"\| ShuffleNet V1 0\.5x g3 \| {row['file'].split('.')[-2]} \| {row['processor']} \*? ?\| "
        assert re.search(name + re.escape(" | ".join(kinds)), page), row
