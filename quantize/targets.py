"""The runtime that files are made for: what an older one lacks is mended by a rule where one can, and refused else."""

import re
from collections import Counter
from dataclasses import dataclass, replace

from mobilecnn.convert.graph.flatbuffer import Graph
from mobilecnn.convert.versions import release_for, types_of
from mobilecnn.errors import UsageError
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.rules import CAST, PRECISIONS, Rule
from mobilecnn.remarks import plural

PACKAGES = ("tflite-runtime", "tensorflow")
"""Packages whose releases are numbered as TFLite's are."""

_TARGET = re.compile(r"(?P<package>[a-z-]{1,40})==(?P<release>[0-9]{1,4}(?:\.[0-9]{1,4}){0,3})", re.ASCII)

_LEADING = re.compile(r"[0-9]{1,4}(?![0-9])(?:\.[0-9]{1,4}(?![0-9])){0,3}", re.ASCII)

DENSE = "FULLY_CONNECTED"
"""Operator whose scales for each row of the weights came late: without activations in int8 in release 2.17, with them in 2.10."""


@dataclass(frozen=True)
class Target:
    """A release of a runtime.

    Attributes:
        package: one of :data:`PACKAGES`.
        release: its number: ``2.14``.
    """

    package: str
    release: str

    def __str__(self) -> str:
        return f"{self.package}=={self.release}"

    def has(self, release: str | None) -> bool:
        """Whether it is of that release of TFLite, or newer; no release is newer than an unknown one."""
        return release is not None and _numbers(self.release) >= _numbers(release)


def target(text: str) -> Target:
    """The target that ``PACKAGE==RELEASE`` names.

    Raises:
        UsageError: it names none.
    """
    found = _TARGET.fullmatch(text)
    if found is None or found["package"] not in PACKAGES:
        raise UsageError(
            f"--target-runtime {text[:80]!r} is no release of {' or '.join(PACKAGES)}; give tflite-runtime==2.14, for example"
        )
    return Target(found["package"], found["release"])


def release_of(version: str) -> str | None:
    """The release in the version that a package states: ``2.5.0`` of ``2.5.0.post1``; None of one that begins with no number."""
    found = _LEADING.match(version)
    return None if found is None else found[0]


def _numbers(release: str) -> tuple[int, ...]:
    numbers = [int(part) for part in release.split(".")]
    return tuple(numbers + [0] * (4 - len(numbers)))


def lacking(graph: Graph, wanted: Target) -> dict[str, int]:
    """The operators of a file that a runtime lacks, or may lack: a phrase for each kind -> their number."""
    return dict(
        Counter(
            f"{operation.kind} of {types_of(operation)} ({'release ' + release if release else 'of an unknown release'})"
            for operation in graph.operations
            for release in [release_for(operation, operation.version)]
            if not wanted.has(release)
        )
    )


def mended(row: Format, missing: dict[str, int], graph: Graph) -> Format | None:
    """The format with one scale for each dense layer, where those are all that a runtime lacks; None where that is no help.

    A rule that gives dense layers a scale for each output is followed by the same for these alone, with one scale: what later rules
    say, such as that some stay in float32, holds as before.

    Args:
        row: the format.
        missing: what the runtime lacks, as of :func:`lacking`.
        graph: the float32 file, with the layers that rules name.
    """
    if not missing or not all(phrase.startswith(f"{DENSE} ") for phrase in missing):
        return None
    rules: list[Rule] = []
    for rule in row.rules:
        one = replace(rule, operators=(DENSE,), scales="tensor")
        scaled = PRECISIONS[rule.precision] is not None and rule.precision not in CAST
        if scaled and _covers_dense(rule, graph) and not (rule.scales == "tensor" or one in row.rules):
            rules += [rule, one]
        else:
            rules.append(rule)
    return None if len(rules) == len(row.rules) else replace(row, rules=tuple(rules))


def _covers_dense(rule: Rule, graph: Graph) -> bool:
    return any(operation.kind == DENSE and rule.covers(operation) for operation in graph.operations)


def refuse(name: str, missing: dict[str, int], wanted: Target) -> None:
    """Refuse a file that has operators which a runtime lacks.

    Raises:
        UsageError: there are some.
    """
    if missing:
        what = "; ".join(f"{plural(count, 'operator')} {phrase}" for phrase, count in sorted(missing.items()))
        raise UsageError(
            f"{name} would not run on {wanted}, which lacks {what}; choose another format or a newer runtime, or leave "
            "--target-runtime out"
        )
