#!/usr/bin/env bash
# Installs what was built: programs, shell completions, man pages, systemd units, licences. What it installs needs no source tree and no Python.
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
# Man pages of what the programs say themselves, so that they cannot say anything else: weir(1), and one for each command.
verbatim() {
  printf '.nf\n'
  sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\\&&/"
  printf '.fi\n'
}
help_of() { "$build/bin/weir" "$@" --help </dev/null; }
# The first names of what stands under "Subcommands:" in a help text.
subcommands() { sed -e '1,/^Subcommands:/d' -e 's/^ *\([a-z]*\).*/\1/' -e '/^$/d'; }
heading() {  # PAGE SUMMARY
  printf '.TH %s 1 "" "%s" "Weir"\n.SH NAME\n%s \\- %s\n' "${1^^}" "$version" "$1" "$2" | sed 's/\([a-z]\)-\([a-z]\)/\1\\-\2/g'
}
manual() {
  local name
  heading weir "AI on your own hardware"
  printf '.SH OVERVIEW\n'
  help_of | verbatim
  printf '.SH SEE ALSO\n'
  help_of | subcommands | while read -r name; do printf '.BR weir\\-%s (1)\n' "$name"; done
}
manual_of() {  # COMMAND
  local name
  heading "weir-$1" "$(help_of "$1" | head -n 1)"
  printf '.SH DESCRIPTION\n'
  help_of "$1" | verbatim
  help_of "$1" | grep -q '^Subcommands:' || return 0
  printf '.SH COMMANDS\n'
  help_of "$1" | subcommands | while read -r name; do
    printf '.SS weir %s %s\n' "$1" "$name"
    help_of "$1" "$name" | verbatim
  done
}
version=$("$build/bin/weir" version)
manuals=$root/share/man/man1
install -d "$manuals"
manual >"$manuals/weir.1"
help_of | subcommands | while read -r name; do manual_of "$name" >"$manuals/weir-$name.1"; done
chmod 644 "$manuals"/weir*.1

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
