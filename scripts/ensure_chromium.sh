#!/bin/sh
# Sees to it that a Chromium is there for the browser tests: the one named by MUXVIZ_CHROMIUM, one
# on PATH, or one from the system's package manager if that works without a question. Never fails:
# without a browser those tests are skipped and everything else runs.

browser_starts() {
    for name in chromium chromium-browser google-chrome; do
        # Started, not just found: Ubuntu ships a `chromium-browser` that only advertises a snap.
        "$name" --version >/dev/null 2>&1 && return 0
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

install_browser() {
    echo "No Chromium found for the browser tests; trying to install one."
    if command -v apt-get; then
        as_root timeout 120 apt-get update -qq &&
            as_root timeout 600 env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends chromium
    elif command -v dnf; then
        as_root timeout 600 dnf install -y -q chromium
    elif command -v brew; then
        NONINTERACTIVE=1 brew install --quiet --cask chromium
    fi
} </dev/null >&2

if [ -n "${MUXVIZ_CHROMIUM:-}" ]; then
    "$MUXVIZ_CHROMIUM" --version >/dev/null 2>&1 && exit 0
    echo "MUXVIZ_CHROMIUM=$MUXVIZ_CHROMIUM does not start." >&2
elif browser_starts; then
    exit 0
else
    install_browser
    browser_starts && exit 0
fi

cat >&2 <<'END'
Browser tests will be SKIPPED: no Chromium to run them in. To run them, install one:
    Debian, Ubuntu   sudo apt-get install chromium
    Fedora           sudo dnf install chromium
    macOS            brew install --cask chromium
or point MUXVIZ_CHROMIUM at the program of a Chromium or Chrome that is installed already.
END
exit 0
