"""The devices file: what is written is read, and what is wrong is named."""

import json
import shutil
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.bench.devices import entries, registry
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.devices.backends import BACKENDS, PROFILES, profiles_of
from mobilecnn.bench.devices.ssh.address import Address, parse
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.bench.records.kinds import REACHED
from mobilecnn.errors import InputError, OutputError, UsageError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "mobilecnn").mkdir()
    return tmp_path / "mobilecnn" / "devices.toml"


def test_it_is_in_the_configuration_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert entries.path() == tmp_path / ".config" / "mobilecnn" / "devices.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/own")
    assert entries.path() == Path("/etc/own/mobilecnn/devices.toml")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("pi4", Address("pi4")),
        ("pi@10.0.0.4", Address("10.0.0.4", "pi")),
        ("pi@10.0.0.4:2222", Address("10.0.0.4", "pi", 2222)),
        ("raspberrypi.local:22", Address("raspberrypi.local", None, 22)),
        ("fe80::1%eth0", Address("fe80::1%eth0")),
        ("pi@fe80::1", Address("fe80::1", "pi")),
        ("[fe80::1%wlan0]:2222", Address("fe80::1%wlan0", None, 2222)),
        ("ssh://pi@zero:2222", Address("zero", "pi", 2222)),
        ("ssh://pi@[fe80::1]:22", Address("fe80::1", "pi", 22)),
        ("ssh://[fe80::1%25eth0]", Address("fe80::1%eth0")),
        ("ssh://zero", Address("zero")),
    ],
)
def test_how_a_board_is_named(text: str, address: Address) -> None:
    assert parse(text) == address
    if shutil.which("ssh") is None:  # The client's own reading of it.
        return
    told = subprocess.run(["ssh", "-G", *address.words], capture_output=True, text=True, check=True).stdout
    settings = dict(line.split(" ", 1) for line in told.splitlines())
    assert settings["hostname"] == address.host.lower()
    assert address.port is None or settings["port"] == str(address.port)
    assert address.user is None or settings["user"] == address.user


@pytest.mark.parametrize(
    "text",
    ["", "-oProxyCommand=id", "pi@", "pi@-x", "a b", "h;id", "$(id)", "h:0", "h:65536", "h:x", "[h]:22", "[fe80::1",
     "pi@@h", "::1%", "1:2:3", "ssh://pi@h/path", "http://h", "h" * 256, "h\n"],
)  # fmt: skip
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(UsageError, match="is no SSH host"):
        parse(text)


NETWORKED = (
    "adb-8A1X0XYZ-abcdef._adb-tls-connect._tcp",
    "adb-8A1X0XYZ-abcdef (2)._adb-tls-connect._tcp",
    "adb-8A1X0XYZ-abcdef._adb._tcp.",
    "192.168.1.7:5555",
    "[fe80::1%wlan0]:5555",
    "pixel.local:37123",
)


@pytest.mark.parametrize("serial", [*NETWORKED, "8A1X0XYZ", "emulator-5554"])
def test_serials_are_taken(file: Path, serial: str) -> None:
    entries.write({"pixel": AdbEntry(serial)})
    assert entries.read() == {"pixel": AdbEntry(serial)}


@pytest.mark.parametrize("name", NETWORKED)
def test_a_phone_over_a_network_needs_no_entry(file: Path, name: str) -> None:
    assert registry.find(name).entry == AdbEntry(name)


@pytest.mark.parametrize(
    "name", ["pi@192.168.1.7:22", "ssh://192.168.1.7:5555", "fe80::1", "raspberrypi", "adb-pi"]
)
def test_and_a_board_is_a_board(file: Path, name: str) -> None:
    assert registry.find(name).entry == SshEntry(name)


@pytest.mark.parametrize(
    "serial", ["", " ", "a  b", "-s", "a;b", "pi@h:22", "a ", "x" * 200, "$(id)", "a\nb"]
)
def test_what_is_no_serial(serial: str) -> None:
    with pytest.raises(UsageError, match="is no serial"):
        AdbEntry(serial)


def test_no_file_is_no_devices(file: Path) -> None:
    assert entries.read() == {}
    assert registry.find("raspberrypi").entry == SshEntry("raspberrypi")


def test_what_is_written_is_read(file: Path) -> None:
    named = {
        "pi4": SshEntry("pi@10.0.0.4", "~/my venv/bin/python", "pi4"),
        "zero": SshEntry("ssh://pi@zero:2222", None, "zero2w"),
        "six": SshEntry("fe80::1%eth0"),
    }
    entries.write(named)
    assert entries.read() == named
    assert registry.find("pi4").entry == named["pi4"]
    assert [path.name for path in file.parent.iterdir()] == ["devices.toml"]


@given(st.text())
def test_any_python_that_is_accepted_survives_toml(text: str) -> None:
    try:
        entry = SshEntry("h", text)
    except UsageError:
        return
    document = tomllib.loads(f"python = {json.dumps(entry.python, ensure_ascii=False)}")
    assert document["python"] == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[pi", "is not TOML"),
        ("a = " + "9" * 5000, "a line has more than"),
        ("a = " + "[" * 900, "is not TOML"),
        ("a = " + "[" * 100_000, "a line has more than 1000 characters"),
        ("a = 2021-13-45", "is not TOML"),
        ("a = 1\na = 2", "is not TOML"),
        (".".join("a" * 20_000) + " = 1", "a line has more than 1000 characters"),
        ("".join(f"[{'.'.join('a' * 490)}.b{n}]\n" for n in range(100)), "unknown field"),
        ("a = 1\n" * 40_000, "may have at most 131,072"),
        ("a = nan", "must be a table"),
        ('pi = "10.0.0.4"', r"\[pi\] must be a table"),
        ('[pi]\nkind = "ssh"', r"\[pi\] has no host"),
        ('[pi]\nhost = "h"', r"\[pi\] has no kind"),
        ('[pi]\nkind = "serial"\nhost = "h"', "unknown kind 'serial'; choose one of: ssh"),
        ('[pi]\nkind = "ssh"\nhost = 7', "host must be a text in quotes, and is 7"),
        ('[pi]\nkind = "ssh"\nhost = "-oX=y"', "'-oX=y' is no SSH host"),
        (
            '[pi]\nkind = "ssh"\nhost = "h"\nport = "22"',
            "unknown field 'port'; known are kind, host, python, profile, serial",
        ),
        (
            '[pi]\nkind = "ssh"\nhost = "h"\nprofile = "pi2"',
            "unknown profile 'pi2' .of kind ssh.; choose one of: pi3, pi4",
        ),
        ('[pi]\nkind = "ssh"\nhost = "h"\npython = "-c"', "'-c' is no interpreter"),
        ('["my pi"]\nkind = "ssh"\nhost = "h"', "'my pi' is no name for a device"),
        ('[local]\nkind = "ssh"\nhost = "h"', "local is this machine; choose another name"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        entries.read()
    assert str(file) in str(caught.value)


def test_bytes_that_are_no_text(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not TOML"):
        entries.read()


def test_a_name_is_checked_before_anything_is_written(file: Path) -> None:
    file.write_text("kept")
    with pytest.raises(UsageError, match="use letters"):
        entries.write({"pi 4": SshEntry("h")})
    assert file.read_text() == "kept"


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc")
    with pytest.raises(OutputError, match="cannot write"):
        entries.write({"pi": SshEntry("h")})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("emulated-pi6", "emulated-pi5"), ("EMULATED-PI4", "emulated-pi4"), ("emulated_pi4", "emulated-pi4"),
     ("emulated-sd888", "emulated-sd820"), ("emulatedpi5", "emulated-pi5"), ("Emulated-x", "emulated")],
)  # fmt: skip
def test_a_misspelt_emulated_device_is_no_host(file: Path, name: str, nearest: str) -> None:
    with pytest.raises(
        UsageError, match=rf"^no emulated device is named '{name}'; choose one of .*\b{nearest}\b"
    ):
        registry.find(name)


def test_a_board_whose_name_begins_so_is_reached_as_the_message_says(file: Path) -> None:
    assert registry.find("emulated@10.0.0.9").entry == SshEntry("emulated@10.0.0.9")
    entries.write({"emulated-lab": SshEntry("emulated")})
    assert registry.find("emulated-lab").entry == SshEntry("emulated")


def test_one_backend_takes_the_names_that_are_in_no_list() -> None:
    assert [backend.kind for backend in BACKENDS if backend.unnamed is not None] == ["ssh"]


def test_the_options_of_a_backend_fill_its_entry() -> None:
    """The first may be a flag, which says the kind and fills nothing."""
    for backend in BACKENDS:
        assert bool(backend.add_options) == (backend.entry is not None)
        if backend.entry is not None:
            given = [option.name for option in backend.add_options if not option.flag]
            assert sorted([*given, "profile"]) == sorted(field.name for field in fields(backend.entry))


def test_the_words_of_pages_are_for_kinds_that_there_are() -> None:
    assert set(REACHED) <= {backend.kind for backend in BACKENDS}


def test_every_profile_is_one() -> None:
    kinds = [backend for backend in BACKENDS if backend.entry is not None]
    assert {profile for backend in kinds for profile in profiles_of(backend)} == set(PROFILES)
    for backend in kinds:
        for profile in profiles_of(backend):
            assert (
                entries.make(
                    backend,
                    {"host": "h", "profile": profile} if backend.kind == "ssh" else {"profile": profile},
                ).profile
                == profile
            )
    with pytest.raises(UsageError, match=r"unknown profile .pixel. \(of kind ssh\); choose one of: pi3"):
        registry.new_entry({"host": "h", "profile": "pixel"})
