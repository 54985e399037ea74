"""Giving a phone TFLite's ``benchmark_model``: downloaded on request, kept by content, and sent there."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

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
    "that program put there (mobilecnn devices setup NAME --download does both; or: "
    + f"adb push PATH {FOUND} && adb shell chmod 755 {FOUND}), or named with --benchmark-model PATH",
)
"""Steps that make a phone fit for timing."""

MOST_BYTES = 64 << 20
"""Largest size of a program, in bytes; those of 2024 had 5 to 10 MB, and with TensorFlow's own operators 40."""

CONNECT_SECONDS = 30.0
"""Seconds in which the server must answer."""

KEPT = "benchmark_model"
"""Name of the folder in :func:`mobilecnn.files.cache` that has a folder for each program, named by its SHA-256."""


def setup(phone: AdbDevice, source: str, say: Say) -> Path:
    """Download the build that a phone needs, keep it, and send it to where ``bench`` finds it.

    Args:
        phone: phone to set up.
        source: address of a folder of Google's builds, which ends with a slash; or of a program.
        say: told what is being done.

    Returns:
        Path of the kept program on this machine.

    Raises:
        UsageError: ``source`` is no address.
        EnvironmentProblem: there is no build for that phone, or it cannot be downloaded or sent.
        OutputError: the cache cannot be written.
    """
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
    say(f"Downloading {address}")
    content = download(address)
    digest = sha256(content)
    program = cache() / KEPT / digest / name
    write_bytes(program, content)
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
    say(f"Sending it to {phone.name} (SHA-256 {digest})")
    phone.install(program)
    return program


def download(address: str) -> bytes:
    """Content at an address.

    Raises:
        UsageError: it is not an address of the web.
        EnvironmentProblem: it cannot be had, or is far too large.
    """
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise UsageError(f"{address!r} is no address to download from; give one that begins with https://")
    try:
        with urllib.request.urlopen(address, timeout=CONNECT_SECONDS) as answer:  # noqa: S310  (checked above)
            content: bytes = answer.read(MOST_BYTES + 1)
            if answer.length and len(content) <= MOST_BYTES:
                raise http.client.IncompleteRead(content, answer.length)
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
    return content
