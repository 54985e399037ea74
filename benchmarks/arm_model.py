"""Hold modelled ARM time against ncnn's published benchmark of six chips.

    python benchmarks/arm_model.py --params FOLDER [--only NETWORK]... [--json]

FOLDER holds the network descriptions of ncnn's benchmark (benchmark/*.param of github.com/Tencent/ncnn) and
published.csv: a row a network with the columns network, input (side in pixels) and milliseconds of one thread on each
chip. The networks run in ncnn's own aarch64 wheels on an emulated core; a release near the time when a chip's column
was published. What they executed is kept in ~/.cache/mobilecnn/arm-model, so that the benchmark can be stopped and
goes on where it was.

Three constants a chip turn the work into time: a factor of the pipeline's cycles, cycles for a line from the
memory, and cycles for a branch that turns. The error of a network is that of constants fitted without it.
Prints for each chip the median, 90th percentile and worst error of the times, the median error of the speedups over
AlexNet, and the rank correlation; the exit code is 1 if a median is over 5 %, or a 90th percentile over 13 %, or that of
speedups over 7 %.
"""

import argparse
import csv
import itertools
import json
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn.bench.devices.emulated import build
from mobilecnn.bench.devices.emulated.blocks import sections
from mobilecnn.bench.devices.emulated.work import work_of
from mobilecnn.bench.devices.wheels import download
from mobilecnn.bench.records.chips import CHIPS, Chip
from mobilecnn.bench.records.work import Work
from mobilecnn.files import cache, write_json

PUBLISHED = {
    "sd821": ("sd821_kryo_2.35GHz", "1.0.20221128"),
    "sd810": ("sd810_a57_2.0GHz", "1.0.20221128"),
    "rk3399": ("rk3399_a72_1.8GHz", "1.0.20221128"),
    "pi4": ("pi4_a72_1.8GHz", "1.0.20221128"),
    "pi5": ("pi5_a76_2.4GHz", "1.0.20230816"),
    "pi3": ("pi3bplus_a53_1.4GHz", "1.0.20221128"),
}
"""Chip -> its column in published.csv, and the release of ncnn that runs for it."""

BASELINE = "alexnet"
LIMITS = {"median": 0.05, "p90": 0.13, "speedup": 0.07}
SECONDS = 1800
"""Seconds that a network may take."""

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
run()
run()
os.isatty(0x6d634e4e)
run()
os.isatty(0x6d634e4e)
"""
"""What runs a network as ncnn's benchmark does, weights all zero; the third inference lies between two marks."""


@dataclass(frozen=True)
class Fit:
    """Constants of a chip, and the errors of the networks without which each was fitted."""

    cycles: float
    line: float
    turn: float
    errors: dict[str, float]


def unpacked(release: str) -> Path:
    """The folder of ncnn's aarch64 wheel, downloaded once."""
    folder = cache() / "arm-model" / f"ncnn-{release}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=cache()) as work:
            wanted = [f"ncnn=={release}", "--no-deps"]
            subprocess.run(download("", "aarch64", build.GLIBC, build.PYTHON, Path(work), wanted), check=True)
            (wheel,) = Path(work).glob("*.whl")
            with zipfile.ZipFile(wheel) as content:
                content.extractall(Path(work) / "it")
            folder.parent.mkdir(parents=True, exist_ok=True)
            (Path(work) / "it").rename(folder)
    return folder


def works(param: Path, side: int, core: str, release: str, chips: list[Chip]) -> dict[str, Work]:
    """The work of one inference on each of ``chips``, which have the same core."""
    kept = (
        cache() / "arm-model" / f"{param.stem}-{side}-{release}-{'-'.join(chip.name for chip in chips)}.json"
    )
    if kept.exists():
        return {name: Work(**members) for name, members in json.loads(kept.read_text()).items()}
    root = build.root(lambda text: print(text, file=sys.stderr))
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "run.py").write_text(PROGRAM)
        out = Path(work) / "blocks"
        plugin = ",".join(
            [str(build.plugin("blocks")), f"out={out}", *(f"caches={chip.simulated}" for chip in chips)]
        )
        arguments = [f"{work}/run.py", str(unpacked(release)), str(param), str(side)]
        subprocess.run(
            build.command(root, core, arguments, plugin), check=True, capture_output=True, timeout=SECONDS
        )
        with out.open() as lines:
            (section,) = sections(lines, tuple(len(chip.caches) for chip in chips))
    made = {chip.name: work_of(section, chip.model, number) for number, chip in enumerate(chips)}
    write_json(kept, {name: asdict(work) for name, work in made.items()})
    return made


def fitted(terms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Constants, none negative, with the smallest sum of absolute relative errors.

    Args:
        terms: (networks, constants), each row divided by the published cycles.
    """
    weights = np.ones(len(terms))
    constants = np.zeros(terms.shape[1])
    for _ in range(60):  # Least squares, weighted again and again, come to least absolute errors.
        constants = _not_negative(terms * weights[:, None], weights)
        weights = 1 / np.sqrt(np.maximum(np.abs(terms @ constants - 1), 0.02))
    return constants


def _not_negative(terms: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Least squares without negative constants: the best of all choices of constants that may differ from 0."""
    best, smallest = np.zeros(terms.shape[1]), np.inf
    for chosen in itertools.product((False, True), repeat=terms.shape[1]):
        columns = np.flatnonzero(chosen)
        if not len(columns):
            continue
        solved = np.linalg.lstsq(terms[:, columns], wanted, rcond=None)[0]
        squares = float(((terms[:, columns] @ solved - wanted) ** 2).sum())
        if (solved >= 0).all() and squares < smallest:
            best, smallest = np.zeros(terms.shape[1]), squares
            best[columns] = solved
    return best


def held_out(work: dict[str, Work], published: dict[str, float]) -> Fit:
    """Constants of all networks, and the error of each with constants fitted without it."""
    names = list(work)
    terms = np.array([[work[name].cycles, work[name].lines, work[name].turns] for name in names])
    terms /= np.array([published[name] for name in names])[:, None]
    errors = {}
    for number, name in enumerate(names):
        others = np.arange(len(names)) != number
        errors[name] = float(terms[number] @ fitted(terms[others]) - 1)
    cycles, line, turn = (float(constant) for constant in fitted(terms))
    return Fit(cycles, line, turn, errors)


def ranks(values: list[float]) -> npt.NDArray[np.intp]:
    return np.argsort(np.argsort(values))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with (arguments.params / "published.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if not arguments.only or row["network"] in arguments.only]
    together: dict[tuple[str, str], list[Chip]] = {}
    for name, (_, release) in PUBLISHED.items():
        together.setdefault((CHIPS[name].core, release), []).append(CHIPS[name])
    work: dict[str, dict[str, Work]] = {name: {} for name in PUBLISHED}
    for (core, release), chips in together.items():
        for row in rows:
            print(f"{row['network']} on {core}, ncnn {release}", file=sys.stderr)
            param = arguments.params / f"{row['network']}.param"
            for name, amount in works(param, int(row["input"]), core, release, chips).items():
                work[name][row["network"]] = amount
    documents, failed = [], False
    print("chip      networks  median    p90  worst                   speedups  rank  cycles  line  turn")
    for name, (column, _) in PUBLISHED.items():
        published = {
            row["network"]: float(row[column]) * 1e6 * CHIPS[name].gigahertz for row in rows if row[column]
        }
        fit = held_out({key: work[name][key] for key in published}, published)
        sizes = np.abs(list(fit.errors.values()))
        worst = max(fit.errors, key=lambda network: abs(fit.errors[network]))
        modelled = {network: published[network] * (1 + error) for network, error in fit.errors.items()}
        base = modelled[BASELINE] / published[BASELINE]
        speedups = [
            abs(base / (1 + error) - 1) for network, error in fit.errors.items() if network != BASELINE
        ]
        figures = {
            "median": float(np.median(sizes)),
            "p90": float(np.quantile(sizes, 0.9)),
            "speedup": float(np.median(speedups)),
        }
        correlation = float(
            np.corrcoef(ranks(list(modelled.values())), ranks([published[n] for n in modelled]))[0, 1]
        )
        failed |= any(figures[key] > LIMITS[key] for key in LIMITS)
        documents.append({"chip": name, **figures, "worst": worst, "rank": correlation, **asdict(fit)})
        print(
            f"{name:9} {len(sizes):8}  {figures['median']:6.1%} {figures['p90']:6.1%} {sizes.max():6.1%} {worst:16} "
            f"{figures['speedup']:8.1%}  {correlation:.2f}  {fit.cycles:6.2f} {fit.line:5.1f} {fit.turn:5.0f}"
        )
    if arguments.json:
        print(json.dumps(documents, indent=2))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
