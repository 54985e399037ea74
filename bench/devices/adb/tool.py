"""TFLite's ``benchmark_model`` on a phone: finding it or bringing it there, and what it is asked to do."""

import base64
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.adb import benchmark_model, operator_profile, printed
from mobilecnn.bench.devices.adb.observer import Observer
from mobilecnn.bench.devices.adb.phone import core_mask
from mobilecnn.bench.devices.adb.refusals import check_pages, not_started
from mobilecnn.bench.devices.adb.session import CACHE, TMP, Session
from mobilecnn.bench.devices.seam import Answer, Job
from mobilecnn.bench.records.protocol import GPU, NO_DELEGATE, XNNPACK
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

    def __init__(self, session: Session, observer: Observer, given: Path | None) -> None:
        """Nothing happens yet.

        Args:
            session: session on the phone.
            observer: observer of the phone.
            given: program to bring to the phone; None for the one that is there.
        """
        self._session = session
        self._given = given
        self._observer = observer
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
        output = printed.parse("\n".join(lines))
        self._refuse_ignored(job, output)
        timed, warmup = output.inference, output.warmup
        return {
            "runtime_version": self.tool().version,
            "xnnpack_partitions": output.xnnpack_partitions,
            "init_ns": output.init_ns,
            "first_ns": timed.first_ns if warmup is None else warmup.first_ns,
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
                "p5_ns": timed.p5_ns,
                "p95_ns": timed.p95_ns,
                "warmup_count": 0 if warmup is None else warmup.count,
                "warmup_ns": 0 if warmup is None else warmup.count * warmup.mean_ns,
            },
            "cores": self.mask(job["cores"]),
            "delegates": _delegates(output),
        }

    def _refuse_ignored(self, job: Job, output: printed.Output) -> None:
        """Refuse figures of another threading or delegate than was asked for.

        Raises:
            EnvironmentProblem: the program did not know a flag, or could not have the delegate.
        """
        on, asked = f"on {self._session.name}: this build of benchmark_model", job["delegate"]
        if "--num_threads" in output.unknown_flags:
            raise EnvironmentProblem(f"{on} does not know --num_threads; take another build")
        applied = {delegate.name: delegate for delegate in output.delegates if delegate.parts != 0}
        if asked == NO_DELEGATE and (applied or not output.switched_off):
            does = (
                f"used {', '.join(applied)} nevertheless"
                if applied
                else "does not say that it left XNNPACK out"
            )
            raise EnvironmentProblem(
                f"{on} {does}, and --delegate none was asked for; leave it out, or take the benchmark_model of TFLite, "
                "which knows --use_xnnpack=false"
            )
        if asked in (XNNPACK, GPU) and (asked not in applied or applied[asked].whole is None):
            refused = [delegate.name for delegate in output.delegates if delegate.parts == 0]
            if asked in refused:
                does = f"could give no operator of this model to the delegate {asked}"
            elif any(flag in output.unknown_flags for flag in ("--use_gpu", "--use_xnnpack")):
                does = f"does not know the delegate {asked}"
            else:
                does = f"does not say that it applied the delegate {asked}"
            raise EnvironmentProblem(
                f"{on} {does}, and --delegate {asked} was asked for; leave it out, or take another build"
            )

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
            job["delegate"],
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
                job["model"], job["threads"], packed["shape"], tensor, answer, job["delegate"]
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
        tool, mask = self.tool(), self.mask(job["cores"])
        cores = int(mask, 16).bit_count()
        if job["threads"] > cores:
            raise UsageError(
                f"--threads {job['threads']} is more than the {cores} core{'s' if cores > 1 else ''} of "
                f"{self._session.name} that --cores {job['cores']} stands for; use --threads {cores} or --cores all"
            )
        # As it is, it may use any core, also where the phone has no taskset.
        bound = [] if job["cores"] == "all" else ["taskset", mask]
        return self._session.ask(RUN, [self._session.folder, *bound, tool.path, *flags], doing, timeout)

    def _failed(self, model: str, code: int, lines: Sequence[str], doing: str) -> Exception:
        """Why ``benchmark_model`` did not end with 0."""
        said = self._session.in_local_names(benchmark_model.failure(lines))
        if benchmark_model.refuses_model(said):
            return ModelFileError(
                f"on {self._session.name}: benchmark_model cannot load "
                f"{self._session.local_names.get(model, model)} ({said}); the file is damaged, "
                "or needs a newer benchmark_model"
            )
        name, path = self._session.name, self.tool().path
        unstarted = not_started(name, self._session.serial, path, code, lines)
        if unstarted is not None:
            return EnvironmentProblem(f"on {name}: the process {doing} ended with code {code}: {unstarted}")
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
        check_pages(self._session.name, program, self._observer.page_bytes())
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

    def mask(self, which: str) -> str:
        """The cores that it is bound to, as :func:`core_mask` gives them.

        Raises:
            EnvironmentProblem: the phone does not tell its cores apart, or has no such ones.
        """
        try:
            return core_mask(self._observer.facts(), which)
        except ValueError as error:
            raise EnvironmentProblem(
                f"--cores {which} cannot be had on {self._session.name}: {error}"
            ) from error


def _delegates(output: printed.Output) -> list[dict[str, Any]] | None:
    """Delegates as :class:`mobilecnn.bench.records.measurement.Delegated`; None where nothing is told."""
    if not output.delegates and not output.switched_off:
        return None
    return [
        {"name": delegate.name, "whole": delegate.whole, "parts": delegate.parts}
        for delegate in output.delegates
    ]
