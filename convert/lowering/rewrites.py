"""Rewrites: passes after which a graph computes the same in a form that the runtimes run faster, each with its proof.

What a rewrite claims is algebra, in its docstring. Whether it holds for the graph at hand is tried, on the golden pictures: an
exact one must leave the file's answers as they were, and any other one may move the values where it meets the rest of the graph
by one step. Parts that do not hold are taken back, and said; and the last file is held against the first.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mobilecnn.convert.checks import Gain
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import explanation, places
from mobilecnn.convert.lowering.costs import Costs
from mobilecnn.convert.lowering.explanation import Change, Snapshot
from mobilecnn.convert.lowering.moved_answers import FLOAT_TOLERANCE, Scores, difference, drift, step
from mobilecnn.convert.lowering.places import Place
from mobilecnn.errors import ModelFileError

Answers = Callable[[bytes], Scores]
"""Function from a ``.tflite`` file to its answers for the golden pictures, (images, outputs).

It raises ModelFileError where the runtime refuses the file."""

BEYOND_ONE_STEP = 0.01
"""Largest share of the values of an int8 tensor that a rewrite may move by more than one step: a tensor in another scale is cut
off elsewhere."""

MOST_TRIALS = 32
"""Largest number of times that a rewrite is tried to find the parts of it that do not hold."""

NAMED = 3
"""Largest number of layers that a message names."""


@dataclass(frozen=True)
class Yardstick:
    """What the answers of a quantized file should be.

    Attributes:
        answers: what runs the pictures, as many as make enough answers.
        scores: answers of the float32 file, (images, outputs).
    """

    answers: Answers
    scores: Scores


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


def rewrite(
    content: bytes,
    name: str,
    rows: Sequence[Rewrite],
    answers: Answers,
    yardstick: Callable[[], Yardstick] | None = None,
) -> Rewritten:
    """Run rewrites on a ``.tflite`` file, one after another, each judged, and the last file held against the first.

    An exact rewrite must leave the answers as they were. Another one is judged where it meets the rest of the graph
    (:mod:`~mobilecnn.convert.lowering.places`). Of a rewrite that does not hold the parts that move what they may not are left
    out. Parts each of which holds may still move the answers of the last file too far together: then parts of the last rewrite that is not
    exact are left out, from the end of the graph, how many of them is searched for by halves; all where none of these numbers holds, and
    the rewrite before it is next. A file of several graphs (control flow) is left as it is.

    Args:
        content: the file.
        name: what messages call it.
        rows: the rewrites, in order.
        answers: what runs the golden pictures.
        yardstick: what gives the answers that a quantized file should have, asked once it is needed; None of a float32 file, which
            is held against its own.

    Raises:
        ModelFileError: ``content`` is not a TFLite file, or the runtime refuses it as it is.
    """
    if len(flatbuffer.parse(content, name).subgraphs) != 1:
        return Rewritten(content)
    taken_back: dict[str, str] = {}
    spared: dict[str, frozenset[Place]] = {}

    before: Scores | None = None

    def judged() -> tuple[Rewritten, _Places, Rewrite | None, str | None]:
        """What comes of the rewrites, the last that is not exact, and what is wrong with the last file."""
        nonlocal before
        done, at = _run(content, name, rows, answers, spared)
        inexact = [row for row in rows if not row.exact and row.name in done.changes]
        if not inexact:
            return done, at, None, None
        aim = None if yardstick is None else yardstick()
        asked = answers if aim is None else aim.answers
        if before is None:  # All are held against it.
            before = asked(content)
        one = step(flatbuffer.graph(content, name))
        try:
            after = asked(done.content)
        except ModelFileError as error:
            return done, at, inexact[-1], str(error)
        return done, at, inexact[-1], drift(before, after, None if aim is None else aim.scores, one)

    while True:
        done, at, last, reason = judged()
        if last is None or reason is None:
            return replace(done, taken_back=done.taken_back | taken_back)
        parts, best = at[last.name], None
        hold, fail = 0, len(parts)
        while fail - hold > 1:
            middle = (hold + fail) // 2
            spared[last.name] = frozenset(parts[middle:])
            tried, _, _, wrong = judged()
            if wrong is None:
                best, hold = tried, middle
            else:
                fail = middle
        if best is not None:
            said = [best.taken_back.get(last.name), f"{_of_parts(parts[hold:], parts)}, with which {reason}"]
            taken_back[last.name] = "; ".join(filter(None, said))
            return replace(best, taken_back=best.taken_back | taken_back)
        taken_back[last.name] = f"{reason} ({'; '.join(done.changes[last.name])})"
        rows = [row for row in rows if row is not last]


_Places = dict[str, tuple[Place, ...]]
"""Rewrite -> where it meets the rest of the graph."""


def _of_parts(some: Sequence[Place], all_parts: Sequence[Place]) -> str:
    layers = [place.name.rpartition(";")[2] for place in some]
    named = ", ".join(layers[:NAMED]) + (", ..." if len(layers) > NAMED else "")
    return f"{len(layers)} of {len(all_parts)} parts, {named}"


def _run(
    content: bytes,
    name: str,
    rows: Sequence[Rewrite],
    answers: Answers,
    spared: Mapping[str, Collection[Place]],
) -> tuple[Rewritten, _Places]:
    changes: dict[str, tuple[str, ...]] = {}
    taken_back: dict[str, str] = {}
    parts: list[Change] = []
    at: _Places = {}
    model = _swept(content, name)
    held: Scores | None = None  # Answers before the exact rewrites since the last that is not.
    for row in rows:
        trials = _Trials(content, name, row, answers, held, spared.get(row.name, ()))
        best, reason = trials.best(model)
        held = trials.held
        if reason:
            taken_back[row.name] = reason
            model = _swept(content, name)
        if best is not None:
            content, model = best.content, best.model
            changes[row.name], at[row.name] = best.changed, best.at
            parts += explanation.changed(row.name, best.before, best.after, row.costs or row.target)
            held = held if row.exact else None
    return Rewritten(content, changes, taken_back, tuple(parts)), at


@dataclass(frozen=True)
class _Trial:
    """A rewrite that was run on a file.

    Attributes:
        content: the file afterwards.
        model: its ``ModelT``.
        changed: what was changed.
        before, after: the graph.
        at: where the rewrite meets the rest of the graph.
        reason: why it does not hold; empty where it does.
        wrong: the places that move what they may not, each with by how much; empty where that is not known.
    """

    content: bytes
    model: Any
    changed: tuple[str, ...]
    before: Snapshot
    after: Snapshot
    at: tuple[Place, ...]
    reason: str
    wrong: dict[Place, str]


class _Trials:
    """The trials of one rewrite on one file, ``held`` being answers that it is known to give, ``spared`` what stays as it is."""

    def __init__(
        self,
        content: bytes,
        name: str,
        row: Rewrite,
        answers: Answers,
        held: Scores | None,
        spared: Collection[Place],
    ) -> None:
        self.content, self.name, self.row, self.answers, self.held = content, name, row, answers, held
        self.spared = spared
        self.left = MOST_TRIALS

    def best(self, model: Any) -> tuple[_Trial | None, str]:
        """The trial that changes most and holds, None where there is none; and why that is not all; empty where it is.

        Args:
            model: ``ModelT`` of the file, which is changed.
        """
        whole = self._try(model)
        if whole is None or not whole.reason:
            return whole, ""
        wrong = set(whole.wrong) or self._search(whole.at)
        if wrong:
            reason = next(iter(whole.wrong.values()), whole.reason)
            part = self._try(_swept(self.content, self.name), wrong)
            if part is not None and not part.reason:
                left_out = [place for place in whole.at if place in wrong]
                return part, f"{_of_parts(left_out, whole.at)}: {reason}"
        return None, f"{whole.reason} ({'; '.join(whole.changed)})"

    def _search(self, at: Sequence[Place]) -> set[Place]:
        """Those of some places without which the rewrite holds, found by halves; all of them where that takes too long."""
        pending, wrong = [at] if len(at) > 1 else [], set[Place]()
        while pending:
            some = pending.pop()
            if self.left == 0:
                return set(at)
            trial = self._try(_swept(self.content, self.name), set(at) - set(some))
            if trial is None or not trial.reason:
                continue
            if len(some) == 1:
                wrong.update(some)
            else:
                pending += [some[: len(some) // 2], some[len(some) // 2 :]]
        return wrong

    def _try(self, model: Any, without: Iterable[Place] = ()) -> _Trial | None:
        """The rewrite but for some places; None where it changes nothing."""
        self.left -= 1
        leave = frozenset[str]().union(*(place.behind for place in (*without, *self.spared)))
        editor, before = Editor(model, leave), explanation.snapshot(model)
        changed = self.row(editor)
        if not changed:
            return None
        editor.sweep()
        content, after = flatbuffer.pack(model), explanation.snapshot(model)
        at, wrong, reason = places.places(before, after), dict[Place, str](), ""
        if self.row.exact and self.held is None:
            self.held = self.answers(self.content)
        try:
            if self.row.exact:
                assert self.held is not None
                reason = difference(self.held, self.answers(content), step(after.graph)) or ""
            elif at:
                figures = self.answers(places.twin(self.content, self.name, before, (after, model), at))
                wrong = places.moved(at, figures, FLOAT_TOLERANCE, BEYOND_ONE_STEP)
                reason = next(iter(wrong.values()), "")
        except ModelFileError as error:
            reason = str(error)
        return _Trial(content, model, changed, before, after, at, reason, wrong)


def _swept(content: bytes, name: str) -> Any:
    """The ``ModelT`` of a file, without what nothing reads, each tensor with a name of its own."""
    model = flatbuffer.parse(content, name)
    Editor(model).sweep()
    return model
