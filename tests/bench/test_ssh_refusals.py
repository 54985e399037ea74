"""Why ssh does not get in: its own words, as it says them, and those of a real client and server."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sshd import another

from mobilecnn.bench.devices.ssh.address import parse
from mobilecnn.bench.devices.ssh.device import SshDevice
from mobilecnn.bench.devices.ssh.refusals import LOGIN, SSH, client_failed
from mobilecnn.bench.devices.worker.causes import find
from mobilecnn.errors import EnvironmentProblem

OPEN = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Permissions 0644 for '/home/me/my keys/id_rsa' are too open.
It is required that your private key files are NOT accessible by others.
This private key will be ignored.
Load key "/home/me/my keys/id_rsa": bad permissions
pi@10.0.0.4: Permission denied (publickey).
"""
CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
Add correct host key in /home/me/.ssh/known_hosts to get rid of this message.
Offending ED25519 key in /home/me/.ssh/known_hosts:7
  remove with:
  ssh-keygen -f "/home/me/.ssh/known_hosts" -R "10.0.0.4"
Host key for 10.0.0.4 has changed and you have requested strict checking.
Host key verification failed.
"""
AGENT = """sign_and_send_pubkey: signing failed for RSA "/home/me/.ssh/id_rsa" from agent: agent refused operation
pi@10.0.0.4: Permission denied (publickey)."""
BOOTING = """"System is booting up. Unprivileged users are not permitted to log in yet. Please come back later. For technical \
details, see pam_nologin(8)."
Connection closed by 10.0.0.4 port 22"""
NEGOTIATED = "Unable to negotiate with 10.0.0.4 port 22: no matching {} found. Their offer: {}"


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ("pi@10.0.0.4: Permission denied (publickey).", "only-keys", r"takes nothing but keys.*authorized_keys there"),
        ("Permission denied (publickey,gssapi-keyex,gssapi-with-mic).", "only-keys", r"ssh-copy-id does not"),
        ("pi@10.0.0.4: Permission denied (publickey,password).", "key-refused", r"bring your key there with ssh-copy-id"),
        ("pi@10.0.0.4: Permission denied (publickey,keyboard-interactive).\r\n", "key-refused", r"ssh-copy-id"),
        ("pi@10.0.0.4: Permission denied (publickey,gssapi-keyex,gssapi-with-mic,password).", "key-refused", r"ssh-copy-id"),
        ("pi@10.0.0.4: Permission denied (password).", "no-keys-taken", r"PubkeyAuthentication yes in /etc/ssh/sshd_config there"),
        ("pi@10.0.0.4: Permission denied (password,keyboard-interactive).", "no-keys-taken", r"takes no keys at all"),
        ("ssh: connect to host 10.0.0.4 port 22: Permission denied", "forbidden-here", r"does not let ssh reach pi.*firewall"),
        ("ssh: connect to host 10.0.0.4 port 22: Operation not permitted", "forbidden-here", r"container"),
        ("socket: Operation not permitted", "forbidden-here", r"container"),
        (OPEN, "key-open", r"chmod 600 '/home/me/my keys/id_rsa'$"),
        (OPEN.replace("\n", "\r\n"), "key-open", r"chmod 600 '/home/me/my keys/id_rsa'$"),
        ('Load key "/home/me/.ssh/id_rsa": error in libcrypto\npi@10.0.0.4: Permission denied (publickey).', "key-file",
         r"ssh-keygen -yf /home/me/\.ssh/id_rsa "),
        ('Load key "/home/me/.ssh/id_rsa": invalid format\npi@10.0.0.4: Permission denied (publickey).', "key-file", r"whole private key"),
        ('Load key "/home/me/.ssh/id_rsa": Permission denied\npi@10.0.0.4: Permission denied (publickey).', "key-file", r"must be yours"),
        ("Bad owner or permissions on /home/me/.ssh/config", "configuration-owner", r"chmod go-w /home/me/\.ssh/config;"),
        ("Bad owner or permissions on /etc/ssh/ssh_config.d/20 my.conf\r", "configuration-owner", r"chmod go-w '/etc/ssh/ssh_config\.d/20 my\.conf';"),
        ("/home/me/.ssh/config: line 3: Bad configuration option: hots\n/home/me/.ssh/config: terminating, 1 bad configuration options",
         "configuration", r"look with: ssh pi"),
        ("sign_and_send_pubkey: no mutual signature supported\npi@10.0.0.4: Permission denied (publickey).", "old-key", r"ssh-keygen -t ed25519"),
        (AGENT, "agent", r"ssh-add -D && ssh-add"),
        ("sign_and_send_pubkey: signing failed: agent refused operation", "agent", r"unlock it"),
        ("Received disconnect from 10.0.0.4 port 22:2: Too many authentication failures\nDisconnected from 10.0.0.4 port 22",
         "too-many-keys", r"IdentitiesOnly yes"),
        (CHANGED, "host-key-changed", r"compare the fingerprint"),
        ("No ED25519 host key is known for 10.0.0.4 and you have requested strict checking.\nHost key verification failed.",
         "host-key-unknown", r"accept it only if they are the same"),
        ("Host key verification failed.\r\n", "host-key-unknown", r"compare the fingerprint"),
        ("ssh: Could not resolve hostname pi: Temporary failure in name resolution", "no-name-server", r"this machine resolves no names now"),
        ("ssh: Could not resolve hostname pi: Try again", "no-name-server", r"--host ADDRESS"),
        ("ssh: Could not resolve hostname pi.local: Name or service not known", "unknown-host", r"the devices are local.*avahi-daemon"),
        ("ssh: Could not resolve hostname pi: nodename nor servname provided, or not known", "unknown-host", r"no device or host is named pi"),
        ("ssh: Could not resolve hostname pi: Name does not resolve", "unknown-host", r"no device or host is named pi"),
        ("ssh: connect to host 10.0.0.4 port 22: No route to host", "silent", r"check that it is on"),
        ("ssh: connect to host 10.0.0.4 port 22: Connection timed out", "silent", r"does not answer"),
        ("ssh: connect to host 10.0.0.4 port 22: Operation timed out", "silent", r"does not answer"),
        ("ssh: connect to host 10.0.0.4 port 22: Network is unreachable", "no-network", r"this machine has no network"),
        ("ssh: connect to host 10.0.0.4 port 22: Connection refused", "no-server", r"raspi-config"),
        ("kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.4 port 22", "cut-early", r"MaxStartups"),
        ("kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.4 port 22", "cut-early", r"fail2ban"),
        ("ssh_exchange_identification: Connection closed by remote host", "cut-early", r"starting or going down"),
        ("Connection closed by 10.0.0.4 port 22", "cut-early", r"journalctl -u ssh"),
        ("client_loop: send disconnect: Broken pipe", "broken", r"power supply"),
        ("Timeout, server 10.0.0.4 not responding.", "broken", r"broke"),
        ("ssh_dispatch_run_fatal: Connection to 10.0.0.4 port 22: message authentication code incorrect", "broken", r"network"),
        ("mux_client_request_session: session request failed: Session open refused by peer", "sessions", r"MaxSessions to 10"),
        ("channel 2: open failed: administratively prohibited: open failed", "sessions", r"MaxSessions to 10"),
        (BOOTING, "booting", r"wait, and try again"),
        ("Your account has expired; please contact your system administrator.\nConnection closed by 10.0.0.4 port 22",
         "account-expired", r"sudo chage -l pi"),
    ],
)  # fmt: skip
def test_what_the_client_says(said: str, code: str, words: str) -> None:
    about = {"ssh": "ssh pi", "forget": "ssh-keygen -R pi", "known": "local", "user": "pi", "option": ""}
    cause = find(SSH, said, name="pi", **about)
    assert cause.code == code and re.search(words, str(cause)), str(cause)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (NEGOTIATED.format("host key type", "ssh-rsa,ssh-dss"), "no host key type in common.*HostKeyAlgorithms +ssh-rsa,ssh-dss"),
        (NEGOTIATED.format("key exchange method", "diffie-hellman-group1-sha1"), "KexAlgorithms +diffie-hellman-group1-sha1"),
        (NEGOTIATED.format("cipher", "aes128-cbc,3des-cbc"), "Ciphers +aes128-cbc,3des-cbc"),
        (NEGOTIATED.format("MAC", "hmac-md5\r"), "MACs +hmac-md5"),
    ],
)  # fmt: skip
def test_nothing_in_common(said: str, words: str) -> None:
    told = client_failed("pi", parse("pi@10.0.0.4"), [said])
    assert re.search(words.replace("+", r"\+"), told), told
    assert "StrictHostKeyChecking" not in told


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ("This account is currently not available.", "no-login", "sudo usermod -s /bin/bash pi"),
        ("Welcome to pi!\r\n\r\nThis account is currently not available.\r\n", "no-login", "usermod"),
        ("-rbash: /usr/sbin/nologin: restricted: cannot specify `/' in command names", "no-login", "usermod"),
        ("This service allows sftp connections only.", "restricted", "may not run programs"),
        ("zsh:1: command not found: sh", "no-sh", "correct PATH"),
        ("fish: Unknown command: sh\nsh -c it\n^", "no-sh", "correct PATH"),
        ("bash: line 1: sh: command not found", "no-sh", "correct PATH"),
        ("sh: Command not found.", "no-sh", "correct PATH"),
        ("'sh' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", "windows", "64-bit Linux"),
        ("sh : The term 'sh' is not recognized as the name of a cmdlet, function, script file, or operable program.", "windows", "Windows"),
    ],
)  # fmt: skip
def test_what_a_login_shell_says(said: str, code: str, words: str) -> None:
    cause = find(LOGIN, said, name="pi", ssh="ssh pi", user="pi")
    assert cause.code == code and words in str(cause), str(cause)


def test_each_sign_fills_in_all_that_it_names() -> None:
    words = dict.fromkeys(("name", "ssh", "forget", "known", "user", "option"), "")
    for sign in (*SSH.signs, *LOGIN.signs):
        filled = words | dict.fromkeys(re.compile(sign.pattern).groupindex, "")
        sign.text.format_map(filled), sign.fix.format_map(filled)


def refused(host: str) -> str:
    with SshDevice("pi", host) as pi, pytest.raises(EnvironmentProblem) as told:
        pi.probe()
    return str(told.value)


@pytest.mark.parametrize(
    ("settings", "host", "more", "words"),
    [
        ((), "refused", "", r"takes nothing but keys \(\S+: Permission denied \(publickey\)\.\)"),
        (("PasswordAuthentication yes",), "refused", "", r"ssh-copy-id.*"),
        (("PasswordAuthentication yes", "PubkeyAuthentication no"), "board", "", r"takes no keys at all"),
        (("MaxAuthTries 1",), "board", " IdentityFile {folder}/strangers_key\n", r"IdentitiesOnly yes"),
        (("Ciphers aes128-ctr",), "board", " Ciphers aes256-ctr\n", r"no cipher in common.*Ciphers \+aes128-ctr$"),
        (("KexAlgorithms curve25519-sha256",), "board", " KexAlgorithms ecdh-sha2-nistp256\n", r"KexAlgorithms \+curve25519-sha256"),
        ((), "board", " HostKeyAlgorithms ecdsa-sha2-nistp256\n", r"HostKeyAlgorithms \+ssh-ed25519$"),
        ((), "board", " Hots it\n", r"configuration of ssh on this machine is faulty"),
        (("AllowTcpForwarding no",), "over", "", r"the jump host board forwards no connection to pi .*AllowTcpForwarding yes"),
    ],
    ids=["key", "key or password", "password", "keys", "cipher", "exchange", "host key", "option", "jump"],
)  # fmt: skip
def test_a_real_server_and_client(
    monkeypatch: pytest.MonkeyPatch, settings: tuple[str, ...], host: str, more: str, words: str
) -> None:
    with another(monkeypatch, settings=settings) as board:
        folder = board.home.parent
        configuration = (folder / "ssh_config").read_text()
        begin = configuration.index("Host board\n") + len("Host board\n")
        over = "Host over\n HostName 127.0.0.1\n Port 9\n ProxyJump board\n"
        (folder / "ssh_config").write_text(
            configuration[:begin] + more.format(folder=folder) + configuration[begin:] + over
        )
        told = refused(host)
    assert re.search(words, told) and "\n" not in told, told


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [(None, 0o644, r"chmod 600 \S+/my_key$"), ("no key\n", 0o600, r"ssh-keygen -yf \S+/my_key prints")],
)
def test_a_key_file_that_is_not_used(
    monkeypatch: pytest.MonkeyPatch, content: str | None, mode: int, words: str
) -> None:
    with another(monkeypatch) as board:
        key = board.home.parent / "my_key"
        if content is not None:
            key.write_text(content)
        key.chmod(mode)
        told = refused("board")
        assert re.search(words, told), told
        if mode != 0o600:  # What is advised helps.
            key.chmod(0o600)
            with SshDevice("pi", "board", "python3") as pi:
                assert pi.connection.folder


@contextmanager
def listener(answer: bytes) -> Iterator[int]:
    """A server that says ``answer`` to each client, and hangs up; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port: int = server.getsockname()[1]
        yield port
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 400 Bad Request\r\n\r\n"])
def test_a_server_that_is_none(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    with another(monkeypatch) as board, listener(answer) as port:
        with (board.home.parent / "ssh_config").open("a") as more:
            more.write(f"Host cut\n HostName 127.0.0.1\n Port {port}\n")
        assert "pi closed the connection before it began" in refused("cut")


def test_a_board_speaks_english_to_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (
        another(monkeypatch, LC_ALL="de_DE.UTF-8", LANGUAGE="de"),
        SshDevice("pi", "board", "python3") as pi,
    ):
        assert pi.connection.ask('printf "\\n%s\\n" "$1"; echo "$LC_ALL"', [], "that asks") == "C"


def test_a_banner_is_no_cause(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Words that a server shows to everybody, whatever they are about."""
    banner = tmp_path / "banner"
    banner.write_text(
        "Strangers: Permission denied. No login without a key (no password expired, no Connection refused).\n"
    )
    with another(monkeypatch, settings=[f"Banner {banner}"]):
        assert "takes nothing but keys (" in refused("refused")
        with SshDevice("pi", "board", "python3") as pi:
            assert pi.connection.folder
