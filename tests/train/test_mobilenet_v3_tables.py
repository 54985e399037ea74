"""MobileNet V3's Table 9: counts at any width and side, and what its remarks say of them."""

from typing import Any

import pytest

from mobilecnn.train import tables, zoo
from mobilecnn.train.complexity import count
from mobilecnn.train.tables import sources
from mobilecnn.train.tables.mobilenet_v3 import counts

ROWS = [row for row in sources.rows_of_papers() if row["table"] == "mobilenet_v3-9"]
"""The table's rows as they are stored."""


@pytest.mark.parametrize("row", ROWS, ids=[row["label"] for row in ROWS])
def test_counts_are_those_of_the_built_network(keras: Any, row: dict[str, str]) -> None:
    side = int(row["side"]) if row["side"] else None
    built, worked_out = count(zoo.graph(row["network"], None, side)), counts(row["network"], side)
    assert (built.params_trainable, built.macs) == (worked_out.params_trainable, worked_out.macs)


def test_each_row_is_of_the_network_that_its_label_names() -> None:
    shown = tables.table("mobilenet_v3-9").rows
    assert len(ROWS) == len(shown) == 19
    for row, filled in zip(ROWS, shown, strict=True):
        size, _, rest = row["label"].partition(" ")
        side, _, width = rest.partition("/")
        assert row["network"] == f"mobilenet_v3_{size}_x{width}" and (row["side"] or "224") == side
        ours = counts(row["network"], int(side))
        assert [figure.ours for figure in filled.figures[:2]] == [
            ours.macs / 1e6,
            ours.params_trainable / 1e6,
        ]


def test_listed_networks_count_as_stored() -> None:
    for name, stored in zoo.stored_counts().items():
        if stored.family == "mobilenet_v3" and "minimalistic" not in name:
            ours = counts(name)
            assert (ours.params_trainable, ours.macs) == (stored.params_trainable, stored.macs)


def test_a_scaled_first_convolution_has_the_papers_multiply_adds() -> None:
    (said,) = [note for note in tables.table("mobilenet_v3-9").notes if "first convolution" in note]
    for row in ROWS:
        if row["side"]:
            continue
        scaled = counts(row["network"], wide_stem=True).macs / 1e6
        assert abs(scaled - float(row["macs"])) < 0.81
        if abs(counts(row["network"]).macs / 1e6 - float(row["macs"])) > 1:
            assert f"{scaled:.1f} " in said
    # Behind the pool of large 224/1.25 are 1,600 channels, of inputs, biases and outputs, where the paper's count fits 1,280.
    fewer = (1600 - 1280) * (1200 + 1 + 1000)
    ours = counts("mobilenet_v3_large_x1.25").params_trainable
    assert f"({(ours - fewer) / 1e6:.2f})" in said and int((ours - fewer) / 1e5) / 10 == 7.5


def test_times_are_those_of_the_same_version_as_table_3() -> None:
    table_3 = {
        row["network"]: row["pixel1"] for row in sources.rows_of_papers() if row["table"] == "mobilenet_v3-3"
    }
    same = [row for row in ROWS if not row["side"] and row["network"] in table_3]
    assert len(same) == 4
    for row in same:
        assert (
            row["pixel1"] == table_3[row["network"]]
            or row["pixel1"].partition(".")[0] == table_3[row["network"]]
        )


def test_each_table_names_what_the_other_prints() -> None:
    def others(table: str, network: str) -> set[tuple[str, str]]:
        rows = [row for row in tables.table(table).rows if row.network == network and row.others]
        assert len(rows) == 1
        return {(each.figure, each.source) for each in rows[0].others}

    assert ("217", "mobilenet_v3-9") in others("mobilenet_v3-3", "mobilenet_v3_large_x1.0")
    assert ("219", "mobilenet_v3-3") in others("mobilenet_v3-9", "mobilenet_v3_large_x1.0")
    assert ("57", "mobilenet_v3-9") in others("mobilenet_v3-3", "mobilenet_v3_small_x1.0")
    assert ("56", "mobilenet_v3-3") in others("mobilenet_v3-9", "mobilenet_v3_small_x1.0")
    # On other sides it is another network: its accuracies and multiply-adds are no other source of this one.
    for name in tables.names():
        for row in tables.table(name).rows:
            assert not {"76.0", "282"} & {
                each.figure for each in row.others if each.source == "mobilenet_v3-9"
            }
