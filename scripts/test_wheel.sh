#!/bin/sh
# Build the wheel, install it with the core alone into a new environment of another Python than
# .venv's, and run the quick tests there against what is installed.
#
# OTHER_PYTHON=/path/to/python3.13   the Python to take instead of the first that is found
# REQUIRE_OTHER_PYTHON=1             fail where there is no other; by default a warning says that
#                                    the wheel is tested on .venv's Python alone
set -eu
cd "$(dirname "$0")/.."

version() { # $1: a Python command; prints 3.12 if it runs and is one that mobilecnn supports
    "$1" -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) and print("%d.%d" % v)' 2>/dev/null || true
}

own=$(version .venv/bin/python)
python=""
# Those on the path, then those that pyenv keeps off it.
for candidate in ${OTHER_PYTHON:-python3.13 python3.12 python3.11 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.11*/bin/python}; do
    found=$(version "$candidate")
    if [ -n "$found" ] && [ "$found" != "$own" ] && "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    python=.venv/bin/python
    if [ -n "${REQUIRE_OTHER_PYTHON:-}" ]; then
        echo "test_wheel: no Python of 3.11, 3.12 and 3.13 but .venv's ($own) was found, and REQUIRE_OTHER_PYTHON is" >&2
        echo "test_wheel: set. Install one, or name it: OTHER_PYTHON=/path/to/python3.13." >&2
        exit 1
    fi
    echo "test_wheel: WARNING: no Python of 3.11, 3.12 and 3.13 but .venv's ($own) was found: the wheel is tested on" >&2
    echo "test_wheel: WARNING: that one alone. Install another, or name it: OTHER_PYTHON=/path/to/python3.13." >&2
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/mobilecnn-wheel.XXXXXX")
trap 'rm -rf "$folder"' EXIT
rm -rf build/lib build/bdist.*  # setuptools would pack what earlier builds left there.
.venv/bin/python -m build --wheel --no-isolation --outdir "$folder" . >"$folder/build.log" 2>&1 || {
    cat "$folder/build.log" >&2
    exit 1
}
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --constraint constraints.txt \
    "$folder"/mobilecnn-*.whl hypothesis pytest pytest-xdist scipy

# The tests, their settings, the pages and the scripts without the sources, so that only the wheel can be imported.
cp -R tests docs scripts README.md pyproject.toml "$folder"
cd "$folder"
unset PYTHONPATH
venv/bin/python -c "
import sys, mobilecnn
assert mobilecnn.__file__.startswith(sys.prefix), mobilecnn.__file__
print('test_wheel: mobilecnn', mobilecnn.__version__, 'installed on Python', sys.version.split()[0])
"
venv/bin/pytest --quick --ignore tests/test_structure.py -n "${WORKERS:-2}" -p no:cacheprovider "$@"
