"""What an emulated device is made of: a small arm64 Debian in a folder, and the counter.

Programs of the Debian run here under ``qemu-aarch64``. It needs no rights and no disk image: Debian's
packages are downloaded and verified by apt, with a configuration of its own, and unpacked; the
runtimes' real aarch64 wheels are unpacked beside them. ``qemu-aarch64 -L FOLDER`` then looks up every
absolute path in the folder first, and that is how a program finds its libraries there, and also the
``/proc/cpuinfo`` of the processor that is modelled. (The runtimes choose their kernels by it.) What is
not in the folder, such as a model, is found where it lies on this machine.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.packing import worker_file
from mobilecnn.bench.devices.wheels import download
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.files import cache, sha256
from mobilecnn.process import Child
from mobilecnn.steps import Say

# Debian 12: what Raspberry Pi OS of 2023 to 2025 is made of. The same on any machine, so that figures compare.
SOURCES = (
    "deb [signed-by={keyring}] http://deb.debian.org/debian bookworm main",
    "deb [signed-by={keyring}] http://deb.debian.org/debian-security bookworm-security main",
)
PACKAGES = (
    "base-files", "libbz2-1.0", "libc6", "libexpat1", "libffi8", "libgcc-s1", "liblzma5", "libpython3.11-minimal",
    "libpython3.11-stdlib", "libstdc++6", "python3.11-minimal", "zlib1g",
)  # fmt: skip
"""Debian packages that make up a Python and all that it and the runtimes load."""

PYTHON, GLIBC = (3, 11), 36
"""Versions in Debian 12: of Python, and the minor one of glibc 2."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Keys that the packages are signed with."""

NEEDED = {
    "qemu-aarch64": "qemu-user",
    "cc": "gcc libc6-dev",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
}
"""Programs that an emulated device needs here -> the package of Debian and Ubuntu that brings each."""

LONGEST_SECONDS = 1800.0
"""Seconds that one step of making the root may take."""
TRY_SECONDS = 600.0
"""Seconds that a runtime may take to be imported for the first time."""


@dataclass(frozen=True)
class Core:
    """A processor that QEMU models.

    Attributes:
        name: name of its folder in the root.
        qemu: QEMU's name of it, in the option ``-cpu``; of one that QEMU does not know, that of its like.
        title: its maker's name of it.
        implementer: CPU implementer that ``/proc/cpuinfo`` shows on a board with this processor.
        variant: CPU variant, from the same place.
        part: CPU part, from the same place.
        revision: CPU revision, from the same place.
        features: CPU features, from the same place.
    """

    name: str
    qemu: str
    title: str
    implementer: str
    variant: str
    part: str
    revision: int
    features: str

    def cpuinfo(self) -> str:
        """``/proc/cpuinfo`` of one such core."""
        lines = {
            "processor": "0",
            "Features": self.features,
            "CPU implementer": self.implementer,
            "CPU architecture": "8",
            "CPU variant": self.variant,
            "CPU part": self.part,
            "CPU revision": str(self.revision),
        }
        return "".join(f"{name}\t: {value}\n" for name, value in lines.items())


_CRYPTO = "fp asimd evtstrm aes pmull sha1 sha2 crc32"
_V8_2 = " atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"

CORES = {
    core.name: core
    for core in (
        Core("cortex-a53", "cortex-a53", "Cortex-A53", "0x41", "0x0", "0xd03", 4, "fp asimd evtstrm crc32 cpuid"),
        Core("cortex-a57", "cortex-a72", "Cortex-A57", "0x41", "0x1", "0xd07", 1, _CRYPTO),
        Core("cortex-a72", "cortex-a72", "Cortex-A72", "0x41", "0x0", "0xd08", 3, "fp asimd evtstrm crc32 cpuid"),
        Core("kryo", "cortex-a72", "Kryo", "0x51", "0x2", "0x205", 1, _CRYPTO),
        Core(
            "cortex-a76", "cortex-a76", "Cortex-A76", "0x41", "0x4", "0xd0b", 1,
            _CRYPTO + _V8_2,
        ),
        Core("kryo-485", "cortex-a76", "Kryo 485", "0x51", "0xd", "0x804", 14, _CRYPTO + _V8_2),
    )
}  # fmt: skip
"""Processors by name, as Linux shows them on a Raspberry Pi 3 B, 4 B and 5, and on phones with a Snapdragon 810, 820 and 855+."""


def requirements() -> dict[str, tuple[str, ...]]:
    """What pip is asked for, by runtime: ai-edge-litert in the version that is used here."""
    # Not the version installed here: tflite-runtime needs numpy 1, and Debian 12's Python has no wheel of newer ones.
    numpy = "numpy==1.26.4"
    # Its last release; it is not installed here on Python 3.12.
    return {
        "litert": (f"ai-edge-litert=={version('ai-edge-litert')}", numpy),
        "tflite-runtime": ("tflite-runtime==2.14.0", numpy),
    }


def program(name: str) -> str:
    """The path of a program of :data:`NEEDED`.

    Raises:
        EnvironmentProblem: it is not here.
    """
    path = shutil.which(name)
    if path is None:
        raise EnvironmentProblem(
            f"an emulated device needs {name}, which is not on this machine; "
            f"Debian, Ubuntu: sudo apt-get install {NEEDED[name]}"
        )
    return path


def broken(path: str, why: object) -> EnvironmentProblem:
    """The error of a program of :data:`NEEDED` that is here, at ``path``, and does not work."""
    package = NEEDED.get(Path(path).name, "apt").split()[0]
    return EnvironmentProblem(
        f"{path} does not work ({why}); take it from the path, or, where it is Debian's or Ubuntu's: "
        f"sudo apt-get install --reinstall {package}"
    )


def command(root: Path, core: str, arguments: Sequence[str], *plugins: str) -> list[str]:
    """The command that runs the Python of ``root``, always alike: no variable of this machine reaches it.

    Args:
        root: from :func:`root`.
        core: a key of :data:`CORES`.
        arguments: arguments of Python.
        plugins: plugins of QEMU, each with its options.

    Raises:
        EnvironmentProblem: there is no QEMU.
    """
    folder = root / core
    return [
        # As numpy starts threads of its own otherwise.
        "env", "-i", "PYTHONHASHSEED=0", "OPENBLAS_NUM_THREADS=1",
        program("qemu-aarch64"), "-seed", "0", "-cpu", CORES[core].qemu, "-L", str(folder),
        *(word for plugin in plugins for word in ("-plugin", plugin)),
        str(folder / "usr/bin/python3.11"), "-s", *arguments,
    ]  # fmt: skip


def root(say: Say) -> Path:
    """The folder with a folder for each of :data:`CORES`, made if it is not there.

    Args:
        say: told what is being done, which is nothing once it is there.

    Raises:
        EnvironmentProblem: a program is missing, there is no network, or what was made does not run.
            Nothing of it is left then.
    """
    # All that decides what is in the folder.
    made_of = [SOURCES, PACKAGES, requirements(), [core.cpuinfo() for core in CORES.values()]]
    there = cache() / f"arm64-{sha256(json.dumps(made_of).encode())[:12]}"
    if there.is_dir():
        return there
    refuse_taken(there, "folder")
    for name in NEEDED:
        program(name)
    if not KEYRING.exists():
        raise EnvironmentProblem(
            f"the keys of Debian's packages are missing ({KEYRING}); "
            "Debian, Ubuntu: sudo apt-get install debian-archive-keyring"
        )
    with _making(there) as new:
        _make(new, new.parent, say)
    say(f"The emulated device is complete, in {there}")
    return there


def refuse_taken(there: Path, wanted: str) -> None:
    """Refuse something else in the cache where a ``wanted``, a file or a folder, is to be made, before anything is downloaded for it.

    Raises:
        EnvironmentProblem: naming it.
    """
    if os.path.lexists(there):
        raise EnvironmentProblem(f"{there} is no {wanted}; remove it, and the {wanted} is made there anew")


@contextmanager
def _making(there: Path) -> Iterator[Path]:
    """A name in a folder for the work, to be renamed to ``there`` if the block succeeds."""
    try:
        there.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{there.name}.", dir=there.parent) as work:
            new = Path(work) / there.name
            yield new
            try:
                new.rename(there)
            except OSError:
                if not there.is_dir():  # Else another process has made it meanwhile.
                    raise
    except OSError as error:
        raise EnvironmentProblem(
            f"cannot make {there}: {error.strerror or error}; set XDG_CACHE_HOME to a folder that you may write to, "
            "and that has room"
        ) from error


def _make(new: Path, work: Path, say: Say) -> None:
    base = new / "base"
    base.mkdir(parents=True)
    say(f"Making the emulated device, once: downloading {len(PACKAGES)} Debian packages for arm64")
    for package in _packages(work / "apt"):
        _run(["dpkg-deb", "-x", str(package), str(base)], f"unpack {package.name}")
    site = base / "usr/local/lib/python3.11/dist-packages"
    for runtime, wanted in requirements().items():
        say(f"Downloading {' and '.join(wanted)} for aarch64")
        wheels = work / runtime
        _download(download(runtime, "aarch64", GLIBC, PYTHON, wheels, wanted), f"{runtime} for aarch64")
        for wheel in wheels.iterdir():
            with zipfile.ZipFile(wheel) as content:  # Which is all that installing it would do.
                content.extractall(site)
    for core in CORES.values():
        _overlay(new / core.name, base, core)
    say("Trying it")
    for runtime in requirements():
        # By path, as on a board; it leaves the modules compiled, so that each start is faster.
        with Child(
            command(new, "cortex-a72", [str(worker_file())]), "that tries the emulated device"
        ) as child:
            child.send(jobs.find_runtime(runtime))
            child.receive(TRY_SECONDS)


def _overlay(folder: Path, base: Path, core: Core) -> None:
    """The base, with what the kernel would show of one core, and of no thermal sensor."""
    cpus = folder / "sys/devices/system/cpu"
    for shown in (folder / "proc", cpus, folder / "sys/class/thermal"):
        shown.mkdir(parents=True)
    for name in ("etc", "lib", "usr"):
        (folder / name).symlink_to(f"../{base.name}/{name}")
    (folder / "proc/cpuinfo").write_text(core.cpuinfo())
    for name in ("possible", "present", "online"):
        (cpus / name).write_text("0\n")


def _packages(folder: Path) -> list[Path]:
    """Download the Debian packages, with a configuration that neither sees nor changes this machine's."""
    for part in ("state/lists/partial", "cache/archives/partial", "packages", "none"):
        (folder / part).mkdir(parents=True)
    (folder / "status").write_text("")
    (folder / "sources.list").write_text("\n".join(SOURCES).format(keyring=KEYRING) + "\n")
    settings = {
        "APT::Architecture": "arm64",
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": folder / "none",
        "Dir::Etc::parts": folder / "none",
        "Dir::Etc::main": "/dev/null",
        # A user's apt cannot change to the user _apt, and it may not enter a private folder.
        "APT::Sandbox::User": "",
    }
    lines = [f'{name} "{value}";' for name, value in settings.items()]
    # But how to reach the network, such as through a proxy, is this machine's.
    lines += [
        _run(["apt-config", "dump", "Acquire"], "read the settings of apt"),
        'APT::Architectures { "arm64"; };',
    ]
    (folder / "apt.conf").write_text("\n".join(lines) + "\n")
    for words in (["update"], ["download", *PACKAGES]):
        _download(
            ["apt-get", "--quiet", "-o", "APT::Update::Error-Mode=any", *words],
            "Debian packages for arm64",
            folder / "packages",
            {"APT_CONFIG": str(folder / "apt.conf")},
        )
    return sorted((folder / "packages").glob("*.deb"))


def _download(
    words: Sequence[str], what: str, folder: Path | None = None, variables: dict[str, str] | None = None
) -> None:
    try:
        _run(words, f"download {what}", folder, variables)
    except EnvironmentProblem as error:
        raise EnvironmentProblem(f"{error}; is there a network here?") from error


def _run(
    words: Sequence[str], doing: str, folder: Path | None = None, variables: dict[str, str] | None = None
) -> str:
    """What a program prints; ``doing`` finishes "cannot".

    Raises:
        EnvironmentProblem: it fails; with its last words.
    """
    try:
        done = subprocess.run(
            words, cwd=folder, env={**os.environ, "LC_ALL": "C", **(variables or {})}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", check=False, timeout=LONGEST_SECONDS,
        )  # fmt: skip
    except OSError as error:
        raise broken(shutil.which(words[0]) or words[0], error.strerror or error) from error
    except subprocess.TimeoutExpired:
        raise EnvironmentProblem(
            f"cannot {doing}: {words[0]} took longer than {LONGEST_SECONDS:g} s"
        ) from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        last = lines[-1] if lines else f"{Path(words[0]).name} ended with code {done.returncode}"
        raise EnvironmentProblem(f"cannot {doing} ({last})")
    return done.stdout


def plugin(name: str) -> Path:
    """A compiled plugin of QEMU.

    Args:
        name: ``counter`` or ``blocks``: the name of its source here, without ``.c``.

    Raises:
        EnvironmentProblem: there is no compiler, or it refuses.
    """
    source = Path(__file__).with_name(f"{name}.c")
    made_of = source.read_bytes() + source.with_name("qemu_plugin.h").read_bytes()
    there = cache() / f"{name}-{sha256(made_of)[:12]}-{sys.platform}-{os.uname().machine}.so"
    if not there.is_file():
        refuse_taken(there, "file")
        flags = ["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden"]
        with _making(there) as new:
            compiler = program("cc")
            _run([compiler, *flags, str(source), "-o", str(new)], f"compile {source.name}")
            if not new.exists():
                raise broken(compiler, f"it made nothing of {source.name}")
    return there
