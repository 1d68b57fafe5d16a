#!/usr/bin/env bash
# Builds libllama, ggml, libmtmd and llama-common from the pinned PyPI source package with the patches of
# tools/patches, once.
#
#   tools/build_llama.sh [--sanitize address|thread] [--cpu native|portable|avx512|amx]
#   tools/build_llama.sh --peers [--if-built]
#   tools/build_llama.sh --perplexity [--if-built]
#
# --cpu is for packages, which run on other machines than this: portable wants what every x86-64 processor of the last ten
# years has (AVX2, FMA, F16C, BMI2; on ARM the base instructions), avx512 also AVX-512 with VNNI, amx also the matrix
# extension. Without it the build is for the processor that it runs on.
#
# Prints the prefix as its last line. The prefix is keyed by everything that the result depends on (source, patches,
# compiler, flags, CPU), so a second call returns at once, and two checkouts share one build. --peers builds
# llama-server, llama-bench, llama-quantize and llama-perplexity instead, from the same tree as it was published: the
# rivals of `make bench` and tools for tests, never part of the product. --perplexity builds llama-perplexity beside the
# library, with its patches: what computes with the same kernels has to find the same. --if-built builds nothing: without
# a build of what was asked for it prints nothing and its exit code is 3.
set -euo pipefail

package=llama-cpp-python
version=0.3.36
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
cxx=${CXX:-clang++-19}
cc=${CC:-clang-19}
gpu=${WEIR_GPU:-}
sanitize=""
cpu=native
peers=no
perplexity=no
if_built=no
while [ $# -gt 0 ]; do
  case "$1" in
    --sanitize) sanitize=$2; shift 2 ;;
    --cpu) cpu=$2; shift 2 ;;
    --peers) peers=yes; shift ;;
    --perplexity) perplexity=yes; shift ;;
    --if-built) if_built=yes; shift ;;
    *) echo "build_llama.sh: unknown argument $1" >&2; exit 2 ;;
  esac
done

cache=${WEIR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weir}
say() { echo "weir setup: $*" >&2; }
die() { say "$*"; exit 1; }

flags=(-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON
       -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_COMMON=ON -DLLAMA_BUILD_MTMD=ON
       -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF
       -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_IS_DEV=OFF)
case "$gpu" in
  "") ;;
  cuda) flags+=(-DGGML_CUDA=ON) ;;
  vulkan) flags+=(-DGGML_VULKAN=ON) ;;
  metal) flags+=(-DGGML_METAL=ON) ;;
  hip) flags+=(-DGGML_HIP=ON) ;;
  *) die "WEIR_GPU=$gpu is not known; use cuda, vulkan, metal or hip, or leave it unset for CPU only" ;;
esac
case "$sanitize" in
  "") ;;
  address) flags+=("-DCMAKE_CXX_FLAGS=-fsanitize=address -fno-omit-frame-pointer -g1"
                   "-DCMAKE_C_FLAGS=-fsanitize=address -fno-omit-frame-pointer -g1") ;;
  thread) flags+=("-DCMAKE_CXX_FLAGS=-fsanitize=thread -g1" "-DCMAKE_C_FLAGS=-fsanitize=thread -g1") ;;
  *) die "--sanitize takes address or thread" ;;
esac

avx512=(-DGGML_AVX512=ON -DGGML_AVX512_VNNI=ON)
case "$cpu" in
  native) fingerprint=$( (grep -m1 '^flags' /proc/cpuinfo || grep -m1 '^Features' /proc/cpuinfo) 2>/dev/null | sha256sum | cut -c1-8) ;;
  portable) flags+=(-DGGML_NATIVE=OFF) ;;
  avx512) flags+=(-DGGML_NATIVE=OFF "${avx512[@]}") ;;
  amx) flags+=(-DGGML_NATIVE=OFF "${avx512[@]}" -DGGML_AVX512_VBMI=ON -DGGML_AVX512_BF16=ON
               -DGGML_AMX_TILE=ON -DGGML_AMX_INT8=ON -DGGML_AMX_BF16=ON) ;;
  *) die "--cpu takes native, portable, avx512 or amx" ;;
esac
fingerprint=${fingerprint:-$cpu}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
patches=()
targets=(llama llama-common mtmd)
if [ "$peers" = yes ]; then
  targets=(llama-server llama-bench llama-quantize llama-perplexity)
else
  patches=("$here"/patches/llama.cpp-*.patch)
fi

key=$( { echo "$sha256 ${flags[*]} $fingerprint"; cat /dev/null "${patches[@]}"; "$cxx" --version | head -n 1; } |
  sha256sum | cut -c1-16)
prefix=$cache/third_party/llama-$version-$key
done_marker=$prefix/.done
if [ "$peers" = yes ]; then done_marker=$prefix/.peers-done; fi
if [ "$perplexity" = yes ]; then
  targets=(llama-perplexity)
  done_marker=$prefix/.perplexity-done
fi

if [ "$if_built" = yes ]; then
  [ -e "$done_marker" ] || exit 3
  echo "$prefix"
  exit
fi

mkdir -p "$cache/third_party" "$cache/downloads"
exec 9>"$cache/third_party/.llama.lock"
flock 9

if [ ! -e "$done_marker" ]; then
  tarball=$cache/downloads/llama_cpp_python-$version.tar.gz
  if ! echo "$sha256  $tarball" | sha256sum --check --status 2>/dev/null; then
    say "downloading $package $version (77 MB)"
    work=$(mktemp -d "$cache/downloads/.llama.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary "$package" \
      --dest "$work" "$package==$version" >&2 || die "could not download $package $version with pip; check the network"
    echo "$sha256  $work/llama_cpp_python-$version.tar.gz" | sha256sum --check --status ||
      die "$package $version has the wrong sha256; refusing to build it"
    mv "$work/llama_cpp_python-$version.tar.gz" "$tarball"
  fi
  if [ ! -e "$prefix/.unpacked" ]; then
    rm -rf "$prefix"
    mkdir -p "$prefix"
    tar -xzf "$tarball" -C "$prefix" --strip-components=3 \
      "llama_cpp_python-$version/vendor/llama.cpp"
    for patch in "${patches[@]}"; do
      patch --directory "$prefix" --strip 1 --silent <"$patch" || die "${patch##*/} does not apply to $package $version"
    done
    touch "$prefix/.unpacked"
  fi
  # Paths below the prefix are hashed as relative ones: a new patch compiles what it changes.
  export CCACHE_BASEDIR=$prefix CCACHE_NOHASHDIR=1
  launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  say "building ${targets[*]} (5 to 6 minutes on 2 cores, once)"
  cmake -S "$prefix" -B "$prefix/build" -G Ninja -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
    "${launcher[@]}" "${flags[@]}" >"$prefix/configure.log" 2>&1 ||
    { tail -n 30 "$prefix/configure.log" >&2; die "configuring llama.cpp failed; the log is $prefix/configure.log"; }
  if [ -t 2 ]; then out=/dev/stderr; else out=$prefix/build.log; fi
  cmake --build "$prefix/build" --target "${targets[@]}" >"$out" 2>&1 ||
    { [ -f "$prefix/build.log" ] && tail -n 30 "$prefix/build.log" >&2; die "building llama.cpp failed"; }
  touch "$done_marker"
fi
echo "$prefix"
