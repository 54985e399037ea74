"""Model ShuffleNets without and with dense groups on the chips that there are targets for, and hold the costs against that.

    python benchmarks/target_costs.py [NETWORK ...] [--chip pi4] [--format int8] [--loss 0.2] [--json]

Each network is exported once, without ``write_groups_dense``; that is then run with the costs of ``any`` and of the chip's own
target. All files of a chip run in one emulated process, the second inference of each is counted. "predicted" is what the chip's
table, where it has one of the type, says of the change, as a share of the time without it. With ``--loss`` the rule of ``any`` has that
share in place of ``LARGEST_LOSS``. Weights are random, and times are modelled. The exit code is 1 if a
file for ``any`` takes longer than the one without by more than LIMIT on a chip that ``any`` weighs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.emulated import build
from mobilecnn.bench.devices.emulated.blocks import sections
from mobilecnn.bench.devices.emulated.work import work_of
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.work import Work, milliseconds
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.graph.flatbuffer import Operation
from mobilecnn.convert.lowering import AUTO, chosen
from mobilecnn.convert.lowering.costs import ANY, LARGEST_LOSS, TARGETS, Costs, Table
from mobilecnn.convert.lowering.shuffles import write_groups_dense
from mobilecnn.export import export
from mobilecnn.files import cache, sha256
from mobilecnn.quantize.calibration.images import RANDOM, Calibration

NETWORKS = tuple(
    f"shufflenet_v1_x{width}_g{groups}" for width in ("0.25", "0.5", "1.0") for groups in (2, 3, 4, 8)
)
"""Networks that are modelled where none is named."""

FORMATS = ("float32", "int8")
WITHOUT, OWN = "without", "own"
LIMIT = 0.05
"""Largest share of its time that a file for ``any`` may take longer than without dense groups."""

PROGRAM = """
import os, sys
import numpy
from ai_edge_litert.interpreter import Interpreter
ready = []
for path in sys.argv[1:]:
    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    (wanted,) = interpreter.get_input_details()
    picture = numpy.random.default_rng(0).integers(-100, 100, wanted["shape"])
    interpreter.set_tensor(wanted["index"], picture.astype(wanted["dtype"]))
    ready.append(interpreter)
os.isatty(0x6d634e4e)
for interpreter in ready:
    for _ in range(2):
        interpreter.invoke()
        os.isatty(0x6d634e4e)
"""
"""What runs files; each of their two inferences lies between two marks. The first warms the caches up."""

SECONDS = 3600
"""Seconds that the files of a chip may take."""


def modelled(contents: Iterable[bytes], name: str) -> dict[bytes, float]:
    """Milliseconds of files on a chip, one thread; their work is kept on disk, also for chips of the same core and caches."""
    chip, plugin = CHIPS[name], build.plugin("blocks")
    folder = cache() / "target-costs"
    folder.mkdir(parents=True, exist_ok=True)
    root = build.root(
        lambda text: print(text, file=sys.stderr)
    )  # Its name stands for the runtimes' releases in it.
    made_of = sha256(repr((root.name, plugin.name, PROGRAM, chip.core, chip.model, chip.simulated)).encode())[
        :12
    ]
    kept = {content: folder / f"{chip.core}-{made_of}-{sha256(content)[:16]}.json" for content in contents}
    new = [content for content, path in kept.items() if not path.exists()]
    if new:
        with tempfile.TemporaryDirectory() as work:
            program, out = Path(work) / "run.py", Path(work) / "blocks"
            program.write_text(PROGRAM)
            files = [Path(work) / f"{number}.tflite" for number in range(len(new))]
            for file, content in zip(files, new, strict=True):
                file.write_bytes(content)
            options = f"{plugin},out={out},late=on,caches={chip.simulated}"
            command = build.command(root, chip.core, [str(program), *map(str, files)], options)
            subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
            with out.open() as lines:
                for number, section in enumerate(sections(lines, (len(chip.caches),))):
                    if number % 2:
                        found = work_of(section, chip.model)
                        kept[new[number // 2]].write_text(json.dumps(asdict(found)))
    return {
        content: milliseconds(Work(**json.loads(path.read_text())), chip) for content, path in kept.items()
    }


def exported(network: str, formats: Sequence[str], folder: Path) -> dict[str, bytes]:
    """The files of a network with the rewrites of ``any`` but the one that is looked at; those that are in the folder are taken as they are."""
    paths = {kind: folder / f"{network}.{kind}.tflite" for kind in formats}
    if not all(path.exists() for path in paths.values()):
        others = [row.name for row in chosen(AUTO) if row.run is not write_groups_dense]
        export(Source(network), formats, folder, Calibration(RANDOM), lowering=others)
    return {kind: path.read_bytes() for kind, path in paths.items()}


def rewritten(content: bytes, costs: Costs) -> bytes:
    """The file with the groups dense that some costs choose."""
    model = flatbuffer.parse(content, "it")
    editor = Editor(model)
    if not tuple(write_groups_dense(editor, costs)):
        return content
    editor.sweep()
    return flatbuffer.pack(model)


def predicted(content: bytes, table: Table) -> float:
    """Milliseconds of the pointwise convolutions and channel shuffles of a file, by a table of costs."""
    return sum(_cost(operation, table) for operation in flatbuffer.graph(content, "it").operations) / 1e6


def _cost(operation: Operation, table: Table) -> float:
    made = operation.outputs[0]
    if operation.kind == "TRANSPOSE":
        channels = made.shape[-2] * made.shape[-1]
        return table.shuffle(made.elements // channels, channels)
    if operation.kind != "CONV_2D" or operation.inputs[0] is None or operation.inputs[1] is None:
        return 0.0
    kernel = operation.inputs[1].shape
    if kernel[1:3] != (1, 1):
        return 0.0
    groups = operation.inputs[0].shape[-1] // kernel[3]
    return table.convolution(made.elements // made.shape[-1], kernel[3], made.shape[-1] // groups, groups)


def forms_of(content: bytes, chip: str) -> dict[str, bytes]:
    """A file without dense groups, for ``any``, and for a chip's own target."""
    return {WITHOUT: content, ANY: rewritten(content, TARGETS[ANY]), OWN: rewritten(content, TARGETS[chip])}


def rows(files: dict[tuple[str, str], bytes], chip: str) -> Iterable[dict[str, Any]]:
    """What a chip takes for each network and format in each form."""
    forms = {case: forms_of(content, chip) for case, content in files.items()}
    spent = modelled(dict.fromkeys(file for made in forms.values() for file in made.values()), chip)
    for (network, kind), made in forms.items():
        before, tables = spent[made[WITHOUT]], TARGETS[chip].tables.get(kind)
        yield {
            "network": network,
            "format": kind,
            "chip": chip,
            **{f"{form}_ms": spent[file] for form, file in made.items()},
            **{
                f"{form}_predicted": tables
                and (predicted(file, tables[0]) - predicted(made[WITHOUT], tables[0])) / before
                for form, file in made.items()
            },
        }


def weighed(row: dict[str, Any]) -> bool:
    """Whether ``any`` weighs the chip of a row."""
    return TARGETS[row["chip"]].tables.get(row["format"], ())[:1] in [
        (table,) for table in TARGETS[ANY].tables.get(row["format"], ())
    ]


def main() -> None:
    """Print a line a network, format and chip; exit with 1 if a file for ``any`` is slower than it may be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--chip", action="append", choices=[name for name in TARGETS if name in CHIPS])
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--files", type=Path, help="folder that keeps the exported networks")
    parser.add_argument("--loss", type=float, help="share that a chip may lose  [default: by the format]")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.loss is not None:
        if not 0 <= asked.loss <= 1:
            parser.error(f"--loss is a share from 0 to 1, not {asked.loss}")
        LARGEST_LOSS.update(dict.fromkeys(FORMATS, asked.loss))
    chips = asked.chip or [name for name in TARGETS if name in CHIPS]
    with tempfile.TemporaryDirectory() as work:
        folder, files = asked.files or Path(work), {}
        for network in asked.networks:
            for kind, content in exported(network, asked.format or FORMATS, folder).items():
                files[network, kind] = content
    made: list[dict[str, Any]] = []
    for chip in chips:
        for row in rows(files, chip):
            made.append(row)
            print(_line(row), file=sys.stderr, flush=True)
    if asked.json:
        print(json.dumps({"limit": LIMIT, "rows": made}, indent=2))
    else:
        print(
            "| network | format | chip | without, ms | `any`, ms | own, ms | `any` | predicted | own | predicted |"
        )
        print("|---|---|---|--:|--:|--:|--:|--:|--:|--:|")
        for row in made:
            print(_line(row))
    slower = [row for row in made if weighed(row) and row[f"{ANY}_ms"] > (1 + LIMIT) * row[f"{WITHOUT}_ms"]]
    sys.exit(1 if slower else 0)


def _line(row: dict[str, Any]) -> str:
    def change(form: str) -> str:
        said = row[f"{form}_predicted"]
        known = "-" if said is None else f"{said:+.1%}"
        return f"{row[f'{form}_ms'] / row[f'{WITHOUT}_ms'] - 1:+.1%} | {known}"

    times = " | ".join(f"{row[f'{form}_ms']:.2f}" for form in (WITHOUT, ANY, OWN))
    return f"| {row['network']} | {row['format']} | {row['chip']} | {times} | {change(ANY)} | {change(OWN)} |"


if __name__ == "__main__":
    main()
