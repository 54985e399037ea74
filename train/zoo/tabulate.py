"""Write ``counts.csv``: ``python -m mobilecnn.train.zoo.tabulate``.

Every listed network is built at its own size with its own number of classes, and counted. The
published figures come from ``published.csv``, which is edited by hand: top-1 accuracy on ImageNet in
per cent and multiply-adds in millions, as printed in the source.
"""

import csv
import io
from dataclasses import asdict, fields
from pathlib import Path

from mobilecnn.files import write_text
from mobilecnn.train import zoo
from mobilecnn.train.backend import load_keras
from mobilecnn.train.complexity import count

FOLDER = Path(__file__).parent


def counts_of(name: str, published: dict[str, str]) -> zoo.StoredCounts:
    """Build a network and count it; ``published`` is its row of ``published.csv``, or empty."""
    model = zoo.graph(name)
    counts = count(model)
    assert counts.macs is not None, f"{name} has layers that cannot be counted: {counts.uncounted}"
    _, height, width, channels = model.input_shape
    family = zoo.parse(name).family
    # The graphs of a hundred networks would stay in memory.
    load_keras().backend.clear_session()
    return zoo.StoredCounts(
        name=name,
        family=family.name,
        height=height,
        width=width,
        channels=channels,
        classes=family.classes,
        params_trainable=counts.params_trainable,
        params_total=counts.params_total,
        macs=counts.macs,
        top1=float(published["top1"]) if published.get("top1") else None,
        macs_published=float(published["macs_published"]) if published.get("macs_published") else None,
        source=published.get("source", ""),
    )


def published_figures() -> dict[str, dict[str, str]]:
    """Name -> its row of ``published.csv``."""
    text = (FOLDER / "published.csv").read_text(encoding="utf-8")
    return {row["name"]: row for row in csv.DictReader(text.splitlines())}


def main() -> None:
    """Write the table in place."""
    published = published_figures()
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(zoo.StoredCounts)], lineterminator="\n")
    writer.writeheader()
    for name in zoo.listed():
        row = asdict(counts_of(name, published.get(name, {})))
        writer.writerow(
            {key: f"{value:g}" if isinstance(value, float) else value for key, value in row.items()}
        )
    write_text(FOLDER / "counts.csv", text.getvalue())


if __name__ == "__main__":
    main()
