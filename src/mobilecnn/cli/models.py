"""``mobilecnn models``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import options, proposals, sections, suggestions
from mobilecnn.cli.output import data, document, hint, json_option, millions, prose, table
from mobilecnn.errors import UsageError

if TYPE_CHECKING:
    from mobilecnn.train.complexity import LayerCount
    from mobilecnn.train.zoo import StoredCounts

SORTS = ("name", "macs", "params", "top1")


@sections.command()
@click.argument("model", required=False, type=suggestions.MODEL)
@click.option(
    "--classes",
    type=int,
    help="Build a zoo name with this many classes.  [default: the network's, most often 1000]",
)
@click.option(
    "--size",
    type=options.SIZE,
    metavar="SIDE|WIDTHxHEIGHT",
    help="Build MODEL for inputs of this size, in pixels.  [default: the network's]",
)
@options.allow_code
@options.custom_objects
@click.option("--family", type=suggestions.FAMILY, metavar="FAMILY", help="List only this family.")
@click.option(
    "--max-macs", type=float, metavar="M", help="List only networks of at most M million multiply-adds."
)
@click.option(
    "--max-params", type=float, metavar="M", help="List only networks of at most M million parameters."
)
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    help="Sort the list by name, with the smallest first (macs, params), or with the best first (top1).  "
    "[default: by family]",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str | None,
    classes: int | None,
    size: int | tuple[int, int] | None,
    allow_code: bool,
    custom_objects: Path | None,
    family: str | None,
    max_macs: float | None,
    max_params: float | None,
    sort: str | None,
    as_json: bool,
) -> None:
    """List the zoo, or show one network layer by layer.

    MODEL is a name of the zoo, or any .keras or .h5 file. The list's multiply-adds and
    parameters are those of the network's own size and classes; top-1 is the published
    accuracy on ImageNet, unless the list says CIFAR-10. Names follow a grammar that knows more widths and sizes than are
    listed.

    \b
    Example:
      mobilecnn models --max-macs 150 --sort top1
      mobilecnn models shufflenet_v1_x0.5_g3 --classes 10 --size 96
    """
    if model is None:
        options.refuse(
            ctx,
            ("classes", "size", "allow_code", "custom_objects"),
            "is for one network; give its name: mobilecnn models NAME",
        )
        _list(family, max_macs, max_params, sort, as_json)
        return
    options.refuse(
        ctx,
        ("family", "max_macs", "max_params", "sort"),
        f"is for the list; leave out either it or {model}",
    )
    from mobilecnn.convert.conversion import Source

    if Source(model).is_file:
        options.refuse(ctx, ["classes"], "is for zoo names; a model file has the classes it was trained with")
        _show_file(Path(model), size, allow_code, custom_objects, as_json)
    else:
        options.refuse(
            ctx,
            ["allow_code", "custom_objects"],
            f"is for model files, and {model} is a zoo name; leave it out",
        )
        _show(model, classes, size, as_json)


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
        # Networks for CIFAR-10 come after those for ImageNet, those without a published accuracy last.
        rows.sort(key=lambda row: (row.top1 is not None, row.classes == 1000, row.top1 or 0.0), reverse=True)
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
            "-" if row.top1 is None else f"{row.top1:.1f}{'' if row.classes == 1000 else ' (CIFAR-10)'}",
        ]
        for row in rows
    ]
    data(table(header, cells, spare=("input", "params M")))
    if rows:
        hint(f"mobilecnn models {rows[0].name}", "one network, layer by layer; export takes the same names")


def _show(text: str, classes: int | None, size: int | tuple[int, int] | None, as_json: bool) -> None:
    from mobilecnn.remarks import plural
    from mobilecnn.train import zoo
    from mobilecnn.train.complexity import layers

    sides = size if isinstance(size, tuple) else None
    name = zoo.parse(text, size=size if isinstance(size, int) else None)
    shape = zoo.contract(name, sides).shape
    classes = name.family.classes if classes is None else classes
    rows = layers(zoo.graph(name, classes, sides))
    stored = zoo.stored_counts().get(str(name))
    # Published figures belong to the published size and classes.
    if stored is not None and (stored.height, stored.width, stored.classes) != (*shape[:2], classes):
        stored = None
    if as_json:
        facts = {
            "model": str(name), "family": name.family.name, "input": list(shape), "classes": classes,
            **_published(stored),
        }  # fmt: skip
        document({**facts, **_layers_as_json(rows)})
        return
    data(f"{name}, {_by(shape)}, {plural(classes, 'class', 'classes')}")
    _print_layers(rows)
    if stored is not None and stored.source:
        accuracy = "" if stored.top1 is None else f"top-1 {stored.top1:.1f} %"
        published = (
            "" if stored.macs_published is None else f"{stored.macs_published:g} million multiply-adds"
        )
        figures = ", ".join(part for part in (accuracy, published) if part)
        prose(f"Published: {figures}{'. ' if figures else ''}{stored.source}.")
    hint(f"mobilecnn export {name} --int8 --calibration random -o out", "a file to time, before any training")


def _show_file(
    path: Path,
    size: int | tuple[int, int] | None,
    allow_code: bool,
    custom_objects: Path | None,
    as_json: bool,
) -> None:
    from mobilecnn.convert.conversion import layer_table

    rows = layer_table(path, size, allow_code, custom_objects)
    if as_json:
        document({"model": str(path), **_layers_as_json(rows)})
        return
    data(str(path))
    _print_layers(rows)
    said = options.again(click.get_current_context(), only=options.MODEL)
    hint(*proposals.export_dynamic(path, said))


def _layers_as_json(rows: "tuple[LayerCount, ...]") -> dict[str, Any]:
    from mobilecnn.train.complexity import total

    counts = total(rows)
    return {
        "params_trainable": counts.params_trainable,
        "params_total": counts.params_total,
        "macs": counts.macs,
        "uncounted": list(counts.uncounted),
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


def _print_layers(rows: "tuple[LayerCount, ...]") -> None:
    from mobilecnn.train.complexity import total

    counts = total(rows)
    cells = [
        [row.name, row.kind, _by(row.output_shape), f"{row.params_total:,}", _count(row.macs)] for row in rows
    ]
    cells.append(["total", "", "", f"{counts.params_total:,}", _count(counts.macs)])
    data(
        table(["layer", "kind", "output", "params", "multiply-adds"], cells, left=2, spare=("output", "kind"))
    )
    prose(f"{counts.params_trainable:,} of the parameters are trainable.")
    if counts.uncounted:
        prose(
            f"The multiply-adds of {', '.join(counts.uncounted[:5])} are unknown: an unusual kind of layer, or a side "
            "that the model leaves free (give --size)."
        )


def _by(shape: "tuple[int | None, ...]") -> str:
    return "x".join("?" if side is None else str(side) for side in shape)


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


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
