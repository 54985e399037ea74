"""Measure what the corrections are worth: agreement of int8 files with float32 on images that did not calibrate them.

    python benchmarks/quantization.py MODEL.keras ... --calibration DATA --data DATA [--samples N] [--input-range RANGE]
        [--output-kind KIND] [--format NAME] [--broken] [--divisions N] [--least SHARE] [--json]

Each model becomes a float32 file, and of that come files of a format without corrections, with each, and with all.
With ``--broken`` the float32 file is also broken in three ways, each of which leaves its answers as they are: one channel
of a tensor is enlarged a thousand times, one to a range of 20,000, and every eighth of every tensor a hundred times; the
layers that read them divide by as much. The photos of docs/quantization.md are those of ``benchmarks/photos.py``.
With ``--divisions``, the images of both sets are divided anew, at random, into as many that calibrate and that judge: a figure
of one division is one draw. The exit code is 1 if a file with all corrections agrees on less than ``--least`` of the images.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.export import export
from mobilecnn.quantize import corrections, formats
from mobilecnn.quantize.activations import Activations
from mobilecnn.quantize.calibration.images import CalibrationImages, ChosenImages, prepare
from mobilecnn.quantize.equalization import groups_of, rescale
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.parity import compare
from mobilecnn.quantize.weighted_layers import weighted_layers
from mobilecnn.remarks import no_remark
from mobilecnn.train import datasets
from mobilecnn.train.datasets.dataset import Dataset

VARIANTS = {
    "none": (),
    "equalization": (corrections.EQUALIZATION,),
    "clipping": (corrections.CLIPPING,),
    "bias_correction": (corrections.BIAS_CORRECTION,),
    "equalization and bias_correction": (corrections.EQUALIZATION, corrections.BIAS_CORRECTION),
    "all": corrections.NAMES,
}
BREAKS = ("one channel x 1000", "one channel to 20,000", "every eighth channel x 100")


def broken(content: bytes, seen: Activations, how: str) -> bytes:
    """The float32 file with some channels enlarged, whose answers are the same."""
    editor = Editor(flatbuffer.parse(content, "the float32 file"))
    layers = weighted_layers(editor)
    groups = groups_of(editor, layers)
    middle = groups[len(groups) // 2]
    for group in groups if how == BREAKS[2] else [middle]:
        ranges = np.max([seen.highs[index] - seen.lows[index] for index in group.tensors], axis=0)
        factors = np.ones(len(ranges))
        largest = int(np.argmax(ranges))
        if how == BREAKS[0]:
            factors[largest] = 1000
        elif how == BREAKS[1]:
            factors[largest] = 20_000 / ranges[largest]
        else:
            factors[::8] = 100
        rescale(editor, layers, group, 2.0 ** -np.rint(np.log2(factors)))
    editor.sweep()
    return flatbuffer.pack(editor.model)


def every(dataset: Dataset) -> ChosenImages:
    """All images of a data set: none of them is held out here."""
    return ChosenImages(dataset.name, 0, len(dataset), len(dataset.classes), dataset.pixels, dataset)


def divided(calibration: Dataset, judged: Dataset, seed: int) -> tuple[ChosenImages, ChosenImages]:
    """Images that calibrate and images that judge, as many as there are of both, drawn from both."""
    both = [*calibration.images, *judged.images]
    order = np.random.default_rng(seed).permutation(len(both))
    first, last = (
        replace(calibration, images=[both[index] for index in part])
        for part in np.split(order, [len(calibration)])
    )
    return every(first), every(last)


def rows(
    tflite: TfliteProcess, whole: Path, kind: OutputKind, row: Format, calibration: CalibrationImages, data: CalibrationImages, broken_too: bool
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """What each variant of each network is worth."""
    folder = whole.parent
    seen = tflite.observe(whole, calibration.tensors, folder / "seen.npz")
    for how in ("as it is", *(BREAKS if broken_too else ())):
        path = folder / "base.tflite"
        content = whole.read_bytes()
        path.write_bytes(content if how == "as it is" else broken(content, seen, how))
        tflite.run(path, data.tensors, folder / "exact.npy")
        exact = np.load(folder / "exact.npy")
        for variant, wanted in VARIANTS.items():
            base = corrections.prepare(tflite, path, calibration, kind, wanted)
            made = corrections.quantize(tflite, row, "int8", base)
            tflite.run(made.path, data.tensors, folder / "scores.npy")
            parity = compare(exact, np.load(folder / "scores.npy"), kind)
            yield {
                "format": row.name,
                "break": how,
                "corrections": variant,
                "applied": [one.name for one in made.corrections if one.applied],
                "images": parity.images,
                "agreement": parity.agreement,
                "sqnr_db": parity.sqnr_db,
                "bytes": made.path.stat().st_size,
            }


def say(one: dict[str, Any]) -> None:
    """Print a row of the table."""
    print(
        f"{one['model']:30} {one['division']} {one['format']:12} {one['break']:28} {one['corrections']:16} "
        f"{one['agreement']:7.1%} of {one['images']} {one['sqnr_db']:6.1f} dB {one['bytes']:10,} bytes",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--calibration", required=True, metavar="DATA")
    parser.add_argument("--data", required=True, metavar="DATA")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--input-range")
    parser.add_argument("--output-kind")
    parser.add_argument("--format", default="int8")
    parser.add_argument("--broken", action="store_true")
    parser.add_argument("--divisions", type=int, default=0, metavar="N")
    parser.add_argument("--least", type=float, default=0.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    row = formats.named(arguments.format)
    table: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in arguments.models:
            source = Source(model, input_range=arguments.input_range, output_kind=arguments.output_kind)
            (whole,) = export(source, ["float32"], folder)
            contract, kind = whole.passport.contract, whole.passport.kind
            asked = datasets.load(arguments.calibration, "train").sample(arguments.samples, 0)
            judged = datasets.judged(arguments.data, None, no_remark)
            divisions = [divided(asked, judged, seed) for seed in range(arguments.divisions)]
            for division, (first, last) in enumerate(divisions or [(every(asked), every(judged))]):
                calibration = prepare(first, contract, folder / "calibration.npy")
                data = prepare(last, contract, folder / "data.npy")
                with TfliteProcess("that quantizes") as tflite:
                    for measured in rows(tflite, whole.path, kind, row, calibration, data, arguments.broken):
                        table.append({"model": Path(model).name, "division": division, **measured})
                        if not arguments.json:
                            say(table[-1])
    if arguments.json:
        print(json.dumps({"rows": table}, indent=2))
    if any(row["agreement"] < arguments.least for row in table if row["corrections"] == "all"):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
