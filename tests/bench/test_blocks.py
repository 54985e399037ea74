"""Executed blocks and simulated cache traffic, held against programs of which both are known."""

import subprocess
from pathlib import Path

import pytest

from mobilecnn.bench.devices.emulated import build
from mobilecnn.bench.devices.emulated.blocks import Section, Traffic, sections

MARK = """
        mov x8, #29
        mov w0, #0x4e4e
        movk w0, #0x6d63, lsl #16
        svc #0
"""
END = """
        mov x8, #93
        mov x0, #0
        svc #0
        .bss
        .balign 4096
buffer: .skip 1048576
"""

SMALL = "4096/2:65536/4"
"""Caches of 64 lines in 32 sets, and of 1024 lines in 256 sets."""


def executed(
    folder: Path, work: str, caches: tuple[str, ...] = (SMALL,), before: str = "", *options: str
) -> Section:
    """What ``work`` executes between two marks, after ``before``; x19 holds the address of a page-aligned megabyte."""
    program = f"_start: adrp x19, buffer\n add x19, x19, :lo12:buffer\n{before}{MARK}{work}{MARK}{END}"
    (folder / "it.s").write_text(f".arch armv8.2-a\n.global _start\n{program}")
    for words in (["as", "it.s", "-o", "it.o"], ["ld", "it.o", "-o", "it"]):
        subprocess.run([f"aarch64-linux-gnu-{words[0]}", *words[1:]], cwd=folder, check=True)
    plugin = ",".join(
        [str(build.plugin("blocks")), f"out={folder / 'it.txt'}", *options, *(f"caches={c}" for c in caches)]
    )
    subprocess.run(["qemu-aarch64", "-cpu", "cortex-a72", "-plugin", plugin, folder / "it"], check=True)
    levels = tuple(caches_of.count("/") for caches_of in caches)
    (section,) = sections((folder / "it.txt").read_text().splitlines(keepends=True), levels)
    return section


def test_blocks_their_order_and_the_instructions_are_exact(tmp_path: Path) -> None:
    section = executed(
        tmp_path,
        """
        mov x20, #1000
        mov x21, #0
again:  add x21, x21, #1
        tbz x21, #0, even
        add x22, x22, #1
even:   subs x20, x20, #1
        b.ne again
        """,
    )
    loop, odd, even = (
        next(block for block in section.ran.values() if block.times == times and len(block.words) == length)
        for times, length in ((999, 2), (500, 3), (500, 2))
    )
    # The first turn begins in the block that sets up; the last mark's four instructions are none of it.
    assert section.instructions == 2 + 1000 * 2 + 500 + 1000 * 2 + 4
    numbers = {id(block): number for number, block in section.ran.items()}
    assert (
        section.then[numbers[id(loop)], numbers[id(odd)]] + section.then[numbers[id(loop)], numbers[id(even)]]
        == 999
    )


def turns_of(folder: Path, body: str) -> int:
    """Turns of a piece of code that has run once before the mark, so that nothing in it is new."""
    work = f"bl work\n b over\nwork: {body}\n ret\nover:\n"
    return executed(folder, work, before="bl work\n").turns


LOOP = """
        mov x20, #100
outer:  mov x21, #{rounds}
inner:  subs x21, x21, #1
        b.ne inner
        subs x20, x20, #1
        b.ne outer
"""

BRANCH = """
        mov x20, #100
again:  {test}
        {branch} odd
        add x22, x22, #1
odd:    subs x20, x20, #1
        b.ne again
"""


@pytest.mark.parametrize(
    ("body", "turns"),
    [
        ("nop", 0),
        (LOOP.format(rounds=1), 1),  # Each round ends at once, and the outer one ends once.
        (
            LOOP.format(rounds=5),
            101,
        ),  # Each of a hundred loops ends once; that it goes round is foreseen.
        (BRANCH.format(test="cmp x20, #50", branch="b.eq"), 2),  # One exception is one turn, and not two.
        (
            BRANCH.format(test="tst x20, #1", branch="b.eq"),
            50,
        ),  # Every second step is a turn, and the last is the end.
    ],
    ids=["nothing", "a loop of one round", "of five", "one exception", "alternating"],
)
def test_a_turn_is_what_was_not_foreseen(body: str, turns: int, tmp_path: Path) -> None:
    assert turns_of(tmp_path, body) - turns_of(tmp_path, "nop") == turns


SHARED = """
        mov x20, #300
outer:  mov x21, #{often}
        b again
        .balign 16
again:  subs x21, x21, #1
        b.ne again
        subs x20, x20, #1
        b.eq after
        cmp x20, #{change}
        b.gt outer
        mov x21, #1
        b again
after:  nop
"""


def test_what_goes_one_way_for_long_and_then_another_is_foreseen(tmp_path: Path) -> None:
    """A loop that goes round four times, a hundred times in a row, and then ends at once two hundred times."""
    section = executed(tmp_path, SHARED.format(often=4, change=200))
    assert 100 <= section.turns <= 100 + 2 * len(section.ran)


CALLED = """
        bl called
        b after
called: mov x21, #{turns}
again:  ldr x0, [x19], #64
        subs x21, x21, #1
        b.ne again
        ret
after:  nop
"""


def test_a_late_look_sees_what_had_run_before_the_mark_too(tmp_path: Path) -> None:
    # The loop is translated before the mark, and QEMU need not translate it again.
    before, work = (
        CALLED.format(turns=7),
        "mov x22, #3\nthrice: bl called\n subs x22, x22, #1\n b.ne thrice\n",
    )
    always = executed(tmp_path, work, (SMALL,), before)
    late = executed(tmp_path, work, (SMALL,), before, "late=on")

    def blocks(section: Section) -> list[tuple[tuple[int, ...], int, int]]:
        return sorted((block.words, block.times, block.accesses) for block in section.ran.values())

    assert blocks(late) == blocks(always) and late.traffic() == always.traffic() == Traffic((21, 21), 0)
    # What was not looked at foresees nothing: a turn for each block at most.
    assert always.turns <= late.turns <= always.turns + len(late.ran)
    # What ran before the mark is followed by something only where that was looked at.
    assert sorted([*late.then.values(), 1]) == sorted(always.then.values()) and max(late.then.values()) == 15


SWEEP = """
        mov x20, #{times}
sweep:  mov x21, x19
        mov x22, #{lines}
line:   {touch}
        add x21, x21, #64
        subs x22, x22, #1
        b.ne line
        subs x20, x20, #1
        b.ne sweep
"""


@pytest.mark.parametrize(
    ("touch", "lines", "times", "traffic"),
    [
        ("ldr x0, [x21]", 64, 1, Traffic((64, 64), 0)),
        ("ldr x0, [x21]", 64, 10, Traffic((64, 64), 0)),  # fits the first level
        # Fits the second; the first evicts all before reuse.
        ("ldr x0, [x21]", 128, 10, Traffic((1280, 128), 0)),
        ("ldr x0, [x21]", 2048, 3, Traffic((6144, 6144), 0)),  # fits none
        ("str x0, [x21]", 64, 10, Traffic((64, 64), 0)),  # written lines stay in the first level
        # All but what the second level holds.
        ("str x0, [x21]", 2048, 3, Traffic((6144, 6144), 6144 - 1024)),
        ("ldr x1, [x21]\n str x0, [x21]", 64, 1, Traffic((64, 64), 0)),  # was read first
        ("ldr x1, [x21]\n str x0, [x21]", 2048, 1, Traffic((2048, 2048), 1024)),
        ("ldp x0, x1, [x21, #56]", 32, 1, Traffic((33, 33), 0)),  # across two lines
    ],
)  # fmt: skip
def test_traffic_is_that_of_a_cache_with_lru_sets_and_write_back(
    touch: str, lines: int, times: int, traffic: Traffic, tmp_path: Path
) -> None:
    section = executed(tmp_path, SWEEP.format(touch=touch, lines=lines, times=times))
    assert section.traffic() == traffic


def test_several_processors_are_simulated_at_once(tmp_path: Path) -> None:
    work = SWEEP.format(touch="ldr x0, [x21]", lines=128, times=10)
    section = executed(tmp_path, work, (SMALL, "8192/2", "4096/2:8192/2:65536/4"))
    assert [section.traffic(processor) for processor in range(3)] == [
        Traffic((1280, 128), 0),
        Traffic((128,), 0),
        Traffic((1280, 128, 128), 0),
    ]


@pytest.mark.parametrize("caches", ["4096", "0/2", "4096/0", "1000/2", "4096/2:", "1/1:1/1:1/1:1/1", "x/y"])
def test_caches_that_are_none_are_refused(caches: str, tmp_path: Path) -> None:
    plugin = f"{build.plugin('blocks')},out={tmp_path / 'it.txt'},caches={caches}"
    done = subprocess.run(
        ["qemu-aarch64", "-plugin", plugin, "true"], check=False, capture_output=True, text=True
    )
    assert done.returncode != 0 and "caches=SIZE/WAYS" in done.stderr


@pytest.mark.parametrize("line", ["ran 1 2", "what", "ran 7 1 0 0 0 0 0"])
def test_lines_of_another_kind_are_refused(line: str) -> None:
    with pytest.raises(
        ValueError, match=r"unknown line|block 7 ran that is not there|not enough values|figures of traffic"
    ):
        list(sections(["mark\n", f"{line}\n", "end\n"], (2,)))


def test_what_is_cut_after_the_last_mark_is_passed_over() -> None:
    whole = ["block 1 40 d503201f\n", "mark\n", "end\n", "mark\n", "ran 1 5 1 0\n", "end\n"]
    (section,) = sections([*whole, "blo"], ())
    assert section.instructions == 5
