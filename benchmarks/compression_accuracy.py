"""What each step of a compression costs in accuracy on Fashion-MNIST, and whether anything becomes faster.

    python benchmarks/compression_accuracy.py [--data /usr/share/datasets/fashion-mnist] [--images 60000] [--epochs 12] [--device local]
    python benchmarks/compression_accuracy.py --schedules --images 12000 --epochs 4

Caffe's LeNet is trained, and compressed in four ways: by SVD alone, pruned at the shares of Deep Compression's Table 2
(arXiv 1510.00149), pruned and then clustered at its bits, and all together. Each is trained again for a quarter of the epochs after each step. The
accuracies are those on the 10,000 test images, which nothing was trained on or chosen by; those "at once" and "after training" are on a tenth of the training
images that is held back. All are exported in float32 and int8, and timed beside each other. The data are Debian's package
``dataset-fashion-mnist``. With ``--schedules`` it is pruned by each schedule instead, in as many epochs as it was trained for.
"""

import argparse
import gzip
import shutil
import tempfile
from pathlib import Path

import mobilecnn
from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import take
from mobilecnn.quantize.compress.schedules import SCHEDULES

NETWORK, SIDE = "lenet_caffe", 28

PRUNED = {"conv1": 0.34, "conv2": 0.88, "ip1": 0.92, "predictions": 0.81}
"""Layer -> share of the weights that become 0 (arXiv 1510.00149, Table 2, which prints the share that is kept)."""

BITS: dict[str, float] = {"conv1": 8, "conv2": 8, "ip1": 5, "predictions": 5}
"""Layer -> bits of a shared value (the same table)."""

RANK = {"ip1": 0.1}
"""Dense layer -> share of the rank that it keeps: the classifier has ten outputs, and a tenth of its rank is one direction."""

FORMATS = ("float32", "int8")

SHARES = (0.9, 0.95, 0.98)
"""Shares of the weights of each layer that the schedules prune."""

Shares = dict[str, float] | None


def shortened(data: Path, images: int, folder: Path) -> Path:
    """The data set with the first images of its training part."""
    folder.mkdir()
    for path in data.iterdir():
        if "train" not in path.name or not path.name.endswith(".gz"):
            shutil.copy(path, folder)
            continue
        content = gzip.decompress(path.read_bytes())
        dimensions = content[3]
        size = 28 * 28 if dimensions == 3 else 1
        head = content[:4] + images.to_bytes(4, "big") + content[8 : 4 + 4 * dimensions]
        (folder / path.name).write_bytes(gzip.compress(head + content[len(head) :][: images * size], 1))
    return folder


def schedules(given: Path, data: Path, folder: Path, epochs: int) -> None:
    """Print what each schedule of pruning leaves right, on the test images, for each share."""
    print(f"| pruned | {' | '.join(SCHEDULES)} |")
    print(f"|--:|{'--:|' * len(SCHEDULES)}")
    whole = mobilecnn.evaluate([given], data).results[0].accuracy
    print(f"| 0 % | {' | '.join([f'{whole:.2%}'] * len(SCHEDULES))} |", flush=True)
    for share in SHARES:
        paths = []
        for name in SCHEDULES:
            paths.append(folder / f"{name}-{share}.keras")
            mobilecnn.compress(
                given, paths[-1], prune={"": share}, prune_schedule=name, data=data, epochs=epochs,
                learning_rate=3e-4, batch_size=64,
            )  # fmt: skip
        right = [row.accuracy for row in mobilecnn.evaluate(paths, data).results]
        print(f"| {share:.0%} | {' | '.join(f'{each:.2%}' for each in right)} |", flush=True)


def main() -> None:
    """Train, compress, judge, time, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument(
        "--device", default="local", help="where the files are timed, or their time is modelled"
    )
    parser.add_argument("--schedules", action="store_true", help="prune by each schedule, and nothing else")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = shortened(asked.data, asked.images, folder / "data")
        trained = mobilecnn.train(
            NETWORK, data, folder / "given.keras", size=SIDE, epochs=asked.epochs, batch_size=64
        )
        if asked.schedules:
            schedules(trained.path, data, folder, asked.epochs)
            return
        models = {"as it came": trained.path}
        print("| model | step | weights | not 0 | at once | after training | coded file (kB) |")
        print("|---|---|--:|--:|--:|--:|--:|", flush=True)
        ways: dict[str, tuple[Shares, Shares, Shares]] = {
            # SVD, pruning, clustering
            "SVD": (RANK, None, None),
            "pruned": (None, PRUNED, None),
            "pruned and clustered": (None, PRUNED, BITS),
            "SVD, pruned and clustered": (RANK, {**PRUNED, "": 0.5}, {**BITS, "": 6}),
        }
        for name, (svd, prune, cluster) in ways.items():
            path = folder / f"{name.replace(' ', '-').replace(',', '')}.keras"
            made = mobilecnn.compress(
                trained.path, path, svd=svd, prune=prune, cluster=cluster, data=data, epochs=max(1, asked.epochs // 4),
                learning_rate=3e-4, batch_size=64,
            )  # fmt: skip
            models[name] = path
            for step in made.steps:
                assert step.accuracy is not None, "it is judged by the data that it is given"
                again = "" if step.retrained is None else f"{step.retrained:.2%}"
                print(
                    f"| {name} | {step.name} | {step.weights:,} | {step.nonzero:,} | {step.accuracy:.2%} | {again} | |"
                )
            print(
                f"| {name} | coded | | | | | {made.bytes / 1e3:.1f} of {made.given_bytes / 1e3:.1f} |",
                flush=True,
            )
        files: list[mobilecnn.Exported] = []
        for path in models.values():
            files += mobilecnn.export(path, FORMATS, calibration=data, samples=200, output=folder / path.stem)
        accuracy = mobilecnn.evaluate([*models.values(), *files], data)
        paths = [file.path for file in files]
        protocol = Protocol()
        with (where := device(asked.device, protocol.runtime)):
            times = take(paths, where, protocol)
        sizes_of = [path.stat().st_size for path in paths]
    print(
        f"\n| model | Keras | float32 | int8 | float32 (kB) | int8 (kB) | float32 (us, {asked.device}) | int8 (us) |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    shares = [row.accuracy for row in accuracy.results]
    for place, name in enumerate(models):
        pair = slice(2 * place, 2 * place + 2)
        judged = [shares[place], *shares[len(models) :][pair]]
        sizes = [size / 1e3 for size in sizes_of[pair]]
        spent = [times.time(2 * place + number).value / 1e3 for number in range(2)]
        cells = [*(f"{value:.2%}" for value in judged), *(f"{value:.1f}" for value in (*sizes, *spent))]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
