"""Which cores a name stands for, and that a process is bound to them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worker_process import JOB, ask, model

from mobilecnn.bench.devices.worker import cores

RK3588 = {0: 530, 1: 530, 2: 530, 3: 530, 4: 1024, 5: 1024, 6: 1024, 7: 1024}
TENSOR = {0: 250, 1: 250, 2: 250, 3: 250, 4: 620, 5: 620, 6: 1024, 7: 1024}
SNAPDRAGON = {0: 300, 1: 300, 2: 300, 3: 300, 4: 870, 5: 870, 6: 870, 7: 1024}
PI = dict.fromkeys(range(4), 1_500_000)


@pytest.mark.parametrize(
    ("speeds", "which", "mask"),
    [
        (RK3588, "prime", "f0"),
        (RK3588, "big", "f0"),
        (RK3588, "little", "f"),
        (TENSOR, "prime", "c0"),
        (TENSOR, "big", "c0"),  # Exactly two are the fastest.
        (TENSOR, "little", "f"),
        (SNAPDRAGON, "prime", "80"),
        (SNAPDRAGON, "big", "f0"),
        (SNAPDRAGON, "all", "ff"),
        (SNAPDRAGON, "0xC1", "c1"),
        (PI, "prime", "f"),
        (PI, "big", "f"),
        (PI, "little", "f"),
        ({}, "all", "f"),
        ({}, "8", "8"),
    ],
)
def test_what_a_name_stands_for(speeds: dict[int, int], which: str, mask: str) -> None:
    assert cores.mask(cores.chosen(which, speeds, set(speeds) or set(range(4)))) == mask


@pytest.mark.parametrize(
    ("speeds", "which", "words"),
    [
        ({}, "big", "does not tell how fast its cores are.*--cores all"),
        ({0: 5}, "prime", "does not tell how fast"),
        (PI, "10", "the cores there are 0 to 3, and the mask 10 stands for 4"),
        (PI, "1f", "stands for 0 to 4"),
    ],
)
def test_what_cannot_be_chosen(speeds: dict[int, int], which: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cores.chosen(which, speeds, range(4))


@given(
    st.dictionaries(st.integers(0, 63), st.integers(1, 5), min_size=1),
    st.sampled_from(["prime", "big", "little"]),
)
def test_every_name_stands_for_some_cores(speeds: dict[int, int], which: str) -> None:
    chosen = cores.chosen(which, speeds, set(speeds))
    assert chosen and chosen <= set(speeds)
    if which == "prime":
        assert {speeds[core] for core in chosen} == {max(speeds.values())}
        assert chosen <= cores.chosen("big", speeds, set(speeds))
    if which == "little" and len(set(speeds.values())) > 1:
        assert not chosen & cores.chosen("big", speeds, set(speeds))


def test_how_fast_cores_are_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "CPUS", tmp_path)
    assert cores.speeds() == {}
    for core in range(3):
        (tmp_path / f"cpu{core}" / "cpufreq").mkdir(parents=True)
        (tmp_path / f"cpu{core}/cpufreq/cpuinfo_max_freq").write_text(f"{1000 + core}\n")
    assert cores.speeds() == {0: 1000, 1: 1001, 2: 1002}
    # What ARM's kernels say of them counts first: clocks of unlike cores do not compare.
    for core, capacity in enumerate((1024, 500, 500)):
        (tmp_path / f"cpu{core}/cpu_capacity").write_text(f"{capacity}\n")
    assert cores.speeds() == {0: 1024, 1: 500, 2: 500}


def test_the_worker_is_bound_and_says_to_what(exported: Path) -> None:
    usable = sorted(os.sched_getaffinity(0))
    last = f"{1 << usable[-1]:x}"
    assert ask({**JOB, "model": model(exported), "cores": last})["cores"] == last
    assert ask({**JOB, "model": model(exported), "cores": "all"})["cores"] == cores.mask(usable)
    assert ask({**JOB, "model": model(exported)})["cores"] == cores.mask(usable)
    threads = ask({**JOB, "model": model(exported), "cores": last, "threads": 2})
    assert (
        threads["error"] == "UsageError" and "--threads 2 is more than the 1 core that" in threads["message"]
    )
    beyond = ask({**JOB, "model": model(exported), "cores": f"{1 << (usable[-1] + 9):x}"})
    assert (
        beyond["error"] == "EnvironmentProblem" and "cannot be had: the cores there are" in beyond["message"]
    )
