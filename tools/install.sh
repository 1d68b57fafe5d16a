#!/usr/bin/env bash
# Installs what was built: programs, shell completions, licences. What it installs needs no source tree and no Python.
#
#   [PREFIX=/usr/local] [DESTDIR=] tools/install.sh [BUILD]     into $DESTDIR$PREFIX, from BUILD (build/)
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build}
prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}$prefix
say() { echo "weir install: $*" >&2; }

case $prefix in
  /*) ;;
  *) say "PREFIX must be absolute; it is '$prefix'"; exit 2 ;;
esac
for program in weir weir-serve weir-egress weir-engine weir-fetch; do
  if [ ! -x "$build/bin/$program" ]; then say "$build/bin/$program is not built; run: make build"; exit 1; fi
done

for program in weir weir-serve weir-egress weir-engine weir-fetch; do install -D -m 755 "$build/bin/$program" "$root/bin/$program"; done
completion() {  # SHELL FILE
  install -d "$(dirname "$root/$2")"
  "$build/bin/weir" completion "$1" >"$root/$2"
  chmod 644 "$root/$2"
}
completion bash share/bash-completion/completions/weir
completion zsh share/zsh/site-functions/_weir
completion fish share/fish/vendor_completions.d/weir.fish
for file in LICENSE NOTICE README.md; do install -D -m 644 "$file" "$root/share/doc/weir/$file"; done
say "installed into $root"
