"""Section "How it was measured"."""

from collections.abc import Mapping

from mobilecnn.bench.judge.compare import name_of
from mobilecnn.bench.pages.page import Cell, Content, Note, Table
from mobilecnn.bench.pages.result_files import Results
from mobilecnn.bench.pages.subjects import Place, identity, run_name, runtime, summarized
from mobilecnn.remarks import plural


def section(results: Results, places: Mapping[str, Place]) -> list[Content]:
    """The measurements and the files, in a table each."""
    header = (
        "run", "file", "began", "device", "runtime", "threads", "delegate", "cores", "rounds", "warm-up", "timed, at least", "seed",
        "mobilecnn", "command",
    )  # fmt: skip
    rows: list[list[str | Cell]] = []
    for index, timed in enumerate(results.timed):
        made, how = timed.measurement, timed.measurement.protocol
        short = made.rounds < how.rounds
        rows.append(
            [
                run_name(index),
                timed.file,
                made.created,
                places[identity(made.device)].label,
                runtime(made),
                Cell(str(how.threads), how.threads),
                how.delegate,
                made.cores_used or "any",
                Cell(
                    f"{made.rounds} of {how.rounds}, cut short" if short else str(made.rounds),
                    made.rounds,
                    short,
                ),
                f"{plural(how.warmup_runs, 'run')}, {how.warmup_seconds:g} s",
                f"{plural(how.runs, 'run')}, {how.seconds:g} s",
                Cell(str(how.seed), how.seed),
                made.tool,
                " ".join(("mobilecnn", *made.command)) if made.command else "-",
            ]
        )
    models = {model.sha256: model for timed in results.timed for model in timed.measurement.models}
    return [
        Table(
            header, rows, "The measurements.", left=(0, 1, 2, 3, 4, 6, 7, 13), wrap=(3, 13), sortable=True
        ),
        Table(
            ("model", "bytes", "SHA-256"),
            [
                [name_of(model), Cell(str(model.bytes), model.bytes), digest]
                for digest, model in sorted(models.items(), key=lambda pair: (name_of(pair[1]), pair[0]))
            ],
            "The files that were timed.",
            left=(0, 2),
            wrap=(0,),
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
