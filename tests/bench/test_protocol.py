"""The protocol refuses what cannot be meant, and says what can."""

import math
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.bench.devices.worker.runtimes import PACKAGES
from mobilecnn.bench.records.protocol import LONGEST_SECONDS, MOST_RUNS, Protocol
from mobilecnn.errors import InputError, UsageError
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.records import record

seconds = st.floats(0, LONGEST_SECONDS)


@given(
    st.builds(
        Protocol,
        rounds=st.integers(1, 1000),
        warmup_runs=st.integers(0, MOST_RUNS),
        warmup_seconds=seconds,
        runs=st.integers(1, MOST_RUNS),
        seconds=seconds,
        threads=st.integers(1, 256),
        runtime=st.sampled_from(RUNTIMES),
        seed=st.integers(0, 2**32 - 1),
        cool_down=st.floats(0, 3600),
    )
)
def test_json_and_back(protocol: Protocol) -> None:
    assert record(Protocol, asdict(protocol)) == protocol


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rounds": 0}, "--rounds must be from 1 to 1000, and is 0"),
        ({"rounds": 1001}, "--rounds must be from 1 to 1000, and is 1001"),
        ({"rounds": 2.0}, "--rounds must be a whole number"),
        ({"rounds": True}, "--rounds must be a whole number"),
        ({"warmup_runs": -1}, "--warmup-runs must be from 0"),
        ({"warmup_seconds": -0.1}, "--warmup-seconds must be from 0 to 150"),
        ({"runs": 0}, "--runs must be from 1 to 100000"),
        ({"runs": "50"}, "--runs must be a whole number"),
        ({"seconds": 151}, "--seconds must be from 0 to 150"),
        ({"seconds": math.nan}, "--seconds must be from 0 to 150"),
        ({"seconds": "1"}, "--seconds must be a number"),
        ({"cool_down": -1}, "--cool-down must be from 0 to 3600"),
        ({"threads": 0}, "--threads must be from 1"),
        ({"seed": 2**32}, "--seed must be from 0 to 4294967295"),
        ({"runtime": "onnx"}, "unknown runtime 'onnx'; choose one of litert, tflite-runtime"),
        ({"delegate": "nnapi"}, "unknown --delegate 'nnapi'; choose one of default, xnnpack, none, gpu"),
        ({"cores": "fast"}, "unknown --cores 'fast'; choose one of prime, big, little, all"),
        ({"cores": "0x0"}, "unknown --cores '0x0'"),
        ({"cores": "-1"}, "unknown --cores '-1'"),
        ({"cores": ""}, "unknown --cores ''"),
        ({"runtime": None}, "choose one of litert, tflite-runtime"),
    ],
)
def test_values_out_of_range_are_refused_with_the_range(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Protocol(**change)
    assert words in str(caught.value)


@pytest.mark.parametrize("document", [None, [], {}, {**asdict(Protocol()), "more": 1}])
def test_only_a_protocol_is_read(document: Any) -> None:
    with pytest.raises(InputError, match=r"must be an object|is missing|is not known here"):
        record(Protocol, document)


def test_the_runtimes_are_the_same_everywhere() -> None:
    assert tuple(PACKAGES) == RUNTIMES
