"""The formats that a float32 file can be turned into: one table, a row for each.

To add a format, add a row to :data:`FORMATS`. If it brings types that the operators of
``convert/versions.py`` do not have yet, add them there; until then the runtime it needs is unknown, and
``inspect`` says so. Nothing else asks for a format by its name: the options of ``mobilecnn export``, the
calibration and the checks follow from the row.

A recipe is data for litert-quantizer: an ordered list of (regular expression on output names, operator,
algorithm, configuration), where later entries win. It is stored in the passport.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mobilecnn.errors import UsageError

Recipe = tuple[dict[str, Any], ...]

FLOAT32 = "float32"
"""Type of the input and output of a file whose ends are not quantized."""


@dataclass(frozen=True)
class Format:
    """A way to store and compute a network.

    Attributes:
        name: name in file names, options and passports.
        summary: what it is, for help texts: a phrase with a capital letter and a full stop.
        recipe: what the quantizer is given; empty for the file as converted.
        exact: whether the arithmetic is the Keras model's, so that answers must agree up to rounding.
        needs_calibration: whether the ranges of activations are measured on a representative data set.
        io_types: types that the file can take and give, the usual one first.
    """

    name: str
    summary: str
    recipe: Recipe = ()
    exact: bool = False
    needs_calibration: bool = False
    io_types: tuple[str, ...] = (FLOAT32,)

    def io(self, wanted: str) -> str:
        """The type that the file takes and gives where ``wanted`` is asked for: that, or its only one."""
        return wanted if wanted in self.io_types else self.io_types[0]

    def recipe_for(self, wanted: str) -> Recipe:
        """The recipe of a file that takes and gives ``wanted``, as far as the format has it."""
        if not self.recipe or self.io(wanted) == self.io_types[0]:
            return self.recipe
        return (*self.recipe, *_FLOAT_ENDS)


def _weights(bits: int, dtype: str, granularity: str) -> dict[str, Any]:
    return {"num_bits": bits, "symmetric": True, "granularity": granularity, "dtype": dtype}


def _entry(operation: str, algorithm: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"regex": ".*", "operation": operation, "algorithm_key": algorithm, "op_config": config}


def _float16(operation: str) -> dict[str, Any]:
    config = {
        "weight_tensor_config": _weights(16, "FLOAT", "TENSORWISE"),
        "compute_precision": "FLOAT",
        "explicit_dequantize": True,
    }
    return _entry(operation, "float_casting", config)


def _dynamic(operation: str, granularity: str) -> dict[str, Any]:
    config = {
        "weight_tensor_config": _weights(8, "INT", granularity),
        "compute_precision": "INTEGER",
        "explicit_dequantize": False,
    }
    return _entry(operation, "min_max_uniform_quantize", config)


def static(activation_bits: int, symmetric: bool) -> Recipe:
    """Weights in int8 with a scale for each channel, activations in integers of ``activation_bits`` bits.

    Args:
        activation_bits: 8 or 16.
        symmetric: whether the zero point of the activations is 0, as 16 bits must have it.
    """
    config = {
        "activation_tensor_config": {
            "num_bits": activation_bits, "symmetric": symmetric, "granularity": "TENSORWISE", "dtype": "INT",
        },
        "weight_tensor_config": _weights(8, "INT", "CHANNELWISE"),
        "compute_precision": "INTEGER",
        "explicit_dequantize": False,
    }  # fmt: skip
    return (_entry("*", "min_max_uniform_quantize", config),)


_FLOAT_ENDS: Recipe = tuple(
    {"regex": ".*", "operation": end, "algorithm_key": "no_quantize"} for end in ("INPUT", "OUTPUT")
)
"""Entries that leave the input and the output of a quantized file in float32."""

FORMATS: tuple[Format, ...] = (
    Format("float32", "As converted.", exact=True),
    Format(
        "float16",
        "Weights in half precision, arithmetic in float32.",
        recipe=tuple(map(_float16, ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "CONV_2D_TRANSPOSE"))),
    ),
    Format(
        "int8",
        "Weights and activations in int8.",
        recipe=static(activation_bits=8, symmetric=False),
        needs_calibration=True,
        io_types=("int8", FLOAT32),
    ),
    Format(
        "dynamic",
        "Weights in int8, activations quantized on the fly.",
        recipe=(
            _dynamic("CONV_2D", "CHANNELWISE"),
            _dynamic("DEPTHWISE_CONV_2D", "CHANNELWISE"),
            # One scale for the whole matrix: per-channel weights under float activations are
            # FULLY_CONNECTED version 12, which needs release 2.17, and tflite-runtime ends at 2.14.
            _dynamic("FULLY_CONNECTED", "TENSORWISE"),
        ),
    ),
)
"""The formats, in the order in which they are made and shown."""


def names() -> tuple[str, ...]:
    """The formats' names, in order."""
    return tuple(row.name for row in FORMATS)


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
