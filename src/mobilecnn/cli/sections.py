"""Help in sections: the options of a command by topic, in one order for all commands."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import click

TOPICS: Mapping[str, tuple[str, ...]] = {
    "Formats": ("formats", "everything", "form", "io", "keep_float", "recipe", "show_recipe"),
    "Data": ("source", "split", "skip_bad", "calibration", "samples", "validation", "test", "augment", "seed"),
    "Network": ("classes", "size", "weights", "labels", "family", "max_macs", "max_params", "sort", "names", "stand_in",
                "sides", "widths"),
    "Reading the model": (
        "input_range", "override_input_range", "output_kind", "allow_code", "custom_objects", "runtime", "reference",
    ),
    "Making it small": ("svd", "prune", "prune_schedule", "cluster"),
    "Making it right and fast": ("correct", "lowering", "target", "target_runtime"),
    "Training": ("options_file", "epochs", "batch_size", "learning_rate", "class_weights", "label_smoothing", "resume"),
    "Where": (
        "device", "devices", "device_name", "device_names", "delegate", "cores", "threads", "counts_only", "workers",
        "scheduler",
    ),
    "How long": ("fresh", "rounds", "seconds", "minutes", "min_seconds", "min_queries", "cool_down"),
    "What to measure": ("experiment", "resolutions", "dtypes", "times", "across", "budget"),
    "Boards": ("host", "python", "offline", "version", "profile"),
    "Phones": ("adb", "serial", "download", "from", "sha256", "app", "folder", "application", "name", "install", "apk", "models"),
    "Checks": (
        "min_agreement", "min_sqnr", "max_drop", "max_slowdown", "even_invalid", "allow_wrong_answers", "check",
    ),
    "Results": (
        "output", "by_class", "confusion", "flips", "sheet", "scores", "explain", "top", "verbose", "as_json", "help",
    ),
}  # fmt: skip
"""Heading of the help -> the parameters that stand below it, by the names that the commands take them by."""

_TOPIC = {name: topic for topic, names in TOPICS.items() for name in names}

OTHER = "Options"
"""Heading of what has no topic, which stands before ``Results``."""


class SectionOption(click.Option):
    """An option that has a heading of its own in the help of a :class:`SectionedCommand`."""

    def __init__(self, *arguments: Any, section: str, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.section = section


def _with_json(message: str) -> str:
    return f"{message.rstrip('.')}; --json prints JSON."


class SectionedCommand(click.Command):
    """A command whose help lists its options by topic: those of :data:`TOPICS`, in their order, and its own sections."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line; who asks for a format ``json`` is told of the option that prints it."""
        # Parsing takes the words away.
        wanted = "--format=json" in args or ("--format", "json") in pairwise(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if wanted and error.option_name == "--format" and self._prints_json():
                raise click.NoSuchOption("--format", _with_json(error.message), ctx=ctx) from error
            raise
        except click.BadParameter as error:
            refused = error.param is not None and "--format" in error.param.opts
            if wanted and refused and self._prints_json():
                raise click.BadParameter(_with_json(error.message), ctx, error.param) from error
            raise

    def _prints_json(self) -> bool:
        return any("--json" in parameter.opts for parameter in self.params)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section; few options need none."""
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        sections: dict[str, list[tuple[str, str]]] = {}
        for option in options:
            if (line := option.get_help_record(ctx)) is not None:
                sections.setdefault(topic(option), []).append(line)
        last = sections.pop("Results", [])
        for title, lines in [*sorted(sections.items(), key=_place), ("Results", last)]:
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)


def topic(option: click.Option) -> str:
    """The heading of an option: its own section, or that of :data:`TOPICS`."""
    return getattr(option, "section", None) or _TOPIC.get(str(option.name), OTHER)


def _place(section: tuple[str, object]) -> int:
    titles = list(TOPICS)
    return titles.index(section[0]) if section[0] in TOPICS else len(titles)


class SectionedGroup(click.Group):
    """A group whose subcommands list their options by topic."""

    command_class = SectionedCommand


command = partial(click.command, cls=SectionedCommand)
"""Decorator of a command whose help is in sections."""


def group(**attributes: Any) -> Callable[[Callable[..., Any]], SectionedGroup]:
    """Decorator of a group of such commands, with the attributes that :func:`click.group` takes."""
    return click.group(cls=SectionedGroup, **attributes)
