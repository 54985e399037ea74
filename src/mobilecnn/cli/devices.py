"""``mobilecnn devices``."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, progress, table, talk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mobilecnn.bench.devices.entries import Entry
    from mobilecnn.bench.devices.examine import Board

# Spelled out here as well, so that --help needs no bench; a test holds it equal to the table.
PROFILES = ("pi3", "pi4", "pi5", "zero2w", "pixel", "generic")


@click.group(invoke_without_command=True)
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
    from mobilecnn.bench.devices import entries as device_file

    entries = device_file.read()
    if as_json:
        document(
            {
                "file": str(device_file.path()),
                "devices": [{"name": name, **asdict(entry)} for name, entry in entries.items()],
            }
        )
        return
    rows = [(device_file.LOCAL, "local", "this machine", "", "")]
    rows += [(name, e.kind, _host(e), e.python or "", e.profile) for name, e in entries.items()]
    rows += [(name, "emulated", core, "", "") for name, core in device_file.EMULATED.items()]
    data(table(("name", "kind", "host", "python", "profile"), rows, left=5))
    talk(f"\nFile: {device_file.path()}")


def _host(entry: "Entry") -> str:
    """What reaches it."""
    return entry.host or entry.serial or "the phone that adb sees"


@command.command()
@click.argument("name")
@click.option("--host", help="As `ssh` takes it: a name, an address or an alias, also user@host.")
@click.option("--adb", is_flag=True, help="It is an Android phone.")
@click.option("--serial", help="With --adb: which, as `adb devices` lists it.  [default: the only one]")
@click.option("--python", help="The interpreter there.  [default: what setup made, else python3]")
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="generic",
    show_default=True,
    help="What it is; probe holds it against what it calls itself.",
)
@json_option
def add(
    name: str,
    host: str | None,
    adb: bool,
    serial: str | None,
    python: str | None,
    profile: str,
    as_json: bool,
) -> None:
    """Name a board or a phone, or change what its name means. Nothing is connected."""
    from mobilecnn.bench.devices import entries as device_file
    from mobilecnn.errors import UsageError

    if adb == (host is not None):
        raise UsageError("give either --host HOST, for a board over SSH, or --adb, for an Android phone")
    entry = device_file.Entry(host, python, profile, "adb" if adb else "ssh", serial)
    device_file.write({**device_file.read(), name: entry})
    if as_json:
        document({"file": str(device_file.path()), "added": {"name": name, **asdict(entry)}})
        return
    data(f"{name} is {_host(entry)}. Next: mobilecnn devices probe {name}")


@command.command()
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Forget a board or a phone. Nothing changes on it."""
    from mobilecnn.bench.devices import entries as device_file
    from mobilecnn.errors import UsageError

    entries = device_file.read()
    if name not in entries:
        known = ", ".join(entries) or "there is none"
        raise UsageError(f"no device is named {name!r} in {device_file.path()}; choose one of: {known}")
    device_file.write({each: entry for each, entry in entries.items() if each != name})
    if as_json:
        document({"file": str(device_file.path()), "removed": name})
        return
    data(f"{name} is forgotten.")


@command.command()
@click.argument("name")
@json_option
def probe(name: str, as_json: bool) -> None:
    """What a device is, what it has, and what it lacks."""
    from mobilecnn.bench.devices import entries as device_file
    from mobilecnn.bench.devices.examine import examine
    from mobilecnn.bench.devices.registry import device

    ours = (device_file.LOCAL, *device_file.EMULATED)
    profile = "generic" if name in ours else device_file.find(name).profile
    with device(name, say=talk) as where:
        board = examine(where, name, profile)
    if as_json:
        document({"name": name, **board.to_json()})
        return
    data(table(("", name), _rows(board), left=2))
    for one in board.missing:
        data(f"{one.what}: {one.fix}")


@command.command()
@click.argument("name")
@json_option
def diagnose(name: str, as_json: bool) -> None:
    """Try all that a measurement on a device needs, and say what is wrong and what to do.

    Connection, runtime, sending a file, right answers, steady times: with a file whose answers are
    known. What prevents measurements ends with code 3; what spoils them is a warning.
    """
    from mobilecnn.bench.devices import entries as device_file
    from mobilecnn.bench.devices.registry import timing_device
    from mobilecnn.bench.timing.diagnose import diagnose as go
    from mobilecnn.errors import EnvironmentProblem

    profile = "generic" if name == device_file.LOCAL else device_file.find(name).profile
    with progress("Diagnosing") as update:
        found = go(timing_device(name), name, profile, update)
    if as_json:
        document({"name": name, **found.to_json()})
    else:
        for each in found.findings:
            data(f"{each.step:<16}{each.verdict:<11}{each.what}".rstrip())
            if each.fix:
                data(f"{'':<27}do: {each.fix}")
    if found.failed is not None:
        where = "its message says why" if as_json else "above is why"
        raise EnvironmentProblem(f"{name} cannot be measured on: {found.failed.step} failed; {where}")


def _rows(board: "Board") -> "Sequence[tuple[str, str]]":
    from mobilecnn.bench.judge.hygiene import SINCE_START, THERMAL_STATUS, throttling

    facts = board.facts
    clocks = sorted({khz // 1000 for khz in board.frequencies_khz.values()})
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
            f"{facts.cpu or 'unknown'}, {facts.machine}, {facts.cores} core{'' if facts.cores == 1 else 's'}",
        ),
        ("CPU features", " ".join(facts.cpu_features) or "none"),
        ("memory", f"{facts.memory_bytes / 2**20:,.0f} MiB" if facts.memory_bytes else "unknown"),
        ("system", f"{facts.os or 'unknown'}, {facts.kernel}"),
        ("virtual machine", {True: "yes", False: "no", None: "unknown"}[facts.virtualised]),
        *more,
        *((runtime, version or "missing") for runtime, version in board.runtimes.items()),
        ("governor", ", ".join(facts.governors) or "unknown"),
        ("clock", ", ".join(f"{mhz} MHz" for mhz in clocks) or "unknown"),
        ("temperature", ", ".join(f"{c:.0f} °C" for c in board.temperatures_c.values()) or "unknown"),
        ("throttled", throttled or "unknown"),
    ]


_PUT = "/data/local/tmp/benchmark_model"
PHONE_NEEDS = (
    "USB debugging, allowed for this machine (docs/phones.md says how)",
    "TFLite's benchmark_model for Android: prebuilt by Google (android_aarch64_benchmark_model, among the nightly "
    + "tools of TensorFlow Lite), or built from its sources (docs/phones.md says how)",
    "that program put there (mobilecnn devices setup NAME --download does both; or: "
    + f"adb push PATH {_PUT} && adb shell chmod 755 {_PUT}), or named with --benchmark-model PATH",
)


@command.command()
@click.argument("name")
@options.runtime
@click.option("--offline", is_flag=True, help="For a board without a network: download here, carry it there.")
@click.option(
    "--download", is_flag=True, help="For a phone: download benchmark_model here, and put it there."
)
@click.option("--from", "source", help="With --download: the address.  [default: Google's nightly builds]")
@json_option
@click.pass_context
def setup(
    ctx: click.Context,
    name: str,
    runtime: str,
    offline: bool,
    download: bool,
    source: str | None,
    as_json: bool,
) -> None:
    """Give a board a private environment with a runtime, or a phone benchmark_model.

    Of a phone, without --download: say what it needs.
    """
    from mobilecnn.bench.devices import entries as device_file
    from mobilecnn.errors import UsageError

    if name == device_file.LOCAL:
        raise UsageError(
            f"this machine has its runtimes already; name a board: mobilecnn devices setup pi4 ({name!r})"
        )
    if name in device_file.EMULATED:
        raise UsageError(f"{name} is made by itself when it is first used: mobilecnn devices probe {name}")
    entry = device_file.find(name)
    given = {each for each in ctx.params if ctx.get_parameter_source(each) is not ParameterSource.DEFAULT}
    if entry.kind == "adb":
        _refuse(given, {"runtime": "--runtime", "offline": "--offline"}, f"for boards, and {name} is a phone")
        if source is not None and not download:
            raise UsageError("--from says where --download downloads from; add --download")
        _setup_phone(name, entry, source, download, as_json)
    else:
        _refuse(given, {"download": "--download", "source": "--from"}, f"for phones, and {name} is none")
        _setup_board(name, entry, runtime, offline, as_json)


def _refuse(given: "AbstractSet[str]", options: "Mapping[str, str]", why: str) -> None:
    from mobilecnn.errors import UsageError

    for parameter in sorted(given & options.keys()):
        raise UsageError(f"{options[parameter]} is {why}; leave it out")


def _setup_phone(name: str, entry: "Entry", source: str | None, download: bool, as_json: bool) -> None:
    from mobilecnn.bench.devices.adb import setup as phone_setup
    from mobilecnn.bench.devices.adb.device import AdbDevice

    if not download:
        if as_json:
            document({"name": name, "needs": list(PHONE_NEEDS)})
            return
        data(f"{name} needs:")
        for need in PHONE_NEEDS:
            data(f"* {need}")
        return
    with AdbDevice(name, entry.serial) as phone:
        program = phone_setup.setup(phone, source or phone_setup.NIGHTLY, talk)
    version = f"sha256:{program.parent.name}"
    if as_json:
        document({"name": name, "runtime": "benchmark_model", "version": version, "file": str(program)})
        return
    data(f"{name} has benchmark_model {version}; it is kept as {program}")
    data(f"Next: mobilecnn bench MODEL.tflite --device {name}")


def _setup_board(name: str, entry: "Entry", runtime: str, offline: bool, as_json: bool) -> None:
    from mobilecnn.bench.devices.ssh.device import SshDevice
    from mobilecnn.bench.devices.ssh.setup import setup as make

    assert entry.host is not None
    with SshDevice(name, entry.host, entry.python) as board:
        version = make(board, runtime, offline, talk, entry.python or "python3")
    if as_json:
        document({"name": name, "runtime": runtime, "version": version, "offline": offline})
        return
    data(
        f"{name} has {runtime} {version}. Next: mobilecnn bench MODEL.tflite --device {name} --runtime {runtime}"
    )
    if entry.python is not None:
        talk(
            f"Note: {name} is timed with {entry.python}, as its entry says. For the new environment, add it "
            f"anew without --python: mobilecnn devices add {name} --host {entry.host} --profile {entry.profile}"
        )
