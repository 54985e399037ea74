"""TFLite's ``benchmark_model`` on a phone: finding it or bringing it there, and what it is asked to do."""

import base64
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mobilecnn.bench.devices.adb import benchmark_model, operator_profile
from mobilecnn.bench.devices.adb.observer import Observer
from mobilecnn.bench.devices.adb.phone import core_mask
from mobilecnn.bench.devices.adb.session import CACHE, TMP, Session
from mobilecnn.bench.devices.seam import Answer, Job
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, ModelFileError, UsageError
from mobilecnn.files import read_bytes, sha256

FOUND = f"{TMP}/benchmark_model"
"""Path on the phone that the tool's documentation uses."""

# The process number is kept, so that the guard can end a program whose own session is gone.
RUN = """
d=$1; shift; "$@" </dev/null 2>&1 & p=$!; trap "kill -9 $p 2>/dev/null; exit 129" HUP INT TERM PIPE;
echo $p >"$d/pid.$$"; wait $p; c=$?; rm -f "$d/pid.$$"; exit $c
"""


@dataclass(frozen=True)
class Tool:
    """``benchmark_model`` on a phone.

    Attributes:
        path: path of the program on the phone.
        version: ``sha256:`` and the digest of the program, which tells no version of its own.
    """

    path: str
    version: str


class BenchmarkModel:
    """``benchmark_model`` as what answers and times on a phone."""

    def __init__(self, session: Session, observer: Observer, given: Path | None, cores: str | None) -> None:
        """Nothing happens yet.

        Args:
            session: session on the phone.
            observer: observer of the phone.
            given: program to bring to the phone; None for the one that is there.
            cores: cores that it is bound to: ``big``, ``little`` or ``all``; None for the big ones.
        """
        self._session = session
        self._given = given
        self._observer = observer
        self._cores = cores or "big"
        self._tool: Tool | None = None

    def version(self) -> str:
        """The version of the program, as :class:`Tool` has it."""
        return self.tool().version

    def put(self, model: Path) -> str:
        """See :meth:`mobilecnn.bench.devices.seam.Device.put`: into the cache there, by content."""
        digest = sha256(read_bytes(model, "model", ModelFileError))
        target = f"{CACHE}/models/{digest}.tflite"
        self._session.store(model, target, digest, "644")
        self._session.local_names[target] = str(model)
        return target

    def time(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanTime.time`."""
        before = self._observer.reading()
        code, lines = self._benchmark(job, self._timing_flags(job), doing, timeout)
        if code != 0:
            raise self._failed(job["model"], code, lines, doing)
        output = benchmark_model.parse("\n".join(lines))
        timed = output.inference
        return {
            "runtime_version": self.tool().version,
            "xnnpack_partitions": output.xnnpack_partitions,
            "init_ns": output.init_ns,
            "first_ns": timed.first_ns if output.warmup is None else output.warmup.first_ns,
            "warmup_ns": [],
            "samples_ns": [timed.mean_ns if timed.median_ns is None else timed.median_ns],
            "timed_seconds": timed.count * timed.mean_ns / 1e9,
            "other_cpu_seconds": None,
            "heaviest_cpu_seconds": {},
            "baseline_rss_bytes": None,
            "peak_rss_bytes": None,
            "before": before,
            "after": self._observer.reading(),
            "summary": {
                "count": timed.count,
                "minimum_ns": timed.minimum_ns,
                "maximum_ns": timed.maximum_ns,
                "mean_ns": timed.mean_ns,
                "deviation_ns": timed.deviation_ns,
                "median_ns": timed.median_ns,
            },
        }

    def operators(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanProfileOperators.operators`."""
        code, lines = self._benchmark(
            job, [*self._timing_flags(job), benchmark_model.PROFILE], doing, timeout
        )
        if code != 0:
            raise self._failed(job["model"], code, lines, doing)
        return asdict(operator_profile.parse("\n".join(lines)))

    @staticmethod
    def _timing_flags(job: Job) -> list[str]:
        return benchmark_model.flags(
            job["model"],
            job["threads"],
            1 + job["warmup_runs"],  # The first is recorded apart.
            job["warmup_seconds"],
            job["runs"],
            job["seconds"],
            job["longest_seconds"],
        )

    def answer(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanAnswer.answer`."""
        outputs = []
        tensor, answer = f"{self._session.folder}/input", f"{self._session.folder}/output"
        deadline = time.monotonic() + timeout
        for packed in job["inputs"]:
            content = base64.b64decode(packed["data"])
            with tempfile.NamedTemporaryFile(prefix="mobilecnn-") as file:
                file.write(content)
                file.flush()
                self._session.store(Path(file.name), tensor, sha256(content), "600")
            self._session.tell('rm -f "$1"', [answer], doing)
            flags = benchmark_model.flags_for_answer(
                job["model"], job["threads"], packed["shape"], tensor, answer
            )
            code, lines = self._benchmark(job, flags, doing, deadline - time.monotonic())
            unknown = any("output_filepath" in line for line in lines)
            if code != 0 and not unknown:
                raise self._failed(job["model"], code, lines, doing)
            given = None if unknown else self._session.fetch(answer, doing)
            if given is None:
                return {"unable": "this build of benchmark_model does not write its outputs"}
            outputs.append(
                {
                    "dtype": job["output_dtype"],
                    "shape": [-1],
                    "data": base64.b64encode(given).decode(),
                }
            )
        return {"outputs": outputs}

    def _benchmark(self, job: Job, flags: Sequence[str], doing: str, timeout: float) -> tuple[int, list[str]]:
        tool, mask = self.tool(), self.mask
        cores = int(mask, 16).bit_count()
        if job["threads"] > cores:
            raise UsageError(
                f"--threads {job['threads']} is more than the {cores} core{'s' if cores > 1 else ''} of "
                f"{self._session.name} that --cores {self._cores} stands for; use --threads {cores} or --cores all"
            )
        return self._session.ask(
            RUN, [self._session.folder, "taskset", mask, tool.path, *flags], doing, timeout
        )

    def _failed(self, model: str, code: int, lines: Sequence[str], doing: str) -> Exception:
        """Why ``benchmark_model`` did not end with 0."""
        said = self._session.in_local_names(benchmark_model.failure(lines))
        if benchmark_model.refuses_model(said):
            return ModelFileError(
                f"on {self._session.name}: benchmark_model cannot load "
                f"{self._session.local_names.get(model, model)} ({said}); the file is damaged, "
                "or needs a newer benchmark_model"
            )
        number = code - 128
        if number in {known.value for known in signal.Signals}:
            name = signal.Signals(number).name
            return ChildCrashed(
                f"on {self._session.name}: the process {doing} was ended by {name}; its last words: {said}"
            )
        return EnvironmentProblem(
            f"on {self._session.name}: the process {doing} ended with code {code}: {said}"
        )

    def tool(self) -> Tool:
        """The program there, which is brought there if one was given.

        Raises:
            EnvironmentProblem: there is none, or it is for another machine.
        """
        if self._tool is None:
            self._tool = self._found() if self._given is None else self._bring(self._given)
        return self._tool

    def _bring(self, program: Path) -> Tool:
        abi = benchmark_model.abi_of(program)
        android = self._observer.android()
        if abi not in android.abis:
            needed = benchmark_model.BUILDS.get(android.abis[0], f"one for {android.abis[0]}")
            raise EnvironmentProblem(
                f"{program} is a program for {abi}, and {self._session.name} runs {', '.join(android.abis)}; "
                f"take {needed}"
            )
        digest = sha256(read_bytes(program, "benchmark_model program"))
        target = f"{CACHE}/tools/{digest}"
        self._session.store(program, target, digest, "755")
        return Tool(target, f"sha256:{digest}")

    def install(self, program: Path) -> None:
        """Put ``benchmark_model`` where it is looked for, in place of one that is there.

        Raises:
            EnvironmentProblem: it cannot be written there.
        """
        self._session.store(program, FOUND, sha256(read_bytes(program, "benchmark_model program")), "755")

    def _found(self) -> Tool:
        digest = self._session.digest(FOUND)
        if not digest:
            abi = self._observer.android().abis[0]
            raise EnvironmentProblem(
                f"{self._session.name} has nothing that times models: give the program with --benchmark-model PATH "
                f"(for this phone {benchmark_model.BUILDS.get(abi, abi)}), or put it there: adb push "
                f"benchmark_model {TMP}/ && adb shell chmod 755 {FOUND}; or install the sample app: "
                "mobilecnn android --model FILE --install"
            )
        return Tool(FOUND, f"sha256:{digest}")

    def check_cores(self) -> None:
        """Refuse a choice of cores that the phone does not tell apart.

        Raises:
            EnvironmentProblem: it is one.
        """
        if self._cores != "all" and not self._observer.facts().max_frequencies_khz:
            raise EnvironmentProblem(
                f"{self._session.name} does not tell the clocks of its cores, so that which are {self._cores} is "
                "unknown; use --cores all"
            )

    @property
    def mask(self) -> str:
        """The cores that it is bound to, as :func:`core_mask` gives them."""
        return core_mask(self._observer.facts(), self._cores)
