"""``mobilecnn doctor``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import sections
from mobilecnn.cli.output import data, document, json_option, prose, table, then

if TYPE_CHECKING:
    from mobilecnn.doctor import Need

# Spelled out here as well, so that --help imports nothing; a test holds it equal to the table in mobilecnn.doctor.
CAPABILITIES = (
    "core", "tflite-runtime", "train", "export", "report", "cluster", "jax", "isic", "emulated", "boards", "phones", "android",
    "devices",
)  # fmt: skip


@sections.command()
@click.argument("capabilities", metavar="[CAPABILITY]...", nargs=-1, type=click.Choice(CAPABILITIES))
@click.option(
    "--seconds",
    type=click.FloatRange(min=1, max=600),
    default=15.0,
    show_default=True,
    help="Give each device of the devices file this long to answer.",
)
@json_option
def command(capabilities: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """What is here and what is missing for each thing that mobilecnn can do, with the command that mends it.

    CAPABILITY is core, tflite-runtime, train, export, report, cluster, jax, isic, emulated, boards,
    phones, android or devices; without one, all are examined. Nothing is installed or changed, and
    the devices of the devices file are probed side by side.

    The exit code is 0 if what was named is whole, else 3. Where nothing was named, only the core and the
    devices of the devices file count: nobody needs everything.

    \b
    Example:
      mobilecnn doctor
      mobilecnn doctor export emulated
    """
    from mobilecnn import doctor

    needs = doctor.examine(capabilities, seconds)
    if as_json:
        document({"capabilities": doctor.to_json(needs)})
    else:
        _show(needs, capabilities or CAPABILITIES)
    doctor.refuse_unfit(needs, capabilities)


def _show(needs: "Sequence[Need]", capabilities: Sequence[str]) -> None:
    """A row for each capability, and a line for each command that mends something."""
    from mobilecnn.doctor import CAPABILITIES as PURPOSES

    rows = []
    for name in (name for name in CAPABILITIES if name in capabilities):
        mine = [need for need in needs if need.capability == name]
        bad: list[str] = [need.state for need in mine if need.state != "ok"]
        here = ", ".join(f"{need.name} {need.found}".strip() for need in mine if need.state == "ok")
        state = (bad[0] if bad else "ok") if mine else "none"
        rows.append([name, state, PURPOSES[name], here])
    data(table(["capability", "state", "for", "here"], rows, left=4, spare=["here"]))
    mending: dict[tuple[str, str, str], list[str]] = {}
    for need in needs:
        if need.state != "ok":
            key = (need.state, need.found, need.fix)
            mending.setdefault(key, []).append(f"{need.name} (for {need.capability})")
    for (state, found, fix), names in mending.items():
        why = f" ({found})" if found else ""
        prose(f"{state}: {', '.join(names)}{why}" + (f": {fix}" if fix else ""))
    if not any(need.state != "ok" for need in needs):
        then("mobilecnn demo", "train, export, check, time and report, on embedded data")
