"""Giving a phone TFLite's ``benchmark_model``: downloaded on request, kept by content, and sent there."""

import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.adb import benchmark_model
from mobilecnn.bench.devices.adb.device import AdbDevice
from mobilecnn.bench.devices.adb.tool import FOUND
from mobilecnn.errors import EnvironmentProblem, InputError, UsageError
from mobilecnn.files import cache, sha256, write_bytes
from mobilecnn.steps import Say

NIGHTLY = "https://storage.googleapis.com/tensorflow-nightly-public/prod/tensorflow/release/lite/tools/nightly/latest/"
"""Address to which TensorFlow Lite's page on performance measurement points. Builds there come and go without a
version, so that a program is known by its SHA-256."""

NEEDS = (
    "USB debugging, allowed for this machine (docs/phones.md says how)",
    "TFLite's benchmark_model for Android: prebuilt by Google (android_aarch64_benchmark_model, among the nightly "
    + "tools of TensorFlow Lite), or built from its sources (docs/phones.md says how)",
    "that program put there (mobilecnn devices setup NAME --download fetches it, and with --sha256 puts it there; or: "
    + f"adb push PATH {FOUND} && adb shell chmod 755 {FOUND}), or named with --benchmark-model PATH",
)
"""Steps that make a phone fit for timing."""

MOST_BYTES = 64 << 20
"""Largest size of a program, in bytes; those of 2024 had 5 to 10 MB, and with TensorFlow's own operators 40."""

CONNECT_SECONDS = 30.0
"""Seconds in which the server must answer, and go on to answer."""

LONGEST_SECONDS = 900.0
"""Seconds that a download may take in all."""

KEPT = "benchmark_model"
"""Name of the folder in :func:`mobilecnn.files.cache` that has a folder for each program, named by its SHA-256."""


def setup(phone: AdbDevice, source: str, digest: str | None, say: Say) -> Path:
    """Download the build that a phone needs, keep it, and send it to where ``bench`` finds it.

    Args:
        phone: phone to set up.
        source: address of a folder of Google's builds, which ends with a slash; or of a program.
        digest: SHA-256 that the program must have; without one it is downloaded and kept, and not sent.
        say: told what is being done.

    Returns:
        Path of the kept program on this machine.

    Raises:
        UsageError: ``source`` is no address, or ``digest`` is missing, or none.
        EnvironmentProblem: there is no build for that phone, or it cannot be downloaded or sent, or it has another
            SHA-256.
        OutputError: the cache cannot be written.
    """
    check_address(source)
    if digest is not None and not re.fullmatch(r"[0-9A-Fa-f]{64}", digest):
        raise UsageError(f"--sha256 {digest} is no SHA-256; give its 64 hexadecimal digits")
    android = phone.probe().android
    assert android is not None
    abi = android.abis[0]
    name = benchmark_model.PREBUILT.get(abi)
    if name is None:
        raise EnvironmentProblem(
            f"{phone.name} runs programs for {abi}, for which there is no prebuilt benchmark_model; build it "
            f"({benchmark_model.BUILDS.get(abi, abi)}) and give it with --benchmark-model PATH"
        )
    address = source + name if source.endswith("/") else source
    program = _kept(name, digest) or _fetched(address, name, digest, say)
    try:
        built_for = benchmark_model.abi_of(program)
    except InputError as error:
        program.unlink()
        program.parent.rmdir()
        raise EnvironmentProblem(f"what {address} gives is no benchmark_model: {error}") from error
    if built_for not in android.abis:
        raise EnvironmentProblem(
            f"{address} is a program for {built_for}, and {phone.name} runs {', '.join(android.abis)}; take {name}"
        )
    made = program.parent.name
    if digest is None:
        raise UsageError(
            f"what {address} gives now has the SHA-256 {made}; it is kept as {program}, and was not sent, because nothing "
            "says that it is the program that you mean. If it is, give the same command with "
            f"--sha256 {made}"
        )
    say(f"Sending it to {phone.name} (SHA-256 {made})")
    phone.install(program)
    return program


def _kept(name: str, digest: str | None) -> Path | None:
    """The program of that SHA-256 in the cache; None where it is not there, or has changed."""
    if digest is None:
        return None
    program = cache() / KEPT / digest.lower() / name
    if program.is_file() and sha256(program.read_bytes()) == digest.lower():
        return program
    return None


def _fetched(address: str, name: str, digest: str | None, say: Say) -> Path:
    """The program at an address, in the cache."""
    say(f"Downloading {address}")
    content = download(address)
    made = sha256(content)
    if digest is not None and made != digest.lower():
        raise EnvironmentProblem(
            f"what {address} gives has the SHA-256 {made}, and not {digest.lower()}: it is another program, and was "
            "neither kept nor sent; the builds there change, so look which one you mean"
        )
    program = cache() / KEPT / made / name
    write_bytes(program, content)
    return program


def check_address(address: str) -> None:
    """Refuse what is no address of the web that can be trusted to be the named server's.

    Raises:
        UsageError: it is none.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        there = parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        there = False
    if not there:
        raise UsageError(f"{address!r} is no address to download from; give one that begins with https://")


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows a server to another address only if that is encrypted, too."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        try:
            check_address(newurl)
        except UsageError:
            fp.close()
            raise EnvironmentProblem(
                f"{req.full_url} leads to {newurl}, which is not encrypted; give an address that stays with https://"
            ) from None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(address: str) -> bytes:
    """Content at an ``https`` address.

    Raises:
        UsageError: it is not such an address.
        EnvironmentProblem: it cannot be had, is far too large, takes too long, or leads to one that is not encrypted.
    """
    check_address(address)
    deadline = time.monotonic() + LONGEST_SECONDS
    content = bytearray()
    try:
        opener = urllib.request.build_opener(_HttpsOnly)
        with opener.open(address, timeout=CONNECT_SECONDS) as answer:
            while len(content) <= MOST_BYTES and (part := answer.read1(1 << 16)):
                content += part
                if time.monotonic() > deadline:
                    raise TimeoutError(f"it took longer than {LONGEST_SECONDS:g} s")
            if answer.length and len(content) <= MOST_BYTES:
                raise http.client.IncompleteRead(bytes(content), answer.length)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise EnvironmentProblem(
            f"cannot download {address} ({error}); is there a network here? Or download it by hand, and give it "
            "with --benchmark-model PATH"
        ) from error
    if len(content) > MOST_BYTES:
        raise EnvironmentProblem(
            f"{address} is larger than {MOST_BYTES >> 20} MiB, and so no benchmark_model"
        )
    return bytes(content)
