"""Published times of ncnn's benchmark on a chip that a user's ``published.csv`` need not have."""

COLUMN = "sd855plus_kryo485_2.96GHz"
"""What the column would be called there."""

SNAPDRAGON_855_PLUS = {
    "squeezenet": 8.24,
    "squeezenet_int8": 8.23,
    "mobilenet": 14.38,
    "mobilenet_int8": 11.12,
    "mobilenet_v2": 9.82,
    "mobilenet_v3": 8.15,
    "shufflenet": 5.32,
    "shufflenet_v2": 5.38,
    "mnasnet": 9.25,
    "efficientnet_b0": 17.67,
    "googlenet": 32.10,
    "googlenet_int8": 32.00,
    "resnet18": 22.02,
    "resnet18_int8": 26.17,
    "resnet50": 65.85,
    "resnet50_int8": 56.33,
    "alexnet": 24.83,
    "vgg16": 129.57,
}
"""Network -> least milliseconds of one thread on the fastest core of a OnePlus 7T.

ncnn's benchmark/README.md at commit a4d2ea1d4422, heading "Qualcomm SM8150-AC Snapdragon 855+"; written there on 2024-06-12.
"""


def with_every_chip(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows of ``published.csv`` with these times where they have none of that chip."""
    return [{COLUMN: f"{SNAPDRAGON_855_PLUS.get(row['network'], '')}", **row} for row in rows]
