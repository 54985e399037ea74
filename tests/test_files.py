"""Nothing half-written, and child processes that end as they should."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from mobilecnn import errors, files
from mobilecnn.process import Child


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"old": 1})
    with pytest.raises(ValueError):
        files.write_json(path, {"new": float("nan")})
    with pytest.raises(RuntimeError), files.atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"old": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_written_file_has_ordinary_permissions(tmp_path: Path) -> None:
    files.write_text(tmp_path / "deep" / "a.txt", "text")
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "deep" / "a.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_writing_leaves_the_mask_of_the_process_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(mask: int) -> int:
        raise AssertionError("other threads, and the processes they start, would have this mask")

    monkeypatch.setattr(os, "umask", changed)
    files.write_text(tmp_path / "a.txt", "text")


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/dev/null/below"])
def test_an_unwritable_folder_is_one_clear_error(folder: str) -> None:
    with pytest.raises(errors.OutputError, match="choose another"):
        files.check_writable(Path(folder))
    with pytest.raises(errors.OutputError, match="cannot write"):
        files.write_text(Path(folder) / "a", "")


def script(body: str) -> list[str]:
    head = "from mobilecnn.process import serve\nfrom mobilecnn import errors\nimport os, time, sys\n"
    return [sys.executable, "-c", head + body]


def test_a_child_answers_and_its_prints_do_not_disturb() -> None:
    body = "def main(c):\n m = c.receive()\n print('noise', flush=True); os.write(1, b'native noise\\n')\n c.send(back=m['x'])\nserve(main)"
    with Child(script(body), "that echoes") as child:
        child.send({"x": [1, 2]})
        assert child.receive(120) == {"back": [1, 2]}


def test_a_childs_error_is_raised_as_its_own_class() -> None:
    with (
        Child(script("def main(c): raise errors.DataError('bad image')\nserve(main)"), "that fails") as child,
        pytest.raises(errors.DataError, match="bad image"),
    ):
        child.receive(120)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("def main(c): os.abort()\nserve(main)", "was ended by SIGABRT"),
        (
            "def main(c): raise KeyError('a bug')\nserve(main)",
            "ended with code 1; its last words: KeyError: 'a bug'",
        ),
        ("os.write(1, b'[1]\\n'); time.sleep(600)", "not its protocol"),
        ("os.write(1, b'garbage\\n'); time.sleep(600)", "not its protocol"),
        ("time.sleep(600)  # silence", "said nothing for 0.5 s"),
    ],
)
def test_a_crash_garbage_or_silence_is_told_as_such(body: str, words: str) -> None:
    with Child(script(body), "that misbehaves") as child, pytest.raises(errors.ChildCrashed, match=words):
        child.receive(0.5 if "silence" in body else 120)


NOISY = "import sys; sys.stdout.write('hello\\n' * {count} + '{{}}\\nMARK\\n' + '{{\"x\": 1}}\\n')"


def test_noise_before_the_mark_is_skipped() -> None:
    with Child([sys.executable, "-c", NOISY.format(count=1000)], "that greets", mark="MARK") as child:
        assert child.receive(120) == {"x": 1}


@pytest.mark.parametrize("noise", ["'hello\\n' * 300_000", "'x' * 3_000_000"])
def test_noise_without_end_is_stopped(noise: str) -> None:
    command = [sys.executable, "-c", f"import sys\nwhile True: sys.stdout.write({noise})"]
    with (
        Child(command, "that babbles", mark="MARK") as child,
        pytest.raises(errors.ChildCrashed, match="that babbles talks without end"),
    ):
        child.receive(120)


def test_a_signal_that_a_shell_passes_on_is_named() -> None:
    with (
        Child(["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], "that dies inside") as child,
        pytest.raises(errors.ChildCrashed, match="that dies inside was ended by SIGKILL"),
    ):
        child.receive(120)


def test_a_child_reads_a_file_in_place_of_messages(tmp_path: Path) -> None:
    (tmp_path / "in").write_text('{"x": 2}\n')
    with (tmp_path / "in").open("rb") as content, Child(["cat"], "that copies", stdin=content) as child:
        assert child.receive(120) == {"x": 2}


def test_leaving_the_block_ends_the_child() -> None:
    with pytest.raises(KeyboardInterrupt), Child(script("time.sleep(600)"), "that sleeps") as child:
        pid = child.pid
        raise KeyboardInterrupt
    for _ in range(1200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the child is still there")


def test_the_error_tree_has_the_documented_exit_codes() -> None:
    assert {name: kind.exit_code for name, kind in errors.BY_NAME.items()} == {
        "MobileCnnError": 2, "CheckFailed": 1, "UsageError": 2, "ModelNameError": 2, "InputError": 2,
        "ModelFileError": 2, "DataError": 2, "OutputError": 2, "EnvironmentProblem": 3, "ChildCrashed": 3,
    }  # fmt: skip


def test_several_files_appear_together(tmp_path: Path) -> None:
    contents = {tmp_path / "a.json": b"1", tmp_path / "inner" / "a.tflite": b"2"}
    files.write_together([contents])
    assert {path: path.read_bytes() for path in contents} == contents
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "inner"]


def test_no_file_appears_where_one_cannot(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(errors.OutputError, match="cannot write"):
        files.write_together([{tmp_path / "a.json": b"1", tmp_path / "file" / "a.tflite": b"2"}])
    with pytest.raises(errors.OutputError, match="cannot write"):
        files.write_together([{tmp_path / "file" / "a.json": b"1", tmp_path / "a.tflite": b"2"}])
    assert (tmp_path / "a.json").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "file"]


def test_a_name_that_cannot_be_taken_leaves_the_later_ones_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    (tmp_path / "a.tflite").write_bytes(b"old")
    with pytest.raises(errors.OutputError, match=r"cannot write .*a\.json"):
        files.write_together([{tmp_path / "a.json": b"1", tmp_path / "a.tflite": b"2"}])
    assert (tmp_path / "a.tflite").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.tflite"]
