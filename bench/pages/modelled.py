"""What is said of counts and modelled times: where they come from, and how far a time may be from a real one."""

from collections.abc import Collection

from mobilecnn.bench.judge.compare import name_of
from mobilecnn.bench.judge.modelled import PART_OF, beyond
from mobilecnn.bench.pages import remarks, terminal
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement, Model
from mobilecnn.bench.records.published import by_ncnn

COUNTED = "emulated, instructions: millions of an inference, counted and exact; they are not times"


def device(counted: Instructions) -> str:
    """The processor, the emulator and the runtime, in one line; of a modelled time also the chip."""
    facts, versions = counted.device, "/".join(sorted({series.runtime_version for series in counted.series}))
    model = counted.model
    modelled = (
        "" if model is None else f" as in a {model.chip.title}, {model.chip.model} of LLVM {model.llvm}"
    )
    return f"{facts.kind}: {facts.cpu}{modelled}, {facts.kernel}; {counted.plan.runtime} {versions}, 1 thread"


def notes(counted: Instructions, of: Collection[Model] | None = None) -> list[str]:
    """What the figures are, and how far a modelled time may be from a real one.

    Args:
        counted: the record.
        of: those of its models whose times are shown as a network's; all without it.
    """
    if counted.model is None:
        return [COUNTED]
    chip = counted.model.chip
    return [
        remarks.modelled_on(chip),
        f"error of the model: {remarks.model_errors(chip)}",
        *not_validated(counted, of),
        *remarks.other_llvm(counted.model.llvm),
        "instructions: millions of an inference, counted and exact",
    ]


def not_validated(counted: Instructions, of: Collection[Model] | None = None) -> list[str]:
    """Which intervals no published time speaks for: those of files that compute in a type of which the chip has none, and those of
    which a term takes more of the time than of any network's that was held against one; a line for each type and term. Arguments
    are those of :func:`notes`."""
    by = counted.model
    if by is None:
        return []
    # A record that was cut short has fewer series than models.
    taken = [
        pair for pair in zip(counted.models, counted.series, strict=False) if of is None or pair[0] in of
    ]
    found = [
        (name_of(model), judged)
        for model, series in taken
        if (judged := beyond(model, series, by)) is not None
    ]
    lines = []
    for dtype in dict.fromkeys(judged.type for _, judged in found if judged.type):
        named = ", ".join(name for name, judged in found if judged.type == dtype)
        lines.append(f"intervals not validated {remarks.untried(by.chip, dtype)}: {named}")
    for term in PART_OF:
        said = [(name, *judged.terms[term]) for name, judged in found if term in judged.terms]
        if said:
            shares = ", ".join(f"{name} {share:.0%}" for name, share, _ in said)
            lines.append(
                f"intervals not validated: {term} take more of the time than of any network that the model was held against on "
                f"this chip (at most {said[0][2]:.0%}): {shares}"
            )
    return lines


def where(record: Measurement | Instructions) -> str:
    """Device and runtime of a record, in one line."""
    return terminal.device(record) if isinstance(record, Measurement) else device(record)


def kept(record: Measurement | Instructions) -> str:
    """What the file of a record holds of each process."""
    return terminal.kept(record) if isinstance(record, Measurement) else "the work of every inference"


def stored(counted: Instructions) -> list[str]:
    """What is said of a record that came with the program: what made it, what its times are of, how far they may be off, and
    how to make it anew."""
    assert counted.model is not None
    what, error, *_ = notes(counted)
    return [
        f"Stored, not made on this machine: record of {counted.created[:10]}, {device(counted)}; {what}; {error}",
        *not_validated(counted),
        *by_ncnn(counted.model.chip),
        f"To model it anew: mobilecnn speedup --device emulated-{counted.model.chip.name}",
    ]
