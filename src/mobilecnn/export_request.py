"""What is asked of an export, before anything is loaded: what cannot work is refused, and what would have no effect."""

from collections.abc import Sequence

from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.convert.lowering.rewrites import Rewrite
from mobilecnn.errors import UsageError
from mobilecnn.quantize import corrections, float_choice, recipes
from mobilecnn.quantize import formats as table
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.recipes import Recipe
from mobilecnn.remarks import listed


def check_request(
    formats: Sequence[str],
    calibration: Calibration | None,
    keep_float: Sequence[str] = (),
    recipe: Recipe | None = None,
) -> tuple[Format, ...]:
    """The formats of those names and of a recipe, in order; what cannot work is refused before anything is loaded.

    Raises:
        UsageError: no or unknown formats, or a format without the calibration data that it needs.
    """
    rows = recipes.rows(formats, keep_float, recipe)
    if not rows:
        raise UsageError(f"no format chosen; give one or several of --{', --'.join(table.names())}, or --all")
    if keep_float and recipe is None and set(formats) == {"float32"}:
        raise UsageError(
            "--keep-float has no effect on float32, all of which is; leave it out, or give a quantized format"
        )
    uncalibrated = [row.name for row in rows if row.needs_calibration and calibration is None]
    if uncalibrated:
        raise UsageError(
            f"{uncalibrated[0]} needs a representative dataset to measure the activations' ranges: give --calibration "
            "with a folder of training images, or 'digits'; '--calibration random' makes a file for latency only"
        )
    if calibration is not None:
        calibration.check()
    return rows


def chosen_corrections(
    correct: str | Sequence[str], rows: Sequence[Format], calibration: Calibration | None
) -> tuple[str, ...]:
    """The corrections that are asked for, as :func:`mobilecnn.quantize.corrections.chosen` gives them.

    Args:
        correct: what is asked for.
        rows: the formats.
        calibration: the images; None without any.

    Raises:
        UsageError: there is no correction of a name, or one is named and none of the files can have it.
    """
    wanted = corrections.chosen(correct)
    if not wanted or correct in (corrections.AUTO, [corrections.AUTO]):
        return wanted
    given = f"--correct {','.join(wanted)}"
    if not any(row.quantizes for row in rows):
        raise UsageError(
            f"{given} has no effect on {listed([row.name for row in rows])}, which has no weights in int8; leave it out"
        )
    if calibration is None or calibration.source == RANDOM:
        raise UsageError(
            f"{given} corrects by images, and {'random pictures say' if calibration else 'no image says'} nothing of what the model is for; "
            "give --calibration with a folder of training images, or leave it out"
        )
    return wanted


def refuse_idle_target(target: str, rewrites: Sequence[Rewrite], lowering: str | Sequence[str]) -> None:
    """Refuse a target by whose costs nothing is chosen.

    Args:
        target: where the files are to run.
        rewrites: the rewrites that are asked for.
        lowering: how they were asked for.

    Raises:
        UsageError: it is named, and none of the rewrites chooses by cost.
    """
    # Of tflite-runtime it is also told where float32 is faster there.
    if target in (ANY, float_choice.PACKAGE) or any(row.costs is not None for row in rewrites):
        return
    named = lowering if isinstance(lowering, str) else ",".join(lowering)
    raise UsageError(
        f"--target {target} has no effect with --lowering {named}, which has no rewrite that chooses by cost; leave one of them out"
    )
