"""``mobilecnn devices``."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mobilecnn.bench.devices.backends import BACKENDS, GENERIC, PROFILES
from mobilecnn.cli import proposals, sections, suggestions
from mobilecnn.cli.output import data, document, hint, json_option, progress, table, talk, then

if TYPE_CHECKING:
    from mobilecnn.bench.devices.examine import Examined
    from mobilecnn.bench.devices.seam import Option


def _with_options(
    *declared: "Iterable[Option]",
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that backends declare; one that several share is that of the first."""
    by_name: dict[str, Option] = {}
    for option in chain(*declared):
        by_name.setdefault(option.name, option)

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(by_name.values()):
            function = click.option(
                f"--{option.name}",
                option.name,
                is_flag=option.flag,
                type=click.Choice(option.choices) if option.choices else None,
                default=False if option.flag else option.default,
                show_default=option.default is not None,
                help=option.help,
            )(function)
        return function

    return decorate


@sections.group(invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """The boards and phones to time on: list, add, remove, probe, set up, diagnose.

    Any command's --device takes `local`, a name of this list, or a host as `ssh` takes it.
    Without a subcommand: list.

    \b
    Example:
      mobilecnn devices add pi4 --host pi@raspberrypi.local --profile pi4
      mobilecnn devices setup pi4
      mobilecnn devices diagnose pi4
      mobilecnn bench out/*.tflite --device pi4
      mobilecnn devices add pixel --adb --profile pixel
    """
    if ctx.invoked_subcommand is None:
        _list(as_json)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """The devices there are."""
    _list(as_json)


def _list(as_json: bool) -> None:
    from mobilecnn.bench.devices import entries, registry

    if as_json:
        listed = [{"name": name, **entries.to_json(entry)} for name, entry in entries.read().items()]
        document({"file": str(entries.path()), "devices": listed})
        return
    columns = (*entries.COLUMNS, "profile")
    rows = [
        (
            device.name,
            device.backend.kind,
            device.shown,
            *((getattr(device.entry, column, None) or "") for column in columns),
        )
        for device in registry.known()
    ]
    header = ("name", "kind", "host", *columns)
    data(table(header, rows, left=len(header)))
    talk("")
    talk(f"File: {entries.path()}")
    first = next(iter(entries.read()), "local")
    hint(proposals.line("devices", "diagnose", first), "whether all works there that a measurement needs")


@command.command()
@click.argument("name")
@_with_options(*(backend.add_options for backend in BACKENDS))
@click.option(
    "--profile",
    type=click.Choice(tuple(PROFILES)),
    default=GENERIC,
    show_default=True,
    help="Say what it is; probe holds that against what it calls itself.",
)
@json_option
def add(name: str, as_json: bool, **given: Any) -> None:
    """Name a board or a phone, or change what its name means. Nothing is connected."""
    from mobilecnn.bench.devices import entries, registry

    entry = registry.new_entry(
        {option: value for option, value in given.items() if value not in (None, False)}
    )
    with entries.changing():
        entries.write({**entries.read(), name: entry})
    if as_json:
        document({"file": str(entries.path()), "added": {"name": name, **entries.to_json(entry)}})
        return
    data(f"{name} is {entry.address}.")
    then(proposals.line("devices", "probe", name), "what it is, and what it lacks")


@command.command()
@click.argument("name", type=suggestions.WRITTEN)
@json_option
def remove(name: str, as_json: bool) -> None:
    """Forget a board or a phone. Nothing changes on it."""
    from mobilecnn.bench.devices import entries
    from mobilecnn.errors import UsageError

    with entries.changing():
        named = entries.read()
        if name not in named:
            known = ", ".join(named) or "there is none"
            raise UsageError(f"no device is named {name!r} in {entries.path()}; choose one of: {known}")
        entries.write({other: entry for other, entry in named.items() if other != name})
    if as_json:
        document({"file": str(entries.path()), "removed": name})
        return
    data(f"{name} is forgotten.")


@command.command()
@click.argument("name", type=suggestions.WRITTEN)
@json_option
def probe(name: str, as_json: bool) -> None:
    """What a device is, what it has, and what it lacks."""
    from mobilecnn.bench.devices import registry
    from mobilecnn.bench.devices.examine import examine

    with registry.device(name, say=talk) as device:
        board = examine(device, name, registry.find(name).profile)
    if as_json:
        document({"name": name, **board.to_json()})
        return
    data(table(("", name), _rows(board), left=2))
    for missing in board.missing:
        data(str(missing))
    if not board.missing:
        hint(proposals.line("devices", "diagnose", name), "whether all works there that a measurement needs")


@command.command()
@click.argument("name", type=suggestions.WRITTEN)
@json_option
def diagnose(name: str, as_json: bool) -> None:
    """Try all that a measurement on a device needs, and say what is wrong and what to do.

    Connection, runtime, sending a file, right answers, steady times: with a file whose answers are
    known. What prevents measurements ends with code 3; what spoils them is a warning.
    """
    from mobilecnn.bench.devices import registry
    from mobilecnn.bench.timing.diagnose import diagnose as go
    from mobilecnn.errors import EnvironmentProblem

    with progress("Diagnosing") as update:
        diagnosis = go(registry.timing_device(name), name, registry.find(name).profile, update)
    if as_json:
        document({"name": name, **diagnosis.to_json()})
    else:
        for finding in diagnosis.findings:
            data(f"{finding.step:<16}{finding.verdict:<11}{finding.what}".rstrip())
            if finding.fix:
                data(f"{'':<27}do: {finding.fix}")
    if diagnosis.failed is not None:
        where = "its message says why" if as_json else "above is why"
        raise EnvironmentProblem(f"{name} cannot be measured on: {diagnosis.failed.step} failed; {where}")
    if not as_json:
        then(proposals.line("bench", "MODEL.tflite", "--device", name), "how long a file takes there")


def _rows(board: "Examined") -> Sequence[tuple[str, str]]:
    from mobilecnn.bench.judge.hygiene import SINCE_START, THERMAL_STATUS, throttling
    from mobilecnn.remarks import plural

    facts = board.facts
    clocks = sorted({khz // 1000 for khz in board.frequencies_khz.values()})
    runtimes = board.runtimes or {"runtimes": "unknown"}
    throttled = None
    if board.throttled is not None:
        now = ", ".join(throttling(board.throttled)) or "no"
        before = ", ".join(throttling(board.throttled >> SINCE_START)) or "no"
        throttled = f"now: {now}; since it was started: {before}"
    if board.thermal_status is not None:
        throttled = f"thermal status {THERMAL_STATUS[board.thermal_status]}"
    more = [("Python", facts.python or "unknown"), ("numpy", facts.numpy or "missing")]
    if (android := facts.android) is not None:
        battery = "unknown" if android.battery_percent is None else f"{android.battery_percent} %"
        more = [
            ("build", android.fingerprint or "unknown"),
            ("chip", android.soc or "unknown"),
            ("programs", ", ".join(android.abis)),
            ("battery", battery),
            ("adb", f"{android.adb} ({', '.join(android.adb_features) or 'no features'})"),
        ]
    return [
        ("board", facts.board or "unknown"),
        (
            "CPU",
            f"{facts.cpu or 'unknown'}, {facts.machine}, {plural(facts.cores, 'core')}",
        ),
        ("CPU features", " ".join(facts.cpu_features) or "none"),
        ("memory", f"{facts.memory_bytes / 2**20:,.0f} MiB" if facts.memory_bytes else "unknown"),
        ("system", f"{facts.os or 'unknown'}, {facts.kernel}"),
        ("virtual machine", {True: "yes", False: "no", None: "unknown"}[facts.virtualised]),
        *more,
        *((runtime, version or "missing") for runtime, version in runtimes.items()),
        ("governor", ", ".join(facts.governors) or "unknown"),
        ("clock", ", ".join(f"{mhz} MHz" for mhz in clocks) or "unknown"),
        ("temperature", ", ".join(f"{c:.0f} °C" for c in board.temperatures_c.values()) or "unknown"),
        ("throttled", throttled or "unknown"),
    ]


@command.command()
@click.argument("name", type=suggestions.WRITTEN)
@_with_options(*(backend.setup_options for backend in BACKENDS))
@json_option
@click.pass_context
def setup(ctx: click.Context, /, name: str, as_json: bool, **values: Any) -> None:
    """Give a board a private environment with a runtime, or a phone benchmark_model.

    For a phone without --download: say what it needs.
    """
    from mobilecnn.bench.devices import registry

    given = [option for option in values if ctx.get_parameter_source(option) is not ParameterSource.DEFAULT]
    done = registry.set_up(name, values, given, talk)
    if as_json:
        document({"name": name, **done.document})
        return
    for line in done.lines:
        data(line)
    for remark in done.remarks:
        talk(remark)
