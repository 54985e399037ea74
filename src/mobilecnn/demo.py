"""The main job from end to end on embedded data, and one page that shows it.

A small ShuffleNet V1 learns scikit-learn's handwritten digits; it is exported in four
formats, each is checked, asked the held-out digits and timed; then comes the paper's
speedup table.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.judge.summary import Result, Summary
from mobilecnn.bench.pages import charts, modelled, paper_tables, reasons, svg, terminal
from mobilecnn.bench.pages import page as pages
from mobilecnn.bench.pages.answers import NO_DEVICE
from mobilecnn.bench.pages.numbers import interval, ms, span
from mobilecnn.bench.pages.page import Answer, Content, Figure, Note, Reasons, Section, Table
from mobilecnn.bench.pages.subjects import REMARKS, origin
from mobilecnn.bench.papers import speedup
from mobilecnn.bench.papers.stored import STORED, stored
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import VERIFIED
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.published import PUBLISHED_FORMAT
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.exported import Exported
from mobilecnn.networks import exporter
from mobilecnn.quantize import formats
from mobilecnn.quantize.accuracy import evaluate
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.quantize.evaluation import Accuracy
from mobilecnn.remarks import plural
from mobilecnn.steps import Say, no_say
from mobilecnn.train import datasets, fit, zoo
from mobilecnn.train.plan import TrainingPlan

ARCHITECTURE = "shufflenet_v1_x0.25_g3"
"""Zoo name of the network that is trained."""

Stage = Callable[[str], AbstractContextManager[Callable[[int, int, str], None]]]
"""Announces a stage by its name, and gives the function that its progress is told: (done, total, what)."""


@dataclass(frozen=True)
class Demo:
    """What the demo made.

    Attributes:
        training: outcome of the training.
        exported: the four files, those of :func:`mobilecnn.quantize.formats.usual`.
        accuracy: accuracy of the Keras model and the four files on the held-out digits.
        timing: what the measurement of the four files says.
        paper: the speedup table.
        chips: the same table as modelled on chips that are not here, from the records that come with the program.
    """

    training: fit.Trained
    exported: tuple[Exported, ...]
    accuracy: tuple[Accuracy, ...]
    timing: Summary
    paper: speedup.Speedup
    chips: tuple[speedup.Speedup, ...]

    def to_json(self) -> dict[str, Any]:
        """The outcome as a JSON object."""
        return {
            "architecture": ARCHITECTURE,
            "model": str(self.training.path),
            "validation_accuracy": self.training.history[-1].val_accuracy,
            "files": [{"path": str(file.path), "parity": file.parity.to_json()} for file in self.exported],
            "accuracy": [asdict(accuracy) for accuracy in self.accuracy],
            "latency": [result.to_json() for result in self.timing.results],
            "speedup": self.paper.to_json(),
            "stored": [
                {"created": chip.record.created, "device": asdict(chip.record.device), **chip.to_json()}
                for chip in self.chips
            ],
        }


def demo(
    output: Path,
    work: Path,
    device: Device,
    protocol: Protocol,
    epochs: int,
    stage: Stage,
    command: Sequence[str] = (),
    say: Say = no_say,
) -> Demo:
    """Train, export, evaluate and time; then time the paper's networks.

    Args:
        output: a folder for the model and the exported files.
        work: a folder for the paper's networks; the caller removes it.
        device: device to time on.
        protocol: protocol of the timing.
        epochs: epochs of the training.
        stage: announces what begins.
        command: the command line, for the record.
        say: as :func:`mobilecnn.bench.devices.claims.claimed` takes it.

    Raises:
        OutputError: a file cannot be written.
        EnvironmentProblem: a child process failed, or another process times on the device; then nothing was made.
    """
    name = zoo.parse(ARCHITECTURE)
    plan = TrainingPlan(ARCHITECTURE, datasets.DIGITS, fit.default_size(name, datasets.DIGITS), epochs)
    with claimed(device, say):  # Before the minutes of work: it may be busy.
        with stage("Training") as progress:
            training = fit.run(fit.prepare(plan, output / "digits.keras"), progress)
        with stage("Exporting") as progress:
            exported = export(
                Source(str(training.path)),
                formats.usual(),
                output,
                Calibration(datasets.DIGITS),
                progress=progress,
            )
        files = [file.path for file in exported]
        with stage("Evaluating") as progress:
            accuracy = evaluate(
                [training.path, *files], datasets.load(datasets.DIGITS, "test"), progress=progress
            )
        with stage("Timing") as progress:
            timing = measure(files, device, protocol, progress, command)
        with stage("Speedup") as progress:
            paper = speedup.speedup(exporter(speedup.FORMATS, work), device, protocol, progress, command)
    return Demo(training, exported, accuracy, Summary.of(timing), paper, tuple(map(stored, STORED)))


def page(demo: Demo) -> str:
    """The demo as one self-contained HTML page."""
    last = demo.training.history[-1]
    where = terminal.device(demo.timing.measurement)
    trained = (
        f"{ARCHITECTURE} on scikit-learn's handwritten digits: {plural(len(demo.training.history), 'epoch')} in "
        f"{demo.training.seconds:.0f} s, {last.val_accuracy:.1%} on the validation images."
    )
    return pages.page(
        "mobilecnn demo: a Keras model, four TFLite files, and what they do here",
        f"Measured on {where}.",
        [
            Section("1. Trained", [trained]),
            Section("2. Exported and checked against the Keras model", [_parity(demo), Note(_PARITY_NOTE)]),
            Section("3. Accuracy on the held-out digits", [_accuracy(demo), Note(_ACCURACY_NOTE)]),
            Section(
                "4. Latency of one inference",
                [
                    _latency(demo),
                    _latency_chart(demo, where),
                    *_remarks([(Path(result.model.file).stem, result) for result in demo.timing.results]),
                ],
            ),
            Section(
                "5. The ShuffleNet paper's question: do fewer multiply-adds mean less time?",
                [
                    _by_format(
                        paper_tables.speedup_here_header(modelled=False),
                        [paper_tables.speedup_here(row) for row in demo.paper.rows],
                        "Counted and timed here.",
                    ),
                    Note(_SPEEDUP_NOTE),
                    *map(Note, demo.paper.notes),
                    *_paper(demo),
                    Figure(
                        svg.draw(charts.speedups(demo.paper.rows)),
                        "Theoretical and actual speedup over either AlexNet, with the paper's points. A hollow mark: INVALID.",
                    ),
                    *_remarks(
                        [
                            (f"{row.published.label} {row.format}", row.result)
                            for row in demo.paper.rows
                            if row.result is not None
                        ]
                    ),
                ],
            ),
            Section("6. The same on the paper's own chip and on a Raspberry Pi 4, modelled", _chips(demo)),
        ],
        [_answer(demo, where)],
    )


def _answer(demo: Demo, where: str) -> Answer:
    """The fastest of the files that are no less right than the Keras model, for what can be told."""
    timed = list(zip(demo.timing.results, demo.accuracy[1:], strict=True))
    kept = [
        index for index, (result, accuracy) in enumerate(timed)
        if result.valid and accuracy.verdict_against_first != "worse"
    ]  # fmt: skip
    if not kept:
        invalid = sum(not result.valid for result, _ in timed)
        lost = len(timed) - invalid
        said = [
            f"{invalid} are INVALID" if invalid else "",
            f"{lost} are less right than the Keras model" if lost else "",
        ]
        why = [f"Of {len(timed)} files {' and '.join(filter(None, said))}; the reasons are below."]
        return Answer(where, "Nothing to ship yet", "not to be relied on", "bad", why)
    first, *others = sorted(kept, key=lambda index: timed[index][0].median.value)
    result, accuracy = timed[first]
    times = [demo.timing.compare(other, first) for other in others]
    time = times[0] if times else None
    elsewhere = origin(demo.timing.measurement.device)
    doubts = [
        "" if all(other.verdict == "slower" for other in times) else "speed undecided",
        "" if result.model.answers.verdict == VERIFIED else "answers not checked",
        "not the device it is meant for" if NO_DEVICE & set(elsewhere) else "",
    ]
    doubt = ", ".join(filter(None, doubts))
    why = [f"{ms(result.median.value)} ms at the median (95 % interval {span(result.median)})."]
    if time is not None:
        ratio = f"{time.ratio.value:.2f} times as long ({interval(time.ratio, digits=2, to='to')})"
        why.append(f"The next, {Path(timed[others[0]][0].model.file).name}, takes {ratio}.")
    right = f"{accuracy.accuracy:.1%} of {plural(accuracy.images, 'held-out digit')} are right"
    why.append(f"{right}; than the Keras model: {accuracy.verdict_against_first}.")
    why += [REMARKS[said] for said in elsewhere]
    name = Path(result.model.file).name
    return Answer(where, f"Ship {name}", doubt or "decided", "open" if doubt else "good", why)


_PARITY_NOTE = (
    "Top-1 agreement, differences and signal-to-quantization-noise ratio against the Keras model, on the calibration "
    "images. Runtime: the first TFLite release that runs the file."
)
_ACCURACY_NOTE = (
    "A fifth of the digits that neither training nor calibration has seen. 95 % Wilson intervals; the verdict compares "
    "with the Keras model by an exact McNemar test, and undecided means that these images cannot tell."
)
_SPEEDUP_NOTE = (
    "Counted and timed here, with random weights, one image at a time. Theoretical speedup is over AlexNet, which has as "
    "many multiply-adds with local response normalization (LRN) as without; actual speedup is over the AlexNet that the "
    "header names, in the same format; efficiency is actual over theoretical. An exclamation mark: INVALID, the reasons "
    "are below."
)


def _parity(demo: Demo) -> Table:
    return Table(
        ("file", "size", "top-1 agreement", "max diff", "mean diff", "SQNR", "runtime"),
        [
            (
                file.path.name,
                f"{file.nbytes / 1000:,.0f} kB",
                f"{file.parity.agreement:.1%}",
                f"{file.parity.max_difference:.1e}",
                f"{file.parity.mean_difference:.1e}",
                f"{file.parity.sqnr_db:.1f} dB" if math.isfinite(file.parity.sqnr_db) else "identical",
                file.passport.minimum_runtime or "-",
            )
            for file in demo.exported
        ],
    )


def _accuracy(demo: Demo) -> Table:
    return Table(
        ("file", "correct", "top-1", "95 % interval", "agrees with Keras", "verdict"),
        [
            (
                Path(accuracy.file).name,
                f"{accuracy.correct}/{accuracy.images}",
                f"{accuracy.accuracy:.2%}",
                " to ".join(f"{end:.2%}" for end in accuracy.interval),
                f"{accuracy.agreement_with_first:.1%}",
                accuracy.verdict_against_first,
            )
            for accuracy in demo.accuracy
        ],
    )


def _latency(demo: Demo) -> Table:
    return Table(
        ("file", "median", "95 % interval", "p90", "p99", "minimum", "runs", "judgement"),
        [
            (
                Path(result.model.file).name,
                f"{ms(result.median.value)} ms",
                span(result.median),
                ms(result.p90),
                ms(result.p99),
                ms(result.minimum),
                f"{result.rounds} x {result.count // result.rounds}",
                terminal.validity(result),
            )
            for result in demo.timing.results
        ],
    )


def _latency_chart(demo: Demo, where: str) -> Figure:
    bars = [
        svg.Bar(
            Path(result.model.file).stem,
            result.median.scaled(1e-6),
            f"{ms(result.median.value)} ms",
            hollow=not result.valid,
        )
        for result in demo.timing.results
    ]
    return Figure(
        svg.bars([(where, bars)], "ms"),
        "Median latency with its 95 % interval. A hollow mark: INVALID, the reasons are below.",
        wide=True,
    )


def _paper(demo: Demo) -> list[Table | Note]:
    """The published figures, which are float32 alone."""
    rows = [row for row in demo.paper.rows if row.format == PUBLISHED_FORMAT]
    return [
        Table(
            ("model", *paper_tables.SPEEDUP_PAPER),
            [(row.published.label, *paper_tables.speedup_paper(row)) for row in rows],
            "Published by the paper, and worked out from that: its theoretical and actual speedups and efficiencies.",
        ),
        Note(
            "The paper's own figures: float32, one thread of a Snapdragon 820 (arXiv 1707.01083v2, Table 8); "
            "error and MFLOPs (multiply-adds in millions) as published there."
        ),
    ]


def said_of_chip(chip: speedup.Speedup) -> list[str]:
    """What made a stored table, what its times are of, how far they may be from real ones, and how to make it anew."""
    assert isinstance(chip.record, Instructions)
    return modelled.stored(chip.record)


def _title(chip: speedup.Speedup) -> str:
    assert isinstance(chip.record, Instructions) and chip.record.model is not None
    return f"Modelled on a {chip.record.model.chip.title}."


def _by_format(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> Table:
    """A table whose second column is the format, which stands once above its rows."""
    return Table(
        [header[0], *header[2:]],
        [[row[0], *row[2:]] for row in rows],
        caption,
        groups=[row[1] for row in rows],
    )


def _chips(demo: Demo) -> list[Table | Note | Figure]:
    """The stored tables, and a chart of all of them."""
    return [
        *(_by_format(*paper_tables.chips([chip]), _title(chip)) for chip in demo.chips),
        *(Note(line) for chip in demo.chips for line in said_of_chip(chip)),
        Figure(
            svg.draw(charts.speedups_of_chips(demo.chips)),
            "Theoretical and modelled speedup over either AlexNet on these chips, with the paper's points.",
        ),
    ]


def _remarks(named: Sequence[tuple[str, Result]]) -> list[Content]:
    return [Reasons(reasons.of_results(named))]
