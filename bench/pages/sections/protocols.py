"""Section "How it was measured"."""

from collections.abc import Mapping

from mobilecnn.bench.judge.compare import name_of
from mobilecnn.bench.pages.page import Card, Cards, Cell, Content, Note, Table
from mobilecnn.bench.pages.result_files import Results, Timed
from mobilecnn.bench.pages.subjects import Place, identity, run_name, runtime, summarized
from mobilecnn.remarks import plural


def section(results: Results, places: Mapping[str, Place]) -> list[Content]:
    """What all measurements have in common, once; a table of what differs; and the files."""
    rows = [_row(index, timed, places) for index, timed in enumerate(results.timed)]
    common = [column for column in range(2, len(_HEADER)) if len({_text(row[column]) for row in rows}) == 1]
    own = [column for column in range(len(_HEADER)) if column not in common]
    card = Card(
        "All measurements" if len(rows) > 1 else f"{_text(rows[0][0])}: {results.timed[0].file}",
        [(_HEADER[column], _text(rows[0][column])) for column in common],
    )
    table = Table(
        [_HEADER[column] for column in own],
        [[row[column] for column in own] for row in rows],
        "What differs between the measurements.",
        left=[place for place, column in enumerate(own) if column in _LEFT],
        wrap=[place for place, column in enumerate(own) if column in _WRAPPED],
        sortable=True,
        heading=1,
    )
    models = {model.sha256: model for timed in results.timed for model in timed.measurement.models}
    return [
        *([Cards([card])] if common else []),
        *([table] if len(rows) > 1 else []),
        Table(
            ("model", "bytes", "SHA-256"),
            [
                [name_of(model), Cell(str(model.bytes), model.bytes), digest]
                for digest, model in sorted(models.items(), key=lambda pair: (name_of(pair[1]), pair[0]))
            ],
            "The files that were timed.",
            left=(0, 2),
            wrap=(2,),
        ),
        Note(
            "Every model was timed in fresh processes, the models in turn, in an order that the seed shuffles. All raw "
            + (
                "samples are in the measurement files; of benchmark_model, which keeps none, its summary of each process."
                if any(summarized(timed.measurement) for timed in results.timed)
                else "samples are in the measurement files."
            )
        ),
    ]  # fmt: skip


_HEADER = (
    "run", "file", "began", "device", "runtime", "threads", "delegate", "cores", "rounds", "warm-up", "timed, at least", "seed",
    "mobilecnn", "command",
)  # fmt: skip
_LEFT, _WRAPPED = (0, 1, 2, 3, 4, 6, 7, 13), (2, 3, 4, 13)


def _row(index: int, timed: Timed, places: Mapping[str, Place]) -> list[str | Cell]:
    made, how = timed.measurement, timed.measurement.protocol
    short = made.rounds < how.rounds
    return [
        run_name(index),
        timed.file,
        made.created,
        places[identity(made.device)].label,
        runtime(made),
        Cell(str(how.threads), how.threads),
        how.delegate,
        made.cores_used or "any",
        Cell(f"{made.rounds} of {how.rounds}, cut short" if short else str(made.rounds), made.rounds, short),
        f"{plural(how.warmup_runs, 'run')}, {how.warmup_seconds:g} s",
        f"{plural(how.runs, 'run')}, {how.seconds:g} s",
        Cell(str(how.seed), how.seed),
        made.tool,
        " ".join(("mobilecnn", *made.command)) if made.command else "-",
    ]


def _text(cell: str | Cell) -> str:
    return cell if isinstance(cell, str) else cell.text
