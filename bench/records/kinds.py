"""Words for the kinds of devices that records name (``Facts.kind``), for pages, which load no backend."""

LOCAL = "local"
"""Kind of the machine that mobilecnn itself runs on."""

REACHED = {LOCAL: "directly", "ssh": "over SSH", "adb": "over adb"}
"""Words for how a device is reached, by its kind; a kind that is not here is shown by its name."""
