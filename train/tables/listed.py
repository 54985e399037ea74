"""The tables whose figures are in ``rows.csv``: titles, sources, and remarks on what differs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Listed:
    """A table whose figures are in ``rows.csv``.

    Attributes:
        title: what it shows.
        source: paper and number of the table.
        notes: remarks on its differences.
    """

    title: str
    source: str
    notes: tuple[str, ...] = ()


TWICE = (
    "SqueezeNet's 1700 million are about twice its multiply-adds on 227 x 227 pixels (each counted as two operations): 833 million, which are "
    "printed in ShuffleNet V1's Table 6, or 861 with the padding that the authors' Caffe file gives conv10."
)
GOOGLENET = (
    "GoogLeNet's multiply-adds are printed as 1448 (NASNet), 1500 (ShuffleNet, Inception) and 1550 million (MobileNet); those of its paper's "
    "Table 1 sum to 1,502, and how the other two were counted is not said. Its parameters are 7.0 million in Caffe's file; the 6.8 (MobileNet) are the "
    "sum of the same table, 6,798 thousand, and the 6.6 (NASNet) fit the form with 3x3 convolutions for the paper's 5x5 (`googlenet_bn`, 6.625)."
)

ON_ALL_IMAGES = "On all 50,000 images Inception-v3's paper found errors about 0.2 (top-1) and 0.1 points (top-5) larger than on those that are not blacklisted."

MOBILENET_V1 = (
    "MobileNet V2's paper prints 575 million multiply-adds for MobileNet V1, whose own paper prints 569; and 6.9 million "
    "parameters for its own network at 1.4, of which TF-slim's table says 6.06 (without batch normalization) and Keras counts 6.1."
)

WIRED = (
    "The paper's figures of RandWire are means over five graphs, with deviations of 0.1 million parameters and 6.2 million multiply-adds (C = 78), "
    "0.66 and 90 (C = 109), 1.32 and 180 (C = 154); ours are those of the graph of seed 0."
)

LISTED = {
    "resnet-1": Listed(
        "ResNets by depth",
        "arXiv 1512.03385, Table 1",
        (
            "The networks with a stride in the first 1x1 convolution. Printed to 100 million: 3,664 and 3,858 are cut, 7,570 and 11,282 rounded.",
        ),
    ),
    "resnet-2": Listed(
        "Degradation: plain and residual networks",
        "arXiv 1512.03385, Table 2",
        (
            (
                "The paper's residual networks here have shortcuts padded with zeros, without weights: they count what the plain networks do. Those of the zoo, `resnet18` and "
                "`resnet34`, have projections and are others."
            ),
        ),
    ),
    "resnet-3": Listed(
        "Plain and residual networks by depth",
        "arXiv 1512.03385, Table 3",
        (
            (
                "A, B and C are the shortcuts: padded with zeros, which have no weights, so that ResNet-34 A counts what plain-34 does; projections where channels grow (the "
                "zoo's); projections everywhere, which the zoo has not."
            ),
        ),
    ),
    "resnet-4": Listed(
        "Residual networks, single models",
        "arXiv 1512.03385, Table 4",
        (
            "The same networks with 10 crops are in resnet-3, with ResNet-34 A, which this table has not; the other papers' rows are as those papers tested.",
        ),
    ),
    "resnet-6": Listed(
        "Residual networks on CIFAR-10, and the plain ones of the degradation",
        "arXiv 1512.03385, Table 6 and Figure 1",
        (
            (
                "The zoo's residual networks have projections where the paper's pad with zeros, which makes 2,752 parameters; the plain ones have none, "
                "and count what the paper's residual networks do."
            ),
            "The paper's parameters are without batch normalization, which ours have: 2,464 of ResNet-32, 4,256 of ResNet-56.",
            "Figure 1 draws the errors of plain-20 and plain-56 in the course of training, and prints none.",
        ),
    ),
    "wide_resnet-8": Listed(
        "Wide and deep",
        "arXiv 1605.07146, Table 8",
        ("The zoo has the networks in torchvision's form, whose stride is in the 3x3 convolution.",),
    ),
    "resnext-3": Listed("Cardinality against width", "arXiv 1611.05431, Table 3"),
    "resnext-4": Listed("Twice the complexity", "arXiv 1611.05431, Table 4"),
    "densenet-2": Listed(
        "DenseNets on CIFAR-10",
        "arXiv 1608.06993, Table 2; the error of ResNet-110 is its own paper's",
        (
            "The 10.2 million parameters of ResNet-1001 are without those of batch normalization, which are 0.15 million.",
        ),
    ),
    "densenet-3": Listed("DenseNets, single crop", "arXiv 1608.06993, Table 3"),
    "senet-2": Listed(
        "Squeeze-and-excitation",
        "arXiv 1709.01507, Table 2 (the authors' own training)",
        (
            (
                "The paper counts what squeezing and scaling do to each value, ours only multiply-adds of weights: an addition and a multiplication for every "
                "value that a block puts out are 11.0 million more in SE-ResNet-50 (3,871.5), 26.3 in SE-ResNet-152 (11,315.3). In SE-ResNeXt-50 (4,244.0) "
                "6 million remain; the paper's figure of ResNeXt-50 without it is above ours as well, 4,240 to 4,230."
            ),
            "What the paper marks as tested on images that are not blacklisted is Inception-ResNet-v2's first published error alone, which is not here.",
        ),
    ),
    "inception_v2-3": Listed(
        "From GoogLeNet to Inception-v3, step by step",
        "arXiv 1512.00567, Table 3 (the figures accumulate)",
        (
            (
                "RMSProp and label smoothing change training alone; the factorized 7x7 convolutions and the batch "
                "normalization of the auxiliary classifier change the network. With all of them it is Inception-v3: `inception_v3_bn_aux` in training, "
                "`inception_v3` without the auxiliary classifier; `inception_v3_aux` is that of the row before."
            ),
            "BN-GoogLeNet is torchvision's, GoogLeNet with batch normalization. What each step adds is in inception_v2-steps.",
            (
                "The widths of the network called Inception-v2 there are not published, so it cannot be counted. Public networks "
                "of that name are `bn_inception` and TF-slim's `inception_v2`, on 224 x 224 pixels."
            ),
            "The paper prints 4.8 billion for Inception-v3; its published network has 5.7, as Keras and torchvision count.",
            ON_ALL_IMAGES,
            GOOGLENET,
        ),
    ),
    "inception_v4-2": Listed(
        "Residual Inception networks, single crop",
        "arXiv 1602.07261, Table 2",
        (
            f"The paper's Tables 3 and 4, of several crops, are of all 50,000. {ON_ALL_IMAGES}",
            "SENet's paper quotes BN-Inception's 25.2 and 7.82 without the mark that it has for figures on images that are not blacklisted.",
        ),
    ),
    "xception-1": Listed("Xception on ImageNet", "arXiv 1610.02357, Table 1"),
    "xception-3": Listed(
        "Size",
        "arXiv 1610.02357, Table 3",
        ("Inception V3 is counted there without its last biases and in another form of its authors' code.",),
    ),
    "nasnet-2": Listed(
        "Large networks and the one found by search",
        "arXiv 1707.07012, Table 2",
        (
            (
                "The parameters printed of Inception V3, Xception and Inception-ResNet V2 are the trainable ones, as ours, Xception's cut instead of rounded; the 88.9 million of "
                "NASNet-A are those with moving means and variances (88.95; 88.75 without). The multiply-adds have three digits, of a counter that the paper does not name."
            ),
            (
                "The accuracies of Inception V3 and Inception-ResNet V2 are those of their papers, on images that are not blacklisted (inception_v4-2), by which they are "
                "about 0.2 (top-1) and 0.1 points (top-5) higher than on all."
            ),
        ),
    ),
    "nasnet-3": Listed(
        "Mobile networks found by search",
        "arXiv 1707.07012, Table 3",
        (
            (
                "The cells of NASNet-B and NASNet-C are only drawn in the paper (Figures 8 and 9). Its text (appendix B) says that B's cell has 4 "
                "blocks, reads 4 hidden states and passes on all that it makes, that C's passes on those that are not used, and that both may end a block in a "
                "layer or instance normalization; not which operations and inputs the blocks have. The authors' code (TF-slim), Keras, timm, "
                "imgclsmob and Cadene's networks define the cell of NASNet-A alone, and searches of public code, pages and transcriptions of the paper found no "
                "other definition of B and C. Nor can it be found from the counts: of four blocks, with thirteen operations, four combinations and four to seven "
                "states to choose from, there are about 10^17 cells, and the published figures have two and three digits. So they are not here."
            ),
            GOOGLENET,
            "The ShuffleNet is that of its paper's first version, whose error was 29.1; the last version prints 26.3 (shufflenet-5).",
        ),
    ),
    "randwire-2": Listed(
        "Randomly wired networks, small regime",
        "arXiv 1904.01569, Table 2; RandWire's row as public lists of searched networks quote it, the others not verified against the paper",
        (WIRED, MOBILENET_V1),
    ),
    "randwire-3": Listed(
        "Randomly wired networks, regular regime",
        "arXiv 1904.01569, Table 3; not verified against the paper",
        (WIRED,),
    ),
    "squeezenet-3": Listed(
        "SqueezeNet with bypasses",
        "arXiv 1602.07360, Table 3",
        (
            "The 7.7 MB of the complex bypass do not follow from its four 1x1 convolutions, with or without biases.",
        ),
    ),
    "squeezenext-1": Listed(
        "SqueezeNext",
        "arXiv 1803.10615, abstract and Tables 1 to 3; not verified against the paper",
        (
            (
                "The top-5 accuracies of the paper's rows are those that the public repository pytorch_model_integration (its README) "
                "prints beside the same top-1 accuracies; the authors' repository, amirgholami/SqueezeNext, prints none."
            ),
            (
                "The rows of 1.5x are imgclsmob's own trainings (osmr/imgclsmob, README), whose networks scale the first and the last "
                "convolution too; the authors' Caffe files, which ours follow, do not."
            ),
            (
                "How many blocks the stages of 34 and 44 layers have is in no public source that we found. Of the divisions of 42 blocks 87 give both the 1.2 million parameters at "
                "1x and the 4.4 million at 2x of the paper's abstract; ours is the plain network's doubled, 12, 12, 16 and 2. Those of 34 layers, 8, 8, 15 and 1, give the "
                "1.0 million; the plain network's one and a half times would have 1.05. Of their accuracies no public text but the paper's tables was found."
            ),
        ),
    ),
    "shiftnet-4": Listed(
        "ShiftNet against networks of its size",
        "arXiv 1711.08141, Table 4; not verified against the paper; multiply-adds from a survey and the other networks' papers",
        (
            (
                "The parameters are cut, not rounded (4.19 to 4.1, 1.18 to 1.1 million). The multiply-adds of ShiftNet-C are not published, and its layers "
                "only described: ours fit its parameters."
            ),
        ),
    ),
    "mobilenet-4": Listed(
        "Depthwise separable against full convolutions",
        "arXiv 1704.04861, Table 4",
        ("The paper's 4,866 million are 1.3 fewer than its layers apply.",),
    ),
    "mobilenet-5": Listed("Narrow against shallow", "arXiv 1704.04861, Table 5"),
    "mobilenet-6": Listed("Width multiplier", "arXiv 1704.04861, Table 6"),
    "mobilenet-7": Listed("Resolution", "arXiv 1704.04861, Table 7"),
    "mobilenet-8": Listed("MobileNet against popular networks", "arXiv 1704.04861, Table 8", (GOOGLENET,)),
    "mobilenet-9": Listed(
        "Smaller MobileNet against popular networks", "arXiv 1704.04861, Table 9", (TWICE,)
    ),
    "mobilenet_v2-4": Listed(
        "MobileNet V2",
        "arXiv 1801.04381, Table 4",
        (
            MOBILENET_V1,
            "Times are those of one large core of the phone, with TFLite; TF-slim's table has 73.8 ms at 1.0 and 138.0 at 1.4.",
        ),
    ),
    "mobilenet_v3-3": Listed(
        "MobileNet V3, floating point",
        "arXiv 1905.02244, Table 3",
        (
            (
                "Ours are the networks that the authors published (TF-slim, Keras). Of V3-Large this table prints 219 million multiply-adds; the paper's own Table 9 "
                "(mobilenet_v3-9) and TF-slim's table have the 217 that ours are. Of V3-Small it prints 56 and Table 9 57, of which ours are 56.5; of V3-Small 0.75 both "
                "print 44, and ours are 43.4. How the paper counted is not said. Parameters are cut instead of rounded (5.48 to 5.4 million). V3-Small's accuracy is 67.4 "
                "here, 67.5 in Table 9."
            ),
            (
                "Times are those of one large core, one image at a time. TF-slim's table has others of V3-Large 0.75 (39.8, 48 and 34 ms), and 15.9 and 11.6 of V3-Small 0.75 "
                "on a Pixel 2 and 3. An earlier version of the paper prints 66 million multiply-adds and 2.9 million parameters of V3-Small 1.0, and 2.4 of 0.75."
            ),
            "The parameters of MobileNet V2 are cut and without those of batch normalization: TF-slim's table has 3.47 million at 1.0.",
        ),
    ),
    "mobilenet_v3-9": Listed(
        "MobileNet V3 by width and input side",
        "arXiv 1905.02244, Table 9",
        (
            "A label has the side of the input and the width; the network of a name has 224 pixels, and `mobilecnn models --size 256` counts it on others.",
            (
                "At other widths than 1 the multiply-adds fit, within 0.8 million, networks whose first convolution is scaled as the rest is, to a multiple of 8 channels. Keras', which ours are, "
                "keeps its 16 at every width; scaled, ours would apply 355.9 (large 224/1.25), 69.2 (0.5), 39.5 (0.35), 91.2 (small 224/1.25), 21.1 (0.5) and 12.8 million (0.35). "
                "The 7.5 million parameters of large 224/1.25 fit 1,280 channels behind the pool (7.55), where ours has 1,600. The 2.2 of large 224/0.35 are not explained. "
                "Other figures are cut or rounded, 5.48 to 5.4 million parameters and 56.5 to 57 million multiply-adds."
            ),
            (
                "Times are those of one large core of a Pixel 1, as the paper's later version prints them; its Table 3 has 51, 39, 15.8 and 12.8 ms of the same networks. An earlier "
                "version prints 104.0 ms for large 224/1.25, 66.0 for large 224/1.0 and 21.3 for small 224/1.0; of Small 66, 23 and 13 million multiply-adds at 1.0, 0.5 and 0.35, "
                "with 2.9 million parameters at 1.0; and a row more, small 192/1.0: 65.4 %, 42 million, 16.3 ms."
            ),
        ),
    ),
    "shufflenet-2": Listed(
        "Groups and widths",
        "arXiv 1707.01083v2, Table 2",
        (
            "The paper prints one complexity for each width, whatever the groups; its Table 1 has 133 to 143 million at 1x.",
            "At 0.5x with 8 groups the authors' code (megvii-model/ShuffleNet-Series) has a first convolution of 16 channels and prints 40 million.",
            (
                "At 0.25x the channels of the first convolution are not published: 12, with 8 groups 8, come nearest to 13 million. With 4 groups the "
                "channels inside a unit are not divisible by the groups, and are rounded up to a multiple of 4, which makes the 7.6 %."
            ),
        ),
    ),
    "shufflenet-3": Listed(
        "With and without shuffle",
        "arXiv 1707.01083v2, Table 3",
        ("A shuffle applies no weights: the networks without it count the same (`..._noshuffle`).",),
    ),
    "shufflenet-4": Listed(
        "Units at equal complexity",
        "arXiv 1707.01083v2, Table 4",
        (
            (
                "Channels of Stage 4 at 38 million are published (50, 192, 192); at 140 and 13 million they are not, and ours are the even numbers that come "
                "nearest."
            ),
            "Where the paper leaves a unit open, ours has the ResNet paper's form, with which the published channels give 36.4 to 40.9 million for 38.",
        ),
    ),
    "shufflenet-5": Listed(
        "ShuffleNet against MobileNet",
        "arXiv 1707.01083v2, Table 5",
        (
            "The first version of the paper prints larger errors, and has the network called arch2, which the last one leaves out: shufflenet-5v1.",
        ),
    ),
    "shufflenet-5v1": Listed(
        "ShuffleNet against MobileNet, as first published",
        "arXiv 1707.01083v1, which lecture slides copy; the MobileNets' rows are those of the last version, not verified against the first",
        (
            (
                "The widths of arch2 (two units fewer in Stage 3, wider maps) and of the shallow network are not published; ours are chosen to have about "
                "40 million multiply-adds."
            ),
        ),
    ),
    "shufflenet-6": Listed(
        "ShuffleNet against classic networks", "arXiv 1707.01083v2, Table 6", (GOOGLENET,)
    ),
    "shufflenet_v2-6": Listed(
        "ShuffleNet V2 among large networks",
        "arXiv 1807.11164, Table 6",
        ("The large ShuffleNets have residual units and widths of their own, and are not in the zoo.",),
    ),
    "shufflenet_v2-8": Listed(
        "ShuffleNet V2 against the others",
        "arXiv 1807.11164, Table 8 (one GTX 1080Ti, batches of 8; one thread of a Snapdragon 810)",
        (
            "The multiply-adds that the paper prints of ShuffleNet V2 are 0.8 to 1.3 % above those of its weights.",
            "Of the networks that its authors re-implemented themselves the widths are not all published, and these are not in the zoo.",
        ),
    ),
    "shufflenet-series": Listed(
        "ShuffleNets as their authors publish them",
        "megvii-model/ShuffleNet-Series, README",
        (
            "The authors' own training of networks whose papers print other errors: shufflenet-2, shufflenet-5 and shufflenet_v2-8.",
            "Their classifier has no biases, which are 1,000 parameters of ours; their counter adds what is not a multiply-add of a weight.",
        ),
    ),
    "efficientnet-2": Listed(
        "EfficientNet",
        "arXiv 1905.11946, Table 2",
        (
            (
                "The networks are those of the authors' code, parameter by parameter, on its input sides (B4 380, B5 456, B7 600 pixels). For B4, B5 and B7 the "
                "paper prints 4.4, 3.6 and 2.0 % fewer multiply-adds than these apply, without saying how it counts; torchvision counts what ours are: 4,394, 10,266 and 37,746 million."
            ),
        ),
    ),
    "efficientnet_lite-1": Listed(
        "EfficientNet-Lite",
        "tensorflow/tpu, models/official/efficientnet/lite, README",
        (
            "The authors' counter adds what is not a multiply-add of a weight.",
            "Times are those of 4 threads of the phone's processor, of its GPU, and of its EdgeTPU; the models of the int8 columns were quantized after training.",
        ),
    ),
}
"""Name -> a table whose figures are in ``rows.csv``."""
