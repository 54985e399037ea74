"""The grammar of network names."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.errors import ModelNameError
from mobilecnn.train.zoo.families import FAMILIES, Family
from mobilecnn.train.zoo.names import LARGEST, listed, parse
from mobilecnn.train.zoo.shufflenet_v1_channels import STAGE2, channels

WIDTHS = st.integers(1, 400).map(lambda hundredths: hundredths / 100)


def test_listed_names_are_canonical_and_distinct() -> None:
    assert [str(parse(name)) for name in listed()] == list(listed())
    assert len(set(listed())) == len(listed())
    assert all(family.listed for family in FAMILIES)


@pytest.mark.parametrize(
    ("written", "canonical", "size"),
    [
        ("shufflenet_v1_x1_g3", "shufflenet_v1_x1.0_g3", 224),
        ("randwire_ws_c78_seed0", "randwire_ws_c78", 224),
        ("randwire_ws_c78_seed007", "randwire_ws_c78_seed7", 224),
        ("se_bn_inception", "se_bn_inception", 224),
        ("lenet_caffe", "lenet_caffe", 28),
        ("efficientnet_b3", "efficientnet_b3", 300),
        ("resnet50_v1.5", "resnet50_v1.5", 224),
        ("squeezenext23_x1_g2", "squeezenext23_x1.0_g2", 227),
        ("shufflenet_v1_x0.50_g03_noshuffle", "shufflenet_v1_x0.5_g3_noshuffle", 224),
        ("shufflenet_v2_x2", "shufflenet_v2_x2.0", 224),
        ("mobilenet_v1_x1_160", "mobilenet_v1_x1.0_160", 160),
        ("mobilenet_v2_x1.40_224", "mobilenet_v2_x1.4_224", 224),
        ("alexnet", "alexnet", 227),
        ("squeezenet_v1.1", "squeezenet_v1.1", 224),
    ],
)
def test_spellings(written: str, canonical: str, size: int) -> None:
    name = parse(written)
    assert (str(name), name.size) == (canonical, size)
    assert parse(canonical) == name


@given(st.sampled_from(["mobilenet_v1", "mobilenet_v2"]), st.integers(10, 400), st.integers(32, LARGEST))
def test_mobilenets_of_any_width_and_size_round_trip(family: str, hundredths: int, size: int) -> None:
    name = parse(f"{family}_x{hundredths / 100}_{size}")
    assert name.family.name == family
    assert dict(name.parameters) == {"width": hundredths / 100}
    assert name.size == size
    assert parse(str(name)) == name


@given(WIDTHS, st.sampled_from(list(STAGE2)), st.booleans())
def test_shufflenet_v1_is_built_or_refused_with_widths_that_are(
    width: float, groups: int, noshuffle: bool
) -> None:
    text = f"shufflenet_v1_x{width}_g{groups}" + "_noshuffle" * (noshuffle and groups > 1)
    stage2 = STAGE2[groups] * width
    # The smallest stem has 8 channels, and the shortcut brings them.
    sound = abs(stage2 - round(stage2)) < 1e-6 and round(stage2) % groups == 0
    try:
        name = parse(text)
    except ModelNameError as error:
        assert not sound or stage2 <= 48
        nearest = [float(number) for number in re.findall(r"x([0-9.]+)", str(error).partition("; use ")[2])]
        assert 1 <= len(nearest) <= 2
        for offered in nearest:
            plan = channels(offered, groups)
            assert plan.stages[0] > plan.stem
    else:
        assert sound
        variant = "_noshuffle" if "_no" in text else ""
        assert dict(name.parameters) == {"width": width, "groups": groups, "variant": variant}
        assert parse(str(name)) == name
        plan = channels(width, groups)
        for out, bottleneck in zip(plan.stages, plan.bottlenecks, strict=True):
            assert out % groups == 0
            assert bottleneck % groups == 0
            assert out // 4 <= bottleneck < out // 4 + groups
        assert (plan.stages[0] - plan.stem) % groups == 0


@pytest.mark.parametrize(
    ("width", "groups", "stem"),
    [
        (0.25, 1, 12), (0.25, 3, 12), (0.25, 8, 8),
        (0.5, 3, 12), (0.5, 8, 16),
        (1.0, 3, 24), (1.0, 8, 24), (1.5, 3, 24), (2.0, 3, 48), (2.0, 8, 48),
        # Between the published widths: that of the next smaller one; beyond them: the last.
        (0.2, 3, 12), (0.125, 8, 8), (0.3, 3, 12), (0.75, 8, 16), (0.75, 3, 12), (1.25, 3, 24), (1.75, 3, 24),
        (3.0, 3, 48),
    ],
)  # fmt: skip
def test_shufflenet_v1_stem(width: float, groups: int, stem: int) -> None:
    assert channels(width, groups).stem == stem


def test_shufflenet_v1_channels_of_the_paper() -> None:
    # arXiv 1707.01083v2, Table 1: output channels at 1x.
    table = {
        1: (144, 288, 576),
        2: (200, 400, 800),
        3: (240, 480, 960),
        4: (272, 544, 1088),
        8: (384, 768, 1536),
    }
    assert {groups: channels(1.0, groups).stages for groups in STAGE2} == table


@given(st.sampled_from(FAMILIES), st.integers(-5, 3000))
def test_size_overrides_and_is_bounded(family: Family, size: int) -> None:
    text = family.listed[0]
    if family.smallest <= size <= LARGEST:
        name = parse(text, size=size)
        assert name.size == size
        assert parse(str(name), size=size) == name
        assert (str(name) == text) == (not name.sized or size == parse(text).size)
    else:
        with pytest.raises(ModelNameError, match=f"choose a size from {family.smallest} to {LARGEST}"):
            parse(text, size=size)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("shufflenet_v1_x0.33_g3", ["79.2 channels, not a whole number", "x0.325 or x0.3375"]),
        ("shufflenet_v1_x0.125_g4", ["34 channels, which 4 groups cannot share equally", "x0.25"]),
        ("shufflenet_v1_x0.03_g2", ["6 channels, not more than the 12", "use x0.07"]),
        ("shufflenet_v1_x1_g5", ["no network with 5 groups", "1, 2, 3, 4, 8"]),
        ("shufflenet_v1_x1_g1_noshuffle", ["no shuffle to leave out"]),
        ("shufflenet_v1_x50_g3", ["out of range", "at most 4.0"]),
        ("shufflenet_v2_x0.7", ["shufflenet_v2_x0.7 is not published", "choose from shufflenet_v2_x0.5, "]),
        ("squeezenet_v1.2", ["no network is named", "did you mean squeezenet_v1.1"]),
        ("squeezenet_v1.1_simple_bypass", ["is not published", "squeezenet_v1.0_simple_bypass"]),
        ("resnet152_1x100d", ["is not published", "resnet101_1x100d"]),
        ("vgg17", ["did you mean vgg"]),
        ("mobilenet_v1_x0.01_224", ["0.01 is out of range", "0.1 to 4.0"]),
        ("mobilenet_v1_x1_999999", ["999999x999999", "32 to 2048"]),
        ("shufflenet_v1_x0.5_g", ["did you mean", "shufflenet_v1_x0.5_g3", "shufflenet_v1_x{width}_g{groups}"]),
        ("yolo", ["no network is named 'yolo'", "alexnet", "mobilenet_v1_x1.0_224", "squeezenet"]),
        ("", ["no network is named ''"]),
        ("x" * 10_000, ["x..."]),
        ("shufflenet_v1_x1e3_g3", ["no network is named"]),
        ("mobilenet_v1_x١_224", ["no network is named"]),
    ],
)  # fmt: skip
def test_refusals_say_what_works(text: str, parts: list[str]) -> None:
    with pytest.raises(ModelNameError) as caught:
        parse(text)
    message = str(caught.value)
    assert len(message) < 800
    for part in parts:
        assert part in message


def test_names_need_neither_keras_nor_numpy() -> None:
    code = (
        "import sys; from mobilecnn.train import zoo; zoo.stored_counts(); zoo.parse('alexnet');"
        "assert not {'numpy', 'keras', 'tensorflow'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
