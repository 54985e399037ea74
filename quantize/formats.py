"""The formats a float32 file can be turned into, as recipes for the quantizer.

A recipe is data: an ordered list of (regular expression on output names, operator,
algorithm, configuration), where later entries win. It is stored in the passport.
"""

from typing import Any

from mobilecnn.errors import UsageError

Recipe = list[dict[str, Any]]

FORMATS = ("float32", "float16", "int8", "dynamic")
"""``float32``: as converted. ``float16``: weights in half precision, arithmetic in float32.
``int8``: weights and activations in int8, ranges from calibration. ``dynamic``: weights in
int8, activations quantized on the fly."""

IO_TYPES = ("int8", "float32")
"""What an int8 file takes and gives."""


def _weights(bits: int, dtype: str, granularity: str) -> dict[str, Any]:
    return {"num_bits": bits, "symmetric": True, "granularity": granularity, "dtype": dtype}


def _entry(operation: str, algorithm: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"regex": ".*", "operation": operation, "algorithm_key": algorithm, "op_config": config}


def _float16() -> Recipe:
    config = {
        "weight_tensor_config": _weights(16, "FLOAT", "TENSORWISE"),
        "compute_precision": "FLOAT",
        "explicit_dequantize": True,
    }
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "CONV_2D_TRANSPOSE")
    return [_entry(kind, "float_casting", config) for kind in kinds]


def _dynamic() -> Recipe:
    def config(granularity: str) -> dict[str, Any]:
        return {
            "weight_tensor_config": _weights(8, "INT", granularity),
            "compute_precision": "INTEGER",
            "explicit_dequantize": False,
        }

    return [
        _entry("CONV_2D", "min_max_uniform_quantize", config("CHANNELWISE")),
        _entry("DEPTHWISE_CONV_2D", "min_max_uniform_quantize", config("CHANNELWISE")),
        # One scale for the whole matrix: per-channel weights under float activations are
        # FULLY_CONNECTED version 12, which needs release 2.17, and tflite-runtime ends at 2.14.
        _entry("FULLY_CONNECTED", "min_max_uniform_quantize", config("TENSORWISE")),
    ]


def _int8(io: str) -> Recipe:
    config = {
        "activation_tensor_config": {
            "num_bits": 8, "symmetric": False, "granularity": "TENSORWISE", "dtype": "INT",
        },
        "weight_tensor_config": _weights(8, "INT", "CHANNELWISE"),
        "compute_precision": "INTEGER",
        "explicit_dequantize": False,
    }  # fmt: skip
    recipe = [_entry("*", "min_max_uniform_quantize", config)]
    if io == "float32":
        recipe += [
            {"regex": ".*", "operation": end, "algorithm_key": "no_quantize"} for end in ("INPUT", "OUTPUT")
        ]
    return recipe


def recipe(format_name: str, io: str = "int8") -> Recipe:
    """The recipe of a format; empty for ``float32``, which needs none.

    Raises:
        UsageError: an unknown format or input/output type.
    """
    if format_name not in FORMATS:
        raise UsageError(f"unknown format {format_name!r}; choose among {', '.join(FORMATS)}")
    if io not in IO_TYPES:
        raise UsageError(f"unknown input/output type {io!r}; choose one of {', '.join(IO_TYPES)}")
    recipes: dict[str, Recipe] = {
        "float32": [],
        "float16": _float16(),
        "int8": _int8(io),
        "dynamic": _dynamic(),
    }
    return recipes[format_name]
