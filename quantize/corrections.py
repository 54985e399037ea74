"""From a float32 file to a quantized one: the recipe, and what brings the answers nearer the float32 file's.

Equalization comes first, because it changes the weights and the ranges, then the clipping of the ranges that are left, then
bias correction, which answers to the weights as they were rounded. Each is tried on the calibration images, and kept where the
signal-to-noise ratio does not fall. Both figures are in the passport.

Clipping is for networks of which a few images set the ranges: int8 has 256 codes for what lies between the smallest and the
largest value, and where one image in a hundred reaches thirty times as far as the others do, these are left with eight. The
range of such a tensor then ends where that of a share of the images does, at either end, and what lies beyond has its code.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.checks import Correction
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.flatbuffer import Graph
from mobilecnn.convert.lowering.int16_sums import free_int16_sums
from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.errors import UsageError
from mobilecnn.quantize.activations import Activations
from mobilecnn.quantize.bias_correction import correct_biases
from mobilecnn.quantize.calibration.images import CalibrationImages
from mobilecnn.quantize.equalization import equalize, scaling
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.parity import Parity, compare
from mobilecnn.quantize.rules import Rules, for_graph
from mobilecnn.quantize.scale_ratios import limit_ratios
from mobilecnn.remarks import plural
from mobilecnn.train.inputs import write_first

EQUALIZATION, CLIPPING, BIAS_CORRECTION = "equalization", "clipping", "bias_correction"

NAMES = (EQUALIZATION, CLIPPING, BIAS_CORRECTION)
"""Names of the corrections, in the order in which they are made."""

SHARES = (0.9, 0.7, 0.5)
"""Shares of the calibration images whose smallest values, and whose largest, a clipped range reaches: the next one is tried where
one does good."""

CLIPPED = "int8"
"""Precision of activations that clipping is for: it gains codes, of which int16 has enough."""

SLOW, SLOWLY_JUDGED = "int16x8", 20
"""Precision without kernels in XNNPACK, and the number of calibration images that judge its corrections: the built-in kernels take a
fifth of a second for an image of MobileNet V2."""

AUTO, NONE = "auto", "none"
"""What is asked for where all corrections are to be tried, or none."""


def chosen(wanted: str | Sequence[str]) -> tuple[str, ...]:
    """The corrections that are asked for, in order: ``auto``, ``none``, or names, as a list or with commas between.

    Raises:
        UsageError: there is no correction of a name.
    """
    names = wanted.split(",") if isinstance(wanted, str) else list(wanted)
    if names in ([AUTO], [NONE]):
        return NAMES if names == [AUTO] else ()
    for name in names:
        if name not in NAMES:
            raise UsageError(
                f"unknown correction {name!r}; choose {AUTO}, {NONE}, or among {', '.join(NAMES)}, with commas between"
            )
    return tuple(name for name in NAMES if name in names)


def words(correction: Correction) -> str:
    """What a correction changed and what it is worth, for a terminal."""
    done = {
        EQUALIZATION: f"equalization of {plural(correction.changed, 'tensor')}, whose channel ranges are up to "
        f"{correction.ratio or 1:,.0f} times the median",
        CLIPPING: f"clipping of {plural(correction.changed, 'tensor')} to what {correction.share or 1:.0%} of the images reach at either end, all "
        f"together being up to {correction.ratio or 1:,.0f} times as wide",
        BIAS_CORRECTION: f"bias correction of {plural(correction.changed, 'layer')}",
    }.get(correction.name, correction.name)

    def decibels(value: float | None) -> str:
        return "no finite number of" if value is None else f"{value:.1f}"

    return (
        f"{done}: agreement with float32 {correction.agreement_without:.1%} -> {correction.agreement_with:.1%}, SQNR "
        f"{decibels(correction.sqnr_db_without)} -> {decibels(correction.sqnr_db_with)} dB on {plural(correction.images, 'calibration image')}"
        + ("" if correction.applied else "; left out")
    )


@dataclass(frozen=True)
class Base:
    """The float32 file that the other formats are made of.

    Attributes:
        path: the file.
        graph: what is in it.
        images: what calibrates it.
        kind: what its scores are.
        activations: its activations on the calibration images; None where nothing is to be corrected.
        clipping: whether ranges are to be clipped.
        bias_correction: whether biases are to be corrected.
        equalized: the file after equalization, and its activations; None where it needs or gets none.
        tensors: number of tensors that were equalized.
        ratio: largest channel range of a tensor over its median, before.
        halved: name of a tensor that was equalized -> channel -> how often it was halved.
    """

    path: Path
    graph: Graph
    images: CalibrationImages
    kind: OutputKind
    activations: Activations | None = None
    clipping: bool = False
    bias_correction: bool = False
    equalized: tuple[Path, Activations] | None = None
    tensors: int = 0
    ratio: float = 1.0
    halved: dict[str, dict[str, int]] = field(default_factory=dict)

    def restricted(self, wanted: Sequence[str]) -> "Base":
        """The same with some of its corrections only."""
        return replace(
            self,
            activations=self.activations if wanted else None,
            clipping=self.clipping and CLIPPING in wanted,
            bias_correction=self.bias_correction and BIAS_CORRECTION in wanted,
            equalized=self.equalized if EQUALIZATION in wanted else None,
        )


@dataclass(frozen=True)
class Quantized:
    """A quantized file.

    Attributes:
        path: the file.
        rules: how its operators were quantized, in order.
        corrections: what was tried on it, in order.
        limited: number of channels whose weights were cut (:mod:`mobilecnn.quantize.scale_ratios`).
    """

    path: Path
    rules: Rules = ()
    corrections: tuple[Correction, ...] = ()
    limited: int = 0


def prepare(
    tflite: TfliteProcess, path: Path, images: CalibrationImages, kind: OutputKind, wanted: tuple[str, ...]
) -> Base:
    """What quantizing a float32 file takes, measured once for all formats.

    Random pictures say nothing of a mean or of a range, so that nothing is corrected by them.

    Args:
        tflite: the child that runs files.
        path: the float32 file.
        images: what calibrates it.
        kind: what its scores are.
        wanted: names of the corrections to make (:data:`NAMES`).
    """
    base = Base(path, flatbuffer.graph(path.read_bytes(), path.name), images, kind)
    if images.random or not wanted:
        return base
    ranged = scaling(path.read_bytes()) if EQUALIZATION in wanted else []
    seen = tflite.observe(path, images.tensors, path.with_suffix(".npz"), ranged)
    base = replace(
        base, activations=seen, clipping=CLIPPING in wanted, bias_correction=BIAS_CORRECTION in wanted
    )
    found = equalize(path.read_bytes(), seen) if EQUALIZATION in wanted else None
    if found is None:
        return base
    equalized = path.with_name("equalized.tflite")
    equalized.write_bytes(found.content)
    return replace(
        base,
        equalized=(equalized, found.activations),
        tensors=found.tensors,
        ratio=found.ratio,
        halved=found.halved,
    )


def quantize(tflite: TfliteProcess, row: Format, io: str | None, base: Base) -> Quantized:
    """The file of a format, made of ``base``, with the corrections that do it good.

    Args:
        tflite: the child that quantizes and runs files.
        row: the format.
        io: type that it is to take and give; None for what the format's rules say.
        base: the float32 file.

    Raises:
        UsageError: a rule is for layers that are not there.
        ModelFileError: the quantizer refuses the model.
    """
    made, trial = (base.path.with_name(f"{row.name}{part}.tflite") for part in ("", ".trial"))
    rules = for_graph(row.rules_for(io), base.graph)
    calibration = base.images.tensors if row.needs_calibration else None
    limited = _make(tflite, base.path, rules, made, calibration).limited
    seen = base.activations
    if seen is None or correct_biases(made.read_bytes(), base.path.read_bytes(), seen)[1] == 0:
        return Quantized(made, rules, limited=limited)  # No weights in int8.
    judges = _judges(base, rules, len(seen.scores))
    work = _Work(tflite, base, rules, calibration, made, trial, judges, seen.scores)
    state = _State(base.path, seen, work.parity(made), limited)
    corrections = []
    for attempt in (_equalized, _clipped, _bias_corrected):
        tried = attempt(work, state)
        if tried is None:
            continue
        correction, after = tried
        corrections.append(correction)
        if correction.applied:
            trial.replace(made)
            state = after
    return Quantized(made, rules, tuple(corrections), state.limited)


def _judges(base: Base, rules: Rules, count: int) -> Path:
    """The images by which corrections are judged: all that calibrate, or some of them where the kernels are slow."""
    if count <= SLOWLY_JUDGED or all(rule.precision != SLOW for rule in rules):
        return base.images.tensors
    some = base.path.with_name("judges.npy")
    write_first(base.images.tensors, SLOWLY_JUDGED, some)
    return some


@dataclass(frozen=True)
class _Work:
    """What all corrections of a file work with.

    Attributes:
        tflite: the child that quantizes and runs files.
        base: the float32 file.
        rules: how operators are quantized.
        calibration: tensors of the calibration images; None where the format needs none.
        made: the quantized file as it is so far.
        trial: file that a correction writes.
        judges: tensors of the images by which corrections are judged, the first of those that calibrate.
        scores: scores of the float32 file on the calibration images.
    """

    tflite: TfliteProcess
    base: Base
    rules: Rules
    calibration: Path | None
    made: Path
    trial: Path
    judges: Path
    scores: npt.NDArray[np.float32]

    def parity(self, path: Path) -> Parity:
        """How near a quantized file's answers come to the float32 file's."""
        answers = path.with_suffix(".npy")
        self.tflite.run(path, self.judges, answers)
        given = np.load(answers, allow_pickle=False)
        return compare(self.scores[: len(given)], given, self.base.kind)


class _State(NamedTuple):
    """A quantized file between two corrections.

    Attributes:
        source: the float32 file that it is made of.
        seen: activations of that on the calibration images.
        parity: how near the quantized file's answers come to the float32 file's.
        limited: see :class:`Quantized`.
    """

    source: Path
    seen: Activations
    parity: Parity
    limited: int


_Tried = tuple[Correction, _State] | None
"""A correction, whose file is the trial, and what becomes of the state by it; None where there is nothing to correct."""


def _equalized(work: _Work, state: _State) -> _Tried:
    base = work.base
    if base.equalized is None:
        return None
    source, seen = base.equalized
    limited = _make(work.tflite, source, work.rules, work.trial, work.calibration).limited
    after = work.parity(work.trial)
    correction = _correction(EQUALIZATION, base.tensors, base.ratio, state.parity, after)
    return replace(correction, halved=base.halved), _State(source, seen, after, limited)


def _clipped(work: _Work, state: _State) -> _Tried:
    """Clipped to a share of the images, and on to a smaller one as long as that does good."""
    if not work.base.clipping or not any(rule.precision == CLIPPED for rule in work.rules):
        return None
    best: _Tried = None
    further = work.trial.with_suffix(".further")
    for share in SHARES:
        tried = _make(work.tflite, state.source, work.rules, further, work.calibration, share)
        if not tried.times:
            break
        after = work.parity(further)
        if best is not None and after.sqnr_db < best[1].parity.sqnr_db:
            break
        further.replace(work.trial)
        correction = _correction(CLIPPING, len(tried.times), max(tried.times), state.parity, after)
        best = replace(correction, share=share), state._replace(parity=after, limited=tried.limited)
        if not correction.applied:
            break
    return best


def _bias_corrected(work: _Work, state: _State) -> _Tried:
    if not work.base.bias_correction:
        return None
    content, layers = correct_biases(work.made.read_bytes(), state.source.read_bytes(), state.seen)
    work.trial.write_bytes(content)
    after = work.parity(work.trial)
    return _correction(BIAS_CORRECTION, layers, None, state.parity, after), state._replace(parity=after)


class _Made(NamedTuple):
    """What is known of a file that was quantized.

    Attributes:
        times: see :meth:`TfliteProcess.quantize`.
        limited: see :class:`Quantized`.
    """

    times: list[float]
    limited: int


def _make(
    tflite: TfliteProcess,
    path: Path,
    rules: Rules,
    made: Path,
    calibration: Path | None,
    share: float | None = None,
) -> _Made:
    """Quantize ``path`` to ``made``, so that the runtimes take it; with a ``share``, no file where nothing is clipped."""
    times = tflite.quantize(path, rules, made, calibration, share)
    if share is not None and not times:
        return _Made(times, 0)
    model = flatbuffer.parse(made.read_bytes(), made.name)
    if free_int16_sums(model):
        made.write_bytes(flatbuffer.pack(model))
    content, limited = limit_ratios(made.read_bytes())
    if limited:
        made.write_bytes(content)
    return _Made(times, limited)


def _correction(name: str, changed: int, ratio: float | None, before: Parity, after: Parity) -> Correction:
    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return Correction(
        name=name,
        applied=after.sqnr_db >= before.sqnr_db,
        changed=changed,
        ratio=ratio,
        images=after.images,
        agreement_without=before.agreement,
        agreement_with=after.agreement,
        sqnr_db_without=number(before.sqnr_db),
        sqnr_db_with=number(after.sqnr_db),
    )
