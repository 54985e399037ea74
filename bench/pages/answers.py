"""What a report says first: which file to ship on which device, and how sure that is.

On each device, with each runtime and number of threads, of each file the latest measurement counts. Left out are
files whose time is INVALID or whose answers are wrong there; then, where an evaluation is given, those that are less
right than the best for sure: their interval ends below its begins. Of the others the fastest is named. It is decided
where all others are slower for sure, and the answers were verified on the device.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mobilecnn.bench.judge.compare import name_of
from mobilecnn.bench.judge.instructions import CountSummary
from mobilecnn.bench.judge.modelled import Beyond
from mobilecnn.bench.judge.statistics import independent_ratio_interval
from mobilecnn.bench.judge.streams import StreamSummary
from mobilecnn.bench.judge.summary import Comparison, comparison
from mobilecnn.bench.pages.numbers import interval, ms, short, span
from mobilecnn.bench.pages.page import Answer
from mobilecnn.bench.pages.result_files import Counted, Evaluated, Streamed
from mobilecnn.bench.pages.subjects import REMARKS, TimedModel, identity, origin
from mobilecnn.bench.records.measurement import DIFFERS, VERIFIED
from mobilecnn.quantize.evaluation import Accuracy, Evaluation
from mobilecnn.remarks import plural

NO_DEVICE = {"not ARM", "emulated", "emulator or virtual machine"}
"""Words of :func:`mobilecnn.bench.pages.subjects.origin` that make an answer one about another machine than is meant."""

_MODELLED = "{} ms with the model's error of ncnn's published times, 90th percentile{}. Time it on the device before it is shipped."


def answers(
    models: Sequence[TimedModel], evaluated: Sequence[Evaluated], streamed: Sequence[Streamed] = ()
) -> list[Answer]:
    """An answer for each device, runtime and number of threads, in the order of the rows."""
    return [
        _answer(where, [model for model in models if model.where == where], evaluated, streamed)
        for where in dict.fromkeys(model.where for model in models)
    ]


def modelled(counted: Sequence[Counted]) -> list[Answer]:
    """An answer for each record with modelled times: the fastest, and that nothing was timed."""
    given = []
    for record in counted:
        model = record.instructions.model
        if model is None:
            continue
        results = [
            (result.modelled, result)
            for result in CountSummary.of(record.instructions).results
            if result.modelled is not None and result.model.answers.verdict != DIFFERS
        ]
        if not results:
            continue
        time, result = min(results, key=lambda pair: pair[0].value)
        given.append(
            Answer(
                f"{model.chip.title} at {model.chip.gigahertz:g} GHz, {record.file}",
                f"Fastest by the model: {short(name_of(result.model))}, {ms(time.value)} ms",
                "modelled, not measured",
                "open",
                [_MODELLED.format(span(time), _doubt(result.beyond))],
            )
        )
    return given


def _doubt(found: Beyond | None) -> str:
    """That no published time speaks for a modelled one, in words behind its interval; nothing where some do."""
    return (
        ""
        if found is not None and not found.terms and not found.type
        else ", which is not validated for this file"
    )


def _answer(
    where: str, mine: Sequence[TimedModel], evaluated: Sequence[Evaluated], streamed: Sequence[Streamed]
) -> Answer:
    latest = list({model.result.model.sha256: model for model in mine}.values())
    usable = [model for model in latest if model.result.valid and _right(model)]
    if not usable:
        return _nothing(where, latest)
    evaluation, known = _known(usable, evaluated)
    judged = [model for model in usable if model.result.model.sha256 in known] if known else usable
    best = max(known.values(), key=lambda top: top.accuracy) if known else None
    kept = [model for model in judged if best is None or _top(model, known).interval[1] >= best.interval[0]]
    first, *others = sorted(kept, key=lambda model: (model.result.median.value, model.number))
    against = [(other, _against(first, other)) for other in others]
    verified = first.result.model.answers.verdict == VERIFIED
    decided = all(time.verdict == "slower" for _, time in against)
    doubts = [
        "" if decided else "speed undecided",
        "" if best else "accuracy unknown",
        "" if verified else "answers not checked",
        "not the device it is meant for" if NO_DEVICE & set(origin(first.place.facts)) else "",
    ]
    doubt = ", ".join(filter(None, doubts))
    name = short(Path(first.result.model.file).name)
    text = f"Ship {name}" if best else f"The fastest is {name}" if others else f"Only {name} was timed"
    why = [
        *_speed(first, against),
        *_accuracy(first, judged, known, best, evaluation),
        *(
            []
            if verified
            else [f"Whether its answers are right there is not known: {first.result.model.answers.reason}."]
        ),
        *_left_out(latest, usable, judged),
        *_sustained(first, streamed),
        *(REMARKS[said] for said in origin(first.place.facts)),
    ]
    return Answer(where, text, doubt or "decided", "open" if doubt else "good", why)


def _right(model: TimedModel) -> bool:
    return model.result.model.answers.verdict != DIFFERS


def _nothing(where: str, latest: Sequence[TimedModel]) -> Answer:
    """That nothing can be said, and what helps most."""
    reasons = [reason for model in latest for reason in model.result.reasons]
    rules = [(reason.code, reason.fix) for reason in reasons]
    helps = max(reasons, key=lambda reason: rules.count((reason.code, reason.fix)), default=None)
    wrong = sum(not _right(model) for model in latest)
    invalid = sum(not model.result.valid for model in latest)
    said = [f"{invalid} INVALID" if invalid else "", f"{wrong} with wrong answers" if wrong else ""]
    why = [f"Of {plural(len(latest), 'file')}: {', '.join(filter(None, said))}."]
    if helps is not None:
        why.append(f"Most often: {helps}.")
    return Answer(where, "Nothing to ship yet", "not to be relied on", "bad", why)


def _known(
    usable: Sequence[TimedModel], evaluated: Sequence[Evaluated]
) -> tuple[Evaluation | None, dict[str, Accuracy]]:
    """The evaluation that knows most of the files, and what it says of them by SHA-256."""
    digests = {model.result.model.sha256 for model in usable}
    each = [
        (given.evaluation, {top.sha256: top for top in given.evaluation.results if top.sha256 in digests})
        for given in evaluated
    ]
    best = max(each, key=lambda pair: len(pair[1]), default=None)
    return best if best is not None and best[1] else (None, {})


def _top(model: TimedModel, known: dict[str, Accuracy]) -> Accuracy:
    return known[model.result.model.sha256]


def _against(first: TimedModel, other: TimedModel) -> Comparison:
    """The time of ``other`` relative to that of ``first``."""
    if first.run == other.run:
        return first.summary.compare(other.index, first.index)
    ratio = independent_ratio_interval(
        other.timed.measurement.rounds_of(other.index), first.timed.measurement.rounds_of(first.index)
    )
    return comparison(ratio, other.result, first.result)


def _speed(first: TimedModel, against: Sequence[tuple[TimedModel, Comparison]]) -> Iterator[str]:
    """How fast the fastest file is, beside the next one, and beside those that may be as fast."""
    median = f"{ms(first.result.median.value)} ms at the median (95 % interval {span(first.result.median)})"
    if not against:
        yield f"{median}; there is no other file to compare it with."
        return
    (after, time), *rest = against
    told = "" if time.verdict == "slower" else ", so that which is faster cannot be told"
    yield (
        f"{median}; the next, {short(after.name)}, takes {time.ratio.value:.2f} times as long "
        f"({interval(time.ratio, digits=2, to='to')}){told}."
    )
    if near := [short(other.name) for other, time in rest if time.verdict != "slower"]:
        yield (
            f"Nor can be told whether it is faster than {', '.join(near)}."
            if told
            else f"Whether it is faster than {', '.join(near)} cannot be told."
        )


def _accuracy(
    first: TimedModel,
    judged: Sequence[TimedModel],
    known: dict[str, Accuracy],
    best: Accuracy | None,
    evaluation: Evaluation | None,
) -> Iterator[str]:
    if best is None or evaluation is None:
        yield "How right the files are is not known: `mobilecnn evaluate MODEL... -o accuracy.json` makes a file for this page."
        return
    mine = _top(first, known)
    data = f"{evaluation.data}, {plural(evaluation.images, 'image')}"
    if mine.sha256 == best.sha256:
        yield f"{mine.accuracy:.1%} {evaluation.accuracy} on {data}: no other file has more."
    else:
        yield (
            f"{mine.accuracy:.1%} {evaluation.accuracy} on {data}, which these cannot tell from the best, "
            f"{short(Path(best.file).name)} with {best.accuracy:.1%}."
        )
    worse = [
        model
        for model in judged
        if model.result.median.value < first.result.median.value
        and _top(model, known).interval[1] < best.interval[0]
    ]
    if worse:
        named = ", ".join(f"{short(model.name)} ({_top(model, known).accuracy:.1%})" for model in worse)
        yield f"Faster, but less right for sure: {named}."


def _left_out(
    latest: Sequence[TimedModel], usable: Sequence[TimedModel], judged: Sequence[TimedModel]
) -> Iterator[str]:
    invalid = sum(not model.result.valid for model in latest)
    wrong = sum(model.result.valid and not _right(model) for model in latest)
    unasked = len(usable) - len(judged)
    said = [
        f"{invalid} INVALID" if invalid else "",
        f"{wrong} with wrong answers" if wrong else "",
        f"{unasked} without an accuracy" if unasked else "",
    ]
    if any(said):
        yield f"Left out of {plural(len(latest), 'file')}: {', '.join(filter(None, said))}."


def _sustained(first: TimedModel, streamed: Sequence[Streamed]) -> Iterator[str]:
    """What a sustained load of the same file on the same device showed."""
    for given in streamed:
        if identity(given.stream.device) != identity(first.place.facts):
            continue
        for result in StreamSummary.of(given.stream).sustained:
            if result.model.sha256 == first.result.model.sha256:
                yield f"Under sustained load ({given.file}): {result.outcome.finding.text}."
