"""The formats that a float32 file can be turned into: one table, a row for each.

To add a format, add a row to :data:`FORMATS`. If it brings types that the operators of
``convert/versions.py`` do not have yet, add them there; until then the runtime it needs is unknown, and
``inspect`` says so. Nothing else asks for a format by its name: the options of ``mobilecnn export``, the
calibration and the checks follow from the row.

What a format does to the operators is a list of rules (:mod:`mobilecnn.quantize.rules`), where later ones win. They are
stored in the passport.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mobilecnn.errors import UsageError
from mobilecnn.quantize.rules import ENDS, LAYER_NORM, STATIC, Rule, Rules, in_force
from mobilecnn.remarks import listed

ALL = "all"
"""What stands for the usual formats where names of formats are given."""

FLOAT32 = "float32"
"""Type of the input and output of a file whose ends are not quantized."""


@dataclass(frozen=True)
class Format:
    """A way to store and compute a network.

    Attributes:
        name: name in file names, options and passports.
        summary: what it is, for help texts: a phrase with a capital letter and a full stop.
        rules: how operators are stored and computed, in order; empty for the file as converted.
        exact: whether the arithmetic is the Keras model's, so that answers must agree up to rounding.
        io_types: types that the file can take and give, the usual one first.
        usual: whether it is one of those that ``--all`` makes.
    """

    name: str
    summary: str
    rules: Rules = ()
    exact: bool = False
    io_types: tuple[str, ...] = (FLOAT32,)
    usual: bool = True

    @property
    def needs_calibration(self) -> bool:
        """Whether the ranges of activations are measured on a representative data set."""
        return any(rule.precision in STATIC for rule in self.rules)

    @property
    def quantizes(self) -> bool:
        """Whether some weights become integers."""
        return any(rule.precision in (*STATIC, "dynamic", "int8-weights") for rule in self.rules)

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions that its rules give to operators, float32 apart, in order.

        Rules that a later one undoes, and those for the ends of the file, do not count.
        """
        inside = (rule for rule in in_force(self.rules) if not set(rule.operators) <= set(ENDS))
        return tuple(dict.fromkeys(rule.precision for rule in inside if rule.precision != FLOAT32))

    def rules_for(self, wanted: str | None) -> Rules:
        """The rules of a file that takes and gives ``wanted``, as far as the format has it; None for what the rules say."""
        if not self.rules or wanted not in self.io_types:
            return self.rules
        if wanted == self.io_types[0] and not any(set(ENDS) & set(rule.operators) for rule in self.rules):
            return self.rules
        return (*self.rules, Rule(operators=ENDS, precision=wanted))


NORMALIZATION = ("RSQRT", "SQUARED_DIFFERENCE", "MEAN", "MUL", "ADD", "SUB")
"""Operators that layer normalization consists of, and the sums around it. In int8 they cost a small vision transformer a third
of its accuracy; the matrix products cost next to nothing."""

FORMATS: tuple[Format, ...] = (
    Format("float32", "As converted.", exact=True),
    Format(
        "float16",
        "Weights in half precision, arithmetic in float32.",
        rules=(
            Rule(
                operators=("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"),
                precision="float16",
            ),
        ),
    ),
    Format(
        "int8",
        "Weights and activations in int8.",
        rules=(
            Rule(precision="int8"),
            Rule(operators=NORMALIZATION, precision=FLOAT32, graphs=LAYER_NORM),
        ),
        io_types=("int8", "uint8", FLOAT32),
    ),
    Format(
        "dynamic",
        "Weights in int8, activations quantized on the fly.",
        rules=(
            Rule(operators=("CONV_2D", "DEPTHWISE_CONV_2D"), precision="dynamic"),
            # One scale for the whole matrix: per-channel weights under float activations are
            # FULLY_CONNECTED version 12, which needs release 2.17, and tflite-runtime ends at 2.14.
            Rule(operators=("FULLY_CONNECTED",), precision="dynamic", scales="tensor"),
        ),
    ),
    Format(
        "int16x8",
        "Activations in int16, weights in int8.",
        rules=(Rule(precision="int16x8"), Rule(operators=ENDS, precision=FLOAT32)),
        usual=False,
    ),
    Format(
        "int8-weights",
        "Weights in int8, arithmetic in float32.",
        rules=(
            Rule(
                operators=("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"),
                precision="int8-weights",
            ),
        ),
        usual=False,
    ),
)
"""The formats, in the order in which they are made and shown."""


def names() -> tuple[str, ...]:
    """The formats' names, in order."""
    return tuple(row.name for row in FORMATS)


def usual() -> tuple[str, ...]:
    """The names of the formats that ``--all`` makes, in order."""
    return tuple(row.name for row in FORMATS if row.usual)


def expanded(wanted: Iterable[str]) -> tuple[str, ...]:
    """Names of formats, with those of the usual ones in the place of :data:`ALL`."""
    return tuple(name for each in wanted for name in (usual() if each == ALL else (each,)))


def check_io(io: str | None, rows: Sequence[Format]) -> None:
    """Refuse a type of input and output that no file would have.

    Args:
        io: the type that is asked for; None where none is.
        rows: the formats.

    Raises:
        UsageError: there is no such type, or none of the formats has it.
    """
    if io is None:
        return
    if io not in io_types():
        raise UsageError(f"unknown input/output type {io!r}; choose one of {', '.join(io_types())}")
    if not any(io in row.io_types for row in rows):
        takes = sorted({row.io_types[0] for row in rows})
        raise UsageError(
            f"--io {io} has no effect on {listed([row.name for row in rows])}, which take and give {' and '.join(takes)}; leave it out"
        )


def io_types() -> tuple[str, ...]:
    """The types that a file of some format can take and give, the quantized ones first."""
    every = dict.fromkeys(kind for row in FORMATS for kind in row.io_types)
    return (*(kind for kind in every if kind != FLOAT32), FLOAT32)


def named(name: str) -> Format:
    """The format of that name.

    Raises:
        UsageError: there is none.
    """
    for row in FORMATS:
        if row.name == name:
            return row
    raise UsageError(f"unknown format {name!r}; choose among {', '.join(names())}")


def chosen(wanted: Iterable[str]) -> tuple[Format, ...]:
    """The formats of those names, each once, in the table's order.

    Raises:
        UsageError: a name is unknown.
    """
    asked = [named(name).name for name in wanted]
    return tuple(row for row in FORMATS if row.name in asked)
