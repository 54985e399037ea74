"""What two measurements say of each other: pure functions, so known ones are compared."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_measurement import ANSWERS, FACTS, QUIET, run

from mobilecnn.bench.judge.compare import apart, name_of, percentage, refuse_slowdown, together
from mobilecnn.bench.records.measurement import Android, Measurement, Model, PassportFacts
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.told import Delegated
from mobilecnn.errors import CheckFailed, EnvironmentProblem, InputError, UsageError

Levels = list[list[float]]
"""For each round, the milliseconds of its samples."""


def measured(models: dict[str, Levels], cards: dict[str, Any] | None = None, **change: Any) -> Measurement:
    """One with these models; ``change`` is of the device, the protocol or the runs."""
    (rounds,) = {len(levels) for levels in models.values()}
    facts = {name: change.pop(name) for name in list(change) if hasattr(FACTS, name)}
    protocol = {name: change.pop(name) for name in list(change) if hasattr(Protocol, name)}
    return Measurement(
        created="2026-01-02T03:04:05+00:00",
        tool="0.1.0",
        command=(),
        device=dataclasses.replace(FACTS, **facts),
        protocol=Protocol(**{"rounds": rounds, "runs": 1, **protocol}),
        models=tuple(
            Model(name, "0" * 64, 1000, (cards or {}).get(name), ANSWERS[0]) for name in models
        ),
        runs=tuple(
            run(number, index, *levels[number], **change)
            for number in range(rounds)
            for index, levels in enumerate(models.values())
        ),
    )  # fmt: skip


STEADY: Levels = [[10.0, 10.1], [10.05, 10.1], [10.0, 10.05]]


def times(levels: Levels, factor: float) -> Levels:
    return [[factor * each for each in samples] for samples in levels]


def test_what_is_slower_is_said_to_be() -> None:
    a = measured({"out/x.int8.tflite": STEADY, "out/y.tflite": STEADY})
    b = measured({"new/y.tflite": times(STEADY, 1.0), "new/x.int8.tflite": times(STEADY, 1.2)})
    x, y = apart(a, b).rows
    assert (x.name, y.name) == ("x.int8", "y")
    assert x.time.ratio.value == pytest.approx(1.2)
    assert x.time.ratio.low > 1.15
    assert (x.time.verdict, y.time.verdict) == ("slower", "undecided")
    assert (x.a.model.file, x.b.model.file) == ("out/x.int8.tflite", "new/x.int8.tflite")
    assert [row.time.verdict for row in apart(b, a).rows] == ["undecided", "faster"]


levels = st.lists(st.lists(st.floats(1, 50), min_size=1, max_size=5), min_size=1, max_size=4)


@settings(deadline=None, max_examples=30)
@given(levels, levels, st.integers(0, 3))
def test_verdicts_are_consistent(one: Levels, other: Levels, seed: int) -> None:
    a, b = measured({"m.tflite": one}), measured({"m.tflite": other}, seed=seed)
    (itself,) = apart(a, a, max_slowdown=0.0).rows
    assert itself.time.ratio.value == 1
    assert itself.time.verdict == "undecided"
    assert itself.slowdown != "beyond"
    (there,), (back,) = apart(a, b).rows, apart(b, a).rows
    opposite = {"faster": "slower", "slower": "faster", "undecided": "undecided"}
    assert back.time.verdict == opposite[there.time.verdict]
    assert back.time.ratio.value == pytest.approx(1 / there.time.ratio.value, rel=1e-12)
    if one != other:
        assert back.time.ratio.low == pytest.approx(1 / there.time.ratio.high, rel=1e-12)


@settings(deadline=None, max_examples=30)
@given(levels, levels, st.floats(0, 3), st.floats(0, 3))
def test_allowing_more_never_fails_more(one: Levels, other: Levels, less: float, more: float) -> None:
    less, more = sorted((less, more))
    a, b = measured({"m.tflite": one}), measured({"m.tflite": other})
    order = ("within", "undecided", "beyond")
    strict, lenient = (apart(a, b, max_slowdown=limit).rows[0] for limit in (less, more))
    assert strict.slowdown in order and lenient.slowdown in order
    assert order.index(lenient.slowdown) <= order.index(strict.slowdown)
    if strict.slowdown == "beyond":
        assert strict.time.verdict == "slower"


def test_a_slowdown_is_refused_only_for_sure() -> None:
    a, b = measured({"m.tflite": STEADY}), measured({"m.tflite": times(STEADY, 1.2)})
    beyond = apart(a, b, max_slowdown=0.05)
    assert beyond.rows[0].slowdown == "beyond"
    with pytest.raises(
        CheckFailed, match=r"^B may take 5% longer than A, and m takes at least 1\d\.\d% longer$"
    ):
        refuse_slowdown(beyond, 0.05)
    near = measured({"m.tflite": [[10.4], [10.5], [10.6]]})
    undecided = apart(a, near, max_slowdown=0.05)
    assert undecided.rows[0].time.valid and undecided.rows[0].slowdown == "undecided"
    refuse_slowdown(undecided, 0.05)
    within = apart(a, b, max_slowdown=0.5)
    assert within.rows[0].slowdown == "within"
    refuse_slowdown(within, 0.5)
    assert apart(a, b).rows[0].slowdown is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threads": 4}, "threads: 1 and 4"),
        ({"runtime": "tflite-runtime"}, "runtime: litert 2.3.0 and tflite-runtime 2.3.0"),
        ({"runtime_version": "2.4.0"}, "runtime: litert 2.3.0 and litert 2.4.0"),
        ({"machine": "x86_64"}, "machine: aarch64 and x86_64"),
        ({"cpu": None}, "CPU: implementer 0x41 part 0xd08 and unknown"),
        ({"cpu_features": ("asimd", "i8mm")}, "CPU features: asimd and asimd i8mm"),
        ({"board": "Raspberry Pi 5"}, "board: Raspberry Pi 4 Model B Rev 1.4 and Raspberry Pi 5"),
        ({"cores": 2}, "cores: 4 and 2"),
        ({"governors": ("performance",)}, "governors: ondemand and performance"),
        ({"max_frequencies_khz": {"cpu0": 1_800_000}}, "highest clocks: 1 x 1.5 GHz and 1 x 1.8 GHz"),
    ],
)
def test_unlike_runs_are_refused_with_what_differs(change: dict[str, Any], words: str) -> None:
    a, b = measured({"m.tflite": STEADY}), measured({"m.tflite": STEADY}, **change)
    with pytest.raises(InputError, match="not timed alike") as caught:
        apart(a, b)
    assert words in str(caught.value) and "--across" in str(caught.value)
    assert apart(a, b, across=True).unlike == (words,)


def test_phones_are_told_apart_by_build_and_cores_and_program() -> None:
    pixel = Android(("arm64-v8a",), "pixel/14", "SM1", "c0", 80, "36.0.0", ())
    a = measured({"m.tflite": STEADY}, android=pixel)
    for change, words in (
        ({"cores": "f"}, "cores used: c0 and f"),
        ({"fingerprint": None}, "system: pixel/14 and unknown"),
    ):
        assert apart(
            a, measured({"m.tflite": STEADY}, android=dataclasses.replace(pixel, **change)), across=True
        ).unlike == (words,)
    emptier = measured(
        {"m.tflite": STEADY}, android=dataclasses.replace(pixel, battery_percent=20, adb="29.0.6")
    )
    assert apart(a, emptier).unlike == ()
    other = measured({"m.tflite": STEADY}, android=pixel, runtime_version="sha256:00")
    assert apart(a, other, across=True).unlike == ("runtime: litert 2.3.0 and litert sha256:00",)


def test_what_does_not_move_a_latency_is_no_difference() -> None:
    a = measured({"m.tflite": STEADY})
    b = measured({"m.tflite": [*STEADY, STEADY[0]]}, kind="ssh", python="3.13.0", seconds=2.0, before=QUIET)
    assert apart(a, b).unlike == ()


def test_a_name_that_means_another_model_is_refused() -> None:
    name = "m.tflite"
    small, other = PassportFacts("lenet5", "int8", 1, 1), PassportFacts("lenet5", "float32", 1, 1)
    a, b = measured({name: STEADY}, {name: small}), measured({name: STEADY}, {name: other})
    with pytest.raises(InputError, match="format of m: int8 and float32"):
        apart(a, b)
    assert apart(a, b, across=True).unlike == ("format of m: int8 and float32",)
    assert apart(a, measured({name: STEADY})).unlike == ()


def test_models_are_chosen_and_paired_by_name() -> None:
    a = measured({"x.tflite": STEADY, "y.tflite": STEADY, "old.tflite": STEADY})
    b = measured({"y.tflite": STEADY, "x.tflite": STEADY, "new.tflite": times(STEADY, 2)})
    everything = apart(a, b)
    assert [row.name for row in everything.rows] == ["x", "y"]
    assert (everything.only_a, everything.only_b) == (("old",), ("new",))
    chosen = apart(a, b, ["y", "old=new.tflite"])
    assert [row.name for row in chosen.rows] == ["y", "old = new"]
    assert chosen.rows[1].time.ratio.value == pytest.approx(2)
    assert (chosen.only_a, chosen.only_b) == ((), ())


@pytest.mark.parametrize(
    ("a", "b", "names", "words"),
    [
        (["x"], ["y"], [], "A has x; B has y. Pair two with --model"),
        (["x"], ["y"], ["z"], "A has no model 'z'; it has x"),
        (["x"], ["y"], ["x"], "B has no model 'x'; it has y"),
        (["1/x", "2/x"], ["x"], [], "A has 2 models that are called 'x'"),
        (["x"], ["1/x", "2/x"], [], "B has 2 models that are called 'x'"),
    ],
)
def test_what_cannot_be_matched_is_said(a: list[str], b: list[str], names: list[str], words: str) -> None:
    first, second = (measured({f"{name}.tflite": STEADY for name in side}) for side in (a, b))
    with pytest.raises(InputError) as caught:
        apart(first, second, names)
    assert words in str(caught.value)


def test_two_files_of_one_measurement_are_compared_round_by_round() -> None:
    drifting: Levels = [[10.0], [20.0], [40.0]]
    both = measured({"a/m.tflite": drifting, "b/m.tflite": times(drifting, 1.1)})
    compared = together(both, 0.05)
    (row,) = compared.rows
    assert compared.interleaved
    # The drift is in the medians, which are INVALID, and not in the ratio.
    assert (row.name, row.time.verdict, row.slowdown) == ("m", "undecided", "undecided")
    (row,) = together(both, 0.05, even_invalid=True).rows
    assert (row.time.verdict, row.slowdown) == ("slower", "beyond")
    assert row.time.ratio.relative_width < 0.01
    # The same, timed apart, could not be told: the drift is in it.
    alone, later = (measured({"m.tflite": levels}) for levels in (drifting, times(drifting, 1.1)))
    assert apart(alone, later).rows[0].time.verdict == "undecided"


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0%", 0), ("2.5%", 0.025), ("1000%", 10)])
def test_percentages(text: str, share: float) -> None:
    assert percentage(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "0.05", "-5%", "nan%", "5 %", "1001%", "", "%", "5%%", "1e3%", "٣%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 5%"):
        percentage(text)


def test_names() -> None:
    assert name_of(Model("a/b.c/net.int8.tflite", "0" * 64, 1, None, ANSWERS[0])) == "net.int8"


DRIFTING: Levels = [[10.0], [20.0], [40.0]]
RESTLESS: Levels = [[10.0], [11.0], [12.0]]
MOVED: dict[str, Any] = {"after": dataclasses.replace(QUIET, frequencies_khz={"cpu1": 1_000_000})}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (measured({"m.tflite": RESTLESS}), measured({"m.tflite": times(RESTLESS, 20)})),
        (measured({"m.tflite": STEADY}), measured({"m.tflite": times(STEADY, 2), }, **MOVED)),
        (measured({"m.tflite": STEADY}, **MOVED), measured({"m.tflite": times(STEADY, 2)})),
        (measured({"m.tflite": STEADY[:1]}), measured({"m.tflite": times(STEADY[:1], 2)})),
    ],
    ids=["wide intervals", "a clock in B", "a clock in A", "one round"],
)  # fmt: skip
def test_of_invalid_results_nothing_is_decided_unless_it_is_asked_for(a: Measurement, b: Measurement) -> None:
    compared = apart(a, b, max_slowdown=0.05)
    (row,) = compared.rows
    assert not row.time.valid and row.time.ratio.low > 1.05
    assert (row.time.verdict, row.slowdown) == ("undecided", "undecided")
    with pytest.raises(
        EnvironmentProblem, match=r"is undecided, because results are INVALID: m \(.*--even-invalid"
    ):
        refuse_slowdown(compared, 0.05)
    forced = apart(a, b, max_slowdown=0.05, even_invalid=True)
    (row,) = forced.rows
    assert (row.time.verdict, row.slowdown, row.time.valid) == ("slower", "beyond", False)
    assert forced.to_json()["even_invalid"] is True
    assert forced.to_json()["rows"][0]["b_relative_to_a"]["valid"] is False
    with pytest.raises(CheckFailed, match="m takes at least"):
        refuse_slowdown(forced, 0.05)


def test_what_is_certain_fails_before_what_cannot_be_told() -> None:
    a = measured({"x.tflite": STEADY, "y.tflite": DRIFTING})
    b = measured({"x.tflite": times(STEADY, 2), "y.tflite": DRIFTING})
    with pytest.raises(CheckFailed, match="x takes at least"):
        refuse_slowdown(apart(a, b, max_slowdown=0.05), 0.05)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            [[10.0], [20.0], [30.0]],
            [[20.2], [19.8], [29.7]],
            True,
        ),  # Faster in the rounds, and the medians near.
        ([[10.0], [11.0], [12.0]], [[9.0], [11.5], [11.9]], True),
        (STEADY, times(STEADY, 1.1), False),
        (DRIFTING, times(DRIFTING, 1.1), False),
        (STEADY, STEADY, False),
    ],
)
def test_a_ratio_that_its_medians_contradict_says_so(first: Levels, second: Levels, said: bool) -> None:
    (row,) = together(measured({"a/m.tflite": first, "b/m.tflite": second})).rows
    codes = [note.code for note in row.time.notes]
    medians = row.b.median.value / row.a.median.value
    against = (
        not row.time.ratio.low <= medians <= row.time.ratio.high
        or (medians - 1) * (row.time.ratio.value - 1) < 0
    )
    assert codes == ["ratio-against-medians"] * said and against == said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"delegate": "none"}, "delegate: default and none"),
        ({"delegate": "gpu"}, "delegate: default and gpu"),
        ({"delegates": ()}, "delegates of m: xnnpack and no delegate"),
        ({"delegates": (Delegated("gpu", True, 1),)}, "delegates of m: xnnpack and gpu"),
    ],
)
def test_other_delegates_are_unlike(change: dict[str, Any], words: str) -> None:
    a = measured({"m.tflite": STEADY}, delegates=(Delegated("xnnpack", None, 1),))
    b = measured({"m.tflite": STEADY}, **{"delegates": (Delegated("xnnpack", None, 1),), **change})
    with pytest.raises(InputError, match=words):
        apart(a, b)
    assert words in apart(a, b, across=True).unlike
    # Where one side does not tell, nothing is said.
    assert apart(a, measured({"m.tflite": STEADY})).unlike == ()


def test_other_cores_are_unlike() -> None:
    def bound(cores: str) -> Measurement:
        whole = measured({"m.tflite": STEADY})
        runs = tuple(dataclasses.replace(run, cores=cores) for run in whole.runs)
        return dataclasses.replace(
            whole, protocol=dataclasses.replace(whole.protocol, cores="big"), runs=runs
        )

    assert apart(bound("f0"), bound("80"), across=True).unlike == ("cores used: f0 and 80",)
    assert apart(bound("f0"), measured({"m.tflite": STEADY}), across=True).unlike == (
        "cores used: f0 and any",
    )
    assert apart(bound("f0"), bound("f0")).unlike == ()
