"""Between real numbers and the integers that a quantized tensor holds: real = (code - zero point) * scale."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def encode(values: Floats, dtype: npt.DTypeLike, scale: float, zero_point: int) -> npt.NDArray[Any]:
    """``values`` as a tensor of type ``dtype`` takes them: float32 unchanged, integers rounded and clipped."""
    kind = np.dtype(dtype)
    if kind == np.float32:
        return values
    limits = np.iinfo(kind)
    return np.asarray(np.clip(np.round(values / scale) + zero_point, limits.min, limits.max), kind)


def decode(codes: npt.NDArray[Any], scale: float, zero_point: int) -> Floats:
    """The real numbers that ``codes`` stand for, float32 of the same shape; float32 unchanged."""
    if codes.dtype == np.float32:
        return np.asarray(codes, np.float32)
    return np.asarray((codes.astype(np.float32) - zero_point) * np.float32(scale), np.float32)
