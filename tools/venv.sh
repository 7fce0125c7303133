#!/bin/sh
# Makes sure that .venv is a working virtual environment of this folder and that uv can be had.
# A .venv that was moved or copied from elsewhere names its old place in every script, so it is made anew.
set -eu

say() { printf '%s\n' "$*" >&2; }

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# Prints the first Python of at least 3.11: $PYTHON, then python3, then the versions by name.
find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if path=$(command -v "$candidate") && fits "$path"; then
            printf '%s\n' "$path"
            return
        fi
    done
    say "Saleswright needs Python 3.11 or newer; none was found. Name one with: make PYTHON=/path/to/python3"
    return 1
}

belongs_here() {
    [ -x .venv/bin/python ] && fits .venv/bin/python &&
        grep -q -F -e "$(pwd -P)/.venv" -e "$(pwd)/.venv" .venv/bin/activate 2>/dev/null
}

is_debian() { [ -r /etc/debian_version ] && command -v apt-get >/dev/null; }

# Debian keeps venv's pip in a package of its own.
ensure_venv_module() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 && return
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if is_debian && [ "$(id -u)" = 0 ]; then
        say "Installing python${version}-venv ..."
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q >&2
        apt-get install -y -q --no-install-recommends "python${version}-venv" >&2
    elif is_debian; then
        say "This Python cannot make virtual environments yet. Run this once, then repeat make:"
        say "    sudo apt-get install -y python${version}-venv"
        return 1
    else
        say "$1 has no venv module (ensurepip is missing); install it, or name another one: make PYTHON=..."
        return 1
    fi
}

if ! belongs_here; then
    python=$(find_python)
    rm -rf .venv
    if command -v uv >/dev/null; then
        uv venv --quiet --no-config --python "$python" .venv
    else
        ensure_venv_module "$python"
        "$python" -m venv .venv
    fi
fi

if ! command -v uv >/dev/null && [ ! -x .venv/bin/uv ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check uv
fi
