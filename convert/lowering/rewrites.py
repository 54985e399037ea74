"""Rewrites: passes after which a graph computes the same in a form that the runtimes run faster, each with its proof.

What a rewrite claims is algebra, in its docstring. Whether it holds for the graph at hand is tried: the file's answers
for the golden pictures are computed before and after each rewrite, and one that moves them by more than it may is
taken back, and said.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.checks import Gain
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import explanation
from mobilecnn.convert.lowering.costs import Costs
from mobilecnn.convert.lowering.explanation import Change
from mobilecnn.errors import ModelFileError

Scores = npt.NDArray[np.float32]

Answers = Callable[[bytes], Scores]
"""Function from a ``.tflite`` file to its answers for the golden pictures, (images, outputs).

It raises ModelFileError where the runtime refuses the file."""

FLOAT_TOLERANCE = 1e-5
"""Largest difference of a float32 file's answers, relative to the largest of them."""

WITHIN_ONE_STEP = 0.99
"""Share of an int8 file's answers that may move by one step of the output's scale at most."""


@dataclass(frozen=True)
class Rewrite:
    """A row of the table of rewrites.

    Attributes:
        run: pass that changes the graph, and says what it changed, a phrase for each change.
        graph: which graph it works on: ``converted``, the converter's float32 one, of which all files are made;
            ``quantized``, what the quantizer made; or ``finished``, that of any file, where the quantizer should not see the change.
        exact: whether every value of the graph that it keeps is the same, bit for bit. Else an operator may round to the
            neighbouring value where it rounded to this one.
        costs: what operators cost on the target, for a pass that chooses by it, its second argument; else None.
        target: what they cost there, to tell what the changed parts take; None where no target is known.
    """

    run: Callable[..., Iterable[str]]
    graph: Literal["converted", "quantized", "finished"]
    exact: bool
    costs: Costs | None = None
    target: Costs | None = None

    @property
    def name(self) -> str:
        """Its name in options and passports."""
        return self.run.__name__

    def __call__(self, editor: Editor) -> tuple[str, ...]:
        """Change the graph, and say what was changed."""
        return tuple(self.run(editor) if self.costs is None else self.run(editor, self.costs))


@dataclass(frozen=True)
class Rewritten:
    """A file after the rewrites.

    Attributes:
        content: the ``.tflite`` file.
        changes: rewrite -> what it changed; those that changed nothing are left out.
        taken_back: rewrite -> why it was taken back.
        parts: what each rewrite made of which part of the graph.
        gains: what they brought, where that was counted.
    """

    content: bytes
    changes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    taken_back: dict[str, str] = field(default_factory=dict)
    parts: tuple[Change, ...] = ()
    gains: tuple[Gain, ...] = ()


def rewrite(content: bytes, name: str, rows: Sequence[Rewrite], answers: Answers) -> Rewritten:
    """Run rewrites on a ``.tflite`` file, one after another, each compared with the file before it.

    A file of several graphs (control flow) is left as it is.

    Args:
        content: the file.
        name: what messages call it.
        rows: the rewrites, in order.
        answers: what runs the golden pictures.

    Raises:
        ModelFileError: ``content`` is not a TFLite file, or the runtime refuses it as it is.
    """
    before: Scores | None = None
    changes: dict[str, tuple[str, ...]] = {}
    taken_back: dict[str, str] = {}
    parts: list[Change] = []
    model = flatbuffer.parse(content, name)
    if len(model.subgraphs) != 1:
        return Rewritten(content)
    for row in rows:
        editor, earlier = Editor(model), explanation.snapshot(model)
        changed = row(editor)
        if not changed:
            continue
        editor.sweep()
        candidate = flatbuffer.pack(model)
        if before is None:
            before = answers(content)
        try:
            after = answers(candidate)
            reason = difference(before, after, step(flatbuffer.graph_of(model)), row.exact)
        except ModelFileError as error:
            reason = str(error)
        if reason is None:
            content, before = candidate, after
            changes[row.name] = changed
            parts += explanation.changed(
                row.name, earlier, explanation.snapshot(model), row.costs or row.target
            )
        else:
            model = flatbuffer.parse(content, name)
            taken_back[row.name] = f"{reason} ({'; '.join(changed)})"
    return Rewritten(content, changes, taken_back, tuple(parts))


def step(graph: flatbuffer.Graph) -> float | None:
    """Distance of neighbouring answers of a quantized file, in their own unit; None for a file that answers in float."""
    output = graph.outputs[0]
    if output.scales:
        return output.scales[0]
    last = next((row for row in reversed(graph.operations) if output in row.outputs), None)
    if last is None or last.kind != "DEQUANTIZE" or last.inputs[0] is None or not last.inputs[0].scales:
        return None
    return last.inputs[0].scales[0]


def difference(before: Scores, after: Scores, one: float | None, exact: bool) -> str | None:
    """What is wrong with the answers after a rewrite; None where they hold.

    The answer of an image is the same where what was the largest score still is: int8 files give equal scores to
    several classes, so a score that is no more than one step behind the largest counts as the largest.

    Args:
        before, after: answers, (images, outputs).
        one: step of the answers of a quantized file; None for float answers.
        exact: whether quantized answers must be the same to the bit.
    """
    if not np.array_equal(np.isfinite(before), np.isfinite(after)):
        return "answers are finite no more"
    gaps = np.abs(after.astype(np.float64) - before)
    if one is None:
        largest = float(np.abs(before).max(initial=0))
        relative = float(gaps.max(initial=0)) / largest if largest else float(gaps.max(initial=0))
        return None if relative <= FLOAT_TOLERANCE else f"answers moved by {relative:.0e} of the largest"
    if exact:
        moved = int(np.count_nonzero(gaps))
        return None if moved == 0 else f"{moved} of {gaps.size} answers moved, and none may"
    near = float((gaps <= 1.001 * one).mean())
    if near < WITHIN_ONE_STEP:
        return f"{1 - near:.1%} of the answers moved by more than one step"
    first = before.argmax(axis=1)
    behind = after.max(axis=1) - after[np.arange(len(after)), first]
    others = int(np.count_nonzero(behind > 1.001 * one))
    return None if others == 0 else f"{others} of {len(after)} pictures have another best class"
