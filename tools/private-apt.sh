#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Downloads packages of another Debian suite, with their whole closure, without touching the host's own package state.
#
#   tools/private-apt.sh SUITE FOLDER [--no-deps] PACKAGE...
#
# apt gets a state, a cache and a source list of its own below FOLDER; the archive's address is the host's own.  The
# packages end up in FOLDER/archives.  Nothing is installed: the caller unpacks (dpkg -x) or installs what it wants.
set -eu

suite=$1 folder=$2
shift 2
no_deps=false
if [ "${1:-}" = --no-deps ]; then no_deps=true; shift; fi

archive() {
  # The first Debian archive the host itself uses: deb822 files first, then one-line files.
  { cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs:[ \t]*\([^ ]*\).*/\1/p'
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      sed -n 's/^deb[ \t]\(\[[^]]*\][ \t]*\)\{0,1\}\([^ ]*\).*/\2/p'; } |
    grep '/debian/\{0,1\}$' | head -n 1
}

uri=$(archive)
if [ -z "$uri" ]; then
  echo "private-apt: no Debian archive in /etc/apt: name one there, then try again" >&2
  exit 1
fi
# sid's lists are signed for a week only; a mirror a few days behind is as good for a test.
valid=
[ "$suite" = sid ] && valid='Acquire::Check-Valid-Until "false";'
mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial" "$folder/archives/partial"
folder=$(cd "$folder" && pwd)
: > "$folder/state/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" > "$folder/sources.list"
cat > "$folder/apt.conf" <<CONF
Dir::State "$folder/state";
Dir::State::status "$folder/state/status";
Dir::Cache "$folder/cache";
Dir::Cache::archives "$folder/archives";
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Binary::apt::APT::Keep-Downloaded-Packages "true";
APT::Keep-Downloaded-Packages "true";
DPkg::Post-Invoke {};
APT::Update::Post-Invoke {};
$valid
CONF
export APT_CONFIG="$folder/apt.conf"
# Files of the host under apt.conf.d are read before APT_CONFIG; the hooks that clean caches are undone by naming them.
apt_options="-q -y -o Debug::NoLocking=true -o Acquire::Retries=3"
apt-get $apt_options update >"$folder/log" 2>&1 || { tail -n 3 "$folder/log" >&2; exit 1; }
if $no_deps; then
  (cd "$folder/archives" && apt-get $apt_options download "$@") >>"$folder/log" 2>&1 || { tail -n 3 "$folder/log" >&2; exit 1; }
else
  apt-get $apt_options install --download-only --no-install-recommends "$@" >>"$folder/log" 2>&1 || { tail -n 3 "$folder/log" >&2; exit 1; }
fi
