"""The names of the papers' tables, apart from what fills them in: a shell asks for them at every press of Tab."""

from mobilecnn.train import tables

TIMED = "shufflenet-8"
"""Name of the table that takes times."""


def names() -> tuple[str, ...]:
    """Names of all tables, those of a paper together and by number."""
    counted = tables.names()
    place = counted.index("shufflenet-6") + 1
    return (*counted[:place], TIMED, *counted[place:])
