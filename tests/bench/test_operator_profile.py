"""The profile that benchmark_model prints is read whole, or it is an error of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.bench.devices.adb import operator_profile
from mobilecnn.bench.devices.adb.operator_profile import Operator, OperatorType
from mobilecnn.errors import EnvironmentProblem

NEW_TABLE = """Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t                             [node type]\t [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                  ModifyGraphWithDelegate\t   5.120\t    5.120\t 95.000%\t 95.000%\t   100.000\t        1\tModifyGraphWithDelegate/0
\t                         AllocateTensors\t   0.270\t    0.270\t  5.000%\t100.000%\t     0.000\t        1\tAllocateTensors/0

============================== Summary by node type ==============================
\t                             [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]
\t                  ModifyGraphWithDelegate\t        1\t     5.120\t    95.000%\t    95.000%\t   100.000\t        1

Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t                             [node type]\t [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\tDelegate/Convolution (NHWC, F32) IGEMM:0\t   0.410\t    0.402\t 60.000%\t 60.000%\t     0.000\t        1\tDelegate/Convolution (NHWC, F32) IGEMM:0
\t                                 SOFTMAX\t   0.300\t    0.268\t 40.000%\t100.000%\t     1.500\t        1\t[StatefulPartitionedCall:0]:31

============================== Top by Computation Time ==============================
\t                             [node type]\t [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\tDelegate/Convolution (NHWC, F32) IGEMM:0\t   0.410\t    0.402\t 60.000%\t 60.000%\t     0.000\t        1\tDelegate/Convolution (NHWC, F32) IGEMM:0

Number of nodes executed: 2
============================== Summary by node type ==============================
\t                             [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]
\tDelegate/Convolution (NHWC, F32) IGEMM:0\t        1\t     0.402\t    60.000%\t    60.000%\t     0.000\t        1
\t                                 SOFTMAX\t        1\t     0.268\t    40.000%\t   100.000%\t     1.500\t        1

Timings (microseconds): count=50 first=700 curr=660 min=650 max=720 avg=670 std=12
Memory (bytes): count=0
2 nodes observed
"""


OLD_TABLE = """Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t            0.000\t    0.410\t    0.402\t 60.000%\t 60.000%\t     0.000\t        1\t[relu]:0
\t                 SOFTMAX\t            0.402\t    0.300\t    0.268\t 40.000%\t100.000%\t     1.500\t        1\t[a b]:31

============================== Summary by node type ==============================
\t             [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]
\t                 CONV_2D\t        1\t     0.402\t    60.000%\t    60.000%\t     0.000\t        1
\t                 SOFTMAX\t        1\t     0.268\t    40.000%\t   100.000%\t     1.500\t        1
"""


CSV = """============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 0.41, 0.402, 60%, 60%, 0, 1, [relu]:0
SOFTMAX, 0.3, 0.268, 40%, 100%, 1.5, 1, [a\tb]:31

============================== Summary by node type ==============================
node type, count, avg_ms, avg %, cdf %, mem KB, times called
CONV_2D, 1, 0.402, 60%, 60%, 0, 1
SOFTMAX, 1, 0.268, 40%, 100%, 1.5, 1
"""


def test_a_profile_as_a_table() -> None:
    parsed = operator_profile.parse(NEW_TABLE)
    name = "Delegate/Convolution (NHWC, F32) IGEMM:0"
    assert parsed.operators == (
        Operator(name, 0.41, 0.402, 60, 60, 0, 1, name, None),
        Operator("SOFTMAX", 0.3, 0.268, 40, 100, 1.5, 1, "[StatefulPartitionedCall:0]:31", None),
    )
    assert parsed.types == (
        OperatorType(name, 1, 0.402, 60, 60, 0, 1),
        OperatorType("SOFTMAX", 1, 0.268, 40, 100, 1.5, 1),
    )


def test_an_old_profile_also_with_spaces_for_tabs_and_with_the_prefix() -> None:
    parsed = operator_profile.parse(OLD_TABLE)
    assert [(row.type, row.start_ms, row.name) for row in parsed.operators] == [
        ("CONV_2D", 0.0, "[relu]:0"), ("SOFTMAX", 0.402, "[a b]:31"),
    ]  # fmt: skip
    assert [row.type for row in parsed.types] == ["CONV_2D", "SOFTMAX"]
    assert operator_profile.parse(OLD_TABLE.expandtabs(9)) == parsed
    assert operator_profile.parse("INFO: " + OLD_TABLE) == parsed


def test_a_profile_as_csv() -> None:
    parsed = operator_profile.parse(CSV)
    assert parsed.operators == (
        Operator("CONV_2D", 0.41, 0.402, 60, 60, 0, 1, "[relu]:0", None),
        Operator("SOFTMAX", 0.3, 0.268, 40, 100, 1.5, 1, "[a\tb]:31", None),
    )
    old = CSV.replace("node type, first", "node type, start, first").replace("2D, 0.41,", "2D, 0, 0.41,")
    assert operator_profile.parse(old.replace("MAX, 0.3,", "MAX, 0.402, 0.3,")).operators[1].start_ms == 0.402


@pytest.mark.parametrize("text", [NEW_TABLE, OLD_TABLE, CSV])
def test_a_profile_row_that_is_damaged_is_told(text: str) -> None:
    with pytest.raises(EnvironmentProblem, match="profile row that cannot be read"):
        operator_profile.parse(text.replace("0.268", "?"))
    with pytest.raises(EnvironmentProblem, match="no per-operator profile"):
        operator_profile.parse(text.replace("Summary by node type", "Something else"))


@given(st.integers(0, len(NEW_TABLE)), st.text(max_size=20))
def test_a_damaged_profile_ends_in_an_error_of_ours_or_a_profile(place: int, text: str) -> None:
    try:
        operator_profile.parse(NEW_TABLE[:place] + text + NEW_TABLE[place:])
    except EnvironmentProblem:
        return
