"""Does a file answer alike by all kernels? Its golden pictures by LiteRT's reference kernels, its built-in ones and XNNPACK,
here and on devices, and the operator after which the answers differ."""

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.records.measurement import DIFFERS, NOT_CHECKED, Answers
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.answers import Questions, ask, judge, prepare
from mobilecnn.convert import passport
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.prefix import prefix, stops
from mobilecnn.errors import CheckFailed, ModelFileError
from mobilecnn.files import exists, read_bytes, sha256, temporary_folder
from mobilecnn.quantize.codes import decode
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.steps import Progress, Steps
from mobilecnn.tensors import write

SECONDS = 120.0
"""Seconds that the answers of a file may take on a usual device."""

LOCAL = {"reference": "reference", "built-in": "builtin", "XNNPACK": "xnnpack"}
"""Kernels here, in the order in which they are asked -> their name in :meth:`TfliteProcess.run`. The others are held to the
first."""

REMOTE = {"built-in": "none", "XNNPACK": "default"}
"""Kernels on a device -> the ``delegate`` of a :class:`Protocol`."""

Codes = npt.NDArray[Any]

Run = Callable[[Path, str], Codes]
"""Function that gives the outputs of a file for the golden pictures, (pictures, values), for a type of output, raw."""


@dataclass(frozen=True)
class Divergence:
    """The operator after which answers differ from those of the reference kernels.

    Attributes:
        place: its place in the order in which the operators run, from 0.
        kind: ``CONV_2D``, ...
        name: name of its output.
        steps: largest difference there in least significant bits: steps of an integer type, or units in the last place of the
            largest value of a float32 one; None where one of the two has no finite number.
    """

    place: int
    kind: str
    name: str
    steps: float | None


@dataclass(frozen=True)
class Asked:
    """What a file answered in one place by one kind of kernels.

    Attributes:
        where: ``here``, or name of the device.
        kernels: ``reference``, ``built-in`` or ``XNNPACK``.
        difference: largest absolute difference of a score from the passport's golden answers; None of a number that is none.
        steps: the same in least significant bits.
        differing: share of the scores that differ at all.
        allowed: largest difference that is allowed.
        verdict: ``verified``, ``differs``, or ``not checked`` where even zeros would pass.
        reason: what differs; empty else.
        operator: operator after which the answers differ from those of the reference kernels; None where none does.
    """

    where: str
    kernels: str
    difference: float | None
    steps: float | None
    differing: float
    allowed: float
    verdict: str
    reason: str
    operator: Divergence | None


@dataclass(frozen=True)
class Verification:
    """What was asked of a file.

    Attributes:
        file: the file.
        sha256: SHA-256 of its content, which is the passport's.
        pictures: number of golden pictures.
        asked: its answers.
    """

    file: str
    sha256: str
    pictures: int
    asked: tuple[Asked, ...]

    def to_json(self) -> dict[str, Any]:
        """The answers as a JSON object."""
        return asdict(self)


def verify(path: Path, devices: Sequence[Device], progress: Progress | None = None) -> Verification:
    """Ask a file its golden pictures by all kernels here, and by those of each device.

    Args:
        path: a .tflite file with a passport.
        devices: devices that can answer, entered already.
        progress: called as each step begins.

    Raises:
        CheckFailed: the file is not the one that its passport describes.
        ModelFileError: it has no passport, or one without golden pictures, or a runtime refuses it.
        UsageError: a device cannot answer.
        EnvironmentProblem: a device cannot be reached, or a process crashed.
    """
    content = read_bytes(path, "model", ModelFileError)
    questions = _questions(path, content)
    steps = Steps(progress, len(LOCAL) + len(REMOTE) * len(devices))
    with temporary_folder() as work, TfliteProcess(f"that runs {path}") as process:
        places: list[tuple[str, str, Run]] = [
            ("here", name, _here(process, questions, kernels, work)) for name, kernels in LOCAL.items()
        ]
        places += [
            (device.name, name, _there(device, questions, Protocol(delegate=delegate)))
            for device in devices
            for name, delegate in REMOTE.items()
        ]
        first = places[0][2]
        asked = []
        for where, name, run in places:
            steps(f"{name} kernels, {where}")
            asked.append(_asked(path, content, questions, where, name, run, first, work))
    return Verification(str(path), sha256(content), len(questions.inputs), tuple(asked))


def refuse_different(verification: Verification) -> None:
    """Refuse a file that answers wrongly somewhere.

    Raises:
        CheckFailed: naming where, and the operator.
    """
    wrong = [
        f"{row.kernels} kernels, {row.where}: {row.reason}" + _after(row)
        for row in verification.asked
        if row.verdict == DIFFERS
    ]
    if wrong:
        raise CheckFailed(
            f"{verification.file} does not give its golden answers: {'; '.join(wrong)}. Do not ship it for what runs it so; export it "
            "again with --lowering none to see whether a rewrite is to blame"
        )


def _after(row: Asked) -> str:
    if row.operator is None:
        return ""
    return f", from operator {row.operator.place} on ({row.operator.kind} {row.operator.name})"


def _questions(path: Path, content: bytes) -> Questions:
    card_file = passport.beside(path)
    card = passport.unchecked(path) if exists(card_file) else None
    if card is None:
        raise ModelFileError(
            f"no such passport: {card_file}; {path} has no passport beside it, so that nothing says what it should answer: export "
            "it with mobilecnn"
        )
    if card.file.sha256 != sha256(content):
        raise CheckFailed(
            f"{path} is not the file that its passport {card_file.name} describes (SHA-256 differs); copy or export it again"
        )
    graph = flatbuffer.graph(content, str(path))
    flatbuffer.check_runnable(graph, str(path))
    questions = prepare(path, content, card, even_if_zeros_pass=True)
    if isinstance(questions, Answers):
        raise ModelFileError(f"{path} cannot be verified: {questions.reason}")
    return questions


def _here(process: TfliteProcess, questions: Questions, kernels: str, work: Path) -> Run:
    """What runs files here; their inputs are written as numbers, and what they give is turned back into codes."""
    inputs, outputs = work / "golden.npy", work / "answers.npy"
    if not inputs.exists():
        write(inputs, questions.tensors, (len(questions.tensors), *questions.tensors[0].shape))

    def run(path: Path, dtype: str) -> Codes:
        process.run(path, inputs, outputs, kernels=kernels, raw=True)
        return np.asarray(np.load(outputs, allow_pickle=False)).astype(dtype)

    return run


def _there(device: Device, questions: Questions, protocol: Protocol) -> Run:
    def run(path: Path, dtype: str) -> Codes:
        return ask(device, device.put(path), path, questions.inputs, dtype, protocol, SECONDS)

    return run


def _asked(
    path: Path,
    content: bytes,
    questions: Questions,
    where: str,
    name: str,
    run: Run,
    first: Run,
    work: Path,
) -> Asked:
    codes = run(path, questions.dtype).reshape(questions.scores.shape)
    scores = decode(codes, questions.scale, questions.zero_point)
    judged = judge(questions, scores)
    apart = np.abs(scores.astype(np.float64) - questions.scores)
    step = questions.scale or float(np.spacing(np.float32(np.abs(questions.scores).max())))
    largest = float(apart.max()) if np.isfinite(apart).all() else None
    operator = None if run is first else divergence(path, content, run, first, work)
    zeros_pass = questions.tolerance >= float(np.abs(questions.scores).max())
    return Asked(
        where=where,
        kernels=name,
        difference=largest,
        steps=None if largest is None else round(largest / step, 3),
        differing=float((apart > step / 2).mean()),
        allowed=questions.tolerance,
        verdict=NOT_CHECKED if zeros_pass and judged.verdict != DIFFERS else judged.verdict,
        reason=judged.reason,
        operator=operator,
    )


def _steps_apart(ours: Codes, theirs: Codes, dtype: str) -> float:
    """Largest difference in least significant bits; infinite where only one of the two has a finite number, or they are infinities of
    both signs."""
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    if same.all():
        return 0.0
    apart = float(np.abs(ours[~same] - theirs[~same]).max())
    if not math.isfinite(apart):
        return math.inf
    finite = np.abs(theirs[np.isfinite(theirs)])
    unit = float(np.spacing(np.float32(finite.max() or 1.0))) if dtype == "float32" else 1.0
    return apart / unit


def divergence(path: Path, content: bytes, run: Run, first: Run, work: Path) -> Divergence | None:
    """The operator after which two ways to run a file differ; None where they never do.

    It is found by bisection: a difference stays, as a rule, to the end.
    """
    places = stops(flatbuffer.parse(content, str(path)))
    found: dict[int, float] = {}

    def differs(index: int) -> float:
        if index not in found:
            place, _, tensor = places[index]
            with tempfile.NamedTemporaryFile(dir=work, suffix=".tflite") as file:
                beginning = Path(file.name)
                beginning.write_bytes(prefix(content, str(path), place))
                ours, theirs = (each(beginning, tensor.dtype).astype(np.float64) for each in (run, first))
            found[index] = _steps_apart(ours, theirs, tensor.dtype)
        return found[index]

    if not places or differs(len(places) - 1) == 0:
        return None
    low, high = 0, len(places) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if differs(middle) > 0 else (middle + 1, high)
    place, kind, tensor = places[low]
    steps = differs(low)
    return Divergence(place, kind, tensor.name, round(steps, 3) if math.isfinite(steps) else None)
