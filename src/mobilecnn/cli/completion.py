"""``mobilecnn completion``."""

import click
from click.shell_completion import get_completion_class

from mobilecnn.cli import sections
from mobilecnn.cli.output import data, document, json_option
from mobilecnn.cli.terminal import Lines

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_MOBILECNN_COMPLETE"
"""Variable by which the script asks ``mobilecnn`` for completions; click has its name from that of the program."""


@sections.command()
@click.argument("shell", type=click.Choice(SHELLS))
@json_option
def command(shell: str, as_json: bool) -> None:
    """A script with which a shell completes commands, options, networks, tables, formats, targets and devices.

    Put the line for your shell into its start-up file, or the script into the folder of its completions. Names of
    devices are read from your devices file at each press of Tab; nothing is imported that takes long.

    \b
    Example:
      eval "$(mobilecnn completion bash)"                                   # in ~/.bashrc
      eval "$(mobilecnn completion zsh)"                                    # in ~/.zshrc
      mobilecnn completion fish > ~/.config/fish/completions/mobilecnn.fish
    """
    script = source(shell)
    if as_json:
        document({"shell": shell, "script": script})
    else:
        data(Lines(script.rstrip("\n")))


def source(shell: str) -> str:
    """The script of one of :data:`SHELLS`."""
    from mobilecnn.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(cli, {}, "mobilecnn", VARIABLE)
    # Not source(), which starts the shell to ask its version.
    return made.source_template % made.source_vars()
