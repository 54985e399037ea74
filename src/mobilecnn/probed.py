"""The runtime that files are made for: a release that the user names, or that of a device, which is asked."""

from mobilecnn.bench.devices.registry import device as device_of
from mobilecnn.bench.devices.seam import CanFindRuntimes
from mobilecnn.errors import EnvironmentProblem, UsageError
from mobilecnn.quantize import targets
from mobilecnn.quantize.targets import Target
from mobilecnn.remarks import Remark, Remarked

NEWER = "litert"
"""Runtime that began after the last release of the tables of operators (:mod:`mobilecnn.convert.versions`): it lacks none."""


def runtime(text: str, remarked: Remarked) -> Target | None:
    """The release that files must run on; None where that is any.

    Args:
        text: ``PACKAGE==RELEASE``, or the name of a device, of whose runtimes the oldest counts.
        remarked: told what was found on the device.

    Raises:
        UsageError: it is neither, or the device does not say what it has.
        EnvironmentProblem: the device cannot be reached, or has no runtime.
    """
    if "==" in text:
        return targets.target(text)
    try:
        where = device_of(text)
    except UsageError as error:
        raise UsageError(
            f"--target-runtime {text[:80]!r} is no release, such as tflite-runtime==2.14, and no device: {error}"
        ) from error
    found: dict[str, str] = {}
    with where:
        if isinstance(where, CanFindRuntimes):
            reasons = []
            for name in where.runtimes:
                try:
                    found[name] = where.version(name)
                except EnvironmentProblem as error:
                    reasons.append(error)
            if not found and reasons:
                raise reasons[0]
    known = [name for name in found if name == NEWER or name in targets.PACKAGES]
    releases = {name: targets.release_of(found[name]) for name in known if name != NEWER}
    if not known or None in releases.values():
        raise UsageError(
            f"--target-runtime {text[:80]}: the device does not say of which release its runtime is; give the release instead, such "
            "as tflite-runtime==2.14"
        )
    older = [targets.target(f"{name}=={release}") for name, release in releases.items()]
    has = " and ".join(f"{name} {found[name]}" for name in known)
    made_for = f"the files are for {older[0]}, the oldest" if older else "the files may have any operator"
    remarked(Remark("target-device", len(known), f"{text} has {has}; {made_for}"))
    return older[0] if older else None
