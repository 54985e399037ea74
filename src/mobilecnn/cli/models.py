"""``mobilecnn models``."""

from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli.output import data, document, json_option, millions, table
from mobilecnn.errors import UsageError

if TYPE_CHECKING:
    from mobilecnn.train.zoo import StoredCounts

SORTS = ("name", "macs", "params", "top1")


@click.command()
@click.argument("name", required=False)
@click.option("--classes", type=int, help="Of NAME.  [default: 1000]")
@click.option("--size", type=int, help="Input side of NAME, in pixels.  [default: the network's]")
@click.option("--family", help="List only this family.")
@click.option(
    "--max-macs", type=float, metavar="M", help="List only networks of at most M million multiply-adds."
)
@click.option(
    "--max-params", type=float, metavar="M", help="List only networks of at most M million parameters."
)
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    help="Order of the list: by name, smallest first, or best first (top1).  [default: by family]",
)
@json_option
def command(
    name: str | None,
    classes: int | None,
    size: int | None,
    family: str | None,
    max_macs: float | None,
    max_params: float | None,
    sort: str | None,
    as_json: bool,
) -> None:
    """List the zoo, or show one network layer by layer.

    Multiply-adds and parameters are those of 1000 classes at the network's own size; top-1
    is the published accuracy on ImageNet. Names follow a grammar that knows more widths
    and sizes than are listed.

    \b
    Example:
      mobilecnn models --max-macs 150 --sort top1
      mobilecnn models shufflenet_v1_x0.5_g3 --classes 10 --size 96
    """
    if name is None:
        _refuse("is for one network; give its name: mobilecnn models NAME", classes=classes, size=size)
        _list(family, max_macs, max_params, sort, as_json)
    else:
        _refuse(
            f"is for the list; leave out either it or {name}",
            family=family,
            max_macs=max_macs,
            max_params=max_params,
            sort=sort,
        )
        _show(name, 1000 if classes is None else classes, size, as_json)


def _refuse(why: str, **given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"--{name.replace('_', '-')} {why}")


def _list(
    family: str | None, max_macs: float | None, max_params: float | None, sort: str | None, as_json: bool
) -> None:
    from mobilecnn.train import zoo

    rows = list(zoo.stored_counts().values())
    families = list(dict.fromkeys(row.family for row in rows))
    if family is not None and family not in families:
        raise UsageError(f"there is no family {family!r}; choose from {', '.join(families)}")
    rows = [
        row
        for row in rows
        if (family is None or row.family == family)
        and (max_macs is None or row.macs <= max_macs * 1e6)
        and (max_params is None or row.params_trainable <= max_params * 1e6)
    ]
    if sort == "name":
        rows.sort(key=lambda row: row.name)
    elif sort == "macs":
        rows.sort(key=lambda row: row.macs)
    elif sort == "params":
        rows.sort(key=lambda row: row.params_trainable)
    elif sort == "top1":
        # Networks without a published accuracy come last.
        rows.sort(key=lambda row: -1.0 if row.top1 is None else row.top1, reverse=True)
    if as_json:
        document([_as_json(row) for row in rows])
        return
    header = ["model", "input", "params M", "multiply-adds M", "top-1 %"]
    cells = [
        [
            row.name,
            f"{row.height}x{row.width}",
            millions(row.params_trainable),
            millions(row.macs),
            "-" if row.top1 is None else f"{row.top1:.1f}",
        ]
        for row in rows
    ]
    data(table(header, cells))


def _show(text: str, classes: int, size: int | None, as_json: bool) -> None:
    from mobilecnn.train import zoo
    from mobilecnn.train.complexity import layers, total

    name = zoo.parse(text, size=size)
    rows = layers(zoo.build(name, classes=classes))
    counts = total(rows)
    stored = zoo.stored_counts().get(str(name))
    # Published figures belong to the published size and classes.
    if stored is not None and (stored.height, stored.classes) != (name.size, classes):
        stored = None
    if as_json:
        document(
            {
                "model": str(name),
                "family": name.family.name,
                "input": [name.size, name.size, 3],
                "classes": classes,
                "params_trainable": counts.params_trainable,
                "params_total": counts.params_total,
                "macs": counts.macs,
                **_published(stored),
                "layers": [
                    {
                        "name": row.name,
                        "kind": row.kind,
                        "output": list(row.output_shape),
                        "params": row.params_total,
                        "macs": row.macs,
                    }
                    for row in rows
                ],
            }
        )
        return
    cells = [
        [
            row.name,
            row.kind,
            "x".join(str(side) for side in row.output_shape),
            f"{row.params_total:,}",
            "-" if row.macs is None else f"{row.macs:,}",
        ]
        for row in rows
    ]
    macs = "-" if counts.macs is None else f"{counts.macs:,}"
    cells.append(["total", "", "", f"{counts.params_total:,}", macs])
    data(f"{name}, {name.size}x{name.size}x3, {classes} classes")
    data(table(["layer", "kind", "output", "params", "multiply-adds"], cells, left=2))
    data(f"{counts.params_trainable:,} of the parameters are trainable.")
    if stored is not None and stored.source:
        accuracy = "" if stored.top1 is None else f"top-1 {stored.top1:.1f} %"
        published = (
            "" if stored.macs_published is None else f"{stored.macs_published:g} million multiply-adds"
        )
        data(f"Published: {', '.join(part for part in (accuracy, published) if part)}. {stored.source}.")


def _as_json(row: "StoredCounts") -> dict[str, Any]:
    return {
        "model": row.name,
        "family": row.family,
        "input": [row.height, row.width, row.channels],
        "classes": row.classes,
        "params_trainable": row.params_trainable,
        "params_total": row.params_total,
        "macs": row.macs,
        **_published(row),
    }


def _published(row: "StoredCounts | None") -> dict[str, Any]:
    return {
        "top1": None if row is None else row.top1,
        "macs_published": None if row is None else row.macs_published,
        "source": "" if row is None else row.source,
    }
