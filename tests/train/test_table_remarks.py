"""What stands under the papers' tables: remarks on differences, held to the counts, and protocols."""

from typing import Any

import pytest

from mobilecnn.bench.pages import published_tables
from mobilecnn.train import tables, zoo
from mobilecnn.train.complexity import count
from mobilecnn.train.tables import extents, sources
from mobilecnn.train.tables.compressed import coded_sizes
from mobilecnn.train.tables.layered import Conv
from mobilecnn.train.tables.rows import Figure


def notes(name: str) -> str:
    return " ".join(tables.table(name).notes)


def test_accuracies_have_their_protocol() -> None:
    ten, scales = (tables.table(name) for name in ("resnet-3", "resnet-4"))
    assert (ten.protocol, scales.protocol) == ("10 crops", "fully convolutional, mean over 5 scales")
    assert "Accuracies: 10 crops." in published_tables.remarks(ten)
    # Five rows are of other papers, one of these a figure of the test set.
    assert "Accuracies of the ResNets: fully convolutional, mean over 5 scales." in published_tables.remarks(
        scales
    )
    assert [row.label for row in scales.rows if "ResNet" not in row.label] == [
        "VGG (ILSVRC'14), test set", "GoogLeNet (ILSVRC'14)", "VGG (v5)", "PReLU-net", "BN-Inception",
    ]  # fmt: skip
    (row,) = [row for row in scales.rows if row.network == "resnet50"]
    said = {each.source: str(each) for each in row.others if each.quantity == "top1"}
    assert said["resnet-3"] == "top-1 accuracy (%): 77.15 (resnet-3; 10 crops)"
    assert said["torchvision model table (resnet50_v1.5)"].endswith("; one crop of 224 x 224 pixels)")
    assert said["Keras Applications table"].endswith("(Keras Applications table)")
    # Counts have none, and nobody is said to have tested what a source says nothing of.
    for name in tables.names():
        for row in tables.table(name).rows:
            assert all(not each.protocol or each.quantity in ("top1", "top5") for each in row.others)
    with_accuracies = {
        name
        for name in tables.names()
        if any(
            "accuracy" in column.heading or "error" in column.heading for column in tables.table(name).columns
        )
    }
    assert {
        name for name in with_accuracies if name.startswith(("resnet", "resnext", "densenet", "senet"))
    } <= {name for name, extent in extents.EXTENTS.items() if extent.protocol}


def test_squeezenets_sizes_are_compared_in_bytes() -> None:
    said, sizes = notes("squeezenet-2"), coded_sizes()
    for step, theirs in (("8 bit", (675_763,)), ("6 bit", (470_000, 470 * 1024))):
        size = sizes["squeezenet_v1.0_227", f"Deep Compression, {step}"]
        alike = size.flat_bytes if step == "8 bit" else size.flat_places_bytes
        for ours in (alike, size.bytes):
            assert f"{ours:,}" in said
            assert all(f"{1 - ours / each:.1%}".replace("%", " %") in said for each in theirs)


def test_which_efficientnets_are_near_the_rules(keras: Any) -> None:
    """What the note of efficientnet-scaling says, by the counts of the networks."""
    stored = zoo.stored_counts()
    counted = {phi: stored[f"efficientnet_phi{phi}.0"] for phi in (1, 2)}
    for number, phi in ((2, 1), (3, 2), (6, 6), (7, 7)):
        published, rule = (
            stored[f"efficientnet_b{number}"],
            counted.get(phi) or count(zoo.graph(f"efficientnet_phi{phi}")),
        )
        macs = rule.macs or 0
        assert macs == pytest.approx(published.macs, rel=0.055)
        assert rule.params_trainable == pytest.approx(published.params_trainable, rel=0.06)
        assert f"{macs / 1e6:,.0f}" in notes("efficientnet-scaling")
    for row in tables.table("efficientnet-scaling").rows[6:]:
        width, depth, side = row.figures
        assert float(width.published) > (width.ours or 0) and float(side.published) > (side.ours or 0)
        assert float(depth.published) < (depth.ours or 0)


def test_whose_parameters_nasnets_table_prints() -> None:
    """What its note says: the trainable ones, Xception's cut, and of NASNet-A those with moving means and variances."""
    printed = {row.network: row.figures[1].published for row in tables.table("nasnet-2").rows if row.network}
    counted = {
        name: {
            kind: f"{number / 1e6:.1f}"
            for kind, number in (("trainable", each.params_trainable), ("all", each.params_total))
        }
        for name, each in zoo.stored_counts().items()
        if name in printed
    }
    for name in ("inception_v3", "inception_resnet_v2"):
        assert printed[name] == counted[name]["trainable"] != counted[name]["all"]
    assert (
        printed["nasnet_a_large"]
        == counted["nasnet_a_large"]["all"]
        != counted["nasnet_a_large"]["trainable"]
    )
    xception, large = (zoo.stored_counts()[name] for name in ("xception", "nasnet_a_large"))
    assert (
        set(counted["xception"].values()) == {"22.9"} and f"{xception.params_trainable // 100_000}" == "228"
    )
    said = f"({large.params_total / 1e6:.2f}; {large.params_trainable / 1e6:.2f} without)"
    assert said in notes("nasnet-2") and len(printed) == 4


def test_squeezenets_1700_are_twice_those_on_227_pixels() -> None:
    stored = zoo.stored_counts()
    on_227, on_224 = stored["squeezenet_v1.0_227"].macs, stored["squeezenet_v1.0"].macs
    assert Figure("1700", 2 * on_227 / 1e6).agrees and not Figure("1700", 2 * on_224 / 1e6).agrees
    # Caffe's file pads conv10, a 1x1 convolution of 512 to 1000 channels on 13 x 13 pixels, by one.
    padded = on_227 + 512 * 1000 * (15**2 - 13**2)
    assert (
        round(padded / 1e6) == 861
        and "on 227 x 227" in notes("mobilenet-9")
        and " 861 " in notes("mobilenet-9")
    )


def test_googlenets_1500_and_6_8_are_the_sums_of_its_papers_table() -> None:
    # arXiv 1409.4842, Table 1: thousand parameters and million operations of each row.
    params = (2.7, 112, 159, 380, 364, 437, 463, 580, 840, 1072, 1388, 1000)
    macs = (34, 360, 128, 304, 73, 88, 100, 119, 170, 54, 71, 1)
    assert f"{sum(params):,.0f} thousand" in notes("mobilenet-8") and f"sum to {sum(macs):,}," in notes(
        "mobilenet-8"
    )
    assert Figure("6.6", zoo.stored_counts()["googlenet_bn"].params_trainable / 1e6).agrees
    # Biases explain nothing: without them Caffe's file has 6.99 million.
    assert (zoo.stored_counts()["googlenet"].params_trainable - 8_280) / 1e6 > 6.9


def test_resnets_table_1_is_cut_or_rounded_as_said() -> None:
    for row in tables.table("resnet-1").rows:
        macs = row.figures[0].ours or 0
        cut, rounded = int(macs // 100) * 100, round(macs, -2)
        assert int(row.figures[0].published) in (cut, rounded)
        if row.label in ("34 layers", "50 layers"):
            assert int(row.figures[0].published) == cut != rounded


def test_shortcuts_of_zeros_count_what_the_plain_networks_do() -> None:
    stored = zoo.stored_counts()
    # What the zoo's networks have more are the three projections to 128, 256 and 512 channels.
    projections = [
        Conv(side, 1, channels, 2 * channels) for side, channels in ((28, 64), (14, 128), (7, 256))
    ]
    for depth in (18, 34):
        more = stored[f"resnet{depth}"].macs - stored[f"plain{depth}"].macs
        assert more == sum(layer.macs for layer in projections)
    found = {
        (name, row.label): row.figures[0].ours
        for name in ("resnet-2", "resnet-3")
        for row in tables.table(name).rows
    }
    for label, plain in (("ResNet 18", "plain18"), ("ResNet 34", "plain34")):
        assert found["resnet-2", label] == stored[plain].macs / 1e6
    assert (
        found["resnet-3", "ResNet-34 A"] == found["resnet-3", "plain-34"] != found["resnet-3", "ResNet-34 B"]
    )


def test_option_a_is_no_other_source_of_the_projections() -> None:
    for name in ("resnet-3", "resnet-4"):
        (row,) = [row for row in tables.table(name).rows if row.network == "resnet34"]
        assert not any(each.figure == "74.97" for each in row.others)


def test_shufflenet_v2s_figures_are_above_those_of_its_weights_as_said() -> None:
    above = [
        row.figures[0].difference
        for row in tables.table("shufflenet_v2-5").rows
        if row.network and row.figures[0].published
    ]
    shares = sorted(-100 * share / (1 + share) for share in above if share is not None)
    assert len(shares) == 4 and (f"{shares[0]:.1f}", f"{shares[-1]:.1f}") == ("0.8", "1.3")
    for name in ("shufflenet_v2-5", "shufflenet_v2-8"):
        assert "0.8 to 1.3 % above" in notes(name)


def test_the_inceptions_were_tested_on_images_that_are_not_blacklisted() -> None:
    for name in ("inception_v2-3", "inception_v4-2"):
        assert tables.table(name).protocol.endswith(f", {extents.NOT_BLACKLISTED}")
    assert sources.protocol("top1", "Inception-v3 paper (arXiv 1512.00567), Table 3").endswith(
        extents.NOT_BLACKLISTED
    )
    (other,) = [row for row in tables.table("xception-1").rows if row.network == "inception_v3"]
    assert any(extents.NOT_BLACKLISTED in each.protocol for each in other.others)
    # NASNet's table repeats two of these papers' figures.
    errors = {row.network: row.figures[-2:] for row in tables.table("inception_v4-2").rows}
    repeated = {
        row.network
        for row in tables.table("nasnet-2").rows
        if row.network in errors
        and all(
            float(accuracy.published) == pytest.approx(100 - float(error.published))
            for accuracy, error in zip(row.figures[-2:], errors[row.network], strict=True)
        )
    }
    assert repeated == {"inception_v3", "inception_resnet_v2"} and "not blacklisted" in notes("nasnet-2")


def test_the_lesion_trainings_name_their_accuracies() -> None:
    headings = [column.heading for column in tables.table("isic-training").columns]
    assert headings[:4] == ["training loss", "training accuracy", "validation loss", "validation accuracy"]


def test_times_of_the_lesion_experiments_are_minutes() -> None:
    shown = {row.label: row.figures[4].published for row in tables.table("isic-training").rows}
    # 2:11:34, 1:59:59 and 9:59:17 in the README.
    assert shown["batch 16, rate 0.1"] == "131.6" and shown["batch 32, rate 0.001"] == "120.0"
    assert shown["ShuffleNet V1, batch 16, rate 1, 500 epochs"] == "599.3"
    for row in tables.table("isic-comparison").rows:
        total, each = (float(figure.published) for figure in row.figures[-2:])
        assert total / 1512 == pytest.approx(each, abs=0.0006)
