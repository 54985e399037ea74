"""How far apart are the answers of one file on different kernels?

    python benchmarks/kernel_differences.py [ZOO_NAME or MODEL.keras ...] [--json]

Exports each network in all formats and asks every file its golden pictures: LiteRT with
XNNPACK (which made the golden scores), LiteRT with its built-in kernels, and
tflite-runtime. Prints for each format the largest difference of a score over the largest
score, and over what bench/timing/answers.py takes as its measure: the file's own largest
difference from the Keras model. Exit code 1: one is apart by more than is allowed there.
Without arguments: nine networks with random weights, and a small one trained on the digits.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.bench.timing.answers import OUTPUT_STEPS, TIMES_OWN_ROUNDING
from mobilecnn.convert import passport
from mobilecnn.convert.conversion import Source
from mobilecnn.export import RANDOM, Calibration, export
from mobilecnn.files import sha256
from mobilecnn.quantize import formats
from mobilecnn.quantize.parity import FLOAT32_TOLERANCE
from mobilecnn.train import data, fit, zoo
from mobilecnn.train.images import to_tensor

NETWORKS = (
    "mobilenet_v1_x1.0_224", "mobilenet_v2_x1.0_224", "mobilenet_v3_large_x1.0", "efficientnet_lite0",
    "efficientnet_b0", "shufflenet_v1_x1.0_g3", "shufflenet_v2_x1.0", "squeezenet_v1.1", "resnet50",
)  # fmt: skip
TRAINED = "shufflenet_v1_x0.25_g3"

KERNELS = {
    "litert xnnpack": ("ai_edge_litert.interpreter", "AUTO"),
    "litert built-in": ("ai_edge_litert.interpreter", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"),
    "tflite-runtime": ("tflite_runtime.interpreter", "AUTO"),
}
ASK = """
import sys
from importlib import import_module
import numpy as np
from mobilecnn.quantize.codes import decode, encode
module = import_module(sys.argv[1])
resolver = getattr(module.OpResolverType, sys.argv[2])
interpreter = module.Interpreter(model_path=sys.argv[3], experimental_op_resolver_type=resolver)
interpreter.allocate_tensors()
source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
scores = []
for image in np.load(sys.argv[4]):
    interpreter.set_tensor(source["index"], encode(image[None], source["dtype"], *source["quantization"]))
    interpreter.invoke()
    scores.append(decode(interpreter.get_tensor(result["index"]), *result["quantization"]).ravel())
np.save(sys.argv[5], scores)
"""
"""A process for each: two runtimes in one break each other."""


def rows(model: Path, folder: Path) -> list[dict[str, Any]]:
    """One row for each of ``KERNELS``."""
    card = passport.read(model, sha256(model.read_bytes()))
    assert card is not None
    parity, quantization = card.parity, card.output.tensor.quantization
    np.save(folder / "inputs.npy", [to_tensor(pixels, card.contract) for pixels in card.pictures])
    expected = np.array([golden.scores for golden in card.golden])
    assert parity.max_difference is not None
    peak, own = float(np.abs(expected).max()), parity.max_difference
    scale = quantization.scale if quantization else 0.0
    found = []
    for kernels, (module, resolver) in KERNELS.items():
        files = [str(model), str(folder / "inputs.npy"), str(folder / "scores.npy")]
        subprocess.run([sys.executable, "-c", ASK, module, resolver, *files], check=True, capture_output=True)
        apart = float(np.abs(np.load(folder / "scores.npy") - expected).max())
        relative = max(FLOAT32_TOLERANCE, parity.tolerance or 0.0)
        allowed = relative * peak
        if parity.tolerance is None:
            allowed = max(allowed, TIMES_OWN_ROUNDING * own, OUTPUT_STEPS * scale)
        found.append(
            {
                "file": model.name,
                "format": card.file.format,
                "kernels": kernels,
                "over_largest_score": apart / peak,
                "over_own_difference": apart / own,
                "allowed": apart <= allowed,
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = [(text, RANDOM) for text in arguments.networks or NETWORKS]
        if not arguments.networks:
            size = fit.default_size(zoo.parse(TRAINED), data.DIGITS)
            plan = fit.Plan(TRAINED, data.DIGITS, size, 4)
            fit.run(fit.prepare(plan, folder / "digits.keras"))
            jobs.append((str(folder / "digits.keras"), data.DIGITS))
        for text, calibration in jobs:
            for one in export(Source(text), formats.names(), folder, Calibration(calibration)):
                found += rows(one.path, folder)
                one.path.unlink()
            print(text, file=sys.stderr)
    if arguments.json:
        print(json.dumps({"rows": found}, indent=2))
    else:
        print(f"{'format':10}{'kernels':18}{'networks':>9}{'/ largest score':>17}{'/ own difference':>22}")
        for form in formats.names():
            for kernels in KERNELS:
                some = [row for row in found if (row["format"], row["kernels"]) == (form, kernels)]
                own = [row["over_own_difference"] for row in some]
                peak = max(row["over_largest_score"] for row in some)
                print(f"{form:10}{kernels:18}{len(some):9}{peak:17.1e}{min(own):12.3f} .. {max(own):.3f}")
    for row in found:
        if not row["allowed"]:
            print(f"not allowed: {row['file']} on {row['kernels']}", file=sys.stderr)
    if not all(row["allowed"] for row in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
