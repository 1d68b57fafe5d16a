#!/usr/bin/env bash
# Installs what is missing for building Weir, with --tests what its tests need, and with --clients and --processors what
# the long tests need beyond: the suites of other people's clients, emulators of other processors; safe to repeat.
#
#   tools/setup.sh [--tests] [--clients] [--processors]
#
# Debian packages come from packages.txt and packages_processors.txt (root, or sudo). The test clients live in a private Python environment and a
# private node_modules in the cache, exact versions by hash, keyed by their lock files: build/env/venv and build/env/node
# are links to them, build/env/clients and build/env/clients-node to those of the suites. A call that finds everything
# in place takes well under a second.
set -euo pipefail
cd "$(dirname "$0")/.."

with_tests=no
with_clients=no
packages=(tools/packages.txt)
for argument in "$@"; do
  case "$argument" in
    --tests) with_tests=yes ;;
    --clients) with_clients=yes ;;
    --processors) packages+=(tools/packages_processors.txt) ;;
    *) echo "setup.sh: unknown argument $argument; use --tests, --clients, --processors or nothing" >&2; exit 2 ;;
  esac
done

cache=${WEIR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weir}
say() { echo "weir setup: $*" >&2; }
die() { say "$*"; exit 1; }

as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo); fi

# A failure says which package and what to do; the log is shown only then.
quietly() {
  local what=$1 advice=$2 log=$cache/setup.log
  shift 2
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    die "$what failed; $advice (the whole log: $log)"
  fi
}

# The packages of the lists that are not there, or older than the pin, into `missing`.
find_missing() {
  local -A installed=()
  local name version status least stand_in
  while read -r name version status; do
    if [ "$status" = installed ]; then installed[${name%%:*}]=$version; fi
  done < <(dpkg-query -W -f='${binary:Package} ${Version} ${db:Status-Status}\n' 2>/dev/null)
  missing=()
  while read -r name least stand_in; do
    case "$name" in ""|"#"*) continue ;; esac
    if [ -n "${installed[$name]:-}" ]; then
      case "${installed[$name]#*:}" in "${least#*:}"*) continue ;; esac  # spares a process for the common case
      if dpkg --compare-versions "${installed[$name]}" ge "$least"; then continue; fi
    elif [ -n "$stand_in" ] && command -v "$stand_in" >/dev/null; then
      continue
    fi
    missing+=("$name")
  done < <(cat "${packages[@]}")
}

install_debian_packages() {
  command -v dpkg-query >/dev/null ||
    die "this is not Debian or Ubuntu; install what ${packages[*]} lists, then run cmake and ninja yourself"
  find_missing
  if [ ${#missing[@]} = 0 ]; then return; fi
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "missing packages: ${missing[*]}; run as root: apt-get install ${missing[*]}"
  fi
  say "updating the package lists"
  quietly "apt-get update" "check the network and /etc/apt/sources.list" "${as_root[@]}" apt-get update -q
  local name count=0 wanted=("${missing[@]}")
  for name in "${wanted[@]}"; do
    count=$((count + 1))
    say "installing $name ($count of ${#wanted[@]})"
    quietly "installing $name" "see 'apt-cache policy $name'; Debian 12 (bookworm) has it in main" \
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$name"
  done
  find_missing
  if [ ${#missing[@]} != 0 ]; then
    die "older here than ${packages[*]} asks for: ${missing[*]}; Debian 12 (bookworm) has them new enough"
  fi
}

key_of() { cat "$@" | sha256sum | cut -c1-16; }

# install_python LOCK LINK: an environment of what LOCK lists, behind build/env/LINK.
install_python() {
  local lock=$1 link=$2 key venv
  key=$( { python3 -c 'import sys; print(sys.version, sys.prefix)'; cat "$lock"; } | key_of)
  venv=$cache/venv/$key
  if [ ! -e "$venv/.done" ]; then
    say "installing the Python packages of $lock ($(grep -c == "$lock"))"
    rm -rf "$venv"
    mkdir -p "$cache/venv"
    quietly "making a Python environment" "install python3-venv" python3 -m venv "$venv"
    quietly "installing $lock" "check the network; the log names the package" \
      "$venv/bin/pip" install --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock"
    touch "$venv/.done"
  fi
  ln -sfn "$venv" "build/env/$link"
}

# install_node FOLDER LINK: the packages of FOLDER's package-lock.json, behind build/env/LINK.
install_node() {
  local folder=$1 link=$2 key home
  key=$(key_of "$folder/package.json" "$folder/package-lock.json")
  home=$cache/node/$key
  if [ ! -e "$home/.done" ]; then
    say "installing the Node.js packages of $folder"
    rm -rf "$home"
    mkdir -p "$home"
    cp "$folder/package.json" "$folder/package-lock.json" "$home"
    quietly "installing $folder/package-lock.json" "check the network; the log names the package" \
      npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund --loglevel=error
    touch "$home/.done"
  fi
  ln -sfn "$home" "build/env/$link"
}

mkdir -p "$cache" build/env
exec 8>"$cache/.setup.lock"
flock 8
install_debian_packages
if [ "$with_tests" = yes ]; then
  install_python tests/requirements.txt venv
  install_node tests/node node
fi
if [ "$with_clients" = yes ]; then
  install_python tests/clients/requirements.txt clients
  install_node tests/clients clients-node
fi
