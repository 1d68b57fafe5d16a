#!/usr/bin/env bash
# Installs what was built: programs, shell completions, a man page, systemd units, licences. What it installs needs no source tree and no Python.
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
for program in weir weir-serve weir-egress weir-engine weir-fetch weir-reader; do
  if [ ! -x "$build/bin/$program" ]; then say "$build/bin/$program is not built; run: make build"; exit 1; fi
done

for program in weir weir-serve weir-egress weir-engine weir-fetch weir-reader; do install -D -m 755 "$build/bin/$program" "$root/bin/$program"; done
completion() {  # SHELL FILE
  install -d "$(dirname "$root/$2")"
  "$build/bin/weir" completion "$1" >"$root/$2"
  chmod 644 "$root/$2"
}
completion bash share/bash-completion/completions/weir
completion zsh share/zsh/site-functions/_weir
completion fish share/fish/vendor_completions.d/weir.fish
# A man page of what the programs say themselves, so that it cannot say anything else.
verbatim() {
  printf '.nf\n'
  sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/"
  printf '.fi\n'
}
manual() {
  local weir=$build/bin/weir name
  printf '.TH WEIR 1 "" "%s" "Weir"\n.SH NAME\nweir \\- AI on your own hardware\n.SH OVERVIEW\n' "$("$weir" version)"
  "$weir" --help | verbatim
  printf '.SH COMMANDS\n'
  "$weir" --help | sed -e '1,/^Subcommands:/d' -e 's/^ *\([a-z]*\).*/\1/' -e '/^$/d' | while read -r name; do
    printf '.SS weir %s\n' "$name"
    "$weir" "$name" --help </dev/null | verbatim
  done
}
install -d "$root/share/man/man1"
manual >"$root/share/man/man1/weir.1"
chmod 644 "$root/share/man/man1/weir.1"

unit() {  # SOURCE FILE
  install -d "$(dirname "$root/$2")"
  sed "s|@PREFIX@|${prefix//&/\\&}|" "deploy/$1" >"$root/$2"
  chmod 644 "$root/$2"
}
unit weir.service lib/systemd/system/weir.service
unit weir-user.service lib/systemd/user/weir.service

# The licences of what is compiled in, as MIT and BSD ask: those that NOTICE names, from where their sources have them.
licences=$root/share/doc/weir/licences
sed -e '/^Used by tests/,$d' NOTICE | grep -o '(lib[a-z0-9.-]*-dev)\|([a-z0-9-]*-dev)' | tr -d '()' | sort -u | while read -r package; do
  copyright=/usr/share/doc/$package/copyright
  if [ -e "$copyright" ]; then install -D -m 644 "$copyright" "$licences/$package"; else say "no $copyright; $package goes without its text"; fi
done
llama=$(sed -n 's/^WEIR_LLAMA_PREFIX:[A-Z]*=//p' "$build/CMakeCache.txt" 2>/dev/null || true)
if [ -n "$llama" ]; then
  install -D -m 644 "$llama/LICENSE" "$licences/llama.cpp"
  for file in "$llama"/licenses/LICENSE-*; do install -D -m 644 "$file" "$licences/llama.cpp-${file##*LICENSE-}"; done
fi

for file in LICENSE NOTICE README.md; do install -D -m 644 "$file" "$root/share/doc/weir/$file"; done
say "installed into $root"
