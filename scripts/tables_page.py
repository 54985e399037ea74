"""Write ``docs/tables.md``: ``python scripts/tables_page.py``. A test compares the page with the tables."""

from pathlib import Path

from mobilecnn.bench.pages import published_tables

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"

HEAD = """\
# mobilecnn tables

The published tables of the papers, each figure beside that of the zoo's network. This page is generated from the code
(`python scripts/tables_page.py`) and checked by the tests; `mobilecnn tables` prints the same:

```sh
mobilecnn tables
mobilecnn tables shufflenet-5 mobilenet-2
mobilecnn tables --all --format html -o tables.html
```

A figure under "differs" is how far ours is from the published one. Where there is none, ours, rounded like the published
figure, is the same. Parameters are the trainable ones, multiply-adds one for each application of a weight. Accuracies are the
papers' own: the zoo's networks have no trained weights. `mobilecnn tables shufflenet-8 --times FILE` puts the times of a
record of [`mobilecnn speedup`](speedup.md), measured or modelled, in place of those modelled on the paper's chip.

"""


def page() -> str:
    """The whole page as Markdown."""
    return HEAD + published_tables.markdown(
        [published_tables.filled(name) for name in published_tables.names()]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
