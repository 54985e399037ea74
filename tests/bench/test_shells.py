"""What shells say where they cannot do something, as they say it, and the cause that is found in it."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mobilecnn.bench.devices.worker.causes import Tool, find
from mobilecnn.bench.devices.worker.signs import PIP, PYTHON, SHELL

NO_PYTHON = r"^there is no python3 on pi \(.*; install it there \(Debian: sudo apt-get install python3\), or name another Python: "
NOT_RUN = r"^/opt/py/bin/python3 on pi may not be run by its user \(.*ls -lL /opt/py/bin/python3; .*findmnt -T /opt/py/bin/python3"
GONE = r"^there is no /opt/py/bin/python3 on pi \(.*; name another Python: mobilecnn devices add"
NOT_WRITTEN = (
    r"^its user may not write there \(.*ls -ld /opt/py.*sudo chown -R \"\$\(id -un\)\" /opt/py on pi$"
)

SAID = [
    # There is no such program.
    ("bash: line 1: python3: command not found", "no-program", NO_PYTHON),
    ("bash: python3: command not found", "no-program", NO_PYTHON),
    ("-bash: python3: command not found", "no-program", NO_PYTHON),
    ("/home/pi/it.sh: line 3: python3: command not found", "no-program", NO_PYTHON),
    ("bash: line 1: exec: python3: not found", "no-program", NO_PYTHON),
    ("sh: 1: python3: not found", "no-program", NO_PYTHON),
    ("dash: 1: exec: python3: not found", "no-program", NO_PYTHON),
    ("-sh: python3: not found", "no-program", NO_PYTHON),
    ("sh: python3: not found", "no-program", NO_PYTHON),
    ("ash: python3: not found", "no-program", NO_PYTHON),
    ("/bin/ksh93: python3: not found", "no-program", NO_PYTHON),
    ("E: /bin/mksh: python3: inaccessible or not found", "no-program", NO_PYTHON),
    ("/system/bin/sh: python3: inaccessible or not found", "no-program", NO_PYTHON),
    ("zsh:1: command not found: python3", "no-program", NO_PYTHON),
    ("zsh: command not found: python3", "no-program", NO_PYTHON),
    ("fish: Unknown command: python3\npython3 --version\n^~~~~~^", "no-program", NO_PYTHON),
    ("fish: Unknown command 'python3'", "no-program", NO_PYTHON),
    ("Unknown command: python3", "no-program", NO_PYTHON),
    ("python3: Command not found.", "no-program", NO_PYTHON),
    ("env: 'python3': No such file or directory", "no-program", NO_PYTHON),
    ("/usr/bin/env: ‘python3’: No such file or directory", "no-program", NO_PYTHON),
    ("env: can't execute 'python3': No such file or directory", "no-program", NO_PYTHON),
    ("nohup: failed to run command 'python3': No such file or directory", "no-program", NO_PYTHON),
    ("\x1b[31mzsh:1: command not found: python3\x1b[0m\r", "no-program", NO_PYTHON),
    ("Welcome to pi!\r\nsh: 1: python3: not found\r\n", "no-program", NO_PYTHON),
    ("sh: 1: sha256sum: not found", "no-program", r"no sha256sum on pi.*\(Debian: sudo apt-get install coreutils\)$"),
    ("bash: line 1: taskset: command not found", "no-program", r"no taskset on pi.*apt-get install util-linux\)$"),
    ("zsh:1: command not found: python3.11", "no-program", r"no python3\.11 on pi.*apt-get install python3\)"),
    # Nor at that path.
    ("bash: line 1: /opt/py/bin/python3: No such file or directory", "no-program", GONE),
    ("sh: 1: /opt/py/bin/python3: not found", "no-program", GONE),
    ("sh: /opt/py/bin/python3: not found", "no-program", GONE),
    ("zsh:1: no such file or directory: /opt/py/bin/python3", "no-program", GONE),
    ("fish: Unknown command: /opt/py/bin/python3", "no-program", GONE),
    ("/opt/py/bin/python3: Command not found.", "no-program", GONE),
    # It is there, and may not be run.
    ("bash: line 1: /opt/py/bin/python3: Permission denied", "not-executable", NOT_RUN),
    ("sh: 1: /opt/py/bin/python3: Permission denied", "not-executable", NOT_RUN),
    ("sh: /opt/py/bin/python3: Permission denied", "not-executable", NOT_RUN),
    ("E: /bin/mksh: /opt/py/bin/python3: can't execute: Permission denied", "not-executable", NOT_RUN),
    ("/bin/ksh93: /opt/py/bin/python3: cannot execute [Permission denied]", "not-executable", NOT_RUN),
    ("zsh:1: permission denied: /opt/py/bin/python3", "not-executable", NOT_RUN),
    ("fish: Unknown command. '/opt/py/bin/python3' exists but is not an executable file.", "not-executable", NOT_RUN),
    ("/opt/py/bin/python3: Permission denied.", "not-executable", NOT_RUN),
    ("env: '/opt/py/bin/python3': Permission denied", "not-executable", NOT_RUN),
    ("bash: line 1: /opt/my py/bin/python3: Permission denied", "not-executable", r"ls -lL '/opt/my py/bin/python3'; "),
    ("bash: line 1: /opt/py/bin/pip: cannot execute: required file not found", "no-loader", "devices setup pi"),
    ("bash: /opt/py/bin/pip: /opt/gone/bin/python3: bad interpreter: No such file or directory", "no-loader", "devices setup pi"),
]  # fmt: skip
"""What a shell says of a program that it is to start, the sign that is found, and what is said of it."""


@pytest.mark.parametrize("tool", [SHELL, PYTHON, PIP], ids=["shell", "python", "pip"])
@pytest.mark.parametrize(("said", "code", "words"), SAID)
def test_a_program_that_a_shell_does_not_start(tool: Tool, said: str, code: str, words: str) -> None:
    cause = find(tool, said, name="pi")
    assert cause.code == code and re.search(words, str(cause)), str(cause)


@pytest.mark.parametrize(
    "said",
    [
        "bash: line 1: /opt/py/it: Permission denied",
        "dash: 1: cannot create /opt/py/it: Permission denied",
        "sh: can't create /opt/py/it: Permission denied",
        "W: /bin/mksh: /opt/py/it: create: Permission denied",
        "/bin/ksh93: /opt/py/it: cannot create [Permission denied]",
        "zsh:1: permission denied: /opt/py/it",
        "mkdir: cannot create directory '/opt/py/it': Permission denied",
        "mkdir: can't create directory '/opt/py/it': Permission denied",
        "mktemp: failed to create directory via template '/opt/py/it.XXXX': Permission denied",
        "mktemp: (null): Permission denied",
        "mv: cannot move '/opt/py/a' to '/opt/py/b': Permission denied",
        "mv: can't rename '/opt/py/a': Permission denied",
        "chmod: changing permissions of '/opt/py': Operation not permitted",
        "tee: /opt/py/it: Permission denied\r\n",
    ],
)
@pytest.mark.parametrize("tool", [SHELL, PIP], ids=["shell", "pip"])
def test_a_folder_that_a_user_may_not_write_to(tool: Tool, said: str) -> None:
    cause = find(tool, said, name="pi", folder="/opt/py")
    assert cause.code == "not-yours" and re.search(NOT_WRITTEN, str(cause)), str(cause)


REAL = [[name] for name in ("sh", "bash", "dash", "zsh", "ksh", "mksh") if shutil.which(name)]
REAL += [["busybox", "sh"]] if shutil.which("busybox") else []
"""The shells of this machine."""


@pytest.mark.parametrize("shell", REAL, ids="-".join)
@pytest.mark.parametrize("how", ["absent", "gone", "not executable"])
def test_real_shells(shell: list[str], how: str, tmp_path: Path) -> None:
    path = tmp_path / "bin" / "python3"
    path.parent.mkdir()
    if how == "not executable":
        path.write_text("#!/bin/sh\n")
        path.chmod(0o600)
    program = "python3" if how == "absent" else str(path)
    variables = {"PATH": str(tmp_path), "LC_ALL": "C"}
    (begin, *rest) = shell
    command = [shutil.which(begin) or begin, *rest, "-c", f"{program} --version"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode in (126, 127)
    for tool in (SHELL, PYTHON, PIP):
        cause = find(tool, done.stderr, name="pi")
        assert cause.code == ("not-executable" if how == "not executable" else "no-program"), done.stderr
        assert str(cause).startswith(
            f"there is no {program} on pi" if how != "not executable" else f"{program} on pi may not be run"
        )


@pytest.mark.parametrize("shell", REAL, ids="-".join)
@pytest.mark.parametrize("action", ["echo x >{}/it", "mkdir {}/it", "mktemp -d {}/it.XXXXXX"])
def test_real_shells_that_may_not_write(shell: list[str], action: str, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o500)
    nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [*shell, "-c", action.format(folder)],
        env={**os.environ, "LC_ALL": "C"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **nobody,
    )
    assert find(SHELL, done.stderr).code == "not-yours", done.stderr
