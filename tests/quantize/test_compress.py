"""Compression: what the codes, the coded file and the steps promise; damaged coded files."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.quantize.compress import coded_file, huffman
from mobilecnn.quantize.compress.plan import CompressionPlan, per_layer
from mobilecnn.quantize.compress.schedules import SCHEDULES
from mobilecnn.quantize.compress.weights import factorized, pruned, saves, shared, with_shared

Tensor = npt.NDArray[np.float32]

FLOATS = st.floats(-4, 4, width=32)


@given(st.lists(st.integers(0, 40), max_size=300), st.integers(0, 3))
def test_symbols_come_back(symbols: list[int], repeat: int) -> None:
    given_symbols = np.tile(np.asarray(symbols, np.int64), 10**repeat)
    coded = huffman.encode(given_symbols, 41)
    np.testing.assert_array_equal(huffman.decode(coded), given_symbols)


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=400))
def test_codes_are_no_longer_than_they_may_be_and_tell_apart(counts: list[int]) -> None:
    lengths = huffman.code_lengths(np.asarray(counts, np.int64))
    assert ((lengths > 0) == (np.asarray(counts) > 0)).all()
    assert lengths.max() <= huffman.LONGEST
    assert np.sum(0.5 ** lengths[lengths > 0].astype(float)) <= 1


def test_a_code_is_as_short_as_the_entropy_allows() -> None:
    generator = np.random.default_rng(0)
    symbols = np.minimum(generator.geometric(0.3, 50_000), 40)
    shares = np.bincount(symbols) / len(symbols)
    entropy = -sum(share * np.log2(share) for share in shares if share)
    bits = 8 * len(huffman.encode(symbols, 41).bits) / len(symbols)
    assert entropy <= bits <= entropy + 0.1


def test_counts_that_would_give_longer_codes() -> None:
    # Fibonacci's numbers give a code that is one bit longer for each symbol.
    counts = [1, 1]
    while len(counts) < 40:
        counts.append(counts[-1] + counts[-2])
    assert huffman.code_lengths(np.asarray(counts, np.int64)).max() <= huffman.LONGEST


TENSORS = arrays.arrays(
    np.float32, arrays.array_shapes(max_dims=3, max_side=9), elements=st.one_of(st.just(0.0), FLOATS)
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), TENSORS, max_size=3))
@settings(max_examples=60)
def test_a_coded_file_gives_back_every_bit(tensors: dict[str, Tensor]) -> None:
    content, parts = coded_file.encode(tensors)
    again = coded_file.decode(content)
    assert list(again) == list(tensors) == [part.name for part in parts]
    for name, tensor in tensors.items():
        assert again[name].shape == tensor.shape
        np.testing.assert_array_equal(again[name].view(np.uint32), tensor.view(np.uint32))


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("gap", [0, 14, 15, 16, 31, 32, 254, 255, 256, 257, 600, 5000])
def test_gaps_of_any_length(gap: int, flat: bool) -> None:
    tensor = np.zeros(2 * gap + 3, np.float32)
    tensor[[gap, -1]] = 1.5, -0.0
    again = coded_file.decode(coded_file.encode({"it": tensor}, flat, flat)[0])["it"]
    np.testing.assert_array_equal(again.view(np.uint32), tensor.view(np.uint32))


def test_codes_of_equal_length_take_the_bits_of_a_gap_and_a_value() -> None:
    tensor = pruned(np.random.default_rng(5).normal(size=60_000).astype(np.float32), 0.67)
    sharing = with_shared(tensor, shared(tensor, 6))
    content, (part,) = coded_file.encode({"it": sharing}, flat_gaps=True, flat_places=True)
    np.testing.assert_array_equal(coded_file.decode(content)["it"].view(np.uint32), sharing.view(np.uint32))
    # 4 and 6 bits, a few fillers, and the codebook.
    assert part.bytes == pytest.approx(part.nonzero * (4 + 6) / 8 + 256, rel=0.03)
    assert len(coded_file.encode({"it": sharing})[0]) < 0.9 * len(content)


def test_what_coding_would_enlarge_is_kept_as_it_is() -> None:
    tensor = np.random.default_rng(0).normal(size=2000).astype(np.float32)
    content, (part,) = coded_file.encode({"it": tensor})
    assert part.values == 0 and part.bytes == tensor.nbytes
    half = pruned(tensor, 0.5)
    content, (part,) = coded_file.encode({"it": with_shared(half, shared(half, 4))})
    assert part.nonzero == 1000 and part.values <= 16
    # Half of the weights at 4 bits, and gaps of a geometric distribution, which take 2 bits.
    assert len(content) < 2000 * (4 + 2) / 2 / 8 * 1.5


def whole() -> bytes:
    tensor = pruned(np.random.default_rng(1).normal(size=300).astype(np.float32), 0.7)
    return coded_file.encode({"a": with_shared(tensor, shared(tensor, 3)), "b": np.ones(3, np.float32)})[0]


def resealed(content: bytes) -> bytes:
    """The content with the CRC that it should have, so that damage is found by what it does."""
    begin = len(coded_file.MAGIC) + 1
    return content[:begin] + struct.pack("<I", zlib.crc32(content[begin + 4 :])) + content[begin + 4 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "begins and ends": lambda content: coded_file.MAGIC,
    "version 1": lambda content: content.replace(b"MCNNZ\x02", b"MCNNZ\x01"),
    "another file": lambda content: b"PK\x03\x04" + content,
    "cut": lambda content: content[:-5],
    "longer": lambda content: content + b"\x00",
    "header too long": lambda content: content[:10] + struct.pack("<I", 1 << 31) + content[14:],
    "no JSON": lambda content: content.replace(b'{"tensors"', b'("tensors"'),
    "a shape of another size": lambda content: content.replace(b"[300]", b"[100]"),
    "a huge shape": lambda content: content.replace(b"[300]", b"[9999999999]"),
    "twice the name": lambda content: content.replace(b'"b"', b'"a"'),
    "more symbols than weights": lambda content: content.replace(b'"count":', b'"count":9'),
    "no list": lambda content: content.replace(b'"lengths":[', b'"lengths":[[').replace(b'],"', b']],"', 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_coded_file_is_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "it.mcnnz"
    damaged = DAMAGES[damage](whole())
    for content in {damaged, resealed(damaged)}:
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="is no coded file, or damaged"):
            coded_file.read(path)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_every_changed_byte_of_a_coded_file_is_found(position: int, change: int) -> None:
    content = bytearray(whole())
    content[position % len(content)] ^= change
    with pytest.raises((ValueError, struct.error)):
        coded_file.decode(bytes(content))


@given(st.integers(0, 10**6), st.integers(0, 255))
@settings(max_examples=150)
def test_a_forged_byte_gives_other_tensors_or_is_refused(position: int, value: int) -> None:
    content = bytearray(whole())
    content[position % len(content)] = value
    try:
        tensors = coded_file.decode(resealed(bytes(content)))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, struct.error):
        return
    assert all(tensor.dtype == np.float32 for tensor in tensors.values())


@given(arrays.arrays(np.float32, st.integers(1, 200), elements=FLOATS), st.floats(0, 0.99))
def test_pruning_takes_the_smallest(weights: Tensor, share: float) -> None:
    left = pruned(weights, share)
    count = int(share * weights.size)
    assert np.count_nonzero(left == 0) >= count
    assert np.count_nonzero(weights) - np.count_nonzero(left) <= count + 1
    gone, kept = np.abs(weights[left != weights]), np.abs(left[left != 0])
    assert not len(gone) or not len(kept) or gone.max() <= kept.min()
    assert (left[left != 0] == weights[left != 0]).all()


def test_a_share_that_is_no_whole_number_keeps_one_more() -> None:
    ones = np.ones(100, np.float32)
    assert [np.count_nonzero(pruned(ones, share)) for share in (0.29, 0.295, 0.291, 0.0)] == [71, 71, 71, 100]


def test_squeezenets_pruned_layers_have_as_many_weights_as_the_paper_prints() -> None:
    from mobilecnn.train.tables.compressed import SQUEEZENET, SQUEEZENET_PRUNED

    for _, printed, convolutions in SQUEEZENET.values():
        kept = 0
        for name, layer in convolutions.items():
            weights = np.arange(1, layer.weights + 1, dtype=np.float32)
            kept += np.count_nonzero(pruned(weights, SQUEEZENET_PRUNED.get(name, 0.0))) + layer.outputs
        assert kept == printed


@given(st.integers(1, 30), st.integers(1, 200))
def test_every_schedule_ends_with_the_whole_share(epochs: int, steps: int) -> None:
    for name, levels_of in SCHEDULES.items():
        levels = levels_of(epochs, steps)
        assert list(levels) == sorted(levels) and list(levels.values()) == sorted(levels.values())
        assert list(levels.values())[-1] == 1 and min(levels.values()) > 0
        # The last one is reached by the beginning of the last epoch, and something is trained after it.
        last = max(levels)
        assert last <= (epochs - 1) * steps if epochs > 1 else last <= max(1, steps // 2)
        assert name == "gradual" or 0 in levels


def test_the_schedules_are_the_papers() -> None:
    # arXiv 1506.02626, section 3.4: pruned and trained again, by turns.
    assert SCHEDULES["iterative"](4, 10) == {0: 0.25, 10: 0.5, 20: 0.75, 30: 1.0}
    # arXiv 1710.01878, equation 1, from 0 to 1: half of the way has seven eighths of the share behind it.
    gradual = SCHEDULES["gradual"](11, 100)
    assert len(gradual) == 200 and gradual[500] == pytest.approx(7 / 8) and gradual[1000] == 1
    assert gradual[250] == pytest.approx(1 - 0.75**3)


class Kernel:
    """A variable of one layer, as far as pruning asks."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
        self.shape = values.shape

    def __array__(self, dtype: object = None, copy: object = None) -> Tensor:
        return self.values

    def assign(self, values: Tensor) -> None:
        self.values = np.asarray(values, np.float32)


def test_pruning_goes_on_while_weights_move(monkeypatch: pytest.MonkeyPatch) -> None:
    from mobilecnn.quantize.compress import network

    kernel = Kernel(np.arange(1, 11, dtype=np.float32))
    monkeypatch.setattr(network, "kernels", lambda model: {"it": kernel})
    project = network.prune(None, {"": 0.8}, {0: 0.25, 2: 1.0})
    assert np.count_nonzero(kernel.values) == 8
    kernel.values = kernel.values[::-1] + np.float32(
        0.5
    )  # Training moves the zeros too, and changes what is smallest.
    project()
    assert np.count_nonzero(kernel.values) == 8 and not kernel.values[:2].any()
    project()
    assert np.flatnonzero(kernel.values).tolist() == [2, 3]
    project()
    assert np.flatnonzero(kernel.values).tolist() == [2, 3]


@given(arrays.arrays(np.float32, st.integers(1, 300), elements=FLOATS), st.integers(1, 6))
def test_sharing_leaves_few_values_and_every_zero(weights: Tensor, bits: int) -> None:
    made = with_shared(weights, shared(weights, bits))
    assert ((made == 0) == (weights == 0)).all()
    assert len(np.unique(made[made != 0])) <= 1 << bits
    # Each weight has the nearest of the shared values.
    values = np.unique(made[made != 0]).astype(np.float64)
    if len(values):
        nearest = np.abs(weights[weights != 0].astype(np.float64)[:, None] - values).min(axis=1)
        np.testing.assert_allclose(np.abs(weights - made)[weights != 0], nearest, atol=1e-5)


def test_sharing_is_k_means() -> None:
    weights = np.random.default_rng(2).normal(size=4000).astype(np.float32)
    made = shared(weights, 3)
    sums = np.bincount(made.indices, weights.astype(np.float64), len(made.codebook))
    counts = np.bincount(made.indices, minlength=len(made.codebook))
    # A fixed point: each value is the mean of the weights that are nearest to it.
    np.testing.assert_allclose(
        made.codebook[counts > 0], (sums / np.maximum(counts, 1))[counts > 0], atol=0.02
    )


def test_factors_are_the_closest_of_their_rank() -> None:
    kernel = np.random.default_rng(3).normal(size=(12, 7)).astype(np.float32)
    values = np.linalg.svd(kernel, compute_uv=False)
    for rank in (1, 3, 7):
        first, second = factorized(kernel, rank)
        assert first.shape == (12, rank) and second.shape == (rank, 7)
        error = np.sqrt((values[rank:] ** 2).sum())
        assert np.linalg.norm(kernel - first @ second) == pytest.approx(error, abs=1e-4)
    assert saves((12, 7), 4) and not saves((12, 7), 5)
    with pytest.raises(UsageError, match="rank 8 is out of range; choose one from 1 to 7"):
        factorized(kernel, 8)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (CompressionPlan(), "there is nothing to do; give --svd, --prune or --cluster"),
        (CompressionPlan(prune={"": 1.0}), "--prune 1 is out of range"),
        (CompressionPlan(prune={"conv": -0.1}), "--prune -0.1 of conv is out of range"),
        (CompressionPlan(svd={"": 0.0}), "--svd 0 is out of range"),
        (
            CompressionPlan(cluster={"": 2.5}),
            "--cluster 2.5 is out of range; choose a whole number of bits from 1 to 8",
        ),
        (CompressionPlan(prune={"": 50}), "choose a share of the weights from 0 to below 1; 50 % is 0.5"),
        (CompressionPlan(cluster={"": 9}), "--cluster 9 is out of range"),
        (CompressionPlan(prune={"": 0.5}, epochs=-1), "--epochs -1 is out of range"),
        (
            CompressionPlan(prune={"": 0.5}, prune_schedule="slow"),
            "no --prune-schedule 'slow'; choose from once",
        ),
        (
            CompressionPlan(cluster={"": 5}, prune_schedule="gradual"),
            "prunes during training; give --prune, and",
        ),
        (CompressionPlan(prune={"": 0.5}, epochs=0, prune_schedule="gradual"), "--epochs 1 or more"),
    ],
)
def test_plans_that_cannot_be(plan: CompressionPlan, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        plan.check()


def test_values_for_layers() -> None:
    assert per_layer(("0.5", "conv1=0"), "--prune") == {"": 0.5, "conv1": 0.0}
    assert per_layer(("5", "fc6=6bit", "fc7=7bits"), "--cluster") == {"": 5.0, "fc6": 6.0, "fc7": 7.0}
    for given_values, words in (
        (("half",), "is no number"),
        (("50%",), "write 50 % as 0.5"),
        (("0.1", "0.2"), "given twice for every layer"),
        (("=0.5",), "names no layer before '='; write 0.5 for every layer"),
        (("=",), "write SHARE for every layer, or LAYER=SHARE"),
        (("0.5bit",), "is no number"),
    ):
        with pytest.raises(UsageError, match=words):
            per_layer(given_values, "--prune")
