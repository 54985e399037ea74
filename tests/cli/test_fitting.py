"""Tables that fit a terminal, names that tell files apart, and what is coloured."""

import contextlib
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from mobilecnn.cli import fitting, looks
from mobilecnn.cli.fitting import Table, apart, elided, lay, pattern

FILES = ("out/digits.float32.tflite", "out/digits.int8.tflite")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (FILES, ["float32", "int8"]),
        (("out/a_x0.5.float32.tflite", "out/a_x0.25.int8.tflite"), ["a_x0.5.float32", "a_x0.25.int8"]),
        (("old/it.int8.tflite", "new/it.int8.tflite"), ["old/it.int8", "new/it.int8"]),
        (("/a/b/old/it.tflite", "/a/b/new/it.tflite"), ["old/it", "new/it"]),
        (("/a/it.tflite", "/it.tflite"), ["a/it", "it"]),
        (("digits.keras", "out/digits.int8.tflite"), ["keras", "int8"]),
        (("alexnet.float32", "lenet.float32"), ["alexnet.float32", "lenet.float32"]),
        (("out/one.tflite",), ["one"]),
        (("a.tflite", "a"), ["a.tflite", "a"]),
        (("net_0.35.tflite", "net_0.5.tflite"), ["net_0.35", "net_0.5"]),
        ((".tflite", "b.tflite"), [".tflite", "b.tflite"]),
        (("x..tflite", "x.a.tflite"), ["x.", "x.a"]),
        (("it", "it"), ["it"]),
        ((), []),
    ],
)
def test_what_tells_files_apart(names: Sequence[str], expected: list[str]) -> None:
    made = apart(names)
    assert list(made) == list(dict.fromkeys(names))
    assert list(made.values()) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (FILES, "out/digits.*.tflite"),
        (("alexnet", "lenet"), ""),
        (("digits.keras", "out/digits.int8.tflite"), ""),
        (("out/one.tflite",), ""),
    ],
)
def test_what_files_have_in_common(names: Sequence[str], expected: str) -> None:
    assert pattern(names) == expected


def test_names_that_are_alike_at_both_ends_are_told_apart_by_what_is_between() -> None:
    """As TFLite joins the names of layers that became one."""
    layers = [f"net_1/stage{number}_conv_1/Relu;{'net_1/' * 20}add" for number in range(2, 6)]
    table = Table(
        ("rewrite", "layer", "us"), tuple(("write_groups_dense", layer, "1.0") for layer in layers), 2
    )
    lines = lay(table, 60).lines
    assert max(map(len, lines)) <= 60
    assert [line.split()[0] for line in lines[2:]] == ["write_groups_dense"] * 4
    assert [f"...stage{number}" in line for number, line in enumerate(lines[2:], 2)] == [True] * 4
    # Without anything that tells them apart in so little room, they stay whole.
    twins = Table(
        ("layer",), ((f"{'a' * 40}1{'b' * 40}2{'c' * 40}",), (f"{'a' * 40}2{'b' * 40}1{'c' * 40}",))
    )
    assert len(set(lay(twins, 30).lines[2:])) == 2


def test_names_are_looked_at_few_times_however_long_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come from files of others: of 20 names of 3,000 characters, each of 3,000 lengths would take minutes."""
    asked: list[int] = []

    def counted(name: str, size: int, share: float = 2 / 3) -> str:
        asked.append(size)
        return elided(name, size, share)

    monkeypatch.setattr(fitting, "elided", counted)
    layers = [f"{'a' * 1000}{number}{'b' * 1000}{39 - number}{'c' * 1000}" for number in range(10, 30)]
    lines = lay(Table(("layer", "us"), tuple((layer, "1.0") for layer in layers)), 80).lines
    assert len(set(lines[2:])) == 20
    assert len(set(asked)) < 300


def test_a_short_cell_stays_as_it_is_beside_a_long_one() -> None:
    table = Table(("what", "us"), (("  of it", "1.0"), ("a longer one of many words, " * 5, "2.0")))
    assert lay(table, 60).lines[2].startswith("  of it ")


def test_a_name_keeps_its_ends() -> None:
    assert elided("mobilenet_v3_large_x1.0_minimalistic", 20) == "mobile...nimalistic"[:6] + "...inimalistic"
    assert elided("short", 20) == "short"
    for longest in range(fitting.SHORTEST, 40):
        assert len(elided("n" * 39 + "m", longest)) == longest


WIDE = Table(
    ("file", "result", "median ms", "95 % interval", "|", "", "paper ms", "verdict"),
    tuple(
        (name, "INVALID", "193.435", "190.000 .. 196.901", "1", "|", "12.5", "undecided (INVALID)")
        for name in ("shufflenet_v1_x0.5_g3.float32", "shufflenet_v1_x0.5_g3.int8")
    ),
    left=2,
    spare=("95 % interval",),
    keep=("verdict",),
)


@pytest.mark.parametrize("width", [200, 120, 110, 100, 90, 80, 70, 60, 50, 40])
def test_a_table_is_no_wider_than_the_terminal(width: int) -> None:
    laid = lay(WIDE, width)
    assert max(map(len, laid.lines)) <= width
    shown = laid.lines[-1]
    assert "undecided" in shown and shown.startswith("shuf")
    assert len(laid.lines[-1].split()[0]) >= fitting.SHORTEST
    assert not any(line.endswith("|") for line in laid.lines), "a bar stands at an edge"


def test_what_says_least_is_left_out_first_and_named() -> None:
    lost: list[str] = []
    for width in range(130, 40, -1):
        now = list(lay(WIDE, width).left_out)
        assert set(lost) <= set(now), "a column came back on a narrower terminal"
        if not lost and now:
            assert now == ["95 % interval"]
        lost = now
    assert "verdict" not in lost and "file" not in lost and "result" not in lost


def test_without_a_width_all_is_shown() -> None:
    laid = lay(WIDE, None)
    assert laid.left_out == () and not laid.marked
    assert laid.lines[0].split() == " ".join(WIDE.header).split()
    assert "undecided (INVALID)" in laid.lines[-1]


def test_headers_fold_before_anything_is_left_out() -> None:
    table = Table(("file", "first inference ms", "time / first", "top-1 %"), (("a", "1.0", "0.5", "70"),))
    laid = lay(table, 34)
    assert laid.left_out == ()
    assert [line.split() for line in laid.lines[:-2]] == [
        ["first"], ["inference", "time"], ["file", "ms", "/", "first", "top-1", "%"],
    ]  # fmt: skip


def test_columns_that_hold_nothing_go_without_a_word() -> None:
    table = Table(
        ("file", "runs", "empty", "time"), (("a", "3 x 20", "-", "1.0"), ("b", "3 x 20", "", "2.0"))
    )
    laid = lay(table, 18)
    assert laid.left_out == () and "empty" not in laid.lines[0] and "runs" in laid.lines[0]


def test_a_table_without_rows_or_with_no_room_is_still_one() -> None:
    assert lay(Table(("a", "b"), ()), 80).lines == ("a  b", "-  -")
    assert lay(Table(("name", "b"), (("n" * 50, "1"),)), 5).lines[-1].startswith("nnn")
    assert lay(WIDE, 2).lines


def test_words_break_between_them_however_narrow_it_is() -> None:
    chips = Table(("chip", "modelled ms", "paper"), (("Snapdragon 820", "10.0", "15.2"),))
    for width in range(20, 40):
        cells = [line.split("  ")[0].strip() for line in lay(chips, width).lines[-2:]]
        assert "Snapdragon" in cells or "Snapdragon 820" in cells, width


SHOW = "from mobilecnn.cli.output import data, prose, table\n" + (
    "data(table(['file', 'verdict'], [['a', 'faster'], ['b', 'INVALID'], ['undecided', '1.0 !']]))\n"
    "prose('INVALID: it is hot: let it cool')\nprose('nothing: in it')\n"
)


def on_a_terminal(**variables: str) -> str:
    parent, child = pty.openpty()
    shown = b""
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment = {**inherited, "TERM": "xterm", "COLUMNS": "80", **variables}
    with subprocess.Popen([sys.executable, "-c", SHOW], stdout=child, env=environment) as process:
        os.close(child)
        with contextlib.suppress(OSError):  # How a terminal ends.
            while more := os.read(parent, 65536):
                shown += more
    os.close(parent)
    assert process.returncode == 0
    return shown.decode()


def test_verdicts_are_coloured_on_a_terminal() -> None:
    shown = on_a_terminal()
    assert re.search(r"\x1b\[32m +faster", shown) and re.search(
        r"\x1b\[31m\x1b\[1mINVALID:\x1b\[0m it", shown
    )
    assert "\x1b[1mfile" in shown and "nothing: in it" in shown


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_nobody_is_coloured_who_asks_not_to_be(variables: dict[str, str]) -> None:
    assert "\x1b" not in on_a_terminal(**variables)


def test_an_empty_no_color_asks_for_nothing() -> None:
    assert "\x1b[" in on_a_terminal(NO_COLOR="")


def test_a_pipe_has_plain_text() -> None:
    variables = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, env=variables
    )
    assert "\x1b" not in done.stdout and "INVALID: it is hot: let it cool" in done.stdout.splitlines()


def test_lines_break_between_words_and_commands_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "terminal_columns", lambda err=False: 40)
    lines = looks.prose("Warning: " + "word " * 30).splitlines()
    assert max(map(len, lines)) <= 40 and all(line.startswith("  word") for line in lines[1:])
    command = "mobilecnn report " + "x" * 50
    assert looks.following(command, "a page").splitlines() == ["Next: a page:", f"  {command}"]


def test_what_has_several_words_takes_several_lines() -> None:
    """Names of files lose their middle, and say so; sentences lose nothing."""
    words = "the networks of a paper, trained and shown beside its own figures"
    laid = lay(Table(("recipe", "what", "rows"), (("digits", words, "12"),), left=2), 40)
    assert max(map(len, laid.lines)) <= 40 and not laid.shortened
    assert " ".join(line[8:].removesuffix("12").strip() for line in laid.lines[2:]) == words
    assert laid.lines[2].endswith(" 12") and laid.lines[3].startswith(" " * 8)
    assert lay(Table(("file", "ms"), (("n" * 50, "1.0"),)), 30).shortened


@pytest.mark.parametrize("row", [("a", "1"), ("a", "1", "2", "3"), ()])
def test_a_row_has_a_cell_for_each_title(row: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=rf"rows of \[{len(row)}\] cells stand under 3 titles"):
        Table(("file", "ms", "runs"), (("b", "1", "2"), row))


def test_columns_of_a_pair_go_together_and_kept_numbers_stay() -> None:
    """Titles that are alike are told apart by their numbers: the second pair goes whole, the first stays."""
    header = ("model", "network", "size: paper", "ours", "weights: paper", "ours")
    table = Table(
        header,
        (("a", "network_of_a", "1", "1", "200", "201"),),
        left=2,
        spare=((1,), (4, 5)),
        keep=(2, 3),
    )
    shown = {width: lay(table, width) for width in (60, 40, 28, 10)}
    assert shown[60].left_out == () and shown[40].left_out == ("network",)
    assert shown[28].left_out == shown[10].left_out == ("network", "weights: paper", "ours")


def test_a_title_breaks_before_its_unit() -> None:
    table = Table(("model", "multiply-adds (M)", "error (%)"), (("a", "1", "2"),))
    assert lay(table, 27).lines[:2] == ("       multiply-adds  error", "model            (M)    (%)")
