"""What the numbers that a classifier gives stand for: the kinds of output, in a table.

A kind says how an answer is read off the scores (:attr:`OutputKind.decision`) and what makes probabilities
of them (:attr:`OutputKind.link`). :mod:`mobilecnn.convert.outputs` sees in a graph what its last operation
is; :func:`settle` concludes the kind from that, or asks. Importing this module imports nothing heavy.
"""

from dataclasses import dataclass
from typing import Literal

from mobilecnn.errors import ModelFileError, UsageError

Shown = Literal["softmax", "sigmoid", "linear", "unknown"]
"""Last operation of a graph, as far as it says what the scores are."""

BINARY_CLASSES = 2
"""Number of classes that one output tells apart."""

THRESHOLD = 0.5
"""Probability above which an answer is yes."""


@dataclass(frozen=True)
class OutputKind:
    """A kind of output.

    Attributes:
        name: name in passports, options and records.
        decision: how the answer is read off: ``best``, the class of the largest score; ``binary``, the second
            of two classes where the probability is above :data:`THRESHOLD`, else the first; ``each``, a yes or
            no for each label in the same way.
        link: function that makes a probability of a score: ``identity`` where it is one, ``softmax``,
            ``sigmoid``; None where none is known to do so.
        words: what the scores are, a phrase.
    """

    name: str
    decision: Literal["best", "binary", "each"]
    link: Literal["identity", "softmax", "sigmoid"] | None
    words: str

    def answers(self, outputs: int) -> int:
        """Number of classes or labels that ``outputs`` scores tell apart: two for a binary kind."""
        return BINARY_CLASSES if self.decision == "binary" else outputs

    @property
    def accuracy(self) -> str:
        """What the share of right answers is called: ``top-1`` of the best of several scores, else ``accuracy``."""
        return "top-1" if self.decision == "best" else "accuracy"

    def fits(self, outputs: int) -> bool:
        """Whether a network with so many outputs can be of this kind."""
        return (outputs == 1) == (self.decision == "binary") or self.name in ("softmax", "unknown")


KINDS: tuple[OutputKind, ...] = (
    OutputKind("softmax", "best", "identity", "a probability for each class, 1 together"),
    OutputKind("logits", "best", "softmax", "a logit for each class, of which softmax makes probabilities"),
    OutputKind("sigmoid-exclusive", "best", "identity", "a probability for each class, not 1 together"),
    OutputKind("sigmoid-binary", "binary", "identity", "the probability of the second of two classes"),
    OutputKind("logit-binary", "binary", "sigmoid", "the logit of the second of two classes"),
    OutputKind("sigmoid-multi-label", "each", "identity", "a probability for each label by itself"),
    OutputKind("logits-multi-label", "each", "sigmoid", "a logit for each label by itself"),
    OutputKind("unknown", "best", None, "a score for each class, the largest for the best"),
)
"""The kinds. ``softmax`` of one output is there for networks that are only timed."""

_BY_NAME = {kind.name: kind for kind in KINDS}

SOFTMAX, UNKNOWN = _BY_NAME["softmax"], _BY_NAME["unknown"]

CHOICES = tuple(_BY_NAME)
"""Names of the kinds."""

_OF_ONE: dict[Shown, tuple[str, ...]] = {
    "softmax": (),
    "sigmoid": ("sigmoid-binary",),
    "linear": ("logit-binary",),
    "unknown": ("sigmoid-binary", "logit-binary"),
}
"""Last operation -> kinds that a network with one output may be."""

_OF_SEVERAL: dict[Shown, tuple[str, ...]] = {
    "softmax": ("softmax",),
    "sigmoid": ("sigmoid-multi-label", "sigmoid-exclusive"),
    "linear": ("logits", "logits-multi-label", "unknown"),
    "unknown": (
        "unknown", "softmax", "logits", "sigmoid-multi-label", "sigmoid-exclusive", "logits-multi-label",
    ),
}  # fmt: skip
"""Last operation -> kinds that a network with several outputs may be; the first where nobody says."""


def named(name: str) -> OutputKind:
    """The kind of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in _BY_NAME:
        raise ValueError(f"unknown kind of output {name[:80]!r}; there are {', '.join(CHOICES)}")
    return _BY_NAME[name]


def choices(shown: Shown, outputs: int) -> tuple[str, ...]:
    """Names of the kinds that a network with so many outputs may be, by its graph's last operation."""
    return (_OF_ONE if outputs == 1 else _OF_SEVERAL)[shown]


def settle(shown: Shown, outputs: int, said: str | None, model: str, shared: bool = False) -> OutputKind:
    """The kind of output of a network: what its graph shows and, where that leaves a choice, what the user says.

    Args:
        shown: the graph's last operation.
        outputs: number of outputs.
        said: name of the kind that the user states, or None.
        model: the model, for messages.
        shared: whether the user says it of several models, so that it is for those that may be of that kind.

    Raises:
        UsageError: the user says what the graph contradicts, or nobody says what a single output is.
        ModelFileError: the single output is a softmax, which is 1 for every picture.
    """
    if outputs == 1 and shown == "softmax":
        raise ModelFileError(
            f"{model} has one output, and a softmax of one value is 1 for every picture; give the last layer "
            "activation='sigmoid' (two classes) or an output for each class, and train again"
        )
    allowed = choices(shown, outputs)
    ends = (
        "nothing in it shows what its scores are" if shown == "unknown" else f"its last operation is {shown}"
    )
    if shared and said in _BY_NAME and said not in allowed:
        said = None
    if said is None:
        if outputs == 1 and shown != "sigmoid":
            raise UsageError(
                f"{model} has one output and {ends}: a regression, which is no classifier, or the score of one of two "
                f"classes; if it is the latter, say so with {_options(allowed)}"
            )
        return named(allowed[0])
    if said not in _BY_NAME:
        raise UsageError(f"unknown kind of output {said!r}; choose one of {', '.join(CHOICES)}")
    if said not in allowed:
        number = "one output" if outputs == 1 else f"{outputs} outputs"
        raise UsageError(
            f"{model} has {number} and {ends}, so that --output-kind {said} cannot be meant; leave it out, or give "
            f"{_options(allowed)}"
        )
    return named(said)


def _options(kinds: tuple[str, ...]) -> str:
    return " or ".join(f"--output-kind {name} ({named(name).words})" for name in kinds)
