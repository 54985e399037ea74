"""Why figures are not to be relied on, as a page shows it: each rule once, the most frequent first."""

import itertools
import re
from collections.abc import Iterable, Sequence

from mobilecnn.bench.judge.findings import FIGURE, Finding, Severity, gathered
from mobilecnn.bench.judge.summary import Result
from mobilecnn.bench.pages.page import Reason
from mobilecnn.bench.pages.remarks import VERDICTS
from mobilecnn.bench.records.measurement import DIFFERS, Model

MOST_NAMES = 3
"""Largest number of rows that are named; of more, the numbers that their names begin with, or the first of them."""

MOST_ALIKE = 2
"""Largest number of texts that differ in their numbers alone and stand each for itself; of more, the numbers are ranges."""

_LABELS: dict[Severity, str] = {"invalid": "INVALID", "warning": "Warning", "note": "Note"}


def of_results(named: Sequence[tuple[str, Result]]) -> list[Reason]:
    """All that must be said of results: why some are INVALID, warnings, answers.

    Args:
        named: the results, each with what its row is called.
    """
    spoiled = ((name, finding) for name, result in named for finding in result.reasons)
    warned = ((name, finding) for name, result in named for finding in result.warnings)
    return [
        *of_findings(spoiled),
        *_answers((name, result.model) for name, result in named),
        *of_findings(warned, len(named)),
    ]


def of_findings(said: Iterable[tuple[str, Finding]], everyone: int = 0) -> list[Reason]:
    """A reason for each rule and remedy, the most frequent first.

    Args:
        said: what each finding is said of, and the finding.
        everyone: number of names in all; what is said of so many stands without them.
    """
    rules: dict[tuple[Severity, str, str], list[tuple[str, tuple[str, ...]]]] = {}
    for finding, names in gathered(said):
        rules.setdefault((finding.severity, finding.code, finding.fix), []).append((finding.text, names))
    rank = list(_LABELS)
    ordered = sorted(rules.items(), key=lambda rule: (rank.index(rule[0][0]), -len(_all(rule[1]))))
    return [
        Reason(
            _LABELS[severity],
            severity == "invalid",
            [(text, "" if len(names) == everyone else rows(names)) for text, names in _alike(texts)],
            fix,
        )
        for (severity, _, fix), texts in ordered
    ]


def rows(names: Sequence[str]) -> str:
    """The names of rows; of many, their numbers, or the first of them."""
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    numbers = [int(found[0]) for name in names if (found := re.match(r"\d+(?= )", name))]
    if len(numbers) < len(names):
        return f"{', '.join(names[: MOST_NAMES - 1])} and {len(names) - MOST_NAMES + 1} more"
    # Numbers that follow each other differ from their place by the same.
    runs = itertools.groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    ends = [[number for _, number in run] for _, run in runs]
    return "rows " + ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in ends)


def _alike(texts: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """Texts that differ in their numbers alone as one, with the range of each number."""
    kinds: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for text, names in texts:
        kinds.setdefault(FIGURE.sub("#", text), []).append((text, names))
    merged = []
    for same in kinds.values():
        if len(same) <= MOST_ALIKE:
            merged += same
            continue
        columns = zip(*(FIGURE.findall(text) for text, _ in same), strict=True)
        words = itertools.zip_longest(FIGURE.split(same[0][0]), map(_range, columns), fillvalue="")
        merged.append(("".join(itertools.chain(*words)), _all(same)))
    return merged


def _range(values: Sequence[str]) -> str:
    low, high = min(values, key=float), max(values, key=float)
    return low if low == high else f"{low} to {high}"


def _all(texts: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """The names of all texts, each once."""
    return tuple(dict.fromkeys(name for _, names in texts for name in names))


def _answers(named: Iterable[tuple[str, Model]]) -> list[Reason]:
    """Which answers were not checked, or are wrong: each reason once, the wrong ones first."""
    verdicts: dict[str, dict[str, dict[str, None]]] = {}
    for name, model in named:
        if model.answers.reason:
            texts = verdicts.setdefault(model.answers.verdict, {})
            texts.setdefault(model.answers.reason, {})[name] = None
    return [
        Reason(
            f"Answers {VERDICTS[verdict]}",
            verdict == DIFFERS,
            [(text, rows(tuple(names))) for text, names in texts.items()],
        )
        for verdict, texts in sorted(verdicts.items(), key=lambda pair: pair[0] != DIFFERS)
    ]
