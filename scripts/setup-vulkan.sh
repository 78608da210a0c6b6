#!/usr/bin/env bash
# Gives a machine without a GPU a software Vulkan driver (Mesa's lavapipe), so that the webgpu device exists there.
#
#   npm ci && scripts/setup-vulkan.sh
#
# Where an adapter already works it does nothing. Otherwise it installs mesa-vulkan-drivers with apt: the distribution's
# own where that is at least version 24 (22.3, for one, yields no adapter that Dawn accepts), else the one of the
# distribution's backports suite, from the same mirror the machine already uses. Safe to run again; root or sudo.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
package=mesa-vulkan-drivers
minimum=24

say() { printf 'setup-vulkan: %s\n' "$*"; }
fail() { printf 'setup-vulkan: %s\n' "$*" >&2; exit 1; }

probe() { node "$here/probe-webgpu.mjs" 2>/dev/null; } # Dawn's warnings go to stderr; the reason is on stdout

if found="$(probe)"; then
  say "adapter present: $found"
  exit 0
elif [ "$?" -eq 2 ]; then
  fail "$found; run 'npm ci' first"
fi
say "$found; installing a software driver"

command -v apt-get >/dev/null || fail "this system has no apt; install Mesa's Vulkan drivers (lavapipe, $minimum or newer) by its own package manager"
[ -r /etc/os-release ] || fail '/etc/os-release is missing, so the suite of this system is unknown'
codename="$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")"

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "root is needed for: $* (no sudo here)"; fi
}
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 "$@"; }
update() { apt update -qq || fail 'apt-get update failed; is the mirror reachable?'; }

# The version of the package that apt would install: $1 is empty, or a suite.
candidate() { apt-cache ${1:+-t "$1"} policy "$package" | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'; }
new_enough() { [ -n "$1" ] && dpkg --compare-versions "${1#*:}" ge "$minimum"; }

# Adds suite $1 from the mirror that already serves this release of Debian; apt itself says which one that is.
add_backports() {
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg file="/etc/apt/sources.list.d/$1.sources"
  mirror="$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v codename="$codename" '$1 == "Debian" && $2 == codename && $3 == "main" && !found++ { print $4 }')"
  [ -n "$mirror" ] || fail "no apt source of this machine serves Debian $codename, so there is no mirror to take $1 from; add $1 to the apt sources and run this again"
  say "adding $file"
  {
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$mirror" "$1"
    [ ! -r "$keyring" ] || printf 'Signed-By: %s\n' "$keyring"
  } | as_root tee "$file" >/dev/null
}

update
suite=''
version="$(candidate)"
if ! new_enough "$version"; then
  [ -n "$codename" ] || fail "$package ${version:-(none)} is too old and /etc/os-release names no VERSION_CODENAME, so there is no backports suite to look in"
  suite="$codename-backports"
  say "$package ${version:-(none)} is older than $minimum: looking in $suite"
  if [ -z "$(apt-get indextargets --format '$(CODENAME)' 'Created-By: Packages' "Codename: $suite")" ]; then
    add_backports "$suite"
    update
  fi
  version="$(candidate "$suite")"
  new_enough "$version" || fail "$suite offers $package ${version:-(none)}; at least $minimum is needed"
fi

say "installing $package $version"
apt install -y -qq --no-install-recommends ${suite:+-t "$suite"} "$package" libvulkan1 >/dev/null || fail "apt could not install $package"

found="$(probe)" || fail "$package $version is installed, but: $found"
say "adapter ready: $found"
