"""The help: commands by stage, options by topic, whole sentences."""

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from mobilecnn.cli import COMMANDS, STAGES, cli, load
from mobilecnn.cli.sections import OTHER, TOPICS, SectionedCommand, topic


def everything() -> Iterator[tuple[str, click.Command]]:
    """Every command and subcommand that has options of its own."""
    for name in COMMANDS:
        command = load(name)
        yield name, command
        for inner, subcommand in getattr(command, "commands", {}).items():
            yield f"{name} {inner}", subcommand


OPTIONS = [
    (name, option)
    for name, command in everything()
    for option in command.params
    if isinstance(option, click.Option)
]

BEGINNINGS = (
    "Also Ask Begin Bind Bring Build Calibrate Change Compare Compute Continue Correct Count Download "
    "Draw Drop End Examine Exit Expect Find Fine-tune Give Hold Install Keep Leave Let List Make Measure "
    "Multiply Pass Print Put Reach Rewrite Run Say Set Show Sort Spread State Take Test Time Train Use "
    "Validate Wait Weigh Write"
)
"""Words that an option's help begins with: it says what the command then does, in a sentence."""


def test_every_command_is_in_one_stage() -> None:
    listed = [name for names in STAGES.values() for name in names]
    assert sorted(listed) == sorted(COMMANDS)


def test_the_help_shows_the_stages_in_order() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    places = [shown.index(f"\n{stage}:\n") for stage in STAGES]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("name", "option"), OPTIONS, ids=[f"{name} {option.opts[-1]}" for name, option in OPTIONS]
)
def test_an_option_is_described_in_whole_sentences(name: str, option: click.Option) -> None:
    assert option.help is not None
    words, _, default = option.help.partition("  [default: ")
    assert words.split()[0] in BEGINNINGS.split(), (
        f"begin with a verb, and add it to BEGINNINGS if need be: {words}"
    )
    assert words.endswith("."), words
    assert re.fullmatch(r"(?:[^.]|\.(?=\S)|\.(?= [A-Z])|\.\.\.|\.(?=\)))*\.", words), words
    assert not default or default.endswith("]")


@pytest.mark.parametrize(("name", "command"), list(everything()), ids=[name for name, _ in everything()])
def test_options_stand_below_topics(name: str, command: click.Command) -> None:
    assert isinstance(command, SectionedCommand | click.Group)
    shown = CliRunner().invoke(cli, [*name.split(), "--help"]).output
    options = [option for option in command.params if isinstance(option, click.Option)]
    if isinstance(command, click.Group):
        return
    titles = [topic(option) for option in options]
    assert [title for title in titles if title == OTHER] == [], [
        option.name for option in options if topic(option) == OTHER
    ]
    places = [shown.index(f"\n{title}:\n") for title in titles if title != "Results"]
    assert not places or shown.index("\nResults:\n") > max(places)


def test_no_topic_names_what_is_not_there() -> None:
    known = {str(option.name) for _, option in OPTIONS} | {"help"}
    assert not {name for names in TOPICS.values() for name in names} - known


def test_a_parameter_has_one_topic() -> None:
    named = [name for names in TOPICS.values() for name in names]
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    "typed",
    [
        ("tables", "mobilenet-2", "--format", "json"),
        ("tables", "mobilenet-2", "--format=json"),
        ("compress", "m.keras", "-o", "n.keras", "--prune", "0.5", "--format", "json"),
        ("search", "mobilenet_v1", "--budget", "20ms", "--format", "json"),
    ],
)
def test_who_asks_for_a_format_json_is_told_of_the_option(typed: tuple[str, ...]) -> None:
    refused = CliRunner().invoke(cli, typed)
    assert refused.exit_code == 2 and refused.stderr.rstrip().endswith("; --json prints JSON.")
    other = CliRunner().invoke(cli, [word.replace("json", "jpeg") for word in typed])
    assert other.exit_code == 2 and "--json" not in other.stderr
