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
    wanted: Sequence[str], io: str, keep_float: Sequence[str] = (), recipe: Recipe | None = None
) -> Recipe:
    """The recipe that one format would be made by.

    Raises:
        UsageError: not exactly one format is wanted, or one without rules.
    """
    chosen = rows(wanted, keep_float, recipe)
    if len(chosen) != 1 or not chosen[0].rules:
        raise UsageError(
            "--show-recipe shows the recipe of one format; give one of "
            f"--{', --'.join(row.name for row in formats.FORMATS if row.rules)}"
        )
    return Recipe(chosen[0].name, chosen[0].rules_for(io))
