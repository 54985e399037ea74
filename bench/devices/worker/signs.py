"""The failures of foreign tools that are known: what each looks like, what it means, and what mends it."""

from __future__ import annotations

from mobilecnn.bench.devices.worker.causes import (
    ANOTHER_PYTHON,
    Sign,
    Tool,
    advised,
    first,
    of_pip,
    of_traceback,
    parts_of_pip,
    parts_of_python,
)

SYSTEM = (
    Sign(
        "read-only", r"Read-only file system",
        "a file system of {name} is read-only",
        "findmnt -T {folder} tells which. Where it is an SD card that failed, the kernel says so (sudo dmesg); else make it "
        "writable (sudo mount -o remount,rw and its TARGET, on {name}; with raspi-config's overlay switch that off), or lay "
        "a folder in memory over yours (sudo mount -t tmpfs tmpfs {folder})",
    ),
    Sign(
        "no-room", r"No space left on device|ENOSPC|not enough space|INSUFFICIENT_STORAGE",
        "there is no room on {name}", "free some; look with: df -h; df -i",
    ),
    Sign("quota", r"[Qq]uota exceeded", "the quota of the user on {name} is used up", "free some room; look with: quota -s"),
    Sign(
        "file-limit", r"File too large|File size limit exceeded|SIGXFSZ",
        "a limit keeps files on {name} small", "raise it there; look with: ulimit -f",
    ),
    Sign(
        "not-a-folder", r"(?:mkdir|mktemp)[^\n]*(?:Not a directory|File exists)",
        "a file is where a folder is needed on {name}", "move it away",
    ),
    Sign("disk-fault", r"Input/output error|Structure needs cleaning|Stale file handle",
         "the disk of {name} fails", "look at the kernel's messages there (sudo dmesg), and use another SD card"),
    Sign("processes", r"[Cc]annot fork|[Cc]an't fork|fork: retry|fork: Resource temporarily|can't start new thread",
         "{name} starts no more processes", "end some there, or raise the limit; look with: ulimit -u"),
    Sign("files-open", r"Too many open files", "a limit on open files is reached on {name}",
         "raise it there; look with: ulimit -n"),
    Sign("killed", r"ended by SIGKILL|died with <Signals\.SIGKILL|^Killed$",
         "it was killed there, as Linux does where memory is short",
         "look at the kernel's messages there (sudo dmesg), and end other programs"),
    Sign("no-memory", r"Cannot allocate memory|MemoryError|Out of memory",
         "{name} has not enough memory", "end other programs there, or add swap (sudo fallocate -l 1G /swap && "
         "sudo chmod 600 /swap && sudo mkswap /swap && sudo swapon /swap)"),
)  # fmt: skip
"""Signs of a disk, or of a system, that is full or failing."""

# How a shell begins its line, with the name that it was started by: "bash: line 1: ", "sh: 1: ", "zsh:1: ",
# "/bin/sh: ", "-sh: "; csh says nothing before it.
_BY = r"^(?:(?:\w+: )?[\w./-]*sh\d*(?:\[\d+\])?: ?(?:line )?(?:\d+: ?)?(?:exec: )?)"
_PROGRAM = r"(?P<program{}>[^\s:'\"‘’]+)"

STARTING = (
    Sign(
        "no-loader",
        rf"{_BY}{_PROGRAM.format('')}: (?:cannot execute: required file not found|[^\n]*bad interpreter: No such file)",
        "{program} on {name} was made for a system or a Python that is not there",
        "make the environment anew: mobilecnn devices setup {name}; or " + ANOTHER_PYTHON,
    ),
    Sign(
        "not-executable",
        rf"{_BY}(?P<program>[^\n:]*(?:/s?bin/|python)[^\n:]*): (?:can't execute: |cannot execute(?:: | \[))?Permission denied|"
        rf"^[\w./-]*zsh:\d*:? permission denied: (?P<program_2>[^\n]*(?:/s?bin/|python)[^\n]*)$|"
        r"^fish: [^\n']*'(?P<program_3>[^'\n]+)' exists but is not an executable file|"
        r"^(?P<program_4>/[^\n:]*(?:/s?bin/|python)[^\n:]*): Permission denied\.$|"
        r"^(?:env|nice|nohup|taskset|timeout|time|exec): (?:failed to (?:run command|execute) |can't execute )?"
        r"[‘'\"]?(?P<program_5>[^\n:‘’'\"]+)[’'\"]?: Permission denied",
        "{program} on {name} may not be run by its user",
        "look with: ls -lL {program}; where it has no x, sudo chmod +x {program}; where it has one, its file system may be "
        "mounted noexec (findmnt -T {program} says so): " + ANOTHER_PYTHON,
    ),
    Sign(
        "no-program",
        rf"{_BY}{_PROGRAM.format('')}: (?:command not found|(?:inaccessible or )?not found)$|"
        rf"^[\w./-]*zsh:(?:\d+:)? command not found: {_PROGRAM.format('_2')}|"
        rf"^(?:fish: )?Unknown command:? '?{_PROGRAM.format('_3')}|"
        rf"^{_PROGRAM.format('_4')}: Command not found\.$|"
        rf"^(?:\S*/)?(?:env|nice|nohup|taskset|timeout|time|exec): (?:failed to (?:run command|execute) |can't execute )?"
        rf"[‘'\"]?{_PROGRAM.format('_5')}[’'\"]?: (?:No such file or directory|not found)|"
        r"^(?:\w+: )?[\w./-]*sh: (?:line )?(?:\d+: )?(?P<program_6>/[^\n:]*(?:/s?bin/|python)[^\n:]*): No such file or directory|"
        r"^[\w./-]*zsh:(?:\d+:)? no such file or directory: (?P<program_7>/[^\n]*(?:/s?bin/|python)[^\n]*)$",
        "there is no {program} on {name}", "{installing}",
    ),
)  # fmt: skip
"""Signs of a program that a shell does not start, in the words of bash, dash, BusyBox, ksh, mksh, zsh, fish and csh."""

DENIED = (
    Sign(
        "not-yours",
        r"^(?:mkdir|mktemp|mv|cp|rm|ln|touch|tee|chmod|cat|tar|unzip|readlink): [^\n]*(?:Permission denied|Operation not permitted)|"
        r"^[^\n]*(?:cannot create |can't create |create: |cannot create \[)[^\n]*(?:Permission denied|Operation not permitted)|"
        rf"{_BY}/[^\n:]*: Permission denied|^[\w./-]*zsh:(?:\d+:)? permission denied: /",
        "its user may not write there",
        "look whose it is (ls -ld {folder}), and where it shall be that user's: sudo chown -R \"$(id -un)\" {folder} on {name}",
    ),
)  # fmt: skip
"""Signs of a folder that the user may not write to."""

GLIBC = Sign(
    "glibc", r"version [`'\"](?P<needed>(?:GLIBC(?:XX)?|CXXABI|GCC)_[0-9.]+)['\"] not found",
    "it is built for a newer system than that of {name}, and needs {needed}",
    "take a version that fits, or a newer system",
)  # fmt: skip

LOADING = (
    Sign(
        "instructions", r"ended by SIGILL|Illegal instruction",
        "it uses instructions that the processor of {name} does not have",
        "mobilecnn devices setup {name} looks for a version that runs there",
    ),
    GLIBC,
    Sign(
        "musl", r"Error loading shared library (?:ld-linux[\w.-]*|libc\.so\.6)|Error relocating [^\n]*: symbol not found|"
        r"ld-musl[^\n]*: Not a valid dynamic program",
        "it is built for the GNU C library, and {name} has musl (Alpine, postmarketOS)",
        "the runtimes need the GNU C library: use Raspberry Pi OS, Debian or Ubuntu there",
    ),
    Sign(
        "static-tls", r"(?P<library>[^\s:]+): cannot allocate memory in static TLS block",
        "the loader has no static thread-local storage left for {library}, which is loaded late",
        "load it first: LD_PRELOAD={library} before the command; on a board, a file ~/python of the two lines #!/bin/sh and exec env "
        "LD_PRELOAD={library} {python} \"$@\", then chmod +x ~/python, and here: mobilecnn devices add NAME --host HOST --python '~/python'",
    ),
    Sign(
        "pages", r"(?:ELF load command (?:alignment|address/offset)|program alignment)[^\n]*(?:not (?:page-aligned|properly aligned)|smaller than system page size)",
        "it is built for memory pages of 4 KB, and those of {name} are larger",
        "take a build for pages of 16 KB; a Raspberry Pi 5 has pages of 4 KB with kernel=kernel8.img in "
        "/boot/firmware/config.txt, after a restart",
    ),
    Sign(
        "noexec", r"failed to map segment from shared object|[^\n]*\.so[^\n]*: Operation not permitted",
        "programs may not run in that folder: its file system is mounted noexec",
        "mount it without (findmnt tells its TARGET: sudo mount -o remount,exec TARGET, on {name}), or " + ANOTHER_PYTHON,
    ),
    Sign(
        "other-machine", r"wrong ELF class|invalid ELF header|file too short|Exec format error|not executable: [^\n]*ELF",
        "a file of it is damaged, or for another kind of machine", "install it anew: {install}",
    ),
    Sign(
        "library", r"(?P<library>lib[\w.+-]+?\.so(?:\.[0-9.]*[0-9])?): cannot open shared object file",
        "the library {library} is missing", "install it there: {package}",
    ),
    Sign(
        "numpy-2", r"compiled using NumPy 1\.x cannot be run|_ARRAY_API not found|against ABI version 0x1\w+ but this version of numpy is 0x2",
        "it is built for numpy 1, and there is numpy 2", "install numpy 1 beside it, or a newer version of it: {python} -m pip install 'numpy<2'",
    ),
    Sign(
        "numpy-old", r"compiled against A[BP]I version 0x[0-9a-f]+ but this version of numpy is 0x",
        "it is built for a newer numpy than there is on {name}", "install a newer one: {python} -m pip install --upgrade 'numpy<2'",
    ),
    Sign(
        "numpy-other", r"numpy\.core\.multiarray failed to import",
        "it is built for another numpy than there is on {name}", "install numpy anew beside it: {python} -m pip install --upgrade 'numpy<2'",
    ),
    Sign(
        "other-python", r"No module named '?numpy\.(?:_?core)\._multiarray_umath|cpython-3\d+-[^\n]*incompatible",
        "numpy there is built for another version of Python", "install it anew for this one: {install}",
    ),
)  # fmt: skip
"""Signs of a program or library that the system's loader refuses."""

NETWORK = (
    Sign(
        "no-ssl", r"ssl module (?:in Python )?is not available|No module named '?_ssl",
        "the Python of {name} was built without SSL, which the package server needs",
        "take the system's own (sudo apt-get install python3 python3-venv), or " + ANOTHER_PYTHON,
    ),
    Sign(
        "clock", r"certificate is not yet valid",
        "the clock of {name} is slow: to it the server's certificate is not yet valid",
        "set it: ssh -t {host} \"sudo date -s @$(date +%s)\"; for good: sudo timedatectl set-ntp true there",
    ),
    Sign(
        "certificate-expired", r"certificate has expired",
        "to {name} the server's certificate has expired: its clock is fast, or its certificates are old",
        "compare the clock (date); sudo apt-get update && sudo apt-get install --only-upgrade ca-certificates there",
    ),
    Sign(
        "certificate", r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|self.signed certificate|"
        r"[Cc]ould not find a suitable TLS CA certificate bundle",
        "{name} does not trust the server's certificate",
        "sudo apt-get install ca-certificates there; behind a proxy that opens connections, its certificate too "
        "(pip config set global.cert FILE)",
    ),
    Sign(
        "proxy-login", r"407 Proxy Authentication Required|Proxy Authentication Required",
        "the proxy that {name} is to use wants a user and a password",
        "there: pip config set global.proxy http://USER:PASSWORD@HOST:PORT (a letter such as @ in the password as %40)",
    ),
    Sign(
        "proxy", r"ProxyError|Tunnel connection failed|Cannot connect to proxy|proxy URL",
        "the proxy that {name} is to use does not let it through",
        "correct it there: pip config set global.proxy http://HOST:PORT, or https_proxy in the environment",
    ),
    Sign(
        "no-name-server", r"name resolution|Name or service not known|Name does not resolve|Could not resolve host|No address associated",
        "{name} resolves no names: it has no network, or no name server",
        "connect it; look with: getent hosts pypi.org",
    ),
    Sign(
        "no-network",
        r"Network is unreachable|No route to host|Connection refused|[Tt]imed out|[Tt]imeout|"
        r"NewConnectionError|RemoteDisconnected|Connection (?:reset|broken|aborted)|IncompleteRead|Failed to establish|"
        r"incomplete-download|not enough bytes were received",
        "{name} does not reach the server", "check its network, and try again",
    ),
    Sign(
        "index", r"40[13] Client Error|5\d\d Server Error|HTTPError: |status code 40[13]",
        "the package server refuses {name}", "look at its pip's settings (pip config list)",
    ),
    Sign(
        "index-not-trusted", r"The repository located at \S+ is not a trusted or secure host",
        "pip takes nothing from the package server that {name} is to use: its address is not https",
        "correct it there: pip config set global.index-url https://...; look with: pip config list",
    ),
)  # fmt: skip
"""Signs of a network that does not lead to a server."""

_PIP_LOADING = advised(
    LOADING,
    {sign.code: sign.fix for sign in LOADING}
    # What fails is the Python there: another version of a runtime would not help.
    | dict.fromkeys(("instructions", "glibc", "other-machine"), ANOTHER_PYTHON),
)

PIP = Tool(
    of_pip,
    (
        Sign(
            "externally-managed", r"externally-managed-environment",
            "the system of {name} keeps pip out of its Python",
            "an environment may be changed: mobilecnn devices setup {name} makes one",
        ),
        Sign(
            "no-venv", r"ensurepip is not|No module named '?(?:ensurepip|venv)|python3-venv",
            "the Python of {name} has no venv module", "sudo apt-get install python3-venv there",
        ),
        Sign("no-pip", r"No module named '?pip\b", "{python} has no pip", "sudo apt-get install python3-pip there"),
        *SYSTEM,
        *STARTING,
        Sign(
            "not-yours", r"\[Errno 13\] Permission denied: '(?P<file>[^'\n]+)'",
            "its user may not write to {file}",
            "look whose it is: ls -ld {file}; where it is that of an environment of ours, make it that user's: sudo chown -R "
            "\"$(id -un)\" ~/.local/share/mobilecnn on {name}",
        ),
        *DENIED,
        *NETWORK,
        Sign(
            "hash", r"DO NOT MATCH THE HASHES|Wheel '[^'\n]*' located at [^\n]* is invalid|BadZipFile",
            "a download is damaged, or was changed on its way",
            "try again; where that does not help, empty pip's cache there: {python} -m pip cache purge",
        ),
        Sign(
            "no-wheel", r"No matching distribution found for (?P<package>[^\s(]+)|is not a supported wheel",
            "there is no such package for the Python of {name}", "choose another version or runtime",
        ),
        *_PIP_LOADING,
        Sign(
            "no-pip-in-it", r"ensurepip'[^\n]*returned non-zero exit status",
            "pip could not be put into the new environment",
            "look for room (df -h) and memory (free -m) there; {python} -m venv FOLDER --without-pip && "
            "FOLDER/bin/python -m ensurepip shows why",
        ),
    ),
    parts_of_pip,
)  # fmt: skip
"""pip, and the venv module."""

PYTHON = Tool(of_traceback, (*LOADING, *STARTING, *SYSTEM), parts_of_python)
"""A Python, its packages and the loader that they use."""

SHELL = Tool(
    first,
    (
        *SYSTEM, *STARTING, *DENIED,
        Sign("not-whole", r"it did not arrive whole", "the file changed on its way, or while it was read", "try again"),
    ),
)  # fmt: skip
"""A shell, and the small programs that it starts."""
