#!/usr/bin/env bash
# Fetches SQLite's amalgamation (public domain), once. Debian 12's 3.40.1 has the WAL-reset race that 3.51.3 fixed;
# the pinned npm package better-sqlite3 carries a current one.
#
#   tools/fetch_sqlite.sh
#
# Prints the prefix (sqlite3.c, sqlite3.h) as its last line; a second call returns at once and needs no network. Two
# callers wait for each other.
set -euo pipefail

package=better-sqlite3
version=13.2.0
sha256=40487589df3496f2ee0079d22b73c63fccebe7db0e8ee9a2c42421861e321e0b
sqlite_version=3.54.1
source_sha256=75a4760a7b9727a4c4c877aec92eacf39e52a8f2921ce00bd33be6d3a8e8e254
header_sha256=d6c84557261893439b341d2e6c35187ae3ea24fbfd843ad94616f72d89242b8c

cache=${WEIR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weir}
prefix=$cache/third_party/sqlite-$sqlite_version-${source_sha256:0:16}
tarball=$cache/downloads/$package-$version.tgz
say() { echo "weir setup: $*" >&2; }
die() { say "$*"; exit 1; }
matches() { echo "$1  $2" | sha256sum --check --status 2>/dev/null; }

mkdir -p "$cache/third_party" "$cache/downloads" ||
  die "cannot write to the cache $cache; set WEIR_CACHE to a folder that you may write"
exec 9>"$cache/third_party/.sqlite.lock"
flock 9

if ! { matches "$source_sha256" "$prefix/sqlite3.c" && matches "$header_sha256" "$prefix/sqlite3.h"; }; then
  work=$(mktemp -d "$cache/downloads/.sqlite.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  if ! matches "$sha256" "$tarball"; then
    command -v npm >/dev/null || die "npm is missing; install it (apt-get install npm) and run this again"
    say "downloading SQLite $sqlite_version (npm package $package $version, 12 MB)"
    (cd "$work" && npm pack --silent "$package@$version" >"$work/npm.log" 2>&1) ||
      { tail -n 10 "$work/npm.log" >&2; die "npm could not download $package $version; check the network and npm's registry"; }
    matches "$sha256" "$work/$package-$version.tgz" ||
      die "$package $version has the wrong sha256; refusing to use it"
    mv "$work/$package-$version.tgz" "$tarball"
  fi
  say "unpacking SQLite $sqlite_version"
  tar -xzf "$tarball" -C "$work" --strip-components=3 \
    package/deps/sqlite3/sqlite3.c package/deps/sqlite3/sqlite3.h ||
    die "could not unpack $tarball; delete it and run this again"
  matches "$source_sha256" "$work/sqlite3.c" && matches "$header_sha256" "$work/sqlite3.h" ||
    die "the unpacked SQLite has the wrong sha256; refusing to use it"
  mkdir -p "$prefix"
  mv "$work/sqlite3.c" "$work/sqlite3.h" "$prefix/"
fi
echo "$prefix"
