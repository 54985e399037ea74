"""Android phones that are reached over adb, through the user's own adb client and server.

A phone has no Python. What times there is TFLite's ``benchmark_model``, given or found
(:mod:`mobilecnn.bench.devices.adb.tool`), else the sample app (:mod:`mobilecnn.bench.devices.adb.sample_app`).
"""

from dataclasses import replace
from pathlib import Path

from mobilecnn.bench.devices.adb.observer import Observer
from mobilecnn.bench.devices.adb.sample_app import SampleApp
from mobilecnn.bench.devices.adb.session import Session
from mobilecnn.bench.devices.adb.tool import FOUND, BenchmarkModel
from mobilecnn.bench.devices.seam import Answer, Identity, Job
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.bench.records.protocol import DEFAULT, PHONE_RUNTIMES, OnPhone, Protocol
from mobilecnn.errors import UsageError
from mobilecnn.process import Closing

DEFAULT_CORES = "big"
"""Cores that ``benchmark_model`` is bound to where none are asked for."""


class AdbDevice(Closing):
    """A phone over adb. The first call connects; leaving the block cleans up there."""

    runtimes: tuple[str, ...] = PHONE_RUNTIMES
    passport_runtimes: tuple[str, ...] = ("app",)
    profiling_runtime = "benchmark_model"

    def __init__(
        self,
        name: str,
        serial: str | None = None,
        phone: OnPhone | None = None,
        runtime: str | None = None,
        app: str | None = None,
    ) -> None:
        """Nothing happens yet.

        Args:
            name: name that the user gave the phone.
            serial: serial of the phone; None for ``$ANDROID_SERIAL``, else the only one connected.
            phone: settings for phones.
            runtime: any runtime, to have :meth:`probe` demand something that can time models; None to demand nothing.
            app: the name that Android knows the app by; None for the sample app's own.
        """
        self.name = name
        self._phone = phone or OnPhone()
        self._demanding = runtime is not None
        self._session = Session(name, serial)
        self._observer = Observer(self._session)
        self._app = SampleApp(self._session, self._observer, app)
        self._tool = BenchmarkModel(self._session, self._observer, self._phone.benchmark_model)
        self._chosen: str | None = None
        self._cores = DEFAULT_CORES

    @property
    def limits(self) -> str:
        """See :attr:`mobilecnn.bench.devices.seam.Device.limits`."""
        return (
            f"{self.name} is a phone, and what times there tells of no single inference, counts no instructions and "
            "measures no memory: mobilecnn sustained and single-stream need a board or this machine, and "
            "--device emulated counts"
        )

    def close(self) -> None:
        """See :meth:`mobilecnn.bench.devices.seam.Device.close`."""
        self._session.close()

    def stop(self) -> None:
        """See :meth:`mobilecnn.bench.devices.seam.Device.stop`; what ran there ends with its session."""
        self._app.stop()  # Between two looks at the app no session runs.
        self._session.stop()

    def probe(self) -> Facts:
        """See :meth:`mobilecnn.bench.devices.seam.Device.probe`."""
        facts = self._observer.facts()
        if not self._demanding or self._what_times() == "app":
            return facts
        return replace(facts, android=replace(self._observer.android(), cores=self._tool.mask(self._cores)))

    def adapt(self, protocol: Protocol) -> Protocol:
        """See :meth:`mobilecnn.bench.devices.seam.CanTime.adapt`."""
        if protocol.runtime not in (Protocol.runtime, *PHONE_RUNTIMES):
            raise UsageError(
                f"--runtime {protocol.runtime} is for boards; {self.name} is a phone, which runs "
                f"{' or the '.join(PHONE_RUNTIMES)}: leave it out"
            )
        runtime = self._what_times()
        if runtime == "app":
            for option, given in (
                ("--cores", protocol.cores is not None),
                ("--delegate", protocol.delegate != DEFAULT),
            ):
                if given:
                    raise UsageError(
                        f"{option} is for benchmark_model, and {self.name} has the sample app, which runs where Android "
                        "puts it; leave it out, or give --benchmark-model PATH"
                    )
            # It is told how many inferences to make, and not for how long.
            return replace(protocol, runtime=runtime, seconds=0.0, warmup_seconds=0.0)
        self._cores = protocol.cores or DEFAULT_CORES
        return replace(protocol, runtime=runtime, cores=self._cores)

    def put(self, model: Path) -> str:
        """See :meth:`mobilecnn.bench.devices.seam.Device.put`."""
        return self._runtime(self._what_times()).put(model)

    def identity(self) -> Identity:
        """See :meth:`mobilecnn.bench.devices.seam.CanIdentify.identity`."""
        return self._observer.identity()

    def version(self, runtime: str) -> str:
        """See :meth:`mobilecnn.bench.devices.seam.CanFindRuntimes.version`."""
        return self._runtime(runtime).version()

    def state(self) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanReadState.state`."""
        return self._observer.state()

    def answer(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanAnswer.answer`."""
        return self._runtime(job["runtime"]).answer(job, doing, timeout)

    def time(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanTime.time`."""
        return self._runtime(job["runtime"]).time(job, doing, timeout)

    def operators(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanProfileOperators.operators`."""
        return self._tool.operators(job, doing, timeout)

    def install(self, program: Path) -> None:
        """Put ``benchmark_model`` where it is looked for, in place of one that is there.

        Raises:
            EnvironmentProblem: it cannot be written there.
        """
        self._tool.install(program)

    def _runtime(self, name: str) -> BenchmarkModel | SampleApp:
        if name not in PHONE_RUNTIMES:
            raise UsageError(f"unknown runtime {name!r}; choose one of {', '.join(PHONE_RUNTIMES)}")
        return self._app if name == "app" else self._tool

    def _what_times(self) -> str:
        """The first of :data:`PHONE_RUNTIMES` that is there.

        Raises:
            EnvironmentProblem: nothing is there.
        """
        if self._chosen is None:
            self._chosen = self._choose()
        return self._chosen

    def _choose(self) -> str:
        app_only = (
            self._phone.benchmark_model is None and self._app.installed() and not self._session.digest(FOUND)
        )
        if app_only:
            return "app"
        self._tool.tool()
        return "benchmark_model"
