"""The table of families: how their networks are named, and what is known about them without building one.

The grammar that reads the names is in :mod:`mobilecnn.train.zoo.names`. Nothing here imports
Keras.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mobilecnn.errors import ModelNameError
from mobilecnn.train.zoo.compound_scaling import LARGEST_PHI, SMALLEST_PHI, side
from mobilecnn.train.zoo.shufflenet_v1_channels import channels

Parameter = float | int | bool | str
"""Value of a ``{width}``, of another number, of a ``[flag]`` or of a choice of words."""

NARROWEST, WIDEST = 0.1, 4.0
"""Range of the width multipliers, for families that any multiplier can scale (published: 0.25 to 2)."""


@dataclass(frozen=True)
class Family:
    """A row of :data:`FAMILIES`.

    Attributes:
        name: name of the family.
        template: template of the networks' names; :mod:`mobilecnn.train.zoo.names` explains it.
        module: module of this package whose ``build`` takes the parameters.
        size: default input side, pixels.
        smallest: smallest input side, pixels: below it the last feature map has no pixel or, where
            strides round up, a single pixel whose neighbours are all padding.
        listed: names that ``mobilecnn models`` shows. If the template has a number in it, the
            grammar accepts more names; otherwise these are all.
        check: function of the parameters that raises ModelNameError if they cannot be built.
        sizes: name -> default input side, for the names whose default is not ``size``.
        size_of: function of the parameters that gives the default input side, where it follows from them.
        channels: channels of the input: 3, or 1 for grey images.
        classes: default number of outputs.
        input_range: range of the input, a name of :data:`mobilecnn.contract.RANGES`.
        rectangular: whether the module's ``build`` also takes (height, width) as the size.
    """

    name: str
    template: str
    module: str
    size: int
    smallest: int
    listed: tuple[str, ...]
    check: Callable[[dict[str, Parameter]], None] = lambda parameters: None
    sizes: Mapping[str, int] = field(default_factory=dict)
    size_of: Callable[[dict[str, Parameter]], int] | None = None
    channels: int = 3
    classes: int = 1000
    input_range: str = "tf"
    rectangular: bool = False


def _width_between(smallest: float, largest: float) -> Callable[[dict[str, Parameter]], None]:
    def check(parameters: dict[str, Parameter]) -> None:
        if not smallest <= float(parameters["width"]) <= largest:
            raise ModelNameError(
                f"the width multiplier {parameters['width']} is out of range; choose one from {smallest} to {largest}"
            )

    return check


def _check_shufflenet_v1(parameters: dict[str, Parameter]) -> None:
    width, groups = float(parameters["width"]), int(parameters["groups"])
    if width > WIDEST:
        raise ModelNameError(f"the width multiplier {width} is out of range; choose one of at most {WIDEST}")
    channels(width, groups, str(parameters["variant"]))
    if groups == 1 and parameters["variant"] == "_noshuffle":
        raise ModelNameError("with 1 group there is no shuffle to leave out; drop _noshuffle")


def _check_phi(parameters: dict[str, Parameter]) -> None:
    phi = float(parameters["phi"])
    if not SMALLEST_PHI <= phi <= LARGEST_PHI:
        raise ModelNameError(
            f"the compound coefficient {phi} is out of range, as the input side would be {side(phi)} pixels; choose one from "
            f"{SMALLEST_PHI:g} to {LARGEST_PHI:g}"
        )


SENETS = (
    "se_resnet50",
    "se_resnet101",
    "se_resnet152",
    "se_resnext50_32x4d",
    "se_resnext101_32x4d",
    "senet154",
)

CIFAR_RESNETS = (
    *(f"resnet{depth}" for depth in (20, 32, 44, 56, 110)),
    "resnet1001_v2",
    *(f"plain{depth}" for depth in (20, 56)),
)

FAMILIES = (
    Family("lenet", "lenet{variant:5|_caffe}", "lenet", 32, 16, ("lenet5", "lenet_caffe"),
           sizes={"lenet_caffe": 28}, channels=1, classes=10),
    Family("alexnet", "alexnet{variant:|_lrn|_1tower|_g1|_g4}", "alexnet", 227, 67,
           ("alexnet", "alexnet_lrn", "alexnet_1tower", "alexnet_g1", "alexnet_g4"), sizes={"alexnet_1tower": 224}, rectangular=True),
    Family("zfnet", "zfnet{variant:|_b}", "zfnet", 224, 47, ("zfnet", "zfnet_b")),
    Family("vgg", "vgg{depth:16|19}", "vgg", 224, 32, ("vgg16", "vgg19")),
    Family("googlenet", "googlenet{variant:|_aux|_bn}", "googlenet", 224, 31,
           ("googlenet", "googlenet_aux", "googlenet_bn")),
    Family("bn_inception", "[se_]bn_inception", "bn_inception", 224, 7, ("bn_inception", "se_bn_inception")),
    Family("inception_v2", "inception_v2", "inception_v2", 224, 32, ("inception_v2",)),
    Family("inception_v3", "inception_v3{variant:|_aux|_bn_aux}", "inception_v3", 299, 75,
           ("inception_v3", "inception_v3_aux", "inception_v3_bn_aux")),
    Family("inception_v4", "inception_v4", "inception_v4", 299, 75, ("inception_v4",)),
    Family("inception_resnet", "inception_resnet_{version:v1|v1_paper|v2}", "inception_resnet", 299, 75,
           ("inception_resnet_v1", "inception_resnet_v1_paper", "inception_resnet_v2")),
    Family("resnet_basic", "{kind:resnet|plain}{depth:18|34}", "resnet_basic", 224, 32,
           ("resnet18", "resnet34", "plain18", "plain34"), rectangular=True),
    Family("resnet", "resnet{depth:50|101|152|200}{version:|_v1.5|_v2|_1x100d}", "resnet", 224, 32,
           (
               *(f"resnet{depth}{version}" for version in ("", "_v1.5", "_v2") for depth in (50, 101, 152)),
               "resnet200_v2", "resnet101_1x100d",
           ), rectangular=True),
    Family("resnet_cifar", f"{{variant:{'|'.join(CIFAR_RESNETS)}}}_cifar10", "resnet_cifar", 32, 8,
           tuple(f"{variant}_cifar10" for variant in CIFAR_RESNETS), classes=10),
    Family("wide_resnet", "wrn50_2", "wide_resnet", 224, 32, ("wrn50_2",), rectangular=True),
    Family("resnext", "resnext{depth:50|101}_{cardinality:2|4|8|32|64}x{bottleneck:4|14|24|40|64}d", "resnext", 224, 32,
           (
               *(f"resnext{depth}_{shape}" for shape in ("2x40d", "4x24d", "8x14d", "32x4d") for depth in (50, 101)),
               "resnext101_2x64d", "resnext101_64x4d",
           ), rectangular=True),
    Family("senet", f"{{variant:{'|'.join(SENETS)}}}", "senet", 224, 32, SENETS),
    Family("resnet_separable", "resnet50_separable_dw[_linear]", "resnet_separable", 224, 32,
           ("resnet50_separable_dw", "resnet50_separable_dw_linear"), classes=7, rectangular=True),
    Family("densenet", "densenet{depth:121|161|169|201|264}", "densenet", 224, 29,
           tuple(f"densenet{depth}" for depth in (121, 161, 169, 201, 264))),
    Family("densenet_cifar", "densenet_bc{depth:100|250}_k{growth:12|24}_cifar10", "densenet_cifar", 32, 4,
           ("densenet_bc100_k12_cifar10", "densenet_bc250_k24_cifar10"), classes=10),
    Family("xception", "xception", "xception", 299, 71, ("xception",)),
    Family("nasnet", "nasnet_a_{variant:mobile|large}", "nasnet", 224, 32, ("nasnet_a_mobile", "nasnet_a_large"),
           sizes={"nasnet_a_large": 331}),
    Family("randwire", "randwire_ws_c{channels:78|109|154}[_seed{seed}]", "randwire", 224, 32,
           ("randwire_ws_c78", "randwire_ws_c109", "randwire_ws_c154")),
    Family("squeezenet", "squeezenet_v1.{minor:0|1}{variant:|_227|_simple_bypass|_complex_bypass}", "squeezenet", 224, 21,
           ("squeezenet_v1.0", "squeezenet_v1.1", "squeezenet_v1.0_227", "squeezenet_v1.0_simple_bypass",
            "squeezenet_v1.0_complex_bypass"),
           sizes={"squeezenet_v1.0_227": 227}, rectangular=True),
    Family("squeezenext", "squeezenext{version:23|23v2|23v3|23v4|23v5|34|44}_x{width:1.0|1.5|2.0}[_g2]", "squeezenext",
           227, 9,
           (
               "squeezenext23_x1.0", "squeezenext23_x1.0_g2",
               *(f"squeezenext23v{version}_x1.0" for version in (2, 3, 4, 5)), "squeezenext34_x1.0", "squeezenext44_x1.0",
               *(f"squeezenext23{version}_x1.5" for version in ("", "v5")),
               *(f"squeezenext23{version}_x2.0" for version in ("", "v2", "v3", "v4", "v5")), "squeezenext44_x2.0",
           )),
    Family("mobilenet_v1", "mobilenet_v1_x{width}_{size}", "mobilenet_v1", 224, 32,
           tuple(f"mobilenet_v1_x{width}_{size}" for width in (1.0, 0.75, 0.5, 0.25) for size in (224, 192, 160, 128)),
           _width_between(NARROWEST, WIDEST), rectangular=True),
    Family("mobilenet_v1_variants", "mobilenet_v1_{variant:conv|shallow}", "mobilenet_v1_variants", 224, 32,
           ("mobilenet_v1_conv", "mobilenet_v1_shallow")),
    Family("mobilenet_v2", "mobilenet_v2_x{width}_{size}", "mobilenet_v2", 224, 32,
           (
               "mobilenet_v2_x1.4_224", "mobilenet_v2_x1.3_224",
               *(f"mobilenet_v2_x{width}_{size}" for width in (1.0, 0.75, 0.5, 0.35) for size in (224, 192, 160, 128, 96)),
           ),
           _width_between(NARROWEST, WIDEST), rectangular=True),
    Family("mobilenet_v3", "mobilenet_v3_{variant:large|small}_x{width}[_minimalistic]", "mobilenet_v3", 224, 32,
           tuple(f"mobilenet_v3_{variant}_x{form}" for variant in ("large", "small")
                 for form in ("1.0", "0.75", "1.0_minimalistic")),
           _width_between(NARROWEST, WIDEST), rectangular=True),
    Family("shufflenet_v1", "shufflenet_v1_x{width}_g{groups}{variant:|_noshuffle|_se|_shallow|_arch2}",
           "shufflenet_v1", 224, 32,
           (
               *(f"shufflenet_v1_x{width}_g{groups}" for width in (0.25, 0.5, 1.0, 1.5, 2.0) for groups in (1, 2, 3, 4, 8)),
               *(f"shufflenet_v1_x{width}_g{groups}_noshuffle" for width in (1.0, 0.5, 0.25) for groups in (3, 8)),
               "shufflenet_v1_x2.0_g3_se", "shufflenet_v1_x0.5_g3_shallow", "shufflenet_v1_x0.5_g8_arch2",
           ),
           _check_shufflenet_v1, rectangular=True),
    Family("shufflenet_v2", "shufflenet_v2_x{width:0.5|1.0|1.5|2.0}", "shufflenet_v2", 224, 32,
           tuple(f"shufflenet_v2_x{width}" for width in (0.5, 1.0, 1.5, 2.0)), rectangular=True),
    Family("equal_complexity", "shufflenet_unit_{unit:vgg|resnet|resnext}_{macs:140|38|13}", "equal_complexity", 224, 32,
           tuple(f"shufflenet_unit_{unit}_{macs}" for unit in ("vgg", "resnet", "resnext") for macs in (140, 38, 13)),
           rectangular=True),
    Family("shiftnet", "shiftnet_{variant:a|b|c}", "shiftnet", 224, 32, ("shiftnet_a", "shiftnet_b", "shiftnet_c")),
    Family("efficientnet", "efficientnet_b{number:0|1|2|3|4|5|6|7|8}", "efficientnet", 224, 32,
           tuple(f"efficientnet_b{number}" for number in range(9)),
           sizes={f"efficientnet_b{number}": size
                  for number, size in enumerate((224, 240, 260, 300, 380, 456, 528, 600, 672))},
           input_range="raw", rectangular=True),
    Family("efficientnet_phi", "efficientnet_phi{phi}", "efficientnet", 224, 32,
           tuple(f"efficientnet_phi{phi}.0" for phi in range(1, 4)), _check_phi,
           size_of=lambda parameters: side(float(parameters["phi"])), input_range="raw", rectangular=True),
    Family("efficientnet_lite", "efficientnet_lite{number:0|1|2|3|4}", "efficientnet_lite", 224, 32,
           tuple(f"efficientnet_lite{number}" for number in range(5)),
           sizes={f"efficientnet_lite{number}": size for number, size in enumerate((224, 240, 260, 280, 300))},
           input_range="lite", rectangular=True),
)  # fmt: skip
