"""``mobilecnn report``."""

from pathlib import Path

import click

from mobilecnn.cli import options, sections
from mobilecnn.cli.output import data, document, json_option


@sections.command()
@click.argument("results", metavar="RUN...", nargs=-1, required=True, type=options.FILE)
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    default=Path("report.html"),
    show_default=True,
    help="Write this page, which is replaced if it exists.",
)
@json_option
def command(results: tuple[Path, ...], output: Path, as_json: bool) -> None:
    """One HTML page from measurements and accuracies.

    RUN is a file of bench, compare or demo: times, a long run or emulated instructions (also one that
    was cut short, *.partial.json), a file of `mobilecnn evaluate -o`, a speedup.json, or a folder of
    these. The page begins with the file to ship on each device; it holds tables that sort and filter,
    and charts, and needs no network. The same files give the same page.

    \b
    Example:
      mobilecnn report mobilecnn-runs accuracy.json -o report.html
    """
    from mobilecnn.api.measuring import write_report
    from mobilecnn.bench.pages.modelled import not_validated

    shown = write_report(results, output)
    if as_json:
        document(
            {
                "page": str(output),
                "measurements": [timed.file for timed in shown.timed],
                "evaluations": [evaluated.file for evaluated in shown.evaluated],
                "counts": [counted.file for counted in shown.counted],
                "streams": [streamed.file for streamed in shown.streamed],
                "not_validated": {
                    counted.file: lines
                    for counted in shown.counted
                    if (lines := not_validated(counted.instructions))
                },
            }
        )
        return
    data(str(output))
