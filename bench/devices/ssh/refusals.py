"""Why there is no connection to a board, and what to do."""

import re
import shlex
import subprocess
from collections.abc import Sequence

from mobilecnn.bench.devices.ssh.address import Address
from mobilecnn.bench.devices.worker.causes import Sign, Tool, cleaned, find, last
from mobilecnn.bench.devices.worker.signs import SHELL
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
            "configuration-owner", r"Bad owner or permissions on (?P<file>[^\n]+?)\s*$",
            "ssh on this machine takes no configuration that others may change",
            "make it yours alone: chmod go-w {file}; where it belongs to somebody else: sudo chown \"$(id -un)\" {file}",
        ),
        Sign(
            "configuration", r"Bad configuration option|terminating, \d+ bad configuration|line \d+: (?:[Mm]issing argument|[Uu]nsupported option|keyword)",
            "the configuration of ssh on this machine is faulty", "correct it; look with: {ssh}",
        ),
        Sign(
            "key-open", r"Permissions \d+ for '(?P<file>[^'\n]+)' are too open",
            "a key file of this machine may be read by others, and ssh does not use it",
            "make it yours alone: chmod 600 {file}",
        ),
        Sign(
            "key-file", r"Load key \"?(?P<file>[^\"\n]+?)\"?: (?:invalid format|error in libcrypto|bad permissions|Permission denied|Is a directory)",
            "a key file of this machine cannot be read",
            "it must be yours (ls -l {file}) and a whole private key (ssh-keygen -yf {file} prints its public part)",
        ),
        Sign(
            "agent", r"sign(?:_and_send_pubkey|ing failed)[^\n]*agent refused operation|Error connecting to agent|communication with agent failed",
            "the agent that keeps your keys did not sign",
            "unlock it, or load the key anew: ssh-add -D && ssh-add; {ssh} must work without a question",
        ),
        Sign(
            "old-key", r"no mutual signature (?:algorithm|supported)|key type [\w-]+ not in PubkeyAccepted",
            "the SSH server of {name} is too old for how your key signs",
            "make a key of another kind (ssh-keygen -t ed25519) and bring it there, or let the old way be used: PubkeyAcceptedAlgorithms "
            "+ssh-rsa under its Host in ~/.ssh/config",
        ),
        Sign(
            "account-expired", r"account has expired|password has expired|Password change required",
            "the account or the password on {name} has expired",
            "there: sudo chage -l {user}; then log in once in a terminal ({ssh})",
        ),
        Sign(
            "booting", r"System is (?:booting up|going down)|pam_nologin|/etc/nologin",
            "{name} lets nobody in now: it is starting, or going down", "wait, and try again",
        ),
        Sign(
            "too-many-keys", r"Too many authentication failures",
            "{name} gave up before the right key was offered",
            "name the key under its Host in ~/.ssh/config: IdentityFile FILE, IdentitiesOnly yes",
        ),
        Sign(
            "no-keys-taken", r"Permission denied \((?![^)\n]*publickey)[a-z0-9@.,-]+\)",
            "{name} takes no keys at all", "passwords are never asked for: PubkeyAuthentication yes in /etc/ssh/sshd_config there, and: "
            "sudo systemctl restart ssh",
        ),
        Sign(
            "key-refused", r"Permission denied \([^)\n]*(?:password|keyboard-interactive)[^)\n]*\)",
            "{name} refuses your key",
            "passwords are never asked for: bring your key there with ssh-copy-id, and load it with ssh-add if it has a "
            "passphrase; {ssh} must work without a question. An account that is locked refuses all keys (there: sudo "
            "passwd -S {user})",
        ),
        Sign(
            "only-keys", r"Permission denied \(publickey[^)\n]*\)",
            "{name} refuses your key, and takes nothing but keys",
            "load the right one with ssh-add if it has a passphrase, and check the user ({user}); a new key has to be added to "
            "~/.ssh/authorized_keys there by somebody who gets in, for ssh-copy-id does not. {ssh} must work without a "
            "question. An account that is locked refuses all keys (there: sudo passwd -S {user})",
        ),
        Sign(
            "forbidden-here", r"connect to (?:host|address) [^\n]*: (?:Permission denied|Operation not permitted)|socket: (?:Permission denied|Operation not permitted)",
            "this machine does not let ssh reach {name}", "look at its firewall, or at the bounds of the container that this is",
        ),
        Sign(
            "no-name-server", r"Could not resolve hostname [^\n]*(?:Temporary failure in name resolution|Try again)",
            "this machine resolves no names now, and so does not find {name}",
            "check its network; an address needs no name: mobilecnn devices add NAME --host ADDRESS. The devices are {known}",
        ),
        Sign(
            "unknown-host", r"Could not resolve hostname",
            "no device or host is named {name}",
            "the devices are {known}; name another with mobilecnn devices add NAME --host ADDRESS, or a phone with "
            "mobilecnn devices add NAME --adb. A name that ends in .local is found where avahi-daemon runs there, and here "
            "libnss-mdns is installed",
        ),
        Sign(
            "no-server", r"Connection refused",
            "no SSH server answers at {name}",
            "switch SSH on there (sudo raspi-config, Interface Options), and check the port",
        ),
        Sign(
            "no-network", r"Network is unreachable|Network is down|Cannot assign requested address|Can't assign requested address",
            "this machine has no network that leads to {name}", "connect it; look with: ip route",
        ),
        Sign(
            "silent", r"timed out|No route to host|Host is down",
            "{name} does not answer", "check that it is on, and in the same network",
        ),
        Sign(
            "old-server", r"no matching (?P<what>host key type|key exchange method|cipher|MAC) found\. Their offer: (?P<offer>[\w@.,-]+)",
            "the SSH server of {name} and the client here have no {what} in common",
            "renew the system there; or allow what it offers under its Host in ~/.ssh/config: {option} +{offer}",
        ),
        Sign(
            "broken", r"client_loop: send disconnect|packet_write_wait|Broken pipe|Timeout, server \S+ not responding|"
            r"message authentication code incorrect|Bad packet length",
            "the connection to {name} broke", "check the power supply and the network of the board, and try again",
        ),
        Sign(
            "sessions", r"Session open refused by peer|open failed: administratively prohibited|no more sessions",
            "{name} allows too few sessions in a connection",
            "set MaxSessions to 10, its default, in /etc/ssh/sshd_config there, and: sudo systemctl restart ssh",
        ),
        Sign(
            "cut-early", r"kex_exchange_identification|ssh_exchange_identification|Connection (?:reset|closed) by|banner exchange|"
            r"Received disconnect from",
            "{name} closed the connection before it began",
            "it is starting or going down, or its server is overloaded (MaxStartups), blocks this machine (fail2ban, hosts.deny), or "
            "is none of SSH; look there with: sudo journalctl -u ssh",
        ),
    ),
)  # fmt: skip
"""The ssh client, where it fails itself (its exit code is 255)."""

_OPTIONS = {
    "host key type": "HostKeyAlgorithms",
    "key exchange method": "KexAlgorithms",
    "cipher": "Ciphers",
    "MAC": "MACs",
}
"""What an SSH client and a server may have none of in common -> the option of the client's configuration."""

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
            "no-sh", r"\bsh: (?:command )?not found|(?i:unknown command):? '?sh\b|sh: Command not found|command not found: sh\b",
            "that user of {name} has no sh in the path", "correct PATH in the login shell's start-up files there",
        ),
        Sign(
            "windows", r"'sh' is not recognized as|term 'sh' is not recognized",
            "{name} is a Windows machine", "a board with 64-bit Linux is needed",
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
    about = {"name": name, "host": address.host, "ssh": ssh, "user": shlex.quote(address.user or "USER")}
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
    inside = find(SHELL, error.words, folder=shlex.quote(folder or "/tmp"), **about)  # noqa: S108 - where mktemp looks
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
    if inside.code:
        return f"{name} lets us in, and no private folder can be made there: {inside}"
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
        if "administratively prohibited" in text:
            return (
                f"the jump host {jump} forwards no connection to {name} ({cleaned(line)}); set AllowTcpForwarding yes in "
                "/etc/ssh/sshd_config there, and: sudo systemctl restart ssh"
            )
        return f"the jump host {jump} does not reach {name} ({cleaned(line)}); try in a terminal: {ssh}"
    forget = shlex.join(["ssh-keygen", "-R", told.get("hostname", address.host)])
    about = {
        "name": subject,
        "ssh": ssh,
        "forget": forget,
        "known": known or "local",
        "user": shlex.quote(told.get("user", "USER")),
        "option": next((option for what, option in _OPTIONS.items() if f"no matching {what}" in text), ""),
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
