"""One exported file: what it was made of, its passport, and all of an export written together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn.convert import checks, golden, inspection, passport
from mobilecnn.convert.conversion import KerasFacts, Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.explanation import Explanation
from mobilecnn.convert.passport import Passport
from mobilecnn.convert.rungs import Ladder
from mobilecnn.errors import CheckFailed
from mobilecnn.files import sha256, together
from mobilecnn.ladder import undecided
from mobilecnn.quantize import gate, labelled
from mobilecnn.quantize.calibration.images import CalibrationImages
from mobilecnn.quantize.corrections import Quantized
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.making import Changes
from mobilecnn.quantize.parity import Parity
from mobilecnn.quantize.verdict import Floors, Judged, judge
from mobilecnn.train.keras_archive import sha256_of
from mobilecnn.version import __version__

GOLDEN_IMAGES = 3
"""Number of pictures in a passport, with the file's scores for them."""

TOOLS = ("tensorflow", "keras", "litert-quantizer", "ai-edge-litert")
"""Packages whose versions the passport records."""

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Exported:
    """One exported file.

    Attributes:
        path: the .tflite file; its passport is beside it.
        format: name of a row of :data:`mobilecnn.quantize.formats.FORMATS`.
        nbytes: size in bytes.
        parity: its answers against the Keras model's.
        holds: False for a file of an exact format beyond its tolerance, and for any file with answers
            that are not finite.
        passport: its passport.
        explanation: what the rewrites of the graph did to it, part by part.
    """

    path: Path
    format: str
    nbytes: int
    parity: Parity
    holds: bool
    passport: Passport
    explanation: Explanation = field(default_factory=Explanation)


def refuse_different(files: Sequence[Exported]) -> None:
    """Refuse files that do not give the Keras model's answers, or whose images show something wrong.

    Raises:
        CheckFailed: naming all of one export that do not, or of which they do.
    """
    given = [file.passport.labelled for file in files if file.passport.labelled is not None]
    every = ", ".join(str(file.path) for file in files)
    if found := _findings(files, checks.WRONG):
        # What is wrong with the images is wrong with every file.
        wrong, refused = [f"{every}: {finding.text}; {finding.fix}" for finding in found], len(files)
    elif (
        all(file.holds for file in files)
        and given
        and (words := labelled.keras_problem(given[0], files[0].passport.parity.reference))
    ):
        # What is wrong with the model is wrong with every file.
        wrong, refused = [f"{every}: {words}"], len(files)
    else:
        wrong = [words for file in files if (words := _problem(file)) is not None]
        refused = len(wrong)
    if wrong:
        raise CheckFailed(f"{'; '.join(wrong)}; do not ship {'it' if refused == 1 else 'them'}")


def doubts(files: Sequence[Exported]) -> list[str]:
    """What the images of one export leave open, or show that is not enough to refuse a file."""
    findings = [f"{finding.text}; {finding.fix}" for finding in _findings(files, checks.DOUBTFUL)]
    return [*findings, *_undecided(files), *_undecided_losses(files), *_doubts_of_labelled(files)]


def _findings(files: Sequence[Exported], severity: str) -> list[checks.DataFinding]:
    """What is so much the matter with the images of the calibration, which all files of an export share."""
    return [finding for finding in files[0].passport.findings if finding.severity == severity]


def _undecided(files: Sequence[Exported]) -> list[str]:
    """What the held-out images cannot tell, files with the same reason together."""
    open_: dict[tuple[str, str], list[str]] = {}
    for file in files:
        verdict = file.passport.verdict
        if verdict is not None and verdict.verdict == checks.UNDECIDED:
            open_.setdefault((verdict.reason, verdict.next), []).append(file.path.name)
    return [f"undecided of {', '.join(names)}: {reason}; {then}" for (reason, then), names in open_.items()]


def _undecided_losses(files: Sequence[Exported]) -> list[str]:
    """What the labelled images cannot tell of a file that a ladder chose."""
    ladders = [(file.path.name, file.passport.ladder) for file in files]
    words = [(name, undecided(ladder)) for name, ladder in ladders if ladder is not None]
    return [f"{name}: {text}" for name, text in words if text]


def _doubts_of_labelled(files: Sequence[Exported]) -> list[str]:
    checked = [(file.path.name, file.passport.labelled) for file in files]
    first = next((check for _, check in checked if check is not None), None)
    if first is None or labelled.keras_problem(first) is not None:
        return []
    called, climbed = files[0].passport.parity.reference, files[0].passport.ladder is not None
    model = labelled.keras_doubt(first, called)
    # Of what a ladder has chosen, its own limit says what is open.
    usual = [(name, check) for name, check in checked if check is not None and not climbed]
    words = [(name, labelled.doubt(check, called)) for name, check in usual]
    return [*([] if model is None else [model]), *(f"{name}: {text}" for name, text in words if text)]


def _problem(file: Exported) -> str | None:
    check, called = file.passport.labelled, file.passport.parity.reference
    if file.holds:
        # A ladder has held its file to the user's limit already, which counts and not the usual ones.
        wrong = None if check is None or file.passport.ladder is not None else labelled.problem(check, called)
        words = [] if wrong is None else [wrong]
        verdict = file.passport.verdict
        if verdict is not None and verdict.verdict == checks.FAIL:
            # What to do is said once.
            words = [verdict.reason, *(words or [verdict.next])]
        return f"{file.path}: {'; '.join(words)}" if words else None
    allowed = file.passport.parity.tolerance
    limit = "" if allowed is None else f"{file.format} may show {allowed:.0e}, and "
    return (
        f"{file.path} does not give {called}'s answers: relative difference {file.parity.relative:.1e} "
        f"({limit}every answer must be finite)"
    )


@dataclass(frozen=True)
class Origin:
    """What all files of one export share.

    Attributes:
        source: what was exported.
        facts: the loaded model.
        images: images that calibrated and checked the files.
        tolerance: largest relative difference of an exact format.
        reference: the Keras model's scores for the images that the files are judged by, (images, classes).
        floors: what a file must keep of its answers.
        findings: what is the matter with the images.
        ladder: what was tried before the file; None where its format was named.
    """

    source: Source
    facts: KerasFacts
    images: CalibrationImages
    tolerance: float
    reference: Scores
    floors: Floors
    findings: tuple[checks.DataFinding, ...] = ()
    ladder: Ladder | None = None


@dataclass(frozen=True)
class Answered:
    """A file that was made and asked, and is not written yet.

    Attributes:
        path: where it goes.
        row: its format.
        made: the file, as it was made.
        changes: what the passes over the graph changed in it.
        taken_back: rewrite of the graph -> why it was taken back.
        gains: what the rewrites brought.
        explanation: what the rewrites did to it, part by part.
        parity: its answers against the Keras model's.
        scores: its answers, (images, classes).
        labelled: how many labelled images it had right; None where none were given.
    """

    path: Path
    row: Format
    made: Quantized
    changes: Changes
    taken_back: dict[str, str]
    gains: tuple[checks.Gain, ...]
    explanation: Explanation
    parity: Parity
    scores: Scores
    labelled: checks.LabelledCheck | None


def write(paths: Sequence[Path], files: Iterable[Answered], origin: Origin) -> tuple[Exported, ...]:
    """Write files and their passports: all of them, or none if one cannot be written.

    Args:
        paths: paths of the files.
        files: the files, in the same order; they are taken one after another.
        origin: what they share.

    Raises:
        OutputError: one cannot be written.
    """
    exported = []
    # The passport comes first: a reader that finds a model finds its passport.
    with together([(passport.beside(path), path) for path in paths]) as temporaries:
        for file, (card_file, model_file) in zip(files, temporaries, strict=True):
            content = file.made.path.read_bytes()
            card = _passport(file, content, origin)
            card_file.write_bytes(card.to_bytes())
            model_file.write_bytes(content)
            exported.append(
                Exported(
                    file.path,
                    file.row.name,
                    len(content),
                    file.parity,
                    card.parity.holds,
                    card,
                    file.explanation,
                )
            )
    return tuple(exported)


def _passport(file: Answered, content: bytes, origin: Origin) -> Passport:
    source, facts, images = origin.source, origin.facts, origin.images
    judging = images.judging
    row, parity = file.row, file.parity
    holds, unfit = gate.holds(row, parity, origin.tolerance), _latency_only(origin, row)
    digest = sha256(content)
    graph = flatbuffer.graph(content, str(file.path))
    seen = inspection.inspection_of(graph, file.path.name, len(content), digest)
    kept = source.is_file and source.in_memory is None
    return Passport(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        tool={"mobilecnn": __version__, **{name: version(name) for name in TOOLS}},
        source=passport.SourceModel(
            model=source.name,
            sha256=sha256_of(Path(source.text)) if kept else None,
            architecture=facts.architecture,
            trained=source.trained,
            seed=None if source.is_file else source.seed,
            classes=facts.classes,
            parameters=facts.parameters,
        ),
        labels=facts.labels,
        latency_only=unfit,
        file=passport.ModelFile(file.path.name, row.name, len(content), digest),
        input=passport.ModelInput(seen.inputs[0], facts.contract),
        output=passport.ModelOutput(seen.outputs[0], facts.kind.name),
        recipe=passport.QuantizationRecipe(
            seen.inputs[0].dtype, tuple(rule.to_json() for rule in file.made.rules)
        ),
        lowering=file.changes,
        calibration=images.manifest if row.needs_calibration or file.made.corrections else None,
        parity=checks.ParityRecord(
            reference=facts.called,
            data=judging.manifest,
            holds=holds,
            tolerance=origin.tolerance if row.exact else None,
            **parity.to_json(),
        ),
        macs=seen.macs,
        parameters=seen.parameters,
        minimum_runtime=seen.minimum_runtime,
        operators=seen.operators,
        warnings=seen.warnings,
        golden=tuple(
            checks.Golden(golden.encode_picture(pixels), golden.rounded(answer))
            for pixels, answer in zip(
                judging.pixels[:GOLDEN_IMAGES], file.scores[:GOLDEN_IMAGES], strict=True
            )
            if parity.finite
        ),
        labelled=file.labelled,
        taken_back=file.taken_back,
        training=facts.training,
        verdict=_verdict(file, origin, holds, unfit),
        findings=origin.findings,
        corrections=file.made.corrections,
        ladder=origin.ladder,
        gains=file.gains,
    )


def _latency_only(origin: Origin, row: Format) -> tuple[str, ...]:
    """Reasons not to trust the answers of a file; empty of one to ship."""
    reasons = []
    if not origin.source.trained:
        reasons.append("the weights are a random initialization")
    if row.needs_calibration and origin.images.random:
        reasons.append("the activations' ranges were calibrated on random pictures")
    return tuple(reasons)


def _verdict(file: Answered, origin: Origin, holds: bool, unfit: tuple[str, ...]) -> checks.Verdict:
    row, images = file.row, origin.images
    if not unfit and images.random and not row.exact:
        unfit = ("it was compared with the model on random pictures only",)
    return judge(
        Judged(row, origin.facts.kind, origin.reference, file.scores, file.parity, holds),
        origin.floors,
        held_out=images.held_out is not None or not (row.needs_calibration or file.made.corrections),
        unfit=unfit,
        called=origin.facts.called,
    )
