"""What a command proposes in its last line, ``Next: mobilecnn ...  # why``, and whether that is one."""

import shlex

import click

from mobilecnn.cli import load

START = "Next: mobilecnn "


def proposed(said: str) -> list[list[str]]:
    """The words behind ``mobilecnn`` of each command that is proposed, in order."""
    lines = [line.partition("  # ")[0] for line in said.splitlines() if line.startswith(START)]
    return [shlex.split(line.removeprefix(START)) for line in lines]


def parse(words: list[str]) -> None:
    """Read the words as the program does, without running anything; a usage error where they are no command."""
    name, *rest = words
    command = load(name)
    command.make_context(name, list(rest))
    if isinstance(command, click.Group):
        command.commands[rest[0]].make_context(rest[0], rest[1:])
