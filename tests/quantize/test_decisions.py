"""From scores to answers, for every kind of output."""

import math

import numpy as np
import pytest

from mobilecnn.convert.output_kinds import KINDS, named
from mobilecnn.quantize.decisions import best, contradiction, probabilities, ranked
from mobilecnn.quantize.gate import doubt
from mobilecnn.quantize.parity import compare


def rows(*values: list[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(values, np.float32)


@pytest.mark.parametrize(
    ("kind", "scores", "wanted"),
    [
        ("softmax", [0.25, 0.75], [0.25, 0.75]),
        ("sigmoid-exclusive", [0.9, 0.6], [0.9, 0.6]),
        ("logits", [0.0, math.log(3)], [0.25, 0.75]),
        ("logits", [1000.0, 1000.0], [0.5, 0.5]),
        ("sigmoid-binary", [0.75], [0.25, 0.75]),
        ("logit-binary", [math.log(3)], [0.25, 0.75]),
        ("logit-binary", [-1000.0], [1.0, 0.0]),
        ("sigmoid-multi-label", [0.1, 0.9], [0.1, 0.9]),
        ("logits-multi-label", [0.0, math.log(3)], [0.5, 0.75]),
        ("unknown", [3.0, 4.0], None),
    ],
)
def test_probabilities(kind: str, scores: list[float], wanted: list[float] | None) -> None:
    made = probabilities(named(kind), rows(scores))
    if wanted is None:
        assert made is None
    else:
        assert made is not None
        np.testing.assert_allclose(made, [wanted], atol=1e-6)


def test_one_output_says_the_second_class_above_its_threshold_and_not_on_it() -> None:
    assert best(named("sigmoid-binary"), rows([0.49], [0.5], [0.51])).tolist() == [0, 0, 1]
    assert best(named("logit-binary"), rows([-0.1], [0.0], [0.1])).tolist() == [0, 0, 1]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if kind.decision != "each"])
def test_what_is_not_finite_is_no_class(kind: str, bad: float) -> None:
    width = 1 if named(kind).decision == "binary" else 3
    scores = np.full((2, width), -0.3, np.float32)
    scores[1, 0] = bad
    assert best(named(kind), scores).tolist() == [0, -1]


def shown(kind: str, scores: list[float], count: int = 5) -> list[tuple[int, float, float | None, bool]]:
    answer = ranked(named(kind), np.asarray(scores, np.float32), count)
    return [
        (
            row.index,
            round(row.score, 3),
            None if row.probability is None else round(row.probability, 3),
            row.chosen,
        )
        for row in answer
    ]


def test_the_answer_of_one_output_has_both_classes() -> None:
    assert shown("sigmoid-binary", [0.2]) == [(0, 0.8, 0.8, True), (1, 0.2, 0.2, False)]
    assert shown("sigmoid-binary", [0.9]) == [(1, 0.9, 0.9, True), (0, 0.1, 0.1, False)]
    assert shown("logit-binary", [2.0]) == [(1, 2.0, 0.881, True), (0, -2.0, 0.119, False)]


def test_the_answer_of_labels_has_all_that_are_chosen_and_at_least_the_best() -> None:
    many = [0.6, 0.1, 0.7, 0.8, 0.9, 0.55, 0.51, 0.2]
    assert [row[0] for row in shown("sigmoid-multi-label", many)] == [4, 3, 2, 0, 5, 6]
    few = shown("sigmoid-multi-label", [0.1, 0.3, 0.2], 2)
    assert few == [(1, 0.3, 0.3, False), (2, 0.2, 0.2, False)]


def test_the_best_classes_come_in_order_and_without_probabilities_where_none_are_known() -> None:
    assert shown("unknown", [1.0, 3.0, 3.0], 2) == [(1, 3.0, None, True), (2, 3.0, None, False)]


@pytest.mark.parametrize(
    ("kind", "scores", "words"),
    [
        ("softmax", [[0.2, 0.8], [0.5, 0.5]], None),
        ("softmax", [[0.2, 0.8], [0.9, 0.9]], "sum to 1.8"),
        ("sigmoid-multi-label", [[0.9, 0.9]], None),
        ("sigmoid-multi-label", [[0.9, 4.0]], "from 0.9 to 4 are no"),
        ("sigmoid-binary", [[-3.0], [0.4]], "from -3 to 0.4 are no"),
        ("sigmoid-exclusive", [[-0.5, 0.4]], "are no probabilities"),
        ("logits", [[-3.0, 4.0]], None),
        ("unknown", [[-3.0, 4.0]], None),
    ],
)
def test_scores_that_are_not_of_the_kind_said(
    kind: str, scores: list[list[float]], words: str | None
) -> None:
    told = contradiction(named(kind), rows(*scores))
    assert told is None if words is None else words in (told or "")


# Parity by the kind. The first of each pair is the Keras model.


@pytest.mark.parametrize(
    ("kind", "reference", "given", "agreement", "labels", "distinct"),
    [
        # As best classes, both would agree on everything.
        ("sigmoid-binary", [[0.9], [0.1]], [[0.7], [0.3]], 1.0, None, 2),
        ("sigmoid-binary", [[0.9], [0.1]], [[0.0], [0.0]], 0.5, None, 2),
        ("logit-binary", [[4.0], [-4.0]], [[1.0], [1.0]], 0.5, None, 2),
        ("sigmoid-multi-label", [[0.9, 0.1, 0.8]], [[0.9, 0.1, 0.2]], 0.0, 2 / 3, 1),
        ("sigmoid-multi-label", [[0.9, 0.1], [0.1, 0.1]], [[0.9, 0.1], [0.6, 0.1]], 0.5, 0.75, 2),
        ("logits-multi-label", [[4.0, -4.0]], [[0.1, -0.1]], 1.0, 1.0, 1),
        ("softmax", [[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.6, 0.4]], 0.5, None, 2),
    ],
)
def test_agreement_is_on_what_the_scores_answer(
    kind: str,
    reference: list[list[float]],
    given: list[list[float]],
    agreement: float,
    labels: float | None,
    distinct: int,
) -> None:
    parity = compare(rows(*reference), rows(*given), named(kind))
    assert parity.agreement == agreement and parity.distinct == distinct
    assert parity.label_agreement == (None if labels is None else pytest.approx(labels))


@pytest.mark.parametrize("kind", ["sigmoid-binary", "logit-binary"])
def test_a_file_that_answers_everything_alike_is_doubted(kind: str) -> None:
    """Even where all of the Keras model's answers are on the same side."""
    reference = rows([0.6], [0.7], [0.9])
    told = doubt(compare(reference, rows([0.8], [0.8], [0.8]), named(kind)))
    assert told is not None and "the same scores for all 3 images" in told
    assert doubt(compare(reference, rows([0.8], [0.8], [0.9]), named(kind))) is None
    assert doubt(compare(reference[:1], rows([0.6]), named(kind))) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("whose", ["keras", "file", "both"])
def test_numbers_that_are_not_finite_are_never_agreement_and_always_json(bad: float, whose: str) -> None:
    good, broken = rows([0.9, 0.1], [0.2, 0.8]), rows([0.9, 0.1], [0.2, bad])
    parity = compare(broken if whose != "file" else good, broken if whose != "keras" else good)
    document = parity.to_json()
    assert (document["finite"], document["agreement"], document["max_difference"]) == (False, 0.5, None)
    assert all(not isinstance(value, float) or math.isfinite(value) for value in document.values())
