"""``mobilecnn report``."""

from pathlib import Path

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option
from mobilecnn.errors import UsageError


@click.command()
@click.argument("results", metavar="RUN...", nargs=-1, required=True, type=options.FILE)
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    default=Path("report.html"),
    show_default=True,
    help="The page; one that exists is replaced.",
)
@json_option
def command(results: tuple[Path, ...], output: Path, as_json: bool) -> None:
    """One HTML page from measurements and accuracies.

    RUN is a file of bench, compare or demo: times or emulated instructions (also one that was cut
    short, *.partial.json), a file of `mobilecnn evaluate -o`, a speedup.json, or a folder of these.
    The page holds tables that sort, and charts; it needs no network. The same files give the
    same page.

    \b
    Example:
      mobilecnn report mobilecnn-runs accuracy.json -o report.html
    """
    from mobilecnn.bench.pages.report import html
    from mobilecnn.bench.pages.result_files import read
    from mobilecnn.files import write_text

    # A measurement is never replaced, not even by a slip of -o.
    if output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the page's name must end in .html, and -o is {output}")
    given = read(results)
    write_text(output, html(given))
    if as_json:
        document(
            {
                "page": str(output),
                "measurements": [timed.file for timed in given.timed],
                "evaluations": [asked.file for asked in given.asked],
                "counts": [counted.file for counted in given.counted],
            }
        )
        return
    data(str(output))
