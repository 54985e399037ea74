"""ShuffleNet V1: pointwise group convolutions and a channel shuffle.

Zhang, Zhou, Lin, Sun, "ShuffleNet: An Extremely Efficient Convolutional Neural Network
for Mobile Devices", arXiv 1707.01083v2, 2017: Table 1 (the network), Figure 2 (the units),
section 3.1 (the shuffle), section 4.3 (the shallow network, and the one with
squeeze-and-excitation); its first version (v1) for "arch2".

The network is written in the form that int8 runtimes run best, exactly equal to the
paper's:

* The ReLU of the stride-2 unit is on the residual branch, not after the concatenation: the
  pooled shortcut is an average of values that are already non-negative. int8 runtimes fuse
  that ReLU into the convolution, but not one after a concatenation.
* Strided convolutions and the shortcut's average pool are padded by one pixel on every
  side, as in the authors' public code ("same" padding would pad an even side at its end
  only), and the average counts the padding. XNNPACK fuses the padding into the
  convolutions, where it costs nothing, but not into a max pool: there an explicit padding
  adds 8 % to the latency of 0.5x and 3.5 % to that of 1x (LiteRT 2.3, x86-64, float32),
  and so the stem's max pool has "same" padding. Its windows are shifted by one pixel against
  the authors', equally for both branches of every unit.
* There is one shuffle in a unit, after the first pointwise convolution and only if that is
  grouped, on the feature map folded to (positions, groups, channels of a group): four
  dimensions with the batch.

Where the paper is silent:

* Squeeze-and-excitation scales the output of the residual branch, before the sum or the
  concatenation, as in SE-ResNet (Hu, Shen, Sun, arXiv 1709.01507, Figure 3); its squeezed
  channels are a sixteenth of the branch's, and its two convolutions have biases. At 2x
  with 3 groups that costs 2.4 million multiply-adds; the paper's Table 5 says 3.
* Stage 2 has 174 channels in the shallow network (2, 4 and 2 units) and 200 in "arch2" (4,
  6 and 4 units), and each later stage twice as many. No source states these widths: they
  come closest to the paper's 40 million multiply-adds, and with "arch2" to those of the
  network that it modifies.
* Widths at which no first convolution is published take that of the next smaller width; at
  0.25x it has 12 channels (8 at 8 groups), which gives the paper's 13 million multiply-adds.
"""

from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.shufflenet_v1_channels import channels, units
from mobilecnn.train.zoo.squeeze_excite import squeeze_excite


def build(
    *, width: float, groups: int, variant: str, size: int | tuple[int, int], classes: int, name: str
) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        width: multiplier of the stages' channels: the paper's "s x".
        groups: number of groups of every pointwise convolution except the very first.
        variant: "", "_noshuffle" (the paper's Table 3 compares it), "_se" (with
            squeeze-and-excitation), "_shallow" or "_arch2".
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    widths = channels(width, groups, variant)
    sides = (size, size) if isinstance(size, int) else size
    inputs = layers.Input((*sides, 3), name="image")
    x = layers.ZeroPadding2D(1, name="stem_pad")(inputs)
    x = layers.Conv2D(widths.stem, 3, strides=2, use_bias=False, name="stem_conv")(x)  # 224 -> 112
    x = _bn(x, "stem")
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)  # 112 -> 56
    for stage, count, out, bottleneck in zip(
        (2, 3, 4), units(variant), widths.stages, widths.bottlenecks, strict=True
    ):
        for unit in range(1, count + 1):
            label = f"stage{stage}_unit{unit}"
            # Section 3.2: the input of Stage 2 has too few channels to be grouped.
            first = 1 if (stage, unit) == (2, 1) else groups
            if unit == 1:
                # The shortcut's channels count towards the output's.
                stride, branch_out, merge = 2, out - x.shape[-1], _down
            else:
                stride, branch_out, merge = 1, out, _same
            shuffle = variant != "_noshuffle"
            branch = _residual(x, branch_out, bottleneck, first, groups, stride, shuffle, label)
            if variant == "_se":
                branch = squeeze_excite(branch, f"{label}_se")
            x = merge(x, branch, label)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _same(x: Any, branch: Any, label: str) -> Any:
    """Figure 2 (b): stride 1, added to its input."""
    x = layers.Add(name=f"{label}_add")([x, branch])
    return layers.ReLU(name=f"{label}_relu")(x)


def _down(x: Any, branch: Any, label: str) -> Any:
    """Figure 2 (c): stride 2, concatenated with its pooled input."""
    branch = layers.ReLU(name=f"{label}_relu")(branch)
    shortcut = layers.ZeroPadding2D(1, name=f"{label}_pool_pad")(x)
    shortcut = layers.AveragePooling2D(3, strides=2, name=f"{label}_pool")(shortcut)
    return layers.Concatenate(name=f"{label}_concat")([shortcut, branch])


def _residual(
    x: Any, out: int, bottleneck: int, first: int, groups: int, stride: int, shuffle: bool, label: str
) -> Any:
    """Pointwise group convolution, shuffle, depthwise (no ReLU after it), pointwise group convolution."""
    x = layers.Conv2D(bottleneck, 1, groups=first, use_bias=False, name=f"{label}_conv1")(x)
    x = _bn(x, f"{label}_conv1")
    x = layers.ReLU(name=f"{label}_conv1_relu")(x)
    # After a convolution that is not grouped (Stage 2 begins with one) a shuffle would only
    # renumber the channels: each is computed from all inputs.
    if shuffle and first > 1:
        x = channel_shuffle(x, groups, label)
    padding = "same"
    if stride == 2:
        x = layers.ZeroPadding2D(1, name=f"{label}_depthwise_pad")(x)
        padding = "valid"
    x = layers.DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=f"{label}_depthwise")(
        x
    )
    x = _bn(x, f"{label}_depthwise")
    x = layers.Conv2D(out, 1, groups=groups, use_bias=False, name=f"{label}_conv2")(x)
    return _bn(x, f"{label}_conv2")


def channel_shuffle(x: Any, groups: int, label: str) -> Any:
    """Interleave the channels of the groups: (n, h, w, c) -> (n, h, w, c).

    Output channel ``k * groups + j`` is channel ``k`` of group ``j``, that is input channel
    ``j * (c / groups) + k`` (section 3.1).
    """
    _, height, width, depth = x.shape
    x = layers.Reshape((height * width, groups, depth // groups), name=f"{label}_shuffle_fold")(x)
    x = layers.Permute((1, 3, 2), name=f"{label}_shuffle")(x)
    return layers.Reshape((height, width, depth), name=f"{label}_shuffle_unfold")(x)


def _bn(x: Any, label: str) -> Any:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{label}_bn")(x)
