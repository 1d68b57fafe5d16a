#!/usr/bin/env bash
# Sets up, builds third-party code once, configures and builds one CMake preset; safe to repeat, a warm call takes seconds.
#
#   tools/build.sh PRESET [TARGET...]       PRESET: release (build/) | debug | asan | tsan | fuzz
#                                           (build/PRESET) | portable | avx512 | amx (build/PRESET: for packages)
#                                           | measure (build/measure: for tools/profile.py)
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:?usage: tools/build.sh PRESET [TARGET...]}
shift
say() { echo "weir build: $*" >&2; }

# Two checkouts share what the compiler made: paths below this folder count as relative.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

build=build/$preset
llama_flags=()
case "$preset" in
  release) build=build ;;
  asan|fuzz) llama_flags=(--sanitize address) ;;
  tsan) llama_flags=(--sanitize thread) ;;
  portable|avx512|amx) llama_flags=(--cpu "$preset") ;;
  debug|measure) ;;
  *) say "unknown preset $preset"; exit 2 ;;
esac

tools/setup.sh
arguments=()
if [ -e src/sqlite/CMakeLists.txt ]; then
  sqlite=$(tools/fetch_sqlite.sh | tail -n 1)
  arguments+=("-DWEIR_SQLITE_PREFIX=$sqlite")
fi
llama=$(tools/build_llama.sh "${llama_flags[@]}" | tail -n 1)
arguments+=("-DWEIR_LLAMA_PREFIX=$llama")

# Ninja runs CMake again by itself when a CMake file changes; we do so only when what we pass changes.
stamp=$build/.configured
if [ ! -e "$build/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "${arguments[*]}" ] ||
  [ CMakePresets.json -nt "$stamp" ]; then
  say "configuring the $preset preset"
  mkdir -p "$build"
  if ! cmake --preset "$preset" "${arguments[@]}" >"$build/configure.log" 2>&1; then
    tail -n 30 "$build/configure.log" >&2
    say "configuring failed; the whole log is $build/configure.log"
    exit 1
  fi
  echo "${arguments[*]}" >"$stamp"
fi

targets=()
for target in "$@"; do targets+=(--target "$target"); done
cmake --build "$build" "${targets[@]}" >&2
