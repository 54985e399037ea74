"""What all commands share: the ``--json`` option, aligned tables, talk on stderr, progress, names of records."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import JSON_DONE, JSON_FLAG, fitting, looks
from mobilecnn.cli.terminal import VERBOSE, Lines, clean, joined, write

if TYPE_CHECKING:
    from mobilecnn.remarks import Remark

FOLDER = Path("mobilecnn-runs")
"""Folder of the records that the user gave no name, below the current one."""


def _remember_json(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    # A subcommand shares its group's context, and either may be given --json.
    ctx.meta[JSON_FLAG] = value or bool(ctx.meta.get(JSON_FLAG))
    return bool(ctx.meta[JSON_FLAG])


def _remember_verbose(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    ctx.meta[VERBOSE] = value or bool(ctx.meta.get(VERBOSE))


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options for the form of a result: ``--json``, which the command takes as ``as_json``, and ``-v``."""
    verbose = click.option(
        "-v",
        "--verbose",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember_verbose,
        help="Print whole tables, with all columns and full names, however narrow the terminal is.",
    )
    as_json = click.option(
        "--json",
        "as_json",
        is_flag=True,
        is_eager=True,
        callback=_remember_json,
        help="Print one JSON document on standard output and nothing else there.",
    )
    return verbose(as_json(command))


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
    write(text if isinstance(text, Lines) else looks.prose(text, err=True), err=True)


def prose(text: str) -> None:
    """Print a line of a result that is a sentence: on a terminal it breaks between words."""
    write(looks.prose(text))


def then(command: str, why: str) -> None:
    """Say as the last line, on standard error, what to type next, and what for."""
    talk(looks.following(command, why))


def hint(command: str, why: str) -> None:
    """:func:`then`, of a command that only shows something: said at a terminal alone."""
    if looks.terminal_columns() is not None:
        then(command, why)


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    left: int = 1,
    spare: Sequence[str | tuple[int, ...]] = (),
    keep: Sequence[str | int] = (),
) -> Lines:
    """A text table that fits the terminal, as :mod:`mobilecnn.cli.fitting` lays it out; whole in a file or a pipe.

    Args:
        header: titles of the columns.
        rows: cells of each row.
        left: number of the first columns, which are set to the left, and shown unless ``spare`` names them.
        spare: titles of the columns that say least, the least first, or numbers of columns that go together: they go where there
            is no room.
        keep: titles or numbers of other columns that are always shown.
    """
    cleaned = tuple(tuple(clean(cell) for cell in row) for row in rows)
    titles = tuple(clean(title) for title in header)
    made = fitting.Table(titles, cleaned, left, tuple(spare), tuple(keep))
    laid = fitting.lay(made, looks.width(), *([looks.cell] if looks.coloured() else []))
    lines = [Lines(line) for line in laid.lines]
    if laid.shortened:
        lines.append(looks.prose("Long names are shortened (-v shows them whole)"))
    if left_out := [title for title in dict.fromkeys(laid.left_out) if title]:
        lines.append(looks.prose(f"Not shown: {', '.join(left_out)} (-v shows all columns)"))
    if laid.marked:
        lines.append(looks.prose(f"{fitting.MARK}: {fitting.WORD}"))
    return joined(*lines)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Names of files as tables and remarks show them: on a terminal what tells them apart, elsewhere whole."""
    listed = list(names)
    return dict(zip(listed, listed, strict=True)) if looks.width() is None else fitting.apart(listed)


def say_short_names(names: Iterable[str]) -> None:
    """Say what the names that :func:`short_names` gives stand for, where that is one pattern."""
    listed = list(names)
    if looks.width() is not None and (pattern := fitting.pattern(listed)):
        prose(f"Files: {pattern}")


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


def within(factor: float | None) -> str:
    """What follows a figure that may be larger or smaller by a factor at 95 %; empty where none is known."""
    return "" if factor is None else f" +-{factor - 1:.1%}"


def kilobytes(count: int) -> str:
    """A size for people: ``1,234 kB``."""
    return f"{count / 1000:,.0f} kB"


def millions(count: int | None) -> str:
    """A count in millions for people: ``137.46``; a dash when unknown."""
    return "-" if count is None else f"{count / 1e6:,.2f}"
