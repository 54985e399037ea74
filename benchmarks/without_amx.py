"""Run a command on an x86-64 processor with AMX as if it had none: XNNPACK then takes its kernels for AVX-512 with VNNI.

    python benchmarks/without_amx.py python benchmarks/lowering.py --mobile --lowering auto

A process asks Linux for AMX's registers before it uses them, and XNNPACK does without where that is refused. A seccomp filter refuses it here,
to the command and its children; all else is allowed. x86-64 Linux alone; elsewhere the exit code is 3.
"""

import ctypes
import os
import platform
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
"""Operations of the filter's language (BPF): load a word of the call, jump, answer."""
ALLOW, REFUSE = 0x7FFF0000, 0x00050001
"""Answers of the filter: go on; return the error EPERM."""
ARCH_PRCTL, ARCH_REQ_XCOMP_PERM = 158, 0x1023
"""Number of the system call on x86-64, and its request for registers."""
NUMBER, FIRST_ARGUMENT = 0, 16
"""Offsets in the description of a call, in bytes."""

FILTER = (
    (LOAD, 0, 0, NUMBER),
    (JUMP_IF_EQUAL, 0, 3, ARCH_PRCTL),
    (LOAD, 0, 0, FIRST_ARGUMENT),
    (JUMP_IF_EQUAL, 0, 1, ARCH_REQ_XCOMP_PERM),
    (RETURN, 0, 0, REFUSE),
    (RETURN, 0, 0, ALLOW),
)
"""Operation, steps to jump where it holds and where not, and constant of each line."""


class Line(ctypes.Structure):
    """``struct sock_filter`` of Linux."""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("holds", ctypes.c_ubyte),
        ("else_", ctypes.c_ubyte),
        ("constant", ctypes.c_uint32),
    )


class Program(ctypes.Structure):
    """``struct sock_fprog`` of Linux."""

    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.POINTER(Line)))


def main() -> int:
    """Become the command."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        print("NOT RUN: this refuses AMX on x86-64 Linux alone", file=sys.stderr)
        return 3
    libc = ctypes.CDLL(None, use_errno=True)
    lines = (Line * len(FILTER))(*(Line(*line) for line in FILTER))
    program = Program(len(FILTER), lines)
    for request in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*request) != 0:
            print(f"NOT RUN: no seccomp filter here: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
            return 3
    try:
        os.execvp(sys.argv[1], sys.argv[1:])
    except OSError as error:
        print(f"NOT RUN: {sys.argv[1]}: {error.strerror}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
