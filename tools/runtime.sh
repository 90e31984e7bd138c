#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Brings a private PostgreSQL server, with pgvector and hypopg, for the lab.  The host's packages stay as they are.
#
#   tools/runtime.sh [MAJOR]            15 | 17 | 18, 17 when left out
#
# The server lands in $DBARCH_CACHE/runtime/MAJOR; DBARCH_CACHE is /var/cache/dbarch for root, else
# ${XDG_CACHE_HOME:-~/.cache}/dbarch.  Does nothing, at once, when it is there already.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
major=${1:-17}
case $major in
  15) suite=bookworm packages="postgresql-15" ;;
  17) suite=trixie packages="postgresql-17 postgresql-17-pgvector postgresql-17-hypopg" ;;
  18) suite=sid packages="postgresql-18 postgresql-18-pgvector postgresql-18-hypopg" ;;
  *) echo "runtime: PostgreSQL $major: 15, 17 and 18 can be had" >&2; exit 2 ;;
esac
if [ -z "${DBARCH_CACHE:-}" ]; then
  if [ "$(id -u)" = 0 ]; then DBARCH_CACHE=/var/cache/dbarch; else DBARCH_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/dbarch; fi
fi
prefix=$DBARCH_CACHE/runtime/$major
is_there() { [ -x "$prefix/usr/lib/postgresql/$major/bin/postgres" ] && [ -f "$prefix/usr/include/postgresql/$major/server/postgres.h" ]; }
is_there && exit 0
for tool in dpkg-deb patchelf apt-get; do
  command -v $tool >/dev/null || { echo "runtime: $tool is missing: apt-get install $tool" >&2; exit 1; }
done

mkdir -p "$DBARCH_CACHE/runtime"
chmod 0755 "$DBARCH_CACHE" "$DBARCH_CACHE/runtime"
exec 9>"$DBARCH_CACHE/runtime/.lock-$major"
flock 9
is_there && exit 0
echo "runtime: bringing PostgreSQL $major (Debian $suite) to $prefix" >&2
work=$(mktemp -d "$DBARCH_CACHE/runtime/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# The server's headers, for the planner module; of that package they are all that is wanted.
bring_headers() {
  "$here/private-apt.sh" "$suite" "$work/headers" --no-deps "postgresql-server-dev-$major"
  dpkg-deb --fsys-tarfile "$work"/headers/archives/postgresql-server-dev-*.deb | tar -x -C "$1" --no-same-owner ./usr/include
}
if [ -x "$prefix/usr/lib/postgresql/$major/bin/postgres" ]; then # brought before the headers were
  bring_headers "$prefix"
  exit 0
fi
"$here/private-apt.sh" "$suite" "$work/apt" $packages

# The compiler of JIT, Perl and the account tools are of no use to a lab and more than half of the bytes.
mkdir -p "$work/tree/usr/bin" "$work/tree/usr/lib" "$work/tree/usr/lib64" "$work/tree/usr/sbin"
for link in bin lib lib64 sbin; do ln -s "usr/$link" "$work/tree/$link"; done
for deb in "$work"/apt/archives/*.deb; do
  case ${deb##*/} in
    libllvm*|libz3*|libperl*|perl*|locales*|libc-l10n*|passwd*|login*|adduser*|procps*|openssl_*|debconf*|ucf*|*-common_*|libipc-*|libjson-perl*|init-system*|libproc2*|sensible-utils*|base-passwd*|ssl-cert*|netbase*|logrotate*|cron*) continue ;;
  esac
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/tree" --keep-directory-symlink --no-same-owner \
    --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale --exclude='./usr/lib/postgresql/*/lib/bitcode'
done
bin=$work/tree/usr/lib/postgresql/$major/bin
# The suite's own loader goes with its own libc; /lib64's link may point to the host's.
libraries=$(ls -d "$work/tree/usr/lib/"*-linux-gnu | head -n 1)
loader_path=$prefix/usr/lib/$(basename "$libraries")/$(basename "$(ls "$libraries"/ld-linux-*.so.* | head -n 1)")
for program in "$bin"/*; do
  if patchelf --print-interpreter "$program" >/dev/null 2>&1; then
    patchelf --set-interpreter "$loader_path" --force-rpath --set-rpath "$prefix/usr/lib/$(basename "$libraries")" "$program"
  fi
done
bring_headers "$work/tree"
rm -rf "$prefix"
chmod 0755 "$work/tree"
mv "$work/tree" "$prefix"
if ! "$prefix/usr/lib/postgresql/$major/bin/postgres" --version >&2; then
  rm -rf "$prefix"
  echo "runtime: the unpacked server does not run on this machine" >&2
  exit 1
fi
