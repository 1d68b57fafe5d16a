#!/usr/bin/env bash
# Makes a Debian package of what was built: what tools/install.sh installs, for every processor of the architecture.
#
#   tools/deb.sh [BUILD]      from BUILD (build/) and the engines of BUILD/portable, BUILD/avx512 and BUILD/amx, into BUILD
#
# Prints the package's path as its last line. The same programs give the same bytes: times are those of the last commit, or
# SOURCE_DATE_EPOCH. The engine at bin/weir-engine chooses among the three at start (src/app/engine_chooser_main.cc); only
# the first has to be there. WEIR_DEB_COMPRESSION (xz) may be none, for tests.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build}
say() { echo "weir deb: $*" >&2; }
for tool in dpkg-deb dpkg-shlibdeps strip; do
  command -v "$tool" >/dev/null || { say "$tool is not there; install dpkg-dev and binutils"; exit 1; }
done
for program in "$build/portable/bin/weir-engine" "$build/portable/bin/weir-engine-chooser"; do
  [ -x "$program" ] || { say "$program is not built; run: make deb"; exit 1; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/weir-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
tree=$work/tree
DESTDIR=$tree PREFIX=/usr tools/install.sh "$build"

# Engines, and the program that chooses, instead of the one for this machine alone.
install -m 755 "$build/portable/bin/weir-engine-chooser" "$tree/usr/bin/weir-engine"
for level in portable avx512 amx; do
  engine=$build/$level/bin/weir-engine
  if [ -x "$engine" ]; then install -D -m 755 "$engine" "$tree/usr/lib/weir/weir-engine-$level"; fi
done
programs=("$tree"/usr/bin/weir* "$tree"/usr/lib/weir/weir-engine-*)
strip --strip-unneeded "${programs[@]}"

# The package makes a user (deploy/debian/postinst), so that the administrator's commands find the server's data in
# /var/lib/weir, and files in /etc/weir can be its alone.
unit=$tree/usr/lib/systemd/system/weir.service
sed -i 's/^DynamicUser=yes$/User=weir\nGroup=weir/' "$unit"
grep -q '^User=weir$' "$unit" || { say "deploy/weir.service has no DynamicUser=yes"; exit 1; }

# As Debian has it: pages are packed, zsh looks elsewhere, licences are one file.
gzip --best --no-name "$tree"/usr/share/man/man1/*.1
mkdir -p "$tree/usr/share/zsh/vendor-completions"
mv "$tree/usr/share/zsh/site-functions/_weir" "$tree/usr/share/zsh/vendor-completions/_weir"
rmdir "$tree/usr/share/zsh/site-functions"
documents=$tree/usr/share/doc/weir
{ cat NOTICE; printf '\n'; cat LICENSE; } >"$documents/copyright"
rm "$documents/NOTICE" "$documents/LICENSE"
chmod 644 "$documents/copyright"

version=$("$build/bin/weir" version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)
# dpkg-shlibdeps wants a source package around it.
mkdir -p "$work/source/debian"
printf 'Source: weir\n\nPackage: weir\nArchitecture: any\n' >"$work/source/debian/control"
depends=$(cd "$work/source" && dpkg-shlibdeps -O --ignore-missing-info "${programs[@]/#/-e}" 2>"$work/shlibdeps.log" |
  sed -n 's/^shlibs:Depends=//p') || { tail -n 5 "$work/shlibdeps.log" >&2; say "dpkg-shlibdeps failed"; exit 1; }

mkdir "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<CONTROL
Package: weir
Version: $version
Architecture: $architecture
Maintainer: The Weir authors <weir@localhost>
Installed-Size: $(du --summarize --block-size=1024 --apparent-size --exclude=DEBIAN "$tree" | cut -f1)
Depends: $depends, adduser
Recommends: ca-certificates, poppler-utils
Section: net
Priority: optional
Description: AI on your own hardware
 Weir answers the requests of programs that were written for the APIs of
 OpenAI, Anthropic or Ollama with models on this machine, and sends to other
 machines only what a policy of yours lets go. It comes with a command line,
 a scheduler for many clients at once, and a database for documents.
CONTROL
for script in postinst prerm postrm; do install -m 755 "deploy/debian/$script" "$tree/DEBIAN/$script"; done
(cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
find "$tree" -type d -exec chmod 755 {} +

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat --format=%Y NOTICE)}
find "$tree" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
package=$build/weir_${version}_$architecture.deb
dpkg-deb --root-owner-group -Z"${WEIR_DEB_COMPRESSION:-xz}" --build "$tree" "$package" >/dev/null
say "$(du -h "$package" | cut -f1); install it with: sudo apt install ./$package"
echo "$package"
