"""What is said of a figure, as data: the one source of its text, JSON and HTML."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
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


def gathered(said: Iterable[tuple[str, Finding]]) -> list[tuple[Finding, tuple[str, ...]]]:
    """Each finding once, in the order of its first mention, with the names of what it was said of.

    Args:
        said: name of a file, row or operator, with what is said of it.
    """
    names: dict[Finding, dict[str, None]] = {}
    for name, finding in said:
        names.setdefault(finding, {})[name] = None
    return [(finding, tuple(of)) for finding, of in names.items()]
