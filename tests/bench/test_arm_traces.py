"""What the benchmark of modelled ARM time keeps of a trace, and what it says of a damaged one."""

import gzip
from pathlib import Path

import pytest
from arm_traces import between_marks, last_section

from mobilecnn.bench.devices.emulated.blocks import sections


def test_what_is_kept_of_a_trace_is_its_last_section() -> None:
    blocks = ["block 1 40 d503201f\n", "block 2 44 91000421d503201f\n", "block 3 4c d503201f\n"]
    first = ["mark\n", "ran 1 1 0 0\n", "end\n", "mark\n", "ran 3 2 1 0\n", "then 3 3 1\n", "end\n"]
    last = ["mark\n", "ran 2 5 1 1\n", "ran 1 4 0 0\n", "then 2 1 4\n", "then 1 2 4\n", "end\n"]
    whole = [*blocks[:1], *first, *blocks[1:2], *last, *blocks[2:]]
    kept = list(between_marks([*blocks[1:], *whole]))
    assert list(sections(kept, ())) == list(sections([*blocks, *whole], ()))[-1:]
    assert not [line for line in kept if line.startswith("block 3")]


BLOCKS = ["block 12 40 d503201f\n", "block 1 44 d503201f\n"]
SECTION = ["mark\n", "ran 12 1 0 0\n", "end\n"]


@pytest.mark.parametrize("cut", range(1, len(BLOCKS[0])))
def test_a_trace_may_be_cut_anywhere_behind_its_last_section(cut: int) -> None:
    """What the program translates as it ends is cut where a buffer was full: "block 12 ..." may be "block" or "block 1"."""
    whole = [*BLOCKS, *SECTION, *SECTION]
    assert list(between_marks([*whole, BLOCKS[0][:cut]])) == list(between_marks(whole))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["block \n", *SECTION], "unknown line 'block \\n'"),
        (["\n", *SECTION], "unknown line '\\n'"),
        ([BLOCKS[0], "mark\n", "ran \n", "end\n"], "unknown line 'ran \\n'"),
        ([BLOCKS[1], *SECTION], "a block 12 ran that is not there"),
        ([*BLOCKS, *SECTION, *SECTION[:2]], "it ends before the last inference does"),
        (BLOCKS, "it ends before the last inference does"),
    ],
)
def test_a_damaged_trace_is_told_in_a_line(lines: list[str], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        list(between_marks(lines))
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"".join(line.encode() for line in SECTION), mtime=0)[:-9]],
    ids=["empty", "no gzip", "cut"],
)
def test_a_kept_trace_that_is_damaged_is_named_with_what_helps(content: bytes, tmp_path: Path) -> None:
    kept = tmp_path / "it.gz"
    kept.write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        last_section(kept, ())
    said = str(caught.value)
    assert said.startswith(f"{kept} is damaged: ") and said.endswith("; remove it, and run it again")
    assert "\n" not in said
