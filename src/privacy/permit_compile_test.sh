#!/usr/bin/env bash
# Code without a permit does not compile, and says why. Arguments: the compiler, src, this folder.
set -euo pipefail
compiler=$1 src=$2
compile() { "$compiler" -std=c++23 -fsyntax-only -I "$src" "$@" "$src/privacy/permit_compile_check.cc"; }

compile || { echo "with a permit it must compile"; exit 1; }
for lack in WITHOUT_PERMIT COPIED_PERMIT; do
  if message=$(compile "-D$lack" 2>&1); then
    echo "$lack compiles"; exit 1
  fi
  grep -Eq "private constructor|deleted constructor" <<<"$message" || { echo "$lack: another error: $message"; exit 1; }
done
