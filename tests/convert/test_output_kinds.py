"""The kinds of output: what is concluded, what is asked, what is refused."""

import pytest

from mobilecnn.convert.output_kinds import CHOICES, KINDS, Shown, choices, named, settle
from mobilecnn.errors import ModelFileError, UsageError


@pytest.mark.parametrize(
    ("shown", "outputs", "kind"),
    [
        ("softmax", 2, "softmax"),
        ("softmax", 1000, "softmax"),
        ("sigmoid", 1, "sigmoid-binary"),
        ("sigmoid", 7, "sigmoid-multi-label"),
        ("linear", 5, "logits"),
        ("unknown", 5, "unknown"),
    ],
)
def test_what_a_graph_shows_is_concluded(shown: Shown, outputs: int, kind: str) -> None:
    assert settle(shown, outputs, None, "it").name == kind
    assert settle(shown, outputs, kind, "it").name == kind


@pytest.mark.parametrize("shown", ["linear", "unknown"])
def test_one_output_that_nothing_explains_is_asked_about(shown: Shown) -> None:
    with pytest.raises(UsageError, match=r"it has one output and .*regression.*--output-kind .*logit-binary"):
        settle(shown, 1, None, "it")
    assert settle(shown, 1, "logit-binary", "it").decision == "binary"


def test_a_softmax_of_one_value_is_no_classifier() -> None:
    for said in (None, "softmax", "sigmoid-binary"):
        with pytest.raises(ModelFileError, match=r"1 for every picture.*activation='sigmoid'"):
            settle("softmax", 1, said, "it")


@pytest.mark.parametrize(
    ("shown", "outputs", "said", "remedy"),
    [
        ("softmax", 3, "logits", "softmax"),
        ("softmax", 3, "sigmoid-multi-label", "softmax"),
        ("sigmoid", 3, "softmax", "sigmoid-exclusive"),
        ("sigmoid", 3, "sigmoid-binary", "sigmoid-multi-label"),
        ("sigmoid", 1, "logit-binary", "sigmoid-binary"),
        ("linear", 3, "softmax", "logits"),
        ("linear", 1, "sigmoid-binary", "logit-binary"),
        ("unknown", 3, "logit-binary", "logits"),
        ("unknown", 1, "softmax", "sigmoid-binary"),
    ],
)
def test_what_contradicts_the_graph_is_refused_with_what_may_be_said(
    shown: Shown, outputs: int, said: str, remedy: str
) -> None:
    with pytest.raises(UsageError, match=f"--output-kind {said} cannot be meant.*--output-kind {remedy} "):
        settle(shown, outputs, said, "it")
    assert settle(shown, outputs, remedy, "it").name == remedy


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown kind of output 'probs'; choose one of softmax, logits"):
        settle("softmax", 3, "probs", "it")
    with pytest.raises(ValueError, match="unknown kind of output 'probs'"):
        named("probs")


def test_every_kind_can_be_said_of_some_network_and_fits_it() -> None:
    shapes: list[tuple[Shown, int]] = [
        (shown, outputs) for shown in ("softmax", "sigmoid", "linear", "unknown") for outputs in (1, 4)
    ]
    said = {name for shown, outputs in shapes for name in choices(shown, outputs)}
    assert said == set(CHOICES) == {kind.name for kind in KINDS}
    assert all(named(name).fits(outputs) for shown, outputs in shapes for name in choices(shown, outputs))


def test_what_is_said_of_several_models_is_for_those_that_may_be_it() -> None:
    assert settle("softmax", 3, "logits", "it", shared=True).name == "softmax"
    assert settle("linear", 3, "logits", "it", shared=True).name == "logits"
    with pytest.raises(UsageError, match="unknown kind of output 'probs'"):
        settle("softmax", 3, "probs", "it", shared=True)
    with pytest.raises(UsageError, match="has one output"):
        settle("linear", 1, "softmax", "it", shared=True)
