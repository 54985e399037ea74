"""The file of a format: quantized and corrected, rewritten, finished, and for the runtime that is wanted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mobilecnn.convert.checks import FINISHED
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering import lower
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.lowering.rewrites import Answers, Rewrite, Rewritten, Yardstick, rewrite
from mobilecnn.errors import ModelFileError
from mobilecnn.quantize import corrections, gains, targets
from mobilecnn.quantize.corrections import Base, Quantized
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.partitions import counted
from mobilecnn.quantize.targets import Target
from mobilecnn.remarks import Remark, Remarked, plural

Changes = dict[str, tuple[str, ...]]
"""Pass over the graph -> what it changed, a phrase for each change."""


@dataclass(frozen=True)
class Making:
    """What all formats of one export are made with.

    Attributes:
        tflite: the child that quantizes and runs files.
        io: type that quantized files take and give, where their format has it; None for the format's own.
        base: the float32 file.
        description: what it is.
        rewrites: those that are wanted.
        answers: what runs the golden pictures.
        runtime: the runtime that the files are for; None for any.
        remarked: told what was changed for that runtime.
        yardstick: what gives the float32 file's answers, which those of a quantized file should be; None where that is not asked.
    """

    tflite: TfliteProcess
    io: str | None
    base: Base
    description: Description
    rewrites: Sequence[Rewrite]
    answers: Answers
    runtime: Target | None
    remarked: Remarked
    yardstick: Callable[[], Yardstick] | None = None


def make(row: Format, how: Making) -> tuple[Quantized, Rewritten]:
    """The file in the format ``row``, and what was changed in it.

    Raises:
        UsageError: the runtime that is wanted lacks operators that it needs, a rule is for layers that are not there, or the
            format is no gain (:mod:`mobilecnn.quantize.gains`).
        ModelFileError: the quantizer refuses the model.
    """
    made, rewritten = _quantize(row, how)
    lacks = _lacking(made, row, how.runtime)
    if how.runtime is None or not lacks:
        return made, rewritten
    if (other := targets.mended(row, lacks, how.base.graph)) is not None:
        made, rewritten = _quantize(other, how)
        if not _lacking(made, row, how.runtime):
            text = f"{row.name}: each dense layer has one scale, because {how.runtime} lacks {' and '.join(lacks)}"
            how.remarked(Remark("target-runtime", sum(lacks.values()), text))
            return made, rewritten
    targets.refuse(f"the {row.name} file", lacks, how.runtime)
    return made, rewritten


def _lacking(made: Quantized, row: Format, runtime: Target | None) -> dict[str, int]:
    return (
        {}
        if runtime is None
        else targets.lacking(flatbuffer.graph(made.path.read_bytes(), row.name), runtime)
    )


def _quantize(row: Format, how: Making) -> tuple[Quantized, Rewritten]:
    base, name = how.base, how.description.title
    made, stages = Quantized(base.path), ["finished"]
    if row.rules:
        gains.refuse_quantized(row, base.graph, name)
        try:
            made, stages = corrections.quantize(how.tflite, row, how.io, base), ["quantized", "finished"]
        except ModelFileError as error:
            raise ModelFileError(
                f"{name} cannot be had as {row.name}: {error}; take another format"
            ) from error
        if made.limited:
            text = (
                f"{row.name}: the largest weights of {plural(made.limited, 'channel')} are cut, for XNNPACK would not load them: "
                "the channel hardly varied while the ranges were measured, and has its largest value by any other input"
            )
            how.remarked(Remark("cut-weights", made.limited, text))
        gains.refuse_no_gain(row, flatbuffer.graph(made.path.read_bytes(), row.name), name)
    rules = [rule for rule in how.rewrites if rule.graph in stages]
    plain = made.path.read_bytes()
    rewritten = rewrite(plain, row.name, rules, how.answers, how.yardstick if row.rules else None)
    rewritten = counted(FINISHED, plain, rewritten, how.tflite, base.path.with_name("counted.tflite"))
    if not row.rules and not rewritten.changes:
        return made, rewritten
    # The quantizer leaves the float file's operator versions in place.
    lowered = lower(rewritten.content, how.description)
    finished = base.path.with_name(f"{row.name}.tflite")
    finished.write_bytes(lowered.content)
    changes = joined(rewritten.changes, lowered.beyond_names)
    return replace(made, path=finished), replace(rewritten, changes=changes)


def joined(first: Changes, second: Changes) -> Changes:
    """The changes of both runs of the passes, a file's own after those in the float32 file that it is made of."""
    return {name: (*first.get(name, ()), *second.get(name, ())) for name in first | second}


def with_cost(
    taken_back: Mapping[str, str], path: Path, tflite: TfliteProcess, quantized: bool
) -> dict[str, str]:
    """Why rewrites were taken back, each with what that costs the file and what helps.

    Args:
        taken_back: rewrite -> why it was taken back.
        path: the finished file.
        tflite: the child that loads it.
        quantized: whether its values are codes, so that operators may be outside for that.
    """
    if not taken_back:
        return {}
    pieces, outside = tflite.split(path)
    cost = f"these operators stay as they were, and LiteRT runs the file in {plural(pieces, 'piece')} with "
    cost += f"{plural(len(outside), 'operator')} outside"
    if outside and quantized:
        cost += (
            ", which mobilecnn inspect names; --keep-float with the names of such layers "
            "computes them in float32, which XNNPACK takes"
        )
    return {name: f"{reason}: {cost}" for name, reason in taken_back.items()}
