"""Hold ShuffleNet V1 as others write it against ours: after the rewrites both should take equally long.

    python benchmarks/spellings.py [NETWORK ...] [--device emulated-pi5] [--device emulated-pi4] [--json]

Theirs has its channel shuffles in five dimensions and a rectification behind the concatenation; "same pools" has, beside that, average
pools with "same" padding, which divide by the places inside only. Weights are random, and the files are of float32 and int8. Times
are those of benchmarks/lowering.py: here measured, on emulated devices modelled. The exit code is 1 where a spelling takes longer
than ours by more than LIMIT on an emulated device, whose times do not depend on what else runs.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from lowering import FORMATS, modelled, timed

from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.train import zoo
from mobilecnn.train.zoo import shufflenet_v1

NETWORKS = ("shufflenet_v1_x0.5_g3",)
LIMIT = 0.03
OURS, THEIRS, SAME = "ours", "theirs", "same pools"

Merge = Callable[[Any, Any, str], Any]


def five_dimensions(x: Any, groups: int, label: str) -> Any:
    """A channel shuffle of a feature map (n, h, w, c) in five dimensions."""
    from keras import layers

    _, height, width, depth = x.shape
    x = layers.Reshape((height, width, groups, depth // groups), name=f"{label}_fold")(x)
    x = layers.Permute((1, 2, 4, 3), name=f"{label}_permute")(x)
    return layers.Reshape((height, width, depth), name=f"{label}_unfold")(x)


def rectified_after(padding: str) -> Merge:
    """The unit of stride 2 with its rectification behind the concatenation, and pools of a padding: ``valid`` or ``same``."""

    def merge(x: Any, branch: Any, label: str) -> Any:
        from keras import layers

        if padding == "valid":
            x = layers.ZeroPadding2D(1, name=f"{label}_pool_pad")(x)
        x = layers.AveragePooling2D(3, strides=2, padding=padding, name=f"{label}_pool")(x)
        both = layers.Concatenate(name=f"{label}_concat")([x, branch])
        return layers.ReLU(name=f"{label}_relu")(both)

    return merge


def built(network: str) -> dict[str, Any]:
    """The Keras models of a network in each spelling, with the same weights."""
    models = {OURS: zoo.main_output(zoo.build(network))}
    for name, padding in ((THEIRS, "valid"), (SAME, "same")):
        with mock.patch.multiple(
            shufflenet_v1, channel_shuffle=five_dimensions, _down=rectified_after(padding)
        ):
            models[name] = zoo.main_output(zoo.build(network))
    weights = {weight.path: weight.numpy() for weight in models[OURS].weights}
    for model in models.values():
        for weight in model.weights:
            weight.assign(weights[weight.path])
    return models


def main() -> None:
    """Print a line a network, place and format, and exit with 1 if a spelling is slower."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument(
        "--device", action="append", default=[], help="an emulated device, beside this machine"
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for network in asked.networks:
        with tempfile.TemporaryDirectory() as work:
            files: dict[tuple[str, str], Path] = {}
            for number, (spelling, model) in enumerate(built(network).items()):
                path = Path(work) / f"{number}.keras"
                model.save(path)
                source = Source(str(path), input_range="unit")
                for made in export(source, FORMATS, Path(work) / "made", Calibration(RANDOM, 10)):
                    files[spelling, made.format] = made.path
            places = {"here": timed(files, RUNTIMES[0])}
            places.update({device: modelled(files, device) for device in asked.device})
        for place, times in places.items():
            for kind in FORMATS:
                spent = {spelling: times[spelling, kind] for spelling in (OURS, THEIRS, SAME)}
                rows.append({"network": network, "place": place, "format": kind, **spent})
    if asked.json:
        print(json.dumps({"limit": LIMIT, "rows": rows}, indent=2))
    else:
        print(f"| network | place | format | {OURS}, ms | {THEIRS} | {SAME} |\n|---|---|---|--:|--:|--:|")
        for row in rows:
            changes = (f"{row[name] / row[OURS] - 1:+.1%}" for name in (THEIRS, SAME))
            print(
                f"| {row['network']} | {row['place']} | {row['format']} | {row[OURS]:.3g} | {' | '.join(changes)} |"
            )
    emulated = [row for row in rows if row["place"] != "here"]
    slower = [row for row in emulated if max(row[THEIRS], row[SAME]) > (1 + LIMIT) * row[OURS]]
    sys.exit(1 if slower else 0)


if __name__ == "__main__":
    main()
