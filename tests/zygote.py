"""Children that start at once: forks of a process that has imported what they need.

A case that loads a Keras model would spend its time on importing TensorFlow. Here one process imports it, and
for each child forks: the fork has the pipes of the child that the product wanted to start, and runs that
child's module, whole. What takes it down takes down nothing else.

    python zygote.py serve SOCKET MODULE...    imports the modules, then forks for whoever asks
    python zygote.py run SOCKET MODULE         hands its pipes over, and ends as the fork does
"""

import contextlib
import json
import os
import resource
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

MOST_MEMORY = 12 << 30
"""Bytes of address space of a fork: a case that needs more fails, and not the machine."""


MOST_ASKED = 1 << 18
"""Largest size in bytes of what is asked: a module, a folder, and the variables of the environment."""


def _serve(name: str, modules: list[str]) -> None:
    for module in modules:
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen(8)
        while True:
            asking, _ = server.accept()
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _watch(asking)
            asking.close()


def _watch(asking: socket.socket) -> None:
    """In the first fork: start the second, which is the child, and say how it ended."""
    content, pipes, _, _ = socket.recv_fds(asking, MOST_ASKED, 3)
    child = os.fork()
    if child == 0:
        asked = json.loads(content)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        for number, pipe in enumerate(pipes):
            os.dup2(pipe, number)
            os.close(pipe)
        asking.close()
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        code = 1
        try:
            sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - for good
            sys.argv = [asked["module"]]
            runpy.run_module(asked["module"], run_name="__main__")
            code = 0
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is said.
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(code)
    for pipe in pipes:
        os.close(pipe)
    asking.sendall(str(child).encode() + b"\n")
    # The product kills what it started, which is the one that waits for this answer.
    signal.set_wakeup_fd(-1)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        asking.settimeout(0.02)
        with contextlib.suppress(TimeoutError):
            if not asking.recv(1):
                os.kill(child, signal.SIGKILL)
                os._exit(0)
    with contextlib.suppress(OSError):
        asking.sendall(str(os.waitstatus_to_exitcode(status)).encode() + b"\n")
    os._exit(0)


def _run(name: str, module: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(name)
        asked = {"module": module, "folder": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109 - a fork's own.
        socket.send_fds(server, [json.dumps(asked).encode()], [0, 1, 2])
        # Else the product would not see the end of the fork's output.
        for number in (0, 1, 2):
            os.close(number)
        answer = b""
        while answer.count(b"\n") < 2 and (more := server.recv(100)):
            answer += more
        lines = answer.split(b"\n")
        code = int(lines[1]) if len(lines) > 2 else 1
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no other.
            signal.signal(-code, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), -code)
    os._exit(code)


@contextmanager
def zygote(folder: Path, *modules: str) -> Iterator[str]:
    """Start the process that forks; yields the name of its socket."""
    name = str(folder / "zygote")
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, "serve", name, *modules]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            if Path(name).exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        assert process.poll() is None and Path(name).exists()
        yield name
    finally:
        process.kill()
        process.wait()


def command(name: str, module: str) -> list[str]:
    """The command that runs ``module`` in a fork, in place of that of :func:`mobilecnn.process.python`."""
    return [sys.executable, "-S", "-E", __file__, "run", name, module]


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(sys.argv[2], sys.argv[3:])
    else:
        _run(sys.argv[2], sys.argv[3])
