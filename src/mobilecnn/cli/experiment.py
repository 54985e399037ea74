"""``mobilecnn experiment``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections, suggestions
from mobilecnn.cli.output import (
    FOLDER,
    data,
    document,
    hint,
    json_option,
    note,
    progress,
    prose,
    table,
    talk,
    then,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobilecnn.experiments.running import Outcome, Request
    from mobilecnn.remarks import Remark


@sections.command()
@click.argument("recipe", required=False, type=suggestions.RECIPE)
@click.option(
    "--data",
    "source",
    metavar="DATA",
    type=options.SOURCE,
    help="Take these labelled images instead of those that the recipe names; best is a manifest of `mobilecnn "
    "data prepare`.",
)
@click.option("--row", "names", metavar="NAME", multiple=True, help="Run this row only. May be repeated.")
@click.option(
    "--stand-in",
    is_flag=True,
    help="Run the recipe's small stand-in, which takes minutes and shows that it runs.",
)
@click.option("--workers", default=1, show_default=True, help="Run this many trainings at a time.")
@click.option(
    "--scheduler",
    default="",
    metavar="ADDRESS",
    help="Let the workers of this Dask scheduler train, such as tcp://10.0.0.1:8786; they share the folder.  "
    "[default: this machine]",
)
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    help=f"Keep the models and results in this folder; what is complete there is not run again.  [default: {FOLDER}/RECIPE]",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    recipe: str | None,
    source: str | None,
    names: tuple[str, ...],
    stand_in: bool,
    workers: int,
    scheduler: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Train the networks of a recipe, and show the figures that were published beside ours.

    RECIPE is a name, or a TOML file of your own; without one the names are listed. What was
    interrupted continues when the same command is given again, and rows that are complete are shown only.

    \b
    Example:
      mobilecnn data prepare ISIC2018 -o isic.json --validation 0.3 --test 0
      mobilecnn experiment lesion-comparison --data isic.json
      mobilecnn experiment lesion-comparison --stand-in --row shuffle_unit
    """
    from mobilecnn.experiments import running
    from mobilecnn.remarks import Remarks
    from mobilecnn.train import experiments

    if recipe is None:
        _list(as_json)
        return
    if scheduler:
        options.refuse(
            ctx,
            {"workers"},
            "is for this machine, and --scheduler for the workers of a cluster; leave it out",
        )
    chosen = experiments.read(recipe)
    folder = output or FOLDER / f"{chosen.name}{'-stand-in' if stand_in else ''}"
    request = running.Request(chosen, chosen.chosen(names), folder, source, stand_in, workers, scheduler)
    remarks = Remarks()
    with progress("Training") as update:
        outcomes = running.run(request, update, remarks)
    if as_json:
        for remark in remarks.rows:
            note(remark)
        document(
            {
                "recipe": chosen.name,
                "stand_in": stand_in,
                "folder": str(folder),
                "rows": [
                    {
                        "name": outcome.row.name,
                        "published": asdict(outcome.row.published),
                        "measured": None if outcome.measured is None else asdict(outcome.measured),
                        "failure": outcome.failure,
                    }
                    for outcome in outcomes
                ],
                "remarks": [asdict(remark) for remark in remarks.rows],
            }
        )
    else:
        _show(request, outcomes, remarks.rows)
    running.refuse_failed(outcomes)


def _list(as_json: bool) -> None:
    from mobilecnn.train import experiments

    recipes = [experiments.read(name) for name in experiments.built_in()]
    if as_json:
        document([{**asdict(recipe), "rows": [row.name for row in recipe.rows]} for recipe in recipes])
        return
    data(
        table(
            ["recipe", "rows", "what"], [[row.name, str(len(row.rows)), row.title] for row in recipes], left=3
        )
    )
    hint(f"mobilecnn experiment {recipes[0].name} --stand-in", "this recipe on a small stand-in, in minutes")


def _show(request: "Request", outcomes: "Sequence[Outcome]", remarks: "Sequence[Remark]") -> None:
    from mobilecnn.experiments import table as made
    from mobilecnn.experiments.trainings import model_of

    header, rows = made.table(outcomes)
    data(request.recipe.title)
    data(table(header, rows))
    for line in made.remarks(request, outcomes):
        prose(line)
    for remark in remarks:
        note(remark)
    talk(f"Models, histories and results: {request.output}")
    done = [(outcome.row.name, outcome.measured) for outcome in outcomes if outcome.measured is not None]
    if done:
        name, measured = max(done, key=lambda pair: pair[1].evaluation.accuracy)
        then(*proposals.export_int8(model_of(request.output, name), str(measured.options["data"])))
