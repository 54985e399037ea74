"""Two timings side by side: what became faster or slower, and can it be told?"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mobilecnn.bench.judge import statistics
from mobilecnn.bench.judge.summary import Comparison, Result, comparison, summarize
from mobilecnn.bench.judge.summary import compare as ratio_of
from mobilecnn.bench.records.measurement import Measurement, Model
from mobilecnn.errors import CheckFailed, EnvironmentProblem, InputError, UsageError

Slowdown = Literal["within", "beyond", "undecided"]


@dataclass(frozen=True)
class ComparedModel:
    """One model, timed in A and in B.

    Attributes:
        name: name of its file, without folder and ``.tflite``; both names where they differ.
        a: what was measured in A.
        b: what was measured in B.
        time: B's time relative to A's.
        slowdown: whether B is slower than allowed; undecided also where a result is INVALID; None where no
            limit was given.
    """

    name: str
    a: Result
    b: Result
    time: Comparison
    slowdown: Slowdown | None

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        return {
            "model": self.name,
            "a": self.a.to_json(),
            "b": self.b.to_json(),
            "b_relative_to_a": self.time.to_json(),
            "slowdown": self.slowdown,
        }


@dataclass(frozen=True)
class Compared:
    """All that A and B have in common, and how far they may be compared.

    Attributes:
        rows: the models.
        interleaved: whether the two sides were timed in turn.
        unlike: what differs between the runs besides the models; empty unless that was allowed.
        only_a: names of models that only A has; empty where models were chosen.
        only_b: names that only B has.
        even_invalid: whether verdicts were asked for on INVALID results, too.
    """

    rows: tuple[ComparedModel, ...]
    interleaved: bool
    unlike: tuple[str, ...] = ()
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    even_invalid: bool = False

    def to_json(self) -> dict[str, Any]:
        """The comparison as a JSON object."""
        return {
            "interleaved": self.interleaved,
            "unlike": list(self.unlike),
            "even_invalid": self.even_invalid,
            "only_in_a": list(self.only_a),
            "only_in_b": list(self.only_b),
            "rows": [row.to_json() for row in self.rows],
        }


def percentage(text: str) -> float:
    """``5%`` as 0.05.

    Raises:
        UsageError: it is not a percentage from 0 to 1000.
    """
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?%", text) or float(text[:-1]) > 1000:
        raise UsageError(f"--max-slowdown must be a percentage from 0% to 1000%, such as 5%, and is {text!r}")
    return float(text[:-1]) / 100


def together(
    measured: Measurement, max_slowdown: float | None = None, *, even_invalid: bool = False
) -> Compared:
    """The two files of one measurement, timed in turn: the first is A, the second B."""
    a, b = results = summarize(measured)
    name = both(name_of(a.model), name_of(b.model))
    time = ratio_of(measured, 1, results=results, even_invalid=even_invalid)
    row = ComparedModel(name, a, b, time, _slowdown(time, max_slowdown, even_invalid))
    return Compared((row,), True, even_invalid=even_invalid)


def apart(
    a: Measurement,
    b: Measurement,
    names: Sequence[str] = (),
    *,
    across: bool = False,
    max_slowdown: float | None = None,
    even_invalid: bool = False,
) -> Compared:
    """The models of two measurements that go by the same name.

    Args:
        a: measurement to compare with.
        b: measurement that is compared.
        names: compare these only; ``NAME=OTHER`` pairs A's NAME with B's OTHER.
        across: compare runs that are unlike, too.
        max_slowdown: allowed slowdown as a share of A's time; None to allow any.
        even_invalid: give a verdict on INVALID results, too.

    Raises:
        InputError: nothing to compare, a name that one side has not or has twice, or unlike runs.
    """
    chosen = pairs(a.models, b.models, names)
    unlike = _unlike(a, b)
    results_a, results_b = summarize(a), summarize(b)
    rows = []
    for name, first, second in chosen:
        if name_of(a.models[first]) == name_of(b.models[second]):
            unlike += _other_model(name, a.models[first], b.models[second])
        unlike += _other_delegates(name, results_a[first], results_b[second])
        ratio = statistics.independent_ratio_interval(b.rounds_of(second), a.rounds_of(first))
        time = comparison(ratio, results_b[second], results_a[first], even_invalid=even_invalid)
        rows.append(
            ComparedModel(
                name=name,
                a=results_a[first],
                b=results_b[second],
                time=time,
                slowdown=_slowdown(time, max_slowdown, even_invalid),
            )
        )
    if unlike and not across:
        raise InputError(
            f"A and B were not timed alike: {'; '.join(unlike)}. Time them alike, or compare them nevertheless with "
            "--across"
        )
    only_a, only_b = alone(a.models, b.models, names)
    return Compared(tuple(rows), False, tuple(unlike), only_a, only_b, even_invalid)


def pairs(a: Sequence[Model], b: Sequence[Model], names: Sequence[str]) -> list[tuple[str, int, int]]:
    """The models of A and B that belong together: name of the two, index in A, index in B.

    Args:
        a: models of one side.
        b: models of the other.
        names: as in :func:`apart`; empty for all of the same name.

    Raises:
        InputError: there are none, or one side has not, or has twice, a name.
    """
    here, there = _by_name(a), _by_name(b)
    chosen = [_pair(text) for text in names] or [(name, name) for name in here if name in there]
    if not chosen:
        raise InputError(
            f"A and B have no model of the same name: A has {', '.join(here)}; B has {', '.join(there)}. "
            "Pair two with --model NAME_IN_A=NAME_IN_B"
        )
    return [(both(name, other), _only("A", here, name), _only("B", there, other)) for name, other in chosen]


def alone(
    a: Sequence[Model], b: Sequence[Model], names: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that only A has, and those that only B has; none where models were chosen."""
    if names:
        return (), ()
    here, there = _by_name(a), _by_name(b)
    return tuple(n for n in here if n not in there), tuple(n for n in there if n not in here)


def refuse_slowdown(compared: Compared, allowed: float) -> None:
    """Fail if a model of B is slower than A's by more than the share ``allowed``, or where that cannot be told.

    Raises:
        CheckFailed: for sure; naming each.
        EnvironmentProblem: the machine was too restless to tell, so that a result is INVALID; naming each.
    """
    beyond = [row for row in compared.rows if row.slowdown == "beyond"]
    if beyond:
        said = (f"{row.name} takes at least {row.time.ratio.low - 1:.1%} longer" for row in beyond)
        raise CheckFailed(f"B may take {100 * allowed:g}% longer than A, and {', '.join(said)}")
    restless = [row for row in compared.rows if not row.time.valid and not compared.even_invalid]
    if restless:
        said = (f"{row.name} ({', '.join(_invalid_codes(row))})" for row in restless)
        raise EnvironmentProblem(
            f"whether B takes more than {100 * allowed:g}% longer than A is undecided, because results are INVALID: "
            f"{', '.join(said)}. Mend what the reasons say and time again; --even-invalid decides by these figures"
        )


def _invalid_codes(row: ComparedModel) -> list[str]:
    """Codes of the reasons against the two results of a row, each once."""
    return list(dict.fromkeys(reason.code for reason in (*row.a.reasons, *row.b.reasons)))


def name_of(model: Model) -> str:
    """Name of a model in a comparison: its file's name without folder and ``.tflite``."""
    return Path(model.file).name.removesuffix(".tflite")


def _slowdown(time: Comparison, allowed: float | None, even_invalid: bool) -> Slowdown | None:
    if allowed is None:
        return None
    if not time.valid and not even_invalid:
        return "undecided"
    ratio = time.ratio
    if ratio.low > 1 + allowed:
        return "beyond"
    return "within" if ratio.high <= 1 + allowed else "undecided"


def both(name: str, other: str) -> str:
    """Name of two models together."""
    return name if name == other else f"{name} = {other}"


def _pair(text: str) -> tuple[str, str]:
    name, _, other = text.partition("=")
    return name.removesuffix(".tflite"), (other or name).removesuffix(".tflite")


def _by_name(models: Sequence[Model]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for index, model in enumerate(models):
        places.setdefault(name_of(model), []).append(index)
    return places


def _only(side: str, models: dict[str, list[int]], name: str) -> int:
    """The index of the one model of that name."""
    if name not in models:
        raise InputError(f"{side} has no model {name!r}; it has {', '.join(models)}")
    if len(models[name]) > 1:
        raise InputError(
            f"{side} has {len(models[name])} models that are called {name!r}, and which is meant cannot be told; "
            "choose others with --model, or time them apart"
        )
    return models[name][0]


def _unlike(a: Measurement, b: Measurement) -> list[str]:
    """Conditions that differ between two runs, and move every latency."""
    sides = zip(_conditions(a).items(), _conditions(b).values(), strict=True)
    return [f"{what}: {here} and {there}" for (what, here), there in sides if here != there]


def _conditions(measured: Measurement) -> dict[str, str]:
    facts, protocol = measured.device, measured.protocol
    versions = sorted({run.runtime_version for run in measured.runs})
    clocks = Counter(facts.max_frequencies_khz.values())
    return {
        "machine": facts.machine,
        "board": facts.board or "unknown",
        "CPU": facts.cpu or "unknown",
        "CPU features": " ".join(facts.cpu_features) or "unknown",
        "cores": str(facts.cores),
        "highest clocks": ", ".join(f"{n} x {khz / 1e6:g} GHz" for khz, n in sorted(clocks.items())) or "unknown",
        "governors": "/".join(facts.governors) or "unknown",
        "runtime": f"{protocol.runtime} {'/'.join(versions)}",
        "threads": str(protocol.threads),
        "system": (facts.android.fingerprint or "unknown") if facts.android else "not Android",
        "cores used": measured.cores_used or "any",
        "delegate": measured.protocol.delegate,
    }  # fmt: skip


def _other_delegates(name: str, a: Result, b: Result) -> list[str]:
    """That other delegates ran a model on the two sides, as far as both tell."""
    if a.delegates is None or b.delegates is None:
        return []
    here, there = (
        ", ".join(delegate.name for delegate in side.delegates or () if delegate.parts != 0) or "no delegate"
        for side in (a, b)
    )
    return [f"delegates of {name}: {here} and {there}"] if here != there else []


def _other_model(name: str, a: Model, b: Model) -> list[str]:
    """What the passports say against two files of one name being the same kind of model."""
    if a.passport is None or b.passport is None:
        return []
    sides = {
        "format": (a.passport.format, b.passport.format),
        "architecture": (a.passport.architecture, b.passport.architecture),
    }
    return [f"{what} of {name}: {here} and {there}" for what, (here, there) in sides.items() if here != there]
