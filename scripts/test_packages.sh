#!/bin/sh
# The tests time a model over SSH on this machine, with a server of their own on a free port of
# 127.0.0.1, and over adb with a stand-in for a phone. On Debian and Ubuntu this installs OpenSSH
# and adb where they are missing and it may.
set -eu
PATH=$PATH:/usr/sbin:/sbin

missing=""
command -v ssh >/dev/null 2>&1 && command -v ssh-keygen >/dev/null 2>&1 || missing="openssh-client"
command -v sshd >/dev/null 2>&1 || missing="$missing openssh-server"
command -v adb >/dev/null 2>&1 || missing="$missing adb"
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if ! command -v apt-get >/dev/null 2>&1 || { [ -n "$as_root" ] && ! $as_root true 2>/dev/null; }; then
    echo "test: OpenSSH or adb is missing. Install it (Debian, Ubuntu: sudo apt-get install$missing) and try again." >&2
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
echo "test: installing $missing" >&2
$as_root apt-get update -qq
# shellcheck disable=SC2086 # several packages, several words
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
