"""``mobilecnn tables``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import looks, options, sections, suggestions
from mobilecnn.cli.output import data, document, hint, json_option, lock, table
from mobilecnn.cli.terminal import Lines, joined
from mobilecnn.errors import UsageError

if TYPE_CHECKING:
    from mobilecnn.train.tables import PaperTable

FORMS = {"text": ".txt", "markdown": ".md", "html": ".html"}
"""Form -> ending of its files."""

JSON = "json"
"""Form of the files whose names end in ``.json``; --json prints it."""

ENDINGS = {
    **{ending: form for form, ending in FORMS.items()},
    ".markdown": "markdown",
    ".htm": "html",
    ".json": JSON,
}
"""Ending of a file -> its form."""


@sections.command()
@click.argument("names", metavar="[TABLE]...", nargs=-1, type=suggestions.TABLE)
@click.option("--all", "everything", is_flag=True, help="Show all tables.")
@click.option(
    "--times",
    type=options.FILE,
    metavar="FILE",
    help="Take the times of shufflenet-8 from this record of `mobilecnn speedup`.  [default: those modelled "
    "on the paper's chip]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMS)),
    help="Write the tables in this form.  [default: that of the ending of -o: .txt, .md, .html, .json; else text]",
)
@click.option(
    "-o", "--output", type=options.FILE, help="Write the tables to this file, which is replaced if it exists."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    everything: bool,
    times: Path | None,
    form: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """The papers' published tables, each figure beside that of the zoo's network.

    TABLE is a name such as shufflenet-5 or mobilenet-2 (or mobilenet_v1-2), or a paper's, such as inception-v2, for all its tables; without one, the
    names are listed. A figure of ours that, rounded
    like the published one, is not the same has its difference beside it. What other sources print of a network stands with their
    names.

    \b
    Example:
      mobilecnn tables
      mobilecnn tables shufflenet-5 mobilenet-2
      mobilecnn tables --all -o tables.html
    """
    from mobilecnn.bench.pages import published_tables as papers
    from mobilecnn.bench.pages import table_names

    if everything and names:
        raise UsageError(f"--all shows all tables; leave out either it or {names[0]}")
    chosen = (
        table_names.names() if everything else tuple(each for name in names for each in table_names.of(name))
    )
    if times is not None and table_names.TIMED not in chosen:
        raise UsageError(f"--times is for {table_names.TIMED}; name that table, or leave it out")
    if not chosen:
        if output is not None or form not in (None, "text"):
            raise UsageError("name the tables to write, or give --all")
        _list(as_json)
        return
    if as_json and (output is not None or form is not None):
        raise UsageError("--json prints the tables; leave out --format and -o")
    form = JSON if as_json else _form(form, output)
    if output is not None:
        _check_output(output, form)
    filled = [papers.filled(name, times) for name in dict.fromkeys(chosen)]
    if output is None:
        if form == JSON:
            document(papers.document(filled))
            return
        text = _text(filled) if form == "text" else Lines(_written(filled, form).rstrip("\n"))
        data(text)
        network = next((row.network for each in filled for row in each.rows if row.network), None)
        if network is not None and form == "text":
            hint(f"mobilecnn models {network}", "one of these networks, layer by layer")
        return
    from mobilecnn.files import write_text

    lock(output)
    write_text(output, _written(filled, form).rstrip("\n") + "\n")
    data(str(output))


def _form(form: str | None, output: Path | None) -> str:
    """The form that is asked for, by name or by the ending of the file.

    Raises:
        UsageError: the two are different, or the ending is that of something else.
    """
    of_ending = None if output is None else ENDINGS.get(output.suffix.lower())
    if output is not None and output.suffix and form is None and of_ending is None:
        raise UsageError(
            f"no form is written to {output.suffix} files; end -o in {', '.join(FORMS.values())} or .json, or give --format"
        )
    if output is not None and form is not None and of_ending not in (None, form):
        raise UsageError(
            f"--format {form} contradicts the ending of {output}, {output.suffix}; leave out --format, or write -o "
            f"{output.with_suffix(FORMS[form])}"
        )
    return form or of_ending or "text"


def _written(filled: Sequence["PaperTable"], form: str) -> str:
    """The tables as a file has them."""
    import json

    from mobilecnn.bench.pages import published_tables as papers

    if form == JSON:
        return json.dumps(papers.document(filled), indent=2, allow_nan=False)
    if form == "text":
        with looks.for_file():
            return str(_text(filled))
    return {"markdown": papers.markdown, "html": papers.html}[form](filled)


def _check_output(output: Path, form: str) -> None:
    from mobilecnn import replacing
    from mobilecnn.bench.pages import table_names

    if form == "html":
        replacing.check_page(output)
    elif form == JSON:
        replacing.check_result(output, ("tables",))
    else:
        known = table_names.names()
        replacing.check_text(
            output, "tables", lambda line: line.removeprefix("## ").partition(":")[0] in known
        )


def _list(as_json: bool) -> None:
    from mobilecnn.bench.pages import published_tables as papers
    from mobilecnn.bench.pages import table_names

    filled = [papers.filled(name) for name in table_names.names()]
    if as_json:
        rows: list[dict[str, Any]] = [
            {"name": each.name, "title": each.title, "source": each.source} for each in filled
        ]
        document({"tables": rows})
        return
    cells = [(each.name, each.title, each.source) for each in filled]
    data(table(("table", "what", "source"), cells, left=3, spare=("source",)))
    hint(f"mobilecnn tables {filled[0].name}", "one table, its figures beside ours; --all shows every one")


def _text(filled: Sequence["PaperTable"]) -> Lines:
    from mobilecnn.bench.pages import published_tables as papers

    parts: list[str | Lines] = []
    for each in filled:
        header, rows = papers.cells(each)
        shown = table(header, rows, left=2, spare=papers.spare(each), keep=papers.kept(each))
        parts += [looks.prose(f"{each.name}: {each.title} ({each.source})"), "", shown, ""]
        others = papers.others(each)
        if others:
            parts += ["Other sources print:", *(looks.prose(f"  {said}") for said in others), ""]
        parts += [line for note in papers.remarks(each) for line in (looks.prose(note), "")]
    return joined(*parts[:-1])
