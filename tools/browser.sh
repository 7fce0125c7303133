#!/bin/sh
# Prints the path of a Chromium or Chrome for the browser tests, or nothing where there is none.
# `browser.sh install` first installs Debian's chromium when there is none and this is root on Debian.
set -eu

find_browser() {
    for candidate in ${SALESWRIGHT_BROWSER:-} chromium chromium-browser google-chrome google-chrome-stable chrome; do
        if command -v "$candidate"; then
            return
        fi
    done
    for folder in /Applications "${HOME:-}/Applications"; do
        for name in "Google Chrome" Chromium; do
            if [ -x "$folder/$name.app/Contents/MacOS/$name" ]; then
                printf '%s\n' "$folder/$name.app/Contents/MacOS/$name"
                return
            fi
        done
    done
}

can_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && grep -q '^ID=debian' /etc/os-release 2>/dev/null
}

browser=$(find_browser)
if [ -z "$browser" ] && [ "${1:-}" = install ] && can_install; then
    echo "Installing chromium for the browser tests ..." >&2
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -q >&2 && apt-get install -y -q --no-install-recommends chromium >&2; then
        browser=$(find_browser)
    fi
fi
if [ -n "$browser" ]; then
    printf '%s\n' "$browser"
fi
