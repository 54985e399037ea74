"""How far rewrites may move the answers of a file."""

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.remarks import plural

Scores = npt.NDArray[np.float32]

FLOAT_TOLERANCE = 1e-5
"""Largest difference of float32 values, relative to the largest of them."""

FARTHER = 1.1
"""Largest ratio of the distances from the float32 file's answers of an int8 file after the rewrites and before them."""

LEAD = 2
"""Number of steps by which the first answer leads where no two answers that move by one step each change places."""


def drift(before: Scores, after: Scores, wanted: Scores | None, one: float | None) -> str | None:
    """What is wrong with the answers after all rewrites; None where they hold.

    A rounding that falls the other way early in a network moves its answers as the quantization itself does, and how far depends
    on the network. So they may move, but not farther from those that are wanted: to :data:`FARTHER` times the distance that they
    had, the root of the sum of squares, and by one step of one answer for each picture. And an answer of a quantized file that leads by more
    than :data:`LEAD` steps, of the class that is wanted, has to stay the first.

    Args:
        before, after: answers, (images, outputs).
        wanted: what they should be, of the same shape; None where that is not known: then ``after`` may be one step from
            ``before``, on the average of the squares, or by :data:`FLOAT_TOLERANCE` where the answers are float32.
        one: step of the answers of a quantized file; None for float answers.
    """
    if not np.array_equal(np.isfinite(before), np.isfinite(after)):
        return NOT_FINITE
    if wanted is None:
        if one is None:
            return difference(before, after, None)
        mean = float(np.sqrt(_squares(before, after) / before.size))
        if mean > one:
            return f"the answers moved by {mean / one:.1f} steps (root of mean square)"
        return _overtaken(before, after, before, one)
    was, now = _squares(before, wanted), _squares(after, wanted)
    if now <= FARTHER**2 * was + len(before) * (one or 0.0) ** 2:
        return None if one is None else _overtaken(before, after, wanted, one)
    distances = [float(np.sqrt(total / before.size)) for total in (was, now)]
    return (
        f"the answers to {len(before)} pictures would be {distances[1]:.2g} from the float32 file's, and are {distances[0]:.2g} "
        "from them (roots of mean squares)"
    )


def _overtaken(before: Scores, after: Scores, wanted: Scores, one: float) -> str | None:
    """Says of how many pictures another class would be first; None where of none that counts."""
    if before.shape[1] < 2:
        return None
    first, ordered = before.argmax(axis=1), np.sort(before, axis=1)
    # Leads are whole numbers of steps, but for how floats are rounded.
    clear = (ordered[:, -1] - ordered[:, -2] > (LEAD + 0.5) * one) & (first == wanted.argmax(axis=1))
    others = int(np.count_nonzero(clear & (first != after.argmax(axis=1))))
    return (
        f"another class would be first for {plural(others, 'picture')} of {len(before)}" if others else None
    )


def _squares(first: Scores, second: Scores) -> float:
    return float(np.square(first.astype(np.float64) - second).sum())


def step(graph: flatbuffer.Graph) -> float | None:
    """Distance of neighbouring answers of a quantized file, in their own unit; None for a file that answers in float."""
    output = graph.outputs[0]
    if output.scales:
        return output.scales[0]
    last = next((row for row in reversed(graph.operations) if output in row.outputs), None)
    if last is None or last.kind != "DEQUANTIZE" or last.inputs[0] is None or not last.inputs[0].scales:
        return None
    return last.inputs[0].scales[0]


NOT_FINITE = "answers are finite no more"
"""What is said where NaN or infinity comes up."""


def difference(before: Scores, after: Scores, one: float | None) -> str | None:
    """What is wrong with the answers after an exact rewrite; None where they hold.

    Args:
        before, after: answers, (images, outputs).
        one: step of the answers of a quantized file; None for float answers, which may move by :data:`FLOAT_TOLERANCE`.
    """
    if not np.array_equal(np.isfinite(before), np.isfinite(after)):
        return NOT_FINITE
    gaps = np.abs(after.astype(np.float64) - before)
    if one is None:
        largest = float(np.abs(before).max(initial=0))
        relative = float(gaps.max(initial=0)) / largest if largest else float(gaps.max(initial=0))
        return None if relative <= FLOAT_TOLERANCE else f"answers moved by {relative:.0e} of the largest"
    moved = int(np.count_nonzero(gaps))
    return None if moved == 0 else f"{moved} of {gaps.size} answers moved, and none may"
