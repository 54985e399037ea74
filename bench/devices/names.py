"""What devices are called, for those who need no more, such as the completion of a shell: nothing heavy is imported."""

import difflib
import os
import re
import tomllib
from pathlib import Path

from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.errors import MobileCnnError, UsageError
from mobilecnn.files import LARGEST_TOML, home

LOCAL = "local"
"""Name of this machine."""

EMULATED = {
    **{f"emulated-{chip}": chip for chip in CHIPS},
    "emulated": "pi4",
    "emulated-a53": "pi3",
    "emulated-a72": "pi4",
    "emulated-a76": "pi5",
}
"""Names of the emulated devices -> the chip, a key of :data:`mobilecnn.bench.records.chips.CHIPS`. Those of a processor
mean the Raspberry Pi with it."""

ONE_CORE = "--threads must be 1 on {name}: one core is emulated"
"""What is said, of an emulated device's name, where more threads are asked for."""


def path() -> Path:
    """The path of the devices file: below ``$XDG_CONFIG_HOME``, else ``~/.config``."""
    # The specification wants relative paths ignored.
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(configured) if configured.startswith("/") else home() / ".config"
    return folder / "mobilecnn" / "devices.toml"


def names() -> list[str]:
    """The names that follow ``--device``: this machine, the emulated chips, and those of the devices file.

    A file that cannot be read has none here; :func:`mobilecnn.bench.devices.entries.read` says what is wrong with it.
    """
    return [LOCAL, *EMULATED, *written()]


def written() -> list[str]:
    """The names in the devices file."""
    try:
        file = path()
        if not file.is_file() or file.stat().st_size > LARGEST_TOML:
            return []
        return list(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, MobileCnnError):
        return []


def refuse_misspelt(name: str) -> None:
    """Refuse what begins like the name of an emulated device and is none, before it is looked for elsewhere.

    Raises:
        UsageError: naming the nearest ones.
    """
    if name in EMULATED or not re.fullmatch(r"emulated[\w-]*", name, re.IGNORECASE):
        return
    near = difflib.get_close_matches(name[:60].lower(), EMULATED, n=3) or list(EMULATED)
    raise UsageError(
        f"no emulated device is named {name[:60]!r}; choose one of {', '.join(near)}; a board that is called so is "
        "named by mobilecnn devices add"
    )
