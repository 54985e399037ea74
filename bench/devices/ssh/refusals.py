"""Why there is no connection to a board, and what to do."""

import re
import shlex

from mobilecnn.errors import ChildCrashed
from mobilecnn.process import Child

REFUSALS = (
    (
        r"HOST IDENTIFICATION HAS CHANGED(?s:.*?(?P<command>ssh-keygen -f .*? -R \S+)|)",
        (
            "the host key of {name} is not the one that is known here. Either the board was installed anew, or another "
            "machine answers in its place. If you know why, forget the old key ({command}), connect once in a terminal "
            "({ssh}) and compare the fingerprint"
        ),
    ),
    (
        r"Host key verification failed|host key is known for",
        (
            "the host key of {name} is not known here. Connect once in a terminal ({ssh}), compare the fingerprint that "
            "it shows with the one that the board tells (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), and "
            "accept it only if they are the same"
        ),
    ),
    (
        r"Permission denied",
        (
            "{name} refuses your key ({last}). Passwords are never asked for: bring your key there with "
            "ssh-copy-id, and load it with ssh-add if it has a passphrase; {ssh} must work without a question"
        ),
    ),
    (
        r"Could not resolve hostname",
        (
            "no device or host is named {name} ({last}); the devices are {known}; name another with "
            "mobilecnn devices add NAME --host ADDRESS, or a phone with mobilecnn devices add NAME --adb"
        ),
    ),
    (
        r"Connection refused",
        (
            "no SSH server answers at {name} ({last}); switch SSH on there (sudo raspi-config, Interface Options), and "
            "check the port"
        ),
    ),
    (
        r"timed out|No route to host|Network is unreachable",
        "{name} does not answer ({last}); check that it is on, and in the same network",
    ),
)
"""Patterns of ssh's messages, and advice for each. The first that matches counts."""


def why_refused(name: str, host: str, guard: Child, error: ChildCrashed, known: str) -> str:
    """Why a session did not begin, and what to do.

    Args:
        name: name that the user gave the board.
        host: host as ``ssh`` takes it.
        guard: session that has ended.
        error: error that it ended with.
        known: names of all devices.
    """
    words = guard.words()
    ssh = shlex.join(["ssh", host])
    if guard.code is None or guard.code != 255:
        return (
            f"{name} lets us in, but its login shell does not do what it is told: {error}; "
            f"try: {ssh} echo well"
        )
    last = words[-1] if words else "ssh says nothing more"
    for pattern, advice in REFUSALS:
        match = re.search(pattern, "\n".join(words))
        if match:
            forget = match.groupdict().get("command") or shlex.join(["ssh-keygen", "-R", host])
            return advice.format(name=name, ssh=ssh, last=last, command=forget, known=known)
    return f"cannot connect to {name} ({last}); try in a terminal: {ssh}"
