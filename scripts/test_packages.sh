#!/bin/sh
# What the tests need beyond Python: zsh and fish, because they read the scripts of completion by them; OpenSSH, because
# they time a model over SSH on this machine, with a server of their own on a free port of 127.0.0.1; adb, because they time one on a stand-in
# for a phone; a JDK, Maven and Debian's Android tools, because they build the sample app; QEMU, a C
# compiler, Debian's keys, binutils for arm64 and LLVM, because they count what the runtimes' arm64 builds
# execute, and model how long that takes; Chromium, because they look at the pages in a browser. On Debian and Ubuntu
# this installs what is missing, if it may; Chromium on Debian alone, for Ubuntu has it as a snap.
set -eu
PATH=$PATH:/usr/sbin:/sbin

missing=""
need() { # a package, then the programs that it brings
    package=$1
    shift
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || { missing="$missing $package"; break; }
    done
}
need zsh zsh
need fish fish
need openssh-client ssh ssh-keygen
need openssh-server sshd
need adb adb
need default-jdk-headless java javac keytool
need maven mvn
need aapt aapt aapt2
need apksigner apksigner
need zipalign zipalign
need dexdump dexdump
need binutils readelf
need qemu-user qemu-aarch64
need gcc cc
need llvm-19 llvm-mca-19 llvm-mc-19
need binutils-aarch64-linux-gnu aarch64-linux-gnu-objdump
browser=""
for program in chromium chromium-browser google-chrome; do # As BROWSERS in benchmarks/page_speed.py.
    command -v "$program" >/dev/null 2>&1 && browser=$program
done
[ -n "$browser" ] || ! grep -qs '^ID=debian' /etc/os-release || missing="$missing chromium"
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if ! command -v apt-get >/dev/null 2>&1 || { [ -n "$as_root" ] && ! $as_root true 2>/dev/null; }; then
    echo "test: packages are missing. Install them (Debian, Ubuntu: sudo apt-get install$missing) and try again." >&2
    exit 3
fi
# The tests start the server themselves. That of the system shall not begin to listen because of them.
if [ -d /run/systemd/system ]; then
    case "$missing" in *openssh-server*)
        $as_root systemctl mask ssh.service ssh.socket >/dev/null 2>&1
        echo "test: the system's own SSH server stays off (systemctl unmask ssh.service ssh.socket to change that)" >&2
        ;;
    esac
fi
echo "test: installing$missing" >&2
$as_root apt-get update -qq
# shellcheck disable=SC2086 # each package a word
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
