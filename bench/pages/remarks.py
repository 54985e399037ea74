"""What is said below a table, each thing once: why figures are INVALID, warnings, answers not verified, and the
errors of modelled times."""

from collections.abc import Iterable, Sequence

from mobilecnn.bench.judge.findings import Finding, Severity, gathered
from mobilecnn.bench.judge.summary import Comparison, Result
from mobilecnn.bench.pages.numbers import below
from mobilecnn.bench.records.chips import (
    LITERT_ERROR,
    LITERT_OTHER_KERNELS,
    LITERT_OWN_KERNELS_ERROR,
    LITERT_TIMES,
    LITERT_WITHIN,
    LLVM,
    SUMS_ERRORS,
    SUMS_ON,
    Chip,
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

ALONE = (
    "operators are modelled alone, in which they have fewer turns than in the network (a loop that ends as it always does is no turn), "
    "and no published time is of an operator: how far these times and shares are off is not known"
)
"""What stands wherever an operator's time is modelled."""

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

    The ratios of two times were missed by more than the times: the errors of two networks do not cancel.
    """
    lent = "" if chip.published == chip.title else f" ({chip.title}: none, but the same core)"
    return (
        f"of ncnn's published times of a {chip.published}{lent} half were missed by less than "
        f"{below(chip.median_error)}, nine of ten by less than {below(chip.error)} (ratios of two, which are no surer: {below(chip.ratio_error)}), "
        f"each held out; of LiteRT's {LITERT_TIMES} published times, on all chips, {LITERT_WITHIN} lay within such an interval, "
        f"{LITERT_OTHER_KERNELS} of them with older kernels than emulated-sd820 runs (with its own MobileNet V1 is missed by "
        f"{below(LITERT_OWN_KERNELS_ERROR)}), and the worst was missed by less than {below(LITERT_ERROR)}"
    )


def sums_too_short(chip: Chip, dtypes: Iterable[str]) -> str:
    """That sums of operators are too short on a chip whose model has a term for branches, and by how much; empty of others.

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
        "sums of operators are too short here: the model of the chip has a term for mispredicted branches, and a network has more of them "
        f"than its operators alone. By a median, on the {SUMS_ON}, {errors}{of}"
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
