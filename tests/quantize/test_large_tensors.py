"""Kernels that the quantizer takes apart."""

from typing import Any

import numpy as np
import pytest

from mobilecnn.quantize import large_tensors


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    from litert_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor

    # Put back after the test.
    monkeypatch.setattr(uniform_quantize_tensor, "uniform_quantize", uniform_quantize_tensor.uniform_quantize)
    return uniform_quantize_tensor


@pytest.mark.parametrize("axis", [0, 3, None])
def test_pieces_are_quantized_as_the_whole(
    library: Any, monkeypatch: pytest.MonkeyPatch, axis: int | None
) -> None:
    from litert_quantizer import qtyping

    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(7, 3, 3, 5)).astype(np.float32)
    shape = [1, 1, 1, 1]
    if axis is not None:
        shape[axis] = kernel.shape[axis]
    scale = generator.uniform(0.01, 0.03, shape)
    params = qtyping.UniformQuantParams(
        num_bits=8,
        quantized_dimension=axis,
        scale=scale,
        zero_point=np.zeros(shape, np.int32),
        symmetric=True,
    )
    expected = library.uniform_quantize(kernel, params)
    assert expected.dtype == np.int8 and len(np.unique(expected)) > 50
    monkeypatch.setattr(large_tensors, "PIECE", 2 * kernel[:1].nbytes)
    large_tensors.mend()
    np.testing.assert_array_equal(library.uniform_quantize(kernel, params), expected)


def test_a_kernel_that_the_library_refuses(library: Any) -> None:
    from litert_quantizer import qtyping

    kernel = np.ones((40, 3, 3, 30_000), np.float32)
    assert kernel.nbytes > large_tensors.PIECE
    params = qtyping.UniformQuantParams(
        num_bits=8,
        quantized_dimension=0,
        scale=np.linspace(0.01, 0.05, 40).reshape(40, 1, 1, 1),
        zero_point=np.zeros((40, 1, 1, 1), np.int32),
        symmetric=True,
    )
    with pytest.raises(ValueError, match="axis remapping"):
        library.uniform_quantize(kernel, params)
    large_tensors.mend()
    codes = library.uniform_quantize(kernel, params)
    np.testing.assert_array_equal(codes[:, 0, 0, 0], np.round(1 / np.linspace(0.01, 0.05, 40)))
