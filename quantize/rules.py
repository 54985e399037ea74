"""Rules: which operators of which layers are stored and computed how. A recipe is a list of them, and later ones win."""

import fnmatch
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from mobilecnn.errors import UsageError

if TYPE_CHECKING:
    from mobilecnn.convert.graph.flatbuffer import Graph, Operation

# Here as well, so that --help does not read records; a test holds it equal to the one in mobilecnn.records.
ADDED = {"added": True}

EVERY = "*"
"""Pattern of all layers, and operator that stands for all."""

KINDS = (
    "ADD", "AVERAGE_POOL_2D", "BATCH_MATMUL", "BROADCAST_TO", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DIV",
    "EMBEDDING_LOOKUP", "EQUAL", "FULLY_CONNECTED", "GATHER", "GATHER_ND", "GELU", "HARD_SWISH", "INPUT", "LOGISTIC",
    "MAXIMUM", "MAX_POOL_2D", "MEAN", "MIRROR_PAD", "MUL", "NOT_EQUAL", "OUTPUT", "PACK", "PAD", "PADV2", "REDUCE_MIN",
    "RELU", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SELECT", "SELECT_V2", "SLICE", "SOFTMAX",
    "SPACE_TO_DEPTH", "SPLIT", "SQRT", "SQUARED_DIFFERENCE", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TRANSPOSE",
    "TRANSPOSE_CONV", "UNPACK",
)  # fmt: skip
"""Operators that the quantizer knows, as TFLite calls them; INPUT and OUTPUT are the ends of the file."""

ENDS = ("INPUT", "OUTPUT")
"""Kinds that are no operators but the ends of the file."""

_LIBRARY = {"TRANSPOSE_CONV": "CONV_2D_TRANSPOSE"}

ALGORITHMS = {"min_max": "min_max_uniform_quantize", "mse": "MSE", "octav": "OCTAV"}
"""How the scales of weights are chosen -> the quantizer's name of it: to hold the largest weight, for the smallest mean square
error, or by optimal clipping (Sakr et al. 2022)."""

SCALES = {"channel": "CHANNELWISE", "tensor": "TENSORWISE"}
"""Whether weights have a scale for each output channel, or one -> the quantizer's name of it."""

LAYER_NORM = "layer-norm"
"""Graphs that normalize activations by their own mean and variance, as transformers do."""

GRAPHS = (EVERY, LAYER_NORM)
"""Graphs that a rule can be for."""


def _activations(bits: int, symmetric: bool, dtype: str = "INT") -> dict[str, Any]:
    return {"num_bits": bits, "symmetric": symmetric, "granularity": "TENSORWISE", "dtype": dtype}


def _config(activations: dict[str, Any] | None, integers: bool, explicit: bool) -> dict[str, Any]:
    return {
        **({} if activations is None else {"activation_tensor_config": activations}),
        "compute_precision": "INTEGER" if integers else "FLOAT",
        "explicit_dequantize": explicit,
    }


PRECISIONS: dict[str, dict[str, Any] | None] = {
    "float32": None,
    "float16": _config(None, integers=False, explicit=True),
    "int8": _config(_activations(8, symmetric=False), integers=True, explicit=False),
    "uint8": _config(_activations(8, symmetric=False, dtype="UINT"), integers=True, explicit=False),
    "int16x8": _config(_activations(16, symmetric=True), integers=True, explicit=False),
    "dynamic": _config(None, integers=True, explicit=False),
    "int8-weights": _config(None, integers=False, explicit=True),
}
"""Precision -> what the quantizer is told of it, beside the weights; None for operators that stay in float32.

``float16`` and ``int8-weights`` store weights and compute in float32; ``dynamic`` quantizes activations on the fly;
``uint8`` is for the ends of a file."""

STATIC = ("int8", "uint8", "int16x8")
"""Precisions whose activations have ranges that are measured beforehand."""


CAST = ("float16",)
"""Precisions whose weights are floats of fewer bits."""

ENDS_ONLY = ("uint8",)
"""Precisions for the ends of a file."""


@dataclass(frozen=True)
class Rule:
    """How the operators of some layers are stored and computed.

    Attributes:
        layers: shell pattern (``*``, ``?``, ``[a-c]``) of the names of operators, which are those of their outputs.
        operators: kinds of operators (:data:`KINDS`), or ``*`` alone for all.
        precision: a key of :data:`PRECISIONS`.
        algorithm: a key of :data:`ALGORITHMS`.
        scales: a key of :data:`SCALES`.
        graphs: the graphs that the rule is for, one of :data:`GRAPHS`.
    """

    layers: str = EVERY
    operators: tuple[str, ...] = (EVERY,)
    precision: str = "int8"
    algorithm: str = field(default="min_max", metadata=ADDED)
    scales: str = field(default="channel", metadata=ADDED)
    graphs: str = field(default=EVERY, metadata=ADDED)

    def __post_init__(self) -> None:
        checks: list[tuple[str, str, Collection[str]]] = [
            ("precision", self.precision, PRECISIONS),
            ("algorithm", self.algorithm, ALGORITHMS),
            ("scales", self.scales, SCALES),
            ("graphs", self.graphs, GRAPHS),
        ]
        if self.operators != (EVERY,):
            checks += [("operators", kind, KINDS) for kind in self.operators]
        for name, value, known in checks:
            if value not in known:
                raise ValueError(f"{name} has {value[:80]!r}, which is none of {', '.join(known)}")
        if not self.operators:
            raise ValueError("operators names none; '*' stands for all")
        if not 0 < len(self.layers) <= LONGEST_PATTERN:
            raise ValueError(f"layers must have 1 to {LONGEST_PATTERN} characters")
        if self.precision in ENDS_ONLY and not set(self.operators) <= set(ENDS):
            raise ValueError(f"{self.precision} is for the operators {' and '.join(ENDS)} only")
        if self.precision in CAST and self.algorithm != "min_max":
            raise ValueError(f"{self.precision} has no scales that an algorithm could choose")

    def to_json(self) -> dict[str, Any]:
        """The rule as a JSON object."""
        return {**asdict(self), "operators": list(self.operators)}

    def covers(self, operation: "Operation") -> bool:
        """Whether an operator of a graph is one of those meant."""
        names = ";".join(tensor.name for tensor in operation.outputs)
        return (self.operators == (EVERY,) or operation.kind in self.operators) and fnmatch.fnmatchcase(
            names, self.layers
        )

    def hides(self, other: "Rule") -> bool:
        """Whether it covers, in every graph, all operators that ``other`` does; of patterns only ``*`` and the same one count."""
        return (
            self.layers in (EVERY, other.layers)
            and self.graphs in (EVERY, other.graphs)
            and (self.operators == (EVERY,) or set(other.operators) <= set(self.operators))
        )

    def entries(self, number: int) -> list[dict[str, Any]]:
        """What litert-quantizer is given for it; it joins entries of equal patterns, so that ``number`` makes them differ."""
        # The library searches for its expression in the names of an operator's outputs, each with a semicolon behind it.
        pattern = rf"(?#{number})\A{fnmatch.translate(self.layers + ';')}"
        config = PRECISIONS[self.precision]
        entry: dict[str, Any] = {"regex": pattern, "algorithm_key": "no_quantize"}
        if config is not None:
            cast = self.precision in CAST
            weights = {
                "num_bits": 16 if cast else 8,
                "symmetric": True,
                "granularity": "TENSORWISE" if cast else SCALES[self.scales],
                "dtype": "FLOAT" if cast else "INT",
            }
            entry["algorithm_key"] = "float_casting" if cast else ALGORITHMS[self.algorithm]
            entry["op_config"] = {**config, "weight_tensor_config": weights}
        return [{**entry, "operation": _LIBRARY.get(kind, kind)} for kind in self.operators]


LONGEST_PATTERN = 1000
"""Largest number of characters of a pattern."""

Rules = tuple[Rule, ...]


def in_force(rules: Sequence[Rule]) -> Rules:
    """The rules that some operator may be left to, in order: those that no later rule undoes altogether."""
    return tuple(
        rule for place, rule in enumerate(rules) if not any(later.hides(rule) for later in rules[place + 1 :])
    )


def entries(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """The recipe that litert-quantizer is given: an entry for each rule and operator, in order."""
    return [entry for number, rule in enumerate(rules) for entry in rule.entries(number)]


def normalizes(graph: "Graph") -> bool:
    """Whether a graph normalizes activations by their own variance: it takes a reciprocal root of what it computes."""
    return any(
        operation.kind == "RSQRT" and operation.inputs[0] is not None and not operation.inputs[0].constant
        for operation in graph.operations
    )


def for_graph(rules: Sequence[Rule], graph: "Graph") -> Rules:
    """The rules that are for a graph, in order.

    Raises:
        UsageError: a rule is for layers of a name, and no operator has it.
    """
    for rule in rules:
        if rule.layers != EVERY and not any(rule.covers(operation) for operation in graph.operations):
            names = [operation.outputs[0].name for operation in graph.operations if operation.outputs]
            some = ", ".join(name[:80] for name in names[:: max(1, len(names) // 4)])
            raise UsageError(
                f"no operator is called {rule.layers[:80]!r}"
                + (f" and is one of {', '.join(rule.operators)}" if rule.operators != (EVERY,) else "")
                + f"; some are called {some}: give a pattern of such names, with * for any characters"
            )
    return tuple(rule for rule in rules if rule.graphs == EVERY or normalizes(graph))
