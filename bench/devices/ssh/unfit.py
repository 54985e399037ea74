"""Versions of a runtime that took their process down on a board: remembered there, so that set-up leaves them out.

What runs depends on the processor and the C library, which are kept beside the version: with another system it
is tried again.
"""

import re

from mobilecnn.bench.devices.ssh.connection import Connection
from mobilecnn.bench.devices.wheels import PACKAGES

SIGNS = re.compile(r"ended by SIG(?:ILL|BUS|SEGV)|GLIBC(?:XX)?_|CXXABI_|ELF load command alignment")
"""Pattern of an error in which the board, and not the model, is why a runtime does not run."""

REMEMBER = """
printf "\\n%s\\n" "$1"; umask 077; mkdir -p "${2%/*}" || exit 1;
k="$(uname -m) $(getconf GNU_LIBC_VERSION 2>/dev/null):$3";
grep -qxF "$k" "$2" 2>/dev/null || echo "$k" >>"$2" || exit 1; echo done
"""
RECALL = """
printf "\\n%s\\n" "$1"; k="$(uname -m) $(getconf GNU_LIBC_VERSION 2>/dev/null):";
[ ! -r "$2" ] || tail -n 100 "$2" | while IFS= read -r l; do case $l in "$k"*) printf "%s " "${l#"$k"}";; esac; done; echo
"""


def remember(board: Connection, runtime: str, version: str) -> None:
    """Note on a board that a version does not run there."""
    words = [_file(board), f"{PACKAGES[runtime]}={version}"]
    board.ask(REMEMBER, words, f"that remembers it on {board.name}")


def recalled(board: Connection, runtime: str) -> list[str]:
    """The versions of a runtime that are noted on a board."""
    said = board.ask(RECALL, [_file(board)], f"that looks for what did not run on {board.name}")
    begin = f"{PACKAGES[runtime]}="
    versions = [word.removeprefix(begin) for word in said.split() if word.startswith(begin)]
    return [version for version in versions if re.fullmatch(r"[0-9][A-Za-z0-9.+!]{0,63}", version)]


def _file(board: Connection) -> str:
    return f"{board.home}/.local/share/mobilecnn/did-not-run"
