"""Why there is no connection to a board, and what to do."""

import re
import shlex
import subprocess
from collections.abc import Sequence

from mobilecnn.bench.devices.ssh.address import Address
from mobilecnn.bench.devices.worker.causes import SHELL, Sign, Tool, cleaned, find, last
from mobilecnn.errors import ChildCrashed

SSH = Tool(
    last,
    (
        Sign(
            "host-key-changed", r"HOST IDENTIFICATION HAS CHANGED(?s:.*?(?P<forget>ssh-keygen -f .*? -R \S+)|)",
            "the host key of {name} is not the one that is known here",
            "either the board was installed anew, or another machine answers in its place. If you know why, forget the "
            "old key ({forget}), connect once in a terminal ({ssh}) and compare the fingerprint",
        ),
        Sign(
            "host-key-unknown", r"Host key verification failed|host key is known for",
            "the host key of {name} is not known here",
            "connect once in a terminal ({ssh}), compare the fingerprint that it shows with the one that the board tells "
            "(there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), and accept it only if they are the same",
        ),
        Sign(
            "configuration", r"Bad configuration option|Bad owner or permissions|terminating, \d+ bad configuration",
            "the configuration of ssh on this machine is faulty", "correct it; look with: {ssh}",
        ),
        Sign(
            "key-file", r"UNPROTECTED PRIVATE KEY FILE|Load key [^\n]*: (?:invalid format|error in libcrypto|bad permissions)",
            "a key file of this machine cannot be used",
            "it must be yours alone (chmod 600 FILE) and whole; look with: {ssh}",
        ),
        Sign(
            "account-expired", r"account has expired|password has expired|Password change required",
            "the account or the password on {name} has expired",
            "there: sudo chage -l {user}; then log in once in a terminal ({ssh})",
        ),
        Sign(
            "booting", r"System is (?:booting up|going down)|nologin",
            "{name} lets nobody in now: it is starting, or going down", "wait, and try again",
        ),
        Sign(
            "too-many-keys", r"Too many authentication failures",
            "{name} gave up before the right key was offered",
            "name the key in ~/.ssh/config: IdentityFile FILE, IdentitiesOnly yes",
        ),
        Sign(
            "key-refused", r"Permission denied",
            "{name} refuses your key",
            "passwords are never asked for: bring your key there with ssh-copy-id, and load it with ssh-add if it has a "
            "passphrase; {ssh} must work without a question. An account that is locked refuses all keys (there: sudo "
            "passwd -S {user})",
        ),
        Sign(
            "unknown-host", r"Could not resolve hostname",
            "no device or host is named {name}",
            "the devices are {known}; name another with mobilecnn devices add NAME --host ADDRESS, or a phone with "
            "mobilecnn devices add NAME --adb",
        ),
        Sign(
            "no-server", r"Connection refused",
            "no SSH server answers at {name}",
            "switch SSH on there (sudo raspi-config, Interface Options), and check the port",
        ),
        Sign(
            "silent", r"timed out|No route to host|Network is unreachable",
            "{name} does not answer", "check that it is on, and in the same network",
        ),
        Sign(
            "old-server", r"no matching (?P<what>host key type|key exchange method|cipher|MAC)",
            "the SSH server of {name} and the client here have no {what} in common",
            "renew the system there; or allow what it offers in ~/.ssh/config; look with: {ssh}",
        ),
        Sign(
            "sessions", r"Session open refused by peer|open failed: administratively prohibited|no more sessions",
            "{name} allows too few sessions in a connection",
            "set MaxSessions to 10, its default, in /etc/ssh/sshd_config there, and: sudo systemctl restart ssh",
        ),
        Sign(
            "cut-early", r"kex_exchange_identification|Connection (?:reset|closed) by|banner exchange",
            "{name} closed the connection before it began",
            "its server is overloaded (MaxStartups), blocks this machine (fail2ban, hosts.deny), or is none of SSH; look "
            "there with: sudo journalctl -u ssh",
        ),
    ),
)  # fmt: skip
"""The ssh client, where it fails itself (its exit code is 255)."""

_SHELL_FIX = "give that user another there: sudo usermod -s /bin/bash {user}"

LOGIN = Tool(
    last,
    (
        Sign(
            "no-login", r"account is (?:currently )?not available|nologin",
            "{name} has no shell for that user", _SHELL_FIX,
        ),
        Sign(
            "password-expired", r"password has expired|Password change required|must change your password",
            "the password of that user has expired on {name}", "log in once in a terminal, and change it: {ssh}",
        ),
        Sign(
            "restricted", r"(?i)sftp connections only|restricted by rssh|: restricted\b|forbidden (?:command|path|syntax)|"
            r"unrecognized command|scponly|not allowed to (?:run|execute|use)",
            "that user of {name} may not run programs", _SHELL_FIX,
        ),
        Sign(
            "no-sh", r"\bsh: (?:command )?not found|unknown command:? '?sh\b|sh: Command not found",
            "that user of {name} has no sh in the path", "correct PATH in the login shell's start-up files there",
        ),
    ),
)  # fmt: skip
"""A login shell that does something else."""

_REPLACED_FIX = (
    "in the start-up files there (~/.bashrc, ~/.profile, ~/.zshenv) let that be done at a terminal only: "
    "[ -t 0 ] && exec {shell}"
)


def why_refused(
    name: str,
    address: Address,
    code: int | None,
    error: ChildCrashed,
    greeting: Sequence[str],
    other: str,
    known: str,
) -> str:
    """Why the first session did not begin, and what to do.

    Args:
        name: name that the user gave the board.
        address: how ssh reaches it.
        code: exit code of the session; None where it was stopped.
        error: error that it ended with.
        greeting: lines that it said instead.
        other: what another shell says that was put in the place of the login shell.
        known: names of all devices.
    """
    ssh = shlex.join(["ssh", *address.words])
    if code == 255:
        return client_failed(name, address, error.words, known)
    about = {"name": name, "host": address.host, "ssh": ssh, "user": address.user or "USER"}
    if any(line.startswith(other) for line in greeting):
        shell = next(
            (line.removeprefix(other).strip() for line in reversed(greeting) if line.startswith(f"{other} ")),
            "",
        )
        what = f"another shell ({shell})" if shell else "another shell"
        return (
            f"the login shell of {name} puts {what} in its place, which does not run what ssh is told; "
            f"{_REPLACED_FIX.format(shell=shell or 'it')}"
        )
    folder = next(
        (match[1] for line in error.words if (match := re.search(r"template .(/.*)/mobilecnn\.", line))), ""
    )
    inside = find(SHELL, error.words, folder=folder or "FOLDER", **about)
    if folder:
        return f"{name} lets us in, and no private folder can be made in {folder}: {inside}" + (
            ""
            if inside.code
            else f"; make that folder there, or set TMPDIR in ~/.bashrc (first line): {ssh} mktemp -d"
        )
    said = [*greeting, *error.words]
    cause = find(LOGIN, said, **about)
    if cause.code:
        return str(cause)
    if not error.how:  # It was stopped.
        return f"{name} lets us in, but its login shell does not do what it is told: {error}; try: {ssh} echo well"
    answers = f"it answers {cause.line!r}" if said else "it says nothing"
    return (
        f"{name} lets us in, but its login shell does not do what it is told: {answers}, and ends with code {code}. "
        "Either its start-up files do something else, or the key may run one program only (command= in "
        f"~/.ssh/authorized_keys, ForceCommand in sshd_config there); {ssh} echo well must say well"
    )


def client_failed(name: str, address: Address, words: Sequence[str], known: str = "") -> str:
    """Why the ssh client failed, and what to do.

    Args:
        name: name that the user gave the board.
        address: how ssh reaches it.
        words: what the client said.
        known: names of all devices.
    """
    told, text = _settings(address), "\n".join(words)
    jump = told.get("proxyjump", "none")
    subject, ssh = name, shlex.join(["ssh", *address.words])
    cut = re.search(r"UNKNOWN port 65535|kex_exchange_identification|banner exchange", text)
    missing = re.search(r"[^\n]*Could not resolve hostname (\S+?):[^\n]*", text)
    if jump != "none" and missing and missing[1] != told.get("hostname"):
        return (
            f"the jump host {cleaned(missing[1])} of {name} is unknown ({cleaned(missing[0])}); "
            f"correct ProxyJump in ~/.ssh/config, as {shlex.join(['ssh', '-G', *address.words])} shows it"
        )
    if jump != "none" and cut:
        subject = f"the jump host {jump} of {name}"
        ssh = shlex.join(["ssh", jump.split(",")[0]])
    elif told.get("proxycommand", "none") != "none" and cut:
        subject = f"the ProxyCommand that leads to {name}"
    if jump != "none" and "stdio forwarding failed" in text:
        line = next(iter(words), "")
        return f"the jump host {jump} does not reach {name} ({cleaned(line)}); try in a terminal: {ssh}"
    forget = shlex.join(["ssh-keygen", "-R", told.get("hostname", address.host)])
    about = {
        "name": subject,
        "ssh": ssh,
        "forget": forget,
        "known": known or "local",
        "user": told.get("user", "USER"),
    }
    cause = find(SSH, words, **about)
    return str(cause) if cause.code else f"cannot connect to {name} ({cause.line}); try in a terminal: {ssh}"


def _settings(address: Address) -> dict[str, str]:
    """What the user's configuration makes of a host: ``hostname``, ``proxyjump``, ...; empty where ssh does not tell."""
    try:
        done = subprocess.run(
            ["ssh", "-G", *address.words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    pairs = (line.partition(" ") for line in done.stdout.splitlines())
    return {key: value.strip() for key, _, value in pairs}
