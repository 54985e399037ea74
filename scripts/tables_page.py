"""Write ``docs/tables.md``: ``python scripts/tables_page.py``. A test compares the page with the tables."""

from pathlib import Path

from mobilecnn.bench.pages import published_tables, table_names

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"

HEAD = """\
# mobilecnn tables

The published tables of the papers, each figure beside that of the zoo's network. This page is generated from the code
(`python scripts/tables_page.py`) and checked by the tests; `mobilecnn tables` prints the same:

```sh
mobilecnn tables
mobilecnn tables shufflenet-5 mobilenet-2
mobilecnn tables --all -o tables.html
```

A figure under "differs" is how far ours is from the published one. Where there is none, ours, rounded like the published
figure, is the same. Parameters are the trainable ones, multiply-adds one for each application of a weight. Accuracies are the
papers' own: the zoo's networks have no trained weights. Under "other sources" is what other papers, by the names of their tables, and
model tables print otherwise of the same network; of an error, the accuracy. Where a source is "not verified", its figures could be
held against no text of the paper; all others were held against the paper, a public transcription of it, its authors' code, or lecture slides that copy it.

Where a table here has not all that the paper's has, "Left out" says what; where nothing is said, it has every row and every figure. (`alexnet-groups`,
`efficientnet-scaling` and `inception_v2-steps` are no tables of papers: they put figures of their texts and tables beside ours.) How accuracies were tested,
with one crop, with ten or otherwise, and of which rows where not of all, stands under the table, and with other sources behind their names, where the source says it; accuracies
of different protocols are not to be compared. A column is headed "paper" where its figures are published, "from the paper's figures" where they follow from published ones and are themselves in no
table of the paper, "ours" where they are counted, worked out or modelled here. A paper's name, such as `inception-v2`, stands for all its tables. The tables of MobileNet V1 and
ShuffleNet V1 are `mobilenet-2` and `shufflenet-5`, or, as the zoo calls the networks, `mobilenet_v1-2` and `shufflenet_v1-5`. `mobilecnn tables shufflenet-8 --times FILE` puts the times of a
record of [`mobilecnn speedup`](speedup.md), measured or modelled, in place of those modelled on the paper's chip. `--json` has of each
figure `published`, `printed` (the same as it is printed, with its zeros), `ours`, `difference` (ours over the published one, less 1) and `agrees`, of each row
`other_sources`, and of each table `derived` (the columns headed "from the paper's figures"), `left_out`, `protocol` and `protocol_of` (the rows that were tested so; null for all).
`-o` writes the form of the name's ending: `.txt`, `.md`, `.html` or `.json`, and text without one; `--format` says it for other endings. On a narrow terminal the columns that compare stay
longest; `-v` shows all.

## Tables that are not here

Of the papers on MobileNets, ShuffleNets and SqueezeNet these tables are left out whole:

| paper | tables | why |
|---|---|---|
| MobileNet V1 | 10 to 14 | dogs, places, faces and detection: other data, or networks on top of MobileNet that the zoo has not |
| MobileNet V2 | 1 | the bottleneck by its operators, which mobilenet_v2-2 has by their layers |
| | 3 | the most channels and memory at each resolution, by assumptions on what is kept that are not worked out here |
| | 5 to 7 | detection and segmentation |
| MobileNet V3 | 4 | accuracies and times of quantized files, with nothing to count |
| | 5 | accuracies and times by where hard swish begins, with nothing to count |
| | 6 to 8 | detection and segmentation |
| ShuffleNet V1 | 7 | detection on COCO: the zoo's networks classify |
| ShuffleNet V2 | 7 | detection on COCO: the zoo's networks classify |

SqueezeNet's three are all here. The list is of these papers alone. Of the others only tables that compare single classifiers are here, and not all of these; known to be
left out are, with results of classifiers or what is built on them:

| paper | tables | of |
|---|---|---|
| ResNet | 5, 7 and 8 | ensembles; detection |
| Inception-v3 | 2, 4 and 5 | smaller inputs; several crops; ensembles |
| Inception-v4 | 3 to 5 | several crops; ensembles |
| Xception | 2 | JFT, a data set that is not public |
| SENet | 3 to 8 | MobileNet and ShuffleNet with squeeze-and-excitation; CIFAR; places; detection; larger crops |

## Where the published baselines differ from ours

Papers copy one another's baselines, and what is compared with a new network is often another form of the old one:

| baseline | published | ours | why |
|---|---|---|---|
| AlexNet | 720 million multiply-adds | 724 (`alexnet`) | rounded; two groups on 227 x 227 pixels. One tower on 224 (`alexnet_1tower`) has 714, and the paper's widths without groups (`alexnet_g1`) 1,135. [What that means for speedups](speedup.md#which-alexnet) |
| VGG-16 | 15,300 | 15,470 | the paper's figure is that of the convolutions, rounded down; the dense layers have 124 |
| GoogLeNet | 1,448, 1,500, 1,550; 6.6 to 6.8 million parameters | 1,583; 6.999 (`googlenet`) | ours is Caffe's published network; 1,500 and 6.8 are the sums of the paper's Table 1 (1,502 and 6.798), 6.6 fits the network with 3x3 convolutions for 5x5, and how 1,448 and 1,550 were counted is not said |
| BN-GoogLeNet | 1,500 | 1,498 (`googlenet_bn`) | torchvision's, which has 3x3 convolutions where the paper has 5x5 |
| Inception-v3 | 4,800 | 5,713 | the paper's figure is not that of its published network |
| ResNet-50 | 3,800 | 3,858 (`resnet50`) | cut, not rounded; with the stride in the 3x3 convolution (`resnet50_v1.5`) 4,089 |
| SqueezeNet | 1,700; 833 | 819 on 224 x 224, 833 on 227 x 227 | 1,700 are operations, two for a multiply-add, on 227 x 227 pixels |
| MobileNet V1 | 569; 575 in the paper of V2 | 569 | the paper's Table 1 prints a stride of 2 in its last depthwise layer, with which it would be 534 |
| MobileNet V3-Large | 219 and 217 | 217 | the paper prints both, in its Tables 3 and 9 |
| MobileNet V2, 1.4 | 6.9 million parameters | 6.109 | Keras counts as we do; TF-slim's 6.06 are without batch normalization |
| ShuffleNet V2 1x | 146 | 145 | its authors' counter adds what is not a multiply-add of a weight |

A ratio of two such figures, a theoretical speedup, differs as far as its baseline does: the paper's 38 million of ShuffleNet
0.5x are 18.9 times fewer than 720, 18.8 times fewer than 714, and 29.9 times fewer than the 1,135 of AlexNet without groups. The tables below print the differences.

"""


def page() -> str:
    """The whole page as Markdown."""
    return HEAD + published_tables.markdown([published_tables.filled(name) for name in table_names.names()])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
