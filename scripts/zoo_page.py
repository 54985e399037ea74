"""Write ``docs/zoo.md``: ``python scripts/zoo_page.py``.

The figures come from the stored counts, and the text from the docstring of each family's module:
its publication, and which reading of it is followed. A test compares the page with both.
"""

import ast
from pathlib import Path

from mobilecnn.train import zoo
from mobilecnn.train.zoo.families import FAMILIES, Family

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "zoo.md"

HEAD = """\
# The zoo

{count} networks of {families} families, each with its published counts. This page is generated from the code
(`python scripts/zoo_page.py`) and checked by the tests; [names](zoo_names.md) explains the names.

Parameters are the trainable ones. Multiply-adds are in millions, one for each application of a weight, for an image of
the input size; published figures are in brackets. Top-1 is the published accuracy on ImageNet (for networks for
CIFAR-10: on CIFAR-10), in per cent. The smallest input is the smallest side, in pixels, that a network takes: below it
the last feature map has no pixel, or only one that consists of padding. LeNet and the networks for CIFAR-10 have 10
classes, those with `separable` in their names 7, all others 1000.

{index}
"""


def page() -> str:
    """The whole page as Markdown."""
    names = zoo.listed()
    by_module: dict[str, list[Family]] = {}
    for family in FAMILIES:
        by_module.setdefault(family.module, []).append(family)
    index = " · ".join(f"[{module}](#{module})" for module in by_module)
    parts = [HEAD.format(count=len(names), families=len(FAMILIES), index=index)]
    for module, families in by_module.items():
        parts.append(_section(module, families))
    return "\n".join(parts)


def _section(module: str, families: list[Family]) -> str:
    source = (ROOT / "train" / "zoo" / f"{module}.py").read_text(encoding="utf-8")
    text = ast.get_docstring(ast.parse(source))
    assert text is not None
    title, _, rest = text.partition("\n\n")
    rows = [
        "| name | input | parameters | multiply-adds (M) | top-1 % | smallest input | figures from |",
        "|---|--:|--:|--:|--:|--:|---|",
        *(_row(name, family) for family in families for name in family.listed),
    ]
    return "\n".join([f"## {module}\n", title.replace("``", "`"), "", rest.replace("``", "`"), "", *rows, ""])


def _row(name: str, family: Family) -> str:
    row = zoo.stored_counts()[name]
    macs = f"{row.macs / 1e6:,.2f}"
    if row.macs_published is not None:
        macs += f" ({row.macs_published:,g})"
    top1 = "" if row.top1 is None else f"{row.top1:.1f}"
    size = f"{row.height}x{row.width}x{row.channels}"
    return f"| `{name}` | {size} | {row.params_trainable:,} | {macs} | {top1} | {family.smallest} | {row.source} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
