"""The names of the papers' tables, apart from what fills them in: a shell asks for them at every press of Tab."""

from mobilecnn.train import tables

TIMED = "shufflenet-8"
"""Name of the table that takes times."""


SPELLINGS = {"mobilenet_v1": "mobilenet", "shufflenet_v1": "shufflenet"}
"""Name of a family of the zoo -> what the tables of its paper are called, which was the first of its kind and has no number."""


def of(name: str) -> tuple[str, ...]:
    """The tables that a name stands for: that table, or all of a paper: ``inception-v2`` for those of ``inception_v2``.

    The paper may also be called as the zoo calls its networks: ``mobilenet_v1-2`` is ``mobilenet-2``. A name that stands for
    nothing is returned as it is.
    """
    every = names()
    family, dash, number = name.replace("-v1", "_v1").partition("-")
    known = f"{SPELLINGS[family]}{dash}{number}" if family in SPELLINGS else name
    if known in every:
        return (known,)
    return tuple(each for each in every if each.rpartition("-")[0] == known.replace("-", "_")) or (name,)


def names() -> tuple[str, ...]:
    """Names of all tables, those of a paper together and by number."""
    counted = tables.names()
    place = counted.index("shufflenet-6") + 1
    return (*counted[:place], TIMED, *counted[place:])
