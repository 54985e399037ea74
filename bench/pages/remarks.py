"""What is said below a table, each thing once: why figures are INVALID, warnings, answers not verified, and the
errors of modelled times."""

from collections.abc import Iterable, Sequence

from mobilecnn.bench.judge.findings import Finding, Severity, gathered
from mobilecnn.bench.judge.modelled import UNKNOWN
from mobilecnn.bench.judge.summary import Comparison, Result
from mobilecnn.bench.pages.numbers import below
from mobilecnn.bench.records.chips import (
    CHECKS,
    CHIPS,
    HALF_PRECISION,
    LLVM,
    SUMS_ERRORS,
    SUMS_ON,
    Chip,
    OtherRuntime,
)
from mobilecnn.bench.records.measurement import Model

VERDICTS = {"verified": "verified", "differs": "WRONG", "not checked": "not checked"}
"""Verdict on a file's answers -> how tables and remarks write it."""

BOUND = (
    "bound: the term of the model that most of the time is given to (pipeline, branches, or data, which is named for where "
    "most of it comes from: L2 or memory); a hint, not a finding: the three constants are fitted together and are no "
    "properties of the hardware"
)
"""What stands wherever a modelled time is said to be bound by something."""

ALONE = "operators are modelled alone, and no published time is of an operator: how far their times are off is not known"
"""What stands above every table of operators' modelled times."""

_LABELS: dict[Severity, str] = {"invalid": "INVALID", "warning": "Warning", "note": "Note"}


def results(
    named: Sequence[tuple[str, Result]], relative: Iterable[tuple[str, Comparison | None]] = ()
) -> list[str]:
    """All that must be said of results: why some are INVALID, warnings, answers.

    Args:
        named: the results, each with what its row is called.
        relative: what stands beside them of their times relative to another, if anything.
    """
    reasons = ((name, finding) for name, result in named for finding in result.reasons)
    warnings = ((name, finding) for name, result in named for finding in result.warnings)
    asked = ((name, result.model) for name, result in named)
    notes = ((name, note) for name, comparison in relative if comparison for note in comparison.notes)
    everyone = len(named)
    return [*lines(reasons, everyone), *lines(warnings, everyone), *lines(notes, everyone), *answers(asked)]


def lines(said: Iterable[tuple[str, Finding]], everyone: int = 0) -> list[str]:
    """A line for each finding, with the names of what it is said of.

    Args:
        said: what each finding is said of, and the finding.
        everyone: number of names in all; a warning that is said of so many stands without them, and another finding says
            that it is of all.
    """
    shown = []
    for finding, names in gathered(said):
        about = f"{', '.join(names)}: "
        if len(names) == everyone and (everyone > 1 or finding.severity == "warning"):
            about = "" if finding.severity == "warning" else f"all {everyone}: "
        shown.append(f"{_LABELS[finding.severity]}: {about}{finding}")
    return shown


def answers(named: Iterable[tuple[str, Model]]) -> list[str]:
    """Which answers were not checked, or are wrong; each reason once, with the names of its models."""
    names: dict[str, dict[str, None]] = {}
    for name, model in named:
        if model.answers.reason:
            said = f"answers {VERDICTS[model.answers.verdict]}: {model.answers.reason}"
            names.setdefault(said, {})[name] = None
    ranked = sorted(names.items(), key=lambda item: -len(item[1]))
    return [f"{said}: {', '.join(models)}" for said, models in ranked]


def elsewhere(what: str, file: str) -> str:
    """That some figures are INVALID, and where the reasons are.

    Args:
        what: number and kind of them: ``3 operators``.
        file: name of the file that holds the reasons.
    """
    return f"INVALID (!): {what}; the reasons are in {file}"


CONDITIONS = "the CPU alone, warm, unthrottled, with no other process"
"""Conditions of every modelled time, beside its one thread."""


def modelled_on(chip: Chip) -> str:
    """What a modelled time is a time of: the chip, and the conditions that the model knows."""
    return f"modelled, not measured: one thread of a {chip.title} at {chip.gigahertz:g} GHz, {CONDITIONS}"


def model_errors(chip: Chip) -> str:
    """How far published times were missed: those that the constants are fitted to, held out, and those of LiteRT.

    The ratios of two times were missed by more than the times: the errors of two networks do not cancel. Of a chip with other
    errors than today's it is not known how many of the times were within them.
    """
    lent = "" if chip.published == chip.title else f" ({chip.title}: none, but the same core)"
    checks, known = CHECKS.get(chip.name), CHIPS.get(chip.name)
    if checks is None or known is None or (chip.error, chip.ratio_error) != (known.error, known.ratio_error):
        return (
            f"of ncnn's published times of a {chip.published}{lent} half were missed by less than {below(chip.median_error)}, each "
            f"held out; the 90th percentile is {chip.error:.1%} (of the ratios of two, which are no surer: {chip.ratio_error:.1%})"
        )
    return (
        f"of ncnn's {checks.times} published times of a {chip.published}{lent} half were missed by less than "
        f"{below(chip.median_error)}, and {checks.within} by at most {chip.error:.1%} (of the ratios of two, which are no surer, "
        f"{checks.ratios_within:.0%} by at most {chip.ratio_error:.1%}), each held out; {_another_runtime(chip, checks.litert)}"
    )


def _another_runtime(chip: Chip, litert: OtherRuntime | None) -> str:
    """How LiteRT's published times of a chip were missed."""
    if litert is None:
        return "of LiteRT no time of one thread is known of this chip"
    within = litert.times - len(litert.missed)
    said = f"of LiteRT's {litert.times} of {litert.of}, {f'{within} by no more' if within else 'none by so little'}"
    if litert.own_kernels is not None:
        return (
            f"{said}, but with kernels that emulated-{chip.name} does not run: with its own, MobileNet V1 is modelled "
            f"{litert.own_kernels:.0%} too long"
        )
    if litert.chosen_by:
        return f"{said}, but turns are counted in the way that fits these best"
    if not litert.missed:
        return said
    return f"{said}: {'the other is' if within else 'they are'} modelled {_missed(litert.missed)}"


def _missed(errors: Sequence[float]) -> str:
    """Relative errors that round alike, as ``28% too short``."""
    (said,) = {f"{abs(error):.0%} too {'long' if error > 0 else 'short'}" for error in errors}
    return said


def untried(chip: Chip, dtype: str) -> str:
    """Why no published time of a chip speaks for files that compute in a type.

    Args:
        chip: modelled chip.
        dtype: what :func:`mobilecnn.bench.judge.modelled.untried` gave.
    """
    if chip.name in HALF_PRECISION and dtype in ("float32", UNKNOWN):
        which = "unless of int8" if dtype == UNKNOWN else "in float32"
        return f"{which}, as ncnn's times of a {chip.published} that are not of int8 are of half precision"
    return f"in {dtype}, of which ncnn published no time"


def sum_errors(chip: Chip, dtypes: Iterable[str]) -> str:
    """That sums of operators can be far off on a chip whose model has a term for branches, and how far they were too short; empty of others.

    Args:
        chip: modelled chip.
        dtypes: types of feature maps, keys of :data:`mobilecnn.bench.records.chips.SUMS_ERRORS`.
    """
    if not chip.constants.turn:
        return ""
    errors = "; ".join(
        f"in {dtype} of "
        + ", ".join(
            f"{number} networks of {family} {median:.1%} (at most {largest:.1%})"
            for family, (number, median, largest) in SUMS_ERRORS[dtype].items()
        )
        for dtype in dict.fromkeys(dtypes)
    )
    of = "" if chip.title == SUMS_ON else f"; of the {chip.title} there is no record"
    return (
        "sums of operators can be far off here: the model of the chip has a term for branches that were not foreseen, which the costs that are "
        f"fitted to operators have not. They were too short by a median, on the {SUMS_ON}, {errors}{of}"
    )


def other_llvm(release: str) -> list[str]:
    """That a release of LLVM is not the one that constants and errors are of; nothing of that one."""
    if release == LLVM:
        return []
    said = (
        f"LLVM {release} gave the cycles, and the constants and errors of the model are those of LLVM {LLVM}"
    )
    major = LLVM.split(".")[0]
    # Ubuntu's package of the same name is an older release of it.
    remedy = (
        f"use LLVM {LLVM}, as Debian 12 and 13 have it"
        if release.split(".")[0] == major
        else f"sudo apt-get install llvm-{major}"
    )
    return [
        f"{said}: how far another release moves a time is not known; for times with these errors: {remedy}"
    ]
