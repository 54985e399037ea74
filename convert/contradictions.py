"""What a passport says otherwise than its file proves: the input's range, the kind of the scores, the classes.

A passport is text that anybody can change, and its SHA-256 vouches for the file, not for the passport. The file itself
states the range and the class names in its TFLite Metadata, and its operators prove more. What neither tells, the
golden pictures do (:mod:`mobilecnn.quantize.golden_answers`).
"""

from pathlib import Path

from mobilecnn.contract import InputContract
from mobilecnn.convert import passport
from mobilecnn.convert.file_input import labels_of_file, stated_by
from mobilecnn.convert.file_preprocessing import follow_file
from mobilecnn.convert.findings import contradicts, differ
from mobilecnn.convert.graph import metadata
from mobilecnn.convert.graph.flatbuffer import Graph
from mobilecnn.convert.output_kinds import SOFTMAX, UNKNOWN, Shown, choices
from mobilecnn.convert.outputs import shown_by_file
from mobilecnn.convert.passport import Passport
from mobilecnn.errors import ModelFileError
from mobilecnn.labels import normal, one_line

ROUNDING = 1e-4
"""Share of an input's span by which a range in the metadata, whose numbers are float32, may be off."""


def refuse(card: Passport, graph: Graph, content: bytes, model: Path, *, overridden: bool = False) -> None:
    """Refuse a passport that contradicts its file.

    Args:
        card: the passport.
        graph: the file.
        content: the whole file.
        model: its path.
        overridden: whether the user sets aside what the passport says of the input's range.

    Raises:
        ModelFileError: naming what each of the two says.
    """
    reason = contradiction(card, graph, content, overridden=overridden)
    if reason is not None:
        raise ModelFileError(
            f"the passport {passport.beside(model)} contradicts {model}: {reason}; export the model again"
        )


def contradiction(card: Passport, graph: Graph, content: bytes, *, overridden: bool = False) -> str | None:
    """What a passport and its file say otherwise, as a clause; None where the file proves nothing else."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return None
    return (
        _of_size(card.contract, graph)
        or (None if overridden else of_range(card.contract, graph))
        or _of_kind(card, graph)
        or _of_labels(card, graph, content)
    )


def _of_size(contract: InputContract, graph: Graph) -> str | None:
    takes, said = graph.inputs[0].shape, (1, *contract.shape)
    return None if takes == said else f"it says that the input is {said}, and the file takes {takes}"


def of_range(contract: InputContract, graph: Graph) -> str | None:
    """What a contract and a file with one input say otherwise of its range, as a clause; None where the two fit."""
    said = f"it says that the input is {contract.meaning}"
    stated = _stated(contract, graph)
    if stated is not None and differ(contract, stated, ROUNDING):
        return f"{said}, and the {metadata.ENTRY} in the file {stated.meaning}"
    # Where older versions assumed a range, and where the user set the file's own aside, the two may differ.
    if not contract.stated or contract.overrides:
        return None
    finding = follow_file(graph, measured=True)
    if not finding.possible or not contradicts(finding, contract):
        return None
    takes = finding.proven or " or ".join(sorted(finding.possible))
    return f"{said}, and of the file is known that {finding.evidence}, which takes {takes}"


def _stated(contract: InputContract, graph: Graph) -> InputContract | None:
    """What the file's metadata states, as far as it states it; None where it states nothing."""
    try:
        stated = stated_by(graph, contract.shape)
        content = graph.metadata.get(metadata.ENTRY)
        color = "" if content is None else metadata.read(content).color
    except ValueError:
        return None  # Damaged: it states nothing.
    if stated is None or color or stated.color == "bgr":
        return stated
    # The format has no name for BGR.
    return InputContract(*stated.shape, contract.color, stated.mean, stated.std)


def of_kind(kind: str, shown: Shown, outputs: int) -> str | None:
    """What a kind of output and the last operation of a file say otherwise, as a clause; None where the two fit."""
    if kind in (UNKNOWN.name, *choices(shown, outputs)):
        return None
    if (kind, shown, outputs) == (SOFTMAX.name, "softmax", 1):
        return None  # For latency.
    return f"it says that the scores are {kind}, and the last operation in the file is {shown}"


def _of_kind(card: Passport, graph: Graph) -> str | None:
    return of_kind(card.output.kind, shown_by_file(graph), graph.outputs[0].elements)


def _of_labels(card: Passport, graph: Graph, content: bytes) -> str | None:
    inside = labels_of_file(content, graph)
    # Of a single output the file has the name of its high scores alone.
    said = card.labels[-1:] if card.kind.decision == "binary" else card.labels
    if len(said) != len(inside) or [normal(one_line(label)) for label in said] == list(inside):
        return None
    return "it names other classes, or in another order, than the labels inside the file"
