"""What is said of counts and modelled times: where they come from, and how far a time may be from a real one."""

from mobilecnn.bench.pages import terminal
from mobilecnn.bench.pages.numbers import below
from mobilecnn.bench.records.chips import LITERT_ERROR, LITERT_TIMES, LITERT_WITHIN, Chip
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement

COUNTED = "emulated, instructions: millions of an inference, counted and exact; they are not times"

BOUND = (
    "bound: the term of the model that most of the time is given to (pipeline, data or branches); a hint, not a finding: "
    "the three constants are fitted together and are no properties of the hardware"
)
"""What stands wherever a modelled time is said to be bound by something."""


def device(counted: Instructions) -> str:
    """The processor, the emulator and the runtime, in one line; of a modelled time also the chip."""
    facts, versions = counted.device, "/".join(sorted({series.runtime_version for series in counted.series}))
    model = counted.model
    modelled = (
        "" if model is None else f" as in a {model.chip.title}, {model.chip.model} of LLVM {model.llvm}"
    )
    return f"{facts.kind}: {facts.cpu}{modelled}, {facts.kernel}; {counted.plan.runtime} {versions}, 1 thread"


def notes(counted: Instructions) -> list[str]:
    """What the figures are, and how far a modelled time may be from a real one."""
    if counted.model is None:
        return [COUNTED]
    chip = counted.model.chip
    return [
        f"modelled, not measured: one thread of a {chip.title} at {chip.gigahertz:g} GHz, warm, unthrottled, alone",
        f"error of the model: {errors(chip)}",
        "instructions: millions of an inference, counted and exact",
    ]


def errors(chip: Chip) -> str:
    """How far published times were missed: those that the constants are fitted to, held out, and those of LiteRT."""
    lent = "" if chip.published == chip.title else f" ({chip.title}: none, but the same core)"
    return (
        f"of ncnn's published times of a {chip.published}{lent} half were missed by less than "
        f"{below(chip.median_error)}, nine of ten by less than {below(chip.error)} (their ratios: {below(chip.ratio_error)}), "
        f"each held out; of LiteRT's {LITERT_TIMES} published times, on all chips, {LITERT_WITHIN} lay within such an interval "
        f"and the worst was missed by less than {below(LITERT_ERROR)}"
    )


def where(record: Measurement | Instructions) -> str:
    """Device and runtime of a record, in one line."""
    return terminal.device(record) if isinstance(record, Measurement) else device(record)


def kept(record: Measurement | Instructions) -> str:
    """What the file of a record holds of each process."""
    return terminal.kept(record) if isinstance(record, Measurement) else "the work of every inference"


def stored(counted: Instructions) -> list[str]:
    """What is said of a record that came with the program: what made it, its errors, and how to make it anew."""
    assert counted.model is not None
    error = notes(counted)[1]
    return [
        f"Stored, not made on this machine: record of {counted.created[:10]}, {device(counted)}; {error}",
        f"To model it anew: mobilecnn speedup --device emulated-{counted.model.chip.name}",
    ]
