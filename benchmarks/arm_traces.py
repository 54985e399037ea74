"""What an inference executes on an emulated core, kept on disk; and ncnn's networks."""

import gzip
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mobilecnn.bench.devices.emulated import build
from mobilecnn.bench.devices.emulated.blocks import Section, sections
from mobilecnn.bench.devices.wheels import download
from mobilecnn.bench.records.chips import Chip
from mobilecnn.files import cache, sha256

SECONDS = 1800
"""Seconds that a network may take."""

LATE = "late=on"
"""Option of ``blocks.c``: nothing is simulated before the first mark, as on the product's devices."""

PROGRAM = """
import os, sys
sys.path.insert(0, sys.argv[1])
import ncnn
net = ncnn.Net()
net.opt.num_threads = 1
net.opt.lightmode = True
net.load_param(sys.argv[2])
net.load_model(ncnn.DataReaderFromEmpty())
picture = ncnn.Mat(int(sys.argv[3]), int(sys.argv[3]), 3)
picture.fill(0.01)
def run():
    with net.create_extractor() as extractor:
        extractor.input("data", picture)
        code, _ = extractor.extract("output")
        assert code == 0
os.isatty(0x6d634e4e)
for _ in range(2):
    run()
    os.isatty(0x6d634e4e)
"""
"""What runs a network as ncnn's benchmark does, weights all zero; each of two inferences lies between two marks.

The first one warms up the caches, which are simulated from the first mark on. A third differs from the second by a hundred-thousandth of the instructions and
a hundredth of the lines from the memory.
"""


def unpacked(release: str) -> Path:
    """The folder of ncnn's aarch64 wheel, downloaded once."""
    folder = cache() / "arm-model" / f"ncnn-{release}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as work:
            wanted = [f"ncnn=={release}", "--no-deps"]
            subprocess.run(download("", "aarch64", build.GLIBC, build.PYTHON, Path(work), wanted), check=True)
            (wheel,) = Path(work).glob("*.whl")
            with zipfile.ZipFile(wheel) as content:
                content.extractall(Path(work) / "it")
            (Path(work) / "it").rename(folder)
    return folder


def simulated(chips: Sequence[Chip]) -> tuple[str, ...]:
    """The caches of some chips as ``blocks.c`` takes them, each once."""
    return tuple(dict.fromkeys(chip.simulated for chip in chips))


def traced(param: Path, side: int, core: str, release: str, caches: Sequence[str]) -> Section:
    """What one inference of ncnn executes on an emulated core, with the traffic of each of some caches.

    Args:
        param: ncnn's description of the network.
        side: side of the input in pixels.
        core: a key of ``build.CORES``.
        release: of ncnn.
        caches: as ``blocks.c`` takes them.
    """
    label = f"{param.stem}-{side}-{release}-{core}"
    return executed(label, PROGRAM, [str(unpacked(release)), str(param), str(side)], param, core, caches)


def executed(
    label: str, program: str, arguments: Sequence[str], model: Path, core: str, caches: Sequence[str]
) -> Section:
    """What a Python program executes between its last two marks, from the disk if that is known.

    Args:
        label: what the file on disk is called, with a hash of all that decides its content.
        program: its text.
        arguments: arguments.
        model: the file among the arguments of which the content counts.
        core: a key of ``build.CORES``.
        caches: as ``blocks.c`` takes them.
    """
    plugin = build.plugin("blocks")
    made_of = sha256(repr((plugin.name, LATE, program, caches, model.read_bytes())).encode())[:12]
    kept = cache() / "arm-model" / f"{label}-{made_of}.gz"
    if not kept.exists():
        root = build.root(lambda text: print(text, file=sys.stderr))
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            (Path(work) / "run.py").write_text(program)
            out = Path(work) / "blocks"
            options = ",".join([str(plugin), f"out={out}", LATE, *(f"caches={text}" for text in caches)])
            command = build.command(root, core, [f"{work}/run.py", *arguments], options)
            subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
            whole = Path(work) / "kept"
            with out.open() as lines, gzip.open(whole, "wt") as file:
                try:
                    file.writelines(between_marks(lines))
                except ValueError as error:
                    raise SystemExit(
                        f"the trace of {label} is damaged: {error}; see whether {work} has room, and run it again"
                    ) from error
            whole.rename(kept)
    return last_section(kept, caches)


def last_section(kept: Path, caches: Sequence[str]) -> Section:
    """The one section of a file on disk.

    Raises:
        SystemExit: it is damaged.
    """
    try:
        with gzip.open(kept, "rt") as lines:
            (section,) = sections(lines, tuple(text.count("/") for text in caches))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise SystemExit(f"{kept} is damaged: {error}; remove it, and run it again") from error
    return section


def between_marks(lines: Iterable[str]) -> Iterator[str]:
    """Of the lines of ``blocks.c`` those of the last section, with the blocks that ran in it.

    Raises:
        ValueError: the lines are not what ``blocks.c`` writes, or end within the last section.
    """
    blocks: dict[str, str] = {}
    ran: list[str] = []
    inside: list[str] = []
    for line in lines:
        if not line.endswith("\n"):
            break  # What follows the last mark may be cut anywhere when the program ends, in a block's number too.
        match line.split():
            case ["block", number, _, _]:
                blocks[number] = line
                continue
            case ["mark"]:
                ran, inside = [], []
                continue
            case ["ran", number, _, _, *_]:
                ran.append(number)
            case ["then", _, _, _] | ["end"]:
                pass
            case _:
                raise ValueError(f"unknown line {line[:80]!r}")
        inside.append(line)
    if not inside or inside[-1] != "end\n":
        raise ValueError("it ends before the last inference does")
    if missing := [number for number in ran if number not in blocks]:
        raise ValueError(f"a block {missing[0]} ran that is not there")
    yield from (blocks[number] for number in ran)
    yield from ("mark\n", "end\n", "mark\n", *inside)
