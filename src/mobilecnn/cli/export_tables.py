"""What ``mobilecnn export`` prints of the files that it made."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mobilecnn.cli import looks
from mobilecnn.cli.output import data, kilobytes, prose, say_short_names, short_names, table
from mobilecnn.remarks import plural

if TYPE_CHECKING:
    from mobilecnn.convert.checks import Gain
    from mobilecnn.convert.lowering.explanation import Change
    from mobilecnn.convert.rungs import Ladder
    from mobilecnn.exported import Exported

SPARE = ("mean diff", "max diff", "runtime >=", "SQNR dB", "size", "95 % interval")
"""Columns that a narrow terminal does without, the one that says least first."""

_AGREEMENT = {
    "best": ("top-1 agreement",),
    "binary": ("class agreement",),
    "each": ("same labels", "each label"),
}
"""How an answer is read off -> the headers of the columns that say how often the answers are the same."""


def show(exported: "tuple[Exported, ...]") -> None:
    """Print the parity of each file as a table."""
    from mobilecnn.quantize.calibration.images import RANDOM

    files = [str(file.path) for file in exported]
    names = short_names(files)
    rows = [
        [
            names[str(file.path)],
            kilobytes(file.nbytes),
            f"{file.parity.agreement:.1%}",
            *(() if labels is None else (f"{labels:.1%}",)),
            *(
                ("-", "-")
                if verdict is None
                else (" .. ".join(f"{end:.1%}" for end in verdict.interval), verdict.verdict)
            ),
            f"{file.parity.max_difference:.2e}",
            f"{file.parity.mean_difference:.2e}",
            f"{file.parity.sqnr_db:.1f}",
            file.passport.minimum_runtime or "unknown",
        ]
        for file in exported
        for labels, verdict in [(file.parity.label_agreement, file.passport.verdict)]
    ]
    agreement = _AGREEMENT[exported[0].passport.kind.decision]
    header = [
        "file",
        "size",
        *agreement,
        "95 % interval",
        "verdict",
        "max diff",
        "mean diff",
        "SQNR dB",
        "runtime >=",
    ]
    data(table(header, rows, spare=SPARE, keep=("verdict",)))
    say_short_names(files)
    images = exported[0].passport.parity.data
    reference = exported[0].passport.parity.reference
    verdicts = [file.passport.verdict for file in exported]
    held_out = images.data != RANDOM and all(verdict and verdict.held_out for verdict in verdicts)
    new = " that calibrated nothing" if held_out else ""
    prose(f"Against {reference} on {plural(images.images, 'image')}{new} ({images.data}).")
    for text, of in _corrected(exported, names):
        prose(f"{', '.join(of)}: {text}.")
    if (check := exported[0].passport.labelled) is not None:
        data(
            table(
                ["labelled images", "correct", exported[0].passport.kind.accuracy],
                [
                    [name, f"{correct}/{check.images}", f"{correct / check.images:.2%}"]
                    for name, correct in ((reference, check.keras_correct), *_correct(exported, names))
                ],
            )
        )
        prose(
            f"On {plural(check.images, 'labelled image')} of {plural(check.classes, 'class', 'classes')} ({check.data})."
        )


def _corrected(exported: "tuple[Exported, ...]", names: "Mapping[str, str]") -> "list[tuple[str, list[str]]]":
    """What was corrected, with the files that it was corrected in; what most files have is first."""
    from mobilecnn.quantize.corrections import words

    said: dict[str, list[str]] = {}
    for file in exported:
        for correction in file.passport.corrections:
            said.setdefault(words(correction), []).append(names[str(file.path)])
    return sorted(said.items(), key=lambda item: -len(item[1]))


def climbed(ladder: "Ladder") -> None:
    """Print the steps of a ladder."""
    from mobilecnn.bench.pages.ladder import HEADER, lead, row

    prose(lead(ladder))
    data(table(HEADER, [row(rung) for rung in ladder.rungs]))


def explain(exported: "tuple[Exported, ...]") -> None:
    """Print what the rewrites made of each part of the graph, and what stays."""
    header = ["rewrite", "layer", "before", "after", "multiply-adds M", "kB moved"]
    for file in exported:
        changes = file.explanation.changes
        data("")
        data(f"{file.path.name}: {plural(len(changes), 'part')} rewritten")
        if changes:
            chips = list(dict.fromkeys(chip for change in changes for chip in change.before.microseconds))
            times = [f"us by costs, {chip}" for chip in chips]
            rows = [_change(change, chips) for change in changes]
            data(table([*header, *times], rows, left=4, spare=("kB moved", *reversed(times))))
        for gain in file.passport.gains:
            prose(_gained(gain))
        for name, reason in file.passport.taken_back.items():
            prose(f"taken back: {name}: {reason}")
        for row in file.explanation.untouched:
            prose(f"left: {row.what} {row.layer}: {row.why}")


def _gained(gain: "Gain") -> str:
    """What the rewrites of a graph brought, in words."""
    counts = {"operators": gain.operators, "XNNPACK partitions": gain.partitions}
    words = [f"{what} {before} -> {after}" for what, (before, after) in counts.items()]
    times = ", ".join(f"{chip} {-saved:+.1f}" for chip, saved in gain.saved.items())
    return f"{gain.graph} graph: {', '.join(words)}{f'; us by costs: {times}' if times else ''}"


def _change(change: "Change", chips: Sequence[str]) -> list[str]:
    """A row of the table of what was rewritten, with a time for each of the chips."""
    before, after = change.before, change.after
    return [
        change.rewrite,
        # Of the layers that became one TFLite joins the names; on a terminal the last one stands for them.
        change.layer if looks.width() is None else change.layer.rpartition(";")[2],
        before.operators or "-",
        after.operators or "-",
        f"{before.macs / 1e6:.2f} -> {after.macs / 1e6:.2f}",
        f"{before.nbytes / 1e3:.0f} -> {after.nbytes / 1e3:.0f}",
        *(
            f"{before.microseconds[chip]:.1f} -> {after.microseconds[chip]:.1f}"
            if chip in before.microseconds
            else "-"
            for chip in chips
        ),
    ]


def _correct(exported: "tuple[Exported, ...]", names: "Mapping[str, str]") -> Iterator[tuple[str, int]]:
    """Each file and the number of labelled images that it has right."""
    for file in exported:
        if file.passport.labelled is not None:
            yield names[str(file.path)], file.passport.labelled.correct


def warnings_of(exported: "Sequence[Exported]") -> list[str]:
    """Each warning about files once, with their names before it; what most files have is first."""
    said: dict[str, list[str]] = {}
    for file in exported:
        for warning in _warnings(file):
            said.setdefault(warning, []).append(file.path.name)
    ranked = sorted(said.items(), key=lambda item: -len(item[1]))
    return [f"{', '.join(names)}: {warning}" for warning, names in ranked]


def _warnings(file: "Exported") -> Iterator[str]:
    from mobilecnn.convert.checks import NOT_JUDGED
    from mobilecnn.quantize.gate import doubt

    card = file.passport
    if card.latency_only:
        yield f"latency only: {' and '.join(card.latency_only)}"
    yield from card.warnings
    for name, reason in card.taken_back.items():
        yield f"the rewrite {name} was taken back: {reason}"
    if card.verdict is None or card.verdict.verdict != NOT_JUDGED or card.latency_only:
        return  # The verdict says more, or the answers mean nothing.
    if (words := doubt(file.parity, card.parity.reference)) is not None:
        yield words
