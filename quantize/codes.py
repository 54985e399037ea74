"""Between real numbers and the integers that a quantized tensor holds: real = (code - zero point) * scale."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def encode(values: Floats, dtype: npt.DTypeLike, scale: float, zero_point: int) -> npt.NDArray[Any]:
    """``values`` as a tensor of type ``dtype`` takes them: float32 unchanged, integers rounded and clipped.

    A scale of 0 is that of a tensor without one, whose integers are the values themselves.
    """
    kind = np.dtype(dtype)
    if kind == np.float32:
        return values
    limits = np.iinfo(kind)
    codes = np.round(values / (scale or 1.0)) + zero_point
    return np.asarray(np.clip(codes, limits.min, limits.max), kind)


def decode(codes: npt.NDArray[Any], scale: float, zero_point: int) -> Floats:
    """The real numbers that ``codes`` stand for, float32 of the same shape; float32 unchanged."""
    if codes.dtype == np.float32:
        return np.asarray(codes, np.float32)
    return np.asarray((codes.astype(np.float32) - zero_point) * np.float32(scale), np.float32)
