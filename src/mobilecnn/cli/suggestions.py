"""What a shell may complete an argument to: names of networks, tables, devices and others. It is asked at every press of
Tab, so that nothing heavy is imported."""

from collections.abc import Callable, Iterable

from click import Context, Parameter
from click.shell_completion import CompletionItem
from click.types import StringParamType

from mobilecnn.cli.parameters import Source


def _networks() -> Iterable[str]:
    from mobilecnn.train import zoo

    return zoo.stored_counts()


def _families() -> Iterable[str]:
    from mobilecnn.train.zoo.families import FAMILIES

    return [row.name for row in FAMILIES]


def _tables() -> Iterable[str]:
    from mobilecnn.bench.pages.table_names import names

    return names()


def _recipes() -> Iterable[str]:
    from mobilecnn.train import experiments

    return experiments.built_in()


def _devices() -> Iterable[str]:
    from mobilecnn.bench.devices.names import names

    return names()


def _written() -> Iterable[str]:
    from mobilecnn.bench.devices.names import written

    return written()


# Spelled out here, because the table in mobilecnn.train.pretrained needs numpy; a test holds them equal.
PUBLISHED = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
"""Networks of ``mobilecnn pretrained``."""
# Spelled out here, because the table in mobilecnn.convert.lowering.costs needs the flatbuffer's schema; a test holds them equal.
TARGETS = ("any", "x86", "x86-amx", "pi3", "pi4", "pi5", "rk3399", "sd810", "sd820", "tflite-runtime")
"""Targets of ``mobilecnn export``."""


class Named(StringParamType):
    """One of some names, or a name that the command itself judges.

    Attributes:
        names: function that gives the names; it is called at a press of Tab.
    """

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self.names = names

    def shell_complete(self, ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, but for those that an argument of several has already."""
        typed = ctx.params.get(str(param.name))
        there = typed if isinstance(typed, tuple) else ()
        return [
            CompletionItem(name)
            for name in self.names()
            if name.startswith(incomplete) and (name not in there or param.param_type_name == "option")
        ]


class NamedOrFile(Source):
    """One of some names, or a file.

    Attributes:
        names: function that gives the names.
        few: whether they are so few that they are shown where nothing is typed yet.
    """

    def __init__(self, names: Callable[[], Iterable[str]], few: bool = False) -> None:
        self.names, self.few = names, few

    def shell_complete(self, ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin as what is typed, and files: in bash where no name does."""
        shown = self.few or bool(incomplete)
        named = Named(self.names).shell_complete(ctx, param, incomplete) if shown else []
        # The files first: at that item Click's script for bash forgets what came before.
        return [CompletionItem(incomplete, type="file"), *named]


NETWORK = Named(_networks)
FAMILY = Named(_families)
TABLE = Named(_tables)
PRETRAINED = Named(lambda: PUBLISHED)
DEVICE = Named(_devices)
WRITTEN = Named(_written)
MODEL = NamedOrFile(_networks)
RECIPE = NamedOrFile(_recipes)
TARGET = NamedOrFile(lambda: TARGETS, few=True)
