#!/usr/bin/env bash
# Builds whisper.cpp's whisper-server from the pinned PyPI source package pywhispercpp, once: the real server of speech
# that tests put behind Weir, never part of the product.
#
#   tools/build_whisper.sh [--if-built]
#
# Prints the path of the program as its last line; a second call returns at once, and two callers wait for each other.
# --if-built builds nothing: without a build it prints nothing and its exit code is 3.
set -euo pipefail

package=pywhispercpp
version=1.5.1
sha256=5df897e5dd9d9f16804fc937bd85b9f5880a0b29a55f8843585e0e03d76195e5
cxx=${CXX:-clang++-19}
cc=${CC:-clang-19}
cache=${WEIR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weir}
tarball=$cache/downloads/$package-$version.tar.gz
say() { echo "weir setup: $*" >&2; }
die() { say "$*"; exit 1; }

cpu=$( (grep -m1 '^flags' /proc/cpuinfo || grep -m1 '^Features' /proc/cpuinfo) 2>/dev/null | sha256sum)
key=$( (echo "$sha256 $cpu"; "$cxx" --version | head -n 1) | sha256sum | cut -c1-16)
prefix=$cache/third_party/whisper-$version-$key
program=$prefix/build/bin/whisper-server

if [ "${1:-}" = --if-built ]; then
  [ -e "$prefix/.done" ] || exit 3
  echo "$program"
  exit
fi

mkdir -p "$cache/third_party" "$cache/downloads"
exec 9>"$cache/third_party/.whisper.lock"
flock 9

if [ ! -e "$prefix/.done" ]; then
  if ! echo "$sha256  $tarball" | sha256sum --check --status 2>/dev/null; then
    say "downloading $package $version (10 MB)"
    work=$(mktemp -d "$cache/downloads/.whisper.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary "$package" \
      --dest "$work" "$package==$version" >&2 || die "could not download $package $version with pip; check the network"
    echo "$sha256  $work/$package-$version.tar.gz" | sha256sum --check --status ||
      die "$package $version has the wrong sha256; refusing to build it"
    mv "$work/$package-$version.tar.gz" "$tarball"
  fi
  rm -rf "$prefix"
  mkdir -p "$prefix"
  tar -xzf "$tarball" -C "$prefix" --strip-components=2 "$package-$version/whisper.cpp"
  launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  say "building whisper-server (2 to 3 minutes on 2 cores, once)"
  cmake -S "$prefix" -B "$prefix/build" -G Ninja -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" "${launcher[@]}" \
    -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF -DWHISPER_BUILD_TESTS=OFF \
    -DWHISPER_BUILD_EXAMPLES=ON >"$prefix/configure.log" 2>&1 ||
    { tail -n 30 "$prefix/configure.log" >&2; die "configuring whisper.cpp failed; the log is $prefix/configure.log"; }
  cmake --build "$prefix/build" --target whisper-server >"$prefix/build.log" 2>&1 ||
    { tail -n 30 "$prefix/build.log" >&2; die "building whisper-server failed; the log is $prefix/build.log"; }
  touch "$prefix/.done"
fi
echo "$program"
