"""What each table leaves out of the paper's, and how its accuracies were tested.

That the papers test with one crop, or with ten, stands under their tables or in their sections on experiments. Where neither says it,
nothing is said here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ONE_CROP = "one crop of 224 x 224 pixels"
"""Protocol of most papers: the middle of an image whose shorter side is 256 pixels."""

TEN_CROPS = "10 crops"
"""Protocol of AlexNet's authors, taken over by others: the corners and the middle of an image, and their reflections."""

FIVE_SCALES = "fully convolutional, mean over 5 scales"
"""Protocol of ResNet's best figures (arXiv 1512.03385, section 3.4): shorter sides of 224, 256, 384, 480 and 640 pixels."""

CIFAR = "the whole image of 32 x 32 pixels"
"""Protocol of accuracies on CIFAR-10."""

NOT_BLACKLISTED = "on the 48,238 of the 50,000 validation images that are not blacklisted"
"""Images that the Inception papers test on (arXiv 1512.00567, section 10, and 1602.07261, Table 2): the others are those that ImageNet's
authors list as ambiguous."""

LESIONS = "validation images of 224 x 224 pixels, 30 % of ISIC 2018, Task 3"
"""Protocol of the lesion experiments."""

LESIONS_TRAINING = "training and validation images of 224 x 224 pixels, 70 and 30 % of ISIC 2018, Task 3"
"""Protocol of the accuracies in the course of their trainings."""


@dataclass(frozen=True)
class Extent:
    """What is there of a paper's table.

    Attributes:
        left_out: rows and columns of the paper's table that are not here; empty where it is whole.
        protocol: how its accuracies were tested; empty where the source does not say it, and where there are none.
        tested: rows of which the protocol is, such as "the ResNets"; empty where it is that of all.
    """

    left_out: str = ""
    protocol: str = ""
    tested: str = ""


UNKNOWN = "not known: the table could not be held against the paper."
"""What is said of a table that comes from others' texts."""

EXTENTS: Mapping[str, Extent] = {
    "alexnet-groups": Extent(),
    "densenet-2": Extent(
        "all networks but four, and the errors on CIFAR-10 without augmentation, on CIFAR-100 and on SVHN.",
        CIFAR,
    ),
    "densenet-3": Extent("the errors with 10 crops, which the paper prints beside these.", ONE_CROP),
    "efficientnet-2": Extent(
        "the networks that the paper sets beside each EfficientNet, and the ratios of their parameters and multiply-adds.",
        "one crop, of 224 (B0) to 600 pixels (B7)",
    ),
    "efficientnet-scaling": Extent(),
    "efficientnet_lite-1": Extent(),
    "inception_v2-3": Extent(
        protocol=f"one crop, of 224 pixels in the first three rows and 299 in the others, {NOT_BLACKLISTED}"
    ),
    "inception_v2-steps": Extent(),
    "inception_v4-2": Extent(protocol=f"one crop, of 224 (BN-Inception) or 299 pixels, {NOT_BLACKLISTED}"),
    "isic-comparison": Extent(protocol=LESIONS),
    "isic-training": Extent(protocol=LESIONS_TRAINING),
    "mobilenet-1": Extent(),
    "mobilenet-2": Extent(),
    "mobilenet-3": Extent(),
    "mobilenet-4": Extent(),
    "mobilenet-5": Extent(),
    "mobilenet-6": Extent(),
    "mobilenet-7": Extent(),
    "mobilenet-8": Extent(),
    "mobilenet-9": Extent(),
    "mobilenet_v2-2": Extent(),
    "mobilenet_v2-4": Extent(),
    "mobilenet_v3-1": Extent(),
    "mobilenet_v3-2": Extent(),
    "mobilenet_v3-3": Extent(),
    "mobilenet_v3-9": Extent(),
    "nasnet-2": Extent(protocol="one crop, of 224 to 331 pixels"),
    "nasnet-3": Extent("the parameters of ShuffleNet.", "images of 224 x 224 pixels"),
    "randwire-2": Extent(
        "AmoebaNet-A, -B and -C, PNASNet and DARTS; what else is not known, for the table could not be held against the paper.",
    ),
    "randwire-3": Extent(UNKNOWN),
    "randwire-4": Extent(UNKNOWN),
    "resnet-1": Extent("the layers of each stage: of the table its last row is here, the complexities."),
    "resnet-2": Extent(protocol=TEN_CROPS),
    "resnet-3": Extent(protocol=TEN_CROPS),
    "resnet-4": Extent(protocol=FIVE_SCALES, tested="the ResNets"),
    "resnet-6": Extent(
        "the networks of other papers, ResNet-1202, and the mean and deviation of ResNet-110 over five trainings.",
        CIFAR,
    ),
    "resnext-3": Extent(protocol=ONE_CROP),
    "resnext-4": Extent(protocol=ONE_CROP),
    "senet-2": Extent(
        "each network without squeeze-and-excitation, as first published and as trained by the authors, SE-VGG-16 and SE-Inception-ResNet-v2.",
        ONE_CROP,
    ),
    "shiftnet-4": Extent(UNKNOWN),
    "shufflenet-1": Extent(
        "the rows of the image and of the pools, sizes of kernels, and strides; those of Conv1 and of the units are in the labels and notes."
    ),
    "shufflenet-2": Extent(protocol=ONE_CROP),
    "shufflenet-3": Extent("the difference of the two columns.", ONE_CROP),
    "shufflenet-4": Extent(protocol=ONE_CROP),
    "shufflenet-5": Extent("the differences of the errors (delta err.).", ONE_CROP),
    "shufflenet-5v1": Extent(
        "the differences of the errors; what else is not known, for the MobileNets' rows could not be held against the first version.",
        ONE_CROP,
    ),
    "shufflenet-6": Extent(protocol=ONE_CROP),
    "shufflenet-8": Extent(protocol=ONE_CROP),
    "shufflenet-series": Extent("ShuffleNet V2+, the large networks, and those of other papers."),
    "shufflenet_v2-1": Extent(),
    "shufflenet_v2-2": Extent(),
    "shufflenet_v2-3": Extent(),
    "shufflenet_v2-4": Extent(),
    "shufflenet_v2-5": Extent(
        "the rows of the image and of the pools, sizes of kernels, and strides; those of Conv1 and of the units are in the labels and notes."
    ),
    "shufflenet_v2-6": Extent(),
    "shufflenet_v2-8": Extent(protocol=ONE_CROP),
    "shufflenet_v2-appendix": Extent(),
    "squeezenet-1": Extent(
        "the rows of the input and of the pools, and the layers' sizes, strides, depths and channels."
    ),
    "squeezenet-2": Extent("the type of the values; the bits are in the labels."),
    "squeezenet-3": Extent(),
    "squeezenext-1": Extent(
        "networks, multiply-adds and accuracies of which no text but the paper's tables was found, those of 34 and 44 layers among them."
    ),
    "wide_resnet-8": Extent(protocol=ONE_CROP),
    "xception-1": Extent(protocol="one crop, of 224 (VGG-16, ResNet-152) or 299 pixels"),
    "xception-3": Extent("the steps a second of a training."),
}
"""Name -> what is there of the paper's table."""
