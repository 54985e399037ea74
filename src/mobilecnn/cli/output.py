"""What all commands share: the ``--json`` option, aligned tables, talk on stderr, progress, names of records."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import JSON_DONE, JSON_FLAG
from mobilecnn.cli.terminal import Lines, clean, joined, write

if TYPE_CHECKING:
    from mobilecnn.remarks import Remark

FOLDER = Path("mobilecnn-runs")
"""Folder of the records that the user gave no name, below the current one."""


def _remember_json(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    # A subcommand shares its group's context, and either may be given --json.
    ctx.meta[JSON_FLAG] = value or bool(ctx.meta.get(JSON_FLAG))
    return bool(ctx.meta[JSON_FLAG])


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,
    callback=_remember_json,
    help="Print one JSON document on standard output and nothing else there.",
)


def data(text: str) -> None:
    """Print a line of a result, or :class:`Lines`, on standard output."""
    write(text)


def document(value: Any) -> None:
    """Print the one JSON document of a command."""
    write(Lines(json.dumps(value, indent=2, allow_nan=False)))  # JSON has escapes of its own.
    click.get_current_context().meta[JSON_DONE] = True


def note(remark: "Remark") -> None:
    """Say on standard error what of the data was not used, or not as one might expect."""
    talk(f"Note: {remark.text}")


def talk(text: str) -> None:
    """Say a line, or :class:`Lines`, to the person at the terminal, on standard error."""
    write(text, err=True)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> Lines:
    """An aligned text table: the first ``left`` columns to the left, the others to the right.

    On a terminal that is too narrow for it, it becomes several below each other, each with the first ``left`` columns;
    a file or a pipe has it whole.
    """
    cleaned = [[clean(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cleaned) for column in range(len(header))]

    def render(line: Sequence[str], columns: Sequence[int]) -> str:
        cells = [
            line[column].ljust(widths[column]) if column < left else line[column].rjust(widths[column])
            for column in columns
        ]
        return "  ".join(cells).rstrip()

    rules = ["-" * width for width in widths]
    bars = [
        not header[column] and {row[column] for row in cleaned[1:]} == {"|"} for column in range(len(header))
    ]
    parts = []
    for columns in blocks(widths, left, bars, _terminal_width()):
        lines = [render(line, columns) for line in (cleaned[0], rules, *cleaned[1:])]
        parts.append(joined(*lines))
    return joined(*(part for index, each in enumerate(parts) for part in (["", each] if index else [each])))


def blocks(widths: Sequence[int], left: int, bars: Sequence[bool], width: int | None) -> list[list[int]]:
    """Columns of the tables that one too wide for a terminal becomes.

    Args:
        widths: widths of the columns, which have two blanks between them.
        left: number of the first columns, which each of the tables has.
        bars: which columns only part others; none stands at an edge.
        width: characters in a line of the terminal; None for no limit.

    Returns:
        The columns of each: all in one, if that fits or the first columns leave no room for others.
    """
    first, others = list(range(left)), list(range(left, len(widths)))
    room = None if width is None else width - sum(widths[:left]) - 2 * left
    if room is None or sum(widths[left:]) + 2 * (len(others) - 1) <= room or room < sum(widths[:left]):
        return [[*first, *others]]
    made: list[list[int]] = [[]]
    for column in others:
        if made[-1] and sum(widths[other] + 2 for other in made[-1]) + widths[column] > room:
            made.append([])
        if made[-1] or not bars[column]:
            made[-1].append(column)
    for block in made:
        while block and bars[block[-1]]:
            block.pop()
    return [[*first, *block] for block in made if block]


def _terminal_width() -> int | None:
    """Characters in a line of standard output; None where it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar with an estimate on stderr, as a function ``(done, total, what)``.

    The estimate follows the speed of the last minute, because the steps of a job differ. Other
    output on stderr appears above the bar. Where stderr is not a terminal, the bar becomes a line
    for every tenth of the work, so that a log shows progress.
    """
    with several_progresses([label]) as (update,):
        yield update


@contextmanager
def several_progresses(labels: Sequence[str]) -> Iterator[list[Callable[[int, int, str], None]]]:
    """One :func:`progress` for each label, one below the other, for threads that work side by side."""
    if sys.stderr.isatty():
        from rich import progress as rich
        from rich.console import Console

        columns = (
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TimeRemainingColumn(elapsed_when_finished=True),
            rich.TextColumn("{task.fields[what]}", markup=False),
        )
        with rich.Progress(*columns, console=Console(stderr=True), speed_estimate_period=60) as bar:

            def updates(label: str) -> Callable[[int, int, str], None]:
                task = bar.add_task(clean(label), total=None, what="")

                def update(done: int, total: int, what: str = "") -> None:
                    if done < next(row.completed for row in bar.tasks if row.id == task):
                        # The next file has begun, and it may be faster or slower than the last.
                        bar.reset(task)
                    bar.update(task, completed=done, total=total, what=clean(what))

                return update

            yield [updates(label) for label in labels]
    else:
        yield [_logs(label) for label in labels]


def _logs(label: str) -> Callable[[int, int, str], None]:
    shown = -1

    def log(done: int, total: int, what: str = "") -> None:
        nonlocal shown
        tenth = 10 * done // max(total, 1)
        if tenth != shown:
            shown = tenth
            talk(f"{label}: {done}/{total} {what}".rstrip())

    return log


def lock(path: Path) -> None:
    """Keep other processes from writing ``path`` until the command ends.

    Raises:
        OutputError: one is writing it, or its folder cannot be written.
    """
    from mobilecnn.locks import locked

    click.get_current_context().with_resource(locked(path))


def record_path(output: Path | None, stem: str, devices: Sequence[str] = ()) -> Path:
    """The file of a record: ``output``, or without it a :func:`new_name` in :data:`FOLDER`.

    Raises:
        OutputError: its folder cannot be written, which is better said before minutes of work.
    """
    from mobilecnn.files import check_file, check_writable

    if output is None:
        check_writable(FOLDER)
        return new_name(FOLDER, stem, devices)
    check_file(output)
    return output


def new_name(folder: Path, stem: str, devices: Sequence[str] = ()) -> Path:
    """``folder/stem-YYYYmmdd-HHMMSS.json`` of the present second, with a number if that is taken.

    With several devices the name itself is not used: the names made from it, one a device, are free.
    """
    from mobilecnn.bench.timing.fleet import records
    from mobilecnn.locks import lock_of
    from mobilecnn.records import partial

    stem = f"{stem}-{datetime.now():%Y%m%d-%H%M%S}"
    path, number = folder / f"{stem}.json", 2
    while any(
        name.exists()
        for file in records(path, devices) or (path,)
        for name in (file, partial(file), lock_of(file))
    ):
        path, number = folder / f"{stem}-{number}.json", number + 1
    return path


def kilobytes(count: int) -> str:
    """A size for people: ``1,234 kB``."""
    return f"{count / 1000:,.0f} kB"


def millions(count: int | None) -> str:
    """A count in millions for people: ``137.46``; a dash when unknown."""
    return "-" if count is None else f"{count / 1e6:,.2f}"
