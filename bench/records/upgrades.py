"""Upgrades of measurements of older versions, each to the next version.

Damage passes through unchanged; the strict reader names it.
"""

from collections.abc import Mapping
from typing import Any

from mobilecnn.documents import Members
from mobilecnn.records import Upgrade

_UNASKED = {
    "verdict": "not checked",
    "reason": "timed before answers were checked",
    "pictures": 0,
    "difference": None,
    "tolerance": None,
}
_UNREAD_4 = dict.fromkeys(("offline_cores", "boost", "on_battery", "power_saver"))
_UNPRINTED = dict.fromkeys(("p5_ns", "p95_ns", "warmup_count", "warmup_ns"))
_UNREAD = dict.fromkeys(("throttled", "load_average", "available_bytes", "swapped_bytes", "thermal_status"))


def _from_version_1(members: Members) -> Members:
    """Members of version 2; version 1 has no answers."""
    models = members.get("models")
    if not isinstance(models, list):
        return members
    with_answers = [{**model, "answers": _UNASKED} if isinstance(model, dict) else model for model in models]
    return {**members, "models": with_answers}


def _from_version_2(members: Members) -> Members:
    """Members of version 3; version 2 reads less of the machine and has no phones."""

    def run(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        sides = {name: value[name] for name in ("before", "after") if isinstance(value.get(name), dict)}
        filled = {name: {**_UNREAD, "governors": [], **reading} for name, reading in sides.items()}
        return {"heaviest_cpu_seconds": {}, "cooled": None, "summary": None, **value, **filled}

    device, protocol, runs = (members.get(name) for name in ("device", "protocol", "runs"))
    return {
        **members,
        **({"device": {"android": None, **device}} if isinstance(device, dict) else {}),
        **({"protocol": {"cool_down": 0.0, **protocol}} if isinstance(protocol, dict) else {}),
        **({"runs": [run(value) for value in runs]} if isinstance(runs, list) else {}),
    }


def _from_version_3(members: Members) -> Members:
    """Members of version 4; version 3 knows no delegates, and of cores only those of a phone."""
    device, protocol, runs = (members.get(name) for name in ("device", "protocol", "runs"))
    android = device.get("android") if isinstance(device, dict) else None
    by_tool = isinstance(protocol, dict) and protocol.get("runtime") == "benchmark_model"
    cores = android.get("cores") if by_tool and isinstance(android, dict) else None

    def run(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        sides = {name: value[name] for name in ("before", "after") if isinstance(value.get(name), dict)}
        filled: dict[str, Any] = {name: {**_UNREAD_4, **reading} for name, reading in sides.items()}
        if isinstance(value.get("summary"), dict):
            filled["summary"] = {**_UNPRINTED, **value["summary"]}
        return {"cores": cores, "delegates": None, **value, **filled}

    settings = {"delegate": "default", "cores": cores}
    return {
        **members,
        **({"protocol": {**settings, **protocol}} if isinstance(protocol, dict) else {}),
        **({"runs": [run(value) for value in runs]} if isinstance(runs, list) else {}),
    }


UPGRADES: Mapping[int, Upgrade] = {1: _from_version_1, 2: _from_version_2, 3: _from_version_3}
"""Version of a measurement -> function that turns its members into those of the next version."""
