#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Brings what building (and, with "check", testing) needs.  Quiet and quick when all of it is there already.
#
#   tools/setup.sh build     compiler, meson, libraries, the private PostgreSQL 17
#   tools/setup.sh check     the above, the tools of the tests, PostgreSQL 15 and 18
set -eu

what=${1:-build}
here=$(cd "$(dirname "$0")" && pwd)
packages="gcc libc6-dev meson ninja-build pkg-config python3 libglib2.0-dev libpq-dev libfyaml-dev zlib1g-dev coinor-libcbc-dev scdoc patchelf dpkg util-linux"
packages_check="python3-venv clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev cppcheck valgrind git time"
[ "$what" = check ] && packages="$packages $packages_check"
# Real histories of migrations come as Go modules, the schema of SARIF as a crate.
if [ "$what" = check ]; then
  command -v go >/dev/null || [ -x /usr/local/go/bin/go ] || packages="$packages golang-go"
  command -v cargo >/dev/null || [ -x "$HOME/.cargo/bin/cargo" ] || packages="$packages cargo"
fi

as_root() {
  if [ "$(id -u)" = 0 ]; then env DEBIAN_FRONTEND=noninteractive "$@"
  elif command -v sudo >/dev/null; then sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else echo "setup: needs root or sudo for: $*" >&2; exit 1; fi
}
installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

. /etc/os-release
# Debian 13 ships clang 19 under the same names; its GLib headers moved, the old name still pulls them in.
missing=
for package in $packages; do
  installed "$package" || missing="$missing $package"
done
if [ -n "$missing" ]; then
  echo "setup: installing$missing" >&2
  log=$(mktemp)
  { as_root apt-get -q update && as_root apt-get -q -y install --no-install-recommends $missing; } >"$log" 2>&1 ||
    { tail -n 15 "$log" >&2; rm -f "$log"; echo "setup: apt-get could not install$missing" >&2; exit 1; }
  rm -f "$log"
fi

# The parser and the JSON library come from Debian 13, where they need no newer libc than Debian 12 has.
parser="libpg-query-dev libyyjson-dev libyyjson0"
missing=
for package in $parser; do installed "$package" || missing="$missing $package"; done
if [ -n "$missing" ]; then
  echo "setup: installing$missing" >&2
  work=$(mktemp -d)
  if [ "${VERSION_ID:-0}" -ge 13 ] 2>/dev/null; then
    as_root apt-get -q -y install --no-install-recommends $parser >"$work/log" 2>&1 || { tail -n 15 "$work/log" >&2; exit 1; }
  else
    "$here/private-apt.sh" trixie "$work" --no-deps libpg-query-dev libpg-query1706.0 libyyjson-dev libyyjson0
    as_root dpkg -i "$work"/archives/*.deb >"$work/log" 2>&1 || { tail -n 15 "$work/log" >&2; exit 1; }
  fi
  rm -rf "$work"
fi

"$here/runtime.sh" 17
if [ "$what" = check ]; then
  "$here/runtime.sh" 15
  "$here/runtime.sh" 18 || echo "setup: PostgreSQL 18 cannot be had here" >&2
fi

# A build folder from before these headers were there learns of them: its rules are made anew.
cache=${DBARCH_CACHE:-$([ "$(id -u)" = 0 ] && echo /var/cache/dbarch || echo "${XDG_CACHE_HOME:-$HOME/.cache}/dbarch")}
for major in 15 17 18; do
  rules=$here/../build/build.ninja
  [ -f "$cache/runtime/$major/usr/include/postgresql/$major/server/postgres.h" ] && [ -f "$rules" ] &&
    ! grep -q "dbarch_twin-$major" "$rules" && touch "$here/../meson.build"
done
true
