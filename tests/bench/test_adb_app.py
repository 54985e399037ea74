"""The sample app as what times on a phone: a script answers here; in tests/android its own code does."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from adbd import Phone
from click.testing import CliRunner
from phones import JOB, bench, devices, failed
from sshd import soon

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb import app
from mobilecnn.bench.devices.adb.device import AdbDevice
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.records.measurement import Measurement, Run
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.cli import cli
from mobilecnn.convert import passport
from mobilecnn.errors import ChildCrashed, EnvironmentProblem
from mobilecnn.files import sha256
from mobilecnn.records import record


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "a model's.tflite"
    path.write_bytes(os.urandom(300_000))
    return path


RUNS = """[ "$1" = start ] || { rm -f "$PHONE/alive"; exit 0; }
echo "Starting: Intent { cmp=org.mobilecnn.demo/.BenchmarkActivity }"; : >"$PHONE/alive"
for word; do
  case $last in run_id) id=$word;; sha256) digest=$word;; model) model=$word;; esac; last=$word
done
"""


ANSWERS = """sed "s|RUN_ID|$id|g; s|DIGEST|$digest|; s|MODEL|$model|" "$PHONE/answer" >"$PHONE/log"
"""


ABSENT = (
    "echo Error type 3; echo Error: Activity class org.mobilecnn.demo.BenchmarkActivity does not exist. >&2; "
)


APP_JOB = {**JOB, "runtime": "app", "warmup_runs": 1, "runs": 4}


ANSWERED = (
    Path(__file__).parent.parent.parent / "android_demo/core/src/test/resources/benchmark_lines.txt"
).read_text()


LABELS = [f"digit {index}" for index in range(10)]
PASSPORT = Path(__file__).parent.parent / "samples/passports/tiny.float32.json"


def says(phone: Phone, **change: Any) -> None:
    """Have the app answer as the app's own tests do, but for one warm-up, four runs and ``change``."""
    document = json.loads(app.collect(ANSWERED.splitlines(), "run-7") or "")
    run = {**document["run"], "warmup_ns": [8300001], "samples_ns": [8200011, 8150012, 8300013, 8190014]}
    asked = {"run_id": "RUN_ID", "model": {"name": "MODEL", "sha256": "DIGEST"}, "threads": 1}
    answer = json.dumps({**document, **asked, "run": run, "native_ns": None, **change})
    (phone.root / "answer").write_text(
        f"--------- beginning of main\nMOBILECNN RUN_ID 1/1 {answer}\nMOBILECNN_DONE RUN_ID 0\n"
    )


@pytest.fixture
def with_app(pixel: Phone) -> Phone:
    """A phone with the sample app and no benchmark_model."""
    (pixel.tmp / "benchmark_model").unlink()
    says(pixel)
    pixel.program("app", RUNS + ANSWERS)
    (pixel.root / "dumpsys.package").write_text("    versionCode=1\n    versionName=0.1.0\n")
    return pixel


def give_passport(model: Path, **change: Any) -> Path:
    """The model, and beside it a passport without golden pictures, with members changed."""
    document = json.loads(PASSPORT.read_text())
    document.update(golden=[], labels=[])
    document["file"].update(name=model.name, sha256=sha256(model.read_bytes()))
    document.update(change)
    passport.beside(model).write_text(json.dumps(document))
    return model


def test_the_app_times_where_there_is_no_program(with_app: Phone, small: Path) -> None:
    done = bench(give_passport(small), "--rounds", 2, "--runs", 4, "--warmup-runs", 1)
    assert done.exit_code == 0, done.output
    measured = Measurement.read(Path("it.json"))
    assert measured.protocol == Protocol(
        rounds=2, warmup_runs=1, runs=4, runtime="app", seconds=0, warmup_seconds=0
    )
    assert [run.samples_ns for run in measured.runs] == [(8200011, 8150012, 8300013, 8190014)] * 2
    assert {run.runtime_version for run in measured.runs} == {"0.1.0, TensorFlow Lite 2.16.1"}
    assert measured.device.android is not None and measured.device.android.cores == "ff"
    assert "raw samples: it.json" in done.stdout
    assert "app 0.1.0, TensorFlow Lite 2.16.1, 1 thread" in done.stdout
    start, stop, *_ = with_app.lines("started")
    assert re.fullmatch(
        r"start -W -S -n org.mobilecnn.demo/org.mobilecnn.demo.BenchmarkActivity --es run_id [0-9a-f]{32} --es model "
        r"/\S+/mobilecnn/models/[0-9a-f]{64}/[0-9a-f]{64}.tflite --es sha256 [0-9a-f]{64} --ei threads 1 "
        r"--ei warmup 1 --ei runs 4",
        start,
    )
    assert stop == "force-stop org.mobilecnn.demo"


def test_a_renamed_copy_times_under_its_own_name(with_app: Phone, small: Path) -> None:
    entries.write({"pixel": AdbEntry(app="com.example.lesions")})
    with_app.program(
        "pm",
        '[ "$2" = com.example.lesions ] && echo "package:/data/app/com.example.lesions/base.apk"; exit 0',
    )
    done = bench(give_passport(small), "--rounds", 1, "--runs", 4, "--warmup-runs", 1)
    assert done.exit_code == 0, done.output
    start, stop, *_ = with_app.lines("started")
    assert start.startswith(
        "start -W -S -n com.example.lesions/org.mobilecnn.demo.BenchmarkActivity --es run_id "
    )
    assert stop == "force-stop com.example.lesions"


@pytest.mark.parametrize("state", ["Asleep", "Dozing", "Dreaming"])
def test_a_phone_whose_screen_is_off_is_not_timed(with_app: Phone, small: Path, state: str) -> None:
    power = with_app.root / "dumpsys.power"
    power.write_text(f"POWER MANAGER\n  mWakefulness={state}\n  mWakefulnessChanging=false\n")
    done = bench(give_passport(small), "--rounds", 1, "--runs", 4, "--warmup-runs", 1)
    assert done.exit_code == 3 and f"the screen of pixel is off ({state})" in done.stderr, done.output
    assert "start -W" not in str(with_app.lines("started")) and not Path("it.json").exists()
    # It counts no less when it goes off meanwhile: the app has answered by then.
    power.write_text("  mWakefulness=Awake\n")
    with_app.program("app", RUNS + ANSWERS + f'echo "  mWakefulness={state}" >"$PHONE/dumpsys.power"\n')
    done = bench(give_passport(small), "--rounds", 1, "--runs", 4, "--warmup-runs", 1)
    assert done.exit_code == 3 and f"is off ({state})" in done.stderr, done.output


def test_what_the_app_reads_of_the_phone_is_kept(with_app: Phone, small: Path) -> None:
    """It is nearer to the timed part than what adb reads, and less."""
    says(with_app, thermal_status={"before": "none", "after": "moderate"})
    with AdbDevice("pixel", with_app.serial) as phone:
        answer = phone.time({**APP_JOB, "model": phone.put(give_passport(small))}, "that times", 60)
    run = record(Run, {**answer, "round": 0, "position": 0, "model": 0, "cooled": None})
    assert (run.before.thermal_status, run.after.thermal_status) == (0, 2)
    assert run.before.temperatures_c == {"thermal_zone0 cpu-big": 41.5, "battery": 31.5}
    assert run.before.frequencies_khz == {"cpu0": 1_800_000} and run.after.probe_ns == (7,) * 5
    assert (run.baseline_rss_bytes, run.peak_rss_bytes, run.warmup_ns) == (
        100_000_000,
        123_456_789,
        (8300001,),
    )


def test_without_a_thermal_status_adb_is_asked(with_app: Phone, small: Path) -> None:
    (with_app.root / "dumpsys.thermalservice").write_text("Thermal Status: 3\n")
    says(with_app, thermal_status={"before": None, "after": None})
    with AdbDevice("pixel", with_app.serial) as phone:
        answer = phone.time({**APP_JOB, "model": phone.put(give_passport(small))}, "that times", 60)
    assert answer["before"]["thermal_status"] == answer["after"]["thermal_status"] == 3


def test_the_app_judges_its_answers(with_app: Phone, small: Path) -> None:
    verdict = {"verdict": "differs", "reason": "other", "pictures": 3, "difference": None, "tolerance": 0.1}
    document = json.loads((with_app.root / "answer").read_text().splitlines()[1].split(" ", 3)[3])
    says(with_app, answers=verdict, run={**document["run"], "warmup_ns": [], "samples_ns": [1]})
    with AdbDevice("pixel", with_app.serial) as phone:
        job = {"task": "answer", "runtime": "app", "threads": 1, "model": phone.put(give_passport(small))}
        assert phone.answer(job, "that asks", 60) == {"judged": verdict}


def test_the_passport_travels_with_the_model(with_app: Phone, model: Path) -> None:
    with AdbDevice("pixel", with_app.serial) as phone:
        first = with_app.root / phone.put(give_passport(model))[1:]
        assert first.read_bytes() == model.read_bytes()
        for file, wanted in ((first, model), (first.with_suffix(".json"), passport.beside(model))):
            assert file.read_bytes() == wanted.read_bytes()
            # The app is another user there.
            assert file.stat().st_mode & 0o777 == 0o644
        for folder in (first.parent, first.parent.parent):
            assert folder.stat().st_mode & 0o777 == 0o755
        phone.put(model)
        assert len(with_app.pushed) == 2
        # The same model exported with other labels is another file to the app.
        second = with_app.root / phone.put(give_passport(model, labels=LABELS))[1:]
        assert json.loads(second.with_suffix(".json").read_text())["labels"] == LABELS
        assert json.loads(first.with_suffix(".json").read_text())["labels"] == []


def test_the_app_needs_the_passport(with_app: Phone, small: Path) -> None:
    failed(small, r"small.tflite has no passport small.json beside it, and the sample app on pixel", code=2)
    assert with_app.pushed == [] and with_app.lines("started") == []


@pytest.mark.parametrize(
    "typed", [["profile", "small.tflite"], ["search", "lenet", "--budget", "1s"], ["tune"]], ids=lambda row: row[0]
)  # fmt: skip
def test_the_app_times_no_single_operators(with_app: Phone, small: Path, typed: list[str]) -> None:
    """Which is said at once, and what is advised is an option of the command."""
    small.rename("small.tflite")
    done = CliRunner().invoke(cli, [*typed, "--device", "pixel"])
    assert done.exit_code == 2 and "give --benchmark-model PATH" in done.stderr, done.output
    assert with_app.pushed == [] and with_app.lines("started") == []
    assert "--benchmark-model" in CliRunner().invoke(cli, [typed[0], "--help"]).stdout


def test_what_the_app_refuses_is_told_by_the_names_here(with_app: Phone, small: Path) -> None:
    head = {"schema": app.SCHEMA, "version": app.VERSION, "run_id": "RUN_ID"}
    refusal = json.dumps({**head, "error": "ModelFileError", "message": "cannot run MODEL: too new"})
    (with_app.root / "answer").write_text(f"MOBILECNN RUN_ID 1/1 {refusal}\nMOBILECNN_DONE RUN_ID 2\n")
    failed(give_passport(small), r"on pixel: the app: cannot run \S+/small.tflite: too new", code=2)


@pytest.mark.parametrize(
    ("script", "kind", "words", "seconds"),
    [
        (
            RUNS + 'rm "$PHONE/alive"',
            ChildCrashed,
            "the app ended without an answer.*that times it.*logcat -b crash",
            60,
        ),
        (RUNS, ChildCrashed, "that times it took longer than 2 s", 2),
        (
            RUNS + ANSWERS + 'sed -i "/ 1.1 /d" "$PHONE/log"',
            EnvironmentProblem,
            "logged its end, and no answer",
            60,
        ),
        ("echo Error: no activity; exit 1", EnvironmentProblem, "ended with code 1: Error: no activity", 60),
        (
            ABSENT + "exit 0",
            EnvironmentProblem,
            "on pixel: org.mobilecnn.demo is a release build.*installDebug",
            60,
        ),
        (
            ABSENT + "exit 1",
            EnvironmentProblem,
            "on pixel: org.mobilecnn.demo is a release build.*installDebug",
            60,
        ),
    ],
)
def test_an_app_that_misbehaves(
    with_app: Phone, model: Path, script: str, kind: type[Exception], words: str, seconds: float
) -> None:
    with_app.program("app", script)
    with AdbDevice("pixel", with_app.serial) as phone, pytest.raises(kind, match=words) as caught:
        phone.time({**APP_JOB, "model": phone.put(give_passport(model))}, "that times it", seconds)
    assert type(caught.value) is kind
    assert with_app.lines("started")[-1] == "force-stop org.mobilecnn.demo"


def test_the_app_can_be_stopped_from_another_thread(with_app: Phone, model: Path) -> None:
    with_app.program("app", RUNS)  # It never answers.
    alive = with_app.root / "alive"
    with AdbDevice("pixel", with_app.serial) as phone:
        there = phone.put(give_passport(model))

        def stop() -> None:
            end = time.monotonic() + 60
            while not alive.exists() and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(2)  # Until it is waited for.
            phone.stop()

        with soon(stop), pytest.raises(EnvironmentProblem, match=r"was stopped|was ended by SIGKILL"):
            phone.time({**APP_JOB, "model": there}, "that times it", 300)
    assert not alive.exists()


def test_a_killed_command_stops_the_app(with_app: Phone, small: Path) -> None:
    with_app.program("app", RUNS)
    arguments = ["bench", str(give_passport(small)), "--device", "pixel", "-o", "it.json"]
    command = ["env", "--default-signal=INT", sys.executable, "-m", "mobilecnn", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            end = time.monotonic() + 60
            while not (with_app.root / "alive").exists():
                assert time.monotonic() < end
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)
        finally:
            process.kill()
    end = time.monotonic() + 60
    while (with_app.root / "alive").exists():
        assert time.monotonic() < end, "the guard does not stop the app"
        time.sleep(0.05)


def test_the_app_takes_no_cores(with_app: Phone, small: Path) -> None:
    failed(small, "--cores is for benchmark_model, and pixel has the sample app", "--cores", "big", code=2)


def test_devices_probe_finds_the_app(with_app: Phone) -> None:
    document = json.loads(devices("probe", "pixel", "--json").stdout)
    assert document["runtimes"] == {"benchmark_model": None, "app": "0.1.0"}


def test_devices_diagnose_goes_as_far_as_the_app_can(with_app: Phone) -> None:
    done = devices("diagnose", "pixel", "--json")
    assert done.exit_code == 0, done.output
    findings = json.loads(done.stdout)["findings"]
    assert {each["verdict"] for each in findings} == {"ok", "warning", "not tried"}
    assert any("the app runs files with passports" in each["what"] for each in findings)
    assert with_app.pushed == []
