"""The steps of a ladder of repairs: int8 files with ever more done for their answers, chosen on the calibration images.

Plain ranges of the activations come first, then what costs nothing (corrections of biases and of channels), then what
costs a little (both ends of the tensors whose channels differ most, and the layers that make the largest error, in float32),
then formats of which the whole costs more. What a step leaves in float32 is chosen by the signal-to-noise ratio on the images
that calibrate; whether the step passes, :mod:`mobilecnn.ladder` decides, on labelled images and on those held out from the calibration.
"""

import glob
import math
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mobilecnn.convert.graph import flatbuffer, wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering.rewrites import Rewritten
from mobilecnn.errors import ChildCrashed, ModelFileError, UsageError
from mobilecnn.quantize import recipes
from mobilecnn.quantize.corrections import CLIPPING, EQUALIZATION, NAMES, Quantized
from mobilecnn.quantize.equalization import RATIO, ratio_of
from mobilecnn.quantize.formats import FLOAT32, Format
from mobilecnn.quantize.layers import CHANNEL_AXIS
from mobilecnn.quantize.litert_ranges import STRETCHED
from mobilecnn.quantize.making import Making, make
from mobilecnn.quantize.parity import compare
from mobilecnn.quantize.rules import LONGEST_PATTERN
from mobilecnn.remarks import plural
from mobilecnn.train.inputs import write_first

FORMATS = ("int8", "int16x8", "float16")
"""Formats that the steps are in, in order."""

TENSORS, LAYERS = (1, 2, 4), (1, 2, 4, 8)
"""Numbers of the worst tensors, and of the worst layers, that are tried one after the other."""

GAIN = 1.0
"""Smallest gain in dB on the calibration images for which more operators stay in float32, because each of them costs time: on a
MobileNetV2 of 19 dog breeds, 0.8 dB for the ends of four tensors made the file a quarter larger, three times as slow and no better."""

GAINS_NOTHING = "it gains nothing on the calibration images"
NOT_STRETCHED = f"no int8 tensor's range is {STRETCHED:g} times as wide as that of most images"
"""Reasons why a step has no file."""

PROBED = 8
"""Number of calibration images on which the error of each layer is measured."""


@dataclass(frozen=True)
class Step:
    """A file to be judged, or why there is none.

    Attributes:
        name: what is done, in words.
        row: its format, with the rules that it has.
        made: the file, and what was changed in it; None where there is none.
        sqnr_db: signal-to-quantization-noise ratio on the calibration images against the float32 file, in dB.
        kept: names of the operators that the ladder left in float32.
        left_out: why there is no file; empty where there is one.
    """

    name: str
    row: Format
    made: tuple[Quantized, Rewritten] | None = None
    sqnr_db: float = -math.inf
    kept: tuple[str, ...] = ()
    left_out: str = ""

    @property
    def path(self) -> Path:
        """The file.

        Raises:
            AssertionError: there is none.
        """
        assert self.made is not None
        return self.made[0].path


class Steps:
    """The steps of one network, each made when it is asked for: iterate once."""

    def __init__(self, how: Making, rows: Sequence[Format], wanted: Sequence[str], work: Path) -> None:
        """Make nothing yet.

        Args:
            how: what files are made with; its base has all corrections prepared.
            rows: the formats :data:`FORMATS` in order, with the user's rules.
            wanted: the corrections that may be used.
            work: folder for the files.
        """
        self._how, self._rows, self._wanted, self._work = how, rows, tuple(wanted), work
        self._number = 0

    def __iter__(self) -> Iterator[Step]:
        """The steps in order."""
        int8, *wider = self._rows
        best = self._make(f"{int8.name}, smallest to largest value", int8, ())
        yield best
        yield from () if best.left_out else self._repaired(int8, best)
        for row in wider:
            yield self._make(row.name, row, self._wanted)

    def _repaired(self, int8: Format, best: Step) -> Iterator[Step]:
        """The steps in int8 behind the plain one, each on what did good before it."""
        for number in range(len(self._wanted)):
            # The cheapest is the last one; each step has one more than the one before.
            step = self._corrected(int8, self._wanted[-1 - number :], best)
            if not step.left_out:
                best = step
            yield step
        for name, ends in (
            ("both ends of the worst tensors", self._tensor_ends),
            ("the worst layers", self._worst),
        ):
            step = self._floated(f"{int8.name}, {name} in {FLOAT32}", int8, best, ends(best))
            if not step.left_out:
                best = step
            yield step

    def _corrected(self, row: Format, wanted: tuple[str, ...], best: Step) -> Step:
        """The file with the corrections ``wanted``, the first of which is new; ``best`` is the best file so far."""
        new = wanted[0]
        name = _titled(row, {new, *_applied(best)})
        if new == EQUALIZATION and self._how.base.equalized is None:
            why = f"no tensor that can be equalized has a channel more than {RATIO:g} times as wide as the median one"
            return Step(name, row, left_out=why)
        step = self._make(name, row, wanted)
        if step.made is None:
            return step
        if new in _applied(step):
            return replace(step, name=_titled(row, _applied(step)))
        step.path.unlink()
        tried = any(one.name == new for one in step.made[0].corrections)
        return Step(name, row, left_out=GAINS_NOTHING if tried or new != CLIPPING else NOT_STRETCHED)

    def _floated(self, name: str, row: Format, best: Step, ranked: Sequence[Sequence[str]]) -> Step:
        """The file with some more operators in float32: of ever longer beginnings of ``ranked`` the longest that is worth it."""
        nearest = best
        for names in ranked:
            kept = tuple(dict.fromkeys([*best.kept, *names]))
            step = self._make(name, row, self._wanted, kept)
            if step.sqnr_db > nearest.sqnr_db + GAIN:
                step, nearest = nearest, step
            if step is not best and not step.left_out:
                step.path.unlink()
        if nearest is best:
            return Step(name, row, left_out=f"it gains less than {GAIN:g} dB on the calibration images")
        more = len(nearest.kept) - len(best.kept)
        return replace(nearest, name=f"{name} ({plural(more, 'operator')})")

    def _source(self, best: Step) -> Path:
        """The float32 file that a step was made of."""
        equalized = self._how.base.equalized
        return (
            equalized[0] if EQUALIZATION in _applied(best) and equalized is not None else self._how.base.path
        )

    def _tensor_ends(self, best: Step) -> list[list[str]]:
        """The operators that write and read the tensors whose channels differ most in range: of one, of two, ..."""
        source, base = self._source(best), self._how.base
        seen = self._how.tflite.observe(source, base.images.tensors, self._work / "ranges.npz")
        ratios = {index: ratio_of(seen.highs[index] - seen.lows[index]) for index in seen.lows}
        worst = sorted((index for index in ratios if ratios[index] > 1), key=lambda index: -ratios[index])
        editor = Editor(flatbuffer.parse(source.read_bytes(), source.name))

        def name(operator: object) -> str:
            written = wellformed.indices(operator.outputs)  # type: ignore[attr-defined]
            return ";".join(editor.tensor(index).name for index in written)

        ends = [
            [
                name(operator)
                for operator in (editor.maker(index), *editor.readers(index))
                if operator is not None
            ]
            for index in worst
        ]
        return _beginnings(ends, TENSORS)

    def _worst(self, best: Step) -> list[list[str]]:
        """The layers with weights that make the largest error by themselves: one, two, ..."""
        base = self._how.base
        probe = self._work / "probe.npy"
        count = write_first(base.images.tensors, PROBED, probe)
        rows = self._how.tflite.layers(self._source(best), best.path, probe, count)
        noisy = [
            (row["isolated"][1] / max(row["isolated"][0], 1e-300), row["name"])
            for row in rows
            if row["kind"] in CHANNEL_AXIS and row["dtype"] != FLOAT32 and row.get("isolated")
        ]
        return _beginnings([[name] for noise, name in sorted(noisy, reverse=True) if noise > 0], LAYERS)

    def _make(self, name: str, row: Format, wanted: Sequence[str], kept: tuple[str, ...] = ()) -> Step:
        """The file in a format, with some operators in float32 besides, and how near it is on the calibration images."""
        how, base = self._how, self._how.base
        assert base.activations is not None
        row = replace(row, rules=(*row.rules, *recipes.keeping([_pattern(each) for each in kept])))
        try:
            quantized, rewritten = make(row, replace(how, base=base.restricted(wanted)))
        except UsageError as error:
            if how.runtime is None and not kept:
                raise
            # The runtime that is wanted lacks what it needs; or all operators of a small network are kept, which is no gain.
            return Step(name, row, left_out=str(error))
        except (ModelFileError, ChildCrashed) as error:
            how.tflite.restart()
            return Step(name, row, left_out=str(error))
        self._number += 1
        path = self._work / f"step-{self._number}.tflite"
        shutil.copyfile(quantized.path, path)
        answers = path.with_suffix(".npy")
        how.tflite.run(path, base.images.tensors, answers)
        parity = compare(base.activations.scores, np.load(answers, allow_pickle=False), base.kind)
        return Step(name, row, (replace(quantized, path=path), rewritten), parity.sqnr_db, kept)


def _applied(step: Step) -> list[str]:
    """Names of the corrections that a step's file has."""
    return [] if step.made is None else [one.name for one in step.made[0].corrections if one.applied]


def _titled(row: Format, done: Collection[str]) -> str:
    """The name of a step in a format, with these corrections."""
    names = [name.replace("_", " ") for name in NAMES if name in done]
    return f"{row.name}, {' and '.join(', '.join(names).rsplit(', ', 1))}"


def _pattern(name: str) -> str:
    """The pattern of one operator's name; of one that is too long that of its beginning."""
    whole = glob.escape(name)
    return whole if len(whole) <= LONGEST_PATTERN else glob.escape(name[: LONGEST_PATTERN // 4]) + "*"


def _beginnings(ranked: Sequence[Sequence[str]], numbers: Sequence[int]) -> list[list[str]]:
    """The names in the first of ``ranked``, in the first two, ...: as many as ``numbers`` say, as far as there are."""
    counts = dict.fromkeys(min(number, len(ranked)) for number in numbers) if ranked else {}
    return [[name for names in ranked[:count] for name in names] for count in counts]
