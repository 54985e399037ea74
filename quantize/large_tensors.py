"""Mends litert-quantizer 0.11 for convolution kernels of more than 32 MiB, as Wide ResNet-50-2 has them.

The library quantizes large tensors in pieces, and then cannot match the scales of the channels to a kernel
of four dimensions: "input operand has more dimensions than allowed by the axis remapping"
(google-ai-edge/ai-edge-quantizer, issue 512). Once a release has mended that, this module can be removed.
"""

import dataclasses
from typing import Any

import numpy as np

PIECE = 32 * 1024 * 1024
"""Largest size in bytes of a tensor that the library quantizes in one piece."""


def mend() -> None:
    """Replace the library's function by one that hands it the pieces of large kernels one by one."""
    from litert_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor as library

    whole = library.uniform_quantize

    def uniform_quantize(tensor: Any, params: Any, blockwise: bool = False) -> Any:
        if blockwise or tensor.ndim <= 2 or tensor.nbytes <= PIECE:
            return whole(tensor, params, blockwise)
        params = library.fix_quantization_params_rank(tensor, params)
        scale, zero_point = (
            np.broadcast_to(values, (len(tensor), *values.shape[1:]))
            for values in (params.scale, params.zero_point)
        )
        rows = max(1, PIECE // tensor[:1].nbytes)
        pieces = [slice(start, start + rows) for start in range(0, len(tensor), rows)]
        return np.concatenate(
            [
                whole(
                    tensor[piece],
                    dataclasses.replace(params, scale=scale[piece], zero_point=zero_point[piece]),
                )
                for piece in pieces
            ]
        )

    library.uniform_quantize = uniform_quantize
