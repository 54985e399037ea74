"""What int8 costs a vision transformer, whose normalization the recipe of int8 leaves in float32: trained on Fashion-MNIST.

    python benchmarks/transformer_accuracy.py [--data /usr/share/datasets/fashion-mnist] [--epochs 6] [--seed 0] --output FOLDER

The network has four layers of 64 channels and four heads on patches of 4x4 of images of 28x28, with conditional positional
encodings; it is fine-tuned from random weights as any Keras model is. The data are Debian's package ``dataset-fashion-mnist``. Three files are judged on the 10,000 test
images: float32, int8 as exported without options, and int8 with the normalization in int8 too. The exit code is 1 if the
second has more than a point less than the first. A model that FOLDER has is not trained again.
"""

import argparse
import json
from contextlib import suppress
from pathlib import Path

import mobilecnn
from mobilecnn.train.backend import load_keras

LAYERS, CHANNELS, HEADS, PATCH, SIDE = 4, 64, 4, 4, 28

LOSS = 0.01
"""Share of the test images that int8 may lose at most."""

EVERYTHING = {
    "schema": "mobilecnn.recipe", "version": 1, "format": "int8",
    "rules": [{"layers": "*", "operators": ["*"], "precision": "int8"}],
}  # fmt: skip
"""Recipe of int8 without the rule for normalizations."""


def transformer(path: Path, seed: int) -> None:
    """Write the network with random weights."""
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    image = layers.Input((SIDE, SIDE, 3))
    patches = layers.Conv2D(CHANNELS, PATCH, strides=PATCH)(image)
    # Attention does not see where a patch lies; a convolution over the patches tells it (Chu et al. 2021).
    placed = layers.Add()([patches, layers.DepthwiseConv2D(3, padding="same")(patches)])
    x = layers.Reshape(((SIDE // PATCH) ** 2, CHANNELS))(placed)
    for _ in range(LAYERS):
        normal = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(HEADS, CHANNELS // HEADS)(normal, normal)])
        inner = layers.Dense(2 * CHANNELS, activation="relu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(CHANNELS)(inner)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    keras.Model(image, layers.Dense(10, activation="softmax")(x)).save(path)


def main() -> None:
    """Train, export, judge, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, help="folder of the models, kept")
    options = parser.parse_args()
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    model, recipe = folder / "vit.keras", folder / "everything.json"
    if not model.exists():
        transformer(folder / "random.keras", options.seed)
        mobilecnn.train(
            None, options.data, model, base=folder / "random.keras", input_range="tf", epochs=options.epochs,
            batch_size=128, validation=0.05, augment="flip-shift", learning_rate=0.001, seed=options.seed,
        )  # fmt: skip
    recipe.write_text(json.dumps(EVERYTHING))
    files = []
    for name, given in (("usual", None), ("everything", recipe)):
        for old in (folder / name).glob("*.tflite"):
            old.unlink()  # What fails leaves none that could be judged in its place.
        with suppress(mobilecnn.CheckFailed):  # What is lost is what this is about.
            mobilecnn.export(
                model, ["float32", "int8"] if given is None else ["float32"], calibration=options.data, samples=200,
                output=folder / name, recipe=given,
            )  # fmt: skip
        files.append(folder / name / "vit.int8.tflite")
    judged = [folder / "usual" / "vit.float32.tflite", *files]
    float32, usual, everything = mobilecnn.evaluate(judged, options.data).results
    print("| file | right | 95 % interval |\n|---|--:|--:|")
    for what, row in (("float32", float32), ("int8", usual), ("int8, normalization too", everything)):
        low, high = row.interval
        print(f"| {what} | {row.accuracy:.2%} | {low:.2%} to {high:.2%} |")
    if float32.accuracy - usual.accuracy > LOSS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
