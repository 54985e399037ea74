"""Android phones that are reached over adb, through the user's own adb client and server.

A phone has no Python. What times there is TFLite's ``benchmark_model``, given or found
(:mod:`mobilecnn.bench.devices.adb.benchmark_model`), else the sample app (:mod:`mobilecnn.bench.devices.adb.app`).

adb is not trusted. It ends with 0 when the phone vanishes in the middle of a command, and a
phone with an old system tells no exit codes at all. So every step prints a mark of its own, does
its work, and prints the mark again with its exit code: without that, nothing has happened. Files
are compared by SHA-256 on the phone, and every call has a time limit.

As over SSH, the first session is a guard: a shell on the phone that makes a private folder, waits
for the end of its input, and then ends what still runs there and removes the folder. That comes
when this process ends, however it ends, and when the connection does: adbd then hangs up on it. (To a phone before
Android 7 the adb client does not hand on the end of its input. There, after a kill -9 of this
process, the guard waits until the phone is disconnected.)
"""

import base64
import binascii
import contextlib
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.adb import app as android_app
from mobilecnn.bench.devices.adb import benchmark_model, phone
from mobilecnn.bench.devices.seam import PROBE_TIMEOUT, Answer, Job
from mobilecnn.bench.judge.hygiene import THERMAL_STATUS
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.bench.records.protocol import PHONE_RUNTIMES, OnPhone, Protocol
from mobilecnn.convert import passport
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, MobileCnnError, ModelFileError, UsageError
from mobilecnn.files import read_bytes, sha256
from mobilecnn.process import Child, Closing

TMP = "/data/local/tmp"
"""The one folder of a phone from which adb's user may run programs."""
CACHE = f"{TMP}/mobilecnn"
FOUND = f"{TMP}/benchmark_model"
"""Where the tool's documentation puts it."""

ADB_SECONDS = 30.0
"""For adb itself: its server takes 3 s to start, and ``connect`` waits 10 s for a silent peer."""
ANSWER_SECONDS = PROBE_TIMEOUT
"""For the small commands on the phone."""
SETTLE_SECONDS = 5.0
"""A server that has just started finds its phones within a second or two."""
SLOWEST_PUSH = 100_000
"""Bytes a second; the slowest USB 2 phone manages fifty times that."""
CLOSE_SECONDS = 10.0
POLL_SECONDS = 1.0
"""Between looks into the phone's log. Looking costs the phone some work."""
MOST_BYTES = 16 << 20
"""Of what a step on the phone says; a log with a profile of a large network has 1 MB."""

# For the sh of a phone (mksh and toybox). Their arguments are $1, $2, ...
GUARD = """
d=$1; clean() {
  for f in "$d"/pid.*; do [ ! -s "$f" ] || kill -9 "$(cat "$f")" 2>/dev/null; done;
  [ ! -s "$d/app" ] || am force-stop "$(cat "$d/app")" >/dev/null 2>&1; rm -rf "$d";
};
mkdir -m 700 "$d" || exit 1; trap clean EXIT; trap "exit 1" HUP INT TERM PIPE; echo ready; read x
"""
# The process number is kept, so that the guard can end a program whose own session is gone.
RUN = """
d=$1; shift; "$@" </dev/null 2>&1 & p=$!; trap "kill -9 $p 2>/dev/null; exit 129" HUP INT TERM PIPE;
echo $p >"$d/pid.$$"; wait $p; c=$?; rm -f "$d/pid.$$"; exit $c
"""
START = """
echo "$2" >"$1/app"; a=$3; shift 3; am start -W -S -n "$a" "$@"
"""
STOP = """
am force-stop "$2" >/dev/null; rm -f "$1/app"
"""
POLL = """
a=; pidof "$1" >/dev/null && a=running; logcat -d -s "$2:I"; echo "$a"
"""
DIGEST = """
[ ! -f "$1" ] || sha256sum <"$1"
"""
STORE = """
h=$(sha256sum <"$1") || exit 1; [ "${h%% *}" = "$3" ] || { echo "it did not arrive whole"; exit 1; };
umask 022; mkdir -p "${2%/*}" && chmod "$4" "$1" && mv -f "$1" "$2"
"""
INSTALLED = """
pm path "$1" 2>/dev/null | grep -q "^package:" || exit 0;
v=$(dumpsys package "$1" 2>/dev/null | sed -n "s/^ *versionName=//p"); echo "${v:-unknown}"
"""
FETCH = """
[ -f "$1" ] || exit 0; sha256sum <"$1" && base64 "$1"
"""


@dataclass(frozen=True)
class Tool:
    """``benchmark_model`` on a phone.

    Attributes:
        path: there.
        version: ``sha256:`` and the digest of the program, which tells no version of its own.
    """

    path: str
    version: str


class AdbDevice(Closing):
    """A phone over adb. The first call connects; leaving the block cleans up there."""

    runtimes: tuple[str, ...] = PHONE_RUNTIMES
    runs_worker: bool = False

    def __init__(
        self,
        name: str,
        serial: str | None = None,
        phone: OnPhone | None = None,
        runtime: str | None = None,
    ) -> None:
        """Nothing happens yet.

        Args:
            name: what the user calls it.
            serial: what adb calls it; None for ``$ANDROID_SERIAL``, else the only one connected.
            phone: what times there, and where.
            runtime: any, to have :meth:`probe` demand something that can time models.
        """
        self.name = name
        self._serial = serial
        self._phone = phone or OnPhone()
        self._demanding = runtime is not None
        self._guard: Child | None = None
        self._running: Child | subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()
        self._folder = ""
        self._tool: Tool | None = None
        self._times: str | None = None
        self._app_version: str | None = None
        self._facts: Facts | None = None
        self._local_names: dict[str, str] = {}

    def close(self) -> None:
        """End what runs there, and remove the folder. Harmless when repeated."""
        guard, self._guard = self._guard, None
        if guard is not None:
            with contextlib.suppress(ChildCrashed):
                guard.send({})  # A phone with an old system is not told of the end of its input.
            guard.close(CLOSE_SECONDS)

    def stop(self) -> None:
        """See :meth:`mobilecnn.bench.devices.seam.Device.stop`; what ran there ends with its session."""
        self._stopped.set()  # Between two looks at the app no session runs.
        running = self._running
        if running is not None:
            running.kill()

    def probe(self) -> Facts:
        """See :meth:`mobilecnn.bench.devices.seam.Device.probe`."""
        found = self._look()
        if not self._demanding:
            return found
        if self._runtime() == "app":
            return found
        self._check_cores(found)
        assert found.android is not None
        return replace(found, android=replace(found.android, cores=self._mask()))

    def adapt(self, protocol: Protocol) -> Protocol:
        """See :meth:`mobilecnn.bench.devices.seam.Device.adapt`."""
        if protocol.runtime not in (Protocol.runtime, *PHONE_RUNTIMES):
            raise UsageError(
                f"--runtime {protocol.runtime} is for boards; {self.name} is a phone, which runs "
                f"{' or the '.join(PHONE_RUNTIMES)}: leave it out"
            )
        runtime = self._runtime()
        if runtime == "app":
            # It is told how many inferences to make, and not for how long.
            return replace(protocol, runtime=runtime, seconds=0.0, warmup_seconds=0.0)
        return replace(protocol, runtime=runtime)

    def put(self, model: Path) -> str:
        """See :meth:`mobilecnn.bench.devices.seam.Device.put`: into the cache there, by content.

        Raises:
            ModelFileError: the sample app times there, and the model has no passport, or another's.
        """
        digest = sha256(read_bytes(model, "model", ModelFileError))
        folder = f"{CACHE}/models"
        if self._runtime() == "app":
            # It reads what to feed the model from there, and one model may have had two passports.
            card = self._card(model, digest)
            folder = f"{folder}/{card}"
            self._store(passport.beside(model), f"{folder}/{digest}.json", card, "644")
        target = f"{folder}/{digest}.tflite"
        self._store(model, target, digest, "644")
        self._local_names[target] = str(model)
        return target

    def _card(self, model: Path, digest: str) -> str:
        """The SHA-256 of a model's passport."""
        if passport.read(model, digest) is None:
            raise ModelFileError(
                f"{model} has no passport {passport.beside(model).name} beside it, and the sample app on {self.name} "
                "takes what to feed it from there; export it with mobilecnn, or time it with --benchmark-model PATH"
            )
        return sha256(read_bytes(passport.beside(model), "passport", ModelFileError))

    def run(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.Device.run`."""
        tasks: dict[str, Callable[[Job, str, float], Answer]] = {
            "state": lambda _job, _doing, _timeout: self._state(),
            "runtime": self._find_runtime,
            "time": self._time_by_app if job.get("runtime") == "app" else self._time,
            "answer": self._answer,
            "operators": self._operators,
        }
        if job["task"] not in tasks:
            raise UsageError(
                f"{self.name} is a phone, and what times there cannot do this (the job {job['task']}); use a board, or "
                "this machine"
            )
        if "runtime" in job and job["runtime"] not in PHONE_RUNTIMES:
            raise UsageError(f"unknown runtime {job['runtime']!r}; choose one of {', '.join(PHONE_RUNTIMES)}")
        self._connect()
        return tasks[job["task"]](job, doing, timeout)

    def follow(self, job: Job, doing: str, timeout: float) -> Generator[Answer, None, None]:
        """See :meth:`mobilecnn.bench.devices.seam.Device.follow`: nothing on a phone tells of each inference.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            f"{self.name} is a phone; mobilecnn sustained and single-stream need a board or this machine"
        )

    # What is done there.

    def _time(self, job: Job, doing: str, timeout: float) -> Answer:
        before = self._reading()
        code, lines = self._benchmark(job, self._timing_flags(job), doing, timeout)
        if code != 0:
            raise self._failed(job["model"], code, lines, doing)
        output = benchmark_model.parse("\n".join(lines))
        timed = output.inference
        return {
            "runtime_version": self._benchmark_model().version,
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
            "after": self._reading(),
            "summary": {
                "count": timed.count,
                "minimum_ns": timed.minimum_ns,
                "maximum_ns": timed.maximum_ns,
                "mean_ns": timed.mean_ns,
                "deviation_ns": timed.deviation_ns,
                "median_ns": timed.median_ns,
            },
        }

    def _operators(self, job: Job, doing: str, timeout: float) -> Answer:
        code, lines = self._benchmark(
            job, [*self._timing_flags(job), benchmark_model.PROFILE], doing, timeout
        )
        if code != 0:
            raise self._failed(job["model"], code, lines, doing)
        return asdict(benchmark_model.parse_profile("\n".join(lines)))

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

    def _time_by_app(self, job: Job, doing: str, timeout: float) -> Answer:
        before = self._reading()
        answer = self._ask_app(job, job["warmup_runs"], job["runs"], doing, timeout)
        times, status = answer.run, answer.thermal_status
        return {
            "runtime_version": f"{self._app()}, TensorFlow Lite {times.runtime_version}",
            "xnnpack_partitions": times.xnnpack_partitions,
            "init_ns": times.init_ns,
            "first_ns": times.first_ns,
            "warmup_ns": times.warmup_ns,
            "samples_ns": times.samples_ns,
            "timed_seconds": times.timed_seconds,
            "other_cpu_seconds": times.other_cpu_seconds,
            "heaviest_cpu_seconds": {},
            "baseline_rss_bytes": times.baseline_rss_bytes,
            "peak_rss_bytes": times.peak_rss_bytes,
            "before": _with_app(before, times.before, status.before),
            "after": _with_app(self._reading(), times.after, status.after),
            "summary": None,
        }

    def _ask_app(self, job: Job, warmup: int, runs: int, doing: str, timeout: float) -> android_app.AppRun:
        """Have the app time a model in a fresh process."""
        model = job["model"]
        request = android_app.Request(
            secrets.token_hex(16), model, Path(model).stem, job["threads"], warmup, runs
        )
        package = android_app.PACKAGE
        self._stopped.clear()
        try:
            self._tell(START, [self._folder, package, android_app.ACTIVITY, *request.extras()], doing)
            text = self._wait_for_app(request.run_id, doing, timeout)
        finally:
            # After a broken connection the guard has done it.
            with contextlib.suppress(EnvironmentProblem):
                self._tell(STOP, [self._folder, package], f"that stops the app on {self.name}")
        try:
            return android_app.parse(text, request)
        except MobileCnnError as error:
            raise type(error)(f"on {self.name}: {self._in_local_names(str(error))} ({doing})") from error

    def _wait_for_app(self, run_id: str, doing: str, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            *lines, running = self._tell(POLL, [android_app.PACKAGE, android_app.TAG], doing) or [""]
            text = android_app.collect(lines, run_id)
            if text is not None:
                return text
            if running != "running":
                raise ChildCrashed(
                    f"on {self.name}: the app ended without an answer, and with it the process {doing}; look into: adb "
                    "logcat -b crash -d"
                )
            if self._stopped.wait(POLL_SECONDS):
                raise ChildCrashed(f"on {self.name}: the process {doing} was stopped")
        raise ChildCrashed(
            f"on {self.name}: the process {doing} took longer than {timeout:g} s and was stopped"
        )

    def _answer(self, job: Job, doing: str, timeout: float) -> Answer:
        if job["runtime"] == "app":
            # It has the passport, and judges by itself.
            return {"judged": asdict(self._ask_app(job, 0, 1, doing, timeout).answers)}
        outputs = []
        tensor, answer = f"{self._folder}/input", f"{self._folder}/output"
        deadline = time.monotonic() + timeout
        for packed in job["inputs"]:
            content = base64.b64decode(packed["data"])
            with tempfile.NamedTemporaryFile(prefix="mobilecnn-") as file:
                file.write(content)
                file.flush()
                self._store(Path(file.name), tensor, sha256(content), "600")
            self._tell('rm -f "$1"', [answer], doing)
            flags = benchmark_model.flags_for_answer(
                job["model"], job["threads"], packed["shape"], tensor, answer
            )
            code, lines = self._benchmark(job, flags, doing, deadline - time.monotonic())
            unknown = any("output_filepath" in line for line in lines)
            if code != 0 and not unknown:
                raise self._failed(job["model"], code, lines, doing)
            given = None if unknown else self._fetch(answer, doing)
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
        tool, mask = self._benchmark_model(), self._mask()
        cores = int(mask, 16).bit_count()
        if job["threads"] > cores:
            raise UsageError(
                f"--threads {job['threads']} is more than the {cores} core{'s' if cores > 1 else ''} of {self.name} "
                f"that --cores {self._cores} stands for; use --threads {cores} or --cores all"
            )
        return self._ask(RUN, [self._folder, "taskset", mask, tool.path, *flags], doing, timeout)

    def _failed(self, model: str, code: int, lines: Sequence[str], doing: str) -> Exception:
        """Why ``benchmark_model`` did not end with 0."""
        said = self._in_local_names(benchmark_model.failure(lines))
        if benchmark_model.refuses_model(said):
            return ModelFileError(
                f"on {self.name}: benchmark_model cannot load {self._local_names.get(model, model)} ({said}); the file "
                "is damaged, or needs a newer benchmark_model"
            )
        number = code - 128
        if number in {each.value for each in signal.Signals}:
            name = signal.Signals(number).name
            return ChildCrashed(
                f"on {self.name}: the process {doing} was ended by {name}; its last words: {said}"
            )
        return EnvironmentProblem(f"on {self.name}: the process {doing} ended with code {code}: {said}")

    def _fetch(self, path: str, doing: str) -> bytes | None:
        """The content of a small file there; None if there is none."""
        lines = self._tell(FETCH, [path], doing)
        if not lines:
            return None
        try:
            content = base64.b64decode("".join(lines[1:]), validate=True)
        except binascii.Error:
            content = b""
        if sha256(content) != lines[0].split(" ")[0]:
            raise EnvironmentProblem(
                f"on {self.name}: the answer of the process {doing} did not arrive whole"
            )
        return content

    # What times there.

    def _runtime(self) -> str:
        """The first of :data:`PHONE_RUNTIMES` that is there.

        Raises:
            EnvironmentProblem: none is.
        """
        if self._times is None:
            self._times = self._what_times()
        return self._times

    def _what_times(self) -> str:
        if self._phone.benchmark_model is None and self._app() and not self._digest(FOUND):
            if self._phone.cores is not None:
                raise UsageError(
                    f"--cores is for benchmark_model, and {self.name} has the sample app, which runs where Android puts "
                    "it; leave it out, or give --benchmark-model PATH"
                )
            return "app"
        self._benchmark_model()
        return "benchmark_model"

    def _app(self) -> str:
        """The version of the sample app; empty where it is not installed."""
        if self._app_version is None:
            lines = self._tell(INSTALLED, [android_app.PACKAGE], f"that looks for the app on {self.name}")
            self._app_version = lines[0] if lines else ""
        return self._app_version

    def _find_runtime(self, job: Job, doing: str, timeout: float) -> Answer:
        if job["runtime"] == "benchmark_model":
            return {"version": self._benchmark_model().version}
        version = self._app()
        if not version:
            raise EnvironmentProblem(
                f"the sample app ({android_app.PACKAGE}) is not installed on {self.name}"
            )
        return {"version": version}

    def _benchmark_model(self) -> Tool:
        if self._tool is None:
            given = self._phone.benchmark_model
            self._tool = self._found() if given is None else self._given(given)
        return self._tool

    def _given(self, program: Path) -> Tool:
        abi = benchmark_model.abi_of(program)
        android = self._look().android
        assert android is not None
        if abi not in android.abis:
            needed = benchmark_model.BUILDS.get(android.abis[0], f"one for {android.abis[0]}")
            raise EnvironmentProblem(
                f"{program} is a program for {abi}, and {self.name} runs {', '.join(android.abis)}; take {needed}"
            )
        digest = sha256(program.read_bytes())
        target = f"{CACHE}/tools/{digest}"
        self._store(program, target, digest, "755")
        return Tool(target, f"sha256:{digest}")

    def install(self, program: Path) -> None:
        """Put ``benchmark_model`` where it is looked for, in place of one that is there.

        Raises:
            EnvironmentProblem: it cannot be written there.
        """
        self._store(program, FOUND, sha256(program.read_bytes()), "755")

    def _found(self) -> Tool:
        digest = self._digest(FOUND)
        if not digest:
            raise EnvironmentProblem(
                f"{self.name} has nothing that times models: give the program with --benchmark-model PATH "
                f"(for this phone {benchmark_model.BUILDS.get(self._abi(), self._abi())}), or put it there: adb push "
                f"benchmark_model {TMP}/ && adb shell chmod 755 {FOUND}; or install the sample app: mobilecnn android --model FILE --install"
            )
        return Tool(FOUND, f"sha256:{digest}")

    def _abi(self) -> str:
        android = self._look().android
        assert android is not None
        return android.abis[0]

    # What it is.

    def _look(self) -> Facts:
        if self._facts is None:
            self._connect()
            lines = self._tell(phone.FACTS, [], f"that probes {self.name}")
            _, version = adb("version")
            _, features = adb("-s", self._serial or "", "features")
            self._facts = phone.facts(
                lines,
                self._tell(phone.STATE, [], f"that reads the state of {self.name}"),
                next(iter(re.findall(r"^Version (\S+)", version, re.MULTILINE)), version.strip()[:40]),
                sorted(word for word in features.split() if re.fullmatch(r"[a-z0-9_]+", word)),
            )
        return self._facts

    def _check_cores(self, found: Facts) -> None:
        if self._cores != "all" and not found.max_frequencies_khz:
            raise EnvironmentProblem(
                f"{self.name} does not tell the clocks of its cores, so that which are {self._cores} is unknown; "
                "use --cores all"
            )

    @property
    def _cores(self) -> str:
        return self._phone.cores or "big"

    def _mask(self) -> str:
        return phone.core_mask(self._look(), self._cores)

    def _state(self) -> Answer:
        return phone.state(self._tell(phone.STATE, [], f"that reads the state of {self.name}"))

    def _reading(self) -> dict[str, Any]:
        state = self._state()
        # No clocks: before and after the process the phone is at rest, and its clocks are low.
        return {
            "frequencies_khz": {},
            "probe_ns": [],
            "temperatures_c": state["temperatures_c"],
            "throttled": None,
            "governors": [],
            "load_average": None,
            "available_bytes": None,
            "swapped_bytes": None,
            "thermal_status": state["thermal_status"],
        }

    # How it is reached.

    def _digest(self, path: str) -> str:
        lines = self._tell(DIGEST, [path], f"that looks for {path} on {self.name}")
        return lines[0].split(" ")[0] if lines else ""

    def _store(self, file: Path, target: str, digest: str, mode: str) -> None:
        """Bring a file there under the absolute name ``target``, unless it is there already.

        Raises:
            EnvironmentProblem: it cannot be written there.
        """
        self._connect()
        if self._digest(target) == digest:
            return
        pushed = f"{self._folder}/push"
        doing = f"that brings {file} to {self.name}"
        assert self._serial is not None
        seconds = ANSWER_SECONDS + file.stat().st_size / SLOWEST_PUSH
        code, said = adb("-s", self._serial, "push", str(file), pushed, seconds=seconds, begun=self._begun)
        if code != 0:
            self._expect_connection(doing)
            raise EnvironmentProblem(
                f"cannot bring {file} to {self.name} ({_last(said)}); there must be room for it: adb shell df {TMP}"
            )
        code, lines = self._ask(STORE, [pushed, target, digest, mode], doing, ANSWER_SECONDS)
        if code != 0:
            raise EnvironmentProblem(
                f"cannot bring {file} to {self.name} ({_last(lines)}); there must be room for it (adb shell df {TMP}), "
                "and a sha256sum there"
            )

    def _tell(self, script: str, words: Sequence[str], doing: str) -> list[str]:
        """What a script says there.

        Raises:
            EnvironmentProblem: it failed.
        """
        self._connect()
        code, lines = self._ask(script, words, doing, ANSWER_SECONDS)
        if code != 0:
            raise EnvironmentProblem(
                f"on {self.name}: the process {doing} ended with code {code}: {_last(lines)}"
            )
        return lines

    def _ask(self, script: str, words: Sequence[str], doing: str, timeout: float) -> tuple[int, list[str]]:
        """The exit code of a script there, and what it says.

        Raises:
            ChildCrashed: it took longer than ``timeout`` seconds, or talks without end.
            EnvironmentProblem: the connection broke.
        """
        mark = f"mobilecnn-{secrets.token_hex(16)}"
        ends = f"trap 'c=$?; printf \"\\n%s %s\\n\" {mark} $c' EXIT; "
        with self._session(doing, mark, ends + _with_words(script, words), subprocess.DEVNULL) as child:
            self._begun(child)
            deadline = time.monotonic() + timeout
            self._skip_to(mark, child, deadline, timeout)
            lines: list[str] = []
            size = 0
            while True:
                line = self._line(child, deadline, timeout)
                if match := re.fullmatch(rf"{mark} ([0-9]{{1,3}})", line):
                    # The end's own empty line is not the script's.
                    return int(match[1]), lines[:-1] if lines and not lines[-1] else lines
                lines.append(line)
                size += len(line)
                if size > MOST_BYTES:
                    raise ChildCrashed(
                        f"on {self.name}: the process {doing} talks without end and was stopped"
                    )

    def _begun(self, process: "Child | subprocess.Popen[bytes]") -> None:
        self._running = process

    def _session(
        self, doing: str, mark: str, script: str, stdin: int = subprocess.PIPE, own_session: bool = False
    ) -> Child:
        assert self._serial is not None
        remote = f"echo; echo {mark}; {script}"
        return Child(
            ["adb", "-s", self._serial, "shell", remote], doing, {"LC_ALL": "C"}, stdin, None, own_session
        )

    def _skip_to(self, mark: str, child: Child, deadline: float, timeout: float) -> None:
        for _ in range(1000):  # Lines of a greeting.
            if self._line(child, deadline, timeout) == mark:
                return
        raise ChildCrashed(f"on {self.name}: the process {child.doing} talks without end and was stopped")

    def _line(self, child: Child, deadline: float, timeout: float) -> str:
        try:
            line = child.line(max(0.0, deadline - time.monotonic()))
        except ChildCrashed as error:
            if time.monotonic() >= deadline:
                raise ChildCrashed(
                    f"on {self.name}: the process {child.doing} took longer than {timeout:g} s and was stopped"
                ) from error
            self._expect_connection(child.doing)
            raise EnvironmentProblem(
                f"the answer of {self.name} broke off: {error}; try it again, and look with: adb devices"
            ) from error
        return line.decode(errors="replace").rstrip("\r")

    def _expect_connection(self, doing: str) -> None:
        """Fail if the guard's session is gone, and with it the connection."""
        if self._guard is not None and self._guard.ended(1.0):
            raise EnvironmentProblem(
                f"the connection to {self.name} broke, and with it the process {doing}; check the cable, and that the "
                "phone is on and does not restart, and try again"
            )

    def _connect(self) -> None:
        if self._guard is not None:
            return
        self._serial = choose(self.name, self._serial or os.environ.get("ANDROID_SERIAL") or None)
        mark = f"mobilecnn-{secrets.token_hex(16)}"
        self._folder = f"{TMP}/mobilecnn-{secrets.token_hex(16)}"
        doing = f"that connects to {self.name}"
        # A session of its own: Ctrl-C must not cut the connection that cleans up after it.
        guard = self._session(doing, mark, _with_words(GUARD, [self._folder]), own_session=True)
        self._begun(guard)  # Until it is connected; if it is stopped, it cleans up all the same.
        try:
            deadline = time.monotonic() + ANSWER_SECONDS
            self._skip_to(mark, guard, deadline, ANSWER_SECONDS)
            said = self._line(guard, deadline, ANSWER_SECONDS)
            if said != "ready":
                raise EnvironmentProblem(f"cannot make a folder in {TMP} of {self.name} ({said[:200]})")
        except BaseException:
            guard.close()
            raise
        finally:
            self._running = None
        self._guard = guard

    def _in_local_names(self, text: str) -> str:
        for there, here in self._local_names.items():
            text = text.replace(there, here)
        return text


def _with_app(reading: dict[str, Any], by_app: android_app.AppReading, status: str | None) -> dict[str, Any]:
    """What adb reads around the app's process, and the app just before or after its timed part."""
    told = {} if status is None else {"thermal_status": THERMAL_STATUS.index(status)}
    return {
        **reading,
        **told,
        "frequencies_khz": by_app.frequencies_khz,
        "probe_ns": by_app.probe_ns,
        "temperatures_c": {**reading["temperatures_c"], **by_app.temperatures_c},
    }


def _with_words(script: str, words: Sequence[str]) -> str:
    return f"set -- {shlex.join(words)}; {' '.join(script.split())}"


def _last(said: str | Sequence[str]) -> str:
    """The line that tells most: an error (after that adb prints a summary), else the last."""
    lines = [line.strip()[:300] for line in (said.splitlines() if isinstance(said, str) else said)]
    errors = [line for line in lines if "error:" in line or "failed to" in line]
    return next((line for line in [*errors, *reversed(lines)] if line), "it says nothing")


def adb(
    *words: str,
    seconds: float | None = None,
    begun: Callable[["subprocess.Popen[bytes]"], None] | None = None,
) -> tuple[int, str]:
    """Run the adb client to its end: its exit code, and what it says on both outputs.

    Args:
        words: its arguments.
        seconds: after which it is ended; :data:`ADB_SECONDS` for None.
        begun: handed the process, for another thread to end it.

    Raises:
        EnvironmentProblem: there is none, or it does not end.
    """
    if shutil.which("adb") is None:
        raise EnvironmentProblem(
            "there is no adb on this machine; install it (Debian: apt-get install adb; else Android's platform-tools)"
        )
    # Files and no pipes: a server that it starts would keep those open.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            ["adb", *words],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
        if begun is not None:
            begun(process)
        patience = ADB_SECONDS if seconds is None else seconds
        try:
            code = process.wait(patience)
        except subprocess.TimeoutExpired:
            raise EnvironmentProblem(
                f"adb {words[2] if words[0] == '-s' else words[0]} did not end in {patience:g} s. "
                "Something else may hold the port of its server; try: adb kill-server"
            ) from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        said.seek(0)
        return code, said.read(MOST_BYTES).decode(errors="replace")


def states() -> dict[str, str]:
    """What adb is connected with: serial -> state, such as ``device``.

    Raises:
        EnvironmentProblem: adb is missing, or does not work.
    """
    code, said = adb("devices")
    _, header, listed = said.partition("List of devices attached\n")
    if code != 0 or not header:
        port = os.environ.get("ANDROID_ADB_SERVER_PORT", "5037")
        raise EnvironmentProblem(
            f"adb does not work here ({_last(said)}). Another program may hold the port of its server ({port}; "
            "ANDROID_ADB_SERVER_PORT chooses another); try in a terminal: adb kill-server; adb devices"
        )
    rows = (line.partition("\t") for line in listed.splitlines())
    return {serial: state.strip() for serial, tab, state in rows if tab}


SETTLING = ("offline", "authorizing", "connecting")


def choose(name: str, serial: str | None) -> str:
    """The serial of the phone that is meant, and can be used.

    Args:
        name: what the user calls it.
        serial: what adb calls it; None for the only one there.

    Raises:
        EnvironmentProblem: there is none, there are several, or it is not ready.
    """
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        there = states()
        meant = [serial] if serial is not None and serial in there else [] if serial else list(there)
        ready = len(meant) == 1 and there[meant[0]] == "device"
        settling = not meant or there[meant[0]] in SETTLING
        if ready or not settling or time.monotonic() >= end:
            break
        time.sleep(0.25)
    if ready:
        return meant[0]
    raise EnvironmentProblem(_why_not(name, serial, there, meant))


def _why_not(name: str, serial: str | None, there: Mapping[str, str], meant: Sequence[str]) -> str:
    known = ", ".join(f"{each} ({state})" for each, state in there.items()) or "none"
    if len(meant) > 1:
        return (
            f"adb sees several devices: {known}. Say which is {name}: mobilecnn devices add {name} --adb --serial "
            f"{meant[0]}, or set ANDROID_SERIAL"
        )
    if not meant and serial is not None:
        network = f"; over a network, first: adb connect {serial}" if ":" in serial else ""
        return (
            f"adb sees no device {serial}, which {name} is said to be; it sees: {known}. Connect it{network}"
        )
    if not meant:
        return (
            f"adb sees no device. Connect {name} by USB (a cable that carries data), unlock it, and switch on USB "
            "debugging (Settings, About phone: tap the build number seven times; then Developer options)"
        )
    state = there[meant[0]]
    for begin, advice in STATES.items():
        if state.startswith(begin):
            return f"{name} ({meant[0]}) {advice}"
    return f"{name} ({meant[0]}) is in the state {state!r}; start Android on it, and look with: adb devices"


STATES = {
    "unauthorized": (
        "does not trust this machine yet: unlock it, and allow USB debugging in the question that it shows; if it "
        "shows none, unplug it and plug it in again"
    ),
    "authorizing": "is still deciding whether to trust this machine: unlock it, and answer its question",
    "offline": "is offline to adb: unplug it and plug it in again, or try: adb reconnect offline",
    "connecting": "does not finish connecting: unplug it and plug it in again",
    "no permissions": (
        "may not be opened by this user: install the udev rules (Debian: android-sdk-platform-tools-common), join the "
        "group plugdev, and plug it in again"
    ),
}
"""What adb says of a device -> what to do."""
