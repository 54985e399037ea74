"""Recipes: the rules of one format as a file, to be read, changed and used again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mobilecnn.errors import UsageError
from mobilecnn.quantize import formats
from mobilecnn.quantize.formats import FLOAT32, Format
from mobilecnn.quantize.rules import EVERY, Rule, Rules
from mobilecnn.records import Stored

MOST_RULES = 1000
"""Largest number of rules of a recipe."""


@dataclass(frozen=True)
class Recipe(Stored):
    """Rules that take the place of those of a format.

    Attributes:
        format: name of the format, a row of :data:`mobilecnn.quantize.formats.FORMATS` that has rules.
        rules: how operators are stored and computed; later ones win.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.recipe"
    NOUN: ClassVar[str] = "recipe"

    format: str
    rules: Rules

    def __post_init__(self) -> None:
        if not formats.named(self.format).rules:
            raise ValueError(f"format {self.format} quantizes nothing and has no rules")
        if not 0 < len(self.rules) <= MOST_RULES:
            raise ValueError(f"rules must be 1 to {MOST_RULES}")
        if words := _misnamed(replace(formats.named(self.format), rules=self.rules)):
            raise ValueError(words)


def _misnamed(row: Format) -> str:
    """What is wrong with rules that make no file of a format's name; empty where some operator may be as the name says."""
    own = formats.named(row.name).precisions
    made = row.precisions
    if not own or set(own) & set(made):
        return ""
    others = [each.name for each in formats.FORMATS if set(each.precisions) & set(made)]
    return f"no rule makes anything {' or '.join(own)}, so that the file would not be {row.name}: " + (
        f"the rules make {' and '.join(made)}; name the format {' or '.join(others)}, or give a rule of precision {own[0]}"
        if made
        else f"all is left in float32; export --float32, or give a rule of precision {own[0]}"
    )


def keeping(patterns: Sequence[str]) -> Rules:
    """Rules that leave the operators of some names in float32.

    Raises:
        UsageError: a pattern is empty or too long.
    """
    try:
        return tuple(Rule(layers=pattern, operators=(EVERY,), precision=FLOAT32) for pattern in patterns)
    except ValueError as error:
        raise UsageError(f"--keep-float: {error}") from error


def rows(
    wanted: Sequence[str], keep_float: Sequence[str] = (), recipe: Recipe | None = None
) -> tuple[Format, ...]:
    """The formats of some names and of a recipe, in the table's order, with the rules that they get.

    Args:
        wanted: names of formats.
        keep_float: shell patterns of operators that stay in float32.
        recipe: rules for the format that it names.

    Raises:
        UsageError: a name is unknown, or a pattern is none.
    """
    own = keeping(keep_float)
    given = {} if recipe is None else {recipe.format: recipe.rules}
    made = [replace(row, rules=given.get(row.name, row.rules)) for row in formats.chosen([*wanted, *given])]
    return tuple(replace(row, rules=(*row.rules, *own)) if row.rules else row for row in made)


def shown(
    wanted: Sequence[str], io: str | None, keep_float: Sequence[str] = (), recipe: Recipe | None = None
) -> Recipe:
    """The recipe that one format would be made by.

    Raises:
        UsageError: not exactly one format is wanted, or one without rules, or one of which ``keep_float`` or ``io``
            leaves nothing.
    """
    chosen = rows(wanted, keep_float, recipe)
    if len(chosen) != 1 or not chosen[0].rules:
        raise UsageError(
            "--show-recipe shows the recipe of one format; give one of "
            f"--{', --'.join(row.name for row in formats.FORMATS if row.rules)}"
        )
    formats.check_io(io, chosen)
    if words := _misnamed(chosen[0]):
        raise UsageError(f"--keep-float {' '.join(keep_float)}: {words}")
    return Recipe(chosen[0].name, chosen[0].rules_for(io))
