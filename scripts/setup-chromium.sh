#!/usr/bin/env bash
# Gives a machine a headless Chromium for the tests of the run viewer, where it has none.
#
#   scripts/setup-chromium.sh
#
# Where a Chromium is on the PATH it does nothing. Otherwise it installs the distribution's own package with apt, and the
# fonts that the page's text is drawn with. Safe to run again; root or sudo.
set -euo pipefail

say() { printf 'setup-chromium: %s\n' "$*"; }
fail() { printf 'setup-chromium: %s\n' "$*" >&2; exit 1; }

find_browser() {
  local name
  for name in chromium chromium-browser google-chrome-stable google-chrome; do
    command -v "$name" && return 0
  done
  return 1
}

# A browser that is there but does not start is no browser; its version is the least it can say.
probe() { "$1" --version --no-sandbox 2>/dev/null | tail -n 1; }

if found="$(find_browser)"; then
  say "browser present: $found ($(probe "$found"))"
  exit 0
fi
say 'no Chromium on the PATH; installing one'

command -v apt-get >/dev/null || fail 'this system has no apt; install Chromium by its own package manager'

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "root is needed for: $* (no sudo here)"; fi
}
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 "$@"; }

apt update -qq || fail 'apt-get update failed; is the mirror reachable?'
apt install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null || fail 'apt could not install chromium'

found="$(find_browser)" || fail 'chromium is installed, but is not on the PATH'
version="$(probe "$found")"
[ -n "$version" ] || fail "$found is installed, but does not start"
say "browser ready: $found ($version)"
