"""The tests as other machines would run them: each variant with the part of them that it could change.

``python scripts/elsewhere.py`` runs all variants, ``python scripts/elsewhere.py order user`` two of them. What
cannot be tried on this machine is said when its turn comes, and again at the end.
"""

import contextlib
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
WORKERS = int(os.environ.get("WORKERS", "2"))
LANGUAGES = ("tr_TR", "de_DE")
"""In Turkish, i in capitals is no I; the tools have their messages in both."""

NUMBERS = (
    "tests/quantize", "tests/convert/test_versions.py", "tests/convert/test_flatbuffer.py", "tests/train/test_fit.py",
    "tests/bench/test_answers.py", "tests/bench/test_parts.py", "tests/bench/test_graphs.py", "tests/cli/test_cli.py",
    "tests/android/test_vectors.py",
)  # fmt: skip
"""What computes: training, export, parity, and the answers of the runtimes."""
TOOLS = (
    "tests/test_files.py", "tests/test_structure.py", "tests/bench/test_ssh.py", "tests/bench/test_adb.py",
    "tests/bench/test_phone_setup.py", "tests/cli/test_devices_command.py", "tests/android/test_installing.py",
    "tests/android/test_staging.py",
)  # fmt: skip
"""What writes files and runs other programs."""
PURE = (
    "tests/test_files.py", "tests/bench/test_report.py", "tests/bench/test_measurement.py",
    "tests/bench/test_comparison.py", "tests/bench/test_device_file.py", "tests/bench/test_instructions.py",
    "tests/bench/test_sustained.py", "tests/bench/test_statistics.py", "tests/bench/test_hygiene.py",
    "tests/cli/test_models.py", "tests/cli/test_compare.py", "tests/cli/test_bench.py", "tests/train/test_data.py",
    "tests/train/test_names.py", "tests/train/test_images.py", "tests/train/test_torch_file.py",
)  # fmt: skip
"""What is quick: records, tables, names, and one command from the outside."""
CLOCKS = (
    "tests/test_files.py", "tests/bench/test_worker.py", "tests/bench/test_run.py", "tests/bench/test_stream.py",
    "tests/bench/test_cool_down.py", "tests/cli/test_streams.py",
)  # fmt: skip
"""What starts processes, times them and waits for them."""


class Skip(Exception):
    """This machine cannot be made like that; the text says why."""


@dataclass(frozen=True)
class Variant:
    """One way in which another machine is other.

    Attributes:
        name: for the command line.
        words: what it is.
        tests: pytest's arguments.
        variables: beyond those of this process.
        workers: tests at once.
        around: what holds meanwhile; handed a folder of its own, it gives further variables.
        before: put before the command.
    """

    name: str
    words: str
    tests: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    workers: int = WORKERS
    around: Callable[[Path], contextlib.AbstractContextManager[dict[str, str]]] | None = None
    before: Callable[[], list[str]] | None = None

    def run(self) -> bool:
        """Whether its tests pass."""
        with tempfile.TemporaryDirectory(prefix="elsewhere-") as name, contextlib.ExitStack() as stack:
            folder = Path(name)
            more = stack.enter_context(self.around(folder)) if self.around else {}
            command = [
                *(self.before() if self.before else []), sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                "-n", str(self.workers), "--dist", "loadfile", *self.tests,
            ]  # fmt: skip
            threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
            environment = {**os.environ, **threads, "PYTHONDONTWRITEBYTECODE": "1", **self.variables, **more}
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


@contextlib.contextmanager
def capped(_: Path) -> Iterator[dict[str, str]]:
    """Instructions that not every processor has are not used, where that can be said."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise Skip(f"this processor is a {platform.machine()}, and the instructions are those of x86_64")
    yield {}


@contextlib.contextmanager
def abroad(folder: Path) -> Iterator[dict[str, str]]:
    """A language that this system has, or can make without being installed; private files."""
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    found = {}
    for language in LANGUAGES:
        if f"{language}.utf8" in listed:
            found = {"LC_ALL": f"{language}.UTF-8"}
            break
        made = folder / f"{language}.UTF-8"
        command = ["localedef", "-i", language, "-f", "UTF-8", str(made)]
        with contextlib.suppress(OSError):
            subprocess.run(command, capture_output=True, check=False)
        if (made / "LC_CTYPE").exists():
            found = {"LC_ALL": made.name, "LOCPATH": str(folder)}
            break
    if not found:
        raise Skip(
            f"neither {' nor '.join(LANGUAGES)} is generated here, nor can be (Debian, Ubuntu: apt-get install locales)"
        )
    mask = os.umask(0o077)
    try:
        yield found
    finally:
        os.umask(mask)


@contextlib.contextmanager
def homeless(folder: Path) -> Iterator[dict[str, str]]:
    """A home folder that nobody can make, and a cache and a temporary folder with nothing in them."""
    short = folder / "t"
    short.mkdir()
    yield {"HOME": "/proc/nobody", "XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(short)}


def as_another_user() -> list[str]:
    """The command that gives up being root, for the user nobody."""
    if os.getuid() != 0:
        raise Skip("the tests run as an ordinary user anyway")
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise Skip("there is no user nobody here") from None
    if shutil.which("setpriv") is None:
        raise Skip("there is no setpriv here (Debian, Ubuntu: apt-get install util-linux)")
    become = [
        "setpriv",
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        "--inh-caps=-all",
        # What setpriv itself starts is still found with root's rights.
        "env",
    ]
    look = subprocess.run(
        [*become, sys.executable, "-c", "import mobilecnn"], capture_output=True, check=False
    )
    if look.returncode:
        raise Skip(f"an ordinary user cannot run {sys.executable}, or not read this folder")
    return become


@contextlib.contextmanager
def for_another_user(folder: Path) -> Iterator[dict[str, str]]:
    """The folder is anybody's."""
    folder.chmod(0o777)
    yield {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }


@contextlib.contextmanager
def on_one_core(_: Path) -> Iterator[dict[str, str]]:
    """The first of those that this process may use."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield {}
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def busy(_: Path) -> Iterator[dict[str, str]]:
    """Two processes for each core that do nothing but compute."""
    # They end with this process, however it ends.
    code = "import os\nme = os.getppid()\nwhile os.getppid() == me:\n    for _ in range(10**6): pass"
    spin = [sys.executable, "-c", code]
    spinning = [subprocess.Popen(spin) for _ in range(2 * len(os.sched_getaffinity(0)))]
    try:
        yield {}
    finally:
        for process in spinning:
            process.kill()
            process.wait()


SEED = os.environ.get("SEED", str(int(time.time())))
FAMILIES = (
    "tests/test_conformance.py", "-k", "exports and (squeezenet_v1.1 or mobilenet_v3 or shufflenet_v1_x0.25)",
)  # fmt: skip
OLD = {"ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Nehalem"}
PLAIN = {"TF_ENABLE_ONEDNN_OPTS": "0"}

VARIANTS = (
    Variant("sse41", "oneDNN and numpy with the instructions of 2008", NUMBERS, OLD, around=capped),
    Variant("sse41-zoo", "the same, and networks of the zoo", FAMILIES, OLD, around=capped),
    Variant("plain", "TensorFlow without oneDNN", NUMBERS, PLAIN),
    Variant("plain-zoo", "the same, and networks of the zoo", FAMILIES, PLAIN),
    Variant("abroad", "another language, the time zone farthest east, private files (umask 077)",
            (*TOOLS, "tests/bench/test_report.py", "tests/cli/test_models.py", "tests/cli/test_bench.py"),
            {"TZ": "Pacific/Kiritimati"}, around=abroad),
    Variant("bare", "no language at all, a home folder that cannot be made, empty caches", PURE,
            {"LC_ALL": "C", "TZ": "America/Adak"}, around=homeless),
    Variant("user", "an ordinary user", PURE, around=for_another_user, before=as_another_user),
    Variant("order", f"in another order (SEED={SEED} repeats it)", (*PURE, "-p", "randomly", f"--randomly-seed={SEED}")),
    Variant("one-core", "one core", CLOCKS, workers=1, around=on_one_core),
    Variant("busy", "two other processes on each core", CLOCKS, around=busy),
)  # fmt: skip


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([variant.name for variant in VARIANTS]))
def main(names: tuple[str, ...]) -> None:
    """Run the tests as other machines would, all variants or those with these NAMES."""
    passed: list[str] = []
    failed: list[str] = []
    skipped: list[str] = []
    for variant in VARIANTS:
        if names and variant.name not in names:
            continue
        click.echo(f"\n=== elsewhere: {variant.name}: {variant.words}")
        begin = time.monotonic()
        try:
            (passed if variant.run() else failed).append(variant.name)
        except Skip as why:
            skipped.append(f"SKIPPED {variant.name}: {why}")
            click.echo(skipped[-1])
        click.echo(f"=== elsewhere: {variant.name}: {time.monotonic() - begin:.0f} s")
    click.echo(
        f"\n=== elsewhere: passed: {', '.join(passed) or 'none'}; failed: {', '.join(failed) or 'none'}"
    )
    for line in skipped:
        click.echo(line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
