"""Run the tests as other machines would: each variant with those tests whose outcome it could change.

``python scripts/elsewhere.py`` runs all variants, ``python scripts/elsewhere.py order user`` two of them. A
variant that this machine cannot imitate is skipped with the reason, which is repeated at the end.
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
"""Number of tests that run at once."""
LANGUAGES = ("tr_TR", "de_DE")
"""Locales to try in turn: Turkish does not capitalize i as I, and the tools translate their messages into both."""

NUMBERS = (
    "tests/quantize", "tests/convert/test_versions.py", "tests/convert/test_flatbuffer.py", "tests/convert/test_cut.py",
    "tests/convert/test_build.py", "tests/convert/test_lowering.py", "tests/train/test_fit.py",
    "tests/bench/test_answers.py", "tests/cli/test_cli.py", "tests/android/test_vectors.py",
)  # fmt: skip
"""Tests that compute: training, export, parity, and the answers of the runtimes."""
FIDELITY = ("tests/quantize/test_export.py", "tests/quantize/test_parity.py", "tests/cli/test_cli.py")
"""Tests of NUMBERS whose limits are closest to the rounding of one set of kernels."""
TOOLS = (
    "tests/test_files.py", "tests/test_structure.py", "tests/bench/test_ssh.py", "tests/bench/test_adb.py",
    "tests/bench/test_phone_setup.py", "tests/cli/test_devices_command.py", "tests/android/test_installing.py",
    "tests/android/test_staging.py",
)  # fmt: skip
"""Tests that write files and run other programs."""
PURE = (
    "tests/test_files.py", "tests/bench/test_report.py", "tests/bench/test_measurement.py",
    "tests/bench/test_comparison.py", "tests/bench/test_device_file.py", "tests/bench/test_instructions.py",
    "tests/bench/test_sustained.py", "tests/bench/test_statistics.py", "tests/bench/test_hygiene.py",
    "tests/cli/test_models.py", "tests/cli/test_compare.py", "tests/cli/test_bench.py", "tests/train/test_datasets.py",
    "tests/train/test_names.py", "tests/train/test_images.py", "tests/train/test_torch_file.py",
)  # fmt: skip
"""Tests that are quick: of records, tables and names, and of single commands."""
CLOCKS = (
    "tests/test_files.py", "tests/bench/test_worker.py", "tests/bench/test_run.py", "tests/bench/test_stream.py",
    "tests/bench/test_cool_down.py", "tests/cli/test_streams.py",
)  # fmt: skip
"""Tests that start processes, time them and wait for them."""


class Skip(Exception):
    """This machine cannot imitate the other one; the text says why."""


@dataclass(frozen=True)
class Variant:
    """A way in which another machine differs.

    Attributes:
        name: name on the command line.
        words: description of the difference.
        tests: pytest's arguments.
        variables: environment variables beside those of this process.
        workers: number of tests that run at once.
        around: context that holds while the tests run; it takes a temporary folder of its own and yields
            further environment variables.
        before: returns words that go before the command.
    """

    name: str
    words: str
    tests: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    workers: int = WORKERS
    around: Callable[[Path], contextlib.AbstractContextManager[dict[str, str]]] | None = None
    before: Callable[[], list[str]] | None = None

    def run(self) -> bool:
        """Run the tests; True if they pass."""
        with tempfile.TemporaryDirectory(prefix="elsewhere-") as temporary, contextlib.ExitStack() as stack:
            folder = Path(temporary)
            variables = stack.enter_context(self.around(folder)) if self.around else {}
            command = [
                *(self.before() if self.before else []), sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                "-n", str(self.workers), "--dist", "loadfile", *self.tests,
            ]  # fmt: skip
            threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
            environment = {
                **os.environ,
                **threads,
                "PYTHONDONTWRITEBYTECODE": "1",
                **self.variables,
                **variables,
            }
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


@contextlib.contextmanager
def capped(_: Path) -> Iterator[dict[str, str]]:
    """Checks that the processor is one whose instructions the variables can restrict."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise Skip(f"this processor is a {platform.machine()}, and the instructions are those of x86_64")
    yield {}


@contextlib.contextmanager
def abroad(folder: Path) -> Iterator[dict[str, str]]:
    """Sets a language of LANGUAGES, generated in the folder if the system lacks it, and the umask 077."""
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    locale = {}
    for language in LANGUAGES:
        if f"{language}.utf8" in listed:
            locale = {"LC_ALL": f"{language}.UTF-8"}
            break
        compiled = folder / f"{language}.UTF-8"
        command = ["localedef", "-i", language, "-f", "UTF-8", str(compiled)]
        with contextlib.suppress(OSError):
            subprocess.run(command, capture_output=True, check=False)
        if (compiled / "LC_CTYPE").exists():
            locale = {"LC_ALL": compiled.name, "LOCPATH": str(folder)}
            break
    if not locale:
        raise Skip(
            f"neither {' nor '.join(LANGUAGES)} is generated on this machine, nor can be "
            "(Debian, Ubuntu: apt-get install locales)"
        )
    mask = os.umask(0o077)
    try:
        yield locale
    finally:
        os.umask(mask)


@contextlib.contextmanager
def homeless(folder: Path) -> Iterator[dict[str, str]]:
    """Sets a home folder that cannot be created, and an empty cache and temporary folder."""
    temporary = folder / "t"
    temporary.mkdir()
    yield {"HOME": "/proc/nobody", "XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(temporary)}


def as_another_user() -> list[str]:
    """The words before a command that run it as the user nobody instead of root."""
    if os.getuid() != 0:
        raise Skip("the tests run as an ordinary user anyway")
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise Skip("this machine has no user nobody") from None
    if shutil.which("setpriv") is None:
        raise Skip("setpriv is not installed (Debian, Ubuntu: apt-get install util-linux)")
    become = [
        "setpriv",
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        "--inh-caps=-all",
        # setpriv looks its command up with root's rights; env does so with those of nobody.
        "env",
    ]
    tried = subprocess.run(
        [*become, sys.executable, "-c", "import mobilecnn"], capture_output=True, check=False
    )
    if tried.returncode:
        raise Skip(f"an ordinary user cannot run {sys.executable} or read this folder")
    return become


@contextlib.contextmanager
def for_another_user(folder: Path) -> Iterator[dict[str, str]]:
    """Opens the folder to every user and puts home and temporary files there."""
    folder.chmod(0o777)
    yield {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }


@contextlib.contextmanager
def on_one_core(_: Path) -> Iterator[dict[str, str]]:
    """Pins this process to the first of the cores that it may use."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield {}
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def busy(_: Path) -> Iterator[dict[str, str]]:
    """Keeps every core busy with two other processes."""
    # The processes end with this one, however it ends.
    code = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    for _ in range(10**6): pass"
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command) for _ in range(2 * len(os.sched_getaffinity(0)))]
    try:
        yield {}
    finally:
        for process in processes:
            process.kill()
            process.wait()


SEED = os.environ.get("SEED", str(int(time.time())))
"""Seed of the order of the tests."""
FAMILIES = (
    "tests/test_conformance.py", "-k", "exports and (squeezenet_v1.1 or mobilenet_v3 or shufflenet_v1_x0.25)",
)  # fmt: skip
"""Tests that export networks of the zoo: one of each kind of block."""
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"}
OLD = {"ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Nehalem"}
PLAIN = {"TF_ENABLE_ONEDNN_OPTS": "0"}

VARIANTS = (
    Variant("avx2", "oneDNN and numpy with the instructions of 2013", FIDELITY, AVX2, around=capped),
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
    """Run the tests as other machines would: all variants, or those of these NAMES."""
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
        except Skip as reason:
            skipped.append(f"SKIPPED {variant.name}: {reason}")
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
