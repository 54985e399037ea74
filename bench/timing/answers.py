"""Before timing, truth: does a file answer on the device as its passport says it should?

The passport has golden pictures and the scores that the file gave for them at export. The
device is asked the same; a latency of wrong answers is worth nothing.

How far the scores may be apart says :mod:`mobilecnn.quantize.golden_answers`; on a phone's GPU, which computes in half
precision, 16 steps in every format. Where even zeros would pass, nothing is checked, and that is said.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.seam import Answer, CanAnswer, Device, require
from mobilecnn.bench.records.measurement import DIFFERS, NOT_CHECKED, VERIFIED, Answers
from mobilecnn.bench.records.protocol import GPU, Protocol
from mobilecnn.convert import passport
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.passport import Passport
from mobilecnn.errors import EnvironmentProblem, InputError, ModelFileError, UsageError
from mobilecnn.quantize.codes import decode, encode
from mobilecnn.quantize.golden_answers import MOST_STEPS, allowed, step
from mobilecnn.records import record
from mobilecnn.train.images import to_tensor

MOST_BYTES = 32 << 20
"""Largest size of all input tensors of a job together, in bytes: three float32 pictures of 900x900."""

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Questions:
    """What to ask a file, and what it should say.

    Attributes:
        inputs: a tensor for each picture, (1, height, width, channels), of the type the file takes.
        scores: scores of the passport, (pictures, classes).
        scale: scale of the output; 0 where it is float32.
        zero_point: zero point of the output.
        tolerance: largest absolute difference of a score that is allowed.
        dtype: type of the output, as numpy calls it.
        halved: largest difference that is allowed where half-precision arithmetic computes it.
        tensors: the pictures as float32 tensors, (height, width, channels) each, before they become codes.
    """

    inputs: tuple[npt.NDArray[Any], ...]
    scores: Scores
    scale: float
    zero_point: int
    tolerance: float
    dtype: str = "float32"
    halved: float = 0.0
    tensors: tuple[npt.NDArray[np.float32], ...] = ()


def prepare(
    path: Path, content: bytes, card: Passport | None, *, even_if_zeros_pass: bool = False
) -> Questions | Answers:
    """What to ask the file ``path``, or why it cannot be checked.

    ``even_if_zeros_pass`` asks it although its own rounding is so large that no answer would be wrong.

    Raises:
        ModelFileError: the passport's golden part is damaged, or does not fit the file.
    """
    if card is None:
        return Answers(NOT_CHECKED, "there is no passport beside it")
    graph = flatbuffer.graph(content, str(path))
    try:
        if not card.golden:
            return Answers(NOT_CHECKED, "its passport has no golden pictures")
        (source,), (result,) = graph.inputs, graph.outputs
        pictures = card.pictures
        scores = np.array([golden.scores for golden in card.golden], np.float64)
        apart, limit = card.parity.max_difference, card.parity.tolerance
        if apart is None:
            raise ValueError("golden pictures of a file whose answers are not finite")
        if source.shape != (1, *card.contract.shape) or scores.shape != (len(pictures), result.elements):
            raise ValueError("golden pictures or scores are not of the file's sizes")
    except ValueError as error:
        raise ModelFileError(
            f"the passport {passport.beside(path)} is damaged ({error}); export the model again"
        ) from error
    scale, zero_point = _scale(result)
    peak = float(np.abs(scores).max())
    tolerance = allowed(scores, scale, limit, apart)
    if tolerance >= peak and not even_if_zeros_pass:
        return Answers(
            NOT_CHECKED,
            f"its own rounding moves scores by {apart:.2g}, and the largest is {peak:.2g}: zeros would pass",
        )
    tensors = tuple(to_tensor(pixels, card.contract) for pixels in pictures)
    inputs = tuple(encode(tensor[np.newaxis], source.dtype, *_scale(source)) for tensor in tensors)
    nbytes = sum(tensor.nbytes for tensor in inputs)
    if nbytes > MOST_BYTES:
        return Answers(
            NOT_CHECKED, f"its golden inputs take {nbytes >> 20} MiB, more than the {MOST_BYTES >> 20} sent"
        )
    halved = max(tolerance, MOST_STEPS * step(scores, scale))
    return Questions(inputs, scores, scale, zero_point, tolerance, result.dtype, halved, tensors)


def _scale(tensor: flatbuffer.Tensor) -> tuple[float, int]:
    """Scale and zero point; a tensor without zero points is symmetric."""
    return (tensor.scales[0], (*tensor.zero_points, 0)[0]) if tensor.scales else (0.0, 0)


def check(
    device: Device, there: str, path: Path, questions: Questions, protocol: Protocol, timeout: float
) -> Answers:
    """Ask the file ``path``, on ``device`` as ``there``, and hold its answers to its passport.

    Raises:
        ModelFileError: the runtime refuses it.
        EnvironmentProblem: the device is not as it must be, or the process crashed.
    """
    doing, answer = _answer(device, there, path, questions.inputs, questions.dtype, protocol, timeout)
    if "unable" in answer:
        return Answers(NOT_CHECKED, str(answer["unable"]))
    try:
        if "judged" in answer:
            return record(Answers, answer["judged"])
        raw = _outputs(answer).reshape(questions.scores.shape)
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise EnvironmentProblem(f"the process {doing} answered wrongly: {error!r}") from error
    if protocol.delegate == GPU:
        questions = replace(questions, tolerance=questions.halved)
    return judge(questions, decode(raw, questions.scale, questions.zero_point))


def ask(
    device: Device,
    there: str,
    path: Path,
    inputs: Sequence[npt.NDArray[Any]],
    dtype: str,
    protocol: Protocol,
    timeout: float,
) -> npt.NDArray[Any]:
    """The outputs of the file ``path``, on ``device`` as ``there``: as they are stored, (inputs, values).

    Args:
        device: a device that can answer.
        there: what the file is called there.
        path: the file, for messages.
        inputs: tensors of the type that the file takes.
        dtype: type of its output, as numpy calls it.
        protocol: runtime and kernels.
        timeout: seconds that it may take.

    Raises:
        ModelFileError: the runtime refuses it.
        UsageError: the device cannot answer, or does not show what it answers.
        EnvironmentProblem: the device is not as it must be, or the process crashed.
    """
    doing, answer = _answer(device, there, path, inputs, dtype, protocol, timeout)
    if "outputs" not in answer:
        raise UsageError(
            f"{device.name} judges answers by itself and does not show them; name a board or an emulated device"
        )
    try:
        return _outputs(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise EnvironmentProblem(f"the process {doing} answered wrongly: {error!r}") from error


def _answer(
    device: Device,
    there: str,
    path: Path,
    inputs: Sequence[npt.NDArray[Any]],
    dtype: str,
    protocol: Protocol,
    timeout: float,
) -> tuple[str, Answer]:
    job = jobs.answer(there, protocol, [_packed(tensor) for tensor in inputs], dtype)
    doing = f"that checks the answers of {path} with {protocol.runtime}"
    return doing, require(device, CanAnswer).answer(job, doing, timeout)


def _outputs(answer: Answer) -> npt.NDArray[Any]:
    return np.stack([_unpacked(tensor).ravel() for tensor in answer["outputs"]])


def judge(questions: Questions, given: npt.NDArray[np.float32]) -> Answers:
    """The verdict on scores ``given`` (pictures, classes)."""
    count = len(questions.scores)
    with np.errstate(invalid="ignore"):
        apart = np.abs(given.astype(np.float64) - questions.scores)
    # What is not a number is farther away than any.
    apart = np.where(np.isfinite(apart), apart, np.inf)
    picture, score = np.unravel_index(int(apart.argmax()), apart.shape)
    largest = float(apart[picture, score])
    finite = largest if np.isfinite(largest) else None
    if largest <= questions.tolerance:
        return Answers(VERIFIED, "", count, finite, questions.tolerance)
    reason = (
        f"golden picture {picture + 1}: score {score} is {given[picture, score]:.4g} and should be "
        f"{questions.scores[picture, score]:.4g} (allowed difference {questions.tolerance:.2g})"
    )
    return Answers(DIFFERS, reason, count, finite, questions.tolerance)


def _packed(values: npt.NDArray[Any]) -> dict[str, Any]:
    """A tensor as :mod:`mobilecnn.bench.devices.worker` takes it."""
    content = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {
        "dtype": values.dtype.name,
        "shape": list(values.shape),
        "data": base64.b64encode(content).decode(),
    }


def _unpacked(packed: dict[str, Any]) -> npt.NDArray[Any]:
    """A tensor as :mod:`mobilecnn.bench.devices.worker` gives it.

    Raises:
        ValueError, KeyError, TypeError: it is not one.
    """
    if packed["dtype"] not in ("float32", "int8", "uint8", "int16"):
        raise ValueError(f"an output of type {packed['dtype']!r}")
    dtype = np.dtype(packed["dtype"])
    try:
        content = base64.b64decode(packed["data"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"data is not base64 ({error})") from error
    return np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype).reshape(packed["shape"])
