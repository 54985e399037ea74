"""The golden answers: does a file, fed as its passport says, give the scores that the passport has of it?

The passport has three golden pictures and the scores that the file gave for them at export. A device is asked them before
it is timed (:mod:`mobilecnn.bench.timing.answers`), and the file itself before it is evaluated or predicts: what a
passport says of the input is wrong where the answers are not those of the export.

**How far may the scores be apart?** The same file does not give the same bits everywhere:
kernels add in another order, and round halves otherwise.

* float32: 1e-4 of the largest score, or what parity with the Keras model allowed where that is
  more, because the network enlarges the last bit of its input (the passport's ``parity.tolerance``). Other
  kernels on one machine were apart by at most 4e-5.
* The others: twice (where the output is float32, four times) what the file's own rounding did to this very network, its largest
  difference from the Keras model at export (``parity.max_difference``), because a rounding that
  falls the other way is a disturbance of the same kind; but never more than 16 steps of an integer output of
  8 bits, or 64 of a float32 one, whatever the file's parity: a file that its quantization spoilt would otherwise
  allow itself anything. At least two such steps of an integer output, and 1e-4. Where the output is float32, a step is
  1/256 of the range of the scores: 1 for probabilities, else from the lowest to the highest golden score. On
  x86-64, XNNPACK, the built-in kernels and tflite-runtime 2.14 were apart by at most 10.5 steps in int8 and 31.4 in
  dynamic, whose kernels quantize the activations each in its own way (eight networks with random weights and a
  trained one), and by 0.02 to 2.01 times the file's own difference; in float16 by less than 0.01 times that. In AlexNet at
  107 pixels, dynamic, with three dense layers one behind the other, it is 3.15 times on tflite-runtime 2.14 and 3.10 times on
  LiteRT's built-in kernels: no fault of a release, for both differ from XNNPACK in dense and pointwise layers alone, in which
  XNNPACK comes closer to the float network. The one
  exception is an int8 file that is wrong by half its range already at export (EfficientNet-B0 with random weights: up
  to 111 steps): its answers are the kernels' chance, and it is found to differ. ``benchmarks/kernel_differences.py``
  repeats that.

A best class can then change only where two scores are within twice that: nearly tied. Where
even zeros would pass, which random weights in many layers can bring about, nothing is
checked.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import RANGES, InputContract, contract_for
from mobilecnn.convert import passport
from mobilecnn.convert.passport import Passport
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.quantize.decisions import no_probabilities
from mobilecnn.quantize.parity import FLOAT32_TOLERANCE

TIMES_OWN_ROUNDING, TIMES_OWN_FLOAT_ROUNDING = 2.0, 4.0
"""Multiples of its own difference from the Keras model by which a quantized file may be apart: one whose output is
integer, and one whose output is float32."""

OUTPUT_STEPS = 2.0
"""Steps of an integer output by which a file may be apart at least: one for each side's last rounding."""

MOST_STEPS = 16.0
"""Largest number of steps of an integer output of 8 bits by which a file may be apart, however bad its own parity; also
what half-precision arithmetic may do to any output."""

MOST_FLOAT_STEPS = 64.0
"""Largest number of steps, 1/256 of the range each, by which the float32 output of a quantized file may be apart."""

STEPS = 256
"""Number of steps of an output of 8 bits."""

Scores = npt.NDArray[np.float64]

Asked = Callable[[InputContract], npt.NDArray[np.float32]]
"""Function that gives the scores, (pictures, outputs), of the golden pictures fed as a contract says."""


def allowed(scores: Scores, scale: float, limit: float | None, apart: float) -> float:
    """The largest absolute difference of a score that is allowed (see the module).

    Args:
        scores: golden scores, (pictures, classes).
        scale: scale of the output; 0 where it is float32.
        limit: tolerance of the passport's parity: a share for float32, None for other formats.
        apart: largest absolute difference from the Keras model at export.
    """
    peak = float(np.abs(scores).max())
    if limit is not None:
        return max(FLOAT32_TOLERANCE, limit) * peak
    times, most = (TIMES_OWN_ROUNDING, MOST_STEPS) if scale else (TIMES_OWN_FLOAT_ROUNDING, MOST_FLOAT_STEPS)
    own = min(times * apart, most * step(scores, scale))
    return max(FLOAT32_TOLERANCE * peak, OUTPUT_STEPS * scale, own)


def step(scores: Scores, scale: float) -> float:
    """What one step of an output of 8 bits is: the scale, or 1/256 of the range of the scores where that is more."""
    lowest, highest = float(scores.min()), float(scores.max())
    spread = 1.0 if lowest >= 0 and highest <= 1 else highest - lowest
    return max(scale, spread / STEPS)


def refuse_others(path: Path, card: Passport, asked: Asked, runtime: str) -> None:
    """Refuse a file that does not give its golden answers when it is fed as its passport says.

    Args:
        path: the file.
        card: its passport.
        asked: gives the file's scores.
        runtime: what runs it, for messages.

    Raises:
        ModelFileError: naming the contract that would give them, where one of the known ranges does; or the golden
            answers are not of the kind that the passport says.
    """
    if not card.golden or card.parity.max_difference is None:
        return
    golden, beside = np.array([entry.scores for entry in card.golden], np.float64), passport.beside(path)
    if (reason := no_probabilities(card.kind, golden)) is not None:
        raise ModelFileError(
            f"the passport {beside} says that the scores of {path} are {card.kind.name}, and its golden answers contradict it: "
            f"{reason}; export the model again"
        )
    quantization = card.output.tensor.quantization
    scale = 0.0 if quantization is None else quantization.scale
    tolerance = allowed(golden, scale, card.parity.tolerance, card.parity.max_difference)
    if tolerance >= float(np.abs(golden).max()):
        return

    def apart(contract: InputContract) -> float:
        difference = np.abs(asked(contract).astype(np.float64) - golden)
        return float(np.where(np.isfinite(difference), difference, np.inf).max())

    found = apart(card.contract)
    if found <= tolerance:
        return
    right = [contract.meaning for contract in _others(card.contract) if apart(contract) <= tolerance]
    if right:
        raise ModelFileError(
            f"the passport {beside} says that the input of {path} is {card.contract.meaning}, and its golden answers come of "
            f"{' or '.join(right)}: it was changed; export the model again"
        )
    raise ModelFileError(
        f"{path} does not give the golden answers of its passport {beside} when it is fed as that says, "
        f"{card.contract.meaning}: a score differs by {found:.2g}, of {tolerance:.2g} allowed. Either the passport was changed, or "
        f"{runtime} computes otherwise here than where the model was exported: export it again, on this machine"
    )


def _others(contract: InputContract) -> list[InputContract]:
    """Contracts of the known ranges that make other numbers of pixels."""
    known = []
    for name in RANGES:
        try:
            other = contract_for(name, contract.shape)
        except UsageError:
            continue  # It has three channels.
        if not other.feeds_as(contract):
            known.append(other)
    return known
