"""What a shell may complete an argument to: names of networks and devices. It is asked at every press of Tab, so that
nothing heavy is imported."""

from click import Context, Parameter
from click.shell_completion import CompletionItem
from click.types import StringParamType

from mobilecnn.cli.parameters import Source


def networks(incomplete: str) -> list[CompletionItem]:
    """The names of the zoo that begin so."""
    from mobilecnn.train import zoo

    return [CompletionItem(name) for name in zoo.stored_counts() if name.startswith(incomplete)]


class Network(StringParamType):
    """A name of the zoo."""

    def shell_complete(self, ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin so."""
        return networks(incomplete)


class Model(Source):
    """A name of the zoo, or a file of a model."""

    def shell_complete(self, ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin as what is typed, and files: in bash where no name does."""
        named = networks(incomplete) if incomplete else []
        # The files first: at that item Click's script for bash forgets what came before.
        return [CompletionItem(incomplete, type="file"), *named]


class DeviceName(StringParamType):
    """A name that follows ``--device``."""

    def shell_complete(self, ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
        """The names of devices that begin so."""
        from mobilecnn.bench.devices.names import names

        return [CompletionItem(name) for name in names() if name.startswith(incomplete)]


class WrittenName(StringParamType):
    """A name in the devices file."""

    def shell_complete(self, ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
        """The names in the file that begin so."""
        from mobilecnn.bench.devices.names import written

        return [CompletionItem(name) for name in written() if name.startswith(incomplete)]


NETWORK = Network()
MODEL = Model()
DEVICE = DeviceName()
WRITTEN = WrittenName()
