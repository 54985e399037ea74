"""The names of the papers' tables, apart from what fills them in: a shell asks for them at every press of Tab."""

from mobilecnn.train import tables

TIMED = "shufflenet-8"
"""Name of the table that takes times."""


def of(name: str) -> tuple[str, ...]:
    """The tables that a name stands for: that table, or all of a paper: ``inception-v2`` for those of ``inception_v2``.

    A name that stands for nothing is returned as it is.
    """
    every = names()
    paper = name.replace("-", "_")
    return tuple(each for each in every if each.rpartition("-")[0] == paper and name not in every) or (name,)


def names() -> tuple[str, ...]:
    """Names of all tables, those of a paper together and by number."""
    counted = tables.names()
    place = counted.index("shufflenet-6") + 1
    return (*counted[:place], TIMED, *counted[place:])
