"""Cycles of executed blocks, held against what LLVM's models say of whole loops."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from test_blocks import executed

from mobilecnn import doctor
from mobilecnn.bench.devices.emulated import llvm, pipeline
from mobilecnn.bench.devices.emulated.blocks import Ran, Section
from mobilecnn.bench.records.chips import LLVM
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.files import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


CHAIN = """
        mov x20, #10000
again:  fmadd d0, d0, d1, d2
        fmadd d0, d0, d1, d2
        subs x20, x20, #1
        b.ne again
"""
"""Two dependent multiply-adds a turn: the pipeline waits for each."""

TWO_BLOCKS = """
        mov x20, #10000
again:  fmadd d0, d0, d1, d2
        cbz x20, out
        fmadd d0, d0, d1, d2
        subs x20, x20, #1
        b.ne again
out:
"""
"""The same work in a loop with a branch inside, which is never taken."""


@pytest.mark.parametrize("work", [CHAIN, TWO_BLOCKS], ids=["one block", "two blocks"])
@pytest.mark.parametrize(
    ("model", "latency"),
    [("cortex-a57", 9), ("cortex-a72", 9), ("neoverse-n1", 4)],
)
def test_a_loop_costs_its_chain_of_dependences(work: str, model: str, latency: int, tmp_path: Path) -> None:
    cycles = pipeline.cycles(executed(tmp_path, work), model)
    assert cycles == pytest.approx(10_000 * 2 * latency, rel=0.01)


def test_calls_returns_and_system_instructions_cost_nothing_of_their_own(tmp_path: Path) -> None:
    plain = "mov x20, #1000\nagain: add x1, x1, #1\n add x1, x1, #1\n subs x20, x20, #1\n b.ne again\n"
    calling = (
        "mov x20, #1000\nagain: bl increase\n add x1, x1, #1\n subs x20, x20, #1\n b.ne again\n b over\n"
        "increase: add x1, x1, #1\n nop\n mrs x2, tpidr_el0\n ret\nover:\n"
    )
    cycles = [pipeline.cycles(executed(tmp_path, work), "cortex-a72") for work in (plain, calling)]
    assert cycles[0] == pytest.approx(2000, rel=0.05)
    assert cycles[1] == pytest.approx(cycles[0], rel=0.25)


LONG = ("smlal v0.4s, v1.4h, v2.h[3]", "smlal2 v0.4s, v1.8h, v15.h[7]", "umlal2 v31.4s, v30.8h, v1.h[0]")
OTHERS = (
    "smlal v0.4s, v1.4h, v2.4h", "smlal v0.8h, v1.8b, v2.8b", "smlal v0.2d, v1.2s, v2.s[1]", "smlsl v0.4s, v1.4h, v2.h[3]",
    "smull v0.4s, v1.4h, v2.h[3]", "mla v0.8h, v1.8h, v2.h[3]", "fmla v0.4s, v1.4s, v2.s[0]", "add x0, x1, x2",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cycles"), [*((text, 1.0) for text in LONG), *((text, 0.0) for text in OTHERS)]
)
def test_what_is_slower_than_its_model_says_is_known_by_its_word(
    text: str, cycles: float, tmp_path: Path
) -> None:
    body = f"{text}\n" * 3
    block = executed(tmp_path, f"mov x20, #1000\nagain: {body} subs x20, x20, #1\n b.ne again\n")
    (words,) = (ran.words for ran in block.ran.values() if ran.times == 999)
    assert pipeline.beyond(words, "kryo") == 3 * cycles
    assert pipeline.beyond(words, "cortex-a72") == 0
    if cycles:
        llvm = pipeline.costs_of([words], "kryo")[words]
        assert pipeline.cycles(block, "kryo") == pytest.approx(1000 * (llvm + 3), rel=0.02)


def section(blocks: dict[int, tuple[int, int]], then: dict[tuple[int, int], int]) -> Section:
    """Blocks of (times, length) without caches."""
    nop = 0xD503201F
    return Section({n: Ran((nop,) * length, times, 0, 0, ()) for n, (times, length) in blocks.items()}, then)


@pytest.mark.parametrize(
    ("blocks", "then", "sequences"),
    [
        ({1: (9, 2)}, {(1, 1): 8}, [(1,)]),
        ({1: (9, 2), 2: (9, 2)}, {(1, 2): 9, (2, 1): 8}, [(1, 2)]),
        ({1: (9, 2), 2: (1, 2), 3: (8, 2)}, {(1, 2): 1, (1, 3): 8, (3, 1): 8}, [(1, 3), (2,)]),
        ({1: (9, 2), 2: (9, 2), 3: (9, 2)}, {(1, 2): 9, (2, 3): 9}, [(1, 2, 3)]),
        ({3: (9, 2), 2: (9, 2), 1: (9, 2)}, {(1, 2): 9, (2, 3): 9}, [(1, 2, 3)]),
        ({1: (9, 2), 2: (3, 2), 3: (3, 2)}, {(1, 2): 3, (1, 3): 3}, [(1,), (2,), (3,)]),
        ({1: (9, 300), 2: (9, 300), 3: (9, 2)}, {(1, 2): 9, (2, 3): 9}, [(1, 2), (3,)]),
    ],
)
def test_blocks_that_follow_each_other_are_one_sequence(
    blocks: dict[int, tuple[int, int]], then: dict[tuple[int, int], int], sequences: list[tuple[int, ...]]
) -> None:
    made = pipeline.sequences(section(blocks, then))
    assert sorted(made) == sorted(sequences)
    assert sorted(number for numbers in made for number in numbers) == sorted(blocks)


def test_known_costs_come_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = executed(tmp_path, CHAIN)
    first = pipeline.cycles(work, "cortex-a72")
    monkeypatch.setattr(pipeline, "_simulated", None)
    assert pipeline.cycles(work, "cortex-a72") == first


def test_words_that_are_no_instructions_are_passed_over() -> None:
    texts = pipeline.disassembled([0x00010001, 0x91000421, 0xFFFFFFFF], llvm.tools())
    assert texts == {0x00010001: None, 0x91000421: "add\tx1, x1, #1", 0xFFFFFFFF: None}


def test_without_llvm_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    llvm.tools.cache_clear()
    try:
        with pytest.raises(
            EnvironmentProblem, match=r"none is installed; Debian, Ubuntu: sudo apt-get install llvm-19"
        ):
            llvm.tools()
        old = tmp_path / "llvm-mca"
        for name in ("llvm-mc", "llvm-mca"):
            (tmp_path / name).write_text("#!/bin/sh\necho 'Debian LLVM version 14.0.6'\n")
            (tmp_path / name).chmod(0o755)
        with pytest.raises(EnvironmentProblem, match=rf"{old} is of version 14.0.6; .*install llvm-19"):
            llvm.tools()
    finally:
        llvm.tools.cache_clear()


@pytest.mark.parametrize(
    ("installed", "used"),
    [
        (("19.1.7",), "19.1.7"),
        (("20.1.2", "19.1.7"), "19.1.7"),
        (("21.1.0", "20.1.2"), "21.1.0"),
        (("18.1.8", "20.1.2"), "20.1.2"),
    ],
)
def test_the_release_that_the_constants_are_of_is_taken_first(
    installed: tuple[str, ...], used: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LLVM == "19.1.7"
    for release in installed:
        for name in ("llvm-mc", "llvm-mca"):
            tool = tmp_path / f"{name}-{release.split('.')[0]}"
            tool.write_text(f"#!/bin/sh\necho 'Debian LLVM version {release}'\n")
            tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    llvm.tools.cache_clear()
    try:
        assert llvm.tools().version == used
    finally:
        llvm.tools.cache_clear()


BROKEN = {
    "exit 1": r"llvm-mca-19 does not work \(it ended with code 1: it says nothing\)",
    "echo 'error: no\nroom' >&2; exit 4": r"llvm-mca-19 does not work \(it ended with code 4: error: no\)",
    "echo hello": r"llvm-mca-19 does not work \(it does not say its version\)",
    "printf '\\377'": r"llvm-mca-19 does not work \(it does not say its version\)",
}
"""What a script does in place of LLVM's simulator -> what is said of it."""


@pytest.fixture
def broken_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is the whole path, with LLVM 19 whose tools are no programs."""
    for name in ("llvm-mc-19", "llvm-mca-19"):
        (tmp_path / name).write_bytes(b"\0garbage")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    llvm.tools.cache_clear()
    yield tmp_path
    llvm.tools.cache_clear()


REMEDY = r"; take it from the path, or, .*: sudo apt-get install --reinstall llvm-19$"


def test_a_tool_that_is_no_program_is_named_with_its_remedy(broken_tools: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"llvm-mca-19 does not work \(Exec format error\)" + REMEDY):
        llvm.tools()
    (need,) = (need for need in doctor.examine(["emulated"]) if need.name == "LLVM")
    assert (need.state, need.fix) == ("broken", "sudo apt-get install --reinstall llvm-19")
    assert need.found == f"{broken_tools}/llvm-mca-19 does not work (Exec format error)"


@pytest.mark.parametrize("script", BROKEN)
def test_a_tool_that_fails_is_named_with_its_remedy(broken_tools: Path, script: str) -> None:
    for name in ("llvm-mc-19", "llvm-mca-19"):
        (broken_tools / name).write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(EnvironmentProblem, match=BROKEN[script] + REMEDY):
        llvm.tools()


@pytest.mark.parametrize("broken", ["llvm-mc-19", "llvm-mca-19"])
def test_where_one_release_does_not_work_another_is_taken(broken_tools: Path, broken: str) -> None:
    for release in ("19.1.7", "20.1.2"):
        for name in ("llvm-mc", "llvm-mca"):
            tool = broken_tools / f"{name}-{release[:2]}"
            if tool.name != broken:
                tool.write_text(f"#!/bin/sh\necho 'Debian LLVM version {release}'\n")
                tool.chmod(0o755)
    assert llvm.tools().version == "20.1.2"


@pytest.mark.parametrize("made", ["echo 'error: unable to get target for aarch64' >&2; exit 1", "exit 0"])
def test_a_disassembler_that_reads_nothing_is_named_and_nothing_is_kept(
    made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llvm-mc-19").write_text(f"#!/bin/sh\n{made}\n")
    (tmp_path / "llvm-mc-19").chmod(0o755)
    (tmp_path / "llvm-mca-19").symlink_to(llvm.tools().mca)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        llvm.tools.cache_clear()
        with pytest.raises(EnvironmentProblem, match=r"llvm-mc-19 reads no .* --reinstall llvm-19$"):
            pipeline.costs_of([KNOWN, NEW], "cortex-a72")
    llvm.tools.cache_clear()
    assert all(pipeline.costs_of([KNOWN, NEW], "cortex-a72").values())


KNOWN, NEW = (0x91000421,), (0x91000842,)
"""Two sequences of one instruction."""


@pytest.mark.parametrize(("times", "refused"), [(1, False), (100, True)])
def test_words_that_are_no_instructions_cost_nothing_and_are_few(times: int, refused: bool) -> None:
    """Of 4,000 instructions and more; from the cache, too."""
    blocks = {1: Ran(KNOWN * 4, 1000, 0, 0, ()), 2: Ran((0xFFFFFFFF, *KNOWN), times, 0, 0, ())}
    for _ in range(2):
        if refused:
            with pytest.raises(
                EnvironmentProblem, match=r"2\.4% of what was executed are words that LLVM does not"
            ):
                pipeline.cycles(Section(blocks, {(1, 1): 999}), "cortex-a72")
        else:
            assert pipeline.cycles(Section(blocks, {(1, 1): 999}), "cortex-a72") > 1000


def stored() -> Path:
    """The file of the cache, in which one sequence is."""
    pipeline.costs_of([KNOWN], "cortex-a72")
    (path,) = cache().glob("pipeline-*.sqlite")
    return path


def a_file_for_a_folder(_: pytest.MonkeyPatch) -> None:
    cache().parent.write_text("")


def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened as SQLite opens a file that may not be written, which binds root too."""
    stored()
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **given: connect(f"file:{path}?mode=ro", uri=True, **given)
    )


def no_database(_: pytest.MonkeyPatch) -> None:
    stored().write_bytes(b"not a database, but as long as the head of one" * 100)


def malformed(_: pytest.MonkeyPatch) -> None:
    """Head and table are read; the rows lie on pages that are overwritten."""
    path = stored()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def another_table(_: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(stored())) as store, store:
        store.execute("DROP TABLE costs")
        store.execute("CREATE TABLE costs (other TEXT)")


FOLDER, REMOVE = "set XDG_CACHE_HOME to a folder that you may write to", "remove it, and it is made anew"


@pytest.mark.parametrize(
    ("fault", "cause", "remedy"),
    [
        (a_file_for_a_folder, "Not a directory|File exists", FOLDER),
        (read_only, "attempt to write a readonly database", FOLDER),
        (no_database, "file is not a database", REMOVE),
        (malformed, "malformed", REMOVE),
        (another_table, "no such column", REMOVE),
    ],
)
def test_a_cache_that_cannot_be_used_is_one_line(
    fault: Callable[[pytest.MonkeyPatch], None], cause: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises(
        EnvironmentProblem, match=rf"^cannot keep the cycles .* \(.*({cause}).*\); .*{remedy}$"
    ):
        pipeline.costs_of([KNOWN, NEW], "cortex-a72")
    if remedy == REMOVE:
        next(cache().glob("pipeline-*.sqlite")).unlink()
        assert pipeline.costs_of([KNOWN, NEW], "cortex-a72").keys() == {KNOWN, NEW}


def test_a_cache_that_cannot_be_written_still_gives_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    read_only(monkeypatch)
    assert pipeline.costs_of([KNOWN], "cortex-a72").keys() == {KNOWN}
