"""What is said of a figure, as data: the one source of its text, JSON and HTML."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

Severity = Literal["invalid", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """Something that spoils a figure, may spoil the next one, or merely belongs to it.

    Attributes:
        code: stable name of the rule, such as ``wide-interval``.
        text: what was found, without the remedy.
        fix: what to do; empty where there is nothing to do.
        severity: ``invalid`` where the figure is not to be relied on; ``warning`` where something is to
            be mended, and the figure stands; ``note`` where nothing is.
    """

    code: str
    text: str
    fix: str
    severity: Severity = "invalid"

    def __str__(self) -> str:
        return f"{self.text}: {self.fix}" if self.fix else self.text

    def to_json(self) -> dict[str, str]:
        """The finding as a JSON object."""
        return asdict(self)


FIGURE = re.compile(r"(?<![\w./-])\d+(?:\.\d+)?(?:e[-+]?\d+)?")
"""A figure in what is said; digits that belong to a name, as those of ``python3.11``, are none."""

_ORDER: dict[Severity, int] = {"invalid": 0, "warning": 1, "note": 2}


def gathered(said: Iterable[tuple[str, Finding]]) -> list[tuple[Finding, tuple[str, ...]]]:
    """Each reason once, with the names of what it was said of: what spoils most figures is first.

    Findings of one rule that differ in a single figure become one, whose text gives that figure's range: ``used 38 to 52%
    of a core``. What spoils a figure stands before warnings, and these before notes.

    Args:
        said: name of a file, row or operator, with what is said of it.
    """
    names: dict[Finding, dict[str, None]] = {}
    for name, finding in said:
        names.setdefault(finding, {})[name] = None
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for finding in names:
        key = (finding.severity, finding.code, finding.fix, FIGURE.sub("#", finding.text))
        alike.setdefault(key, []).append(finding)
    made = []
    for findings in alike.values():
        merged = _merged(findings)
        groups = [findings] if merged is not None else [[finding] for finding in findings]
        for group in groups:
            of = dict.fromkeys(name for finding in group for name in names[finding])
            made.append((merged or group[0], tuple(of)))
    return sorted(made, key=lambda row: (_ORDER[row[0].severity], -len(row[1])))


def _merged(findings: Sequence[Finding]) -> Finding | None:
    """Findings whose texts differ in one figure at most, as one; None where they differ in several."""
    figures = [FIGURE.findall(finding.text) for finding in findings]
    moving = [place for place, column in enumerate(zip(*figures, strict=True)) if len(set(column)) > 1]
    if len(moving) > 1:
        return None
    if not moving:
        return findings[0]
    values = sorted((row[moving[0]] for row in figures), key=float)
    place = list(FIGURE.finditer(findings[0].text))[moving[0]]
    text = findings[0].text
    return replace(
        findings[0], text=f"{text[: place.start()]}{values[0]} to {values[-1]}{text[place.end() :]}"
    )
